//! permessage-deflate as a program without std has it: its windows and tables lie in memory that
//! the functions of C give. `harness.c` calls [`talk`] and watches those functions; Rust's own
//! allocator is another, so that the two are not mistaken for each other.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::CStr;
use core::panic::PanicInfo;

use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::frame::{MaskingKey, MessageKind};
use websocket_proto::{Assembler, Client, Config, Connection, Incoming, Negotiated, Role, Server};

unsafe extern "C" {
    fn heap_alloc(align: usize, len: usize) -> *mut u8;
    fn heap_free(block: *mut u8);
    safe fn panicked() -> !;
}

struct Heap;

// SAFETY: the harness gives blocks of the length and alignment asked for, or null, as C does.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: `align` is a power of two.
        unsafe { heap_alloc(layout.align(), layout.size()) }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: the caller got the block from `alloc`.
        unsafe { heap_free(block) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    panicked()
}

/// What is not as it has to be.
type Wrong = &'static CStr;

/// Has a client and a server talk compressed, with every window and memory level; gives what is
/// wrong, or null.
#[unsafe(no_mangle)]
pub extern "C" fn talk() -> *const core::ffi::c_char {
    match all_policies() {
        Ok(()) => core::ptr::null(),
        Err(wrong) => wrong.as_ptr(),
    }
}

fn all_policies() -> Result<(), Wrong> {
    vector()?;
    for bits in (9..=15).filter_map(WindowBits::new) {
        for memory_level in [1, 5, 8, 9] {
            for takeover in [false, true] {
                let policy = Policy::default()
                    .threshold(0)
                    .memory_level(memory_level)
                    .send_window_bits(bits)
                    .receive_window_bits(bits)
                    .send_context_takeover(takeover)
                    .receive_context_takeover(takeover);
                both_ways(policy)?;
            }
        }
    }
    Ok(())
}

fn negotiated(policy: &Policy) -> Negotiated<'static> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(policy));
    negotiated
}

/// The example of RFC 7692 section 7.2.3.1, as it stands on the wire.
fn vector() -> Result<(), Wrong> {
    let policy = Policy::default().threshold(0);
    let mut server = Connection::new(Server, negotiated(&policy), Config::default());
    let mut out = Vec::new();
    server
        .send("Hello", &mut out)
        .map_err(|_| c"Hello is not sent")?;
    if out == [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00] {
        Ok(())
    } else {
        Err(c"Hello is not compressed as RFC 7692 does it")
    }
}

/// Messages from a client to a server, and each echoed; then new ones on what the first left.
fn both_ways(policy: Policy) -> Result<(), Wrong> {
    let keys = || MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);
    let agreed = negotiated(&policy);
    let mut client = Connection::new(Client::new(keys), agreed, Config::default());
    let mut server = Connection::new(Server, agreed, Config::default());
    for (len, state_is_kept) in [(0, true), (5, true), (3000, false), (150_000, true)] {
        let sent = text(len);
        let mut wire = Vec::new();
        client
            .send_binary(&sent, &mut wire)
            .map_err(|_| c"a client's message is not sent")?;
        let arrived = received(&mut server, &mut wire)?;
        let mut wire = Vec::new();
        server
            .send_binary(&arrived, &mut wire)
            .map_err(|_| c"a server's message is not sent")?;
        if len > 100 && wire.len() > len / 2 {
            return Err(c"a message is not shorter compressed");
        }
        if received(&mut client, &mut wire)? != sent {
            return Err(c"an echo is another message");
        }
        if !state_is_kept {
            // Dropped here: what comes next is made anew.
            let _ = (server.release_inflate(), client.release_inflate());
            let compressor = (server.release_compress(), client.release_compress());
            if cfg!(feature = "control") {
                core::mem::forget(compressor);
            }
        }
    }
    Ok(())
}

/// The one message that these bytes are.
fn received<R: Role>(conn: &mut Connection<R>, bytes: &mut [u8]) -> Result<Vec<u8>, Wrong> {
    let (mut input, mut assembler, mut replies) = (bytes, Assembler::default(), Vec::new());
    let incoming = conn
        .receive_message(&mut input, &mut assembler, &mut replies)
        .map_err(|_| c"a message is refused")?;
    match incoming {
        Some(Incoming::Message(message)) if message.kind() == MessageKind::Binary => {
            Ok(message.as_bytes().into())
        }
        _ => Err(c"no message arrives"),
    }
}

/// Lines that differ in their numbers only.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut text = Vec::new();
    while text.len() < len {
        state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        text.extend_from_slice(b"the quick brown fox jumps over the lazy dog: ");
        text.extend(state.to_be_bytes());
    }
    text.truncate(len);
    text
}

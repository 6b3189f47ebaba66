//! The script as a WebAssembly module: it gets nothing from outside but the call.

#![no_std]

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use script::Rooms;

/// What the script says.
#[repr(C)]
struct Text {
    bytes: [u8; 16 << 10],
    len: usize,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

static mut ROOMS: Rooms = Rooms::EMPTY;
static mut TEXT: Text = Text {
    bytes: [0; 16 << 10],
    len: 0,
};

#[cfg(feature = "control")]
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    safe fn clock() -> u32;
}

/// Runs the script; gives the length of what it says.
#[unsafe(no_mangle)]
pub extern "C" fn run() -> usize {
    // SAFETY: a module has one thread, and this does not call itself.
    let (rooms, text) = unsafe { (&mut *(&raw mut ROOMS), &mut *(&raw mut TEXT)) };
    #[cfg(feature = "control")]
    let _ = write!(text, "{}", clock());
    let endian = if cfg!(target_endian = "big") {
        "big"
    } else {
        "little"
    };
    let _ = writeln!(
        text,
        "here: usize has {} bits, {endian}-endian",
        usize::BITS
    );
    if let Err(wrong) = script::run(rooms, text) {
        let _ = writeln!(text, "wrong: {}", wrong.0);
    }
    text.len
}

/// Where what it says begins.
#[unsafe(no_mangle)]
pub extern "C" fn text() -> *const u8 {
    (&raw const TEXT).cast()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

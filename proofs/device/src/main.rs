//! The script on a Cortex-M4F: no operating system, no std, no allocator. What it says goes out by
//! semihosting.

#![no_std]
#![no_main]

#[cfg(feature = "control")]
extern crate alloc;

use core::arch::{asm, global_asm};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use script::Rooms;

// The first words of memory: the stack, where to start, and where to go when the processor finds a
// fault. The FPU has to be switched on first, since the ABI passes numbers in its registers.
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_top",
    ".word start",
    ".rept 14",
    ".word fault",
    ".endr",
    ".text",
    ".thumb_func",
    ".global start",
    "start:",
    "ldr r0, =0xe000ed88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xf00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "bl main",
);

const WRITE: usize = 0x05;
const EXIT: usize = 0x18;
const OPEN: usize = 0x01;
const EXITED: usize = 0x20026;
const FAILED: usize = 0x20024;

/// Asks the machine around the processor for something.
fn call(operation: usize, argument: usize) -> usize {
    let mut result = operation;
    // SAFETY: QEMU answers this breakpoint; it reads what `argument` points to.
    unsafe { asm!("bkpt #0xab", inout("r0") result, in("r1") argument, options(nostack)) };
    result
}

/// The standard output around the machine.
struct Console(usize);

impl Console {
    fn open() -> Self {
        let name = c":tt";
        // Mode 4 is `w`, which is the standard output for this name.
        let arguments = [name.as_ptr() as usize, 4, 3];
        Self(call(OPEN, arguments.as_ptr() as usize))
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let arguments = [self.0, text.as_ptr() as usize, text.len()];
        match call(WRITE, arguments.as_ptr() as usize) {
            0 => Ok(()),
            _ => Err(fmt::Error),
        }
    }
}

static mut ROOMS: Rooms = Rooms::EMPTY;

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let mut console = Console::open();
    #[cfg(feature = "control")]
    let _ = writeln!(console, "{:?}", alloc::vec![0_u8; 3]);
    // SAFETY: this runs once, on the only processor.
    let rooms = unsafe { &mut *(&raw mut ROOMS) };
    let endian = if cfg!(target_endian = "big") {
        "big"
    } else {
        "little"
    };
    let _ = writeln!(
        console,
        "here: usize has {} bits, {endian}-endian",
        usize::BITS
    );
    let ended = match script::run(rooms, &mut console) {
        Ok(()) => EXITED,
        Err(wrong) => {
            let _ = writeln!(console, "wrong: {}", wrong.0);
            FAILED
        }
    };
    exit(ended)
}

/// The processor has found a fault.
#[unsafe(no_mangle)]
extern "C" fn fault() -> ! {
    exit(FAILED)
}

fn exit(reason: usize) -> ! {
    loop {
        call(EXIT, reason);
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Console::open(), "{info}");
    exit(FAILED)
}

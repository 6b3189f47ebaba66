//! Every function of the core that a peer's bytes, or the caller's, come to: linked into a library
//! in which nothing may panic.
//!
//! [`ROOTS`] is all that the library exports. The functions in it are called by nobody, so the
//! compiler knows nothing of their arguments but the types: what it leaves out, cannot happen for
//! any state, any bytes and any limits. The panic handler calls a function that does not exist. If
//! a panic is left anywhere, so is the handler, and the linker fails.

#![no_std]

mod data_phase;
mod handshake;
mod parts;

use core::panic::PanicInfo;

unsafe extern "C" {
    /// Nobody defines it.
    safe fn a_panic_can_be_reached() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    a_panic_can_be_reached()
}

/// The address of a function.
#[repr(transparent)]
pub struct Root(*const ());

// SAFETY: it is an address of code that nobody writes to.
unsafe impl Sync for Root {}

/// Makes a table of the functions.
macro_rules! roots {
    ($($root:expr),* $(,)?) => {
        [$(crate::Root($root as *const ())),*]
    };
}
pub(crate) use roots;

#[unsafe(no_mangle)]
pub static ROOTS: [&[&[Root]]; 4] = [data_phase::ROOTS, handshake::ROOTS, parts::ROOTS, CONTROL];

#[cfg(not(feature = "control"))]
const CONTROL: &[&[Root]] = &[];

#[cfg(feature = "control")]
const CONTROL: &[&[Root]] = &[&roots![control]];

/// What the proof has to find.
#[cfg(feature = "control")]
fn control(bytes: &[u8], at: usize) -> u8 {
    bytes[at]
}

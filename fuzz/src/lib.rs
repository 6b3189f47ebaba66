//! What holds for any bytes: a module for each target of the fuzzer, with a function `check` that
//! panics when it does not hold.
//!
//! A target in `fuzz_targets/` is a single line over its function, and `tests/replay.rs` runs all of
//! them on their seeds and on `regressions/` with any compiler. Only the public API of
//! `websocket-proto` is used.

mod bytes;
pub mod differential;
pub mod extension_field;
pub mod frame_header;
mod heads;
pub mod inflate;
mod model;
pub mod operations;
mod outcome;
pub mod receive_client;
pub mod receive_server;
mod receiving;
#[path = "../../tests/rfc7692/inflate.rs"]
#[allow(dead_code, reason = "the tests of RFC 7692 ask it for more")]
mod reference;
pub mod request_head;
pub mod response_head;
pub mod seeds;
pub mod split_invariance;
pub mod utf8;
mod wire;

#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("frame_header", frame_header::check),
    ("receive_server", receive_server::check),
    ("receive_client", receive_client::check),
    ("split_invariance", split_invariance::check),
    ("operations", operations::check),
    ("request_head", request_head::check),
    ("response_head", response_head::check),
    ("extension_field", extension_field::check),
    ("inflate", inflate::check),
    ("utf8", utf8::check),
    ("differential", differential::check),
];

/// Makes the program of a target: for the fuzzer if one builds it, else one that takes files.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::$name::check(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            $crate::replay($crate::$name::check)
        }
    };
}

/// Runs a check on the files that are named as arguments.
///
/// # Errors
///
/// A file cannot be read.
pub fn replay(check: fn(&[u8])) -> std::io::Result<()> {
    for path in std::env::args_os().skip(1) {
        println!("{}", path.display());
        check(&std::fs::read(path)?);
    }
    Ok(())
}

//! Each part of the crate beside what bounds it: how far is it from what the machine can do?
//!
//! `cargo bench -p websocket-proto-micro`. A group has the crate's own rows, and in rows with
//! "limit" in their names what no such part can do without, in the same process: copying the bytes,
//! an XOR of words in place, looking at each byte of text, and where a library does the work, that
//! library alone. What a row makes is checked once before it is timed. Of the columns the fastest
//! holds best on a machine that does something else as well.
//!
//! `benches/peers` compares with other libraries, `benches/instructions` counts for CI.

#![forbid(unsafe_code)]

mod deflate;
mod handshake;
mod header;
mod input;
mod limit;
mod mask;
mod receive;
mod send;
mod utf8;

use std::time::Duration;

const KI: usize = 1 << 10;
const MI: usize = 1 << 20;

/// Lengths of payload: from one vector to more than the nearest cache holds.
const LENGTHS: [usize; 6] = [16, 125, KI, 16 * KI, 64 * KI, MI];

fn main() {
    // Without a least time a row of some nanoseconds would be over before the clock can tell.
    divan::Divan::default()
        .min_time(Duration::from_millis(100))
        .config_with_args()
        .main();
}

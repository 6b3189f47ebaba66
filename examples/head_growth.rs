//! The work that a head costs which comes in byte by byte, to be counted in instructions.
//!
//! ```console
//! cargo build --release --example head_growth
//! valgrind --tool=callgrind target/release/examples/head_growth 32768
//! valgrind --tool=callgrind target/release/examples/head_growth 65536
//! ```
//!
//! Twice the bytes should cost twice the instructions, less what the program costs by itself, which
//! size 0 shows. A parser that starts over at every read would need four times as many.

use core::error::Error;
use core::iter;
use std::env;

use websocket_proto::handshake::HeadLimits;
use websocket_proto::handshake::server::{Handshake, OriginPolicy};

fn main() -> Result<(), Box<dyn Error>> {
    let size: usize = env::args().nth(1).ok_or("give a size in bytes")?.parse()?;
    let mut head = String::from(
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
    );
    // Lines of 1 KiB: at 64 KiB that is within the default number of fields.
    while head.len().saturating_add(2) < size {
        let left = size.saturating_sub(head.len()).saturating_sub(2).min(1024);
        head.push_str("X: ");
        head.extend(iter::repeat_n('x', left.saturating_sub(5)));
        head.push_str("\r\n");
    }
    head.push_str("\r\n");

    let limits = HeadLimits::default().max_len(head.len());
    let mut handshake = Handshake::new(limits);
    let mut reads: usize = 0;
    loop {
        reads = reads.saturating_add(1);
        let received = head
            .as_bytes()
            .get(..reads)
            .ok_or("the head does not end")?;
        if let Some(request) = handshake.receive(received)? {
            request.upgrade(OriginPolicy::Any)?;
            println!("{} bytes, {reads} reads", head.len());
            return Ok(());
        }
    }
}

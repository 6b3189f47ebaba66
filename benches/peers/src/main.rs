//! Receiving beside tungstenite, in one process: the same masked stream, the same reads, whole
//! messages checked.
//!
//! `cargo run --release -p websocket-proto-peers`. The figures are ratios of medians over
//! interleaved rounds; times on a shared machine mean little by themselves.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::time::Instant;

use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};
use websocket_proto::{Assembler, Config, Connection, Incoming, Negotiated, Server};

const ROUNDS: usize = 15;
const READ: usize = 64 << 10;
/// Payload in a round, about; a small message costs more than its bytes.
const ROUND_BYTES: usize = 32 << 20;
/// About the length of the stream that is repeated.
const STREAM_BYTES: usize = 256 << 10;
const MAX_MESSAGES: usize = 400_000;

fn main() {
    println!(
        "server receive, masked binary, reads of {} KiB, median of {ROUNDS} interleaved rounds",
        READ >> 10
    );
    println!("| payload | websocket-proto | tungstenite | ratio |");
    println!("|---:|---:|---:|---:|");
    for payload_len in [16, 125, 1 << 10, 16 << 10, 64 << 10, 1 << 20] {
        let messages = (ROUND_BYTES / payload_len).min(MAX_MESSAGES);
        // What a network card has just written is in the cache: a short stream, over and over.
        let stream = masked_stream(payload_len, messages.min(STREAM_BYTES / payload_len + 1));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(timed(messages, || {
                websocket_proto(&stream, messages, payload_len)
            }));
            theirs.push(timed(messages, || {
                tungstenite(&stream, messages, payload_len)
            }));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        let ratio = ours / theirs;
        println!("| {payload_len} B | {ours:.0} ns | {theirs:.0} ns | {ratio:.2} |");
    }
}

/// `messages` frames of `len` bytes, each masked with a key of its own.
fn masked_stream(len: usize, messages: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for message in 0..messages {
        stream.push(0x82);
        match len {
            0..=125 => stream.push(0x80 | len as u8),
            126..=0xffff => {
                stream.push(0x80 | 126);
                stream.extend((len as u16).to_be_bytes());
            }
            _ => {
                stream.push(0x80 | 127);
                stream.extend((len as u64).to_be_bytes());
            }
        }
        let key = (message as u32).wrapping_mul(0x9e37_79b9).to_be_bytes();
        stream.extend(key);
        stream.extend((0..len).map(|at| (at as u8) ^ key[at % 4]));
    }
    stream
}

/// Whether a message is what `masked_stream` made: its length, and a few of its bytes.
fn is_right(message: &[u8], len: usize) -> bool {
    message.len() == len
        && message[len / 2] == (len / 2) as u8
        && message[len - 1] == (len - 1) as u8
}

/// Nanoseconds a message.
fn timed(messages: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / messages as f64
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn websocket_proto(stream: &[u8], messages: usize, len: usize) {
    let mut source = Source {
        stream,
        rest: stream,
    };
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut assembler = Assembler::default();
    let mut out = Vec::new();
    let mut buffer = vec![0; READ];
    let mut seen = 0;
    while seen < messages {
        let read = source.read(&mut buffer).expect("memory");
        let mut input = &mut buffer[..read];
        while let Some(incoming) = conn
            .receive_message(&mut input, &mut assembler, &mut out)
            .expect("valid")
        {
            let Incoming::Message(message) = incoming else {
                panic!("a message")
            };
            assert!(is_right(black_box(message.as_bytes()), len));
            seen += 1;
        }
    }
}

fn tungstenite(stream: &[u8], messages: usize, len: usize) {
    let config = WebSocketConfig::default().read_buffer_size(READ);
    let mut socket = WebSocket::from_raw_socket(
        Source {
            stream,
            rest: stream,
        },
        Role::Server,
        Some(config),
    );
    for _ in 0..messages {
        let message = socket.read().expect("valid");
        assert!(is_right(black_box(&message.into_data()), len));
    }
}

/// A transport that always has the next bytes of a stream that repeats, and loses what is written.
struct Source<'s> {
    stream: &'s [u8],
    rest: &'s [u8],
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = buffer.len().min(READ);
        let mut read = 0;
        while read < want {
            if self.rest.is_empty() {
                self.rest = self.stream;
            }
            let len = (want - read).min(self.rest.len());
            let (now, rest) = self.rest.split_at(len);
            buffer[read..read + len].copy_from_slice(now);
            self.rest = rest;
            read += len;
        }
        Ok(want)
    }
}

impl Write for Source<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

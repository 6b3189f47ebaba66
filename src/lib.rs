//! The WebSocket protocol as a state machine without IO: byte slices in, events and outbound bytes
//! out.
//!
//! A runtime, server, proxy, game or device that has a byte pipe embeds this crate to speak
//! WebSocket over it. There are no sockets in it, no clock, no randomness, no threads and no
//! buffers: those stay with the caller. It is `no_std`, and without features it needs no allocator.
//! What it is not: a client or server that one can run (see the examples for those), TLS, or a
//! parser of URLs.
//!
//! # Layers
//!
//! Each can be used alone.
//!
//! | layer | what it does |
//! |---|---|
//! | [`frame`] | frame headers, masks, status codes, as plain values |
//! | [`utf8`] | text that arrives in pieces, checked at once |
//! | [`handshake`] | the opening handshake over HTTP/1.1, both sides |
//! | [`Connection`] | the data phase: frames in order, control frames, closing, limits |
//! | [`Assembler`] | whole messages, in storage that belongs to the caller |
//! | [`KeepAlive`] | deadlines, heartbeats, round-trip time, on the caller's clock |
//!
//! # Driving it
//!
//! One law: **call `receive` or `receive_message` until it gives `None` or an error, write what is
//! in the output, then ask [`Connection::transport`] what to do.**
//!
//! ```no_run
//! # #[cfg(feature = "std")] {
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//! use websocket_proto::{
//!     Assembler, Config, Connection, Incoming, Negotiated, Server, State, Transport,
//! };
//!
//! /// Echoes on a stream whose opening handshake is done.
//! fn echo(mut stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
//!     let mut messages = Assembler::default(); // storage for cut messages, yours
//!     let mut out = Vec::new(); // outbound bytes, yours
//!     let mut buffer = vec![0; 16 << 10];
//!     loop {
//!         let read = stream.read(&mut buffer)?;
//!         if read == 0 {
//!             println!("the end: {:?}", conn.receive_eof());
//!             return Ok(());
//!         }
//!         let mut input = &mut buffer[..read];
//!         let result = loop {
//!             match conn.receive_message(&mut input, &mut messages, &mut out) {
//!                 Ok(Some(Incoming::Message(message))) if conn.state() == State::Open => {
//!                     conn.send(message, &mut out)?; // the message is still borrowed: fine
//!                 }
//!                 Ok(Some(_)) => {} // Pings and Close are answered already
//!                 Ok(None) => break Ok(()),
//!                 Err(error) => break Err(error),
//!             }
//!         };
//!         stream.write_all(&out)?; // also after an error: the Close that tells the peer
//!         out.clear();
//!         if conn.transport() == Transport::CloseNow {
//!             return result.map_err(Into::into);
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! The opening handshake comes before this; see [`handshake`].
//!
//! # Features
//!
//! | feature | what it adds | what it costs |
//! |---|---|---|
//! | `std` (default) | `alloc`, and SIMD chosen at run time for `simdutf8` | nothing else |
//! | `alloc` | [`Output`] for `Vec<u8>`, the growing [`Assembler`], `From<&String>` for [`Message`] | an allocator |
//! | `simdutf8` | text is validated by SIMD; no outcome changes | the crate `simdutf8` |
//!
//! # Errors and panics
//!
//! [`ProtocolError`] is the peer's fault, ends the connection and knows its status code.
//! [`SendError`] is the caller's and changes nothing. [`HandshakeError`](handshake::HandshakeError)
//! knows the HTTP status that answers it. The end of a connection is no error: it is a [`Closure`].
//! All are `Copy` and name the section of the RFC. Nothing here panics, whatever a peer sends.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod assembler;
mod config;
mod connection;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod keep_alive;
mod negotiated;
mod num;
mod output;
mod role;
pub mod utf8;

#[cfg(feature = "alloc")]
pub use assembler::Growing;
pub use assembler::{Assembler, Borrowed, Fixed, Storage};
pub use config::Config;
pub use connection::{Closure, Connection, State, Transport};
pub use error::{ProtocolError, SendError};
pub use event::{Chunk, ControlPayload, Event, Incoming, Message, Payload};
pub use keep_alive::{Due, KeepAlive, Timeout, Timeouts};
pub use negotiated::Negotiated;
pub use output::{Output, OutputFull, SliceOutput};
pub use role::{Client, MaskingKeys, Role, Server};

/// The examples in the README are tests, too.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
mod readme {}

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
//! | [`handshake`] | the opening handshake: HTTP/1.1, extended CONNECT, both sides |
//! | [`Connection`] | the data phase: frames in order, control frames, closing, limits |
//! | [`Receiver`], [`Sender`] | its two directions, for two threads or tasks without a lock |
//! | [`Assembler`] | whole messages, in storage that belongs to the caller |
//! | [`Inbox`] | the read buffer and an assembler in one: the fewest copies, and the shortest loop |
//! | `deflate` | permessage-deflate: what to want of it, what it holds (feature `deflate`) |
//! | [`KeepAlive`] | deadlines, heartbeats, round-trip time, on the caller's clock |
//!
//! # Driving it
//!
//! One law: **call `receive_from`, `receive_message` or `receive` until it gives `None` or an error,
//! write what is in the output, then ask [`Connection::transport`] what to do.** With an output of fixed size,
//! [`flush`](Connection::flush) and write while [`wants_flush`](Connection::wants_flush) says so.
//!
//! **Read while output waits**, for two peers that both write before they read stand still for ever. Replies do
//! not pile up meanwhile: [`LimitedOutput`] bounds them, and those without room wait in the connection until you
//! `flush`. Whoever blocks in a write reads in another thread ([`Connection::split`]). An echo alone may
//! write first, because its output is answers, and a peer that does not take them may wait.
//!
//! Such a server from its first byte to its last:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use std::io::{Read, Write};
//! use std::net::{Shutdown, TcpStream};
//! use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
//! use websocket_proto::{Assembler, Config, Connection, Inbox, Incoming, Server, State, Transport};
//!
//! fn echo(mut stream: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut buffer = vec![0; 16 << 10]; // input, yours
//!     let mut out = Vec::new(); // outbound bytes, yours
//!
//!     // The opening handshake: all bytes of the head so far, until it is whole.
//!     let mut handshake = Handshake::default();
//!     let mut filled = 0;
//!     let (negotiated, head_len) = loop {
//!         match stream.read(&mut buffer[filled..])? {
//!             0 => return Ok(()),
//!             read => filled += read,
//!         }
//!         let upgrade = match handshake.receive(&buffer[..filled]) {
//!             Ok(None) => continue,
//!             Ok(Some(request)) => request.upgrade(OriginPolicy::SameHost),
//!             Err(error) => Err(error),
//!         };
//!         match upgrade {
//!             Ok(upgrade) => {
//!                 let negotiated = upgrade.accept(&Acceptance::default(), &mut out)?;
//!                 break (negotiated, upgrade.request().head_len());
//!             }
//!             Err(error) => {
//!                 error.response().write(&mut out)?;
//!                 stream.write_all(&out)?;
//!                 close(stream)?;
//!                 return Err(error.into());
//!             }
//!         }
//!     };
//!
//!     // The data phase: what came behind the head is its first input.
//!     let mut conn = Connection::new(Server, negotiated, Config::default());
//!     let inbox = Inbox::with_buffer(buffer, Assembler::default()); // and storage, yours
//!     let mut inbox = inbox.with_unread(head_len..filled)?;
//!     let received = loop {
//!         let received = loop {
//!             match conn.receive_from(&mut inbox, &mut out) {
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
//!             break received;
//!         }
//!         match stream.read(conn.read_room(&mut inbox)?)? {
//!             0 => break received,
//!             read => inbox.filled(read)?,
//!         }
//!     };
//!     println!("the end: {}", conn.receive_eof());
//!     close(stream)?;
//!     Ok(received?)
//! }
//!
//! /// A socket that is dropped with input unread resets the connection, and the peer loses the Close.
//! fn close(mut stream: TcpStream) -> std::io::Result<()> {
//!     stream.shutdown(Shutdown::Write)?;
//!     while stream.read(&mut [0; 4096])? > 0 {} // with a deadline
//!     Ok(())
//! }
//! # use websocket_proto::handshake::client::{Handshake as Client, Outcome};
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let mut peer = TcpStream::connect(listener.local_addr()?)?;
//! # let mut sent = Vec::new();
//! # let mut client = Client::new(*b"the sample nonce", "localhost", "/");
//! # client.write_request(&mut sent)?;
//! # // More than a buffer full behind the head, a fault, and more behind that.
//! # sent.extend(b"\x81\x85\0\0\0\0hello".repeat(2000));
//! # sent.extend(b"\x83\x80\0\0\0\0");
//! # sent.extend([7; 100_000]);
//! # peer.write_all(&sent)?;
//! # let server = listener.accept()?.0;
//! # let server = std::thread::spawn(move || echo(server).map_err(|error| error.to_string()));
//! # peer.shutdown(Shutdown::Write)?;
//! # let mut came = Vec::new();
//! # peer.read_to_end(&mut came)?;
//! # let Some(Outcome::Open(accepted)) = client.receive(&came)? else { panic!() };
//! # let echoes = [&b"\x81\x05hello".repeat(2000)[..], b"\x88\x02\x03\xea"].concat();
//! # assert!(came[accepted.head_len..] == echoes);
//! # assert!(server.join().unwrap().unwrap_err().contains("opcode"));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One thing is left to the embedder: deadlines (see [`KeepAlive`]), also for the last reads.
//!
//! A message borrows the inbox, or the input or the assembler, so handle every [`Incoming`] in the loop that
//! receives: a function that skips control frames and returns the next message does not pass the
//! borrow checker of today. (For the head of a request there is
//! [a way](handshake::server::Handshake::receive): ask for it once more behind the loop.)
//!
//! # Features
//!
//! | feature | what it adds | what it costs |
//! |---|---|---|
//! | none | what needs no allocator | the crates `arrayvec`, `sha1_smol` (both with unsafe code inside), `base64` |
//! | `std` (default) | `alloc`, and vectors chosen at run time for `deflate` | nothing else |
//! | `deflate` (default) | permessage-deflate (RFC 7692) | `alloc`, the crate `zlib-rs` (unsafe code inside); without `std` also C's `posix_memalign` and `free` at link time on unix, `malloc` and `free` elsewhere |
//! | `alloc` | [`Output`] for `Vec<u8>`, the growing [`Assembler`], `From<&String>` for [`Message`] | an allocator |
//! | `http` | the handshake from and to the types of the crate `http` | `std`, the crates `http`, `bytes`, `itoa` (unsafe code inside) |
//! | `sha1` | the processor's own instructions for SHA-1, where it has them | the crate `sha1`, used for `sha1_smol`, and eight below it (unsafe code inside) |
//! | `simd` (default) | masks and UTF-8 by SIMD; no outcome changes | `std`, the crates `fearless_simd`, `simdutf8` (unsafe code inside) |
//!
//! # Errors and panics
//!
//! [`ProtocolError`] is the peer's fault, ends the connection and knows its status code. [`Misuse`] is
//! the caller's, and changes nothing; a call that receives gives either as a [`ReceiveError`].
//! [`SendError`] is the caller's and changes nothing. [`HandshakeError`](handshake::HandshakeError)
//! knows the HTTP status that answers it. The end of a connection is no error: it is a [`Closure`].
//! All are `Copy` and name the section of the RFC. Nothing here panics, whatever a peer sends.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod assembler;
mod broadcast;
mod chunk_buffer;
mod config;
mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
mod error;
mod event;
mod fragment;
pub mod frame;
pub mod handshake;
mod id;
mod inbox;
mod keep_alive;
mod leniency;
mod negotiated;
mod num;
mod output;
mod role;
mod traffic;
pub mod utf8;

#[cfg(feature = "alloc")]
pub use assembler::Growing;
pub use assembler::{Assembler, Borrowed, Fixed, Storage};
pub use broadcast::Broadcast;
pub use chunk_buffer::ChunkBuffer;
pub use config::Config;
pub use connection::{Closure, Connection, Receiver, Reply, Sender, State, Transport};
pub use error::{Misuse, ProtocolError, ReceiveError, SendError};
pub use event::{Chunk, ControlPayload, Event, Incoming, Message, Payload, RawMessage};
pub use fragment::Fragment;
pub use inbox::Inbox;
pub use keep_alive::{KeepAlive, Timeout, Timeouts};
pub use leniency::Leniency;
pub use negotiated::Negotiated;
pub use output::{LimitedOutput, MIN_OUTPUT_LEN, Output, OutputFull, SliceOutput};
pub use role::{Client, MaskingKeys, Role, Server};
pub use traffic::{MessageCost, Traffic};

/// The examples in the README are tests, too.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
mod readme {}

//! websocket-proto
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
pub use negotiated::Negotiated;
pub use output::{Output, OutputFull, SliceOutput};
pub use role::{Client, MaskingKeys, Role, Server};

//! The opening handshake: an HTTP request and its response.
//!
//! | what is at hand | server | client |
//! |---|---|---|
//! | the bytes of HTTP/1.1 | [`server::Handshake`] | [`client::Handshake::write_request`] |
//! | an HTTP/1.1 library | [`server::Request::from_fields`] | [`fields_to_set`] |
//! | the same for HTTP/2, HTTP/3 | [`server::Request::from_pseudo_fields`] | [`extended_connect`] |
//! | the types of the crate `http` | `server::Request::from_http` | `client::Handshake::to_http` |
//!
//! [`fields_to_set`]: client::Handshake::fields_to_set
//! [`extended_connect`]: client::Handshake::extended_connect
//!
//! The same rules hold for all of them, with the same verdict. A library has to hold its own limits
//! on heads, and the grammar of fields.
//!
//! With bytes, both sides work the same way. The caller keeps a buffer, appends what it reads, and
//! passes all of it to `receive` until that finds the whole head. Nothing is copied: what is found
//! borrows the buffer. What follows the head in the buffer is the first input of the data phase,
//! and the two phases meet in the plain value [`Negotiated`](crate::Negotiated).
//!
//! With the feature `deflate`, `server::Acceptance::deflate` and `client::Handshake::deflate` agree
//! on permessage-deflate. [`SupportedExtension`] adds extensions that the caller implements. Every
//! other extension is declined and not offered.
//!
//! The rules are those of [RFC 6455 section 4](https://www.rfc-editor.org/rfc/rfc6455#section-4),
//! and of RFC 9110 and RFC 9112 below them. [`Leniency`](crate::Leniency) names the ones that may be
//! relaxed. How the bytes are cut into reads never changes the outcome. A head that comes whole is
//! read in one pass, any other byte by byte: the work grows with its length, and not with the number
//! of reads. [`HeadLimits`] bound it. The first byte that proves a fault decides, and `receive_eof`
//! tells what the end of the input means.
//!
//! # Examples
//!
//! A client and a server that talk through two buffers:
//!
//! ```
//! use websocket_proto::handshake::client::{self, Outcome};
//! use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy};
//! use websocket_proto::SliceOutput; // or a `Vec<u8>`
//!
//! // The client asks.
//! let nonce = *b"use random bytes";
//! let mut client = client::Handshake::new(nonce, "example.com", "/chat?room=1")
//!     .subprotocols(&["superchat", "chat"])
//!     .origin("https://example.com");
//! let mut room = [0; 1024];
//! let mut to_server = SliceOutput::new(&mut room);
//! client.write_request(&mut to_server)?;
//!
//! // The server reads until the head is whole, then accepts, refuses, or serves a page.
//! let mut room = [0; 1024];
//! let mut to_client = SliceOutput::new(&mut room);
//! let mut server = server::Handshake::default();
//! match server.receive(to_server.filled()) {
//!     Ok(None) => println!("read more, then call again with all of it"),
//!     Ok(Some(request)) if !request.is_upgrade() => {
//!         server::Response::new(404).write(&mut to_client)?; // and close
//!     }
//!     Ok(Some(request)) => match request.upgrade(OriginPolicy::SameHost) {
//!         Ok(upgrade) => {
//!             assert_eq!(upgrade.request().path(), "/chat");
//!             let mut acceptance = Acceptance::default().fields(&[("Server", "example")]);
//!             if upgrade.subprotocols().any(|offered| offered == "chat") {
//!                 acceptance = acceptance.subprotocol("chat");
//!             }
//!             let negotiated = upgrade.accept(&acceptance, &mut to_client)?;
//!             assert_eq!(negotiated.subprotocol, Some("chat"));
//!             // Frames start at `request.head_len()`.
//!         }
//!         Err(error) => error.response().write(&mut to_client)?, // and close
//!     },
//!     Err(error) => error.response().write(&mut to_client)?, // and close
//! }
//!
//! // The client reads until the head is whole.
//! match client.receive(to_client.filled())? {
//!     None => println!("read more, then call again with all of it"),
//!     Some(Outcome::Open(accepted)) => {
//!         assert_eq!(accepted.negotiated.subprotocol, Some("chat"));
//!         assert_eq!(accepted.fields.first("server"), Some(&b"example"[..]));
//!         // Frames start at `accepted.head_len`.
//!     }
//!     Some(Outcome::Rejected(rejected)) => println!("refused: {}", rejected.status),
//!     Some(_) => {}
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod acceptance;
pub mod client;
mod connect;
mod detached;
mod error;
mod extension;
mod field;
mod head;
#[cfg(feature = "http")]
mod http_types;
mod key;
mod known;
mod negotiation;
mod origin;
mod outcome;
mod outgoing;
#[cfg(feature = "deflate")]
mod permessage_deflate;
mod redirect;
mod response;
pub mod server;
mod subprotocol;
mod supported;
mod target;

pub use connect::PseudoFields;
pub use error::HandshakeError;
pub use extension::{Extension, Extensions, MAX_EXTENSIONS, ParamValue, Params};
pub use field::{Field, Fields};
pub use head::{HeadLimits, HttpVersion};
#[cfg(feature = "http")]
pub use http_types::HttpFields;
pub use outcome::HeadEnd;
pub use outgoing::{FieldError, FieldList, FieldValue};
pub use subprotocol::{MAX_SUBPROTOCOLS, Subprotocols};
pub use supported::SupportedExtension;

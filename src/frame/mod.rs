//! Frames as plain values: headers, opcodes, masks and status codes, usable without the rest of the
//! crate.
//!
//! Nothing here keeps state about a connection. Rules that need only the frame itself live here
//! (reserved opcodes, minimal lengths, the form of control frames, which status codes may be on the
//! wire); rules that need to know the role or what came before live in
//! [`Connection`](crate::Connection).
//!
//! See [RFC 6455 section 5](https://www.rfc-editor.org/rfc/rfc6455#section-5).
//!
//! # Examples
//!
//! The masked "Hello" of RFC 6455 section 5.7:
//!
//! ```
//! use websocket_proto::frame::{FrameHeader, Mask, Opcode};
//!
//! let mut bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let (header, len) = FrameHeader::decode(&bytes)?.expect("the header is whole");
//! assert_eq!(header.opcode, Opcode::Text);
//! assert_eq!(header.payload_len, 5);
//!
//! let mut mask = Mask::new(header.masking_key.expect("a client's frame is masked"));
//! mask.apply(&mut bytes[len..]);
//! assert_eq!(&bytes[len..], b"Hello");
//! # Ok::<(), websocket_proto::frame::HeaderError>(())
//! ```

mod close;
mod header;
mod mask;
mod opcode;

pub use close::{CloseCode, CloseFrame, CloseFrameError};
#[cfg(feature = "alloc")]
pub(crate) use header::MAX_HEADER;
pub use header::{EncodedHeader, FrameHeader, HeaderError, Rsv};
pub(crate) use header::{FirstByte, KEY_LEN};
pub(crate) use mask::mask;
pub use mask::{Mask, MaskingKey};
pub use opcode::{MessageKind, Opcode};

/// The most payload that a control frame may carry, in bytes.
///
/// See [RFC 6455 section 5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

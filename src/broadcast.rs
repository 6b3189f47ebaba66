//! One message for many connections: framed once, copied never.

use crate::event::Message;
use crate::frame::{EncodedHeader, FrameHeader};
use crate::num::wire_len;

/// A message framed once, to be sent by any number of servers' connections.
///
/// A server's frames are not masked, so the same bytes serve every client: a header of at most ten
/// bytes, and the payload where the caller has it. Ask each connection with
/// [`Connection::broadcast`](crate::Connection::broadcast) and write what it gives, in one vectored
/// write say.
///
/// # Examples
///
/// ```
/// use websocket_proto::{Broadcast, Config, Connection, Negotiated, Server};
///
/// let mut conns = [(); 3].map(|()| Connection::new(Server, Negotiated::default(), Config::default()));
/// let news = Broadcast::new("news for all");
/// for conn in &mut conns {
///     let [header, payload] = conn.broadcast(&news)?;
///     assert_eq!((header, payload), (&b"\x81\x0c"[..], &b"news for all"[..]));
/// }
/// # Ok::<(), websocket_proto::SendError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Broadcast<'m> {
    header: EncodedHeader,
    message: Message<'m>,
}

impl<'m> Broadcast<'m> {
    /// Frames a message.
    pub fn new(message: impl Into<Message<'m>>) -> Self {
        let message = message.into();
        // What is in memory has less than 2^63 bytes.
        let header = FrameHeader::new(message.kind().opcode(), wire_len(message.as_bytes().len()));
        Self {
            header: header.encode_valid(),
            message,
        }
    }

    /// The message.
    pub const fn message(&self) -> Message<'m> {
        self.message
    }

    /// The header and the payload, to be written one after the other.
    pub fn slices(&self) -> [&[u8]; 2] {
        [self.header.as_bytes(), self.message.as_bytes()]
    }
}

//! One message for many connections: framed once, copied never.

#[cfg(feature = "deflate")]
use crate::deflate::{CompressState, WindowBits};
#[cfg(feature = "deflate")]
use crate::error::SendError;
use crate::event::Message;
#[cfg(feature = "deflate")]
use crate::frame::Rsv;
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
    #[cfg(feature = "deflate")]
    compressed: Option<Compressed>,
}

/// The same message, compressed.
#[cfg(feature = "deflate")]
#[derive(Clone, Debug)]
struct Compressed {
    window_bits: WindowBits,
    header: EncodedHeader,
    payload: alloc::vec::Vec<u8>,
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
            #[cfg(feature = "deflate")]
            compressed: None,
        }
    }

    /// Frames a message, and compresses it once for the connections that have agreed on
    /// permessage-deflate with windows that are long enough; the others get it as it is.
    ///
    /// The message refers to none before it, so it does not matter which those were. What a
    /// connection compresses next does not refer to those before it either, which may cost a little.
    /// `state` is kept from broadcast to broadcast.
    ///
    /// # Errors
    ///
    /// [`SendError::NoMemory`].
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::Broadcast;
    /// use websocket_proto::deflate::{CompressState, Policy};
    ///
    /// let mut state = CompressState::new(&Policy::default()).ok_or("8 bits are too few")?;
    /// let news = Broadcast::compressed("news for all, news for all, news for all", &mut state)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    pub fn compressed(
        message: impl Into<Message<'m>>,
        state: &mut CompressState,
    ) -> Result<Self, SendError> {
        let mut broadcast = Self::new(message);
        let bytes = broadcast.message.as_bytes();
        let compressor = &mut *state.0;
        compressor.reset();
        let compressed = compressor
            .compress([bytes], true)
            .map_err(|_| SendError::NoMemory)?;
        let mut payload = alloc::vec::Vec::new();
        payload
            .try_reserve_exact(compressed.len())
            .map_err(|_| SendError::NoMemory)?;
        payload.extend_from_slice(compressed);
        let header = FrameHeader {
            rsv: Rsv::RSV1,
            ..FrameHeader::new(broadcast.message.kind().opcode(), wire_len(payload.len()))
        };
        broadcast.compressed = Some(Compressed {
            window_bits: compressor.window_bits(),
            header: header.encode_valid(),
            payload,
        });
        Ok(broadcast)
    }

    /// The header and the compressed payload, for one that has agreed on windows this long.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed_slices(&self, agreed: Option<WindowBits>) -> Option<[&[u8]; 2]> {
        let compressed = self.compressed.as_ref()?;
        if compressed.window_bits > agreed? {
            return None;
        }
        Some([compressed.header.as_bytes(), &compressed.payload])
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

//! What the engine hands to the caller. Data borrows the caller's input, never the connection.

use core::fmt;
use core::ops::Deref;

use arrayvec::ArrayVec;

use crate::fragment::Fragment;
use crate::frame::{CloseFrame, MAX_CONTROL_PAYLOAD, MessageKind, Rsv};

/// What [`Connection::receive`](crate::Connection::receive) found in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'b> {
    /// A part of a message, unmasked where it lies in the input.
    Chunk(Chunk<'b>),
    /// A Ping. It is answered by the engine, unless the closing handshake has begun or the
    /// [`Reply`](crate::Reply) is left out.
    Ping(ControlPayload),
    /// A Pong, asked for or not.
    Pong(ControlPayload),
    /// The peer's Close. It is answered by the engine; nothing comes after it.
    Close(CloseFrame),
}

/// The part of a message that one call of [`Connection::receive`](crate::Connection::receive)
/// yields.
///
/// Chunks follow the reads, not the frames: how a message is cut into them means nothing.
/// [`Connection::send_chunk`](crate::Connection::send_chunk) sends one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers and tests build their own"
)]
pub struct Chunk<'b> {
    /// Whether it is the first chunk of its message.
    pub first: bool,
    /// Whether it is the last one: the message is complete.
    pub last: bool,
    /// The bytes, perhaps none.
    pub payload: Payload<'b>,
}

impl Chunk<'_> {
    /// Returns the position of the frame that carries the chunk, as
    /// [`send_chunk`](crate::Connection::send_chunk) sends it.
    #[inline]
    pub const fn fragment(&self) -> Fragment {
        Fragment::new(self.first, self.last)
    }
}

/// The bytes of a [`Chunk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 knows these two")]
pub enum Payload<'b> {
    /// Of a text message: checked to be UTF-8.
    Text {
        /// A character that began in an earlier chunk; it comes before `text`.
        carried: Option<char>,
        /// The text.
        text: &'b str,
    },
    /// Of a binary message.
    Binary(&'b [u8]),
    /// Of a message whose payload the engine only unmasks, and inflates if it is compressed.
    ///
    /// Where [`Negotiated::reserved_bits`](crate::Negotiated::reserved_bits) has any bit, every data
    /// message is raw, also one whose frames carry none, because an extension may set a bit in any
    /// frame. Text that is [not checked](crate::Leniency::unchecked_text) is raw, too. The engine
    /// does not check raw text: decode it, check it, and fail the connection with 1007 if it is not
    /// UTF-8.
    Raw {
        /// The kind that the message's opcode declares.
        kind: MessageKind,
        /// The reserved bits of the frame that these bytes came in.
        rsv: Rsv,
        /// The bytes.
        bytes: &'b [u8],
    },
}

impl<'b> Payload<'b> {
    /// What the message is made of.
    #[inline]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
            Self::Raw { kind, .. } => *kind,
        }
    }

    /// How many bytes it has.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Text { carried, text } => {
                text.len().saturating_add(carried.map_or(0, char::len_utf8))
            }
            Self::Binary(bytes) | Self::Raw { bytes, .. } => bytes.len(),
        }
    }

    /// Whether it has no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in two parts, of which the first is a character that was carried; `room` is for its
    /// encoding.
    pub(crate) fn parts<'p>(&'p self, room: &'p mut [u8; 4]) -> [&'p [u8]; 2] {
        match self {
            Self::Text { carried, text } => {
                let carried = carried.map_or("", |carried| carried.encode_utf8(room));
                [carried.as_bytes(), text.as_bytes()]
            }
            Self::Binary(bytes) | Self::Raw { bytes, .. } => [&[], bytes],
        }
    }

    /// The chunk as a message of its own, unless a character of it began in an earlier chunk.
    #[inline]
    pub(crate) const fn as_message(&self) -> Option<Message<'b>> {
        match *self {
            Self::Text {
                carried: None,
                text,
            } => Some(Message::Text(text)),
            Self::Text {
                carried: Some(_), ..
            }
            | Self::Raw { .. } => None,
            Self::Binary(bytes) => Some(Message::Binary(bytes)),
        }
    }
}

/// How a chunk lies in its message, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// What of its frame is to come.
    pub(crate) frame_rest: u64,
    /// What of the message may be to come, by the limits.
    pub(crate) message_rest: u64,
}

/// What [`Connection::receive_message`](crate::Connection::receive_message) found in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming<'m> {
    /// A whole message.
    Message(Message<'m>),
    /// A whole message whose payload the engine only unmasked.
    Raw(RawMessage<'m>),
    /// A Ping. It is answered by the engine, unless the closing handshake has begun or the
    /// [`Reply`](crate::Reply) is left out.
    Ping(ControlPayload),
    /// A Pong, asked for or not.
    Pong(ControlPayload),
    /// The peer's Close. It is answered by the engine; nothing comes after it.
    Close(CloseFrame),
}

/// A whole message whose payload the engine only unmasks and does not interpret.
///
/// Where [`Negotiated::reserved_bits`](crate::Negotiated::reserved_bits) has any bit, every data
/// message is raw, with or without bits. Text that is [not
/// checked](crate::Leniency::unchecked_text) is raw, too. See [`Payload::Raw`].
///
/// See [RFC 6455 section 5.8](https://www.rfc-editor.org/rfc/rfc6455#section-5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers build their own to send them"
)]
pub struct RawMessage<'m> {
    /// The kind that the message's opcode declares.
    pub kind: MessageKind,
    /// The reserved bits of its first frame.
    pub rsv: Rsv,
    /// The payload of all its frames.
    pub bytes: &'m [u8],
}

/// A control frame that is whole and was answered, for whichever call found it.
#[derive(Debug)]
pub(crate) enum ControlEvent {
    Ping(ControlPayload),
    Pong(ControlPayload),
    Close(CloseFrame),
}

impl From<ControlEvent> for Event<'_> {
    fn from(event: ControlEvent) -> Self {
        match event {
            ControlEvent::Ping(payload) => Self::Ping(payload),
            ControlEvent::Pong(payload) => Self::Pong(payload),
            ControlEvent::Close(frame) => Self::Close(frame),
        }
    }
}

impl From<ControlEvent> for Incoming<'_> {
    fn from(event: ControlEvent) -> Self {
        match event {
            ControlEvent::Ping(payload) => Self::Ping(payload),
            ControlEvent::Pong(payload) => Self::Pong(payload),
            ControlEvent::Close(frame) => Self::Close(frame),
        }
    }
}

/// A whole message.
///
/// See [RFC 6455 section 5.6](https://www.rfc-editor.org/rfc/rfc6455#section-5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 knows these two")]
pub enum Message<'m> {
    /// A text message.
    Text(&'m str),
    /// A binary message.
    Binary(&'m [u8]),
}

impl<'m> Message<'m> {
    /// The bytes of the message, whatever its kind.
    #[inline]
    pub const fn as_bytes(&self) -> &'m [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// What the message is made of.
    #[inline]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }
}

impl<'m> From<&'m str> for Message<'m> {
    fn from(text: &'m str) -> Self {
        Self::Text(text)
    }
}

impl<'m> From<&'m mut str> for Message<'m> {
    fn from(text: &'m mut str) -> Self {
        Self::Text(text)
    }
}

impl<'m> From<&'m [u8]> for Message<'m> {
    fn from(bytes: &'m [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'m, const N: usize> From<&'m [u8; N]> for Message<'m> {
    fn from(bytes: &'m [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

#[cfg(feature = "alloc")]
impl<'m> From<&'m alloc::string::String> for Message<'m> {
    fn from(text: &'m alloc::string::String) -> Self {
        Self::Text(text)
    }
}

#[cfg(feature = "alloc")]
impl<'m> From<&'m alloc::vec::Vec<u8>> for Message<'m> {
    fn from(bytes: &'m alloc::vec::Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// The payload of a Ping or Pong: at most 125 bytes, whole and by value however the frame was cut.
///
/// See [RFC 6455 section 5.5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2).
#[derive(Default, PartialEq, Eq, Hash)]
pub struct ControlPayload(ArrayVec<u8, MAX_CONTROL_PAYLOAD>);

impl Clone for ControlPayload {
    /// In one copy: `ArrayVec` clones byte by byte, and has a panic for more than it holds.
    fn clone(&self) -> Self {
        let mut clone = Self::empty();
        clone.extend(self);
        clone
    }
}

impl ControlPayload {
    /// A payload with these bytes, `None` if they are more than 125.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        ArrayVec::try_from(bytes).ok().map(Self)
    }

    /// No bytes.
    pub(crate) const fn empty() -> Self {
        Self(ArrayVec::new_const())
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets the bytes.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds the next bytes of a frame that has been judged to fit.
    #[inline]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        // The header was judged: at most 125 bytes in all.
        let _ = self.0.try_extend_from_slice(bytes);
    }
}

impl Deref for ControlPayload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for ControlPayload {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_bytes(), f)
    }
}

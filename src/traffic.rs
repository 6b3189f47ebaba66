//! Counts of what a connection moves, as plain values.

/// The bytes, frames and messages of one direction of a connection so far.
///
/// See [`Connection::received`](crate::Connection::received) and
/// [`Connection::sent`](crate::Connection::sent).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Traffic {
    /// The bytes of all frames, headers included.
    pub bytes: u64,
    /// All frames, control frames and fragments included.
    pub frames: u64,
    /// The data messages that are complete.
    pub messages: u64,
}

impl Traffic {
    /// Counts a frame of which `len` bytes have come or gone.
    #[inline]
    pub(crate) const fn add_frame(&mut self, len: u64) {
        self.bytes = self.bytes.wrapping_add(len);
        self.frames = self.frames.wrapping_add(1);
    }
}

/// The price of one message on the wire.
///
/// See [`Connection::received_cost`](crate::Connection::received_cost) and
/// [`Connection::sent_cost`](crate::Connection::sent_cost).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MessageCost {
    /// Whether the message is compressed by permessage-deflate.
    pub compressed: bool,
    /// The bytes of all its frames, headers included.
    pub wire_len: u64,
}

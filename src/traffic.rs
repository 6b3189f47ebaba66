//! Counts of what a connection has carried.

/// Running totals of one direction of a connection.
///
/// [`Connection::received`](crate::Connection::received) and
/// [`Connection::sent`](crate::Connection::sent) give those of the frames that came in and went out.
/// They count from the first frame of the data phase and are never reset: subtract two values for an
/// interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes of all frames, headers included.
    pub bytes: u64,
    /// Frames of every kind, control frames included.
    pub frames: u64,
    /// Data messages that are complete.
    pub messages: u64,
}

impl Traffic {
    pub(crate) const NONE: Self = Self {
        bytes: 0,
        frames: 0,
        messages: 0,
    };

    /// Counts a frame of which `len` bytes have come.
    #[inline]
    pub(crate) const fn add_frame(&mut self, len: u64) {
        self.bytes = self.bytes.wrapping_add(len);
        self.frames = self.frames.wrapping_add(1);
    }
}

/// The cost of one data message on the wire.
///
/// [`Connection::newest_received`](crate::Connection::newest_received) and
/// [`Connection::newest_sent`](crate::Connection::newest_sent) give that of the newest message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MessageCost {
    /// Whether permessage-deflate compressed the message.
    pub compressed: bool,
    /// Bytes of its frames so far, headers included.
    pub wire_len: u64,
    /// Bytes of the message itself so far, before compression.
    pub len: u64,
}

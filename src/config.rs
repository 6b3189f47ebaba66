//! Limits: what a peer may make the engine and its caller hold.

use crate::leniency::Leniency;

/// What a peer may send, and no more. One value serves any number of connections.
///
/// Every limit is judged by the header of the frame that passes it, before any of its payload, and
/// ends the connection: with status code 1009, or 1008 for [control
/// frames](Self::max_control_frames). Only how long a compressed message gets shows while it is
/// inflated.
///
/// # Examples
///
/// ```
/// use websocket_proto::Config;
///
/// let config = Config::default().max_message_len(64 << 10).max_fragments(16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    pub(crate) max_frame_len: u64,
    pub(crate) max_message_len: u64,
    pub(crate) max_fragments: u32,
    pub(crate) max_control_frames: u32,
    pub(crate) leniency: Leniency,
}

impl Config {
    /// The default limits, for constants.
    pub const fn new() -> Self {
        Self {
            max_frame_len: 16 << 20,
            max_message_len: 16 << 20,
            max_fragments: 1 << 17,
            max_control_frames: u32::MAX,
            leniency: Leniency::new(),
        }
    }

    /// The most payload that one data frame may have, in bytes; by default 16 MiB, the same as a
    /// message.
    #[must_use]
    pub const fn max_frame_len(mut self, bytes: u64) -> Self {
        self.max_frame_len = bytes;
        self
    }

    /// The most payload that all frames of a message may have together, in bytes; by default 16
    /// MiB. Of a compressed message it is the most that it may inflate to.
    ///
    /// An [`Assembler`](crate::Assembler) may have to hold as much for each connection. The default
    /// is the largest message of the usual conformance cases.
    #[must_use]
    pub const fn max_message_len(mut self, bytes: u64) -> Self {
        self.max_message_len = bytes;
        self
    }

    /// The most frames that a message may come in, empty ones counted; by default 131,072.
    ///
    /// Empty fragments cost a peer two bytes each and pass every limit on length. The default lets
    /// 4 MiB in fragments of 64 bytes pass, 65,537 frames, and as much again.
    #[must_use]
    pub const fn max_fragments(mut self, frames: u32) -> Self {
        self.max_fragments = frames;
        self
    }

    /// The most Pings and Pongs that may come without a frame of a message between them; by default
    /// 2^32 - 1.
    ///
    /// They never make the engine hold more: one Pong waits, whatever comes. What they cost is the
    /// time to answer them. Without a clock a flood looks like a heartbeat on a connection that has
    /// nothing to say, so the default ends only what outlasts any heartbeat: one every second may
    /// go on for 136 years, a million every second for 71 minutes.
    ///
    /// To make a rate of it, set what one tick of your clock may bring, 1000 say, and call
    /// [`reset_control_frames`](crate::Connection::reset_control_frames) at each tick. A Close is
    /// not counted; it is the last frame in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::{Config, Connection, Negotiated, ProtocolError, Server};
    ///
    /// let config = Config::default().max_control_frames(2);
    /// let mut conn = Connection::new(Server, Negotiated::default(), config);
    /// let mut room = [0; 64];
    /// let mut out = websocket_proto::SliceOutput::new(&mut room);
    ///
    /// let mut pings = *b"\x89\x80\0\0\0\0\x89\x80\0\0\0\0\x89\x80\0\0\0\0";
    /// let mut input = &mut pings[..];
    /// assert!(conn.receive(&mut input, &mut out)?.is_some());
    /// assert!(conn.receive(&mut input, &mut out)?.is_some());
    /// // Without `conn.reset_control_frames()` here, the third is one too many.
    /// let third = conn.receive(&mut input, &mut out);
    /// let error = ProtocolError::TooManyControlFrames { limit: 2 };
    /// assert_eq!(third, Err(error.into()));
    /// # Ok::<(), websocket_proto::ReceiveError>(())
    /// ```
    #[must_use]
    pub const fn max_control_frames(mut self, frames: u32) -> Self {
        self.max_control_frames = frames;
        self
    }

    /// The rules of the data phase that the peer need not keep; by default none.
    #[must_use]
    pub const fn leniency(mut self, leniency: Leniency) -> Self {
        self.leniency = leniency;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

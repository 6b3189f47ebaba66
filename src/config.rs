//! Limits: what a peer may make the engine and its caller hold.

/// What a peer may send, and no more. One value serves any number of connections.
///
/// Every limit is judged by the header of the frame that passes it, before any of its payload, and
/// ends the connection with status code 1009.
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
#[expect(
    clippy::struct_field_names,
    reason = "limits of another kind will join them"
)]
pub struct Config {
    pub(crate) max_frame_len: u64,
    pub(crate) max_message_len: u64,
    pub(crate) max_fragments: u32,
}

impl Config {
    /// The default limits, for constants.
    pub const fn new() -> Self {
        Self {
            max_frame_len: 16 << 20,
            max_message_len: 16 << 20,
            max_fragments: 1 << 17,
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
    /// MiB.
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
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

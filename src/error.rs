//! What can go wrong in the data phase, whose fault it is, and which status code tells the peer.

use core::fmt;

use crate::frame::{CloseCode, CloseFrameError, HeaderError, Rsv};

/// The peer broke the protocol or a limit: the connection has failed.
///
/// The engine owes the peer one Close frame with [`close_code`](Self::close_code) and has put it
/// into the output; write that, then close the transport. Nothing that the peer sends is looked at
/// any more.
///
/// See [RFC 6455 section 7.1.7](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The payload of a Close frame is wrong (section 5.5.1): 1002, or 1007 for a reason that is
    /// not UTF-8.
    Close(CloseFrameError),
    /// A frame is larger than [`Config::max_frame_len`](crate::Config::max_frame_len): 1009.
    FrameTooLong {
        /// The payload length that the header declares, in bytes.
        len: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A frame header is malformed (section 5.2): 1002.
    Header(HeaderError),
    /// A new message begins while another is not finished (section 5.4): 1002.
    InterleavedMessage,
    /// What a compressed message consists of cannot be inflated, or stops too early (RFC 7692,
    /// section 7.2.2): 1007.
    InvalidDeflate,
    /// A text message is not UTF-8 (section 8.1): 1007.
    InvalidUtf8,
    /// A server sent a masked frame (section 5.1): 1002.
    MaskedFrame,
    /// A message is larger than [`Config::max_message_len`](crate::Config::max_message_len), or
    /// than the assembler's fixed storage, or inflates to more than its ratio allows: 1009.
    MessageTooLong {
        /// The smallest of these limits, in bytes.
        limit: u64,
    },
    /// A frame sets bits that no negotiated extension gives a meaning (section 5.2): 1002.
    ReservedBits(Rsv),
    /// There was no memory for the message (section 7.4.1): 1009.
    StorageFull,
    /// More Pings and Pongs came without a frame of a message between them than
    /// [`Config::max_control_frames`](crate::Config::max_control_frames) lets pass: 1008.
    TooManyControlFrames {
        /// The limit, in frames.
        limit: u32,
    },
    /// A message has more frames than [`Config::max_fragments`](crate::Config::max_fragments):
    /// 1009.
    TooManyFragments {
        /// The limit, in frames.
        limit: u32,
    },
    /// A continuation frame comes while no message is open (section 5.4): 1002.
    UnexpectedContinuation,
    /// A client sent a frame without masking it (section 5.1): 1002.
    UnmaskedFrame,
}

impl ProtocolError {
    /// The status code that tells the peer.
    ///
    /// See [RFC 6455 section 7.4.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1).
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::Close(CloseFrameError::InvalidReason)
            | Self::InvalidDeflate
            | Self::InvalidUtf8 => CloseCode::INVALID_PAYLOAD_DATA,
            Self::Close(_)
            | Self::Header(_)
            | Self::InterleavedMessage
            | Self::MaskedFrame
            | Self::ReservedBits(_)
            | Self::UnexpectedContinuation
            | Self::UnmaskedFrame => CloseCode::PROTOCOL_ERROR,
            Self::FrameTooLong { .. }
            | Self::MessageTooLong { .. }
            | Self::StorageFull
            | Self::TooManyFragments { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::TooManyControlFrames { .. } => CloseCode::POLICY_VIOLATION,
        }
    }

    /// The section of RFC 6455 that is broken, or that names the status code.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Close(error) => error.section(),
            Self::Header(error) => error.section(),
            Self::InterleavedMessage | Self::UnexpectedContinuation => "5.4",
            Self::InvalidUtf8 => "8.1",
            Self::MaskedFrame | Self::UnmaskedFrame => "5.1",
            Self::ReservedBits(_) => "5.2",
            Self::FrameTooLong { .. }
            | Self::InvalidDeflate
            | Self::MessageTooLong { .. }
            | Self::StorageFull
            | Self::TooManyControlFrames { .. }
            | Self::TooManyFragments { .. } => "7.4.1",
        }
    }
}

impl From<HeaderError> for ProtocolError {
    #[inline]
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl From<CloseFrameError> for ProtocolError {
    fn from(error: CloseFrameError) -> Self {
        Self::Close(error)
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close(error) => error.fmt(f),
            Self::FrameTooLong { len, limit } => {
                write!(
                    f,
                    "a frame of {len} bytes passes the limit of {limit} bytes"
                )
            }
            Self::Header(error) => error.fmt(f),
            Self::InterleavedMessage => f.write_str("a new message begins inside another one"),
            Self::InvalidDeflate => f.write_str("a compressed message is corrupt or incomplete"),
            Self::InvalidUtf8 => f.write_str("a text message is not UTF-8"),
            Self::MaskedFrame => f.write_str("a server sent a masked frame"),
            Self::MessageTooLong { limit } => {
                write!(f, "a message passes the limit of {limit} bytes")
            }
            Self::ReservedBits(rsv) => {
                write!(
                    f,
                    "no extension uses the reserved bits {:03b} that are set",
                    rsv.bits()
                )
            }
            Self::StorageFull => f.write_str("there is no memory for the message"),
            Self::TooManyControlFrames { limit } => write!(
                f,
                "control frames without a message pass the limit of {limit} frames"
            ),
            Self::TooManyFragments { limit } => {
                write!(f, "a message passes the limit of {limit} frames")
            }
            Self::UnexpectedContinuation => {
                f.write_str("a continuation frame comes while no message is open")
            }
            Self::UnmaskedFrame => f.write_str("a client sent a frame without masking it"),
        }?;
        write!(f, " (RFC 6455 section {})", self.section())
    }
}

impl core::error::Error for ProtocolError {}

/// A call that receives has no event to give: whose fault that is.
///
/// See [RFC 6455 section 7.1.7](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7) for the
/// peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a fault is the peer's or the caller's"
)]
pub enum ReceiveError {
    /// The peer's fault. The connection has failed, and the output holds the Close that tells the
    /// peer.
    Protocol(ProtocolError),
    /// The caller's fault. Nothing has changed: the connection goes on with the next call that is
    /// right.
    Misuse(Misuse),
}

impl ReceiveError {
    /// Returns the peer's fault, and `None` if the caller is at fault.
    pub const fn protocol(self) -> Option<ProtocolError> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Misuse(_) => None,
        }
    }
}

impl From<ProtocolError> for ReceiveError {
    #[inline]
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<Misuse> for ReceiveError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Misuse(misuse) => misuse.fmt(f),
        }
    }
}

impl core::error::Error for ReceiveError {}

/// The caller receives in a way that cannot be right.
///
/// No bytes of the peer's can cause it, and the peer is not told. Nothing has changed, no input was
/// taken, and the connection goes on with the next call that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Misuse {
    /// The inbox is full: the caller has to [receive](crate::Connection::receive_from) what is in it
    /// before it reads more.
    InboxFull,
    /// Compressed messages may come, as permessage-deflate was agreed on, but the caller gives no
    /// room of at least 4 bytes to inflate them: call `receive_inflated` or
    /// [`receive_message`](crate::Connection::receive_message), not
    /// [`receive`](crate::Connection::receive).
    NoWindow,
    /// The caller says that it filled more bytes than it was lent.
    RoomOverrun {
        /// The bytes that it says it filled.
        filled: usize,
        /// The bytes that it was lent.
        room: usize,
    },
    /// The assembler does not hold the start of the message that is open, or holds another
    /// connection's: keep to one assembler until the message is complete.
    WrongAssembler,
    /// The inbox holds bytes of another connection: see
    /// [`Inbox::is_idle`](crate::Inbox::is_idle).
    WrongInbox,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InboxFull => "the inbox is full: receive what is in it, then read",
            Self::NoWindow => {
                "compressed messages may come: receive messages whole, or inflated into a window of 4 bytes or more"
            }
            Self::RoomOverrun { filled, room } => {
                return write!(
                    f,
                    "{filled} bytes are said to fill a room of {room}: give the length that was read"
                );
            }
            Self::WrongAssembler => {
                "the assembler is not at this message: keep to one until the message is complete"
            }
            Self::WrongInbox => {
                "the inbox holds bytes of another connection: share an inbox only while it is idle"
            }
        })
    }
}

impl core::error::Error for Misuse {}

/// The caller asked for something that cannot be sent now. Nothing has changed, and nothing was
/// written but replies that waited.
///
/// No bytes of the peer's can cause it, but for [`SendError::Closing`], which the peer's Close
/// brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// A [`ChunkBuffer`](crate::ChunkBuffer) holds bytes of the open message, which come first: go on
    /// with [`send_buffered`](crate::Connection::send_buffered) or let them go by
    /// [`flush_buffered`](crate::Connection::flush_buffered).
    ChunksHeld,
    /// The closing handshake has begun, or the connection has failed: no frame may follow (section
    /// 5.5.1).
    Closing,
    /// The payload of a control frame is more than 125 bytes (section 5.5).
    ControlTooLong,
    /// This status code may not be in a Close frame (section 7.4).
    InvalidCode(CloseCode),
    /// A frame that [`start_frame`](crate::Connection::start_frame) began lacks payload: send that
    /// first.
    FrameOpen {
        /// The bytes that it lacks.
        remaining: u64,
    },
    /// The payload would be longer than the header of the frame has said.
    FrameOverrun {
        /// The bytes that it lacks, 0 if no frame is open.
        remaining: u64,
    },
    /// A frame has a payload of 2^63 bytes or more (section 5.2).
    FrameTooLong,
    /// The frame would begin a message, but a fragmented message is open: finish that first
    /// (section 5.4).
    MessageOpen,
    /// The frame would continue a message, but none is open: send the start of it first (section
    /// 5.4).
    NoMessageOpen,
    /// There was no memory to compress the message.
    NoMemory,
    /// The output has no room for the frame: send what it holds, then try again.
    OutputFull {
        /// The bytes of the whole frame. An output that is empty and has less room than this will
        /// never take it: send fragments. A control frame has no more than
        /// [`MIN_OUTPUT_LEN`](crate::MIN_OUTPUT_LEN) bytes.
        needed: usize,
    },
    /// A reason needs a status code before it (section 5.5.1).
    ReasonWithoutCode,
    /// No extension that was agreed on gives the caller these [reserved
    /// bits](crate::Negotiated::reserved_bits) (section 5.2). RSV1 belongs to permessage-deflate
    /// where that was agreed on.
    ReservedBits(Rsv),
    /// The open message is compressed: its fragments go through
    /// [`send_fragment`](crate::Connection::send_fragment) (RFC 7692, section 6.1).
    CompressedMessage,
    /// The [`ChunkBuffer`](crate::ChunkBuffer) holds bytes of another connection or message, or
    /// lacks bytes of this one: keep to one buffer until the message is complete.
    WrongBuffer,
    /// The frame is not of the kind of the open message.
    WrongKind,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChunksHeld => f.write_str(
                "a chunk buffer holds bytes of the open message: flush it first",
            ),
            Self::Closing => {
                f.write_str("the connection is closing: no frame may follow the Close frame")
            }
            Self::ControlTooLong => {
                f.write_str("a control frame carries at most 125 bytes of payload")
            }
            Self::InvalidCode(code) => write!(f, "status code {code} may not be in a Close frame"),
            Self::FrameOpen { remaining } => write!(
                f,
                "the open frame lacks {remaining} bytes of payload: send those first"
            ),
            Self::FrameOverrun { remaining } => write!(
                f,
                "the open frame has room for {remaining} bytes of payload only"
            ),
            Self::FrameTooLong => f.write_str("a frame carries less than 2^63 bytes of payload"),
            Self::MessageOpen => f.write_str("a fragmented message is open: finish it first"),
            Self::NoMessageOpen => {
                f.write_str("the frame continues a message, but none is open: send its start first")
            }
            Self::NoMemory => f.write_str("there is no memory to compress the message"),
            Self::OutputFull { needed } => write!(
                f,
                "the output has no room for {needed} bytes: send what it holds, then try again"
            ),
            Self::ReasonWithoutCode => f.write_str("a reason needs a status code before it"),
            Self::ReservedBits(rsv) => write!(
                f,
                "no extension of the caller's uses the reserved bits {:03b}: agree on them first",
                rsv.bits()
            ),
            Self::CompressedMessage => {
                f.write_str("the open message is compressed: send its fragments whole")
            }
            Self::WrongBuffer => f.write_str(
                "the chunk buffer does not hold the bytes that come next: keep to one until the message is complete",
            ),
            Self::WrongKind => f.write_str("the frame is not of the kind of the open message"),
        }
    }
}

impl core::error::Error for SendError {}

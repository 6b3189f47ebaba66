//! What the engine owes the peer: on its way to the sender, and what could not go out yet, which is
//! at most one Pong and one Close, whatever the peer does.

use crate::event::ControlPayload;
use crate::frame::{CloseCode, CloseFrame};

/// What the peer is owed for a frame: from the [`Receiver`](super::Receiver) to the
/// [`Sender`](super::Sender), which knows what to make of it.
///
/// It belongs to the other half of the same connection, which cannot be checked.
///
/// The sender needs every one of them but those that [are Pongs](Self::is_pong). To answer Pings
/// yourself, leave those out: a gateway may let Pings through to the far end, so that an answer
/// says that the far end is alive, and not just the gateway. A Ping has to be answered in the end,
/// with its payload, by [`Sender::pong`](super::Sender::pong).
///
/// See [RFC 6455 section 5.5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2).
///
/// # Examples
///
/// One direction of such a gateway; the other one hands Pongs back in the same way.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use websocket_proto::frame::MaskingKey;
/// use websocket_proto::{Client, Config, Connection, Event, Negotiated, Server};
///
/// # let role = Client::new(|| MaskingKey::new([0; 4]));
/// let near = Connection::new(Server, Negotiated::default(), Config::default());
/// let (mut from_near, mut to_near) = near.split();
/// let mut far = Connection::new(role, Negotiated::default(), Config::default());
/// let (mut near_out, mut far_out) = (Vec::new(), Vec::new());
///
/// let mut read = *b"\x89\x82\0\0\0\0hi";
/// let mut input = &mut read[..];
/// while let Some(event) = from_near.receive(&mut input, |reply| {
///     if !reply.is_pong() {
///         to_near.reply(reply, &mut near_out);
///     }
/// })? {
///     match event {
///         Event::Ping(payload) => far.ping(&payload, &mut far_out)?,
///         Event::Pong(payload) => far.pong(&payload, &mut far_out)?,
///         Event::Chunk(chunk) => far.send_chunk(&chunk, &mut far_out)?,
///         _ => {}
///     }
/// }
/// assert_eq!(far_out, b"\x89\x82\0\0\0\0hi");
///
/// // Later the far end's Pong comes in, and goes back.
/// to_near.pong(b"hi", &mut near_out)?;
/// assert_eq!(near_out, b"\x8a\x02hi");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(pub(super) ReplyKind);

impl Reply {
    /// Whether it is the Pong that answers a Ping: the one kind of reply that the sender can do
    /// without.
    pub const fn is_pong(&self) -> bool {
        matches!(self.0, ReplyKind::Pong(_))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReplyKind {
    /// A Ping came with this payload.
    Pong(ControlPayload),
    /// This Close came.
    Close(CloseFrame),
    /// The peer is at fault.
    Fail(CloseCode),
    /// The transport's input has ended.
    End { inside_message: bool },
}

/// Replies that wait: for room in the output, or for the end of the frame that the caller is
/// sending.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pong: ControlPayload,
    pong_waits: bool,
    close: CloseReply,
}

/// A Close that waits. It has no reason: that would be a third of this crate's memory, for text
/// that few read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CloseReply {
    /// None waits.
    #[default]
    None,
    /// One without a status code.
    Empty,
    /// One with this status code, which may be sent.
    Code(CloseCode),
}

impl Replies {
    /// Whether nothing waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        !self.pong_waits && self.close == CloseReply::None
    }

    /// Lets a Pong wait, in place of one that waits already.
    pub(super) fn push_pong(&mut self, payload: ControlPayload) {
        // "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping
        // frame" (section 5.5.3).
        self.pong = payload;
        self.pong_waits = true;
    }

    /// Lets a Close wait, in the place of nothing else: there is one in a connection.
    pub(super) fn push_close(&mut self, frame: &CloseFrame) {
        self.close = if frame.is_empty() {
            CloseReply::Empty
        } else {
            CloseReply::Code(frame.code())
        };
    }

    /// The Pong that waits.
    pub(super) fn pong(&self) -> Option<&ControlPayload> {
        self.pong_waits.then_some(&self.pong)
    }

    /// The Close that waits; it goes out after the Pong.
    pub(super) fn close(&self) -> Option<CloseFrame> {
        match self.close {
            CloseReply::None => None,
            CloseReply::Empty => Some(CloseFrame::empty()),
            // Only a frame that was valid was pushed.
            CloseReply::Code(code) => CloseFrame::new(code, "").ok(),
        }
    }

    /// Forgets the Pong: it has gone out, or never can.
    pub(super) fn forget_pong(&mut self) {
        self.pong_waits = false;
    }

    /// Forgets the Close, which can never go out.
    pub(super) fn forget_close(&mut self) {
        self.close = CloseReply::None;
    }
}

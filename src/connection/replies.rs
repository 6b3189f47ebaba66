//! What the engine owes the peer: on its way to the sender, and what could not go out yet, which is
//! at most one Pong and one Close, whatever the peer does.

use crate::event::ControlPayload;
use crate::frame::{CloseCode, CloseFrame};

/// What the peer is owed for a frame: from the [`Receiver`](super::Receiver) to the
/// [`Sender`](super::Sender), which knows what to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(pub(super) ReplyKind);

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

    /// The Pong has gone out.
    pub(super) fn pong_sent(&mut self) {
        self.pong_waits = false;
    }
}

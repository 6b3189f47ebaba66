//! The closing handshake: what was sent and received of it, and who closes the transport, and when.
//!
//! ```text
//!              close / a Close comes          both Close frames             the transport
//! +------+     / a fault is found  +---------+    are done     +---------+     has ended +--------+
//! | Open | ----------------------> | Closing | --------------> | Closing | ------------> | Closed |
//! +------+                         +---------+                 +---------+               +--------+
//! KeepOpen                         KeepOpen                    server: CloseNow          CloseNow
//!                                  (after a fault, with        client: AwaitPeerClose
//!                                  the Close out: CloseNow)
//! ```
//!
//! The end of the transport leads from every state to Closed.

use crate::frame::CloseCode;

/// How far the connection is, as far as the data phase knows it.
///
/// See [RFC 6455 sections 7.1.3 and 7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the RFC's states, but for CONNECTING, which is before the data phase"
)]
pub enum State {
    /// OPEN: messages go both ways.
    Open,
    /// CLOSING: a Close frame was sent or received, or the connection has failed.
    Closing,
    /// CLOSED: [`receive_eof`](crate::Connection::receive_eof) has said how.
    Closed,
}

/// What the caller is to do with its transport (its TCP connection, say), once the output is
/// written.
///
/// See [RFC 6455 section 7.1.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle every one")]
#[must_use = "it says whether the transport is to be closed"]
pub enum Transport {
    /// Keep it open: go on reading and writing.
    KeepOpen,
    /// The closing handshake is done and the server closes first: read on until the end, but set a
    /// deadline.
    AwaitPeerClose,
    /// Close it now.
    CloseNow,
}

/// How a connection ended.
///
/// See [RFC 6455 sections 7.1.4 to 7.1.6](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closure {
    /// Both Close frames were exchanged before the transport ended; this is the peer's code, 1005
    /// if it gave none.
    Clean(CloseCode),
    /// The peer's Close came, but the answer to it did not leave; this is the peer's code.
    Unanswered(CloseCode),
    /// The transport ended between messages, without a Close from the peer.
    Abnormal,
    /// The transport ended inside a frame or inside a fragmented message.
    Truncated,
    /// This endpoint had failed the connection.
    Failed,
}

impl Closure {
    /// _The WebSocket Connection Close Code_: the peer's, 1005 or 1006.
    ///
    /// See [RFC 6455 section 7.1.5](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5).
    pub const fn code(self) -> CloseCode {
        match self {
            Self::Clean(code) | Self::Unanswered(code) => code,
            Self::Abnormal | Self::Truncated | Self::Failed => CloseCode::ABNORMAL_CLOSURE,
        }
    }

    /// Whether the connection closed _cleanly_.
    ///
    /// See [RFC 6455 section 7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4).
    pub const fn is_clean(self) -> bool {
        matches!(self, Self::Clean(_))
    }
}

/// What has happened of the closing handshake.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// Our Close is in an output.
    pub(super) sent: bool,
    /// The code of the peer's Close, 1005 if it had none.
    pub(super) received: Option<CloseCode>,
    /// We have failed the connection.
    pub(super) failed: bool,
    /// The transport has ended, and so did the connection.
    pub(super) ended: Option<Closure>,
}

impl Closing {
    /// Whether anything of it has happened: no more frames but a Close that is owed.
    #[inline]
    pub(super) const fn has_begun(&self) -> bool {
        self.sent || self.received.is_some() || self.failed || self.ended.is_some()
    }

    pub(super) const fn state(&self) -> State {
        if self.ended.is_some() {
            State::Closed
        } else if self.has_begun() {
            State::Closing
        } else {
            State::Open
        }
    }

    pub(super) const fn transport(&self, is_server: bool, replies_wait: bool) -> Transport {
        if self.ended.is_some() {
            return Transport::CloseNow;
        }
        if replies_wait {
            return Transport::KeepOpen;
        }
        match self {
            // "To do so, the client MUST _Close the WebSocket Connection_ [...] Similarly, to do
            // so, the server MUST _Close the WebSocket Connection_" (section 7.1.7).
            Self { failed: true, .. } => Transport::CloseNow,
            // "The server MUST close the underlying TCP connection immediately; the client SHOULD
            // wait for the server to close the connection" (section 5.5.1).
            Self {
                sent: true,
                received: Some(_),
                ..
            } if is_server => Transport::CloseNow,
            Self {
                sent: true,
                received: Some(_),
                ..
            } => Transport::AwaitPeerClose,
            _ => Transport::KeepOpen,
        }
    }

    pub(super) const fn closure(&self, inside_message: bool) -> Closure {
        match (self.received, self.sent) {
            (Some(code), true) => Closure::Clean(code),
            (Some(code), false) => Closure::Unanswered(code),
            (None, _) if self.failed => Closure::Failed,
            (None, _) if inside_message => Closure::Truncated,
            (None, _) => Closure::Abnormal,
        }
    }
}

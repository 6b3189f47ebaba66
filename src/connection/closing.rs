//! The closing handshake: what was sent and received of it, and who closes the transport, and when.
//!
//! ```text
//!              close / a Close comes          both Close frames             the transport
//! +------+     / a fault is found  +---------+    are done     +---------+     has ended +--------+
//! | Open | ----------------------> | Closing | --------------> | Closing | ------------> | Closed |
//! +------+                         +---------+                 +---------+               +--------+
//! KeepOpen                         KeepOpen                    server: CloseNow          CloseNow
//!                                  (after a fault, with        client: AwaitPeerClose
//!                                  the Close out: CloseNow;
//!                                  with a Close that fits no
//!                                  output dropped: CloseNow)
//! ```
//!
//! The end of the transport leads from every state to Closed.

use core::fmt;

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
    /// The peer's Close came, but the answer to it did not leave, or had to be
    /// [dropped](crate::MIN_OUTPUT_LEN); this is the peer's code.
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

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean(code) => write!(f, "closed cleanly with status code {code}"),
            Self::Unanswered(code) => write!(
                f,
                "closed by the peer with status code {code}, before the answer left"
            ),
            Self::Abnormal => f.write_str("the transport ended without a Close frame"),
            Self::Truncated => f.write_str("the transport ended inside a message"),
            Self::Failed => f.write_str("this endpoint failed the connection"),
        }
    }
}

/// What has happened of the closing handshake.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each may happen once, in nearly any order"
)]
pub(super) struct Closing {
    /// Whether any of the following has happened: one flag for the path of every frame.
    begun: bool,
    /// Our Close is in an output.
    sent: bool,
    /// The code of the peer's Close, 1005 if it had none.
    received: Option<CloseCode>,
    /// We have failed the connection.
    failed: bool,
    /// Our Close was dropped: it is longer than the caller's output can ever hold.
    dropped: bool,
    /// The transport has ended, and so did the connection.
    ended: Option<Closure>,
}

impl Closing {
    /// Notes that our Close is in an output.
    pub(super) const fn set_sent(&mut self) {
        self.begun = true;
        self.sent = true;
    }

    /// Notes the peer's Close with this code, 1005 if it had none.
    pub(super) const fn set_received(&mut self, code: CloseCode) {
        self.begun = true;
        self.received = Some(code);
    }

    /// Notes that we have failed the connection.
    pub(super) const fn set_failed(&mut self) {
        self.begun = true;
        self.failed = true;
    }

    /// Notes that our Close was dropped.
    pub(super) const fn set_dropped(&mut self) {
        self.begun = true;
        self.dropped = true;
    }

    /// Notes that the transport has ended, which ends the connection so.
    pub(super) const fn set_ended(&mut self, closure: Closure) {
        self.begun = true;
        self.ended = Some(closure);
    }

    /// Whether the closing handshake has begun, the connection has failed or has ended: no more
    /// frames but a Close that is owed.
    #[inline]
    pub(super) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether we have failed the connection.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed
    }

    /// How the connection has ended, if it has.
    pub(super) const fn ended(&self) -> Option<Closure> {
        self.ended
    }

    /// Whether our Close has gone out, or was dropped: there is one in a connection.
    pub(super) const fn is_close_done(&self) -> bool {
        self.sent || self.dropped
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
            // And where a Close cannot leave, the end of the transport has to tell the peer.
            Self { failed: true, .. } | Self { dropped: true, .. } => Transport::CloseNow,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What may happen, in any order.
    const SENT: usize = 1;
    const RECEIVED: usize = 2;
    const FAILED: usize = 4;
    const ENDED: usize = 8;
    const DROPPED: usize = 16;

    fn after(happened: usize) -> Closing {
        let mut closing = Closing::default();
        if happened & SENT != 0 {
            closing.set_sent();
        }
        if happened & RECEIVED != 0 {
            closing.set_received(CloseCode::NORMAL);
        }
        if happened & FAILED != 0 {
            closing.set_failed();
        }
        if happened & DROPPED != 0 {
            closing.set_dropped();
        }
        if happened & ENDED != 0 {
            closing.set_ended(Closure::Abnormal);
        }
        closing
    }

    /// The diagram at the top of this file, row by row: what has happened, the state, and what a
    /// server and a client are to do with the transport when nothing waits.
    const DIAGRAM: [(usize, State, Transport, Transport); 11] = {
        use State::{Closing, Open};
        use Transport::{AwaitPeerClose, CloseNow, KeepOpen};
        [
            (0, Open, KeepOpen, KeepOpen),
            (SENT, Closing, KeepOpen, KeepOpen),
            (RECEIVED, Closing, KeepOpen, KeepOpen),
            (SENT | RECEIVED, Closing, CloseNow, AwaitPeerClose),
            (FAILED, Closing, CloseNow, CloseNow),
            (FAILED | SENT, Closing, CloseNow, CloseNow),
            (FAILED | RECEIVED, Closing, CloseNow, CloseNow),
            (FAILED | SENT | RECEIVED, Closing, CloseNow, CloseNow),
            (DROPPED | RECEIVED, Closing, CloseNow, CloseNow),
            (DROPPED | FAILED, Closing, CloseNow, CloseNow),
            (DROPPED | FAILED | RECEIVED, Closing, CloseNow, CloseNow),
        ]
    };

    #[test]
    fn s7_1_the_diagram_is_what_the_code_does() {
        for (happened, state, server, client) in DIAGRAM {
            let closing = after(happened);
            assert_eq!(closing.state(), state, "{happened:#06b}");
            assert_eq!(closing.transport(true, false), server, "{happened:#06b}");
            assert_eq!(closing.transport(false, false), client, "{happened:#06b}");
            // A Close that is owed keeps the transport open until it is out.
            assert_eq!(
                closing.transport(true, true),
                Transport::KeepOpen,
                "{happened:#06b}"
            );
            assert_eq!(closing.has_begun(), state != State::Open, "{happened:#06b}");

            // The end of the transport leads from every state to Closed.
            let closing = after(happened | ENDED);
            assert_eq!(closing.state(), State::Closed, "{happened:#06b}");
            assert_eq!(
                closing.transport(false, true),
                Transport::CloseNow,
                "{happened:#06b}"
            );
            assert!(closing.has_begun());
        }
    }

    #[test]
    fn a_closure_says_in_words_how_it_ended() {
        extern crate alloc;
        let code = CloseCode::GOING_AWAY;
        for (closure, words) in [
            (Closure::Clean(code), "closed cleanly with status code 1001"),
            (
                Closure::Unanswered(code),
                "closed by the peer with status code 1001, before the answer left",
            ),
            (
                Closure::Abnormal,
                "the transport ended without a Close frame",
            ),
            (Closure::Truncated, "the transport ended inside a message"),
            (Closure::Failed, "this endpoint failed the connection"),
        ] {
            assert_eq!(alloc::format!("{closure}"), words);
        }
    }

    #[test]
    fn s7_1_4_only_both_close_frames_make_a_clean_end() {
        for (happened, ..) in DIAGRAM {
            for inside_message in [false, true] {
                let closure = after(happened).closure(inside_message);
                let both = happened & (SENT | RECEIVED) == SENT | RECEIVED;
                assert_eq!(closure.is_clean(), both, "{happened:#06b}");
                let peers_code = happened & RECEIVED != 0;
                assert_eq!(
                    closure.code() == CloseCode::NORMAL,
                    peers_code,
                    "{happened:#06b}"
                );
                if happened & (RECEIVED | FAILED) == 0 {
                    let cut = closure == Closure::Truncated;
                    assert_eq!(cut, inside_message, "{happened:#06b}");
                }
            }
        }
    }
}

//! What a peer is to the bench, and what checks it.

use std::any::Any;
use std::hint::black_box;
use std::rc::Rc;

use bytes::Bytes;

use crate::wire::Wire;

/// The role that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Payloads of one length, sent one after the other and then again.
pub(crate) type Payloads = Rc<[Bytes]>;

/// What messages are to be received.
#[derive(Clone)]
pub(crate) struct Receipt {
    pub(crate) side: Side,
    /// The length of a message.
    pub(crate) len: usize,
    /// Whether messages come in more than one frame.
    pub(crate) fragmented: bool,
}

/// A connection that receives until the sink wants no more, and goes on with the next call.
pub(crate) type Receiving = Box<dyn FnMut(&mut Sink)>;
/// A connection that sends that many messages, each by a write of its own.
pub(crate) type Sending = Box<dyn FnMut(usize)>;
/// Does that many opening handshakes, from the first byte to the last.
pub(crate) type Shaking = Box<dyn FnMut(usize)>;

/// What a peer leaves out of what RFC 6455 asks, or of what the row is about.
#[derive(Clone, Copy, Default)]
pub(crate) struct Leaves {
    /// It hands out frames or parts of them; messages are the caller's to put together.
    pub(crate) messages: bool,
    /// It does not check that text is UTF-8.
    pub(crate) utf8: bool,
    /// It leaves checks of the opening handshake to the caller.
    pub(crate) handshake: bool,
    /// It sends what it is given, also behind a Close.
    pub(crate) closing: bool,
    /// What it compresses does not refer to earlier messages.
    pub(crate) context: bool,
}

/// One library. `None` is for what it does not do.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    fn leaves(&self) -> Leaves {
        Leaves::default()
    }

    /// Whether the targets were set by a measurement that it was part of.
    fn set_targets(&self) -> bool {
        true
    }

    /// Whole messages; parts from those that [leave](Leaves::messages) them to the caller.
    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving>;

    /// A message in pieces as they arrive, none held back.
    fn receive_pieces(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let _ = (receipt, wire);
        None
    }

    /// Sends binary messages. The payloads stay as they are.
    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending>;

    /// Accepts this request.
    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let _ = request;
        None
    }

    /// Asks for a connection and checks the answer.
    fn client_handshake(&self) -> Option<Shaking> {
        None
    }

    /// Receives text under permessage-deflate with context takeover, as a server.
    fn receive_deflated(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let _ = (receipt, wire);
        None
    }

    /// Sends text under permessage-deflate with context takeover at level 6, as a server.
    fn send_deflated(&self, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let _ = (payloads, wire);
        None
    }

    /// A server's connection that has received nothing yet. A buffer for reads that connections
    /// can share is not part of it.
    fn idle(&self) -> Option<Box<dyn Any>>;
}

/// Takes what a peer has received.
pub(crate) struct Sink {
    expected: Payloads,
    len: usize,
    /// Whether each byte is compared, which is not done while time is taken.
    exact: bool,
    /// Whether messages may be of any length.
    any: bool,
    messages: usize,
    until: usize,
    /// How much of a message has come in parts.
    part: usize,
}

impl Sink {
    /// Wants `until` messages or more, and looks at each byte.
    pub(crate) fn new(expected: &Payloads, until: usize) -> Self {
        Self {
            expected: Rc::clone(expected),
            len: expected[0].len(),
            exact: true,
            any: false,
            messages: 0,
            until,
            part: 0,
        }
    }

    /// Wants one message, whichever.
    pub(crate) fn any() -> Self {
        Self {
            exact: false,
            any: true,
            ..Self::new(&[Bytes::new()].into(), 1)
        }
    }

    /// Wants `until` messages more, which it only counts.
    pub(crate) fn again(&mut self, until: usize) {
        self.exact = false;
        self.messages = 0;
        self.until = until;
    }

    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    #[inline]
    pub(crate) fn wants_more(&self) -> bool {
        self.messages < self.until
    }

    /// Takes a whole message.
    #[inline]
    pub(crate) fn message(&mut self, bytes: &[u8]) {
        let bytes = black_box(bytes);
        assert!(
            bytes.len() == self.len || self.any,
            "a message of another length"
        );
        if self.exact {
            self.compare(0, bytes);
        }
        self.messages += 1;
    }

    /// Takes a part of a message.
    #[inline]
    pub(crate) fn part(&mut self, bytes: &[u8], last: bool) {
        let bytes = black_box(bytes);
        if self.exact {
            self.compare(self.part, bytes);
        }
        self.part += bytes.len();
        if last {
            assert!(
                self.part == self.len || self.any,
                "a message of another length"
            );
            self.part = 0;
            self.messages += 1;
        }
    }

    /// Counts a message that nobody has looked for.
    pub(crate) fn reference_message(&mut self) {
        self.messages += 1;
    }

    fn compare(&self, at: usize, bytes: &[u8]) {
        let expected = &self.expected[self.messages % self.expected.len()];
        assert!(
            expected.get(at..at + bytes.len()) == Some(bytes),
            "other bytes than were sent"
        );
    }
}

/// The next of the payloads, in turn.
pub(crate) struct Turns {
    payloads: Payloads,
    next: usize,
}

impl Turns {
    pub(crate) fn new(payloads: Payloads) -> Self {
        Self { payloads, next: 0 }
    }

    #[inline]
    pub(crate) fn next(&mut self) -> &Bytes {
        let payload = &self.payloads[self.next];
        self.next += 1;
        if self.next == self.payloads.len() {
            self.next = 0;
        }
        payload
    }
}

/// Masking keys and nonces as a client might make them: xorshift, which costs next to nothing.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    #[inline]
    pub(crate) fn key(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.next().to_le_bytes();
        [a, b, c, d]
    }

    pub(crate) fn nonce(&mut self) -> [u8; 16] {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&self.next().to_le_bytes());
        nonce[8..].copy_from_slice(&self.next().to_le_bytes());
        nonce
    }
}

//! permessage-deflate: what the two ends agree on, and what each does with it.
//!
//! Both ends have to want it. A server says so in
//! [`Acceptance::deflate`](crate::handshake::server::Acceptance::deflate), a client in
//! [`Handshake::deflate`](crate::handshake::client::Handshake::deflate), each with a [`Policy`];
//! what comes of it stands in [`Negotiated`](crate::Negotiated) as an [`Agreement`], and the
//! [`Connection`](crate::Connection) made from that inflates and compresses by itself.
//!
//! | who | what it holds | when |
//! |---|---|---|
//! | inflating | one window of 32 KiB and its tables | from the first compressed message on |
//! | compressing | a window, a hash table, what it has not yet given out | from the first message to compress on |
//!
//! On the heap, on 64-bit targets:
//!
//! - Inflating: 47 KiB, whatever the window; with
//!   [`receive_message`](crate::Connection::receive_message) 4 KiB more, which become 68 KiB
//!   when messages inflate to as much, beside the assembler.
//! - Compressing, by window (down) and memory level (across), in KiB; with the defaults 373. 128 of them
//!   are a hash table whose length nothing changes, so low levels save less than they do in zlib.
//!   Beside that, messages longer than 1 KiB when compressed need their own length, to the next power of
//!   two.
//!
//! | | 1 | 5 | 8 | 9 |
//! |---|---|---|---|---|
//! | 9 bits | 136 | 149 | 247 | 359 |
//! | 11 bits | 142 | 155 | 253 | 365 |
//! | 13 bits | 166 | 179 | 277 | 389 |
//! | 15 bits | 262 | 275 | 373 | 485 |
//!
//! This was measured, and is held, by
//! `cargo test --all-features --test deflate_memory -- --nocapture`, which prints all of it. Once both
//! are there, messages allocate nothing.
//!
//! Either can be given back between messages, and supplied to another connection: see
//! [`Connection::release_inflate`](crate::Connection::release_inflate) and
//! [`release_compress`](crate::Connection::release_compress).
//!
//! See [RFC 7692](https://www.rfc-editor.org/rfc/rfc7692).

mod compress;
mod inflate;

use core::num::NonZeroU8;

pub use compress::CompressState;
pub(crate) use compress::Compressor;
pub use inflate::InflateState;
pub(crate) use inflate::{Inflated, Inflater, Then};

/// How far back a compressed message may refer, as the power of two of a number of bytes: 8 to 15.
///
/// See [RFC 7692 section 7.1.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2).
///
/// # Examples
///
/// ```
/// use websocket_proto::deflate::WindowBits;
///
/// assert_eq!(WindowBits::new(10).map(WindowBits::window_len), Some(1024));
/// assert_eq!(WindowBits::new(16), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(NonZeroU8);

impl WindowBits {
    /// 8 bits, 256 bytes.
    ///
    /// The compressor here cannot keep to so short a window: where it would have to, nothing is
    /// compressed.
    pub const MIN: Self = Self(NonZeroU8::MIN.saturating_add(7));

    /// 15 bits, 32 KiB: what is meant where nothing is said.
    pub const MAX: Self = Self(NonZeroU8::MIN.saturating_add(14));

    /// A number of bits from 8 to 15; of another number nothing.
    pub const fn new(bits: u8) -> Option<Self> {
        match NonZeroU8::new(bits) {
            Some(bits) if bits.get() >= 8 && bits.get() <= 15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The number of bits.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// The length of the window in bytes.
    pub const fn window_len(self) -> usize {
        1 << self.0.get()
    }
}

/// What one side wants of permessage-deflate, in either role.
///
/// "Send" is the direction of this side, "receive" that of the peer. What is wanted for sending holds;
/// what is wanted for receiving is asked of the peer, as far as it may be asked.
///
/// # Examples
///
/// ```
/// use websocket_proto::deflate::{Policy, WindowBits};
///
/// // Many connections, little memory: nothing is kept between messages.
/// let frugal = Policy::default()
///     .send_context_takeover(false)
///     .receive_context_takeover(false)
///     .send_window_bits(WindowBits::new(12).unwrap_or(WindowBits::MAX))
///     .memory_level(5)
///     .threshold(512);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    pub(crate) send: Direction,
    pub(crate) receive: Direction,
    pub(crate) local: Local,
    pub(crate) send_window_negotiable: bool,
}

/// What holds for the messages of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) window_bits: WindowBits,
    pub(crate) context_takeover: bool,
}

impl Direction {
    const DEFAULT: Self = Self {
        window_bits: WindowBits::MAX,
        context_takeover: true,
    };
}

/// What concerns this side only; the peer is not asked about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) level: u8,
    pub(crate) memory_level: u8,
    pub(crate) threshold: u32,
    pub(crate) max_ratio: u32,
}

impl Policy {
    /// The defaults, for constants.
    pub const fn new() -> Self {
        Self {
            send: Direction::DEFAULT,
            receive: Direction::DEFAULT,
            local: Local {
                level: 6,
                memory_level: 8,
                threshold: 32,
                max_ratio: u32::MAX,
            },
            send_window_negotiable: true,
        }
    }

    /// The longest window to compress with; by default 15 bits.
    #[must_use]
    pub const fn send_window_bits(mut self, bits: WindowBits) -> Self {
        self.send.window_bits = bits;
        self
    }

    /// The longest window that the peer is asked to compress with; by default 15 bits.
    ///
    /// A server can ask this only of a client that says it can do so. It saves no memory here, where
    /// inflating always keeps 32 KiB, but may do so at the peer.
    #[must_use]
    pub const fn receive_window_bits(mut self, bits: WindowBits) -> Self {
        self.receive.window_bits = bits;
        self
    }

    /// Whether a client lets the server shorten the window to compress with; by default it does.
    ///
    /// If not, the offer leaves out `client_max_window_bits`, which some servers do not know. An
    /// answer with that parameter then fails the handshake. The policy of a server is not affected.
    ///
    /// See [RFC 7692 section 7.1.2.2](https://www.rfc-editor.org/rfc/rfc7692#section-7.1.2.2).
    #[must_use]
    pub const fn send_window_negotiable(mut self, negotiable: bool) -> Self {
        self.send_window_negotiable = negotiable;
        self
    }

    /// Whether messages that go out may refer to those before them; by default they do.
    ///
    /// Without it nothing needs to be kept between messages, but small ones that resemble each other
    /// grow several times larger.
    #[must_use]
    pub const fn send_context_takeover(mut self, wanted: bool) -> Self {
        self.send.context_takeover = wanted;
        self
    }

    /// Whether the peer's messages may refer to those before them; by default they may.
    #[must_use]
    pub const fn receive_context_takeover(mut self, wanted: bool) -> Self {
        self.receive.context_takeover = wanted;
        self
    }

    /// How hard to try, from 0 (store) over 1 (fastest) to 9; by default 6. More counts as 9.
    #[must_use]
    pub const fn level(mut self, level: u8) -> Self {
        self.local.level = match level {
            0..=9 => level,
            _ => 9,
        };
        self
    }

    /// How much memory to compress with, from 1 to 9; by default 8. Less counts as 1, more as 9.
    #[must_use]
    pub const fn memory_level(mut self, level: u8) -> Self {
        self.local.memory_level = match level {
            0 => 1,
            1..=9 => level,
            _ => 9,
        };
        self
    }

    /// Messages of fewer bytes go out as they are; by default 32.
    ///
    /// So short a message hardly gets shorter. Does not hold for messages that are sent in
    /// fragments, whose length is not known when they begin.
    #[must_use]
    pub const fn threshold(mut self, bytes: u32) -> Self {
        self.local.threshold = bytes;
        self
    }

    /// How many times longer than on the wire a message of the peer's may get; by default there is no
    /// such limit. Up to 64 KiB pass whatever their ratio.
    ///
    /// What a peer can make this side hold is bounded by
    /// [`Config::max_message_len`](crate::Config::max_message_len). This bounds what it can make
    /// this side do for a byte: DEFLATE gets to 1032 at most, which text never comes near, but a
    /// picture of one colour does. The length on the wire is that of the payload that has
    /// come, each begun KiB counted as a whole; what passes the limit ends the connection with 1009.
    #[must_use]
    pub const fn max_ratio(mut self, times: u32) -> Self {
        self.local.max_ratio = times;
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

/// What both sides have agreed on, and what this side spends on it.
///
/// The opening handshake makes it. Where somebody else did that, [`new`](Self::new) does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub(crate) send: Direction,
    pub(crate) receive: Direction,
    pub(crate) local: Local,
}

impl Agreement {
    /// What was agreed on elsewhere, exactly as `policy` wants it in both directions.
    pub const fn new(policy: &Policy) -> Self {
        Self {
            send: policy.send,
            receive: policy.receive,
            local: policy.local,
        }
    }

    /// The longest window of the messages that go out.
    pub const fn send_window_bits(&self) -> WindowBits {
        self.send.window_bits
    }

    /// The longest window of the peer's messages.
    pub const fn receive_window_bits(&self) -> WindowBits {
        self.receive.window_bits
    }

    /// Whether messages that go out may refer to those before them.
    pub const fn send_context_takeover(&self) -> bool {
        self.send.context_takeover
    }

    /// Whether the peer's messages may refer to those before them.
    pub const fn receive_context_takeover(&self) -> bool {
        self.receive.context_takeover
    }
}

#[cfg(test)]
mod tests {
    use super::WindowBits;

    #[test]
    fn window_bits_are_8_to_15() {
        let valid = (0..=u8::MAX).filter(|bits| WindowBits::new(*bits).is_some());
        assert!(valid.eq(8..=15));
        assert_eq!((WindowBits::MIN.get(), WindowBits::MAX.get()), (8, 15));
    }
}

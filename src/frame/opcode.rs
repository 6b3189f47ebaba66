//! Opcodes.

/// What a frame is: the four-bit opcode, without the values that RFC 6455 reserves.
///
/// See [RFC 6455 section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 has used the same six since 2011; a match on them should be complete"
)]
pub enum Opcode {
    /// `0x0`: goes on with a fragmented message.
    Continuation = 0x0,
    /// `0x1`: a text message, or its first fragment.
    Text = 0x1,
    /// `0x2`: a binary message, or its first fragment.
    Binary = 0x2,
    /// `0x8`: starts or answers the closing handshake.
    Close = 0x8,
    /// `0x9`: asks for a Pong.
    Ping = 0x9,
    /// `0xA`: answers a Ping, or comes unasked.
    Pong = 0xa,
}

impl Opcode {
    /// The opcode with these four bits, `None` for a reserved one (`0x3` to `0x7`, `0xB` to `0xF`).
    #[inline]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0x0 => Some(Self::Continuation),
            0x1 => Some(Self::Text),
            0x2 => Some(Self::Binary),
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xa => Some(Self::Pong),
            _ => None,
        }
    }

    /// The four bits on the wire.
    #[inline]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    /// Whether this is a Close, Ping or Pong, which may come between the fragments of a message.
    ///
    /// See [RFC 6455 section 5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).
    #[inline]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// What a message is made of.
///
/// See [RFC 6455 section 5.6](https://www.rfc-editor.org/rfc/rfc6455#section-5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6455 knows these two")]
pub enum MessageKind {
    /// Text: UTF-8.
    Text,
    /// Binary: any bytes.
    Binary,
}

impl MessageKind {
    /// The opcode that starts a message of this kind.
    #[inline]
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

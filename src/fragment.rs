//! The position of a frame in its message.

/// The position of a frame in its message, which the caller states for every frame.
///
/// Only [`Only`](Self::Only) and [`First`](Self::First) begin a message. Only `Only` and
/// [`Last`](Self::Last) end one.
///
/// | variant | opcode | FIN |
/// |---|---|---|
/// | `Only` | text or binary | 1 |
/// | `First` | text or binary | 0 |
/// | `Middle` | continuation | 0 |
/// | `Last` | continuation | 1 |
///
/// See [RFC 6455 section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "FIN and the opcode of a data frame have these four combinations"
)]
pub enum Fragment {
    /// The frame is the whole message: an unfragmented one.
    Only,
    /// The frame begins a message, and others follow.
    First,
    /// The frame continues a message, and others follow.
    Middle,
    /// The frame ends a message that another frame began.
    Last,
}

impl Fragment {
    /// Returns the position of a frame that begins its message if `first` and ends it if `last`.
    #[inline]
    pub const fn new(first: bool, last: bool) -> Self {
        match (first, last) {
            (true, true) => Self::Only,
            (true, false) => Self::First,
            (false, false) => Self::Middle,
            (false, true) => Self::Last,
        }
    }

    /// Whether the frame begins its message.
    #[inline]
    pub const fn is_first(self) -> bool {
        matches!(self, Self::Only | Self::First)
    }

    /// Whether the frame ends its message, as FIN says.
    #[inline]
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Only | Self::Last)
    }
}

//! Status codes and the payload of Close frames.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

use super::MAX_CONTROL_PAYLOAD;

/// The most that the reason in a Close frame may have, in bytes of UTF-8.
const MAX_REASON: usize = 123;

/// A status code: why an endpoint closes the connection.
///
/// Any number can be held; whether it may be on the wire is asked with
/// [`is_sendable`](CloseCode::is_sendable).
///
/// See [RFC 6455 section 7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

/// The table of the codes that have a name: RFC 6455 section 7.4.1 and the registry that it set up
/// (section 11.7).
macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl CloseCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*
        }
    };
}

close_codes! {
    /// 1000: the purpose for which the connection was made has been fulfilled.
    NORMAL = 1000;
    /// 1001: the endpoint goes away, as a server that shuts down or a page that is left.
    GOING_AWAY = 1001;
    /// 1002: the peer broke the protocol.
    PROTOCOL_ERROR = 1002;
    /// 1003: the peer sent a kind of data that the endpoint cannot take.
    UNSUPPORTED_DATA = 1003;
    /// 1005, never on the wire: the Close frame had no status code.
    NO_STATUS_RECEIVED = 1005;
    /// 1006, never on the wire: the connection ended without a Close frame.
    ABNORMAL_CLOSURE = 1006;
    /// 1007: a message had data that does not fit its kind, as text that is not UTF-8.
    INVALID_PAYLOAD_DATA = 1007;
    /// 1008: the peer broke a rule of the endpoint's own.
    POLICY_VIOLATION = 1008;
    /// 1009: a message is too big for the endpoint.
    MESSAGE_TOO_BIG = 1009;
    /// 1010: the server did not agree to an extension that the client needs.
    MANDATORY_EXTENSION = 1010;
    /// 1011: the server met a condition that it did not expect.
    INTERNAL_ERROR = 1011;
    /// 1012: the service restarts (registered with IANA).
    SERVICE_RESTART = 1012;
    /// 1013: try again later (registered with IANA).
    TRY_AGAIN_LATER = 1013;
    /// 1014: a gateway got an invalid answer from the server behind it (registered with IANA).
    BAD_GATEWAY = 1014;
    /// 1015, never on the wire: the TLS handshake failed.
    TLS_HANDSHAKE = 1015;
}

impl CloseCode {
    /// The code with this number.
    pub const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether the code may be in a Close frame, sent or received: 1000 to 1003, 1007 to 1014 and
    /// 3000 to 4999.
    ///
    /// See [RFC 6455 section 7.4.2](https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2). 1012 to
    /// 1014 were registered later.
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self::new(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.get()
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a Close frame says: a status code and a reason, or nothing.
///
/// See [RFC 6455 section 5.5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1).
///
/// # Examples
///
/// ```
/// use websocket_proto::frame::{CloseCode, CloseFrame};
///
/// let close = CloseFrame::decode(b"\x03\xe8bye")?;
/// assert_eq!((close.code(), close.reason()), (CloseCode::NORMAL, "bye"));
/// assert_eq!(CloseFrame::decode(b"")?.code(), CloseCode::NO_STATUS_RECEIVED);
/// # Ok::<(), websocket_proto::frame::CloseFrameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// `None` only when the payload is empty.
    code: Option<CloseCode>,
    reason: ArrayString<MAX_REASON>,
}

impl CloseFrame {
    /// A Close frame without a payload.
    pub fn empty() -> Self {
        Self {
            code: None,
            reason: ArrayString::new(),
        }
    }

    /// A Close frame with a status code and a reason; a reason of more than 123 bytes is cut before
    /// the character that would pass them.
    ///
    /// # Errors
    ///
    /// [`CloseFrameError::InvalidCode`] when the code [may not be sent](CloseCode::is_sendable).
    pub fn new(code: CloseCode, reason: &str) -> Result<Self, CloseFrameError> {
        // "1005 is a reserved value and MUST NOT be set as a status code in a Close control frame"
        // (section 7.4.1, and so for 1006 and 1015); the other ranges are section 7.4.2's.
        if !code.is_sendable() {
            return Err(CloseFrameError::InvalidCode(code));
        }
        let mut frame = Self {
            code: Some(code),
            ..Self::empty()
        };
        let cut = cut_between_chars(reason, MAX_REASON);
        // What was cut to the room there is cannot fail to fit.
        let _ = frame.reason.try_push_str(cut);
        Ok(frame)
    }

    /// Decodes the unmasked payload of a Close frame.
    ///
    /// # Errors
    ///
    /// - [`CloseFrameError::Truncated`]: one byte is no status code.
    /// - [`CloseFrameError::InvalidCode`]: the code may not be on the wire.
    /// - [`CloseFrameError::InvalidReason`]: the reason is not UTF-8.
    /// - [`CloseFrameError::TooLong`]: more than 125 bytes.
    pub fn decode(payload: &[u8]) -> Result<Self, CloseFrameError> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            // "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
            // integer" (section 5.5.1).
            return if payload.is_empty() {
                Ok(Self::empty())
            } else {
                Err(CloseFrameError::Truncated)
            };
        };
        let code = CloseCode(u16::from_be_bytes(*code));
        if !code.is_sendable() {
            return Err(CloseFrameError::InvalidCode(code));
        }
        // "the body MAY contain UTF-8-encoded data" (section 5.5.1); section 8.1 fails what is not.
        let reason = core::str::from_utf8(reason).map_err(|_| CloseFrameError::InvalidReason)?;
        let reason = ArrayString::from(reason).map_err(|_| CloseFrameError::TooLong)?;
        Ok(Self {
            code: Some(code),
            reason,
        })
    }

    /// The status code, [`CloseCode::NO_STATUS_RECEIVED`] (1005) when the frame is empty.
    ///
    /// See [RFC 6455 section 7.1.5](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.5).
    pub fn code(&self) -> CloseCode {
        self.code.unwrap_or(CloseCode::NO_STATUS_RECEIVED)
    }

    /// The status code if there is one: what [`Connection::close`](crate::Connection::close) takes
    /// to send the same on.
    pub fn status(&self) -> Option<CloseCode> {
        self.code
    }

    /// The reason, perhaps empty.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the frame has no payload, not even a status code.
    pub fn is_empty(&self) -> bool {
        self.code.is_none()
    }

    /// The payload as it goes on the wire, before masking.
    pub(crate) fn encode(&self) -> ArrayVec<u8, MAX_CONTROL_PAYLOAD> {
        let mut payload = ArrayVec::new();
        if let Some(code) = self.code {
            // 2 + 123 bytes go into room for 125.
            let _ = payload.try_extend_from_slice(&code.get().to_be_bytes());
            let _ = payload.try_extend_from_slice(self.reason.as_bytes());
        }
        payload
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code())?;
        if self.reason().is_empty() {
            Ok(())
        } else {
            write!(f, " {:?}", self.reason())
        }
    }
}

/// The start of `text` in at most `max` bytes, cut between characters.
fn cut_between_chars(text: &str, max: usize) -> &str {
    // A character has at most four bytes, so one of these four places is between two.
    (0..4)
        .find_map(|back| text.get(..max.saturating_sub(back)))
        .unwrap_or(text)
}

/// Why bytes are not the payload of a Close frame, or a Close frame may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseFrameError {
    /// The status code may not be in a Close frame (section 7.4).
    InvalidCode(CloseCode),
    /// The reason is not UTF-8 (section 5.5.1, section 8.1).
    InvalidReason,
    /// The payload has more than 125 bytes (section 5.5).
    TooLong,
    /// The payload is a single byte, which is no status code (section 5.5.1).
    Truncated,
}

impl CloseFrameError {
    /// The section of RFC 6455 that is broken.
    pub const fn section(self) -> &'static str {
        match self {
            Self::InvalidCode(_) => "7.4",
            Self::InvalidReason => "8.1",
            Self::TooLong => "5.5",
            Self::Truncated => "5.5.1",
        }
    }
}

impl fmt::Display for CloseFrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidCode(code) => write!(f, "status code {code} may not be in a Close frame"),
            Self::InvalidReason => f.write_str("the reason of a Close frame is not UTF-8"),
            Self::TooLong => f.write_str("the payload of a Close frame has more than 125 bytes"),
            Self::Truncated => {
                f.write_str("the payload of a Close frame is one byte, which is no status code")
            }
        }
    }
}

impl core::error::Error for CloseFrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s7_4_exactly_the_defined_codes_may_be_on_the_wire() {
        for number in 0..=u16::MAX {
            let expected = (1000..=1003).contains(&number)
                || (1007..=1014).contains(&number)
                || (3000..=4999).contains(&number);
            let code = CloseCode::new(number);
            assert_eq!(CloseFrame::new(code, "").is_ok(), expected, "{number}");
            assert_eq!(
                CloseFrame::decode(&number.to_be_bytes()).is_ok(),
                expected,
                "{number}"
            );
        }
    }

    #[test]
    fn s5_5_1_one_byte_is_no_code_and_126_bytes_are_too_many() {
        let mut payload = [b'r'; 126];
        payload[..2].copy_from_slice(&[0x03, 0xe8]);
        let decode =
            |len: usize| CloseFrame::decode(&payload[..len]).map(|frame| frame.reason().len());
        assert_eq!(decode(0), Ok(0));
        assert_eq!(decode(1), Err(CloseFrameError::Truncated));
        assert_eq!(decode(2), Ok(0));
        assert_eq!(decode(125), Ok(123));
        assert_eq!(decode(126), Err(CloseFrameError::TooLong));
    }

    #[test]
    fn s5_5_1_frames_survive_the_wire() {
        let reason = euros();
        for frame in [
            Ok(CloseFrame::empty()),
            CloseFrame::new(CloseCode::NORMAL, ""),
            CloseFrame::new(CloseCode::new(4999), &reason),
        ] {
            assert_eq!(
                frame.and_then(|frame| CloseFrame::decode(&frame.encode())),
                frame
            );
        }
    }

    #[test]
    fn s5_5_1_a_reason_is_cut_between_characters() {
        let long = euros();
        assert_eq!(long.len(), 123);
        for (prefix, expected) in [("", 123), ("a", 121), ("ab", 122), ("abc", 123)] {
            let mut text = ArrayString::<200>::new();
            text.push_str(prefix);
            text.push_str(&long);
            let frame = CloseFrame::new(CloseCode::NORMAL, &text);
            assert_eq!(frame.map(|frame| frame.reason().len()), Ok(expected));
            assert!(frame.is_ok_and(|frame| text.starts_with(frame.reason())));
        }
    }

    /// 41 times the three bytes of U+20AC.
    fn euros() -> ArrayString<200> {
        let mut text = ArrayString::new();
        (0..41).for_each(|_| text.push('\u{20ac}'));
        text
    }
}

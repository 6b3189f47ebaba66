//! Frame headers, decoded and encoded.

use core::fmt;

use arrayvec::ArrayVec;

use super::{MAX_CONTROL_PAYLOAD, MaskingKey, Opcode};
use crate::num::wire_len;

/// The longest header: two bytes, a 64-bit length and a masking key.
pub(crate) const MAX_HEADER: usize = 14;
/// The length of a masking key.
pub(crate) const KEY_LEN: usize = 4;

/// Everything in a frame before its payload.
///
/// See [RFC 6455 section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the layout of the wire, which the RFC has fixed"
)]
pub struct FrameHeader {
    /// Whether this is the last frame of its message.
    pub fin: bool,
    /// The bits that only a negotiated extension may set.
    pub rsv: Rsv,
    /// What the frame is.
    pub opcode: Opcode,
    /// The key that the payload is masked with, if it is.
    pub masking_key: Option<MaskingKey>,
    /// Bytes of payload that follow, less than 2^63.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The header of an unmasked frame that is a whole message or a control frame.
    pub const fn new(opcode: Opcode, payload_len: u64) -> Self {
        Self {
            fin: true,
            rsv: Rsv::NONE,
            opcode,
            masking_key: None,
            payload_len,
        }
    }

    /// Decodes a header from the start of `bytes`, and says how many bytes of them it is (2 to 14).
    ///
    /// `None` asks for more bytes. A fault is reported as soon as the bytes prove it, the same one
    /// however many follow.
    ///
    /// # Errors
    ///
    /// - [`HeaderError::ReservedOpcode`], [`HeaderError::FragmentedControl`]: the first byte is
    ///   wrong.
    /// - [`HeaderError::ControlTooLong`]: the second byte of a control frame says more than 125
    ///   bytes.
    /// - [`HeaderError::LengthTooLarge`], [`HeaderError::LengthNotMinimal`]: the extended length is
    ///   wrong.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, HeaderError> {
        let [first, after_first @ ..] = bytes else {
            return Ok(None);
        };
        let first = FirstByte::decode(*first)?;
        let Some(keyless) = first.decode_keyless(after_first)? else {
            return Ok(None);
        };
        Ok(keyless.with_key(bytes))
    }

    /// Encodes the header, with the length in the minimal number of bytes.
    ///
    /// # Errors
    ///
    /// [`HeaderError::FragmentedControl`], [`HeaderError::ControlTooLong`] or
    /// [`HeaderError::LengthTooLarge`] for a header that no peer may accept.
    #[inline]
    pub fn encode(&self) -> Result<EncodedHeader, HeaderError> {
        if self.opcode.is_control() {
            if !self.fin {
                return Err(HeaderError::FragmentedControl);
            }
            if self.payload_len > wire_len(MAX_CONTROL_PAYLOAD) {
                return Err(HeaderError::ControlTooLong);
            }
        }
        if self.payload_len >> 63 != 0 {
            return Err(HeaderError::LengthTooLarge);
        }
        Ok(self.encode_valid())
    }

    /// Encodes a header whose fields the caller has made valid.
    #[expect(
        clippy::inline_always,
        reason = "a call costs as much as the header, whose parts have fixed lengths where this stands"
    )]
    #[inline(always)]
    pub(crate) fn encode_valid(&self) -> EncodedHeader {
        let Self {
            fin, rsv, opcode, ..
        } = *self;
        let mask = if self.masking_key.is_some() { 0x80 } else { 0 };
        let mut bytes = ArrayVec::new();
        // At most 1 + 1 + 8 + 4 bytes go into room for 14, so that none of these can fail.
        let _ = bytes.try_push(FirstByte { fin, rsv, opcode }.encode());
        if let Ok(len @ 0..=125) = u8::try_from(self.payload_len) {
            let _ = bytes.try_push(mask | len);
        } else if let Ok(len) = u16::try_from(self.payload_len) {
            let _ = bytes.try_push(mask | 0x7e);
            let _ = bytes.try_extend_from_slice(&len.to_be_bytes());
        } else {
            let _ = bytes.try_push(mask | 0x7f);
            let _ = bytes.try_extend_from_slice(&self.payload_len.to_be_bytes());
        }
        if let Some(key) = self.masking_key {
            let _ = bytes.try_extend_from_slice(&key.bytes());
        }
        EncodedHeader(bytes)
    }
}

/// The first byte of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstByte {
    pub(crate) fin: bool,
    pub(crate) rsv: Rsv,
    pub(crate) opcode: Opcode,
}

impl FirstByte {
    #[inline]
    pub(crate) fn decode(byte: u8) -> Result<Self, HeaderError> {
        // "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket
        // Connection_" (section 5.2).
        let Some(opcode) = Opcode::from_bits(byte & 0x0f) else {
            return Err(HeaderError::ReservedOpcode(byte & 0x0f));
        };
        let fin = byte & 0x80 != 0;
        // "All control frames [...] MUST NOT be fragmented" (section 5.5).
        if opcode.is_control() && !fin {
            return Err(HeaderError::FragmentedControl);
        }
        Ok(Self {
            fin,
            rsv: Rsv(byte >> 4 & 0x7),
            opcode,
        })
    }

    #[inline]
    pub(crate) const fn encode(self) -> u8 {
        let fin = if self.fin { 0x80 } else { 0 };
        fin | self.rsv.0 << 4 | self.opcode.bits()
    }

    /// Decodes what stands between the first byte and the masking key.
    #[inline]
    pub(crate) fn decode_keyless(self, after_first: &[u8]) -> Result<Option<Keyless>, HeaderError> {
        let [second, rest @ ..] = after_first else {
            return Ok(None);
        };
        let (payload_len, len) = match second & 0x7f {
            // "All control frames MUST have a payload length of 125 bytes or less" (section 5.5).
            126.. if self.opcode.is_control() => return Err(HeaderError::ControlTooLong),
            126 => {
                let Some(length) = rest.first_chunk() else {
                    return Ok(None);
                };
                let length = u16::from_be_bytes(*length);
                // "the minimal number of bytes MUST be used to encode the length" (section 5.2).
                if length <= 125 {
                    return Err(HeaderError::LengthNotMinimal);
                }
                (u64::from(length), 4)
            }
            127 => {
                // "the most significant bit MUST be 0" (section 5.2); its own byte proves it.
                if rest.first().is_some_and(|byte| byte & 0x80 != 0) {
                    return Err(HeaderError::LengthTooLarge);
                }
                // "the minimal number of bytes MUST be used to encode the length" (section 5.2):
                // six zeros prove that 16 bits would have done.
                if rest.starts_with(&[0; 6]) {
                    return Err(HeaderError::LengthNotMinimal);
                }
                let Some(length) = rest.first_chunk() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*length), 10)
            }
            length => (u64::from(length), 2),
        };
        let Self { fin, rsv, opcode } = self;
        let header = FrameHeader {
            fin,
            rsv,
            opcode,
            masking_key: None,
            payload_len,
        };
        Ok(Some(Keyless {
            header,
            len,
            masked: second & 0x80 != 0,
        }))
    }
}

/// A header up to its masking key: all that a fault can be found in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keyless {
    pub(crate) header: FrameHeader,
    /// How many bytes it has without the key.
    len: usize,
    masked: bool,
}

impl Keyless {
    /// The whole header and its length, once `bytes` from its start hold the key as well.
    #[inline]
    pub(crate) fn with_key(self, bytes: &[u8]) -> Option<(FrameHeader, usize)> {
        let Self {
            header,
            len,
            masked,
        } = self;
        if !masked {
            return Some((header, len));
        }
        let key = bytes.get(len..)?.first_chunk()?;
        let masking_key = Some(MaskingKey::new(*key));
        Some((
            FrameHeader {
                masking_key,
                ..header
            },
            len.wrapping_add(KEY_LEN),
        ))
    }
}

/// The three bits RSV1, RSV2 and RSV3, which are zero unless an extension gives them a meaning.
///
/// See [RFC 6455 section 5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rsv(u8);

impl Rsv {
    /// No bit set.
    pub const NONE: Self = Self(0b000);
    /// The first bit alone, `0x40` of the first byte.
    pub const RSV1: Self = Self(0b100);
    /// The second bit alone, `0x20` of the first byte.
    pub const RSV2: Self = Self(0b010);
    /// The third bit alone, `0x10` of the first byte.
    pub const RSV3: Self = Self(0b001);

    /// The bits of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits that are set here and not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The bits that both have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether every bit of `other` is set here.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no bit is set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits as a number, RSV1 the highest: 0 to 7.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// A frame header ready for the wire: 2 to 14 bytes, by value, to be written before the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a frame whose header does not go out leaves the stream out of step"]
pub struct EncodedHeader(ArrayVec<u8, MAX_HEADER>);

impl EncodedHeader {
    /// The bytes of the header.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for EncodedHeader {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl core::ops::Deref for EncodedHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// Why bytes are not a frame header, or a header may not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderError {
    /// A control frame has a payload of more than 125 bytes (section 5.5).
    ControlTooLong,
    /// A control frame does not have FIN set (section 5.5).
    FragmentedControl,
    /// The payload length takes more bytes than it needs (section 5.2).
    LengthNotMinimal,
    /// The payload length has its most significant bit set (section 5.2).
    LengthTooLarge,
    /// The opcode is one of those that RFC 6455 reserves (section 5.2); here it is.
    ReservedOpcode(u8),
}

impl HeaderError {
    /// The section of RFC 6455 that is broken.
    pub const fn section(self) -> &'static str {
        match self {
            Self::ControlTooLong | Self::FragmentedControl => "5.5",
            Self::LengthNotMinimal | Self::LengthTooLarge | Self::ReservedOpcode(_) => "5.2",
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlTooLong => {
                f.write_str("a control frame has a payload of more than 125 bytes")
            }
            Self::FragmentedControl => f.write_str("a control frame does not have FIN set"),
            Self::LengthNotMinimal => {
                f.write_str("the payload length is not encoded in the minimal number of bytes")
            }
            Self::LengthTooLarge => {
                f.write_str("the payload length has its most significant bit set")
            }
            Self::ReservedOpcode(opcode) => write!(f, "opcode {opcode:#x} is reserved"),
        }
    }
}

impl core::error::Error for HeaderError {}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: MaskingKey = MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);

    #[test]
    fn s5_2_headers_survive_the_wire_at_every_length_boundary() {
        let lengths = [
            (0, 2),
            (1, 2),
            (125, 2),
            (126, 4),
            (127, 4),
            (0xffff, 4),
            (0x1_0000, 10),
            (u64::from(u32::MAX), 10),
            (u64::from(u32::MAX) + 1, 10),
            (u64::MAX >> 1, 10),
        ];
        for (payload_len, len) in lengths {
            for masking_key in [None, Some(KEY)] {
                for (fin, rsv) in [(true, Rsv::NONE), (false, Rsv::RSV1.union(Rsv::RSV3))] {
                    let header = FrameHeader {
                        fin,
                        rsv,
                        opcode: Opcode::Binary,
                        masking_key,
                        payload_len,
                    };
                    let len = if masking_key.is_some() { len + 4 } else { len };
                    let encoded = header.encode();
                    assert_eq!(encoded.as_ref().map(|bytes| bytes.len()), Ok(len));
                    let Ok(encoded) = encoded else { continue };
                    assert_eq!(FrameHeader::decode(&encoded), Ok(Some((header, len))));
                    for cut in 0..len {
                        assert_eq!(
                            FrameHeader::decode(&encoded[..cut]),
                            Ok(None),
                            "cut at {cut}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn s5_2_every_first_byte_is_judged_alone() {
        for byte in 0..=0xff_u8 {
            let opcode = byte & 0x0f;
            let expected = match opcode {
                0x3..=0x7 | 0xb.. => Err(HeaderError::ReservedOpcode(opcode)),
                0x8.. if byte < 0x80 => Err(HeaderError::FragmentedControl),
                _ => Ok(None),
            };
            assert_eq!(FrameHeader::decode(&[byte]), expected, "{byte:#x}");
        }
    }

    #[test]
    fn s5_2_a_length_is_judged_by_the_byte_that_proves_it() {
        assert_eq!(
            FrameHeader::decode(&[0x89, 126]),
            Err(HeaderError::ControlTooLong)
        );
        assert_eq!(
            FrameHeader::decode(&[0x82, 126, 0, 125]),
            Err(HeaderError::LengthNotMinimal)
        );
        assert_eq!(
            FrameHeader::decode(&[0x82, 127, 0x80]),
            Err(HeaderError::LengthTooLarge)
        );
        let long = [0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        assert_eq!(FrameHeader::decode(&long[..7]), Ok(None));
        let proven = FrameHeader::decode(&long[..8]);
        assert_eq!(proven, Err(HeaderError::LengthNotMinimal));
        assert_eq!(
            FrameHeader::decode(&long),
            Err(HeaderError::LengthNotMinimal)
        );
    }

    #[test]
    fn s5_5_nothing_is_encoded_that_no_peer_may_accept() {
        let ping = FrameHeader::new(Opcode::Ping, 126);
        assert_eq!(ping.encode(), Err(HeaderError::ControlTooLong));
        assert!(FrameHeader::new(Opcode::Ping, 125).encode().is_ok());
        let ping = FrameHeader {
            fin: false,
            ..FrameHeader::new(Opcode::Ping, 0)
        };
        assert_eq!(ping.encode(), Err(HeaderError::FragmentedControl));
        assert_eq!(
            FrameHeader::new(Opcode::Text, 1 << 63).encode(),
            Err(HeaderError::LengthTooLarge)
        );
    }
}

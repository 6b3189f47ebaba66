//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`: the only home of the GUID, SHA-1 and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of `Sec-WebSocket-Key`: a nonce of 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u8; KEY_LEN]);

impl Key {
    pub(super) fn from_nonce(nonce: [u8; NONCE_LEN]) -> Self {
        Self(encode(&nonce))
    }

    /// Takes a received field value, if it is a key. It stays as it stood in the request: unused bits
    /// of its last digit may be set (erratum 3150 of RFC 6455), and its nonce encoded anew would
    /// differ.
    pub(super) fn from_value(value: &[u8]) -> Option<Self> {
        let key = <[u8; KEY_LEN]>::try_from(value).ok()?;
        // 22 digits of 6 bits are 16 bytes, and 4 bits that do not count.
        let digits = key.strip_suffix(b"==")?;
        // All are looked at, as most keys are right.
        let are_digits = digits.iter().fold(true, |all, byte| all & is_digit(*byte));
        are_digits.then_some(Self(key))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value of `Sec-WebSocket-Accept`, which proves that the server has read the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accept([u8; ACCEPT_LEN]);

impl Accept {
    pub(super) fn of(Key(key): &Key) -> Self {
        let mut joined = [0; KEY_LEN + GUID.len()];
        let (of_key, of_guid) = joined.split_at_mut(KEY_LEN);
        of_key.copy_from_slice(key);
        of_guid.copy_from_slice(GUID);
        Self(encode(&sha1(&joined)))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

// In one place, and of known length: so the compiler sees that nothing in it can panic.
#[cfg(not(feature = "sha1"))]
#[inline(never)]
fn sha1(joined: &[u8; KEY_LEN + GUID.len()]) -> [u8; 20] {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(joined);
    sha1.digest().bytes()
}

#[cfg(feature = "sha1")]
fn sha1(joined: &[u8; KEY_LEN + GUID.len()]) -> [u8; 20] {
    use sha1::Digest as _;
    sha1::Sha1::digest(joined).into()
}

/// Writes `bytes` in base64; `N` has to be the length of that.
fn encode<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [b'='; N];
    // It fails on too little room only, and both callers give exactly what is needed.
    let _ = STANDARD.encode_slice(bytes, &mut text);
    text
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// The string of RFC 6455 section 1.3 that is joined to the key.
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const NONCE_LEN: usize = 16;
const KEY_LEN: usize = 24;
const ACCEPT_LEN: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    use base64::alphabet;
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

    /// Unused bits of a key may be set.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );

    #[test]
    fn s1_3_nonce_key_and_accept_agree() {
        let key = Key::from_nonce(*b"the sample nonce");
        assert_eq!(key.as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(Key::from_value(key.as_bytes()), Some(key));
        assert_eq!(Accept::of(&key).as_bytes(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn key_is_what_decodes_to_sixteen_bytes() {
        let key = Key::from_nonce(*b"\0\x01\x7e the nonce\xfe\xff\x80");
        for byte in 0..=u8::MAX {
            for at in 0..KEY_LEN {
                let mut value = key.0;
                value[at] = byte;
                let mut room = [0; 18];
                let is_key = BASE64.decode_slice(value, &mut room) == Ok(NONCE_LEN);
                assert_eq!(Key::from_value(&value).is_some(), is_key, "{value:?}");
            }
        }
    }

    #[test]
    fn key_is_sixteen_bytes_in_padded_base64() {
        for value in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQAA",
            b"dGhlIHNhbXBsZSBub25jZQA=",
            b"dGhlIHNhbXBsZSBub25j====",
            b"dGhlIHNhbXBsZSBub25_ZQ==",
            b"dGhlIHNhbXBsZSBub25 ZQ==",
            b"dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
        ] {
            assert_eq!(Key::from_value(value), None, "{value:?}");
        }
    }
}

//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`: the only home of the GUID, SHA-1 and base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha1_smol::Sha1;

/// The value of `Sec-WebSocket-Key`: a nonce of 16 bytes in base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u8; KEY_LEN]);

impl Key {
    pub(super) fn from_nonce(nonce: [u8; NONCE_LEN]) -> Self {
        Self(encode(&nonce))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        text(&self.0)
    }

    /// Whether a received field value is a key.
    pub(super) fn is_valid(value: &[u8]) -> bool {
        // The decoder wants room for its own estimate, which is a multiple of three.
        let mut nonce = [0; 18];
        value.len() == KEY_LEN && BASE64.decode_slice(value, &mut nonce) == Ok(NONCE_LEN)
    }
}

/// The value of `Sec-WebSocket-Accept`, which proves that the server has read the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accept([u8; ACCEPT_LEN]);

impl Accept {
    /// Derives the value from the key exactly as it stood in the request, never from its re-encoded
    /// nonce: the two differ where the unused bits of the last digit are not zero.
    pub(super) fn of(key: &[u8]) -> Self {
        let mut sha1 = Sha1::new();
        sha1.update(key);
        sha1.update(GUID);
        Self(encode(&sha1.digest().bytes()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        text(&self.0)
    }
}

/// Writes `bytes` in base64; `N` has to be the length of that.
fn encode<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [b'='; N];
    // It fails on too little room only, and both callers give exactly what is needed.
    let _ = BASE64.encode_slice(bytes, &mut text);
    text
}

/// Base64 is ASCII.
fn text(base64: &[u8]) -> &str {
    core::str::from_utf8(base64).unwrap_or_default()
}

/// The string of RFC 6455 section 1.3 that is joined to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const NONCE_LEN: usize = 16;
const KEY_LEN: usize = 24;
const ACCEPT_LEN: usize = 28;

/// Unused bits of a key may be set (erratum 3150 of RFC 6455): it still gives 16 bytes.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_3_nonce_key_and_accept_agree() {
        let key = Key::from_nonce(*b"the sample nonce");
        assert_eq!(key.as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert!(Key::is_valid(key.as_bytes()));
        assert_eq!(
            Accept::of(key.as_bytes()).as_bytes(),
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
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
            assert!(!Key::is_valid(value), "{value:?}");
        }
    }
}

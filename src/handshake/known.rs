//! The fields that the opening handshake looks at, found in one pass.

use core::fmt;

use super::error::HandshakeError;
use super::field::{Pair, has_token, values};

/// What was found of each field that the opening handshake looks at, on either side.
#[derive(Clone, Copy, Default)]
pub(super) struct Known<'b> {
    pub(super) accept: Single<'b>,
    pub(super) connection: Single<'b>,
    pub(super) content_length: Single<'b>,
    pub(super) extensions: Single<'b>,
    pub(super) host: Single<'b>,
    pub(super) key: Single<'b>,
    pub(super) origin: Single<'b>,
    pub(super) subprotocols: Single<'b>,
    pub(super) transfer_encoding: Single<'b>,
    pub(super) upgrade: Single<'b>,
    pub(super) version: Single<'b>,
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The fields stand beside it.
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl<'b> Known<'b> {
    /// What is found in `fields`, which an HTTP library has parsed.
    pub(super) fn of(fields: impl Iterator<Item = Pair<'b>>) -> Self {
        let mut known = Self::default();
        for (name, value) in fields {
            known.note(name, value);
        }
        known
    }

    /// Whether the handshake looks at fields of that name.
    pub(super) fn has(name: &[u8]) -> bool {
        Self::default().note(name, b"")
    }

    /// Notes a field if the handshake looks at those of that name; tells whether it does.
    #[inline]
    pub(super) fn note(&mut self, name: &[u8], value: &'b [u8]) -> bool {
        // Names of the same length are few, so that one comparison or two decide.
        let single = match name.len() {
            4 if is(name, b"host") => &mut self.host,
            6 if is(name, b"origin") => &mut self.origin,
            7 if is(name, b"upgrade") => &mut self.upgrade,
            10 if is(name, b"connection") => &mut self.connection,
            14 if is(name, b"content-length") => &mut self.content_length,
            17 if is(name, b"sec-websocket-key") => &mut self.key,
            17 if is(name, b"transfer-encoding") => &mut self.transfer_encoding,
            20 if is(name, b"sec-websocket-accept") => &mut self.accept,
            21 if is(name, b"sec-websocket-version") => &mut self.version,
            22 if is(name, b"sec-websocket-protocol") => &mut self.subprotocols,
            24 if is(name, b"sec-websocket-extensions") => &mut self.extensions,
            _ => return false,
        };
        single.add(value);
        true
    }
}

/// Whether `name` is `expected`, which is in lower case, without regard to case.
///
/// All bytes are compared, whatever the first of them say: a handful at once is faster than one by
/// one.
#[inline]
fn is<const N: usize>(name: &[u8], expected: &[u8; N]) -> bool {
    <&[u8; N]>::try_from(name).is_ok_and(|name| {
        let pairs = name.iter().zip(expected);
        pairs.fold(0, |differing, (byte, expected)| {
            differing | (byte.to_ascii_lowercase() ^ expected)
        }) == 0
    })
}

/// What was found of a field that may stand once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Single<'b> {
    #[default]
    Missing,
    Once(&'b [u8]),
    Repeated,
}

impl<'b> Single<'b> {
    #[inline]
    fn add(&mut self, value: &'b [u8]) {
        *self = match self {
            Self::Missing => Self::Once(value),
            Self::Once(_) | Self::Repeated => Self::Repeated,
        };
    }

    pub(super) fn get(self, name: &'static str) -> Result<Option<&'b [u8]>, HandshakeError> {
        match self {
            Self::Missing => Ok(None),
            Self::Once(value) => Ok(Some(value)),
            Self::Repeated => Err(HandshakeError::RepeatedField(name)),
        }
    }

    /// The values of all fields called `name`; `fields` are gone through only if there are several.
    pub(super) fn values(
        self,
        name: &'static str,
        fields: impl Iterator<Item = Pair<'b>> + Clone,
    ) -> impl Iterator<Item = &'b [u8]> + Clone {
        let (once, all) = match self {
            Self::Missing => (None, None),
            Self::Once(value) => (Some(value), None),
            Self::Repeated => (None, Some(values(fields, name))),
        };
        once.into_iter().chain(all.into_iter().flatten())
    }

    /// Whether `token` is in the list that all fields called `name` make.
    pub(super) fn has_token(
        self,
        token: &str,
        name: &'static str,
        fields: impl Iterator<Item = Pair<'b>> + Clone,
    ) -> bool {
        self.values(name, fields)
            .any(|value| has_token(value, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 11] = [
        "Connection",
        "Content-Length",
        "HOST",
        "origin",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Key",
        "sec-websocket-protocol",
        "Sec-WebSocket-Version",
        "Transfer-Encoding",
        "uPGRADE",
    ];

    fn found<'b>(known: &Known<'b>) -> [Single<'b>; 11] {
        [
            known.connection,
            known.content_length,
            known.host,
            known.origin,
            known.accept,
            known.extensions,
            known.key,
            known.subprotocols,
            known.version,
            known.transfer_encoding,
            known.upgrade,
        ]
    }

    #[test]
    fn each_name_is_noted_where_it_belongs() {
        for (at, name) in NAMES.iter().enumerate() {
            let mut known = Known::default();
            assert!(known.note(name.as_bytes(), b"first"), "{name}");
            let mut expected = [Single::Missing; 11];
            expected[at] = Single::Once(b"first");
            assert_eq!(found(&known), expected, "{name}");
            assert!(known.note(name.as_bytes(), b"second"), "{name}");
            expected[at] = Single::Repeated;
            assert_eq!(found(&known), expected, "{name}");
        }
    }

    #[test]
    fn names_that_differ_in_any_byte_are_not_known() {
        let mut known = Known::default();
        for name in NAMES {
            for at in 0..name.len() {
                for byte in 0..=u8::MAX {
                    let mut other = [0; 24];
                    let other = &mut other[..name.len()];
                    other.copy_from_slice(name.as_bytes());
                    if other[at].eq_ignore_ascii_case(&byte) {
                        continue;
                    }
                    other[at] = byte;
                    assert!(!known.note(other, b""), "{}", other.escape_ascii());
                }
            }
            let (shorter, _) = name.as_bytes().split_at(name.len() - 1);
            assert!(!known.note(shorter, b""), "{name}");
        }
        assert_eq!(found(&known), [Single::Missing; 11]);
    }
}

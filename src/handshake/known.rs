//! The fields that the opening handshake looks at, found in one pass.

use super::error::HandshakeError;
use super::field::{Pair, has_token, values};

/// What was found of each field that the opening handshake looks at, on either side.
#[derive(Clone, Copy, Debug, Default)]
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

impl<'b> Known<'b> {
    /// What is found in `fields`, which an HTTP library has parsed.
    pub(super) fn of(fields: impl Iterator<Item = Pair<'b>>) -> Self {
        let mut known = Self::default();
        for (name, value) in fields {
            known.note(name, value);
        }
        known
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
    let Some((name, [])) = name.split_first_chunk::<N>() else {
        return false;
    };
    let mut differing = 0;
    for (byte, expected) in name.iter().zip(expected) {
        differing |= byte.to_ascii_lowercase() ^ expected;
    }
    differing == 0
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

//! What the opening handshake agreed on: the plain value in which it and the data phase meet.

use crate::frame::Rsv;

/// What both endpoints agreed on in the opening handshake.
///
/// The handshake makes it, [`Connection::new`](crate::Connection::new) takes it. [`Default`] is the
/// plain protocol: no subprotocol, no extension. Use that for a byte pipe on which somebody else
/// did the opening handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated<'a> {
    /// The subprotocol in use, if any.
    ///
    /// See [RFC 6455 section 1.9](https://www.rfc-editor.org/rfc/rfc6455#section-1.9).
    pub subprotocol: Option<&'a str>,

    /// What was agreed on for permessage-deflate, if anything.
    ///
    /// See [RFC 7692](https://www.rfc-editor.org/rfc/rfc7692).
    #[cfg(feature = "deflate")]
    pub deflate: Option<crate::deflate::Agreement>,

    /// The reserved bits that extensions of the caller's own use in data frames.
    ///
    /// The data phase passes these bits through, and rejects every other one. RSV1 belongs to
    /// permessage-deflate where that was agreed on.
    ///
    /// See [RFC 6455 section 5.8](https://www.rfc-editor.org/rfc/rfc6455#section-5.8).
    pub reserved_bits: Rsv,
}

impl Negotiated<'_> {
    /// Returns the reserved bits that belong to the caller's extensions: not RSV1 where
    /// permessage-deflate was agreed on.
    pub(crate) const fn own_bits(&self) -> Rsv {
        #[cfg(feature = "deflate")]
        if self.deflate.is_some() {
            return self.reserved_bits.difference(Rsv::RSV1);
        }
        self.reserved_bits
    }
}

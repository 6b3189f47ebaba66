//! The list of subprotocols in `Sec-WebSocket-Protocol`.

use core::fmt;

use arrayvec::ArrayVec;

use super::error::HandshakeError;
use super::field::{Fields, Pair, elements, is_named, is_token, next_element};
use super::known::Single;
use crate::Leniency;

/// How many subprotocols one request may offer.
///
/// They must differ from each other, so each is compared with all others; the bound keeps a request
/// full of them cheap. A program that speaks more than a few is yet to be seen.
pub const MAX_SUBPROTOCOLS: usize = 64;

/// The subprotocols that a request offers, in its order, over all `Sec-WebSocket-Protocol` fields.
///
/// See [RFC 6455 section 1.9](https://www.rfc-editor.org/rfc/rfc6455#section-1.9).
#[derive(Clone)]
pub struct Subprotocols<'b, F = Fields<'b>> {
    fields: F,
    value: &'b [u8],
}

impl<F> Subprotocols<'_, F> {
    pub(super) fn new(fields: F) -> Self {
        Self { fields, value: b"" }
    }
}

impl<'b, F: Iterator<Item: Into<Pair<'b>>>> Iterator for Subprotocols<'b, F> {
    type Item = &'b str;

    fn next(&mut self) -> Option<&'b str> {
        loop {
            if let Some(subprotocol) = next_element(&mut self.value) {
                return core::str::from_utf8(subprotocol).ok();
            }
            let mut fields = self.fields.by_ref().map(Into::into);
            self.value = fields.find(|(name, _)| is_named(name, FIELD))?.1;
        }
    }
}

impl<'b, F: Iterator<Item: Into<Pair<'b>>> + Clone> fmt::Debug for Subprotocols<'b, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Checks what a client offers.
pub(super) fn check_offers<'b>(
    values: impl Iterator<Item = &'b [u8]>,
    leniency: Leniency,
) -> Result<(), HandshakeError> {
    let mut offers = ArrayVec::<&[u8], MAX_SUBPROTOCOLS>::new();
    let mut is_present = false;
    for value in values {
        is_present = true;
        for offer in elements(value) {
            // "The elements that comprise this value MUST be non-empty strings with characters in
            // the range U+0021 to U+007E not including separator characters" (section 4.1, item 10)
            if !is_token(offer) {
                return Err(HandshakeError::InvalidSubprotocol);
            }
            // "[...] and MUST all be unique strings." (section 4.1, item 10)
            if offers.contains(&offer) {
                return Err(HandshakeError::RepeatedSubprotocol);
            }
            offers
                .try_push(offer)
                .or(Err(HandshakeError::TooManySubprotocols))?;
        }
    }
    // "The ABNF for the value of this header field is 1#token" (section 4.1, item 10)
    if is_present && offers.is_empty() && !leniency.empty_subprotocol {
        return Err(HandshakeError::InvalidSubprotocol);
    }
    Ok(())
}

/// Checks what a server chose against what was `offered`; gives the offered name.
///
/// `fields` are gone through only if it chose several times.
pub(super) fn check_choice<'a, 'b>(
    chosen: Single<'b>,
    fields: impl Iterator<Item = Pair<'b>> + Clone,
    offered: &[&'a str],
    leniency: Leniency,
) -> Result<Option<&'a str>, HandshakeError> {
    let has_name = |value: &&[u8]| elements(value).next().is_some();
    let choice = match chosen {
        Single::Missing => None,
        Single::Once(value) if leniency.empty_subprotocol => Some(value).filter(has_name),
        Single::Once(value) => Some(value),
        Single::Repeated => {
            let mut names = chosen
                .values(FIELD, fields)
                .filter(|value| !leniency.empty_subprotocol || has_name(value));
            let first = names.next();
            // "the |Sec-WebSocket-Protocol| header field MUST NOT appear more than once in an HTTP
            // response." (section 11.3.4)
            if names.next().is_some() {
                return Err(HandshakeError::RepeatedField("Sec-WebSocket-Protocol"));
            }
            first
        }
    };
    let Some(choice) = choice else {
        return Ok(None);
    };
    // "[...] indicates the use of a subprotocol that was not present in the client's handshake
    // [...], the client MUST _Fail the WebSocket Connection_." (section 4.1)
    let chosen = offered.iter().find(|offer| offer.as_bytes() == choice);
    chosen
        .copied()
        .map(Some)
        .ok_or(HandshakeError::UnofferedSubprotocol)
}

pub(super) const FIELD: &str = "sec-websocket-protocol";

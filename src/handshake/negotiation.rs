//! The agreement on extensions: a client's check of its offers and of the answer, a server's answer.

use super::error::HandshakeError;
use super::extension::{Extension, MAX_EXTENSIONS, check_accepted, extensions};
use super::outcome::RequestError;
#[cfg(feature = "deflate")]
use super::permessage_deflate;
use super::response::ResponseError;
#[cfg(feature = "deflate")]
use super::supported::Place;
use super::supported::{ExtensionList, SupportedExtension, named_own};
#[cfg(feature = "deflate")]
use crate::deflate::{Agreement, Policy};
use crate::frame::Rsv;

/// All extensions that one side supports.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Supported<'a> {
    /// Comes before the list.
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<Policy>,
    pub(super) list: &'a [SupportedExtension<'a>],
}

/// The part of [`Negotiated`](crate::Negotiated) that extensions make.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Agreed {
    pub(super) reserved_bits: Rsv,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<Agreement>,
}

impl<'a> Supported<'a> {
    /// Checks the list of a client.
    pub(super) fn check(&self) -> Result<(), RequestError> {
        if self.len() > MAX_EXTENSIONS {
            return Err(RequestError::TooManyExtensions);
        }
        for (index, supported) in self.list.iter().enumerate() {
            let Some((text, bits)) = supported.own() else {
                continue;
            };
            let extension = Extension::parse(text).ok_or(RequestError::Extension { index })?;
            // The answer names an extension, and not which offer of that name it takes: so the name
            // alone has to tell who implements it and which bits it uses.
            let is_other =
                |(name, other): (&[u8], Rsv)| name == extension.name_bytes() && other != bits;
            let mut earlier = self.list.iter().take(index).filter_map(named_own);
            if self.is_engines(extension.name_bytes()) || earlier.any(is_other) {
                return Err(RequestError::ConflictingExtension { index });
            }
        }
        Ok(())
    }

    /// The value of `Sec-WebSocket-Extensions` in a request, if there is anything to offer.
    pub(super) fn offers(&self) -> Option<ExtensionList<'a>> {
        let list = ExtensionList {
            #[cfg(feature = "deflate")]
            deflate: self.deflate.as_ref().map(permessage_deflate::offer),
            #[cfg(feature = "deflate")]
            place: Place::Offers,
            list: self.list,
        };
        Some(list).filter(|list| !list.is_empty())
    }

    /// Judges what a server answers to a client that offers these.
    ///
    /// An answer does not say which of several offers of permessage-deflate it takes. It is judged by
    /// the first one, in order of preference, whose rules it keeps.
    pub(super) fn judge<'b>(
        &self,
        values: impl Iterator<Item = &'b [u8]> + Clone,
    ) -> Result<Agreed, HandshakeError> {
        let is_offered = |name: &[u8]| self.own_bits(name).is_some() || self.is_engines(name);
        check_accepted(values.clone(), is_offered)?;
        let mut agreed = Agreed::default();
        let mut claimed = Rsv::NONE;
        for extension in extensions(values) {
            let bits = match self.own_bits(extension.name_bytes()) {
                Some(bits) => {
                    agreed.reserved_bits = agreed.reserved_bits.union(bits);
                    bits
                }
                #[cfg(feature = "deflate")]
                None => {
                    let agreement = permessage_deflate::judge(extension, self.policies())?;
                    agreed.deflate = Some(agreement);
                    Rsv::RSV1
                }
                #[cfg(not(feature = "deflate"))]
                None => Rsv::NONE,
            };
            // "A client that received a response accepting a PMCE extension negotiation offer
            // together with such an extension MUST _Fail the WebSocket Connection_." (RFC 7692,
            // section 5): one that uses RSV1, too. Between two others a frame would be ambiguous.
            claimed = claim(claimed, bits).ok_or(HandshakeError::ReservedBitConflict)?;
        }
        Ok(agreed)
    }

    /// What a server that supports these answers to the offers of a client.
    pub(super) fn answer<'b>(
        &self,
        offers: &(impl Iterator<Item = &'b [u8]> + Clone),
    ) -> Result<(Option<ExtensionList<'a>>, Agreed), ResponseError> {
        let mut agreed = Agreed::default();
        let mut claimed = Rsv::NONE;
        #[cfg(feature = "deflate")]
        let (mut deflate, mut place) = (None, Place::First);
        #[cfg(feature = "deflate")]
        if let Some(policy) = &self.deflate
            && let Some((parameters, agreement)) =
                permessage_deflate::accept(extensions(offers.clone()), policy)
        {
            deflate = Some(parameters);
            agreed.deflate = Some(agreement);
            claimed = Rsv::RSV1;
        }
        for (index, supported) in self.list.iter().enumerate() {
            let mut earlier = self.list.iter().take(index).filter_map(named_own);
            let (is_repeated, bits) = match supported {
                #[cfg(feature = "deflate")]
                SupportedExtension::Deflate(policy) => {
                    if agreed.deflate.is_some() {
                        continue;
                    }
                    let accepted = permessage_deflate::accept(extensions(offers.clone()), policy);
                    let Some((parameters, agreement)) = accepted else {
                        continue;
                    };
                    deflate = Some(parameters);
                    place = Place::At(index);
                    agreed.deflate = Some(agreement);
                    let name = permessage_deflate::NAME.as_bytes();
                    (earlier.any(|(other, _)| other == name), Rsv::RSV1)
                }
                SupportedExtension::Own { text, bits } => {
                    let extension =
                        Extension::parse(text).ok_or(ResponseError::Extension { index })?;
                    let name = extension.name_bytes();
                    // "A server MUST NOT respond with any extension not requested by the client."
                    // (RFC 6455, section 9)
                    if !extensions(offers.clone()).any(|offer| offer.name_bytes() == name) {
                        return Err(ResponseError::UnofferedExtension { index });
                    }
                    agreed.reserved_bits = agreed.reserved_bits.union(*bits);
                    let is_repeated = earlier.any(|(other, _)| other == name);
                    (is_repeated || agreed.is_engines(name), *bits)
                }
            };
            if is_repeated {
                return Err(ResponseError::RepeatedExtension { index });
            }
            // "A server MUST NOT accept a PMCE extension negotiation offer together with another
            // extension if the PMCE will conflict with the extension on their use of the RSV1 bit."
            // (RFC 7692, section 5)
            claimed = claim(claimed, bits).ok_or(ResponseError::ReservedBitConflict { index })?;
        }
        let answer = ExtensionList {
            #[cfg(feature = "deflate")]
            deflate,
            #[cfg(feature = "deflate")]
            place,
            list: self.list,
        };
        Ok((Some(answer).filter(|answer| !answer.is_empty()), agreed))
    }

    /// The number of offers.
    fn len(&self) -> usize {
        #[cfg(feature = "deflate")]
        let first = usize::from(self.deflate.is_some());
        #[cfg(not(feature = "deflate"))]
        let first = 0_usize;
        first.saturating_add(self.list.len())
    }

    /// The bits of the caller's extension of that name.
    fn own_bits(&self, name: &[u8]) -> Option<Rsv> {
        let mut own = self.list.iter().filter_map(named_own);
        own.find(|(other, _)| *other == name).map(|(_, bits)| bits)
    }

    /// Whether the engine implements the extension of that name, and it is supported.
    #[cfg(feature = "deflate")]
    fn is_engines(&self, name: &[u8]) -> bool {
        name == permessage_deflate::NAME.as_bytes() && self.policies().next().is_some()
    }

    /// Whether the engine implements the extension of that name.
    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "it has one with the feature `deflate`")]
    fn is_engines(&self, _: &[u8]) -> bool {
        false
    }

    /// The policies for permessage-deflate, in order of preference.
    #[cfg(feature = "deflate")]
    fn policies(&self) -> impl Iterator<Item = &Policy> {
        let listed = self.list.iter().filter_map(|supported| match supported {
            SupportedExtension::Deflate(policy) => Some(policy),
            SupportedExtension::Own { .. } => None,
        });
        self.deflate.iter().chain(listed)
    }
}

impl Agreed {
    /// Whether the extension of that name is agreed on, and the engine implements it.
    #[cfg(feature = "deflate")]
    fn is_engines(&self, name: &[u8]) -> bool {
        name == permessage_deflate::NAME.as_bytes() && self.deflate.is_some()
    }

    /// Whether the extension of that name is agreed on, and the engine implements it.
    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "it has one with the feature `deflate`")]
    fn is_engines(self, _: &[u8]) -> bool {
        false
    }
}

/// Adds `bits` to those that are claimed, unless one of them is.
fn claim(claimed: Rsv, bits: Rsv) -> Option<Rsv> {
    let all = claimed.union(bits);
    let count = |bits: Rsv| bits.bits().count_ones();
    let are_free = count(all) == count(claimed).saturating_add(count(bits));
    are_free.then_some(all)
}

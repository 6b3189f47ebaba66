//! Extensions that this side supports, and the list of them that goes out.

use super::extension::Extension;
#[cfg(feature = "deflate")]
use super::permessage_deflate::{self, Parameters};
#[cfg(feature = "deflate")]
use crate::deflate::Policy;
use crate::frame::Rsv;

/// An extension that this side supports: a client offers it, a server accepts it.
///
/// A list of them goes to
/// [`client::Handshake::extensions`](super::client::Handshake::extensions) or to
/// [`server::Acceptance::extensions`](super::server::Acceptance::extensions).
///
/// See [RFC 6455 section 9](https://www.rfc-editor.org/rfc/rfc6455#section-9).
///
/// # Examples
///
/// ```
/// use websocket_proto::frame::Rsv;
/// use websocket_proto::handshake::SupportedExtension;
///
/// let codec = SupportedExtension::Own { text: "x-codec; level=3", bits: Rsv::RSV2 };
/// # let _ = codec;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SupportedExtension<'a> {
    /// permessage-deflate, which the engine implements.
    #[cfg(feature = "deflate")]
    Deflate(Policy),
    /// An extension that the caller implements.
    ///
    /// The engine agrees on it and passes its bits through. The caller judges the parameters of the
    /// other side, and transforms payload and sets bits as the extension defines.
    Own {
        /// The name and the parameters, as the field lists them: `x-codec; level=3`.
        ///
        /// The text follows the grammar of one `extension` in
        /// [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
        text: &'a str,
        /// The reserved bits that data frames of this extension may carry.
        ///
        /// Once the extension is agreed on, they are in
        /// [`Negotiated::reserved_bits`](crate::Negotiated::reserved_bits). RSV1 cannot be agreed
        /// on beside permessage-deflate, and no bit for two extensions. Where there is any bit, every
        /// message comes as [`Incoming::Raw`](crate::Incoming::Raw).
        bits: Rsv,
    },
}

impl<'a> SupportedExtension<'a> {
    #[cfg_attr(
        not(feature = "deflate"),
        expect(
            clippy::unnecessary_wraps,
            reason = "not each is the caller's own with `deflate`"
        )
    )]
    pub(super) fn own(&self) -> Option<(&'a str, Rsv)> {
        match self {
            #[cfg(feature = "deflate")]
            Self::Deflate(_) => None,
            Self::Own { text, bits } => Some((text, *bits)),
        }
    }
}

/// The name and the bits of an extension of the caller's.
pub(super) fn named_own<'a>(supported: &SupportedExtension<'a>) -> Option<(&'a [u8], Rsv)> {
    let (text, bits) = supported.own()?;
    Some((Extension::parse(text)?.name_bytes(), bits))
}

/// The value of `Sec-WebSocket-Extensions` that goes out.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExtensionList<'a> {
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<Parameters>,
    #[cfg(feature = "deflate")]
    pub(super) place: Place,
    pub(super) list: &'a [SupportedExtension<'a>],
}

/// The place of permessage-deflate in a list.
#[cfg(feature = "deflate")]
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a request: first, and wherever the list has it.
    Offers,
    /// In a response: before the list, if at all.
    First,
    /// In a response: for the element of the list with this index.
    At(usize),
}

impl<'a> ExtensionList<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.parts().next().is_none()
    }

    /// The list in pieces.
    pub(super) fn parts(self) -> impl Iterator<Item = &'a str> + Clone {
        self.elements().enumerate().flat_map(|(index, element)| {
            let separator = Some(", ").filter(|_| index > 0);
            separator.into_iter().chain(element.parts())
        })
    }

    #[cfg(not(feature = "deflate"))]
    fn elements(self) -> impl Iterator<Item = Element<'a>> + Clone {
        let own = self.list.iter().filter_map(SupportedExtension::own);
        own.map(|(text, _)| Element::Own(text))
    }

    #[cfg(feature = "deflate")]
    fn elements(self) -> impl Iterator<Item = Element<'a>> + Clone {
        let Self {
            deflate,
            place,
            list,
        } = self;
        let first = deflate.filter(|_| !matches!(place, Place::At(_)));
        let listed =
            list.iter()
                .enumerate()
                .filter_map(move |(index, supported)| match supported {
                    SupportedExtension::Own { text, .. } => Some(Element::Own(text)),
                    SupportedExtension::Deflate(policy) => match place {
                        Place::Offers => Some(Element::Deflate(permessage_deflate::offer(policy))),
                        Place::At(at) if at == index => deflate.map(Element::Deflate),
                        Place::At(_) | Place::First => None,
                    },
                });
        first.map(Element::Deflate).into_iter().chain(listed)
    }
}

/// An extension in a list.
#[derive(Clone, Copy)]
enum Element<'a> {
    #[cfg(feature = "deflate")]
    Deflate(Parameters),
    Own(&'a str),
}

impl<'a> Element<'a> {
    #[cfg(not(feature = "deflate"))]
    fn parts(self) -> impl Iterator<Item = &'a str> + Clone {
        let Self::Own(text) = self;
        core::iter::once(text)
    }

    #[cfg(feature = "deflate")]
    fn parts(self) -> impl Iterator<Item = &'a str> + Clone {
        let (text, parameters) = match self {
            Self::Deflate(parameters) => (permessage_deflate::NAME, Some(parameters)),
            Self::Own(text) => (text, None),
        };
        let parameters = parameters.into_iter().flat_map(Parameters::parts);
        core::iter::once(text).chain(parameters)
    }
}

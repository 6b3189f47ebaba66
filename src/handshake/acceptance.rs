//! What a server answers to a request that it accepts.

use super::field::elements;
use super::head::HttpVersion;
use super::key::{Accept, Key};
use super::negotiation::Supported;
use super::outgoing::FieldList;
use super::response::{Choice, ResponseError, ResponseHead, check_given};
use super::supported::SupportedExtension;
use crate::Negotiated;
#[cfg(feature = "deflate")]
use crate::deflate::Policy;

/// What the server answers to an [`Upgrade`](super::server::Upgrade) that it accepts; by default nothing beyond the 101.
///
/// The subprotocol's name has to live as long as the [`Negotiated`] that holds it, the fields only
/// until the response is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acceptance<'p, 'f> {
    subprotocol: Option<&'p str>,
    #[cfg(feature = "deflate")]
    deflate: Option<Policy>,
    extensions: &'f [SupportedExtension<'f>],
    fields: FieldList<'f>,
}

impl<'p, 'f> Acceptance<'p, 'f> {
    /// Chooses one of the offered subprotocols; without this the connection has none.
    ///
    /// A name of the server's own list outlives the buffer that holds the request, one taken from
    /// [`Upgrade::subprotocols`](super::server::Upgrade::subprotocols) borrows it.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: &'p str) -> Self {
        self.subprotocol = Some(subprotocol);
        self
    }

    /// Accepts permessage-deflate, as far as `policy` wants it, from a client that offers it.
    ///
    /// The first of the client's offers that is well-formed and can be kept to is taken. If there
    /// is none, the connection opens without the extension; [`Negotiated::deflate`] tells which.
    ///
    /// The compressor cannot keep to a window of 8 bits. So an offer that asks that of the server
    /// is declined, and with a policy that wants it for sending every offer is.
    /// See [RFC 7692 section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::deflate::{Policy, WindowBits};
    /// use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
    ///
    /// let received = b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Version: 13\r\n\
    ///     Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    /// let mut handshake = Handshake::default();
    /// let request = handshake.receive(received)?.ok_or("the head is whole")?;
    /// let upgrade = request.upgrade(OriginPolicy::Any)?;
    ///
    /// let policy = Policy::default().receive_context_takeover(false);
    /// let (head, negotiated) = upgrade.respond(&Acceptance::default().deflate(policy))?;
    /// let answer = head.fields().find(|(name, _)| *name == "Sec-WebSocket-Extensions");
    /// let (_, value) = answer.ok_or("the offer is accepted")?;
    /// assert_eq!(value.to_string(), "permessage-deflate; client_no_context_takeover");
    /// let agreement = negotiated.deflate.ok_or("the offer is accepted")?;
    /// assert_eq!(agreement.send_window_bits(), WindowBits::MAX);
    /// assert!(!agreement.receive_context_takeover());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, policy: Policy) -> Self {
        self.deflate = Some(policy);
        self
    }

    /// Accepts extensions, and answers with them in this order.
    ///
    /// The client has to offer each extension of the caller's own: look for it in
    /// [`Upgrade::extensions`](super::server::Upgrade::extensions). The text holds the parameters of the answer, and their bits come to
    /// be in [`Negotiated::reserved_bits`].
    ///
    /// permessage-deflate is accepted where the client offers it: by the first policy that takes an
    /// offer, in that policy's place. `deflate` comes before the list.
    ///
    /// The order is that in which a sender applies them. So an own extension that sets its bits
    /// frame by frame has to come after permessage-deflate.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1) and
    /// [RFC 7692 section 5](https://www.rfc-editor.org/rfc/rfc7692#section-5).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::frame::Rsv;
    /// use websocket_proto::handshake::SupportedExtension;
    /// use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
    ///
    /// let received = b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: x-codec; level=9\r\n\r\n";
    /// let mut handshake = Handshake::default();
    /// let request = handshake.receive(received)?.ok_or("the head is whole")?;
    /// let upgrade = request.upgrade(OriginPolicy::Any)?;
    ///
    /// let codec = [SupportedExtension::Own { text: "x-codec; level=3", bits: Rsv::RSV2 }];
    /// let mut acceptance = Acceptance::default();
    /// if upgrade.extensions().any(|offer| offer.name() == "x-codec") {
    ///     acceptance = acceptance.extensions(&codec);
    /// }
    /// let (head, negotiated) = upgrade.respond(&acceptance)?;
    /// assert_eq!(negotiated.reserved_bits, Rsv::RSV2);
    /// let answer = head.fields().find(|(name, _)| *name == "Sec-WebSocket-Extensions");
    /// assert_eq!(answer.ok_or("it is accepted")?.1.to_string(), "x-codec; level=3");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn extensions(mut self, extensions: &'f [SupportedExtension<'f>]) -> Self {
        self.extensions = extensions;
        self
    }

    /// Adds fields, such as `Server` or `Set-Cookie`, in the given order.
    #[must_use]
    pub fn fields(mut self, fields: impl Into<FieldList<'f>>) -> Self {
        self.fields = fields.into();
        self
    }

    /// Answers a client with that key on HTTP/1.1, without one on HTTP/2 or HTTP/3; the others are
    /// the values of the fields with its offers.
    pub(super) fn answer<'h, 'b>(
        &self,
        key: Option<Key>,
        mut subprotocols: impl Iterator<Item = &'b [u8]>,
        extensions: &(impl Iterator<Item = &'b [u8]> + Clone),
    ) -> Result<(ResponseHead<'h>, Negotiated<'p>), ResponseError>
    where
        'p: 'h,
        'f: 'h,
    {
        // "The value chosen MUST be derived from the client's handshake" (section 4.2.2)
        if let Some(chosen) = self.subprotocol
            && !subprotocols.any(|value| elements(value).any(|offer| offer == chosen.as_bytes()))
        {
            return Err(ResponseError::UnofferedSubprotocol);
        }
        let version = match key {
            Some(_) => HttpVersion::Http11,
            None => HttpVersion::Http2,
        };
        check_given(self.fields, version)?;
        let supported = Supported {
            #[cfg(feature = "deflate")]
            deflate: self.deflate,
            list: self.extensions,
        };
        let (extensions, agreed) = supported.answer(extensions)?;
        let choice = Choice {
            subprotocol: self.subprotocol,
            extensions,
        };
        let head = match key {
            Some(key) => ResponseHead::switching(Accept::of(&key), choice, self.fields),
            None => ResponseHead::connected(choice, self.fields),
        };
        let negotiated = Negotiated {
            subprotocol: self.subprotocol,
            #[cfg(feature = "deflate")]
            deflate: agreed.deflate,
            reserved_bits: agreed.reserved_bits,
        };
        Ok((head, negotiated))
    }
}

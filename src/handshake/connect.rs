//! Extended CONNECT: how HTTP/2 and HTTP/3 open a WebSocket connection on one of their streams.
//!
//! The rules hold for [RFC 8441](https://www.rfc-editor.org/rfc/rfc8441) and
//! [RFC 9220](https://www.rfc-editor.org/rfc/rfc9220) alike; the fields are those of an ordinary
//! opening handshake without `Upgrade`, `Connection`, the key and its answer.

use super::error::HandshakeError;
use super::field::{Pair, is_named, trim};
use super::outcome::RequestError;
use super::outgoing::{FieldError, FieldList, check_outgoing};

/// The pseudo-fields of a request on HTTP/2 or HTTP/3, as far as they were sent.
///
/// A server fills it from what its HTTP library gives, a client reads it.
/// See [RFC 8441 section 4](https://www.rfc-editor.org/rfc/rfc8441#section-4).
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::PseudoFields;
///
/// let pseudo = PseudoFields::new("CONNECT")
///     .with_protocol("websocket")
///     .with_scheme("https")
///     .with_authority("example.com")
///     .with_path("/chat");
/// assert_eq!(pseudo.path(), Some("/chat"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudoFields<'a> {
    method: &'a str,
    protocol: Option<&'a str>,
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: Option<&'a str>,
}

impl<'a> PseudoFields<'a> {
    /// Starts with `:method` alone.
    pub fn new(method: &'a str) -> Self {
        Self {
            method,
            protocol: None,
            scheme: None,
            authority: None,
            path: None,
        }
    }

    /// Sets `:protocol`.
    #[must_use]
    pub fn with_protocol(mut self, protocol: &'a str) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Sets `:scheme`.
    #[must_use]
    pub fn with_scheme(mut self, scheme: &'a str) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// Sets `:authority`.
    #[must_use]
    pub fn with_authority(mut self, authority: &'a str) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Sets `:path`, which holds the query too.
    #[must_use]
    pub fn with_path(mut self, path: &'a str) -> Self {
        self.path = Some(path);
        self
    }

    /// The value of `:method`.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The value of `:protocol`.
    pub fn protocol(&self) -> Option<&'a str> {
        self.protocol
    }

    /// The value of `:scheme`.
    pub fn scheme(&self) -> Option<&'a str> {
        self.scheme
    }

    /// The value of `:authority`.
    pub fn authority(&self) -> Option<&'a str> {
        self.authority
    }

    /// The value of `:path`, with the query.
    pub fn path(&self) -> Option<&'a str> {
        self.path
    }

    /// Whether these are the pseudo-fields of a client that asks for a WebSocket connection.
    pub(super) fn is_websocket(&self) -> bool {
        // "recipients SHOULD use case-insensitive comparison when matching each protocol-name to
        // supported protocols" (RFC 9110, section 7.8), whose registry `:protocol` takes over
        let is_websocket = |name: &str| name.eq_ignore_ascii_case("websocket");
        self.method == "CONNECT" && self.protocol.is_some_and(is_websocket)
    }

    /// Checks all but the authority, which `Host` may stand in for.
    pub(super) fn check(&self) -> Result<(), HandshakeError> {
        // "[...] request HEADERS indicating the desired protocol to be spoken on the tunnel created
        // by CONNECT" (RFC 8441, section 4)
        if self.method != "CONNECT" {
            return Err(HandshakeError::MethodNotConnect);
        }
        if self.protocol.is_none() {
            return Err(HandshakeError::MissingProtocol);
        }
        // "[...] a ":protocol" value that is unknown or is not supported, the server SHOULD respond
        // to the request with a 501 (Not Implemented) status code" (RFC 9220, section 3)
        if !self.is_websocket() {
            return Err(HandshakeError::UnknownProtocol);
        }
        // "On requests that contain the :protocol pseudo-header field, the :scheme and :path
        // pseudo-header fields of the target URI [...] MUST also be included." (RFC 8441, 4)
        let scheme = self
            .scheme
            .ok_or(HandshakeError::MissingPseudoField(":scheme"))?;
        let path = self
            .path
            .ok_or(HandshakeError::MissingPseudoField(":path"))?;
        // "The scheme of the target URI [...] MUST be "https" for "wss"-schemed WebSockets and
        // "http" for "ws"-schemed WebSockets." (RFC 8441, section 5)
        if !is_scheme(scheme) {
            return Err(HandshakeError::InvalidScheme);
        }
        // "This pseudo-header field MUST NOT be empty for "http" or "https" URIs" (RFC 9113,
        // section 8.3.1); the target's own check follows.
        if path.starts_with('/') {
            Ok(())
        } else {
            Err(HandshakeError::InvalidTarget)
        }
    }
}

/// Whether extended CONNECT may be sent for a target of this scheme.
pub(super) fn is_scheme(scheme: &str) -> bool {
    ["https", "http"]
        .iter()
        .any(|name| scheme.eq_ignore_ascii_case(name))
}

/// Refuses fields that concern one connection, which only HTTP/1.1 has.
pub(super) fn check_no_connection_fields<'b>(
    fields: impl Iterator<Item = Pair<'b>>,
) -> Result<(), HandshakeError> {
    // "Any message containing connection-specific header fields MUST be treated as malformed" (RFC
    // 9113, section 8.2.2; RFC 9114, section 4.2, says the same of HTTP/3)
    for (name, value) in fields {
        let found = CONNECTION_FIELDS
            .into_iter()
            .find(|field| is_named(name, field));
        if let Some(field) = found {
            return Err(HandshakeError::ConnectionField(field));
        }
        // "The only exception to this is the TE header field, which MAY be present in an HTTP/2
        // request; when it is, it MUST NOT contain any value other than "trailers"." (8.2.2)
        if is_named(name, "te") && !is_named(trim(value), "trailers") {
            return Err(HandshakeError::ConnectionField("TE"));
        }
    }
    Ok(())
}

/// Checks the caller's fields for a message on HTTP/2 or HTTP/3 as [`check_no_connection_fields`]
/// does those of the peer.
pub(super) fn check_outgoing_on_stream(fields: FieldList<'_>) -> Result<(), FieldError> {
    check_outgoing(fields, &CONNECTION_FIELDS)?;
    let is_wrong_te = |(name, value): (&str, &[u8])| {
        name.eq_ignore_ascii_case("te") && !value.eq_ignore_ascii_case(b"trailers")
    };
    match fields.iter().position(is_wrong_te) {
        Some(index) => Err(FieldError::Reserved { index }),
        None => Ok(()),
    }
}

/// The fields of RFC 9113 section 8.2.2.
const CONNECTION_FIELDS: [&str; 5] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Transfer-Encoding",
    "Upgrade",
];

/// The proof that the server takes extended CONNECT, without which a client may not send it.
///
/// See [RFC 8441 section 3](https://www.rfc-editor.org/rfc/rfc8441#section-3) and
/// [RFC 9220 section 3](https://www.rfc-editor.org/rfc/rfc9220#section-3).
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::client::{ConnectEnabled, RequestError};
///
/// // The server's SETTINGS have not come yet, or do not name the setting.
/// assert_eq!(ConnectEnabled::from_setting(None), Err(RequestError::ConnectNotEnabled));
/// assert!(ConnectEnabled::from_setting(Some(1)).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectEnabled(());

impl ConnectEnabled {
    /// Takes the latest value of `SETTINGS_ENABLE_CONNECT_PROTOCOL` (0x08) that the server sent.
    ///
    /// A library that only tells whether it is enabled gives it as `enabled.then_some(1)`.
    ///
    /// # Errors
    ///
    /// [`RequestError::ConnectNotEnabled`]: there is none yet, or it is not 1. Open a connection of
    /// HTTP/1.1 instead. A value above 1, and a 0 after a 1, break RFC 8441 section 3: those are
    /// for the HTTP library to answer.
    pub fn from_setting(value: Option<u64>) -> Result<Self, RequestError> {
        // "Upon receipt of SETTINGS_ENABLE_CONNECT_PROTOCOL with a value of 1, a client MAY use the
        // Extended CONNECT [...]. [...] Receipt of this parameter by a server does not have any
        // impact." (RFC 8441, section 3)
        if value == Some(1) {
            Ok(Self(()))
        } else {
            Err(RequestError::ConnectNotEnabled)
        }
    }
}

//! The server's side of the opening handshake.
//!
//! [`Handshake::receive`] finds the request, [`Request::upgrade`] checks it, and
//! [`Upgrade::accept`] or [`Response::write`] answers it.
//! See [RFC 6455 section 4.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2).

use core::fmt;

use super::error::HandshakeError;
use super::extension::{self, Extensions};
use super::field::{
    self, Fields, Pair, Single, append, append_fields, check_outgoing, has_token, is_named,
    write_whole,
};
use super::head::{EmptyLine, HeadLimits, HttpVersion, Scanner};
use super::key::{Accept, Key};
use super::subprotocol::{self, Subprotocols};
use super::target::Target;
use crate::{Negotiated, Output};

pub use super::response::{Response, ResponseError};

/// Waits for a client's request.
///
/// It holds offsets only; the bytes stay with the caller.
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::HeadLimits;
/// use websocket_proto::handshake::server::Handshake;
///
/// let mut handshake = Handshake::new(HeadLimits::default());
/// let received = b"GET /news HTTP/1.1\r\nHost: example.com\r\n\r\n";
/// assert!(handshake.receive(&received[..20])?.is_none());
/// let request = handshake.receive(received)?.ok_or("the head is whole")?;
/// assert_eq!(request.path(), "/news");
/// assert!(!request.is_upgrade());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Handshake {
    scanner: Scanner,
}

impl Default for Handshake {
    fn default() -> Self {
        Self::new(HeadLimits::default())
    }
}

impl Handshake {
    /// Waits for the first byte of a request, whose head has to keep to `limits`.
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            scanner: Scanner::new(limits, EmptyLine::Ignored),
        }
    }

    /// Looks for the whole head of a request in `buf`, which holds all bytes received so far.
    ///
    /// `None` means that more bytes are needed: append them and call again with the longer buffer.
    /// Bytes that were looked at once are not looked at again until the head is whole. Anything
    /// after the head stays untouched; [`Request::head_len`] says where it starts.
    ///
    /// # Errors
    ///
    /// The head is not HTTP/1 as [`HandshakeError::MalformedHead`],
    /// [`BareLineFeed`](HandshakeError::BareLineFeed),
    /// [`LineFolding`](HandshakeError::LineFolding) and
    /// [`HttpVersion`](HandshakeError::HttpVersion) describe it, or it exceeds a limit:
    /// [`HeadTooLong`](HandshakeError::HeadTooLong),
    /// [`LineTooLong`](HandshakeError::LineTooLong),
    /// [`StartLineTooLong`](HandshakeError::StartLineTooLong),
    /// [`TooManyFields`](HandshakeError::TooManyFields). Answer with
    /// [`HandshakeError::response`] and close.
    pub fn receive<'b>(&mut self, buf: &'b [u8]) -> Result<Option<Request<'b>>, HandshakeError> {
        let Some(head) = self.scanner.scan(buf)? else {
            return Ok(None);
        };
        let line = head.parse_request()?;
        Ok(Some(Request {
            method: line.method,
            target: line.target,
            version: line.version,
            fields: head.fields,
            head_len: head.end,
        }))
    }
}

/// A request whose head is whole; it may be an ordinary one.
#[derive(Clone, Debug)]
pub struct Request<'b> {
    method: &'b str,
    target: &'b str,
    version: HttpVersion,
    fields: Fields<'b>,
    head_len: usize,
}

impl<'b> Request<'b> {
    /// The method, such as `GET`.
    pub fn method(&self) -> &'b str {
        self.method
    }

    /// The request target as it was received.
    pub fn target(&self) -> &'b str {
        self.target
    }

    /// The path of the target, without the query and, in an absolute URI, without what precedes it.
    pub fn path(&self) -> &'b str {
        Target::new(self.target).path
    }

    /// The query of the target: what follows the first `?`.
    pub fn query(&self) -> Option<&'b str> {
        Target::new(self.target).query
    }

    /// The HTTP version.
    pub fn version(&self) -> HttpVersion {
        self.version
    }

    /// All fields.
    pub fn fields(&self) -> Fields<'b> {
        self.fields.clone()
    }

    /// The value of the first field called `name`, without regard to case.
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        self.fields.first(name)
    }

    /// The length of the head, which is the offset of the first byte of the data phase.
    pub fn head_len(&self) -> usize {
        self.head_len
    }

    /// Whether the client means to open a WebSocket connection, rightly or wrongly.
    ///
    /// True if an `Upgrade` field names `websocket` or there is a `Sec-WebSocket-Key`. A server
    /// that also serves pages asks this first, and then calls [`upgrade`](Request::upgrade).
    pub fn is_upgrade(&self) -> bool {
        self.fields.pairs().any(|(name, value)| {
            is_named(name, "sec-websocket-key")
                || (is_named(name, "upgrade") && has_token(value, "websocket"))
        })
    }

    /// Checks the request by all rules for the client's opening handshake.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    ///
    /// # Errors
    ///
    /// One of these; answer with [`HandshakeError::response`] and close.
    ///
    /// - [`MethodNotGet`](HandshakeError::MethodNotGet),
    ///   [`HttpVersion`](HandshakeError::HttpVersion),
    ///   [`TargetFragment`](HandshakeError::TargetFragment),
    ///   [`InvalidTarget`](HandshakeError::InvalidTarget): the request line is not that of an
    ///   opening handshake.
    /// - [`MissingHost`](HandshakeError::MissingHost),
    ///   [`InvalidHost`](HandshakeError::InvalidHost),
    ///   [`BodyNotAllowed`](HandshakeError::BodyNotAllowed),
    ///   [`MissingUpgrade`](HandshakeError::MissingUpgrade),
    ///   [`MissingConnection`](HandshakeError::MissingConnection),
    ///   [`MissingVersion`](HandshakeError::MissingVersion),
    ///   [`UnsupportedVersion`](HandshakeError::UnsupportedVersion),
    ///   [`MissingKey`](HandshakeError::MissingKey), [`InvalidKey`](HandshakeError::InvalidKey): a
    ///   field is missing or wrong.
    /// - [`RepeatedField`](HandshakeError::RepeatedField): one of these fields, or `Origin`, stands
    ///   more than once.
    /// - [`InvalidOrigin`](HandshakeError::InvalidOrigin),
    ///   [`InvalidSubprotocol`](HandshakeError::InvalidSubprotocol),
    ///   [`RepeatedSubprotocol`](HandshakeError::RepeatedSubprotocol),
    ///   [`TooManySubprotocols`](HandshakeError::TooManySubprotocols),
    ///   [`InvalidExtensions`](HandshakeError::InvalidExtensions),
    ///   [`TooManyExtensions`](HandshakeError::TooManyExtensions): an optional field is wrong.
    /// - [`OriginNotAllowed`](HandshakeError::OriginNotAllowed): `origins` does not admit it.
    pub fn upgrade(&self, origins: OriginPolicy<'_>) -> Result<Upgrade<'b>, HandshakeError> {
        // "An HTTP/1.1 or higher GET request" (RFC 6455, section 4.2.1, item 1)
        if self.method != "GET" {
            return Err(HandshakeError::MethodNotGet);
        }
        if self.version < HttpVersion::Http11 {
            return Err(HandshakeError::HttpVersion);
        }
        let authority = Target::new(self.target).check()?;
        let checked = check_fields(self.fields.pairs())?;
        // "an origin server MUST ignore the received Host header field (if any) and instead replace
        // it with the host information of the request-target" (RFC 9112, section 3.2.2)
        let host = authority.unwrap_or(checked.host);
        if !origins.admits(checked.origin, host) {
            return Err(HandshakeError::OriginNotAllowed);
        }
        Ok(Upgrade {
            request: self.clone(),
            host,
            origin: checked.origin,
            key: checked.key,
        })
    }
}

/// Which pages may open a WebSocket connection, judged by the `Origin` that browsers send.
///
/// A browser lets any page open a WebSocket connection to any server and sends the user's cookies
/// along, so the server has to say whom it trusts. A request without `Origin` does not come from a
/// page and passes under every policy; [`Upgrade::origin`] tells such a request from the others.
/// See [RFC 6455 section 10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2).
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::server::OriginPolicy;
///
/// // The dot belongs to the suffix: without it `https://evil-example.com` would pass.
/// let subdomains = |origin: &str| {
///     origin.strip_prefix("https://").is_some_and(|host| host.ends_with(".example.com"))
/// };
/// let policy = OriginPolicy::Custom(&subdomains);
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum OriginPolicy<'p> {
    /// Every page: right for a server that gives every caller the same.
    Any,
    /// Whatever the function says yes to.
    ///
    /// It is given the value of `Origin`: one word of ASCII, which may be `null` and need not be an
    /// origin at all, since any program can send it. It is `Sync`, so that threads can share the
    /// policy.
    Custom(&'p (dyn Fn(&str) -> bool + Sync)),
    /// The listed origins, each written as a browser does: `https://example.com`, compared byte by
    /// byte.
    OneOf(&'p [&'p str]),
    /// Pages of the very host and port that the request is for, by http or https.
    SameHost,
}

impl OriginPolicy<'_> {
    fn admits(self, origin: Option<&str>, host: &str) -> bool {
        let Some(origin) = origin else {
            return true;
        };
        match self {
            Self::Any => true,
            Self::Custom(admits) => admits(origin),
            Self::OneOf(origins) => origins.contains(&origin),
            Self::SameHost => ["https://", "http://"]
                .into_iter()
                .filter_map(|scheme| origin.strip_prefix(scheme))
                .any(|authority| authority.eq_ignore_ascii_case(host)),
        }
    }
}

impl fmt::Debug for OriginPolicy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("Any"),
            Self::Custom(_) => f.write_str("Custom(..)"),
            Self::OneOf(origins) => f.debug_tuple("OneOf").field(origins).finish(),
            Self::SameHost => f.write_str("SameHost"),
        }
    }
}

/// A request that keeps to all rules and waits for the server's decision.
#[derive(Clone, Debug)]
pub struct Upgrade<'b> {
    request: Request<'b>,
    host: &'b str,
    origin: Option<&'b str>,
    key: &'b [u8],
}

impl<'b> Upgrade<'b> {
    /// The request.
    pub fn request(&self) -> &Request<'b> {
        &self.request
    }

    /// The host that the request is for, with the port if one is given.
    ///
    /// It is that of the target if the target is an absolute URI, else that of `Host`.
    pub fn host(&self) -> &'b str {
        self.host
    }

    /// The origin of the page that opens the connection; browsers always send it.
    pub fn origin(&self) -> Option<&'b str> {
        self.origin
    }

    /// The subprotocols that the client offers, the preferred one first.
    pub fn subprotocols(&self) -> Subprotocols<'b> {
        Subprotocols::new(self.request.fields())
    }

    /// The extensions that the client offers, the preferred one first.
    pub fn extensions(&self) -> Extensions<'b> {
        Extensions::new(self.request.fields())
    }

    /// Writes the 101 response, after which the data phase begins.
    ///
    /// See [RFC 6455 section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2).
    ///
    /// # Errors
    ///
    /// Nothing is written then.
    ///
    /// - [`ResponseError::UnofferedSubprotocol`]: the client does not offer the subprotocol.
    /// - [`ResponseError::Field`]: one of the caller's fields cannot go out.
    /// - [`ResponseError::OutputFull`]: `out` has no room for the response.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::SliceOutput; // or a `Vec<u8>`
    /// use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
    ///
    /// let received = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: superchat, chat\r\n\r\n";
    /// let mut handshake = Handshake::default();
    /// let request = handshake.receive(received)?.ok_or("the head is whole")?;
    /// let upgrade = request.upgrade(OriginPolicy::SameHost)?;
    ///
    /// let spoken = ["chat", "echo"];
    /// let chosen = spoken.into_iter().find(|s| upgrade.subprotocols().any(|offer| offer == *s));
    /// let mut acceptance = Acceptance::default();
    /// if let Some(subprotocol) = chosen {
    ///     acceptance = acceptance.subprotocol(subprotocol);
    /// }
    /// let mut room = [0; 1024];
    /// let mut out = SliceOutput::new(&mut room);
    /// let negotiated = upgrade.accept(&acceptance, &mut out)?;
    /// assert_eq!(negotiated.subprotocol, Some("chat"));
    /// assert!(out.filled().starts_with(b"HTTP/1.1 101 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn accept<'a>(
        &self,
        acceptance: &Acceptance<'a>,
        out: &mut impl Output,
    ) -> Result<Negotiated<'a>, ResponseError> {
        if let Some(subprotocol) = acceptance.subprotocol {
            // "The value chosen MUST be derived from the client's handshake" (section 4.2.2)
            if !self.subprotocols().any(|offered| offered == subprotocol) {
                return Err(ResponseError::UnofferedSubprotocol);
            }
        }
        check_outgoing(acceptance.fields, &[])?;
        let accept = Accept::of(self.key);
        write_whole(out, |out| {
            append(out, &["HTTP/1.1 101 Switching Protocols\r\n"]);
            append(
                out,
                &["Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "],
            );
            out.put(accept.as_bytes());
            append(out, &["\r\n"]);
            if let Some(subprotocol) = acceptance.subprotocol {
                append(out, &["Sec-WebSocket-Protocol: ", subprotocol, "\r\n"]);
            }
            append_fields(out, acceptance.fields);
            append(out, &["\r\n"]);
        })?;
        Ok(Negotiated {
            subprotocol: acceptance.subprotocol,
        })
    }
}

/// What the server answers to an [`Upgrade`] that it accepts; by default nothing beyond the 101.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acceptance<'a> {
    subprotocol: Option<&'a str>,
    fields: &'a [(&'a str, &'a str)],
}

impl<'a> Acceptance<'a> {
    /// Chooses one of the offered subprotocols; without this the connection has none.
    ///
    /// A name of the server's own list outlives the buffer that holds the request, one taken from
    /// [`Upgrade::subprotocols`] borrows it.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: &'a str) -> Self {
        self.subprotocol = Some(subprotocol);
        self
    }

    /// Adds fields, such as `Server` or `Set-Cookie`, in the given order.
    #[must_use]
    pub fn fields(mut self, fields: &'a [(&'a str, &'a str)]) -> Self {
        self.fields = fields;
        self
    }
}

/// What the fields of a valid request say.
struct Checked<'b> {
    host: &'b str,
    origin: Option<&'b str>,
    key: &'b [u8],
}

/// Checks the fields of a client's opening handshake on HTTP/1.1, whoever has parsed them.
fn check_fields<'b>(
    fields: impl Iterator<Item = Pair<'b>> + Clone,
) -> Result<Checked<'b>, HandshakeError> {
    let found = Found::of(fields.clone());
    // "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
    // that lacks a Host header field [...], contains more than one [...]" (RFC 9112, section 3.2)
    let host = found.host.get("Host")?.ok_or(HandshakeError::MissingHost)?;
    let host = Some(host)
        .filter(|host| field::is_authority(host))
        .and_then(|host| core::str::from_utf8(host).ok())
        .ok_or(HandshakeError::InvalidHost)?;
    // Content would be taken for frames, or frames for content: a request is smuggled that way.
    let length = found.content_length.get("Content-Length")?.unwrap_or(b"0");
    if found.transfer_encoding || length.is_empty() || length.iter().any(|byte| *byte != b'0') {
        return Err(HandshakeError::BodyNotAllowed);
    }
    // "An |Upgrade| header field containing the value "websocket", treated as an ASCII
    // case-insensitive value." (RFC 6455, section 4.2.1, item 3)
    if !found.upgrade {
        return Err(HandshakeError::MissingUpgrade);
    }
    // "A |Connection| header field that includes the token "Upgrade"" (section 4.2.1, item 4)
    if !found.connection {
        return Err(HandshakeError::MissingConnection);
    }
    // "A |Sec-WebSocket-Version| header field, with a value of 13." (section 4.2.1, item 6)
    let version = found.version.get("Sec-WebSocket-Version")?;
    if version.ok_or(HandshakeError::MissingVersion)? != b"13" {
        return Err(HandshakeError::UnsupportedVersion);
    }
    // "A |Sec-WebSocket-Key| header field with a base64-encoded [...] value that, when decoded, is
    // 16 bytes in length." (section 4.2.1, item 5)
    let key = found
        .key
        .get("Sec-WebSocket-Key")?
        .ok_or(HandshakeError::MissingKey)?;
    if !Key::is_valid(key) {
        return Err(HandshakeError::InvalidKey);
    }
    // "the user agent MUST NOT include more than one Origin header field" (RFC 6454, section 7.3)
    let origin = match found.origin.get("Origin")? {
        Some(origin) if !field::is_origin(origin) => return Err(HandshakeError::InvalidOrigin),
        origin => origin.and_then(|origin| core::str::from_utf8(origin).ok()),
    };
    subprotocol::check_offers(fields.clone())?;
    extension::check_offers(fields)?;
    Ok(Checked { host, origin, key })
}

/// The fields that the checks need, gathered in one pass.
#[derive(Default)]
struct Found<'b> {
    connection: bool,
    content_length: Single<'b>,
    host: Single<'b>,
    key: Single<'b>,
    origin: Single<'b>,
    transfer_encoding: bool,
    upgrade: bool,
    version: Single<'b>,
}

impl<'b> Found<'b> {
    fn of(fields: impl Iterator<Item = Pair<'b>>) -> Self {
        let mut found = Self::default();
        for (name, value) in fields {
            if is_named(name, "connection") {
                found.connection |= has_token(value, "upgrade");
            } else if is_named(name, "content-length") {
                found.content_length.add(value);
            } else if is_named(name, "host") {
                found.host.add(value);
            } else if is_named(name, "origin") {
                found.origin.add(value);
            } else if is_named(name, "sec-websocket-key") {
                found.key.add(value);
            } else if is_named(name, "sec-websocket-version") {
                found.version.add(value);
            } else if is_named(name, "transfer-encoding") {
                found.transfer_encoding = true;
            } else if is_named(name, "upgrade") {
                found.upgrade |= has_token(value, "websocket");
            }
        }
        found
    }
}

//! The server's side of the opening handshake.
//!
//! [`Handshake::receive`] finds the request, [`Request::upgrade`] checks it, and
//! [`Upgrade::accept`] or [`Response::write`] answers it.
//!
//! Behind an HTTP library, [`Request::from_fields`] or [`Request::from_pseudo_fields`] takes what
//! the library has parsed, the same `upgrade` checks it, and [`Upgrade::respond`] or
//! [`Response::head`] gives the answer as data.
//! See [RFC 6455 section 4.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2).

use super::connect::{PseudoFields, check_no_connection_fields, is_scheme};
use super::error::HandshakeError;
use super::extension::{self, Extensions};
use super::field::{self, Fields, is_named, pairs};
use super::head::{HeadLimits, HttpVersion, Requests, Scanner, is_method_and_target};
use super::key::Key;
use super::known::{Known, Single};
use super::outcome::HeadEnd;
use super::outgoing::write_whole;
use super::subprotocol::{self, Subprotocols};
use super::target::Target;
use crate::{Leniency, Negotiated, Output, OutputFull};

pub use super::acceptance::Acceptance;
pub use super::detached::DetachedUpgrade;
pub use super::origin::OriginPolicy;
pub use super::response::{Response, ResponseError, ResponseHead};

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
    scanner: Scanner<Requests>,
    leniency: Leniency,
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
            scanner: Scanner::new(limits),
            leniency: Leniency::new(),
        }
    }

    /// Sets which rules the server does not insist on; by default none.
    ///
    /// Of the switches for the handshake only [`Leniency::empty_subprotocol`] concerns requests.
    #[must_use]
    pub fn leniency(mut self, leniency: Leniency) -> Self {
        self.leniency = leniency;
        self
    }

    /// Looks for the whole head of a request in `buf`, which holds all bytes received so far.
    ///
    /// `None` means that more bytes are needed: append them and call again with the longer buffer.
    /// Each call goes on where the one before has stopped, until the head is whole. Anything after
    /// the head stays untouched; [`Request::head_len`] says where it starts. Once the head is
    /// whole, every later call gives the same request, or the same error.
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
    /// [`TooManyFields`](HandshakeError::TooManyFields). Or the host that the request is for is not
    /// said once, which every request of HTTP/1.1 has to do:
    /// [`MissingHost`](HandshakeError::MissingHost), [`InvalidHost`](HandshakeError::InvalidHost),
    /// [`RepeatedField`](HandshakeError::RepeatedField). Answer with
    /// [`HandshakeError::response`] and close.
    ///
    /// The first byte that proves a fault decides, so a peer that speaks another protocol is
    /// refused at the end of its first line.
    ///
    /// # Examples
    ///
    /// A function that reads until the head is whole. The borrow checker of today would not let a
    /// request leave the loop that goes on filling its buffer, so it asks once more behind it:
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use std::io::{self, Read};
    /// use websocket_proto::handshake::server::{Handshake, Request};
    ///
    /// /// The request, and how many bytes of the buffer are filled.
    /// fn read_request<'b>(
    ///     mut stream: impl Read,
    ///     buffer: &'b mut [u8],
    /// ) -> io::Result<Option<(Request<'b>, usize)>> {
    ///     let mut handshake = Handshake::default();
    ///     let mut filled = 0;
    ///     while handshake.receive(&buffer[..filled]).map_err(io::Error::other)?.is_none() {
    ///         match stream.read(&mut buffer[filled..])? {
    ///             0 => return Ok(None),
    ///             read => filled += read,
    ///         }
    ///     }
    ///     let request = handshake.receive(&buffer[..filled]).map_err(io::Error::other)?;
    ///     Ok(request.map(|request| (request, filled)))
    /// }
    ///
    /// let stream = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\nframes";
    /// let mut buffer = [0; 16 << 10];
    /// let (request, filled) = read_request(&stream[..], &mut buffer)?.ok_or("it has ended")?;
    /// assert_eq!(filled - request.head_len(), b"frames".len());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn receive<'b>(&mut self, buf: &'b [u8]) -> Result<Option<Request<'b>>, HandshakeError> {
        let Some(head) = self.scanner.scan(buf, Leniency::new())? else {
            return Ok(None);
        };
        let line = head.line;
        let request = Request {
            line: PseudoFields::new(line.method).with_path(line.target),
            version: line.version,
            known: head.known,
            fields: head.fields,
            head_len: head.end,
            leniency: self.leniency,
            fault: None,
        };
        request.check_host()?;
        Ok(Some(request))
    }

    /// Tells what the end of the client's input means, after all bytes before it went to
    /// [`receive`](Handshake::receive).
    ///
    /// Whichever it is, no more of the request comes: close the connection.
    pub fn receive_eof(&self) -> HeadEnd {
        self.scanner.end()
    }

    /// Goes on to the request that follows `answered` on the same connection; tells whether it does.
    ///
    /// From now on [`receive`](Handshake::receive) takes a buffer that begins behind the head of
    /// `answered`: leave out its first [`head_len`](Request::head_len) bytes. The limits count anew.
    ///
    /// If [`Request::can_persist`] is false, nothing changes, and the answer is `false`: close the
    /// connection then. A caller that serves many requests limits their number and the time.
    ///
    /// See [RFC 9112 section 9.3](https://www.rfc-editor.org/rfc/rfc9112#section-9.3).
    ///
    /// # Examples
    ///
    /// A server that asks for credentials, and keeps the connection for the second try:
    ///
    /// ```
    /// use websocket_proto::SliceOutput; // or a `Vec<u8>`
    /// use websocket_proto::handshake::server::{
    ///     Acceptance, Handshake, OriginPolicy, Response, ResponseError,
    /// };
    ///
    /// let received = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
    ///     GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    ///     Authorization: Basic YTpi\r\n\r\n";
    /// let mut room = [0; 512];
    /// let mut out = SliceOutput::new(&mut room);
    /// let mut handshake = Handshake::default();
    /// let mut buffer = &received[..]; // read more into it where `receive` gives `None`
    /// while let Some(request) = handshake.receive(buffer)? {
    ///     let upgrade = request.upgrade(OriginPolicy::SameHost)?;
    ///     if request.field("authorization").is_some() {
    ///         upgrade.accept(&Acceptance::default(), &mut out)?;
    ///         break;
    ///     }
    ///     Response::new(401)
    ///         .fields(&[("WWW-Authenticate", "Basic realm=\"a\"")])
    ///         .keep_alive(request.can_persist())
    ///         .write(&mut out)?;
    ///     if !handshake.next_request(&request) {
    ///         break; // and close
    ///     }
    ///     buffer = &buffer[request.head_len()..];
    /// }
    /// assert!(out.filled().starts_with(
    ///     b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\
    ///       WWW-Authenticate: Basic realm=\"a\"\r\n\r\nHTTP/1.1 101 "
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn next_request(&mut self, answered: &Request<'_>) -> bool {
        let persists = answered.can_persist();
        if persists {
            self.scanner.next_message();
        }
        persists
    }
}

/// A request whose head is whole; it may be an ordinary one.
///
/// `F` is where its fields come from: the bytes that [`Handshake::receive`] looked at, or whatever
/// an HTTP library keeps them in.
#[derive(Clone, Debug)]
pub struct Request<'b, F = Fields<'b>> {
    /// The pseudo-fields; of a request line, `:method` and, as `:path`, the target.
    line: PseudoFields<'b>,
    version: HttpVersion,
    known: Known<'b>,
    fields: F,
    head_len: usize,
    leniency: Leniency,
    /// What makes the request one that cannot be answered but with an error, whatever it asks for.
    fault: Option<HandshakeError>,
}

impl Request<'_> {
    /// The length of the head, which is the offset of the first byte of the data phase.
    pub fn head_len(&self) -> usize {
        self.head_len
    }
}

impl<'b, F: Iterator<Item = (&'b [u8], &'b [u8])> + Clone> Request<'b, F> {
    /// Takes a request of HTTP/1.1 that an HTTP library has parsed.
    ///
    /// `target` is the request target as it was received, `fields` gives names and values in their
    /// order. Limits and the syntax of the fields are the library's; [`upgrade`](Request::upgrade)
    /// holds everything else, as for a request from bytes. For a page call
    /// [`check`](Request::check).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::HttpVersion;
    /// use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request};
    ///
    /// let parsed = [
    ///     ("host", "example.com"),
    ///     ("upgrade", "websocket"),
    ///     ("connection", "Upgrade"),
    ///     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ///     ("sec-websocket-version", "13"),
    /// ];
    /// let fields = parsed.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    /// let request = Request::from_fields("GET", "/chat", HttpVersion::Http11, fields);
    /// match request.upgrade(OriginPolicy::SameHost) {
    ///     Ok(upgrade) => {
    ///         let (head, negotiated) = upgrade.respond(&Acceptance::default())?;
    ///         assert_eq!((head.status(), negotiated.subprotocol), (101, None));
    ///         for (name, value) in head.fields() {
    ///             println!("{name}: {value}"); // give them to the library
    ///         }
    ///     }
    ///     Err(error) => println!("{}", error.response().head(request.version())?.status()),
    /// }
    /// # Ok::<(), websocket_proto::handshake::server::ResponseError>(())
    /// ```
    pub fn from_fields(method: &'b str, target: &'b str, version: HttpVersion, fields: F) -> Self {
        let line = PseudoFields::new(method).with_path(target);
        Self::from_pseudo_fields(line, version, fields)
    }

    /// Takes a request of HTTP/2 or HTTP/3 that an HTTP library has parsed.
    ///
    /// `fields` gives names and values in their order, without the pseudo-fields. If
    /// [`upgrade`](Request::upgrade) accepts the request, send what [`Upgrade::respond`] gives
    /// without ending the stream. The stream then is the byte pipe of the data phase: what comes in
    /// DATA frames goes to [`Connection::receive`](crate::Connection::receive), and what the
    /// connection puts out is sent in DATA frames.
    ///
    /// | the stream | the data phase |
    /// |---|---|
    /// | `END_STREAM` or FIN comes | [`receive_eof`], as at the end of a TCP connection |
    /// | a reset comes | [`receive_eof`] too: without a Close before it the end is 1006 |
    /// | [`Transport::CloseNow`] | `END_STREAM` or FIN after all output; a reset may discard it |
    /// | the connection is to be broken off | a reset: `CANCEL`, or `H3_REQUEST_CANCELLED` |
    ///
    /// Two things that a TCP connection does by itself are to be seen to. Hand over output in pieces,
    /// each when the one before has gone: some libraries queue whatever they are given. And the
    /// flow-control window of the HTTP connection needs room for the windows of all its streams, or
    /// a stream that is not read stops the others.
    ///
    /// [`receive_eof`]: crate::Connection::receive_eof
    /// [`Transport::CloseNow`]: crate::Transport::CloseNow
    ///
    /// See [RFC 8441 section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5) and
    /// [RFC 9220 section 3](https://www.rfc-editor.org/rfc/rfc9220#section-3).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request};
    /// use websocket_proto::handshake::{HttpVersion, PseudoFields};
    ///
    /// let pseudo = PseudoFields::new("CONNECT")
    ///     .with_protocol("websocket")
    ///     .with_scheme("https")
    ///     .with_authority("example.com")
    ///     .with_path("/chat");
    /// let fields = [(&b"sec-websocket-version"[..], &b"13"[..])].into_iter();
    /// let request = Request::from_pseudo_fields(pseudo, HttpVersion::Http2, fields);
    /// let upgrade = request.upgrade(OriginPolicy::SameHost)?;
    /// let (head, _) = upgrade.respond(&Acceptance::default())?;
    /// assert_eq!(head.status(), 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_pseudo_fields(pseudo: PseudoFields<'b>, version: HttpVersion, fields: F) -> Self {
        let mut request = Self {
            line: pseudo,
            version,
            known: Known::of(pairs(fields.clone())),
            fields,
            head_len: 0,
            leniency: Leniency::new(),
            fault: None,
        };
        request.fault = request.find_fault().err();
        request
    }
}

impl<'b, F: Iterator<Item: Into<(&'b [u8], &'b [u8])>> + Clone> Request<'b, F> {
    /// Sets which rules [`upgrade`](Request::upgrade) does not insist on.
    ///
    /// They are those of the [`Handshake`] that has found the request, else none. Only
    /// [`Leniency::empty_subprotocol`] concerns a request.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::Leniency;
    /// use websocket_proto::handshake::server::{OriginPolicy, Request};
    /// use websocket_proto::handshake::{HandshakeError, HttpVersion, PseudoFields};
    ///
    /// let pseudo = PseudoFields::new("CONNECT")
    ///     .with_protocol("websocket")
    ///     .with_scheme("https")
    ///     .with_authority("example.com")
    ///     .with_path("/chat");
    /// let fields = [
    ///     (&b"sec-websocket-version"[..], &b"13"[..]),
    ///     (b"sec-websocket-protocol", b""),
    /// ];
    /// let request = Request::from_pseudo_fields(pseudo, HttpVersion::Http2, fields.into_iter());
    /// let refused = request.upgrade(OriginPolicy::SameHost).err();
    /// assert_eq!(refused, Some(HandshakeError::InvalidSubprotocol));
    /// let request = request.leniency(Leniency::new().empty_subprotocol(true));
    /// assert!(request.upgrade(OriginPolicy::SameHost).is_ok());
    /// ```
    #[must_use]
    pub fn leniency(mut self, leniency: Leniency) -> Self {
        self.leniency = leniency;
        self
    }

    /// The method, such as `GET`.
    pub fn method(&self) -> &'b str {
        self.line.method()
    }

    /// The request target as it was received.
    pub fn target(&self) -> &'b str {
        self.line.path().unwrap_or_default()
    }

    /// The path of the target, without the query and, in an absolute URI, without what precedes it.
    pub fn path(&self) -> &'b str {
        Target::new(self.target()).path
    }

    /// The query of the target: what follows the first `?`.
    pub fn query(&self) -> Option<&'b str> {
        Target::new(self.target()).query
    }

    /// The path with the query, as the next hop is asked for it.
    ///
    /// `None` for the one target that does not hold it in one piece: an absolute URI with a query
    /// and no path, as `http://example.com?a`. Join the path `/` and the query then.
    ///
    /// See [RFC 6455 section 3](https://www.rfc-editor.org/rfc/rfc6455#section-3).
    ///
    /// # Examples
    ///
    /// A gateway that asks another host for what it was asked for:
    ///
    /// ```
    /// use websocket_proto::handshake::client;
    /// use websocket_proto::handshake::server::Handshake;
    ///
    /// let received = b"GET http://example.com/chat?room=1 HTTP/1.1\r\nHost: example.com\r\n\r\n";
    /// let mut handshake = Handshake::default();
    /// let request = handshake.receive(received)?.ok_or("the head is whole")?;
    /// let target = request.path_and_query().ok_or("a query without a path")?;
    /// assert_eq!(target, "/chat?room=1");
    /// let onwards = client::Handshake::new(*b"use random bytes", "inner.test:8080", target);
    /// # let _ = onwards;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path_and_query(&self) -> Option<&'b str> {
        Target::new(self.target()).path_and_query
    }

    /// The HTTP version.
    pub fn version(&self) -> HttpVersion {
        self.version
    }

    /// All fields.
    pub fn fields(&self) -> F {
        self.fields.clone()
    }

    /// The value of the first field called `name`, without regard to case.
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        pairs(self.fields())
            .find(|field| is_named(field.0, name))
            .map(|field| field.1)
    }

    /// Whether the client means to open a WebSocket connection, rightly or wrongly.
    ///
    /// True on HTTP/1.1 if an `Upgrade` field names `websocket` or there is a `Sec-WebSocket-Key`,
    /// on HTTP/2 and HTTP/3 if it is a CONNECT whose `:protocol` is `websocket`. A server that also
    /// serves pages or tunnels asks this first, and then calls [`upgrade`](Request::upgrade).
    pub fn is_upgrade(&self) -> bool {
        if self.version >= HttpVersion::Http2 {
            return self.line.is_websocket();
        }
        self.known.key != Single::Missing || self.upgrades_to_websocket()
    }

    /// Checks what every request has to keep, one for a page too.
    ///
    /// A request that [`Handshake::receive`] gives has kept it, and [`upgrade`](Request::upgrade)
    /// checks it. A server that serves pages behind an HTTP library calls this before it does so.
    ///
    /// # Errors
    ///
    /// - [`MalformedHead`](HandshakeError::MalformedHead): the method is not a token, or the target
    ///   is empty or holds something else than visible ASCII.
    /// - [`MissingHost`](HandshakeError::MissingHost),
    ///   [`InvalidHost`](HandshakeError::InvalidHost),
    ///   [`RepeatedField`](HandshakeError::RepeatedField),
    ///   [`AuthorityMismatch`](HandshakeError::AuthorityMismatch): the host is not said, or not
    ///   clearly.
    ///
    /// See [RFC 9112 section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2).
    pub fn check(&self) -> Result<(), HandshakeError> {
        self.fault.map_or(Ok(()), Err)
    }

    /// Whether another request may follow on the same connection, once this one is refused.
    ///
    /// True for a request of HTTP/1.1 without content and without `Connection: close`, whose method
    /// is neither HEAD nor CONNECT. What follows any other may not be a request: its content, or
    /// what a tunnel carries. A client of HTTP/1.0 waits for the end of the connection.
    ///
    /// See [RFC 9112 section 9.3](https://www.rfc-editor.org/rfc/rfc9112#section-9.3).
    pub fn can_persist(&self) -> bool {
        // "A server MUST read the entire request message body or close the connection after sending
        // its response" (RFC 9112, section 9.3): there is none to read. A response to HEAD has no
        // body whatever its Content-Length says, one to CONNECT may begin a tunnel.
        self.version == HttpVersion::Http11
            && !matches!(self.method(), "HEAD" | "CONNECT")
            && self.check_no_content().is_ok()
            && !self.closes()
    }

    /// Whether the client has said that this is its last request.
    fn closes(&self) -> bool {
        // "A server that receives a "close" connection option MUST initiate closure of the
        // connection [...] after it sends the final response to the request that contained the
        // "close" connection option." (RFC 9112, section 9.6)
        let fields = pairs(self.fields());
        self.known
            .connection
            .has_token("close", "connection", fields)
    }

    /// Checks the request by all rules for the client's opening handshake.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1) and, for
    /// HTTP/2 and HTTP/3, [RFC 8441](https://www.rfc-editor.org/rfc/rfc8441).
    ///
    /// # Errors
    ///
    /// One of these, those of [`check`](Request::check) first; answer with
    /// [`HandshakeError::response`] and close.
    ///
    /// - [`MethodNotGet`](HandshakeError::MethodNotGet),
    ///   [`HttpVersion`](HandshakeError::HttpVersion),
    ///   [`TargetFragment`](HandshakeError::TargetFragment),
    ///   [`InvalidTarget`](HandshakeError::InvalidTarget): the request line is not that of an
    ///   opening handshake.
    /// - [`BodyNotAllowed`](HandshakeError::BodyNotAllowed),
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
    ///
    /// On HTTP/2 and HTTP/3 the rules for `Upgrade`, `Connection` and the key give way to these:
    ///
    /// - [`MethodNotConnect`](HandshakeError::MethodNotConnect),
    ///   [`MissingProtocol`](HandshakeError::MissingProtocol),
    ///   [`UnknownProtocol`](HandshakeError::UnknownProtocol): it is a request for something else.
    /// - [`MissingPseudoField`](HandshakeError::MissingPseudoField),
    ///   [`InvalidScheme`](HandshakeError::InvalidScheme),
    ///   [`ConnectionField`](HandshakeError::ConnectionField): it is malformed.
    #[inline]
    pub fn upgrade(&self, origins: OriginPolicy<'_>) -> Result<Upgrade<'b, F>, HandshakeError> {
        self.check()?;
        let (host, key) = if self.version >= HttpVersion::Http2 {
            (self.check_connect()?, None)
        } else {
            let (host, key) = self.check_get()?;
            (host, Some(key))
        };
        // "the user agent MUST NOT include more than one Origin header field" (RFC 6454, section
        // 7.3)
        let origin = match self.known.origin.get("Origin")? {
            Some(origin) if !field::is_origin(origin) => return Err(HandshakeError::InvalidOrigin),
            origin => origin.and_then(|origin| core::str::from_utf8(origin).ok()),
        };
        let fields = || pairs(self.fields());
        let subprotocols = self.known.subprotocols.values(subprotocol::FIELD, fields());
        subprotocol::check_offers(subprotocols, self.leniency)?;
        extension::check_offers(self.known.extensions.values(extension::FIELD, fields()))?;
        if !origins.admits(origin, host) {
            return Err(HandshakeError::OriginNotAllowed);
        }
        Ok(Upgrade {
            request: self.clone(),
            host,
            origin,
            key,
        })
    }

    /// What only a request of HTTP/1.1 has to keep; gives its host and its key.
    fn check_get(&self) -> Result<(&'b str, Key), HandshakeError> {
        // "An HTTP/1.1 or higher GET request" (RFC 6455, section 4.2.1, item 1)
        if self.method() != "GET" {
            return Err(HandshakeError::MethodNotGet);
        }
        if self.version < HttpVersion::Http11 {
            return Err(HandshakeError::HttpVersion);
        }
        let of_target = self.check_target()?;
        let host = self.host().ok_or(HandshakeError::MissingHost)?;
        self.check_no_content()?;
        // "An |Upgrade| header field containing the value "websocket", treated as an ASCII
        // case-insensitive value." (RFC 6455, section 4.2.1, item 3)
        if !self.upgrades_to_websocket() {
            return Err(HandshakeError::MissingUpgrade);
        }
        // "A |Connection| header field that includes the token "Upgrade"" (section 4.2.1, item 4)
        let fields = pairs(self.fields());
        if !self
            .known
            .connection
            .has_token("upgrade", "connection", fields)
        {
            return Err(HandshakeError::MissingConnection);
        }
        self.check_version()?;
        // "A |Sec-WebSocket-Key| header field with a base64-encoded [...] value that, when decoded,
        // is 16 bytes in length." (section 4.2.1, item 5)
        let key = self
            .known
            .key
            .get("Sec-WebSocket-Key")?
            .ok_or(HandshakeError::MissingKey)?;
        let key = Key::from_value(key).ok_or(HandshakeError::InvalidKey)?;
        // "[...] the origin server MUST ignore the received Host header field (if any) and instead
        // use the host information of the request-target." (RFC 9112, section 3.2.2)
        Ok((of_target.unwrap_or(host), key))
    }

    /// What only a request of HTTP/2 or HTTP/3 has to keep; gives its authority.
    fn check_connect(&self) -> Result<&'b str, HandshakeError> {
        self.line.check()?;
        Target::new(self.target()).check()?;
        check_no_connection_fields(pairs(self.fields()))?;
        self.check_no_content()?;
        self.check_version()?;
        let authority = self.line.authority().or_else(|| self.host());
        authority.ok_or(HandshakeError::MissingHost)
    }

    /// Finds what [`check`](Request::check) tells of a request that a library has parsed.
    fn find_fault(&self) -> Result<(), HandshakeError> {
        // A request line has no other characters, nor has its `:path`.
        let target = self.line.path().unwrap_or("/");
        if !is_method_and_target(self.method(), target) {
            return Err(HandshakeError::MalformedHead);
        }
        self.check_host()?;
        if self.version < HttpVersion::Http2 {
            return Ok(());
        }
        match (self.line.authority(), self.host()) {
            // "If both fields are present, they MUST contain the same value." (RFC 9114, section
            // 4.3.1; RFC 9113, section 8.3.1, has it as a SHOULD)
            (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
                Err(HandshakeError::AuthorityMismatch)
            }
            (Some(authority), _) if !field::is_authority(authority.as_bytes()) => {
                Err(HandshakeError::InvalidHost)
            }
            // "the request MUST contain either an :authority pseudo-header field or a Host header
            // field." (RFC 9114, section 4.3.1)
            (None, None) => Err(HandshakeError::MissingHost),
            _ => Ok(()),
        }
    }

    /// Checks the target of a request of HTTP/1.1; gives the authority in it.
    fn check_target(&self) -> Result<Option<&'b str>, HandshakeError> {
        // A library may have taken an absolute URI apart.
        let target = match (self.line.scheme(), self.line.authority()) {
            (Some(scheme), Some(authority)) if is_scheme(scheme) => {
                Target::of_parts(self.target(), authority)
            }
            (None, None) => Target::new(self.target()),
            _ => return Err(HandshakeError::InvalidTarget),
        };
        target.check()
    }

    fn upgrades_to_websocket(&self) -> bool {
        let fields = pairs(self.fields());
        self.known.upgrade.has_token("websocket", "upgrade", fields)
    }

    /// Checks that the host is said once.
    fn check_host(&self) -> Result<(), HandshakeError> {
        // "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request
        // message that lacks a Host header field and to any request message that contains more than
        // one Host header field line or a Host header field with an invalid field value." (RFC
        // 9112, section 3.2)
        match self.known.host.get("Host")? {
            Some(host) if !field::is_authority(host) => Err(HandshakeError::InvalidHost),
            None if self.version == HttpVersion::Http11 => Err(HandshakeError::MissingHost),
            _ => Ok(()),
        }
    }

    /// The authority that `Host` gives.
    fn host(&self) -> Option<&'b str> {
        match self.known.host {
            Single::Once(host) => core::str::from_utf8(host).ok(),
            _ => None,
        }
    }

    fn check_no_content(&self) -> Result<(), HandshakeError> {
        // Content would be taken for frames, or frames for content: a request is smuggled that way.
        let length = self
            .known
            .content_length
            .get("Content-Length")?
            .unwrap_or(b"0");
        if self.known.transfer_encoding != Single::Missing
            || length.is_empty()
            || length.iter().any(|byte| *byte != b'0')
        {
            return Err(HandshakeError::BodyNotAllowed);
        }
        Ok(())
    }

    fn check_version(&self) -> Result<(), HandshakeError> {
        // "A |Sec-WebSocket-Version| header field, with a value of 13." (section 4.2.1, item 6)
        let version = self.known.version.get("Sec-WebSocket-Version")?;
        if version.ok_or(HandshakeError::MissingVersion)? == b"13" {
            Ok(())
        } else {
            Err(HandshakeError::UnsupportedVersion)
        }
    }
}

/// A request that keeps to all rules and waits for the server's decision.
#[derive(Clone, Debug)]
pub struct Upgrade<'b, F = Fields<'b>> {
    request: Request<'b, F>,
    host: &'b str,
    origin: Option<&'b str>,
    /// The key of a request on HTTP/1.1; extended CONNECT has none.
    key: Option<Key>,
}

impl<'b, F: Iterator<Item: Into<(&'b [u8], &'b [u8])>> + Clone> Upgrade<'b, F> {
    /// The request.
    pub fn request(&self) -> &Request<'b, F> {
        &self.request
    }

    /// The host that the request is for, with the port if one is given.
    ///
    /// It is that of the target if the target is an absolute URI, on HTTP/2 and HTTP/3 that of
    /// `:authority`, else that of `Host`.
    pub fn host(&self) -> &'b str {
        self.host
    }

    /// The origin of the page that opens the connection; browsers always send it.
    pub fn origin(&self) -> Option<&'b str> {
        self.origin
    }

    /// The subprotocols that the client offers, the preferred one first.
    pub fn subprotocols(&self) -> Subprotocols<'b, F> {
        Subprotocols::new(self.request.fields())
    }

    /// The extensions that the client offers, the preferred one first.
    pub fn extensions(&self) -> Extensions<'b, F> {
        Extensions::new(self.request.fields())
    }

    /// The response that opens the connection as data, for an HTTP library that sends it.
    ///
    /// On HTTP/1.1 it is a 101, after which the library has to give up the connection; on HTTP/2
    /// and HTTP/3 a 200 that does not end the stream.
    /// See [RFC 6455 section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2) and
    /// [RFC 8441 section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5).
    ///
    /// # Errors
    ///
    /// - [`ResponseError::UnofferedSubprotocol`], [`ResponseError::UnofferedExtension`]: the client
    ///   does not offer it.
    /// - [`ResponseError::Extension`], [`ResponseError::RepeatedExtension`],
    ///   [`ResponseError::ReservedBitConflict`]: an extension cannot be answered so.
    /// - [`ResponseError::Field`]: one of the caller's fields cannot go out.
    pub fn respond<'h, 'p: 'h, 'f: 'h>(
        &self,
        acceptance: &Acceptance<'p, 'f>,
    ) -> Result<(ResponseHead<'h>, Negotiated<'p>), ResponseError> {
        acceptance.answer(
            self.key,
            self.subprotocol_values(),
            &self.extension_values(),
        )
    }

    /// Lets go of the request, for an answer that is given later.
    ///
    /// `storage` takes the text of the offers: a `Vec<u8>`, or without an allocator an `ArrayVec` or
    /// another [`Output`] that shows its bytes. Two fields rarely have more than 512 bytes; the
    /// limits on heads bound them.
    ///
    /// Where all choices can be made at once, `storage` is not needed: what
    /// [`respond`](Upgrade::respond) gives borrows the acceptance only.
    ///
    /// # Errors
    ///
    /// [`OutputFull`]: `storage` has no room for them.
    ///
    /// # Examples
    ///
    /// See [`DetachedUpgrade`].
    pub fn detach<S: Output + AsRef<[u8]>>(
        &self,
        storage: S,
    ) -> Result<DetachedUpgrade<S>, OutputFull> {
        let subprotocols = self.subprotocol_values();
        let extensions = self.extension_values();
        DetachedUpgrade::new(self.key, subprotocols, extensions, storage)
    }

    /// The values of `Sec-WebSocket-Protocol`.
    fn subprotocol_values(&self) -> impl Iterator<Item = &'b [u8]> + Clone {
        let fields = pairs(self.request.fields());
        let subprotocols = self.request.known.subprotocols;
        subprotocols.values(subprotocol::FIELD, fields)
    }

    /// The values of `Sec-WebSocket-Extensions`.
    fn extension_values(&self) -> impl Iterator<Item = &'b [u8]> + Clone {
        let fields = pairs(self.request.fields());
        let extensions = self.request.known.extensions;
        extensions.values(extension::FIELD, fields)
    }
}

impl Upgrade<'_> {
    /// Writes the 101 response, after which the data phase begins.
    ///
    /// See [RFC 6455 section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2).
    ///
    /// # Errors
    ///
    /// Nothing is written then.
    ///
    /// - [`ResponseError::UnofferedSubprotocol`], [`ResponseError::UnofferedExtension`]: the client
    ///   does not offer it.
    /// - [`ResponseError::Extension`], [`ResponseError::RepeatedExtension`],
    ///   [`ResponseError::ReservedBitConflict`]: an extension cannot be answered so.
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
    #[inline]
    pub fn accept<'p>(
        &self,
        acceptance: &Acceptance<'p, '_>,
        out: &mut impl Output,
    ) -> Result<Negotiated<'p>, ResponseError> {
        let (head, negotiated) = self.respond(acceptance)?;
        write_whole(out, |out| head.append_to(out))?;
        Ok(negotiated)
    }
}

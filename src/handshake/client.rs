//! The client's side of the opening handshake.
//!
//! [`Handshake::write_request`] asks, [`Handshake::receive`] judges the answer.
//!
//! Behind an HTTP library, [`Handshake::fields_to_set`] gives the fields of the request as data and
//! [`Handshake::check_response`] judges what the library has parsed.
//! [`Handshake::extended_connect`] does the same on HTTP/2 and HTTP/3.
//! See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).

use core::fmt;

use super::connect::{
    PseudoFields, check_no_connection_fields, check_outgoing_on_stream, is_scheme,
};
use super::error::HandshakeError;
use super::extension;
use super::field::{Pair, is_authority, is_named, is_origin, is_token, pairs};
use super::head::{HeadLimits, HttpVersion, Responses, Scanner};
use super::key::{Accept, Key};
use super::known::{Known, Single};
use super::negotiation::Supported;
use super::outcome::HeadEnd;
use super::outgoing::{
    FieldList, FieldValue, Line, Outgoing, append, check_outgoing, line, write_whole,
};
use super::subprotocol;
use super::supported::SupportedExtension;
use super::target::is_path_and_query;
#[cfg(feature = "deflate")]
use crate::deflate::Policy;
use crate::{Leniency, Negotiated, Output};

pub use super::connect::ConnectEnabled;
pub use super::outcome::{Accepted, Answer, Outcome, Rejected, RequestError};
pub use super::redirect::Destination;

/// Asks a server for a WebSocket connection and judges its answer.
///
/// # Examples
///
/// ```
/// use websocket_proto::SliceOutput; // or a `Vec<u8>`
/// use websocket_proto::handshake::client::{Handshake, Outcome};
///
/// // The nonce comes from a random source of yours, fresh for each connection.
/// let nonce = *b"the sample nonce";
/// let mut handshake =
///     Handshake::new(nonce, "server.example.com", "/chat").subprotocols(&["chat", "superchat"]);
/// let mut room = [0; 1024];
/// let mut out = SliceOutput::new(&mut room);
/// handshake.write_request(&mut out)?;
///
/// let received = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n";
/// match handshake.receive(received)? {
///     None => println!("read more, then call again with all of it"),
///     Some(Outcome::Open(accepted)) => {
///         assert_eq!(accepted.negotiated.subprotocol, Some("chat"));
///         assert_eq!(accepted.head_len, received.len());
///     }
///     Some(Outcome::Rejected(rejected)) => println!("the server says {}", rejected.status),
///     Some(_) => {}
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What is agreed on borrows nothing but the list of subprotocols, so a function may take the host
/// and the target from its caller and give back a connection:
///
/// ```
/// use websocket_proto::Negotiated;
/// use websocket_proto::handshake::client::{Handshake, Outcome};
///
/// const SUBPROTOCOLS: &[&str] = &["chat"];
///
/// fn agreed(host: &str, received: &[u8]) -> Option<Negotiated<'static>> {
///     let nonce = *b"the sample nonce";
///     let mut handshake = Handshake::new(nonce, host, "/chat").subprotocols(SUBPROTOCOLS);
///     match handshake.receive(received) {
///         Ok(Some(Outcome::Open(accepted))) => Some(accepted.negotiated),
///         _ => None,
///     }
/// }
/// # assert!(agreed("example.com", b"HTTP/1.1 403 Forbidden\r\n\r\n").is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Handshake<'p, V = Http1<'p>> {
    version: V,
    subprotocols: &'p [&'p str],
    subprotocol_choice: SubprotocolChoice,
    leniency: Leniency,
    #[cfg(feature = "deflate")]
    deflate: Option<Policy>,
}

/// What a [`Handshake`] on HTTP/1.1 keeps; `'r` is how long what it asks for lives.
#[derive(Clone)]
pub struct Http1<'r> {
    asked: Asked<'r>,
    nonce: [u8; 16],
    scanner: Scanner<Responses>,
}

/// Without the nonce, which shows what the caller's source of randomness gives.
impl fmt::Debug for Http1<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1")
            .field("asked", &self.asked)
            .field("scanner", &self.scanner)
            .finish_non_exhaustive()
    }
}

/// What a [`Handshake`] on HTTP/2 or HTTP/3 keeps; `'r` is how long what it asks for lives.
#[derive(Clone, Debug)]
pub struct ExtendedConnect<'r> {
    asked: Asked<'r>,
    scheme: &'r str,
}

/// What a request says beside the subprotocols: the response is judged without it.
#[derive(Clone)]
struct Asked<'r> {
    host: &'r str,
    target: &'r str,
    origin: Option<&'r str>,
    fields: FieldList<'r>,
    extensions: &'r [SupportedExtension<'r>],
}

/// Without the target and the fields: both may hold credentials, which a log should not.
impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("host", &self.host)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl<'r> Asked<'r> {
    fn new(host: &'r str, target: &'r str) -> Self {
        Self {
            host,
            target,
            origin: None,
            fields: FieldList::EMPTY,
            extensions: &[],
        }
    }

    fn check(&self) -> Result<(), RequestError> {
        if !is_authority(self.host.as_bytes()) {
            return Err(RequestError::Host);
        }
        // The rule of a server, but for absolute URIs, which are for proxies.
        if !is_path_and_query(self.target) {
            return Err(RequestError::Target);
        }
        if self
            .origin
            .is_some_and(|origin| !is_origin(origin.as_bytes()))
        {
            return Err(RequestError::Origin);
        }
        Ok(())
    }
}

impl<'p, V> Handshake<'p, V> {
    fn with_version(version: V) -> Self {
        Self {
            version,
            subprotocols: &[],
            subprotocol_choice: SubprotocolChoice::Optional,
            leniency: Leniency::new(),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }

    /// Offers subprotocols, the preferred one first.
    #[must_use]
    pub fn subprotocols(mut self, subprotocols: &'p [&'p str]) -> Self {
        self.subprotocols = subprotocols;
        self
    }

    /// Says what happens when the server chooses none of the offered subprotocols.
    #[must_use]
    pub fn subprotocol_choice(mut self, choice: SubprotocolChoice) -> Self {
        self.subprotocol_choice = choice;
        self
    }

    /// Sets which rules the client does not insist on; by default none. To be set before
    /// `receive`.
    ///
    /// On HTTP/2 and HTTP/3, and behind an HTTP library, [`Leniency::loose_fields`] and
    /// [`Leniency::bare_line_feed`] are the library's affair.
    #[must_use]
    pub fn leniency(mut self, leniency: Leniency) -> Self {
        self.leniency = leniency;
        self
    }

    /// Offers permessage-deflate, as `policy` wants it.
    ///
    /// The server may decline it, and then the connection opens without; [`Negotiated::deflate`]
    /// tells which. If it accepts, it has to keep to what the policy wants for receiving, or the
    /// handshake fails with [`HandshakeError::UnmetDeflateOffer`].
    ///
    /// `extensions` offers several policies, in order of preference. This one comes before them.
    ///
    /// The compressor cannot keep to a window of 8 bits. Where the policy or the server limits
    /// sending to that, messages go out as they are.
    /// See [RFC 7692 section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::deflate::Policy;
    /// use websocket_proto::handshake::HttpVersion;
    /// use websocket_proto::handshake::client::{Answer, Handshake};
    ///
    /// let policy = Policy::default().receive_context_takeover(false);
    /// let handshake = Handshake::new(*b"the sample nonce", "example.com", "/").deflate(policy);
    /// let mut fields = handshake.fields_to_set()?;
    /// let offer = fields.find(|(name, _)| *name == "Sec-WebSocket-Extensions");
    /// assert_eq!(
    ///     offer.ok_or("it is offered")?.1.to_string(),
    ///     "permessage-deflate; server_no_context_takeover; client_max_window_bits"
    /// );
    ///
    /// let parsed = [
    ///     ("upgrade", "websocket"),
    ///     ("connection", "upgrade"),
    ///     ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ///     ("sec-websocket-extensions", "permessage-deflate; server_no_context_takeover"),
    /// ];
    /// let fields = parsed.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    /// match handshake.check_response(101, HttpVersion::Http11, fields)? {
    ///     Answer::Open(negotiated) => {
    ///         let agreement = negotiated.deflate.ok_or("the server accepts")?;
    ///         assert!(agreement.send_context_takeover());
    ///         assert!(!agreement.receive_context_takeover());
    ///     }
    ///     _ => println!("refused, or the final response is yet to come"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, policy: Policy) -> Self {
        self.deflate = Some(policy);
        self
    }

    fn check_subprotocols(&self) -> Result<(), RequestError> {
        // "[...] non-empty strings with characters in the range U+0021 to U+007E not including
        // separator characters [...] and MUST all be unique strings." (section 4.1, item 10)
        for (index, subprotocol) in self.subprotocols.iter().enumerate() {
            if !is_token(subprotocol.as_bytes()) {
                return Err(RequestError::Subprotocol { index });
            }
            if self
                .subprotocols
                .iter()
                .take(index)
                .any(|earlier| earlier == subprotocol)
            {
                return Err(RequestError::RepeatedSubprotocol { index });
            }
        }
        Ok(())
    }

    /// The value of `Sec-WebSocket-Protocol`, if there is anything to offer.
    fn offers(&self) -> Option<FieldValue<'p>> {
        Some(FieldValue::list(self.subprotocols)).filter(|_| !self.subprotocols.is_empty())
    }

    /// Checks what the fields of a response that opens the connection say of the offers; `listed`
    /// are those of extensions.
    fn check_agreed<'b>(
        &self,
        listed: &[SupportedExtension<'_>],
        known: &Known<'b>,
        fields: impl Iterator<Item = Pair<'b>> + Clone,
    ) -> Result<Negotiated<'p>, HandshakeError> {
        let extensions = known.extensions.values(extension::FIELD, fields.clone());
        let agreed = self.supported(listed).judge(extensions)?;
        let subprotocol = subprotocol::check_choice(
            known.subprotocols,
            fields,
            self.subprotocols,
            self.leniency,
        )?;
        if subprotocol.is_none()
            && !self.subprotocols.is_empty()
            && self.subprotocol_choice == SubprotocolChoice::Required
        {
            return Err(HandshakeError::NoSubprotocol);
        }
        Ok(Negotiated {
            subprotocol,
            #[cfg(feature = "deflate")]
            deflate: agreed.deflate,
            reserved_bits: agreed.reserved_bits,
        })
    }

    /// The extensions that are offered, with those in `listed`.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(
            clippy::unused_self,
            reason = "it has a policy with the feature `deflate`"
        )
    )]
    fn supported<'s>(&self, listed: &'s [SupportedExtension<'s>]) -> Supported<'s> {
        Supported {
            #[cfg(feature = "deflate")]
            deflate: self.deflate,
            list: listed,
        }
    }
}

impl<'p, 'r> Handshake<'p, Http1<'r>> {
    /// Asks `host` for the resource `target`.
    ///
    /// `nonce` has to be random and fresh for each connection: by it the client tells an answer
    /// from a cached one. `host` is a host with a port unless that is the scheme's own
    /// (`example.com:8080`), `target` a path with an optional query (`/chat?room=1`).
    pub fn new(nonce: [u8; 16], host: &'r str, target: &'r str) -> Self {
        let scanner = Scanner::new(HeadLimits::default());
        Self::with_version(Http1 {
            asked: Asked::new(host, target),
            nonce,
            scanner,
        })
    }

    /// Sends `Origin`, as a browser has to.
    #[must_use]
    pub fn origin(mut self, origin: &'r str) -> Self {
        self.version.asked.origin = Some(origin);
        self
    }

    /// Offers extensions, the preferred one first.
    ///
    /// They may be the caller's own, and permessage-deflate with several policies. An own one may
    /// come several times, with other parameters and the same bits.
    ///
    /// The server answers with the extensions that it accepts. It does not say which of several
    /// offers of permessage-deflate it takes. The answer is judged by the first offer whose rules it
    /// keeps, and `Negotiated::deflate` follows from that one. Both sides agree all the same: what
    /// limits the client stands in the answer, and what limits the server has to be repeated there
    /// (RFC 7692 sections 7.1.1 and 7.1.2). If the answer keeps the rules of no offer, the handshake
    /// fails.
    ///
    /// [`Accepted::extensions`] gives the parameters of the caller's extensions, and
    /// [`Negotiated::reserved_bits`] their bits. An answer with two extensions for the same bit
    /// fails the handshake. The engine knows nothing else of them. One that sets its bits frame by
    /// frame must not come before permessage-deflate in the answer: the caller checks the order.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1) and
    /// [RFC 7692 section 5](https://www.rfc-editor.org/rfc/rfc7692#section-5).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::SliceOutput; // or a `Vec<u8>`
    /// use websocket_proto::frame::Rsv;
    /// use websocket_proto::handshake::SupportedExtension;
    /// use websocket_proto::handshake::client::{Handshake, Outcome};
    ///
    /// let offers = [
    ///     SupportedExtension::Own { text: "x-codec; level=9", bits: Rsv::RSV2 },
    ///     SupportedExtension::Own { text: "x-codec", bits: Rsv::RSV2 },
    /// ];
    /// let mut handshake =
    ///     Handshake::new(*b"the sample nonce", "example.com", "/").extensions(&offers);
    /// let mut room = [0; 512];
    /// let mut out = SliceOutput::new(&mut room);
    /// handshake.write_request(&mut out)?;
    ///
    /// let received = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    ///     Sec-WebSocket-Extensions: x-codec; level=3\r\n\r\n";
    /// let Some(Outcome::Open(accepted)) = handshake.receive(received)? else {
    ///     return Err("the server refuses, or the response is incomplete".into());
    /// };
    /// assert_eq!(accepted.negotiated.reserved_bits, Rsv::RSV2);
    /// for extension in accepted.extensions() {
    ///     let levels = extension.params().filter(|(name, _)| *name == "level");
    ///     assert!(levels.filter_map(|(_, value)| value).all(|value| value == "3"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn extensions(mut self, extensions: &'r [SupportedExtension<'r>]) -> Self {
        self.version.asked.extensions = extensions;
        self
    }

    /// Adds fields, such as `Authorization` or `Cookie`, in the given order.
    #[must_use]
    pub fn fields(mut self, fields: impl Into<FieldList<'r>>) -> Self {
        self.version.asked.fields = fields.into();
        self
    }

    /// Limits the head of the response; to be set before [`receive`](Handshake::receive).
    #[must_use]
    pub fn limits(mut self, limits: HeadLimits) -> Self {
        self.version.scanner = Scanner::new(limits);
        self
    }

    /// Writes the request.
    ///
    /// # Errors
    ///
    /// Nothing is written then.
    ///
    /// - [`RequestError::Host`], [`RequestError::Target`], [`RequestError::Origin`],
    ///   [`RequestError::Subprotocol`], [`RequestError::RepeatedSubprotocol`],
    ///   [`RequestError::Extension`], [`RequestError::Field`]: one of the values is not what it has
    ///   to be, or would break out of its place in the head.
    /// - [`RequestError::ConflictingExtension`], [`RequestError::TooManyExtensions`]: no answer to
    ///   the offers could be told apart, or they are too many.
    /// - [`RequestError::OutputFull`]: `out` has no room for the request.
    pub fn write_request(&self, out: &mut impl Output) -> Result<(), RequestError> {
        let fields = self.outgoing()?;
        write_whole(out, |out| {
            append(out, &["GET ", self.version.asked.target, " HTTP/1.1"]);
            fields.append_own(out);
            fields.append_given(out);
            append(out, &["\r\n\r\n"]);
        })?;
        Ok(())
    }

    /// The fields of the request as data, for an HTTP library that sends it with GET.
    ///
    /// They start with `Host`; leave it out if the library sets that itself.
    ///
    /// # Errors
    ///
    /// Those of [`write_request`](Handshake::write_request) but the last.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::HttpVersion;
    /// use websocket_proto::handshake::client::{Answer, Handshake};
    ///
    /// let handshake = Handshake::new(*b"the sample nonce", "example.com", "/chat");
    /// for (name, value) in handshake.fields_to_set()? {
    ///     println!("{name}: {value}"); // give them to the library
    /// }
    /// let parsed = [
    ///     ("upgrade", "websocket"),
    ///     ("connection", "upgrade"),
    ///     ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    /// ];
    /// let fields = parsed.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    /// match handshake.check_response(101, HttpVersion::Http11, fields)? {
    ///     Answer::Open(negotiated) => assert_eq!(negotiated.subprotocol, None),
    ///     Answer::Interim => println!("the final response is yet to come"),
    ///     _ => println!("refused: a redirect, a demand for credentials, an error"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fields_to_set<'s>(
        &self,
    ) -> Result<impl Iterator<Item = (&'s str, FieldValue<'s>)> + Clone + use<'s>, RequestError>
    where
        'p: 's,
        'r: 's,
    {
        Ok(self.outgoing()?.iter())
    }

    /// The target of the request.
    #[cfg(feature = "http")]
    pub(super) fn target(&self) -> &'r str {
        self.version.asked.target
    }

    fn outgoing<'s>(&self) -> Result<Outgoing<'s, OWN>, RequestError>
    where
        'p: 's,
        'r: 's,
    {
        let asked = &self.version.asked;
        asked.check()?;
        self.check_subprotocols()?;
        let extensions = self.supported(asked.extensions);
        extensions.check()?;
        check_outgoing(asked.fields, &ENGINES_FIELDS)?;
        let own: [Option<Line<'s>>; OWN] = [
            Some(line!("Host", asked.host)),
            Some(line!("Upgrade": "websocket")),
            Some(line!("Connection": "Upgrade")),
            Some(line!(
                "Sec-WebSocket-Key",
                Key::from_nonce(self.version.nonce)
            )),
            asked.origin.map(|origin| line!("Origin", origin)),
            self.offers()
                .map(|offers| line!("Sec-WebSocket-Protocol", offers)),
            extensions
                .offers()
                .map(|offers| line!("Sec-WebSocket-Extensions", offers)),
            Some(line!("Sec-WebSocket-Version": "13")),
        ];
        Ok(Outgoing::new(own, asked.fields))
    }

    /// Looks for the whole head of the final response in `buf`, which holds all bytes received so
    /// far.
    ///
    /// `None` means that more bytes are needed: append them and call again with the longer buffer.
    /// Interim responses (1xx other than 101) stay in the buffer and are skipped; `head_len` of the
    /// outcome counts from the start of `buf`. Once the head is whole, every later call gives the
    /// same outcome, or the same error; so a function may read in a loop until there is one, and
    /// then ask again for what it gives back.
    ///
    /// # Errors
    ///
    /// Close the connection; there is nobody to tell.
    ///
    /// - The head is not HTTP/1.1 or exceeds a limit; the first byte that proves it decides:
    ///   [`MalformedHead`](HandshakeError::MalformedHead),
    ///   [`BareLineFeed`](HandshakeError::BareLineFeed),
    ///   [`LineFolding`](HandshakeError::LineFolding),
    ///   [`HttpVersion`](HandshakeError::HttpVersion),
    ///   [`HeadTooLong`](HandshakeError::HeadTooLong),
    ///   [`LineTooLong`](HandshakeError::LineTooLong),
    ///   [`StartLineTooLong`](HandshakeError::StartLineTooLong),
    ///   [`TooManyFields`](HandshakeError::TooManyFields).
    /// - The status is 101, but the rest is no answer to the request:
    ///   [`UpgradeNotConfirmed`](HandshakeError::UpgradeNotConfirmed),
    ///   [`ConnectionNotConfirmed`](HandshakeError::ConnectionNotConfirmed),
    ///   [`MissingAccept`](HandshakeError::MissingAccept),
    ///   [`WrongAccept`](HandshakeError::WrongAccept),
    ///   [`RepeatedField`](HandshakeError::RepeatedField),
    ///   [`InvalidExtensions`](HandshakeError::InvalidExtensions),
    ///   [`TooManyExtensions`](HandshakeError::TooManyExtensions),
    ///   [`RepeatedExtension`](HandshakeError::RepeatedExtension),
    ///   [`UnofferedExtension`](HandshakeError::UnofferedExtension),
    ///   [`ReservedBitConflict`](HandshakeError::ReservedBitConflict),
    ///   [`InvalidDeflateResponse`](HandshakeError::InvalidDeflateResponse),
    ///   [`UnmetDeflateOffer`](HandshakeError::UnmetDeflateOffer),
    ///   [`UnofferedSubprotocol`](HandshakeError::UnofferedSubprotocol),
    ///   [`NoSubprotocol`](HandshakeError::NoSubprotocol).
    pub fn receive<'b>(
        &mut self,
        buf: &'b [u8],
    ) -> Result<Option<Outcome<'p, 'b>>, HandshakeError> {
        while let Some(head) = self.version.scanner.scan(buf, self.leniency)? {
            let (line, fields, head_len) = (head.line, head.fields, head.end);
            return match (line.status, line.version) {
                // Neither the upgrade nor interim responses are known to HTTP/1.0.
                (100..=199, HttpVersion::Http10) => Err(HandshakeError::HttpVersion),
                (101, _) => {
                    let negotiated = self.check_switch(&head.known, pairs(fields.clone()))?;
                    Ok(Some(Outcome::Open(Accepted {
                        negotiated,
                        fields,
                        head_len,
                    })))
                }
                // "A client MUST be able to parse one or more 1xx responses received prior to a
                // final response, even if the client does not expect one." (RFC 9110, section 15.2)
                (100..=199, _) => {
                    self.version.scanner.next_head();
                    continue;
                }
                // "If the status code received from the server is not 101, the client handles the
                // response per HTTP [RFC2616] procedures." (RFC 6455, section 4.1)
                (status, _) => {
                    let reason = line.reason;
                    Ok(Some(Outcome::Rejected(Rejected {
                        status,
                        reason,
                        fields,
                        head_len,
                    })))
                }
            };
        }
        Ok(None)
    }

    /// Tells what the end of the server's input means, after all bytes before it went to
    /// [`receive`](Handshake::receive).
    ///
    /// [`HeadEnd::BeforeHead`] means that not a byte of an answer has come.
    pub fn receive_eof(&self) -> HeadEnd {
        self.version.scanner.end()
    }

    /// Checks a response that an HTTP library has parsed: its status, its version, its fields.
    ///
    /// # Errors
    ///
    /// The status is 101, but the rest is no answer to the request, as for
    /// [`receive`](Handshake::receive). Or [`HttpVersion`](HandshakeError::HttpVersion): the
    /// version is not 1.1, and the status is an interim one. Or
    /// [`MalformedHead`](HandshakeError::MalformedHead): the status has not three digits.
    pub fn check_response<'b>(
        &self,
        status: u16,
        version: HttpVersion,
        fields: impl Iterator<Item = (&'b [u8], &'b [u8])> + Clone,
    ) -> Result<Answer<'p>, HandshakeError> {
        match (status, version) {
            // What no status line says, no library does either.
            (..=99 | 1000.., _) => return Err(HandshakeError::MalformedHead),
            // "HTTP/2 does not support the 101 (Switching Protocols) informational status code"
            // (RFC 9113, section 8.6); HTTP/1.0 has no 1xx at all.
            (100..=199, HttpVersion::Http11) => {}
            (100..=199, _) => return Err(HandshakeError::HttpVersion),
            _ => return Ok(Answer::Rejected),
        }
        if status == 101 {
            let known = Known::of(pairs(fields.clone()));
            Ok(Answer::Open(self.check_switch(&known, pairs(fields))?))
        } else {
            Ok(Answer::Interim)
        }
    }

    /// Checks the fields of a 101 response.
    fn check_switch<'b>(
        &self,
        known: &Known<'b>,
        fields: impl Iterator<Item = Pair<'b>> + Clone,
    ) -> Result<Negotiated<'p>, HandshakeError> {
        // "[...] contains a value that is not an ASCII case-insensitive match for the value
        // "websocket", the client MUST _Fail the WebSocket Connection_." (section 4.1); two fields
        // are one whose value is a list, which is no match.
        if !matches!(known.upgrade, Single::Once(value) if is_named(value, "websocket")) {
            return Err(HandshakeError::UpgradeNotConfirmed);
        }
        // "[...] doesn't contain a token that is an ASCII case-insensitive match for the value
        // "Upgrade", the client MUST _Fail the WebSocket Connection_." (section 4.1)
        if !known
            .connection
            .has_token("upgrade", "connection", fields.clone())
        {
            return Err(HandshakeError::ConnectionNotConfirmed);
        }
        // "The |Sec-WebSocket-Accept| header MUST NOT appear more than once in an HTTP response."
        // (section 11.3.3)
        match known.accept.get("Sec-WebSocket-Accept")? {
            // "[...] contains a value other than the base64-encoded SHA-1 of the concatenation
            // [...], the client MUST _Fail the WebSocket Connection_." (section 4.1)
            Some(accept)
                if accept != Accept::of(&Key::from_nonce(self.version.nonce)).as_bytes() =>
            {
                return Err(HandshakeError::WrongAccept);
            }
            // "If the response lacks a |Sec-WebSocket-Accept| header field [...], the client MUST
            // _Fail the WebSocket Connection_." (section 4.1)
            None if !self.leniency.missing_accept => return Err(HandshakeError::MissingAccept),
            _ => {}
        }
        self.check_agreed(self.version.asked.extensions, known, fields)
    }
}

impl<'p, 'r> Handshake<'p, ExtendedConnect<'r>> {
    /// Asks `authority` for the resource `path` on a stream of HTTP/2 or HTTP/3.
    ///
    /// There is no nonce: what the key and its answer are for, `:protocol` does. `scheme` is
    /// `https` for a WebSocket URI with `wss`, `http` for one with `ws`; `authority` is a host with
    /// a port unless that is the scheme's own, `path` a path with an optional query. That
    /// `_enabled` is there proves that the server has allowed it.
    ///
    /// The stream of an open connection is the byte pipe of the data phase; how its end and its
    /// reset map to that is told at
    /// [`Request::from_pseudo_fields`](super::server::Request::from_pseudo_fields).
    /// See [RFC 8441 section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::client::{Answer, ConnectEnabled, Handshake};
    ///
    /// let enabled = ConnectEnabled::from_setting(Some(1))?; // from the server's SETTINGS
    /// let handshake = Handshake::extended_connect(enabled, "https", "example.com", "/chat")
    ///     .subprotocols(&["chat"]);
    /// let (pseudo, fields) = handshake.head_to_send()?;
    /// assert_eq!((pseudo.method(), pseudo.protocol()), ("CONNECT", Some("websocket")));
    /// for (name, value) in fields {
    ///     println!("{name}: {value}"); // give them to the library
    /// }
    /// let parsed = [(&b"sec-websocket-protocol"[..], &b"chat"[..])];
    /// let answer = handshake.check_stream_response(200, parsed.into_iter())?;
    /// assert!(matches!(answer, Answer::Open(negotiated) if negotiated.subprotocol.is_some()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn extended_connect(
        _enabled: ConnectEnabled,
        scheme: &'r str,
        authority: &'r str,
        path: &'r str,
    ) -> Self {
        Self::with_version(ExtendedConnect {
            asked: Asked::new(authority, path),
            scheme,
        })
    }

    /// Sends `Origin`, as a browser has to.
    #[must_use]
    pub fn origin(mut self, origin: &'r str) -> Self {
        self.version.asked.origin = Some(origin);
        self
    }

    /// Offers extensions, the preferred one first.
    ///
    /// The offers and the answer follow the rules of HTTP/1.1:
    /// [`extensions`](Handshake::<Http1<'_>>::extensions) there.
    /// [`Extensions::new`](super::Extensions::new) reads the accepted ones from the fields of the
    /// response.
    #[must_use]
    pub fn extensions(mut self, extensions: &'r [SupportedExtension<'r>]) -> Self {
        self.version.asked.extensions = extensions;
        self
    }

    /// Adds fields, such as `Authorization` or `Cookie`, in the given order.
    #[must_use]
    pub fn fields(mut self, fields: impl Into<FieldList<'r>>) -> Self {
        self.version.asked.fields = fields.into();
        self
    }

    /// The head of the request as data: the pseudo-fields, then the fields.
    ///
    /// The names of the handshake's own fields are in lower case. Those of the caller's fields are
    /// given as they are; HTTP/2 and HTTP/3 want lower case, which most libraries see to.
    ///
    /// # Errors
    ///
    /// Those of [`write_request`](Handshake::write_request) but the last, and
    /// [`RequestError::Scheme`]: the scheme is neither `https` nor `http`.
    pub fn head_to_send<'s>(
        &self,
    ) -> Result<
        (
            PseudoFields<'r>,
            impl Iterator<Item = (&'s str, FieldValue<'s>)> + Clone + use<'s>,
        ),
        RequestError,
    >
    where
        'p: 's,
        'r: 's,
    {
        let ExtendedConnect { asked, scheme } = &self.version;
        // "The scheme of the target URI [...] MUST be "https" for "wss"-schemed WebSockets and
        // "http" for "ws"-schemed WebSockets." (RFC 8441, section 5)
        if !is_scheme(scheme) {
            return Err(RequestError::Scheme);
        }
        asked.check()?;
        self.check_subprotocols()?;
        let extensions = self.supported(asked.extensions);
        extensions.check()?;
        check_outgoing(asked.fields, &ENGINES_FIELDS)?;
        check_outgoing_on_stream(asked.fields)?;
        let pseudo = PseudoFields::new("CONNECT")
            .with_protocol("websocket")
            .with_scheme(scheme)
            .with_authority(asked.host)
            .with_path(asked.target);
        let own: [Option<Line<'s>>; OWN_ON_STREAMS] = [
            asked.origin.map(|origin| line!("origin", origin)),
            self.offers()
                .map(|offers| line!("sec-websocket-protocol", offers)),
            extensions
                .offers()
                .map(|offers| line!("sec-websocket-extensions", offers)),
            Some(line!("sec-websocket-version": "13")),
        ];
        Ok((pseudo, Outgoing::new(own, asked.fields).iter()))
    }

    /// Checks a response that an HTTP library has parsed: its status and its fields.
    ///
    /// # Errors
    ///
    /// - [`HttpVersion`](HandshakeError::HttpVersion): the status is 101, which HTTP/2 and HTTP/3
    ///   do not have.
    /// - [`ConnectionField`](HandshakeError::ConnectionField),
    ///   [`MalformedHead`](HandshakeError::MalformedHead): the response is malformed, or its status
    ///   has not three digits.
    /// - The status opens the connection, but the rest does not answer the request:
    ///   [`RepeatedField`](HandshakeError::RepeatedField),
    ///   [`InvalidExtensions`](HandshakeError::InvalidExtensions),
    ///   [`TooManyExtensions`](HandshakeError::TooManyExtensions),
    ///   [`RepeatedExtension`](HandshakeError::RepeatedExtension),
    ///   [`UnofferedExtension`](HandshakeError::UnofferedExtension),
    ///   [`ReservedBitConflict`](HandshakeError::ReservedBitConflict),
    ///   [`InvalidDeflateResponse`](HandshakeError::InvalidDeflateResponse),
    ///   [`UnmetDeflateOffer`](HandshakeError::UnmetDeflateOffer),
    ///   [`UnofferedSubprotocol`](HandshakeError::UnofferedSubprotocol),
    ///   [`NoSubprotocol`](HandshakeError::NoSubprotocol).
    pub fn check_stream_response<'b>(
        &self,
        status: u16,
        fields: impl Iterator<Item = (&'b [u8], &'b [u8])> + Clone,
    ) -> Result<Answer<'p>, HandshakeError> {
        check_no_connection_fields(fields.clone())?;
        match status {
            ..=99 | 1000.. => Err(HandshakeError::MalformedHead),
            // "HTTP/2 does not support the 101 (Switching Protocols) informational status code"
            // (RFC 9113, section 8.6)
            101 => Err(HandshakeError::HttpVersion),
            100..=199 => Ok(Answer::Interim),
            // "Any 2xx (Successful) response indicates that the sender [...] will switch to tunnel
            // mode immediately after the response header section" (RFC 9110, section 9.3.6)
            200..=299 => {
                let known = Known::of(pairs(fields.clone()));
                let listed = self.version.asked.extensions;
                let negotiated = self.check_agreed(listed, &known, pairs(fields))?;
                Ok(Answer::Open(negotiated))
            }
            _ => Ok(Answer::Rejected),
        }
    }
}

/// Fields that the handshake sets itself.
const ENGINES_FIELDS: [&str; 2] = ["host", "origin"];

/// How many fields of the handshake's own a request on HTTP/1.1 may have.
const OWN: usize = 8;

/// The same on HTTP/2 and HTTP/3.
const OWN_ON_STREAMS: usize = 4;

/// Whether the server has to choose one of the offered subprotocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubprotocolChoice {
    /// The connection opens without a subprotocol if the server chooses none.
    ///
    /// This is the rule of
    /// [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    #[default]
    Optional,
    /// The handshake fails if the server chooses none, as it does in a browser.
    Required,
}

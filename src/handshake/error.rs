//! What can be wrong with the peer's half of the opening handshake.

use core::fmt;

/// The peer's head breaks a rule of the opening handshake, so no WebSocket connection comes of it.
///
/// A server answers it with [`response`](HandshakeError::response) and closes the connection; a
/// client just closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// `:authority` and `Host` are there both and differ.
    ///
    /// See [RFC 9114 section 4.3.1](https://www.rfc-editor.org/rfc/rfc9114#section-4.3.1).
    AuthorityMismatch,
    /// A line ends in LF without the CR before it.
    ///
    /// [RFC 9112 section 2.2](https://www.rfc-editor.org/rfc/rfc9112#section-2.2) lets a recipient
    /// take such a line; this one does not, because an intermediary may read it differently.
    BareLineFeed,
    /// The request announces content: a `Content-Length` that is not zero, or a
    /// `Transfer-Encoding`.
    ///
    /// See [RFC 9110 section 9.3.1](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1).
    BodyNotAllowed,
    /// A message of HTTP/2 or HTTP/3 has a field that concerns one connection, such as `Upgrade`.
    ///
    /// See [RFC 9113 section 8.2.2](https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2).
    ConnectionField(&'static str),
    /// The 101 response has no `Connection` field with the token `Upgrade`.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    ConnectionNotConfirmed,
    /// The head is longer than [`HeadLimits::max_len`](super::HeadLimits::max_len).
    ///
    /// See [RFC 6585 section 5](https://www.rfc-editor.org/rfc/rfc6585#section-5).
    HeadTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The HTTP version is not 1.1 to 1.9, or a status is not one of that version.
    ///
    /// HTTP/1.0 has no interim responses, HTTP/2 and HTTP/3 have no 101.
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    HttpVersion,
    /// The response accepts permessage-deflate with a parameter that is unknown, repeated or not
    /// offered, or with an invalid value.
    ///
    /// A `client_max_window_bits` that is greater than the offered one is an invalid value.
    ///
    /// See [RFC 7692 section 7](https://www.rfc-editor.org/rfc/rfc7692#section-7).
    InvalidDeflateResponse,
    /// A `Sec-WebSocket-Extensions` field does not follow its grammar.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
    InvalidExtensions,
    /// `Host`, or `:authority`, holds something else than a host with an optional port.
    ///
    /// See [RFC 9112 section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2).
    InvalidHost,
    /// `Sec-WebSocket-Key` is not 16 bytes in base64.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    InvalidKey,
    /// `Origin` is not a single origin in ASCII, nor `null`.
    ///
    /// See [RFC 6454 section 7.1](https://www.rfc-editor.org/rfc/rfc6454#section-7.1).
    InvalidOrigin,
    /// `:scheme` is neither `https` nor `http`.
    ///
    /// See [RFC 8441 section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5).
    InvalidScheme,
    /// `Sec-WebSocket-Protocol` names no subprotocol, or one that is not a token.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    InvalidSubprotocol,
    /// The request target is neither a path that starts with `/` nor an http or https URI, or has
    /// a character that no browser sends there.
    ///
    /// Those are `"`, `<` and `>`, and `\` outside the query. All other visible characters of ASCII
    /// are taken but `#`, which is [`TargetFragment`](Self::TargetFragment). RFC 3986 has no `[`,
    /// `]`, `\`, `^`, `` ` ``, `{`, `|` and `}` there, but browsers of today or some years ago send
    /// them: see the [URL Standard](https://url.spec.whatwg.org/#path-percent-encode-set).
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    InvalidTarget,
    /// A line starts with a space or a tab: in a request that of a folded field, in a response the
    /// one after the status line.
    ///
    /// See [RFC 9112 section 5.2](https://www.rfc-editor.org/rfc/rfc9112#section-5.2).
    LineFolding,
    /// A field line is longer than [`HeadLimits::max_line`](super::HeadLimits::max_line).
    ///
    /// See [RFC 6585 section 5](https://www.rfc-editor.org/rfc/rfc6585#section-5).
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The head is not HTTP: a control character, a start line or a field line that does not follow
    /// the grammar (white space before the colon too).
    ///
    /// See [RFC 9112 section 2.1](https://www.rfc-editor.org/rfc/rfc9112#section-2.1).
    MalformedHead,
    /// The method of a request on HTTP/2 or HTTP/3 is not `CONNECT`.
    ///
    /// See [RFC 8441 section 4](https://www.rfc-editor.org/rfc/rfc8441#section-4).
    MethodNotConnect,
    /// The method is not `GET`.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    MethodNotGet,
    /// The 101 response has no `Sec-WebSocket-Accept`.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    MissingAccept,
    /// The request has no `Connection` field with the token `Upgrade`.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    MissingConnection,
    /// The request has no `Host`, and no `:authority` that may stand in for it on HTTP/2 and HTTP/3.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    MissingHost,
    /// The request has no `Sec-WebSocket-Key`.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    MissingKey,
    /// A CONNECT has no `:protocol`: it asks for a tunnel, not for a WebSocket connection.
    ///
    /// See [RFC 8441 section 4](https://www.rfc-editor.org/rfc/rfc8441#section-4).
    MissingProtocol,
    /// An extended CONNECT lacks `:scheme` or `:path`; the name is given.
    ///
    /// See [RFC 8441 section 4](https://www.rfc-editor.org/rfc/rfc8441#section-4).
    MissingPseudoField(&'static str),
    /// The request has no `Upgrade` field that names `websocket`.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    MissingUpgrade,
    /// The request has no `Sec-WebSocket-Version`.
    ///
    /// See [RFC 6455 section 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1).
    MissingVersion,
    /// The server chose none of the offered subprotocols, and the client requires one.
    ///
    /// Found only with
    /// [`SubprotocolChoice::Required`](super::client::SubprotocolChoice::Required).
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    NoSubprotocol,
    /// The [`OriginPolicy`](super::server::OriginPolicy) does not admit the request's `Origin`.
    ///
    /// See [RFC 6455 section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2).
    OriginNotAllowed,
    /// The response names an extension twice.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
    RepeatedExtension,
    /// A field that may stand once stands more than once; the name is given.
    ///
    /// See [RFC 6455 section 11.3](https://www.rfc-editor.org/rfc/rfc6455#section-11.3), for `Host`
    /// [RFC 9112 section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2), for `Origin`
    /// [RFC 6454 section 7.3](https://www.rfc-editor.org/rfc/rfc6454#section-7.3) and for
    /// `Content-Length` [RFC 9110 section 8.6](https://www.rfc-editor.org/rfc/rfc9110#section-8.6).
    RepeatedField(&'static str),
    /// The request offers a subprotocol twice.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    RepeatedSubprotocol,
    /// The response accepts two extensions that use the same reserved bit, such as RSV1 beside
    /// permessage-deflate.
    ///
    /// See [RFC 7692 section 5](https://www.rfc-editor.org/rfc/rfc7692#section-5).
    ReservedBitConflict,
    /// The start line is longer than [`HeadLimits::max_line`](super::HeadLimits::max_line), or, if
    /// that is not set, than the head may be.
    ///
    /// See [RFC 9112 section 3](https://www.rfc-editor.org/rfc/rfc9112#section-3).
    StartLineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The request target has a fragment identifier.
    ///
    /// See [RFC 6455 section 3](https://www.rfc-editor.org/rfc/rfc6455#section-3).
    TargetFragment,
    /// `Sec-WebSocket-Extensions` names more than [`MAX_EXTENSIONS`](super::MAX_EXTENSIONS).
    TooManyExtensions,
    /// The head has more fields than [`HeadLimits::max_fields`](super::HeadLimits::max_fields).
    ///
    /// See [RFC 6585 section 5](https://www.rfc-editor.org/rfc/rfc6585#section-5).
    TooManyFields {
        /// The limit in field lines.
        limit: usize,
    },
    /// The request offers more than [`MAX_SUBPROTOCOLS`](super::MAX_SUBPROTOCOLS).
    TooManySubprotocols,
    /// `:protocol` is not `websocket`.
    ///
    /// See [RFC 9220 section 3](https://www.rfc-editor.org/rfc/rfc9220#section-3).
    UnknownProtocol,
    /// The response accepts permessage-deflate, but not what the client asks of the server: that it
    /// keeps to a shorter window, or takes no context over.
    ///
    /// See [RFC 7692 section 7.1](https://www.rfc-editor.org/rfc/rfc7692#section-7.1).
    UnmetDeflateOffer,
    /// The response names an extension that the client did not offer.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    UnofferedExtension,
    /// The response names a subprotocol that the client did not offer.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    UnofferedSubprotocol,
    /// `Sec-WebSocket-Version` is not `13`.
    ///
    /// See [RFC 6455 section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2).
    UnsupportedVersion,
    /// The 101 response has no `Upgrade` field, or one that is not `websocket`.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    UpgradeNotConfirmed,
    /// `Sec-WebSocket-Accept` does not answer the client's key.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    WrongAccept,
}

impl HandshakeError {
    /// The HTTP status that answers the fault.
    ///
    /// A fault that only a response can have gives 502, which is what a gateway tells the client on
    /// whose behalf it dialled.
    pub fn status_hint(&self) -> u16 {
        self.rule().0
    }

    /// The section that the peer's head breaks, such as `RFC 6455 section 4.2.1`.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::HandshakeError;
    ///
    /// assert_eq!(HandshakeError::TargetFragment.section(), "RFC 6455 section 3");
    /// assert_eq!(HandshakeError::TargetFragment.status_hint(), 400);
    /// ```
    pub fn section(&self) -> &'static str {
        self.rule().1
    }

    fn rule(&self) -> (u16, &'static str) {
        match self {
            Self::AuthorityMismatch => (400, "RFC 9114 section 4.3.1"),
            Self::BareLineFeed => (400, "RFC 9112 section 2.2"),
            Self::BodyNotAllowed => (400, "RFC 9110 section 9.3.1"),
            Self::ConnectionField(_) => (400, "RFC 9113 section 8.2.2"),
            Self::HeadTooLong { .. }
            | Self::LineTooLong { .. }
            | Self::TooManyFields { .. }
            | Self::TooManyExtensions
            | Self::TooManySubprotocols => (431, "RFC 6585 section 5"),
            Self::HttpVersion => (505, "RFC 6455 section 4.2.1"),
            Self::InvalidDeflateResponse => (502, "RFC 7692 section 7"),
            Self::InvalidExtensions => (400, "RFC 6455 section 9.1"),
            Self::InvalidHost | Self::RepeatedField("Host") => (400, "RFC 9112 section 3.2"),
            Self::InvalidOrigin => (400, "RFC 6454 section 7.1"),
            Self::InvalidScheme => (400, "RFC 8441 section 5"),
            Self::InvalidSubprotocol | Self::RepeatedSubprotocol => (400, "RFC 6455 section 4.1"),
            Self::InvalidKey
            | Self::InvalidTarget
            | Self::MissingHost
            | Self::MissingKey
            | Self::MissingVersion => (400, "RFC 6455 section 4.2.1"),
            Self::LineFolding => (400, "RFC 9112 section 5.2"),
            Self::MalformedHead => (400, "RFC 9112 section 2.1"),
            Self::MethodNotConnect => (405, "RFC 8441 section 4"),
            Self::MethodNotGet => (405, "RFC 6455 section 4.2.1"),
            Self::MissingConnection | Self::MissingUpgrade => (426, "RFC 6455 section 4.2.1"),
            Self::MissingProtocol => (501, "RFC 8441 section 4"),
            Self::MissingPseudoField(_) => (400, "RFC 8441 section 4"),
            Self::OriginNotAllowed => (403, "RFC 6455 section 4.2.2"),
            Self::RepeatedExtension => (502, "RFC 6455 section 9.1"),
            Self::RepeatedField("Content-Length") => (400, "RFC 9110 section 8.6"),
            Self::RepeatedField("Origin") => (400, "RFC 6454 section 7.3"),
            Self::RepeatedField("Sec-WebSocket-Accept" | "Sec-WebSocket-Protocol") => {
                (502, "RFC 6455 section 11.3")
            }
            Self::RepeatedField(_) => (400, "RFC 6455 section 11.3"),
            Self::ReservedBitConflict => (502, "RFC 7692 section 5"),
            Self::StartLineTooLong { .. } => (414, "RFC 9112 section 3"),
            Self::TargetFragment => (400, "RFC 6455 section 3"),
            Self::UnknownProtocol => (501, "RFC 9220 section 3"),
            Self::UnmetDeflateOffer => (502, "RFC 7692 section 7.1"),
            Self::UnsupportedVersion => (426, "RFC 6455 section 4.2.2"),
            Self::ConnectionNotConfirmed
            | Self::MissingAccept
            | Self::NoSubprotocol
            | Self::UnofferedExtension
            | Self::UnofferedSubprotocol
            | Self::UpgradeNotConfirmed
            | Self::WrongAccept => (502, "RFC 6455 section 4.1"),
        }
    }
}

impl fmt::Display for HandshakeError {
    #[allow(clippy::too_many_lines, reason = "an arm for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorityMismatch => "`:authority` and `Host` differ: send `:authority` alone",
            Self::BareLineFeed => "a line ends in a bare LF: end every line of the head in CRLF",
            Self::BodyNotAllowed => {
                "the request announces content: send the opening handshake without any"
            }
            Self::ConnectionField(name) => {
                return write!(
                    f,
                    "`{name}` stands in a message of HTTP/2 or later: leave it out"
                );
            }
            Self::ConnectionNotConfirmed => {
                "the 101 response lacks `Connection: Upgrade`: check the server and any proxy"
            }
            Self::HeadTooLong { limit } => {
                return write!(
                    f,
                    "the head exceeds {limit} bytes: shorten it or raise `max_len`"
                );
            }
            Self::HttpVersion => {
                "the HTTP version is not 1.1, or does not have this status: speak HTTP/1.1"
            }
            Self::InvalidDeflateResponse => {
                "the response has a wrong parameter of permessage-deflate: check the server"
            }
            Self::InvalidExtensions => {
                "`Sec-WebSocket-Extensions` breaks its grammar: send `name; parameter=value, ...`"
            }
            Self::InvalidHost => "`Host` is not a host with an optional port: send one",
            Self::InvalidKey => "`Sec-WebSocket-Key` is not 16 bytes in base64: send a fresh nonce",
            Self::InvalidOrigin => "`Origin` is not one origin in ASCII: send one or `null`",
            Self::InvalidScheme => "`:scheme` is neither https nor http: send https for wss",
            Self::InvalidSubprotocol => {
                "`Sec-WebSocket-Protocol` is not a list of tokens: name one at least, no spaces"
            }
            Self::InvalidTarget => {
                "the request target is neither a path nor an http URI: start it with `/`, encode the rest"
            }
            Self::LineFolding => "a line starts with white space: send each field on one line",
            Self::LineTooLong { limit } => {
                return write!(
                    f,
                    "a field line exceeds {limit} bytes: shorten it or raise `max_line`"
                );
            }
            Self::MalformedHead => "the head is not HTTP/1.1: check what the peer speaks",
            Self::MethodNotConnect => {
                "the method is not CONNECT: use it with `:protocol` on HTTP/2 and HTTP/3"
            }
            Self::MethodNotGet => "the method is not GET: open a WebSocket connection with GET",
            Self::MissingAccept => {
                "the 101 response lacks `Sec-WebSocket-Accept`: check that it is a WebSocket server"
            }
            Self::MissingConnection => {
                "the request lacks `Connection: Upgrade`: check the client and any proxy"
            }
            Self::MissingHost => "the request lacks `Host`: send the server's authority in it",
            Self::MissingKey => "the request lacks `Sec-WebSocket-Key`: send 16 bytes in base64",
            Self::MissingProtocol => {
                "CONNECT lacks `:protocol`: send `websocket`, or look for a proxy elsewhere"
            }
            Self::MissingPseudoField(name) => {
                return write!(f, "the extended CONNECT lacks `{name}`: send it");
            }
            Self::MissingUpgrade => {
                "the request lacks `Upgrade: websocket`: check the client and any proxy"
            }
            Self::MissingVersion => "the request lacks `Sec-WebSocket-Version`: send 13",
            Self::NoSubprotocol => {
                "the server chose none of the offered subprotocols: offer one that it speaks"
            }
            Self::OriginNotAllowed => {
                "the origin is not allowed: add it to the policy if the page is trusted"
            }
            Self::RepeatedExtension => {
                "the response names an extension twice: accept each extension once"
            }
            Self::RepeatedField(name) => {
                return write!(f, "`{name}` stands more than once: send it once");
            }
            Self::RepeatedSubprotocol => "a subprotocol is offered twice: offer each one once",
            Self::ReservedBitConflict => {
                "the response accepts two extensions for one reserved bit: accept one of the two"
            }
            Self::StartLineTooLong { limit } => {
                return write!(
                    f,
                    "the start line exceeds {limit} bytes: shorten it or raise the limit on heads"
                );
            }
            Self::TargetFragment => "the request target has a fragment: leave out `#` and the rest",
            Self::TooManyExtensions => "too many extensions are named: name fewer",
            Self::TooManyFields { limit } => {
                return write!(
                    f,
                    "the head has over {limit} fields: send fewer or raise `max_fields`"
                );
            }
            Self::TooManySubprotocols => "too many subprotocols are offered: offer fewer",
            Self::UnknownProtocol => "`:protocol` is not websocket: send that",
            Self::UnmetDeflateOffer => {
                "the server does not limit permessage-deflate as asked: ask less or do without"
            }
            Self::UnofferedExtension => {
                "the response names an extension that was not offered: accept offered ones only"
            }
            Self::UnofferedSubprotocol => {
                "the response names a subprotocol that was not offered: choose an offered one"
            }
            Self::UnsupportedVersion => "`Sec-WebSocket-Version` is not 13: speak version 13",
            Self::UpgradeNotConfirmed => {
                "the 101 response lacks `Upgrade: websocket`: check the server and any proxy"
            }
            Self::WrongAccept => {
                "`Sec-WebSocket-Accept` does not answer the key: check for a cached response"
            }
        })
    }
}

impl core::error::Error for HandshakeError {}

//! A server's responses, as bytes and as data: the one that opens a connection, and all others.

use core::fmt;

use super::connect::check_outgoing_on_stream;
use super::error::HandshakeError;
use super::head::HttpVersion;
use super::key::Accept;
use super::outgoing::{
    FieldError, FieldList, FieldValue, Outgoing, append, check_outgoing, line, write_whole,
};
use super::supported::ExtensionList;
use crate::{Output, OutputFull};

/// A final HTTP response: the refusal of an opening handshake, or a page for an ordinary request.
///
/// It carries `Connection: close` unless [`keep_alive`](Response::keep_alive) is asked for. What the
/// peer sends after its request is then nobody's: close the connection once the response has been
/// sent. The engine adds `Content-Length`, to 405 `Allow: GET` unless `Allow` is among the given
/// fields, and to 426 `Upgrade: websocket` and `Sec-WebSocket-Version: 13`.
///
/// # Examples
///
/// ```
/// use websocket_proto::SliceOutput; // or a `Vec<u8>`
/// use websocket_proto::handshake::server::Response;
///
/// let mut room = [0; 1024];
/// let mut out = SliceOutput::new(&mut room);
/// Response::new(200).fields(&[("Content-Type", "text/plain")]).body(b"hello").write(&mut out)?;
/// assert_eq!(
///     out.filled(),
///     b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\
///       Content-Type: text/plain\r\n\r\nhello"
/// );
/// # Ok::<(), websocket_proto::handshake::server::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    status: u16,
    fields: FieldList<'a>,
    body: &'a [u8],
    keep_alive: bool,
}

impl<'a> Response<'a> {
    /// Starts with a status from 200 to 599, and neither fields nor a body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            fields: FieldList::EMPTY,
            body: &[],
            keep_alive: false,
        }
    }

    /// Adds fields, such as `Content-Type` or `Location`, in the given order.
    #[must_use]
    pub fn fields(mut self, fields: impl Into<FieldList<'a>>) -> Self {
        self.fields = fields.into();
        self
    }

    /// Sets the body; give it a `Content-Type` if it is not empty.
    #[must_use]
    pub fn body(mut self, body: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.body = body.as_ref();
        self
    }

    /// Keeps the connection for the next request: leaves out `Connection: close`.
    ///
    /// Give it [`Request::can_persist`], and go on with [`Handshake::next_request`]. An HTTP library
    /// sees to both by itself. HTTP/2 and HTTP/3 have no such field.
    ///
    /// See [RFC 9112 section 9.3](https://www.rfc-editor.org/rfc/rfc9112#section-9.3).
    ///
    /// [`Request::can_persist`]: super::server::Request::can_persist
    /// [`Handshake::next_request`]: super::server::Handshake::next_request
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.keep_alive = keep_alive;
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body, whose public name is that of the method that sets it.
    #[cfg(feature = "http")]
    pub(super) fn content(&self) -> &'a [u8] {
        self.body
    }

    /// Writes the response.
    ///
    /// # Errors
    ///
    /// Nothing is written then.
    ///
    /// - [`ResponseError::Status`]: the status is not from 200 to 599. A 101 comes from
    ///   [`Upgrade::accept`](super::server::Upgrade::accept) only.
    /// - [`ResponseError::BodyNotAllowed`]: a response of that status has no body.
    /// - [`ResponseError::Field`]: one of the fields cannot go out.
    /// - [`ResponseError::OutputFull`]: `out` has no room for the response.
    pub fn write(&self, out: &mut impl Output) -> Result<(), ResponseError> {
        let head = self.head(HttpVersion::Http11)?;
        write_whole(out, |out| {
            head.append_status_line(out);
            head.fields.append_own(out);
            // "A server MUST NOT send a Content-Length header field in any response with a status
            // code of 1xx (Informational) or 204 (No Content)." (RFC 9110, section 8.6)
            if !matches!(self.status, 204 | 304) {
                append(out, &["\r\nContent-Length: "]);
                append_decimal(out, self.body.len());
            }
            head.fields.append_given(out);
            append(out, &["\r\n\r\n"]);
            out.put(self.body);
        })?;
        Ok(())
    }

    /// The response as data, for an HTTP library that sends it.
    ///
    /// The body, and `Content-Length`, are left to the library. On HTTP/2 and HTTP/3 there is no
    /// `Connection` and no `Upgrade`, names are in lower case, and a 426 becomes a 400, since it
    /// has to name an upgrade that those versions do not have.
    ///
    /// # Errors
    ///
    /// [`ResponseError::Status`], [`ResponseError::BodyNotAllowed`], [`ResponseError::Field`]: as
    /// for [`write`](Response::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::{HandshakeError, HttpVersion};
    ///
    /// let head = HandshakeError::OriginNotAllowed.response().head(HttpVersion::Http11)?;
    /// assert_eq!(head.status(), 403);
    /// for (name, value) in head.fields() {
    ///     println!("{name}: {value}"); // Connection: close
    /// }
    /// # Ok::<(), websocket_proto::handshake::server::ResponseError>(())
    /// ```
    pub fn head(&self, version: HttpVersion) -> Result<ResponseHead<'a>, ResponseError> {
        if !matches!(self.status, 200..=599) {
            return Err(ResponseError::Status {
                status: self.status,
            });
        }
        if !self.body.is_empty() && matches!(self.status, 204 | 205 | 304) {
            return Err(ResponseError::BodyNotAllowed {
                status: self.status,
            });
        }
        check_given(self.fields, version)?;
        let is_connect = version >= HttpVersion::Http2;
        let when = |condition, line| Some(line).filter(|_| condition);
        // "The server MUST send an Upgrade header field in a 426 response to indicate the required
        // protocol(s)" (RFC 9110, section 15.5.22)
        let upgrade = self.status == 426;
        // "The origin server MUST generate an Allow header field in a 405 response" (RFC 9110,
        // section 15.5.6)
        let is_allow = |(name, _): (&str, &[u8])| name.eq_ignore_ascii_case("allow");
        let allow = self.status == 405 && !self.fields.iter().any(is_allow);
        // "[...] and a |Sec-WebSocket-Version| header field indicating the version(s) the server is
        // capable of understanding" (RFC 6455, section 4.2.2) goes with the 426.
        let own = if is_connect {
            [
                when(upgrade, line!("sec-websocket-version": "13")),
                when(allow, line!("allow": "CONNECT")),
                None,
                None,
                None,
            ]
        } else {
            let connection = match (self.keep_alive, upgrade) {
                (false, false) => Some("close"),
                (false, true) => Some("close, Upgrade"),
                (true, false) => None,
                (true, true) => Some("Upgrade"),
            };
            [
                connection.map(|options| line!("Connection", options)),
                when(upgrade, line!("Upgrade": "websocket")),
                when(upgrade, line!("Sec-WebSocket-Version": "13")),
                when(allow, line!("Allow": "GET")),
                None,
            ]
        };
        Ok(ResponseHead {
            status: if upgrade && is_connect {
                400
            } else {
                self.status
            },
            fields: Outgoing::new(own, self.fields),
        })
    }
}

/// The status and the fields of a response, for an HTTP library that sends it.
///
/// [`Response::head`] gives that of a refusal, [`Upgrade::respond`] the one that opens the
/// connection.
///
/// [`Upgrade::respond`]: super::server::Upgrade::respond
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    status: u16,
    fields: Outgoing<'a, OWN>,
}

/// How many fields of the handshake's own a response may have.
const OWN: usize = 5;

/// What a server has chosen from the offers of a client that it accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) subprotocol: Option<&'a str>,
    pub(super) extensions: Option<ExtensionList<'a>>,
}

impl<'a> ResponseHead<'a> {
    /// The 101 that answers a key.
    pub(super) fn switching(accept: Accept, choice: Choice<'a>, given: FieldList<'a>) -> Self {
        let own = [
            Some(line!("Upgrade": "websocket")),
            Some(line!("Connection": "Upgrade")),
            Some(line!("Sec-WebSocket-Accept", accept)),
            choice
                .subprotocol
                .map(|subprotocol| line!("Sec-WebSocket-Protocol", subprotocol)),
            choice
                .extensions
                .map(|list| line!("Sec-WebSocket-Extensions", list)),
        ];
        Self {
            status: 101,
            fields: Outgoing::new(own, given),
        }
    }

    /// The 200 that answers an extended CONNECT.
    pub(super) fn connected(choice: Choice<'a>, given: FieldList<'a>) -> Self {
        let own = [
            choice
                .subprotocol
                .map(|subprotocol| line!("sec-websocket-protocol", subprotocol)),
            choice
                .extensions
                .map(|list| line!("sec-websocket-extensions", list)),
            None,
            None,
            None,
        ];
        Self {
            status: 200,
            fields: Outgoing::new(own, given),
        }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The fields to set: those of the handshake, then the caller's.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, FieldValue<'a>)> + Clone + use<'a> {
        self.fields.iter()
    }

    /// Appends the head as HTTP/1.1 writes it.
    pub(super) fn append_to(&self, out: &mut dyn Output) {
        self.append_status_line(out);
        self.fields.append_own(out);
        self.fields.append_given(out);
        append(out, &["\r\n\r\n"]);
    }

    fn append_status_line(&self, out: &mut dyn Output) {
        if self.status == 101 {
            // The one that is answered most, in one piece.
            return append(out, &["HTTP/1.1 101 Switching Protocols"]);
        }
        append(out, &["HTTP/1.1 "]);
        append_decimal(out, usize::from(self.status));
        append(out, &[" ", reason(self.status)]);
    }
}

/// Checks the caller's fields for a message of that version.
pub(super) fn check_given(fields: FieldList<'_>, version: HttpVersion) -> Result<(), FieldError> {
    if version >= HttpVersion::Http2 {
        check_outgoing_on_stream(fields)
    } else {
        check_outgoing(fields, &[])
    }
}

impl From<HandshakeError> for Response<'_> {
    fn from(error: HandshakeError) -> Self {
        Self::new(error.status_hint())
    }
}

impl HandshakeError {
    /// The response by which a server refuses the handshake: the [`status_hint`](Self::status_hint)
    /// and what goes with it, without a body.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::SliceOutput; // or a `Vec<u8>`
    /// use websocket_proto::handshake::HandshakeError;
    ///
    /// let mut room = [0; 1024];
    /// let mut out = SliceOutput::new(&mut room);
    /// HandshakeError::MethodNotGet.response().write(&mut out)?;
    /// assert_eq!(
    ///     out.filled(),
    ///     b"HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n\
    ///       Content-Length: 0\r\n\r\n"
    /// );
    /// # Ok::<(), websocket_proto::handshake::server::ResponseError>(())
    /// ```
    pub fn response(self) -> Response<'static> {
        self.into()
    }
}

/// The server's own response cannot go out; the peer has no part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseError {
    /// A response of this status has no body.
    ///
    /// See [RFC 9110 section 6.4.1](https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1).
    BodyNotAllowed {
        /// The status.
        status: u16,
    },
    /// The text of an accepted extension does not follow the grammar of one extension.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
    Extension {
        /// The extension's place in the list.
        index: usize,
    },
    /// One of the fields cannot go out.
    Field(FieldError),
    /// The output has no room for the whole response.
    OutputFull,
    /// An extension of the same name is accepted already.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
    RepeatedExtension {
        /// The place of the repetition in the list.
        index: usize,
    },
    /// A reserved bit of the extension belongs to one that is accepted already: RSV1 to
    /// permessage-deflate, or any bit to another extension.
    ///
    /// See [RFC 7692 section 5](https://www.rfc-editor.org/rfc/rfc7692#section-5).
    ReservedBitConflict {
        /// The extension's place in the list.
        index: usize,
    },
    /// The status is not that of a final response.
    ///
    /// See [RFC 9110 section 15](https://www.rfc-editor.org/rfc/rfc9110#section-15).
    Status {
        /// The status.
        status: u16,
    },
    /// The client does not offer an extension of that name.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
    UnofferedExtension {
        /// The extension's place in the list.
        index: usize,
    },
    /// The client does not offer the chosen subprotocol.
    ///
    /// See [RFC 6455 section 4.2.2](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2).
    UnofferedSubprotocol,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyNotAllowed { status } => {
                write!(
                    f,
                    "a response with status {status} has no body: leave it out"
                )
            }
            Self::Extension { index } => {
                write!(
                    f,
                    "extension {index} breaks the grammar: write `name; parameter=value`"
                )
            }
            Self::Field(error) => error.fmt(f),
            Self::OutputFull => OutputFull.fmt(f),
            Self::RepeatedExtension { index } => {
                write!(
                    f,
                    "extension {index} is accepted already: accept each name once"
                )
            }
            Self::ReservedBitConflict { index } => {
                write!(
                    f,
                    "extension {index} uses a reserved bit of another one: accept one of the two"
                )
            }
            Self::Status { status } => {
                write!(
                    f,
                    "{status} is not the status of a final response: use 200 to 599"
                )
            }
            Self::UnofferedExtension { index } => {
                write!(
                    f,
                    "the client does not offer extension {index}: accept offered ones only"
                )
            }
            Self::UnofferedSubprotocol => {
                f.write_str("the client does not offer the subprotocol: choose an offered one")
            }
        }
    }
}

impl core::error::Error for ResponseError {}

impl From<FieldError> for ResponseError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl From<OutputFull> for ResponseError {
    fn from(_: OutputFull) -> Self {
        Self::OutputFull
    }
}

/// The reason phrase of RFC 9110 section 15; empty, which is allowed, where it is not a common one.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

fn append_decimal(out: &mut dyn Output, mut value: usize) {
    // As many digits as the largest 64-bit number has.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(value % 10).unwrap_or(0));
        start = start.saturating_sub(1);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.put(digits.get(start..).unwrap_or_default());
}

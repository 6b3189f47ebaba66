//! What becomes of a client's request: it opens a connection, is refused, or cannot go out.

use core::fmt;

use super::extension::Extensions;
use super::field::Fields;
use super::outgoing::FieldError;
use crate::{Negotiated, OutputFull};

/// How the server answered: `'a` is how long the client's list of subprotocols lives, `'b` how long
/// the buffer with the response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome<'a, 'b> {
    /// The connection is open, the data phase begins.
    Open(Accepted<'a, 'b>),
    /// The server answered with another status than 101.
    Rejected(Rejected<'b>),
}

/// A 101 response that answers the request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Accepted<'a, 'b> {
    /// What both sides agreed on.
    pub negotiated: Negotiated<'a>,
    /// The fields of the response, `Set-Cookie` for one.
    pub fields: Fields<'b>,
    /// The offset of the first byte of the data phase in the buffer.
    ///
    /// A 101 response has no content, whatever its `Content-Length` says.
    pub head_len: usize,
}

impl<'b> Accepted<'_, 'b> {
    /// The extensions that the server accepts, with their parameters, in the order of the response.
    ///
    /// That of an extension of the caller's own is the caller's to judge: close the connection if
    /// the parameters do not answer the offer.
    pub fn extensions(&self) -> Extensions<'b> {
        Extensions::new(self.fields.clone())
    }
}

/// A final response that is not a 101: a redirect, a demand for credentials, an error.
///
/// The WebSocket connection is not open, and what follows the head is content by the rules of HTTP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rejected<'b> {
    /// The status code.
    pub status: u16,
    /// The reason phrase; empty if there is none, or one that is not ASCII.
    pub reason: &'b str,
    /// The fields of the response, `Location` for one.
    pub fields: Fields<'b>,
    /// The offset of the first byte of the content in the buffer.
    pub head_len: usize,
}

/// What a response comes to that an HTTP library has parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer<'a> {
    /// An interim response: the final one is yet to come.
    Interim,
    /// The connection is open, the data phase begins.
    ///
    /// [`Extensions::new`] reads the accepted extensions from the fields of the response.
    Open(Negotiated<'a>),
    /// A final response that does not open the connection.
    ///
    /// It is a redirect, a demand for credentials, an error; its content is by the rules of HTTP.
    Rejected,
}

/// Where the input of an opening handshake has ended.
///
/// Either side's `receive_eof` gives it.
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::HeadEnd;
/// use websocket_proto::handshake::server::Handshake;
///
/// let mut handshake = Handshake::default();
/// assert_eq!(handshake.receive_eof(), HeadEnd::BeforeHead);
/// assert!(handshake.receive(b"GET /cha")?.is_none());
/// assert_eq!(handshake.receive_eof(), HeadEnd::InsideHead);
/// # Ok::<(), websocket_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadEnd {
    /// After a whole head: what has ended is the data phase, or the content of a page.
    ///
    /// That is for [`Connection::receive_eof`](crate::Connection::receive_eof), or for the rules of
    /// HTTP.
    AfterHead,
    /// Before the first byte of a head.
    ///
    /// A server sees it when a client closes a connection that it has not used. The empty line that
    /// may come before a request does not count.
    BeforeHead,
    /// Inside a head, which is incomplete.
    ///
    /// The interim responses that a client skips belong to the answer: after one of them the input
    /// ends inside it. A head that was refused counts as far as it was read.
    /// See [RFC 9112 section 8](https://www.rfc-editor.org/rfc/rfc9112#section-8).
    InsideHead,
}

impl fmt::Display for HeadEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AfterHead => "the input ended after the head: tell the data phase",
            Self::BeforeHead => "the input ended before the head: close the connection",
            Self::InsideHead => "the input ended inside the head: close, nobody can answer that",
        })
    }
}

impl core::error::Error for HeadEnd {}

/// The client's own request cannot go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// An extension has the name of another offered one, but other bits; or it is
    /// permessage-deflate, which the engine offers.
    ///
    /// An answer names the extension only, and not the offer.
    ConflictingExtension {
        /// The extension's place in the list.
        index: usize,
    },
    /// The server has not enabled extended CONNECT, or not yet.
    ///
    /// See [RFC 8441 section 3](https://www.rfc-editor.org/rfc/rfc8441#section-3).
    ConnectNotEnabled,
    /// The text of an extension does not follow the grammar of one extension.
    ///
    /// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
    Extension {
        /// The extension's place in the list.
        index: usize,
    },
    /// One of the fields cannot go out.
    Field(FieldError),
    /// The host is not a host with an optional port.
    ///
    /// See [RFC 9110 section 7.2](https://www.rfc-editor.org/rfc/rfc9110#section-7.2).
    Host,
    /// The origin is empty, or holds a space or something else than ASCII.
    ///
    /// See [RFC 6454 section 7.1](https://www.rfc-editor.org/rfc/rfc6454#section-7.1).
    Origin,
    /// The output has no room for the whole request.
    OutputFull,
    /// A subprotocol is offered a second time.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    RepeatedSubprotocol {
        /// The place of the repetition in the list.
        index: usize,
    },
    /// The scheme is neither `https` nor `http`.
    ///
    /// See [RFC 8441 section 5](https://www.rfc-editor.org/rfc/rfc8441#section-5).
    Scheme,
    /// The name of a subprotocol is not a token.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    Subprotocol {
        /// The subprotocol's place in the list.
        index: usize,
    },
    /// The target is not a path with an optional query, in the characters that
    /// [`HandshakeError::InvalidTarget`](super::HandshakeError::InvalidTarget) lists.
    ///
    /// See [RFC 6455 section 3](https://www.rfc-editor.org/rfc/rfc6455#section-3).
    Target,
    /// More than [`MAX_EXTENSIONS`](super::MAX_EXTENSIONS) are offered.
    TooManyExtensions,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConflictingExtension { index } => {
                write!(
                    f,
                    "extension {index} has the name of another: give both the same bits, or drop one"
                )
            }
            Self::ConnectNotEnabled => {
                f.write_str("the server has not enabled extended CONNECT: use HTTP/1.1")
            }
            Self::Extension { index } => {
                write!(
                    f,
                    "extension {index} breaks the grammar: write `name; parameter=value`"
                )
            }
            Self::Field(error) => error.fmt(f),
            Self::Host => f.write_str("the host is not a host with a port: give nothing else"),
            Self::Origin => f.write_str("the origin is not one word of ASCII: give just one"),
            Self::OutputFull => OutputFull.fmt(f),
            Self::RepeatedSubprotocol { index } => {
                write!(
                    f,
                    "subprotocol {index} is offered already: offer each one once"
                )
            }
            Self::Scheme => f.write_str("the scheme is not https or http: give https for wss"),
            Self::Subprotocol { index } => {
                write!(
                    f,
                    "subprotocol {index} is not a token: take out spaces and commas"
                )
            }
            Self::Target => f.write_str(
                "the target is not a path: start it with `/`, encode the rest, drop the fragment",
            ),
            Self::TooManyExtensions => f.write_str("too many extensions are offered: offer fewer"),
        }
    }
}

impl core::error::Error for RequestError {}

impl From<FieldError> for RequestError {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl From<OutputFull> for RequestError {
    fn from(_: OutputFull) -> Self {
        Self::OutputFull
    }
}

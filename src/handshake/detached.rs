//! An upgrade that borrows nothing from its request.

use core::iter::{self, Once};

use super::acceptance::Acceptance;
use super::extension::{self, Extension, Extensions};
use super::field::Pair;
use super::key::Key;
use super::response::{ResponseError, ResponseHead};
use super::subprotocol::{self, Subprotocols};
use crate::{Negotiated, Output, OutputFull};

/// An accepted request that borrows nothing from the request, to be answered later.
///
/// [`Upgrade::detach`](super::server::Upgrade::detach) makes it. It keeps all that the answer depends
/// on: the key, and the offers of subprotocols and extensions, whose text is in `S`. The server may
/// choose from them as late as it likes. With a `Vec<u8>` it is `Send + 'static`.
///
/// # Examples
///
/// The extractor of a web framework, which validates the request. Its handler answers:
///
/// ```
/// # #[cfg(feature = "http")] {
/// use http::request::Parts;
/// use websocket_proto::Negotiated;
/// use websocket_proto::handshake::server::{
///     Acceptance, DetachedUpgrade, OriginPolicy, Request, Response, ResponseError,
/// };
///
/// struct WebSocketUpgrade(DetachedUpgrade<Vec<u8>>);
///
/// impl WebSocketUpgrade {
///     /// Validates the request: the framework calls it before the handler.
///     fn from_request_parts(parts: &Parts) -> Result<Self, Response<'static>> {
///         let protocol = None; // on HTTP/2 from `parts.extensions`, as the library keeps it
///         let request = Request::from_http_parts(parts, protocol);
///         let upgrade = request.upgrade(OriginPolicy::SameHost)?;
///         let detached = upgrade.detach(Vec::new()).map_err(|_| Response::new(503))?;
///         Ok(Self(detached))
///     }
///
///     /// Answers: the handler calls it, and makes a `Connection` from the second value.
///     fn respond(
///         &self,
///         spoken: &[&'static str],
///     ) -> Result<(http::Response<()>, Negotiated<'static>), ResponseError> {
///         let mut acceptance = Acceptance::default();
///         let chosen = spoken.iter().find(|name| self.0.subprotocols().any(|offer| offer == **name));
///         if let Some(subprotocol) = chosen {
///             acceptance = acceptance.subprotocol(subprotocol);
///         }
///         let (head, negotiated) = self.0.respond(&acceptance)?;
///         Ok((head.to_http()?, negotiated))
///     }
/// }
///
/// let request = http::Request::get("/chat")
///     .header("Host", "example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "Upgrade")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .header("Sec-WebSocket-Version", "13")
///     .header("Sec-WebSocket-Protocol", "superchat, chat")
///     .body(())?;
/// let (parts, ()) = request.into_parts();
/// let extracted = WebSocketUpgrade::from_request_parts(&parts)
///     .map_err(|refusal| format!("refused with {}", refusal.status()))?;
/// drop(parts);
/// let handler = std::thread::spawn(move || extracted.respond(&["chat"]));
/// let (response, negotiated) = handler.join().map_err(|_| "the handler")??;
/// assert_eq!(response.status(), 101);
/// assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
/// assert_eq!(negotiated.subprotocol, Some("chat"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DetachedUpgrade<S> {
    /// The key of a request on HTTP/1.1; extended CONNECT has none.
    key: Option<Key>,
    /// The lists of subprotocols and of extensions, one after the other.
    storage: S,
    subprotocols_start: usize,
    extensions_start: usize,
}

impl<S: Output + AsRef<[u8]>> DetachedUpgrade<S> {
    pub(super) fn new<'b>(
        key: Option<Key>,
        subprotocols: impl Iterator<Item = &'b [u8]> + Clone,
        extensions: impl Iterator<Item = &'b [u8]> + Clone,
        mut storage: S,
    ) -> Result<Self, OutputFull> {
        let subprotocols_start = storage.as_ref().len();
        append_list(&mut storage, subprotocols)?;
        let extensions_start = storage.as_ref().len();
        append_list(&mut storage, extensions)?;
        Ok(Self {
            key,
            storage,
            subprotocols_start,
            extensions_start,
        })
    }
}

impl<S: AsRef<[u8]>> DetachedUpgrade<S> {
    /// The subprotocols that the client offers, the preferred one first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> + Clone {
        Subprotocols::new(field(subprotocol::FIELD, self.subprotocol_list()))
    }

    /// The extensions that the client offers, the preferred one first.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'_>> + Clone {
        Extensions::new(field(extension::FIELD, self.extension_list()))
    }

    /// The response that opens the connection, as
    /// [`Upgrade::respond`](super::server::Upgrade::respond) gives it.
    ///
    /// Without a library on HTTP/1.1, write `HTTP/1.1 101 Switching Protocols`, the fields and an
    /// empty line, each ended by CRLF.
    ///
    /// # Errors
    ///
    /// Those of [`Upgrade::respond`](super::server::Upgrade::respond).
    pub fn respond<'h, 'p: 'h, 'f: 'h>(
        &self,
        acceptance: &Acceptance<'p, 'f>,
    ) -> Result<(ResponseHead<'h>, Negotiated<'p>), ResponseError> {
        let subprotocols = iter::once(self.subprotocol_list());
        acceptance.answer(self.key, subprotocols, &iter::once(self.extension_list()))
    }

    fn subprotocol_list(&self) -> &[u8] {
        let lists = self.storage.as_ref();
        lists
            .get(self.subprotocols_start..self.extensions_start)
            .unwrap_or_default()
    }

    fn extension_list(&self) -> &[u8] {
        let lists = self.storage.as_ref();
        lists.get(self.extensions_start..).unwrap_or_default()
    }
}

/// Appends the values of a field as one list, which means the same (RFC 9110, section 5.3).
fn append_list<'b>(
    storage: &mut impl Output,
    values: impl Iterator<Item = &'b [u8]> + Clone,
) -> Result<(), OutputFull> {
    let len = values.clone().fold(0_usize, |len, value| {
        len.saturating_add(value.len()).saturating_add(1)
    });
    storage.make_room(len)?;
    for value in values {
        storage.put(value);
        storage.put(b",");
    }
    Ok(())
}

fn field<'b>(name: &'static str, list: &'b [u8]) -> Once<Pair<'b>> {
    iter::once((name.as_bytes(), list))
}

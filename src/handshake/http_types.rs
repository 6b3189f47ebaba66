//! Conversions from and to the types of the crate `http`.

use core::fmt;

use http::request::Parts;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};

use super::client::{self, Answer, ExtendedConnect, Http1, RequestError};
use super::connect::PseudoFields;
use super::error::HandshakeError;
use super::head::HttpVersion;
use super::outgoing::FieldValue;
use super::server::{self, ResponseError, ResponseHead};
use crate::OutputFull;

/// The fields of an [`http::HeaderMap`], in its order.
pub struct HttpFields<'b> {
    map: &'b HeaderMap,
    rest: http::header::Iter<'b, HeaderValue>,
    taken: usize,
}

impl<'b> HttpFields<'b> {
    /// Starts with the first field.
    pub fn new(map: &'b HeaderMap) -> Self {
        Self {
            map,
            rest: map.iter(),
            taken: 0,
        }
    }
}

impl Clone for HttpFields<'_> {
    fn clone(&self) -> Self {
        // The map's own iterator cannot be cloned. The checks clone fresh ones, where this is free.
        let mut rest = self.map.iter();
        for _ in 0..self.taken {
            rest.next();
        }
        Self { rest, ..*self }
    }
}

impl<'b> Iterator for HttpFields<'b> {
    type Item = (&'b [u8], &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.rest.next()?;
        self.taken = self.taken.saturating_add(1);
        Some((name.as_ref(), value.as_bytes()))
    }
}

impl fmt::Debug for HttpFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values that are marked as sensitive stay hidden that way.
        self.map.fmt(f)
    }
}

impl<'b> server::Request<'b, HttpFields<'b>> {
    /// Takes a request of any HTTP version.
    ///
    /// `protocol` is the value of `:protocol`, which the types of `http` have no place for: HTTP
    /// libraries keep it in the request's extensions, as `hyper::ext::Protocol` for one. On
    /// HTTP/1.1 it is of no account. A fragment is lost before this sees the target: `http::Uri`
    /// drops it.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request, ResponseError};
    ///
    /// fn answer<B>(request: &http::Request<B>) -> Result<http::Response<&[u8]>, ResponseError> {
    ///     let request = Request::from_http(request, None);
    ///     match request.upgrade(OriginPolicy::SameHost) {
    ///         Ok(upgrade) => {
    ///             let (head, _) = upgrade.respond(&Acceptance::default())?;
    ///             Ok(head.to_http()?.map(|()| &[][..]))
    ///         }
    ///         Err(error) => error.response().to_http(request.version()),
    ///     }
    /// }
    ///
    /// let request = http::Request::get("/chat").body(())?;
    /// assert_eq!(answer(&request)?.status(), 400); // it has no `Host`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_http<B>(request: &'b Request<B>, protocol: Option<&'b str>) -> Self {
        let (method, uri) = (request.method(), request.uri());
        Self::from_http_head(method, uri, request.version(), request.headers(), protocol)
    }

    /// Takes the head of a request of any HTTP version, as [`from_http`](Self::from_http) does.
    ///
    /// It is what the extractor of a web framework is given. See [`DetachedUpgrade`] for one.
    ///
    /// [`DetachedUpgrade`]: super::server::DetachedUpgrade
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::server::Request;
    ///
    /// let (parts, ()) = http::Request::get("/chat").body(())?.into_parts();
    /// assert_eq!(Request::from_http_parts(&parts, None).path(), "/chat");
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn from_http_parts(parts: &'b Parts, protocol: Option<&'b str>) -> Self {
        let Parts {
            method,
            uri,
            version,
            headers,
            ..
        } = parts;
        Self::from_http_head(method, uri, *version, headers, protocol)
    }

    fn from_http_head(
        method: &'b Method,
        uri: &'b Uri,
        version: Version,
        headers: &'b HeaderMap,
        protocol: Option<&'b str>,
    ) -> Self {
        let mut line = PseudoFields::new(method.as_str());
        if let Some(path) = uri.path_and_query() {
            line = line.with_path(path.as_str());
        }
        if let Some(protocol) = protocol {
            line = line.with_protocol(protocol);
        }
        if let Some(scheme) = uri.scheme_str() {
            line = line.with_scheme(scheme);
        }
        if let Some(authority) = uri.authority() {
            line = line.with_authority(authority.as_str());
        }
        Self::from_pseudo_fields(line, HttpVersion::from(version), HttpFields::new(headers))
    }
}

impl ResponseHead<'_> {
    /// The response, without a body; its version is left to the library.
    ///
    /// # Errors
    ///
    /// [`ResponseError::OutputFull`]: a name, or the number of fields, is beyond what
    /// [`http::HeaderMap`] takes.
    pub fn to_http(&self) -> Result<Response<()>, ResponseError> {
        let mut response = Response::new(());
        *response.status_mut() =
            StatusCode::from_u16(self.status()).map_err(|_| ResponseError::Status {
                status: self.status(),
            })?;
        append(response.headers_mut(), self.fields())?;
        Ok(response)
    }
}

impl<'a> server::Response<'a> {
    /// The response with its body; `Content-Length` and the version are left to the library.
    ///
    /// Give it the [`version`](server::Request::version) of the request, and map the body to the
    /// library's own type. See [`head`](server::Response::head) for what the version changes.
    ///
    /// # Errors
    ///
    /// As for [`head`](server::Response::head), and [`ResponseError::OutputFull`] as for
    /// [`ResponseHead::to_http`].
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::HttpVersion;
    /// use websocket_proto::handshake::server::Response;
    ///
    /// let response = Response::new(404).body("nothing here").to_http(HttpVersion::Http2)?;
    /// assert_eq!(response.status(), 404);
    /// assert_eq!(response.map(<[u8]>::len).into_body(), 12);
    /// # Ok::<(), websocket_proto::handshake::server::ResponseError>(())
    /// ```
    pub fn to_http(&self, version: HttpVersion) -> Result<Response<&'a [u8]>, ResponseError> {
        let head = self.head(version)?.to_http()?;
        Ok(head.map(|()| self.content()))
    }
}

impl<'p> client::Handshake<'p, Http1<'_>> {
    /// The request: GET, the target as a path, `Host` and the other fields.
    ///
    /// # Errors
    ///
    /// As for [`write_request`](client::Handshake::write_request);
    /// [`RequestError::Target`] also if [`http::Uri`] does not take the target, and
    /// [`RequestError::OutputFull`] if a name, or the number of fields, is beyond what
    /// [`http::HeaderMap`] takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::client::{Answer, Handshake};
    ///
    /// let handshake = Handshake::new(*b"the sample nonce", "example.com", "/chat");
    /// let request = handshake.to_http()?;
    /// assert_eq!(request.headers()["sec-websocket-version"], "13");
    /// let response = http::Response::builder().status(404).body(())?;
    /// assert_eq!(handshake.check_http(&response)?, Answer::Rejected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_http(&self) -> Result<Request<()>, RequestError> {
        let fields = self.fields_to_set()?;
        let mut request = Request::new(());
        *request.uri_mut() = Uri::try_from(self.target()).or(Err(RequestError::Target))?;
        append(request.headers_mut(), fields)?;
        Ok(request)
    }

    /// Checks a response.
    ///
    /// # Errors
    ///
    /// As for [`check_response`](client::Handshake::check_response).
    pub fn check_http<B>(&self, response: &Response<B>) -> Result<Answer<'p>, HandshakeError> {
        let fields = HttpFields::new(response.headers());
        self.check_response(
            response.status().as_u16(),
            HttpVersion::from(response.version()),
            fields,
        )
    }
}

impl<'p> client::Handshake<'p, ExtendedConnect<'_>> {
    /// The request: CONNECT, an absolute URI, version HTTP/2, the fields.
    ///
    /// `:protocol` has no place in the types of `http`: give `websocket` to the library in its own
    /// way, which mostly is an extension of the request. Set the version if it is HTTP/3.
    ///
    /// # Errors
    ///
    /// As for [`head_to_send`](client::Handshake::head_to_send);
    /// [`RequestError::Target`] also if [`http::Uri`] does not take the URI, and
    /// [`RequestError::OutputFull`] if a name, or the number of fields, is beyond what
    /// [`http::HeaderMap`] takes.
    pub fn to_http(&self) -> Result<Request<()>, RequestError> {
        let (pseudo, fields) = self.head_to_send()?;
        let uri = Uri::builder()
            .scheme(pseudo.scheme().unwrap_or_default())
            .authority(pseudo.authority().unwrap_or_default())
            .path_and_query(pseudo.path().unwrap_or_default());
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri.build().or(Err(RequestError::Target))?;
        append(request.headers_mut(), fields)?;
        Ok(request)
    }

    /// Checks a response.
    ///
    /// # Errors
    ///
    /// As for [`check_stream_response`](client::Handshake::check_stream_response).
    pub fn check_http<B>(&self, response: &Response<B>) -> Result<Answer<'p>, HandshakeError> {
        let fields = HttpFields::new(response.headers());
        self.check_stream_response(response.status().as_u16(), fields)
    }
}

impl From<Version> for HttpVersion {
    /// Every version before HTTP/1.1 counts as HTTP/1.0: no WebSocket connection opens on it.
    fn from(version: Version) -> Self {
        match version {
            Version::HTTP_3 => Self::Http3,
            Version::HTTP_2 => Self::Http2,
            Version::HTTP_11 => Self::Http11,
            _ => Self::Http10,
        }
    }
}

/// Adds fields whose names and values have been checked, so that only a limit of the map can hold.
fn append<'a>(
    map: &mut HeaderMap,
    fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>,
) -> Result<(), OutputFull> {
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).or(Err(OutputFull))?;
        let value = HeaderValue::from_bytes(&value.to_vec()).or(Err(OutputFull))?;
        map.try_append(name, value).or(Err(OutputFull))?;
    }
    Ok(())
}

//! Whose pages may open a connection.

use core::fmt;

/// Which pages may open a WebSocket connection, judged by the `Origin` that browsers send.
///
/// A browser lets any page open a WebSocket connection to any server and sends the user's cookies
/// along, so the server has to say whom it trusts. A request without `Origin` does not come from a
/// page and passes under every policy; [`Upgrade::origin`](super::server::Upgrade::origin) tells such a request from the others.
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
    pub(super) fn admits(self, origin: Option<&str>, host: &str) -> bool {
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

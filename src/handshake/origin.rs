//! Whose pages may open a connection.

use core::fmt;

use super::field::authority;

/// Which pages may open a WebSocket connection, judged by the `Origin` that browsers send.
///
/// A browser lets any page open a WebSocket connection to any server and sends the user's cookies
/// along, so the server has to say whom it trusts. A request without `Origin` does not come from a
/// page and passes under every policy; [`Upgrade::origin`](super::server::Upgrade::origin) tells such a request from the others.
/// See [RFC 6455 section 10.2](https://www.rfc-editor.org/rfc/rfc6455#section-10.2).
///
/// No policy stops DNS rebinding: a page of `evil.test` whose name suddenly has the server's address
/// is sent with `Host: evil.test` and the origin `http://evil.test`, which are one host. These do:
///
/// - a list of the hosts that the server answers to, in which
///   [`Upgrade::host`](super::server::Upgrade::host) is looked up;
/// - TLS, since the browser wants a certificate for `evil.test`;
/// - authentication that does not rest on the address of the client.
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
    ///
    /// The host is compared without regard to case, but with a dot at its end, the port as a number.
    /// Where either side gives no port, it is that of the origin's scheme: `https://example.com` is
    /// the same as `Host: example.com:443`, `http://example.com` is not. `wss` and `ws` count as
    /// `https` and `http`; an origin of any other scheme is refused.
    ///
    /// See [RFC 6454 section 4](https://www.rfc-editor.org/rfc/rfc6454#section-4).
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
            Self::SameHost => is_same_host(origin, host),
        }
    }
}

/// Whether `origin` is of the host and port in the authority `host`.
fn is_same_host(origin: &str, host: &str) -> bool {
    // "If there is no port component of the URI: [...] Let uri-port be the default port for the
    // protocol given by uri-scheme." (RFC 6454, section 4)
    let schemes = [
        ("https://", 443),
        ("http://", 80),
        ("wss://", 443),
        ("ws://", 80),
    ];
    let after_scheme = schemes.into_iter().find_map(|(scheme, default)| {
        let (start, rest) = origin.split_at_checked(scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then_some((rest, default))
    });
    let Some((of_origin, default)) = after_scheme else {
        return false;
    };
    // Most are written alike, and `host` is an authority.
    if of_origin.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some((name, port)), Some((expected, expected_port))) =
        (authority(of_origin.as_bytes()), authority(host.as_bytes()))
    else {
        return false;
    };
    name.eq_ignore_ascii_case(expected) && number(port, default) == number(expected_port, default)
}

/// The port that at most five digits name.
fn number(digits: &[u8], default: u32) -> u32 {
    if digits.is_empty() {
        return default;
    }
    digits.iter().fold(0, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit & 0x0f))
    })
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

//! The request target: its path, its query, and the rules of RFC 6455 section 3 for it.

use super::error::HandshakeError;
use super::field::{TARGET_BYTES, is_authority};

/// A request target in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'b> {
    whole: &'b str,
    authority: Option<&'b str>,
    pub(super) path: &'b str,
    pub(super) query: Option<&'b str>,
    /// Path and query as one, where the target has them so.
    pub(super) path_and_query: Option<&'b str>,
}

impl<'b> Target<'b> {
    pub(super) fn new(whole: &'b str) -> Self {
        let (authority, rest) = match after_scheme(whole) {
            Some(rest) => {
                let ends = |byte| matches!(byte, b'/' | b'?' | b'#');
                let end = rest.bytes().position(ends).unwrap_or(rest.len());
                let (authority, rest) = rest.split_at_checked(end).unwrap_or_default();
                (Some(authority), rest)
            }
            None => (None, whole),
        };
        let path_len = rest.bytes().position(|byte| byte == b'?');
        let (path, query) = match path_len.and_then(|len| rest.split_at_checked(len)) {
            Some((path, query)) => (path, query.strip_prefix('?')),
            None => (rest, None),
        };
        // An absolute URI may leave out its path, which is then the root (RFC 9110, section 4.2.3).
        let (path, path_and_query) = match (path, query) {
            ("", None) => ("/", Some("/")),
            ("", Some(_)) => ("/", None),
            _ => (path, Some(rest)),
        };
        Self {
            whole,
            authority,
            path,
            query,
            path_and_query,
        }
    }

    /// The target of a request whose library took an absolute URI apart: its path and query.
    ///
    /// Of `http://example.com?a` the path is empty, as it is not in a target that came as bytes.
    pub(super) fn of_parts(path_and_query: &'b str, authority: &'b str) -> Self {
        Self {
            authority: Some(authority),
            ..Self::new(path_and_query)
        }
    }

    /// Checks the target of a client's opening handshake; gives its authority if it has one.
    pub(super) fn check(self) -> Result<Option<&'b str>, HandshakeError> {
        // "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be
        // used on these URIs." (RFC 6455, section 3)
        if self.whole.contains('#') {
            return Err(HandshakeError::TargetFragment);
        }
        let query = self.query.unwrap_or_default();
        if !self.path.bytes().all(is_path_byte) || !query.bytes().all(is_query_byte) {
            return Err(HandshakeError::InvalidTarget);
        }
        // "interpreted as a /resource name/ defined in Section 3 (or an absolute HTTP/HTTPS URI
        // containing the /resource name/)" (RFC 6455, section 4.2.1, item 1)
        match self.authority {
            Some(authority) if is_authority(authority.as_bytes()) && self.path.starts_with('/') => {
                Ok(Some(authority))
            }
            None if self.whole.starts_with('/') => Ok(None),
            _ => Err(HandshakeError::InvalidTarget),
        }
    }
}

/// Whether `target` is a path with an optional query.
pub(super) fn is_path_and_query(target: &str) -> bool {
    let mut bytes = target.bytes();
    target.starts_with('/')
        && bytes
            .by_ref()
            .take_while(|byte| *byte != b'?')
            .all(is_path_byte)
        && bytes.all(is_query_byte)
}

/// Whether a client leaves the byte as it is in a path.
fn is_path_byte(byte: u8) -> bool {
    // Departs from RFC 3986 sections 3.3 and 3.4, which have none of `"<>[]\^`{|}`, by what browsers
    // leave as it is. The URL Standard percent-encodes `"`, `<` and `>` in paths and queries and
    // turns `\` in a path into `/`: nobody sends those. It leaves `[`, `]` and `|` everywhere, in a
    // query all the others, and in a path `^` until 2025. Of `` ` ``, `{` and `}` in a path, which
    // older clients leave, nothing depends.
    TARGET_BYTES.has(byte)
}

fn is_query_byte(byte: u8) -> bool {
    is_path_byte(byte) || byte == b'\\'
}

/// What follows `http://` or `https://`.
fn after_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_falls_into_its_parts() {
        for (whole, path, query, both) in [
            ("/", "/", None, Some("/")),
            ("/a/b?c?d", "/a/b", Some("c?d"), Some("/a/b?c?d")),
            ("/?", "/", Some(""), Some("/?")),
            ("/http://x/y", "/http://x/y", None, Some("/http://x/y")),
            ("http://example.com", "/", None, Some("/")),
            ("HTTPS://example.com?q", "/", Some("q"), None),
            ("http://example.com?", "/", Some(""), None),
            ("http://example.com/?", "/", Some(""), Some("/?")),
            ("http://example.com:80/a?b", "/a", Some("b"), Some("/a?b")),
            ("*", "*", None, Some("*")),
        ] {
            let target = Target::new(whole);
            assert_eq!(
                (target.path, target.query, target.path_and_query),
                (path, query, both),
                "{whole}"
            );
        }
    }

    #[test]
    fn target_is_a_path_or_an_http_uri() {
        assert_eq!(Target::new("/a").check(), Ok(None));
        assert_eq!(Target::new("http://a:1/b").check(), Ok(Some("a:1")));
        for whole in [
            "*",
            "a:80",
            "ftp://a/",
            "ws://a/",
            "http:///a",
            "http://u@a/",
            "a/b",
            "",
        ] {
            assert_eq!(
                Target::new(whole).check(),
                Err(HandshakeError::InvalidTarget),
                "{whole}"
            );
        }
        for whole in ["/#", "/a#b", "http://a/#b", "http://a#b"] {
            assert_eq!(
                Target::new(whole).check(),
                Err(HandshakeError::TargetFragment),
                "{whole}"
            );
        }
    }
}

//! All ways into the handshake give one verdict: heads that are changed at random, read from bytes
//! and as a library has parsed them.
//!
//! The library that hands out fields is `httparse`, the types are those of `http`. Only what a
//! library's own parser refuses is left out, and what it does not tell: `httparse` takes lines that
//! end in LF alone and any number of empty lines at the start, `http` drops fragments.

use core::fmt::Debug;

use websocket_proto::handshake::client::{Answer, Handshake, Outcome};
use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy, Request};
use websocket_proto::handshake::{HandshakeError, HttpVersion, PseudoFields};

use crate::support::{NONCE, request, response, words};

const HEADS: usize = 20_000;

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33)
            .unwrap_or(0)
            .checked_rem(end)
            .unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

const TARGETS: [&str; 30] = [
    "/",
    "/chat",
    "/?",
    "/a?b?c",
    "//x",
    "/a//b",
    "/#",
    "/a#b",
    "?a",
    "",
    "*",
    "chat",
    "example.com:80",
    "http://example.com",
    "http://example.com?a",
    "http://example.com/?a",
    "HTTPS://example.com:443/a?b",
    "http://user@example.com/",
    "http://example.com:x/",
    "http:///a",
    "http://example.com#a",
    "ws://example.com/",
    "ftp://example.com/a",
    "/\u{e9}",
    "/a|b^c`{d}",
    "/\"",
    "/<a>",
    "/a\\b",
    "/?a\\b",
    "/a%20b",
];

const METHODS: [&str; 7] = ["GET", "POST", "get", "CONNECT", "G(T", "", "GETS"];

const VERSIONS: [&str; 7] = [
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/1.2",
    "HTTP/2.0",
    "http/1.1",
    "HTTP/1.1 x",
];

const FIELDS: [&str; 40] = [
    "Host: server.example.com",
    "Host: a:80",
    "host: [::1]:443",
    "Host:",
    "Host: a b",
    "Host: user@a",
    "Upgrade: websocket",
    "Upgrade: h2c, WebSocket",
    "Upgrade: websocket/13",
    "Connection: keep-alive, upgrade",
    "Connection: close",
    "Connection: ,\tUpgrade ,",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==",
    "Sec-WebSocket-Key: x",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Version: 13, 8",
    "Sec-WebSocket-Protocol: a, b",
    "Sec-WebSocket-Protocol:",
    "Sec-WebSocket-Protocol: chat",
    "Sec-WebSocket-Protocol: a b",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Extensions: a; b=\"c\"",
    "Sec-WebSocket-Extensions: a;;",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Accept: x",
    "Origin: http://server.example.com",
    "Origin: null",
    "Origin: http://a http://b",
    "Content-Length: 0",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "X: \u{e9}\t\"y\"",
    "X : y",
    "X: a\r\n b",
    "Cookie: a=b",
    "no colon",
    "X:\x01",
    "TE: trailers",
];

const BYTES: &[u8] = b" \t\r\n\0\x01\x7f\x80\xffaZ09:;,=\"\\/?#@[]{}()<>|^`%.-_*";

/// A head with up to four changes of lines and of bytes; half of them have none in the start line.
fn changed(base: &[u8], random: &mut Random, starts: impl Fn(&mut Random) -> String) -> Vec<u8> {
    let text = String::from_utf8(base.to_vec()).unwrap();
    let mut lines: Vec<Vec<u8>> = text
        .split_terminator("\r\n")
        .map(|line| line.as_bytes().to_vec())
        .collect();
    for _ in 0..random.below(4) {
        // The last line is empty and stays.
        let at = random
            .below(lines.len().saturating_sub(2))
            .saturating_add(1);
        match random.below(8) {
            0 => lines[0] = starts(random).into_bytes(),
            1 if lines.len() > 2 => drop(lines.remove(at)),
            2 if lines.len() > 3 => {
                let other = random
                    .below(lines.len().saturating_sub(2))
                    .saturating_add(1);
                lines.swap(at, other);
            }
            3 => lines.insert(at, lines[at].clone()),
            4 | 5 => lines.insert(at, random.pick(&FIELDS).as_bytes().to_vec()),
            _ => lines[at] = random.pick(&FIELDS).as_bytes().to_vec(),
        }
    }
    let mut head: Vec<u8> = lines
        .iter()
        .flat_map(|line| [line, &b"\r\n"[..]].concat())
        .collect();
    let start = if random.below(2) == 0 {
        0
    } else {
        lines[0].len()
    };
    for _ in 0..random.below(3) {
        let at = start.saturating_add(random.below(head.len().saturating_sub(start)));
        match random.below(3) {
            0 => head[at] = random.pick(BYTES),
            1 => head.insert(at, random.pick(BYTES)),
            _ => drop(head.remove(at)),
        }
    }
    if random.below(16) == 0 {
        head.splice(0..0, *b"\r\n");
    }
    head
}

/// Whether `httparse` hides nothing of how the lines end.
fn is_told(head: &[u8]) -> bool {
    let bare = head.iter().enumerate().any(|(at, byte)| {
        *byte == b'\n' && at.checked_sub(1).and_then(|at| head.get(at)) != Some(&b'\r')
    });
    !bare && !head.starts_with(b"\r\n\r\n")
}

/// How many heads each way has been held against the bytes, with which verdicts.
#[derive(Debug, Default)]
struct Counts {
    accepted: usize,
    refused: usize,
}

impl Counts {
    fn compare<T: Debug + PartialEq>(
        &mut self,
        way: &str,
        found: &Result<T, HandshakeError>,
        expected: &Result<T, HandshakeError>,
        head: &[u8],
    ) {
        assert_eq!(found, expected, "{way}: {}", head.escape_ascii());
        if found.is_ok() {
            self.accepted = self.accepted.saturating_add(1);
        } else {
            self.refused = self.refused.saturating_add(1);
        }
    }

    fn are_many(&self) {
        assert!(self.accepted > 1000 && self.refused > 1000, "{self:?}");
    }
}

/// What a request asks for, and all of that and the answer.
#[derive(Clone, Debug, PartialEq)]
struct Words {
    asked: String,
    all: String,
}

fn judge<'b, F>(request: &Request<'b, F>) -> Result<Words, HandshakeError>
where
    F: Iterator<Item: Into<(&'b [u8], &'b [u8])>> + Clone,
{
    let upgrade = request.upgrade(OriginPolicy::SameHost)?;
    let asked = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        request.path(),
        request.query(),
        request.path_and_query(),
        upgrade.host(),
        upgrade.origin(),
        upgrade.subprotocols(),
        upgrade.extensions(),
    );
    let all = words(&upgrade, &Acceptance::default());
    Ok(Words { asked, all })
}

/// A field as the libraries give it.
type Pair<'b> = (&'b [u8], &'b [u8]);

/// The same request on HTTP/2, if it is one that a gateway would send on there.
fn on_a_stream<'b>(
    fields: &[Pair<'b>],
    method: &str,
    target: &'b str,
    upgrade: bool,
) -> Option<(PseudoFields<'b>, Vec<Pair<'b>>)> {
    let named = |name: &str| {
        let name = name.as_bytes().to_vec();
        fields
            .iter()
            .filter(move |field| field.0.eq_ignore_ascii_case(&name))
    };
    let [host] = named("host").collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_alike = method == "GET"
        && upgrade
        && target.starts_with('/')
        && named("transfer-encoding").count() == 0;
    if !is_alike {
        return None;
    }
    let pseudo = PseudoFields::new("CONNECT")
        .with_protocol("websocket")
        .with_scheme("http")
        .with_authority(core::str::from_utf8(host.1).ok()?)
        .with_path(target);
    let of_http_1 = ["host", "upgrade", "connection", "sec-websocket-key"];
    let is_left = |field: &&Pair<'_>| {
        let is_named = |name: &str| field.0.eq_ignore_ascii_case(name.as_bytes());
        !of_http_1.into_iter().any(is_named)
    };
    Some((pseudo, fields.iter().filter(is_left).copied().collect()))
}

/// Without the answer, whose fields differ between the versions.
fn asked(verdict: Result<Words, HandshakeError>) -> Result<String, HandshakeError> {
    verdict.map(|words| words.asked)
}

/// Whether the head is of HTTP/1.2 to HTTP/1.9, which the libraries do not know.
fn is_newer(head: &[u8]) -> bool {
    head.windows(8).any(|bytes| {
        matches!(
            bytes,
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9']
        )
    })
}

#[test]
fn a_request_gets_one_verdict_from_every_way_in() {
    let base = request(&["Origin: http://server.example.com"]);
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut by_fields, mut by_stream) = (Counts::default(), Counts::default());
    #[cfg(feature = "http")]
    let mut by_types = Counts::default();
    for _ in 0..HEADS {
        let head = changed(&base, &mut random, |random| {
            format!(
                "{} {} {}",
                random.pick(if random.0 & 8 == 0 {
                    &METHODS[..1]
                } else {
                    &METHODS
                }),
                random.pick(&TARGETS),
                random.pick(if random.0 & 16 == 0 {
                    &VERSIONS[..1]
                } else {
                    &VERSIONS
                })
            )
        });
        let mut handshake = server::Handshake::default();
        let received = handshake.receive(&head);
        let from_bytes = match &received {
            Ok(None) => continue,
            Ok(Some(request)) => judge(request),
            Err(error) => Err(*error),
        };
        if !is_told(&head) {
            continue;
        }
        let mut places = [httparse::EMPTY_HEADER; 100];
        let mut parsed = httparse::Request::new(&mut places);
        if !matches!(parsed.parse(&head), Ok(httparse::Status::Complete(_))) {
            // What a parser takes and this one refuses shows below; here is the other way round.
            assert!(
                received.is_err() || is_newer(&head),
                "{}",
                head.escape_ascii()
            );
            continue;
        }
        let (Some(method), Some(target), Some(minor)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            continue;
        };
        let version = [HttpVersion::Http10, HttpVersion::Http11][usize::from(minor)];
        let fields: Vec<_> = parsed
            .headers
            .iter()
            .map(|field| (field.name.as_bytes(), field.value))
            .collect();

        let request = Request::from_fields(method, target, version, fields.iter().copied());
        by_fields.compare("fields", &judge(&request), &from_bytes, &head);
        // A page is refused where the bytes are, and for the same reason.
        let page = received.as_ref().map(|_| ()).map_err(|error| *error);
        assert_eq!(request.check(), page, "{}", head.escape_ascii());

        let upgrade = request.is_upgrade()
            && !matches!(
                from_bytes,
                Err(HandshakeError::MissingUpgrade
                    | HandshakeError::MissingConnection
                    | HandshakeError::MissingKey
                    | HandshakeError::InvalidKey
                    | HandshakeError::HttpVersion
                    | HandshakeError::RepeatedField("Sec-WebSocket-Key"))
            );
        if let Some((pseudo, fields)) = on_a_stream(&fields, method, target, upgrade) {
            let request =
                Request::from_pseudo_fields(pseudo, HttpVersion::Http2, fields.iter().copied());
            let found = asked(judge(&request));
            by_stream.compare("a stream", &found, &asked(from_bytes.clone()), &head);
        }

        #[cfg(feature = "http")]
        if let Some(http) = in_types(method, target, minor, &fields) {
            let request = Request::from_http(&http, None);
            by_types.compare("types", &judge(&request), &from_bytes, &head);
            assert_eq!(request.check(), page, "{}", head.escape_ascii());
        }
    }
    by_fields.are_many();
    by_stream.are_many();
    #[cfg(feature = "http")]
    by_types.are_many();
}

/// The request in the types of `http`, if they take it.
#[cfg(feature = "http")]
fn in_types(
    method: &str,
    target: &str,
    minor: u8,
    fields: &[Pair<'_>],
) -> Option<http::Request<()>> {
    if target.contains('#') {
        return None;
    }
    let version = if minor == 0 {
        http::Version::HTTP_10
    } else {
        http::Version::HTTP_11
    };
    let mut builder = http::Request::builder()
        .method(method)
        .uri(target)
        .version(version);
    for (name, value) in fields {
        builder = builder.header(*name, *value);
    }
    builder.body(()).ok()
}

#[test]
fn a_response_gets_one_verdict_from_every_way_in() {
    let base = response(&["Sec-WebSocket-Protocol: chat"]);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut by_fields = Counts::default();
    #[cfg(feature = "http")]
    let mut by_types = Counts::default();
    let handshake = Handshake::new(NONCE, "server.example.com", "/chat").subprotocols(&["chat"]);
    #[cfg(feature = "deflate")]
    let handshake = handshake.deflate(websocket_proto::deflate::Policy::default());
    for _ in 0..HEADS {
        let head = changed(&base, &mut random, |random| {
            let version = random.pick(&VERSIONS);
            let status = random.pick(&["101", "101 Switching Protocols", "200 OK", "404", "999"]);
            format!(
                "{version} {}",
                random.pick(&[status, "", "99", "1010", "abc", "302 \u{e9}"])
            )
        });
        let from_bytes = match handshake.clone().receive(&head) {
            Ok(None) => continue,
            Ok(Some(Outcome::Open(accepted))) => Ok(Answer::Open(accepted.negotiated)),
            Ok(Some(_)) => Ok(Answer::Rejected),
            Err(error) => Err(error),
        };
        if !is_told(&head) || head.starts_with(b"\r\n") {
            continue;
        }
        let mut places = [httparse::EMPTY_HEADER; 100];
        let mut parsed = httparse::Response::new(&mut places);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let whole = config.parse_response(&mut parsed, &head);
        let (Ok(httparse::Status::Complete(_)), Some(status), Some(minor)) =
            (whole, parsed.code, parsed.version)
        else {
            assert!(
                from_bytes.is_err() || is_newer(&head),
                "{}",
                head.escape_ascii()
            );
            continue;
        };
        let version = [HttpVersion::Http10, HttpVersion::Http11][usize::from(minor)];
        let fields = parsed
            .headers
            .iter()
            .map(|field| (field.name.as_bytes(), field.value));
        let answer = handshake.check_response(status, version, fields);
        by_fields.compare("fields", &answer, &from_bytes, &head);

        #[cfg(feature = "http")]
        {
            let mut builder = http::Response::builder()
                .status(status)
                .version([http::Version::HTTP_10, http::Version::HTTP_11][usize::from(minor)]);
            for field in parsed.headers.iter() {
                builder = builder.header(field.name, field.value);
            }
            if let Ok(http) = builder.body(()) {
                by_types.compare("types", &handshake.check_http(&http), &from_bytes, &head);
            }
        }
    }
    by_fields.are_many();
    #[cfg(feature = "http")]
    by_types.are_many();
}

//! The header-only form on HTTP/1.1: what goes out as data.
//!
//! What comes in as fields is judged beside the bytes in every test, by `support`.

use websocket_proto::handshake::HandshakeError;
use websocket_proto::handshake::HttpVersion::{self, Http2, Http3, Http10, Http11};
use websocket_proto::handshake::PseudoFields;
use websocket_proto::handshake::client::{self, Answer, RequestError};
use websocket_proto::handshake::server::{
    Acceptance, OriginPolicy, Request, Response, ResponseError,
};

use crate::support::{NONCE, Out, pairs, request, set};

/// The head that was written, as a status line and fields.
fn lines(bytes: &[u8]) -> (String, Vec<(String, String)>) {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let start = lines.next().unwrap().to_owned();
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    };
    (start, lines.map(field).collect())
}

fn owned(fields: &[(&str, String)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

#[test]
fn a_request_is_the_same_as_bytes_and_as_fields() {
    let handshake = client::Handshake::new(NONCE, "example.com", "/chat")
        .origin("https://example.com")
        .subprotocols(&["chat", "superchat"])
        .fields(&[("Cookie", "a=b")]);
    let mut out = Out::new();
    handshake.write_request(&mut out).unwrap();
    let fields = set(handshake.fields_to_set().unwrap());
    assert_eq!(
        lines(&out),
        ("GET /chat HTTP/1.1".to_owned(), owned(&fields))
    );
    let bad = client::Handshake::new(NONCE, "a b", "/")
        .fields_to_set()
        .err();
    assert_eq!(bad, Some(RequestError::Host));
}

#[test]
fn an_acceptance_is_the_same_as_bytes_and_as_fields() {
    let head = request(&["Sec-WebSocket-Protocol: a, b"]);
    let mut handshake = websocket_proto::handshake::server::Handshake::default();
    let request = handshake.receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let acceptance = Acceptance::default()
        .subprotocol("b")
        .fields(&[("Server", "x")]);
    let mut out = Out::new();
    assert_eq!(
        upgrade.accept(&acceptance, &mut out).unwrap().subprotocol,
        Some("b")
    );
    let (head, negotiated) = upgrade.respond(&acceptance).unwrap();
    assert_eq!((head.status(), negotiated.subprotocol), (101, Some("b")));
    let expected = "HTTP/1.1 101 Switching Protocols".to_owned();
    assert_eq!(lines(&out), (expected, owned(&set(head.fields()))));
    let unoffered = upgrade.respond(&Acceptance::default().subprotocol("c"));
    assert_eq!(unoffered.err(), Some(ResponseError::UnofferedSubprotocol));
}

#[test]
fn a_refusal_is_the_same_as_bytes_and_as_fields_but_for_the_length() {
    for status in 200..=599 {
        let response = Response::new(status).fields(&[("X", "y")]);
        let mut out = Out::new();
        response.write(&mut out).unwrap();
        let (_, mut written) = lines(&out);
        written.retain(|(name, _)| name != "Content-Length");
        let head = response.head(Http11).unwrap();
        assert_eq!(head.status(), status);
        assert_eq!(written, owned(&set(head.fields())));
    }
    for status in [0, 101, 199, 600] {
        let error = Response::new(status).head(Http11).err();
        assert_eq!(error, Some(ResponseError::Status { status }));
    }
}

#[test]
fn a_refusal_on_http_2_names_no_upgrade() {
    let head = |error: HandshakeError| error.response().head(Http2).unwrap();
    let version = head(HandshakeError::UnsupportedVersion);
    assert_eq!(version.status(), 400);
    assert_eq!(
        set(version.fields()),
        [("sec-websocket-version", "13".to_owned())]
    );
    let method = head(HandshakeError::MethodNotConnect);
    assert_eq!(method.status(), 405);
    assert_eq!(set(method.fields()), [("allow", "CONNECT".to_owned())]);
    let origin = head(HandshakeError::OriginNotAllowed);
    assert_eq!((origin.status(), origin.fields().count()), (403, 0));
    for name in ["Keep-Alive", "proxy-connection", "upgrade", "connection"] {
        let fields = [(name, "x")];
        assert!(
            Response::new(404).fields(&fields).head(Http3).is_err(),
            "{name}"
        );
    }
}

#[test]
fn fields_of_a_library_are_judged_too() {
    let plain = [
        ("host", "example.com"),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-key", " dGhlIHNhbXBsZSBub25jZQ==\t"),
        ("sec-websocket-version", "13 "),
    ];
    let judge = |target: &str, version: HttpVersion| {
        Request::from_fields("GET", target, version, pairs(&plain))
            .upgrade(OriginPolicy::Any)
            .map(|upgrade| {
                set(upgrade.respond(&Acceptance::default()).unwrap().0.fields())[2]
                    .1
                    .clone()
            })
    };
    // White space that a library has left round a value is not hashed.
    assert_eq!(
        judge("/", Http11).as_deref(),
        Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(judge("/", Http10), Err(HandshakeError::HttpVersion));
    // What no request line can hold is malformed, as it is in bytes.
    for target in ["/a b", "/\u{e9}", "/a\r\nX: y", "/\0", ""] {
        let malformed = Err(HandshakeError::MalformedHead);
        assert_eq!(judge(target, Http11), malformed, "{target:?}");
    }
    let request = Request::from_fields("G T", "/", Http11, pairs(&plain));
    assert_eq!(request.check(), Err(HandshakeError::MalformedHead));
    // On HTTP/2 nothing switches protocols.
    assert_eq!(judge("/", Http2), Err(HandshakeError::MethodNotConnect));
    let request = Request::from_fields("GET", "/", Http2, pairs(&plain));
    assert!(!request.is_upgrade());
}

/// A library may have taken the absolute URI of a request apart: its path is judged as that of one
/// in a piece.
#[test]
fn s4_2_1_the_parts_of_an_absolute_uri_are_judged_as_one() {
    let fields = [
        ("host", "other.test"),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let host = |path: &str| {
        let line = PseudoFields::new("GET")
            .with_scheme("http")
            .with_authority("example.com")
            .with_path(path);
        Request::from_pseudo_fields(line, Http11, pairs(&fields))
            .upgrade(OriginPolicy::Any)
            .map(|upgrade| upgrade.host().to_owned())
    };
    for path in ["/", "/chat", "/chat?a", "?a"] {
        assert_eq!(host(path).as_deref(), Ok("example.com"), "{path}");
    }
    for path in ["chat", "*", "chat/a", ".test/"] {
        assert_eq!(host(path), Err(HandshakeError::InvalidTarget), "{path}");
    }
    assert_eq!(host("/#a"), Err(HandshakeError::TargetFragment));
}

#[test]
fn a_response_on_another_version_does_not_switch() {
    let handshake = client::Handshake::new(NONCE, "example.com", "/");
    let fields = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ];
    let check = |status, version| handshake.check_response(status, version, pairs(&fields));
    assert!(matches!(check(101, Http11), Ok(Answer::Open(_))));
    assert_eq!(check(100, Http11), Ok(Answer::Interim));
    for version in [Http10, Http2, Http3] {
        assert_eq!(check(101, version), Err(HandshakeError::HttpVersion));
        assert_eq!(check(200, version), Ok(Answer::Rejected));
    }
    // No status line has these.
    for status in [0, 99, 1000, u16::MAX] {
        assert_eq!(check(status, Http11), Err(HandshakeError::MalformedHead));
    }
    // Only 101 switches, whatever the fields say.
    for status in [200, 204, 301, 426, 500] {
        assert_eq!(check(status, Http11), Ok(Answer::Rejected));
    }
}

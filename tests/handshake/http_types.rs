//! The types of the crate `http`. Requests in them are judged beside the bytes in every test, by
//! `support`.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use websocket_proto::frame::Rsv;
use websocket_proto::handshake::HandshakeError::{self, InvalidTarget, MissingProtocol};
use websocket_proto::handshake::client::{Answer, ConnectEnabled, Handshake, RequestError};
use websocket_proto::handshake::server::{
    Acceptance, DetachedUpgrade, OriginPolicy, Request, Response, ResponseError,
};
use websocket_proto::handshake::{
    Extensions, FieldError, HttpFields, HttpVersion, SupportedExtension,
};

use crate::support::NONCE;

fn handshake() -> Handshake<'static> {
    Handshake::new(NONCE, "example.com:8080", "/chat?a=b")
        .subprotocols(&["a", "b"])
        .fields(&[("X-Raw", "\u{e9}\t")])
}

#[test]
fn a_client_and_a_server_meet_on_http_1_1() {
    let request = handshake().to_http().unwrap();
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri(), "/chat?a=b");
    assert_eq!(request.headers()["host"], "example.com:8080");
    assert_eq!(request.headers()["sec-websocket-protocol"], "a, b");
    assert_eq!(request.headers()["x-raw"], "\u{e9}\t".as_bytes());
    let request = Request::from_http(&request, None);
    assert_eq!((request.path(), request.query()), ("/chat", Some("a=b")));
    let upgrade = request.upgrade(OriginPolicy::SameHost).unwrap();
    assert_eq!(upgrade.host(), "example.com:8080");
    let (head, negotiated) = upgrade
        .respond(&Acceptance::default().subprotocol("b"))
        .unwrap();
    let response = head.to_http().unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(
        response.headers()["sec-websocket-accept"],
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(
        handshake().check_http(&response),
        Ok(Answer::Open(negotiated))
    );
    let mut old = response.clone();
    *old.version_mut() = Version::HTTP_10;
    assert_eq!(
        handshake().check_http(&old),
        Err(HandshakeError::HttpVersion)
    );
    let mut twice = response;
    twice
        .headers_mut()
        .append("sec-websocket-accept", HeaderValue::from_static("x"));
    assert_eq!(
        handshake().check_http(&twice),
        Err(HandshakeError::RepeatedField("Sec-WebSocket-Accept"))
    );
}

#[test]
fn a_client_and_a_server_meet_on_http_2() {
    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    let handshake = Handshake::extended_connect(enabled, "https", "example.com", "/chat?a=b");
    let request = handshake.to_http().unwrap();
    assert_eq!(request.method(), Method::CONNECT);
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.uri(), "https://example.com/chat?a=b");
    let plain = Request::from_http(&request, None);
    assert_eq!(
        plain.upgrade(OriginPolicy::Any).err(),
        Some(MissingProtocol)
    );
    let request = Request::from_http(&request, Some("websocket"));
    assert!(request.is_upgrade());
    let upgrade = request.upgrade(OriginPolicy::SameHost).unwrap();
    assert_eq!(upgrade.host(), "example.com");
    let (head, negotiated) = upgrade.respond(&Acceptance::default()).unwrap();
    let response = head.to_http().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().is_empty());
    assert_eq!(
        handshake.check_http(&response),
        Ok(Answer::Open(negotiated))
    );
}

#[test]
fn a_refusal_has_its_body_and_what_its_version_allows() {
    let refusal = Response::new(426).fields(&[("X-A", "b")]).body("why");
    let response = refusal.to_http(HttpVersion::Http11).unwrap();
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(response.headers()["connection"], "close, Upgrade");
    assert_eq!(response.headers()["x-a"], "b");
    assert_eq!(response.body(), b"why");
    let response = refusal.to_http(HttpVersion::Http2).unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers().len(), 2); // the version and X-A
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    assert_eq!(response.body(), b"why");
    let bad = Response::new(101).to_http(HttpVersion::Http11).err();
    assert_eq!(bad, Some(ResponseError::Status { status: 101 }));
}

#[test]
fn an_absolute_target_replaces_the_host() {
    let host = |uri: &str| {
        let mut request = handshake().to_http().unwrap();
        *request.uri_mut() = uri.parse().unwrap();
        Request::from_http(&request, None)
            .upgrade(OriginPolicy::Any)
            .map(|upgrade| upgrade.host().to_owned())
    };
    assert_eq!(host("http://a.test/x").as_deref(), Ok("a.test"));
    assert_eq!(host("/x").as_deref(), Ok("example.com:8080"));
    assert_eq!(host("http://user@a.test/x"), Err(InvalidTarget));
    assert_eq!(host("http://a.test?x").as_deref(), Ok("a.test"));
    assert_eq!(host("HTTPS://a.test").as_deref(), Ok("a.test"));
    assert_eq!(host("ftp://a.test/x"), Err(InvalidTarget));
    assert_eq!(host("ws://a.test/x"), Err(InvalidTarget));
    assert_eq!(host("*"), Err(InvalidTarget));
    assert_eq!(host("a.test:80"), Err(InvalidTarget));
}

/// `http` has the query of such a target without its path.
#[test]
fn an_absolute_target_may_have_a_query_and_no_path() {
    let request = handshake().to_http().unwrap();
    let (mut parts, ()) = request.into_parts();
    parts.uri = "http://example.com?a".parse().unwrap();
    let http = http::Request::from_parts(parts, ());
    let request = Request::from_http(&http, None);
    let parts = (request.path(), request.query(), request.path_and_query());
    assert_eq!(parts, ("/", Some("a"), None));
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    assert_eq!(upgrade.host(), "example.com");
}

/// A server that serves pages behind `http` asks this before it does so.
#[test]
fn a_page_is_asked_for_with_one_host() {
    let check = |hosts: &[&'static str]| {
        let mut http = http::Request::new(());
        for host in hosts {
            http.headers_mut()
                .append("host", HeaderValue::from_static(host));
        }
        let request = Request::from_http(&http, None);
        assert!(!request.is_upgrade());
        request.check()
    };
    assert_eq!(check(&["a"]), Ok(()));
    assert_eq!(check(&[]), Err(HandshakeError::MissingHost));
    assert_eq!(check(&["a b"]), Err(HandshakeError::InvalidHost));
    let twice = Err(HandshakeError::RepeatedField("Host"));
    assert_eq!(check(&["a", "a"]), twice);
}

#[test]
fn what_http_does_not_take_is_an_error() {
    let bad = Handshake::new(NONCE, "a", "/\u{7f}").to_http().err();
    assert_eq!(bad, Some(RequestError::Target));
    let name = "x".repeat(0x1_0000);
    let fields = [(name.as_str(), "y")];
    let bad = Handshake::new(NONCE, "a", "/")
        .fields(&fields)
        .to_http()
        .err();
    assert_eq!(bad, Some(RequestError::OutputFull));
    let head = Response::new(200).fields(&fields).head(HttpVersion::Http2);
    assert_eq!(
        head.unwrap().to_http().err(),
        Some(ResponseError::OutputFull)
    );
}

#[test]
fn fields_can_be_cloned_anywhere() {
    let mut map = HeaderMap::new();
    for (name, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        map.append(name, HeaderValue::from_static(value));
    }
    let mut fields = HttpFields::new(&map);
    for left in (0..=4).rev() {
        assert_eq!(fields.clone().count(), left);
        assert!(fields.clone().eq(fields.clone()));
        fields.next();
    }
}

#[test]
fn versions_have_their_names() {
    for (version, expected) in [
        (Version::HTTP_10, HttpVersion::Http10),
        (Version::HTTP_11, HttpVersion::Http11),
        (Version::HTTP_2, HttpVersion::Http2),
        (Version::HTTP_3, HttpVersion::Http3),
    ] {
        let mut request = http::Request::new(());
        *request.version_mut() = version;
        assert_eq!(Request::from_http(&request, None).version(), expected);
    }
}

#[test]
fn sensitive_values_stay_hidden() {
    let mut map = HeaderMap::new();
    let mut value = HeaderValue::from_static("secret");
    value.set_sensitive(true);
    map.append("a", value);
    map.append("b", HeaderValue::from_static("open"));
    let shown = format!("{:?}", HttpFields::new(&map));
    assert_eq!(shown, r#"{"a": Sensitive, "b": "open"}"#);
}

/// What the extractor of a web framework does, on both versions.
#[test]
fn an_upgrade_is_detached_from_the_parts_of_a_request() {
    fn extract(parts: &http::request::Parts, protocol: Option<&str>) -> DetachedUpgrade<Vec<u8>> {
        let request = Request::from_http_parts(parts, protocol);
        let upgrade = request.upgrade(OriginPolicy::SameHost).unwrap();
        upgrade.detach(Vec::new()).unwrap()
    }
    fn is_free<T: Send + Sync + 'static>(_: &T) {}

    let handshake = handshake();
    let (parts, ()) = handshake.to_http().unwrap().into_parts();
    let detached = extract(&parts, None);
    drop(parts);
    is_free(&detached);
    let acceptance = Acceptance::default().subprotocol("b");
    let (head, negotiated) = detached.respond(&acceptance).unwrap();
    let response = head.to_http().unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let answer = handshake.check_http(&response);
    assert_eq!(answer, Ok(Answer::Open(negotiated)));

    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    let handshake = Handshake::extended_connect(enabled, "https", "example.com", "/chat");
    let (parts, ()) = handshake.to_http().unwrap().into_parts();
    let detached = extract(&parts, Some("websocket"));
    drop(parts);
    let (head, negotiated) = detached.respond(&Acceptance::default()).unwrap();
    let response = head.to_http().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let answer = handshake.check_http(&response);
    assert_eq!(answer, Ok(Answer::Open(negotiated)));
    let fields = [("Upgrade", "x")];
    let refused = detached.respond(&Acceptance::default().fields(&fields));
    let error = FieldError::Reserved { index: 0 };
    assert_eq!(refused.err(), Some(ResponseError::Field(error)));
}

#[test]
fn own_extensions_are_agreed_on_in_the_types_of_http() {
    let own = |text, bits| SupportedExtension::Own { text, bits };
    let offers = [own("x-codec; a=1", Rsv::RSV2), own("x-seal", Rsv::RSV3)];
    let handshake = handshake().extensions(&offers);
    let request = handshake.to_http().unwrap();
    let request = Request::from_http(&request, None);
    let upgrade = request.upgrade(OriginPolicy::SameHost).unwrap();
    let accepted = [own("x-codec; a=2", Rsv::RSV2)];
    let acceptance = Acceptance::default().extensions(&accepted);
    let (head, negotiated) = upgrade.respond(&acceptance).unwrap();
    assert_eq!(negotiated.reserved_bits, Rsv::RSV2);
    let response = head.to_http().unwrap();
    assert_eq!(
        response.headers()["sec-websocket-extensions"],
        "x-codec; a=2"
    );
    let answer = handshake.check_http(&response);
    assert_eq!(answer, Ok(Answer::Open(negotiated)));
    let shown = format!("{:?}", Extensions::new(HttpFields::new(response.headers())));
    assert_eq!(
        shown,
        r#"[Extension { name: "x-codec", params: [("a", Some("2"))] }]"#
    );
}

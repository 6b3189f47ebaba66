//! Extended CONNECT, on HTTP/2 (RFC 8441) and HTTP/3 (RFC 9220).

use websocket_proto::frame::{CloseCode, FrameHeader, Rsv};
use websocket_proto::handshake::HandshakeError::{
    self, AuthorityMismatch, BodyNotAllowed, ConnectionField, HttpVersion as WrongVersion,
    InvalidExtensions, InvalidHost, InvalidOrigin, InvalidScheme, InvalidSubprotocol,
    InvalidTarget, MalformedHead, MethodNotConnect, MissingHost, MissingProtocol,
    MissingPseudoField, MissingVersion, NoSubprotocol, OriginNotAllowed, RepeatedField,
    TargetFragment, UnknownProtocol, UnofferedExtension, UnofferedSubprotocol, UnsupportedVersion,
};
use websocket_proto::handshake::client::{
    Answer, ConnectEnabled, ExtendedConnect, Handshake, RequestError, SubprotocolChoice,
};
use websocket_proto::handshake::server::{
    Acceptance, OriginPolicy, Request, Response, ResponseError,
};
use websocket_proto::handshake::{
    Extensions, FieldError, HttpVersion, PseudoFields, SupportedExtension,
};
use websocket_proto::{Config, Connection, Negotiated, ProtocolError, Server};

use crate::support::{NONCE, Out, pairs, set};

type List<'b> = &'b [(&'b str, &'b str)];

fn pseudo() -> PseudoFields<'static> {
    PseudoFields::new("CONNECT")
        .with_protocol("websocket")
        .with_scheme("https")
        .with_authority("example.com")
        .with_path("/chat?a=b")
}

const VERSION: (&str, &str) = ("sec-websocket-version", "13");

/// The error of an extended CONNECT with these, if it has one.
fn refusal(pseudo: PseudoFields<'_>, fields: List<'_>) -> Option<HandshakeError> {
    let on = |version| {
        Request::from_pseudo_fields(pseudo, version, pairs(fields))
            .upgrade(OriginPolicy::SameHost)
            .err()
    };
    let error = on(HttpVersion::Http2);
    assert_eq!(
        on(HttpVersion::Http3),
        error,
        "HTTP/2 and HTTP/3 have the same rules"
    );
    error
}

fn handshake() -> Handshake<'static, ExtendedConnect<'static>> {
    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    Handshake::extended_connect(enabled, "https", "example.com", "/chat?a=b")
}

#[test]
fn edge_127_no_extended_connect_before_the_server_enables_it() {
    for value in [None, Some(0), Some(2), Some(u64::MAX)] {
        let error = ConnectEnabled::from_setting(value).err();
        assert_eq!(error, Some(RequestError::ConnectNotEnabled), "{value:?}");
    }
    assert!(ConnectEnabled::from_setting(Some(1)).is_ok());
}

#[test]
fn edge_128_success_is_200_without_the_fields_of_an_upgrade() {
    let handshake = handshake()
        .origin("https://example.com")
        .subprotocols(&["chat", "superchat"]);
    let (pseudo, fields) = handshake.head_to_send().unwrap();
    assert_eq!(pseudo, self::pseudo());
    assert_eq!(pseudo.protocol(), Some("websocket"));
    let fields = set(fields);
    assert_eq!(
        fields,
        [
            ("origin", "https://example.com".to_owned()),
            ("sec-websocket-protocol", "chat, superchat".to_owned()),
            ("sec-websocket-version", "13".to_owned()),
        ]
    );
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let request = Request::from_pseudo_fields(pseudo, HttpVersion::Http2, pairs(&fields));
    assert!(request.is_upgrade());
    assert_eq!((request.path(), request.query()), ("/chat", Some("a=b")));
    assert_eq!(request.path_and_query(), Some("/chat?a=b"));
    let upgrade = request.upgrade(OriginPolicy::SameHost).unwrap();
    assert_eq!(upgrade.host(), "example.com");
    assert_eq!(upgrade.origin(), Some("https://example.com"));
    assert!(upgrade.subprotocols().eq(["chat", "superchat"]));
    let acceptance = Acceptance::default()
        .subprotocol("chat")
        .fields(&[("server", "x")]);
    let (head, negotiated) = upgrade.respond(&acceptance).unwrap();
    assert_eq!(negotiated.subprotocol, Some("chat"));
    assert_eq!(head.status(), 200);
    let answer = set(head.fields());
    assert_eq!(
        answer,
        [
            ("sec-websocket-protocol", "chat".to_owned()),
            ("server", "x".to_owned())
        ]
    );
    let answer: Vec<_> = answer
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for status in [200, 201, 299] {
        let answer = handshake.check_stream_response(status, pairs(&answer));
        assert_eq!(answer, Ok(Answer::Open(negotiated)));
    }
}

/// The error of a response with these fields to an extended CONNECT, if it has one.
fn failure(
    handshake: &Handshake<'_, ExtendedConnect<'_>>,
    fields: List<'_>,
) -> Option<HandshakeError> {
    handshake.check_stream_response(200, pairs(fields)).err()
}

#[test]
fn edge_128_other_statuses_do_not_open() {
    let check = |status| handshake().check_stream_response(status, pairs(&[]));
    assert!(matches!(check(204), Ok(Answer::Open(_))));
    assert_eq!(check(103), Ok(Answer::Interim));
    assert_eq!(check(101), Err(WrongVersion));
    for status in [300, 307, 400, 401, 501, 502] {
        assert_eq!(check(status), Ok(Answer::Rejected));
    }
}

#[test]
fn edge_128_the_other_fields_still_apply() {
    assert_eq!(refusal(pseudo(), &[VERSION]), None);
    assert_eq!(refusal(pseudo(), &[]), Some(MissingVersion));
    for (fields, error) in [
        (&[("sec-websocket-version", "8")][..], UnsupportedVersion),
        (&[VERSION, VERSION], RepeatedField("Sec-WebSocket-Version")),
        (&[VERSION, ("origin", "")], InvalidOrigin),
        (
            &[VERSION, ("origin", "https://evil.test")],
            OriginNotAllowed,
        ),
        (
            &[VERSION, ("sec-websocket-protocol", "a b")],
            InvalidSubprotocol,
        ),
        (
            &[VERSION, ("sec-websocket-extensions", "a;;")],
            InvalidExtensions,
        ),
        (&[VERSION, ("content-length", "1")], BodyNotAllowed),
    ] {
        assert_eq!(refusal(pseudo(), fields), Some(error), "{fields:?}");
    }
    // "do not do the processing of the Sec-WebSocket-Key [...]" (RFC 8441, section 5)
    assert_eq!(
        refusal(pseudo(), &[VERSION, ("sec-websocket-key", "x")]),
        None
    );

    let protocol = ("sec-websocket-protocol", "chat");
    let offering = handshake().subprotocols(&["chat"]);
    assert_eq!(failure(&offering, &[protocol]), None);
    assert_eq!(
        failure(&handshake(), &[protocol]),
        Some(UnofferedSubprotocol)
    );
    assert_eq!(
        failure(&offering, &[protocol, protocol]),
        Some(RepeatedField("Sec-WebSocket-Protocol"))
    );
    assert_eq!(
        failure(&handshake(), &[("sec-websocket-extensions", "x")]),
        Some(UnofferedExtension)
    );
    let demanding = offering.subprotocol_choice(SubprotocolChoice::Required);
    assert_eq!(failure(&demanding, &[]), Some(NoSubprotocol));
}

#[test]
fn edge_129_an_unknown_protocol_gives_501_and_a_plain_connect_is_no_websocket() {
    let unknown = refusal(pseudo().with_protocol("connect-udp"), &[VERSION]);
    assert_eq!(unknown, Some(UnknownProtocol));
    assert_eq!(UnknownProtocol.status_hint(), 501);
    assert_eq!(
        refusal(pseudo().with_protocol(""), &[VERSION]),
        Some(UnknownProtocol)
    );
    assert_eq!(
        refusal(pseudo().with_protocol("WebSocket"), &[VERSION]),
        None
    );
    let plain = PseudoFields::new("CONNECT").with_authority("example.com:443");
    assert_eq!(refusal(plain, &[]), Some(MissingProtocol));
    assert_eq!(MissingProtocol.status_hint(), 501);
    for method in ["GET", "connect", "POST"] {
        let other = PseudoFields::new(method)
            .with_protocol("websocket")
            .with_scheme("https")
            .with_authority("example.com")
            .with_path("/");
        assert_eq!(
            refusal(other, &[VERSION]),
            Some(MethodNotConnect),
            "{method}"
        );
    }
    let is_upgrade =
        |pseudo| Request::from_pseudo_fields(pseudo, HttpVersion::Http2, pairs(&[])).is_upgrade();
    assert!(is_upgrade(pseudo()));
    assert!(!is_upgrade(plain));
    assert!(!is_upgrade(pseudo().with_protocol("connect-udp")));
}

#[test]
fn rfc_8441_s4_scheme_path_and_authority_are_there() {
    let base = PseudoFields::new("CONNECT").with_protocol("websocket");
    let with_scheme = base.with_scheme("https");
    let with_path = with_scheme.with_path("/");
    // The host comes first, as it does on HTTP/1.1.
    for pseudo in [base, with_scheme, with_path] {
        assert_eq!(refusal(pseudo, &[VERSION]), Some(MissingHost));
    }
    let base = base.with_authority("example.com");
    assert_eq!(
        refusal(base, &[VERSION]),
        Some(MissingPseudoField(":scheme"))
    );
    assert_eq!(
        refusal(base.with_scheme("https"), &[VERSION]),
        Some(MissingPseudoField(":path"))
    );
    assert_eq!(
        refusal(with_path, &[VERSION, ("host", "example.com")]),
        None
    );
    assert_eq!(refusal(pseudo(), &[VERSION, ("host", "EXAMPLE.com")]), None);
    let other = [VERSION, ("host", "example.com:80")];
    assert_eq!(refusal(pseudo(), &other), Some(AuthorityMismatch));
    let twice = [VERSION, ("host", "example.com"), ("host", "example.com")];
    assert_eq!(refusal(pseudo(), &twice), Some(RepeatedField("Host")));
    for scheme in ["wss", "ws", "", "ftp"] {
        let error = refusal(pseudo().with_scheme(scheme), &[VERSION]);
        assert_eq!(error, Some(InvalidScheme), "{scheme}");
    }
    for path in ["*", "chat", "?a", "http://example.com/", "/<", "/\\"] {
        let error = refusal(pseudo().with_path(path), &[VERSION]);
        assert_eq!(error, Some(InvalidTarget), "{path:?}");
    }
    // What no request line can hold is malformed, as it is in the bytes of HTTP/1.1.
    for path in ["", "/a b", "/\u{e9}", "/\r\n"] {
        let error = refusal(pseudo().with_path(path), &[VERSION]);
        assert_eq!(error, Some(MalformedHead), "{path:?}");
    }
    let fragment = refusal(pseudo().with_path("/#a"), &[VERSION]);
    assert_eq!(fragment, Some(TargetFragment));
    for authority in ["", "user@example.com", "a b", "a/b"] {
        let error = refusal(pseudo().with_authority(authority), &[VERSION]);
        assert_eq!(error, Some(InvalidHost), "{authority:?}");
    }
}

#[test]
fn rfc_9113_s8_2_2_fields_of_a_connection_are_malformed() {
    for (name, value, expected) in [
        ("connection", "upgrade", "Connection"),
        ("Connection", "", "Connection"),
        ("upgrade", "websocket", "Upgrade"),
        ("keep-alive", "x", "Keep-Alive"),
        ("proxy-connection", "x", "Proxy-Connection"),
        ("transfer-encoding", "chunked", "Transfer-Encoding"),
        ("te", "gzip", "TE"),
    ] {
        let error = Some(ConnectionField(expected));
        assert_eq!(refusal(pseudo(), &[VERSION, (name, value)]), error);
        let answer = handshake().check_stream_response(200, pairs(&[(name, value)]));
        assert_eq!(answer.err(), error);
    }
    assert_eq!(refusal(pseudo(), &[VERSION, ("te", "trailers")]), None);
    assert_eq!(ConnectionField("Upgrade").status_hint(), 400);
}

#[test]
fn what_goes_out_on_a_stream_is_checked() {
    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    let error = |scheme, authority, path| {
        let handshake = Handshake::extended_connect(enabled, scheme, authority, path);
        handshake.head_to_send().err()
    };
    assert_eq!(error("http", "a", "/"), None);
    assert_eq!(error("wss", "a", "/"), Some(RequestError::Scheme));
    assert_eq!(error("https", "a b", "/"), Some(RequestError::Host));
    assert_eq!(error("https", "a", ""), Some(RequestError::Target));
    for name in [
        "keep-alive",
        "upgrade",
        "Connection",
        "sec-websocket-key",
        "host",
    ] {
        let fields = [(name, "x")];
        let reserved = FieldError::Reserved { index: 0 };
        let error = handshake().fields(&fields).head_to_send().err();
        assert_eq!(error, Some(RequestError::Field(reserved)), "{name}");
    }
    // RFC 9113, section 8.2.2
    for (value, expected) in [("trailers", None), ("Trailers", None), ("gzip", Some(1))] {
        let fields = [("x", "y"), ("TE", value)];
        let reserved = expected.map(|index| FieldError::Reserved { index });
        let error = handshake().fields(&fields).head_to_send().err();
        assert_eq!(error, reserved.map(RequestError::Field), "{value}");
        let response = Response::new(404).fields(&fields);
        let error = response.head(HttpVersion::Http2).err();
        assert_eq!(error, reserved.map(ResponseError::Field), "{value}");
        assert!(response.head(HttpVersion::Http11).is_ok());
    }
    let keep_alive = [("keep-alive", "x")];
    let reserved = ResponseError::Field(FieldError::Reserved { index: 0 });
    for version in [HttpVersion::Http2, HttpVersion::Http3] {
        let fields = [VERSION];
        let request = Request::from_pseudo_fields(pseudo(), version, pairs(&fields));
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        let acceptance = Acceptance::default().fields(&keep_alive);
        assert_eq!(upgrade.respond(&acceptance).err(), Some(reserved));
        let refusal = Response::new(404).fields(&keep_alive);
        assert_eq!(refusal.head(version).err(), Some(reserved));
        assert!(refusal.head(HttpVersion::Http11).is_ok());
    }
}

/// The end of a stream and its reset are both the end of the byte pipe: what differs is only
/// whether a Close came before it.
#[test]
fn edge_130_the_end_of_a_stream_is_the_end_of_the_connection() {
    let open = || Connection::new(Server, Negotiated::default(), Config::default());
    // END_STREAM or a reset in the open: 1006.
    let mut conn = open();
    assert_eq!(conn.receive_eof().code(), CloseCode::ABNORMAL_CLOSURE);
    // END_STREAM after the closing handshake: a clean end.
    let mut conn = open();
    let mut out = Out::new();
    let mut close = *b"\x88\x82\0\0\0\0\x03\xe8";
    let mut input = &mut close[..];
    while conn.receive(&mut input, &mut out).unwrap().is_some() {}
    assert_eq!(out.as_slice(), b"\x88\x02\x03\xe8");
    assert!(conn.receive_eof().is_clean());
}

/// A client on HTTP/2 reaches a server on HTTP/1.1: the gateway mints the key and the version, and
/// checks the accept value.
#[test]
fn edge_131_a_gateway_from_http_2_to_http_1() {
    let from_client = [
        VERSION,
        ("sec-websocket-protocol", "a, b"),
        ("origin", "https://example.com"),
    ];
    let request = Request::from_pseudo_fields(pseudo(), HttpVersion::Http2, pairs(&from_client));
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    // Towards the server: its own nonce, what the client offers.
    let offers: Vec<_> = upgrade.subprotocols().collect();
    let mut to_server =
        Handshake::new(NONCE, upgrade.host(), request.target()).subprotocols(&offers);
    if let Some(origin) = upgrade.origin() {
        to_server = to_server.origin(origin);
    }
    let sent = set(to_server.fields_to_set().unwrap());
    let sent: Vec<_> = sent
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert!(sent.contains(&("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")));
    assert!(sent.contains(&("Sec-WebSocket-Version", "13")));

    // The server on HTTP/1.1.
    let at_server =
        Request::from_fields("GET", request.target(), HttpVersion::Http11, pairs(&sent));
    let at_server = at_server.upgrade(OriginPolicy::SameHost).unwrap();
    let (head, _) = at_server
        .respond(&Acceptance::default().subprotocol("b"))
        .unwrap();
    assert_eq!(head.status(), 101);
    let answered = set(head.fields());
    let answered: Vec<_> = answered
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();

    // Back at the gateway: the accept value is checked here, and does not go further.
    let answer = to_server.check_response(101, HttpVersion::Http11, pairs(&answered));
    let Ok(Answer::Open(negotiated)) = answer else {
        panic!("{answer:?}");
    };
    let mut acceptance = Acceptance::default();
    if let Some(subprotocol) = negotiated.subprotocol {
        acceptance = acceptance.subprotocol(subprotocol);
    }
    let (head, _) = upgrade.respond(&acceptance).unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(
        set(head.fields()),
        [("sec-websocket-protocol", "b".to_owned())]
    );

    // A server that has not read the key is a bad gateway's peer, not an open connection.
    let forged: Vec<_> = answered
        .iter()
        .map(|(name, value)| {
            let value = if *name == "Sec-WebSocket-Accept" {
                "ZEs+c+VBk8Aj01+wJGN7Y15796g="
            } else {
                value
            };
            (*name, value)
        })
        .collect();
    let answer = to_server.check_response(101, HttpVersion::Http11, pairs(&forged));
    assert_eq!(answer, Err(HandshakeError::WrongAccept));
    assert_eq!(HandshakeError::WrongAccept.status_hint(), 502);
}

/// A stream carries the frames of TCP unchanged: nothing between takes RSV1 off, and the endpoint
/// sees it.
#[test]
fn edge_132_rsv1_survives_on_a_stream() {
    let mut compressed = *b"\xc1\x81\0\0\0\0\0";
    let (header, len) = FrameHeader::decode(&compressed).unwrap().unwrap();
    assert_eq!(header.rsv, Rsv::RSV1);
    assert_eq!(header.encode().unwrap().as_bytes(), &compressed[..len]);

    let fields = [VERSION];
    let request = Request::from_pseudo_fields(pseudo(), HttpVersion::Http2, pairs(&fields));
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let (_, negotiated) = upgrade.respond(&Acceptance::default()).unwrap();
    let mut conn = Connection::new(Server, negotiated, Config::default());
    // No extension gives it a meaning here, so it fails as it does on TCP.
    let error = conn
        .receive(&mut &mut compressed[..], &mut Out::new())
        .err();
    assert_eq!(error, Some(ProtocolError::ReservedBits(Rsv::RSV1).into()));
}

#[test]
fn s9_1_own_extensions_are_agreed_on_over_streams() {
    let own = |text, bits| SupportedExtension::Own { text, bits };
    let offers = [own("x-codec; level=9", Rsv::RSV2), own("x-seal", Rsv::RSV1)];
    let handshake = handshake().extensions(&offers);
    let (pseudo, fields) = handshake.head_to_send().unwrap();
    let fields = set(fields);
    let value = "x-codec; level=9, x-seal".to_owned();
    assert!(fields.contains(&("sec-websocket-extensions", value)));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let request = Request::from_pseudo_fields(pseudo, HttpVersion::Http2, pairs(&fields));
    let upgrade = request.upgrade(OriginPolicy::SameHost).unwrap();
    let names = upgrade.extensions().map(|extension| extension.name());
    assert!(names.eq(["x-codec", "x-seal"]));
    let accepted = [own("x-codec; level=2", Rsv::RSV2)];
    let acceptance = Acceptance::default().extensions(&accepted);
    let (head, at_server) = upgrade.respond(&acceptance).unwrap();
    assert_eq!(at_server.reserved_bits, Rsv::RSV2);
    let answer = set(head.fields());
    let expected = ("sec-websocket-extensions", "x-codec; level=2".to_owned());
    assert_eq!(answer, [expected]);
    let answer = [(answer[0].0, answer[0].1.as_str())];
    let open = handshake.check_stream_response(200, pairs(&answer));
    assert_eq!(open, Ok(Answer::Open(at_server)));
    let accepted = Extensions::new(pairs(&answer)).next().unwrap();
    assert_eq!(accepted.name(), "x-codec");
    let unoffered = [own("x", Rsv::NONE)];
    let refused = upgrade.respond(&Acceptance::default().extensions(&unoffered));
    let expected = ResponseError::UnofferedExtension { index: 0 };
    assert_eq!(refused.err(), Some(expected));
    let offers = [own("a, b", Rsv::NONE)];
    let error = self::handshake()
        .extensions(&offers)
        .head_to_send()
        .map(|_| ());
    assert_eq!(error, Err(RequestError::Extension { index: 0 }));
}

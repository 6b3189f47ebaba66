//! What goes out: written whole or not at all, and nothing can break out of its place.

use websocket_proto::frame::Rsv;
use websocket_proto::handshake::client::{self, Answer, ConnectEnabled, Outcome, RequestError};
use websocket_proto::handshake::server::{
    Acceptance, DetachedUpgrade, Handshake, OriginPolicy, Request, Response, ResponseError,
    ResponseHead,
};
use websocket_proto::handshake::{
    FieldError, FieldList, FieldValue, HandshakeError, HeadEnd, HeadLimits, HttpVersion,
    PseudoFields, SupportedExtension,
};
use websocket_proto::{Negotiated, OutputFull, SliceOutput};

use crate::support::{NONCE, Out, request, set};

fn written(response: Response<'_>) -> Result<String, ResponseError> {
    let mut out = Out::new();
    let result = response.write(&mut out);
    assert!(result.is_ok() || out.is_empty(), "whole or nothing");
    result.map(|()| String::from_utf8(out.to_vec()).unwrap())
}

fn request_error(handshake: &client::Handshake<'_>) -> Option<RequestError> {
    let mut out = Out::new();
    let result = handshake.write_request(&mut out);
    assert_eq!(result.is_err(), out.is_empty(), "whole or nothing");
    result.err()
}

fn plain() -> client::Handshake<'static> {
    client::Handshake::new(NONCE, "example.com", "/")
}

const BAD_FIELDS: [((&str, &str), FieldError); 11] = [
    (("", "x"), FieldError::Name { index: 1 }),
    (("a b", "x"), FieldError::Name { index: 1 }),
    (("a:", "x"), FieldError::Name { index: 1 }),
    (("a\r\nb", "x"), FieldError::Name { index: 1 }),
    (("a", "x\r\nEvil: y"), FieldError::Value { index: 1 }),
    (("a", "x\ny"), FieldError::Value { index: 1 }),
    (("a", "x\0"), FieldError::Value { index: 1 }),
    (("CONNECTION", "x"), FieldError::Reserved { index: 1 }),
    (("Content-Length", "1"), FieldError::Reserved { index: 1 }),
    (
        ("Transfer-encoding", "chunked"),
        FieldError::Reserved { index: 1 },
    ),
    (
        ("Sec-WebSocket-Anything", "x"),
        FieldError::Reserved { index: 1 },
    ),
];

#[test]
fn edge_029_every_refusal_closes() {
    for status in (200..=599).filter(|status| *status != 426) {
        let response = written(Response::new(status)).unwrap();
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
        assert!(response.contains("\r\nConnection: close\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\n"), "{response}");
        let has_length = response.contains("\r\nContent-Length: 0\r\n");
        assert_eq!(has_length, !matches!(status, 204 | 304), "{response}");
    }
    let upgrade_required = written(Response::new(426)).unwrap();
    assert_eq!(
        upgrade_required,
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_refusal_keeps_the_connection_where_the_caller_asks_for_it() {
    for status in (200..=599).filter(|status| *status != 426) {
        let response = written(Response::new(status).keep_alive(true)).unwrap();
        assert!(!response.contains("Connection"), "{response}");
        assert_eq!(
            response.contains("\r\nContent-Length: 0\r\n"),
            !matches!(status, 204 | 304),
            "{response}"
        );
        let default = written(Response::new(status).keep_alive(false)).unwrap();
        assert_eq!(default, written(Response::new(status)).unwrap());
    }
    let challenge = Response::new(401)
        .fields(&[("WWW-Authenticate", "Basic")])
        .body("who?")
        .keep_alive(true);
    assert_eq!(
        written(challenge).unwrap(),
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nWWW-Authenticate: Basic\r\n\r\nwho?"
    );
    let upgrade_required = written(HandshakeError::MissingUpgrade.response().keep_alive(true));
    assert_eq!(
        upgrade_required.unwrap(),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
    );
    let head = challenge.head(HttpVersion::Http11).unwrap();
    assert!(head.fields().all(|(name, _)| name != "Connection"));
    assert_eq!(
        set(challenge.head(HttpVersion::Http2).unwrap().fields()),
        [("WWW-Authenticate", "Basic".to_owned())]
    );
}

/// As RFC 9110 section 15 and RFC 6585 name them; others need no phrase.
#[test]
fn common_statuses_say_what_they_are() {
    let phrases = [
        (200, "OK"),
        (204, "No Content"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (304, "Not Modified"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (408, "Request Timeout"),
        (410, "Gone"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (426, "Upgrade Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
    ];
    for status in 200..=599 {
        let response = written(Response::new(status)).unwrap();
        let phrase = phrases.iter().find(|(named, _)| *named == status);
        let line = format!(
            "HTTP/1.1 {status} {}",
            phrase.map_or("", |(_, phrase)| phrase)
        );
        assert_eq!(response.lines().next(), Some(&*line));
    }
}

#[test]
fn only_accept_switches_protocols() {
    for status in [0, 100, 101, 199, 600, u16::MAX] {
        assert_eq!(
            written(Response::new(status)),
            Err(ResponseError::Status { status })
        );
    }
}

#[test]
fn some_statuses_have_no_body() {
    for status in [204, 205, 304] {
        let response = Response::new(status).body("x");
        assert_eq!(
            written(response),
            Err(ResponseError::BodyNotAllowed { status })
        );
    }
}

#[test]
fn a_page_is_a_response_too() {
    let body = "x".repeat(1234);
    let page = written(
        Response::new(200)
            .fields(&[("Content-Type", "text/html")])
            .body(&body),
    );
    assert_eq!(
        page.unwrap(),
        format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1234\r\n\
             Content-Type: text/html\r\n\r\n{body}"
        )
    );
    let allow = written(Response::new(405).fields(&[("allow", "GET, HEAD")])).unwrap();
    assert!(allow.contains("\r\nallow: GET, HEAD\r\n") && !allow.contains("\r\nAllow:"));
}

#[test]
fn fields_cannot_break_out() {
    let head = request(&[]);
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    for (field, error) in BAD_FIELDS {
        let fields = [("X-Good", "a\tb \u{e9}"), field];
        assert_eq!(
            written(Response::new(200).fields(&fields)),
            Err(ResponseError::Field(error)),
            "{field:?}"
        );
        let mut out = Out::new();
        let acceptance = Acceptance::default().fields(&fields);
        let result = upgrade.accept(&acceptance, &mut out);
        assert_eq!(result, Err(ResponseError::Field(error)), "{field:?}");
        assert!(out.is_empty());
        assert_eq!(
            request_error(&plain().fields(&fields)),
            Some(RequestError::Field(error))
        );
    }
    for (field, error) in BAD_FIELDS {
        let fields = [
            ("X-Good", &b"\xe9\t\xff"[..]),
            (field.0, field.1.as_bytes()),
        ];
        assert_eq!(
            written(Response::new(200).fields(&fields)),
            Err(ResponseError::Field(error)),
            "{field:?}"
        );
        assert_eq!(
            request_error(&plain().fields(&fields)),
            Some(RequestError::Field(error))
        );
        let acceptance = Acceptance::default().fields(&fields);
        let result = upgrade.accept(&acceptance, &mut Out::new());
        assert_eq!(result, Err(ResponseError::Field(error)), "{field:?}");
    }
    let good = [
        ("X-Good", "a\tb \u{e9}"),
        ("Sec-Web", ""),
        ("Sec-WebSocket", "x"),
    ];
    assert!(written(Response::new(200).fields(&good)).is_ok());
    assert_eq!(request_error(&plain().fields(&good)), None);
    for name in ["Host", "origin", "Upgrade"] {
        let error = RequestError::Field(FieldError::Reserved { index: 0 });
        assert_eq!(request_error(&plain().fields(&[(name, "x")])), Some(error));
    }
}

/// Every byte but the control characters, and among these the tab.
#[test]
fn rfc_9110_s5_5_values_are_bytes_without_control_characters() {
    for byte in 0..=u8::MAX {
        let value = [b'a', byte, b'z'];
        let fields = [("X-A", &value[..])];
        let is_right = byte == b'\t' || !byte.is_ascii_control();
        let mut out = Out::new();
        let result = Response::new(404).fields(&fields).write(&mut out);
        let error = ResponseError::Field(FieldError::Value { index: 0 });
        assert_eq!(result.err(), (!is_right).then_some(error), "{byte:#04x}");
        let error = RequestError::Field(FieldError::Value { index: 0 });
        let result = request_error(&plain().fields(&fields));
        assert_eq!(result, (!is_right).then_some(error), "{byte:#04x}");
        if is_right {
            let line = [b"\r\nX-A: a", &[byte][..], b"z\r\n\r\n"].concat();
            assert!(out.ends_with(&line), "{}", out.escape_ascii());
        }
    }
}

#[test]
fn values_of_bytes_go_out_without_loss() {
    const LATIN_1: &[u8] = b"Z\xfcrich\t\xff\x80 ok";
    let fields = [("X-City", LATIN_1), ("X-Empty", b"")];
    let line = [b"\r\nX-City: ", LATIN_1, b"\r\nX-Empty: \r\n\r\n"].concat();
    let joined = |value: &FieldValue<'_>| value.parts().collect::<Vec<_>>().concat();

    // A client's request.
    let handshake = plain().fields(&fields);
    let mut out = Out::new();
    handshake.write_request(&mut out).unwrap();
    assert!(out.ends_with(&line), "{}", out.escape_ascii());
    let (_, value) = handshake
        .fields_to_set()
        .unwrap()
        .find(|(name, _)| *name == "X-City")
        .unwrap();
    assert_eq!(joined(&value), LATIN_1);
    #[cfg(feature = "alloc")]
    assert_eq!(value.to_vec(), LATIN_1);
    assert_eq!(value.to_string(), "Z\u{fffd}rich\t\u{fffd}\u{fffd} ok");
    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    let stream =
        client::Handshake::extended_connect(enabled, "https", "a.test", "/").fields(&fields);
    let (_, mut given) = stream.head_to_send().unwrap();
    let (_, value) = given.find(|(name, _)| *name == "X-City").unwrap();
    assert_eq!(joined(&value), LATIN_1);

    // A server's answers to it, which reads the same bytes.
    let head = out;
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    assert_eq!(request.field("x-city"), Some(LATIN_1));
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let acceptance = Acceptance::default().fields(&fields);
    let mut out = Out::new();
    upgrade.accept(&acceptance, &mut out).unwrap();
    assert!(out.ends_with(&line), "{}", out.escape_ascii());
    let (accepted, _) = upgrade.respond(&acceptance).unwrap();
    let mut out = Out::new();
    let refusal = Response::new(401).fields(&fields);
    refusal.write(&mut out).unwrap();
    assert!(out.ends_with(&line), "{}", out.escape_ascii());
    for head in [accepted, refusal.head(HttpVersion::Http11).unwrap()] {
        let (_, value) = head.fields().find(|(name, _)| *name == "X-City").unwrap();
        assert_eq!(joined(&value), LATIN_1);
        #[cfg(feature = "http")]
        assert_eq!(head.to_http().unwrap().headers()["x-city"], LATIN_1);
    }
    #[cfg(feature = "http")]
    assert_eq!(handshake.to_http().unwrap().headers()["x-city"], LATIN_1);
}

#[test]
fn text_and_bytes_are_one_kind_of_field() {
    let text = [("X-A", "\u{e9}"), ("X-B", "")];
    let bytes = [("X-A", "\u{e9}".as_bytes()), ("X-B", b"")];
    let [of_text, of_bytes] = [FieldList::from(&text), FieldList::from(&bytes)];
    assert_eq!(of_text, of_bytes);
    assert_eq!(of_text, FieldList::from(&text[..]));
    assert_eq!(of_bytes, FieldList::from(&bytes[..]));
    assert_ne!(of_bytes, FieldList::from(&bytes[1..]));
    assert_eq!(FieldList::default(), FieldList::from(&text[..0]));
    #[cfg(feature = "alloc")]
    {
        assert_eq!(of_text, FieldList::from(&text.to_vec()));
        assert_eq!(of_bytes, FieldList::from(&bytes.to_vec()));
    }
    assert_eq!(format!("{of_bytes:?}"), r#"["X-A: \xc3\xa9", "X-B: "]"#);
    assert_eq!(
        Response::new(200).fields(&text),
        Response::new(200).fields(&bytes)
    );
}

#[test]
fn request_parts_cannot_break_out() {
    let to = |host, target| request_error(&client::Handshake::new(NONCE, host, target));
    for host in [
        "",
        "a b",
        "a\r\nX: y",
        "a/b",
        "user@a",
        "http://a",
        "a\0",
        "[::1",
    ] {
        assert_eq!(to(host, "/"), Some(RequestError::Host), "{host:?}");
    }
    for target in [
        "",
        "a",
        "*",
        "http://a/",
        "/a b",
        "/a\r\nX: y",
        "/a\0",
        "/#",
        "/\u{e9}",
        "/\t",
    ] {
        assert_eq!(to("a", target), Some(RequestError::Target), "{target:?}");
    }
    assert_eq!(to("[::1]:9001", "/a%20b?c=d&e=%23"), None);
    for origin in ["", "http://a http://b", "http://a\r\n", "http://\u{e9}"] {
        assert_eq!(
            request_error(&plain().origin(origin)),
            Some(RequestError::Origin)
        );
    }
    for name in ["", "a b", "a,b", "a\r\nX: y", "\u{e9}"] {
        let error = request_error(&plain().subprotocols(&["ok", name]));
        assert_eq!(
            error,
            Some(RequestError::Subprotocol { index: 1 }),
            "{name:?}"
        );
    }
    let error = request_error(&plain().subprotocols(&["a", "b", "a"]));
    assert_eq!(error, Some(RequestError::RepeatedSubprotocol { index: 2 }));
}

#[test]
fn heads_are_written_whole_or_not_at_all() {
    let mut room = [0; 512];
    let mut whole = Out::new();
    plain().write_request(&mut whole).unwrap();
    let mut out = SliceOutput::new(&mut room[..whole.len() - 1]);
    assert_eq!(
        plain().write_request(&mut out),
        Err(RequestError::OutputFull)
    );
    assert_eq!(out.filled(), b"");
    let mut out = SliceOutput::new(&mut room[..whole.len()]);
    assert_eq!(plain().write_request(&mut out), Ok(()));
    assert_eq!(out.filled(), whole.as_slice());

    let request = Handshake::default().receive(&whole).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let mut whole = Out::new();
    upgrade.accept(&Acceptance::default(), &mut whole).unwrap();
    let mut out = SliceOutput::new(&mut room[..whole.len() - 1]);
    let result = upgrade.accept(&Acceptance::default(), &mut out);
    assert_eq!(result, Err(ResponseError::OutputFull));
    assert_eq!(out.filled(), b"");

    let page = Response::new(404).body("gone");
    let len = written(page).unwrap().len();
    let mut out = SliceOutput::new(&mut room[..len - 1]);
    assert_eq!(page.write(&mut out), Err(ResponseError::OutputFull));
    assert_eq!(out.filled(), b"");
}

#[test]
fn every_fault_has_a_status_a_section_and_a_sentence() {
    for error in [
        HandshakeError::BareLineFeed,
        HandshakeError::HeadTooLong { limit: 1 },
        HandshakeError::NoSubprotocol,
        HandshakeError::OriginNotAllowed,
        HandshakeError::RepeatedField("Host"),
        HandshakeError::WrongAccept,
    ] {
        assert!(written(error.response()).is_ok());
        assert!(error.section().starts_with("RFC "));
        let sentence = error.to_string();
        assert!(
            sentence.contains(": ") && !sentence.ends_with('.'),
            "{sentence}"
        );
    }
    assert_eq!(HandshakeError::WrongAccept.status_hint(), 502);
    assert_eq!(
        Response::from(HandshakeError::OriginNotAllowed).status(),
        403
    );
}

#[test]
fn what_was_negotiated_outlives_the_fields_of_the_answer() {
    fn negotiate() -> Result<Negotiated<'static>, ResponseError> {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Protocol: chat\r\n\r\n";
        let date = String::from("today");
        let fields = [("Date", date.as_str())];
        let acceptance = Acceptance::default().subprotocol("chat").fields(&fields);
        let mut handshake = Handshake::default();
        let request = handshake.receive(request).unwrap().unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        upgrade.accept(&acceptance, &mut arrayvec::ArrayVec::<u8, 512>::new())
    }
    assert_eq!(
        negotiate().map(|negotiated| negotiated.subprotocol),
        Ok(Some("chat"))
    );
}

/// What a client agreed on may outlive all that it asked with but the subprotocols.
#[test]
fn negotiated_borrows_nothing_of_the_request_but_the_subprotocols() {
    const SUBPROTOCOLS: &[&str] = &["superchat", "chat"];
    const AGREED: (&str, &str) = ("sec-websocket-protocol", "chat");

    fn by_bytes() -> Option<Negotiated<'static>> {
        let response = b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
        let words = ["example.com", "/chat", "https://a.test", "today"].map(String::from);
        let fields = [("Date", words[3].as_str())];
        let mut handshake = client::Handshake::new(*b"the sample nonce", &words[0], &words[1])
            .origin(&words[2])
            .fields(&fields)
            .subprotocols(SUBPROTOCOLS);
        let received = response.to_vec();
        match handshake.receive(&received) {
            Ok(Some(Outcome::Open(accepted))) => Some(accepted.negotiated),
            _ => None,
        }
    }
    fn by_fields() -> Result<Answer<'static>, HandshakeError> {
        let host = String::from("example.com");
        let handshake =
            client::Handshake::new(*b"the sample nonce", &host, "/chat").subprotocols(SUBPROTOCOLS);
        let parsed = [
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            AGREED,
        ];
        let parsed = parsed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fields = parsed
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        handshake.check_response(101, HttpVersion::Http11, fields)
    }
    fn by_stream() -> Result<Answer<'static>, HandshakeError> {
        let (scheme, authority) = (String::from("https"), String::from("example.com"));
        let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
        let handshake = client::Handshake::extended_connect(enabled, &scheme, &authority, "/chat")
            .subprotocols(SUBPROTOCOLS);
        let fields = [(AGREED.0.as_bytes(), AGREED.1.as_bytes())];
        handshake.check_stream_response(200, fields.into_iter())
    }
    let chat = |negotiated: Negotiated<'static>| negotiated.subprotocol == Some("chat");
    assert!(by_bytes().is_some_and(chat));
    for answer in [by_fields(), by_stream()] {
        assert!(matches!(answer, Ok(Answer::Open(negotiated)) if chat(negotiated)));
    }
}

/// The subprotocols may live shorter than the rest, too: what goes out holds as long as both.
#[test]
fn what_goes_out_borrows_the_request_and_the_subprotocols() {
    let host = String::from("example.com");
    let offered = |names: &[&str]| {
        let fields = client::Handshake::new(*b"the sample nonce", &host, "/")
            .subprotocols(names)
            .fields_to_set()
            .unwrap();
        fields
            .filter(|(name, _)| *name == "Sec-WebSocket-Protocol")
            .map(|(_, value)| value.to_string())
            .collect::<String>()
    };
    let names = [String::from("a"), String::from("b")];
    assert_eq!(offered(&[&names[0], &names[1]]), "a, b");
}

#[test]
fn a_log_shows_neither_nonce_nor_credentials() {
    let fields = [("Authorization", "Basic c2VjcmV0")];
    let handshake = client::Handshake::new([77; 16], "a", "/?token=c2VjcmV0").fields(&fields);
    let shown = format!("{handshake:?}");
    assert!(shown.contains("host: \"a\""), "{shown}");
    assert!(
        !shown.contains("77") && !shown.contains("c2VjcmV0"),
        "{shown}"
    );
}

#[test]
fn a_log_shows_the_fields_of_a_head_as_text() {
    let head = request(&["X-Odd: \u{e9}\t\"x\""]);
    let mut handshake = Handshake::default();
    let request = handshake.receive(&head).unwrap().unwrap();
    let odd = request.fields().find(|field| field.name == "X-Odd");
    let shown = odd.map(|field| format!("{field:?}"));
    assert_eq!(shown.as_deref(), Some(r#""X-Odd: \xc3\xa9\t\"x\"""#));
    let all: Vec<_> = request.fields().map(|field| format!("{field:?}")).collect();
    let all = format!("[{}]", all.join(", "));
    assert_eq!(format!("{:?}", request.fields()), all);
}

/// The requests in `received` by their targets, as far as the connection lasts, when each is refused.
fn refused_in_turn(
    limits: HeadLimits,
    received: &[u8],
    read: usize,
) -> Vec<Result<String, HandshakeError>> {
    let mut handshake = Handshake::new(limits);
    let (mut start, mut end) = (0, 0);
    let mut targets = Vec::new();
    loop {
        match handshake.receive(&received[start..end]) {
            Ok(None) if end == received.len() => return targets,
            Ok(None) => end = received.len().min(end.saturating_add(read)),
            Ok(Some(request)) => {
                targets.push(Ok(request.target().to_owned()));
                assert_eq!(handshake.next_request(&request), request.can_persist());
                if !request.can_persist() {
                    let again = handshake.receive(&received[start..end]).unwrap().unwrap();
                    assert_eq!(again.target(), request.target(), "nothing has changed");
                    return targets;
                }
                start = start.saturating_add(request.head_len());
            }
            Err(error) => {
                targets.push(Err(error));
                return targets;
            }
        }
    }
}

#[test]
fn rfc_9112_s9_3_the_next_request_may_follow_a_refusal() {
    let one = request(&["GET /1 HTTP/1.1", "Authorization: none"]);
    let two = request(&["GET /2 HTTP/1.1", "Content-Length: 0"]);
    let page = b"OPTIONS /3 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    let last = request(&["GET /4 HTTP/1.1", "Connection: Upgrade, Close"]);
    let stream = [&one[..], &two, b"\r\n", page, &last, &one].concat();
    let expected: Vec<_> = ["/1", "/2", "/3", "/4"]
        .map(|target| Ok(target.to_owned()))
        .into();
    // A limit for each head, and not for all of them.
    let limits = HeadLimits::default().max_len(one.len() + 20).max_fields(7);
    for read in 1..=stream.len() {
        assert_eq!(refused_in_turn(limits, &stream, read), expected, "{read}");
    }
    // A head that is too long is found as the first one would be.
    let long = request(&[&format!("X: {}", "x".repeat(200))]);
    let stream = [&one[..], &long].concat();
    let limit = one.len() + 20;
    for read in [1, 7, stream.len()] {
        let targets = refused_in_turn(limits, &stream, read);
        let expected = [
            Ok("/1".to_owned()),
            Err(HandshakeError::HeadTooLong { limit }),
        ];
        assert_eq!(targets, expected);
    }
    let stream = [&one[..], b"\r\n\r\nGET"].concat();
    let targets = refused_in_turn(HeadLimits::default(), &stream, 3);
    assert_eq!(targets[1..], [Err(HandshakeError::MalformedHead)]);
}

#[test]
fn rfc_9112_s9_3_nothing_may_follow_where_the_end_of_a_request_is_unknown() {
    for (changes, persists) in [
        (&[][..], true),
        (&["Content-Length: 0"], true),
        (&["Connection: keep-alive, Upgrade"], true),
        (&["POST / HTTP/1.1"], true),
        (&["-Connection"], true),
        (&["Sec-WebSocket-Key: wrong"], true),
        (&["Content-Length: 1"], false),
        (&["Content-Length: 0", "Content-Length: 0"], false),
        (&["Content-Length: "], false),
        (&["Transfer-Encoding: chunked"], false),
        (&["Transfer-Encoding: identity"], false),
        (&["Connection: close"], false),
        (&["Connection: Upgrade", "Connection: a, CLOSE"], false),
        (&["HEAD / HTTP/1.1"], false),
        (&["CONNECT a:1 HTTP/1.1"], false),
        (&["GET / HTTP/1.0", "Connection: keep-alive"], false),
    ] {
        let head = request(changes);
        let mut handshake = Handshake::default();
        let request = handshake.receive(&head).unwrap().unwrap();
        assert_eq!(request.can_persist(), persists, "{changes:?}");
        assert_eq!(handshake.next_request(&request), persists, "{changes:?}");
        let end = if persists {
            HeadEnd::BeforeHead
        } else {
            HeadEnd::AfterHead
        };
        assert_eq!(handshake.receive_eof(), end, "{changes:?}");
        let fields = request.fields().map(Into::into);
        let (method, target) = (request.method(), request.target());
        let parsed = Request::from_fields(method, target, request.version(), fields);
        assert_eq!(parsed.can_persist(), persists, "{changes:?}");
    }
    let pseudo = PseudoFields::new("CONNECT").with_path("/");
    let fields = core::iter::empty();
    let request = Request::from_pseudo_fields(pseudo, HttpVersion::Http2, fields);
    assert!(!request.can_persist());
}

/// The answer is given by another thread, when the bytes of the request are gone.
#[test]
fn a_detached_upgrade_borrows_nothing() {
    fn validate() -> DetachedUpgrade<Out> {
        let head = request(&[
            "Sec-WebSocket-Protocol: superchat",
            "Sec-WebSocket-Protocol: chat",
            "Sec-WebSocket-Extensions: x-codec; a=1, x-other",
        ]);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        upgrade.detach(Out::new()).unwrap()
    }
    let detached = validate();
    let answer = std::thread::spawn(move || {
        assert!(detached.subprotocols().eq(["superchat", "chat"]));
        let names = detached.extensions().map(|extension| extension.name());
        assert!(names.eq(["x-codec", "x-other"]));
        let own = [SupportedExtension::Own {
            text: "x-codec; a=2",
            bits: Rsv::RSV3,
        }];
        let acceptance = Acceptance::default()
            .subprotocol("chat")
            .extensions(&own)
            .fields(&[("Server", "x")]);
        let (head, negotiated) = detached.respond(&acceptance).unwrap();
        let unoffered = detached.respond(&Acceptance::default().subprotocol("echo"));
        assert_eq!(unoffered.err(), Some(ResponseError::UnofferedSubprotocol));
        (
            head.status(),
            format!("{:?}", set(head.fields())),
            negotiated,
        )
    });
    let (status, fields, negotiated) = answer.join().unwrap();
    assert_eq!(status, 101);
    assert_eq!(
        fields,
        r#"[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), ("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Extensions", "x-codec; a=2"), ("Server", "x")]"#
    );
    assert_eq!(negotiated.subprotocol, Some("chat"));
    assert_eq!(negotiated.reserved_bits, Rsv::RSV3);
}

#[test]
fn a_detached_upgrade_needs_room_for_the_offers_only() {
    let detached = |fields: &[&str], room: usize| {
        let head = request(fields);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        let mut storage = arrayvec::ArrayVec::<u8, 64>::new();
        // What the caller has in it already is no offer; so only the room is left.
        storage.extend(core::iter::repeat_n(b'x', 64_usize.saturating_sub(room)));
        upgrade.detach(storage)
    };
    assert!(detached(&[], 0).is_ok());
    let fields = [
        "Sec-WebSocket-Protocol: chat",
        "Sec-WebSocket-Extensions: x",
    ];
    for room in 0..7 {
        assert_eq!(detached(&fields, room).err(), Some(OutputFull), "{room}");
    }
    let upgrade = detached(&fields, 7).unwrap();
    assert!(upgrade.subprotocols().eq(["chat"]));
    assert_eq!(upgrade.extensions().count(), 1);
    #[cfg(feature = "alloc")]
    {
        let head = request(&fields);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        let upgrade = upgrade.detach(b"before, ".to_vec()).unwrap();
        assert!(upgrade.subprotocols().eq(["chat"]));
    }
}

/// Where all choices are made at once, what comes of it borrows the acceptance only.
#[test]
fn a_response_borrows_nothing_of_the_request() {
    fn validate() -> (ResponseHead<'static>, Negotiated<'static>) {
        let head = request(&["Sec-WebSocket-Protocol: chat"]);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        let acceptance = Acceptance::default().subprotocol("chat");
        upgrade.respond(&acceptance).unwrap()
    }
    let (head, negotiated) = std::thread::spawn(validate).join().unwrap();
    assert_eq!((head.status(), negotiated.subprotocol), (101, Some("chat")));
}

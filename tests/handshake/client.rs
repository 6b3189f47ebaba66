//! What a client makes of responses.

use websocket_proto::handshake::HandshakeError::{
    self, ConnectionNotConfirmed, HttpVersion, InvalidExtensions, MalformedHead, MissingAccept,
    NoSubprotocol, RepeatedExtension, RepeatedField, UnofferedExtension, UnofferedSubprotocol,
    UpgradeNotConfirmed, WrongAccept,
};
use websocket_proto::handshake::HeadEnd;
use websocket_proto::handshake::client::{
    Accepted, Handshake, Outcome, Rejected, SubprotocolChoice,
};

use crate::support::{
    NONCE, Out, failure, judge_response, judge_response_to, response, s1_3_request, s1_3_response,
};

fn handshake() -> Handshake<'static> {
    Handshake::new(NONCE, "server.example.com", "/chat")
}

fn accepted(head: &[u8]) -> Option<Accepted<'static, '_>> {
    match handshake().receive(head) {
        Ok(Some(Outcome::Open(accepted))) => Some(accepted),
        _ => None,
    }
}

fn rejected(head: &[u8]) -> Option<Rejected<'_>> {
    match handshake().receive(head) {
        Ok(Some(Outcome::Rejected(rejected))) => Some(rejected),
        _ => None,
    }
}

/// The error of a response with these changes to a client that offers `chat` and `superchat`.
fn failure_of_chat(changes: &[&str]) -> Option<HandshakeError> {
    let handshake = handshake().subprotocols(&["chat", "superchat"]);
    judge_response_to(&handshake, &response(changes)).err()
}

#[test]
fn s1_3_request_is_written_and_its_response_accepted() {
    let handshake = Handshake::new(NONCE, "server.example.com", "/chat")
        .origin("http://example.com")
        .subprotocols(&["chat", "superchat"]);
    let mut out = Out::new();
    handshake.write_request(&mut out).unwrap();
    assert_eq!(out.as_slice(), s1_3_request());
    let head = s1_3_response();
    assert!(judge_response_to(&handshake, &head).is_ok());
    match handshake.clone().receive(&head) {
        Ok(Some(Outcome::Open(accepted))) => {
            assert_eq!(accepted.negotiated.subprotocol, Some("chat"));
            assert_eq!(accepted.head_len, head.len());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn edge_044_other_statuses_are_rejections() {
    for status in [200, 204, 301, 400, 401, 426, 500, 599, 999] {
        let line = format!("HTTP/1.1 {status} Some reason");
        let mut bytes = response(&[&line, "Location: /elsewhere"]);
        let head_len = bytes.len();
        bytes.extend_from_slice(b"\x81\0\n\nbody");
        assert!(judge_response(&bytes).is_ok());
        let rejected = rejected(&bytes).unwrap();
        assert_eq!(rejected.status, status);
        assert_eq!(rejected.reason, "Some reason");
        assert_eq!(rejected.fields.first("location"), Some(&b"/elsewhere"[..]));
        assert_eq!(rejected.head_len, head_len);
    }
    // None of the rules for a 101 apply.
    let bare = b"HTTP/1.0 403 Forbidden\r\n\r\n";
    assert_eq!(rejected(bare).map(|rejected| rejected.status), Some(403));
}

#[test]
fn edge_045_interim_responses_are_skipped() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let bytes = [&interim[..], &response(&[]), b"frames"].concat();
    assert!(judge_response(&bytes).is_ok());
    assert_eq!(
        accepted(&bytes).map(|accepted| accepted.head_len),
        Some(bytes.len() - 6)
    );
    let bytes = [&interim[..], b"HTTP/1.1 404 Not Found\r\n\r\n"].concat();
    assert!(judge_response(&bytes).is_ok());
    assert_eq!(
        rejected(&bytes).map(|rejected| rejected.head_len),
        Some(bytes.len())
    );
    assert_eq!(judge_response(interim), Ok(None));
    // What an interim response says about the upgrade counts for nothing.
    let head = response(&["HTTP/1.1 100 Continue"]);
    assert_eq!(judge_response(&head), Ok(None));
}

#[test]
fn edge_046_http_1_0_does_not_switch() {
    assert_eq!(
        failure(&["HTTP/1.0 101 Switching Protocols"]),
        Some(HttpVersion)
    );
    assert_eq!(failure(&["HTTP/1.0 100 Continue"]), Some(HttpVersion));
    for minor in 1..=9 {
        let line = format!("HTTP/1.{minor} 101 Switching Protocols");
        assert_eq!(failure(&[&line]), None, "{line}");
    }
    assert_eq!(
        failure(&["HTTP/0.9 101 Switching Protocols"]),
        Some(HttpVersion)
    );
    assert_eq!(
        failure(&["HTTP/2.0 101 Switching Protocols"]),
        Some(HttpVersion)
    );
}

#[test]
fn edge_047_reason_is_of_no_account() {
    for line in [
        "HTTP/1.1 101",
        "HTTP/1.1 101 ",
        "HTTP/1.1 101 null",
        "HTTP/1.1 101 \u{e9}",
    ] {
        assert_eq!(failure(&[line]), None, "{line}");
    }
    for line in [
        "HTTP/1.1 1010",
        "HTTP/1.1  101",
        "HTTP/1.1 99",
        "HTTP/1.1 099 X",
        "HTTP/1.1",
    ] {
        assert_eq!(failure(&[line]), Some(MalformedHead), "{line}");
    }
}

#[test]
fn edge_048_content_length_zero_is_accepted() {
    // A response as Tornado 4.5.1 writes it.
    let head = b"HTTP/1.1 101 Switching Protocols\r\nServer: TornadoServer/4.5.1\r\n\
        Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert!(judge_response(head).is_ok());
    assert_eq!(
        accepted(head).map(|accepted| accepted.head_len),
        Some(head.len())
    );
}

#[test]
fn edge_049_a_101_has_no_content_whatever_it_says() {
    for field in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let mut bytes = response(&[field]);
        let head_len = bytes.len();
        bytes.extend_from_slice(b"\x81\x03abc");
        assert!(judge_response(&bytes).is_ok());
        assert_eq!(
            accepted(&bytes).map(|accepted| accepted.head_len),
            Some(head_len)
        );
    }
}

#[test]
fn edge_050_upgrade_is_websocket_and_nothing_else() {
    assert_eq!(failure(&["Upgrade: WebSocket"]), None);
    for changes in [
        &["Upgrade: websocket, h2c"][..],
        &["Upgrade: h2c"],
        &["Upgrade: websocket/13"],
        &["Upgrade:"],
        &["-Upgrade"],
        &["Upgrade: websocket", "Upgrade: websocket"],
        &["Upgrade: websocket", "Upgrade: h2c"],
    ] {
        assert_eq!(failure(changes), Some(UpgradeNotConfirmed), "{changes:?}");
    }
}

#[test]
fn s4_1_connection_confirms_the_upgrade() {
    assert_eq!(failure(&["Connection: keep-alive, upgrade"]), None);
    assert_eq!(
        failure(&["Connection: keep-alive", "Connection: UPGRADE"]),
        None
    );
    for changes in [
        ["-Connection"],
        ["Connection: close"],
        ["Connection: notupgrade"],
    ] {
        assert_eq!(
            failure(&changes),
            Some(ConnectionNotConfirmed),
            "{changes:?}"
        );
    }
}

#[test]
fn edge_051_accept_answers_the_key() {
    assert_eq!(failure(&["-Sec-WebSocket-Accept"]), Some(MissingAccept));
    assert_eq!(
        failure(&["Sec-WebSocket-Accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"]),
        None
    );
    for value in [
        "",
        "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "s3pplmbitxaq9kygzzhzrbk+xoo=",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=,",
        "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"",
        "ZEs+c+VBk8Aj01+wJGN7Y15796g=",
        "dGhlIHNhbXBsZSBub25jZQ==",
    ] {
        let field = format!("Sec-WebSocket-Accept: {value}");
        assert_eq!(failure(&[&field]), Some(WrongAccept), "{value}");
    }
}

#[test]
fn edge_052_accept_stands_once() {
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let wrong = "Sec-WebSocket-Accept: ZEs+c+VBk8Aj01+wJGN7Y15796g=";
    for fields in [[right, right], [right, wrong], [wrong, right]] {
        assert_eq!(
            failure(&fields),
            Some(RepeatedField("Sec-WebSocket-Accept"))
        );
    }
}

#[test]
fn edge_053_subprotocol_is_one_of_the_offered() {
    assert_eq!(
        failure_of_chat(&["Sec-WebSocket-Protocol: superchat"]),
        None
    );
    for value in ["other", "Chat", "chat, superchat", "chat,", "", "\"chat\""] {
        let field = format!("Sec-WebSocket-Protocol: {value}");
        assert_eq!(
            failure_of_chat(&[&field]),
            Some(UnofferedSubprotocol),
            "{value}"
        );
    }
    let chat = "Sec-WebSocket-Protocol: chat";
    assert_eq!(
        failure_of_chat(&[chat, chat]),
        Some(RepeatedField("Sec-WebSocket-Protocol"))
    );
    assert_eq!(failure(&[chat]), Some(UnofferedSubprotocol));
}

#[test]
fn edge_054_no_subprotocol_chosen_is_the_clients_choice() {
    assert_eq!(failure_of_chat(&[]), None);
    let demanding = handshake().subprotocol_choice(SubprotocolChoice::Required);
    assert!(judge_response_to(&demanding, &response(&[])).is_ok());
    let demanding = demanding.subprotocols(&["chat"]);
    assert_eq!(
        judge_response_to(&demanding, &response(&[])),
        Err(NoSubprotocol)
    );
    let head = response(&["Sec-WebSocket-Protocol: chat"]);
    assert!(judge_response_to(&demanding, &head).is_ok());
}

#[test]
fn edge_055_extension_was_offered() {
    assert_eq!(
        failure(&["Sec-WebSocket-Extensions: x"]),
        Some(UnofferedExtension)
    );
    let field = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover";
    assert_eq!(failure(&[field]), Some(UnofferedExtension));
    for list in ["", ",", "x;;", "x; y=\"", "x y"] {
        let field = format!("Sec-WebSocket-Extensions: {list}");
        assert_eq!(failure(&[&field]), Some(InvalidExtensions), "{list}");
    }
}

#[test]
fn edge_056_extension_stands_once() {
    assert_eq!(
        failure(&["Sec-WebSocket-Extensions: x, x; y"]),
        Some(RepeatedExtension)
    );
    // Two fields are one list (edge 39).
    let fields = ["Sec-WebSocket-Extensions: x", "Sec-WebSocket-Extensions: x"];
    assert_eq!(failure(&fields), Some(RepeatedExtension));
}

#[test]
fn edge_057_bytes_after_the_head_are_left_alone() {
    let mut bytes = response(&[]);
    let head_len = bytes.len();
    bytes.extend_from_slice(b"\x81\x05hello\n\r\n\r\n");
    let verdict = judge_response(&bytes).unwrap().unwrap();
    assert_eq!(verdict.0, head_len);
}

#[test]
fn rfc_9112_s2_2_a_response_starts_with_its_status_line() {
    let bytes = [b"\r\n", &response(&[])[..]].concat();
    assert_eq!(judge_response(&bytes), Err(MalformedHead));
}

/// As for a server: a banner of another protocol is refused with the end of its line.
#[test]
fn a_banner_is_refused_at_the_end_of_its_line() {
    for (line, expected) in [
        ("SSH-2.0-OpenSSH_9.6", MalformedHead),
        ("220 mail.example.com ESMTP", MalformedHead),
        ("+OK POP3 ready", MalformedHead),
        ("RFB 003.008", MalformedHead),
        ("HTTP/1.1", MalformedHead),
        ("HTTP/1.1 OK", MalformedHead),
        ("ICY 200 OK", MalformedHead),
        ("HTTP/2 200", MalformedHead),
        ("HTTP/2.0 101 Switching Protocols", HttpVersion),
    ] {
        let line = format!("{line}\r\n");
        for end in 0..line.len() {
            assert_eq!(judge_response(&line.as_bytes()[..end]), Ok(None), "{line}");
        }
        let interim = "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n";
        for before in ["", interim] {
            for after in ["", "\r\n", "\n", "\0", " x", ":", "no colon\r\n", "\r\r"] {
                let bytes = format!("{before}{line}{after}");
                let verdict = judge_response(bytes.as_bytes());
                assert_eq!(verdict, Err(expected), "{bytes:?}");
            }
        }
    }
    // A version that has no such status shows with its fields.
    let bytes = b"HTTP/1.0 101 Switching Protocols\r\n";
    assert_eq!(judge_response(bytes), Ok(None));
}

#[test]
fn the_end_of_input_is_before_inside_or_after_a_head() {
    let end_of = |bytes: &[u8]| {
        let mut whole = handshake();
        let _ = whole.receive(bytes);
        let mut bytewise = handshake();
        for len in 0..=bytes.len() {
            let _ = bytewise.receive(&bytes[..len]);
        }
        assert_eq!(bytewise.receive_eof(), whole.receive_eof());
        whole.receive_eof()
    };
    let head = response(&[]);
    assert_eq!(handshake().receive_eof(), HeadEnd::BeforeHead);
    assert_eq!(end_of(b""), HeadEnd::BeforeHead);
    // An interim response is part of the answer.
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    assert_eq!(end_of(interim), HeadEnd::InsideHead);
    for len in 1..head.len() {
        assert_eq!(end_of(&head[..len]), HeadEnd::InsideHead);
        let later = [interim, &head[..len]].concat();
        assert_eq!(end_of(&later), HeadEnd::InsideHead);
    }
    assert_eq!(end_of(&head), HeadEnd::AfterHead);
    assert_eq!(end_of(&[&interim[..], &head].concat()), HeadEnd::AfterHead);
    let page = b"HTTP/1.1 404 Not Found\r\n\r\n";
    assert_eq!(end_of(page), HeadEnd::AfterHead);
    assert_eq!(end_of(b"SSH-2.0-x\r\n"), HeadEnd::InsideHead);
}

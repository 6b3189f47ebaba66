//! Folded fields: a client takes them in a response, a server refuses them in a request (edge 23).

use websocket_proto::handshake::HandshakeError::{
    ConnectionNotConfirmed, InvalidExtensions, LineFolding, LineTooLong, MalformedHead,
    TooManyFields, UnofferedExtension, UnofferedSubprotocol, UpgradeNotConfirmed, WrongAccept,
};
use websocket_proto::handshake::client::{Answer, Handshake, Outcome};
use websocket_proto::handshake::{Fields, HandshakeError, HeadLimits, HttpVersion};

use crate::support::{NONCE, Verdict, failure, judge_response, judge_response_to, response};

fn handshake() -> Handshake<'static> {
    Handshake::new(NONCE, "server.example.com", "/chat").subprotocols(&["chat", "superchat"])
}

/// The fields of a response, whichever outcome it has.
fn fields(head: &[u8]) -> Fields<'_> {
    match handshake().receive(head) {
        Ok(Some(Outcome::Open(accepted))) => accepted.fields,
        Ok(Some(Outcome::Rejected(rejected))) => rejected.fields,
        other => panic!("{other:?}"),
    }
}

fn unfolded(head: &[u8], name: &str) -> Vec<u8> {
    let mut fields = fields(head);
    let field = fields.find(|field| field.name.eq_ignore_ascii_case(name));
    field.unwrap().unfolded().collect()
}

/// "A user agent that receives an obs-fold in a response message [...] MUST replace each received
/// obs-fold with one or more SP octets" (RFC 9112, section 5.2).
#[test]
fn rfc_9112_s5_2_a_response_may_have_folded_fields() {
    let cookie = "Set-Cookie: a=b;\r\n\tPath=/";
    for start in ["HTTP/1.1 101 Switching Protocols", "HTTP/1.1 302 Found"] {
        for changes in [&[start, cookie][..], &[start, cookie, "X: y"]] {
            let head = response(changes);
            let (head_len, _) = judge_response(&head).unwrap().unwrap();
            assert_eq!(head_len, head.len());
            let raw = fields(&head).first("set-cookie");
            assert_eq!(raw, Some(&b"a=b;\r\n\tPath=/"[..]));
            assert_eq!(unfolded(&head, "set-cookie"), b"a=b; Path=/");
            assert_eq!(fields(&head).count(), changes.len() + 2);
        }
    }
    // In an interim response, and in the last field of a head.
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n b\r\n\r\n";
    let bytes = [&interim[..], &response(&["X:\r\n y"]), b"frames"].concat();
    let (head_len, _) = judge_response(&bytes).unwrap().unwrap();
    assert_eq!(head_len, bytes.len() - b"frames".len());
}

#[test]
fn a_fold_is_one_space_and_other_bytes_come_as_they_are() {
    for (value, expected) in [
        ("a\r\n b", "a b"),
        ("a \t\r\n\t \t b", "a b"),
        ("a\r\n \r\n\t\r\n b", "a b"),
        ("a \t b  c\r\n  d \t e", "a \t b  c d \t e"),
        ("\r\n a", "a"),
        ("\t\r\n a b\r\n ", "a b"),
        ("\r\n ", ""),
        ("", ""),
        ("a b", "a b"),
        ("a\r\n :b\r\n X: c", "a :b X: c"),
        ("\u{e9}\r\n \u{e9}", "\u{e9} \u{e9}"),
    ] {
        let head = response(&[&format!("X: {value}"), "Y: z"]);
        assert!(judge_response(&head).unwrap().is_some(), "{value:?}");
        assert_eq!(unfolded(&head, "x"), expected.as_bytes(), "{value:?}");
        assert_eq!(fields(&head).first("y"), Some(&b"z"[..]));
        let mut fields = fields(&head);
        let bytes = fields.find(|field| field.name == "X").unwrap().unfolded();
        assert!(bytes.clone().eq(bytes), "it can be cloned");
    }
}

/// "A recipient that receives whitespace between the start-line and the first header field MUST
/// either reject the message as invalid [...]" (RFC 9112, section 2.2).
#[test]
fn rfc_9112_s2_2_no_white_space_comes_before_the_first_field() {
    let heads = [
        &b"HTTP/1.1 101 Switching Protocols\r\n X: y\r\n\r\n"[..],
        b"HTTP/1.1 302 Found\r\n\t\r\n\r\n",
        b" HTTP/1.1 302 Found\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 302 Found\r\n X: y\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n HTTP/1.1 302 Found\r\n\r\n",
    ];
    for head in heads {
        assert_eq!(judge_response(head), Err(LineFolding));
    }
}

#[test]
fn limits_hold_for_a_folded_field_as_a_whole() {
    let verdict =
        |limits: HeadLimits, head: &[u8]| judge_response_to(&handshake().limits(limits), head);
    let limits = HeadLimits::default();
    for field in [
        format!("X: {}\r\n {}", "x".repeat(50), "x".repeat(44)),
        format!("X:{}{}", "\r\n ".repeat(32), "xx"),
        format!("X: {}\r\n \t", "x".repeat(93)),
    ] {
        assert_eq!(field.len(), 100);
        let head = response(&[&field]);
        assert!(verdict(limits.max_line(100), &head).is_ok());
        let error = Err(LineTooLong { limit: 99 });
        assert_eq!(verdict(limits.max_line(99), &head), error, "{field:?}");
        // It is one field.
        assert!(verdict(limits.max_fields(4), &head).is_ok());
        let error = Err(TooManyFields { limit: 3 });
        assert_eq!(verdict(limits.max_fields(3), &head), error);
        assert!(verdict(limits.max_len(head.len()), &head).is_ok());
    }
}

#[test]
fn the_fields_of_the_handshake_are_judged_as_if_a_fold_was_a_space() {
    for field in [
        "Upgrade:\r\n websocket",
        "Upgrade: websocket\r\n\t",
        "Connection: keep-alive,\r\n Upgrade",
        "Connection: keep-alive\r\n ,\r\n Upgrade\r\n ,",
        "Sec-WebSocket-Accept:\r\n s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n ",
        "Sec-WebSocket-Protocol: \r\n chat",
    ] {
        let verdict = judge_response_to(&handshake(), &response(&[field]));
        assert!(verdict.is_ok(), "{field:?}: {verdict:?}");
    }
    for (field, error) in [
        ("Upgrade: web\r\n socket", UpgradeNotConfirmed),
        ("Connection: Up\r\n grade", ConnectionNotConfirmed),
        (
            "Sec-WebSocket-Accept: s3pPLMBi\r\n TxaQ9kYGzzhZRbK+xOo=",
            WrongAccept,
        ),
        ("Sec-WebSocket-Protocol: ch\r\n at", UnofferedSubprotocol),
        (
            "Sec-WebSocket-Extensions: x;\r\n y\r\n =\r\n z",
            UnofferedExtension,
        ),
        ("Sec-WebSocket-Extensions:\r\n ,\r\n x", UnofferedExtension),
        ("Sec-WebSocket-Extensions:\r\n ,\r\n ", InvalidExtensions),
        ("Sec-WebSocket-Extensions: x\r\n y", InvalidExtensions),
        // No parameter has a space, quoted or not.
        (
            "Sec-WebSocket-Extensions: x; y=\"a\r\n b\"",
            InvalidExtensions,
        ),
        (
            "Sec-WebSocket-Extensions: x; y=\"a\\\r\n b\"",
            InvalidExtensions,
        ),
    ] {
        assert_eq!(failure(&[field]), Some(error), "{field:?}");
    }
}

/// A fold at any place gives what a space gives there.
#[test]
fn a_fold_anywhere_in_a_value_is_a_space() {
    let head = response(&[
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Protocol: chat",
        "Sec-WebSocket-Extensions: x; y=\"z\\z\", w",
        "X: y",
    ]);
    let text = String::from_utf8(head).unwrap();
    let judge = |text: &str| -> Verdict { judge_once(text.as_bytes()) };
    let mut in_values = 0;
    for (at, _) in text.char_indices() {
        let (before, after) = text.split_at(at);
        let line = before.rsplit("\r\n").next().unwrap_or_default();
        let is_in_value = line.contains(": ") && !after.starts_with('\n');
        if !is_in_value {
            continue;
        }
        in_values += 1;
        let expected = judge(&format!("{before} {after}")).map(|verdict| verdict.is_some());
        for fold in ["\r\n ", "\r\n\t", " \r\n\t \r\n "] {
            let folded = judge(&format!("{before}{fold}{after}"));
            let folded = folded.map(|verdict| verdict.is_some());
            assert_eq!(folded, expected, "{fold:?} before {after:?}");
        }
    }
    assert!(in_values >= 80, "{in_values}");
}

/// The verdict in one piece; the cuts are those of other tests.
fn judge_once(head: &[u8]) -> Verdict {
    let outcome = handshake().receive(head)?;
    Ok(outcome.map(|outcome| (0, format!("{outcome:?}"))))
}

/// A library that hands out folds as they came is judged as bytes are.
#[test]
fn folds_in_the_fields_of_a_library_are_judged_alike() {
    for (changes, expected) in [
        (&["Connection: keep-alive,\r\n Upgrade"][..], None),
        (&["Sec-WebSocket-Protocol:\r\n chat\r\n "], None),
        (&["Upgrade: web\r\n socket"], Some(UpgradeNotConfirmed)),
    ] {
        let head = response(&[&["HTTP/1.1 200 OK"], changes].concat());
        let fields = fields(&head).map(Into::into);
        let answer = handshake().check_response(101, HttpVersion::Http11, fields);
        match expected {
            None => assert!(matches!(answer, Ok(Answer::Open(_))), "{answer:?}"),
            Some(error) => assert_eq!(answer, Err(error)),
        }
    }
}

/// A fold in place of a colon, or a line that only looks like one, is none.
#[test]
fn a_fold_is_not_part_of_a_name() {
    for field in [
        "X\r\n : y",
        "X\r\n Y: z",
        "X: y\r\n\0",
        "X: y\r\n \0",
        "X: y\r \n z",
    ] {
        let error: Option<HandshakeError> = failure(&[field]);
        assert_eq!(error, Some(MalformedHead), "{field:?}");
    }
}

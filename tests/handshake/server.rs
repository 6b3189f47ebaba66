//! What a server makes of requests.

use websocket_proto::handshake::HandshakeError::{
    self, BareLineFeed, BodyNotAllowed, HttpVersion, InvalidExtensions, InvalidHost, InvalidKey,
    InvalidOrigin, InvalidSubprotocol, InvalidTarget, LineFolding, MalformedHead, MethodNotGet,
    MissingConnection, MissingHost, MissingKey, MissingUpgrade, MissingVersion, OriginNotAllowed,
    RepeatedField, RepeatedSubprotocol, TargetFragment, UnsupportedVersion,
};
use websocket_proto::handshake::client::Handshake as Client;
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
use websocket_proto::handshake::{HeadEnd, HeadLimits, HttpVersion as Version};

use crate::support::{
    Out, accept, judge_request, judge_request_within, refusal, request, s1_3_request, s1_3_response,
};

/// The response that refuses with `error`.
fn refuse(error: HandshakeError) -> String {
    let mut out = Out::new();
    error.response().write(&mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

/// Judges a valid request in which `from` is replaced.
fn replaced(from: &str, to: &str) -> Option<HandshakeError> {
    let text = String::from_utf8(request(&[])).unwrap();
    assert!(text.contains(from));
    judge_request(text.replace(from, to).as_bytes()).err()
}

#[test]
fn s1_3_request_is_accepted_with_the_response_of_the_rfc() {
    let head = s1_3_request();
    assert!(judge_request(&head).is_ok());
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    assert!(request.is_upgrade());
    assert_eq!(request.method(), "GET");
    assert_eq!((request.path(), request.query()), ("/chat", None));
    assert_eq!(request.fields().count(), 7);
    assert_eq!(request.field("host"), Some(&b"server.example.com"[..]));
    assert_eq!(request.head_len(), head.len());
    let upgrade = request
        .upgrade(OriginPolicy::OneOf(&["http://example.com"]))
        .unwrap();
    assert_eq!(upgrade.host(), "server.example.com");
    assert_eq!(upgrade.origin(), Some("http://example.com"));
    assert!(upgrade.subprotocols().eq(["chat", "superchat"]));
    let mut out = Out::new();
    let negotiated = upgrade
        .accept(&Acceptance::default().subprotocol("chat"), &mut out)
        .unwrap();
    assert_eq!(negotiated.subprotocol, Some("chat"));
    assert_eq!(out.as_slice(), s1_3_response());
}

#[test]
fn edge_001_connection_is_a_list() {
    assert_eq!(refusal(&["Connection: keep-alive, Upgrade"]), None);
    assert_eq!(refusal(&["Connection: Upgrade,\tkeep-alive"]), None);
}

#[test]
fn edge_002_connection_ignores_case() {
    assert_eq!(refusal(&["Connection: UPGRADE"]), None);
}

#[test]
fn edge_003_connection_token_is_no_substring() {
    assert_eq!(
        refusal(&["Connection: notupgrade"]),
        Some(MissingConnection)
    );
    assert_eq!(
        refusal(&["Connection: upgrade-not"]),
        Some(MissingConnection)
    );
    assert_eq!(
        refusal(&["Connection: \"Upgrade\""]),
        Some(MissingConnection)
    );
}

#[test]
fn edge_004_connection_may_stand_twice() {
    assert_eq!(
        refusal(&["Connection: Upgrade", "Connection: keep-alive"]),
        None
    );
    assert_eq!(
        refusal(&["Connection: keep-alive", "Connection: Upgrade"]),
        None
    );
}

#[test]
fn edge_005_empty_list_elements_are_ignored() {
    assert_eq!(refusal(&["Connection: , Upgrade,"]), None);
}

#[test]
fn edge_006_upgrade_ignores_case() {
    assert_eq!(refusal(&["Upgrade: WebSocket"]), None);
}

#[test]
fn edge_007_upgrade_is_a_list() {
    assert_eq!(refusal(&["Upgrade: h2c, websocket"]), None);
    assert_eq!(refusal(&["Upgrade: h2c", "Upgrade: websocket"]), None);
    assert_eq!(refusal(&["Upgrade: websocket", "Upgrade: h2c"]), None);
}

#[test]
fn edge_008_upgrade_with_a_version_is_another_protocol() {
    assert_eq!(refusal(&["Upgrade: websocket/13"]), Some(MissingUpgrade));
}

#[test]
fn edge_009_missing_upgrade_or_connection_gives_426() {
    for changes in [["-Upgrade"], ["Upgrade: h2c"], ["-Connection"]] {
        let error = refusal(&changes).unwrap();
        assert!(matches!(error, MissingUpgrade | MissingConnection));
        let response = refuse(error);
        assert!(response.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
        assert!(response.contains("\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n"));
    }
}

#[test]
fn edge_010_other_methods_give_405_with_allow() {
    for method in ["POST", "HEAD", "CONNECT", "get", "GETS", "PRI"] {
        let line = format!("{method} /chat HTTP/1.1");
        assert_eq!(refusal(&[&line]), Some(MethodNotGet), "{method}");
    }
    let response = refuse(MethodNotGet);
    assert!(response.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
    assert!(response.contains("\r\nAllow: GET\r\n"));
}

#[test]
fn edge_011_other_versions_give_505() {
    // "the highest minor version within that major version" (RFC 9110, section 2.5)
    for minor in 1..=9 {
        let line = format!("GET /chat HTTP/1.{minor}");
        assert_eq!(refusal(&[&line]), None, "{line}");
        let head = request(&[&line]);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        assert_eq!(request.version(), Version::Http11, "{line}");
    }
    for version in ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/3.1", "HTTP/9.9"] {
        let line = format!("GET /chat {version}");
        assert_eq!(refusal(&[&line]), Some(HttpVersion), "{version}");
    }
    for version in [
        "http/1.1",
        "HTTP/1",
        "HTTP/11",
        "HTTP/1.1 ",
        "HTTP/1.10",
        " HTTP/1.1",
    ] {
        let line = format!("GET /chat {version}");
        let head = request(&[]);
        let rest = head.strip_prefix(b"GET /chat HTTP/1.1").unwrap();
        let head = [line.as_bytes(), rest].concat();
        assert_eq!(judge_request(&head), Err(MalformedHead), "{version}");
    }
    assert!(refuse(HttpVersion).starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"));
}

#[test]
fn edge_012_host_stands_exactly_once() {
    assert_eq!(refusal(&["-Host"]), Some(MissingHost));
    assert_eq!(
        refusal(&["Host: a", "Host: a"]),
        Some(RepeatedField("Host"))
    );
    for host in [
        "", "a b", "user@a", "a/b", "a:x", "a:655350", "http://a", "[::1", "[]", "[x]",
    ] {
        assert_eq!(
            refusal(&[&format!("Host: {host}")]),
            Some(InvalidHost),
            "{host}"
        );
    }
    for host in ["a", "a,b", "a:", "a:80", "a:65535", "[::1]", "[::1]:65535"] {
        assert_eq!(refusal(&[&format!("Host: {host}")]), None, "{host}");
    }
    assert!(refuse(MissingHost).starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

/// Of two faults the one that is judged first decides, by every way in: so the status does not hang on
/// the way.
#[test]
fn s4_2_1_faults_are_judged_in_one_order() {
    let faults: [(&str, HandshakeError); 11] = [
        ("POST", MethodNotGet),
        ("HTTP/1.0", HttpVersion),
        ("/chat#a", TargetFragment),
        // Before anything says what the bytes behind the head are.
        ("Content-Length: 1", BodyNotAllowed),
        ("-Upgrade", MissingUpgrade),
        ("-Connection", MissingConnection),
        ("Sec-WebSocket-Version: 8", UnsupportedVersion),
        ("Sec-WebSocket-Key: a", InvalidKey),
        ("Origin: ", InvalidOrigin),
        ("Sec-WebSocket-Protocol: a, a", RepeatedSubprotocol),
        ("Sec-WebSocket-Extensions: ;", InvalidExtensions),
    ];
    let refused = |one: &str, other: &str| {
        let fault_or = |fault, right| {
            if [one, other].contains(&fault) {
                fault
            } else {
                right
            }
        };
        let line = format!(
            "{} {} {}",
            fault_or("POST", "GET"),
            fault_or("/chat#a", "/chat"),
            fault_or("HTTP/1.0", "HTTP/1.1"),
        );
        let is_field = |fault: &&str| fault.contains(':') || fault.starts_with('-');
        let fields = [one, other].into_iter().filter(is_field);
        let changes: Vec<_> = core::iter::once(&*line).chain(fields).collect();
        refusal(&changes)
    };
    for (at, (first, error)) in faults.iter().enumerate() {
        for (second, _) in faults.iter().skip(at + 1) {
            assert_eq!(refused(first, second), Some(*error), "{first}, {second}");
        }
    }
    // Whether its page may open a connection is asked of a request that is right.
    let denied = |changes: &[&str]| {
        let head = request(&[&["Origin: https://elsewhere.test"], changes].concat());
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        request.upgrade(OriginPolicy::SameHost).err()
    };
    assert_eq!(denied(&[]), Some(OriginNotAllowed));
    for (fault, error) in faults.iter().skip(9) {
        assert_eq!(denied(&[fault]), Some(*error));
    }
}

/// RFC 9112, section 3.2, is of every request, not only of one that opens a WebSocket connection.
#[test]
fn rfc_9112_s3_2_a_page_is_asked_for_with_one_host() {
    let judge = |lines: &str| {
        let head = format!("{lines}\r\n");
        let of_bytes = judge_request(head.as_bytes()).err();
        let mut handshake = Handshake::default();
        match handshake.receive(head.as_bytes()) {
            Ok(request) => {
                let request = request.unwrap();
                assert!(!request.is_upgrade());
                assert_eq!(request.check(), Ok(()));
                None
            }
            Err(error) => {
                assert_eq!(of_bytes, Some(error));
                assert!(refuse(error).starts_with("HTTP/1.1 400 Bad Request\r\n"));
                Some(error)
            }
        }
    };
    for method in ["GET", "POST", "OPTIONS"] {
        let with =
            |version: &str, fields: &str| judge(&format!("{method} / HTTP/{version}\r\n{fields}"));
        for version in ["1.1", "1.2", "1.9"] {
            assert_eq!(with(version, "Host: a\r\n"), None);
            assert_eq!(with(version, "X: y\r\n"), Some(MissingHost));
        }
        // HTTP/1.0 has no `Host`, but one is one there too.
        assert_eq!(with("1.0", ""), None);
        for version in ["1.0", "1.1"] {
            let twice = with(version, "Host: a\r\nhost: a\r\n");
            assert_eq!(twice, Some(RepeatedField("Host")));
            for host in ["", "a b", "u@a", "a,b/"] {
                let invalid = with(version, &format!("Host: {host}\r\n"));
                assert_eq!(invalid, Some(InvalidHost), "{host}");
            }
        }
    }
    let absolute = judge("GET http://example.com/ HTTP/1.1\r\n");
    assert_eq!(absolute, Some(MissingHost));
    // It comes before what is wrong with an opening handshake.
    assert_eq!(refusal(&["POST / HTTP/1.1", "-Host"]), Some(MissingHost));
    assert_eq!(
        refusal(&["GET /# HTTP/1.1", "Host: a b"]),
        Some(InvalidHost)
    );
}

#[test]
fn edge_013_missing_key_gives_400() {
    assert_eq!(refusal(&["-Sec-WebSocket-Key"]), Some(MissingKey));
    assert_eq!(MissingKey.status_hint(), 400);
}

#[test]
fn edge_014_key_is_sixteen_bytes_in_base64() {
    for key in [
        "",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub24=",
        "dGhlIHNhbXBsZSBub25jZWU=",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25-ZQ==",
        "not base64 at all, no!!!",
    ] {
        assert_eq!(
            refusal(&[&format!("Sec-WebSocket-Key: {key}")]),
            Some(InvalidKey),
            "{key}"
        );
    }
    assert_eq!(InvalidKey.status_hint(), 400);
}

#[test]
fn edge_015_key_with_unused_bits_is_hashed_as_received() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==";
    assert_eq!(refusal(&[key]), None);
    let response = accept(&[key], &Acceptance::default()).unwrap();
    // SHA-1 of this very string and the GUID, computed elsewhere.
    assert!(
        response.contains("\r\nSec-WebSocket-Accept: Zgw8jYXtqX5qJr7MJ1Q/MqzeSRI=\r\n"),
        "{response}"
    );
}

#[test]
fn edge_016_key_stands_once() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    assert_eq!(
        refusal(&[key, key]),
        Some(RepeatedField("Sec-WebSocket-Key"))
    );
}

#[test]
fn edge_017_white_space_around_the_key_is_not_hashed() {
    let response = accept(
        &["Sec-WebSocket-Key: \t dGhlIHNhbXBsZSBub25jZQ== \t"],
        &Acceptance::default(),
    );
    assert!(
        response
            .unwrap()
            .contains(": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
    );
}

#[test]
fn edge_018_other_versions_give_426_with_the_version() {
    for version in [
        "14", "0", "12", "", "1 3", "13.0", "+13", "0x0d", "thirteen",
    ] {
        let field = format!("Sec-WebSocket-Version: {version}");
        assert_eq!(refusal(&[&field]), Some(UnsupportedVersion), "{version}");
    }
    let response = refuse(UnsupportedVersion);
    assert!(response.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
    assert!(response.contains("\r\nSec-WebSocket-Version: 13\r\n"));
}

#[test]
fn edge_019_version_8_is_another_version() {
    assert_eq!(
        refusal(&["Sec-WebSocket-Version: 8"]),
        Some(UnsupportedVersion)
    );
}

#[test]
fn edge_020_missing_version_gives_400() {
    assert_eq!(refusal(&["-Sec-WebSocket-Version"]), Some(MissingVersion));
    assert_eq!(MissingVersion.status_hint(), 400);
}

#[test]
fn edge_021_version_is_no_list() {
    assert_eq!(
        refusal(&["Sec-WebSocket-Version: 13, 8"]),
        Some(UnsupportedVersion)
    );
    let twice = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"];
    assert_eq!(
        refusal(&twice),
        Some(RepeatedField("Sec-WebSocket-Version"))
    );
}

#[test]
fn edge_022_version_has_no_leading_zero() {
    assert_eq!(
        refusal(&["Sec-WebSocket-Version: 013"]),
        Some(UnsupportedVersion)
    );
}

#[test]
fn edge_023_folded_lines_give_400() {
    assert_eq!(refusal(&["X: a\r\n b"]), Some(LineFolding));
    assert_eq!(refusal(&["X: a\r\n\tb"]), Some(LineFolding));
    assert_eq!(refusal(&["X: a\r\n "]), Some(LineFolding));
    assert_eq!(replaced("HTTP/1.1\r\n", "HTTP/1.1\r\n "), Some(LineFolding));
    assert_eq!(LineFolding.status_hint(), 400);
}

#[test]
fn edge_024_white_space_before_the_colon_gives_400() {
    assert_eq!(replaced("Upgrade:", "Upgrade :"), Some(MalformedHead));
    assert_eq!(replaced("Upgrade:", "Upgrade\t:"), Some(MalformedHead));
    assert_eq!(replaced("Upgrade:", ":"), Some(MalformedHead));
    assert_eq!(replaced("Upgrade:", "Upgrade"), Some(MalformedHead));
    assert_eq!(replaced("Upgrade:", "Up(grade:"), Some(MalformedHead));
    assert_eq!(MalformedHead.status_hint(), 400);
}

#[test]
fn edge_025_bare_line_feed_gives_400() {
    assert_eq!(replaced("\r\n", "\n"), Some(BareLineFeed));
    assert_eq!(replaced("websocket\r\n", "websocket\n"), Some(BareLineFeed));
    assert_eq!(replaced("\r\n\r\n", "\r\n\n"), Some(BareLineFeed));
    assert_eq!(judge_request(b"\nGET / HTTP/1.1\r\n"), Err(BareLineFeed));
    assert_eq!(BareLineFeed.status_hint(), 400);
}

#[test]
fn edge_026_control_characters_give_400() {
    for byte in (0..=0x1f).chain([0x7f]) {
        let expected = match byte {
            b'\t' => None,
            b'\n' => Some(BareLineFeed),
            _ => Some(MalformedHead),
        };
        let value = format!("X: a{}b", char::from(byte));
        assert_eq!(refusal(&[&value]), expected, "{byte:#04x}");
    }
    // CR and LF are a line end together, and not with something between them.
    for value in ["X: a\rb\nY: c", "X: a\r \nY: c", "X: a\r\r\nY: c"] {
        assert_eq!(refusal(&[value]), Some(MalformedHead), "{value:?}");
    }
    assert_eq!(replaced("/chat", "/ch\0at"), Some(MalformedHead));
    assert_eq!(replaced("/chat", "/ch\tat"), Some(MalformedHead));
    assert_eq!(replaced("/chat", ""), Some(MalformedHead));
    assert_eq!(replaced("/chat", "/ch\u{e9}t"), Some(MalformedHead));
    // Known at once, not at the end of the head.
    assert_eq!(judge_request(b"\x16\x03\x01"), Err(MalformedHead));
    assert_eq!(judge_request(b"GET /\x7f"), Err(MalformedHead));
    assert_eq!(judge_request(b"GET /\rb"), Err(MalformedHead));
}

/// "finds that the byte stream is not, in fact, a valid UTF-8 stream [...] This rule applies both
/// during the opening handshake and during subsequent data exchange" (section 8.1). What is read as
/// text has a narrower grammar; a value that nobody reads stays bytes.
#[test]
fn s8_1_what_is_read_as_text_is_never_broken_utf8() {
    let with = |place: &str, bytes: &[u8]| {
        let head = request(&[
            "Origin: http://a@",
            "Sec-WebSocket-Protocol: b@",
            "Sec-WebSocket-Extensions: c; d=e@",
            "X: f@",
        ]);
        let mut changed = Vec::new();
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            let is_here = line.starts_with(place.as_bytes());
            for byte in line {
                match byte {
                    b'@' if is_here => changed.extend_from_slice(bytes),
                    b'@' => {}
                    byte => changed.push(*byte),
                }
            }
        }
        judge_request(&changed).err()
    };
    for bytes in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"] {
        for (place, error) in [
            ("Origin:", InvalidOrigin),
            ("Sec-WebSocket-Protocol:", InvalidSubprotocol),
            ("Sec-WebSocket-Extensions:", InvalidExtensions),
        ] {
            assert_eq!(with(place, b""), None, "{place}");
            assert_eq!(with(place, bytes), Some(error), "{place} {bytes:x?}");
        }
        assert_eq!(with("X:", bytes), None, "{bytes:x?}");
        let target = [b"GET /chat", bytes, b" HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(judge_request(&target), Err(MalformedHead), "{bytes:x?}");
        let host = [b"GET / HTTP/1.1\r\nHost: a", bytes, b"\r\n\r\n"].concat();
        assert_eq!(judge_request(&host), Err(InvalidHost), "{bytes:x?}");
    }
}

#[test]
fn edge_027_content_length_zero_is_accepted() {
    assert_eq!(refusal(&["Content-Length: 0"]), None);
}

#[test]
fn edge_028_content_gives_400() {
    for field in [
        "Content-Length: 1",
        "Content-Length: 100",
        "Content-Length: -0",
        "Content-Length: 0, 0",
        "Content-Length:",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
    ] {
        assert_eq!(refusal(&[field]), Some(BodyNotAllowed), "{field}");
    }
    let twice = ["Content-Length: 0", "Content-Length: 0"];
    assert_eq!(refusal(&twice), Some(RepeatedField("Content-Length")));
    assert!(
        refuse(BodyNotAllowed).starts_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    );
}

#[test]
fn edge_030_bytes_after_the_head_are_left_alone() {
    let mut bytes = request(&[]);
    let head_len = bytes.len();
    bytes.extend_from_slice(b"\x81\x85\n\r\n\0 frames");
    let verdict = judge_request(&bytes).unwrap().unwrap();
    assert_eq!(verdict.0, head_len);
}

#[test]
fn edge_031_every_portion_gives_the_same() {
    // `judge_request` cuts at every place; here what it sees of a request with everything in it.
    let head = request(&[
        "GET http://example.com:8080/a?b HTTP/1.1",
        "Origin: https://example.com",
        "Sec-WebSocket-Protocol: a, b",
        "Sec-WebSocket-Extensions: x; y=\"z\", w",
    ]);
    let (head_len, words) = judge_request(&head).unwrap().unwrap();
    assert_eq!(head_len, head.len());
    assert!(words.contains("\"example.com:8080\""), "{words}");
    // One byte less is no head, wherever it is cut.
    assert_eq!(judge_request(&head[..head.len() - 1]), Ok(None));
}

#[test]
fn edge_042_origin_stands_once_and_a_denied_one_gives_403() {
    let origin = "Origin: http://example.com";
    assert_eq!(refusal(&[origin]), None);
    assert_eq!(refusal(&["Origin: null"]), None);
    assert_eq!(refusal(&[origin, origin]), Some(RepeatedField("Origin")));
    for value in ["", "http://a http://b", "http://\u{e9}"] {
        assert_eq!(
            refusal(&[&format!("Origin: {value}")]),
            Some(InvalidOrigin),
            "{value}"
        );
    }
    assert_eq!(RepeatedField("Origin").status_hint(), 400);
    assert!(refuse(OriginNotAllowed).starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

#[test]
fn s10_2_origin_policies_compare_whole_origins() {
    let admits = |policy: OriginPolicy<'_>, origin: &str| {
        let head = request(&["Host: Example.com:8080", origin]);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        match request.upgrade(policy) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, OriginNotAllowed);
                false
            }
        }
    };
    for (origin, same_host, one_of) in [
        ("-Origin", true, true),
        ("Origin: https://example.com:8080", true, false),
        ("Origin: HTTPS://example.com:8080", true, false),
        ("Origin: https://example.com:08080", true, false),
        ("Origin: wss://example.com:8080", true, false),
        ("Origin: https://example.com.:8080", false, false),
        ("Origin: https://example.com:80800", false, false),
        ("Origin: https://example.com:8080/", false, false),
        ("Origin: https://", false, false),
        ("Origin: ://example.com:8080", false, false),
        ("Origin: http://EXAMPLE.com:8080", true, false),
        ("Origin: https://a.test", false, true),
        ("Origin: https://A.test", false, false),
        ("Origin: http://a.test", false, false),
        ("Origin: https://a.test:443", false, false),
        ("Origin: https://a.test.evil.test", false, false),
        ("Origin: https://example.com", false, false),
        ("Origin: https://evil-example.com:8080", false, false),
        ("Origin: https://example.com:8080.evil.test", false, false),
        ("Origin: https://user@example.com:8080", false, false),
        ("Origin: ftp://example.com:8080", false, false),
        ("Origin: example.com:8080", false, false),
        ("Origin: null", false, false),
    ] {
        assert!(admits(OriginPolicy::Any, origin));
        assert_eq!(
            admits(OriginPolicy::SameHost, origin),
            same_host,
            "{origin}"
        );
        let listed = OriginPolicy::OneOf(&["https://b.test", "https://a.test"]);
        assert_eq!(admits(listed, origin), one_of, "{origin}");
    }
}

/// "uri-scheme, uri-host, and uri-port" (RFC 6454, section 4): a port that is not given is that of
/// the scheme.
#[test]
fn rfc_6454_s4_the_same_host_has_the_same_port_given_or_not() {
    let admits = |host: &str, origin: &str| {
        let head = request(&[&format!("Host: {host}"), &format!("Origin: {origin}")]);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        request.upgrade(OriginPolicy::SameHost).is_ok()
    };
    for (host, origin, expected) in [
        ("example.com:443", "https://example.com", true),
        ("example.com:80", "http://example.com", true),
        ("example.com", "https://example.com:443", true),
        ("example.com", "http://example.com:80", true),
        ("example.com:", "https://example.com:443", true),
        ("example.com:443", "https://example.com:", true),
        ("example.com:0443", "https://EXAMPLE.com", true),
        ("example.com:443", "wss://example.com", true),
        ("example.com:80", "ws://example.com", true),
        ("[::1]:443", "https://[::1]", true),
        ("[::a]", "http://[::A]:80", true),
        ("example.com:80", "https://example.com", false),
        ("example.com:443", "http://example.com", false),
        ("example.com:443", "ws://example.com", false),
        ("example.com", "https://example.com:80", false),
        ("example.com:8443", "https://example.com", false),
        ("example.com:4430", "https://example.com:443", false),
        ("example.com", "https://example.com.", false),
        ("example.com.", "https://example.com", false),
        ("example.com.", "https://example.com.:443", true),
        ("[::1]", "https://[::2]", false),
        ("example.com", "https://user@example.com", false),
        ("example.com", "https://example.com/path", false),
        ("example.com:443", "ftp://example.com:443", false),
        ("example.com", "app://example.com", false),
        ("example.com", "null", false),
    ] {
        assert_eq!(admits(host, origin), expected, "{host} {origin}");
    }
}

/// What the policies make of each origin that was used against other servers.
#[test]
fn s10_2_a_custom_policy_decides_by_the_whole_value() {
    fn is_shareable<T: Send + Sync + Copy>(_: T) {}
    let subdomains = |origin: &str| {
        origin
            .strip_prefix("https://")
            .is_some_and(|host| host == "example.com" || host.ends_with(".example.com"))
    };
    let policy = OriginPolicy::Custom(&subdomains);
    is_shareable(policy);
    assert_eq!(format!("{policy:?}"), "Custom(..)");
    let judge = |changes: &[&str]| {
        let head = request(changes);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        request.upgrade(policy).err()
    };
    assert_eq!(judge(&["-Origin"]), None);
    assert_eq!(judge(&["Origin: https://example.com"]), None);
    assert_eq!(judge(&["Origin: https://chat.example.com"]), None);
    for origin in [
        "null",
        "https://evil-example.com",
        "https://example.com.evil.test",
        "https://user@example.com",
        "https://example.com:8443",
        "http://example.com",
    ] {
        let field = format!("Origin: {origin}");
        assert_eq!(judge(&[&field]), Some(OriginNotAllowed), "{origin}");
    }
    // What breaks the rules does not come to the policy.
    let yes = |_: &str| true;
    let twice = request(&["Origin: https://a.test", "Origin: https://a.test"]);
    let request = Handshake::default().receive(&twice).unwrap().unwrap();
    let error = request.upgrade(OriginPolicy::Custom(&yes)).err();
    assert_eq!(error, Some(RepeatedField("Origin")));
}

#[test]
fn edge_043_target_has_no_fragment_and_may_be_absolute() {
    assert_eq!(refusal(&["GET /chat#part HTTP/1.1"]), Some(TargetFragment));
    assert_eq!(refusal(&["GET /# HTTP/1.1"]), Some(TargetFragment));
    assert_eq!(refusal(&["GET /chat?a#b HTTP/1.1"]), Some(TargetFragment));
    assert_eq!(TargetFragment.status_hint(), 400);
    for target in [
        "chat",
        "*",
        "example.com:80",
        "ws://example.com/chat",
        "http:///chat",
    ] {
        let line = format!("GET {target} HTTP/1.1");
        assert_eq!(refusal(&[&line]), Some(InvalidTarget), "{target}");
    }
    let head = request(&[
        "GET http://example.com/chat?a=b?c HTTP/1.1",
        "Host: other.test",
    ]);
    assert!(judge_request(&head).is_ok());
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    assert_eq!((request.path(), request.query()), ("/chat", Some("a=b?c")));
    assert_eq!(request.path_and_query(), Some("/chat?a=b?c"));
    assert_eq!(
        request.upgrade(OriginPolicy::Any).unwrap().host(),
        "example.com"
    );
}

/// The visible characters that a browser leaves as they are, now or some years ago.
#[test]
fn a_target_has_the_characters_that_browsers_send() {
    for byte in b'!'..=b'~' {
        let byte = char::from(byte);
        // Those that are special are judged by all cuts and ways, the others once.
        let verdict = |target: String| {
            let line = format!("GET {target} HTTP/1.1");
            if "#\"<>\\|^".contains(byte) {
                return refusal(&[&line]);
            }
            let head = request(&[&line]);
            let request = Handshake::default().receive(&head).unwrap().unwrap();
            request.upgrade(OriginPolicy::Any).err()
        };
        let (in_path, in_query) = match byte {
            '#' => (Some(TargetFragment), Some(TargetFragment)),
            '"' | '<' | '>' => (Some(InvalidTarget), Some(InvalidTarget)),
            '\\' => (Some(InvalidTarget), None),
            _ => (None, None),
        };
        assert_eq!(verdict(format!("/a{byte}b")), in_path, "{byte}");
        assert_eq!(verdict(format!("/a?b{byte}c")), in_query, "{byte}");
        assert_eq!(verdict(format!("http://a/b{byte}c")), in_path, "{byte}");
        assert_eq!(verdict(format!("http://a?b{byte}c")), in_query, "{byte}");
        let asked = |target: &str| {
            let client = Client::new(*b"the sample nonce", "a", target);
            client.write_request(&mut Out::new()).is_ok()
        };
        assert_eq!(asked(&format!("/a{byte}b")), in_path.is_none(), "{byte}");
        let in_query = in_query.is_none();
        assert_eq!(asked(&format!("/a?b{byte}c")), in_query, "{byte}");
    }
}

/// "The first byte that proves a fault decides": a banner of another protocol is refused with the
/// end of its line, whatever follows and wherever that is cut.
#[test]
fn a_banner_is_refused_at_the_end_of_its_line() {
    for (line, expected) in [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443", MalformedHead),
        ("SSH-2.0-OpenSSH_9.6", MalformedHead),
        ("EHLO mail.example.com", MalformedHead),
        ("HELP", MalformedHead),
        ("GET /", MalformedHead),
        ("OPTIONS sip:a SIP/2.0", MalformedHead),
        ("PRI * HTTP/2.0", HttpVersion),
        ("GET / HTTP/0.9", HttpVersion),
    ] {
        for before in ["", "\r\n"] {
            let line = format!("{before}{line}\r\n");
            for end in 0..line.len() {
                assert_eq!(judge_request(&line.as_bytes()[..end]), Ok(None), "{line}");
            }
            for after in ["", "\r\n", "\n", "\0", " x", ":", "no colon\r\n", "\r\r"] {
                let bytes = format!("{line}{after}");
                assert_eq!(judge_request(bytes.as_bytes()), Err(expected), "{bytes:?}");
            }
            // The limit is not reached before the end of the line.
            let limits = HeadLimits::default().max_len(line.len());
            let verdict = judge_request_within(limits, line.as_bytes());
            assert_eq!(verdict, Err(expected), "{line}");
        }
    }
    // The name of a field is judged with the end of its line too.
    for line in ["no colon", ": x", "a b: c", "a : b"] {
        let head = format!("GET / HTTP/1.1\r\n{line}\r\n");
        let bytes = head.as_bytes();
        assert_eq!(judge_request(&bytes[..bytes.len() - 1]), Ok(None), "{line}");
        for after in ["", "\n", "\r\n", " x", "Host: a\r\n\r\n"] {
            let bytes = format!("{head}{after}");
            assert_eq!(
                judge_request(bytes.as_bytes()),
                Err(MalformedHead),
                "{bytes:?}"
            );
        }
    }
}

#[test]
fn the_end_of_input_is_before_inside_or_after_a_head() {
    let head = request(&[]);
    let end_of = |bytes: &[u8]| {
        let mut handshake = Handshake::default();
        let _ = handshake.receive(bytes);
        let whole = handshake.receive_eof();
        let mut bytewise = Handshake::default();
        for len in 0..=bytes.len() {
            let _ = bytewise.receive(&bytes[..len]);
        }
        assert_eq!(bytewise.receive_eof(), whole);
        whole
    };
    assert_eq!(Handshake::default().receive_eof(), HeadEnd::BeforeHead);
    assert_eq!(end_of(b""), HeadEnd::BeforeHead);
    assert_eq!(end_of(b"\r"), HeadEnd::InsideHead);
    assert_eq!(end_of(b"\r\n"), HeadEnd::BeforeHead);
    for len in 1..head.len() {
        assert_eq!(end_of(&head[..len]), HeadEnd::InsideHead);
        let after_an_empty_line = [b"\r\n", &head[..len]].concat();
        assert_eq!(end_of(&after_an_empty_line), HeadEnd::InsideHead);
    }
    assert_eq!(end_of(&head), HeadEnd::AfterHead);
    assert_eq!(end_of(&[&head[..], b"frames"].concat()), HeadEnd::AfterHead);
    // What was refused is read so far.
    assert_eq!(end_of(b"HELP\r\n"), HeadEnd::InsideHead);
    let limits = HeadLimits::default().max_len(2);
    let mut handshake = Handshake::new(limits);
    assert!(handshake.receive(b"\r\n").is_err());
    assert_eq!(handshake.receive_eof(), HeadEnd::InsideHead);
    assert_eq!(end_of(&request(&["-Host"])), HeadEnd::AfterHead);
}

#[test]
fn rfc_9112_s2_2_one_empty_line_may_come_first() {
    let head = request(&[]);
    let (head_len, _) = judge_request(&[b"\r\n", &head[..]].concat())
        .unwrap()
        .unwrap();
    assert_eq!(head_len, head.len() + 2);
    assert_eq!(
        judge_request(&[b"\r\n\r\n", &head[..]].concat()),
        Err(MalformedHead)
    );
    assert_eq!(
        judge_request(&[b"\r\r\n", &head[..]].concat()),
        Err(MalformedHead)
    );
}

#[test]
fn ordinary_requests_are_told_from_upgrades() {
    let is_upgrade = |changes: &[&str]| {
        Handshake::default()
            .receive(&request(changes))
            .unwrap()
            .unwrap()
            .is_upgrade()
    };
    assert!(is_upgrade(&[]));
    assert!(is_upgrade(&["-Upgrade"]));
    assert!(is_upgrade(&[
        "-Sec-WebSocket-Key",
        "Upgrade: h2c, WebSocket"
    ]));
    assert!(!is_upgrade(&["-Sec-WebSocket-Key", "Upgrade: h2c"]));
    assert!(!is_upgrade(&["-Sec-WebSocket-Key", "-Upgrade"]));
}

#[test]
fn a_request_is_shown_with_each_field_once() {
    let head = request(&["X: y\u{e9}z"]);
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    let shown = format!("{request:?}");
    assert_eq!(shown.matches("server.example.com").count(), 1, "{shown}");
    assert!(shown.contains(r#""X: y\xc3\xa9z""#), "{shown}");
    assert!(shown.contains("known: Known { .. }"), "{shown}");
}

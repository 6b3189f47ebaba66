//! The switches of [`Leniency`]: each is off by default, relaxes its one rule when it is on, and
//! nothing else.

use websocket_proto::Leniency;
use websocket_proto::handshake::HandshakeError::{
    self, BareLineFeed, ConnectionNotConfirmed, InvalidExtensions, InvalidKey, InvalidSubprotocol,
    LineFolding, MalformedHead, MissingAccept, MissingHost, MissingVersion, NoSubprotocol,
    RepeatedField, RepeatedSubprotocol, UnofferedExtension, UnofferedSubprotocol,
    UpgradeNotConfirmed, WrongAccept,
};
use websocket_proto::handshake::client::{
    Answer, ConnectEnabled, Handshake, Outcome, SubprotocolChoice,
};
use websocket_proto::handshake::server::{self, OriginPolicy};
use websocket_proto::handshake::{HttpVersion, PseudoFields};

use crate::support::{
    NONCE, Verdict, judge_request, judge_request_leniently, judge_response_to, pairs, request,
    response,
};

/// The switches that concern the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    EmptySubprotocol,
    MissingAccept,
    LooseFields,
    BareLineFeed,
}

use Switch::{
    BareLineFeed as OfLines, EmptySubprotocol as OfSubprotocol, LooseFields as OfFields,
    MissingAccept as OfAccept,
};

const SWITCHES: [Switch; 4] = [OfSubprotocol, OfAccept, OfFields, OfLines];

impl Switch {
    fn on(self) -> Leniency {
        let strict = Leniency::new();
        match self {
            OfSubprotocol => strict.empty_subprotocol(true),
            OfAccept => strict.missing_accept(true),
            OfFields => strict.loose_fields(true),
            OfLines => strict.bare_line_feed(true),
        }
    }
}

fn handshake() -> Handshake<'static> {
    Handshake::new(NONCE, "server.example.com", "/chat").subprotocols(&["chat"])
}

/// Holds `judge` to `error`, but with the one switch that relaxes it.
fn only(
    relaxed_by: Option<Switch>,
    error: HandshakeError,
    words: &str,
    judge: impl Fn(Leniency) -> Verdict,
) {
    assert_eq!(
        judge(Leniency::default()),
        Err(error),
        "by default: {words}"
    );
    let data_phase = Leniency::new().unmasked_frames(true).unchecked_text(true);
    assert_eq!(judge(data_phase), Err(error), "data phase: {words}");
    for switch in SWITCHES {
        let verdict = judge(switch.on());
        if relaxed_by == Some(switch) {
            assert!(
                matches!(verdict, Ok(Some(_))),
                "{switch:?}: {words}: {verdict:?}"
            );
        } else {
            assert_eq!(verdict, Err(error), "{switch:?}: {words}");
        }
    }
}

/// Holds what a client makes of a changed response to `error`, but with the one switch.
fn judge(relaxed_by: Option<Switch>, error: HandshakeError, changes: &[&str]) {
    let head = response(changes);
    only(relaxed_by, error, &format!("{changes:?}"), |leniency| {
        judge_response_to(&handshake().leniency(leniency), &head)
    });
}

#[test]
fn each_switch_relaxes_its_rule_for_responses_and_nothing_else() {
    for (relaxed_by, error, changes) in [
        (
            Some(OfSubprotocol),
            UnofferedSubprotocol,
            &["Sec-WebSocket-Protocol:"][..],
        ),
        (
            Some(OfSubprotocol),
            UnofferedSubprotocol,
            &["Sec-WebSocket-Protocol: ,\t,"],
        ),
        (
            Some(OfSubprotocol),
            RepeatedField("Sec-WebSocket-Protocol"),
            &["Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: chat"],
        ),
        (
            None,
            RepeatedField("Sec-WebSocket-Protocol"),
            &[
                "Sec-WebSocket-Protocol: chat",
                "Sec-WebSocket-Protocol: chat",
            ],
        ),
        (
            None,
            UnofferedSubprotocol,
            &["Sec-WebSocket-Protocol: other"],
        ),
        (
            None,
            UnofferedSubprotocol,
            &["Sec-WebSocket-Protocol: chat,"],
        ),
        (
            None,
            UnofferedSubprotocol,
            &["Sec-WebSocket-Protocol: \"\""],
        ),
        (None, InvalidExtensions, &["Sec-WebSocket-Extensions:"]),
        (None, UnofferedExtension, &["Sec-WebSocket-Extensions: x"]),
        (Some(OfAccept), MissingAccept, &["-Sec-WebSocket-Accept"]),
        (None, WrongAccept, &["Sec-WebSocket-Accept:"]),
        (
            None,
            WrongAccept,
            &["Sec-WebSocket-Accept: ZEs+c+VBk8Aj01+wJGN7Y15796g="],
        ),
        (
            None,
            RepeatedField("Sec-WebSocket-Accept"),
            &["Sec-WebSocket-Accept: x", "Sec-WebSocket-Accept: x"],
        ),
        (None, UpgradeNotConfirmed, &["-Upgrade"]),
        (None, ConnectionNotConfirmed, &["-Connection"]),
        (Some(OfFields), MalformedHead, &["Server : x"]),
        (Some(OfFields), MalformedHead, &["Date \t :"]),
        (Some(OfFields), MalformedHead, &["Set-Cookie: a\x01b\x7f"]),
    ] {
        judge(relaxed_by, error, changes);
    }
}

#[test]
fn loose_fields_are_those_that_the_handshake_does_not_use() {
    for (relaxed_by, error, changes) in [
        (
            Some(OfFields),
            MalformedHead,
            &["X:\x1b", "Y: \x0b\x0c", "Z : \x08"][..],
        ),
        (Some(OfFields), MalformedHead, &["X: a\r\n b\x01"]),
        (None, MalformedHead, &["X: a\0b"]),
        (None, MalformedHead, &["X: a\rb"]),
        (None, MalformedHead, &["X: \x01\0"]),
        (None, MalformedHead, &["X \x01: a"]),
        (None, MalformedHead, &["X\x01: a"]),
        (None, MalformedHead, &["X\r\n : a"]),
        (None, MalformedHead, &["X \r\n\t: a\x01"]),
        (None, MalformedHead, &["\x01: a"]),
        (None, MalformedHead, &["X Y: a"]),
        (None, MalformedHead, &["X"]),
        (None, MalformedHead, &[": a"]),
        (None, MalformedHead, &["X(: a"]),
        (None, MalformedHead, &["HTTP/1.1 101 \x01"]),
        (None, MalformedHead, &["HTTP/1.1 101 X: \x01"]),
        (None, MalformedHead, &["HTTP/1.1\t101 x"]),
        // The handshake looks at these, and at some of them on the other side.
        (None, MalformedHead, &["-Upgrade", "Upgrade : websocket"]),
        (None, MalformedHead, &["upgrade\t: websocket"]),
        (
            None,
            MalformedHead,
            &["-Connection", "Connection : Upgrade"],
        ),
        (
            None,
            MalformedHead,
            &["Sec-WebSocket-Accept : s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
        ),
        (None, MalformedHead, &["Sec-WebSocket-Protocol : chat"]),
        (None, MalformedHead, &["SEC-WEBSOCKET-EXTENSIONS : x"]),
        (None, MalformedHead, &["Content-Length : 0"]),
        (None, MalformedHead, &["Transfer-Encoding : chunked"]),
        (None, MalformedHead, &["Upgrade: websocket\x01"]),
        (None, MalformedHead, &["Connection: \x01, Upgrade"]),
        (None, MalformedHead, &["Connection: Upgrade, \x01\r\n x"]),
        (
            None,
            MalformedHead,
            &["Sec-WebSocket-Accept: \x7fs3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
        ),
        (
            None,
            MalformedHead,
            &["Sec-WebSocket-Protocol: chat\r\n \x01"],
        ),
    ] {
        judge(relaxed_by, error, changes);
    }
    let folded = b"HTTP/1.1 101 Switching Protocols\r\n X: y\r\n\r\n";
    only(None, LineFolding, "fold", |leniency| {
        judge_response_to(&handshake().leniency(leniency), folded)
    });
}

/// The first byte that proves a fault decides, with each switch: one byte less is no fault yet.
#[test]
fn a_fault_is_found_with_its_byte_whatever_is_relaxed() {
    let strict = "X: a\x01";
    for (is_loose, lines) in [
        (false, strict),
        (false, "X \t: a\r\n"),
        (false, "X: a\r\n b\r\nno colon\r\n"),
        (true, "X: a\0"),
        (true, "X: \x01\0"),
        (true, "X: \x01\r\n\x01"),
        (true, "X: \x01\r\n y\r\n\x7f"),
        (true, "X: \x01\r\nUpgrade: \x01"),
        (true, "X: \x01\r\nY\x01"),
        (true, "Connection: a\r\n \x01"),
        (true, "X\x01"),
        (true, "\x01"),
        (true, "Upgrade : a\r\n"),
        (true, "X \r\n"),
        (true, "X Y: a\r\n"),
    ] {
        let leniency = Leniency::new().loose_fields(is_loose);
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{lines}");
        let judge = |end: usize| {
            let client = handshake().leniency(leniency);
            judge_response_to(&client, &head.as_bytes()[..end])
        };
        assert_eq!(judge(head.len()), Err(MalformedHead), "{lines:?}");
        assert_eq!(judge(head.len() - 1), Ok(None), "{lines:?}");
        let head = format!("GET / HTTP/1.1\r\n{strict}");
        let verdict = judge_request_leniently(leniency, head.as_bytes());
        assert_eq!(verdict, Err(MalformedHead));
    }
    for start in [
        "HTTP/1.1 101 \x01",
        "HTTP/1.1 101 X: \x01",
        "HTTP/1.1: \x01",
    ] {
        let client = with_loose_fields();
        let verdict = judge_response_to(&client, start.as_bytes());
        assert_eq!(verdict, Err(MalformedHead), "{start:?}");
        let later = format!("HTTP/1.1 100 Continue\r\nX: \x01\r\n\r\n{start}");
        let verdict = judge_response_to(&client, later.as_bytes());
        assert_eq!(verdict, Err(MalformedHead), "{later:?}");
    }
}

#[test]
fn line_feeds_alone_end_lines_of_responses_where_that_is_asked_for() {
    let text = String::from_utf8(response(&["X: a\r\n b", "Y: z"])).unwrap();
    let judge = |text: &str| {
        only(Some(OfLines), BareLineFeed, text, |leniency| {
            judge_response_to(&handshake().leniency(leniency), text.as_bytes())
        });
    };
    judge(&text.replace("\r\n", "\n"));
    // One at a time, among lines that end as they should.
    for (at, _) in text.match_indices("\r\n") {
        let (before, after) = text.split_at(at);
        judge(&format!("{before}{}", &after[1..]));
    }
    let interim = "HTTP/1.1 100 Continue\n\n";
    judge(&format!("{interim}{text}"));
    // What is found is the same, and what follows the head is left alone.
    let lenient = handshake().leniency(OfLines.on());
    let head = text.replace("\r\n", "\n") + "\nframes";
    let verdict = judge_response_to(&lenient, head.as_bytes());
    assert_eq!(verdict.unwrap().unwrap().0, head.len() - "\nframes".len());
    match lenient.clone().receive(head.as_bytes()) {
        Ok(Some(Outcome::Open(accepted))) => {
            assert_eq!(accepted.fields.clone().count(), 5);
            let mut fields = accepted.fields.clone();
            let folded = fields.find(|field| field.name == "X").unwrap();
            assert!(folded.unfolded().eq(*b"a b"));
            assert_eq!(accepted.fields.first("y"), Some(&b"z"[..]));
        }
        other => panic!("{other:?}"),
    }
    // A fold is one with such a line end too.
    for field in [
        "Upgrade:\n websocket",
        "Upgrade: websocket\n ",
        "Upgrade: websocket\n \n\t",
    ] {
        let verdict = judge_response_to(&lenient, &response(&[field]));
        assert!(verdict.is_ok(), "{field:?}: {verdict:?}");
    }
    // A CR alone ends nothing, and a response starts with its status line.
    for (from, to) in [("X: a", "X: a\r"), ("Y: z", "Y:\rz"), ("Y: z", "Y: z\r\r")] {
        let head = text.replace(from, to);
        let verdict = judge_response_to(&lenient, head.as_bytes());
        assert_eq!(verdict, Err(MalformedHead), "{to:?}");
    }
    let verdict = judge_response_to(&lenient, format!("\n{text}").as_bytes());
    assert_eq!(verdict, Err(MalformedHead));
    // The limits are what they were.
    let limits = websocket_proto::handshake::HeadLimits::default();
    let head = text.replace("\r\n", "\n");
    for (limit, is_enough) in [(head.len(), true), (head.len() - 1, false)] {
        let lenient = lenient.clone().limits(limits.max_len(limit));
        let verdict = judge_response_to(&lenient, head.as_bytes());
        assert_eq!(verdict.is_ok(), is_enough, "{limit}");
    }
}

#[test]
fn the_names_of_loose_fields_are_given_without_the_space() {
    let head = response(&["Server \t: a\x01b ", "Y: z"]);
    let mut lenient = handshake().leniency(OfFields.on());
    let Ok(Some(Outcome::Open(accepted))) = lenient.receive(&head) else {
        panic!("it is open")
    };
    assert_eq!(accepted.fields.first("server"), Some(&b"a\x01b"[..]));
    assert_eq!(accepted.fields.first("y"), Some(&b"z"[..]));
    // A page is read with the same rules.
    let head = b"HTTP/1.1 302 Found\r\nLocation : /x\r\n\r\n";
    assert_eq!(judge_response_to(&handshake(), head), Err(MalformedHead));
    let Ok(Some(Outcome::Rejected(rejected))) = with_loose_fields().receive(head) else {
        panic!("it is a redirect")
    };
    assert_eq!(rejected.fields.first("location"), Some(&b"/x"[..]));
}

fn with_loose_fields() -> Handshake<'static> {
    handshake().leniency(OfFields.on())
}

#[test]
fn only_an_empty_list_of_subprotocols_can_be_relaxed_for_requests() {
    for (relaxed_by, error, changes) in [
        (
            Some(OfSubprotocol),
            InvalidSubprotocol,
            &["Sec-WebSocket-Protocol:"][..],
        ),
        (
            Some(OfSubprotocol),
            InvalidSubprotocol,
            &["Sec-WebSocket-Protocol: , ,"],
        ),
        (
            Some(OfSubprotocol),
            InvalidSubprotocol,
            &["Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol:"],
        ),
        (None, InvalidSubprotocol, &["Sec-WebSocket-Protocol: a b"]),
        (None, InvalidSubprotocol, &["Sec-WebSocket-Protocol: \"\""]),
        (None, RepeatedSubprotocol, &["Sec-WebSocket-Protocol: a, a"]),
        (None, InvalidExtensions, &["Sec-WebSocket-Extensions:"]),
        (None, InvalidKey, &["Sec-WebSocket-Key:"]),
        (None, MissingVersion, &["-Sec-WebSocket-Version"]),
        (None, MissingHost, &["-Host"]),
        (None, MalformedHead, &["X : y"]),
        (None, MalformedHead, &["X: a\x01b"]),
        (None, LineFolding, &["X: a\r\n b"]),
    ] {
        let head = request(changes);
        only(relaxed_by, error, &format!("{changes:?}"), |leniency| {
            judge_request_leniently(leniency, &head)
        });
    }
    let text = String::from_utf8(request(&[])).unwrap();
    for head in [text.replace("\r\n", "\n"), text.replacen("\r\n", "\n", 1)] {
        only(None, BareLineFeed, "line ends", |leniency| {
            judge_request_leniently(leniency, head.as_bytes())
        });
    }
    assert!(judge_request(&request(&[])).is_ok());
}

/// An empty field is no field: nothing is offered, and nothing was chosen.
#[test]
fn an_empty_list_of_subprotocols_counts_as_none() {
    let head = request(&["Sec-WebSocket-Protocol:"]);
    let mut server = server::Handshake::default().leniency(OfSubprotocol.on());
    let request = server.receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    assert_eq!(upgrade.subprotocols().count(), 0);

    let demanding = handshake().subprotocol_choice(SubprotocolChoice::Required);
    let demanding = demanding.leniency(OfSubprotocol.on());
    let head = response(&["Sec-WebSocket-Protocol:"]);
    assert_eq!(judge_response_to(&demanding, &head), Err(NoSubprotocol));
    let head = response(&["Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: chat"]);
    assert!(judge_response_to(&demanding, &head).is_ok());
    // One that was not asked for is still too many.
    let none = Handshake::new(NONCE, "a", "/").leniency(OfSubprotocol.on());
    assert!(judge_response_to(&none, &response(&["Sec-WebSocket-Protocol:"])).is_ok());
    let head = response(&["Sec-WebSocket-Protocol: chat"]);
    assert_eq!(judge_response_to(&none, &head), Err(UnofferedSubprotocol));
}

#[test]
fn the_switches_hold_on_streams_too() {
    let pseudo = PseudoFields::new("CONNECT")
        .with_protocol("websocket")
        .with_scheme("https")
        .with_authority("example.com")
        .with_path("/chat");
    let fields = [
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", ""),
    ];
    for switch in SWITCHES {
        let request =
            server::Request::from_pseudo_fields(pseudo, HttpVersion::Http2, pairs(&fields))
                .leniency(switch.on());
        let error = request.upgrade(OriginPolicy::Any).err();
        let expected = (switch != OfSubprotocol).then_some(InvalidSubprotocol);
        assert_eq!(error, expected, "{switch:?}");

        let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
        let client =
            Handshake::extended_connect(enabled, "https", "example.com", "/").leniency(switch.on());
        let answer = client.check_stream_response(200, pairs(&fields[1..]));
        let expected = (switch != OfSubprotocol).then_some(UnofferedSubprotocol);
        assert_eq!(answer.err(), expected, "{switch:?}");

        let parsed = [("upgrade", "websocket"), ("connection", "upgrade")];
        let client = handshake().leniency(switch.on());
        let answer = client.check_response(101, HttpVersion::Http11, pairs(&parsed));
        match switch {
            OfAccept => assert!(matches!(answer, Ok(Answer::Open(_)))),
            _ => assert_eq!(answer, Err(MissingAccept), "{switch:?}"),
        }
    }
}

//! The lists in a request: what the client offers, and what the server chooses from it.

use websocket_proto::Negotiated;
use websocket_proto::frame::Rsv;
use websocket_proto::handshake::HandshakeError::{
    self, InvalidExtensions, InvalidSubprotocol, RepeatedExtension, RepeatedSubprotocol,
    ReservedBitConflict, TooManyExtensions, TooManySubprotocols, UnofferedExtension,
};
use websocket_proto::handshake::client::{self, Outcome, RequestError};
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy, ResponseError};
use websocket_proto::handshake::{
    Extensions, HeadLimits, MAX_EXTENSIONS, MAX_SUBPROTOCOLS, SupportedExtension,
};

use crate::support::{
    NONCE, Out, accept, failure, judge_request_by, judge_response_to, refusal, request, response,
    set,
};

fn subprotocols(changes: &[&str]) -> Vec<String> {
    let head = request(changes);
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let offered: Vec<String> = upgrade.subprotocols().map(str::to_owned).collect();
    // As a log shows them.
    let shown = format!("{:?}", upgrade.subprotocols());
    assert_eq!(shown, format!("{offered:?}"));
    offered
}

/// The offers with their parameters, as `name|parameter=value|...`.
fn extensions(changes: &[&str]) -> Vec<String> {
    let head = request(changes);
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let mut offers = Vec::new();
    for extension in upgrade.extensions() {
        let mut offer = extension.name().to_owned();
        for (name, value) in extension.params() {
            offer = offer + "|" + name;
            if let Some(value) = value {
                offer.push('=');
                offer.extend(value.bytes().map(char::from));
            }
        }
        offers.push(offer);
    }
    offers
}

#[test]
fn edge_033_empty_subprotocols_are_ignored() {
    assert_eq!(subprotocols(&["Sec-WebSocket-Protocol: a,,b"]), ["a", "b"]);
    assert_eq!(
        subprotocols(&["Sec-WebSocket-Protocol: , a ,\t, b ,"]),
        ["a", "b"]
    );
    let lines = [
        "Sec-WebSocket-Protocol: b",
        "Sec-WebSocket-Protocol:",
        "sec-websocket-protocol: a",
    ];
    assert_eq!(subprotocols(&lines), ["b", "a"]);
    assert_eq!(
        refusal(&["Sec-WebSocket-Protocol:"]),
        Some(InvalidSubprotocol)
    );
    assert_eq!(
        refusal(&["Sec-WebSocket-Protocol: ,"]),
        Some(InvalidSubprotocol)
    );
}

#[test]
fn edge_034_subprotocols_differ() {
    assert_eq!(
        refusal(&["Sec-WebSocket-Protocol: a, a"]),
        Some(RepeatedSubprotocol)
    );
    let lines = ["Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Protocol: b"];
    assert_eq!(refusal(&lines), Some(RepeatedSubprotocol));
    assert_eq!(subprotocols(&["Sec-WebSocket-Protocol: a, A"]), ["a", "A"]);
    assert_eq!(RepeatedSubprotocol.status_hint(), 400);
}

#[test]
fn edge_035_subprotocols_are_tokens() {
    for list in [
        "a b",
        "a;b",
        "\"a\"",
        "a/b",
        "a, b c",
        "caf\u{e9}",
        "a=b",
        "{a}",
    ] {
        let field = format!("Sec-WebSocket-Protocol: {list}");
        assert_eq!(refusal(&[&field]), Some(InvalidSubprotocol), "{list}");
    }
    assert_eq!(InvalidSubprotocol.status_hint(), 400);
}

#[test]
fn edge_036_no_subprotocol_chosen_no_field() {
    let response = accept(&["Sec-WebSocket-Protocol: a"], &Acceptance::default()).unwrap();
    assert!(response.starts_with("HTTP/1.1 101 "));
    assert!(!response.contains("Sec-WebSocket-Protocol"));
}

#[test]
fn edge_037_subprotocols_are_compared_with_case() {
    let acceptance = Acceptance::default().subprotocol("Chat");
    let response = accept(&["Sec-WebSocket-Protocol: chat"], &acceptance);
    assert_eq!(response, Err(ResponseError::UnofferedSubprotocol));
}

#[test]
fn edge_038_choice_has_to_be_offered() {
    let acceptance = Acceptance::default().subprotocol("chat");
    assert_eq!(
        accept(&[], &acceptance),
        Err(ResponseError::UnofferedSubprotocol)
    );
    let response = accept(&["Sec-WebSocket-Protocol: a, chat"], &acceptance).unwrap();
    assert!(response.contains("\r\nSec-WebSocket-Protocol: chat\r\n"));
    // An extension can only be named by a field, and those of the handshake are refused there.
    let fields = [("Sec-WebSocket-Extensions", "x")];
    assert!(accept(&[], &Acceptance::default().fields(&fields)).is_err());
}

#[test]
fn edge_039_extensions_over_several_fields_are_one_list() {
    let one = extensions(&["Sec-WebSocket-Extensions: a; x=1, b, c; y"]);
    assert_eq!(one, ["a|x=1", "b", "c|y"]);
    let lines = [
        "Sec-WebSocket-Extensions: a; x=1",
        "sec-websocket-extensions: b, c; y",
    ];
    assert_eq!(extensions(&lines), one);
}

#[test]
fn edge_040_unknown_extensions_are_ignored() {
    let field = "Sec-WebSocket-Extensions: constructor, x-unheard-of; of=1";
    let response = accept(&[field], &Acceptance::default()).unwrap();
    assert!(!response.contains("Sec-WebSocket-Extensions"));
}

#[test]
fn edge_041_malformed_extensions_give_400() {
    for list in [
        "permessage-deflate;;",
        "permessage-deflate;",
        "",
        ",",
        ", ,",
        ";",
        "a;=1",
        "a;b=",
        "a;b=1 2",
        "a b",
        "a;b c",
        "a=1",
        "a;b=\"",
        "a;b=\"\"",
        "a;b=\"c",
        "a;b=\"c\\",
        "a;b=\"c d\"",
        "a;b=\"c,d\"",
        "a;b=\"c\\\\\"",
        "a;b=\"c\\\"\"",
        "a;b=\"c\"d",
        "a;b=c\"d\"",
        "a;b==c",
        "\"a\"",
        "a, b;",
        "a;b=\u{e9}",
        "a/b",
        "a;b=c;",
    ] {
        let field = format!("Sec-WebSocket-Extensions: {list}");
        assert_eq!(refusal(&[&field]), Some(InvalidExtensions), "{list}");
    }
    assert_eq!(InvalidExtensions.status_hint(), 400);
    // One field of two may be empty, because the two are one list.
    let lines = ["Sec-WebSocket-Extensions:", "Sec-WebSocket-Extensions: a"];
    assert_eq!(extensions(&lines), ["a"]);
}

#[test]
fn s9_1_extensions_are_read_with_their_parameters() {
    assert_eq!(
        extensions(&["Sec-WebSocket-Extensions: ,a ;b = \"1\\0\"\t; c=10;d;d,, a; b=\"\\1\\0\" ,"]),
        ["a|b=10|c=10|d|d", "a|b=10"]
    );
    let head = request(&["Sec-WebSocket-Extensions: a; b=10; c=\"10\"; d=\"1\\0\"; e=11"]);
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let values: Vec<_> = upgrade
        .extensions()
        .flat_map(|offer| offer.params())
        .map(|param| param.1.unwrap())
        .collect();
    assert!(
        values[..3]
            .iter()
            .all(|value| *value == "10" && *value == values[0])
    );
    assert!(values[3] == "11" && values[3] != values[0]);
}

#[test]
fn long_lists_are_refused() {
    let list = |count: usize| {
        let names: Vec<_> = (0..count).map(|index| format!("n{index}")).collect();
        names.join(",")
    };
    let subprotocols = |count| refusal(&[&format!("Sec-WebSocket-Protocol: {}", list(count))]);
    assert_eq!(subprotocols(MAX_SUBPROTOCOLS), None);
    assert_eq!(
        subprotocols(MAX_SUBPROTOCOLS + 1),
        Some(TooManySubprotocols)
    );
    let extensions = |count| refusal(&[&format!("Sec-WebSocket-Extensions: {}", list(count))]);
    assert_eq!(extensions(MAX_EXTENSIONS), None);
    assert_eq!(extensions(MAX_EXTENSIONS + 1), Some(TooManyExtensions));

    // Lists over several fields are one list.
    let subprotocols = |count| {
        let more = "Sec-WebSocket-Protocol: one-more";
        let most = format!("Sec-WebSocket-Protocol: {}", list(count));
        refusal(&[&most, more])
    };
    assert_eq!(subprotocols(MAX_SUBPROTOCOLS - 1), None);
    assert_eq!(subprotocols(MAX_SUBPROTOCOLS), Some(TooManySubprotocols));
    let field = |count| format!("Sec-WebSocket-Extensions: {}", list(count));
    let extensions = |count| refusal(&[&field(count), "Sec-WebSocket-Extensions: one-more"]);
    assert_eq!(extensions(MAX_EXTENSIONS - 1), None);
    assert_eq!(extensions(MAX_EXTENSIONS), Some(TooManyExtensions));

    // What a server accepts: none of this many was offered, but it is one too many first.
    let accepted = |count| failure(&[&field(count)]);
    assert_eq!(accepted(MAX_EXTENSIONS), Some(UnofferedExtension));
    assert_eq!(accepted(MAX_EXTENSIONS + 1), Some(TooManyExtensions));
}

#[test]
fn extensions_are_shown_as_they_were_offered() {
    let head = request(&["Sec-WebSocket-Extensions: foo; a=\"1\"; b, bar"]);
    let request = Handshake::default().receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let shown = format!("{:?}", upgrade.extensions());
    let expected = r#"[Extension { name: "foo", params: [("a", Some("1")), ("b", None)] }, Extension { name: "bar", params: [] }]"#;
    assert_eq!(shown, expected);
}

const fn own(text: &str, bits: Rsv) -> SupportedExtension<'_> {
    SupportedExtension::Own { text, bits }
}

fn client<'a>(offers: &'a [SupportedExtension<'a>]) -> client::Handshake<'a> {
    client::Handshake::new(NONCE, "server.example.com", "/chat").extensions(offers)
}

/// Three extensions, one of them with alternative parameters.
const OFFERS: &[SupportedExtension<'_>] = &[
    own("x-codec; level=9; mode=\"fast\"", Rsv::RSV1),
    own("x-codec", Rsv::RSV1),
    own("x-seal;key=1", Rsv::RSV2.union(Rsv::RSV3)),
    own("x-note", Rsv::NONE),
];

/// The bits and the extensions that a client agrees on, which offers [`OFFERS`].
fn agreed(list: &str) -> Result<(Rsv, Vec<String>), HandshakeError> {
    let head = response(&[&format!("Sec-WebSocket-Extensions: {list}")]);
    let mut handshake = client(OFFERS);
    // Every cut, and as fields.
    let verdict = judge_response_to(&handshake, &head);
    let outcome = handshake.receive(&head);
    assert_eq!(verdict.err(), outcome.as_ref().err().copied());
    let Some(Outcome::Open(accepted)) = outcome? else {
        panic!("the response opens the connection");
    };
    let shown: Vec<_> = accepted
        .extensions()
        .map(|extension| format!("{extension:?}"))
        .collect();
    let value = list.as_bytes();
    let fields = [(&b"Sec-WebSocket-Extensions"[..], value)];
    let again = Extensions::new(fields.into_iter()).map(|extension| format!("{extension:?}"));
    assert!(again.eq(shown.iter().cloned()), "the same from fields");
    let names = accepted
        .extensions()
        .map(|extension| extension.name().to_owned());
    Ok((accepted.negotiated.reserved_bits, names.collect()))
}

#[test]
fn s9_1_own_extensions_are_offered_as_they_are_written() {
    let mut out = Out::new();
    client(OFFERS).write_request(&mut out).unwrap();
    let written = String::from_utf8(out.to_vec()).unwrap();
    let field = "Sec-WebSocket-Extensions: x-codec; level=9; mode=\"fast\", x-codec, \
                 x-seal;key=1, x-note";
    assert!(written.contains(&format!("\r\n{field}\r\n")), "{written}");
    assert!(refusal(&[field]).is_none());
    let fields = set(client(OFFERS).fields_to_set().unwrap());
    let value = field.strip_prefix("Sec-WebSocket-Extensions: ").unwrap();
    assert!(fields.contains(&("Sec-WebSocket-Extensions", value.to_owned())));
    let fields = set(client(&[]).fields_to_set().unwrap());
    assert!(
        !fields
            .iter()
            .any(|(name, _)| *name == "Sec-WebSocket-Extensions")
    );
}

#[test]
fn s9_1_the_bits_of_what_the_server_accepts_are_agreed_on() {
    let all = Rsv::RSV1.union(Rsv::RSV2).union(Rsv::RSV3);
    for (list, bits) in [
        ("x-codec; level=3", Rsv::RSV1),
        ("x-codec", Rsv::RSV1),
        ("x-note", Rsv::NONE),
        ("x-note; a=b, x-codec; level=\"9\"", Rsv::RSV1),
        ("x-seal", Rsv::RSV2.union(Rsv::RSV3)),
        ("x-seal, x-codec, x-note", all),
    ] {
        let names: Vec<_> = list
            .split(", ")
            .map(|element| element.split(';').next().unwrap().to_owned())
            .collect();
        assert_eq!(agreed(list), Ok((bits, names)), "{list}");
    }
    let mut handshake = client(OFFERS);
    let head = response(&[]);
    let outcome = handshake.receive(&head);
    let Ok(Some(Outcome::Open(accepted))) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(accepted.negotiated, Negotiated::default());
    assert_eq!(accepted.extensions().count(), 0);
}

#[test]
fn s9_1_nothing_is_agreed_on_that_was_not_offered() {
    for list in [
        "x-other",
        "x-codec, x-other",
        "X-Codec",
        "x-cod",
        "x-codec2",
        "permessage-deflate",
    ] {
        assert_eq!(agreed(list), Err(UnofferedExtension), "{list}");
    }
    for list in ["x-codec, x-codec", "x-note, x-seal, x-note; a=b"] {
        assert_eq!(agreed(list), Err(RepeatedExtension), "{list}");
    }
    for list in ["x-codec; =1", "x-codec x-seal", ";"] {
        assert_eq!(agreed(list), Err(InvalidExtensions), "{list}");
    }
}

#[test]
fn s5_2_no_two_extensions_share_a_bit() {
    let both = Rsv::RSV2.union(Rsv::RSV3);
    let offers = [
        own("a", both),
        own("b", Rsv::RSV3),
        own("c", Rsv::RSV2),
        own("d", Rsv::RSV1),
        own("e", Rsv::NONE),
    ];
    for (list, expected) in [
        ("a, b", Err(ReservedBitConflict)),
        ("b, e, a", Err(ReservedBitConflict)),
        ("a, d, c", Err(ReservedBitConflict)),
        ("b, c", Ok(both)),
        ("c, d, b, e", Ok(both.union(Rsv::RSV1))),
        ("a, d", Ok(both.union(Rsv::RSV1))),
    ] {
        let head = response(&[&format!("Sec-WebSocket-Extensions: {list}")]);
        let mut handshake = client(&offers);
        let verdict = judge_response_to(&handshake, &head);
        assert_eq!(verdict.err(), expected.err(), "{list}");
        if let Ok(Some(Outcome::Open(accepted))) = handshake.receive(&head) {
            assert_eq!(Ok(accepted.negotiated.reserved_bits), expected, "{list}");
        }

        // A server may not answer so either.
        let accepted: Vec<_> = list
            .split(", ")
            .map(|name| *offers.iter().find(|offer| matches!(offer, SupportedExtension::Own { text, .. } if *text == name)).unwrap())
            .collect();
        let head = request(&["Sec-WebSocket-Extensions: e, d, c, b, a"]);
        let request = Handshake::default().receive(&head).unwrap().unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        let acceptance = Acceptance::default().extensions(&accepted);
        let mut out = Out::new();
        match (upgrade.accept(&acceptance, &mut out), expected) {
            (Ok(negotiated), Ok(bits)) => assert_eq!(negotiated.reserved_bits, bits),
            (Err(error), Err(_)) => {
                let index = accepted.len() - 1;
                assert_eq!(error, ResponseError::ReservedBitConflict { index });
                assert!(out.is_empty());
            }
            (result, _) => panic!("{result:?}: {list}"),
        }
    }
    assert_eq!(ReservedBitConflict.status_hint(), 502);
    assert_eq!(ReservedBitConflict.section(), "RFC 7692 section 5");
}

/// Texts that are not one extension, and nothing else.
const NOT_ONE_EXTENSION: [&str; 16] = [
    "",
    " ",
    " a",
    "a ",
    "a,",
    ",a",
    "a, b",
    "a; b, c",
    "a;",
    "a; b=",
    "a; b=\"c d\"",
    "a; b=\"c",
    "a b",
    "a\r\nX: y",
    "a; b=\"\r\n\"",
    "caf\u{e9}",
];

#[test]
fn s9_1_own_extensions_follow_the_grammar() {
    for text in NOT_ONE_EXTENSION {
        let list = [own("x-first", Rsv::NONE), own(text, Rsv::NONE)];
        let error = client(&list).write_request(&mut Out::new()).err();
        let expected = RequestError::Extension { index: 1 };
        assert_eq!(error, Some(expected), "{text:?}");
        let answer = accept(
            &["Sec-WebSocket-Extensions: a, x-first"],
            &Acceptance::default().extensions(&list),
        );
        let expected = ResponseError::Extension { index: 1 };
        assert_eq!(answer, Err(expected), "{text:?}");
        assert!(expected.to_string().contains(": "));
    }
    for text in ["a", "a;b", "a ; b = c", "a; b=\"c\"; b=d", "a;\tb=\"\\c\""] {
        let list = [own(text, Rsv::NONE)];
        assert_eq!(client(&list).write_request(&mut Out::new()), Ok(()));
        let field = format!("Sec-WebSocket-Extensions: {text}");
        assert_eq!(refusal(&[&field]), None, "{text}");
        let answer = accept(&[&field], &Acceptance::default().extensions(&list));
        assert!(answer.unwrap().contains(&format!("\r\n{field}\r\n")));
    }
}

#[test]
fn offers_whose_answer_could_not_be_told_apart_are_refused() {
    let error = |list: &[SupportedExtension<'_>]| client(list).write_request(&mut Out::new()).err();
    let conflict = |index| Some(RequestError::ConflictingExtension { index });
    let [one, two] = [Rsv::RSV2, Rsv::RSV3];
    assert_eq!(error(&[own("a", one), own("a; b", two)]), conflict(1));
    assert_eq!(error(&[own("a", one), own("a; b", Rsv::NONE)]), conflict(1));
    assert_eq!(error(&[own("a", two), own("a; b", one)]), conflict(1));
    let list = [own("a", one), own("b", two), own("b", two), own("a", two)];
    assert_eq!(error(&list), conflict(3));
    assert_eq!(error(&[own("a", one), own("A", two)]), None);
    assert_eq!(error(&[own("a", one), own("b", one)]), None);
    let many = [own("a", one); MAX_EXTENSIONS + 1];
    assert_eq!(error(&many), Some(RequestError::TooManyExtensions));
    assert_eq!(error(&many[1..]), None);
    for error in [
        RequestError::ConflictingExtension { index: 1 },
        RequestError::Extension { index: 1 },
        RequestError::TooManyExtensions,
    ] {
        assert!(error.to_string().contains(": "), "{error}");
    }
}

#[test]
fn s9_a_server_accepts_only_extensions_that_the_client_offers() {
    let offer = "Sec-WebSocket-Extensions: x-codec; level=9, x-seal, x-codec";
    let answer = |list: &[SupportedExtension<'_>]| {
        let acceptance = Acceptance::default().extensions(list);
        let answer = accept(&[offer], &acceptance)?;
        let head = request(&[offer]);
        // Every cut, as fields, and in the types of `http`.
        judge_request_by(HeadLimits::default(), &acceptance, &head).unwrap();
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        Ok(line.map(str::to_owned))
    };
    let codec = own("x-codec; level=2", Rsv::RSV1);
    let seal = own("x-seal", Rsv::RSV3);
    assert_eq!(answer(&[]), Ok(None));
    assert_eq!(answer(&[codec]), Ok(Some("x-codec; level=2".to_owned())));
    assert_eq!(
        answer(&[seal, codec]),
        Ok(Some("x-seal, x-codec; level=2".to_owned()))
    );
    let other = own("x-other", Rsv::NONE);
    assert_eq!(
        answer(&[seal, other]),
        Err(ResponseError::UnofferedExtension { index: 1 })
    );
    let upper = own("X-Seal", Rsv::NONE);
    assert_eq!(
        answer(&[upper]),
        Err(ResponseError::UnofferedExtension { index: 0 })
    );
    let again = own("x-seal; a", Rsv::NONE);
    for list in [[seal, codec, again], [codec, seal, again]] {
        let repeated = ResponseError::RepeatedExtension { index: 2 };
        assert_eq!(answer(&list), Err(repeated), "{list:?}");
    }
    let acceptance = Acceptance::default();
    assert_eq!(
        accept(&[], &acceptance.extensions(&[seal])),
        Err(ResponseError::UnofferedExtension { index: 0 })
    );
    for error in [
        ResponseError::RepeatedExtension { index: 1 },
        ResponseError::ReservedBitConflict { index: 1 },
        ResponseError::UnofferedExtension { index: 1 },
    ] {
        assert!(error.to_string().contains(": "), "{error}");
    }
}

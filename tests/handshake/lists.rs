//! The lists in a request: what the client offers, and what the server chooses from it.

use websocket_proto::handshake::HandshakeError::{
    InvalidExtensions, InvalidSubprotocol, RepeatedSubprotocol, TooManyExtensions,
    TooManySubprotocols, UnofferedExtension,
};
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy, ResponseError};
use websocket_proto::handshake::{MAX_EXTENSIONS, MAX_SUBPROTOCOLS};

use crate::support::{accept, failure, refusal, request};

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

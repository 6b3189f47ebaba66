//! Sections 5.6 and 8.1: text is UTF-8, found wrong in the read that holds the fault.

use websocket_proto::{Config, Connection, Negotiated, ProtocolError, Server};

use crate::case::*;

/// Byte sequences that no text may hold, with what is valid before the fault.
const INVALID: [(&str, &[u8]); 14] = [
    ("a surrogate", b"\xed\xa0\x80"),
    ("the last surrogate", b"\xed\xbf\xbf"),
    ("two bytes for one", b"\xc0\x80"),
    ("two bytes for one, the last", b"\xc1\xbf"),
    ("three bytes for one", b"\xe0\x80\x80"),
    ("three bytes for two", b"\xe0\x9f\xbf"),
    ("four bytes for one", b"\xf0\x80\x80\x80"),
    ("four bytes for three", b"\xf0\x8f\xbf\xbf"),
    ("beyond U+10FFFF", b"\xf4\x90\x80\x80"),
    ("F5", b"\xf5\x80\x80\x80"),
    ("FE", b"\xfe"),
    ("FF", b"\xff"),
    ("a continuation byte alone", b"\x80"),
    ("a lead byte before ASCII", b"\xe2\x28\xa1"),
];

#[test]
fn edge_098_a_character_may_be_split_across_frames_and_reads() {
    let message = "\u{43a}\u{43e}\u{448}\u{43a}\u{430} \u{20ac} \u{1f600} \u{10ffff}";
    for at in 0..=message.len() {
        let (left, right) = message.as_bytes().split_at(at);
        for case in Case::both(|case| case.frame(0x01, left).frame(0x80, right)) {
            gives(&case, &[text(message)]);
        }
        // A Ping between them, with a payload that is no text, has nothing to do with it.
        for case in Case::both(|case| {
            case.frame(0x01, left)
                .frame(0x89, b"\xff")
                .frame(0x80, right)
        }) {
            assert_eq!(
                gives(&case, &[ping(b"\xff"), text(message)]),
                [sent_pong(b"\xff")]
            );
        }
    }
    let one_by_one = |mut case: Case| {
        case = case.frame(0x01, b"");
        for byte in message.as_bytes() {
            case = case.frame(0x00, &[*byte]);
        }
        case.frame(0x80, b"")
    };
    for case in Case::both(one_by_one) {
        gives(&case, &[text(message)]);
    }
}

#[test]
fn edge_099_text_that_ends_inside_a_character_fails_with_1007() {
    for cut_char in [&b"\xc3"[..], b"\xe2\x82", b"\xf0\x9f\x98", b"\xf0"] {
        let payload = [b"fine ", cut_char].concat();
        for case in Case::both(|case| case.frame(0x81, &payload)) {
            let outcome = fails(&case, ProtocolError::InvalidUtf8);
            assert_eq!(
                (outcome.seen, outcome.unfinished),
                (vec![], Some(text("fine ")))
            );
        }
        for case in Case::both(|case| case.frame(0x01, &payload).frame(0x80, b"")) {
            fails(&case, ProtocolError::InvalidUtf8);
        }
        for case in Case::both(|case| case.frame(0x81, cut_char)) {
            assert_eq!(fails(&case, ProtocolError::InvalidUtf8).unfinished, None);
        }
    }
}

#[test]
fn edge_100_what_is_not_utf8_fails_with_1007() {
    for (name, invalid) in INVALID {
        println!("{name}");
        for case in Case::both(|case| case.frame(0x81, invalid)) {
            assert_eq!(fails(&case, ProtocolError::InvalidUtf8).unfinished, None);
        }
        let payload = [b"\xc2\xa9 before ", invalid, b" after"].concat();
        for case in Case::both(|case| case.frame(0x81, &payload)) {
            assert_eq!(
                fails(&case, ProtocolError::InvalidUtf8).unfinished,
                Some(text("\u{a9} before "))
            );
        }
        for at in 0..payload.len() {
            let (left, right) = payload.split_at(at);
            let case = Case::server()
                .frame(0x01, left)
                .frame(0x00, right)
                .frame(0x80, b"");
            assert_eq!(
                fails(&case, ProtocolError::InvalidUtf8).unfinished,
                Some(text("\u{a9} before "))
            );
        }
    }
}

#[test]
fn edge_101_every_character_is_valid_and_kept() {
    let message = "\u{feff}bom \u{ffff}\u{fffe}\u{0}\u{fdd0}\u{1fffe}\u{10ffff}\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}";
    for case in Case::both(|case| case.frame(0x81, message.as_bytes())) {
        gives(&case, &[text(message)]);
    }
}

#[test]
fn edge_102_a_bad_byte_fails_the_read_that_holds_it() {
    for (name, invalid) in INVALID {
        // A frame of 1,000 bytes that is not final: the fault is in its first bytes, and the rest
        // never comes.
        for first in [0x01, 0x81] {
            let mut payload = b"early ".to_vec();
            payload.extend_from_slice(invalid);
            payload.resize(1000, b'.');
            let frame = wire_frame(first, &payload, Some([1, 2, 3, 4]));
            let header = 8;
            let fault = header + 6 + invalid.len();
            let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
            let mut out = Vec::new();
            let mut bytes = frame[..fault].to_vec();
            let mut input = &mut bytes[..];
            assert!(
                conn.receive(&mut input, &mut out).unwrap().is_some(),
                "{name}: what is valid comes first"
            );
            assert_eq!(
                conn.receive(&mut input, &mut out),
                Err(ProtocolError::InvalidUtf8.into()),
                "{name}"
            );
            assert_eq!(out, [0x88, 2, 0x03, 0xef]);
        }
    }
}

#[test]
fn s5_6_binary_may_be_anything() {
    for (_, invalid) in INVALID {
        for case in Case::both(|case| case.frame(0x02, invalid).frame(0x80, b"\xff")) {
            gives(&case, &[binary(&[invalid, b"\xff"].concat())]);
        }
    }
}

#[test]
fn text_longer_than_any_vector_is_checked_to_its_end() {
    let long = "gr\u{fc}n \u{20ac} und so weiter, ".repeat(40);
    for case in Case::both(|case| case.frame(0x81, long.as_bytes())) {
        gives(&case, &[text(&long)]);
    }
    let mut payload = long.clone().into_bytes();
    payload.extend(b"\xe2\x82x");
    for case in Case::both(|case| case.frame(0x81, &payload)) {
        assert_eq!(
            fails(&case, ProtocolError::InvalidUtf8).unfinished,
            Some(text(&long))
        );
    }
}

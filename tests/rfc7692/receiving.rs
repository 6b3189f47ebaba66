//! Compressed messages that come in.

use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::Rsv;
use websocket_proto::{
    Config, Connection, Event, Misuse, Negotiated, Payload, ProtocolError, Server,
};

use crate::case::{Case, binary, fails, gives, hex, ping, sent_pong, text, wire_frame};

/// "Hello", compressed: section 7.2.3.1.
const HELLO: &str = "f2 48 cd c9 c9 07 00";

/// First bytes of frames: compressed text and binary, whole or to be continued.
const TEXT: u8 = 0xc1;
const BINARY: u8 = 0xc2;
const TEXT_BEGINS: u8 = 0x41;
const CONTINUES: u8 = 0x00;
const ENDS: u8 = 0x80;

pub(crate) fn negotiated(policy: Policy) -> Negotiated<'static> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&policy));
    negotiated
}

fn with_takeover() -> Negotiated<'static> {
    negotiated(Policy::default())
}

fn without_takeover() -> Negotiated<'static> {
    negotiated(Policy::default().receive_context_takeover(false))
}

/// For both roles, with and without context takeover.
fn everywhere(input: impl Fn(Case) -> Case) -> Vec<Case> {
    [with_takeover(), without_takeover()]
        .into_iter()
        .flat_map(|negotiated| Case::both(|case| input(case.negotiated(negotiated))))
        .collect()
}

#[track_caller]
fn all_give(cases: &[Case], seen: &[crate::case::Seen]) {
    for case in cases {
        gives(case, seen);
    }
}

#[track_caller]
fn all_fail(cases: &[Case], error: ProtocolError) {
    for case in cases {
        fails(case, error);
    }
}

#[test]
fn s7_2_3_1_one_compressed_block() {
    let whole = everywhere(|case| case.frame(TEXT, &hex(HELLO)));
    all_give(&whole, &[text("Hello")]);
    let fragments = everywhere(|case| {
        case.frame(TEXT_BEGINS, &hex("f2 48 cd"))
            .frame(ENDS, &hex("c9 c9 07 00"))
    });
    all_give(&fragments, &[text("Hello")]);
}

#[test]
fn edge_112_shared_windows_stored_blocks_two_blocks() {
    // Section 7.2.3.2: the second message refers to the first.
    for case in Case::both(|case| {
        case.negotiated(with_takeover())
            .frame(TEXT, &hex(HELLO))
            .frame(TEXT, &hex("f2 00 11 00 00"))
    }) {
        gives(&case, &[text("Hello"), text("Hello")]);
    }
    // Section 7.2.3.3: a block without compression.
    let stored = everywhere(|case| {
        case.frame(TEXT, &hex("00 05 00 fa ff 48 65 6c 6c 6f 00"))
            .frame(TEXT, &hex(HELLO))
    });
    all_give(&stored, &[text("Hello"), text("Hello")]);
    // Section 7.2.3.5: two blocks.
    let two = everywhere(|case| {
        case.frame(TEXT, &hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"))
            .frame(TEXT, &hex(HELLO))
    });
    all_give(&two, &[text("Hello"), text("Hello")]);
}

#[test]
fn edge_103_compressed_text_is_checked_once_inflated() {
    // "caf\xc3" and "caf\xff", stored; the empty block that ends each has lost its tail.
    for (payload, valid) in [
        ("00 04 00 fb ff 63 61 66 c3 00", false),
        ("00 04 00 fb ff 63 61 66 ff 00", false),
        ("00 05 00 fa ff 63 61 66 c3 a9 00", true),
    ] {
        let cases = everywhere(|case| case.frame(TEXT, &hex(payload)));
        if valid {
            all_give(&cases, &[text("caf\u{e9}")]);
        } else {
            all_fail(&cases, ProtocolError::InvalidUtf8);
        }
        let bytes = &hex(payload)[5..];
        let cases = everywhere(|case| case.frame(BINARY, &hex(payload)));
        all_give(&cases, &[binary(&bytes[..bytes.len() - 1])]);
    }
}

#[test]
fn edge_104_only_the_first_frame_of_a_message_says_that_it_is_compressed() {
    let rsv1 = ProtocolError::ReservedBits(Rsv::RSV1);
    for first in [0xc9, 0xca, 0xc8] {
        all_fail(&everywhere(|case| case.frame(first, b"")), rsv1);
    }
    let continued = everywhere(|case| {
        case.frame(TEXT_BEGINS, &hex("f2 48 cd"))
            .frame(0xc0, &hex("c9 c9 07 00"))
    });
    all_fail(&continued, rsv1);
    let of_plain = everywhere(|case| case.frame(0x01, b"a").frame(0xc0, b"b"));
    all_fail(&of_plain, rsv1);
    for (first, rsv) in [
        (0xa1, Rsv::RSV2),
        (0x91, Rsv::RSV3),
        (0xe1, Rsv::RSV1.union(Rsv::RSV2)),
        (0xf1, Rsv::RSV1.union(Rsv::RSV2).union(Rsv::RSV3)),
    ] {
        let cases = everywhere(|case| case.frame(first, &hex(HELLO)));
        all_fail(&cases, ProtocolError::ReservedBits(rsv));
    }
    // Not agreed on.
    for case in Case::both(|case| case.frame(TEXT, &hex(HELLO))) {
        fails(&case, rsv1);
    }
    let inside = everywhere(|case| case.frame(TEXT_BEGINS, &hex("f2")).frame(TEXT, &hex(HELLO)));
    all_fail(&inside, ProtocolError::InterleavedMessage);
}

#[test]
fn edge_105_control_frames_between_fragments_are_not_inflated() {
    for case in everywhere(|case| {
        case.frame(TEXT_BEGINS, &hex("f2 48 cd"))
            .frame(0x89, b"\xff\x00ping")
            .frame(CONTINUES, b"")
            .frame(0x8a, b"pong")
            .frame(ENDS, &hex("c9 c9 07 00"))
            .frame(TEXT, &hex(HELLO))
    }) {
        let sent = gives(
            &case,
            &[
                ping(b"\xff\x00ping"),
                crate::case::Seen::Pong(b"pong".to_vec()),
                text("Hello"),
                text("Hello"),
            ],
        );
        assert_eq!(sent, [sent_pong(b"\xff\x00ping")]);
    }
}

#[test]
fn edge_106_an_uncompressed_message_leaves_the_window_alone() {
    for case in Case::both(|case| {
        case.negotiated(with_takeover())
            .frame(TEXT, &hex(HELLO))
            .frame(0x81, b"World")
            .frame(0x02, b"Wor")
            .frame(ENDS, b"ld")
            .frame(TEXT, &hex("f2 00 11 00 00"))
    }) {
        gives(
            &case,
            &[
                text("Hello"),
                text("World"),
                binary(b"World"),
                text("Hello"),
            ],
        );
    }
}

/// Messages of this payload are empty, as they are and in fragments.
#[track_caller]
fn are_empty(payload: &str) {
    let cases = everywhere(|case| {
        case.frame(TEXT, &hex(payload))
            .frame(BINARY, &hex(payload))
            .frame(TEXT_BEGINS, &hex(payload))
            .frame(ENDS, b"")
            .frame(TEXT, &hex(HELLO))
    });
    all_give(&cases, &[text(""), binary(b""), text(""), text("Hello")]);
}

#[test]
fn edge_107_an_empty_message_is_a_block_without_data() {
    for payload in ["00", "02 00", "00 00 00 ff ff 00", "00 00 00 ff ff"] {
        are_empty(payload);
    }
}

#[test]
fn edge_108_an_empty_message_may_have_no_payload_at_all() {
    are_empty("");
}

#[test]
fn edge_109_a_tail_left_on_is_no_fault_and_does_no_harm() {
    for case in Case::both(|case| {
        case.negotiated(with_takeover())
            .frame(TEXT, &hex("f2 48 cd c9 c9 07 00 00 00 ff ff"))
            .frame(TEXT, &hex("f2 00 11 00 00 00 00 ff ff"))
            .frame(TEXT_BEGINS, &hex("f2 00 11 00 00 00 00 ff ff"))
            .frame(CONTINUES, &hex("f2 00 11 00 00 00 00 ff"))
            .frame(ENDS, &hex("ff"))
            .frame(TEXT, &hex("f2 00 11 00 00"))
    }) {
        gives(
            &case,
            &[
                text("Hello"),
                text("Hello"),
                text("HelloHello"),
                text("Hello"),
            ],
        );
    }
    // The same four bytes as data of a stored block are data.
    let cases = everywhere(|case| {
        case.frame(BINARY, &hex("00 05 00 fa ff 61 00 00 ff ff 00"))
            .frame(BINARY, &hex("00 08 00 f7 ff 00 00 ff ff 00 00 ff ff 00"))
            .frame(TEXT, &hex(HELLO))
    });
    all_give(
        &cases,
        &[
            binary(&hex("61 00 00 ff ff")),
            binary(&hex("00 00 ff ff 00 00 ff ff")),
            text("Hello"),
        ],
    );
}

/// Messages of this payload are "Hello", and leave the session as they found it.
#[track_caller]
fn are_hello(payload: &str) {
    let cases = everywhere(|case| {
        case.frame(TEXT, &hex(payload))
            .frame(TEXT, &hex(payload))
            .frame(TEXT, &hex(HELLO))
    });
    all_give(&cases, &[text("Hello"), text("Hello"), text("Hello")]);
}

#[test]
fn edge_110_a_final_block_ends_no_session() {
    // Section 7.2.3.4: an empty block follows, without its tail.
    are_hello("f3 48 cd c9 c9 07 00 00");
    // An empty final block behind the data.
    are_hello("f2 48 cd c9 c9 07 00 00 00 ff ff 01 00 00 ff ff 00");
}

#[test]
fn edge_111_a_final_block_may_be_the_last_of_a_message() {
    are_hello("f3 48 cd c9 c9 07 00");
    are_hello("f2 48 cd c9 c9 07 00 00 00 ff ff 01 00 00 ff ff");
    // Two of them: "Hel", "lo".
    are_hello("f3 48 cd 01 00 cb c9 07 00");
}

/// A final block ends a DEFLATE stream (RFC 1951, section 3.2.3), and with it the window: the next
/// message refers to nothing before it, also where context is taken over.
#[test]
fn s7_2_2_behind_a_final_block_nothing_refers_back() {
    for final_block in ["f3 48 cd c9 c9 07 00 00", "f3 48 cd c9 c9 07 00"] {
        for case in Case::both(|case| {
            case.negotiated(with_takeover())
                .frame(TEXT, &hex(final_block))
                .frame(TEXT, &hex(HELLO))
                .frame(TEXT, &hex("f2 00 11 00 00"))
        }) {
            gives(&case, &[text("Hello"), text("Hello"), text("Hello")]);
        }
        for case in Case::both(|case| {
            case.negotiated(with_takeover())
                .frame(TEXT, &hex(final_block))
                .frame(TEXT, &hex("f2 00 11 00 00"))
        }) {
            let outcome = fails(&case, ProtocolError::InvalidDeflate);
            assert_eq!(outcome.seen, [text("Hello")]);
        }
    }
}

#[test]
fn edge_113_a_truncated_message_is_corrupt() {
    let hello = hex(HELLO);
    for len in 1..hello.len() {
        let cases = everywhere(|case| case.frame(BINARY, &hello[..len]));
        all_fail(&cases, ProtocolError::InvalidDeflate);
    }
    let stored = hex("00 05 00 fa ff 48 65 6c 6c 6f 00");
    // After the data the next block is missing; before, a part of the header or of the data.
    for len in 2..stored.len() {
        let cases = everywhere(|case| case.frame(BINARY, &stored[..len]));
        all_fail(&cases, ProtocolError::InvalidDeflate);
    }
}

#[test]
fn edge_114_garbage_is_corrupt_before_its_frame_is_whole() {
    for first in [BINARY, 0xc1] {
        let cases = everywhere(|case| case.header(first, 20, "").frame_payload(&[0xff; 3]));
        all_fail(&cases, ProtocolError::InvalidDeflate);
    }
}

#[test]
fn edge_114_garbage_is_corrupt() {
    for garbage in [
        "ff",
        "06",
        "07",
        "00 05 00 fa fe",
        "f2 48 cd c9 c9 07 ff ff",
        "f2 00 11 00 00",
    ] {
        let cases = everywhere(|case| case.frame(BINARY, &hex(garbage)));
        all_fail(&cases, ProtocolError::InvalidDeflate);
    }
}

#[test]
fn edge_115_what_is_inflated_counts_for_the_limit() {
    for (limit, fits) in [(5, true), (4, false), (0, false)] {
        let config = Config::default().max_message_len(limit);
        let cases = everywhere(|case| case.config(config).frame(BINARY, &hex(HELLO)));
        if fits {
            all_give(&cases, &[binary(b"Hello")]);
        } else {
            all_fail(&cases, ProtocolError::MessageTooLong { limit });
        }
        let fragments = everywhere(|case| {
            case.config(config)
                .frame(0x42, &hex("f2 48 cd"))
                .frame(ENDS, &hex("c9 c9 07 00"))
        });
        if fits {
            all_give(&fragments, &[binary(b"Hello")]);
        } else {
            all_fail(&fragments, ProtocolError::MessageTooLong { limit });
        }
    }
    // A limit of a message is none of its frames: seven bytes give five.
    let config = Config::default().max_frame_len(6);
    let (len, limit) = (7, 6);
    all_fail(
        &everywhere(|case| case.config(config).frame(BINARY, &hex(HELLO))),
        ProtocolError::FrameTooLong { len, limit },
    );
}

#[test]
fn edge_116_the_last_frame_may_be_empty() {
    let cases = everywhere(|case| {
        case.frame(TEXT_BEGINS, &hex(HELLO))
            .frame(ENDS, b"")
            .frame(TEXT_BEGINS, b"")
            .frame(CONTINUES, &hex(HELLO))
            .frame(CONTINUES, b"")
            .frame(ENDS, b"")
    });
    all_give(&cases, &[text("Hello"), text("Hello")]);
}

#[test]
fn edge_126_without_takeover_nothing_refers_back() {
    for case in Case::both(|case| {
        case.negotiated(without_takeover())
            .frame(TEXT, &hex(HELLO))
            .frame(TEXT, &hex("f2 00 11 00 00"))
    }) {
        let outcome = fails(&case, ProtocolError::InvalidDeflate);
        assert_eq!(outcome.seen, [text("Hello")]);
    }
}

/// The four bytes may be a tail that the sender has left on: the last of them waits until more comes, and is wrong then.
#[test]
fn s7_2_2_a_byte_held_back_may_be_corrupt() {
    let cases = everywhere(|case| case.frame(BINARY, &hex("84 8d 00 00 ff ff 55")));
    all_fail(&cases, ProtocolError::InvalidDeflate);
}

/// The same four bytes, but the block ends before the last of them, which begins no other one.
#[test]
fn s7_2_2_a_byte_behind_the_last_block_is_no_tail() {
    let cases = everywhere(|case| case.frame(BINARY, &hex("00 03 00 fc ff 00 00 ff ff")));
    all_fail(&cases, ProtocolError::InvalidDeflate);
}

/// Inflates the input, read by read, into a window; gives what came.
fn inflated(conn: &mut Connection<Server>, input: &[u8], read: usize, window: usize) -> Vec<u8> {
    let (mut input, mut window) = (input.to_vec(), vec![0; window]);
    let (mut came, mut out) = (Vec::new(), Vec::new());
    for mut read in input.chunks_mut(read) {
        while let Some(event) = conn
            .receive_inflated(&mut read, &mut window, &mut out)
            .unwrap()
        {
            if let Event::Chunk(chunk) = event
                && let Payload::Binary(bytes) = chunk.payload
            {
                came.extend_from_slice(bytes);
            }
        }
    }
    came
}

/// What of a message a fragment has comes out before the next fragment does, into windows of any
/// size, also where it ends inside a block and what is inflated fills the last window.
#[test]
fn s7_2_2_a_fragment_comes_out_before_the_next_one() {
    let message = hex("f2 48 cd c9 c9 d7 51 f0 18 a5 50 29 00 00");
    let key = Some([1, 2, 3, 4]);
    for cut in 1..message.len() {
        let (start, end) = message.split_at(cut);
        let (start, end) = (wire_frame(0x42, start, key), wire_frame(ENDS, end, key));
        let server = || Connection::new(Server, with_takeover(), Config::default());
        let expected = inflated(&mut server(), &start, usize::MAX, 1000);
        for window in 4..=64 {
            for read in [1, 7, usize::MAX] {
                let mut conn = server();
                let mut came = inflated(&mut conn, &start, read, window);
                assert_eq!(came.len(), expected.len(), "{cut}, {window}, {read}");
                came.extend(inflated(&mut conn, &end, read, window));
                assert!(came == b"Hello, ".repeat(40), "{cut}, {window}, {read}");
            }
        }
    }
}

#[test]
fn a_compressed_message_needs_room_of_the_callers() {
    let frame = wire_frame(BINARY, &hex(HELLO), Some([1, 2, 3, 4]));
    let expected = Err(Misuse::NoWindow.into());
    let server = || Connection::new(Server, with_takeover(), Config::default());
    // The caller's fault shows at the first call, whatever the peer sends, and ends nothing.
    for mut before in [
        vec![],
        wire_frame(0x89, b"", Some([1, 2, 3, 4])),
        frame.clone(),
    ] {
        let (mut conn, mut bytes, mut out) = (server(), frame.clone(), Vec::new());
        let len = before.len();
        let mut input = &mut before[..];
        let seen = conn.receive(&mut input, &mut out);
        assert_eq!(seen.map(|_| ()), expected);
        let mut window = [0; 3];
        let seen = conn.receive_inflated(&mut input, &mut window, &mut out);
        assert_eq!(seen.map(|_| ()), expected);
        assert_eq!(
            (input.len(), &out[..]),
            (len, &[][..]),
            "nothing has changed"
        );
        let mut window = [0; 4];
        let seen = conn.receive_inflated(&mut &mut bytes[..], &mut window, &mut out);
        assert!(seen.is_ok_and(|event| event.is_some()));
    }
}

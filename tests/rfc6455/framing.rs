//! Sections 5.1 to 5.5: what a frame may be, and when.

use websocket_proto::frame::{CloseFrameError, HeaderError, Rsv};
use websocket_proto::{Closure, ProtocolError, State, Transport};

use crate::case::*;

#[test]
fn edge_058_reserved_opcodes_fail_with_1002() {
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        for case in Case::both(|case| case.frame(0x80 | opcode, b"")) {
            fails(
                &case,
                ProtocolError::Header(HeaderError::ReservedOpcode(opcode)),
            );
        }
        // The first byte proves it.
        fails(
            &Case::server().raw(&[opcode]),
            ProtocolError::Header(HeaderError::ReservedOpcode(opcode)),
        );
    }
}

#[test]
fn edge_059_reserved_bits_without_a_meaning_fail_with_1002() {
    let bits = [
        (0x40, Rsv::RSV1),
        (0x20, Rsv::RSV2),
        (0x10, Rsv::RSV3),
        (0x50, Rsv::RSV1.union(Rsv::RSV3)),
    ];
    for (byte, rsv) in bits {
        for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
            for case in Case::both(|case| case.frame(0x80 | byte | opcode, b"ab")) {
                fails(&case, ProtocolError::ReservedBits(rsv));
            }
        }
        let case = Case::server().frame(0x02, b"ab").frame(0x80 | byte, b"cd");
        let outcome = fails(&case, ProtocolError::ReservedBits(rsv));
        assert_eq!(outcome.unfinished, Some(binary(b"ab")));
    }
}

#[test]
fn edge_060_a_16_bit_length_below_126_fails_with_1002() {
    for length in ["0000", "0001", "007d"] {
        for case in Case::both(|case| case.header(0x82, 126, length)) {
            fails(&case, ProtocolError::Header(HeaderError::LengthNotMinimal));
        }
    }
    // Nor does it pass with all of its payload behind it.
    for first in [0x81, 0x82] {
        for case in Case::both(|case| case.header(first, 126, "007d").frame_payload(&[b'7'; 125])) {
            fails(&case, ProtocolError::Header(HeaderError::LengthNotMinimal));
        }
    }
    // The last byte of the length proves it: no masking key is waited for.
    fails(
        &Case::server().raw(&hex("82fe007d")),
        ProtocolError::Header(HeaderError::LengthNotMinimal),
    );
}

#[test]
fn edge_061_a_64_bit_length_below_65536_fails_with_1002() {
    for length in ["0000000000000000", "000000000000007e", "000000000000ffff"] {
        for case in Case::both(|case| case.header(0x82, 127, length)) {
            fails(&case, ProtocolError::Header(HeaderError::LengthNotMinimal));
        }
    }
}

#[test]
fn edge_062_a_64_bit_length_with_its_top_bit_set_fails_with_1002() {
    for length in ["8000000000000000", "ffffffffffffffff", "fffffffffffffffc"] {
        for case in Case::both(|case| case.header(0x82, 127, length)) {
            fails(&case, ProtocolError::Header(HeaderError::LengthTooLarge));
        }
    }
    // The first byte of the length proves it.
    fails(
        &Case::client().raw(&hex("827f80")),
        ProtocolError::Header(HeaderError::LengthTooLarge),
    );
}

#[test]
fn edge_063_an_unmasked_frame_fails_a_server_with_1002() {
    for first in [0x81, 0x82, 0x88, 0x89, 0x8a, 0x01] {
        let outcome = fails(
            &Case::server().raw(&[first, 0x02, b'h', b'i']),
            ProtocolError::UnmaskedFrame,
        );
        assert_eq!((outcome.seen, outcome.unfinished), (vec![], None));
        // The second byte proves it.
        fails(
            &Case::server().raw(&[first, 0x02]),
            ProtocolError::UnmaskedFrame,
        );
    }
}

#[test]
fn edge_064_a_masked_frame_fails_a_client_with_1002() {
    for first in [0x81, 0x82, 0x88, 0x89, 0x8a, 0x01] {
        let frame = wire_frame(first, b"hi", Some([1, 2, 3, 4]));
        let outcome = fails(&Case::client().raw(&frame), ProtocolError::MaskedFrame);
        assert_eq!((outcome.seen, outcome.unfinished), (vec![], None));
        fails(
            &Case::client().raw(&[first, 0x82]),
            ProtocolError::MaskedFrame,
        );
    }
}

#[test]
fn edge_065_a_masking_key_of_zeros_is_a_masking_key() {
    let frame = wire_frame(0x81, b"hello", Some([0; 4]));
    gives(&Case::server().raw(&frame), &[text("hello")]);
}

#[test]
fn edge_066_a_long_control_frame_fails_with_1002_at_its_second_byte() {
    for first in [0x88, 0x89, 0x8a] {
        for second in [126, 127] {
            for case in Case::both(|case| case.header(first, second, "")) {
                fails(&case, ProtocolError::Header(HeaderError::ControlTooLong));
            }
            fails(
                &Case::server().raw(&[first, 0x80 | second]),
                ProtocolError::Header(HeaderError::ControlTooLong),
            );
            fails(
                &Case::client().raw(&[first, second]),
                ProtocolError::Header(HeaderError::ControlTooLong),
            );
        }
    }
    for case in Case::both(|case| case.frame(0x89, &[7; 125])) {
        assert_eq!(gives(&case, &[ping(&[7; 125])]), [sent_pong(&[7; 125])]);
    }
}

#[test]
fn edge_067_a_fragmented_control_frame_fails_with_1002() {
    for first in [0x08, 0x09, 0x0a] {
        for case in Case::both(|case| case.frame(first, b"")) {
            fails(&case, ProtocolError::Header(HeaderError::FragmentedControl));
        }
        fails(
            &Case::server().raw(&[first]),
            ProtocolError::Header(HeaderError::FragmentedControl),
        );
    }
}

#[test]
fn edge_068_a_continuation_of_nothing_fails_with_1002() {
    for first in [0x00, 0x80] {
        for case in Case::both(|case| case.frame(first, b"x")) {
            fails(&case, ProtocolError::UnexpectedContinuation);
        }
        for case in Case::both(|case| case.frame(0x81, b"whole").frame(first, b"x")) {
            assert_eq!(
                fails(&case, ProtocolError::UnexpectedContinuation).seen,
                [text("whole")]
            );
        }
        for case in Case::both(|case| case.frame(0x02, b"a").frame(0x80, b"b").frame(first, b"x")) {
            assert_eq!(
                fails(&case, ProtocolError::UnexpectedContinuation).seen,
                [binary(b"ab")]
            );
        }
    }
}

#[test]
fn edge_069_a_new_message_inside_a_message_fails_with_1002() {
    for start in [0x01, 0x02] {
        for second in [0x01, 0x02, 0x81, 0x82] {
            for payload in [&b""[..], b"start"] {
                let input = |case: Case| case.frame(start, payload).frame(second, b"new");
                for case in Case::both(input) {
                    fails(&case, ProtocolError::InterleavedMessage);
                }
                // A control frame between them changes nothing.
                let input = |case: Case| {
                    case.frame(start, payload)
                        .frame(0x8a, b"")
                        .frame(second, b"new")
                };
                for case in Case::both(input) {
                    fails(&case, ProtocolError::InterleavedMessage);
                }
            }
        }
    }
}

#[test]
fn edge_070_control_frames_between_fragments_are_seen_at_once_and_change_nothing() {
    let input = |case: Case| {
        case.frame(0x01, b"one ")
            .frame(0x89, b"first")
            .frame(0x00, b"two ")
            .frame(0x8a, b"unasked")
            .frame(0x89, b"second")
            .frame(0x80, b"three")
    };
    for case in Case::both(input) {
        let seen = [
            ping(b"first"),
            Seen::Pong(b"unasked".into()),
            ping(b"second"),
            text("one two three"),
        ];
        assert_eq!(
            gives(&case, &seen),
            [sent_pong(b"first"), sent_pong(b"second")]
        );
    }
}

#[test]
fn edge_071_a_close_between_fragments_closes_normally() {
    for case in Case::both(|case| case.frame(0x01, b"one").frame(0x88, b"\x03\xe8bye")) {
        let outcome = case.outcome();
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.seen, [close(1000, "bye")]);
        assert_eq!(outcome.unfinished, Some(text("one")));
        assert_eq!(outcome.sent, [sent_close(1000)]);
    }
}

#[test]
fn edge_072_empty_fragments_make_an_empty_message() {
    for (start, empty) in [(0x01, text("")), (0x02, binary(b""))] {
        let input = |case: Case| {
            case.frame(start, b"")
                .frame(0x00, b"")
                .frame(0x00, b"")
                .frame(0x80, b"")
        };
        for case in Case::both(input) {
            gives(&case, core::slice::from_ref(&empty));
        }
        for case in Case::both(|case| case.frame(0x80 | start, b"").frame(0x80 | start, b"")) {
            gives(&case, &[empty.clone(), empty.clone()]);
        }
    }
    for case in Case::both(|case| {
        case.frame(0x01, b"")
            .frame(0x00, b"a")
            .frame(0x00, b"")
            .frame(0x80, b"")
    }) {
        gives(&case, &[text("a")]);
    }
}

#[test]
fn edge_075_every_length_form_survives_every_cut() {
    for len in [
        0, 1, 2, 3, 4, 5, 7, 8, 9, 124, 125, 126, 127, 128, 0xffff, 0x1_0000,
    ] {
        let payload: Vec<u8> = (0..=0xff).cycle().take(len).collect();
        for case in Case::both(|case| case.frame(0x82, &payload)) {
            gives(&case, &[binary(&payload)]);
        }
    }
    // The mask goes on in each frame from its own key.
    let frames = [
        wire_frame(0x02, b"abcde", Some([1, 2, 3, 4])),
        wire_frame(0x80, b"fghij", Some([9, 8, 7, 6])),
    ];
    gives(
        &Case::server().raw(&frames.concat()),
        &[binary(b"abcdefghij")],
    );
}

/// The second byte of a header says two things. A fault of the mask is found first, by that byte
/// alone; a length that is wrong shows later, so that another order would depend on the reads.
#[test]
fn s5_1_the_mask_is_judged_before_the_length_however_the_header_is_cut() {
    // Lengths that take more bytes than they need, or have the most significant bit.
    for length in ["7e 0005", "7f 0000000000000080", "7f 8000000000000000"] {
        for first in [0x81, 0x82] {
            let mut header = vec![first];
            header.extend(hex(&length.replace(' ', "")));
            let unmasked = Case::server().raw(&header);
            assert_eq!(fails(&unmasked, ProtocolError::UnmaskedFrame).seen, []);
            header[1] |= 0x80;
            let masked = Case::client().raw(&header);
            assert_eq!(fails(&masked, ProtocolError::MaskedFrame).seen, []);
        }
    }
    // A control frame that is too long shows by the same byte.
    for first in [0x88, 0x89, 0x8a] {
        for second in [0x7e, 0x7f] {
            fails(
                &Case::server().raw(&[first, second]),
                ProtocolError::UnmaskedFrame,
            );
            fails(
                &Case::client().raw(&[first, 0x80 | second]),
                ProtocolError::MaskedFrame,
            );
        }
    }
}

#[test]
fn s5_5_1_a_close_of_one_byte_is_judged_by_its_header() {
    let error = ProtocolError::Close(CloseFrameError::Truncated);
    // Its second byte proves it: no masking key is waited for.
    fails(&Case::server().raw(&hex("8881")), error);
    fails(&Case::client().raw(&hex("8801")), error);
}

#[test]
fn s5_5_3_pongs_that_nobody_asked_for_are_seen_and_not_answered() {
    for case in Case::both(|case| case.frame(0x8a, b"heartbeat")) {
        assert_eq!(gives(&case, &[Seen::Pong(b"heartbeat".into())]), []);
    }
}

#[test]
fn no_input_is_no_fault() {
    for case in Case::both(|case| case) {
        let outcome = case.outcome();
        assert_eq!(
            (outcome.seen, outcome.sent, outcome.error),
            (vec![], vec![], None)
        );
        assert_eq!(
            (outcome.transport, outcome.state),
            (Transport::KeepOpen, State::Open)
        );
        assert_eq!(outcome.closure, Closure::Abnormal);
    }
}

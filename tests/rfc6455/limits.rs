//! Section 10.4 and status code 1009: limits, judged by the header.

use websocket_proto::frame::{CloseCode, HeaderError, MessageKind};
use websocket_proto::{
    Assembler, Closure, Config, Connection, Fixed, Fragment, Growing, Incoming, Misuse, Negotiated,
    ProtocolError, ReceiveError, SendError, Server, Storage,
};

use crate::case::*;

#[test]
fn edge_073_a_declared_length_beyond_the_limit_fails_with_1009_before_its_payload() {
    let config = Config::default().max_frame_len(0xffff);
    for case in Case::both(|case| case.config(config).header(0x82, 127, "0000000000010000")) {
        let outcome = fails(
            &case,
            ProtocolError::FrameTooLong {
                len: 0x1_0000,
                limit: 0xffff,
            },
        );
        assert_eq!((outcome.seen, outcome.unfinished), (vec![], None));
    }
    // 2^62 and 2^63 - 1 bytes: nothing overflows, nothing is reserved.
    for (length, len) in [
        ("4000000000000000", 1 << 62),
        ("7fffffffffffffff", u64::MAX >> 1),
    ] {
        for case in Case::both(|case| case.header(0x82, 127, length)) {
            fails(
                &case,
                ProtocolError::FrameTooLong {
                    len,
                    limit: 16 << 20,
                },
            );
        }
        let config = Config::default()
            .max_frame_len(u64::MAX)
            .max_message_len(1 << 16);
        for case in Case::both(|case| case.config(config).header(0x81, 127, length)) {
            fails(&case, ProtocolError::MessageTooLong { limit: 1 << 16 });
        }
    }
}

#[test]
fn edge_074_exactly_at_the_limit_is_fine_and_one_more_fails_with_1009() {
    let config = Config::default().max_frame_len(130);
    for case in Case::both(|case| case.config(config).frame(0x82, &[1; 130])) {
        gives(&case, &[binary(&[1; 130])]);
    }
    for case in Case::both(|case| case.config(config).frame(0x82, &[1; 131])) {
        fails(
            &case,
            ProtocolError::FrameTooLong {
                len: 131,
                limit: 130,
            },
        );
    }
    for len in [130, 131] {
        let input = |case: Case| {
            case.config(config)
                .frame(0x02, &[1; 3])
                .frame(0x80, &[1; 131][..len])
        };
        for case in Case::both(input) {
            if len == 130 {
                gives(&case, &[binary(&[1; 133])]);
            } else {
                fails(
                    &case,
                    ProtocolError::FrameTooLong {
                        len: 131,
                        limit: 130,
                    },
                );
            }
        }
    }
    let config = Config::default().max_message_len(5);
    for (opcode, message) in [(0x01, text("abcde")), (0x02, binary(b"abcde"))] {
        let within = |case: Case| case.config(config).frame(opcode, b"abc").frame(0x80, b"de");
        for case in Case::both(within) {
            gives(&case, std::slice::from_ref(&message));
        }
        let beyond = |case: Case| {
            case.config(config)
                .frame(opcode, b"abc")
                .frame(0x80, b"def")
        };
        for case in Case::both(beyond) {
            fails(&case, ProtocolError::MessageTooLong { limit: 5 });
        }
    }
    let config = Config::default().max_fragments(3);
    for (opcode, message) in [(0x01, text("ab")), (0x02, binary(b"ab"))] {
        let within = |case: Case| {
            case.config(config)
                .frame(opcode, b"a")
                .frame(0x00, b"")
                .frame(0x80, b"b")
        };
        for case in Case::both(within) {
            gives(&case, std::slice::from_ref(&message));
        }
        let beyond = |case: Case| {
            case.config(config)
                .frame(opcode, b"a")
                .frame(0x00, b"b")
                .frame(0x00, b"")
                .frame(0x80, b"b")
        };
        for case in Case::both(beyond) {
            fails(&case, ProtocolError::TooManyFragments { limit: 3 });
        }
    }
}

#[test]
fn edge_076_the_total_of_a_message_is_judged_by_each_header() {
    let config = Config::default().max_message_len(10);
    // The third header passes the limit: none of its payload is needed to know.
    for case in Case::both(|case| {
        case.config(config)
            .frame(0x02, b"aaaa")
            .frame(0x00, b"bbbb")
            .header(0x00, 3, "")
    }) {
        let outcome = fails(&case, ProtocolError::MessageTooLong { limit: 10 });
        assert_eq!(outcome.unfinished, Some(binary(b"aaaabbbb")));
    }
    // The next message counts anew, and control frames do not count.
    let input = |case: Case| {
        case.config(config)
            .frame(0x02, b"aaaaa")
            .frame(0x89, b"pingpingping")
            .frame(0x80, b"bbbbb")
            .frame(0x82, b"ccccc")
    };
    for case in Case::both(input) {
        gives(
            &case,
            &[
                ping(b"pingpingping"),
                binary(b"aaaaabbbbb"),
                binary(b"ccccc"),
            ],
        );
    }
}

#[test]
fn the_storage_of_an_assembler_limits_messages_also_where_none_is_stored() {
    for cut in 0..=15 {
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let mut messages = Assembler::<Fixed<8>>::fixed();
        let mut out = Vec::new();
        let mut bytes = wire_frame(0x82, &[5; 9], Some([1, 2, 3, 4]));
        let (left, right) = bytes.split_at_mut(cut);
        let mut results = Vec::new();
        for mut read in [left, right] {
            results.push(
                conn.receive_message(&mut read, &mut messages, &mut out)
                    .map(|incoming| incoming.is_some()),
            );
        }
        assert!(
            results.contains(&Err(ProtocolError::MessageTooLong { limit: 8 }.into())),
            "cut at {cut}: {results:?}"
        );
        assert_eq!(out, [0x88, 2, 0x03, 0xf1]);
    }
}

#[test]
fn limits_wait_for_no_masking_key() {
    let config = Config::default()
        .max_frame_len(200)
        .max_message_len(110)
        .max_fragments(2);
    let case = || Case::server().config(config);
    fails(
        &case().raw(&hex("82fe 00c9")),
        ProtocolError::FrameTooLong {
            len: 201,
            limit: 200,
        },
    );
    let long = case().frame(0x02, &[0; 100]).raw(&hex("008b"));
    fails(&long, ProtocolError::MessageTooLong { limit: 110 });
    // The opcode proves it.
    let many = case().frame(0x02, b"").frame(0x00, b"").raw(&hex("00"));
    fails(&many, ProtocolError::TooManyFragments { limit: 2 });
    fails(
        &case()
            .config(Config::default().max_fragments(0))
            .raw(&hex("82")),
        ProtocolError::TooManyFragments { limit: 0 },
    );
}

#[test]
fn every_message_counts_its_fragments_anew() {
    let config = Config::default().max_fragments(2);
    let input = |mut case: Case| {
        for _ in 0..5 {
            case = case
                .config(config)
                .frame(0x81, b"")
                .frame(0x01, b"")
                .frame(0x80, b"");
        }
        case
    };
    for case in Case::both(input) {
        gives(&case, &vec![text(""); 10]);
    }
}

#[test]
fn s10_4_control_frames_exactly_at_the_limit_are_fine_and_one_more_fails_with_1008() {
    let config = Config::default().max_control_frames(3);
    let three = |case: Case| {
        case.config(config)
            .frame(0x89, b"a")
            .frame(0x8a, b"")
            .frame(0x89, b"c")
    };
    let seen = [ping(b"a"), Seen::Pong(Vec::new()), ping(b"c")];
    for case in Case::both(three) {
        gives(&case, &seen);
        let error = ProtocolError::TooManyControlFrames { limit: 3 };
        assert_eq!(error.close_code().get(), 1008);
        // The opcode proves it: the second byte is not waited for.
        for first in [0x89, 0x8a] {
            let outcome = fails(&case.clone().raw(&[first]), error);
            assert_eq!(outcome.seen, seen);
            assert_eq!(outcome.sent.len(), 3, "both Pongs, and the Close");
        }
        // A Close is none too many.
        let outcome = case.frame(0x88, &1000_u16.to_be_bytes()).outcome();
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.closure, Closure::Clean(CloseCode::NORMAL));
    }
    let config = Config::default().max_control_frames(0);
    for case in Case::both(|case| case.config(config)) {
        gives(&case.clone().frame(0x81, b"a"), &[text("a")]);
        let outcome = case.clone().frame(0x88, b"").outcome();
        assert_eq!(outcome.error, None);
        fails(
            &case.raw(&[0x89]),
            ProtocolError::TooManyControlFrames { limit: 0 },
        );
    }
}

#[test]
fn every_data_frame_counts_control_frames_anew_an_empty_fragment_too() {
    let config = Config::default().max_control_frames(2);
    let pong = |payload: &[u8]| Seen::Pong(payload.into());
    let error = ProtocolError::TooManyControlFrames { limit: 2 };
    for (opcode, middle, message) in [
        (0x01, &b""[..], text("ab")),
        (0x02, b"", binary(b"ab")),
        (0x02, b"m", binary(b"amb")),
    ] {
        let between = |case: Case| {
            case.config(config)
                .frame(0x89, b"1")
                .frame(0x89, b"2")
                .frame(opcode, b"a")
                .frame(0x89, b"3")
                .frame(0x8a, b"4")
                .frame(0x00, middle)
                .frame(0x8a, b"5")
                .frame(0x8a, b"6")
                .frame(0x80, b"b")
                .frame(0x89, b"7")
                .frame(0x89, b"8")
        };
        let seen = [
            ping(b"1"),
            ping(b"2"),
            ping(b"3"),
            pong(b"4"),
            pong(b"5"),
            pong(b"6"),
            message,
            ping(b"7"),
            ping(b"8"),
        ];
        for case in Case::both(between) {
            gives(&case, &seen);
            fails(&case.clone().raw(&[0x8a]), error);
            gives(
                &case.clone().frame(0x82, b"").frame(0x89, b"9"),
                &[&seen[..], &[binary(b""), ping(b"9")]].concat(),
            );
        }
    }
    // Inside a message as well, and what it had is not lost on the way.
    for case in Case::both(|case| {
        case.config(config)
            .frame(0x02, b"half")
            .frame(0x89, b"")
            .frame(0x89, b"")
            .raw(&[0x89])
    }) {
        assert_eq!(fails(&case, error).unfinished, Some(binary(b"half")));
    }
}

#[test]
fn a_tick_counts_control_frames_anew_and_mends_no_failure() {
    let config = Config::default().max_control_frames(2);
    let error: ReceiveError = ProtocolError::TooManyControlFrames { limit: 2 }.into();
    // A tick between any two bytes of the stream, so that every cut of a frame has one.
    let stream = frame(0x89, b"hi").repeat(4);
    let in_first_two = 2 * stream.len() / 4;
    for tick in 0..=stream.len() {
        for split in [false, true] {
            let mut conn = Connection::new(Server, Negotiated::default(), config);
            let (mut receiver, _) = Connection::new(Server, Negotiated::default(), config).split();
            let mut result = Ok(());
            for (at, byte) in stream.iter().enumerate() {
                let mut read = [*byte];
                let mut input = &mut read[..];
                let taken = if split {
                    if at == tick {
                        receiver.reset_control_frames();
                    }
                    receiver.receive(&mut input, drop)
                } else {
                    if at == tick {
                        conn.reset_control_frames();
                    }
                    conn.receive(&mut input, &mut Vec::new())
                };
                result = result.and_then(|()| taken.map(drop));
            }
            // A frame counts from the end of its header: 6 of its 8 bytes. Only a tick behind the
            // second header and before the third frame leaves two for what follows.
            let expected = if (in_first_two - 2..=in_first_two).contains(&tick) {
                Ok(())
            } else {
                Err(error)
            };
            assert_eq!(result, expected, "a tick before byte {tick}");
        }
    }
    let mut conn = Connection::new(Server, Negotiated::default(), config);
    let mut messages = Assembler::default();
    let mut flood = frame(0x89, b"").repeat(3);
    let mut input = &mut flood[..];
    let result = loop {
        let result = conn.receive_message(&mut input, &mut messages, &mut Vec::new());
        if !matches!(result, Ok(Some(_))) {
            break result.map(drop);
        }
    };
    assert_eq!(result, Err(error));
    conn.reset_control_frames();
    let mut after = frame(0x81, b"after");
    assert_eq!(receive(&mut conn, &mut messages, &mut after), Err(error));
}

#[test]
fn s5_5_1_a_reason_has_123_bytes_at_most() {
    let reason = "r".repeat(123);
    let payload = [b"\x03\xe8", reason.as_bytes()].concat();
    for case in Case::both(|case| case.frame(0x88, &payload)) {
        let outcome = case.outcome();
        assert_eq!(
            (outcome.error, outcome.seen),
            (None, vec![close(1000, &reason)])
        );
    }
    let longer = [&payload[..], b"r"].concat();
    for case in Case::both(|case| case.frame(0x88, &longer)) {
        fails(&case, ProtocolError::Header(HeaderError::ControlTooLong));
    }

    // One of our own is cut there.
    for sent in [&reason[..], &format!("{reason}r")] {
        let (mut conn, mut out) = (server(), Vec::new());
        conn.close(CloseCode::NORMAL, sent, &mut out).unwrap();
        assert_eq!(out, [&[0x88, 125], &payload[..]].concat());
    }
}

#[test]
fn the_storage_of_an_assembler_takes_what_just_fits_in_one_frame_or_in_two() {
    fn outcome<S: Storage>(mut messages: Assembler<S>, bytes: &mut [u8]) -> Result<usize, ()> {
        let (mut conn, mut out) = (server(), Vec::new());
        match conn.receive_message(&mut &mut *bytes, &mut messages, &mut out) {
            Ok(Some(Incoming::Message(message))) => Ok(message.as_bytes().len()),
            Err(error) if error == ProtocolError::MessageTooLong { limit: 8 }.into() => Err(()),
            other => panic!("{other:?}"),
        }
    }
    for (len, expected) in [(8, Ok(8)), (9, Err(()))] {
        for first in [0x01, 0x02] {
            let payload = vec![b'x'; len];
            let (start, end) = payload.split_at(4);
            let cut = [frame(first, start), frame(0x80, end)].concat();
            for bytes in [frame(0x80 | first, &payload), cut] {
                let fixed = Assembler::<Fixed<8>>::fixed();
                assert_eq!(outcome(fixed, &mut bytes.clone()), expected);
                let mut slice = [0; 8];
                let borrowed = Assembler::in_slice(&mut slice);
                assert_eq!(outcome(borrowed, &mut bytes.clone()), expected);
            }
        }
    }
}

/// Lengths at which a careless sum wraps or a careless conversion cuts, on 32 bits or on 64.
fn lengths_at_the_edges() -> Vec<u64> {
    let mut lengths: Vec<u64> = vec![
        (1 << 31) - 1,
        1 << 31,
        (1 << 32) - 1,
        1 << 32,
        (1 << 32) + 1,
        (1 << 62) - 1,
        1 << 62,
        (1 << 63) - 2,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX - 3,
        u64::MAX,
    ];
    // A header is 14 bytes at most: a sum of the two must not wrap.
    for distance in 0..=14 {
        for middle in [usize::MAX, usize::MAX >> 1] {
            let middle = u64::try_from(middle).unwrap();
            lengths.push(middle - distance);
            lengths.push(middle.saturating_add(distance));
        }
    }
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

fn declaring(case: Case, len: u64) -> Case {
    case.header(0x82, 127, &format!("{len:016x}"))
}

#[test]
fn s5_2_lengths_at_the_edges_of_32_and_64_bits_meet_the_limits() {
    for len in lengths_at_the_edges() {
        let config = Config::default()
            .max_frame_len(u64::MAX)
            .max_message_len(u64::MAX);
        if len >> 63 != 0 {
            for case in Case::both(|case| declaring(case.config(config), len)) {
                fails(&case, ProtocolError::Header(HeaderError::LengthTooLarge));
            }
            continue;
        }
        // One past the limit, in every cut, by `receive` and with every kind of storage.
        let limit = len - 1;
        for case in Case::both(|case| declaring(case.config(config.max_frame_len(limit)), len)) {
            fails(&case, ProtocolError::FrameTooLong { len, limit });
        }
        let limit = 0xffff;
        let within = config.max_frame_len(len).max_message_len(limit);
        for case in Case::both(|case| declaring(case.config(within), len)) {
            fails(&case, ProtocolError::MessageTooLong { limit });
        }
        // With what came before it in its message.
        let limit = len;
        for case in Case::both(|case| {
            let case = case.config(config.max_message_len(limit)).frame(0x02, b"x");
            case.header(0x80, 127, &format!("{len:016x}"))
        }) {
            // Storage of fixed size has a limit of its own.
            let outcome = case.outcome_in_chunks();
            assert_eq!(outcome.error, Some(ProtocolError::MessageTooLong { limit }));
            assert_eq!(outcome.unfinished, Some(binary(b"x")));
        }

        // At the limit the payload goes on to come, whatever memory could hold.
        let at = config.max_frame_len(len).max_message_len(len);
        for case in Case::both(|case| declaring(case.config(at), len).frame_payload(b"abc")) {
            let outcome = case.outcome_in_chunks();
            assert_eq!((outcome.error, outcome.closure), (None, Closure::Truncated));
            assert_eq!(outcome.unfinished, Some(binary(b"abc")));
        }
        let (mut messages, mut out) = (Assembler::default(), Vec::new());
        let mut conn = Connection::new(Server, Negotiated::default(), at);
        let mut start = declaring(Case::server(), len)
            .frame_payload(b"abc")
            .into_input();
        let result = conn.receive_message(&mut &mut start[..], &mut messages, &mut out);
        // Except where a whole message is wanted, and no memory could ever hold it.
        let limit = u64::try_from(usize::MAX).unwrap();
        if len > limit {
            assert_eq!(result, Err(ProtocolError::MessageTooLong { limit }.into()));
            assert_eq!(messages.capacity(), 0);
        } else {
            assert_eq!(result, Ok(None));
            assert!(messages.capacity() <= 64 << 10, "{}", messages.capacity());
        }
    }
}

#[test]
fn s5_2_frames_with_lengths_at_the_edges_are_begun_and_counted() {
    for len in lengths_at_the_edges() {
        let mut conn = server();
        let begun = conn.start_frame(MessageKind::Binary, len, Fragment::Only);
        if len >> 63 != 0 {
            assert_eq!(begun, Err(SendError::FrameTooLong));
            continue;
        }
        let header = [&[0x82, 127], &len.to_be_bytes()[..]].concat();
        assert_eq!(begun.map(|header| header.as_bytes().to_vec()), Ok(header));
        let overrun = conn.count_payload(len + 1);
        assert_eq!(overrun, Err(SendError::FrameOverrun { remaining: len }));
        conn.mask_payload(&mut [0; 3]).unwrap();
        let open = conn.send_text("x", &mut Vec::new());
        assert_eq!(open, Err(SendError::FrameOpen { remaining: len - 3 }));
        conn.count_payload(len - 3).unwrap();
        conn.send_text("x", &mut Vec::new()).unwrap();
    }
}

#[test]
fn the_defaults_are_those_of_the_documents() {
    let documented = Config::new()
        .max_frame_len(16 << 20)
        .max_message_len(16 << 20)
        .max_fragments(131_072)
        .max_control_frames(u32::MAX);
    assert_eq!(Config::default(), documented);
}

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

/// Gives a frame to a connection with this assembler.
fn receive<'m>(
    conn: &mut Connection<Server>,
    messages: &'m mut Assembler<Growing>,
    bytes: &'m mut [u8],
) -> Result<Option<Incoming<'m>>, ReceiveError> {
    conn.receive_message(&mut &mut *bytes, messages, &mut Vec::new())
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    wire_frame(first, payload, Some([0; 4]))
}

#[test]
fn an_assembler_that_does_not_hold_the_message_so_far_is_refused() {
    // One that holds nothing.
    let (mut conn, mut one, mut other) = (server(), Assembler::default(), Assembler::default());
    assert_eq!(
        receive(&mut conn, &mut one, &mut frame(0x01, b"start")),
        Ok(None)
    );
    assert!(!one.is_idle());
    let mut end = frame(0x80, b"end");
    let result = receive(&mut conn, &mut other, &mut end);
    assert_eq!(result, Err(Misuse::WrongAssembler.into()));

    // One that holds what another connection has sent.
    let mut conn = server();
    assert_eq!(
        receive(
            &mut conn,
            &mut Assembler::default(),
            &mut frame(0x01, b"hi ")
        ),
        Ok(None)
    );
    let mut end = frame(0x80, b"!");
    let result = receive(&mut conn, &mut one, &mut end);
    assert_eq!(result, Err(Misuse::WrongAssembler.into()));
    assert!(!one.is_idle(), "what it holds is the other connection's");

    // One that was cleared, and one that `receive` has passed by.
    for pass_by in [false, true] {
        let (mut conn, mut messages) = (server(), Assembler::default());
        assert_eq!(
            receive(&mut conn, &mut messages, &mut frame(0x01, b"a")),
            Ok(None)
        );
        if pass_by {
            conn.receive(&mut &mut frame(0x00, b"b")[..], &mut Vec::new())
                .unwrap();
        } else {
            messages.clear();
        }
        let mut end = frame(0x80, b"c");
        let result = receive(&mut conn, &mut messages, &mut end);
        assert_eq!(result, Err(Misuse::WrongAssembler.into()));
    }
}

#[test]
fn an_assembler_is_idle_again_after_the_end_of_a_connection() {
    for end in [
        frame(0x83, b""),
        frame(0x88, b""),
        frame(0x88, b"x"),
        frame(0x80, b"\xff"),
    ] {
        let (mut conn, mut messages) = (server(), Assembler::default());
        assert_eq!(
            receive(&mut conn, &mut messages, &mut frame(0x01, b"half")),
            Ok(None)
        );
        assert!(!messages.is_idle());
        let _ = receive(&mut conn, &mut messages, &mut end.clone());
        assert!(messages.is_idle(), "{end:x?}");
    }
}

#[test]
fn an_assembler_does_not_give_up_a_message_that_it_holds() {
    let (mut conn, mut messages) = (server(), Assembler::default());
    assert_eq!(
        receive(&mut conn, &mut messages, &mut frame(0x01, b"held ")),
        Ok(None)
    );
    messages.shrink_to(0);
    let mut end = frame(0x80, b"on to");
    let message = receive(&mut conn, &mut messages, &mut end);
    assert_eq!(message, Ok(Some(Incoming::Message("held on to".into()))));
}

#[test]
fn storage_grows_by_doubling_and_never_beyond_the_limit() {
    let config = Config::default().max_message_len(60_001);
    for opcode in [0x01, 0x02] {
        let mut conn = Connection::new(Server, Negotiated::default(), config);
        let mut messages = Assembler::default();
        let mut capacities = Vec::new();
        for count in 0..=60_000_u32 {
            let first = if count == 0 { opcode } else { 0x00 };
            assert_eq!(
                receive(&mut conn, &mut messages, &mut frame(first, b"x")),
                Ok(None)
            );
            if capacities.last() != Some(&messages.capacity()) {
                capacities.push(messages.capacity());
            }
        }
        assert!(capacities.len() < 20, "{capacities:?}");
        assert!(messages.capacity() <= 60_001, "{capacities:?}");

        // A frame that is not the last one leaves room for what the limit lets follow, and no more.
        let mut conn = Connection::new(Server, Negotiated::default(), config);
        let mut messages = Assembler::default();
        let mut long = frame(opcode, &vec![b'x'; 60_000]);
        assert_eq!(receive(&mut conn, &mut messages, &mut long), Ok(None));
        assert_eq!(
            receive(&mut conn, &mut messages, &mut frame(0x00, b"x")),
            Ok(None)
        );
        assert!(messages.capacity() <= 60_001, "{}", messages.capacity());
    }

    // So does a read inside such a frame.
    let config = Config::default().max_message_len(115_000);
    for opcode in [0x01, 0x02] {
        let mut conn = Connection::new(Server, Negotiated::default(), config);
        let mut messages = Assembler::default();
        let mut long = frame(opcode, &vec![b'x'; 110_000]);
        let (start, end) = long.split_at_mut(100_014);
        assert_eq!(receive(&mut conn, &mut messages, start), Ok(None));
        assert_eq!(receive(&mut conn, &mut messages, end), Ok(None));
        assert_eq!(messages.capacity(), 115_000);
    }

    // A read that cuts a character costs no further allocation.
    let text = "\u{20ac}".repeat(10_000);
    let mut bytes = frame(0x81, text.as_bytes());
    let (left, right) = bytes.split_at_mut(8 + 16_385);
    let (mut conn, mut messages) = (server(), Assembler::default());
    assert_eq!(receive(&mut conn, &mut messages, left), Ok(None));
    assert_eq!(messages.capacity(), 30_000);
    assert_eq!(
        receive(&mut conn, &mut messages, right),
        Ok(Some(Incoming::Message((&text).into())))
    );
    assert_eq!(messages.capacity(), 30_000);
}

#[test]
fn a_growing_assembler_reserves_with_what_arrives_and_keeps_its_storage() {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut messages = Assembler::default();
    let mut out = Vec::new();
    let payload = vec![b'x'; 1 << 20];
    let mut frame = wire_frame(0x81, &payload, Some([1, 2, 3, 4]));

    // A mebibyte is declared and a hundred bytes are there: at most 64 KiB are reserved.
    let (start, rest) = frame.split_at_mut(114);
    let mut input = start;
    assert_eq!(
        conn.receive_message(&mut input, &mut messages, &mut out),
        Ok(None)
    );
    assert!(
        (100..=64 << 10).contains(&messages.capacity()),
        "{}",
        messages.capacity()
    );
    assert!(!messages.is_idle());

    let mut most = 0;
    let mut complete = false;
    for mut read in rest.chunks_mut(1000) {
        if let Some(incoming) = conn
            .receive_message(&mut read, &mut messages, &mut out)
            .unwrap()
        {
            assert!(
                matches!(incoming, Incoming::Message(message) if message.as_bytes() == payload)
            );
            complete = true;
        }
        most = most.max(messages.capacity());
    }
    assert!(complete && messages.is_idle());
    // Nothing beyond what was declared, since the frame is the last of its message.
    assert_eq!(most, 1 << 20);
    messages.shrink_to(4096);
    assert_eq!(messages.capacity(), 4096);
}

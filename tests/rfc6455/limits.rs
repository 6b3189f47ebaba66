//! Section 10.4 and status code 1009: limits, judged by the header.

use websocket_proto::{Assembler, Config, Connection, Incoming, Negotiated, ProtocolError, Server};

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
    let config = Config::default().max_message_len(5);
    for case in Case::both(|case| case.config(config).frame(0x01, b"abc").frame(0x80, b"de")) {
        gives(&case, &[text("abcde")]);
    }
    for case in Case::both(|case| case.config(config).frame(0x01, b"abc").frame(0x80, b"def")) {
        fails(&case, ProtocolError::MessageTooLong { limit: 5 });
    }
    let config = Config::default().max_fragments(3);
    let input = |case: Case| {
        case.config(config)
            .frame(0x01, b"a")
            .frame(0x00, b"")
            .frame(0x80, b"b")
    };
    for case in Case::both(input) {
        gives(&case, &[text("ab")]);
    }
    let input = |case: Case| {
        case.config(config)
            .frame(0x01, b"a")
            .frame(0x00, b"")
            .frame(0x00, b"")
            .frame(0x80, b"b")
    };
    for case in Case::both(input) {
        fails(&case, ProtocolError::TooManyFragments { limit: 3 });
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
        let mut messages = Assembler::<websocket_proto::Fixed<8>>::fixed();
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
            results.contains(&Err(ProtocolError::MessageTooLong { limit: 8 })),
            "cut at {cut}: {results:?}"
        );
        assert_eq!(out, [0x88, 2, 0x03, 0xf1]);
    }
}

#[test]
fn an_assembler_without_the_start_of_the_message_is_refused() {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let (mut one, mut other) = (Assembler::default(), Assembler::default());
    let mut out = Vec::new();
    let mut start = wire_frame(0x01, b"start", Some([0; 4]));
    assert_eq!(
        conn.receive_message(&mut &mut start[..], &mut one, &mut out),
        Ok(None)
    );
    assert!(!one.is_idle());
    let mut end = wire_frame(0x80, b"end", Some([0; 4]));
    let result = conn.receive_message(&mut &mut end[..], &mut other, &mut out);
    assert_eq!(result, Err(ProtocolError::WrongAssembler));
    assert_eq!(out, [0x88, 2, 0x03, 0xf3]);
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

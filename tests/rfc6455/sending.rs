//! What goes out: frames in their order, whole, and replies that wait.

use arrayvec::ArrayVec;
use websocket_proto::frame::{CloseCode, MaskingKey, MessageKind, Rsv};
use websocket_proto::{
    Broadcast, Chunk, Client, Closure, Config, Connection, Event, Fragment, MIN_OUTPUT_LEN,
    Negotiated, Output, Payload, ProtocolError, RawMessage, Role, SendError, Server, SliceOutput,
    State, Transport,
};

use crate::case::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

/// A client whose keys count up, so that each is seen to be fresh.
fn client() -> Connection<Client<impl FnMut() -> MaskingKey>> {
    let mut last = 0_u32;
    let keys = move || {
        last += 1;
        MaskingKey::new(last.to_be_bytes())
    };
    Connection::new(Client::new(keys), Negotiated::default(), Config::default())
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    wire_frame(first, payload, Some(KEY))
}

#[test]
fn s5_7_examples_are_what_goes_out() {
    let (mut conn, mut out) = (server(), Vec::new());
    conn.send_text("Hello", &mut out).unwrap();
    assert_eq!(out, hex("81 05 48 65 6c 6c 6f"));

    let mut conn = Connection::new(
        Client::new(|| MaskingKey::new(KEY)),
        Negotiated::default(),
        Config::default(),
    );
    out.clear();
    conn.send("Hello", &mut out).unwrap();
    assert_eq!(out, hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"));
}

#[test]
fn s5_2_lengths_are_minimal_and_s5_3_every_frame_has_a_fresh_key() {
    let (mut server, mut client) = (server(), client());
    let (mut from_server, mut from_client, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for len in [
        0, 1, 2, 3, 125, 126, 127, 4095, 4096, 4097, 0xffff, 0x1_0000, 100_001,
    ] {
        let payload: Vec<u8> = (0..=0xff).cycle().take(len).collect();
        server.send_binary(&payload, &mut from_server).unwrap();
        client.send_binary(&payload, &mut from_client).unwrap();
        expected.push((0x82, payload));
    }
    // Both check that lengths are minimal.
    assert_eq!(frames_on_the_wire(&from_server, false), expected);
    assert_eq!(frames_on_the_wire(&from_client, true), expected);
    assert_eq!(from_client[2..6], 1_u32.to_be_bytes());
    assert_eq!(from_client[8..12], 2_u32.to_be_bytes());
}

#[test]
fn s5_4_fragments_are_one_message_and_only_control_frames_come_between() {
    let (mut conn, mut out) = (server(), Vec::new());
    conn.send_fragment("a", Fragment::First, &mut out).unwrap();
    assert_eq!(conn.send_text("x", &mut out), Err(SendError::MessageOpen));
    assert_eq!(
        conn.send_fragment(b"x", Fragment::Last, &mut out),
        Err(SendError::WrongKind)
    );
    assert_eq!(
        conn.start_frame(MessageKind::Binary, 1, Fragment::Last),
        Err(SendError::WrongKind)
    );
    conn.ping(b"p", &mut out).unwrap();
    conn.pong(b"q", &mut out).unwrap();
    conn.send_fragment("", Fragment::Middle, &mut out).unwrap();
    conn.send_fragment("b", Fragment::Last, &mut out).unwrap();
    conn.send_binary(b"c", &mut out).unwrap();
    let expected: [(u8, &[u8]); 6] = [
        (0x01, b"a"),
        (0x89, b"p"),
        (0x8a, b"q"),
        (0x00, b""),
        (0x80, b"b"),
        (0x82, b"c"),
    ];
    assert_eq!(
        frames_on_the_wire(&out, false),
        expected.map(|(first, payload)| (first, payload.to_vec()))
    );
}

/// Every position of a frame, inside a message and outside, by each call that sends frames.
#[test]
fn s5_4_a_frame_begins_or_continues_a_message_as_the_caller_says() {
    type Call = fn(&mut Connection<Server>, Fragment, &mut Vec<u8>) -> Result<(), SendError>;
    let calls: [Call; 3] = [
        |conn, fragment, out| conn.send_fragment("x", fragment, out),
        |conn, fragment, out| {
            let header = conn.start_frame(MessageKind::Text, 1, fragment)?;
            out.extend_from_slice(&header);
            conn.put_payload(b"x", out)
        },
        |conn, fragment, out| {
            let chunk = Chunk {
                first: fragment.is_first(),
                last: fragment.is_last(),
                payload: Payload::Text {
                    carried: None,
                    text: "x",
                },
            };
            assert_eq!(chunk.fragment(), fragment);
            conn.send_chunk(&chunk, out)
        },
    ];
    let (open, none) = (SendError::MessageOpen, SendError::NoMessageOpen);
    let expected = [
        (Fragment::Only, [Ok(0x81), Err(open)]),
        (Fragment::First, [Ok(0x01), Err(open)]),
        (Fragment::Middle, [Err(none), Ok(0x00)]),
        (Fragment::Last, [Err(none), Ok(0x80)]),
    ];
    for call in calls {
        for (fragment, outcomes) in expected {
            for (inside, outcome) in outcomes.into_iter().enumerate() {
                let (mut conn, mut out) = (server(), Vec::new());
                if inside == 1 {
                    conn.send_fragment("begun", Fragment::First, &mut Vec::new())
                        .unwrap();
                }
                let sent = call(&mut conn, fragment, &mut out);
                assert_eq!(sent, outcome.map(|_| ()), "{fragment:?}");
                let frame = outcome.map_or(vec![], |first| vec![first, 1, b'x']);
                assert_eq!(out, frame, "{fragment:?}");
                // The message is open after it, or not, as it says; an error changes nothing.
                let is_open = if sent.is_ok() {
                    !fragment.is_last()
                } else {
                    inside == 1
                };
                let next = conn.send_text("next", &mut out);
                assert_eq!(next.is_err(), is_open, "{fragment:?}");
            }
        }
    }
}

#[test]
fn a_position_is_made_of_where_it_begins_and_ends() {
    for fragment in [
        Fragment::Only,
        Fragment::First,
        Fragment::Middle,
        Fragment::Last,
    ] {
        let again = Fragment::new(fragment.is_first(), fragment.is_last());
        assert_eq!(again, fragment);
    }
}

#[test]
fn s5_5_a_long_control_frame_is_not_sent() {
    let (mut conn, mut out) = (server(), Vec::new());
    assert_eq!(
        conn.ping(&[0; 126], &mut out),
        Err(SendError::ControlTooLong)
    );
    assert_eq!(
        conn.pong(&[0; 126], &mut out),
        Err(SendError::ControlTooLong)
    );
    assert_eq!(out, []);
    conn.ping(&[0; 125], &mut out).unwrap();
    assert_eq!(out.len(), 127);
}

#[test]
fn a_streamed_frame_is_counted_and_nothing_comes_inside_it() {
    let (mut conn, mut out) = (server(), Vec::new());
    assert_eq!(
        conn.start_frame(MessageKind::Binary, 1 << 63, Fragment::Only),
        Err(SendError::FrameTooLong)
    );
    let header = conn
        .start_frame(MessageKind::Binary, 300, Fragment::First)
        .unwrap();
    assert_eq!(header.as_bytes(), [0x02, 126, 0x01, 0x2c]);
    conn.count_payload(100).unwrap();
    let open = SendError::FrameOpen { remaining: 200 };
    assert_eq!(conn.send_text("x", &mut out), Err(open));
    assert_eq!(
        conn.send_fragment(b"x", Fragment::Last, &mut out),
        Err(open)
    );
    assert_eq!(
        conn.start_frame(MessageKind::Binary, 1, Fragment::Only),
        Err(open)
    );
    assert_eq!(conn.ping(b"x", &mut out), Err(open));
    assert_eq!(conn.close(CloseCode::NORMAL, "", &mut out), Err(open));
    assert_eq!(
        conn.count_payload(201),
        Err(SendError::FrameOverrun { remaining: 200 })
    );
    assert_eq!(
        conn.mask_payload(&mut [0; 201]),
        Err(SendError::FrameOverrun { remaining: 200 })
    );

    // A Ping and then a Close come in: the answers wait for the end of the frame, however often
    // they are asked for.
    for first in [0x89, 0x88] {
        conn.receive(&mut &mut masked(first, b"\x03\xe8")[..], &mut out)
            .unwrap();
        assert_eq!(conn.flush(&mut out), Err(open));
    }
    assert_eq!((&out[..], conn.transport()), (&[][..], Transport::KeepOpen));
    let mut payload = [7; 200];
    conn.mask_payload(&mut payload).unwrap();
    assert_eq!(payload, [7; 200], "a server does not mask");
    conn.flush(&mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [sent_pong(b"\x03\xe8"), sent_close(1000)]
    );
    assert_eq!(
        (conn.transport(), conn.state()),
        (Transport::CloseNow, State::Closing)
    );
}

#[test]
fn a_client_masks_a_streamed_frame_at_every_cut() {
    for cut in 0..=20 {
        let (mut conn, mut out) = (client(), Vec::new());
        let mut payload: Vec<u8> = (0..20).collect();
        let header = conn
            .start_frame(MessageKind::Text, 20, Fragment::Only)
            .unwrap();
        let (left, right) = payload.split_at_mut(cut);
        conn.mask_payload(left).unwrap();
        conn.mask_payload(right).unwrap();
        out.extend_from_slice(&header);
        out.extend_from_slice(&payload);
        assert_eq!(frames_on_the_wire(&out, true), [(0x81, (0..20).collect())]);
        conn.send_text("next", &mut out).unwrap();
    }
}

#[test]
fn payload_that_is_put_is_payload_that_is_masked_at_every_cut() {
    for cut in 0..=20 {
        let payload: Vec<u8> = (0..20).collect();
        let (left, right) = payload.split_at(cut);
        let (mut conn, mut out) = (client(), Vec::new());
        let header = conn
            .start_frame(MessageKind::Text, 20, Fragment::Only)
            .unwrap();
        out.extend_from_slice(&header);
        conn.put_payload(left, &mut out).unwrap();
        conn.put_payload(right, &mut out).unwrap();
        assert_eq!(
            conn.put_payload(b"x", &mut out),
            Err(SendError::FrameOverrun { remaining: 0 })
        );
        assert_eq!(frames_on_the_wire(&out, true), [(0x81, payload.clone())]);
        conn.send_text("next", &mut out).unwrap();

        let (mut conn, mut out) = (server(), ArrayVec::<u8, 20>::new());
        let _ = conn
            .start_frame(MessageKind::Binary, 20, Fragment::Only)
            .unwrap();
        conn.put_payload(left, &mut out).unwrap();
        conn.put_payload(right, &mut out).unwrap();
        assert_eq!(out[..], payload, "a server does not mask");
    }
}

#[test]
fn payload_that_does_not_fit_leaves_everything_as_it_was() {
    let mut conn = client();
    let header = conn
        .start_frame(MessageKind::Binary, 9, Fragment::Only)
        .unwrap();
    let mut out = ArrayVec::<u8, 8>::new();
    assert_eq!(
        conn.put_payload(b"ten bytes!", &mut out),
        Err(SendError::FrameOverrun { remaining: 9 })
    );
    assert_eq!(
        conn.put_payload(b"123456789", &mut out),
        Err(SendError::OutputFull { needed: 9 })
    );
    assert!(out.is_empty());
    let mut wire = header.as_bytes().to_vec();
    for piece in [b"12345", &b"6789"[..]] {
        conn.put_payload(piece, &mut out).unwrap();
        wire.extend(out.drain(..));
    }
    assert_eq!(
        frames_on_the_wire(&wire, true),
        [(0x82, b"123456789".to_vec())]
    );
}

#[test]
fn a_frame_that_does_not_fit_leaves_everything_as_it_was() {
    let mut conn = server();
    let mut out = ArrayVec::<u8, 10>::new();
    let full = |needed| Err(SendError::OutputFull { needed });
    assert_eq!(conn.send_text("nine char", &mut out), full(11));
    assert_eq!(
        conn.send_fragment("nine char", Fragment::First, &mut out),
        full(11)
    );
    assert_eq!(
        conn.close(CloseCode::NORMAL, "too long a reason", &mut out),
        full(21)
    );
    assert_eq!((out.len(), conn.state()), (0, State::Open));
    conn.send_text("eight ch", &mut out).unwrap();
    assert_eq!(out.len(), 10);
    assert_eq!(conn.ping(b"", &mut out), full(2));
    out.clear();
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(out.as_slice(), [0x88, 2, 0x03, 0xe8]);
}

#[test]
fn a_frame_needs_the_room_that_it_takes_and_no_more() {
    fn check<R: Role>(conn: &mut Connection<R>, len: usize, needed: usize) {
        let (payload, mut room) = (vec![7; len], vec![0; needed]);
        let mut short = SliceOutput::new(&mut room[1..]);
        let full = Err(SendError::OutputFull { needed });
        assert_eq!(conn.send_binary(&payload, &mut short), full);
        let mut enough = SliceOutput::new(&mut room);
        assert_eq!(conn.send_binary(&payload, &mut enough), Ok(()));
        assert_eq!(enough.filled().len(), needed);
    }
    for (len, header_len) in [
        (0, 2),
        (125, 2),
        (126, 4),
        (0xffff, 4),
        (0x1_0000, 10),
        (100_000, 10),
    ] {
        check(&mut server(), len, header_len + len);
        check(&mut client(), len, header_len + 4 + len);
    }
}

#[test]
fn s5_3_a_key_is_drawn_only_for_a_frame_that_goes_out() {
    let (mut conn, mut out) = (client(), ArrayVec::<u8, 8>::new());
    for _ in 0..100 {
        let result = conn.send_text("much too long", &mut out);
        assert_eq!(result, Err(SendError::OutputFull { needed: 19 }));
    }
    conn.send_text("hi", &mut out).unwrap();
    assert_eq!(out[2..6], 1_u32.to_be_bytes());
}

#[test]
fn a_send_that_is_refused_moves_no_reply() {
    let mut conn = server();
    conn.send_fragment("open", Fragment::First, &mut Vec::new())
        .unwrap();
    let mut none = SliceOutput::new(&mut []);
    conn.receive(&mut &mut masked(0x89, b"waits")[..], &mut none)
        .unwrap();
    let mut out = Vec::new();
    assert_eq!(conn.send_text("x", &mut out), Err(SendError::MessageOpen));
    assert_eq!(
        conn.send_fragment(b"x", Fragment::Last, &mut out),
        Err(SendError::WrongKind)
    );
    assert_eq!(
        conn.ping(&[0; 126], &mut out),
        Err(SendError::ControlTooLong)
    );
    assert_eq!(out, []);
    assert!(conn.wants_flush());
}

#[test]
fn replies_that_do_not_fit_wait_the_newest_pong_first_and_the_close_last() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    let mut flood = Vec::new();
    for count in 0..1000_u32 {
        flood.extend(masked(0x89, &count.to_be_bytes()));
    }
    flood.extend(masked(0x88, b"\x0b\xb8bye"));
    let mut input = &mut flood[..];
    let mut pings = 0;
    while let Some(event) = conn.receive(&mut input, &mut none).unwrap() {
        pings += u32::from(matches!(event, Event::Ping(_)));
    }
    assert_eq!(pings, 1000);
    let mut full = ArrayVec::from(*b"all of its room is taken");
    assert_eq!(
        conn.flush(&mut full),
        Err(SendError::OutputFull { needed: 4 })
    );
    assert!(conn.wants_flush());
    assert_eq!(
        conn.transport(),
        Transport::KeepOpen,
        "the Close has not left"
    );

    // Room for the Pong alone, then for the Close.
    let mut room = [0; 6];
    let mut out = SliceOutput::new(&mut room);
    assert_eq!(
        conn.flush(&mut out),
        Err(SendError::OutputFull { needed: 4 })
    );
    assert_eq!(
        frames_on_the_wire(out.filled(), false),
        [sent_pong(&999_u32.to_be_bytes())]
    );
    out.clear();
    conn.flush(&mut out).unwrap();
    assert_eq!(frames_on_the_wire(out.filled(), false), [sent_close(3000)]);
    assert_eq!(conn.transport(), Transport::CloseNow);
    out.clear();
    conn.flush(&mut out).unwrap();
    assert_eq!(out.filled(), []);
}

#[test]
fn a_waiting_pong_leaves_before_the_next_frame() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    conn.receive(&mut &mut masked(0x89, b"late")[..], &mut none)
        .unwrap();
    let mut out = Vec::new();
    conn.send_text("message", &mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [sent_pong(b"late"), (0x81, b"message".to_vec())]
    );
}

#[test]
fn the_close_of_a_failure_waits_too() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    let error = conn
        .receive(&mut &mut [0x83, 0x80][..], &mut none)
        .unwrap_err();
    assert_eq!(
        conn.transport(),
        Transport::KeepOpen,
        "the Close has not left"
    );
    let mut out = Vec::new();
    assert_eq!(conn.receive(&mut &mut [0x81][..], &mut out), Err(error));
    assert_eq!(frames_on_the_wire(&out, false), [sent_close(1002)]);
    assert_eq!(conn.transport(), Transport::CloseNow);
}

#[test]
fn an_unanswered_close_is_not_a_clean_end() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    conn.receive(&mut &mut masked(0x88, b"\x03\xe8")[..], &mut none)
        .unwrap();
    let closure = conn.receive_eof();
    assert_eq!(closure, Closure::Unanswered(CloseCode::NORMAL));
    assert_eq!(
        (closure.code(), closure.is_clean()),
        (CloseCode::NORMAL, false)
    );
}

#[test]
fn a_pong_for_which_there_was_no_room_does_not_follow_the_close() {
    // Found by the model: the Pong waits, the smaller Close fits, and then there is room for the
    // Pong again.
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    conn.receive(
        &mut &mut masked(0x89, b"too long for the room")[..],
        &mut none,
    )
    .unwrap();
    let mut out = ArrayVec::<u8, 8>::new();
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(frames_on_the_wire(&out, false), [sent_close(1000)]);
    let mut out = Vec::new();
    conn.flush(&mut out).unwrap();
    assert_eq!(out, []);
}

#[test]
fn a_pong_that_will_never_fit_does_not_hold_up_the_close() {
    let mut conn = server();
    let mut room = [0; 24];
    let mut out = SliceOutput::new(&mut room);
    conn.receive(&mut &mut masked(0x89, &[7; 100])[..], &mut out)
        .unwrap();
    assert!(conn.wants_flush());
    conn.receive(&mut &mut masked(0x88, b"\x03\xe8")[..], &mut out)
        .unwrap();
    assert_eq!(frames_on_the_wire(out.filled(), false), [sent_close(1000)]);
    assert!(!conn.wants_flush());
    assert_eq!(conn.transport(), Transport::CloseNow);
}

#[test]
fn a_newer_pong_does_not_overtake_one_that_waits() {
    let mut conn = server();
    let mut out = ArrayVec::<u8, 8>::new();
    conn.receive(&mut &mut masked(0x89, b"too long for it")[..], &mut out)
        .unwrap();
    conn.receive(&mut &mut masked(0x89, b"short")[..], &mut out)
        .unwrap();
    assert_eq!(out.len(), 0, "it takes the place of the one that waits");
    let mut out = Vec::new();
    conn.flush(&mut out).unwrap();
    assert_eq!(frames_on_the_wire(&out, false), [sent_pong(b"short")]);
}

#[test]
fn a_broadcast_keeps_to_the_order_of_frames() {
    let broadcast = Broadcast::new("all");
    let (mut conn, mut out) = (server(), Vec::new());
    assert_eq!(
        conn.broadcast(&broadcast).map(|slices| slices.concat()),
        Ok(b"\x81\x03all".to_vec())
    );
    conn.send_fragment("open", Fragment::First, &mut out)
        .unwrap();
    assert_eq!(conn.broadcast(&broadcast), Err(SendError::MessageOpen));
    conn.send_fragment("", Fragment::Last, &mut out).unwrap();
    let _ = conn
        .start_frame(MessageKind::Text, 1, Fragment::Only)
        .unwrap();
    assert_eq!(
        conn.broadcast(&broadcast),
        Err(SendError::FrameOpen { remaining: 1 })
    );
    conn.count_payload(1).unwrap();
    conn.close(None, "", &mut out).unwrap();
    assert_eq!(conn.broadcast(&broadcast), Err(SendError::Closing));
}

#[test]
fn flushing_nothing_is_fine_inside_a_frame_too() {
    let (mut conn, mut out) = (server(), Vec::new());
    let _ = conn
        .start_frame(MessageKind::Binary, 9, Fragment::Only)
        .unwrap();
    assert_eq!((conn.flush(&mut out), conn.wants_flush()), (Ok(()), false));
}

#[test]
fn nothing_is_sent_or_received_after_the_end() {
    // With nothing owed, and with a Pong and a Close that waited.
    for waits in [false, true] {
        let mut conn = server();
        let mut none = SliceOutput::new(&mut []);
        if waits {
            conn.receive(&mut &mut masked(0x89, b"p")[..], &mut none)
                .unwrap();
            conn.receive(&mut &mut masked(0x88, b"\x03\xe8")[..], &mut none)
                .unwrap();
        }
        let closure = conn.receive_eof();
        let mut out = Vec::new();
        assert_eq!(conn.flush(&mut out), Ok(()));
        assert_eq!(conn.send_text("x", &mut out), Err(SendError::Closing));
        assert_eq!(
            conn.close(CloseCode::NORMAL, "", &mut out),
            Err(SendError::Closing)
        );
        assert_eq!(conn.fail(CloseCode::POLICY_VIOLATION, "", &mut out), Ok(()));
        for input in [
            masked(0x81, b"late"),
            masked(0x89, b"late"),
            masked(0x83, b""),
        ] {
            assert_eq!(
                conn.receive(&mut &mut input.clone()[..], &mut out),
                Ok(None)
            );
        }
        assert_eq!(out, []);
        assert_eq!(conn.receive_eof(), closure, "it stays what it was");
        assert_eq!(
            (conn.state(), conn.transport()),
            (State::Closed, Transport::CloseNow)
        );
    }
}

#[test]
fn a_second_failure_changes_nothing() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    let error = conn
        .receive(&mut &mut [0x83, 0x80][..], &mut none)
        .unwrap_err();
    conn.fail(CloseCode::POLICY_VIOLATION, "", &mut none)
        .unwrap();
    let mut out = Vec::new();
    let mut input = masked(0x81, b"x");
    let again = conn.receive(&mut &mut input[..], &mut out);
    assert_eq!(again, Err(error), "the first error stays");
    assert_eq!(frames_on_the_wire(&out, false), [sent_close(1002)]);
}

/// Sends everything that comes in on, chunk by chunk; gives what went out, and the error.
fn forwarded<A: Role, B: Role>(
    from: &mut Connection<A>,
    to: &mut Connection<B>,
    cut: &[usize],
    bytes: &[u8],
) -> (Vec<u8>, Option<ProtocolError>) {
    let (mut bytes, mut out, mut answers) = (bytes.to_vec(), Vec::new(), Vec::new());
    let mut input = &mut bytes[..];
    for &len in cut {
        let mut read = input.split_off_mut(..len).unwrap();
        loop {
            match from.receive(&mut read, &mut answers) {
                Ok(Some(Event::Chunk(chunk))) => to.send_chunk(&chunk, &mut out).unwrap(),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return (out, error.protocol()),
            }
        }
    }
    (out, None)
}

/// The messages in outbound bytes: their kind and payload, and whether the last one is finished.
fn messages_on_the_wire(bytes: &[u8], masked: bool) -> (Vec<(u8, Vec<u8>)>, bool) {
    let (mut messages, mut finished) = (Vec::<(u8, Vec<u8>)>::new(), true);
    for (first, payload) in frames_on_the_wire(bytes, masked) {
        assert_eq!(first % 16 == 0, !finished, "a message begins once");
        assert!(!payload.is_empty() || first & 0x80 != 0, "a frame has use");
        if finished {
            messages.push((first & 0x0f, payload.clone()));
        } else {
            messages.last_mut().unwrap().1.extend(&payload);
        }
        if messages.last().unwrap().0 == 1 {
            std::str::from_utf8(&payload).expect("no character is cut by a frame");
        }
        finished = first & 0x80 != 0;
    }
    (messages, finished)
}

#[test]
fn s5_4_chunks_go_on_as_one_message_however_the_input_is_cut() {
    let wide = "\u{e9}\u{20ac}\u{1f600}".as_bytes();
    let mut input = masked(0x01, &wide[..1]);
    input.extend(masked(0x00, &wide[1..4]));
    input.extend(masked(0x89, b"between"));
    input.extend(masked(0x80, &wide[4..]));
    input.extend(masked(0x82, b"\xff\0"));
    input.extend(masked(0x01, b""));
    input.extend(masked(0x80, b""));
    input.extend(masked(0x82, b""));
    let expected = [
        (1, wide.to_vec()),
        (2, b"\xff\0".to_vec()),
        (1, vec![]),
        (2, vec![]),
    ];
    for cut in cuts(input.len()) {
        let (out, error) = forwarded(&mut server(), &mut client(), &cut, &input);
        assert_eq!(error, None);
        let went_out = messages_on_the_wire(&out, true);
        assert_eq!(went_out, (expected.to_vec(), true), "{cut:?}");

        let mut to = server();
        let (out, _) = forwarded(&mut server(), &mut to, &cut, &input);
        assert_eq!(messages_on_the_wire(&out, false), went_out, "{cut:?}");
        to.send_text("the message is finished", &mut Vec::new())
            .unwrap();
    }
}

#[test]
fn s8_1_only_what_is_valid_of_a_faulty_text_goes_on() {
    let mut input = masked(0x01, "ok \u{20ac}".as_bytes());
    input.extend(masked(0x80, b"fine\xe2\x82(never"));
    for cut in cuts(input.len()) {
        let mut to = client();
        let (mut out, error) = forwarded(&mut server(), &mut to, &cut, &input);
        assert_eq!(error, Some(ProtocolError::InvalidUtf8), "{cut:?}");
        assert_eq!(
            messages_on_the_wire(&out, true),
            (vec![(1, "ok \u{20ac}fine".into())], false),
            "{cut:?}"
        );
        out.clear();
        to.close(CloseCode::new(1011), "", &mut out).unwrap();
        assert_eq!(frames_on_the_wire(&out, true), [sent_close(1011)]);
    }
}

#[test]
fn a_chunk_that_does_not_go_on_what_went_out_is_refused() {
    let chunk = |first, last, payload| Chunk {
        first,
        last,
        payload,
    };
    let text = Payload::Text {
        carried: Some('\u{20ac}'),
        text: "and",
    };
    let (mut conn, mut out) = (server(), ArrayVec::<u8, 8>::new());
    for last in [false, true] {
        assert_eq!(
            conn.send_chunk(&chunk(false, last, text), &mut out),
            Err(SendError::NoMessageOpen)
        );
    }
    conn.send_chunk(&chunk(true, false, text), &mut out)
        .unwrap();
    assert_eq!(out.as_slice(), b"\x01\x06\xe2\x82\xacand");
    assert_eq!(
        conn.send_chunk(&chunk(true, true, text), &mut out),
        Err(SendError::MessageOpen)
    );
    assert_eq!(
        conn.send_chunk(&chunk(false, true, Payload::Binary(b"x")), &mut out),
        Err(SendError::WrongKind)
    );
    // Whole or not at all: nothing has changed, and it goes out once there is room.
    assert_eq!(
        conn.send_chunk(&chunk(false, true, text), &mut out),
        Err(SendError::OutputFull { needed: 8 })
    );
    assert_eq!(out.len(), 8);
    out.clear();
    conn.send_chunk(&chunk(false, true, text), &mut out)
        .unwrap();
    assert_eq!(out.as_slice(), b"\x80\x06\xe2\x82\xacand");

    let _header = conn
        .start_frame(MessageKind::Binary, 3, Fragment::Only)
        .unwrap();
    assert_eq!(
        conn.send_chunk(&chunk(true, true, text), &mut out),
        Err(SendError::FrameOpen { remaining: 3 })
    );
    conn.count_payload(3).unwrap();
    out.clear();
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(
        conn.send_chunk(&chunk(true, true, text), &mut out),
        Err(SendError::Closing)
    );
}

#[test]
fn a_waiting_pong_leaves_before_the_next_chunk_and_only_if_that_may_go() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    conn.receive(&mut &mut masked(0x89, b"late")[..], &mut none)
        .unwrap();
    let mut out = Vec::new();
    let mut chunk = Chunk {
        first: false,
        last: true,
        payload: Payload::Binary(b"x"),
    };
    assert_eq!(
        conn.send_chunk(&chunk, &mut out),
        Err(SendError::NoMessageOpen)
    );
    assert_eq!(out, []);
    chunk.first = true;
    conn.send_chunk(&chunk, &mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [sent_pong(b"late"), (0x82, b"x".to_vec())]
    );
}

#[test]
fn s5_5_2_pings_can_be_answered_by_the_caller_however_the_input_is_cut() {
    let mut input = masked(0x01, b"a");
    input.extend(masked(0x89, b"one"));
    input.extend(masked(0x8a, b"no reply"));
    input.extend(masked(0x89, b""));
    input.extend(masked(0x80, b"b"));
    // What follows decides which replies are left: to a Close, to a fault, none.
    let ends = [
        (masked(0x88, b"\x0b\xb8"), vec![sent_close(3000)]),
        (masked(0x83, b""), vec![sent_close(1002)]),
        (vec![], vec![]),
    ];
    for (end, closes) in ends {
        let bytes = [&input[..], &end].concat();
        for cut in cuts(bytes.len()) {
            let (mut receiver, mut sender) = server().split();
            let (mut bytes, mut out, mut pings) = (bytes.clone(), Vec::new(), Vec::new());
            let (mut rest, mut left_out) = (&mut bytes[..], 0);
            for &len in &cut {
                let mut read = rest.split_off_mut(..len).unwrap();
                while let Ok(Some(event)) = receiver.receive(&mut read, |reply| {
                    if reply.is_pong() {
                        left_out += 1;
                    } else {
                        sender.reply(reply, &mut out);
                    }
                }) {
                    if let Event::Ping(payload) = event {
                        pings.push(payload.to_vec());
                        // The answer may come later, and then in any order.
                        if pings.len() == 2 {
                            sender.pong(&pings[0], &mut out).unwrap();
                        }
                    }
                }
            }
            assert_eq!((left_out, pings), (2, vec![b"one".to_vec(), vec![]]));
            let mut expected = vec![sent_pong(b"one")];
            expected.extend(closes.clone());
            assert_eq!(frames_on_the_wire(&out, false), expected, "{cut:?}");
            assert!(!sender.wants_flush());
            assert!(!receiver.receive_eof().is_pong());
        }
    }
}

/// An output may be lent, and may be a slice: a client masks what it puts there.
#[test]
fn s5_3_a_client_masks_into_any_output() {
    let payload = [b'p'; 300];
    let mut expected = Vec::new();
    client().send(&payload, &mut expected).unwrap();
    assert_eq!(expected[4..8], [0, 0, 0, 1]);

    let mut lent = Vec::new();
    client().send(&payload, &mut &mut lent).unwrap();
    assert_eq!(lent, expected);
    let mut array = ArrayVec::<u8, 400>::new();
    client().send(&payload, &mut array).unwrap();
    assert_eq!(array.as_slice(), expected);
    let mut room = [0; 400];
    let mut slice = SliceOutput::new(&mut room);
    client().send(&payload, &mut slice).unwrap();
    assert_eq!(slice.filled(), expected);
}

/// A server whose extensions use these bits.
fn server_with(reserved_bits: Rsv) -> Connection<Server> {
    let mut negotiated = Negotiated::default();
    negotiated.reserved_bits = reserved_bits;
    Connection::new(Server, negotiated, Config::default())
}

fn raw(rsv: Rsv, bytes: &[u8]) -> RawMessage<'_> {
    RawMessage {
        kind: MessageKind::Text,
        rsv,
        bytes,
    }
}

/// All eight sets of reserved bits, by their numbers.
fn all_bits() -> [Rsv; 8] {
    core::array::from_fn(|bits| {
        let set = |bit, rsv| if bits & bit != 0 { rsv } else { Rsv::NONE };
        set(4, Rsv::RSV1)
            .union(set(2, Rsv::RSV2))
            .union(set(1, Rsv::RSV3))
    })
}

#[test]
fn s5_8_only_bits_that_were_agreed_on_go_out() {
    for agreed in all_bits() {
        for rsv in all_bits() {
            let bits = rsv.bits() << 4;
            let is_agreed = rsv.bits() & !agreed.bits() == 0;
            let refused = Err(SendError::ReservedBits(rsv));
            // It is text by its opcode only.
            let payload = raw(rsv, b"\xff");

            let (mut conn, mut out) = (server_with(agreed), Vec::new());
            let sent = conn.send_raw(payload, Fragment::Only, &mut out);
            assert_eq!(sent, if is_agreed { Ok(()) } else { refused });
            let frame = vec![0x81 | bits, 1, 0xff];
            assert_eq!(out, if is_agreed { frame.clone() } else { vec![] });

            let (mut conn, mut out) = (server_with(agreed), Vec::new());
            let header = conn.start_raw_frame(MessageKind::Text, rsv, 1, Fragment::Only);
            match &header {
                Ok(header) => assert_eq!(header.as_bytes(), [0x81 | bits, 1]),
                Err(error) => assert_eq!(Err(*error), refused),
            }
            assert_eq!(header.is_ok(), is_agreed);
            assert_eq!(
                conn.send_text("x", &mut out).is_err(),
                is_agreed,
                "a frame is open"
            );

            let (mut conn, mut out) = (server_with(agreed), Vec::new());
            let chunk = Chunk {
                first: true,
                last: true,
                payload: Payload::Raw {
                    kind: MessageKind::Text,
                    rsv,
                    bytes: b"\xff",
                },
            };
            let sent = conn.send_chunk(&chunk, &mut out);
            assert_eq!(sent, if is_agreed { Ok(()) } else { refused });
            assert_eq!(out, if is_agreed { frame } else { vec![] });
        }
    }
}

#[test]
fn s5_8_bits_may_differ_from_frame_to_frame_and_control_frames_have_none() {
    let mut conn = server_with(Rsv::RSV2.union(Rsv::RSV3));
    let mut out = Vec::new();
    let frames = [
        (Rsv::RSV2, Fragment::First),
        (Rsv::NONE, Fragment::Middle),
        (Rsv::RSV2.union(Rsv::RSV3), Fragment::Middle),
    ];
    for (rsv, fragment) in frames {
        conn.send_raw(raw(rsv, b"x"), fragment, &mut out).unwrap();
        conn.ping(b"", &mut out).unwrap();
    }
    // The position is the caller's here, too, and so is the kind.
    assert_eq!(
        conn.send_raw(raw(Rsv::RSV2, b"x"), Fragment::First, &mut out),
        Err(SendError::MessageOpen)
    );
    let binary = RawMessage {
        kind: MessageKind::Binary,
        ..raw(Rsv::RSV2, b"x")
    };
    assert_eq!(
        conn.send_raw(binary, Fragment::Last, &mut out),
        Err(SendError::WrongKind)
    );
    assert_eq!(
        conn.broadcast(&Broadcast::new("all")),
        Err(SendError::MessageOpen)
    );
    conn.send_fragment("y", Fragment::Last, &mut out).unwrap();
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(
        conn.send_raw(raw(Rsv::RSV2, b"x"), Fragment::Only, &mut out),
        Err(SendError::Closing)
    );
    let expected: [(u8, &[u8]); 8] = [
        (0x21, b"x"),
        (0x89, b""),
        (0x00, b"x"),
        (0x89, b""),
        (0x30, b"x"),
        (0x89, b""),
        (0x80, b"y"),
        (0x88, b"\x03\xe8"),
    ];
    assert_eq!(
        frames_on_the_wire(&out, false),
        expected.map(|(first, payload)| (first, payload.to_vec()))
    );
}

#[test]
fn s5_8_a_refused_frame_with_bits_moves_no_reply() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    conn.receive(&mut &mut masked(0x89, b"late")[..], &mut none)
        .unwrap();
    let mut out = Vec::new();
    assert_eq!(
        conn.send_raw(raw(Rsv::RSV3, b"x"), Fragment::Only, &mut out),
        Err(SendError::ReservedBits(Rsv::RSV3))
    );
    assert_eq!((out.len(), conn.wants_flush()), (0, true));
    conn.send_raw(raw(Rsv::NONE, b"x"), Fragment::Only, &mut out)
        .unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [sent_pong(b"late"), (0x81, b"x".to_vec())]
    );
}

/// What an end is owed to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Pong(usize),
    /// The answer to a Close with this payload.
    Close(&'static [u8]),
    PongAndClose(usize),
    /// The Close of a fault of the peer's.
    Fault,
    /// The Close of a failure of the caller's.
    Failure,
}

/// Lets it be owed, with an output of this size that is full, then writes by the documented loop.
/// Gives the frames that left.
fn written<R: Role>(
    conn: &mut Connection<R>,
    owed: Owed,
    key: Option<[u8; 4]>,
    size: usize,
) -> Vec<(u8, Vec<u8>)> {
    let mut room = vec![0; size];
    let mut out = SliceOutput::new(&mut room);
    let stuffing = out.max_len();
    out.make_room(stuffing).unwrap();
    out.put(&vec![0; stuffing]);
    let mut bytes = match owed {
        Owed::Pong(len) | Owed::PongAndClose(len) => wire_frame(0x89, &vec![b'p'; len], key),
        Owed::Close(payload) => wire_frame(0x88, payload, key),
        Owed::Fault => wire_frame(0x83, b"", key),
        Owed::Failure => vec![],
    };
    if let Owed::PongAndClose(_) = owed {
        bytes.extend(wire_frame(0x88, b"\x0b\xb8", key));
    }
    let mut input = &mut bytes[..];
    while let Ok(Some(_)) = conn.receive(&mut input, &mut out) {}
    if owed == Owed::Failure {
        conn.fail(CloseCode::POLICY_VIOLATION, "why", &mut out)
            .unwrap();
    }
    assert!(conn.wants_flush(), "the output was full");
    assert_eq!(conn.transport(), Transport::KeepOpen);
    out.clear();

    let (mut wire, mut turns) = (Vec::new(), 0);
    while conn.wants_flush() {
        match conn.flush(&mut out) {
            Ok(()) | Err(SendError::OutputFull { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        wire.extend_from_slice(out.filled());
        out.clear();
        turns += 1;
        assert!(
            turns < 10,
            "{owed:?} in {size} bytes: the loop does not end"
        );
    }
    frames_on_the_wire(&wire, key.is_none())
}

#[test]
fn s5_5_the_loop_that_flushes_ends_with_an_output_of_any_size() {
    fn check<R: Role>(new: impl Fn() -> Connection<R>, key: Option<[u8; 4]>) {
        let header_len = if key.is_some() { 2 } else { 6 };
        let owed = [
            Owed::Pong(0),
            Owed::Pong(60),
            Owed::Pong(125),
            Owed::Close(b""),
            Owed::Close(b"\x0b\xb8bye"),
            Owed::PongAndClose(0),
            Owed::PongAndClose(125),
            Owed::Fault,
            Owed::Failure,
        ];
        for size in 0..=MIN_OUTPUT_LEN {
            for owed in owed {
                let mut conn = new();
                let frames = written(&mut conn, owed, key, size);
                // Each of them leaves if it fits, and only then.
                let pong = |len| (0x8a, vec![b'p'; len]);
                let (mut expected, close) = match owed {
                    Owed::Pong(len) => (vec![pong(len)], None),
                    Owed::PongAndClose(len) => (vec![pong(len)], Some(sent_close(3000))),
                    Owed::Close(b"") => (vec![], Some((0x88, vec![]))),
                    Owed::Close(_) => (vec![], Some(sent_close(3000))),
                    Owed::Fault => (vec![], Some(sent_close(1002))),
                    Owed::Failure => (vec![], Some(sent_close(1008))),
                };
                expected.extend(close.clone());
                let fits = |payload: &[u8]| header_len + payload.len() <= size;
                expected.retain(|(_, payload)| fits(payload));
                if expected.len() == 2 && !fits(&[0; 125]) {
                    // Both leave, but one after the other, if both have no room together.
                    assert!(frames == expected || frames == expected[1..]);
                } else {
                    assert_eq!(frames, expected, "{owed:?} in {size} bytes");
                }

                let Some((_, payload)) = close else {
                    assert_eq!(
                        (conn.state(), conn.transport()),
                        (State::Open, Transport::KeepOpen)
                    );
                    continue;
                };
                let failed = matches!(owed, Owed::Fault | Owed::Failure);
                let code = if payload.is_empty() { 1005 } else { 3000 };
                let code = CloseCode::new(code);
                let (transport, closure) = match (failed, fits(&payload)) {
                    (true, _) => (Transport::CloseNow, Closure::Failed),
                    (false, false) => (Transport::CloseNow, Closure::Unanswered(code)),
                    (false, true) if key.is_some() => (Transport::CloseNow, Closure::Clean(code)),
                    (false, true) => (Transport::AwaitPeerClose, Closure::Clean(code)),
                };
                assert_eq!(conn.transport(), transport, "{owed:?} in {size} bytes");
                assert_eq!(
                    conn.send_text("x", &mut Vec::new()),
                    Err(SendError::Closing)
                );
                assert_eq!(conn.receive_eof(), closure, "{owed:?} in {size} bytes");
            }
        }
    }
    check(server, Some(KEY));
    check(client, None);
}

#[test]
fn s5_5_an_output_of_the_least_length_holds_every_reply() {
    let longest = vec![(0x8a, vec![b'p'; 125])];
    let frames = written(&mut client(), Owed::Pong(125), None, MIN_OUTPUT_LEN);
    assert_eq!(frames, longest);
    let frames = written(&mut client(), Owed::Pong(125), None, MIN_OUTPUT_LEN - 1);
    assert_eq!(frames, []);
    let needed = MIN_OUTPUT_LEN;
    let mut full = ArrayVec::<u8, { MIN_OUTPUT_LEN - 1 }>::new();
    assert_eq!(
        client().ping(&[0; 125], &mut full),
        Err(SendError::OutputFull { needed })
    );
}

/// There is one Close in a connection, also if it was dropped.
#[test]
fn s5_5_1_no_second_close_is_owed_for_one_that_was_dropped() {
    let mut conn = server();
    let mut room = [0; 3];
    let mut small = SliceOutput::new(&mut room);
    conn.receive(&mut &mut masked(0x88, b"\x03\xe8")[..], &mut small)
        .unwrap();
    conn.flush(&mut small).unwrap();
    let mut out = Vec::new();
    conn.fail(CloseCode::POLICY_VIOLATION, "", &mut out)
        .unwrap();
    conn.flush(&mut out).unwrap();
    assert_eq!((out.len(), conn.wants_flush()), (0, false));
    assert_eq!(conn.transport(), Transport::CloseNow);
}

/// Only `flush` drops a reply: an output that was too small for a moment costs nothing.
#[test]
fn a_reply_that_is_not_flushed_waits_for_a_larger_output() {
    let mut conn = server();
    let mut none = SliceOutput::new(&mut []);
    for first in [0x89, 0x82] {
        conn.receive(&mut &mut masked(first, b"late")[..], &mut none)
            .unwrap();
    }
    assert!(conn.send_text("x", &mut none).is_err());
    assert!(conn.wants_flush());
    let mut out = Vec::new();
    conn.flush(&mut out).unwrap();
    assert_eq!(frames_on_the_wire(&out, false), [sent_pong(b"late")]);
}

/// A flush can move nothing then, so that the loop would not end.
#[test]
fn inside_a_streamed_frame_nothing_wants_to_be_flushed() {
    let (mut conn, mut out) = (server(), Vec::new());
    let _ = conn
        .start_frame(MessageKind::Binary, 2, Fragment::Only)
        .unwrap();
    for first in [0x89, 0x88] {
        conn.receive(&mut &mut masked(first, b"\x03\xe8")[..], &mut out)
            .unwrap();
        assert!(!conn.wants_flush());
        assert_eq!(conn.transport(), Transport::KeepOpen);
        // Nothing is dropped either: the frame has to end first.
        let open = Err(SendError::FrameOpen { remaining: 2 });
        assert_eq!(conn.flush(&mut SliceOutput::new(&mut [])), open);
    }
    conn.count_payload(2).unwrap();
    assert!(conn.wants_flush());
    conn.flush(&mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [sent_pong(b"\x03\xe8"), sent_close(1000)]
    );
}

/// Bytes, frames and messages.
fn totals<R: Role>(conn: &Connection<R>) -> (u64, u64, u64) {
    let sent = conn.sent();
    (sent.bytes, sent.frames, sent.messages)
}

/// Whether the newest message is compressed, its length on the wire and its own.
fn cost<R: Role>(conn: &Connection<R>) -> (bool, u64, u64) {
    let cost = conn.newest_sent();
    (cost.compressed, cost.wire_len, cost.len)
}

#[test]
fn all_that_goes_out_is_counted_and_what_does_not_is_not() {
    let (mut conn, mut out) = (server(), Vec::new());
    assert_eq!((totals(&conn), cost(&conn)), ((0, 0, 0), (false, 0, 0)));
    conn.send_text("Hello", &mut out).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((7, 1, 1), (false, 7, 5)));
    let mut none = SliceOutput::new(&mut []);
    assert!(conn.send_text("no room", &mut none).is_err());
    assert!(conn.ping(b"no room", &mut none).is_err());
    assert_eq!((totals(&conn), cost(&conn)), ((7, 1, 1), (false, 7, 5)));
    // Control frames between fragments are no part of the message.
    conn.send_fragment("ab", Fragment::First, &mut out).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((11, 2, 1), (false, 4, 2)));
    conn.ping(b"", &mut out).unwrap();
    assert_eq!(totals(&conn), (13, 3, 1));
    conn.receive(&mut &mut masked(0x89, b"p")[..], &mut out)
        .unwrap();
    assert_eq!(totals(&conn), (16, 4, 1));
    conn.send_fragment("c", Fragment::Last, &mut out).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((19, 5, 2), (false, 7, 3)));
    // A broadcast is a message like any other.
    let news = Broadcast::new("news");
    let slices = conn.broadcast(&news).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((25, 6, 3), (false, 6, 4)));
    out.extend(slices.concat());
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(totals(&conn), (29, 7, 3));
    assert!(conn.broadcast(&news).is_err());
    assert!(conn.send_text("late", &mut out).is_err());
    let frames = frames_on_the_wire(&out, false).len();
    assert_eq!(totals(&conn), (out.len() as u64, frames as u64, 3));
}

#[test]
fn a_streamed_frame_counts_as_it_goes() {
    let (mut conn, mut out) = (client(), Vec::new());
    let _ = conn
        .start_frame(MessageKind::Binary, 3, Fragment::First)
        .unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((6, 1, 0), (false, 6, 0)));
    conn.mask_payload(&mut [7]).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((7, 1, 0), (false, 7, 1)));
    // What has no room, or is too much, is not counted.
    assert!(
        conn.put_payload(b"ab", &mut SliceOutput::new(&mut []))
            .is_err()
    );
    assert!(conn.put_payload(b"abc", &mut out).is_err());
    assert!(conn.mask_payload(&mut [0; 3]).is_err());
    assert_eq!(totals(&conn), (7, 1, 0));
    conn.put_payload(b"ab", &mut out).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((9, 1, 0), (false, 9, 3)));
    // An empty frame is complete at once, and its message counts once.
    let _ = conn
        .start_frame(MessageKind::Binary, 0, Fragment::Last)
        .unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((15, 2, 1), (false, 15, 3)));
    conn.mask_payload(&mut []).unwrap();
    assert_eq!(totals(&conn), (15, 2, 1));

    let mut conn = server();
    let _ = conn
        .start_frame(MessageKind::Binary, 2, Fragment::Only)
        .unwrap();
    conn.count_payload(1).unwrap();
    assert_eq!(totals(&conn), (3, 1, 0));
    conn.count_payload(1).unwrap();
    conn.count_payload(0).unwrap();
    assert_eq!((totals(&conn), cost(&conn)), ((4, 1, 1), (false, 4, 2)));
}

#[test]
fn a_split_sender_counts_too() {
    let (_, mut sender) = server().split();
    let mut out = Vec::new();
    sender.send_text("Hello", &mut out).unwrap();
    assert_eq!((sender.sent().bytes, sender.newest_sent().len), (7, 5));
}

//! Chunks that a relay gathers: the same messages, in few frames.

use arrayvec::ArrayVec;
use websocket_proto::frame::{CloseCode, MaskingKey, MessageKind, Rsv};
use websocket_proto::{
    Assembler, Broadcast, Chunk, ChunkBuffer, Client, Config, Connection, Event, Fragment,
    Incoming, MessageCost, Negotiated, Payload, ProtocolError, RawMessage, ReceiveError, Role,
    SendError, Server, SliceOutput,
};

use crate::case::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

fn client() -> Connection<Client<fn() -> MaskingKey>> {
    let keys: fn() -> MaskingKey = || MaskingKey::new(KEY);
    Connection::new(Client::new(keys), Negotiated::default(), Config::default())
}

fn binary_chunk(fragment: Fragment, bytes: &[u8]) -> Chunk<'_> {
    Chunk {
        first: fragment.is_first(),
        last: fragment.is_last(),
        payload: Payload::Binary(bytes),
    }
}

/// The messages in outbound bytes, their kind and payload, and the count of their frames; whether
/// the last one is finished.
fn messages_on_the_wire(bytes: &[u8], masked: bool) -> (Vec<(u8, Vec<u8>, usize)>, bool) {
    let (mut messages, mut finished) = (Vec::<(u8, Vec<u8>, usize)>::new(), true);
    for (first, payload) in frames_on_the_wire(bytes, masked) {
        assert_eq!(first % 16 == 0, !finished, "a message begins once");
        if finished {
            messages.push((first & 0x0f, Vec::new(), 0));
        }
        let (kind, message, frames) = messages.last_mut().unwrap();
        message.extend(&payload);
        *frames += 1;
        if *kind == 1 {
            std::str::from_utf8(&payload).expect("no character is cut by a frame");
        }
        finished = first & 0x80 != 0;
    }
    (messages, finished)
}

/// Sends everything that comes in on, gathered in a buffer of this length.
fn relayed<R: Role>(
    to: &mut Connection<R>,
    reads: impl Iterator<Item = usize>,
    bytes: &[u8],
    buffer_len: usize,
) -> Vec<u8> {
    let (mut from, mut bytes) = (server(), bytes.to_vec());
    let (mut out, mut answers) = (Vec::new(), Vec::new());
    let mut chunks = ChunkBuffer::new(vec![0; buffer_len]);
    let mut input = &mut bytes[..];
    for len in reads {
        let mut read = input.split_off_mut(..len).unwrap();
        while let Some(event) = from.receive(&mut read, &mut answers).unwrap() {
            if let Event::Chunk(chunk) = event {
                to.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
            }
            assert!(chunks.len() <= buffer_len);
        }
    }
    assert!(chunks.is_idle() && chunks.is_empty());
    out
}

#[test]
fn s5_4_gathered_chunks_are_the_same_messages_in_few_frames_however_the_input_is_cut() {
    let wide = "\u{e9}\u{20ac}\u{1f600}".as_bytes();
    let mut input = wire_frame(0x01, &wide[..1], Some(KEY));
    input.extend(wire_frame(0x00, &wide[1..4], Some(KEY)));
    input.extend(wire_frame(0x89, b"between", Some(KEY)));
    input.extend(wire_frame(0x80, &wide[4..], Some(KEY)));
    input.extend(wire_frame(0x82, b"\xff\0 and more", Some(KEY)));
    input.extend(wire_frame(0x01, b"", Some(KEY)));
    input.extend(wire_frame(0x80, b"", Some(KEY)));
    input.extend(wire_frame(0x82, b"", Some(KEY)));
    let expected = [
        (1, wide.to_vec()),
        (2, b"\xff\0 and more".to_vec()),
        (1, vec![]),
        (2, vec![]),
    ];
    for cut in cuts(input.len()) {
        for buffer_len in [0, 1, 2, 3, 4, 5, 9, 11, 64] {
            let mut to = server();
            let out = relayed(&mut to, cut.iter().copied(), &input, buffer_len);
            let (messages, finished) = messages_on_the_wire(&out, false);
            assert!(finished, "{cut:?}");
            for (message, (kind, bytes)) in messages.iter().zip(&expected) {
                assert_eq!((message.0, &message.1), (*kind, bytes), "{cut:?}");
                if buffer_len > 0 {
                    let most = bytes.len().div_ceil(buffer_len) + 1;
                    assert!(message.2 <= most, "{} frames: {cut:?}", message.2);
                }
            }
            assert_eq!(messages.len(), expected.len());
            let masked = relayed(&mut client(), cut.iter().copied(), &input, buffer_len);
            assert_eq!(messages_on_the_wire(&masked, true), (messages, finished));
            to.send_text("the message is finished", &mut Vec::new())
                .unwrap();
        }
    }
}

/// What a peer with the default limits makes of it.
fn received(mut bytes: Vec<u8>) -> Result<Vec<u8>, ReceiveError> {
    let (mut conn, mut assembler) = (client(), Assembler::default());
    let (mut input, mut out) = (&mut bytes[..], Vec::new());
    let incoming = conn.receive_message(&mut input, &mut assembler, &mut out)?;
    let Some(Incoming::Message(message)) = incoming else {
        panic!("a whole message");
    };
    Ok(message.as_bytes().to_vec())
}

#[test]
fn s5_4_a_message_that_comes_byte_by_byte_passes_the_far_ends_limits() {
    let len = 200_000;
    let payload: Vec<u8> = (0..=0xff).cycle().take(len).collect();
    let input = wire_frame(0x82, &payload, Some(KEY));
    let bytewise = || core::iter::repeat_n(1, input.len());

    // A frame for every chunk is too many of them.
    let out = relayed(&mut server(), bytewise(), &input, 0);
    let limit = 131_072;
    let error = ProtocolError::TooManyFragments { limit };
    assert_eq!(received(out), Err(error.into()));

    for buffer_len in [4096, 16_384, 300_000] {
        let mut to = server();
        let out = relayed(&mut to, bytewise(), &input, buffer_len);
        let frames = frames_on_the_wire(&out, false).len();
        assert!(frames <= len.div_ceil(buffer_len) + 1, "{frames}");
        assert!(to.sent().frames == frames as u64 && to.sent().messages == 1);
        assert!(received(out) == Ok(payload.clone()));
    }
}

#[test]
fn a_frame_leaves_when_the_buffer_would_overflow_with_all_that_is_there() {
    let (mut conn, mut out) = (server(), Vec::new());
    let mut chunks = ChunkBuffer::new([0; 4]);
    let mut send = |fragment, bytes: &[u8], out: &mut Vec<u8>| {
        let chunk = binary_chunk(fragment, bytes);
        conn.send_buffered(&chunk, &mut chunks, out).unwrap();
        chunks.len()
    };
    assert_eq!(send(Fragment::First, b"ab", &mut out), 2);
    assert_eq!(send(Fragment::Middle, b"cd", &mut out), 4);
    assert_eq!(out, []);
    assert_eq!(send(Fragment::Middle, b"e", &mut out), 0);
    assert_eq!(send(Fragment::Middle, b"", &mut out), 0);
    assert_eq!(send(Fragment::Middle, b"longer than it", &mut out), 0);
    assert_eq!(send(Fragment::Middle, b"f", &mut out), 1);
    assert_eq!(send(Fragment::Last, b"", &mut out), 0);
    assert_eq!(send(Fragment::Only, b"a message", &mut out), 0);
    assert_eq!(send(Fragment::Only, b"", &mut out), 0);
    let expected: [(u8, &[u8]); 5] = [
        (0x02, b"abcde"),
        (0x00, b"longer than it"),
        (0x80, b"f"),
        (0x82, b"a message"),
        (0x82, b""),
    ];
    assert_eq!(
        frames_on_the_wire(&out, false),
        expected.map(|(first, payload)| (first, payload.to_vec()))
    );
}

#[test]
fn held_bytes_leave_when_they_are_told_to() {
    let (mut conn, mut out) = (server(), Vec::new());
    let mut chunks = ChunkBuffer::new([0; 16]);
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    assert_eq!(out, []);
    // Also an empty start, so that others can go on with the message.
    for (fragment, bytes) in [
        (Fragment::First, &b""[..]),
        (Fragment::Middle, b"ab"),
        (Fragment::Middle, b""),
        (Fragment::Middle, b"cd"),
    ] {
        let chunk = binary_chunk(fragment, bytes);
        conn.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
        assert_eq!(out, []);
    }
    let mut none = SliceOutput::new(&mut []);
    assert_eq!(
        conn.flush_buffered(&mut chunks, &mut none),
        Err(SendError::OutputFull { needed: 6 })
    );
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    assert!(chunks.is_idle());
    // The message may go on in any way now.
    conn.send_fragment(b"e", Fragment::Middle, &mut out)
        .unwrap();
    let chunk = binary_chunk(Fragment::Middle, b"fg");
    conn.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    conn.send_chunk(&binary_chunk(Fragment::Last, b""), &mut out)
        .unwrap();
    assert_eq!(conn.newest_sent().len, 7);
    let chunk = binary_chunk(Fragment::First, b"");
    conn.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
    assert!(!chunks.is_idle() && chunks.is_empty());
    assert_eq!(conn.newest_sent(), MessageCost::default(), "none of it yet");
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    conn.send_fragment(b"h", Fragment::Last, &mut out).unwrap();
    let expected: [(u8, &[u8]); 6] = [
        (0x02, b"abcd"),
        (0x00, b"e"),
        (0x00, b"fg"),
        (0x80, b""),
        (0x02, b""),
        (0x80, b"h"),
    ];
    assert_eq!(
        frames_on_the_wire(&out, false),
        expected.map(|(first, payload)| (first, payload.to_vec()))
    );
}

#[test]
fn a_gathered_chunk_that_finds_no_room_is_taken_later() {
    let mut conn = server();
    let mut out = ArrayVec::<u8, 9>::new();
    let mut chunks = ChunkBuffer::new([0; 4]);
    let chunk = binary_chunk(Fragment::First, b"abc");
    conn.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
    let rest = binary_chunk(Fragment::Last, b"defgh");
    for _ in 0..2 {
        assert_eq!(
            conn.send_buffered(&rest, &mut chunks, &mut out),
            Err(SendError::OutputFull { needed: 10 })
        );
        assert_eq!((out.len(), chunks.len()), (0, 3));
    }
    // The held bytes alone have room, and then the rest has.
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    assert_eq!(out.as_slice(), b"\x02\x03abc");
    out.clear();
    conn.send_buffered(&rest, &mut chunks, &mut out).unwrap();
    assert_eq!(out.as_slice(), b"\x80\x05defgh");
}

#[test]
fn s5_4_nothing_overtakes_held_bytes() {
    let (mut conn, mut out) = (server(), Vec::new());
    let mut chunks = ChunkBuffer::new([0; 16]);
    let mut held_is_first = |conn: &mut Connection<Server>, out: &mut Vec<u8>| {
        for fragment in [Fragment::Middle, Fragment::Last] {
            let held = Err(SendError::ChunksHeld);
            assert_eq!(conn.send_fragment(b"x", fragment, out), held);
            assert_eq!(conn.send_chunk(&binary_chunk(fragment, b"x"), out), held);
            let header = conn.start_frame(MessageKind::Binary, 1, fragment);
            assert_eq!(header.map(|_| ()), held);
            let raw = RawMessage {
                kind: MessageKind::Binary,
                rsv: Rsv::NONE,
                bytes: b"x",
            };
            assert_eq!(conn.send_raw(raw, fragment, out), held);
        }
        let open = SendError::MessageOpen;
        assert_eq!(conn.send_binary(b"x", out), Err(open));
        assert_eq!(conn.broadcast(&Broadcast::new("x")), Err(open));
        let chunk = binary_chunk(Fragment::First, b"x");
        assert_eq!(conn.send_buffered(&chunk, &mut chunks, out), Err(open));
        let chunk = Chunk {
            payload: Payload::Text {
                carried: None,
                text: "x",
            },
            ..binary_chunk(Fragment::Last, b"")
        };
        let wrong = Err(SendError::WrongKind);
        assert_eq!(conn.send_buffered(&chunk, &mut chunks, out), wrong);
    };
    let first = binary_chunk(Fragment::First, b"a");
    let mut held = ChunkBuffer::new([0; 16]);
    assert_eq!(
        conn.send_buffered(&binary_chunk(Fragment::Last, b"x"), &mut held, &mut out),
        Err(SendError::NoMessageOpen)
    );
    conn.send_buffered(&first, &mut held, &mut out).unwrap();
    held_is_first(&mut conn, &mut out);
    // A reply may.
    conn.receive(&mut &mut wire_frame(0x89, b"p", Some(KEY))[..], &mut out)
        .unwrap();
    conn.flush_buffered(&mut held, &mut out).unwrap();
    let middle = binary_chunk(Fragment::Middle, b"b");
    conn.send_buffered(&middle, &mut held, &mut out).unwrap();
    held_is_first(&mut conn, &mut out);
    let last = binary_chunk(Fragment::Last, b"c");
    conn.send_buffered(&last, &mut held, &mut out).unwrap();
    let expected = [
        sent_pong(b"p"),
        (0x02, b"a".to_vec()),
        (0x80, b"bc".to_vec()),
    ];
    assert_eq!(frames_on_the_wire(&out, false), expected);
}

#[test]
fn a_buffer_that_holds_something_else_is_refused() {
    let first = binary_chunk(Fragment::First, b"a");
    let middle = binary_chunk(Fragment::Middle, b"b");
    let last = binary_chunk(Fragment::Last, b"c");
    let wrong = Err(SendError::WrongBuffer);
    let mut none = Vec::new();

    // Another connection's, at the start of a message and in its middle.
    let (mut one, mut other) = (server(), server());
    let mut of_one = ChunkBuffer::new([0; 16]);
    one.send_buffered(&first, &mut of_one, &mut none).unwrap();
    assert_eq!(other.send_buffered(&first, &mut of_one, &mut none), wrong);
    assert_eq!(other.flush_buffered(&mut of_one, &mut none), wrong);
    other
        .send_fragment(b"a", Fragment::First, &mut Vec::new())
        .unwrap();
    assert_eq!(other.send_buffered(&middle, &mut of_one, &mut none), wrong);
    assert_eq!(other.send_buffered(&last, &mut of_one, &mut none), wrong);
    let mut of_other = ChunkBuffer::new([0; 16]);
    other
        .send_buffered(&middle, &mut of_other, &mut none)
        .unwrap();
    assert_eq!(one.send_buffered(&last, &mut of_other, &mut none), wrong);
    assert_eq!(other.send_buffered(&last, &mut of_one, &mut none), wrong);
    assert_eq!(none, []);
    // Each with its own goes on.
    let mut out = Vec::new();
    one.send_buffered(&last, &mut of_one, &mut out).unwrap();
    other.send_buffered(&last, &mut of_other, &mut out).unwrap();
    assert_eq!(out, b"\x82\x02ac\x80\x02bc");
    // Idle buffers may change places.
    one.send_buffered(&first, &mut of_other, &mut out).unwrap();
    // One that is empty, or was cleared, lacks what is held.
    assert_eq!(one.send_buffered(&last, &mut of_one, &mut none), wrong);
    assert_eq!(one.flush_buffered(&mut of_one, &mut none), wrong);
    of_other.clear();
    assert!(of_other.is_idle() && of_other.is_empty());
    assert_eq!(one.send_buffered(&last, &mut of_other, &mut none), wrong);
    // Two connections at the same place of the same message.
    let (mut one, mut other) = (server(), server());
    let mut of_one = ChunkBuffer::new([0; 16]);
    let mut of_other = ChunkBuffer::new([0; 16]);
    one.send_buffered(&first, &mut of_one, &mut none).unwrap();
    other
        .send_buffered(&first, &mut of_other, &mut none)
        .unwrap();
    assert_eq!(one.send_buffered(&last, &mut of_other, &mut none), wrong);
    assert_eq!(other.send_buffered(&last, &mut of_one, &mut none), wrong);
    assert_eq!(none, []);
}

#[test]
fn a_close_comes_before_held_bytes_and_a_streamed_frame_has_to_end() {
    let (mut conn, mut out) = (server(), Vec::new());
    let mut chunks = ChunkBuffer::new([0; 16]);
    let header = conn.start_frame(MessageKind::Binary, 1, Fragment::First);
    out.extend_from_slice(&header.unwrap());
    let chunk = binary_chunk(Fragment::Middle, b"b");
    let open = Err(SendError::FrameOpen { remaining: 1 });
    assert_eq!(conn.send_buffered(&chunk, &mut chunks, &mut out), open);
    assert_eq!(conn.flush_buffered(&mut chunks, &mut out), open);
    conn.put_payload(b"a", &mut out).unwrap();
    conn.send_buffered(&chunk, &mut chunks, &mut out).unwrap();

    conn.close(CloseCode::GOING_AWAY, "", &mut out).unwrap();
    let closing = Err(SendError::Closing);
    let last = binary_chunk(Fragment::Last, b"c");
    assert_eq!(conn.send_buffered(&last, &mut chunks, &mut out), closing);
    assert_eq!(conn.flush_buffered(&mut chunks, &mut out), closing);
    assert_eq!(
        frames_on_the_wire(&out, false),
        [(0x02, b"a".to_vec()), sent_close(1001)]
    );
    // The buffer serves another connection once it is told to forget.
    let (mut next, mut out) = (server(), Vec::new());
    let only = binary_chunk(Fragment::Only, b"d");
    let wrong = Err(SendError::WrongBuffer);
    assert_eq!(next.send_buffered(&only, &mut chunks, &mut out), wrong);
    chunks.clear();
    next.send_buffered(&only, &mut chunks, &mut out).unwrap();
    assert_eq!(out, b"\x82\x01d");
}

#[test]
fn s5_8_bytes_with_other_bits_go_in_a_frame_of_their_own() {
    let mut negotiated = Negotiated::default();
    negotiated.reserved_bits = Rsv::RSV2.union(Rsv::RSV3);
    let chunk = |fragment: Fragment, rsv, bytes| Chunk {
        first: fragment.is_first(),
        last: fragment.is_last(),
        payload: Payload::Raw {
            kind: MessageKind::Text,
            rsv,
            bytes,
        },
    };
    let mut conn = Connection::new(Server, negotiated, Config::default());
    let (mut out, mut chunks) = (ArrayVec::<u8, 64>::new(), ChunkBuffer::new([0; 4]));
    let mut send = |chunk: &Chunk<'_>| {
        let result = conn.send_buffered(chunk, &mut chunks, &mut out);
        let frames = frames_on_the_wire(&out, false);
        out.clear();
        (result, frames)
    };
    let sends_nothing = (Ok(()), vec![]);
    assert_eq!(
        send(&chunk(Fragment::First, Rsv::RSV1, b"\xff")),
        (Err(SendError::ReservedBits(Rsv::RSV1)), vec![])
    );
    assert_eq!(
        send(&chunk(Fragment::First, Rsv::RSV2, b"\xff")),
        sends_nothing
    );
    assert_eq!(
        send(&chunk(Fragment::Middle, Rsv::RSV2, b"b")),
        sends_nothing
    );
    // The held bytes go, the others are held.
    assert_eq!(
        send(&chunk(Fragment::Middle, Rsv::RSV3, b"c")),
        (Ok(()), vec![(0x21, b"\xffb".to_vec())])
    );
    // Both go: a chunk that is too long, or the last one.
    assert_eq!(
        send(&chunk(Fragment::Middle, Rsv::NONE, b"longer")),
        (
            Ok(()),
            vec![(0x10, b"c".to_vec()), (0x00, b"longer".to_vec())]
        )
    );
    assert_eq!(
        send(&chunk(Fragment::Middle, Rsv::RSV3, b"d")),
        sends_nothing
    );
    let last = chunk(Fragment::Last, Rsv::RSV2, b"e");
    assert_eq!(
        send(&last),
        (Ok(()), vec![(0x10, b"d".to_vec()), (0xa0, b"e".to_vec())])
    );

    // Both or neither.
    let (mut room, mut out) = ([0; 5], Vec::new());
    let first = chunk(Fragment::First, Rsv::RSV3, b"d");
    conn.send_buffered(&first, &mut chunks, &mut out).unwrap();
    let mut short = SliceOutput::new(&mut room);
    assert_eq!(
        conn.send_buffered(&last, &mut chunks, &mut short),
        Err(SendError::OutputFull { needed: 6 })
    );
    assert_eq!((short.filled(), chunks.len()), (&[][..], 1));
    conn.send_buffered(&last, &mut chunks, &mut out).unwrap();
    assert_eq!(out, b"\x11\x01d\xa0\x01e");
}

/// What is sent, and the frames that come of it.
type Sent<'a> = &'a [(Fragment, Rsv, &'a str)];
type Frames<'a> = &'a [(u8, &'a str)];

/// A frame without payload may still say something by its bits: of what follows, or of the message.
#[test]
fn s5_8_the_bits_of_an_empty_frame_go_on_and_are_nobody_elses() {
    use Fragment::{First, Last, Middle};
    let mut negotiated = Negotiated::default();
    negotiated.reserved_bits = Rsv::RSV2;
    let none = Rsv::NONE;
    let bit = Rsv::RSV2;
    let cases: [(Sent<'_>, Frames<'_>); 8] = [
        (
            &[(First, bit, ""), (Last, none, "abc")],
            &[(0x21, ""), (0x80, "abc")],
        ),
        (
            &[(First, none, ""), (Last, bit, "abc")],
            &[(0x01, ""), (0xa0, "abc")],
        ),
        (
            &[(First, bit, ""), (Middle, none, "a"), (Last, none, "b")],
            &[(0x21, ""), (0x80, "ab")],
        ),
        (
            &[(First, none, "a"), (Middle, bit, ""), (Last, none, "b")],
            &[(0x01, "a"), (0x20, ""), (0x80, "b")],
        ),
        (
            &[
                (First, none, "longer"),
                (Middle, bit, ""),
                (Last, none, "b"),
            ],
            &[(0x01, "longer"), (0x20, ""), (0x80, "b")],
        ),
        (
            &[(First, none, ""), (Middle, bit, ""), (Last, none, "")],
            &[(0x01, ""), (0x20, ""), (0x80, "")],
        ),
        // The same bits are one frame's, as ever.
        (
            &[(First, bit, ""), (Middle, bit, ""), (Last, bit, "abc")],
            &[(0xa1, "abc")],
        ),
        (
            &[(First, bit, "a"), (Middle, bit, ""), (Last, bit, "b")],
            &[(0xa1, "ab")],
        ),
    ];
    for (given, expected) in cases {
        let mut conn = Connection::new(Server, negotiated, Config::default());
        let (mut out, mut chunks) = (Vec::new(), ChunkBuffer::new([0; 4]));
        for (fragment, rsv, text) in given {
            let chunk = Chunk {
                first: fragment.is_first(),
                last: fragment.is_last(),
                payload: Payload::Raw {
                    kind: MessageKind::Text,
                    rsv: *rsv,
                    bytes: text.as_bytes(),
                },
            };
            conn.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
        }
        let expected = expected
            .iter()
            .map(|(first, text)| (*first, (*text).into()));
        let expected: Vec<(u8, Vec<u8>)> = expected.collect();
        assert_eq!(frames_on_the_wire(&out, false), expected, "{given:?}");
        assert!(chunks.is_idle());
    }
}

#[test]
fn an_empty_chunk_adds_nothing_to_a_message_that_has_begun() {
    let (mut conn, mut out) = (server(), Vec::new());
    let mut chunks = ChunkBuffer::new([0; 16]);
    conn.send_fragment(b"a", Fragment::First, &mut out).unwrap();
    let empty = binary_chunk(Fragment::Middle, b"");
    conn.send_buffered(&empty, &mut chunks, &mut out).unwrap();
    assert!(chunks.is_idle());
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    conn.send_fragment(b"b", Fragment::Last, &mut out).unwrap();
    assert_eq!(out, b"\x02\x01a\x80\x01b");
}

/// Also by a chunk that is only held, and before the bytes that are let go.
#[test]
fn a_waiting_pong_leaves_before_gathered_chunks_and_only_if_they_may_go() {
    let (mut conn, mut out) = (server(), Vec::new());
    let mut chunks = ChunkBuffer::new([0; 16]);
    let waits = |conn: &mut Connection<Server>, payload: &[u8]| {
        let mut none = SliceOutput::new(&mut []);
        let mut ping = wire_frame(0x89, payload, Some(KEY));
        conn.receive(&mut &mut ping[..], &mut none).unwrap();
        assert!(conn.wants_flush());
    };
    waits(&mut conn, b"one");
    let last = binary_chunk(Fragment::Last, b"x");
    let error = conn.send_buffered(&last, &mut chunks, &mut out);
    assert_eq!((error, out.len()), (Err(SendError::NoMessageOpen), 0));
    let first = binary_chunk(Fragment::First, b"a");
    conn.send_buffered(&first, &mut chunks, &mut out).unwrap();
    assert_eq!(frames_on_the_wire(&out, false), [sent_pong(b"one")]);
    waits(&mut conn, b"two");
    let mut another = ChunkBuffer::new([0; 16]);
    let error = conn.flush_buffered(&mut another, &mut out);
    assert_eq!(error, Err(SendError::WrongBuffer));
    assert!(conn.wants_flush());
    out.clear();
    conn.flush_buffered(&mut chunks, &mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [sent_pong(b"two"), (0x02, b"a".to_vec())]
    );
}

//! Payload that is read to where it belongs: the same outcome as by a buffer, however much of it.

use websocket_proto::frame::{CloseCode, MaskingKey};
use websocket_proto::{
    Assembler, Borrowed, Client, Closure, Config, Connection, Fixed, Growing, Inbox, Incoming,
    Message, Misuse, Negotiated, ProtocolError, Role, Server, Storage,
};

use crate::case::{Random, wire_frame};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message(Vec<u8>),
    Text(usize),
    Ping(Vec<u8>),
    Close,
}

/// A stream of long and short messages, whole and in fragments, with Pings between.
fn stream(key: Option<[u8; 4]>) -> Vec<u8> {
    let mut random = Random::new(7);
    let mut bytes = |len: usize| -> Vec<u8> {
        (0..len)
            .map(|_| u8::try_from(random.below(256)).unwrap())
            .collect()
    };
    let mut stream = Vec::new();
    for len in [0, 5, 16 << 10, 200_000, 1, 65_536, 70_001] {
        stream.extend(wire_frame(0x82, &bytes(len), key));
    }
    stream.extend(wire_frame(0x02, &bytes(40_000), key));
    stream.extend(wire_frame(0x89, b"between", key));
    stream.extend(wire_frame(0x00, &bytes(0), key));
    stream.extend(wire_frame(0x00, &bytes(90_000), key));
    stream.extend(wire_frame(0x80, &bytes(20_000), key));
    stream.extend(wire_frame(
        0x81,
        "text\u{e9}".repeat(20_000).as_bytes(),
        key,
    ));
    stream.extend(wire_frame(0x82, &bytes(50_000), key));
    stream.extend(wire_frame(0x88, &1000_u16.to_be_bytes(), key));
    stream
}

fn note(incoming: Incoming<'_>, seen: &mut Vec<Seen>) {
    seen.push(match incoming {
        Incoming::Message(Message::Binary(bytes)) => Seen::Message(bytes.to_vec()),
        Incoming::Message(Message::Text(text)) => Seen::Text(text.len()),
        Incoming::Ping(payload) => Seen::Ping(payload.to_vec()),
        _ => Seen::Close,
    });
}

/// Reads the stream in reads of these lengths, directly where there is room if `direct`; says how
/// many bytes were.
fn read<R: Role, S: Storage>(
    mut conn: Connection<R>,
    mut messages: Assembler<S>,
    stream: &[u8],
    mut read_len: impl FnMut() -> usize,
    direct: bool,
) -> (Vec<Seen>, Vec<u8>, usize) {
    let (mut rest, mut seen, mut out, mut directly) = (stream, Vec::new(), Vec::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    while !rest.is_empty() {
        let len = read_len().min(rest.len());
        // Who leaves the room and reads into a buffer has the same.
        if direct
            && let Some(room) = conn.payload_room(&mut messages)
            && len % 5 != 0
        {
            let len = len.min(room.len());
            let (now, later) = rest.split_at(len);
            room[..len].copy_from_slice(now);
            rest = later;
            directly += len;
            if let Some(incoming) = conn.payload_read(len, &mut messages, &mut out).unwrap() {
                note(incoming, &mut seen);
            }
            continue;
        }
        let (now, later) = rest.split_at(len);
        buffer[..len].copy_from_slice(now);
        rest = later;
        let mut input = &mut buffer[..len];
        while let Some(incoming) = conn
            .receive_message(&mut input, &mut messages, &mut out)
            .unwrap()
        {
            note(incoming, &mut seen);
        }
    }
    (seen, out, directly)
}

#[test]
fn what_is_read_directly_is_what_is_read_by_a_buffer() {
    let config = Config::default();
    let open = || Connection::new(Server, Negotiated::default(), config);
    let as_client = || {
        let role = Client::new(|| MaskingKey::new(KEY));
        Connection::new(role, Negotiated::default(), config)
    };
    let (masked, plain) = (stream(Some(KEY)), stream(None));
    let growing = Assembler::<Growing>::default;
    let (expected, out, _) = read(open(), growing(), &masked, || usize::MAX, false);
    assert_eq!(expected.len(), 12);
    for most in [100_000, 20_000, 3_000, 300] {
        for seed in 0..4 {
            let reads = |seed| {
                let mut random = Random::new(seed);
                move || 1 + random.below(most)
            };
            let (seen, sent, directly) = read(open(), growing(), &masked, reads(seed), true);
            assert!(
                seen == expected && sent == out,
                "reads of up to {most}, seed {seed}"
            );
            assert!(directly > 100_000, "{directly} bytes were read directly");
            let (seen, _, directly) = read(as_client(), growing(), &plain, reads(seed), true);
            assert!(
                seen == expected,
                "client: reads of up to {most}, seed {seed}"
            );
            assert!(directly > 100_000);
            let mut slice = vec![0; 1 << 20];
            let borrowed = Assembler::<Borrowed<'_>>::in_slice(&mut slice);
            let (seen, sent, directly) = read(open(), borrowed, &masked, reads(seed), true);
            assert!(
                seen == expected && sent == out,
                "in a slice: reads of up to {most}, seed {seed}"
            );
            assert!(directly > 100_000);
        }
    }
}

/// Reads the stream in reads of these lengths through an inbox.
fn read_by_inbox<R: Role>(
    mut conn: Connection<R>,
    inbox: &mut Inbox<Vec<u8>, Growing>,
    stream: &[u8],
    mut read_len: impl FnMut() -> usize,
) -> (Vec<Seen>, Vec<u8>) {
    let (mut rest, mut seen, mut out) = (stream, Vec::new(), Vec::new());
    while !rest.is_empty() {
        let room = conn.read_room(inbox).unwrap();
        let len = read_len().min(rest.len()).min(room.len());
        let (now, later) = rest.split_at(len);
        room[..len].copy_from_slice(now);
        rest = later;
        inbox.filled(len).unwrap();
        while let Some(incoming) = conn.receive_from(inbox, &mut out).unwrap() {
            note(incoming, &mut seen);
        }
    }
    (seen, out)
}

#[test]
fn what_waits_in_an_inbox_is_what_is_read_by_a_buffer() {
    let config = Config::default();
    let open = || Connection::new(Server, Negotiated::default(), config);
    let (masked, plain) = (stream(Some(KEY)), stream(None));
    let growing = Assembler::<Growing>::default;
    let (expected, out, _) = read(open(), growing(), &masked, || usize::MAX, false);
    for payload_len in [0, 5, 1000, 16 << 10, 64 << 10, 1 << 20] {
        for holds_text in [false, true] {
            // One inbox serves them all, one after the other.
            let mut inbox = Inbox::new(payload_len).hold_text(holds_text);
            for most in [300_000, 20_000, 300] {
                let reads = |seed| {
                    let mut random = Random::new(seed);
                    move || 1 + random.below(most)
                };
                let (seen, sent) = read_by_inbox(open(), &mut inbox, &masked, reads(1));
                assert!(
                    seen == expected && sent == out,
                    "reads of up to {most} into {payload_len}"
                );
                assert!(inbox.is_idle());
                let role = Client::new(|| MaskingKey::new(KEY));
                let client = Connection::new(role, Negotiated::default(), config);
                let (seen, _) = read_by_inbox(client, &mut inbox, &plain, reads(2));
                assert!(
                    seen == expected,
                    "client: reads of up to {most} into {payload_len}"
                );
                assert!(inbox.is_idle());
            }
        }
    }
}

#[test]
fn a_frame_that_fits_waits_in_the_buffer_and_a_longer_one_does_not() {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(32 << 10);
    let mut out = Vec::new();
    let mut feed = |conn: &mut Connection<Server>, inbox: &mut Inbox<_, _>, bytes: &[u8]| {
        let room = conn.read_room(inbox).unwrap();
        let room_len = room.len();
        room[..bytes.len()].copy_from_slice(bytes);
        inbox.filled(bytes.len()).unwrap();
        let message = conn.receive_from(inbox, &mut out).unwrap().is_some();
        (room_len, message)
    };
    let fits = wire_frame(0x82, &vec![b'a'; 32 << 10], Some(KEY));
    let (start, rest) = fits.split_at(10_000);
    assert!(inbox.is_idle());
    assert!(!feed(&mut conn, &mut inbox, start).1);
    assert!(!inbox.is_idle());
    assert_eq!(inbox.assembler().capacity(), 0, "nothing was copied");
    // Room for all that lacks, and hardly more.
    let (room_len, is_message) = feed(&mut conn, &mut inbox, rest);
    assert!(is_message && (rest.len()..rest.len() + 64).contains(&room_len));
    assert!(inbox.is_idle());
    assert_eq!(inbox.assembler().capacity(), 0);

    // What came behind the head of the opening handshake, in the same buffer.
    let mut buffer = vec![0; 100];
    buffer[40..52].copy_from_slice(&wire_frame(0x82, b"behind", Some(KEY)));
    let mut other = Connection::new(Server, Negotiated::default(), Config::default());
    let mut first = Inbox::with_buffer(buffer, Assembler::<Growing>::default())
        .with_unread(40..52)
        .unwrap();
    assert!(!first.is_idle());
    let incoming = other.receive_from(&mut first, &mut Vec::new()).unwrap();
    assert_eq!(
        incoming,
        Some(Incoming::Message(Message::Binary(b"behind")))
    );
    assert!(first.is_idle());

    let long = wire_frame(0x82, &vec![b'a'; 40 << 10], Some(KEY));
    let (start, rest) = long.split_at(10_000);
    assert!(!feed(&mut conn, &mut inbox, start).1);
    assert_eq!(
        feed(&mut conn, &mut inbox, rest),
        (rest.len(), true),
        "the rest goes to where it belongs"
    );
    assert!(inbox.assembler().capacity() >= 40 << 10);

    // The transport ends inside a frame: the inbox serves another connection.
    for held in [20, 10_000] {
        assert!(!feed(&mut conn, &mut inbox, &fits[..held]).1);
        assert!(!inbox.is_idle());
        assert_eq!(conn.receive_eof(), Closure::Truncated);
        inbox.clear();
        assert!(inbox.is_idle());
        conn = Connection::new(Server, Negotiated::default(), Config::default());
        let after = wire_frame(0x82, b"after", Some(KEY));
        assert!(feed(&mut conn, &mut inbox, &after).1);
    }
}

#[test]
fn room_is_for_long_binary_payload_and_no_longer_than_it() {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let (mut messages, mut out) = (Assembler::<Growing>::default(), Vec::new());
    assert!(
        conn.payload_room(&mut messages).is_none(),
        "nothing is open"
    );
    let mut feed =
        |conn: &mut Connection<Server>, messages: &mut Assembler<Growing>, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let mut input = &mut bytes[..];
            conn.receive_message(&mut input, messages, &mut out)
                .unwrap()
                .is_some()
        };
    // 16 KiB and one byte of text, then of nothing.
    feed(
        &mut conn,
        &mut messages,
        &wire_frame(0x81, &vec![b'a'; 16_385], Some(KEY))[..8],
    );
    assert!(
        conn.payload_room(&mut messages).is_none(),
        "text has to be checked first"
    );
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let frame = wire_frame(0x82, &vec![b'a'; 16_385], Some(KEY));
    feed(&mut conn, &mut messages, &frame[..8]);
    assert_eq!(
        conn.payload_room(&mut messages).map(|room| room.len()),
        Some(16_385)
    );
    feed(&mut conn, &mut messages, &frame[8..9]);
    assert_eq!(
        conn.payload_room(&mut messages).map(|room| room.len()),
        Some(16_384)
    );
    feed(&mut conn, &mut messages, &frame[9..10]);
    assert!(
        conn.payload_room(&mut messages).is_none(),
        "too little is to come"
    );
    assert!(feed(&mut conn, &mut messages, &frame[10..]));
    // A header declares much: 64 KiB are made ready, and twice as much when they came.
    feed(
        &mut conn,
        &mut messages,
        b"\x82\xff\0\0\0\0\0\xf0\0\0\x37\xfa\x21\x3d",
    );
    let mut out = Vec::new();
    for len in [64 << 10, 64 << 10, 128 << 10] {
        assert_eq!(
            conn.payload_room(&mut messages).map(|room| room.len()),
            Some(len)
        );
        let whole = conn.payload_read(len, &mut messages, &mut out).unwrap();
        assert!(whole.is_none());
    }
    assert!(messages.capacity() <= 512 << 10);
}

#[test]
fn a_room_that_was_not_given_is_refused() {
    let open = || {
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let (mut messages, mut out) = (Assembler::<Growing>::default(), Vec::new());
        let mut read = wire_frame(0x82, &vec![b'a'; 20_000], Some(KEY));
        let (mut input, _) = read.split_at_mut(1000);
        assert!(
            conn.receive_message(&mut input, &mut messages, &mut out)
                .unwrap()
                .is_none()
        );
        (conn, messages, out)
    };
    // More than there is room for, another assembler's, without any.
    let (mut conn, mut messages, mut out) = open();
    assert_eq!(
        conn.payload_room(&mut messages).map(|room| room.len()),
        Some(19_008)
    );
    assert_eq!(
        conn.payload_read(19_009, &mut messages, &mut out)
            .map(|_| ()),
        Err(Misuse::WrongAssembler.into())
    );
    assert!(out.is_empty(), "the peer is not at fault");
    conn.payload_room(&mut messages).unwrap().fill(b'a');
    let whole = conn.payload_read(19_008, &mut messages, &mut out).unwrap();
    assert!(whole.is_some(), "the connection goes on");
    let (mut conn, _, mut out) = open();
    let mut other = Assembler::<Growing>::default();
    assert!(conn.payload_room(&mut other).is_none());
    assert_eq!(
        conn.payload_read(1, &mut other, &mut out).map(|_| ()),
        Err(Misuse::WrongAssembler.into())
    );
    // Another assembler's, which still has bytes of a message that it held before.
    let (mut conn, mut messages, mut out) = open();
    let (mut before, mut other, _) = open();
    before.payload_room(&mut other).unwrap().fill(b's');
    let whole = before.payload_read(19_008, &mut other, &mut out).unwrap();
    assert!(whole.is_some());
    other.clear();
    conn.payload_room(&mut messages).unwrap().fill(b'a');
    assert_eq!(
        conn.payload_read(19_008, &mut other, &mut out).map(|_| ()),
        Err(Misuse::WrongAssembler.into())
    );
    // The end of the transport is no payload.
    let (mut conn, mut messages, mut out) = open();
    assert_eq!(conn.payload_read(0, &mut messages, &mut out), Ok(None));
}

#[test]
fn what_was_read_into_storage_is_not_read_over() {
    let mut out = Vec::new();
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(1024);
    let payload: Vec<u8> = (0..=250).cycle().take(20_000).collect();
    let frame = wire_frame(0x82, &payload, Some(KEY));
    let (head, mut rest) = frame.split_at(8);
    conn.read_room(&mut inbox).unwrap()[..8].copy_from_slice(head);
    inbox.filled(8).unwrap();
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    // Two reads before anything is received, each told of in two parts: the second goes behind the
    // first.
    for _ in 0..2 {
        let (read, after) = rest.split_at(1000);
        conn.read_room(&mut inbox).unwrap()[..1000].copy_from_slice(read);
        inbox.filled(400).unwrap();
        inbox.filled(600).unwrap();
        rest = after;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
            note(incoming, &mut seen);
        }
        let room = conn.read_room(&mut inbox).unwrap();
        let (read, after) = rest.split_at(room.len().min(rest.len()));
        room[..read.len()].copy_from_slice(read);
        inbox.filled(read.len()).unwrap();
        rest = after;
    }
    assert!(seen == [Seen::Message(payload)]);
}

#[test]
fn s7_1_7_payload_that_was_read_before_the_end_is_discarded_behind_it() {
    // Read, and then the caller has had enough.
    let mut out = Vec::new();
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(1024);
    let head = b"\x82\xff\0\0\0\0\0\x01\0\0\x37\xfa\x21\x3d";
    conn.read_room(&mut inbox).unwrap()[..head.len()].copy_from_slice(head);
    inbox.filled(head.len()).unwrap();
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    assert_eq!(conn.read_room(&mut inbox).unwrap().len(), 64 << 10);
    inbox.filled(100).unwrap();
    conn.fail(CloseCode::POLICY_VIOLATION, "", &mut out)
        .unwrap();
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    assert_eq!(out, wire_frame(0x88, &1008_u16.to_be_bytes(), None));
    // The error that was found first stays.
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut messages = Assembler::<Growing>::default();
    let mut bytes = [0x82, 0x00];
    for _ in 0..2 {
        let seen = conn.receive_message(&mut &mut bytes[..], &mut messages, &mut out);
        assert_eq!(seen.map(|_| ()), Err(ProtocolError::UnmaskedFrame.into()));
        let seen = conn.payload_read(1, &mut messages, &mut out);
        assert_eq!(seen.map(|_| ()), Err(ProtocolError::UnmaskedFrame.into()));
    }
}

/// Two servers in the middle of a message of 3 bytes so far: a text message that `messages` holds, and a binary one.
fn text_for_binary<S: Storage>(messages: &mut Assembler<S>) -> Connection<Server> {
    let [mut texts, mut binaries] =
        [(); 2].map(|()| Connection::new(Server, Negotiated::default(), Config::default()));
    let mut out = Vec::new();
    let mut bytes = wire_frame(0x01, b"abc", Some(KEY));
    let seen = texts.receive_message(&mut &mut bytes[..], messages, &mut out);
    assert_eq!(seen, Ok(None));
    let mut own = Assembler::<Growing>::default();
    let mut bytes = wire_frame(0x82, &vec![b'x'; 20_000], Some(KEY));
    let mut input = &mut bytes[..8 + 3];
    let seen = binaries.receive_message(&mut input, &mut own, &mut out);
    assert_eq!(seen, Ok(None));
    binaries
}

fn other_kind_is_refused<S: Storage>(mut messages: Assembler<S>, mut others: Assembler<S>) {
    let mut out = Vec::new();
    let mut conn = text_for_binary(&mut messages);
    assert!(conn.payload_room(&mut messages).is_none());
    assert_eq!(
        conn.payload_read(1, &mut messages, &mut out).map(|_| ()),
        Err(Misuse::WrongAssembler.into())
    );
    assert!(out.is_empty(), "the peer is not at fault");
    let mut conn = text_for_binary(&mut others);
    let mut rest = [b'x'; 5];
    assert_eq!(
        conn.receive_message(&mut &mut rest[..], &mut others, &mut out)
            .map(|_| ()),
        Err(Misuse::WrongAssembler.into())
    );
}

#[test]
fn an_assembler_that_holds_a_message_of_the_other_kind_is_refused() {
    other_kind_is_refused::<Growing>(Assembler::default(), Assembler::default());
    other_kind_is_refused(Assembler::<Fixed<20_000>>::fixed(), Assembler::fixed());
    let (mut first, mut second) = (vec![0; 20_000], vec![0; 20_000]);
    other_kind_is_refused(
        Assembler::in_slice(&mut first),
        Assembler::in_slice(&mut second),
    );
}

#[test]
fn storage_inside_the_assembler_lends_no_room() {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let (mut messages, mut out) = (Assembler::<Fixed<20_000>>::fixed(), Vec::new());
    let mut read = wire_frame(0x82, &vec![b'a'; 20_000], Some(KEY));
    let (mut input, _) = read.split_at_mut(1000);
    let seen = conn.receive_message(&mut input, &mut messages, &mut out);
    assert_eq!(seen, Ok(None));
    assert!(conn.payload_room(&mut messages).is_none());
    assert_eq!(
        conn.payload_read(1, &mut messages, &mut out).map(|_| ()),
        Err(Misuse::WrongAssembler.into())
    );
}

/// What a connection that has taken the first 1000 bytes of a message of `payload` has still to get.
fn begun(payload: &[u8]) -> (Connection<Server>, Assembler<Growing>, Vec<u8>) {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    let mut read = wire_frame(0x82, payload, Some(KEY));
    let rest = read.split_off(8 + 1000);
    let seen = conn.receive_message(&mut &mut read[..], &mut messages, &mut out);
    assert_eq!(seen, Ok(None));
    (conn, messages, rest)
}

#[test]
fn an_assembler_that_holds_more_or_less_than_what_came_lends_no_room() {
    let (mut conn, mut own, _) = begun(&vec![b'a'; 20_000]);
    let mut other = Assembler::<Growing>::default();
    let mut bytes = wire_frame(0x02, &[b'b'; 999], Some(KEY));
    let mut fragments = Connection::new(Server, Negotiated::default(), Config::default());
    let seen = fragments.receive_message(&mut &mut bytes[..], &mut other, &mut Vec::new());
    assert_eq!(seen, Ok(None));
    assert!(!other.is_idle());
    assert!(conn.payload_room(&mut other).is_none());
    assert!(conn.payload_room(&mut own).is_some());
}

#[test]
fn what_is_unread_in_an_inbox_comes_before_what_is_read() {
    let payload: Vec<u8> = (0..20_000_u32).map(|at| at.to_be_bytes()[3]).collect();
    let (mut conn, messages, rest) = begun(&payload);
    let mut buffer = vec![0; 20_100];
    buffer[..700].copy_from_slice(&rest[..700]);
    let mut inbox = Inbox::with_buffer(buffer, messages)
        .with_unread(0..700)
        .unwrap();
    let (mut at, mut out) = (700, Vec::new());
    let message = loop {
        // Before what is there was received: the room has to be behind it.
        let room = conn.read_room(&mut inbox).unwrap();
        let len = room.len().min(rest.len() - at).min(5000);
        room[..len].copy_from_slice(&rest[at..at + len]);
        at += len;
        inbox.filled(len).unwrap();
        if let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
            break incoming;
        }
    };
    assert_eq!(message, Incoming::Message(Message::Binary(&payload)));
}

/// What a frame declares is reserved at once, and nothing while there is room.
#[test]
fn storage_gets_the_room_that_a_frame_declares() {
    for opcode in [0x01, 0x02] {
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let (mut messages, mut out) = (Assembler::<Growing>::default(), Vec::new());
        let mut read = wire_frame(opcode, &vec![b't'; 50_000], Some(KEY));
        read.extend(wire_frame(0x80, &vec![b't'; 60_000], Some(KEY)));
        // Not all of the first frame, the rest of it, the start of the other one.
        let mut rest = &mut read[..];
        for (len, capacity) in [(8 + 40_000, 50_000), (10_000, 50_000), (8 + 100, 110_000)] {
            let (mut next, behind) = rest.split_at_mut(len);
            let seen = conn.receive_message(&mut next, &mut messages, &mut out);
            assert_eq!(seen, Ok(None));
            assert_eq!(messages.capacity(), capacity);
            rest = behind;
        }
        let seen = conn.receive_message(&mut rest, &mut messages, &mut out);
        assert!(
            matches!(seen, Ok(Some(Incoming::Message(message))) if message.as_bytes() == vec![b't'; 110_000])
        );
    }
}

/// A server, its inbox, and whether it has failed.
type Begun = (
    Connection<Server>,
    Inbox<Vec<u8>, Growing>,
    Result<(), ProtocolError>,
);

/// A server, and an inbox of 1,000 bytes that these were read into: they make nothing yet.
fn with_inbox(holds_text: bool, bytes: &[u8]) -> Begun {
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(1000).hold_text(holds_text);
    let room = conn.read_room(&mut inbox).unwrap();
    room[..bytes.len()].copy_from_slice(bytes);
    inbox.filled(bytes.len()).unwrap();
    let seen = conn.receive_from(&mut inbox, &mut Vec::new());
    let seen = seen.map(|seen| assert_eq!(seen, None));
    let seen = seen.map_err(|error| error.protocol().unwrap());
    (conn, inbox, seen)
}

/// Text that is checked when its frame is whole cannot go on where every byte is checked.
#[test]
fn text_that_is_held_cannot_go_on_without_its_inbox() {
    let read = wire_frame(0x81, &[b't'; 5000], Some(KEY));
    let (start, rest) = read.split_at(900);
    let mut out = Vec::new();
    let (mut conn, _, _) = with_inbox(true, start);
    let (mut bytes, mut messages) = (rest.to_vec(), Assembler::<Growing>::default());
    let seen = conn.receive_message(&mut &mut bytes[..], &mut messages, &mut out);
    assert_eq!(seen.map(|_| ()), Err(Misuse::WrongAssembler.into()));
    let (mut conn, _, _) = with_inbox(true, start);
    let mut bytes = rest.to_vec();
    let seen = conn.receive(&mut &mut bytes[..], &mut out);
    assert_eq!(seen.map(|_| ()), Err(Misuse::WrongAssembler.into()));
}

/// What is wrong in text that is held shows when its frame is whole, in other text by the
/// first byte of it. A fragment is held if it fits into the buffer.
#[test]
fn text_that_is_held_is_checked_when_its_frame_is_whole() {
    let fragment = wire_frame(0x01, b"a", Some(KEY));
    for (before, first, len, may_be_held) in [
        (&[][..], 0x81, 500, true),
        (&[], 0x81, 40_000, true),
        (&[], 0x01, 500, true),
        (&[], 0x01, 40_000, false),
        (&fragment, 0x80, 500, true),
        (&fragment, 0x80, 40_000, false),
    ] {
        for holds_text in [false, true] {
            let mut payload = vec![b'a'; len];
            payload[100] = 0xff;
            let bytes = [before, &wire_frame(first, &payload, Some(KEY))].concat();
            let (start, mut rest) = bytes.split_at(300);
            let (mut conn, mut inbox, mut seen) = with_inbox(holds_text, start);
            let is_held = holds_text && may_be_held;
            assert_eq!(seen.is_ok(), is_held, "{first:x}, {len}, {holds_text}");
            while seen.is_ok() {
                let room = conn.read_room(&mut inbox).unwrap();
                let (now, later) = rest.split_at(rest.len().min(room.len()));
                room[..now.len()].copy_from_slice(now);
                inbox.filled(now.len()).unwrap();
                rest = later;
                let seen_now = conn.receive_from(&mut inbox, &mut Vec::new());
                let seen_now = seen_now.map(|seen| assert_eq!(seen, None));
                seen = seen_now.map_err(|error| error.protocol().unwrap());
                assert_eq!(seen.is_err(), rest.is_empty(), "{first:x}, {len}");
            }
            assert_eq!(seen, Err(ProtocolError::InvalidUtf8));
        }
    }
}

/// So they are read where they belong, too, if they are longer than the buffer.
#[test]
fn text_that_is_held_is_read_like_bytes() {
    for len in [500, 5000, 40_000] {
        let [rooms, as_bytes] = [0x81, 0x82].map(|first| {
            let read = wire_frame(first, &vec![b't'; len], Some(KEY));
            let (start, rest) = read.split_at(100);
            let (mut conn, mut inbox, _) = with_inbox(true, start);
            let (rooms, is_whole) = fill(&mut conn, &mut inbox, rest);
            assert!(is_whole);
            rooms
        });
        assert_eq!(rooms, as_bytes, "{len}");
    }
}

/// Reads all of these bytes into the rooms that are lent for them. Gives how long these were, and
/// whether a message came, which it does with the last of them.
fn fill(
    conn: &mut Connection<Server>,
    inbox: &mut Inbox<Vec<u8>, Growing>,
    mut bytes: &[u8],
) -> (Vec<usize>, bool) {
    let (mut rooms, mut is_whole) = (Vec::new(), false);
    while !bytes.is_empty() {
        assert!(!is_whole);
        let room = conn.read_room(inbox).unwrap();
        rooms.push(room.len());
        let (now, later) = bytes.split_at(bytes.len().min(room.len()));
        room[..now.len()].copy_from_slice(now);
        inbox.filled(now.len()).unwrap();
        bytes = later;
        is_whole = conn.receive_from(inbox, &mut Vec::new()).unwrap().is_some();
    }
    (rooms, is_whole)
}

/// It has to be copied in any case. But text has to be checked first.
#[test]
fn a_fragment_that_lacks_16_kib_is_read_to_where_it_belongs() {
    for (is_text, opcode) in [(false, 0x02), (true, 0x01)] {
        for (before, first) in [(&[][..], opcode), (b"a", 0x00), (b"a", 0x80)] {
            for missing in [16_383, 16_384, 16_385] {
                let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
                let mut inbox = Inbox::new(40_000).hold_text(true);
                if !before.is_empty() {
                    let before = wire_frame(opcode, before, Some(KEY));
                    assert!(!fill(&mut conn, &mut inbox, &before).1);
                }
                let capacity = inbox.assembler().capacity();
                let frame = wire_frame(first, &vec![b'a'; 100 + missing], Some(KEY));
                let (start, rest) = frame.split_at(frame.len() - missing);
                assert!(!fill(&mut conn, &mut inbox, start).1);
                let waits = inbox.assembler().capacity() == capacity;
                assert_eq!(waits, is_text || missing < 16_384, "{first:x}, {missing}");
                let is_whole = fill(&mut conn, &mut inbox, rest).1;
                assert_eq!(is_whole, first == 0x80);
            }
        }
    }
}

#[test]
fn a_frame_waits_in_a_buffer_that_is_as_long_as_it() {
    let frame = wire_frame(0x82, &[b'b'; 500], Some(KEY));
    for (buffer_len, waits) in [
        (frame.len() + 1, true),
        (frame.len(), true),
        (frame.len() - 1, false),
    ] {
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let mut inbox = Inbox::with_buffer(vec![0; buffer_len], Assembler::<Growing>::default());
        assert!(!fill(&mut conn, &mut inbox, &frame[..100]).1);
        assert!(fill(&mut conn, &mut inbox, &frame[100..]).1);
        assert_eq!(inbox.assembler().capacity() == 0, waits, "{buffer_len}");
    }
}

#[test]
fn a_receiving_half_waits_for_the_frame_that_an_inbox_holds() {
    let conn = Connection::new(Server, Negotiated::default(), Config::default());
    let (mut receiver, _sender) = conn.split();
    let mut inbox = Inbox::new(1000);
    let read = wire_frame(0x82, &[b'b'; 500], Some(KEY));
    for (at, byte) in read.iter().enumerate() {
        receiver.read_room(&mut inbox).unwrap()[0] = *byte;
        inbox.filled(1).unwrap();
        let seen = receiver.receive_from(&mut inbox, |_| unreachable!("nothing is owed"));
        let is_last = at + 1 == read.len();
        assert_eq!(seen.is_ok_and(|seen| seen.is_some()), is_last, "{at}");
    }
    assert_eq!(inbox.assembler().capacity(), 0, "nothing was copied");
}

#[test]
fn there_is_room_to_read_as_soon_as_a_message_is_taken() {
    let messages = wire_frame(0x82, &[b'm'; 94], Some(KEY)).repeat(100);
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::with_buffer([0; 10_000], Assembler::<Growing>::default());
    let mut out = Vec::new();
    conn.read_room(&mut inbox)
        .unwrap()
        .copy_from_slice(&messages);
    inbox.filled(messages.len()).unwrap();
    assert_eq!(conn.read_room(&mut inbox), Err(Misuse::InboxFull));
    for _ in 0..100 {
        let seen = conn.receive_from(&mut inbox, &mut out);
        assert!(matches!(seen, Ok(Some(Incoming::Message(_)))));
        assert!(!conn.read_room(&mut inbox).unwrap().is_empty());
    }
}

#[test]
fn short_reads_into_storage_are_looked_at_together() {
    let mut out = Vec::new();
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(1024);
    let payload: Vec<u8> = (0..=250).cycle().take(30_000).collect();
    let frame = wire_frame(0x82, &payload, Some(KEY));
    let mut seen = Vec::new();
    let mut storage = false;
    for (at, byte) in frame.iter().enumerate() {
        let room = conn.read_room(&mut inbox).unwrap();
        // Once the header has come, room is lent in storage, behind what was read there; the last
        // bytes go by the buffer again.
        storage |= room.len() > 1024 + 14;
        room[0] = *byte;
        inbox.filled(1).unwrap();
        while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
            assert_eq!(at + 1, frame.len(), "the last byte completes it");
            note(incoming, &mut seen);
        }
    }
    assert!(storage && inbox.is_idle());
    assert!(seen == [Seen::Message(payload)]);
    assert!(out.is_empty());
}

#[test]
fn an_assembler_that_was_cleared_is_refused_however_an_empty_fragment_comes() {
    let first = wire_frame(0x02, b"abc", Some(KEY));
    let empty = wire_frame(0x00, b"", Some(KEY));
    for cut in 0..empty.len() {
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let (mut messages, mut out) = (Assembler::default(), Vec::new());
        let mut receive = |bytes: &[u8], messages: &mut Assembler<_>| {
            let mut bytes = bytes.to_vec();
            conn.receive_message(&mut &mut bytes[..], messages, &mut out)
                .map(|incoming| assert!(incoming.is_none()))
        };
        let (start, rest) = empty.split_at(cut);
        assert_eq!(receive(&first, &mut messages), Ok(()));
        assert_eq!(receive(start, &mut messages), Ok(()));
        messages.clear();
        let refused = receive(rest, &mut messages);
        assert_eq!(refused, Err(Misuse::WrongAssembler.into()));
    }
}

#[test]
fn what_is_read_when_the_room_in_storage_is_full_goes_behind_it() {
    let mut out = Vec::new();
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(1024);
    let payload: Vec<u8> = (0..=250).cycle().take(200_000).collect();
    let frame = wire_frame(0x82, &payload, Some(KEY));
    let mut rest = &frame[..];
    let mut seen = Vec::new();
    let mut lens = Vec::new();
    while !rest.is_empty() {
        // Three reads before anything is received.
        for count in 0..3 {
            let room = match conn.read_room(&mut inbox) {
                Ok(room) => room,
                Err(misuse) => {
                    assert!(count > 0 && misuse == Misuse::InboxFull);
                    break;
                }
            };
            let read = room.len().min(rest.len());
            lens.push(room.len());
            let (now, after) = rest.split_at(read);
            room[..read].copy_from_slice(now);
            inbox.filled(read).unwrap();
            rest = after;
        }
        while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
            note(incoming, &mut seen);
        }
    }
    // A full room in storage, and then what the buffer has.
    assert!(
        lens.windows(2)
            .any(|pair| pair[0] >= 64 << 10 && pair[1] == 1024 + 14)
    );
    assert!(seen == [Seen::Message(payload)]);
}

#[test]
fn s7_1_7_there_is_room_for_what_is_discarded_behind_a_short_read_into_storage() {
    let mut out = Vec::new();
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(1024);
    let frame = wire_frame(0x82, &vec![7; 30_000], Some(KEY));
    for bytes in [&frame[..8], &frame[8..9]] {
        conn.read_room(&mut inbox).unwrap()[..bytes.len()].copy_from_slice(bytes);
        inbox.filled(bytes.len()).unwrap();
        assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    }
    conn.fail(CloseCode::POLICY_VIOLATION, "", &mut out)
        .unwrap();
    for _ in 0..30 {
        let room = conn.read_room(&mut inbox).unwrap();
        assert!(!room.is_empty());
        let len = room.len();
        inbox.filled(len).unwrap();
        assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    }
    assert_eq!(out, b"\x88\x02\x03\xf0");
}

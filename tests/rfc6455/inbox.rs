//! An inbox between two connections, and text that it holds beyond its buffer.

use websocket_proto::frame::MessageKind;
use websocket_proto::{
    Assembler, Config, Connection, Fixed, Growing, Inbox, Incoming, Leniency, Message, Negotiated,
    ProtocolError, ReceiveError, Server, Storage,
};

use crate::case::wire_frame;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

/// Reads all of these bytes into the rooms that are lent for them, at most so many at a time.
/// Gives the first message, and the bytes that were read until it came.
fn read<S: Storage>(
    conn: &mut Connection<Server>,
    inbox: &mut Inbox<Vec<u8>, S>,
    mut bytes: &[u8],
    most: usize,
) -> Result<Option<(String, Vec<u8>)>, ReceiveError> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let room = conn.read_room(inbox).unwrap();
        let (now, later) = bytes.split_at(bytes.len().min(room.len()).min(most));
        room[..now.len()].copy_from_slice(now);
        inbox.filled(now.len()).unwrap();
        bytes = later;
        if let Some(incoming) = conn.receive_from(inbox, &mut out)? {
            assert!(bytes.is_empty(), "with the last byte");
            return Ok(Some(match incoming {
                Incoming::Message(Message::Text(text)) => (text.to_owned(), vec![]),
                Incoming::Message(Message::Binary(bytes)) => (String::new(), bytes.to_vec()),
                other => panic!("{other:?}"),
            }));
        }
    }
    Ok(None)
}

/// Wherever a connection ends, nothing of it is in the messages of the next one.
#[test]
fn a_cleared_inbox_holds_nothing_for_the_next_connection() {
    let old = vec![b'o'; 20_000];
    let new = vec![b'n'; 20_000];
    let ended = [
        // Inside a header, inside a frame that fits into the buffer, and behind a fragment.
        wire_frame(0x82, &old, Some(KEY))[..3].to_vec(),
        wire_frame(0x82, &old[..500], Some(KEY))[..100].to_vec(),
        wire_frame(0x02, &old[..500], Some(KEY)),
        // Inside a frame whose payload is read to where it belongs: a short read that waits there,
        // and a longer one that was taken.
        wire_frame(0x82, &old, Some(KEY))[..1200].to_vec(),
        wire_frame(0x82, &old, Some(KEY))[..10_000].to_vec(),
    ];
    for bytes in ended {
        for most in [1, 100, 5000] {
            let mut inbox = Inbox::<Vec<u8>, Growing>::new(1000);
            assert_eq!(read(&mut server(), &mut inbox, &bytes, most), Ok(None));
            inbox.clear();
            assert!(inbox.is_idle(), "{} bytes by {most}", bytes.len());
            for len in [0, 500, 20_000] {
                let next = wire_frame(0x82, &new[..len], Some(KEY));
                let seen = read(&mut server(), &mut inbox, &next, most);
                let (_, message) = seen.unwrap().expect("a message");
                assert!(message == new[..len], "{len} behind {}", bytes.len());
            }
        }
    }
}

/// Storage that belongs to the caller, filled by hand: bytes that were read there and not looked at.
#[test]
fn a_cleared_inbox_forgets_what_was_read_into_storage() {
    let frame = wire_frame(0x82, &vec![b'o'; 20_000], Some(KEY));
    let (mut conn, mut inbox) = (server(), Inbox::<Vec<u8>, Growing>::new(1000));
    // All that the buffer has is taken; the next room is the assembler's.
    assert_eq!(read(&mut conn, &mut inbox, &frame[..600], 600), Ok(None));
    let room = conn.read_room(&mut inbox).unwrap();
    assert!(room.len() > 10_000, "of the storage");
    room[..10].copy_from_slice(&frame[600..610]);
    inbox.filled(10).unwrap();
    inbox.clear();

    let mut conn = server();
    let next = wire_frame(0x82, &vec![b'n'; 20_000], Some(KEY));
    let seen = read(&mut conn, &mut inbox, &next, 20_000).unwrap();
    assert!(seen == Some((String::new(), vec![b'n'; 20_000])));
}

/// What is unread belongs to no connection yet, whoever had the inbox before.
#[test]
fn a_cleared_inbox_takes_what_is_unread_for_the_next_connection() {
    // A key of zeros: the bytes stay in the buffer as they came.
    let frame = wire_frame(0x82, b"abc", Some([0; 4]));
    let mut inbox = Inbox::<Vec<u8>, Growing>::new(100);
    for _ in 0..2 {
        assert_eq!(read(&mut server(), &mut inbox, &frame[..4], 100), Ok(None));
        inbox.clear();
    }
    let (mut conn, mut out) = (server(), Vec::new());
    assert!(read(&mut conn, &mut inbox, &frame, 100).unwrap().is_some());
    inbox.clear();
    let mut inbox = inbox.with_unread(0..frame.len()).unwrap();
    let seen = server().receive_from(&mut inbox, &mut out).unwrap();
    assert_eq!(seen, Some(Incoming::Message(Message::Binary(b"abc"))));
}

/// A fault in a header that was waited for is not waited for any more: every later call finds it.
#[test]
fn s7_1_7_a_fault_that_an_inbox_waited_for_stays() {
    let faults: [&[u8]; 4] = [b"\x82\x05", b"\x83", b"\x82\xfe\0\x7d", b"\x89\xfe"];
    for fault in faults {
        let (mut conn, mut out) = (server(), Vec::new());
        let mut inbox = Inbox::<Vec<u8>, Growing>::new(100);
        let found = read(&mut conn, &mut inbox, fault, 1);
        assert!(matches!(found, Err(ReceiveError::Protocol(_))), "{found:?}");
        for _ in 0..3 {
            let again = conn.receive_from(&mut inbox, &mut out).map(|_| None);
            assert_eq!(again, found, "{fault:x?}");
        }
        // Whatever comes behind it.
        assert_eq!(read(&mut conn, &mut inbox, b"\x82", 1), found);
    }
}

/// It is checked when it is whole: as a message, or not at all.
fn late_text<S: Storage>(storage: impl Fn() -> Assembler<S>) {
    for len in [65_535, 65_536, 65_537, 70_000, 200_000] {
        let valid = "te\u{e9}t".repeat(len / 5 + 1);
        let valid = &valid.as_bytes()[..len - len % 5];
        for most in [1000, 16_384, usize::MAX] {
            let inbox = || Inbox::with_buffer(vec![0; 1014], storage()).hold_text(true);
            let frame = wire_frame(0x81, valid, Some(KEY));
            let seen = read(&mut server(), &mut inbox(), &frame, most).unwrap();
            let (text, bytes) = seen.expect("a message");
            assert!(
                text.as_bytes() == valid && bytes.is_empty(),
                "{len} by {most}"
            );
            for at in [0, 2000, 65_535, valid.len() - 1] {
                let Some(byte) = valid.get(at) else { continue };
                let mut invalid = valid.to_vec();
                invalid[at] = byte | 0xf8;
                let frame = wire_frame(0x81, &invalid, Some(KEY));
                let seen = read(&mut server(), &mut inbox(), &frame, most);
                assert!(
                    seen == Err(ProtocolError::InvalidUtf8.into()),
                    "{at} of {len} by {most}"
                );
            }
        }
    }
}

#[test]
fn s8_1_text_that_is_longer_than_the_buffer_and_64_kib_is_checked() {
    late_text(Assembler::<Growing>::default);
    late_text(Assembler::<Fixed<200_000>>::fixed);
}

/// Text that is not checked is no text to be checked when it is whole, and what follows it is none
/// either.
#[test]
fn s8_1_text_longer_than_the_buffer_passes_unchecked_where_that_is_switched_on() {
    let lenient = Config::default().leniency(Leniency::default().unchecked_text(true));
    let payload = vec![0xe9; 20_000];
    for most in [100, 16_384] {
        let mut conn = Connection::new(Server, Negotiated::default(), lenient);
        let mut inbox = Inbox::new(1000).hold_text(true);
        let mut out = Vec::new();
        for (first, kind) in [
            (0x81, Some(MessageKind::Text)),
            (0x82, None),
            (0x81, Some(MessageKind::Text)),
        ] {
            let frame = wire_frame(first, &payload, Some(KEY));
            let (mut rest, mut seen) = (&frame[..], false);
            while !rest.is_empty() {
                let room = conn.read_room(&mut inbox).unwrap();
                let (now, later) = rest.split_at(rest.len().min(room.len()).min(most));
                room[..now.len()].copy_from_slice(now);
                inbox.filled(now.len()).unwrap();
                rest = later;
                seen = match conn.receive_from(&mut inbox, &mut out).unwrap() {
                    Some(Incoming::Raw(raw)) => {
                        assert_eq!((Some(raw.kind), raw.bytes), (kind, &payload[..]));
                        true
                    }
                    Some(Incoming::Message(Message::Binary(bytes))) => {
                        assert_eq!((kind, bytes), (None, &payload[..]));
                        true
                    }
                    None => false,
                    other => panic!("{other:?}"),
                };
            }
            assert!(seen, "{first:#04x} by {most}");
        }
        let mut next = wire_frame(0x82, b"next", Some(KEY));
        let seen = conn.receive(&mut &mut next[..], &mut out);
        assert!(matches!(seen, Ok(Some(_))), "{seen:?}");
    }
}

/// Text that was checked when it was whole leaves nothing behind: any way of receiving may go on.
#[test]
fn s8_1_after_text_that_was_checked_late_any_way_goes_on() {
    let text = "te\u{e9}t".repeat(4000);
    let frame = wire_frame(0x81, text.as_bytes(), Some(KEY));
    for cut in 0..8 {
        let (mut conn, mut out) = (server(), Vec::new());
        let mut inbox = Inbox::<Vec<u8>, Growing>::new(1000).hold_text(true);
        let seen = read(&mut conn, &mut inbox, &frame, 1000).unwrap();
        assert!(seen == Some((text.clone(), vec![])));
        assert!(inbox.is_idle());
        // No text, in a header that is cut.
        let mut next = wire_frame(0x82, b"\xff\xfe", Some(KEY));
        let (mut start, mut rest) = next.split_at_mut(cut);
        let mut messages = Assembler::<Growing>::default();
        let seen = conn.receive_message(&mut start, &mut messages, &mut out);
        assert_eq!(seen, Ok(None), "{cut}");
        let seen = conn.receive_message(&mut rest, &mut messages, &mut out);
        let expected = Incoming::Message(Message::Binary(b"\xff\xfe"));
        assert_eq!(seen, Ok(Some(expected)), "{cut}");
        let mut last = wire_frame(0x82, b"\xff", Some(KEY));
        let seen = conn.receive(&mut &mut last[..], &mut out);
        assert!(matches!(seen, Ok(Some(_))), "{seen:?}");
    }
}

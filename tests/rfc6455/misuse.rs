//! Misuse by the caller: typed, told at once, never the peer's fault, and the connection goes on.

use websocket_proto::{
    Assembler, Config, Connection, Growing, Inbox, Incoming, Message, Misuse, Negotiated,
    ReceiveError, Server,
};

use crate::case::wire_frame;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

/// Reads these bytes into the inbox for the connection.
fn read<B: AsMut<[u8]>>(
    conn: &mut Connection<Server>,
    inbox: &mut Inbox<B, Growing>,
    bytes: &[u8],
) -> Result<(), Misuse> {
    conn.read_room(inbox)?[..bytes.len()].copy_from_slice(bytes);
    inbox.filled(bytes.len())
}

#[test]
fn an_inbox_with_bytes_of_one_connection_is_refused_to_another() {
    let frame = wire_frame(0x82, b"abcde", Some(KEY));
    for cut in 1..frame.len() {
        let (mut first, mut second, mut out) = (server(), server(), Vec::new());
        let mut inbox = Inbox::new(100);
        read(&mut first, &mut inbox, &frame[..cut]).unwrap();
        assert_eq!(first.receive_from(&mut inbox, &mut out), Ok(None), "{cut}");
        assert!(!inbox.is_idle());
        // Neither room nor a look at the bytes: `ab` and `cde` of two connections are no `abcde`.
        let misuse = Misuse::WrongInbox;
        assert_eq!(second.read_room(&mut inbox), Err(misuse), "{cut}");
        // While the frame is known to lack bytes, it is not looked at.
        let seen = second.receive_from(&mut inbox, &mut out);
        assert_eq!(seen, Ok(None), "{cut}");
        assert!(out.is_empty(), "no peer is at fault");

        // Both go on.
        read(&mut first, &mut inbox, &frame[cut..]).unwrap();
        let seen = first.receive_from(&mut inbox, &mut out);
        assert_eq!(seen, Ok(Some(Incoming::Message(Message::Binary(b"abcde")))));
        assert!(inbox.is_idle());
        read(&mut second, &mut inbox, &frame).unwrap();
        let seen = second.receive_from(&mut inbox, &mut out);
        assert_eq!(seen, Ok(Some(Incoming::Message(Message::Binary(b"abcde")))));
    }
}

/// Bytes that wait in storage, and room that was lent to one and filled for another.
#[test]
fn an_inbox_is_refused_wherever_the_bytes_are() {
    let frame = wire_frame(0x82, &vec![7; 40_000], Some(KEY));
    let (mut first, mut second, mut out) = (server(), server(), Vec::new());
    let mut inbox = Inbox::new(1000);
    read(&mut first, &mut inbox, &frame[..8]).unwrap();
    assert_eq!(first.receive_from(&mut inbox, &mut out), Ok(None));
    read(&mut first, &mut inbox, &frame[8..10]).unwrap();
    assert!(!inbox.is_idle(), "two bytes wait in storage");
    let wrong = Err(ReceiveError::Misuse(Misuse::WrongInbox));
    assert_eq!(second.receive_from(&mut inbox, &mut out), Ok(None));
    assert_eq!(second.read_room(&mut inbox), Err(Misuse::WrongInbox));
    // What was taken out of storage is room no more.
    first.read_room(&mut inbox).unwrap();
    inbox.filled(5000).unwrap();
    assert_eq!(first.receive_from(&mut inbox, &mut out), Ok(None));
    assert!(inbox.filled(1).is_err());

    let mut inbox = Inbox::new(1000);
    let frame = wire_frame(0x82, b"a", Some(KEY));
    first = server();
    assert!(first.read_room(&mut inbox).is_ok());
    read(&mut second, &mut inbox, &frame).unwrap();
    assert_eq!(first.receive_from(&mut inbox, &mut out), wrong);
    assert!(second.receive_from(&mut inbox, &mut out).unwrap().is_some());

    // What is left of a connection that has ended is nobody's once it is cleared.
    read(&mut first, &mut inbox, &frame[..3]).unwrap();
    assert_eq!(second.receive_from(&mut inbox, &mut out), wrong);
    inbox.clear();
    read(&mut second, &mut inbox, &frame).unwrap();
    assert!(second.receive_from(&mut inbox, &mut out).unwrap().is_some());
}

/// What was read into storage is there still when another connection was refused it.
#[test]
fn a_refusal_loses_nothing_that_was_read_into_storage() {
    let frame = wire_frame(0x82, &vec![7; 40_000], Some(KEY));
    let (mut first, mut second, mut out) = (server(), server(), Vec::new());
    let mut inbox = Inbox::new(1000);
    read(&mut first, &mut inbox, &frame[..8]).unwrap();
    assert_eq!(first.receive_from(&mut inbox, &mut out), Ok(None));
    // So much that a look at it is due.
    read(&mut first, &mut inbox, &frame[8..10_000]).unwrap();
    let misuse = Misuse::WrongInbox.into();
    assert_eq!(second.receive_from(&mut inbox, &mut out), Err(misuse));
    assert_eq!(first.receive_from(&mut inbox, &mut out), Ok(None));
    read(&mut first, &mut inbox, &frame[10_000..]).unwrap();
    let seen = first.receive_from(&mut inbox, &mut out).unwrap();
    let expected = vec![7; 40_000];
    assert!(seen == Some(Incoming::Message(Message::Binary(&expected))));
}

#[test]
fn no_more_is_filled_than_was_lent() {
    let frame = wire_frame(0x82, b"abcde", Some(KEY));
    let (mut conn, mut out) = (server(), Vec::new());
    let mut inbox = Inbox::new(100);
    assert_eq!(
        inbox.filled(1),
        Err(Misuse::RoomOverrun { filled: 1, room: 0 })
    );
    let room = conn.read_room(&mut inbox).unwrap().len();
    let filled = room + 1;
    assert_eq!(
        inbox.filled(filled),
        Err(Misuse::RoomOverrun { filled, room })
    );
    // In two parts, which fit together.
    conn.read_room(&mut inbox).unwrap()[..frame.len()].copy_from_slice(&frame);
    assert_eq!(inbox.filled(4), Ok(()));
    assert_eq!(inbox.filled(frame.len() - 4), Ok(()));
    assert!(inbox.filled(room).is_err());
    let seen = conn.receive_from(&mut inbox, &mut out);
    assert_eq!(seen, Ok(Some(Incoming::Message(Message::Binary(b"abcde")))));
    assert!(out.is_empty());
    // Behind a call that receives, there is no room but what is lent anew.
    let filled = frame.len();
    let overrun = Misuse::RoomOverrun { filled, room: 0 };
    assert_eq!(inbox.filled(filled), Err(overrun));
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));

    // Of the room in storage, too.
    let frame = wire_frame(0x82, &vec![7; 40_000], Some(KEY));
    read(&mut conn, &mut inbox, &frame[..8]).unwrap();
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    let room = conn.read_room(&mut inbox).unwrap().len();
    assert_eq!(room, 40_000);
    let filled = room + 1;
    assert_eq!(
        inbox.filled(filled),
        Err(Misuse::RoomOverrun { filled, room })
    );
    conn.read_room(&mut inbox)
        .unwrap()
        .copy_from_slice(&frame[8..]);
    inbox.filled(40_000).unwrap();
    assert!(conn.receive_from(&mut inbox, &mut out).unwrap().is_some());
}

/// Room is lent for one look: what was looked at, or forgotten, is not filled again.
#[test]
fn nothing_is_filled_that_was_looked_at_or_forgotten() {
    let frame = wire_frame(0x82, &vec![7; 40_000], Some(KEY));
    let none = Err(Misuse::RoomOverrun { filled: 1, room: 0 });
    for clears in [false, true] {
        let (mut conn, mut out) = (server(), Vec::new());
        let mut inbox = Inbox::new(1000);
        // In the buffer.
        let _ = conn.read_room(&mut inbox).unwrap();
        if clears {
            inbox.clear();
            assert_eq!(inbox.filled(1), none);
        }
        read(&mut conn, &mut inbox, &frame[..8]).unwrap();
        assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
        // In storage.
        read(&mut conn, &mut inbox, &frame[8..10_000]).unwrap();
        if clears {
            inbox.clear();
        } else {
            assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
        }
        assert_eq!(inbox.filled(1), none, "{clears}");
        if !clears {
            read(&mut conn, &mut inbox, &frame[10_000..]).unwrap();
            let seen = conn.receive_from(&mut inbox, &mut out).unwrap();
            let expected = vec![7; 40_000];
            assert!(seen == Some(Incoming::Message(Message::Binary(&expected))));
        }
    }
}

/// A short read that waits in storage does not hide that the storage was cleared.
#[test]
fn a_cleared_assembler_of_an_inbox_is_refused() {
    let frame = wire_frame(0x82, &vec![7; 40_000], Some(KEY));
    let (mut conn, mut inbox, mut out) = (server(), Inbox::new(1000), Vec::new());
    read(&mut conn, &mut inbox, &frame[..600]).unwrap();
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Ok(None));
    read(&mut conn, &mut inbox, &frame[600..610]).unwrap();
    assert_eq!(
        conn.receive_from(&mut inbox, &mut out),
        Ok(None),
        "it waits"
    );
    inbox.assembler().clear();
    read(&mut conn, &mut inbox, &frame[610..620]).unwrap();
    let misuse = Misuse::WrongAssembler.into();
    assert_eq!(conn.receive_from(&mut inbox, &mut out), Err(misuse));
    assert!(out.is_empty(), "no peer is at fault");
}

#[test]
fn what_is_unread_lies_in_the_buffer() {
    let inbox = || Inbox::with_buffer([0; 10], Assembler::<Growing>::default());
    for (begin, end, fits) in [(0, 10, true), (10, 10, true), (3, 2, false), (0, 11, false)] {
        let unread = inbox().with_unread(begin..end);
        let filled = end.max(begin);
        let overrun = Misuse::RoomOverrun { filled, room: 10 };
        assert_eq!(unread.err(), (!fits).then_some(overrun), "{begin}..{end}");
    }
    // A buffer that is full has no room until what is in it was received: no read of 0 bytes that
    // passes for the end.
    let mut full = inbox().with_unread(0..10).unwrap();
    assert_eq!(server().read_room(&mut full), Err(Misuse::InboxFull));
    let mut none = Inbox::with_buffer([], Assembler::<Growing>::default());
    assert_eq!(server().read_room(&mut none), Err(Misuse::InboxFull));
}

/// A scheduler that is fair takes one message and reads on.
#[test]
fn there_is_room_while_the_buffer_has_any() {
    let frame = wire_frame(0x82, &[7; 90], Some(KEY));
    let mut inbox = Inbox::new(64 << 10);
    let (mut conn, mut out, mut seen, mut fed) = (server(), Vec::new(), 0, 0);
    let mut stream = frame.iter().copied().cycle();
    for _ in 0..2000 {
        match conn.read_room(&mut inbox) {
            Ok(room) => {
                assert!(!room.is_empty());
                for byte in &mut *room {
                    *byte = stream.next().unwrap();
                }
                let len = room.len();
                fed += len;
                inbox.filled(len).unwrap();
            }
            Err(misuse) => {
                assert_eq!(misuse, Misuse::InboxFull);
                assert!(fed - seen * frame.len() >= 60 << 10, "it is full");
            }
        }
        match conn.receive_from(&mut inbox, &mut out).unwrap() {
            Some(Incoming::Message(Message::Binary(bytes))) => assert_eq!(bytes, [7; 90]),
            other => panic!("{other:?}"),
        }
        seen += 1;
    }
}

/// An assembler that holds the start of one connection's message takes none of another's.
#[test]
fn an_assembler_that_is_in_use_is_refused() {
    let start = wire_frame(0x02, b"start", Some(KEY));
    let end = wire_frame(0x80, b"end", Some(KEY));
    let (mut first, mut second, mut out) = (server(), server(), Vec::new());
    let (mut one, mut other) = (Assembler::default(), Assembler::<Growing>::default());
    let mut bytes = start.clone();
    let seen = first.receive_message(&mut &mut bytes[..], &mut one, &mut out);
    assert_eq!(seen, Ok(None));
    // Whether the message is whole or not, and whatever comes.
    let wrong = Err(ReceiveError::Misuse(Misuse::WrongAssembler));
    for bytes in [&start[..], &wire_frame(0x81, b"hi", Some(KEY)), b"\x89"] {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        let len = input.len();
        assert_eq!(
            second.receive_message(&mut input, &mut one, &mut out),
            wrong
        );
        assert_eq!(input.len(), len, "nothing was taken");
    }
    for (conn, messages) in [(&mut first, &mut one), (&mut second, &mut other)] {
        let mut bytes = [&start[..], &end].concat();
        let mut input = &mut bytes[..];
        if !messages.is_idle() {
            input = &mut input[start.len()..];
        }
        let seen = conn.receive_message(&mut input, messages, &mut out);
        let whole = Incoming::Message(Message::Binary(b"startend"));
        assert_eq!(seen, Ok(Some(whole)));
    }
    assert!(out.is_empty());
}

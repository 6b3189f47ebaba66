//! Limits that change while the connection is open, for the messages that begin then.

use websocket_proto::{
    Assembler, Config, Connection, Incoming, Leniency, Negotiated, ProtocolError, ReceiveError,
    Server,
};

use crate::case::wire_frame;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Gives the connection bytes in reads of `read` bytes, and how many messages come of them.
fn feed(
    conn: &mut Connection<Server>,
    messages: &mut Assembler<websocket_proto::Growing>,
    bytes: &[u8],
    read: usize,
) -> Result<usize, ReceiveError> {
    let (mut bytes, mut count) = (bytes.to_vec(), 0);
    for mut input in bytes.chunks_mut(read) {
        while let Some(incoming) = conn.receive_message(&mut input, messages, &mut Vec::new())? {
            count += usize::from(matches!(incoming, Incoming::Message(_) | Incoming::Raw(_)));
        }
    }
    Ok(count)
}

#[test]
fn limits_change_for_the_messages_that_begin_then() {
    let small = Config::default().max_message_len(10).max_frame_len(10);
    let large = Config::default();
    let of = |len: usize| wire_frame(0x82, &vec![7; len], Some(KEY));
    for read in [1, 3, usize::MAX] {
        let mut conn = Connection::new(Server, Negotiated::default(), small);
        let mut messages = Assembler::default();
        assert_eq!(feed(&mut conn, &mut messages, &of(10), read), Ok(1));
        conn.set_config(large);
        assert_eq!(feed(&mut conn, &mut messages, &of(100), read), Ok(1));
        conn.set_config(small);
        assert_eq!(feed(&mut conn, &mut messages, &of(10), read), Ok(1));
        let limit = ProtocolError::FrameTooLong { len: 11, limit: 10 };
        let failed = feed(&mut conn, &mut messages, &of(11), read);
        assert_eq!(failed, Err(limit.into()));
    }
}

#[test]
fn an_open_message_keeps_the_limits_that_it_began_with() {
    let small = Config::default().max_message_len(10);
    let large = Config::default().max_message_len(100);
    let begin = wire_frame(0x02, &[7; 10], Some(KEY));
    let end = wire_frame(0x80, &[7; 10], Some(KEY));
    let one = wire_frame(0x80, &[7; 1], Some(KEY));
    for read in [1, 3, usize::MAX] {
        // Larger ones come too late for it, and in time for the next.
        let mut conn = Connection::new(Server, Negotiated::default(), small);
        let mut messages = Assembler::default();
        assert_eq!(feed(&mut conn, &mut messages, &begin, read), Ok(0));
        conn.set_config(large);
        let limit = ProtocolError::MessageTooLong { limit: 10 };
        let failed = feed(&mut conn, &mut messages, &one, read);
        assert_eq!(failed, Err(limit.into()));

        // Smaller ones, too, also where a Ping comes between, and the newest count.
        let mut conn = Connection::new(Server, Negotiated::default(), large);
        let mut messages = Assembler::default();
        assert_eq!(feed(&mut conn, &mut messages, &begin, read), Ok(0));
        conn.set_config(small.max_message_len(1));
        conn.set_config(small);
        let ping = wire_frame(0x89, b"", Some(KEY));
        assert_eq!(feed(&mut conn, &mut messages, &ping, read), Ok(0));
        assert_eq!(feed(&mut conn, &mut messages, &end, read), Ok(1));
        let fits = wire_frame(0x82, &[7; 10], Some(KEY));
        assert_eq!(feed(&mut conn, &mut messages, &fits, read), Ok(1));
        assert_eq!(feed(&mut conn, &mut messages, &begin, read), Ok(0));
        let failed = feed(&mut conn, &mut messages, &one, read);
        assert_eq!(failed, Err(limit.into()));
    }
}

/// A message has begun with its first header, though none of its payload came. What is waiting then
/// is there for the very next message.
#[test]
fn a_message_keeps_its_limits_to_its_end_and_not_beyond() {
    let small = Config::default().max_message_len(10);
    let end = wire_frame(0x80, &[7; 100], Some(KEY));
    for (len, read) in [(0, 1), (0, 3), (0, 200), (5, 1), (5, 3), (5, 200)] {
        let begin = wire_frame(0x02, &vec![7; len], Some(KEY));
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let mut messages = Assembler::default();
        assert_eq!(feed(&mut conn, &mut messages, &begin, read), Ok(0));
        conn.set_config(small);
        assert_eq!(feed(&mut conn, &mut messages, &end, read), Ok(1));
        let limit = ProtocolError::MessageTooLong { limit: 10 };
        assert_eq!(feed(&mut conn, &mut messages, &begin, read), Ok(0));
        let failed = feed(&mut conn, &mut messages, &end, read);
        assert_eq!(failed, Err(limit.into()), "{len} by {read}");
    }
}

/// A message has not begun while its first header is not whole.
#[test]
fn limits_change_inside_a_header() {
    let small = Config::default().max_message_len(10).max_frame_len(10);
    let short = wire_frame(0x82, &[7; 10], Some(KEY));
    let long = wire_frame(0x82, &[7; 100], Some(KEY));
    // The second byte of the long one already shows that it is too long for the first limits.
    for (frame, cuts) in [(&short, 1..6), (&long, 1..2)] {
        for cut in cuts {
            let mut conn = Connection::new(Server, Negotiated::default(), small);
            let mut messages = Assembler::default();
            let (start, rest) = frame.split_at(cut);
            assert_eq!(feed(&mut conn, &mut messages, start, 1), Ok(0));
            conn.set_config(Config::default());
            assert_eq!(feed(&mut conn, &mut messages, rest, 100), Ok(1), "{cut}");
            assert_eq!(feed(&mut conn, &mut messages, &long, 100), Ok(1), "{cut}");
        }
    }
}

#[test]
fn leniency_comes_and_goes_with_the_limits() {
    let strict = Config::default();
    let lenient = strict.leniency(Leniency::default().unchecked_text(true));
    let wrong = wire_frame(0x81, b"\xe9", Some(KEY));
    let right = wire_frame(0x81, b"e", Some(KEY));
    for read in [1, usize::MAX] {
        let mut conn = Connection::new(Server, Negotiated::default(), lenient);
        let mut messages = Assembler::default();
        assert_eq!(feed(&mut conn, &mut messages, &wrong, read), Ok(1));
        conn.set_config(strict);
        // What follows a raw message is none.
        let mut bytes = right.clone();
        let seen = conn
            .receive_message(&mut &mut bytes[..], &mut messages, &mut Vec::new())
            .unwrap();
        assert!(matches!(seen, Some(Incoming::Message(_))), "{seen:?}");
        let failed = feed(&mut conn, &mut messages, &wrong, read);
        assert_eq!(failed, Err(ProtocolError::InvalidUtf8.into()));
    }
}

/// The number that tells a message that trickles from many.
#[test]
fn what_is_being_received_has_one_number_until_it_is_whole() {
    let whole = wire_frame(0x82, b"abc", Some(KEY));
    let fragments = [
        wire_frame(0x02, b"ab", Some(KEY)),
        wire_frame(0x89, b"p", Some(KEY)),
        wire_frame(0x80, b"c", Some(KEY)),
    ]
    .concat();
    let control = wire_frame(0x8a, b"pong", Some(KEY));
    for inbox in [false, true] {
        let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
        let mut assembler = Assembler::default();
        let mut buffer = websocket_proto::Inbox::new(100);
        let mut out = Vec::new();
        let mut before = None;
        for bytes in [&whole, &fragments, &control, &control, &whole, &fragments] {
            let mut numbers = Vec::new();
            for byte in bytes {
                assert!(numbers.is_empty() || conn.receiving().is_some());
                if inbox {
                    conn.read_room(&mut buffer).unwrap()[0] = *byte;
                    buffer.filled(1).unwrap();
                    while conn.receive_from(&mut buffer, &mut out).unwrap().is_some() {}
                } else {
                    let mut read = [*byte];
                    let mut input = &mut read[..];
                    while conn
                        .receive_message(&mut input, &mut assembler, &mut out)
                        .unwrap()
                        .is_some()
                    {}
                }
                numbers.extend(conn.receiving());
            }
            assert_eq!(conn.receiving(), None, "it is whole");
            assert_eq!(numbers.len(), bytes.len() - 1);
            // Only a header that is not whole yet may stand for a frame of either kind.
            numbers.dedup();
            assert!(numbers.len() <= 2, "{numbers:?}");
            assert_ne!(before, numbers.last().copied(), "another one has another");
            before = numbers.last().copied();
        }
        conn.receive_eof();
        assert_eq!(conn.receiving(), None);
    }
}

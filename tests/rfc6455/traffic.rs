//! Counts of what came in: the same by every way to receive, whatever the reads.

use websocket_proto::frame::MaskingKey;
use websocket_proto::{
    Assembler, Client, Config, Connection, Event, Growing, Inbox, Incoming, Negotiated, Role,
    Server, Traffic,
};

use crate::case::wire_frame;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The frames of a stream; each message by its number of frames, Pings between.
fn stream(key: Option<[u8; 4]>) -> (Vec<Vec<u8>>, Vec<usize>) {
    let frames = [
        (0x82, vec![1; 5]),
        (0x81, b"text".repeat(40)),
        (0x89, b"ping".to_vec()),
        (0x02, vec![2; 20_000]),
        (0x8a, vec![]),
        (0x00, vec![3; 300]),
        (0x00, vec![]),
        (0x80, vec![4; 17_000]),
        (0x01, "\u{e9}".repeat(70_000).into_bytes()),
        (0x80, vec![]),
        (0x82, vec![]),
        (0x82, vec![5; 100_000]),
    ];
    let frames = frames.map(|(first, payload)| wire_frame(first, &payload, key));
    // The wire lengths of the messages, without the control frames among them.
    let of = |range: &[usize]| range.iter().map(|at| frames[*at].len()).sum();
    let costs = vec![
        of(&[0]),
        of(&[1]),
        of(&[3, 5, 6, 7]),
        of(&[8, 9]),
        of(&[10]),
        of(&[11]),
    ];
    (frames.to_vec(), costs)
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Chunks,
    Messages,
    Inbox(usize, bool),
    Room,
}

fn counts<R: Role>(
    mut conn: Connection<R>,
    bytes: &[u8],
    read: usize,
    way: Way,
) -> (Traffic, Vec<usize>) {
    let (mut messages, mut out, mut costs) =
        (Assembler::<Growing>::default(), Vec::new(), Vec::new());
    let mut inbox = match way {
        Way::Inbox(len, holds_text) => Inbox::new(len).hold_text(holds_text),
        _ => Inbox::new(0),
    };
    let mut bytes = bytes.to_vec();
    for mut input in bytes.chunks_mut(read) {
        let cost = |conn: &Connection<R>| {
            let cost = conn.newest_received();
            assert!(!cost.compressed);
            usize::try_from(cost.wire_len).unwrap()
        };
        match way {
            Way::Chunks => {
                while let Some(event) = conn.receive(&mut input, &mut out).unwrap() {
                    if matches!(event, Event::Chunk(chunk) if chunk.last) {
                        costs.push(cost(&conn));
                    }
                }
            }
            Way::Messages | Way::Room => {
                if matches!(way, Way::Room)
                    && let Some(room) = conn.payload_room(&mut messages)
                {
                    let len = room.len().min(input.len());
                    room[..len].copy_from_slice(input.split_off_mut(..len).unwrap());
                    let whole = conn.payload_read(len, &mut messages, &mut out).unwrap();
                    if whole.is_some() {
                        costs.push(cost(&conn));
                    }
                }
                while let Some(incoming) = conn
                    .receive_message(&mut input, &mut messages, &mut out)
                    .unwrap()
                {
                    if matches!(incoming, Incoming::Message(_)) {
                        costs.push(cost(&conn));
                    }
                }
            }
            Way::Inbox(..) => {
                while !input.is_empty() {
                    let room = conn.read_room(&mut inbox).unwrap();
                    let len = room.len().min(input.len());
                    room[..len].copy_from_slice(input.split_off_mut(..len).unwrap());
                    inbox.filled(len).unwrap();
                    while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
                        if matches!(incoming, Incoming::Message(_)) {
                            costs.push(cost(&conn));
                        }
                    }
                }
            }
        }
    }
    (conn.received(), costs)
}

#[test]
fn what_came_is_counted_alike_by_every_way() {
    for key in [Some(KEY), None] {
        let (frames, costs) = stream(key);
        let bytes = frames.concat();
        for way in [
            Way::Chunks,
            Way::Messages,
            Way::Room,
            Way::Inbox(100, false),
            Way::Inbox(64 << 10, false),
            Way::Inbox(64 << 10, true),
        ] {
            for read in [1, 7, 1000, 50_000, usize::MAX] {
                let (traffic, came) = if key.is_some() {
                    let conn = Connection::new(Server, Negotiated::default(), Config::default());
                    counts(conn, &bytes, read, way)
                } else {
                    let role = Client::new(|| MaskingKey::new(KEY));
                    let conn = Connection::new(role, Negotiated::default(), Config::default());
                    counts(conn, &bytes, read, way)
                };
                assert_eq!(traffic.bytes, bytes.len() as u64, "{way:?}, {read}");
                assert_eq!(traffic.frames, frames.len() as u64, "{way:?}, {read}");
                assert_eq!(traffic.messages, costs.len() as u64, "{way:?}, {read}");
                assert_eq!(came, costs, "{way:?}, {read}");
            }
        }
    }
}

#[cfg(feature = "deflate")]
#[test]
fn a_compressed_message_says_so_and_what_it_took() {
    use websocket_proto::deflate::{Agreement, Policy};
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&Policy::default()));
    let hello = wire_frame(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00", Some(KEY));
    let plain = wire_frame(0x81, b"plain", Some(KEY));
    for read in [1, usize::MAX] {
        for by_inbox in [false, true] {
            let mut conn = Connection::new(Server, negotiated, Config::default());
            let (mut messages, mut out) = (Assembler::<Growing>::default(), Vec::new());
            let mut inbox = Inbox::new(1000);
            for (frame, compressed) in [(&hello, true), (&plain, false), (&hello, true)] {
                let mut bytes = frame.clone();
                for mut input in bytes.chunks_mut(read) {
                    if by_inbox {
                        let room = conn.read_room(&mut inbox).unwrap();
                        room[..input.len()].copy_from_slice(input);
                        inbox.filled(input.len()).unwrap();
                        while conn.receive_from(&mut inbox, &mut out).unwrap().is_some() {}
                    } else {
                        while conn
                            .receive_message(&mut input, &mut messages, &mut out)
                            .unwrap()
                            .is_some()
                        {}
                    }
                }
                let cost = conn.newest_received();
                let expected = (compressed, frame.len() as u64);
                assert_eq!((cost.compressed, cost.wire_len), expected, "{read}");
            }
            let traffic = conn.received();
            let bytes = (2 * hello.len() + plain.len()) as u64;
            assert_eq!(
                (traffic.bytes, traffic.frames, traffic.messages),
                (bytes, 3, 3)
            );
        }
    }
}

/// Bytes count once, when they are inflated, also those that a short window has left for the next call.
#[cfg(feature = "deflate")]
#[test]
fn what_a_short_window_leaves_in_the_input_is_not_counted_yet() {
    use websocket_proto::deflate::{Agreement, Policy};
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&Policy::default()));
    // A block that is stored: as many bytes in as out.
    let stored = [&b"\0\xe8\x03\x17\xfc"[..], &[7; 1000], b"\0"].concat();
    let frame = wire_frame(0xc2, &stored, Some(KEY));
    for window in [4, 100, 10_000] {
        for read in [1, 300, usize::MAX] {
            let mut conn = Connection::new(Server, negotiated, Config::default());
            let (mut bytes, mut window) = (frame.clone(), vec![0; window]);
            let (mut out, mut given) = (Vec::new(), 0);
            for mut input in bytes.chunks_mut(read) {
                given += input.len() as u64;
                while let Some(event) = conn
                    .receive_inflated(&mut input, &mut window, &mut out)
                    .unwrap()
                {
                    assert!(matches!(event, Event::Chunk(_)), "{event:?}");
                    let taken = given - input.len() as u64;
                    assert_eq!(conn.received().bytes, taken);
                }
                // A header counts when it is whole: 8 bytes here.
                let counted = if given < 8 { 0 } else { given };
                assert_eq!(conn.received().bytes, counted);
            }
            assert_eq!(given, frame.len() as u64);
            let cost = conn.newest_received();
            assert_eq!((cost.wire_len, cost.len), (given, 1000));
        }
    }
}

//! What the engine costs in memory: its own size, and the allocations that it makes.

#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

#[expect(dead_code, reason = "this file's tests need a part of it")]
mod counting;

use counting::counted;
use websocket_proto::frame::MaskingKey;
use websocket_proto::{
    Assembler, Broadcast, Client, Config, Connection, Event, Fixed, Incoming, Negotiated,
    ProtocolError, Role, Server, SliceOutput,
};

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len => {
            frame.push(0x80 | 127);
            frame.extend(u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        counted(|| drop(std::hint::black_box(vec![0_u8; 100]))),
        (1, 100)
    );
}

#[test]
fn a_connection_is_at_most_600_bytes() {
    fn size<R: Role>(_: &Connection<R>) -> usize {
        size_of::<Connection<R>>()
    }
    fn keys() -> MaskingKey {
        MaskingKey::new([0; 4])
    }
    let client = Connection::new(
        Client::new(keys as fn() -> MaskingKey),
        Negotiated::default(),
        Config::default(),
    );
    let sizes = (size(&server()), size(&client));
    println!(
        "Connection<Server>: {} bytes, Connection<Client<fn() -> MaskingKey>>: {} bytes",
        sizes.0, sizes.1
    );
    println!(
        "Event: {} bytes, Incoming: {} bytes",
        size_of::<Event<'_>>(),
        size_of::<Incoming<'_>>()
    );
    assert!(sizes.0 <= 600 && sizes.1 <= 600, "{sizes:?}");
}

#[test]
fn receiving_allocates_nothing() {
    let (mut conn, mut replies) = (server(), [0; 4096]);
    let mut bytes = [
        masked(0x82, &vec![1; 70_000]),
        masked(0x81, b"text"),
        masked(0x89, b"ping"),
        masked(0x8a, b"pong"),
    ]
    .concat()
    .repeat(10);
    bytes.extend(masked(0x88, b"\x03\xe8bye"));
    let mut events = 0;
    let counts = counted(|| {
        let mut out = SliceOutput::new(&mut replies);
        for mut read in bytes.chunks_mut(16_384) {
            while conn.receive(&mut read, &mut out).unwrap().is_some() {
                events += 1;
            }
        }
    });
    assert!(events > 40, "{events}");
    assert_eq!(counts, (0, 0));
}

#[test]
fn whole_messages_in_the_input_allocate_nothing() {
    let (mut conn, mut replies) = (server(), [0; 64]);
    let mut bytes = [masked(0x82, &vec![1; 70_000]), masked(0x81, b"text")].concat();
    let mut messages = Assembler::default();
    let mut seen = 0;
    let counts = counted(|| {
        let mut out = SliceOutput::new(&mut replies);
        let mut input = &mut bytes[..];
        while let Some(Incoming::Message(_)) = conn
            .receive_message(&mut input, &mut messages, &mut out)
            .unwrap()
        {
            seen += 1;
        }
    });
    assert_eq!((seen, counts), (2, (0, 0)));
}

#[test]
fn a_broadcast_is_framed_once_and_copied_for_nobody() {
    let payload = vec![7; 1 << 20];
    let mut conns: Vec<_> = (0..1000).map(|_| server()).collect();
    let counts = counted(|| {
        let broadcast = Broadcast::new(&payload);
        let mut header_at = None;
        for conn in &mut conns {
            let [header, same] = conn.broadcast(&broadcast).unwrap();
            assert_eq!(
                same.as_ptr_range(),
                payload.as_ptr_range(),
                "the caller's own bytes"
            );
            assert_eq!(
                *header_at.get_or_insert(header.as_ptr()),
                header.as_ptr(),
                "one header"
            );
            assert_eq!(header, [0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
        }
    });
    assert_eq!(counts, (0, 0));
}

#[test]
fn fixed_storage_allocates_nothing() {
    let (mut conn, mut replies) = (server(), [0; 64]);
    let mut bytes = [masked(0x01, b"frag"), masked(0x80, b"ments")].concat();
    let mut messages = Assembler::<Fixed<64>>::fixed();
    let mut seen = 0;
    let counts = counted(|| {
        let mut out = SliceOutput::new(&mut replies);
        for mut read in bytes.chunks_mut(1) {
            while conn
                .receive_message(&mut read, &mut messages, &mut out)
                .unwrap()
                .is_some()
            {
                seen += 1;
            }
        }
    });
    assert_eq!((seen, counts), (1, (0, 0)));
}

#[test]
fn an_assembler_that_has_grown_allocates_nothing_more() {
    let (mut conn, mut replies) = (server(), [0; 64]);
    let mut messages = Assembler::default();
    let frame = masked(0x81, &vec![b'x'; 100_000]);
    let mut receive = |bytes: &mut [u8]| {
        let mut out = SliceOutput::new(&mut replies);
        for mut read in bytes.chunks_mut(4096) {
            while conn
                .receive_message(&mut read, &mut messages, &mut out)
                .unwrap()
                .is_some()
            {}
        }
    };
    let (mut first, mut second) = (frame.clone(), frame);
    let grown = counted(|| receive(&mut first));
    assert!(grown.0 > 0 && grown.1 <= 200_000, "{grown:?}");
    assert_eq!(counted(|| receive(&mut second)), (0, 0));
}

#[test]
fn a_header_that_declares_much_allocates_little() {
    // As much as memory could hold: more is refused by the header.
    let len = u64::try_from(usize::MAX).unwrap().min(1 << 62);
    let config = Config::default().max_frame_len(len).max_message_len(len);
    let mut conn = Connection::new(Server, Negotiated::default(), config);
    let (mut messages, mut replies) = (Assembler::default(), [0; 64]);
    let mut bytes = [&[0x82, 0xff], &len.to_be_bytes()[..], b"\0\0\0\0ab"].concat();
    let (_, asked) = counted(|| {
        let mut out = SliceOutput::new(&mut replies);
        assert_eq!(
            conn.receive_message(&mut &mut bytes[..], &mut messages, &mut out),
            Ok(None)
        );
    });
    assert!(asked <= 64 << 10, "{asked}");
}

/// Feeds this frame a million times, in reads of 64 KiB or so, until an error; gives the heap's growth.
fn flood(
    conn: &mut Connection<Server>,
    first: &[u8],
    frame: &[u8],
    out: &mut impl websocket_proto::Output,
) -> (Result<(), ProtocolError>, usize) {
    let mut messages = Assembler::default();
    let mut start = first.to_vec();
    conn.receive_message(&mut &mut start[..], &mut messages, out)
        .unwrap();
    let many = frame.repeat(10_000);
    let mut read = many.clone();
    let mut result = Ok(());
    let (_, asked) = counted(|| {
        'flood: for _ in 0..100 {
            read.copy_from_slice(&many);
            let mut input = &mut read[..];
            loop {
                match conn.receive_message(&mut input, &mut messages, out) {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        result = Err(error.protocol().unwrap());
                        break 'flood;
                    }
                }
            }
        }
    });
    (result, asked)
}

#[test]
fn a_million_empty_fragments_cost_nothing_and_fail_with_1009() {
    let mut out = Vec::with_capacity(16);
    let (result, asked) = flood(
        &mut server(),
        &masked(0x02, b""),
        &masked(0x00, b""),
        &mut out,
    );
    let error = ProtocolError::TooManyFragments { limit: 1 << 17 };
    assert_eq!((result, asked), (Err(error), 0));
    assert_eq!(out, [0x88, 2, 0x03, 0xf1]);
}

#[test]
fn a_million_tiny_fragments_hold_no_more_than_what_came() {
    let mut out = Vec::new();
    let (result, asked) = flood(
        &mut server(),
        &masked(0x02, b"x"),
        &masked(0x00, b"x"),
        &mut out,
    );
    assert_eq!(
        result,
        Err(ProtocolError::TooManyFragments { limit: 1 << 17 })
    );
    assert!(asked <= 2 << 17, "{asked}");
    assert_eq!(out, [0x88, 2, 0x03, 0xf1]);
}

#[test]
fn a_million_pings_that_nobody_drains_cost_nothing() {
    let mut room = [0; 8];
    let mut out = SliceOutput::new(&mut room);
    let mut conn = server();
    let ping = masked(0x89, b"flood");
    assert_eq!(flood(&mut conn, &ping, &ping, &mut out), (Ok(()), 0));
    assert_eq!(out.filled(), b"\x8a\x05flood", "one Pong went out");
    out.clear();
    conn.flush(&mut out).unwrap();
    assert_eq!(out.filled(), b"\x8a\x05flood", "and one waited");
    assert!(!conn.wants_flush());

    // With a limit the flood has an end, and the Close that tells so waits beside the Pong.
    let config = Config::default().max_control_frames(1000);
    let mut conn = Connection::new(Server, Negotiated::default(), config);
    let mut out = SliceOutput::new(&mut []);
    let error = ProtocolError::TooManyControlFrames { limit: 1000 };
    assert_eq!(flood(&mut conn, &ping, &ping, &mut out), (Err(error), 0));
    let mut out = Vec::new();
    conn.flush(&mut out).unwrap();
    assert_eq!(out, b"\x8a\x05flood\x88\x02\x03\xf0");
}

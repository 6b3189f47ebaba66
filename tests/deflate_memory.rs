//! What permessage-deflate costs in memory, and that it costs no more whatever comes: bombs.
//!
//! `cargo test --all-features --test deflate_memory -- --nocapture` prints the figures.

#![cfg(all(feature = "alloc", feature = "deflate"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

#[expect(dead_code, reason = "this file's tests need a part of it")]
mod counting;

use counting::{counted, held};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use websocket_proto::deflate::{Agreement, CompressState, InflateState, Policy, WindowBits};
use websocket_proto::frame::MaskingKey;
use websocket_proto::{
    Assembler, Client, Config, Connection, Event, Fixed, Fragment, Incoming, Negotiated,
    ProtocolError, Role, Server, Storage,
};

const MIB: usize = 1 << 20;

/// The tail that a sender takes off.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

fn negotiated(policy: Policy) -> Negotiated<'static> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&policy));
    negotiated
}

fn server(policy: Policy, config: Config) -> Connection<Server> {
    Connection::new(Server, negotiated(policy), config)
}

fn client(policy: Policy) -> Connection<Client<fn() -> MaskingKey>> {
    let keys: fn() -> MaskingKey = || MaskingKey::new([1, 2, 3, 4]);
    Connection::new(Client::new(keys), negotiated(policy), Config::default())
}

/// A client's frame; a key of zeros masks nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            frame.push(0x80 | 0x7e);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 0x7f);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// So many zeros, compressed, with the tail.
fn zeros(len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len / 500 + 100);
    let mut stream = Compress::new(Compression::best(), false);
    stream
        .compress_vec(&vec![0; len], &mut out, FlushCompress::Sync)
        .unwrap();
    assert!(stream.total_in() == len as u64 && out.ends_with(&TAIL));
    out
}

fn without_tail(mut payload: Vec<u8>) -> Vec<u8> {
    assert_eq!(payload.split_off(payload.len() - TAIL.len()), TAIL);
    payload
}

/// A message in one frame.
fn whole(payload: Vec<u8>) -> Vec<u8> {
    frame(0xc2, &without_tail(payload))
}

/// 1 GiB of zeros: 1024 times the same MiB, in one frame or in as many.
fn bombs() -> [Vec<u8>; 2] {
    let piece = zeros(MIB);
    let one = whole(piece.repeat(1024));
    let mut fragments = frame(0x42, &piece);
    for _ in 0..1022 {
        fragments.extend(frame(0x00, &piece));
    }
    fragments.extend(frame(0x80, &without_tail(piece)));
    for bomb in [&one, &fragments] {
        assert!(bomb.len() < 11 * MIB / 10, "{}", bomb.len());
    }
    [one, fragments]
}

/// What came of some input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Came {
    messages: usize,
    /// The bytes that were handed out, and the calls that this took.
    bytes: usize,
    calls: usize,
    error: Option<ProtocolError>,
    /// What was sent.
    sent: Vec<u8>,
}

/// Inflates into a window, read by read.
fn inflated(conn: &mut Connection<Server>, bytes: &[u8], read: usize, window: usize) -> Came {
    let (mut bytes, mut window) = (bytes.to_vec(), vec![0; window]);
    let mut came = Came::default();
    for mut read in bytes.chunks_mut(read) {
        loop {
            came.calls += 1;
            match conn.receive_inflated(&mut read, &mut window, &mut came.sent) {
                Ok(Some(Event::Chunk(chunk))) => {
                    came.bytes += chunk.payload.len();
                    came.messages += usize::from(chunk.last);
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    came.error = error.protocol();
                    return came;
                }
            }
        }
    }
    came
}

/// Receives whole messages, read by read.
fn assembled<S: Storage>(
    conn: &mut Connection<Server>,
    bytes: &mut [u8],
    read: usize,
    messages: &mut Assembler<S>,
    came: &mut Came,
) {
    for mut read in bytes.chunks_mut(read) {
        loop {
            match conn.receive_message(&mut read, messages, &mut came.sent) {
                Ok(Some(Incoming::Message(message))) => {
                    came.bytes += message.as_bytes().len();
                    came.messages += 1;
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    came.error = error.protocol();
                    return;
                }
            }
        }
    }
}

/// Asserts that this failed with 1009.
fn too_long(came: &Came, limit: usize) {
    let limit = limit as u64;
    assert_eq!(came.error, Some(ProtocolError::MessageTooLong { limit }));
    assert_eq!(
        came.sent,
        [0x88, 2, 0x03, 0xf1],
        "a Close with 1009, nothing else"
    );
}

#[test]
fn a_gibibyte_in_a_mebibyte_gives_no_more_than_the_limit() {
    let config = Config::default().max_message_len(MIB as u64);
    // As one message of many, too: those before it may be what it refers to.
    let before = whole(zeros(MIB));
    for bomb in bombs() {
        for (read, window) in [(4096, 4096), (usize::MAX, 100_000), (1000, 61)] {
            for takeover in [0, 3] {
                let mut conn = server(Policy::default(), config);
                let came = inflated(&mut conn, &before.repeat(takeover), 4096, 4096);
                assert_eq!(
                    (came.messages, came.bytes, came.error),
                    (takeover, takeover * MIB, None)
                );
                let came = inflated(&mut conn, &bomb, read, window);
                too_long(&came, MIB);
                assert!(came.bytes <= MIB + window, "{}", came.bytes);
                // Every call but the last ones gives a full window or takes a whole read or frame.
                let frames = 1 + MIB / 1000;
                assert!(came.calls <= MIB / window + frames, "{}", came.calls);
            }
        }
    }
}

#[test]
fn a_gibibyte_in_a_mebibyte_holds_no_more_than_the_limit() {
    let config = Config::default().max_message_len(MIB as u64);
    for mut bomb in bombs() {
        for read in [4096, usize::MAX] {
            let (mut conn, mut messages) =
                (server(Policy::default(), config), Assembler::default());
            let mut came = Came::default();
            // What inflating needs is there before.
            assembled(
                &mut conn,
                &mut whole(zeros(100)),
                read,
                &mut messages,
                &mut came,
            );
            assert_eq!((came.messages, came.bytes), (1, 100));
            let mut came = Came {
                sent: Vec::with_capacity(64),
                ..Came::default()
            };
            let mut bytes = bomb.clone();
            let ((), _, most) =
                held(|| assembled(&mut conn, &mut bytes, read, &mut messages, &mut came));
            too_long(&came, MIB);
            println!(
                "1 GiB against a limit of 1 MiB, in reads of {read}: {most} bytes of heap at most"
            );
            assert!((MIB / 2..=MIB + (64 << 10)).contains(&most), "{most}");
        }
        // With storage of its own that is shorter than the limit.
        let mut conn = server(Policy::default(), config);
        let mut messages = Box::new(Assembler::<Fixed<1000>>::fixed());
        let mut came = Came::default();
        assembled(&mut conn, &mut bomb, 4096, &mut messages, &mut came);
        too_long(&came, 1000);
    }
}

#[test]
fn the_limit_itself_is_no_bomb() {
    let config = Config::default().max_message_len(MIB as u64);
    for (len, fits) in [(MIB, true), (MIB + 1, false)] {
        let payload = zeros(len);
        let (start, end) = payload.split_at(payload.len() / 2);
        let fragments = [frame(0x42, start), frame(0x80, &without_tail(end.to_vec()))].concat();
        for mut message in [whole(payload.clone()), fragments] {
            for read in [1, 4096] {
                let came = inflated(&mut server(Policy::default(), config), &message, read, 5000);
                assert_eq!(came.bytes, MIB);
                if fits {
                    assert_eq!((came.messages, came.error), (1, None));
                } else {
                    too_long(&came, MIB);
                }
            }
            let mut came = Came::default();
            let mut conn = server(Policy::default(), config);
            assembled(
                &mut conn,
                &mut message,
                4096,
                &mut Assembler::default(),
                &mut came,
            );
            if fits {
                assert_eq!((came.messages, came.bytes, came.error), (1, MIB, None));
            } else {
                assert_eq!(came.bytes, 0);
                too_long(&came, MIB);
            }
        }
    }
}

/// A message that has `len` bytes, and on the wire `wire`: what is wanted of noise comes first.
fn of_ratio(wire: usize, len: usize) -> Vec<u8> {
    for noise in 0..wire {
        let compressed = without_tail(zeros(len - noise));
        if 5 + noise + compressed.len() == wire {
            let (low, high) = ((noise % 256) as u8, (noise / 256) as u8);
            let mut payload = vec![0x00, low, high, !low, !high];
            payload.extend((0..noise).map(|at| at as u8));
            payload.extend(compressed);
            return payload;
        }
    }
    panic!("no message of {len} bytes is {wire} long");
}

#[test]
fn the_ratio_is_a_limit_and_one_more_is_too_much() {
    let (wire, ratio) = (500, 200);
    let policy = Policy::default().max_ratio(ratio);
    let limit = wire * ratio as usize;
    for (len, fits) in [(limit, true), (limit + 1, false)] {
        let payload = of_ratio(wire, len);
        let (start, end) = payload.split_at(450);
        let fragments = [frame(0x42, start), frame(0x80, end)].concat();
        for mut message in [frame(0xc2, &payload), fragments] {
            for read in [1, 7, 4096] {
                let came = inflated(&mut server(policy, Config::default()), &message, read, 4096);
                assert_eq!(came.bytes, limit);
                if fits {
                    assert_eq!((came.messages, came.error), (1, None));
                } else {
                    too_long(&came, limit);
                }
            }
            let mut came = Came::default();
            let mut conn = server(policy, Config::default());
            assembled(
                &mut conn,
                &mut message,
                4096,
                &mut Assembler::default(),
                &mut came,
            );
            assert_eq!(came.messages, usize::from(fits));
        }
    }
    // What the headers have said so far bounds what counts, and not what may come behind them: the
    // same bytes pass in one frame.
    let (first, second) = (
        zeros(90_000),
        [&[0x00, 0xe8, 0x03, 0x17, 0xfc], &[7; 1000][..], &[0x00]].concat(),
    );
    let one = frame(0xc2, &[&first[..], &second].concat());
    let two = [frame(0x42, &first), frame(0x80, &second)].concat();
    for (message, read) in [(&one, 1), (&one, 4096), (&two, 1), (&two, 4096)] {
        let came = inflated(&mut server(policy, Config::default()), message, read, 4096);
        if message == &one {
            assert_eq!((came.messages, came.bytes, came.error), (1, 91_000, None));
        } else {
            assert_eq!(came.bytes, 64 << 10);
            too_long(&came, 64 << 10);
        }
    }
    // Up to 64 KiB nobody asks for the ratio.
    for (len, fits) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let message = whole(zeros(len));
        let came = inflated(
            &mut server(policy.max_ratio(1), Config::default()),
            &message,
            7,
            4096,
        );
        assert_eq!((came.messages, came.bytes), (usize::from(fits), 64 << 10));
    }
    // A bomb gets as far as its ratio lets it.
    for bomb in bombs() {
        let config = Config::default();
        let came = inflated(&mut server(policy.max_ratio(10), config), &bomb, 4096, 4096);
        assert_eq!(came.bytes, 64 << 10);
        too_long(&came, 64 << 10);
    }
}

/// What the last byte of a KiB inflates to counts there, though it is given out when all of it was taken:
/// the next KiB does not pay for it.
#[test]
fn what_is_to_be_given_out_belongs_to_the_payload_that_brought_it() {
    let zeros = without_tail(zeros(300_000));
    // Noise first, so that the KiB ends inside the zeros, a few of them beyond the limit.
    let candidates = (750..950_usize).filter_map(|noise| {
        let [low, high] = (noise as u16).to_le_bytes();
        let mut payload = vec![0x00, low, high, !low, !high];
        payload.extend((0..noise).map(|at| at as u8));
        payload.extend(&zeros);
        let mut out = Vec::with_capacity(400_000);
        Decompress::new(false)
            .decompress_vec(&payload[..1024], &mut out, FlushDecompress::Sync)
            .unwrap();
        let excess = (out.len() % 1024, out.len() / 1024);
        Some((payload, excess)).filter(|_| (1..250).contains(&excess.0) && excess.1 > 64)
    });
    let mut count = 0;
    for (payload, (_, ratio)) in candidates.take(3) {
        count += 1;
        let limit = 1024 * ratio;
        let policy = Policy::default().max_ratio(ratio as u32);
        let message = frame(0xc2, &payload);
        for read in [1, 1023, 4096] {
            for window in [4, 100, 4096, 1 << 20] {
                let mut conn = server(policy, Config::default());
                let came = inflated(&mut conn, &message, read, window);
                assert_eq!(came.bytes, limit, "{read}, {window}");
                too_long(&came, limit);
            }
        }
    }
    assert_eq!(count, 3);
}

/// A header that declares 2 MiB brings no more through than the payload that comes: the ratio is that of
/// what came, each begun KiB of it counted as a whole.
#[test]
fn a_declared_length_is_no_payload() {
    let payload = zeros(16 << 20);
    let head = b"\xc2\xff\0\0\0\0\0\x20\0\0\0\0\0\0";
    let attack = [&head[..], &payload].concat();
    let ratio = 10;
    let policy = Policy::default().max_ratio(ratio);
    for read in [1, 7, 1000, 4096, usize::MAX] {
        for window in [4, 100, 4096, 1 << 20] {
            let came = inflated(
                &mut server(policy, Config::default()),
                &attack,
                read,
                window,
            );
            assert_eq!(came.bytes, 64 << 10, "{read}, {window}");
            too_long(&came, 64 << 10);
        }
    }

    // Far into a message, where noise has earned some: 40 KiB of it let 400 KiB pass, and the step that is
    // begun 10 KiB more.
    let noise: Vec<u8> = (0..40_u32 << 10)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut stored = Vec::new();
    for part in noise.chunks(16 << 10) {
        let len = part.len() as u16;
        stored.push(0);
        stored.extend(len.to_le_bytes());
        stored.extend((!len).to_le_bytes());
        stored.extend(part);
    }
    let begun = stored.len() as u64;
    let attack = [&head[..], &stored, &zeros(16 << 20)].concat();
    let step = begun.div_ceil(1024) * 1024;
    let limit = (step * u64::from(ratio)) as usize;
    for read in [1, 7, 1000, 4096, usize::MAX] {
        for window in [100, 4096, 1 << 20] {
            let came = inflated(
                &mut server(policy, Config::default()),
                &attack,
                read,
                window,
            );
            assert_eq!(came.bytes, limit, "{read}, {window}");
            too_long(&came, limit);
        }
        let (mut came, mut attack) = (Came::default(), attack.clone());
        let mut conn = server(policy, Config::default());
        assembled(
            &mut conn,
            &mut attack,
            read,
            &mut Assembler::default(),
            &mut came,
        );
        too_long(&came, limit);
    }
}

#[test]
fn the_calls_are_as_many_as_the_windows_and_reads() {
    let config = Config::default().max_message_len(u64::MAX);
    for window in [1000, 10_000] {
        for mib in [4, 16, 64] {
            let message = whole(zeros(MIB).repeat(mib));
            let came = inflated(
                &mut server(Policy::default(), config),
                &message,
                1000,
                window,
            );
            assert_eq!((came.messages, came.bytes), (1, mib * MIB));
            let most = came.bytes / window + 2 * (message.len() / 1000 + 2);
            assert!(came.calls <= most, "{} of {most}", came.calls);
        }
    }
}

/// Text that gets shorter, and differs from message to message.
fn text(seed: usize) -> String {
    let mut text = String::new();
    for number in seed..seed + 200 {
        text.push_str("{\"id\":");
        text.push_str(&(number * number).to_string());
        text.push_str(",\"name\":\"caf\u{e9}\"},");
    }
    text
}

/// Sends messages by one end, which the other receives, in every way.
fn exchange<A: Role, B: Role, S: Storage>(
    from: &mut Connection<A>,
    to: &mut Connection<B>,
    messages: &mut Assembler<S>,
    texts: &[String],
    out: &mut Vec<u8>,
    window: &mut [u8],
) -> usize {
    let mut received = 0;
    let mut owed = websocket_proto::SliceOutput::new(&mut []);
    for (at, text) in texts.iter().enumerate() {
        out.clear();
        from.send(text.as_str(), out).unwrap();
        let (start, end) = text.split_at(1000);
        from.send_fragment(start, Fragment::First, out).unwrap();
        from.send_fragment(end, Fragment::Last, out).unwrap();
        assert!(out.len() < text.len(), "compressed");
        for mut read in out.chunks_mut(700) {
            if at % 2 == 0 {
                while let Some(event) = to.receive_inflated(&mut read, window, &mut owed).unwrap() {
                    received += usize::from(matches!(event, Event::Chunk(chunk) if chunk.last));
                }
            } else {
                while to
                    .receive_message(&mut read, messages, &mut owed)
                    .unwrap()
                    .is_some()
                {
                    received += 1;
                }
            }
        }
    }
    received
}

#[test]
fn once_it_is_warm_nothing_is_allocated() {
    let texts: Vec<_> = (0..20).map(|seed| text(1000 + 37 * seed)).collect();
    for takeover in [true, false] {
        for level in [1, 6, 9] {
            let policy = Policy::default()
                .send_context_takeover(takeover)
                .receive_context_takeover(takeover)
                .level(level);
            let (mut server, mut client) = (server(policy, Config::default()), client(policy));
            let mut growing = Assembler::default();
            let mut fixed = Box::new(Assembler::<Fixed<0x8000>>::fixed());
            let (mut out, mut window) = (Vec::with_capacity(1 << 16), [0; 1000]);
            let mut round = || {
                let (out, window) = (&mut out, &mut window);
                exchange(&mut server, &mut client, &mut growing, &texts, out, window)
                    + exchange(&mut client, &mut server, &mut *fixed, &texts, out, window)
            };
            assert_eq!(round(), 80);
            let mut received = 0;
            let counts = counted(|| received = round());
            assert_eq!((received, counts), (80, (0, 0)), "{policy:?}");
        }
    }
}

/// The pieces in which messages get into an assembler are as long as the messages want: that takes
/// fewer calls of the library. They stay as long as they are.
#[test]
fn long_messages_are_inflated_in_longer_pieces() {
    let mut conn = server(Policy::default(), Config::default());
    let mut room = vec![0; 400_000];
    let mut messages = Assembler::in_slice(&mut room);
    let mut read = |read, len| {
        let (mut bytes, mut came) = (whole(zeros(len)), Came::default());
        let counts = counted(|| assembled(&mut conn, &mut bytes, read, &mut messages, &mut came));
        assert_eq!((came.messages, came.bytes), (1, len));
        counts
    };
    let kib = |count: usize| count << 10;
    let all = usize::MAX;
    read(all, 1);
    assert_eq!(read(all, 4095), (0, 0));
    assert_eq!(read(1, 4095), (0, 0));
    assert_eq!(read(all, kib(4)), (1, kib(16)));
    assert_eq!(read(all, kib(4)), (0, 0));
    assert_eq!(read(all, kib(300)), (2, kib(64) + kib(68)));
    assert_eq!(read(all, kib(300)), (0, 0));
}

/// A character that a piece cuts counts as what is still to come.
#[test]
fn storage_for_inflated_text_grows_by_doubling_and_to_the_limit() {
    let text = format!("x{}", "\u{20ac}".repeat(83_333));
    let mut compressed = Vec::with_capacity(10_000);
    Compress::new(Compression::best(), false)
        .compress_vec(text.as_bytes(), &mut compressed, FlushCompress::Sync)
        .unwrap();
    let frame = frame(0xc1, &without_tail(compressed));
    let config = Config::default().max_message_len(text.len() as u64);
    let mut conn = server(Policy::default(), config);
    let mut round = || {
        let (mut bytes, mut came) = (frame.clone(), Came::default());
        let mut messages = Assembler::default();
        let counts = counted(|| {
            assembled(&mut conn, &mut bytes, usize::MAX, &mut messages, &mut came);
        });
        assert_eq!((came.messages, came.bytes), (1, text.len()));
        counts
    };
    // What inflating needs is there from the first one on.
    assert!(round().0 > 5);
    // Now the first piece has 68 KiB: these, twice as much, and no more than the limit.
    assert_eq!(round(), (3, text.len()));
}

#[test]
fn what_was_supplied_is_what_a_connection_inflates_with() {
    let message = whole(zeros(100));
    let policy = Policy::default().receive_context_takeover(false);
    let mut room = [0; 100];
    let mut messages = Assembler::in_slice(&mut room);
    let mut state = InflateState::default();
    // The first connection makes the room on the way into the assembler, too.
    for expected in [(1, 4 << 10), (0, 0)] {
        let mut conn = server(policy, Config::default());
        conn.supply_inflate(state);
        let (mut bytes, mut came) = (message.clone(), Came::default());
        let counts = counted(|| assembled(&mut conn, &mut bytes, 7, &mut messages, &mut came));
        assert_eq!((came.messages, counts), (1, expected));
        state = conn.release_inflate().unwrap();
    }
}

#[test]
fn what_is_held_for_each_connection() {
    let (_, state, _) = held(InflateState::default);
    let message = whole(zeros(100));
    let mut conn = server(Policy::default(), Config::default());
    let ((), windowed, _) = held(|| {
        let (mut bytes, mut window) = ([0; 64], [0; 128]);
        let bytes = &mut bytes[..message.len()];
        bytes.copy_from_slice(&message);
        let mut owed = websocket_proto::SliceOutput::new(&mut []);
        let event = conn.receive_inflated(&mut &mut *bytes, &mut window, &mut owed);
        assert!(matches!(event, Ok(Some(_))));
    });
    let mut conn = server(Policy::default(), Config::default());
    let mut messages = Assembler::<Fixed<128>>::fixed();
    let ((), whole, _) = held(|| {
        let mut bytes = [0; 64];
        let bytes = &mut bytes[..message.len()];
        bytes.copy_from_slice(&message);
        let mut came = Came::default();
        assembled(&mut conn, bytes, 64, &mut messages, &mut came);
        assert_eq!(came.messages, 1);
    });
    println!("inflating: {windowed} bytes with receive_inflated, {whole} with receive_message");
    assert_eq!(state, windowed);
    assert!(
        windowed <= 48 << 10 && whole == windowed + (4 << 10),
        "{windowed} {whole}"
    );

    // As in the documents of `deflate`.
    let documented = [
        (9, [136, 149, 247, 359]),
        (11, [142, 155, 253, 365]),
        (13, [166, 179, 277, 389]),
        (15, [262, 275, 373, 485]),
    ];
    println!("compressing, by window (down) and memory level (across), in KiB:");
    println!("bits     1     2     3     4     5     6     7     8     9");
    for bits in 9..=15 {
        print!("{bits:>4}");
        let mut before = 0;
        for memory_level in 1..=9 {
            let policy = Policy::default()
                .send_window_bits(WindowBits::new(bits).unwrap())
                .memory_level(memory_level)
                .threshold(0);
            let (_, state, _) = held(|| CompressState::new(&policy));
            let mut conn = server(policy, Config::default());
            let mut room = [0; 64];
            let ((), used, _) = held(|| {
                let mut out = websocket_proto::SliceOutput::new(&mut room);
                conn.send("x", &mut out).unwrap();
            });
            // What comes out has room of its own, which grows with the longest message.
            assert_eq!(used, state + 1024);
            assert!(used > before && used < 512 << 10, "{used}");
            before = used;
            let column = [1, 5, 8, 9].iter().position(|level| *level == memory_level);
            let row = documented.iter().find(|row| row.0 == bits);
            if let (Some(column), Some((_, row))) = (column, row)
                && cfg!(target_pointer_width = "64")
            {
                assert_eq!(
                    used.div_ceil(1024),
                    row[column],
                    "{bits} bits, {memory_level}"
                );
            }
            print!("{:>6}", used.div_ceil(1024));
        }
        println!();
    }
}

#[test]
fn a_connection_is_at_most_600_bytes() {
    fn size<R: Role>(_: &Connection<R>) -> usize {
        size_of::<Connection<R>>()
    }
    let server = size(&server(Policy::default(), Config::default()));
    let client = size(&client(Policy::default()));
    println!(
        "with permessage-deflate: Connection<Server> {server} bytes, Connection<Client<fn>> {client}"
    );
    assert!(server <= 600 && client <= 600, "{server} {client}");
}

//! Messages that go out compressed.

use websocket_proto::deflate::{Agreement, CompressState, Policy, WindowBits};
use websocket_proto::frame::{MaskingKey, MessageKind, Rsv};
use websocket_proto::{
    Assembler, Broadcast, Chunk, ChunkBuffer, Client, Config, Connection, Event, Fragment,
    Incoming, Negotiated, Payload, RawMessage, Role, SendError, Server, SliceOutput,
};

use crate::case::{Random, frames_on_the_wire, hex};
use crate::receiving::negotiated;

fn server(policy: Policy) -> Connection<Server> {
    Connection::new(Server, negotiated(policy), Config::default())
}

fn client(policy: Policy) -> Connection<Client<fn() -> MaskingKey>> {
    let keys: fn() -> MaskingKey = || MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);
    Connection::new(Client::new(keys), negotiated(policy), Config::default())
}

/// What the other end makes of `bytes`.
fn received<R: Role>(conn: &mut Connection<R>, bytes: &[u8]) -> Vec<(MessageKind, Vec<u8>)> {
    let (mut bytes, mut messages, mut out) = (bytes.to_vec(), Assembler::default(), Vec::new());
    let (mut input, mut seen) = (&mut bytes[..], Vec::new());
    while let Some(incoming) = conn
        .receive_message(&mut input, &mut messages, &mut out)
        .unwrap()
    {
        if let Incoming::Message(message) = incoming {
            seen.push((message.kind(), message.as_bytes().to_vec()));
        }
    }
    seen
}

/// A text like those that programs exchange, which the seed decides.
pub(crate) fn prose(seed: u64, len: usize) -> String {
    let mut random = Random::new(seed);
    let words = [
        "\"price\":",
        "{",
        "}",
        ",",
        "\"name\":\"",
        "caf\u{e9}\"",
        "true",
        "17.25",
        "1024",
        "\"id\":",
    ];
    let mut text = String::new();
    while text.len() < len {
        text.push_str(words[random.below(words.len())]);
    }
    while text.len() > len {
        text.pop();
    }
    text
}

#[test]
fn s7_2_1_what_goes_out_has_rsv1_and_lacks_the_tail() {
    let mut conn = server(Policy::default().threshold(0));
    let mut out = Vec::new();
    conn.send("Hello", &mut out).unwrap();
    conn.send("Hello", &mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [
            (0xc1, hex("f2 48 cd c9 c9 07 00")),
            (0xc1, hex("f2 00 11 00 00"))
        ]
    );
    let mut conn = server(Policy::default().threshold(0).send_context_takeover(false));
    let mut out = Vec::new();
    conn.send("Hello", &mut out).unwrap();
    conn.send("Hello", &mut out).unwrap();
    let hello = (0xc1, hex("f2 48 cd c9 c9 07 00"));
    assert_eq!(frames_on_the_wire(&out, false), [hello.clone(), hello]);
}

#[test]
fn s7_2_3_6_an_empty_message_is_one_byte() {
    let mut conn = server(Policy::default().threshold(0));
    let mut out = Vec::new();
    conn.send("", &mut out).unwrap();
    conn.send_fragment("", Fragment::First, &mut out).unwrap();
    conn.send_fragment("", Fragment::Last, &mut out).unwrap();
    assert_eq!(
        frames_on_the_wire(&out, false),
        [(0xc1, vec![0]), (0x41, vec![]), (0x80, vec![0])]
    );
    let empty = (MessageKind::Text, Vec::new());
    let seen = received(&mut client(Policy::default()), &out);
    assert_eq!(seen, [empty.clone(), empty]);
}

#[test]
fn what_is_sent_is_received_with_every_policy() {
    for bits in 9..=15 {
        for takeover in [true, false] {
            for level in [0, 1, 6, 9] {
                let policy = Policy::default()
                    .send_window_bits(WindowBits::new(bits).unwrap())
                    .send_context_takeover(takeover)
                    .receive_context_takeover(takeover)
                    .level(level)
                    .memory_level(1 + bits % 9);
                let (mut server, mut client) = (server(policy), client(policy));
                let (mut to_client, mut to_server, mut sent) = (Vec::new(), Vec::new(), Vec::new());
                for (seed, len) in [
                    (1, 0),
                    (2, 31),
                    (3, 32),
                    (3, 32),
                    (4, 1000),
                    (5, 70_000),
                    (4, 1000),
                ] {
                    let text = prose(seed, len);
                    server.send(text.as_str(), &mut to_client).unwrap();
                    client.send(text.as_bytes(), &mut to_server).unwrap();
                    sent.push(text);
                }
                let kinds = [MessageKind::Text, MessageKind::Binary];
                for (kind, seen) in kinds.into_iter().zip([
                    received(&mut client, &to_client),
                    received(&mut server, &to_server),
                ]) {
                    let expected: Vec<_> = sent
                        .iter()
                        .map(|text| (kind, text.clone().into_bytes()))
                        .collect();
                    assert!(seen == expected, "{policy:?}");
                }
            }
        }
    }
}

#[test]
fn fragments_are_parts_of_one_compressed_message() {
    let mut conn = server(Policy::default());
    let mut out = Vec::new();
    for (payload, fragment) in [
        ("Hello, ", Fragment::First),
        ("", Fragment::Middle),
        ("World", Fragment::Middle),
        ("", Fragment::Last),
    ] {
        conn.send_fragment(payload, fragment, &mut out).unwrap();
    }
    conn.send_fragment("Hello, ", Fragment::First, &mut out)
        .unwrap();
    conn.ping(b"between", &mut out).unwrap();
    conn.send_fragment("World", Fragment::Last, &mut out)
        .unwrap();
    let firsts: Vec<_> = frames_on_the_wire(&out, false)
        .iter()
        .map(|(first, _)| *first)
        .collect();
    assert_eq!(firsts, [0x41, 0x00, 0x00, 0x80, 0x41, 0x89, 0x80]);
    let message = (MessageKind::Text, b"Hello, World".to_vec());
    assert_eq!(
        received(&mut client(Policy::default()), &out),
        [message.clone(), message]
    );
}

/// The length of a message that is one frame is known, whichever call sends it.
#[test]
fn a_short_message_in_one_frame_goes_out_as_it_is() {
    let short = "shorter than the threshold";
    let mut conn = server(Policy::default());
    let mut out = Vec::new();
    conn.send(short, &mut out).unwrap();
    conn.send_fragment(short, Fragment::Only, &mut out).unwrap();
    let chunk = Chunk {
        first: true,
        last: true,
        payload: Payload::Text {
            carried: Some('s'),
            text: &short[1..],
        },
    };
    conn.send_chunk(&chunk, &mut out).unwrap();
    let frame = (0x81, short.as_bytes().to_vec());
    assert_eq!(
        frames_on_the_wire(&out, false),
        [frame.clone(), frame.clone(), frame]
    );
    out.clear();
    let long = short.repeat(2);
    conn.send_fragment(&long, Fragment::Only, &mut out).unwrap();
    assert_eq!(out[0], 0xc1);
}

#[test]
fn a_message_may_go_out_as_it_is() {
    let mut conn = server(Policy::default());
    let mut out = Vec::new();
    let long = prose(1, 100);
    conn.send(long.as_str(), &mut out).unwrap();
    conn.send_uncompressed(long.as_str(), &mut out).unwrap();
    conn.send("short", &mut out).unwrap();
    let header = conn
        .start_frame(MessageKind::Text, 3, Fragment::First)
        .unwrap();
    conn.count_payload(3).unwrap();
    out.extend_from_slice(&header);
    out.extend_from_slice(b"raw");
    conn.send_fragment("more", Fragment::Last, &mut out)
        .unwrap();
    conn.send(long.as_str(), &mut out).unwrap();
    let frames = frames_on_the_wire(&out, false);
    let firsts: Vec<_> = frames.iter().map(|(first, _)| *first).collect();
    assert_eq!(firsts, [0xc1, 0x81, 0x81, 0x01, 0x80, 0xc1]);
    assert_eq!(frames[1].1, long.as_bytes());
    assert!(frames[5].1.len() < 10, "refers to the first message");
    let seen = received(&mut client(Policy::default()), &out);
    let texts: Vec<_> = seen
        .iter()
        .map(|(_, bytes)| std::str::from_utf8(bytes).unwrap())
        .collect();
    assert_eq!(texts, [&long, &long, "short", "rawmore", &long]);
}

#[test]
fn a_compressed_message_goes_on_compressed() {
    let mut conn = server(Policy::default());
    let mut out = Vec::new();
    conn.send_fragment("Hello", Fragment::First, &mut out)
        .unwrap();
    assert_eq!(
        conn.start_frame(MessageKind::Text, 3, Fragment::Middle),
        Err(SendError::CompressedMessage)
    );
    assert_eq!(
        conn.send_uncompressed("no", &mut out),
        Err(SendError::MessageOpen)
    );
    conn.send_fragment(", World", Fragment::Last, &mut out)
        .unwrap();
    let seen = received(&mut client(Policy::default()), &out);
    assert_eq!(seen, [(MessageKind::Text, b"Hello, World".to_vec())]);
}

#[test]
fn an_output_without_room_costs_the_context_only() {
    let mut conn = server(Policy::default());
    let (mut bytes, mut all) = ([0; 64], Vec::new());
    let long = prose(1, 400);
    for _ in 0..3 {
        let mut none = SliceOutput::new(&mut []);
        assert!(matches!(
            conn.send(long.as_str(), &mut none),
            Err(SendError::OutputFull { needed }) if needed > 2 && needed < 400
        ));
        let mut small = SliceOutput::new(&mut bytes);
        let fits = conn
            .send_fragment(
                "a fragment of a message, which is compressed",
                Fragment::First,
                &mut small,
            )
            .is_ok();
        assert!(fits);
        all.extend_from_slice(small.filled());
        let mut none = SliceOutput::new(&mut []);
        assert!(
            conn.send_fragment("a fragment of a message", Fragment::Last, &mut none)
                .is_err()
        );
        conn.send_fragment("a fragment of a message", Fragment::Last, &mut all)
            .unwrap();
        conn.send(long.as_str(), &mut all).unwrap();
    }
    let seen = received(&mut client(Policy::default()), &all);
    assert_eq!(seen.len(), 6);
    for pair in seen.chunks(2) {
        assert_eq!(
            pair[0].1,
            b"a fragment of a message, which is compresseda fragment of a message"
        );
        assert_eq!(pair[1].1, long.as_bytes());
    }
}

#[test]
fn edge_124_with_a_window_of_8_bits_nothing_is_compressed() {
    let policy = Policy::default()
        .send_window_bits(WindowBits::MIN)
        .threshold(0);
    let mut conn = server(policy);
    let mut out = Vec::new();
    conn.send("Hello", &mut out).unwrap();
    conn.send_fragment("Hel", Fragment::First, &mut out)
        .unwrap();
    conn.send_fragment("lo", Fragment::Last, &mut out).unwrap();
    assert_eq!(out, b"\x81\x05Hello\x01\x03Hel\x80\x02lo");
    assert!(CompressState::new(&policy).is_none());
}

#[test]
fn a_broadcast_is_compressed_once_and_harms_no_context() {
    let news = prose(9, 500);
    let mut state = CompressState::new(&Policy::default()).unwrap();
    let broadcast = Broadcast::compressed(news.as_str(), &mut state).unwrap();
    let narrow = Policy::default().send_window_bits(WindowBits::new(10).unwrap());
    let agreements = [
        Some(Policy::default()),
        Some(
            Policy::default()
                .send_context_takeover(false)
                .receive_context_takeover(false),
        ),
        Some(narrow),
        None,
    ];
    for policy in agreements {
        let mut negotiated = Negotiated::default();
        negotiated.deflate = policy.map(|policy| Agreement::new(&policy));
        let mut conn = Connection::new(Server, negotiated, Config::default());
        let role = Client::new(|| MaskingKey::new([0; 4]));
        let mut peer = Connection::new(role, negotiated, Config::default());
        let mut out = Vec::new();
        let own = prose(8, 300);
        for _ in 0..2 {
            conn.send(own.as_str(), &mut out).unwrap();
            let slices = conn.broadcast(&broadcast).unwrap();
            let is_compressed =
                policy == Some(Policy::default()) || policy.is_some_and(|policy| policy != narrow);
            assert_eq!(slices[0][0], if is_compressed { 0xc1 } else { 0x81 });
            assert_eq!(slices[1].len() < news.len(), is_compressed);
            out.extend(slices.concat());
        }
        let seen: Vec<_> = received(&mut peer, &out)
            .into_iter()
            .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
            .collect();
        assert_eq!(seen, [&own, &news, &own, &news].map(String::clone));
    }
}

#[test]
fn what_is_held_can_be_given_back_between_messages() {
    let (mut server, mut peer) = (server(Policy::default()), client(Policy::default()));
    assert!(server.release_compress().is_none() && peer.release_inflate().is_none());
    let (long, mut out) = (prose(1, 300), Vec::new());
    server.send(long.as_str(), &mut out).unwrap();
    let state = server.release_compress().unwrap();
    server.send(long.as_str(), &mut out).unwrap();
    drop(server.release_compress());
    server.supply_compress(state);
    server
        .send_fragment(long.as_str(), Fragment::First, &mut out)
        .unwrap();
    assert!(server.release_compress().is_some());
    server
        .send_fragment(long.as_str(), Fragment::Last, &mut out)
        .unwrap();
    assert_eq!(received(&mut peer, &out).len(), 3);
    // The peer's messages may refer back: its window has to stay.
    assert!(peer.release_inflate().is_none());

    let frugal = Policy::default()
        .receive_context_takeover(false)
        .send_context_takeover(false);
    let mut peer = client(frugal);
    let mut server = super::sending::server(frugal);
    let mut out = Vec::new();
    server.send(long.as_str(), &mut out).unwrap();
    assert_eq!(received(&mut peer, &out).len(), 1);
    let state = peer.release_inflate().unwrap();
    let mut other = client(Policy::default());
    other.supply_inflate(state);
    assert_eq!(received(&mut other, &out).len(), 1);
    assert_eq!(received(&mut peer, &out).len(), 1, "made anew");
    // Inside a message it has to stay.
    assert_eq!(received(&mut peer, &out[..out.len() - 1]), []);
    assert!(peer.release_inflate().is_none());
}

#[test]
fn settings_out_of_range_count_as_the_nearest() {
    let policy = Policy::default();
    assert_eq!(policy.level(10), policy.level(9));
    assert_ne!(policy.level(9), policy.level(8));
    assert_ne!(policy.level(0), policy.level(1));
    assert_eq!(policy.memory_level(0), policy.memory_level(1));
    assert_eq!(policy.memory_level(200), policy.memory_level(9));
    assert_ne!(policy.memory_level(1), policy.memory_level(2));
    assert_ne!(policy.memory_level(9), policy.memory_level(8));
}

#[test]
fn debug_shows_how_it_is_compressed_and_not_what() {
    let mut conn = server(Policy::default());
    let mut bytes = hex("c1 87 00000000 f2 48 cd c9 c9 07 00");
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    conn.receive_message(&mut &mut bytes[..], &mut messages, &mut out)
        .unwrap();
    let shown = format!("{conn:?}");
    let inflater = "InflateState(Inflater { is_between_blocks: true, is_held: false, .. })";
    assert!(shown.contains(inflater), "{shown}");
    assert!(!shown.contains("72, 101, 108, 108, 111"), "{shown}");
    let state = CompressState::new(&Policy::default()).unwrap();
    let shown = format!("{state:?}");
    assert!(shown.contains("Compressor { window_bits: "), "{shown}");
    assert!(!shown.contains("room"), "{shown}");
}

#[test]
fn state_for_another_agreement_is_not_taken() {
    let state = |policy: &Policy| CompressState::new(policy).unwrap();
    let mut conn = server(Policy::default());
    conn.supply_compress(state(&Policy::default().level(1)));
    assert!(conn.release_compress().is_none());
    conn.supply_compress(state(&Policy::default().memory_level(1)));
    assert!(conn.release_compress().is_none());
    // With a longer window it would refer farther back than was agreed on; with a shorter one it
    // would waste what was.
    for agreed in 9..=15 {
        let policy = |bits| Policy::default().send_window_bits(WindowBits::new(bits).unwrap());
        let mut conn = server(policy(agreed));
        for bits in 9..=15 {
            conn.supply_compress(state(&policy(bits)));
            let is_taken = conn.release_compress().is_some();
            assert_eq!(is_taken, bits == agreed, "{bits} for {agreed}");
        }
    }
    conn.supply_compress(state(&Policy::default()));
    assert!(conn.release_compress().is_some());
    let mut plain = Connection::new(Server, Negotiated::default(), Config::default());
    plain.supply_compress(state(&Policy::default()));
    assert!(plain.release_compress().is_none());
}

#[test]
fn s5_rsv1_is_not_the_callers_where_permessage_deflate_was_agreed_on() {
    let own = Rsv::RSV1.union(Rsv::RSV2);
    let raw = |rsv| RawMessage {
        kind: MessageKind::Text,
        rsv,
        bytes: b"\xff a payload that the engine would compress, if it were its own",
    };
    // With a window of 8 bits the engine compresses nothing; RSV1 was agreed on all the same.
    for policy in [
        Policy::default(),
        Policy::default().send_window_bits(WindowBits::MIN),
    ] {
        let mut agreed = negotiated(policy);
        agreed.reserved_bits = own;
        let mut conn = Connection::new(Server, agreed, Config::default());
        let mut out = Vec::new();
        for rsv in [Rsv::RSV1, own, Rsv::RSV3] {
            let refused = Err(SendError::ReservedBits(rsv));
            assert_eq!(conn.send_raw(raw(rsv), Fragment::Only, &mut out), refused);
            let header = conn.start_raw_frame(MessageKind::Text, rsv, 1, Fragment::Only);
            assert_eq!(header.map(|_| ()), refused);
        }
        assert_eq!(out, []);
        conn.send_raw(raw(Rsv::RSV2), Fragment::Only, &mut out)
            .unwrap();
        conn.send_raw(raw(Rsv::NONE), Fragment::First, &mut out)
            .unwrap();
        // What begins as it is goes on as it is.
        conn.send_fragment(
            "the rest of a message of the caller's",
            Fragment::Last,
            &mut out,
        )
        .unwrap();
        let frames = frames_on_the_wire(&out, false);
        let firsts: Vec<_> = frames.iter().map(|(first, _)| *first).collect();
        assert_eq!(firsts, [0xa1, 0x01, 0x80]);
        assert_eq!(frames[0].1, raw(Rsv::NONE).bytes);
        assert_eq!(frames[2].1, b"the rest of a message of the caller's");
    }
    // Without permessage-deflate it is, and no broadcast goes out compressed for that.
    let mut agreed = Negotiated::default();
    agreed.reserved_bits = own;
    let mut conn = Connection::new(Server, agreed, Config::default());
    let mut out = Vec::new();
    conn.send_raw(raw(own), Fragment::Only, &mut out).unwrap();
    assert_eq!(out[0], 0xe1);
    let mut state = CompressState::new(&Policy::default()).unwrap();
    let news = prose(3, 500);
    let broadcast = Broadcast::compressed(news.as_str(), &mut state).unwrap();
    assert_eq!(conn.broadcast(&broadcast).unwrap()[0][0], 0x81);
}

#[test]
fn a_raw_frame_is_no_part_of_a_compressed_message() {
    let mut agreed = negotiated(Policy::default());
    agreed.reserved_bits = Rsv::RSV2;
    let mut conn = Connection::new(Server, agreed, Config::default());
    let mut out = Vec::new();
    conn.send_fragment("Hello", Fragment::First, &mut out)
        .unwrap();
    for rsv in [Rsv::NONE, Rsv::RSV2] {
        let raw = RawMessage {
            kind: MessageKind::Text,
            rsv,
            bytes: b"x",
        };
        assert_eq!(
            conn.send_raw(raw, Fragment::Last, &mut out),
            Err(SendError::CompressedMessage)
        );
    }
    conn.send_fragment(", World", Fragment::Last, &mut out)
        .unwrap();
    let seen = received(&mut client(Policy::default()), &out);
    assert_eq!(seen, [(MessageKind::Text, b"Hello, World".to_vec())]);
}

#[test]
fn what_a_compressed_message_costs_is_known() {
    let mut conn = server(Policy::default());
    let mut out = Vec::new();
    let long = prose(1, 400);
    conn.send(long.as_str(), &mut out).unwrap();
    let cost = conn.newest_sent();
    assert_eq!((cost.compressed, cost.len), (true, 400));
    assert_eq!(cost.wire_len, out.len() as u64);
    assert!(cost.wire_len < 400);

    conn.send("short", &mut out).unwrap();
    let cost = conn.newest_sent();
    assert_eq!((cost.compressed, cost.wire_len, cost.len), (false, 7, 5));
    conn.send_uncompressed(long.as_str(), &mut out).unwrap();
    let cost = conn.newest_sent();
    assert_eq!(
        (cost.compressed, cost.wire_len, cost.len),
        (false, 404, 400)
    );

    let before = out.len();
    for (at, piece) in ["one", "", "two and a half"].into_iter().enumerate() {
        let fragment = Fragment::new(at == 0, at == 2);
        conn.send_fragment(piece, fragment, &mut out).unwrap();
    }
    let cost = conn.newest_sent();
    assert_eq!((cost.compressed, cost.len), (true, 17));
    assert_eq!(cost.wire_len, (out.len() - before) as u64);

    let mut state = CompressState::new(&Policy::default()).unwrap();
    let broadcast = Broadcast::compressed(long.as_str(), &mut state).unwrap();
    let slices = conn.broadcast(&broadcast).unwrap().concat();
    let cost = conn.newest_sent();
    assert_eq!((cost.compressed, cost.len), (true, 400));
    assert_eq!(cost.wire_len, slices.len() as u64);
    out.extend(slices);
    let sent = conn.sent();
    assert_eq!((sent.bytes, sent.messages), (out.len() as u64, 5));
    assert_eq!(sent.frames, frames_on_the_wire(&out, false).len() as u64);
}

/// A relay between two compressed connections, whose window has 4 bytes.
#[test]
fn a_relay_with_a_window_of_4_bytes_gathers_what_it_sends() {
    let text = prose(5, 600_000);
    let mut input = Vec::new();
    client(Policy::default())
        .send(text.as_str(), &mut input)
        .unwrap();
    for (policy, buffer_len) in [
        (Some(Policy::default()), 4096),
        (Some(Policy::default().send_context_takeover(false)), 100),
        (None, 4096),
    ] {
        let agreed = policy.map_or_else(Negotiated::default, negotiated);
        let mut near = server(Policy::default());
        let mut far = Connection::new(Server, agreed, Config::default());
        let mut chunks = ChunkBuffer::new(vec![0; buffer_len]);
        let (mut bytes, mut out, mut seen) = (input.clone(), Vec::new(), 0);
        for mut read in bytes.chunks_mut(1) {
            let mut window = [0; 4];
            while let Some(event) = near
                .receive_inflated(&mut read, &mut window, &mut Vec::new())
                .unwrap()
            {
                if let Event::Chunk(chunk) = event {
                    far.send_buffered(&chunk, &mut chunks, &mut out).unwrap();
                    seen += 1;
                }
            }
        }
        let frames = frames_on_the_wire(&out, false).len();
        assert!(seen > 131_072, "{seen}");
        assert!(frames <= text.len().div_ceil(buffer_len) + 1, "{frames}");
        let cost = far.newest_sent();
        assert_eq!((cost.compressed, cost.len), (policy.is_some(), 600_000));
        assert_eq!(cost.wire_len, out.len() as u64);
        let role = Client::new(|| MaskingKey::new([0; 4]));
        let mut peer = Connection::new(role, agreed, Config::default());
        let seen = received(&mut peer, &out);
        assert!(seen == [(MessageKind::Text, text.clone().into_bytes())]);
    }
}

#[test]
fn a_gathered_message_is_compressed_or_not_from_its_first_chunk_on() {
    let mut agreed = negotiated(Policy::default());
    agreed.reserved_bits = Rsv::RSV2;
    let mut conn = Connection::new(Server, agreed, Config::default());
    let (mut out, mut chunks) = (Vec::new(), ChunkBuffer::new([0; 64]));
    let chunk = |fragment: Fragment, payload| Chunk {
        first: fragment.is_first(),
        last: fragment.is_last(),
        payload,
    };
    let plain = |text| Payload::Text {
        carried: None,
        text,
    };
    let raw = Payload::Raw {
        kind: MessageKind::Text,
        rsv: Rsv::RSV2,
        bytes: b"raw",
    };
    let mut send = |fragment, payload, out: &mut Vec<u8>| {
        conn.send_buffered(&chunk(fragment, payload), &mut chunks, out)
    };
    send(Fragment::First, plain("Hello"), &mut out).unwrap();
    assert_eq!(
        send(Fragment::Last, raw, &mut out),
        Err(SendError::CompressedMessage)
    );
    // What finds no room is compressed anew.
    let mut none = SliceOutput::new(&mut []);
    let last = chunk(Fragment::Last, plain(", World"));
    for _ in 0..2 {
        assert!(conn.send_buffered(&last, &mut chunks, &mut none).is_err());
    }
    conn.send_buffered(&last, &mut chunks, &mut out).unwrap();
    let mut send = |fragment, payload, out: &mut Vec<u8>| {
        conn.send_buffered(&chunk(fragment, payload), &mut chunks, out)
    };
    send(Fragment::Only, plain("short"), &mut out).unwrap();
    let frames = frames_on_the_wire(&out, false);
    let firsts: Vec<_> = frames.iter().map(|(first, _)| *first).collect();
    assert_eq!(firsts, [0xc1, 0x81]);
    let seen = received(&mut client(Policy::default()), &out);
    assert_eq!(seen[0].1, b"Hello, World");

    // A raw start makes all of it raw.
    out.clear();
    send(Fragment::First, raw, &mut out).unwrap();
    send(Fragment::Last, plain("and the rest"), &mut out).unwrap();
    assert_eq!(out, b"\x21\x03raw\x80\x0cand the rest");
}

//! Two endpoints joined by queues of bytes, under random operations: whatever is done, messages
//! arrive intact, each end sends at most one Close and nothing after it, and both reach a clean
//! end. With permessage-deflate agreed on or without.

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

use std::collections::VecDeque;
use std::mem;

use proptest::prelude::*;
use websocket_proto::frame::{CloseCode, FrameHeader, MaskingKey, MessageKind, Opcode, Rsv};
use websocket_proto::{
    Assembler, Broadcast, Chunk, ChunkBuffer, Client, Closure, Config, Connection, Fragment,
    Growing, Incoming, Message, Negotiated, Output, OutputFull, Payload, RawMessage, Role,
    SendError, Server, State, Transport,
};
#[cfg(feature = "deflate")]
use websocket_proto::{
    Event,
    deflate::{Agreement, CompressState, Policy, WindowBits},
};

#[derive(Clone, Debug)]
enum Op {
    Send {
        kind: MessageKind,
        len: usize,
    },
    /// What permessage-deflate adds: as it is, to all, in a chunk, and giving back what is held.
    Uncompressed {
        kind: MessageKind,
        len: usize,
    },
    Broadcast {
        kind: MessageKind,
        len: usize,
    },
    Chunk {
        kind: MessageKind,
        len: usize,
        place: Place,
    },
    /// A chunk that is gathered, and what lets it go.
    Buffered {
        kind: MessageKind,
        len: usize,
        place: Place,
    },
    FlushBuffered,
    /// A frame that the engine does not look into.
    Raw {
        kind: MessageKind,
        len: usize,
        place: Place,
    },
    Release,
    Fragment {
        kind: MessageKind,
        len: usize,
        place: Place,
    },
    Stream {
        kind: MessageKind,
        len: usize,
        place: Place,
    },
    Piece {
        len: usize,
    },
    Ping {
        len: usize,
    },
    Pong {
        len: usize,
    },
    Close {
        code: u16,
    },
    Deliver {
        len: usize,
    },
    /// From here on the output takes no more than this until it is emptied.
    Room {
        bytes: usize,
    },
}

/// Where a frame is to stand in its message.
#[derive(Clone, Copy, Debug)]
struct Place {
    last: bool,
    /// Whether it begins a message inside another, or continues none.
    is_astray: bool,
}

fn ops() -> impl Strategy<Value = Vec<(bool, Op)>> {
    let kind = || prop_oneof![Just(MessageKind::Text), Just(MessageKind::Binary)];
    let place = || {
        let is_astray = prop_oneof![7 => Just(false), 1 => Just(true)];
        (any::<bool>(), is_astray).prop_map(|(last, is_astray)| Place { last, is_astray })
    };
    let len = || prop_oneof![4 => 0..10_usize, 2 => 120..130_usize, 1 => 0xfff0..0x1_0010_usize];
    let op = prop_oneof![
        4 => (kind(), len()).prop_map(|(kind, len)| Op::Send { kind, len }),
        4 => (kind(), len(), place()).prop_map(|(kind, len, place)| Op::Fragment { kind, len, place }),
        2 => (kind(), len(), place()).prop_map(|(kind, len, place)| Op::Stream { kind, len, place }),
        1 => (kind(), len()).prop_map(|(kind, len)| Op::Uncompressed { kind, len }),
        2 => (kind(), len()).prop_map(|(kind, len)| Op::Broadcast { kind, len }),
        2 => (kind(), len(), place()).prop_map(|(kind, len, place)| Op::Chunk { kind, len, place }),
        4 => (kind(), len(), place()).prop_map(|(kind, len, place)| Op::Buffered { kind, len, place }),
        1 => Just(Op::FlushBuffered),
        1 => (kind(), len(), place()).prop_map(|(kind, len, place)| Op::Raw { kind, len, place }),
        1 => Just(Op::Release),
        4 => (0..200_usize).prop_map(|len| Op::Piece { len }),
        3 => (0..=125_usize).prop_map(|len| Op::Ping { len }),
        1 => (0..=125_usize).prop_map(|len| Op::Pong { len }),
        1 => (3000..5000_u16).prop_map(|code| Op::Close { code }),
        8 => (0..400_usize).prop_map(|len| Op::Deliver { len }),
        1 => prop_oneof![Just(0), 0..20_usize, Just(usize::MAX)].prop_map(|bytes| Op::Room { bytes }),
    ];
    prop::collection::vec((any::<bool>(), op), 0..80)
}

/// What each end has agreed on: the server's, the client's.
#[cfg(not(feature = "deflate"))]
fn agreements() -> impl Strategy<Value = [Negotiated<'static>; 2]> {
    Just([Negotiated::default(); 2])
}

#[cfg(feature = "deflate")]
fn agreements() -> impl Strategy<Value = [Negotiated<'static>; 2]> {
    let direction = || (8..=15_u8, any::<bool>());
    let local = || (0..=9_u8, 1..=9_u8, prop_oneof![Just(0), 0..200_u32]);
    let agreed = (direction(), direction(), local(), local());
    let agreed = agreed.prop_map(|(from_server, from_client, of_server, of_client)| {
        let ends = [
            (from_server, from_client, of_server),
            (from_client, from_server, of_client),
        ];
        ends.map(|(send, receive, (level, memory_level, threshold))| {
            let mut negotiated = Negotiated::default();
            negotiated.deflate = Some(Agreement::new(
                &Policy::default()
                    .send_window_bits(WindowBits::new(send.0).unwrap())
                    .send_context_takeover(send.1)
                    .receive_window_bits(WindowBits::new(receive.0).unwrap())
                    .receive_context_takeover(receive.1)
                    .level(level)
                    .memory_level(memory_level)
                    .threshold(threshold),
            ));
            negotiated
        })
    });
    prop_oneof![1 => Just([Negotiated::default(); 2]), 3 => agreed]
}

/// Bytes that are text when cut between characters, and differ from call to call.
fn payload(kind: MessageKind, len: usize, salt: usize) -> Vec<u8> {
    let chars = ['a', '\u{e9}', '\u{20ac}', '\u{1f600}', 'z'];
    match kind {
        MessageKind::Binary => (salt..salt + len)
            .map(|byte| byte.to_le_bytes()[0])
            .collect(),
        MessageKind::Text => {
            let text: String = (salt..).map(|at| chars[at % 5]).take(len).collect();
            text.into_bytes()
        }
    }
}

fn message(kind: MessageKind, bytes: &[u8]) -> Message<'_> {
    match kind {
        MessageKind::Text => Message::Text(std::str::from_utf8(bytes).unwrap()),
        MessageKind::Binary => Message::Binary(bytes),
    }
}

/// An output with so much room and no more.
struct Wire {
    bytes: Vec<u8>,
    room: usize,
}

impl Output for Wire {
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        if len <= self.room.saturating_sub(self.bytes.len()) {
            Ok(())
        } else {
            Err(OutputFull)
        }
    }

    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        Output::put(&mut self.bytes, bytes)
    }
}

/// One end, what it has sent, and what it has seen.
struct End<R> {
    conn: Connection<R>,
    messages: Assembler<Growing>,
    wire: Wire,
    /// Everything that ever left.
    left: Vec<u8>,
    sent: Vec<(MessageKind, Vec<u8>)>,
    /// The fragments so far of the message that is open.
    open: Option<(MessageKind, Vec<u8>)>,
    /// What of it waits in a buffer.
    held: ChunkBuffer<[u8; 24]>,
    /// What the open streamed frame lacks.
    stream: VecDeque<u8>,
    seen: Vec<(MessageKind, Vec<u8>)>,
    pings_sent: Vec<Vec<u8>>,
    pongs_sent: Vec<Vec<u8>>,
    pongs_seen: Vec<Vec<u8>>,
    closes_seen: usize,
    salt: usize,
    /// The chunks so far of the message that comes in, for an end that takes chunks.
    #[cfg(feature = "deflate")]
    chunks: Option<(MessageKind, Vec<u8>)>,
    takes_chunks: bool,
}

impl<R: Role> End<R> {
    fn new(role: R, negotiated: Negotiated<'_>, takes_chunks: bool) -> Self {
        Self {
            conn: Connection::new(role, negotiated, Config::default()),
            messages: Assembler::default(),
            wire: Wire {
                bytes: Vec::new(),
                room: usize::MAX,
            },
            left: Vec::new(),
            sent: Vec::new(),
            open: None,
            held: ChunkBuffer::new([0; 24]),
            stream: VecDeque::new(),
            seen: Vec::new(),
            pings_sent: Vec::new(),
            pongs_sent: Vec::new(),
            pongs_seen: Vec::new(),
            closes_seen: 0,
            salt: 0,
            #[cfg(feature = "deflate")]
            chunks: None,
            takes_chunks,
        }
    }

    #[allow(clippy::too_many_lines, reason = "an arm for each operation")]
    fn apply(&mut self, op: &Op) {
        self.salt += 1;
        let was_open = self.conn.state() == State::Open;
        let before = self.wire.bytes.len();
        let messages = self.sent.len();
        let result = match *op {
            Op::Uncompressed { kind, len } => self.send_uncompressed(kind, len),
            // A client has nobody to broadcast to.
            Op::Broadcast { kind, len } => return self.apply(&Op::Send { kind, len }),
            Op::Chunk { kind, len, place } => {
                self.send_chunk(kind, len, self.fragment_at(place), false)
            }
            Op::Buffered { kind, len, place } => {
                self.send_chunk(kind, len, self.fragment_at(place), true)
            }
            Op::FlushBuffered => self.conn.flush_buffered(&mut self.held, &mut self.wire),
            Op::Raw { kind, len, place } => {
                let bytes = payload(kind, len, self.salt);
                let fragment = self.fragment_at(place);
                let raw = RawMessage {
                    kind,
                    rsv: Rsv::NONE,
                    bytes: &bytes,
                };
                let result = self.conn.send_raw(raw, fragment, &mut self.wire);
                if result.is_ok() {
                    self.fragment(kind, &bytes, fragment);
                }
                result
            }
            Op::Release => {
                self.release();
                Ok(())
            }
            Op::Send { kind, len } => {
                let bytes = payload(kind, len, self.salt);
                let result = self.conn.send(message(kind, &bytes), &mut self.wire);
                if result.is_ok() {
                    self.sent.push((kind, bytes));
                }
                result
            }
            Op::Fragment { kind, len, place } => {
                let bytes = payload(kind, len, self.salt);
                let fragment = self.fragment_at(place);
                let result =
                    self.conn
                        .send_fragment(message(kind, &bytes), fragment, &mut self.wire);
                if result.is_ok() {
                    self.fragment(kind, &bytes, fragment);
                }
                result
            }
            Op::Stream { kind, len, place } => {
                let bytes = payload(kind, len, self.salt);
                let fragment = self.fragment_at(place);
                self.conn
                    .start_frame(kind, bytes.len() as u64, fragment)
                    .map(|header| {
                        self.wire.bytes.extend_from_slice(&header);
                        self.fragment(kind, &bytes, fragment);
                        self.stream = bytes.into();
                    })
            }
            Op::Piece { len } => {
                self.piece(len);
                Ok(())
            }
            Op::Ping { len } => {
                let bytes = payload(MessageKind::Binary, len, self.salt);
                let result = self.conn.ping(&bytes, &mut self.wire);
                if result.is_ok() {
                    self.pings_sent.push(bytes);
                }
                result
            }
            Op::Pong { len } => {
                let bytes = payload(MessageKind::Binary, len, self.salt);
                let result = self.conn.pong(&bytes, &mut self.wire);
                if result.is_ok() {
                    self.pongs_sent.push(bytes);
                }
                result
            }
            Op::Close { code } => self
                .conn
                .close(CloseCode::new(code), "done", &mut self.wire),
            Op::Room { bytes } => {
                self.wire.room = bytes;
                Ok(())
            }
            Op::Deliver { .. } => unreachable!("the pair does that"),
        };
        let (count, bytes) = (self.conn.sent(), self.left.len() + self.wire.bytes.len());
        assert_eq!(count.bytes, bytes as u64, "{op:?}");
        if self.stream.is_empty() && self.sent.len() > messages {
            let len = self.sent.last().map_or(0, |(_, bytes)| bytes.len());
            assert_eq!(self.conn.newest_sent().len, len as u64, "{op:?}");
            assert_eq!(count.messages, self.sent.len() as u64);
        }
        match result {
            Ok(()) => {}
            Err(SendError::Closing) => assert!(
                !was_open && self.wire.bytes.len() == before,
                "nothing after the Close"
            ),
            Err(SendError::FrameOpen { remaining }) => {
                assert_eq!(self.stream.len() as u64, remaining);
            }
            Err(SendError::MessageOpen | SendError::WrongKind) => assert!(self.open.is_some()),
            Err(SendError::NoMessageOpen) => assert!(self.open.is_none()),
            #[cfg(feature = "deflate")]
            Err(SendError::CompressedMessage) => {
                assert!(self.open.is_some() && matches!(op, Op::Stream { .. } | Op::Raw { .. }));
            }
            Err(SendError::ChunksHeld) => assert!(!self.held.is_idle()),
            Err(SendError::OutputFull { .. }) => assert_ne!(self.wire.room, usize::MAX),
            Err(error) => panic!("{error}"),
        }
    }

    #[cfg(feature = "deflate")]
    fn send_uncompressed(&mut self, kind: MessageKind, len: usize) -> Result<(), SendError> {
        let bytes = payload(kind, len, self.salt);
        self.conn
            .send_uncompressed(message(kind, &bytes), &mut self.wire)?;
        self.sent.push((kind, bytes));
        Ok(())
    }

    #[cfg(not(feature = "deflate"))]
    fn send_uncompressed(&mut self, kind: MessageKind, len: usize) -> Result<(), SendError> {
        let bytes = payload(kind, len, self.salt);
        self.conn.send(message(kind, &bytes), &mut self.wire)?;
        self.sent.push((kind, bytes));
        Ok(())
    }

    fn fragment_at(&self, place: Place) -> Fragment {
        Fragment::new(self.open.is_none() != place.is_astray, place.last)
    }

    fn send_chunk(
        &mut self,
        kind: MessageKind,
        len: usize,
        fragment: Fragment,
        gathers: bool,
    ) -> Result<(), SendError> {
        let bytes = payload(kind, len, self.salt);
        let payload = match message(kind, &bytes) {
            Message::Text(text) => {
                let mut rest = text.chars();
                let carried = rest.next();
                let text = rest.as_str();
                Payload::Text { carried, text }
            }
            Message::Binary(bytes) => Payload::Binary(bytes),
        };
        let chunk = Chunk {
            first: fragment.is_first(),
            last: fragment.is_last(),
            payload,
        };
        if gathers {
            self.conn
                .send_buffered(&chunk, &mut self.held, &mut self.wire)?;
        } else {
            self.conn.send_chunk(&chunk, &mut self.wire)?;
        }
        self.fragment(kind, &bytes, fragment);
        Ok(())
    }

    /// Notes a frame that was sent.
    fn fragment(&mut self, kind: MessageKind, bytes: &[u8], fragment: Fragment) {
        assert_eq!(
            self.open.is_none(),
            fragment.is_first(),
            "a message begins where it is said to, and ends as well"
        );
        let (_, open) = self.open.get_or_insert_with(|| (kind, Vec::new()));
        open.extend_from_slice(bytes);
        if fragment.is_last() {
            self.sent.extend(self.open.take());
        }
    }

    /// Gives back what is held, and every other time takes it again.
    #[cfg(feature = "deflate")]
    fn release(&mut self) {
        let (inflate, compress) = (self.conn.release_inflate(), self.conn.release_compress());
        if self.salt.is_multiple_of(2) {
            if let Some(state) = inflate {
                self.conn.supply_inflate(state);
            }
            if let Some(state) = compress {
                self.conn.supply_compress(state);
            }
        }
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(
        clippy::unused_self,
        reason = "there is something to release with the feature only"
    )]
    fn release(&self) {}

    /// Sends the next bytes of the open streamed frame.
    fn piece(&mut self, len: usize) {
        let mut bytes: Vec<u8> = self.stream.drain(..len.min(self.stream.len())).collect();
        // Two ways to the same bytes.
        if len.is_multiple_of(2) {
            self.conn.mask_payload(&mut bytes).unwrap();
        } else {
            let piece = mem::take(&mut bytes);
            self.conn.put_payload(&piece, &mut bytes).unwrap();
        }
        self.wire.bytes.extend(bytes);
    }

    /// Hands on the first bytes of what waits to be delivered.
    fn take(&mut self, len: usize) -> Vec<u8> {
        // A frame of which not all is here yet is all right: the transport is a stream.
        let bytes: Vec<u8> = self
            .wire
            .bytes
            .drain(..len.min(self.wire.bytes.len()))
            .collect();
        self.left.extend_from_slice(&bytes);
        bytes
    }

    /// Takes chunks, inflated into a window.
    #[cfg(feature = "deflate")]
    fn receive_chunks(&mut self, bytes: &mut [u8]) {
        let (mut input, mut window) = (bytes, [0; 300]);
        while let Some(event) = self
            .conn
            .receive_inflated(&mut input, &mut window, &mut self.wire)
            .expect("an honest peer")
        {
            match event {
                Event::Chunk(chunk) => {
                    let kind = chunk.payload.kind();
                    assert_eq!(chunk.first, self.chunks.is_none());
                    let (same, message) = self.chunks.get_or_insert_with(|| (kind, Vec::new()));
                    assert_eq!(*same, kind);
                    match chunk.payload {
                        Payload::Binary(bytes) | Payload::Raw { bytes, .. } => {
                            message.extend_from_slice(bytes);
                        }
                        Payload::Text { carried, text } => {
                            message.extend(carried.map(String::from).unwrap_or_default().bytes());
                            message.extend_from_slice(text.as_bytes());
                        }
                    }
                    if chunk.last {
                        self.seen.extend(self.chunks.take());
                    }
                }
                Event::Pong(payload) => self.pongs_seen.push(payload.to_vec()),
                Event::Close(_) => self.closes_seen += 1,
                _ => {}
            }
        }
    }

    #[cfg(not(feature = "deflate"))]
    fn receive_chunks(&mut self, bytes: &mut [u8]) {
        self.receive_messages(bytes);
    }

    fn receive(&mut self, mut bytes: Vec<u8>) {
        if self.takes_chunks {
            self.receive_chunks(&mut bytes);
        } else {
            self.receive_messages(&mut bytes);
        }
    }

    fn receive_messages(&mut self, bytes: &mut [u8]) {
        let mut input = bytes;
        loop {
            match self
                .conn
                .receive_message(&mut input, &mut self.messages, &mut self.wire)
            {
                Ok(Some(Incoming::Message(message))) => {
                    self.seen
                        .push((message.kind(), message.as_bytes().to_vec()));
                }
                Ok(Some(Incoming::Pong(payload))) => self.pongs_seen.push(payload.to_vec()),
                Ok(Some(Incoming::Close(_))) => self.closes_seen += 1,
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(error) => panic!("an honest peer: {error}"),
            }
        }
    }
}

impl End<Server> {
    /// Sends a message that goes to others, too: compressed with this window, if that is any.
    #[cfg_attr(
        not(feature = "deflate"),
        expect(unused_variables, reason = "for the feature")
    )]
    fn broadcast(&mut self, kind: MessageKind, len: usize, bits: u8) {
        self.salt += 1;
        let bytes = payload(kind, len, self.salt);
        let message = message(kind, &bytes);
        let broadcast = Broadcast::new(message);
        #[cfg(feature = "deflate")]
        let broadcast = WindowBits::new(bits)
            .and_then(|bits| CompressState::new(&Policy::default().send_window_bits(bits)))
            .map_or(broadcast, |mut state| {
                Broadcast::compressed(message, &mut state).unwrap()
            });
        match self.conn.broadcast(&broadcast) {
            Ok(slices) => {
                self.wire.bytes.extend(slices.concat());
                self.sent.push((kind, bytes));
            }
            Err(SendError::Closing) => assert_ne!(self.conn.state(), State::Open),
            Err(SendError::FrameOpen { .. }) => assert!(!self.stream.is_empty()),
            Err(SendError::MessageOpen) => assert!(self.open.is_some()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The frames in what left an end, unmasked and checked as far as the model needs it.
fn frames(mut bytes: &[u8]) -> Vec<Opcode> {
    let mut opcodes = Vec::new();
    while let Some((header, len)) = FrameHeader::decode(bytes).unwrap() {
        opcodes.push(header.opcode);
        bytes = &bytes[len + usize::try_from(header.payload_len).unwrap()..];
    }
    assert!(bytes.is_empty(), "whole frames leave");
    opcodes
}

fn check<A: Role, B: Role>(end: &End<A>, peer: &End<B>) {
    assert_eq!(
        end.sent, peer.seen,
        "every message that was finished arrives, intact and in order"
    );
    let opcodes = frames(&end.left);
    let sent = end.conn.sent();
    assert_eq!(
        (sent.bytes, sent.frames, sent.messages),
        (
            end.left.len() as u64,
            opcodes.len() as u64,
            end.sent.len() as u64
        ),
        "what is counted is what left"
    );
    let closes = opcodes
        .iter()
        .filter(|opcode| **opcode == Opcode::Close)
        .count();
    assert_eq!(
        (closes, opcodes.last()),
        (1, Some(&Opcode::Close)),
        "one Close, the last frame"
    );
    assert_eq!(peer.closes_seen, 1);
    // A Pong answers a Ping or was sent unasked; they keep their order, and some Pings may share
    // the answer to the newest.
    let mut owed = peer
        .pings_sent
        .iter()
        .chain(&end.pongs_sent)
        .cloned()
        .collect::<Vec<_>>();
    for pong in &peer.pongs_seen {
        let at = owed.iter().position(|payload| payload == pong);
        owed.remove(at.expect("a Pong that nobody is owed"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_arrive_and_both_ends_close_cleanly(
        ops in ops(),
        [of_server, of_client] in agreements(),
        [server_takes_chunks, client_takes_chunks] in any::<[bool; 2]>(),
        bits in 8..=16_u8,
    ) {
        let mut key = 0_u32;
        let keys = move || { key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); MaskingKey::new(key.to_be_bytes()) };
        let mut server = End::new(Server, of_server, server_takes_chunks);
        let mut client = End::new(Client::new(keys), of_client, client_takes_chunks);
        for (to_server, op) in &ops {
            match (op, to_server) {
                (Op::Deliver { len }, true) => server.receive(client.take(*len)),
                (Op::Deliver { len }, false) => client.receive(server.take(*len)),
                (Op::Broadcast { kind, len }, true) => server.broadcast(*kind, *len, bits),
                (op, true) => server.apply(op),
                (op, false) => client.apply(op),
            }
        }

        // Let everything settle: outputs have room, streamed frames are finished, and somebody
        // closes.
        server.wire.room = usize::MAX;
        client.wire.room = usize::MAX;
        server.piece(usize::MAX);
        client.piece(usize::MAX);
        if server.conn.state() == State::Open {
            server.conn.close(CloseCode::NORMAL, "", &mut server.wire).unwrap();
        }
        for _ in 0..3 {
            server.conn.flush(&mut server.wire).unwrap();
            client.receive(server.take(usize::MAX));
            client.conn.flush(&mut client.wire).unwrap();
            server.receive(client.take(usize::MAX));
        }

        prop_assert_eq!(server.conn.transport(), Transport::CloseNow);
        prop_assert_eq!(client.conn.transport(), Transport::AwaitPeerClose);
        prop_assert!(matches!(client.conn.receive_eof(), Closure::Clean(_)));
        prop_assert!(matches!(server.conn.receive_eof(), Closure::Clean(_)));
        prop_assert_eq!((server.conn.state(), client.conn.state()), (State::Closed, State::Closed));
        check(&server, &client);
        check(&client, &server);
    }
}

//! Two endpoints joined by queues of bytes, under random operations: whatever is done, messages
//! arrive intact, each end sends at most one Close and nothing after it, and both reach a clean
//! end.

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

use proptest::prelude::*;
use websocket_proto::frame::{CloseCode, FrameHeader, MaskingKey, MessageKind, Opcode};
use websocket_proto::{
    Assembler, Client, Closure, Config, Connection, Growing, Incoming, Message, Negotiated, Output,
    OutputFull, Role, SendError, Server, State, Transport,
};

#[derive(Clone, Debug)]
enum Op {
    Send {
        kind: MessageKind,
        len: usize,
    },
    Fragment {
        kind: MessageKind,
        len: usize,
        fin: bool,
    },
    Stream {
        kind: MessageKind,
        len: usize,
        fin: bool,
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

fn ops() -> impl Strategy<Value = Vec<(bool, Op)>> {
    let kind = || prop_oneof![Just(MessageKind::Text), Just(MessageKind::Binary)];
    let len = || prop_oneof![4 => 0..10_usize, 2 => 120..130_usize, 1 => 0xfff0..0x1_0010_usize];
    let op = prop_oneof![
        4 => (kind(), len()).prop_map(|(kind, len)| Op::Send { kind, len }),
        4 => (kind(), len(), any::<bool>()).prop_map(|(kind, len, fin)| Op::Fragment { kind, len, fin }),
        2 => (kind(), len(), any::<bool>()).prop_map(|(kind, len, fin)| Op::Stream { kind, len, fin }),
        4 => (0..200_usize).prop_map(|len| Op::Piece { len }),
        3 => (0..=125_usize).prop_map(|len| Op::Ping { len }),
        1 => (0..=125_usize).prop_map(|len| Op::Pong { len }),
        1 => (3000..5000_u16).prop_map(|code| Op::Close { code }),
        8 => (0..400_usize).prop_map(|len| Op::Deliver { len }),
        1 => prop_oneof![Just(0), 0..20_usize, Just(usize::MAX)].prop_map(|bytes| Op::Room { bytes }),
    ];
    prop::collection::vec((any::<bool>(), op), 0..80)
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
    /// What the open streamed frame lacks.
    stream: VecDeque<u8>,
    seen: Vec<(MessageKind, Vec<u8>)>,
    pings_sent: Vec<Vec<u8>>,
    pongs_sent: Vec<Vec<u8>>,
    pongs_seen: Vec<Vec<u8>>,
    closes_seen: usize,
    salt: usize,
}

impl<R: Role> End<R> {
    fn new(role: R) -> Self {
        Self {
            conn: Connection::new(role, Negotiated::default(), Config::default()),
            messages: Assembler::default(),
            wire: Wire {
                bytes: Vec::new(),
                room: usize::MAX,
            },
            left: Vec::new(),
            sent: Vec::new(),
            open: None,
            stream: VecDeque::new(),
            seen: Vec::new(),
            pings_sent: Vec::new(),
            pongs_sent: Vec::new(),
            pongs_seen: Vec::new(),
            closes_seen: 0,
            salt: 0,
        }
    }

    fn apply(&mut self, op: &Op) {
        self.salt += 1;
        let was_open = self.conn.state() == State::Open;
        let before = self.wire.bytes.len();
        let result = match *op {
            Op::Send { kind, len } => {
                let bytes = payload(kind, len, self.salt);
                let result = self.conn.send(message(kind, &bytes), &mut self.wire);
                if result.is_ok() {
                    self.sent.push((kind, bytes));
                }
                result
            }
            Op::Fragment { kind, len, fin } => {
                let bytes = payload(kind, len, self.salt);
                let result = self
                    .conn
                    .send_fragment(message(kind, &bytes), fin, &mut self.wire);
                if result.is_ok() {
                    self.fragment(kind, &bytes, fin);
                }
                result
            }
            Op::Stream { kind, len, fin } => {
                let bytes = payload(kind, len, self.salt);
                self.conn
                    .start_frame(kind, bytes.len() as u64, fin)
                    .map(|header| {
                        self.wire.bytes.extend_from_slice(&header);
                        self.fragment(kind, &bytes, fin);
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
            Err(SendError::OutputFull { .. }) => assert_ne!(self.wire.room, usize::MAX),
            Err(error) => panic!("{error}"),
        }
    }

    fn fragment(&mut self, kind: MessageKind, bytes: &[u8], fin: bool) {
        let (_, open) = self.open.get_or_insert_with(|| (kind, Vec::new()));
        open.extend_from_slice(bytes);
        if fin {
            self.sent.extend(self.open.take());
        }
    }

    /// Sends the next bytes of the open streamed frame.
    fn piece(&mut self, len: usize) {
        let mut bytes: Vec<u8> = self.stream.drain(..len.min(self.stream.len())).collect();
        self.conn.mask_payload(&mut bytes).unwrap();
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

    fn receive(&mut self, mut bytes: Vec<u8>) {
        let mut input = &mut bytes[..];
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
    fn messages_arrive_and_both_ends_close_cleanly(ops in ops()) {
        let mut key = 0_u32;
        let keys = move || { key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); MaskingKey::new(key.to_be_bytes()) };
        let mut server = End::new(Server);
        let mut client = End::new(Client::new(keys));
        for (to_server, op) in &ops {
            match (op, to_server) {
                (Op::Deliver { len }, true) => server.receive(client.take(*len)),
                (Op::Deliver { len }, false) => client.receive(server.take(*len)),
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

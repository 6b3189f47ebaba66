//! Two endpoints joined by pipes, under any sequence of calls, with faults in the pipes.
//!
//! The input: what was agreed on (2 bytes), how each end receives (1 byte), then operations: which
//! one and whose (1 byte each), and what it asks for beside that.

use websocket_proto::deflate::{Agreement, CompressState, Policy, WindowBits};
use websocket_proto::frame::{CloseCode, MessageKind, Rsv};
use websocket_proto::{
    Assembler, Broadcast, Chunk, ChunkBuffer, Client, Closure, Config, Connection, Event, Fragment,
    Growing, Message, Negotiated, Output, OutputFull, Payload, RawMessage, Role, SendError, Server,
    State, Transport,
};

use crate::bytes::Bytes;
use crate::outcome::{Seen, chunk_onto, incoming_seen};
use crate::receiving::keys;
use crate::wire;

/// The most that a message may have; what an end may hold hangs on it.
const MAX_MESSAGE: usize = 1 << 18;
/// When so many bytes were sent, only short messages follow, that no run takes long.
const MAX_SENT: usize = 1 << 12;

/// Makes the calls, and checks after each what holds at all times.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let [of_server, of_client] = agreements(choices.number());
    let chunks = choices.byte();
    let mut server = End::new(Server, of_server, chunks & 1 != 0, false);
    let mut client = End::new(Client::new(keys()), of_client, chunks & 2 != 0, true);
    while !choices.is_empty() {
        let (op, whose) = (choices.byte() % 23, choices.byte() & 1);
        match (op, whose) {
            (0..=2, 0) => deliver(&mut client, &mut server, choices.number()),
            (0..=2, _) => deliver(&mut server, &mut client, choices.number()),
            (3, 0) => server.broadcast(&mut choices),
            (_, 0) => server.apply(op, &mut choices),
            _ => client.apply(op, &mut choices),
        }
    }
    settle(server, client);
}

/// What each end has agreed on: the server's, the client's.
fn agreements(choice: u16) -> [Negotiated<'static>; 2] {
    let mut negotiated = [Negotiated::default(); 2];
    if choice & 1 == 0 {
        return negotiated;
    }
    let direction = |at: u16| {
        let bits = WindowBits::new(8 + (choice >> at & 7) as u8).expect("8 to 15");
        (bits, choice >> (at + 3) & 1 == 0)
    };
    let ends = [(direction(1), direction(5)), (direction(5), direction(1))];
    for (negotiated, (send, receive)) in negotiated.iter_mut().zip(ends) {
        let policy = Policy::default()
            .send_window_bits(send.0)
            .send_context_takeover(send.1)
            .receive_window_bits(receive.0)
            .receive_context_takeover(receive.1)
            .level((choice >> 9 & 7) as u8)
            .memory_level(1)
            .threshold(u32::from(choice >> 12) * 8);
        negotiated.deflate = Some(Agreement::new(&policy));
    }
    negotiated
}

/// Bytes that are text when cut between characters, and differ from call to call.
fn payload(kind: MessageKind, len: usize, salt: usize) -> Vec<u8> {
    let chars = ['a', '\u{e9}', '\u{20ac}', '\u{1f600}', 'z'];
    match kind {
        MessageKind::Binary => (salt..salt + len).map(|byte| byte as u8).collect(),
        MessageKind::Text => {
            let text: String = (salt..).map(|at| chars[at % 5]).take(len).collect();
            text.into_bytes()
        }
    }
}

fn message(kind: MessageKind, bytes: &[u8]) -> Message<'_> {
    match kind {
        MessageKind::Text => Message::Text(core::str::from_utf8(bytes).expect("text")),
        MessageKind::Binary => Message::Binary(bytes),
    }
}

fn seen(kind: MessageKind, bytes: Vec<u8>) -> Seen {
    match kind {
        MessageKind::Text => Seen::Text(String::from_utf8(bytes).expect("text")),
        MessageKind::Binary => Seen::Binary(bytes),
    }
}

/// A chunk of text begins with a character that was carried.
fn chunk(kind: MessageKind, bytes: &[u8], fragment: Fragment) -> Chunk<'_> {
    let payload = match message(kind, bytes) {
        Message::Text(text) => {
            let mut rest = text.chars();
            let carried = rest.next();
            Payload::Text {
                carried,
                text: rest.as_str(),
            }
        }
        Message::Binary(bytes) => Payload::Binary(bytes),
    };
    Chunk {
        first: fragment.is_first(),
        last: fragment.is_last(),
        payload,
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
    masks: bool,
    assembler: Assembler<Growing>,
    /// The chunks of a message so far, for an end that takes chunks.
    chunks: Option<Seen>,
    takes_chunks: bool,
    wire: Wire,
    /// Everything that ever left, before any fault.
    left: Vec<u8>,
    /// What is on its way, faults included, and whether there were any.
    pipe: Vec<u8>,
    is_faulty: bool,
    /// Whether `fail` or `receive_eof` has ended it.
    is_ended: bool,
    sent: Vec<Seen>,
    sent_len: usize,
    pings: Vec<Vec<u8>>,
    pongs: Vec<Vec<u8>>,
    open: Option<(MessageKind, Vec<u8>)>,
    /// What of it waits in a buffer.
    held: ChunkBuffer<[u8; 300]>,
    /// What the open streamed frame lacks.
    stream: Vec<u8>,
    seen: Vec<Seen>,
    failed: bool,
    salt: usize,
}

impl<R: Role> End<R> {
    fn new(role: R, negotiated: Negotiated<'_>, takes_chunks: bool, masks: bool) -> Self {
        let config = Config::default().max_message_len(MAX_MESSAGE as u64);
        Self {
            conn: Connection::new(role, negotiated, config),
            masks,
            assembler: Assembler::default(),
            chunks: None,
            takes_chunks,
            wire: Wire {
                bytes: Vec::new(),
                room: usize::MAX,
            },
            left: Vec::new(),
            pipe: Vec::new(),
            is_faulty: false,
            is_ended: false,
            sent: Vec::new(),
            sent_len: 0,
            pings: Vec::new(),
            pongs: Vec::new(),
            open: None,
            held: ChunkBuffer::new([0; 300]),
            stream: Vec::new(),
            seen: Vec::new(),
            failed: false,
            salt: 0,
        }
    }

    /// Something to send: mostly short, of every length that is framed differently.
    fn data(&mut self, choices: &mut Bytes<'_>) -> (MessageKind, Vec<u8>) {
        let choice = choices.byte();
        let kind = if choice & 1 == 0 {
            MessageKind::Text
        } else {
            MessageKind::Binary
        };
        let len = match choice >> 1 & 7 {
            0 => 0,
            1 => 125,
            2 => 126,
            // Rarely, since they take long.
            3 if choice >= 0xe0 && self.sent_len < MAX_SENT => 0xffff,
            4 if choice >= 0xe0 && self.sent_len < MAX_SENT => 0x1_0000,
            5 => 1000,
            _ => usize::from(choices.byte()),
        };
        // Characters have up to 4 bytes.
        let len = if kind == MessageKind::Text && len > 1000 {
            len / 4
        } else {
            len
        };
        self.salt += 1;
        let bytes = payload(kind, len, self.salt);
        self.sent_len += bytes.len();
        (kind, bytes)
    }

    fn apply(&mut self, op: u8, choices: &mut Bytes<'_>) {
        self.salt += 1;
        let was_open = self.conn.state() == State::Open;
        let before = self.wire.bytes.len();
        let is_stream = op == 8;
        let result = match op {
            3 | 4 => {
                let (kind, bytes) = self.data(choices);
                let result = self.conn.send(message(kind, &bytes), &mut self.wire);
                if result.is_ok() {
                    self.sent.push(seen(kind, bytes));
                }
                result
            }
            5 => {
                let (kind, bytes) = self.data(choices);
                let result = self
                    .conn
                    .send_uncompressed(message(kind, &bytes), &mut self.wire);
                if result.is_ok() {
                    self.sent.push(seen(kind, bytes));
                }
                result
            }
            6 | 7 => {
                let choice = choices.byte();
                let fragment = self.place(choice & 1 != 0, choice >> 4);
                let (mut kind, mut bytes) = self.data(choices);
                // Mostly of the kind that is open.
                if let Some((open, _)) = self.open
                    && open != kind
                    && choice & 0xe != 0
                {
                    kind = open;
                    bytes = payload(kind, bytes.len().min(100), self.salt);
                }
                let result = if op == 6 {
                    self.conn
                        .send_fragment(message(kind, &bytes), fragment, &mut self.wire)
                } else {
                    self.send_chunk(kind, &bytes, fragment)
                };
                if result.is_ok() {
                    self.fragment(kind, &bytes, fragment);
                }
                result
            }
            8 => {
                let choice = choices.byte();
                let fragment = self.place(choice & 1 != 0, choice >> 4);
                let (kind, bytes) = self.data(choices);
                let header = self.conn.start_frame(kind, bytes.len() as u64, fragment);
                header.map(|header| {
                    self.wire.bytes.extend_from_slice(&header);
                    self.fragment(kind, &bytes, fragment);
                    self.stream = bytes;
                })
            }
            9 | 10 => {
                self.piece(choices.number().into());
                Ok(())
            }
            11 => {
                let bytes = payload(
                    MessageKind::Binary,
                    usize::from(choices.byte() % 130),
                    self.salt,
                );
                let result = self.conn.ping(&bytes, &mut self.wire);
                if bytes.len() > 125 {
                    assert!(result.is_err(), "a control frame is short");
                }
                if result.is_ok() {
                    self.pings.push(bytes);
                }
                result
            }
            12 => {
                let bytes = payload(
                    MessageKind::Binary,
                    usize::from(choices.byte() % 130),
                    self.salt,
                );
                let result = self.conn.pong(&bytes, &mut self.wire);
                if result.is_ok() {
                    self.pongs.push(bytes);
                }
                result
            }
            13 => {
                let code = CloseCode::new(choices.number() % 5001);
                let result = self.conn.close(code, "done", &mut self.wire);
                if result.is_ok() {
                    assert!(code.is_sendable());
                    assert!(was_open, "a Close goes out once");
                }
                result
            }
            14 => {
                self.wire.room = choices.pick(&[usize::MAX, 0, 3, 20, 140, 1000]);
                Ok(())
            }
            15 => self.conn.flush(&mut self.wire),
            16 => {
                let (inflate, compress) =
                    (self.conn.release_inflate(), self.conn.release_compress());
                if choices.byte() & 1 == 0 {
                    inflate
                        .into_iter()
                        .for_each(|state| self.conn.supply_inflate(state));
                    compress
                        .into_iter()
                        .for_each(|state| self.conn.supply_compress(state));
                }
                Ok(())
            }
            17 => {
                self.fault(choices);
                Ok(())
            }
            20 => {
                let choice = choices.byte();
                let fragment = self.place(choice & 1 != 0, choice >> 4);
                let (kind, bytes) = self.data(choices);
                let result = self.gather_chunk(kind, &bytes, fragment);
                if result.is_ok() {
                    self.fragment(kind, &bytes, fragment);
                }
                result
            }
            21 => self.conn.flush_buffered(&mut self.held, &mut self.wire),
            22 => {
                let choice = choices.byte();
                let fragment = self.place(choice & 1 != 0, choice >> 4);
                let (kind, bytes) = self.data(choices);
                // No extension was agreed on that uses a bit.
                let rsv = if choice & 0xe == 0xe {
                    Rsv::RSV1
                } else {
                    Rsv::NONE
                };
                let raw = RawMessage {
                    kind,
                    rsv,
                    bytes: &bytes,
                };
                let result = self.conn.send_raw(raw, fragment, &mut self.wire);
                if result.is_ok() {
                    assert!(rsv.is_empty(), "a bit that nobody agreed on");
                    self.fragment(kind, &bytes, fragment);
                }
                result
            }
            18 => {
                self.conn.reset_control_frames();
                Ok(())
            }
            _ => self.end(choices.byte()),
        };
        let bytes = self.left.len() + self.wire.bytes.len();
        if !self.is_ended {
            assert_eq!(
                self.conn.sent().bytes,
                bytes as u64,
                "what is counted is what left"
            );
        }
        match result {
            Ok(()) => {}
            Err(SendError::Closing) => {
                assert!(
                    !was_open && self.wire.bytes.len() == before,
                    "nothing after the Close"
                );
            }
            Err(SendError::FrameOpen { remaining }) => {
                assert_eq!(self.stream.len() as u64, remaining)
            }
            Err(SendError::MessageOpen | SendError::WrongKind) => assert!(self.open.is_some()),
            Err(SendError::NoMessageOpen) => assert!(self.open.is_none()),
            Err(SendError::CompressedMessage) => {
                assert!(self.open.is_some() && (is_stream || op == 22));
            }
            Err(SendError::ChunksHeld) => assert!(!self.held.is_idle()),
            Err(SendError::ReservedBits(_)) => assert_eq!(op, 22),
            Err(SendError::OutputFull { .. }) => assert_ne!(self.wire.room, usize::MAX),
            Err(SendError::ControlTooLong) => assert!(matches!(op, 11 | 12)),
            Err(SendError::InvalidCode(code)) => assert!(!code.is_sendable()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends the connection out of order; rarely, or nothing else would be tried.
    fn end(&mut self, choice: u8) -> Result<(), SendError> {
        match choice {
            0xf0..=0xf7 => {
                let result = self
                    .conn
                    .fail(CloseCode::INTERNAL_ERROR, "", &mut self.wire);
                if result.is_ok() {
                    self.is_ended = true;
                    assert_ne!(self.conn.state(), State::Open);
                }
                result
            }
            0xf8..=0xff => {
                let closure = self.conn.receive_eof();
                self.is_ended = true;
                assert_eq!(
                    (self.conn.transport(), self.conn.state()),
                    (Transport::CloseNow, State::Closed)
                );
                assert_eq!(
                    self.conn.receive_eof(),
                    closure,
                    "the end stays what it was"
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where a frame is to stand in its message; rarely where it cannot.
    fn place(&self, last: bool, choice: u8) -> Fragment {
        let is_astray = choice == 0xf;
        Fragment::new(self.open.is_none() != is_astray, last)
    }

    fn send_chunk(
        &mut self,
        kind: MessageKind,
        bytes: &[u8],
        fragment: Fragment,
    ) -> Result<(), SendError> {
        let chunk = chunk(kind, bytes, fragment);
        self.conn.send_chunk(&chunk, &mut self.wire)
    }

    fn gather_chunk(
        &mut self,
        kind: MessageKind,
        bytes: &[u8],
        fragment: Fragment,
    ) -> Result<(), SendError> {
        let chunk = chunk(kind, bytes, fragment);
        self.conn
            .send_buffered(&chunk, &mut self.held, &mut self.wire)
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
        if fragment.is_last()
            && let Some((kind, bytes)) = self.open.take()
        {
            self.sent.push(seen(kind, bytes));
        }
    }

    /// Sends the next bytes of the open streamed frame.
    fn piece(&mut self, len: usize) {
        let mut bytes: Vec<u8> = self.stream.drain(..len.min(self.stream.len())).collect();
        match self.conn.mask_payload(&mut bytes) {
            Ok(()) => self.wire.bytes.extend(bytes),
            Err(error) => assert!(self.is_ended, "{error}"),
        }
    }

    /// Moves what waits into the pipe. A fault is in bytes, so not all frames there are whole.
    fn leave(&mut self) {
        self.left.extend_from_slice(&self.wire.bytes);
        self.pipe.append(&mut self.wire.bytes);
    }

    /// Cuts, repeats or changes what is on its way.
    fn fault(&mut self, choices: &mut Bytes<'_>) {
        self.leave();
        let (kind, at, len) = (
            choices.byte() % 3,
            choices.number(),
            usize::from(choices.byte()),
        );
        if self.pipe.is_empty() {
            return;
        }
        let at = usize::from(at) % self.pipe.len();
        let end = (at + len + 1).min(self.pipe.len());
        self.is_faulty = true;
        match kind {
            0 => drop(self.pipe.drain(at..end)),
            1 => {
                let again = self.pipe[at..end].to_vec();
                self.pipe.splice(at..at, again);
            }
            _ => self.pipe[at] ^= 1 << (len % 8),
        }
    }

    fn sees(&mut self, seen: Seen) {
        assert!(!self.failed && !self.is_ended, "nothing after the end");
        assert!(
            !self.seen.iter().any(|seen| matches!(seen, Seen::Close(..))),
            "nothing after the Close"
        );
        self.seen.push(seen);
    }

    /// Takes bytes from the pipe; gives whether the connection has failed by them.
    fn receive(&mut self, bytes: &mut [u8]) -> bool {
        // Replies that waited may leave, too: a Pong and a Close.
        let most = self.wire.bytes.len() + 3 * bytes.len() + 2 * 131;
        let mut input = bytes;
        let mut window = [0; 300];
        let mut failed = false;
        loop {
            let event = if self.takes_chunks {
                let event = self
                    .conn
                    .receive_inflated(&mut input, &mut window, &mut self.wire);
                event.map(|event| {
                    event.map(|event| match event {
                        Event::Chunk(chunk) => {
                            let open = chunk_onto(self.chunks.take(), &chunk);
                            if chunk.last {
                                Some(open)
                            } else {
                                self.chunks = Some(open);
                                None
                            }
                        }
                        Event::Ping(payload) => Some(Seen::Ping(payload.to_vec())),
                        Event::Pong(payload) => Some(Seen::Pong(payload.to_vec())),
                        Event::Close(frame) => {
                            Some(Seen::Close(frame.code().get(), frame.reason().into()))
                        }
                        other => panic!("a new kind of event: {other:?}"),
                    })
                })
            } else {
                let incoming =
                    self.conn
                        .receive_message(&mut input, &mut self.assembler, &mut self.wire);
                incoming.map(|incoming| incoming.map(|incoming| Some(incoming_seen(incoming))))
            };
            match event {
                Ok(Some(Some(seen))) => self.sees(seen),
                Ok(Some(None)) => {}
                Ok(None) => break,
                Err(_) => {
                    failed = true;
                    break;
                }
            }
        }
        assert!(input.is_empty(), "all input is taken");
        self.failed |= failed;
        assert!(
            self.wire.bytes.len() <= most,
            "replies are bounded by what came"
        );
        assert!(
            self.assembler.capacity() <= 2 * MAX_MESSAGE,
            "storage is bounded by the limit"
        );
        failed
    }
}

impl End<Server> {
    /// Sends a message that goes to others, too, perhaps compressed.
    fn broadcast(&mut self, choices: &mut Bytes<'_>) {
        let bits = choices.byte() % 16;
        let (kind, bytes) = self.data(choices);
        let message = message(kind, &bytes);
        let broadcast = WindowBits::new(bits)
            .and_then(|bits| {
                CompressState::new(&Policy::default().memory_level(1).send_window_bits(bits))
            })
            .map_or(Broadcast::new(message), |mut state| {
                Broadcast::compressed(message, &mut state).expect("there is memory")
            });
        match self.conn.broadcast(&broadcast) {
            Ok(slices) => {
                self.wire.bytes.extend(slices.concat());
                self.sent.push(seen(kind, bytes));
            }
            Err(SendError::Closing) => assert_ne!(self.conn.state(), State::Open),
            Err(SendError::FrameOpen { .. }) => assert!(!self.stream.is_empty()),
            Err(SendError::MessageOpen) => assert!(self.open.is_some()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Delivers bytes, all for a length of `u16::MAX`.
fn deliver<A: Role, B: Role>(from: &mut End<A>, to: &mut End<B>, len: u16) {
    from.leave();
    let len = if len == u16::MAX {
        from.pipe.len()
    } else {
        usize::from(len).min(from.pipe.len())
    };
    let mut bytes: Vec<u8> = from.pipe.drain(..len).collect();
    let failed = to.receive(&mut bytes);
    assert!(from.is_faulty || !failed, "an honest peer breaks no rule");
}

fn settle<A: Role, B: Role>(mut server: End<A>, mut client: End<B>) {
    for _ in 0..3 {
        server.settle();
        client.settle();
        deliver(&mut client, &mut server, u16::MAX);
        deliver(&mut server, &mut client, u16::MAX);
    }
    let is_orderly = !(server.is_faulty || client.is_faulty || server.is_ended || client.is_ended);
    is_sound(&server, &client);
    is_sound(&client, &server);
    if is_orderly {
        assert_eq!(server.conn.transport(), Transport::CloseNow);
        assert_eq!(client.conn.transport(), Transport::AwaitPeerClose);
        assert!(matches!(client.conn.receive_eof(), Closure::Clean(_)));
        assert!(matches!(server.conn.receive_eof(), Closure::Clean(_)));
        is_complete(&server, &client);
        is_complete(&client, &server);
    }
}

impl<R: Role> End<R> {
    /// Finishes what is open, and closes.
    fn settle(&mut self) {
        self.wire.room = usize::MAX;
        self.piece(usize::MAX);
        if self.conn.state() == State::Open {
            self.conn
                .close(CloseCode::NORMAL, "", &mut self.wire)
                .expect("nothing is open, and there is room");
        } else if let Err(error) = self.conn.flush(&mut self.wire) {
            assert_eq!((error, self.is_ended), (SendError::Closing, true));
        }
    }
}

fn messages(seen: &[Seen]) -> Vec<&Seen> {
    seen.iter()
        .filter(|seen| matches!(seen, Seen::Text(_) | Seen::Binary(_)))
        .collect()
}

/// What holds whatever was done to the bytes.
fn is_sound<A: Role, B: Role>(end: &End<A>, peer: &End<B>) {
    if end.is_ended {
        // It may have ended inside a frame that was streamed.
        let (frames, _) = wire::frames(&end.left, end.masks);
        let close = frames.iter().position(|(first, _)| *first == 0x88);
        assert!(
            close.is_none_or(|at| at + 1 == frames.len()),
            "nothing after the Close"
        );
    } else {
        wire::sent(&end.left, end.masks);
    }
    assert!(
        peer.seen
            .iter()
            .filter(|seen| matches!(seen, Seen::Close(..)))
            .count()
            <= 1
    );
    if !end.is_faulty {
        let (sent, seen) = (messages(&end.sent), messages(&peer.seen));
        assert!(sent.starts_with(&seen), "what arrives is what was sent");
        // A Pong answers a Ping or was sent unasked; some Pings may share an answer.
        let mut owed: Vec<_> = peer.pings.iter().chain(&end.pongs).collect();
        for seen in &peer.seen {
            if let Seen::Pong(payload) = seen
                && !peer.is_faulty
            {
                let at = owed.iter().position(|owed| *owed == payload);
                owed.remove(at.expect("a Pong that nobody is owed"));
            }
        }
    }
}

/// What holds where nothing was done to them.
fn is_complete<A: Role, B: Role>(end: &End<A>, peer: &End<B>) {
    assert_eq!(
        messages(&end.sent),
        messages(&peer.seen),
        "all that was sent arrives"
    );
    assert!(
        matches!(peer.seen.last(), Some(Seen::Close(..))),
        "and then a Close"
    );
}

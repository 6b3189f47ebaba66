//! The closing handshake and the replies that wait, explored: a server and a client joined by two
//! pipes, and after every way to get there, all that can happen next. The engine is the real one.
//! Every state is held against an oracle that knows only what went in and what came out, and from
//! every state both ends come to their end.
//!
//! `MODEL_CHECK_DEPTH` says how many operations a way has at most; `.ci/run --deep` takes more.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::env;
use std::hash::{Hash, Hasher};

use websocket_proto::frame::{CloseCode, MaskingKey, MessageKind};
use websocket_proto::{
    Client, Closure, Config, Connection, Event, Fragment, Message, Negotiated, Output, OutputFull,
    Payload, Role, SendError, Server, State, Transport,
};

/// What one end, its transport or its peer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// Sends a fragment: the first begins a message, the second ends it.
    Fragment,
    Ping,
    Close,
    /// Fails the connection for a reason of its own.
    Fail,
    /// Begins a frame of one byte that it streams, and later sends that byte.
    Start,
    Finish,
    /// Writes what the output holds, and flushes.
    Write,
    /// Takes the next frame that was written to it, or the rest of it.
    Deliver,
    /// Takes half of that.
    Half,
    /// Gets what no honest peer sends: a frame with a reserved opcode.
    Fault,
    /// Closes the transport, as it was told to.
    Shut,
    /// Sees the end of the transport, behind all that was written.
    End,
    /// The transport loses what is on its way to this end, and ends.
    Lose,
}

const ACTS: [Act; 13] = {
    use Act::{
        Close, Deliver, End, Fail, Fault, Finish, Fragment, Half, Lose, Ping, Shut, Start, Write,
    };
    [
        Fragment, Ping, Close, Fail, Start, Finish, Write, Deliver, Half, Fault, Shut, End, Lose,
    ]
};

const SERVER: usize = 0;
const CLIENT: usize = 1;

/// How far the exploration goes, and what the outputs hold.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    depth: usize,
    /// The room of each end's output.
    room: [usize; 2],
    /// The payload of each end's Pings has so many bytes, but for that of its last one, which has
    /// one.
    ping_len: [usize; 2],
    /// How often each end may do what of its own accord.
    fragments: u8,
    pings: u8,
    starts: u8,
    halves: u8,
    /// Whether each end may also fail once, be given a fault and be robbed.
    disasters: bool,
}

impl Bounds {
    /// The length of the payload of this end's Ping when so many are left.
    fn ping_len(&self, side: usize, left: u8) -> usize {
        if left > 1 { self.ping_len[side] } else { 1 }
    }
}

/// An output with so much room and no more.
#[derive(Debug)]
struct Room {
    bytes: Vec<u8>,
    room: usize,
}

impl Output for Room {
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        if len <= self.room - self.bytes.len() {
            Ok(())
        } else {
            Err(OutputFull)
        }
    }

    fn max_len(&self) -> usize {
        self.room
    }

    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        &mut self.bytes[at..]
    }
}

/// The bytes on their way to one end.
#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// What the frame lacks of which a part was taken.
    rest: usize,
    /// Nothing more will come, and what is written is lost.
    ended: bool,
}

impl Pipe {
    /// The bytes of the next frame, or of its rest, as far as they are there.
    fn next(&self) -> usize {
        let len = if self.rest > 0 {
            self.rest
        } else {
            frame_len(&self.bytes)
        };
        len.min(self.bytes.len())
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        if self.rest == 0 {
            self.rest = frame_len(&self.bytes);
        }
        self.rest -= len;
        self.bytes.drain(..len).collect()
    }

    fn lose(&mut self) {
        self.bytes.clear();
        self.ended = true;
    }
}

/// The length of the frame that begins here. Headers are written whole, and lengths are short.
fn frame_len(bytes: &[u8]) -> usize {
    match bytes {
        [_, second, ..] => header_len(*second) + usize::from(second & 0x7f),
        _ => bytes.len(),
    }
}

fn header_len(second: u8) -> usize {
    if second & 0x80 == 0 { 2 } else { 6 }
}

/// What can be said of an end by what went in and what came out.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Seen {
    /// The code of its Close.
    sent: Option<u16>,
    /// The code of the peer's.
    received: Option<u16>,
    failed: bool,
    ended: Option<Closure>,
    /// The Ping that has no answer yet: the newest.
    owes: Option<u8>,
    /// Whether its Close was dropped, which its output never has room for.
    dropped: bool,
    /// The bytes of messages that went out, and those that came.
    bytes_sent: u8,
    bytes_received: u8,
    /// The Pongs that came, the newest.
    pong: Option<u8>,
    /// Whether the last chunk left its message open.
    inside_message: bool,
    /// Whether some transport lost bytes that were on their way here.
    robbed: bool,
}

impl Seen {
    /// Whether the closing handshake has begun.
    fn has_begun(&self) -> bool {
        self.sent.is_some() || self.received.is_some() || self.failed
    }

    /// Whether it has to send a Close that waits.
    fn owes_close(&self) -> bool {
        self.sent.is_none() && !self.dropped && (self.received.is_some() || self.failed)
    }
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what may still happen once, each by itself"
)]
struct End<R> {
    conn: Connection<R>,
    out: Room,
    /// So much of the output was looked at; more than there is while a streamed frame is open.
    looked_at: usize,
    seen: Seen,
    is_streaming: bool,
    fragments: u8,
    pings: u8,
    starts: u8,
    halves: u8,
    /// Whether it may still close, fail, be given a fault, be robbed.
    may_close: bool,
    may_fail: bool,
    may_err: bool,
    may_lose: bool,
}

impl<R: Role> End<R> {
    fn new(role: R, bounds: &Bounds, side: usize) -> Self {
        Self {
            conn: Connection::new(role, Negotiated::default(), Config::default()),
            out: Room {
                bytes: Vec::new(),
                room: bounds.room[side],
            },
            looked_at: 0,
            seen: Seen::default(),
            is_streaming: false,
            fragments: bounds.fragments,
            pings: bounds.pings,
            starts: bounds.starts,
            halves: bounds.halves,
            may_close: true,
            may_fail: bounds.disasters,
            may_err: bounds.disasters,
            may_lose: bounds.disasters,
        }
    }

    /// Whether this can happen now.
    fn may(&self, act: Act, incoming: &Pipe) -> bool {
        if self.seen.ended.is_some() {
            return false;
        }
        let is_open = !self.seen.has_begun();
        let left = self.out.room - self.out.bytes.len();
        match act {
            Act::Fragment => is_open && self.fragments > 0,
            Act::Ping => is_open && self.pings > 0,
            Act::Close => is_open && self.may_close,
            Act::Fail => !self.seen.failed && self.may_fail,
            Act::Start => is_open && self.starts > 0 && !self.is_streaming && left >= 7,
            Act::Finish => self.is_streaming && left > 0,
            Act::Write => !self.out.bytes.is_empty() || self.conn.wants_flush(),
            Act::Deliver => !incoming.bytes.is_empty(),
            Act::Half => self.halves > 0 && incoming.next() > 1,
            Act::Fault => self.may_err && incoming.rest == 0 && !incoming.ended,
            Act::Shut => self.conn.transport() == Transport::CloseNow && self.out.bytes.is_empty(),
            Act::End => incoming.ended && incoming.bytes.is_empty(),
            Act::Lose => self.may_lose && !incoming.ended,
        }
    }

    fn act(
        &mut self,
        act: Act,
        bounds: &Bounds,
        side: usize,
        outgoing: &mut Pipe,
        incoming: &mut Pipe,
    ) {
        match act {
            Act::Fragment => {
                let last = self.fragments % 2 == 1;
                let fragment = Fragment::new(!last, last);
                let result =
                    self.conn
                        .send_fragment(Message::Binary(&[7]), fragment, &mut self.out);
                if self.sends(result, Self::frame(1)) {
                    self.fragments -= 1;
                    self.seen.bytes_sent += 1;
                }
            }
            Act::Ping => {
                let payload = vec![self.pings; bounds.ping_len(side, self.pings)];
                let result = self.conn.ping(&payload, &mut self.out);
                if self.sends(result, Self::frame(payload.len())) {
                    self.pings -= 1;
                }
            }
            Act::Close => {
                let code = CloseCode::new(own_code(side));
                let result = self.conn.close(code, "", &mut self.out);
                if self.sends(result, Self::frame(2)) {
                    self.may_close = false;
                    assert_eq!(self.seen.sent, Some(own_code(side)), "its Close is out");
                }
            }
            Act::Fail => {
                self.may_fail = false;
                let code = CloseCode::new(own_code(side));
                assert_eq!(self.conn.fail(code, "", &mut self.out), Ok(()));
                self.seen.failed = true;
                self.look(side);
            }
            Act::Start => {
                // Inside the message of the fragments it is one of them.
                let outside = self.fragments.is_multiple_of(2);
                let fragment = Fragment::new(outside, outside);
                let header = self.conn.start_frame(MessageKind::Binary, 1, fragment);
                self.starts -= 1;
                self.is_streaming = true;
                self.out.put(&header.expect("no frame is open"));
                self.look(side);
            }
            Act::Finish => {
                self.is_streaming = false;
                let mut payload = [7];
                assert_eq!(self.conn.mask_payload(&mut payload), Ok(()));
                self.out.put(&payload);
                self.seen.bytes_sent += 1;
            }
            Act::Write => {
                self.looked_at -= self.out.bytes.len();
                let bytes = std::mem::take(&mut self.out.bytes);
                if !outgoing.ended {
                    outgoing.bytes.extend(bytes);
                }
                if !self.is_streaming {
                    // What never fits is dropped.
                    if never_fits(self.seen.owes, side, bounds) {
                        self.seen.owes = None;
                    }
                    self.seen.dropped |= self.seen.owes_close() && close_never_fits(side, bounds);
                }
                let result = self.conn.flush(&mut self.out);
                self.look(side);
                match result {
                    Ok(()) => {}
                    Err(SendError::FrameOpen { .. }) => assert!(self.is_streaming),
                    Err(SendError::OutputFull { needed }) => {
                        assert!(self.out.room - self.out.bytes.len() < needed);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Act::Deliver => {
                let bytes = incoming.take(incoming.next());
                self.receive(bytes, side);
            }
            Act::Half => {
                self.halves -= 1;
                let bytes = incoming.take(incoming.next() / 2);
                self.receive(bytes, side);
            }
            Act::Fault => {
                self.may_err = false;
                self.receive(vec![0x83, 0x80], side);
            }
            Act::Shut | Act::End => {
                self.ends(incoming.rest > 0);
                outgoing.ended = true;
                incoming.lose();
            }
            Act::Lose => {
                self.may_lose = false;
                self.seen.robbed = true;
                incoming.lose();
            }
        }
        self.check(side);
    }

    /// The length of a frame of this end's with so much payload.
    fn frame(payload_len: usize) -> usize {
        let mask_bit = if R::RECEIVES_MASKED { 0 } else { 0x80 };
        header_len(mask_bit) + payload_len
    }

    /// Looks at what a call has sent, and whether its error is the right one.
    #[track_caller]
    fn sends(&mut self, result: Result<(), SendError>, len: usize) -> bool {
        let side = if R::RECEIVES_MASKED { SERVER } else { CLIENT };
        self.look(side);
        match result {
            Ok(()) => return true,
            Err(SendError::FrameOpen { remaining }) => {
                assert!(self.is_streaming && remaining == 1);
            }
            Err(SendError::OutputFull { needed }) => {
                assert_eq!(needed, len);
                let left = self.out.room - self.out.bytes.len();
                assert!(left < len, "there was room for {len} bytes: {left}");
            }
            Err(error) => panic!("{error}"),
        }
        false
    }

    /// Looks at the frames that are new in the output.
    #[track_caller]
    fn look(&mut self, side: usize) {
        while self.looked_at < self.out.bytes.len() {
            self.look_at_one(side);
        }
    }

    #[track_caller]
    fn look_at_one(&mut self, side: usize) {
        let frame = &self.out.bytes[self.looked_at..];
        self.looked_at += frame_len(frame);
        assert_eq!(frame[1] & 0x80 != 0, side == CLIENT, "masked by a client");
        let payload = &frame[header_len(frame[1])..];
        assert_eq!(self.seen.sent, None, "nothing follows a Close: {frame:?}");
        match frame[0] {
            0x88 => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                let echoes = self.seen.received == Some(code);
                assert!(echoes || code == own_code(side) || code == 1002, "{code}");
                self.seen.sent = Some(code);
                self.seen.owes = None;
            }
            0x8a => {
                assert_eq!(
                    self.seen.owes.take(),
                    payload.first().copied(),
                    "a Pong answers the newest Ping, once"
                );
            }
            first => assert!(
                !self.seen.has_begun(),
                "no {first:#x} once closing has begun"
            ),
        }
    }

    /// Whether what is new in the output begins with the Pong that is owed.
    fn begins_with_pong(&self) -> bool {
        match self.out.bytes.get(self.looked_at..) {
            Some(frame @ [0x8a, second, ..]) => {
                frame.get(header_len(*second)).copied() == self.seen.owes
            }
            _ => false,
        }
    }

    /// Takes bytes of the peer's.
    #[track_caller]
    fn receive(&mut self, mut bytes: Vec<u8>, side: usize) {
        let mut input = &mut bytes[..];
        loop {
            let had_begun = self.seen.has_begun();
            let is_over = self.seen.received.is_some() || self.seen.failed;
            match self.conn.receive(&mut input, &mut self.out) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    assert!(
                        !is_over,
                        "nothing is read behind a Close or a failure: {event:?}"
                    );
                    match event {
                        Event::Chunk(chunk) => {
                            let Payload::Binary(bytes) = chunk.payload else {
                                panic!("{chunk:?}")
                            };
                            self.seen.bytes_received +=
                                u8::try_from(bytes.len()).expect("one byte");
                            self.seen.inside_message = !chunk.last;
                        }
                        Event::Ping(payload) if !had_begun => {
                            // The Pong that waited may have left before this Ping was looked at.
                            if self.begins_with_pong() {
                                self.look_at_one(side);
                            }
                            self.seen.owes = payload.first().copied();
                        }
                        Event::Pong(payload) => self.seen.pong = payload.first().copied(),
                        Event::Close(frame) => self.seen.received = Some(frame.code().get()),
                        _ => {}
                    }
                }
                Err(error) => {
                    let error = error.protocol().expect("the peer is at fault");
                    assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
                    self.seen.failed = true;
                    self.look(side);
                    break;
                }
            }
            self.look(side);
        }
        // What waited may have left, whatever came.
        self.look(side);
        assert!(input.is_empty(), "all of it is taken");
    }

    /// The transport has ended; was that inside a frame?
    #[track_caller]
    fn ends(&mut self, inside_frame: bool) {
        let seen = &mut self.seen;
        // "If the TCP connection was closed after the WebSocket closing handshake was completed, the
        // WebSocket connection is said to have been closed _cleanly_." (section 7.1.4)
        let expected = match (seen.received, seen.sent) {
            (Some(code), Some(_)) => Closure::Clean(CloseCode::new(code)),
            (Some(code), None) => Closure::Unanswered(CloseCode::new(code)),
            (None, _) if seen.failed => Closure::Failed,
            (None, _) if inside_frame || seen.inside_message => Closure::Truncated,
            (None, _) => Closure::Abnormal,
        };
        let closure = self.conn.receive_eof();
        assert_eq!(closure, expected);
        assert_eq!(closure.is_clean(), matches!(expected, Closure::Clean(_)));
        seen.ended = Some(closure);
        seen.owes = None;
        self.is_streaming = false;
        self.out.bytes.clear();
        self.looked_at = 0;
    }

    /// What the connection says of itself is what was seen of it.
    #[track_caller]
    fn check(&self, side: usize) {
        let seen = &self.seen;
        let state = match (seen.ended, seen.has_begun()) {
            (Some(_), _) => State::Closed,
            (None, true) => State::Closing,
            (None, false) => State::Open,
        };
        assert_eq!(self.conn.state(), state);
        let owes = seen.ended.is_none() && (seen.owes_close() || seen.owes.is_some());
        assert_eq!(
            self.conn.wants_flush(),
            owes && !self.is_streaming,
            "what is owed waits"
        );
        let transport = if seen.ended.is_some() {
            Transport::CloseNow
        } else if owes {
            Transport::KeepOpen
        } else if seen.failed || seen.dropped {
            // "the client MUST _Close the WebSocket Connection_ [...] Similarly, to do so, the
            // server" (section 7.1.7)
            Transport::CloseNow
        } else if seen.sent.is_some() && seen.received.is_some() {
            // "the underlying TCP connection, in most normal cases, SHOULD be closed first by the
            // server" (section 7.1.1)
            if side == SERVER {
                Transport::CloseNow
            } else {
                Transport::AwaitPeerClose
            }
        } else {
            Transport::KeepOpen
        };
        assert_eq!(self.conn.transport(), transport);
    }

    /// Once closing has begun, nothing can be sent but what is owed.
    #[track_caller]
    fn refuses_to_send(&mut self) {
        if !self.seen.has_begun() && self.seen.ended.is_none() {
            return;
        }
        let before = self.out.bytes.clone();
        let out = &mut self.out;
        let closing = Err(SendError::Closing);
        assert_eq!(self.conn.send_binary(b"", out), closing);
        assert_eq!(self.conn.ping(b"", out), closing);
        assert_eq!(self.conn.close(CloseCode::NORMAL, "", out), closing);
        assert_eq!(self.out.bytes, before);
    }
}

/// Whether the Pong that this end owes, if any, is longer than its output will ever be.
fn never_fits(owes: Option<u8>, side: usize, bounds: &Bounds) -> bool {
    let header = header_len([0, 0x80][side]);
    owes.is_some_and(|ping| header + bounds.ping_len(1 - side, ping) > bounds.room[side])
}

/// Whether a Close is longer than its output will ever be.
fn close_never_fits(side: usize, bounds: &Bounds) -> bool {
    header_len([0, 0x80][side]) + 2 > bounds.room[side]
}

/// The code that this end closes with, of its own accord.
fn own_code(side: usize) -> u16 {
    [4001, 4002][side]
}

type Keys = fn() -> MaskingKey;

#[derive(Debug)]
struct World {
    server: End<Server>,
    client: End<Client<Keys>>,
    /// What is on its way to each end.
    pipes: [Pipe; 2],
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let keys: Keys = || MaskingKey::new([0; 4]);
        Self {
            server: End::new(Server, bounds, SERVER),
            client: End::new(Client::new(keys), bounds, CLIENT),
            pipes: [Pipe::default(), Pipe::default()],
        }
    }

    fn may(&self, (side, act): (usize, Act)) -> bool {
        if side == SERVER {
            self.server.may(act, &self.pipes[SERVER])
        } else {
            self.client.may(act, &self.pipes[CLIENT])
        }
    }

    /// All that can happen now.
    fn next(&self) -> Vec<(usize, Act)> {
        [SERVER, CLIENT]
            .into_iter()
            .flat_map(|side| ACTS.map(|act| (side, act)))
            .filter(|step| self.may(*step))
            .collect()
    }

    fn act(&mut self, (side, act): (usize, Act), bounds: &Bounds) {
        let [to_server, to_client] = &mut self.pipes;
        if side == SERVER {
            self.server.act(act, bounds, side, to_client, to_server);
        } else {
            self.client.act(act, bounds, side, to_server, to_client);
        }
    }

    /// All that decides what can still happen, in 128 bits.
    fn key(&self) -> u128 {
        let shown = format!("{self:?}");
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            shown.hash(&mut hasher);
            u128::from(hasher.finish())
        };
        (hash(0) << 64) | hash(1)
    }

    fn seen(&self) -> [&Seen; 2] {
        [&self.server.seen, &self.client.seen]
    }

    /// Lets everything arrive, and does what the verdicts say, until nothing is left to do.
    fn settle(&mut self, bounds: &Bounds) {
        let duties = [Act::Finish, Act::Write, Act::Deliver, Act::Shut, Act::End];
        for _ in 0..100 {
            let mut is_quiet = true;
            for side in [SERVER, CLIENT] {
                for act in duties {
                    while self.may((side, act)) {
                        self.act((side, act), bounds);
                        is_quiet = false;
                        if act == Act::Write {
                            break;
                        }
                    }
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("it does not settle: {self:#?}");
    }

    /// From here everything arrives: both ends are open and have all they were sent, or both have
    /// come to their end.
    fn comes_to_its_end(mut self, bounds: &Bounds, closer: usize) {
        self.server.refuses_to_send();
        self.client.refuses_to_send();
        self.settle(bounds);
        let is_open = |seen: &Seen| !seen.has_begun() && seen.ended.is_none();
        if self.seen().into_iter().all(is_open) {
            for side in [SERVER, CLIENT] {
                let other = self.seen()[1 - side];
                let owes = self.seen()[side].owes;
                assert_eq!(owes, None, "every Ping is answered in the end, or dropped");
                assert_eq!(self.seen()[side].bytes_received, other.bytes_sent);
            }
            self.close(closer, bounds);
            self.settle(bounds);
        }
        let [server, client] = self.seen();
        assert!(
            server.ended.is_some() && client.ended.is_some(),
            "a deadlock: {self:#?}"
        );
        let is_undisturbed = |seen: &Seen| !seen.failed && !seen.robbed && !seen.dropped;
        for (seen, peer) in [(server, client), (client, server)] {
            if let Some(code) = seen.received {
                assert_eq!(peer.sent, Some(code), "the peer's Close, and its code");
            }
            if is_undisturbed(server) && is_undisturbed(client) {
                let code = peer.sent.map(CloseCode::new);
                assert_eq!(seen.ended, code.map(Closure::Clean), "a clean end");
                assert_eq!(seen.bytes_received, peer.bytes_sent, "and all has come");
            }
        }
    }

    /// Closes from this end, or fails the connection if it has no room for a Close.
    fn close(&mut self, side: usize, bounds: &Bounds) {
        if side == SERVER {
            self.server.may_close = true;
        } else {
            self.client.may_close = true;
        }
        let act = if close_never_fits(side, bounds) {
            Act::Fail
        } else {
            Act::Close
        };
        self.act((side, act), bounds);
    }
}

/// Shows the way that led to a failure.
struct Trail<'a>(&'a [(usize, Act)], Option<(usize, Act)>);

impl Drop for Trail<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the way (0 is the server): {:?}, then {:?}", self.0, self.1);
        }
    }
}

/// What an exploration found.
#[derive(Debug)]
#[expect(dead_code, reason = "some of it is only shown")]
struct Explored {
    states: usize,
    transitions: usize,
    /// The longest way to a state that no shorter one leads to.
    longest: usize,
    /// Whether there is nothing beyond.
    is_complete: bool,
}

/// All ways of at most so many operations, the short ones first.
fn explore(bounds: Bounds) -> Explored {
    let bounds = &bounds;
    let mut known = HashSet::new();
    let mut ways: Vec<Vec<(usize, Act)>> = vec![Vec::new()];
    known.insert(World::new(bounds).key());
    let (mut transitions, mut longest) = (0, 0);
    while !ways.is_empty() && longest <= bounds.depth {
        let mut longer = Vec::new();
        for way in ways {
            let mut world = remake(&way, bounds);
            let next = world.next();
            if way.len() < bounds.depth {
                for step in next {
                    let trail = Trail(&way, Some(step));
                    world.act(step, bounds);
                    drop(trail);
                    transitions += 1;
                    if known.insert(world.key()) {
                        longer.push([&way[..], &[step]].concat());
                    }
                    world = remake(&way, bounds);
                }
            }
            let trail = Trail(&way, None);
            world.comes_to_its_end(bounds, way.len() % 2);
            drop(trail);
        }
        ways = longer;
        longest += 1;
    }
    let explored = Explored {
        states: known.len(),
        transitions,
        longest: longest - 1,
        is_complete: ways.is_empty() && longest <= bounds.depth,
    };
    println!("{explored:?}: {bounds:?}");
    explored
}

/// A connection cannot be cloned: its state is made again by what led to it.
fn remake(way: &[(usize, Act)], bounds: &Bounds) -> World {
    let mut world = World::new(bounds);
    for step in way {
        world.act(*step, bounds);
    }
    world
}

/// Longer than any way.
const ALL: usize = 1000;

/// Both ends may close, and the outputs have room for a Close and for nothing longer.
const CLOSING: Bounds = Bounds {
    depth: ALL,
    room: [4, 8],
    ping_len: [1; 2],
    fragments: 0,
    pings: 0,
    starts: 0,
    halves: 0,
    disasters: false,
};

/// Asserts that there is nothing beyond what was explored, and that this was something.
#[track_caller]
fn whole(bounds: Bounds, least: usize) {
    let explored = explore(bounds);
    assert!(explored.is_complete, "{explored:?}");
    assert!(explored.states > least, "{explored:?}");
}

#[test]
fn closing_failing_faults_and_losses() {
    whole(
        Bounds {
            disasters: true,
            ..CLOSING
        },
        5_000,
    );
}

#[test]
fn pongs_that_wait_for_room() {
    whole(
        Bounds {
            pings: 2,
            ..CLOSING
        },
        5_000,
    );
}

/// The server's output never has room for the first Pong, but for the second.
#[test]
fn a_pong_that_never_fits() {
    whole(
        Bounds {
            room: [4, 10],
            ping_len: [1, 4],
            pings: 2,
            ..CLOSING
        },
        1_000,
    );
}

/// One output never has room for a Close, or neither has.
#[test]
fn a_close_that_never_fits() {
    for (room, pings, disasters) in [
        ([3, 8], 0, true),
        ([4, 7], 0, true),
        ([3, 7], 0, true),
        ([3, 8], 2, false),
    ] {
        let bounds = Bounds {
            room,
            pings,
            disasters,
            ..CLOSING
        };
        whole(bounds, 100);
    }
}

#[test]
fn fragments_and_frames_that_come_by_halves() {
    whole(
        Bounds {
            fragments: 2,
            halves: 2,
            ..CLOSING
        },
        5_000,
    );
}

/// `MODEL_CHECK_DEPTH`, if it is set.
fn deep() -> Option<usize> {
    let depth = env::var("MODEL_CHECK_DEPTH").ok()?;
    Some(depth.parse().expect("a number"))
}

#[test]
fn replies_that_wait_for_the_end_of_a_frame() {
    let bounds = Bounds {
        room: [9; 2],
        pings: 1,
        starts: 1,
        ..CLOSING
    };
    if deep().is_some() {
        return whole(bounds, 40_000);
    }
    let explored = explore(Bounds {
        depth: 10,
        ..bounds
    });
    assert!(explored.states > 5_000, "{explored:?}");
}

#[test]
fn everything_at_once() {
    let explored = explore(Bounds {
        depth: deep().unwrap_or(6),
        room: [4, 10],
        fragments: 2,
        pings: 2,
        starts: 1,
        halves: 1,
        disasters: true,
        ..CLOSING
    });
    assert!(explored.states > 10_000, "{explored:?}");
}

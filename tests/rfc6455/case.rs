//! The judge of every test here: one input, cut in every way, has one outcome.

#[cfg(feature = "deflate")]
use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::{CloseCode, MaskingKey, MessageKind, Rsv};
use websocket_proto::{
    Assembler, Borrowed, Client, Closure, Config, Connection, Event, Fixed, Growing, Inbox,
    Incoming, Message, Negotiated, Payload, ProtocolError, RawMessage, ReceiveError, Role, Server,
    State, Storage, Transport,
};

/// The key that the test's clients mask with.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// Input for one end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    side: Side,
    config: Config,
    negotiated: Negotiated<'static>,
    input: Vec<u8>,
    /// Whether the input is so long that a few cuts have to do.
    is_long: bool,
}

/// What an endpoint makes of its input: the same for every way to cut it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Whole messages and control frames, in their order.
    pub(crate) seen: Vec<Seen>,
    /// The chunks of a message that was not finished, together.
    pub(crate) unfinished: Option<Seen>,
    /// The frames that went out: first byte and unmasked payload.
    pub(crate) sent: Vec<(u8, Vec<u8>)>,
    pub(crate) error: Option<ProtocolError>,
    pub(crate) transport: Transport,
    pub(crate) state: State,
    /// What the end of the transport means after all this.
    pub(crate) closure: Closure,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Raw(MessageKind, Rsv, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

pub(crate) fn text(text: &str) -> Seen {
    Seen::Text(text.into())
}

pub(crate) fn binary(bytes: &[u8]) -> Seen {
    Seen::Binary(bytes.into())
}

pub(crate) fn ping(bytes: &[u8]) -> Seen {
    Seen::Ping(bytes.into())
}

pub(crate) fn close(code: u16, reason: &str) -> Seen {
    Seen::Close(code, reason.into())
}

/// A Close frame that went out with this code and no reason.
pub(crate) fn sent_close(code: u16) -> (u8, Vec<u8>) {
    (0x88, code.to_be_bytes().into())
}

pub(crate) fn sent_pong(payload: &[u8]) -> (u8, Vec<u8>) {
    (0x8a, payload.into())
}

/// Bytes from hex digits; spaces are for the eye.
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// A frame as the wire has it: by hand, apart from the code under test.
pub(crate) fn wire_frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(mask_bit | u8::try_from(len).unwrap()),
        len @ 126..=0xffff => {
            bytes.push(mask_bit | 0x7e);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            bytes.push(mask_bit | 0x7f);
            bytes.extend(u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    let key = key.unwrap_or_default();
    bytes.extend(
        payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    bytes
}

/// The frames in outbound bytes: by hand, apart from the code under test. Checks masking and
/// minimal lengths.
pub(crate) fn frames_on_the_wire(mut bytes: &[u8], masked: bool) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(
            second & 0x80 != 0,
            masked,
            "masked by a client, and only by a client"
        );
        let (len, rest) = match second & 0x7f {
            126 => (
                usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())),
                &rest[2..],
            ),
            127 => (
                usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap(),
                &rest[8..],
            ),
            len => (usize::from(len), rest),
        };
        let (key, rest) = if masked {
            rest.split_at(4)
        } else {
            (&[0; 4][..], rest)
        };
        let (payload, rest) = rest.split_at(len);
        let payload = payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect::<Vec<_>>();
        let key = masked.then(|| key.try_into().unwrap());
        let minimal = wire_frame(*first, &payload, key);
        assert!(bytes.starts_with(&minimal), "the length is minimal");
        frames.push((*first, payload));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "whole frames go out");
    frames
}

impl Case {
    pub(crate) fn server() -> Self {
        Self::new(Side::Server)
    }

    pub(crate) fn client() -> Self {
        Self::new(Side::Client)
    }

    /// The same input, framed for each role.
    pub(crate) fn both(input: impl Fn(Self) -> Self) -> [Self; 2] {
        [input(Self::server()), input(Self::client())]
    }

    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            config: Config::default(),
            negotiated: Negotiated::default(),
            input: Vec::new(),
            is_long: false,
        }
    }

    /// Leaves most cuts out.
    #[cfg(feature = "deflate")]
    #[allow(dead_code, reason = "the tests of RFC 7692 have this file, too")]
    pub(crate) fn in_few_cuts(mut self) -> Self {
        self.is_long = true;
        self
    }

    pub(crate) fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Makes it a connection that has agreed on this in its opening handshake.
    #[allow(dead_code, reason = "the tests of RFC 7692 have this file, too")]
    pub(crate) fn negotiated(mut self, negotiated: Negotiated<'static>) -> Self {
        self.negotiated = negotiated;
        self
    }

    /// Adds a frame, masked as it must be.
    pub(crate) fn frame(mut self, first: u8, payload: &[u8]) -> Self {
        let key = (self.side == Side::Server).then_some(KEY);
        self.input.extend(wire_frame(first, payload, key));
        self
    }

    /// Adds a header alone, with this length as it stands in the second byte and behind it, and the
    /// mask bit as it must be.
    pub(crate) fn header(mut self, first: u8, second: u8, extended: &str) -> Self {
        let mask_bit = if self.side == Side::Server { 0x80 } else { 0 };
        self.input.extend([first, mask_bit | second]);
        self.input.extend(hex(extended));
        if self.side == Side::Server {
            self.input.extend(KEY);
        }
        self
    }

    /// Adds the start of the payload that a header has announced, masked as it must be.
    pub(crate) fn frame_payload(mut self, payload: &[u8]) -> Self {
        let key = if self.side == Side::Server {
            KEY
        } else {
            [0; 4]
        };
        let masked = payload.iter().zip(key.iter().cycle());
        self.input.extend(masked.map(|(byte, key)| byte ^ key));
        self
    }

    /// Adds bytes as they are.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.input.extend(bytes);
        self
    }

    /// The input alone.
    pub(crate) fn into_input(self) -> Vec<u8> {
        self.input
    }

    /// Runs the input in every cut, and gives the one outcome that they all have.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome_by(true)
    }

    /// The same by `receive` alone: for what no storage of the judge's would take.
    pub(crate) fn outcome_in_chunks(&self) -> Outcome {
        self.outcome_by(false)
    }

    fn outcome_by(&self, with_storage: bool) -> Outcome {
        match self.side {
            Side::Server => {
                let connect = |config| Connection::new(Server, self.negotiated, config);
                self.outcome_of(connect, with_storage)
            }
            Side::Client => {
                let role = || Client::new(|| MaskingKey::new(KEY));
                let connect = |config| Connection::new(role(), self.negotiated, config);
                self.outcome_of(connect, with_storage)
            }
        }
    }

    fn outcome_of<R: Role>(
        &self,
        connect: impl Fn(Config) -> Connection<R>,
        with_storage: bool,
    ) -> Outcome {
        let drive = |cut: &[usize], window| {
            drive(
                &mut connect(self.config),
                cut,
                window,
                &self.input,
                self.side,
            )
        };
        let whole = drive(&[self.input.len()], self.windows()[0]);
        let mut cuts = cuts(self.input.len());
        if self.is_long {
            // Whole, byte by byte, and at random.
            cuts.drain(3..cuts.len() - 2);
            cuts.remove(1);
        }
        // Every window sees the input whole, empty reads and single bytes; the other cuts in turn.
        let windows = self.windows();
        for (index, cut) in cuts.into_iter().enumerate() {
            let turn = [windows[index % windows.len()]];
            for &window in if index < 3 { windows } else { &turn } {
                assert_eq!(
                    drive(&cut, window),
                    whole,
                    "{:?} with {:x?} cut into {cut:?}, inflated into {window} bytes",
                    self.side,
                    self.input
                );
            }
            if !with_storage {
                continue;
            }
            for (name, outcome) in [
                (
                    "growing",
                    self.assembled(
                        &mut connect(self.config),
                        &cut,
                        Assembler::<Growing>::default(),
                    ),
                ),
                (
                    "fixed",
                    self.assembled(
                        &mut connect(self.config),
                        &cut,
                        Assembler::<Fixed<0x2_0000>>::fixed(),
                    ),
                ),
                ("slice", {
                    let mut slice = vec![0; 0x2_0000];
                    let assembler = Assembler::<Borrowed<'_>>::in_slice(&mut slice);
                    self.assembled(&mut connect(self.config), &cut, assembler)
                }),
            ] {
                let whole = Outcome {
                    unfinished: None,
                    ..whole.clone()
                };
                assert_eq!(
                    outcome, whole,
                    "{name}: {:?} with {:x?} cut into {cut:?}",
                    self.side, self.input
                );
            }
            // A buffer that holds nearly all frames, one that cuts many, one that holds no header.
            let buffer_len = [0x1_0000, 20, 3][index % 3];
            for holds_text in [false, true] {
                self.is_the_same_from_an_inbox(
                    &mut connect(self.config),
                    &cut,
                    buffer_len,
                    holds_text,
                    &whole,
                );
            }
        }
        #[cfg(feature = "deflate")]
        self.is_the_same_where_deflate_was_agreed_on(&whole);
        whole
    }

    /// What is not compressed comes in alike where it might have been.
    #[cfg(feature = "deflate")]
    fn is_the_same_where_deflate_was_agreed_on(&self, whole: &Outcome) {
        // RSV1 is no fault there.
        let is_fault = matches!(whole.error, Some(ProtocolError::ReservedBits(rsv)) if rsv.contains(Rsv::RSV1));
        let is_own = self.negotiated.reserved_bits.contains(Rsv::RSV1);
        if self.negotiated.deflate.is_some() || is_fault || is_own {
            return;
        }
        let mut case = self.clone();
        case.negotiated.deflate = Some(Agreement::new(&Policy::default()));
        let len = self.input.len();
        for cut in [vec![len], vec![1; len], vec![len / 2, len - len / 2]] {
            for window in [4, 64] {
                let (input, config, negotiated) = (&case.input, case.config, case.negotiated);
                let outcome = match self.side {
                    Side::Server => {
                        let mut conn = Connection::new(Server, negotiated, config);
                        drive(&mut conn, &cut, window, input, self.side)
                    }
                    Side::Client => {
                        let role = Client::new(|| MaskingKey::new(KEY));
                        let mut conn = Connection::new(role, negotiated, config);
                        drive(&mut conn, &cut, window, input, self.side)
                    }
                };
                assert_eq!(
                    &outcome, whole,
                    "deflate agreed on: {:?} with {input:x?}",
                    self.side
                );
            }
        }
    }

    /// The windows that chunks are inflated into, 0 for a call that has none.
    #[cfg(not(feature = "deflate"))]
    #[expect(
        clippy::unused_self,
        reason = "what was negotiated comes with the feature"
    )]
    fn windows(&self) -> &'static [usize] {
        &[0]
    }

    #[cfg(feature = "deflate")]
    fn windows(&self) -> &'static [usize] {
        match self.negotiated.deflate {
            None => &[0, 64],
            Some(_) if self.is_long && self.input.len() > 1000 => &[0x2_0000, 61, 4096],
            Some(_) => &[0x2_0000, 4, 5, 64],
        }
    }

    fn assembled<R: Role, S: Storage>(
        &self,
        conn: &mut Connection<R>,
        cut: &[usize],
        mut assembler: Assembler<S>,
    ) -> Outcome {
        let mut bytes = self.input.clone();
        let mut input = &mut bytes[..];
        let (mut seen, mut out, mut error) = (Vec::new(), Vec::new(), None);
        for &len in cut {
            let mut read = input.split_off_mut(..len).unwrap();
            loop {
                match conn.receive_message(&mut read, &mut assembler, &mut out) {
                    Ok(Some(incoming)) => seen.push(seen_of(incoming)),
                    Ok(None) => break,
                    Err(fault) => {
                        let fault = fault.protocol().unwrap();
                        assert_eq!(*error.get_or_insert(fault), fault, "the first error stays");
                        break;
                    }
                }
            }
            assert!(read.is_empty(), "all input is taken");
        }
        outcome(conn, self.side, seen, None, &out, error)
    }

    /// What waits in a buffer until it is whole has the same outcome.
    fn is_the_same_from_an_inbox<R: Role>(
        &self,
        conn: &mut Connection<R>,
        cut: &[usize],
        buffer_len: usize,
        holds_text: bool,
        whole: &Outcome,
    ) {
        let assembler = Assembler::<Growing>::default();
        let mut inbox = Inbox::with_buffer(vec![0; buffer_len], assembler).hold_text(holds_text);
        let (mut seen, mut out, mut error) = (Vec::new(), Vec::new(), None);
        let mut rest = &self.input[..];
        for &len in cut {
            let (mut read, after) = rest.split_at(len);
            rest = after;
            while !read.is_empty() {
                let room = conn.read_room(&mut inbox).unwrap();
                assert!(!room.is_empty(), "there is always room");
                let (now, later) = read.split_at(room.len().min(read.len()));
                room[..now.len()].copy_from_slice(now);
                read = later;
                inbox.filled(now.len()).unwrap();
                loop {
                    match conn.receive_from(&mut inbox, &mut out) {
                        Ok(Some(incoming)) => seen.push(seen_of(incoming)),
                        Ok(None) => break,
                        Err(fault) => {
                            let fault = fault.protocol().unwrap();
                            assert_eq!(*error.get_or_insert(fault), fault, "the first error stays");
                            break;
                        }
                    }
                }
            }
        }
        if holds_text && whole.error == Some(ProtocolError::InvalidUtf8) && error.is_none() {
            // The fault is in a frame that never got whole.
            assert!(!inbox.is_idle());
            assert_eq!(seen, whole.seen);
            return;
        }
        let whole = Outcome {
            unfinished: None,
            ..whole.clone()
        };
        assert_eq!(
            outcome(conn, self.side, seen, None, &out, error),
            whole,
            "{:?} with {:x?} cut into {cut:?}, in a buffer of {buffer_len} bytes",
            self.side,
            self.input
        );
    }
}

fn seen_of(incoming: Incoming<'_>) -> Seen {
    match incoming {
        Incoming::Message(Message::Text(message)) => text(message),
        Incoming::Message(Message::Binary(message)) => binary(message),
        Incoming::Raw(RawMessage { kind, rsv, bytes }) => Seen::Raw(kind, rsv, bytes.into()),
        Incoming::Ping(payload) => ping(&payload),
        Incoming::Pong(payload) => Seen::Pong(payload.to_vec()),
        Incoming::Close(frame) => close(frame.code().get(), frame.reason()),
        _ => unreachable!("no other kind today"),
    }
}

/// Cuts of `len` bytes into reads: every one cut, every two cuts of a short input, byte by byte,
/// and seeded random ones.
pub(crate) fn cuts(len: usize) -> Vec<Vec<usize>> {
    let mut cuts = vec![vec![len], vec![0, len], vec![1; len]];
    let near_an_end = |at: &usize| len <= 200 || *at < 48 || *at > len - 48;
    cuts.extend((1..len).filter(near_an_end).map(|at| vec![at, len - at]));
    if len <= 28 {
        let pairs = (1..len).flat_map(|at| (at..len).map(move |then| (at, then)));
        cuts.extend(pairs.map(|(at, then)| vec![at, then - at, len - then]));
    }
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let (mut cut, mut rest) = (Vec::new(), len);
        while rest > 0 {
            let most = if seed % 2 == 0 { 9 } else { 3000 };
            let read = random.below(most).min(rest);
            cut.push(read);
            rest -= read;
        }
        cuts.push(cut);
    }
    cuts
}

/// A small generator (`SplitMix64`) whose sequence the seed decides.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// Feeds the input in these cuts, chunk by chunk.
fn drive<R: Role>(
    conn: &mut Connection<R>,
    cut: &[usize],
    window: usize,
    bytes: &[u8],
    side: Side,
) -> Outcome {
    let mut window = vec![0; window];
    let mut bytes = bytes.to_vec();
    let mut input = &mut bytes[..];
    let (mut seen, mut open, mut out, mut error) = (Vec::new(), None, Vec::new(), None);
    for &len in cut {
        let mut read = input.split_off_mut(..len).unwrap();
        loop {
            match receive(conn, &mut read, &mut window, &mut out) {
                Ok(Some(Event::Chunk(chunk))) => {
                    assert_eq!(
                        chunk.first,
                        open.is_none(),
                        "first says where a message begins"
                    );
                    assert!(
                        !chunk.payload.is_empty()
                            || chunk.last
                            || matches!(chunk.payload, Payload::Raw { rsv, .. } if !rsv.is_empty()),
                        "a chunk has something to tell"
                    );
                    let message = open.get_or_insert_with(|| match chunk.payload {
                        Payload::Text { .. } => text(""),
                        Payload::Binary(_) => binary(b""),
                        Payload::Raw { kind, rsv, .. } => Seen::Raw(kind, rsv, Vec::new()),
                    });
                    match (message, chunk.payload) {
                        (Seen::Text(message), Payload::Text { carried, text }) => {
                            message.extend(carried);
                            message.push_str(text);
                        }
                        (Seen::Binary(message), Payload::Binary(bytes))
                        | (Seen::Raw(.., message), Payload::Raw { bytes, .. }) => {
                            message.extend(bytes);
                        }
                        _ => panic!("a message is of one kind"),
                    }
                    if chunk.last {
                        seen.extend(open.take());
                    }
                }
                Ok(Some(Event::Ping(payload))) => seen.push(ping(&payload)),
                Ok(Some(Event::Pong(payload))) => seen.push(Seen::Pong(payload.to_vec())),
                Ok(Some(Event::Close(frame))) => {
                    seen.push(close(frame.code().get(), frame.reason()));
                }
                Ok(Some(_)) => unreachable!("no other kind today"),
                Ok(None) => break,
                Err(fault) => {
                    let fault = fault.protocol().unwrap();
                    assert_eq!(*error.get_or_insert(fault), fault, "the first error stays");
                    break;
                }
            }
        }
        assert!(read.is_empty(), "all input is taken");
    }
    outcome(conn, side, seen, open, &out, error)
}

#[cfg_attr(
    not(feature = "deflate"),
    expect(
        clippy::needless_pass_by_ref_mut,
        reason = "the feature inflates into it"
    )
)]
fn receive<'b: 'w, 'w, R: Role>(
    conn: &mut Connection<R>,
    read: &mut &'b mut [u8],
    window: &'w mut [u8],
    out: &mut Vec<u8>,
) -> Result<Option<Event<'w>>, ReceiveError> {
    #[cfg(feature = "deflate")]
    if !window.is_empty() {
        return conn.receive_inflated(read, window, out);
    }
    let _ = window;
    conn.receive(read, out)
}

fn outcome<R: Role>(
    conn: &mut Connection<R>,
    side: Side,
    seen: Vec<Seen>,
    unfinished: Option<Seen>,
    out: &[u8],
    error: Option<ProtocolError>,
) -> Outcome {
    let sent = frames_on_the_wire(out, side == Side::Client);
    let (transport, state) = (conn.transport(), conn.state());
    let closure = conn.receive_eof();
    assert_eq!(
        (conn.transport(), conn.state()),
        (Transport::CloseNow, State::Closed)
    );
    Outcome {
        seen,
        unfinished,
        sent,
        error,
        transport,
        state,
        closure,
    }
}

/// Asserts that the input fails the connection with this error: one Close with its code, and
/// nothing that follows is seen.
#[track_caller]
pub(crate) fn fails(case: &Case, error: ProtocolError) -> Outcome {
    let alone = case.outcome();
    assert_eq!(alone.error, Some(error));
    assert_eq!(
        alone.sent.last(),
        Some(&sent_close(error.close_code().get()))
    );
    assert_eq!(
        alone
            .sent
            .iter()
            .filter(|(first, _)| *first == 0x88)
            .count(),
        1
    );
    assert_eq!(
        (alone.transport, alone.state),
        (Transport::CloseNow, State::Closing)
    );
    assert_eq!(
        (alone.closure, alone.closure.code()),
        (Closure::Failed, CloseCode::ABNORMAL_CLOSURE)
    );

    // EDGE_CASES 97: after _Fail the WebSocket Connection_ no further input is looked at, of the
    // same read included.
    let followed = case
        .clone()
        .frame(0x81, b"after")
        .frame(0x89, b"after")
        .frame(0x88, &1000_u16.to_be_bytes());
    assert_eq!(followed.outcome(), alone);
    alone
}

/// Asserts that the input is fine, keeps the connection open and gives just these events; says what
/// went out.
#[track_caller]
pub(crate) fn gives(case: &Case, seen: &[Seen]) -> Vec<(u8, Vec<u8>)> {
    let outcome = case.outcome();
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.seen, seen);
    assert_eq!(
        (outcome.transport, outcome.state),
        (Transport::KeepOpen, State::Open)
    );
    outcome.sent
}

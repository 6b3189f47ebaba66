//! Clients that do what none should: each behaviour, and what the server has to make of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use websocket_proto::deflate::Policy;
use websocket_proto::frame::CloseCode;
use websocket_proto::{Fragment, Message};

use crate::client::{
    Came, Fate, Random, Result, WebSocket, connect, frame, header, request, reset, status,
};
use crate::stage::{MAX_MESSAGE, Stage};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
/// A fragment's first byte is its opcode alone.
const FIRST_TEXT: u8 = 0x01;
const FIRST_BINARY: u8 = 0x02;
const CONTINUATION: u8 = 0x00;
const RSV1: u8 = 0x40;

const FAULT: CloseCode = CloseCode::PROTOCOL_ERROR;
const NOT_TEXT: CloseCode = CloseCode::INVALID_PAYLOAD_DATA;
const TOO_BIG: CloseCode = CloseCode::MESSAGE_TOO_BIG;

/// The deadline of both servers for an opening handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How many connections a crowd has.
const CROWD: usize = 24;
/// More than all socket buffers between a server and a client hold.
const ENDLESS: usize = 64 << 20;
/// How long a client holds a connection on which nothing moves.
const HELD: Duration = Duration::from_secs(5);

pub(crate) struct Behaviour {
    pub(crate) name: &'static str,
    /// How many do this at a time.
    pub(crate) workers: usize,
    /// Between two rounds of one worker.
    pause: Duration,
    round: fn(&Play<'_>, &mut Random) -> Result<()>,
}

/// What one behaviour has done and seen.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) opened: AtomicU64,
    /// How often the server said or did what it has to.
    pub(crate) judged: AtomicU64,
    /// How often its verdict was lost: it closed while more was on its way.
    pub(crate) lost: AtomicU64,
}

/// One behaviour on one stage.
pub(crate) struct Play<'s> {
    pub(crate) stage: &'s Stage,
    pub(crate) tally: &'s Tally,
    pub(crate) bombs: &'s Bombs,
}

/// Compressed messages, as a client that opens its connection with them writes them.
pub(crate) struct Bombs {
    /// 64 MiB of zeros in one frame.
    whole: Vec<u8>,
    /// The same in 64 fragments.
    fragments: Vec<u8>,
}

const fn every(ms: u64, name: &'static str, workers: usize, round: Round) -> Behaviour {
    Behaviour {
        name,
        workers,
        pause: Duration::from_millis(ms),
        round,
    }
}

type Round = fn(&Play<'_>, &mut Random) -> Result<()>;

pub(crate) const BEHAVIOURS: [Behaviour; 16] = [
    every(0, "heads, a byte a second", 1, slow_heads),
    every(0, "frames, a byte a second", 1, slow_frames),
    every(10, "heads and frames, byte by byte", 1, byte_by_byte),
    every(50, "Pings in floods", 1, ping_flood),
    every(50, "messages of a byte in floods", 1, tiny_flood),
    every(200, "empty fragments without end", 1, empty_fragments),
    every(100, "fragments without end", 1, long_fragments),
    every(100, "deflate bombs", 2, bombs),
    every(50, "lengths up to 2^64 - 1", 1, huge_lengths),
    every(100, "1 MiB declared, one byte sent", 1, declared),
    every(20, "resets, in handshake, frame, Close", 2, resets),
    every(50, "random bytes for a head", 1, junk_heads),
    every(50, "half heads, long heads", 1, bad_heads),
    every(50, "random bytes for frames", 1, junk_frames),
    every(50, "frames that break a rule", 2, wrong_frames),
    every(200, "floods, never reading", 4, never_read),
];

impl Behaviour {
    /// Does it again and again until the end.
    pub(crate) fn play(&self, play: &Play<'_>, seed: u64) -> Result<()> {
        let mut random = Random::new(seed);
        while !play.stage.is_over() {
            (self.round)(play, &mut random)?;
            play.stage.pause(self.pause);
        }
        Ok(())
    }
}

impl Bombs {
    /// What compresses is this library, on a connection of its own.
    pub(crate) fn new(address: &str) -> Result<Self> {
        let zeros = vec![0; 64 << 20];
        let policy = Some(Policy::default());
        let mut ws = WebSocket::open(address, 1, policy)?;
        ws.conn.send_binary(&zeros, &mut ws.out)?;
        let whole = std::mem::take(&mut ws.out);
        let mut ws = WebSocket::open(address, 2, policy)?;
        for number in 0..64 {
            ws.conn.send_fragment(
                &zeros[..1 << 20],
                Fragment::new(number == 0, number == 63),
                &mut ws.out,
            )?;
        }
        Ok(Self {
            whole,
            fragments: std::mem::take(&mut ws.out),
        })
    }
}

impl Play<'_> {
    fn connect(&self) -> Result<TcpStream> {
        let stream = connect(&self.stage.address)?;
        self.count_opened();
        Ok(stream)
    }

    fn open(&self, deflate: bool) -> Result<WebSocket> {
        let policy = deflate.then(Policy::default);
        let ws = WebSocket::open(&self.stage.address, self.count_opened(), policy)?;
        Ok(ws)
    }

    /// How many there were before, as well.
    fn count_opened(&self) -> u64 {
        self.tally.opened.fetch_add(1, Ordering::Relaxed);
        self.stage.opened.fetch_add(1, Ordering::Relaxed)
    }

    fn right(&self) {
        self.tally.judged.fetch_add(1, Ordering::Relaxed);
    }

    /// Holds a verdict against what it has to be. A reset is none: it throws away what was written
    /// before it.
    fn judge(&self, expected: Fate, fate: Fate) -> Result<()> {
        if fate == expected {
            self.right();
        } else if fate == Fate::Reset {
            self.tally.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            return Err(format!("{fate:?} where {expected:?} has to be").into());
        }
        Ok(())
    }

    /// Opens a connection, writes this, and judges what comes of it.
    fn breaks(&self, deflate: bool, bytes: &[u8], code: CloseCode) -> Result<()> {
        let mut ws = self.open(deflate)?;
        let fate = ws.fate(bytes)?;
        self.judge(Fate::Close(code), fate)
    }
}

/// One of a crowd that a single thread plays.
struct Slow {
    ws: WebSocket,
    left: Vec<u8>,
}

/// A head never gets done at a byte a second: the server has to end it, at its deadline.
fn slow_heads(play: &Play<'_>, _: &mut Random) -> Result<()> {
    let request = request(&play.stage.address)?;
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let stream = play.connect()?;
        stream.set_nonblocking(true)?;
        crowd.push(stream);
    }
    let began = Instant::now();
    for byte in request.chunks(1) {
        play.stage.pause(Duration::from_secs(1));
        if play.stage.is_over() {
            return Ok(());
        }
        let time = began.elapsed();
        let mut open = Vec::new();
        for mut stream in crowd {
            let ended = match stream.read(&mut [0; 512]) {
                Ok(0) => true,
                Ok(_) => return Err("an answer to a head that is not whole".into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => false,
                Err(error) if Fate::of(&error) == Some(Fate::Reset) => true,
                Err(error) => return Err(error.into()),
            };
            if ended && time < HANDSHAKE_DEADLINE.saturating_sub(Duration::from_secs(1)) {
                return Err(format!("ended after {time:?}").into());
            } else if ended {
                play.right();
            } else {
                // Whether it was ended meanwhile is seen in a second.
                let _ = stream.write(byte);
                open.push(stream);
            }
        }
        crowd = open;
        if crowd.is_empty() {
            return Ok(());
        }
        if time > HANDSHAKE_DEADLINE * 2 {
            return Err(format!("a head goes on after {time:?}").into());
        }
    }
    Err("the head was too short".into())
}

/// A frame that takes its time is a frame all the same: its echo comes.
fn slow_frames(play: &Play<'_>, _: &mut Random) -> Result<()> {
    let bytes = frame(TEXT, b"slowly");
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        crowd.push(Slow {
            ws: play.open(false)?,
            left: bytes.clone(),
        });
    }
    while !crowd.is_empty() {
        play.stage.pause(Duration::from_secs(1));
        if play.stage.is_over() {
            return Ok(());
        }
        let mut unfinished = Vec::new();
        for mut slow in crowd {
            slow.ws.stream.write_all(&[slow.left.remove(0)])?;
            if !slow.left.is_empty() {
                unfinished.push(slow);
                continue;
            }
            match slow.ws.receive(Some(Message::Text("slowly")))? {
                Came::Message => play.right(),
                other => return Err(format!("no echo but {other:?}").into()),
            }
            reset(slow.ws.stream)?;
        }
        crowd = unfinished;
    }
    Ok(())
}

/// Every byte in a segment of its own, as quick as they go.
fn byte_by_byte(play: &Play<'_>, _: &mut Random) -> Result<()> {
    let mut stream = play.connect()?;
    let mut bytes = request(&play.stage.address)?;
    bytes.extend(frame(TEXT, b"byte by byte"));
    bytes.extend(frame(0x88, &1000_u16.to_be_bytes()));
    for byte in bytes.chunks(1) {
        stream.write_all(byte)?;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if status(&answer) == Some(101) && answer.ends_with(b"\x81\x0cbyte by byte\x88\x02\x03\xe8") {
        play.right();
        return Ok(());
    }
    Err(format!("answered by {:?}", String::from_utf8_lossy(&answer)).into())
}

/// Pings by the thousand. The Pongs are read: each has to come.
fn ping_flood(play: &Play<'_>, _: &mut Random) -> Result<()> {
    const PINGS: usize = 1000;
    let pings = frame(PING, &[0x55; 20]).repeat(PINGS);
    let mut ws = play.open(false)?;
    for _ in 0..20 {
        ws.stream.write_all(&pings)?;
        for _ in 0..PINGS {
            match ws.receive(None)? {
                Came::Pong => {}
                other => return Err(format!("no Pong but {other:?}").into()),
            }
        }
        if play.stage.is_over() {
            return Ok(());
        }
    }
    play.right();
    ws.close()
}

/// The same with messages of one byte.
fn tiny_flood(play: &Play<'_>, _: &mut Random) -> Result<()> {
    const MESSAGES: usize = 1000;
    let messages = frame(BINARY, b"x").repeat(MESSAGES);
    let mut ws = play.open(false)?;
    for _ in 0..20 {
        ws.stream.write_all(&messages)?;
        for _ in 0..MESSAGES {
            match ws.receive(Some(Message::Binary(b"x")))? {
                Came::Message => {}
                other => return Err(format!("no echo but {other:?}").into()),
            }
        }
        if play.stage.is_over() {
            return Ok(());
        }
    }
    play.right();
    ws.close()
}

/// One more than `Config::max_fragments` lets a message have.
fn empty_fragments(play: &Play<'_>, _: &mut Random) -> Result<()> {
    let most = 1 << 17;
    let mut bytes = frame(FIRST_TEXT, b"");
    bytes.extend(frame(CONTINUATION, b"").repeat(most));
    play.breaks(false, &bytes, TOO_BIG)
}

/// Each is short, and there is always one more: the message gets too long.
fn long_fragments(play: &Play<'_>, random: &mut Random) -> Result<()> {
    let part = random.bytes(1000);
    let mut bytes = frame(FIRST_BINARY, &part);
    let frames = MAX_MESSAGE / part.len() + 1;
    bytes.extend(frame(CONTINUATION, &part).repeat(frames));
    play.breaks(false, &bytes, TOO_BIG)
}

fn bombs(play: &Play<'_>, random: &mut Random) -> Result<()> {
    let bombs = [&play.bombs.whole, &play.bombs.fragments];
    play.breaks(true, bombs[random.below(2)], TOO_BIG)
}

/// Judged at the header; one byte of payload never is.
fn huge_lengths(play: &Play<'_>, _: &mut Random) -> Result<()> {
    for (len, code) in [
        (MAX_MESSAGE as u64 + 1, TOO_BIG),
        (u64::from(u32::MAX) + 1, TOO_BIG),
        ((1 << 63) - 1, TOO_BIG),
        (1 << 63, FAULT),
        (u64::MAX - 4, FAULT),
        (u64::MAX, FAULT),
    ] {
        play.breaks(false, &header(BINARY, len), code)?;
    }
    Ok(())
}

/// A crowd that promises the most that is allowed, and leaves it at that.
fn declared(play: &Play<'_>, _: &mut Random) -> Result<()> {
    let mut bytes = header(BINARY, MAX_MESSAGE as u64);
    bytes.push(0);
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let mut ws = play.open(false)?;
        ws.stream.write_all(&bytes)?;
        crowd.push(ws);
    }
    play.stage.pause(HELD);
    for ws in crowd {
        ws.stream.set_nonblocking(true)?;
        match (&ws.stream).read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => play.right(),
            other => return Err(format!("{other:?} in the middle of a message").into()),
        }
        reset(ws.stream)?;
    }
    Ok(())
}

/// Resets wherever they may come. Nothing is to be seen of them here but that the server goes on.
fn resets(play: &Play<'_>, random: &mut Random) -> Result<()> {
    let request = request(&play.stage.address)?;
    for written in [0, 1, request.len() / 2, request.len() - 1, request.len()] {
        let mut stream = play.connect()?;
        stream.write_all(&request[..written])?;
        reset(stream)?;
    }
    let message = frame(BINARY, &random.bytes(200_000));
    let mut closing = frame(TEXT, b"and then");
    closing.extend(frame(0x88, &1000_u16.to_be_bytes()));
    for bytes in [&message[..1], &message[..5000], &message[..], &closing] {
        let mut ws = play.open(random.below(2) == 0)?;
        ws.stream.write_all(bytes)?;
        if random.below(2) == 0 {
            // Into what the server writes, or has written.
            play.stage.pause(Duration::from_millis(2));
        }
        reset(ws.stream)?;
    }
    play.right();
    Ok(())
}

/// Bytes that are no head are refused, or left alone until they end.
fn junk_heads(play: &Play<'_>, random: &mut Random) -> Result<()> {
    const PREFACES: [&[u8]; 4] = [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ",
    ];
    let mut stream = play.connect()?;
    let mut bytes = PREFACES[random.below(PREFACES.len())].to_vec();
    let len = 1 + random.below(4000);
    bytes.extend(random.bytes(len));
    match refusal(&mut stream, &bytes)? {
        Fate::Status(400 | 414 | 431 | 405 | 501 | 505) | Fate::Ended => play.right(),
        Fate::Reset => {
            play.tally.lost.fetch_add(1, Ordering::Relaxed);
        }
        other => return Err(format!("random bytes are answered by {other:?}").into()),
    }
    Ok(())
}

fn bad_heads(play: &Play<'_>, _: &mut Random) -> Result<()> {
    let request = request(&play.stage.address)?;
    let with = |fields: &str| {
        let end = request.len() - 2;
        [&request[..end], fields.as_bytes(), b"\r\n"].concat()
    };
    let target = format!("GET /{} HTTP/1.1\r\n", "x".repeat(17_000));
    for (bytes, fate) in [
        (request[..request.len() / 2].to_vec(), Fate::Ended),
        (
            with(&format!("X: {}\r\n", "x".repeat(17_000))),
            Fate::Status(431),
        ),
        (with(&"X: 0123456789\r\n".repeat(120)), Fate::Status(431)),
        (
            with(&format!("X: {}\r\n", "x".repeat(3000)).repeat(8)),
            Fate::Status(431),
        ),
        (target.into_bytes(), Fate::Status(414)),
        (with("Content-Length: 5\r\n"), Fate::Status(400)),
        (
            with("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"),
            Fate::Status(400),
        ),
    ] {
        let mut stream = play.connect()?;
        let answer = refusal(&mut stream, &bytes)?;
        play.judge(fate, answer)?;
    }
    Ok(())
}

/// Writes what is no good head and the end behind it; what the server answers.
fn refusal(stream: &mut TcpStream, bytes: &[u8]) -> Result<Fate> {
    let mut answer = Vec::new();
    let ended = stream
        .write_all(bytes)
        .and_then(|()| stream.shutdown(Shutdown::Write))
        .and_then(|()| stream.read_to_end(&mut answer));
    match ended {
        Ok(0) => Ok(Fate::Ended),
        Ok(_) => Ok(status(&answer).map_or(Fate::Ended, Fate::Status)),
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(Fate::Reset),
        Err(error) => Ok(Fate::of(&error).ok_or(error)?),
    }
}

/// The opening handshake is right, and what comes after it only by chance.
fn junk_frames(play: &Play<'_>, random: &mut Random) -> Result<()> {
    let deflate = random.below(2) == 0;
    let mut ws = play.open(deflate)?;
    let len = 1 + random.below(4000);
    ws.stream.write_all(&random.bytes(len))?;
    // A frame that is not whole, perhaps: without the end, there would be nothing to judge.
    let _ = ws.stream.shutdown(Shutdown::Write);
    match ws.fate(b"")? {
        Fate::Close(_) | Fate::Ended => play.right(),
        Fate::Reset => {
            play.tally.lost.fetch_add(1, Ordering::Relaxed);
        }
        other => return Err(format!("random bytes are answered by {other:?}").into()),
    }
    Ok(())
}

fn wrong_frames(play: &Play<'_>, _: &mut Random) -> Result<()> {
    for (deflate, bytes, code) in [
        (false, b"\x81\x05Hello".to_vec(), FAULT),
        (false, frame(0x83, b"reserved"), FAULT),
        (false, frame(0xa1, b"RSV2"), FAULT),
        (false, frame(TEXT | RSV1, b"RSV1"), FAULT),
        (false, frame(0x09, b"a Ping in two"), FAULT),
        (false, frame(0x80, b"of nothing"), FAULT),
        (false, header(PING, 126), FAULT),
        (false, frame(TEXT, b"\xff\xfe"), NOT_TEXT),
        (false, frame(TEXT, b"cut \xe2\x82"), NOT_TEXT),
        (false, frame(0x88, &999_u16.to_be_bytes()), FAULT),
        (true, frame(BINARY | RSV1, &[0xff; 40]), NOT_TEXT),
        (true, frame(PING | RSV1, b"compressed"), FAULT),
    ] {
        play.breaks(deflate, &bytes, code)?;
    }
    Ok(())
}

/// What never reads: the server has to stop reading, or it would hold all the answers. Pings it may
/// read without end, for one Pong answers many.
fn never_read(play: &Play<'_>, random: &mut Random) -> Result<()> {
    let kind = random.below(3);
    let one = match kind {
        0 => frame(PING, &[0x55; 125]).repeat(500),
        1 => frame(TEXT, b"tiny").repeat(5000),
        _ => frame(BINARY, &random.bytes(300_000)),
    };
    let mut ws = play.open(random.below(2) == 0)?;
    ws.stream
        .set_write_timeout(Some(Duration::from_millis(500)))?;
    let mut written = 0;
    let fate = loop {
        match ws.stream.write(&one[written % one.len()..]) {
            Ok(len) => written += len,
            Err(error) => break Fate::of(&error).ok_or(error)?,
        }
        if written > ENDLESS && kind == 0 {
            break Fate::Silent;
        }
        if written > ENDLESS {
            return Err(format!("{written} bytes were taken, and no answer read").into());
        }
        if play.stage.is_over() {
            return Ok(());
        }
    };
    if fate != Fate::Silent {
        return Err(format!("{fate:?} for who does not read").into());
    }
    play.right();
    play.stage.pause(HELD);
    Ok(reset(ws.stream)?)
}

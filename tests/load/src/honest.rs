//! Clients that do nothing wrong, and must not notice the others.

use std::time::{Duration, Instant};

use websocket_proto::deflate::Policy;
use websocket_proto::{Fragment, Message};

use crate::client::{Came, Random, Result, WebSocket};
use crate::stage::Stage;

/// Those that stay connected all the while, and those that come and go.
pub(crate) const STAYING: usize = 8;
pub(crate) const COMING: usize = 2;

/// The lengths at which frames change their form, and some that reads and frames cut.
const LENGTHS: [usize; 12] = [
    0, 1, 125, 126, 1000, 4096, 16_384, 65_535, 65_536, 150_000, 20, 1_000_000,
];
const PAUSE: Duration = Duration::from_millis(20);

/// A message: noise, or text that compresses.
enum Kind {
    Binary(Vec<u8>),
    Text(String),
}

impl Kind {
    fn any(random: &mut Random, len: usize) -> Self {
        if random.below(2) == 0 {
            return Self::Binary(random.bytes(len));
        }
        let mut text = String::with_capacity(len + 32);
        while text.len() < len {
            text.push_str(["naïve ", "Grüße ", "{\"id\": 17} ", "日本 "][random.below(4)]);
        }
        let end = (0..=len).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        Self::Text(text)
    }

    fn message(&self) -> Message<'_> {
        match self {
            Self::Binary(bytes) => Message::Binary(bytes),
            Self::Text(text) => Message::Text(text),
        }
    }
}

/// One connection from the first second to the last.
pub(crate) fn stay(stage: &Stage, number: usize) -> Result<()> {
    let mut random = Random::new(number as u64 + 1);
    let deflate = (number % 2 == 1).then(|| Policy::default().threshold(0));
    let mut ws = WebSocket::open(&stage.address, random.next(), deflate)?;
    // Not all at the same length at the same time.
    let mut turn = number * 5;
    while !stage.is_over() {
        let sent = Kind::any(&mut random, LENGTHS[turn % LENGTHS.len()]);
        turn += 1;
        echo(stage, &mut ws, &sent, turn.is_multiple_of(4))?;
        stage.pause(PAUSE);
    }
    ws.close()
}

/// One short connection after the other.
pub(crate) fn come(stage: &Stage, number: usize) -> Result<()> {
    let mut random = Random::new(number as u64 + 1000);
    while !stage.is_over() {
        let began = Instant::now();
        let deflate = (random.below(2) == 0).then(Policy::default);
        let mut ws = WebSocket::open(&stage.address, random.next(), deflate)?;
        stage.handshakes.record(began.elapsed())?;
        let len = LENGTHS[random.below(LENGTHS.len())];
        let sent = Kind::any(&mut random, len);
        echo(stage, &mut ws, &sent, false)?;
        ws.close()?;
        stage.pause(PAUSE * 5);
    }
    Ok(())
}

/// Sends a message, whole or in fragments, and waits for it to come back.
fn echo(stage: &Stage, ws: &mut WebSocket, sent: &Kind, in_fragments: bool) -> Result<()> {
    let message = sent.message();
    let began = Instant::now();
    match message {
        Message::Binary(bytes) if in_fragments => {
            let (a, b) = bytes.split_at(bytes.len() / 3);
            ws.conn.send_fragment(a, Fragment::First, &mut ws.out)?;
            ws.conn.ping(b"between", &mut ws.out)?;
            ws.conn.send_fragment(b, Fragment::Last, &mut ws.out)?;
            ws.flush()?;
        }
        _ => ws.send(message)?,
    }
    loop {
        match ws.receive(Some(message))? {
            Came::Message => break,
            Came::Pong => {}
            other => return Err(format!("no echo but {other:?}").into()),
        }
    }
    stage.echoes.record(began.elapsed())
}

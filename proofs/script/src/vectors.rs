//! The examples of RFC 6455, from the files that the tests use too.

use core::fmt::Write;

use websocket_proto::frame::MaskingKey;
use websocket_proto::handshake::client::{self, Outcome};
use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy};
use websocket_proto::{
    Assembler, Client, Config, Connection, Incoming, Message, Negotiated, Output, Role, Server,
    SliceOutput,
};

use crate::{Rooms, Wrong};

const FRAMES: &str = include_str!("../../../tests/vectors/s5_7.txt");
const REQUEST: &str = include_str!("../../../tests/vectors/s1_3_request.txt");
const RESPONSE: &str = include_str!("../../../tests/vectors/s1_3_response.txt");

/// One vector of the file.
#[derive(Default)]
struct Vector<'v> {
    name: &'v str,
    to: &'v str,
    bytes: &'v str,
    gives: &'v str,
    sends: Option<&'v str>,
}

/// Plays each vector whole and cut, and says how often it gave what it has to.
pub fn frames(rooms: &mut Rooms, text: &mut impl Write) -> Result<(), Wrong> {
    let mut vector = Vector::default();
    for line in FRAMES.lines().chain([""]) {
        match line.split_once(": ") {
            Some(("vector", name)) => vector.name = name,
            Some(("to", to)) => vector.to = to,
            Some(("bytes", bytes)) => vector.bytes = bytes,
            Some(("gives", gives)) => vector.gives = gives,
            Some(("sends", sends)) => vector.sends = Some(sends),
            _ if line.is_empty() && !vector.bytes.is_empty() => {
                let times = play_cut(&vector, rooms)?;
                writeln!(
                    text,
                    "s5.7 {}: {}, {times} times",
                    vector.name, vector.gives
                )?;
                vector = Vector::default();
            }
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => return Err(Wrong("a line of the vectors that means nothing")),
        }
    }
    Ok(())
}

/// Plays a vector in one read, and in two with a cut at each place near an end of the frame.
fn play_cut(vector: &Vector<'_>, rooms: &mut Rooms) -> Result<usize, Wrong> {
    let len = wire(vector.bytes, &mut rooms.wire)?;
    let mut times = 0;
    for cut in (0..len).filter(|cut| *cut < 24 || len - *cut < 24) {
        // Reading changes the bytes.
        wire(vector.bytes, &mut rooms.wire)?;
        match vector.to {
            "server" => play(vector, Server, cut, len, rooms)?,
            "client" => {
                let role = Client::new(|| MaskingKey::new([1, 2, 3, 4]));
                play(vector, role, cut, len, rooms)?;
            }
            _ => return Err(Wrong("a vector to neither role")),
        }
        times += 1;
    }
    Ok(times)
}

fn play<R: Role>(
    vector: &Vector<'_>,
    role: R,
    cut: usize,
    len: usize,
    rooms: &mut Rooms,
) -> Result<(), Wrong> {
    let mut conn = Connection::new(role, Negotiated::default(), Config::default());
    let mut messages = Assembler::in_slice(&mut rooms.message);
    let mut out = SliceOutput::new(&mut rooms.out);
    let (left, right) = rooms.wire[..len].split_at_mut(cut);
    let mut seen = 0;
    for mut read in [left, right] {
        while let Some(incoming) = conn
            .receive_message(&mut read, &mut messages, &mut out)
            .map_err(|_| Wrong("a vector is refused"))?
        {
            let is_expected = match incoming {
                Incoming::Message(Message::Text(text)) => {
                    is(vector.gives, "text ", text.as_bytes())
                }
                Incoming::Message(Message::Binary(bytes)) => is(vector.gives, "binary ", bytes),
                Incoming::Ping(payload) => is(vector.gives, "ping ", &payload),
                Incoming::Pong(payload) => is(vector.gives, "pong ", &payload),
                _ => false,
            };
            if !is_expected {
                return Err(Wrong("a vector gives something else"));
            }
            seen += 1;
        }
    }
    if seen != 1 {
        return Err(Wrong("a vector does not give one event"));
    }
    match vector.sends {
        None if out.filled().is_empty() => Ok(()),
        // A client's answer is masked with the key above.
        Some("8a Hello") if out.filled() == b"\x8a\x85\x01\x02\x03\x04Igohn" => Ok(()),
        _ => Err(Wrong("a vector sends something else")),
    }
}

/// Whether what a vector gives is this payload: text as it is, or a byte in hex a number of times.
fn is(gives: &str, kind: &str, payload: &[u8]) -> bool {
    let Some(expected) = gives.strip_prefix(kind) else {
        return false;
    };
    match repeated(expected) {
        Some((byte, times)) => payload.len() == times && payload.iter().all(|other| *other == byte),
        None => payload == expected.as_bytes(),
    }
}

/// The byte and the number of `5a*256`.
fn repeated(word: &str) -> Option<(u8, usize)> {
    let (byte, times) = word.split_once('*')?;
    Some((u8::from_str_radix(byte, 16).ok()?, times.parse().ok()?))
}

/// Writes what `81 05 5a*256` says; gives its length.
fn wire(bytes: &str, room: &mut [u8]) -> Result<usize, Wrong> {
    let mut len = 0;
    for word in bytes.split(' ') {
        let once = || Some((u8::from_str_radix(word, 16).ok()?, 1));
        let (byte, times) = repeated(word)
            .or_else(once)
            .ok_or(Wrong("no bytes in hex"))?;
        let place = room
            .get_mut(len..len + times)
            .ok_or(Wrong("too many bytes"))?;
        place.fill(byte);
        len += times;
    }
    Ok(len)
}

/// Writes a head, whose lines end in CRLF on the wire.
pub fn head<'r>(lines: &str, room: &'r mut [u8]) -> Result<&'r mut [u8], Wrong> {
    let mut out = SliceOutput::new(room);
    for line in lines.lines() {
        out.make_room(line.len() + 2)
            .map_err(|_| Wrong("too long a head"))?;
        out.put(line.as_bytes());
        out.put(b"\r\n");
    }
    let len = out.filled().len();
    Ok(&mut room[..len])
}

/// The request of section 1.3 byte by byte, its response, and what a client makes of that.
pub fn handshake(rooms: &mut Rooms, text: &mut impl Write) -> Result<(), Wrong> {
    let request = head(REQUEST, &mut rooms.wire)?;
    let mut server = server::Handshake::default();
    for len in 0..request.len() {
        if !matches!(server.receive(&request[..len]), Ok(None)) {
            return Err(Wrong("a part of the request is taken for all of it"));
        }
    }
    let found = server
        .receive(request)
        .map_err(|_| Wrong("the request is refused"))?;
    let found = found.ok_or(Wrong("the request has no end"))?;
    let origins = OriginPolicy::OneOf(&["http://example.com"]);
    let upgrade = found
        .upgrade(origins)
        .map_err(|_| Wrong("the upgrade is refused"))?;
    let mut out = SliceOutput::new(&mut rooms.out);
    upgrade
        .accept(&Acceptance::default().subprotocol("chat"), &mut out)
        .map_err(|_| Wrong("the response has no room"))?;
    let response = head(RESPONSE, &mut rooms.other_wire)?;
    if out.filled() != response {
        return Err(Wrong("another response than that of section 1.3"));
    }
    writeln!(text, "s1.3 request: the response of section 1.3")?;

    let mut client = client::Handshake::new(*b"the sample nonce", "server.example.com", "/chat")
        .subprotocols(&["chat", "superchat"]);
    match client.receive(response) {
        Ok(Some(Outcome::Open(open))) if open.negotiated.subprotocol == Some("chat") => {
            writeln!(text, "s1.3 response: open, with the subprotocol chat")?;
            Ok(())
        }
        _ => Err(Wrong("a client does not take the response")),
    }
}

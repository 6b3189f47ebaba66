//! A server that answers a handshake and echoes messages, as a device on a serial line would run it.

use core::fmt::Write;

use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
use websocket_proto::{
    Assembler, Config, Connection, Fixed, Incoming, Message, Server, SliceOutput, Transport,
};

use crate::vectors::head;
use crate::{Rooms, Shown, Wrong};

const REQUEST: &str = "GET /echo HTTP/1.1\nHost: device.local\nUpgrade: websocket\nConnection: \
                       Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\
                       Sec-WebSocket-Version: 13\n\n";

/// What the client sends, with the masking key of section 5.7: text; text in three fragments with a
/// Ping between them, which cut an `ä`; a Ping without payload; nine binary bytes; a Close with 1000.
const FRAMES: &[&[u8]] = &[
    b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    b"\x01\x82\x37\xfa\x21\x3d\x5f\x39",
    b"\x89\x84\x37\xfa\x21\x3d\x47\x93\x4f\x5a",
    b"\x00\x83\x37\xfa\x21\x3d\x93\x96\x4d",
    b"\x80\x81\x37\xfa\x21\x3d\x58",
    b"\x89\x80\x37\xfa\x21\x3d",
    b"\x82\x89\x37\xfa\x21\x3d\x37\xfb\x23\x3e\x33\xff\x27\x3a\x3f",
    b"\x88\x85\x37\xfa\x21\x3d\x34\x12\x43\x44\x52",
];

/// Reads in pieces of this many bytes.
const READ: usize = 7;

pub fn serve(rooms: &mut Rooms, text: &mut impl Write) -> Result<(), Wrong> {
    let head_len = head(REQUEST, &mut rooms.wire)?.len();
    let mut len = head_len;
    for frame in FRAMES {
        rooms.wire[len..len + frame.len()].copy_from_slice(frame);
        len += frame.len();
    }
    let wire = &mut rooms.wire[..len];

    let mut handshake = Handshake::default();
    let mut read = 0;
    let mut out = SliceOutput::new(&mut rooms.out);
    let negotiated = loop {
        read = (read + READ).min(len);
        let found = handshake.receive(&wire[..read]);
        let Some(request) = found.map_err(|_| Wrong("the request is refused"))? else {
            continue;
        };
        writeln!(
            text,
            "echo: a request for {} of {head_len} bytes",
            request.path()
        )?;
        let upgrade = request.upgrade(OriginPolicy::SameHost);
        let upgrade = upgrade.map_err(|_| Wrong("the upgrade is refused"))?;
        break upgrade
            .accept(&Acceptance::default(), &mut out)
            .map_err(|_| Wrong("the response has no room"))?;
    };
    for line in out.filled().split(|byte| *byte == b'\n') {
        writeln!(text, "echo: > {}", Shown(line))?;
    }
    out.clear();

    let mut conn = Connection::new(Server, negotiated, Config::default());
    let mut messages = Assembler::<Fixed<64>>::fixed();
    // What came behind the head is the first input.
    let (_, frames) = wire.split_at_mut(head_len);
    let (first, rest) = frames.split_at_mut(read - head_len);
    for mut input in [first].into_iter().chain(rest.chunks_mut(READ)) {
        while let Some(incoming) = conn
            .receive_message(&mut input, &mut messages, &mut out)
            .map_err(|_| Wrong("a frame is refused"))?
        {
            match incoming {
                Incoming::Message(message) => {
                    match message {
                        Message::Text(shown) => writeln!(text, "echo: text {shown}")?,
                        Message::Binary(bytes) => writeln!(text, "echo: binary {}", Shown(bytes))?,
                    }
                    conn.send(message, &mut out)
                        .map_err(|_| Wrong("the echo has no room"))?;
                }
                Incoming::Ping(payload) => writeln!(text, "echo: ping '{}'", Shown(&payload))?,
                Incoming::Close(frame) => {
                    writeln!(
                        text,
                        "echo: close {} '{}'",
                        frame.code().get(),
                        frame.reason()
                    )?;
                }
                _ => return Err(Wrong("an event that nothing makes")),
            }
        }
        if !out.filled().is_empty() {
            writeln!(text, "echo: > {}", Shown(out.filled()))?;
            out.clear();
        }
    }
    if conn.transport() != Transport::CloseNow {
        return Err(Wrong("the closing handshake is not done"));
    }
    let closure = conn.receive_eof();
    writeln!(
        text,
        "echo: clean {}, {}",
        closure.is_clean(),
        closure.code().get()
    )?;
    Ok(())
}

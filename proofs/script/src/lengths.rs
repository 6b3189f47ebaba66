//! Lengths at the edges of a header's fields, and of what memory can address.

use core::fmt::Write;

use websocket_proto::frame::MaskingKey;
use websocket_proto::{
    Assembler, Client, Config, Connection, Incoming, Negotiated, ProtocolError, ReceiveError, Role,
    Server, SliceOutput,
};

use crate::{Rooms, Wrong};

/// Messages of each length from a client to a server and back, by way of the wire.
pub fn both_ways(rooms: &mut Rooms, text: &mut impl Write) -> Result<(), Wrong> {
    let mut key = 0_u32;
    let keys = || {
        key = key.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        MaskingKey::new(key.to_be_bytes())
    };
    let mut client = Connection::new(Client::new(keys), Negotiated::default(), Config::default());
    let mut server = Connection::new(Server, Negotiated::default(), Config::default());
    for len in [0, 1, 125, 126, 127, 1000, 65_535, 65_536] {
        for (at, byte) in rooms.out[..len].iter_mut().enumerate() {
            *byte = at.wrapping_mul(31).to_le_bytes()[0];
        }
        let Rooms {
            message,
            wire,
            other_wire,
            out,
        } = rooms;
        let sent = &out[..len];
        let mut masked = SliceOutput::new(wire);
        client
            .send_binary(sent, &mut masked)
            .map_err(|_| Wrong("no room on the wire"))?;
        let header_len = masked.filled().len() - len;
        let masked_len = masked.filled().len();
        let mut back = SliceOutput::new(other_wire);
        receive(
            &mut server,
            &mut wire[..masked_len],
            message,
            sent,
            Some(&mut back),
        )?;
        let back_len = back.filled().len();
        receive(
            &mut client,
            &mut other_wire[..back_len],
            message,
            sent,
            None,
        )?;
        let back_header = back_len - len;
        writeln!(
            text,
            "lengths: {len} behind headers of {header_len} and {back_header}"
        )?;
    }
    Ok(())
}

/// Receives one message in three reads; it has to be this one. Sends it back.
fn receive<R: Role>(
    conn: &mut Connection<R>,
    wire: &mut [u8],
    message: &mut [u8],
    expected: &[u8],
    mut back: Option<&mut SliceOutput<'_>>,
) -> Result<(), Wrong> {
    let mut messages = Assembler::in_slice(message);
    let mut replies = SliceOutput::new(&mut []);
    let mut seen = 0;
    let third = wire.len().div_ceil(3);
    for mut read in wire.chunks_mut(third) {
        while let Some(incoming) = conn
            .receive_message(&mut read, &mut messages, &mut replies)
            .map_err(|_| Wrong("a message is refused"))?
        {
            let Incoming::Message(message) = incoming else {
                return Err(Wrong("no message"));
            };
            if message.as_bytes() != expected {
                return Err(Wrong("another message than was sent"));
            }
            if let Some(back) = &mut back {
                conn.send(message, *back)
                    .map_err(|_| Wrong("no room for the way back"))?;
            }
            seen += 1;
        }
    }
    if seen == 1 {
        Ok(())
    } else {
        Err(Wrong("not one message"))
    }
}

/// Headers that declare 2^32 bytes and more: what counts is the length on the wire, not what is left
/// of it in a `usize`.
pub fn beyond_memory(rooms: &mut Rooms, text: &mut impl Write) -> Result<(), Wrong> {
    let all = Config::default()
        .max_frame_len(u64::MAX)
        .max_message_len(u64::MAX);
    for len in [(1_u64 << 32) - 1, 1 << 32, (1 << 32) + 5, (1 << 63) - 1] {
        let mut conn = Connection::new(Server, Negotiated::default(), all);
        let mut header = [
            0x82,
            0xff,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
            2,
            3,
            4,
            b'a' ^ 1,
            b'b' ^ 2,
        ];
        header[2..10].copy_from_slice(&len.to_be_bytes());
        let mut out = SliceOutput::new(&mut rooms.out);

        // As a stream it goes on for ever.
        let mut copy = header;
        let mut input = &mut copy[..];
        let event = conn.receive(&mut input, &mut out);
        let Ok(Some(websocket_proto::Event::Chunk(chunk))) = event else {
            return Err(Wrong("no chunk of a long frame"));
        };
        if chunk.last || chunk.payload != websocket_proto::Payload::Binary(b"ab") {
            return Err(Wrong("another chunk of a long frame"));
        }

        // As a message it is too long for the storage.
        let mut conn = Connection::new(Server, Negotiated::default(), all);
        let mut messages = Assembler::in_slice(&mut rooms.message);
        let failed = conn.receive_message(&mut &mut header[..], &mut messages, &mut out);
        let failed = failed.err().and_then(ReceiveError::protocol);
        let Some(error @ ProtocolError::MessageTooLong { .. }) = failed else {
            return Err(Wrong("a message longer than memory is not refused"));
        };
        writeln!(
            text,
            "lengths: {len} goes in as a stream; as a message {}",
            error.close_code().get()
        )?;
    }
    Ok(())
}

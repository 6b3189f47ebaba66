//! Storage grows with few reallocations, whichever way the bytes of a message come.
//!
//! The allocator of the C library often grows a block where it lies, which hides the cost. Other
//! allocators copy each time, so this counts the bytes that they move.
//!
//! `cargo test --all-features --test storage_growth -- --nocapture` prints the figures.

#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod counting;

use counting::moved;
use websocket_proto::frame::MessageKind;
use websocket_proto::{
    Assembler, Config, Connection, Growing, Inbox, Incoming, Negotiated, Server,
};

const MIB: usize = 1 << 20;

/// What a client sends: a message of `len` bytes in frames of `frame` bytes each.
struct Wire {
    name: &'static str,
    kind: MessageKind,
    frame: usize,
}

const WIRES: [Wire; 7] = [
    Wire {
        name: "binary",
        kind: MessageKind::Binary,
        frame: usize::MAX,
    },
    Wire {
        name: "text",
        kind: MessageKind::Text,
        frame: usize::MAX,
    },
    Wire {
        name: "binary in frames of 1 KiB",
        kind: MessageKind::Binary,
        frame: 1 << 10,
    },
    // Each frame is long enough to be read to where it belongs.
    Wire {
        name: "binary in frames of 16 KiB",
        kind: MessageKind::Binary,
        frame: 16 << 10,
    },
    Wire {
        name: "binary in frames of 100 KiB",
        kind: MessageKind::Binary,
        frame: 100 << 10,
    },
    Wire {
        name: "text in frames of 1 KiB",
        kind: MessageKind::Text,
        frame: 1 << 10,
    },
    Wire {
        name: "text in frames of 16 KiB",
        kind: MessageKind::Text,
        frame: 16 << 10,
    },
];

impl Wire {
    fn bytes(&self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + len / 100 + 20);
        let (mut left, mut opcode) = (
            len,
            match self.kind {
                MessageKind::Text => 0x01,
                MessageKind::Binary => 0x02,
            },
        );
        while left > 0 {
            let part = left.min(self.frame);
            left -= part;
            frame(
                opcode | if left == 0 { 0x80 } else { 0 },
                &vec![b'x'; part],
                &mut bytes,
            );
            opcode = 0;
        }
        bytes
    }
}

/// A client's frame; a key of zeros masks nothing.
fn frame(first: u8, payload: &[u8], wire: &mut Vec<u8>) {
    wire.push(first);
    match payload.len() {
        len @ 0..126 => wire.push(0x80 | len as u8),
        len @ 126..0x1_0000 => {
            wire.push(0x80 | 0x7e);
            wire.extend((len as u16).to_be_bytes());
        }
        len => {
            wire.push(0x80 | 0x7f);
            wire.extend((len as u64).to_be_bytes());
        }
    }
    wire.extend([0; 4]);
    wire.extend(payload);
}

/// Takes the bytes of `Wire` in reads of a length.
type Take = fn(&mut Connection<Server>, &mut [u8], usize) -> usize;

/// The ways to receive; each gives the length of the one message that comes.
const WAYS: [(&str, Take); 5] = [
    ("receive_message", by_receive_message),
    ("payload_room", by_payload_room),
    ("Inbox of 16 KiB", |conn, wire, read| {
        by_inbox(conn, wire, read, Inbox::new(16 << 10))
    }),
    ("Inbox of 100 bytes", |conn, wire, read| {
        by_inbox(conn, wire, read, Inbox::new(100))
    }),
    ("Inbox, text held", |conn, wire, read| {
        by_inbox(conn, wire, read, Inbox::new(16 << 10).hold_text(true))
    }),
];

fn len_of(incoming: Incoming<'_>) -> usize {
    match incoming {
        Incoming::Message(message) => message.as_bytes().len(),
        other => panic!("{other:?}"),
    }
}

fn by_receive_message(conn: &mut Connection<Server>, wire: &mut [u8], read: usize) -> usize {
    let (mut messages, mut out, mut len) = (Assembler::default(), Vec::new(), 0);
    for mut input in wire.chunks_mut(read) {
        while let Some(incoming) = conn
            .receive_message(&mut input, &mut messages, &mut out)
            .unwrap()
        {
            len += len_of(incoming);
        }
    }
    len
}

fn by_payload_room(conn: &mut Connection<Server>, wire: &mut [u8], read: usize) -> usize {
    let mut messages: Assembler<Growing> = Assembler::default();
    let (mut out, mut len, mut at) = (Vec::new(), 0, 0);
    while at < wire.len() {
        let rest = &wire[at..];
        if let Some(room) = conn.payload_room(&mut messages) {
            let part = rest.len().min(read).min(room.len());
            room[..part].copy_from_slice(&rest[..part]);
            at += part;
            let incoming = conn.payload_read(part, &mut messages, &mut out).unwrap();
            len += incoming.map_or(0, len_of);
        } else {
            let part = rest.len().min(read);
            let mut input = &mut wire[at..at + part];
            at += part;
            while let Some(incoming) = conn
                .receive_message(&mut input, &mut messages, &mut out)
                .unwrap()
            {
                len += len_of(incoming);
            }
        }
    }
    len
}

fn by_inbox(
    conn: &mut Connection<Server>,
    wire: &[u8],
    read: usize,
    mut inbox: Inbox<Vec<u8>, Growing>,
) -> usize {
    let (mut out, mut len, mut at) = (Vec::new(), 0, 0);
    while at < wire.len() {
        let room = conn.read_room(&mut inbox).unwrap();
        let part = (wire.len() - at).min(read).min(room.len());
        room[..part].copy_from_slice(&wire[at..at + part]);
        at += part;
        inbox.filled(part).unwrap();
        while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
            len += len_of(incoming);
        }
    }
    len
}

/// Receives a message of `len` bytes in every way; `wire_of` gives the bytes that bring it, of which
/// `least` are reserved at first.
fn check(name: &str, negotiated: Negotiated<'_>, least: usize, wire_of: impl Fn(usize) -> Vec<u8>) {
    for (way, take) in WAYS {
        for (read, len) in [(1, MIB / 4), (7, MIB), (4096, 16 * MIB)] {
            let mut wire = wire_of(len);
            let mut conn = Connection::new(Server, negotiated, Config::default());
            let mut taken = 0;
            let (reallocations, bytes_moved) = moved(|| taken = take(&mut conn, &mut wire, read));
            println!("{name:27} {way:18} {read:5} {len:9} {reallocations:4} {bytes_moved:9}");
            assert_eq!(taken, len, "{name}, {way}, reads of {read}");
            // From what the first read brings to the length.
            let doublings = (len / least).ilog2() as usize + 1;
            assert!(
                reallocations <= doublings,
                "{name}, {way}, reads of {read}: {reallocations} reallocations"
            );
            assert!(
                bytes_moved <= 2 * len,
                "{name}, {way}, reads of {read}: {bytes_moved} bytes moved"
            );
        }
    }
}

#[test]
fn storage_doubles_however_the_bytes_come() {
    println!("message, way, read, length, reallocations, bytes moved");
    for wire in WIRES {
        check(wire.name, Negotiated::default(), 1 << 10, |len| {
            wire.bytes(len)
        });
    }
}

#[cfg(feature = "deflate")]
#[test]
fn storage_doubles_with_what_is_inflated() {
    use websocket_proto::Client;
    use websocket_proto::deflate::{Agreement, Policy};
    use websocket_proto::frame::MaskingKey;

    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&Policy::default().level(1)));
    let compressed = |len: usize| {
        let role = Client::new(|| MaskingKey::new([0; 4]));
        let mut client = Connection::new(role, negotiated, Config::default());
        let (mut wire, mut noise) = (Vec::new(), 1_u32);
        let bytes = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Half of it is noise, so that reads are many and small reads inflate to little.
            (noise >> 28) as u8
        });
        let message: Vec<u8> = bytes.take(len).collect();
        client.send(&message, &mut wire).unwrap();
        wire
    };
    check("compressed", negotiated, 1, compressed);
}

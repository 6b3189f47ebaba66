//! A path of the bytes at a size: `websocket-proto-growth PATH SIZE`. `benches/instructions/run --growth` counts what
//! it takes at a size and at twice that size. Work that starts over at every read, frame or field takes four times
//! as much.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::ExitCode;

use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::{MaskingKey, MessageKind};
use websocket_proto::handshake::server::{Acceptance, OriginPolicy};
use websocket_proto::handshake::{HeadLimits, client, server};
use websocket_proto::{
    Assembler, Client, Config, Connection, Event, Fragment, Inbox, Incoming, Negotiated, Payload,
    Role, Server, SliceOutput,
};

/// An allocator that copies at every reallocation: that of the C library grows blocks where they lie, which
/// hides storage that is reallocated too often.
struct Copying;

#[expect(unsafe_code, reason = "an allocator can only be implemented so")]
// SAFETY: every call goes on to `System` with its arguments unchanged; `realloc` is the trait's own.
unsafe impl GlobalAlloc for Copying {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Copying = Copying;

/// A path by its name, with one of its two sizes; the other is twice that.
struct Path {
    name: String,
    size: usize,
    run: Box<dyn Fn(usize)>,
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (path, size) = (args.next(), args.next().and_then(|size| size.parse().ok()));
    let paths = paths();
    match (path.as_deref(), size) {
        (Some("--list"), _) => {
            for path in paths {
                println!("{} {}", path.name, path.size);
            }
        }
        (Some(name), Some(size)) => match paths.iter().find(|path| path.name == name) {
            Some(path) => (path.run)(size),
            None => return ExitCode::FAILURE,
        },
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

/// Nothing but what `work` does is counted: the instructions that come under this name.
#[inline(never)]
fn growth_counted(work: &mut dyn FnMut()) {
    work();
    // So that this function is not left before the work is done.
    black_box(());
}

/// How the bytes are cut into reads.
const READS: [(&str, usize); 4] = [
    ("whole", usize::MAX),
    ("by-1", 1),
    ("by-7", 7),
    ("by-1024", 1024),
];

type MakeWire = fn(usize) -> Wire;

/// What a client sends, by its name, with a size. Long messages go beyond the 64 KiB that storage makes room
/// for before they have come.
const WIRES: [(&str, usize, MakeWire); 12] = [
    ("binary", 100_000, |n| Wire::message(MessageKind::Binary, n)),
    ("text", 100_000, |n| Wire::message(MessageKind::Text, n)),
    ("deflated", 100_000, Wire::deflated),
    ("messages", 1000, Wire::messages),
    ("fragments", 2000, |n| {
        Wire::fragments(MessageKind::Binary, &[7; 24], n)
    }),
    // Long enough to be read to where they belong.
    ("long-fragments", 20, |n| {
        Wire::fragments(MessageKind::Binary, &[7; 17 << 10], n)
    }),
    ("fragments-of-text", 4000, |n| {
        // Every frame ends within a character.
        Wire::fragments(MessageKind::Text, "ä€".as_bytes(), n)
    }),
    ("empty-fragments", 8000, |n| {
        Wire::fragments(MessageKind::Binary, &[], n)
    }),
    ("deflated-fragments", 2000, Wire::deflated_fragments),
    ("pings", 4000, |n| Wire::control(0x9, n)),
    ("pongs", 4000, |n| Wire::control(0xa, n)),
    ("pings-in-message", 4000, Wire::control_between),
];

type Run = fn(usize);

fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    let mut add = |name: String, size, run: Box<dyn Fn(usize)>| {
        paths.push(Path { name, size, run });
    };
    for (cut, read) in READS {
        for (what, size, wire) in WIRES {
            let run = move |size| received(wire(size), read);
            add(format!("receive-{what}-{cut}"), size, Box::new(run));
            if matches!(
                what,
                "binary"
                    | "text"
                    | "deflated"
                    | "messages"
                    | "fragments"
                    | "long-fragments"
                    | "pings-in-message"
            ) {
                let run = move |size| received_from_inbox(wire(size), read);
                add(format!("inbox-{what}-{cut}"), size, Box::new(run));
            }
            let run: Box<dyn Fn(usize)> = match what {
                "binary" | "text" | "fragments" | "fragments-of-text" => {
                    Box::new(move |size| received_in_chunks(wire(size), read))
                }
                "deflated" => Box::new(move |size| received_inflated(wire(size), read)),
                _ => continue,
            };
            add(format!("chunks-{what}-{cut}"), size, run);
        }
        add(
            format!("server-head-{cut}"),
            32 << 10,
            Box::new(move |size| server_head(size, read)),
        );
        add(
            format!("client-head-{cut}"),
            32 << 10,
            Box::new(move |size| client_head(size, read)),
        );
    }
    let others: [(&str, usize, Run); 17] = [
        ("receive-in-room", 1_000_000, received_in_room),
        ("pings-without-room", 4000, pings_without_room),
        ("server-fields", 60, server_fields),
        ("server-extensions", 16, server_extensions),
        ("connections", 100, connections),
        ("server-send", 100_000, |n| send(&mut of_server(), n)),
        ("client-send", 100_000, |n| send(&mut of_client(), n)),
        ("server-send-messages", 4000, |n| {
            send_messages(&mut of_server(), n);
        }),
        ("client-send-messages", 4000, |n| {
            send_messages(&mut of_client(), n);
        }),
        ("server-send-fragments", 4000, |n| {
            send_fragments(&mut of_server(), n);
        }),
        ("client-send-fragments", 4000, |n| {
            send_fragments(&mut of_client(), n);
        }),
        ("client-mask-by-1", 20_000, |n| mask(n, 1)),
        ("client-mask-by-7", 100_000, |n| mask(n, 7)),
        ("client-mask-by-1024", 100_000, |n| mask(n, 1024)),
        ("server-send-deflated", 100_000, send_deflated),
        ("server-send-deflated-messages", 500, send_deflated_messages),
        ("server-send-pings", 4000, send_pings),
    ];
    for (name, size, run) in others {
        add(name.to_owned(), size, Box::new(run));
    }
    // What the check has to find.
    add(
        "control-starts-over".to_owned(),
        8 << 10,
        Box::new(head_that_starts_over),
    );
    paths
}

type Keys = fn() -> MaskingKey;

fn keys() -> MaskingKey {
    MaskingKey::new([0x37, 0xfa, 0x21, 0x3d])
}

fn of_server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

fn of_client() -> Connection<Client<Keys>> {
    Connection::new(
        Client::new(keys as Keys),
        Negotiated::default(),
        Config::default(),
    )
}

fn deflating() -> Negotiated<'static> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&Policy::default()));
    negotiated
}

/// Text with characters of one, two and three bytes.
fn text(len: usize) -> String {
    let mut text = "aé€é".repeat(len / 8);
    text.push_str(&"a".repeat(len % 8));
    text
}

/// Text that gets shorter, but not to nothing.
fn json(len: usize) -> String {
    let (mut text, mut seed) = (String::with_capacity(len + 40), 1_u32);
    while text.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str("{\"price\": ");
        text.push_str(&(seed >> 16).to_string());
        text.push_str(", \"name\": \"none\"},");
    }
    text.truncate(len);
    text
}

/// What comes in, and what has to be found in it.
struct Wire {
    bytes: Vec<u8>,
    found: Found,
    negotiated: Negotiated<'static>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    messages: usize,
    /// Of the messages.
    bytes: usize,
    control: usize,
}

impl Found {
    fn incoming(&mut self, incoming: &Incoming<'_>) {
        match incoming {
            Incoming::Message(message) => {
                self.messages += 1;
                self.bytes += black_box(message).as_bytes().len();
            }
            _ => self.control += 1,
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Chunk(chunk) => {
                self.messages += usize::from(chunk.last);
                self.bytes += match chunk.payload {
                    Payload::Text { carried, text } => {
                        carried.map_or(0, char::len_utf8) + black_box(text).len()
                    }
                    Payload::Binary(bytes) | Payload::Raw { bytes, .. } => black_box(bytes).len(),
                };
            }
            _ => self.control += 1,
        }
    }
}

impl Wire {
    fn new(bytes: Vec<u8>, [messages, len, control]: [usize; 3]) -> Self {
        Self {
            bytes,
            found: Found {
                messages,
                bytes: len,
                control,
            },
            negotiated: Negotiated::default(),
        }
    }

    fn message(kind: MessageKind, n: usize) -> Self {
        let mut out = Vec::new();
        match kind {
            MessageKind::Text => of_client().send_text(&text(n), &mut out),
            MessageKind::Binary => of_client().send_binary(&vec![7; n], &mut out),
        }
        .expect("an open connection");
        Self::new(out, [1, n, 0])
    }

    fn messages(n: usize) -> Self {
        let (mut client, mut out) = (of_client(), Vec::new());
        for _ in 0..n {
            client
                .send_binary(&[7; 64], &mut out)
                .expect("an open connection");
        }
        Self::new(out, [n, 64 * n, 0])
    }

    /// A message of so many frames with this payload, but the first one a byte more, and the last one a
    /// byte less: text is cut within its characters.
    fn fragments(kind: MessageKind, payload: &[u8], n: usize) -> Self {
        let mut out = Vec::new();
        let whole = payload.repeat(n);
        for index in 0..n {
            let opcode = match (index, kind) {
                (0, MessageKind::Text) => 1,
                (0, MessageKind::Binary) => 2,
                _ => 0,
            };
            let is_last = index == n - 1;
            let shifted = usize::from(!payload.is_empty());
            let begin = index * payload.len() + if index == 0 { 0 } else { shifted };
            let end = (index + 1) * payload.len() + if is_last { 0 } else { shifted };
            frame(
                if is_last { 0x80 | opcode } else { opcode },
                &whole[begin..end],
                &mut out,
            );
        }
        Self::new(out, [1, whole.len(), 0])
    }

    fn control(opcode: u8, n: usize) -> Self {
        let mut out = Vec::new();
        for _ in 0..n {
            frame(0x80 | opcode, b"payload", &mut out);
        }
        Self::new(out, [0, 0, n])
    }

    /// A Ping behind every fragment.
    fn control_between(n: usize) -> Self {
        let mut out = Vec::new();
        for index in 0..n {
            frame(if index == 0 { 2 } else { 0 }, &[7; 3], &mut out);
            frame(0x89, b"payload", &mut out);
        }
        frame(0x80, &[], &mut out);
        Self::new(out, [1, 3 * n, n])
    }

    fn deflated(n: usize) -> Self {
        let mut client = Connection::new(Client::new(keys), deflating(), Config::default());
        let mut out = Vec::new();
        client
            .send_text(&json(n), &mut out)
            .expect("an open connection");
        assert!(out.len() < n, "it is compressed");
        Self {
            negotiated: deflating(),
            ..Self::new(out, [1, n, 0])
        }
    }

    fn deflated_fragments(n: usize) -> Self {
        let mut client = Connection::new(Client::new(keys), deflating(), Config::default());
        let (text, mut out) = (json(40 * n), Vec::new());
        for index in 0..n {
            let fragment = &text[40 * index..40 * (index + 1)];
            client
                .send_fragment(
                    fragment,
                    Fragment::new(index == 0, index == n - 1),
                    &mut out,
                )
                .expect("an open connection");
        }
        Self {
            negotiated: deflating(),
            ..Self::new(out, [1, 40 * n, 0])
        }
    }

    fn server(&self) -> Connection<Server> {
        Connection::new(Server, self.negotiated, Config::default())
    }
}

/// A masked frame with a short payload, masked with zeros.
fn frame(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    match u8::try_from(payload.len()) {
        Ok(len @ 0..=125) => out.extend([first, 0x80 | len]),
        _ => {
            let len = u16::try_from(payload.len()).expect("a payload of less than 64 KiB");
            out.extend([first, 0xfe]);
            out.extend(len.to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
}

fn received(mut wire: Wire, read: usize) {
    let (mut conn, mut found) = (wire.server(), Found::default());
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    growth_counted(&mut || {
        for mut input in wire.bytes.chunks_mut(read) {
            while let Some(incoming) = conn
                .receive_message(&mut input, &mut messages, &mut out)
                .expect("nothing is wrong")
            {
                found.incoming(&incoming);
            }
        }
    });
    assert_eq!(found, wire.found);
    black_box(out);
}

fn received_in_chunks(mut wire: Wire, read: usize) {
    let (mut conn, mut found, mut out) = (wire.server(), Found::default(), Vec::new());
    growth_counted(&mut || {
        for mut input in wire.bytes.chunks_mut(read) {
            while let Some(event) = conn
                .receive(&mut input, &mut out)
                .expect("nothing is wrong")
            {
                found.event(&event);
            }
        }
    });
    assert_eq!(found, wire.found);
}

/// A window that each read fills many times.
fn received_inflated(mut wire: Wire, read: usize) {
    let (mut conn, mut found, mut out) = (wire.server(), Found::default(), Vec::new());
    let mut window = [0; 64];
    growth_counted(&mut || {
        for mut input in wire.bytes.chunks_mut(read) {
            while let Some(event) = conn
                .receive_inflated(&mut input, &mut window, &mut out)
                .expect("nothing is wrong")
            {
                found.event(&event);
            }
        }
    });
    assert_eq!(found, wire.found);
}

/// What remains of a message is read into the assembler, 1 KiB at a time, as long as it lends room.
fn received_in_room(n: usize) {
    let mut wire = Wire::message(MessageKind::Binary, n);
    let (mut conn, mut found) = (wire.server(), 0);
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    growth_counted(&mut || {
        let mut rest = &mut wire.bytes[..];
        while !rest.is_empty() {
            let len = rest.len().min(1024);
            let incoming = if let Some(room) = conn.payload_room(&mut messages) {
                let len = len.min(room.len());
                room[..len].copy_from_slice(&rest[..len]);
                rest = &mut std::mem::take(&mut rest)[len..];
                conn.payload_read(len, &mut messages, &mut out)
            } else {
                let (mut input, behind) = std::mem::take(&mut rest).split_at_mut(len);
                rest = behind;
                conn.receive_message(&mut input, &mut messages, &mut out)
            };
            if let Some(Incoming::Message(message)) = incoming.expect("nothing is wrong") {
                found = black_box(message).as_bytes().len();
            }
        }
    });
    assert_eq!(found, n);
}

/// The buffer is shorter than the long messages, and longer than the others.
fn received_from_inbox(wire: Wire, read: usize) {
    let (mut conn, mut found, mut out) = (wire.server(), Found::default(), Vec::new());
    let mut inbox = Inbox::new(4 << 10).hold_text(true);
    growth_counted(&mut || {
        for mut rest in wire.bytes.chunks(read) {
            while !rest.is_empty() {
                let room = conn
                    .read_room(&mut inbox)
                    .expect("an inbox that is used rightly");
                let len = rest.len().min(room.len());
                room[..len].copy_from_slice(&rest[..len]);
                rest = &rest[len..];
                inbox.filled(len).expect("an inbox that is used rightly");
                while let Some(incoming) = conn
                    .receive_from(&mut inbox, &mut out)
                    .expect("nothing is wrong")
                {
                    found.incoming(&incoming);
                }
            }
        }
    });
    assert_eq!(found, wire.found);
    black_box(out);
}

/// Nothing can be written: the newest Pong waits.
fn pings_without_room(n: usize) {
    let mut wire = Wire::control(0x9, n);
    let mut conn = wire.server();
    let mut control = 0;
    growth_counted(&mut || {
        let (mut input, mut out) = (&mut wire.bytes[..], SliceOutput::new(&mut []));
        while conn
            .receive(&mut input, &mut out)
            .expect("nothing is wrong")
            .is_some()
        {
            control += 1;
        }
    });
    assert_eq!(control, n);
    assert!(conn.wants_flush());
}

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
const NONCE: [u8; 16] = *b"the sample nonce";

/// `start`, and lines of 1 KiB, to this length: within the number of fields that is allowed.
fn head(start: &str, size: usize) -> String {
    let mut head = start.to_owned();
    while head.len() + 2 < size {
        let left = (size - head.len() - 2).min(1024);
        head.push_str("X: ");
        head.push_str(&"x".repeat(left.saturating_sub(5)));
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head
}

/// The lengths of what has come so far, at each read.
fn ends(len: usize, read: usize) -> impl Iterator<Item = usize> {
    let read = read.min(len);
    (1..=len.div_ceil(read)).map(move |reads| len.min(reads * read))
}

fn server_head(size: usize, read: usize) {
    let head = head(REQUEST, size);
    let mut done = 0;
    growth_counted(&mut || {
        let mut handshake = server::Handshake::new(HeadLimits::default().max_len(head.len()));
        for end in ends(head.len(), read) {
            let received = &head.as_bytes()[..end];
            if let Some(request) = handshake.receive(received).expect("nothing is wrong") {
                black_box(
                    request
                        .upgrade(OriginPolicy::Any)
                        .expect("nothing is wrong"),
                );
                done = end;
            }
        }
    });
    assert_eq!(done, head.len());
}

fn client_head(size: usize, read: usize) {
    let head = head(RESPONSE, size);
    let mut done = 0;
    growth_counted(&mut || {
        let mut handshake = client::Handshake::new(NONCE, "example.com", "/chat")
            .limits(HeadLimits::default().max_len(head.len()));
        let mut request = Vec::new();
        handshake.write_request(&mut request).expect("room");
        for end in ends(head.len(), read) {
            let received = &head.as_bytes()[..end];
            let outcome = handshake.receive(received).expect("nothing is wrong");
            if let Some(outcome) = outcome {
                black_box(outcome);
                done = end;
            }
        }
    });
    assert_eq!(done, head.len());
}

/// So many more fields.
fn server_fields(n: usize) {
    let head = format!("{REQUEST}{}\r\n", "A: b\r\n".repeat(n));
    let mut seen = 0;
    growth_counted(&mut || {
        let mut handshake = server::Handshake::new(HeadLimits::default().max_fields(128));
        let request = handshake
            .receive(head.as_bytes())
            .expect("nothing is wrong")
            .expect("it is whole");
        black_box(
            request
                .upgrade(OriginPolicy::Any)
                .expect("nothing is wrong"),
        );
        seen = request.fields().count();
    });
    assert_eq!(seen, n + 5);
}

/// So many more offers of extensions that are not known. (Subprotocols are not counted: each has to differ
/// from all others, and `MAX_SUBPROTOCOLS` keeps that cheap.)
fn server_extensions(n: usize) {
    let offers = vec!["some-extension; with=parameter"; n].join(", ");
    let head = format!("{REQUEST}Sec-WebSocket-Extensions: {offers}\r\n\r\n");
    let acceptance = Acceptance::default().deflate(Policy::default());
    let mut out = Vec::new();
    growth_counted(&mut || {
        let mut handshake = server::Handshake::default();
        let request = handshake
            .receive(head.as_bytes())
            .expect("nothing is wrong")
            .expect("it is whole");
        let upgrade = request
            .upgrade(OriginPolicy::Any)
            .expect("nothing is wrong");
        black_box(upgrade.accept(&acceptance, &mut out).expect("room"));
    });
    assert!(out.starts_with(b"HTTP/1.1 101"));
}

/// What [`server_head`] would be if it did not know what it has seen.
fn head_that_starts_over(size: usize) {
    let head = head(REQUEST, size);
    let mut done = 0;
    growth_counted(&mut || {
        for end in ends(head.len(), 1) {
            let mut handshake = server::Handshake::default();
            let received = &head.as_bytes()[..end];
            if handshake
                .receive(received)
                .expect("nothing is wrong")
                .is_some()
            {
                done = end;
            }
        }
    });
    assert_eq!(done, head.len());
}

/// So many at once: all are opened, then each in turn gets a message and answers it, all are closed.
fn connections(n: usize) {
    let request = format!("{REQUEST}\r\n");
    let (mut message, mut close) = (Vec::new(), Vec::new());
    frame(0x82, &[7; 64], &mut message);
    frame(0x88, b"\x03\xe8", &mut close);
    let mut sent = 0;
    growth_counted(&mut || {
        let mut out = Vec::new();
        let mut open: Vec<_> = (0..n)
            .map(|_| {
                let mut handshake = server::Handshake::default();
                let request = handshake
                    .receive(request.as_bytes())
                    .expect("nothing is wrong")
                    .expect("it is whole");
                let upgrade = request
                    .upgrade(OriginPolicy::Any)
                    .expect("nothing is wrong");
                let negotiated = upgrade
                    .accept(&Acceptance::default(), &mut out)
                    .expect("room");
                out.clear();
                let conn = Connection::new(Server, negotiated, Config::default());
                (conn, Assembler::default())
            })
            .collect();
        for wire in [&message, &message, &message, &close] {
            for (conn, messages) in &mut open {
                let mut read = wire.clone();
                // The message comes in two reads.
                for mut input in read.chunks_mut(40) {
                    let incoming = conn.receive_message(&mut input, messages, &mut out);
                    if let Some(Incoming::Message(message)) = incoming.expect("nothing is wrong") {
                        conn.send(message, &mut out).expect("an open connection");
                    }
                }
                sent += black_box(&out).len();
                out.clear();
            }
        }
    });
    assert_eq!(sent, n * (3 * 66 + 4));
}

fn send<R: Role>(conn: &mut Connection<R>, n: usize) {
    let (payload, mut out) = (vec![7; n], Vec::new());
    growth_counted(&mut || {
        conn.send_binary(black_box(&payload), &mut out)
            .expect("an open connection");
    });
    assert!(out.len() > n);
}

fn send_messages<R: Role>(conn: &mut Connection<R>, n: usize) {
    let mut out = Vec::new();
    growth_counted(&mut || {
        for _ in 0..n {
            conn.send_binary(black_box(&[7; 64]), &mut out)
                .expect("an open connection");
        }
    });
    assert!(out.len() > 64 * n);
}

fn send_fragments<R: Role>(conn: &mut Connection<R>, n: usize) {
    let mut out = Vec::new();
    growth_counted(&mut || {
        for index in 0..n {
            conn.send_fragment(
                black_box("a fragment"),
                Fragment::new(index == 0, index == n - 1),
                &mut out,
            )
            .expect("an open connection");
        }
    });
    assert!(out.len() > 10 * n);
}

/// A frame that the caller streams, in such pieces.
fn mask(n: usize, piece: usize) {
    let (mut client, mut payload) = (of_client(), vec![7; n]);
    let len = u64::try_from(n).expect("a length");
    growth_counted(&mut || {
        let header = client.start_frame(MessageKind::Binary, len, Fragment::Only);
        black_box(header.expect("an open connection").as_bytes());
        for piece in payload.chunks_mut(piece) {
            client.mask_payload(piece).expect("it is within the frame");
        }
    });
    client
        .ping(&[], &mut Vec::new())
        .expect("the frame is complete");
}

fn send_deflated(n: usize) {
    let mut server = Connection::new(Server, deflating(), Config::default());
    let (text, mut out) = (json(n), Vec::new());
    growth_counted(&mut || {
        server
            .send_text(black_box(&text), &mut out)
            .expect("an open connection");
    });
    assert!(!out.is_empty() && out.len() < n);
}

fn send_deflated_messages(n: usize) {
    let mut server = Connection::new(Server, deflating(), Config::default());
    let (text, mut out) = (json(200), Vec::new());
    growth_counted(&mut || {
        for _ in 0..n {
            server
                .send_text(black_box(&text), &mut out)
                .expect("an open connection");
        }
    });
    assert!(!out.is_empty() && out.len() < 200 * n);
}

fn send_pings(n: usize) {
    let (mut server, mut out) = (of_server(), Vec::new());
    growth_counted(&mut || {
        for _ in 0..n {
            server
                .ping(black_box(b"payload"), &mut out)
                .expect("an open connection");
        }
    });
    assert_eq!(out.len(), 9 * n);
}

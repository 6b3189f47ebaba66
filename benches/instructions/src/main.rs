//! One hot path, so many times: `websocket-proto-instructions PATH TIMES`. `benches/instructions/run` counts what that
//! takes.

use std::hint::black_box;
use std::process::ExitCode;

use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::MaskingKey;
use websocket_proto::handshake::client;
use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy};
use websocket_proto::{
    Assembler, Client, Config, Connection, Inbox, Incoming, Message, Negotiated, Role, Server,
};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A path by its name, run so many times.
type Path = (&'static str, fn(usize));

const PATHS: [Path; 15] = [
    ("receive-0", |times| receive(server(), times, &[], 0x82)),
    ("receive-16", |times| {
        receive(server(), times, &[7; 16], 0x82)
    }),
    ("receive-1024", |times| {
        receive(server(), times, &[7; 1024], 0x82)
    }),
    ("receive-text-16", |times| {
        receive(server(), times, &[b'a'; 16], 0x81)
    }),
    ("receive-text-1024", |times| {
        receive(server(), times, &[b'a'; 1024], 0x81)
    }),
    ("receive-bytewise", receive_bytewise),
    ("inbox-bytewise", |times| inbox(&[7; 256], 256, 1, times)),
    ("inbox-fragments", |times| {
        inbox(&[7; 16 << 10], 1 << 10, 16 << 10, times)
    }),
    ("receive-deflate-1024", receive_deflate),
    ("client-receive-16", |times| {
        receive(client(), times, &[7; 16], 0x82)
    }),
    ("send-16", |times| send(server(), times, &[7; 16])),
    ("client-send-16", |times| send(client(), times, &[7; 16])),
    ("client-send-1024", |times| {
        send(client(), times, &[7; 1024])
    }),
    ("server-handshake", server_handshake),
    ("client-handshake", client_handshake),
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (path, times) = (
        args.next(),
        args.next().and_then(|times| times.parse().ok()),
    );
    match (path.as_deref(), times) {
        (Some("--list"), _) => PATHS.iter().for_each(|(name, _)| println!("{name}")),
        (Some(path), Some(times)) => match PATHS.iter().find(|(name, _)| *name == path) {
            Some((_, run)) => run(times),
            None => return ExitCode::FAILURE,
        },
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

fn client() -> Connection<Client<fn() -> MaskingKey>> {
    let keys: fn() -> MaskingKey = || MaskingKey::new(KEY);
    Connection::new(Client::new(keys), Negotiated::default(), Config::default())
}

/// A frame of at most 64 KiB for this role.
fn frame<R: Role>(_: &Connection<R>, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if R::RECEIVES_MASKED { 0x80 } else { 0 };
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(len @ 0..=125) => frame.push(mask_bit | len),
        _ => {
            frame.push(mask_bit | 126);
            let len = u16::try_from(payload.len()).expect("a short payload");
            frame.extend(len.to_be_bytes());
        }
    }
    if R::RECEIVES_MASKED {
        frame.extend(KEY);
        frame.extend(
            payload
                .iter()
                .zip(KEY.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
    } else {
        frame.extend(payload);
    }
    frame
}

/// Whole messages, one in each read.
fn receive<R: Role>(mut conn: Connection<R>, times: usize, payload: &[u8], first: u8) {
    let frame = frame(&conn, first, payload);
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    let mut read = vec![0; frame.len()];
    for _ in 0..times {
        read.copy_from_slice(&frame);
        let mut input = black_box(&mut read[..]);
        let incoming = conn.receive_message(&mut input, &mut messages, &mut out);
        let Ok(Some(Incoming::Message(message))) = incoming else {
            panic!("a message")
        };
        assert_eq!(black_box(message).as_bytes().len(), payload.len());
    }
}

/// A message of 256 bytes, one in each read.
fn receive_bytewise(times: usize) {
    let mut conn = server();
    let frame = frame(&conn, 0x82, &[7; 256]);
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    for _ in 0..times {
        let mut whole = false;
        for byte in &frame {
            let mut read = [*byte];
            let mut input = black_box(&mut read[..]);
            let incoming = conn.receive_message(&mut input, &mut messages, &mut out);
            whole = matches!(incoming, Ok(Some(_)));
        }
        assert!(whole);
    }
}

/// A message in frames of `frame_len` bytes, in reads of `read_len`.
fn inbox(payload: &[u8], frame_len: usize, read_len: usize, times: usize) {
    let mut conn = server();
    let mut stream = Vec::new();
    let frames = payload.chunks(frame_len).count();
    for (index, piece) in payload.chunks(frame_len).enumerate() {
        let fin = if index + 1 == frames { 0x80 } else { 0 };
        let opcode = if index == 0 { 2 } else { 0 };
        stream.extend(frame(&conn, fin | opcode, piece));
    }
    let (mut inbox, mut out) = (Inbox::new(16 << 10), Vec::new());
    for _ in 0..times {
        let mut whole = false;
        let mut rest = black_box(&stream[..]);
        while !rest.is_empty() {
            let room = conn
                .read_room(&mut inbox)
                .expect("an inbox that is used rightly");
            let read = rest.len().min(read_len).min(room.len());
            let (now, after) = rest.split_at(read);
            if let ([to], [from]) = (&mut room[..read], now) {
                *to = *from;
            } else {
                room[..read].copy_from_slice(now);
            }
            rest = after;
            inbox.filled(read).expect("an inbox that is used rightly");
            while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).expect("valid") {
                whole = matches!(incoming, Incoming::Message(_));
            }
        }
        assert!(whole);
    }
}

fn receive_deflate(times: usize) {
    let mut negotiated = Negotiated::default();
    let policy = Policy::default()
        .send_context_takeover(false)
        .receive_context_takeover(false);
    negotiated.deflate = Some(Agreement::new(&policy));
    let keys: fn() -> MaskingKey = || MaskingKey::new(KEY);
    let mut client = Connection::new(Client::new(keys), negotiated, Config::default());
    let mut server = Connection::new(Server, negotiated, Config::default());
    let mut text = String::new();
    while text.len() < 1024 {
        text.push_str("{\"price\": 17, \"name\": \"");
        text.push_str(&(text.len() * 7919 % 1000).to_string());
        text.push_str("\"},");
    }
    let (mut frame, mut out, mut messages) = (Vec::new(), Vec::new(), Assembler::default());
    client
        .send_text(&text, &mut frame)
        .expect("an open connection");
    let mut read = vec![0; frame.len()];
    for _ in 0..times {
        read.copy_from_slice(&frame);
        let mut input = black_box(&mut read[..]);
        let incoming = server.receive_message(&mut input, &mut messages, &mut out);
        let Ok(Some(Incoming::Message(Message::Text(received)))) = incoming else {
            panic!("a message")
        };
        assert_eq!(black_box(received).len(), text.len());
    }
}

fn send<R: Role>(mut conn: Connection<R>, times: usize, payload: &[u8]) {
    let mut out = Vec::with_capacity(2048);
    for _ in 0..times {
        conn.send_binary(black_box(payload), &mut out)
            .expect("an open connection");
        black_box(&out);
        out.clear();
    }
}

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nPragma: no-cache\r\n\
    Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/130.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: https://example.com\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

fn server_handshake(times: usize) {
    let mut out = Vec::with_capacity(1024);
    for _ in 0..times {
        let mut handshake = server::Handshake::default();
        let request = handshake
            .receive(black_box(REQUEST))
            .expect("valid")
            .expect("whole");
        let upgrade = request.upgrade(OriginPolicy::SameHost).expect("right");
        let acceptance = Acceptance::default().deflate(Policy::default());
        let negotiated = upgrade.accept(&acceptance, &mut out).expect("room");
        black_box((negotiated, &out));
        out.clear();
    }
}

fn client_handshake(times: usize) {
    let response =
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let mut out = Vec::with_capacity(1024);
    for _ in 0..times {
        let nonce = black_box(*b"the sample nonce");
        let mut handshake =
            client::Handshake::new(nonce, "example.com", "/chat").deflate(Policy::default());
        handshake.write_request(&mut out).expect("room");
        let outcome = handshake
            .receive(black_box(response))
            .expect("valid")
            .expect("whole");
        black_box((&outcome, &out));
        out.clear();
    }
}

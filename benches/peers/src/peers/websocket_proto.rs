//! This repository's crate, with its default features.

use std::any::Any;

use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::{MaskingKey, MessageKind};
use websocket_proto::handshake::client::{self, Outcome};
use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy};
use websocket_proto::{
    Assembler, Client, Config, Connection, Event, Fragment, Inbox, Incoming, Negotiated, Role,
    Server, SliceOutput,
};

use crate::peer::{Payloads, Random, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::stream::answer;
use crate::wire::{Once, Pipe, Wire};

pub(crate) struct Peer;

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "websocket-proto"
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        Some(match receipt.side {
            Side::Server => receiving(open(Server), wire),
            Side::Client => receiving(open(Client::new(keys())), wire),
        })
    }

    fn receive_pieces(&self, receipt: &Receipt, mut wire: Wire) -> Option<Receiving> {
        assert_eq!(receipt.side, Side::Server);
        let mut conn = open(Server);
        let mut out = Vec::new();
        let mut buffer = vec![0; wire.read_len()];
        Some(Box::new(move |sink| {
            while sink.wants_more() {
                let read = wire.pull(&mut buffer);
                let mut input = &mut buffer[..read];
                while let Some(event) = conn.receive(&mut input, &mut out).expect("valid") {
                    let Event::Chunk(chunk) = event else {
                        panic!("a chunk")
                    };
                    let websocket_proto::Payload::Binary(bytes) = chunk.payload else {
                        panic!("binary")
                    };
                    sink.part(bytes, chunk.last);
                }
            }
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, mut wire: Wire) -> Option<Sending> {
        let mut out = Vec::new();
        let small = payloads[0].len() <= 125;
        let large = payloads[0].len() > 16 << 10;
        let mut turns = Turns::new(payloads);
        match side {
            // The payload goes out from where it is, behind its header.
            Side::Server if !small => {
                let mut conn = open(Server);
                Some(Box::new(move |messages| {
                    for _ in 0..messages {
                        let payload = turns.next();
                        let len = payload.len() as u64;
                        let header = conn
                            .start_frame(MessageKind::Binary, len, Fragment::Only)
                            .expect("an open connection");
                        conn.count_payload(len).expect("an open frame");
                        wire.push(header.as_bytes());
                        wire.push(payload);
                    }
                }))
            }
            Side::Server => Some(sending_short(open(Server), turns, wire)),
            Side::Client if small => Some(sending_short(open(Client::new(keys())), turns, wire)),
            // In pieces that stay in the nearest cache from the copy to the wire.
            Side::Client if large => {
                let mut conn = open(Client::new(keys()));
                Some(Box::new(move |messages| {
                    for _ in 0..messages {
                        let payload = turns.next();
                        let header = conn
                            .start_frame(MessageKind::Binary, payload.len() as u64, Fragment::Only)
                            .expect("an open connection");
                        wire.push(header.as_bytes());
                        for piece in payload.chunks(16 << 10) {
                            conn.put_payload(piece, &mut out).expect("an open frame");
                            wire.push(&out);
                            out.clear();
                        }
                    }
                }))
            }
            Side::Client => {
                let mut conn = open(Client::new(keys()));
                Some(Box::new(move |messages| {
                    for _ in 0..messages {
                        conn.send_binary(turns.next(), &mut out)
                            .expect("an open connection");
                        wire.push(&out);
                        out.clear();
                    }
                }))
            }
        }
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Once::new(request);
        let mut buffer = vec![0; 4096];
        let mut out = Vec::new();
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.rewind();
                out.clear();
                let filled = pipe.pull(&mut buffer);
                let mut handshake = server::Handshake::default();
                let request = handshake
                    .receive(&buffer[..filled])
                    .expect("valid")
                    .expect("whole");
                let upgrade = request.upgrade(OriginPolicy::Any).expect("right");
                let negotiated = upgrade
                    .accept(&Acceptance::default(), &mut out)
                    .expect("acceptable");
                let conn = Connection::new(Server, negotiated, Config::default());
                std::hint::black_box(&conn);
                pipe.push(&out);
            }
            crate::run::check_response(&pipe.output);
        }))
    }

    fn client_handshake(&self) -> Option<Shaking> {
        let mut random = Random::new();
        let mut pipe = Once::new(b"");
        let mut buffer = vec![0; 4096];
        let mut out = Vec::new();
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.rewind();
                out.clear();
                let mut handshake = client::Handshake::new(random.nonce(), "example.com", "/chat");
                handshake.write_request(&mut out).expect("a right request");
                pipe.push(&out);
                pipe.input.clear();
                answer(&pipe.output, &mut pipe.input);
                let filled = pipe.pull(&mut buffer);
                let outcome = handshake
                    .receive(&buffer[..filled])
                    .expect("valid")
                    .expect("whole");
                let Outcome::Open(accepted) = outcome else {
                    panic!("accepted")
                };
                let role = Client::new(keys());
                let conn = Connection::new(role, accepted.negotiated, Config::default());
                std::hint::black_box(&conn);
            }
        }))
    }

    fn receive_deflated(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        assert_eq!(receipt.side, Side::Server);
        Some(receiving(open_deflated(), wire))
    }

    fn send_deflated(&self, payloads: Payloads, mut wire: Wire) -> Option<Sending> {
        let mut conn = open_deflated();
        let mut out = Vec::new();
        // A program that sends text has it as such.
        let texts: Vec<String> = payloads
            .iter()
            .map(|text| String::from_utf8(text.to_vec()).expect("text"))
            .collect();
        let mut next = 0;
        Some(Box::new(move |messages| {
            for _ in 0..messages {
                conn.send_text(&texts[next], &mut out)
                    .expect("an open connection");
                wire.push(&out);
                out.clear();
                next = (next + 1) % texts.len();
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new((open(Server), Assembler::default())))
    }
}

/// Sends messages of up to 125 bytes from room that is there once and for all.
fn sending_short<R: Role + 'static>(
    mut conn: Connection<R>,
    mut turns: Turns,
    mut wire: Wire,
) -> Sending {
    let mut room = [0; 256];
    Box::new(move |messages| {
        let mut out = SliceOutput::new(&mut room);
        for _ in 0..messages {
            conn.send_binary(turns.next(), &mut out)
                .expect("an open connection");
            wire.push(out.filled());
            out.clear();
        }
    })
}

fn keys() -> impl FnMut() -> MaskingKey {
    let mut random = Random::new();
    move || MaskingKey::new(random.key())
}

fn open<R: Role>(role: R) -> Connection<R> {
    Connection::new(role, Negotiated::default(), Config::default())
}

fn open_deflated() -> Connection<Server> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&Policy::default()));
    Connection::new(Server, negotiated, Config::default())
}

fn receiving<R: Role + 'static>(mut conn: Connection<R>, mut wire: Wire) -> Receiving {
    let mut inbox = Inbox::new(64 << 10).hold_text(true);
    let mut out = Vec::new();
    Box::new(move |sink| {
        while sink.wants_more() {
            let read = wire.pull(
                conn.read_room(&mut inbox)
                    .expect("an inbox that is used rightly"),
            );
            inbox.filled(read).expect("an inbox that is used rightly");
            while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).expect("valid") {
                let Incoming::Message(message) = incoming else {
                    panic!("a message")
                };
                sink.message(message.as_bytes());
            }
        }
    })
}

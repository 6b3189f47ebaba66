//! sockudo-ws: its public `Protocol`, which is quicker than the stream around it, and the stream where
//! that sends a large payload by reference.

use std::any::Any;

use bytes::BytesMut;
use futures_util::SinkExt as _;
use sockudo_ws::deflate::DeflateConfig;
use sockudo_ws::protocol::{CompressedProtocol, Message, Protocol, Role};
use sockudo_ws::{Config, WebSocketStream, handshake};

use super::tungstenite::Answering;
use crate::peer::{Payloads, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::wire::{Io, Once, Pipe, Wire, now};

pub(crate) struct Peer;

const MAX: usize = 64 << 20;

fn role(side: Side) -> Role {
    match side {
        Side::Server => Role::Server,
        Side::Client => Role::Client,
    }
}

/// The crate does not export its `Result` with a name for this.
type Processed = Result<(), sockudo_ws::Error>;

fn receiving(
    mut wire: Wire,
    mut process: impl FnMut(&mut BytesMut, &mut Vec<Message>) -> Processed + 'static,
) -> Receiving {
    let mut buffer = BytesMut::new();
    let mut messages = Vec::new();
    Box::new(move |sink| {
        while sink.wants_more() {
            buffer.reserve(wire.read_len());
            wire.pull_with(wire.read_len(), |bytes| buffer.extend_from_slice(bytes));
            process(&mut buffer, &mut messages).expect("valid");
            for message in messages.drain(..) {
                sink.message(message.as_bytes());
            }
        }
    })
}

fn sending(
    payloads: Payloads,
    mut wire: Wire,
    mut encode: impl FnMut(&Message, &mut BytesMut) -> Processed + 'static,
) -> Sending {
    let mut buffer = BytesMut::new();
    let mut turns = Turns::new(payloads);
    Box::new(move |messages| {
        for _ in 0..messages {
            let message = Message::Binary(turns.next().clone());
            encode(&message, &mut buffer).expect("an open connection");
            wire.push(&buffer);
            buffer.clear();
        }
    })
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "sockudo-ws"
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let mut protocol = Protocol::new(role(receipt.side), MAX, MAX);
        Some(receiving(wire, move |buffer, messages| {
            protocol.process_into(buffer, messages)
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let by_reference = payloads[0].len() >= sockudo_ws::cork::ZERO_COPY_MIN;
        if side == Side::Server && by_reference {
            let config = Config {
                auto_ping: false,
                idle_timeout: 0,
                ..Config::default()
            };
            let mut socket = WebSocketStream::server(Io(wire), config);
            let mut turns = Turns::new(payloads);
            return Some(Box::new(move |messages| {
                now(async {
                    for _ in 0..messages {
                        let message = Message::Binary(turns.next().clone());
                        socket.send(message).await.expect("an open connection");
                    }
                });
            }));
        }
        let mut protocol = Protocol::new(role(side), MAX, MAX);
        Some(sending(payloads, wire, move |message, buffer| {
            protocol.encode_message(message, buffer)
        }))
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Io(Once::new(request));
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.rewind();
                now(handshake::server_handshake(&mut pipe)).expect("right");
                std::hint::black_box(&Protocol::new(Role::Server, MAX, MAX));
            }
            crate::run::check_response(&pipe.0.output);
        }))
    }

    fn client_handshake(&self) -> Option<Shaking> {
        let mut pipe = Io(Answering(Once::new(b"")));
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.0.rewind();
                pipe.0.0.input.clear();
                now(handshake::client_handshake(
                    &mut pipe,
                    "example.com",
                    "/chat",
                    None,
                ))
                .expect("accepted");
                std::hint::black_box(&Protocol::new(Role::Client, MAX, MAX));
            }
        }))
    }

    fn receive_deflated(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        assert_eq!(receipt.side, Side::Server);
        let mut protocol = CompressedProtocol::server(MAX, MAX, DeflateConfig::default());
        Some(receiving(wire, move |buffer, messages| {
            protocol.process_into(buffer, messages)
        }))
    }

    fn send_deflated(&self, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let mut protocol = CompressedProtocol::server(MAX, MAX, DeflateConfig::default());
        Some(sending(payloads, wire, move |message, buffer| {
            protocol.encode_message(message, buffer)
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new((
            Protocol::new(Role::Server, MAX, MAX),
            BytesMut::new(),
        )))
    }
}

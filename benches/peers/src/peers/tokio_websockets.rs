//! tokio-websockets. Frames are as long as messages, as with the others.

use std::any::Any;

use futures_util::{SinkExt as _, StreamExt as _};
use http::Uri;
use tokio_websockets::{ClientBuilder, Config, Message, ServerBuilder, WebSocketStream};

use super::tungstenite::Answering;
use crate::peer::{Payloads, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::wire::{Io, Once, Wire, now};

pub(crate) struct Peer;

fn open(side: Side, wire: Wire) -> WebSocketStream<Io<Wire>> {
    let config = Config::default().frame_size(usize::MAX);
    match side {
        Side::Server => ServerBuilder::new().config(config).serve(Io(wire)),
        Side::Client => ClientBuilder::new().config(config).take_over(Io(wire)),
    }
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "tokio-websockets"
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let mut socket = open(receipt.side, wire);
        Some(Box::new(move |sink| {
            now(async {
                while sink.wants_more() {
                    let message = socket.next().await.expect("no end").expect("valid");
                    sink.message(message.as_payload());
                }
            });
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let mut socket = open(side, wire);
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            now(async {
                for _ in 0..messages {
                    let message = Message::binary(turns.next().clone());
                    socket.send(message).await.expect("an open connection");
                }
            });
        }))
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Io(Once::new(request));
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.rewind();
                let (_, socket) = now(ServerBuilder::new().accept(&mut pipe)).expect("right");
                std::hint::black_box(&socket);
            }
            crate::run::check_response(&pipe.0.output);
        }))
    }

    fn client_handshake(&self) -> Option<Shaking> {
        let mut pipe = Io(Answering(Once::new(b"")));
        let uri = Uri::from_static("ws://example.com/chat");
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.0.rewind();
                pipe.0.0.input.clear();
                let builder = ClientBuilder::from_uri(uri.clone());
                let (socket, _) = now(builder.connect_on(&mut pipe)).expect("accepted");
                std::hint::black_box(&socket);
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(ServerBuilder::new().serve(tokio::io::empty())))
    }
}

//! soketto, over the traits of futures.

use std::any::Any;

use soketto::connection::{Builder, Mode, Receiver, Sender};
use soketto::handshake::server::Response;
use soketto::handshake::{Client, Server, ServerResponse};

use super::tungstenite::Answering;
use crate::peer::{Leaves, Payloads, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::wire::{Io, Nothing, Once, Wire, now};

pub(crate) struct Peer;

fn open(side: Side, wire: Wire) -> (Sender<Io<Wire>>, Receiver<Io<Wire>>) {
    let mode = match side {
        Side::Server => Mode::Server,
        Side::Client => Mode::Client,
    };
    Builder::new(Io(wire), mode).finish()
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "soketto"
    }

    fn leaves(&self) -> Leaves {
        Leaves {
            utf8: true,
            ..Leaves::default()
        }
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let (sender, mut receiver) = open(receipt.side, wire);
        let mut message = Vec::new();
        Some(Box::new(move |sink| {
            let _ = &sender;
            now(async {
                while sink.wants_more() {
                    message.clear();
                    receiver.receive_data(&mut message).await.expect("valid");
                    sink.message(&message);
                }
            });
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let (mut sender, receiver) = open(side, wire);
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            let _ = &receiver;
            now(async {
                for _ in 0..messages {
                    let payload = turns.next();
                    sender
                        .send_binary(payload)
                        .await
                        .expect("an open connection");
                    sender.flush().await.expect("an open connection");
                }
            });
        }))
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Io(Once::new(request));
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.rewind();
                now(async {
                    let mut server = Server::new(&mut pipe);
                    let key = server.receive_request().await.expect("right").key();
                    let response = Response::Accept {
                        key,
                        protocol: None,
                    };
                    server.send_response(&response).await.expect("open");
                    std::hint::black_box(&server.into_builder().finish());
                });
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
                now(async {
                    let mut client = Client::new(&mut pipe, "example.com", "/chat");
                    let response = client.handshake().await.expect("valid");
                    assert!(matches!(response, ServerResponse::Accepted { .. }));
                    std::hint::black_box(&client.into_builder().finish());
                });
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(Builder::new(Io(Nothing), Mode::Server).finish()))
    }
}

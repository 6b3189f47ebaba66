//! fastwebsockets, which puts messages together in its `FragmentCollector`.

use std::any::Any;

use fastwebsockets::{FragmentCollector, Frame, Payload, Role, WebSocket};

use crate::peer::{Payloads, Receipt, Receiving, Sending, Side, Turns};
use crate::wire::{Io, Wire, now};

pub(crate) struct Peer;

fn open(side: Side, wire: Wire) -> WebSocket<Io<Wire>> {
    let role = match side {
        Side::Server => Role::Server,
        Side::Client => Role::Client,
    };
    WebSocket::after_handshake(Io(wire), role)
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "fastwebsockets"
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let mut socket = FragmentCollector::new(open(receipt.side, wire));
        Some(Box::new(move |sink| {
            now(async {
                while sink.wants_more() {
                    let frame = socket.read_frame().await.expect("valid");
                    sink.message(&frame.payload);
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
                    let payload = turns.next().clone();
                    let frame = Frame::binary(Payload::Borrowed(&payload));
                    socket.write_frame(frame).await.expect("an open connection");
                    socket.flush().await.expect("an open connection");
                }
            });
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        let socket = WebSocket::after_handshake(tokio::io::empty(), Role::Server);
        Some(Box::new(FragmentCollector::new(socket)))
    }
}

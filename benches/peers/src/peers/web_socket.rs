//! web-socket: frames, and text that nobody has checked. It reads a header byte by byte, so it has a
//! buffered reader below it.

use std::any::Any;

use tokio::io::BufReader;
use web_socket::{DataType, Event, Frame, Stream, WebSocket};

use crate::peer::{Leaves, Payloads, Receipt, Receiving, Sending, Side, Turns};
use crate::wire::{Io, Wire, now};

pub(crate) struct Peer;

fn open<S>(side: Side, stream: S) -> WebSocket<S> {
    match side {
        Side::Server => WebSocket::server(stream),
        Side::Client => WebSocket::client(stream),
    }
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "web-socket"
    }

    fn leaves(&self) -> Leaves {
        Leaves {
            messages: true,
            utf8: true,
            handshake: true,
            ..Leaves::default()
        }
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let len = wire.read_len();
        let mut socket = open(receipt.side, BufReader::with_capacity(len, Io(wire)));
        Some(Box::new(move |sink| {
            now(async {
                while sink.wants_more() {
                    let Ok(Event::Data { ty, data }) = socket.recv().await else {
                        panic!("data")
                    };
                    let last =
                        matches!(ty, DataType::Complete(_) | DataType::Stream(Stream::End(_)));
                    sink.part(&data, last);
                }
            });
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let mut socket = open(side, Io(wire));
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            now(async {
                for _ in 0..messages {
                    let frame = Frame {
                        fin: true,
                        opcode: 2,
                        data: turns.next(),
                    };
                    socket.send(frame).await.expect("an open connection");
                    socket.flash().await.expect("an open connection");
                }
            });
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        let stream = BufReader::with_capacity(64 << 10, tokio::io::empty());
        Some(Box::new(open(Side::Server, stream)))
    }
}

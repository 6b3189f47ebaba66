//! tungstenite, over the traits of the standard library. tokio-tungstenite, async-tungstenite and
//! axum have it inside.

use std::any::Any;

use tungstenite::WebSocket;
use tungstenite::handshake::client::Request;
use tungstenite::protocol::{Message, Role, WebSocketConfig};

use crate::peer::{Payloads, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::stream::answer;
use crate::wire::{Io, Once, Pipe, Wire};

pub(crate) struct Peer;

fn open(side: Side, wire: Wire) -> WebSocket<Io<Wire>> {
    let role = match side {
        Side::Server => Role::Server,
        Side::Client => Role::Client,
    };
    let mut config = WebSocketConfig::default();
    if wire.read_len() > 1 {
        config = config.read_buffer_size(wire.read_len());
    }
    WebSocket::from_raw_socket(Io(wire), role, Some(config))
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "tungstenite"
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let mut socket = open(receipt.side, wire);
        Some(Box::new(move |sink| {
            while sink.wants_more() {
                match socket.read().expect("valid") {
                    Message::Text(text) => sink.message(text.as_bytes()),
                    Message::Binary(bytes) => sink.message(&bytes),
                    other => panic!("{other:?}"),
                }
            }
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let mut socket = open(side, wire);
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            for _ in 0..messages {
                let message = Message::Binary(turns.next().clone());
                socket.send(message).expect("an open connection");
            }
        }))
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Io(Once::new(request));
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.rewind();
                let socket = tungstenite::accept(&mut pipe)
                    .map_err(|_| ())
                    .expect("right");
                std::hint::black_box(&socket);
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
                let request = Request::builder()
                    .uri("ws://example.com/chat")
                    .header("Host", "example.com")
                    .header("Connection", "Upgrade")
                    .header("Upgrade", "websocket")
                    .header("Sec-WebSocket-Version", "13")
                    .header(
                        "Sec-WebSocket-Key",
                        tungstenite::handshake::client::generate_key(),
                    )
                    .body(())
                    .expect("a right request");
                let (socket, _) = tungstenite::client(request, &mut pipe)
                    .map_err(|_| ())
                    .expect("accepted");
                std::hint::black_box(&socket);
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        let socket = WebSocket::from_raw_socket(std::io::empty(), Role::Server, None);
        Some(Box::new(socket))
    }
}

/// A server that answers a request once it is whole.
pub(crate) struct Answering(pub(crate) Once);

impl Pipe for Answering {
    fn pull_with(&mut self, room: usize, put: impl FnMut(&[u8])) -> usize {
        if self.0.input.is_empty() && self.0.output.ends_with(b"\r\n\r\n") {
            answer(&self.0.output, &mut self.0.input);
        }
        self.0.pull_with(room, put)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }
}

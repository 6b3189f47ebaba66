//! wtx, over its own traits. Its sender masks the caller's payload in place, so a client that keeps its
//! payloads copies them first.

use std::any::Any;
use std::mem;

use wtx::collection::Vector;
use wtx::misc::UriRef;
use wtx::rng::Xorshift64;
use wtx::web_socket::compression::{Flate2, WindowBits};
use wtx::web_socket::{
    CompressionLevel, DeflateConfig, Frame, OpCode, WebSocket, WebSocketAcceptor, WebSocketBuffer,
    WebSocketConnector, WebSocketOwned, WebSocketPayloadOrigin,
};

use super::tungstenite::Answering;
use crate::peer::{Leaves, Payloads, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::stream::CHROME;
use crate::wire::{Io, Once, Pipe, Wire, now};

pub(crate) struct Peer;

fn open<const IS_CLIENT: bool>(wire: Wire) -> WebSocketOwned<(), Xorshift64, Io<Wire>, IS_CLIENT> {
    let rng = Xorshift64::new(0x9e37_79b9_7f4a_7c15);
    WebSocket::new((), false, rng, Io(wire), WebSocketBuffer::new())
}

fn receiving<const IS_CLIENT: bool>(wire: Wire) -> Receiving {
    let mut socket = open::<IS_CLIENT>(wire);
    let mut buffer = Vector::new();
    Box::new(move |sink| {
        now(async {
            while sink.wants_more() {
                let frame = socket
                    .read_frame(&mut buffer, WebSocketPayloadOrigin::Adaptive)
                    .await
                    .expect("valid");
                sink.message(frame.payload());
            }
        });
    })
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "wtx"
    }

    fn leaves(&self) -> Leaves {
        Leaves {
            context: true,
            closing: true,
            ..Leaves::default()
        }
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        Some(match receipt.side {
            Side::Server => receiving::<false>(wire),
            Side::Client => receiving::<true>(wire),
        })
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let mut scratch = Vec::new();
        if side == Side::Client {
            let mut socket = open::<true>(wire);
            let mut turns = Turns::new(payloads);
            return Some(Box::new(move |messages| {
                now(async {
                    for _ in 0..messages {
                        scratch.clear();
                        scratch.extend_from_slice(turns.next());
                        let mut frame = Frame::new_fin(OpCode::Binary, &mut scratch[..]);
                        socket.write_frame(&mut frame).await.expect("open");
                    }
                });
            }));
        }
        // It asks for a payload that it may change even where it will not.
        let mut payloads: Vec<Vec<u8>> = payloads.iter().map(|bytes| bytes.to_vec()).collect();
        let mut socket = open::<false>(wire);
        let mut next = 0;
        Some(Box::new(move |messages| {
            now(async {
                for _ in 0..messages {
                    let mut frame = Frame::new_fin(OpCode::Binary, &mut payloads[next][..]);
                    socket.write_frame(&mut frame).await.expect("open");
                    next = (next + 1) % payloads.len();
                }
            });
        }))
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Io(Once::new(request));
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.0.rewind();
                let acceptor = WebSocketAcceptor::default().no_masking(false);
                let accepted: wtx::Result<_> = now(acceptor.accept(&mut pipe));
                std::hint::black_box(&accepted.expect("right"));
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
                let uri = UriRef::new("ws://example.com:80/chat");
                let connector = WebSocketConnector::default().no_masking(false);
                let connected: wtx::Result<_> = now(connector.connect(&mut pipe, &uri));
                std::hint::black_box(&connected.expect("accepted"));
            }
        }))
    }

    fn send_deflated(&self, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let config = DeflateConfig {
            client_max_window_bits: WindowBits::Fifteen,
            compression_level: CompressionLevel::Six,
            server_max_window_bits: WindowBits::Fifteen,
        };
        let pipe = Io(AfterHandshake {
            request: CHROME.as_bytes().to_vec(),
            answered: false,
            wire,
        });
        let acceptor = WebSocketAcceptor::default()
            .no_masking(false)
            .compression(Flate2::from(config));
        let accepted: wtx::Result<_> = now(acceptor.accept(pipe));
        let mut socket = accepted.expect("right");
        let mut scratch = Vec::new();
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            now(async {
                for _ in 0..messages {
                    scratch.clear();
                    scratch.extend_from_slice(turns.next());
                    let mut frame = Frame::new_fin(OpCode::Text, &mut scratch[..]);
                    socket.write_frame(&mut frame).await.expect("open");
                }
            });
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        let rng = Xorshift64::new(1);
        let socket: WebSocketOwned<(), _, (), false> =
            WebSocket::new((), false, rng, (), WebSocketBuffer::new());
        Some(Box::new(socket))
    }
}

/// A wire with a request before it, whose answer is not written to it.
struct AfterHandshake {
    request: Vec<u8>,
    answered: bool,
    wire: Wire,
}

impl Pipe for AfterHandshake {
    fn pull_with(&mut self, room: usize, mut put: impl FnMut(&[u8])) -> usize {
        if self.request.is_empty() {
            return self.wire.pull_with(room, put);
        }
        let request = mem::take(&mut self.request);
        put(&request);
        request.len()
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.answered {
            self.wire.push(bytes);
        }
        self.answered = true;
    }
}

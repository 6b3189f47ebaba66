//! embedded-websocket, which copies what it receives into a buffer of the caller's, in parts. It never
//! reports the end of a fragmented message.

use std::any::Any;

use embedded_websocket::{
    Error, WebSocket, WebSocketSendMessageType, WebSocketServer, WebSocketState, WebSocketType,
    read_http_header,
};
use rand_core::RngCore;

use crate::peer::{Leaves, Payloads, Random, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::wire::{Once, Pipe, Wire};

pub(crate) struct Peer;

struct Rng(Random);

impl RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.0.key())
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let len = chunk.len();
            chunk.copy_from_slice(&self.0.next().to_ne_bytes()[..len]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

fn server() -> WebSocketServer {
    let mut socket = WebSocketServer::new_server();
    socket.state = WebSocketState::Open;
    socket
}

fn client() -> embedded_websocket::WebSocketClient<Rng> {
    let mut socket = embedded_websocket::WebSocketClient::new_client(Rng(Random::new()));
    socket.state = WebSocketState::Open;
    socket
}

fn receiving<T: RngCore + 'static, S: WebSocketType + 'static>(
    mut socket: WebSocket<T, S>,
    mut wire: Wire,
) -> Receiving {
    // A header that a read has cut stays until it is whole.
    let mut buffer = vec![0; wire.read_len() + 16];
    let mut filled = 0;
    let mut to = vec![0; 64 << 10];
    Box::new(move |sink| {
        while sink.wants_more() {
            filled += wire.pull(&mut buffer[filled..]);
            let mut at = 0;
            while at < filled {
                match socket.read(&buffer[at..filled], &mut to) {
                    Ok(result) => {
                        at += result.len_from;
                        sink.part(&to[..result.len_to], result.end_of_message);
                    }
                    Err(Error::ReadFrameIncomplete) => break,
                    Err(error) => panic!("{error:?}"),
                }
            }
            buffer.copy_within(at..filled, 0);
            filled -= at;
        }
    })
}

fn sending<T: RngCore + 'static, S: WebSocketType + 'static>(
    mut socket: WebSocket<T, S>,
    payloads: Payloads,
    mut wire: Wire,
) -> Sending {
    let mut out = vec![0; payloads[0].len() + 14];
    let mut turns = Turns::new(payloads);
    Box::new(move |messages| {
        for _ in 0..messages {
            let kind = WebSocketSendMessageType::Binary;
            let len = socket
                .write(kind, true, turns.next(), &mut out)
                .expect("an open connection");
            wire.push(&out[..len]);
        }
    })
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "embedded-websocket"
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
        if receipt.fragmented {
            return None;
        }
        Some(match receipt.side {
            Side::Server => receiving(server(), wire),
            Side::Client => receiving(client(), wire),
        })
    }

    fn receive_pieces(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        self.receive(receipt, wire)
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        Some(match side {
            Side::Server => sending(server(), payloads, wire),
            Side::Client => sending(client(), payloads, wire),
        })
    }

    fn server_handshake(&self, request: &[u8]) -> Option<Shaking> {
        let mut pipe = Once::new(request);
        let mut buffer = vec![0; 4096];
        let mut out = vec![0; 4096];
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.rewind();
                let filled = pipe.pull(&mut buffer);
                let mut headers = [httparse::EMPTY_HEADER; 32];
                let mut request = httparse::Request::new(&mut headers);
                let parsed = request.parse(&buffer[..filled]).expect("valid");
                assert!(parsed.is_complete());
                let fields = request
                    .headers
                    .iter()
                    .map(|field| (field.name, field.value));
                let context = read_http_header(fields)
                    .expect("valid")
                    .expect("an upgrade");
                let mut socket = WebSocketServer::new_server();
                let len = socket
                    .server_accept(&context.sec_websocket_key, None, &mut out)
                    .expect("room");
                std::hint::black_box(&socket.state);
                pipe.push(&out[..len]);
            }
            crate::run::check_response(&pipe.output);
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(server()))
    }
}

//! `shiguredo_websocket`. A connection opens with the handshake, which is done before time is taken.

use std::any::Any;

use shiguredo_websocket::{
    ClientConnectionOptions, ConnectionEvent, ConnectionOutput, RandomSource,
    ServerConnectionOptions, Timestamp, WebSocketClientConnection, WebSocketServerConnection,
};

use crate::peer::{Payloads, Random, Receipt, Receiving, Sending, Shaking, Side, Turns};
use crate::stream::{CHROME, answer};
use crate::wire::{Once, Pipe, Wire};

pub(crate) struct Peer;

const MAX: usize = 64 << 20;

struct Source(Random);

impl RandomSource for Source {
    fn masking_key(&mut self) -> [u8; 4] {
        self.0.key()
    }

    fn nonce(&mut self) -> [u8; 16] {
        self.0.nonce()
    }
}

/// Either end, which have the same methods and no trait.
enum End {
    Server(Box<WebSocketServerConnection>),
    Client(Box<WebSocketClientConnection<Source>>),
}

impl End {
    fn open(side: Side) -> Self {
        match side {
            Side::Server => Self::Server(Box::new(server(CHROME.as_bytes(), &mut Vec::new()))),
            Side::Client => {
                let mut pipe = Once::new(b"");
                Self::Client(Box::new(client(&mut Random::new(), &mut pipe)))
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Server(end) => end.feed_recv_buf(bytes),
            Self::Client(end) => end.feed_recv_buf(bytes, Timestamp::from_millis(0)),
        }
        .expect("valid");
    }

    fn event(&mut self) -> Option<ConnectionEvent> {
        match self {
            Self::Server(end) => end.poll_event(),
            Self::Client(end) => end.poll_event(),
        }
    }

    fn output(&mut self) -> Option<ConnectionOutput> {
        match self {
            Self::Server(end) => end.poll_output(),
            Self::Client(end) => end.poll_output(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Server(end) => end.send_binary(bytes),
            Self::Client(end) => end.send_binary(bytes),
        }
        .expect("an open connection");
    }
}

fn server(request: &[u8], out: &mut Vec<u8>) -> WebSocketServerConnection {
    let options = ServerConnectionOptions::new()
        .ping_interval(0)
        .max_frame_size(MAX)
        .max_message_size(MAX);
    let mut end = WebSocketServerConnection::new(options);
    end.feed_recv_buf(request).expect("valid");
    end.accept_handshake_auto().expect("right");
    while let Some(output) = end.poll_output() {
        if let ConnectionOutput::SendData(bytes) = output {
            out.extend(bytes);
        }
    }
    while end.poll_event().is_some() {}
    end
}

fn client(random: &mut Random, pipe: &mut Once) -> WebSocketClientConnection<Source> {
    random.next();
    let options = ClientConnectionOptions::new("example.com", "/chat")
        .ping_interval(0)
        .max_frame_size(MAX)
        .max_message_size(MAX);
    let mut end = WebSocketClientConnection::new(options, Source(random.clone()));
    end.connect().expect("right options");
    while let Some(output) = end.poll_output() {
        if let ConnectionOutput::SendData(bytes) = output {
            pipe.push(&bytes);
        }
    }
    pipe.input.clear();
    answer(&pipe.output, &mut pipe.input);
    end.feed_recv_buf(&pipe.input, Timestamp::from_millis(0))
        .expect("accepted");
    while end.poll_output().is_some() {}
    while end.poll_event().is_some() {}
    end
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "shiguredo_websocket"
    }

    fn set_targets(&self) -> bool {
        false
    }

    fn receive(&self, receipt: &Receipt, mut wire: Wire) -> Option<Receiving> {
        let mut end = End::open(receipt.side);
        let mut buffer = vec![0; wire.read_len()];
        Some(Box::new(move |sink| {
            while sink.wants_more() {
                let read = wire.pull(&mut buffer);
                end.feed(&buffer[..read]);
                while let Some(event) = end.event() {
                    match event {
                        ConnectionEvent::TextMessage(text) => sink.message(text.as_bytes()),
                        ConnectionEvent::BinaryMessage(bytes) => sink.message(&bytes),
                        other => panic!("{other:?}"),
                    }
                }
            }
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, mut wire: Wire) -> Option<Sending> {
        let mut end = End::open(side);
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            for _ in 0..messages {
                end.send(turns.next());
                while let Some(output) = end.output() {
                    if let ConnectionOutput::SendData(bytes) = output {
                        wire.push(&bytes);
                    }
                }
            }
        }))
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
                std::hint::black_box(&server(&buffer[..filled], &mut out));
                pipe.push(&out);
            }
            crate::run::check_response(&pipe.output);
        }))
    }

    fn client_handshake(&self) -> Option<Shaking> {
        let mut pipe = Once::new(b"");
        let mut random = Random::new();
        Some(Box::new(move |times| {
            for _ in 0..times {
                pipe.rewind();
                std::hint::black_box(&client(&mut random, &mut pipe));
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(server(CHROME.as_bytes(), &mut Vec::new())))
    }
}

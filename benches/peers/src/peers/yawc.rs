//! yawc, with the check of text that it leaves off by default.

use std::any::Any;

use futures_util::{SinkExt as _, StreamExt as _};
use yawc::{Frame, Options, Role, WebSocket};

use crate::peer::{Payloads, Receipt, Receiving, Sending, Side, Turns};
use crate::wire::{Io, Wire, now};

pub(crate) struct Peer;

const MAX: usize = 64 << 20;
const DEFLATE: &str = "permessage-deflate";

fn open<S>(side: Side, stream: S, options: Options, extensions: Option<&str>) -> WebSocket<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let role = match side {
        Side::Server => Role::Server,
        Side::Client => Role::Client,
    };
    let options = options.with_utf8().with_limits(MAX, MAX);
    WebSocket::from_stream_with_extensions(stream, role, extensions, options)
        .expect("right options")
}

fn receiving(mut socket: WebSocket<Io<Wire>>) -> Receiving {
    Box::new(move |sink| {
        now(async {
            while sink.wants_more() {
                let frame = socket.next().await.expect("valid");
                sink.message(frame.payload());
            }
        });
    })
}

fn sending(
    mut socket: WebSocket<Io<Wire>>,
    payloads: Payloads,
    frame: fn(bytes::Bytes) -> Frame,
) -> Sending {
    let mut turns = Turns::new(payloads);
    Box::new(move |messages| {
        now(async {
            for _ in 0..messages {
                let frame = frame(turns.next().clone());
                socket.send(frame).await.expect("an open connection");
            }
        });
    })
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "yawc"
    }

    fn receive(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let options = if wire.read_len() > 1 {
            Options::default().with_read_buffer_capacity(wire.read_len())
        } else {
            Options::default()
        };
        Some(receiving(open(receipt.side, Io(wire), options, None)))
    }

    fn send(&self, side: Side, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let socket = open(side, Io(wire), Options::default(), None);
        Some(sending(socket, payloads, Frame::binary))
    }

    fn receive_deflated(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        let options = Options::default()
            .with_balanced_compression()
            .with_read_buffer_capacity(wire.read_len());
        let socket = open(receipt.side, Io(wire), options, Some(DEFLATE));
        Some(receiving(socket))
    }

    fn send_deflated(&self, payloads: Payloads, wire: Wire) -> Option<Sending> {
        let options = Options::default().with_balanced_compression();
        let socket = open(Side::Server, Io(wire), options, Some(DEFLATE));
        Some(sending(socket, payloads, Frame::text))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        let stream = tokio::io::empty();
        Some(Box::new(open(
            Side::Server,
            stream,
            Options::default(),
            None,
        )))
    }
}

//! ws-framer: messages are put together in a buffer that has to be as long as the longest.

use std::any::Any;

use ws_framer::{WsFrame, WsRxFramer, WsTxFramer};

use crate::peer::{Leaves, Payloads, Receipt, Receiving, Sending, Side, Turns};
use crate::wire::{Pipe, Wire};

pub(crate) struct Peer;

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "ws-framer"
    }

    fn leaves(&self) -> Leaves {
        Leaves {
            handshake: true,
            closing: true,
            ..Leaves::default()
        }
    }

    fn receive(&self, receipt: &Receipt, mut wire: Wire) -> Option<Receiving> {
        let mut buffer = vec![0; receipt.len + (64 << 10)];
        Some(Box::new(move |sink| {
            // It borrows its buffer, so each run is a connection of its own.
            wire.rewind();
            let mut framer = WsRxFramer::new(&mut buffer);
            while sink.wants_more() {
                let read = wire.pull(framer.read_buf());
                framer.advance(read);
                while let Some(frame) = framer.next_frame() {
                    match frame.expect("valid") {
                        WsFrame::Text(text) => sink.message(text.as_bytes()),
                        WsFrame::Binary(bytes) => sink.message(bytes),
                        other => panic!("{other:?}"),
                    }
                }
            }
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, mut wire: Wire) -> Option<Sending> {
        let mut buffer = vec![0; payloads[0].len() + 14];
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            let mut framer = WsTxFramer::new(side == Side::Client, &mut buffer);
            for _ in 0..messages {
                let frame = framer.frame(WsFrame::Binary(turns.next()));
                wire.push(frame.expect("room"));
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        // The buffer belongs to the connection: it holds what has come of the next message.
        Some(Box::new(vec![0_u8; (16 << 20) + (64 << 10)]))
    }
}

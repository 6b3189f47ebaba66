//! websocket-sans-io: a codec for frames, in place, without a look at their sequence or their text.

use std::any::Any;

use websocket_sans_io::{
    FrameInfo, Opcode, WebsocketFrameDecoder, WebsocketFrameEncoder, WebsocketFrameEvent,
};

use crate::peer::{Leaves, Payloads, Random, Receipt, Receiving, Sending, Side, Turns};
use crate::wire::{Pipe, Wire};

pub(crate) struct Peer;

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "websocket-sans-io"
    }

    fn leaves(&self) -> Leaves {
        Leaves {
            messages: true,
            utf8: true,
            handshake: true,
            closing: true,
            ..Leaves::default()
        }
    }

    fn receive(&self, _: &Receipt, mut wire: Wire) -> Option<Receiving> {
        let mut decoder = WebsocketFrameDecoder::default();
        let mut buffer = vec![0; wire.read_len()];
        Some(Box::new(move |sink| {
            while sink.wants_more() {
                let read = wire.pull(&mut buffer);
                let mut input = &mut buffer[..read];
                loop {
                    let Ok(result) = decoder.add_data(input);
                    let (taken, rest) = input.split_at_mut(result.consumed_bytes);
                    let done = taken.is_empty() && result.event.is_none();
                    match result.event {
                        Some(WebsocketFrameEvent::PayloadChunk { .. }) => sink.part(taken, false),
                        Some(WebsocketFrameEvent::End { frame_info, .. }) if frame_info.fin => {
                            sink.part(&[], true);
                        }
                        Some(WebsocketFrameEvent::Start { frame_info, .. }) => {
                            assert!(frame_info.is_reasonable());
                        }
                        Some(WebsocketFrameEvent::End { .. }) | None => {}
                    }
                    input = rest;
                    if done {
                        break;
                    }
                }
            }
        }))
    }

    fn receive_pieces(&self, receipt: &Receipt, wire: Wire) -> Option<Receiving> {
        self.receive(receipt, wire)
    }

    fn send(&self, side: Side, payloads: Payloads, mut wire: Wire) -> Option<Sending> {
        let mut encoder = WebsocketFrameEncoder::new();
        let mut random = Random::new();
        let mut scratch = Vec::new();
        let mut turns = Turns::new(payloads);
        Some(Box::new(move |messages| {
            for _ in 0..messages {
                let payload = turns.next();
                let header = encoder.start_frame(&FrameInfo {
                    opcode: Opcode::Binary,
                    payload_length: payload.len() as u64,
                    mask: (side == Side::Client).then(|| random.key()),
                    fin: true,
                    reserved: 0,
                });
                wire.push(&header);
                if side == Side::Server {
                    wire.push(payload);
                } else {
                    scratch.clear();
                    scratch.extend_from_slice(payload);
                    encoder.transform_frame_payload(&mut scratch);
                    wire.push(&scratch);
                }
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(WebsocketFrameDecoder::default()))
    }
}

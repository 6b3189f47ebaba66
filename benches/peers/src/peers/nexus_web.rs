//! nexus-web: its reader and its writer, without the blocking client around them.

use std::any::Any;

use nexus_web::ws::{FrameReader, FrameWriter, Message, Role};

use crate::peer::{Leaves, Payloads, Receipt, Receiving, Sending, Side, Turns};
use crate::wire::{Pipe, Wire};

pub(crate) struct Peer;

fn role(side: Side) -> Role {
    match side {
        Side::Server => Role::Server,
        Side::Client => Role::Client,
    }
}

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "nexus-web"
    }

    fn set_targets(&self) -> bool {
        false
    }

    fn leaves(&self) -> Leaves {
        Leaves {
            // Text of one frame that reads have cut is not checked.
            utf8: true,
            handshake: true,
            closing: true,
            ..Leaves::default()
        }
    }

    fn receive(&self, receipt: &Receipt, mut wire: Wire) -> Option<Receiving> {
        let mut reader = FrameReader::builder()
            .role(role(receipt.side))
            .buffer_capacity((2 * wire.read_len()).max(4096))
            .max_frame_size(64 << 20)
            .max_message_size(64 << 20)
            .build();
        Some(Box::new(move |sink| {
            while sink.wants_more() {
                if reader.spare().is_empty() || reader.should_compact() {
                    reader.compact();
                }
                let read = wire.pull(reader.spare());
                reader.filled(read);
                while let Some(message) = reader.next().expect("valid") {
                    match message {
                        Message::Text(text) => sink.message(text.as_bytes()),
                        Message::Binary(bytes) => sink.message(bytes),
                        other => panic!("{other:?}"),
                    }
                }
            }
        }))
    }

    fn send(&self, side: Side, payloads: Payloads, mut wire: Wire) -> Option<Sending> {
        let mut writer = FrameWriter::new(role(side));
        let len = payloads[0].len();
        let mut turns = Turns::new(payloads);
        if side == Side::Server && len > 125 {
            return Some(Box::new(move |messages| {
                for _ in 0..messages {
                    let (header, _) = writer.build_header(0x82, len);
                    wire.push(header.as_bytes());
                    wire.push(turns.next());
                }
            }));
        }
        let mut out = vec![0; writer.max_encoded_len(len)];
        Some(Box::new(move |messages| {
            for _ in 0..messages {
                let len = writer.encode_binary(turns.next(), &mut out);
                wire.push(&out[..len]);
            }
        }))
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        let reader = FrameReader::builder().role(Role::Server).build();
        Some(Box::new((reader, FrameWriter::new(Role::Server))))
    }
}

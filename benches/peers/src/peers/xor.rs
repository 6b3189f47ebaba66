//! Reads the bytes and undoes a mask over all of them, headers too, in place: no protocol at all.

use std::any::Any;

use crate::peer::{Payloads, Receipt, Receiving, Sending, Side};
use crate::wire::{Pipe, Wire};

pub(crate) struct Peer;

impl crate::peer::Peer for Peer {
    fn name(&self) -> &'static str {
        "(XOR in place)"
    }

    fn receive(&self, _: &Receipt, _: Wire) -> Option<Receiving> {
        None
    }

    fn receive_pieces(&self, receipt: &Receipt, mut wire: Wire) -> Option<Receiving> {
        let len = receipt.len;
        let mut buffer = vec![0; wire.read_len()];
        let mut count = 0;
        Some(Box::new(move |sink| {
            while sink.wants_more() {
                let read = wire.pull(&mut buffer);
                let (words, _) = buffer[..read].as_chunks_mut::<8>();
                for word in words {
                    *word = (u64::from_ne_bytes(*word) ^ 0x5a5a_a5a5_5a5a_a5a5).to_ne_bytes();
                }
                std::hint::black_box(&buffer[..read]);
                count += read;
                while count >= len {
                    count -= len;
                    sink.reference_message();
                }
            }
        }))
    }

    fn send(&self, _: Side, _: Payloads, _: Wire) -> Option<Sending> {
        None
    }

    fn idle(&self) -> Option<Box<dyn Any>> {
        None
    }
}

//! Messages that go out compressed.

use alloc::boxed::Box;

use super::Sender;
use crate::connection::outbound::{DataFrame, total_len};
use crate::deflate::{Agreement, CompressState, Compressor, WindowBits};
use crate::error::SendError;
use crate::event::Message;
use crate::fragment::Fragment;
use crate::num::wire_len;
use crate::output::Output;
use crate::role::Role;

/// What compressing needs, from the first message to compress on.
#[derive(Debug, Default)]
pub(super) struct Compressing {
    /// What was agreed on; nothing if this side may not compress, or cannot.
    agreement: Option<Agreement>,
    compressor: Option<Box<Compressor>>,
}

impl Compressing {
    /// The window that a message which others have compressed may need, if it may come compressed.
    pub(super) fn window_bits(&self) -> Option<WindowBits> {
        self.agreement.map(|agreement| agreement.send.window_bits)
    }

    /// A message goes out that the compressor has not seen, but that the peer's inflater will: what
    /// follows may not refer to what came before it.
    pub(super) fn forget(&mut self) {
        if let Some(compressor) = &mut self.compressor {
            compressor.reset();
        }
    }
}

impl<R: Role> Sender<R> {
    /// Lets messages go out compressed.
    pub(in crate::connection) fn compress_with(&mut self, agreement: &Agreement) {
        let can = agreement.send.window_bits > WindowBits::MIN;
        self.compressing.agreement = Some(*agreement).filter(|_| can);
    }

    /// As [`Connection::send_uncompressed`](crate::Connection::send_uncompressed).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_uncompressed<'a>(
        &mut self,
        message: impl Into<Message<'a>>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let message = message.into();
        let frame = self.next_frame(message.kind(), Fragment::Only)?;
        self.flush_first(out);
        self.outbound
            .put_data(&mut self.role, frame, [message.as_bytes()], out)
    }

    /// Whether a data frame goes out compressed, as its whole message does.
    #[inline]
    pub(super) fn compresses(&self, frame: DataFrame, payload: &[&[u8]]) -> bool {
        let Some(agreement) = self.compressing.agreement else {
            return false;
        };
        if self.outbound.is_inside_message() {
            return self.outbound.is_inside_compressed();
        }
        // The length of a message that begins with a fragment is not known.
        !frame.first.fin || wire_len(total_len(payload)) >= u64::from(agreement.local.threshold)
    }

    /// Puts a frame of a compressed message.
    pub(super) fn put_compressed<const N: usize>(
        &mut self,
        frame: DataFrame,
        payload: [&[u8]; N],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let Compressing {
            agreement: Some(agreement),
            compressor,
        } = &mut self.compressing
        else {
            return Err(SendError::CompressedMessage);
        };
        let compressor = match compressor {
            Some(compressor) => compressor,
            None => compressor.insert(Box::new(
                Compressor::new(agreement.send.window_bits, agreement.local)
                    .ok_or(SendError::CompressedMessage)?,
            )),
        };
        let len = wire_len(total_len(&payload));
        let compressed = compressor
            .compress(payload, frame.first.fin)
            .map_err(|_| SendError::NoMemory)?;
        let sent = self
            .outbound
            .put_compressed(&mut self.role, frame, len, compressed, out);
        // What did not go out may not be referred to. Neither may what did, without takeover.
        if sent.is_err() || (frame.first.fin && !agreement.send.context_takeover) {
            compressor.reset();
        }
        sent
    }

    /// As [`Connection::release_compress`](crate::Connection::release_compress).
    pub fn release_compress(&mut self) -> Option<CompressState> {
        let mut compressor = self.compressing.compressor.take()?;
        compressor.reset();
        Some(CompressState(compressor))
    }

    /// As [`Connection::supply_compress`](crate::Connection::supply_compress).
    pub fn supply_compress(&mut self, state: CompressState) {
        let Compressing {
            agreement,
            compressor,
        } = &mut self.compressing;
        if agreement.is_some_and(|agreement| state.0.suits(&agreement)) {
            compressor.get_or_insert(state.0);
        }
    }
}

//! Messages that come compressed: inflated into the caller's window, or into the assembler.

use crate::assembler::{Assembler, Storage};
use crate::connection::inbound::inflating::MIN_WINDOW;
use crate::connection::inbound::{Found, Taking};
use crate::connection::receiver::Receiver;
use crate::connection::replies::Reply;
use crate::deflate::{Agreement, InflateState};
use crate::error::{Misuse, ProtocolError, ReceiveError};
use crate::event::Event;
use crate::frame::MessageKind;
use crate::num::wire_len;
use crate::role::Role;

/// What inflating needs, from the first compressed message on.
#[derive(Debug)]
pub(super) struct Inflating {
    context_takeover: bool,
    state: Option<InflateState>,
}

impl Inflating {
    pub(super) const fn new() -> Self {
        Self {
            context_takeover: true,
            state: None,
        }
    }
}

impl<R: Role> Receiver<R> {
    /// Lets messages come compressed.
    pub(in crate::connection) fn inflate_with(&mut self, agreement: &Agreement) {
        self.inbound.allow_compressed(agreement.local.max_ratio);
        self.inflating.context_takeover = agreement.receive.context_takeover;
    }

    /// As [`Connection::receive_inflated`](crate::Connection::receive_inflated), but for what is
    /// owed to the peer, which `reply` takes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn receive_inflated<'b: 'w, 'w>(
        &mut self,
        input: &mut &'b mut [u8],
        window: &'w mut [u8],
        mut reply: impl FnMut(Reply),
    ) -> Result<Option<Event<'w>>, ReceiveError> {
        if self.inbound.checks_late() {
            return Err(Misuse::WrongAssembler.into());
        }
        if window.len() < MIN_WINDOW && self.inbound.allows_compressed() {
            return Err(Misuse::NoWindow.into());
        }
        let filled = loop {
            let kind = match self.find(input, Taking::ALL, &mut reply)? {
                None => return Ok(None),
                Some(Found::Chunk(chunk)) => return Ok(Some(Event::Chunk(chunk))),
                Some(Found::Control(opcode)) => {
                    return Ok(Some(self.control(opcode, input, &mut reply)?.into()));
                }
                Some(Found::Compressed(kind)) => kind,
            };
            let state = self.inflating.state.get_or_insert_default();
            let inflater = state.inflater();
            let filled = self
                .inbound
                .inflate::<R>(kind, inflater, input, window, u64::MAX);
            if let Some(filled) = filled {
                if filled.is_last() && !self.inflating.context_takeover {
                    inflater.reset();
                }
                break filled;
            }
            if input.is_empty() {
                return Ok(None);
            }
        };
        match self.inbound.inflated_chunk(filled, window) {
            Ok(chunk) => Ok(Some(Event::Chunk(chunk))),
            Err(error) => Err(self.fail(error, input, &mut reply).into()),
        }
    }

    /// Inflates into the assembler; says whether the message is whole. If it is not, all input was
    /// taken, or the frame is over, or the failure that was found comes with the next call.
    pub(super) fn inflate_message<S: Storage>(
        &mut self,
        kind: MessageKind,
        input: &mut &mut [u8],
        assembler: &mut Assembler<S>,
        reply: &mut impl FnMut(Reply),
    ) -> Result<bool, ProtocolError> {
        let max_message_len = wire_len(assembler.max_len());
        let state = self.inflating.state.get_or_insert_default();
        loop {
            let (inflater, piece) = state.inflater_and_piece();
            let filled = self
                .inbound
                .inflate::<R>(kind, inflater, input, piece, max_message_len);
            let Some(filled) = filled else {
                return Ok(false);
            };
            if filled.is_last() && !self.inflating.context_takeover {
                inflater.reset();
            }
            let is_full = filled.len() == piece.len();
            let pushed = self
                .inbound
                .inflated_chunk(filled, piece)
                .and_then(|chunk| {
                    if self.inbound.has_failed() {
                        return Ok(());
                    }
                    assembler.push(&chunk, None, self.inbound.extent(max_message_len))
                });
            match pushed {
                Err(error) => return Err(self.fail(error, input, reply)),
                Ok(()) if filled.is_last() => return Ok(!self.inbound.has_failed()),
                Ok(()) if self.inbound.has_failed() => return Ok(false),
                Ok(()) if is_full => state.grow_piece(),
                Ok(()) => {}
            }
        }
    }

    /// As [`Connection::release_inflate`](crate::Connection::release_inflate).
    pub fn release_inflate(&mut self) -> Option<InflateState> {
        if self.inflating.context_takeover || self.inbound.is_inside_compressed() {
            return None;
        }
        self.inflating.state.take()
    }

    /// As [`Connection::supply_inflate`](crate::Connection::supply_inflate).
    pub fn supply_inflate(&mut self, state: InflateState) {
        self.inflating.state.get_or_insert(state);
    }
}

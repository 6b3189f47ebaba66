//! The payload of compressed messages: inflated into room that the caller has, and no farther than
//! the limits.

use core::mem;

use super::{Inbound, Stage};
use crate::deflate::{Inflated, Inflater, Then};
use crate::error::ProtocolError;
use crate::event::{Chunk, Extent, Payload};
use crate::frame::MessageKind;
use crate::num::{memory_len, wire_len};
use crate::role::Role;
use crate::utf8::Utf8Piece;

/// How much payload is unmasked at a time, at most and at least; in between as much as there is room
/// for what it inflates to. What does not get inflated at once has to be masked again, for the caller
/// keeps it.
const MAX_PIECE: usize = 16 << 10;
const MIN_PIECE: usize = 256;

/// The least room for inflating: a character in full always comes out of that much.
pub(in crate::connection) const MIN_WINDOW: usize = 4;

/// The ratio of a message is judged for each step of so many bytes of its payload.
const RATIO_STEP: u64 = 1 << 10;

/// A message may inflate to as much whatever its ratio.
const FREE_OF_RATIO: u64 = 64 << 10;

/// What compression changes for the frames.
impl Inbound {
    /// Lets messages come compressed.
    pub(in crate::connection) fn allow_compressed(&mut self, max_ratio: u32) {
        self.compression.agree(max_ratio);
    }

    /// Whether messages may come compressed.
    #[inline]
    pub(in crate::connection) fn allows_compressed(&self) -> bool {
        self.compression.is_agreed()
    }

    /// Whether a compressed message is open.
    pub(in crate::connection) fn is_inside_compressed(&self) -> bool {
        self.message.is_some() && self.compression.is_open()
    }

    /// As [`Inbound::extent`], of what was inflated.
    pub(super) fn inflated_extent(&self, max_message_len: u64) -> Extent {
        let carried = self.utf8.carried_len();
        let limit = self.max_message_len(max_message_len);
        Extent {
            // How long a message gets shows only when it is over.
            frame_rest: carried,
            message_rest: limit
                .saturating_sub(self.compression.inflated_len)
                .saturating_add(carried),
        }
    }
}

/// What [`Inbound::inflate`] has put into a window, to be made a [chunk](Inbound::inflated_chunk).
#[derive(Clone, Copy, Debug)]
pub(in crate::connection) struct Filled {
    kind: MessageKind,
    len: usize,
    /// Whether the message ends with it.
    is_last: bool,
    /// What was wrong behind it.
    failure: Option<ProtocolError>,
}

impl Filled {
    /// How many bytes of the window it has.
    pub(in crate::connection) const fn len(&self) -> usize {
        self.len
    }

    /// Whether the message ends with it.
    pub(in crate::connection) const fn is_last(&self) -> bool {
        self.is_last
    }
}

impl Inbound {
    /// Inflates payload of the open frame into `window`, which has [`MIN_WINDOW`] bytes at least.
    /// Nothing means that there is nothing to tell: all input was taken, or the frame is over.
    pub(in crate::connection) fn inflate<R: Role>(
        &mut self,
        kind: MessageKind,
        inflater: &mut Inflater,
        input: &mut &mut [u8],
        window: &mut [u8],
        max_message_len: u64,
    ) -> Option<Filled> {
        let mut len = 0_usize;
        let (then, limit, room, is_full) = loop {
            let (max_piece, by_ratio) = self.ratio_step(inflater.is_pending());
            let limit = self.max_message_len(max_message_len).min(by_ratio);
            let room = limit.saturating_sub(self.compression.inflated_len);
            // One byte more than may come shows that more would.
            let window_len = memory_len(room).saturating_add(1).min(window.len());
            let free = window.get_mut(len..window_len).unwrap_or_default();
            let step = self.inflate_piece::<R>(inflater, input, max_piece, free);
            len = len.saturating_add(step.filled);
            let is_full = len >= window_len;
            if step.then != Then::More || is_full || self.remaining == 0 || input.is_empty() {
                break (step.then, limit, room, is_full);
            }
        };
        let mut filled = Filled {
            kind,
            len,
            is_last: false,
            failure: None,
        };
        if wire_len(len) > room {
            filled.len = memory_len(room);
            filled.failure = Some(ProtocolError::MessageTooLong { limit });
        } else {
            match then {
                Then::Corrupt => filled.failure = Some(ProtocolError::InvalidDeflate),
                Then::End => {
                    filled.is_last = true;
                    self.stage = Stage::Header;
                    self.end_message();
                }
                Then::More if self.remaining == 0 && !self.fin && !is_full => {
                    self.stage = Stage::Header;
                }
                Then::More => {}
            }
        }
        self.compression.inflated_len = self
            .compression
            .inflated_len
            .saturating_add(wire_len(filled.len));
        if filled.is_last || filled.failure.is_some() {
            return Some(filled);
        }
        // Fewer bytes than a character may have can be the start of one.
        let bytes = window.get(..filled.len).unwrap_or_default();
        if bytes.len() < MIN_WINDOW && kind == MessageKind::Text && self.raw.is_none() {
            let mut utf8 = self.utf8.clone();
            if utf8.push(bytes) == Ok(Utf8Piece::default()) {
                self.utf8 = utf8;
                return None;
            }
        }
        Some(filled).filter(|filled| filled.len > 0)
    }

    /// Makes what is in the window a chunk.
    pub(in crate::connection) fn inflated_chunk<'w>(
        &mut self,
        filled: Filled,
        window: &'w [u8],
    ) -> Result<Chunk<'w>, ProtocolError> {
        let bytes = window.get(..filled.len).unwrap_or_default();
        let mut last = filled.is_last;
        let mut failure = filled.failure;
        let payload = match filled.kind {
            kind if self.raw.is_some() => Payload::Raw {
                kind,
                rsv: self.rsv,
                bytes,
            },
            MessageKind::Binary => Payload::Binary(bytes),
            MessageKind::Text => {
                let (Utf8Piece { carried, text }, is_valid) = self.push_text(bytes, last);
                if !is_valid {
                    last = false;
                    failure = Some(ProtocolError::InvalidUtf8);
                }
                Payload::Text { carried, text }
            }
        };
        if let Some(error) = failure {
            // What was valid is still handed out, so that the outcome does not hang on where the
            // reads cut.
            self.stage = Stage::Failed(error);
            if payload.is_empty() {
                return Err(error);
            }
        }
        let first = mem::replace(&mut self.first, false);
        Ok(Chunk {
            first,
            last,
            payload,
        })
    }

    /// Inflates what one piece of the input has.
    fn inflate_piece<R: Role>(
        &mut self,
        inflater: &mut Inflater,
        input: &mut &mut [u8],
        max_piece: usize,
        free: &mut [u8],
    ) -> Inflated {
        let max_piece = free.len().clamp(MIN_PIECE, MAX_PIECE).min(max_piece);
        let len = memory_len(self.remaining).min(input.len()).min(max_piece);
        let piece = input.get_mut(..len).unwrap_or_default();
        let key = self.mask.clone();
        if R::RECEIVES_MASKED {
            key.clone().apply(piece);
        }
        let is_last = self.fin && self.remaining == wire_len(len);
        let step = inflater.inflate(piece, is_last, free);
        if R::RECEIVES_MASKED {
            self.mask.skip(step.taken);
            self.mask
                .clone()
                .apply(piece.get_mut(step.taken..).unwrap_or_default());
        }
        self.remaining = self.remaining.saturating_sub(wire_len(step.taken));
        self.traffic.bytes = self.traffic.bytes.wrapping_add(wire_len(step.taken));
        let _ = input.split_off_mut(..step.taken);
        step
    }

    /// How much of the payload is inflated in the next step at most, and how long the message may be by
    /// its end for the sake of its ratio.
    ///
    /// What a header declares is no payload yet, so what came counts. But where reads cut must not
    /// decide, so steps end at multiples of [`RATIO_STEP`] of the payload, and each counts as a whole.
    /// What is to be given out yet (`is_pending`) belongs to the step that brought it.
    fn ratio_step(&self, is_pending: bool) -> (usize, u64) {
        let ratio = self.compression.max_ratio;
        if ratio == u32::MAX {
            return (usize::MAX, u64::MAX);
        }
        let taken = self.message_len.saturating_sub(self.remaining);
        let begun = taken.saturating_add(u64::from(!is_pending));
        let end = begun.div_ceil(RATIO_STEP).saturating_mul(RATIO_STEP);
        let step = if is_pending {
            0
        } else {
            memory_len(end.saturating_sub(taken))
        };
        let by_ratio = end.min(self.message_len).saturating_mul(u64::from(ratio));
        (step, by_ratio.max(FREE_OF_RATIO))
    }
}

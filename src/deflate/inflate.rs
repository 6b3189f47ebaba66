//! Inflating the peer's messages: one after the other, cut anywhere, never more than asked for.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::{fmt, mem};

use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

/// What a sender takes off the end of a message: an empty block's length and its complement.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A byte behind a message that is not the peer's: if inflating stops before it, then because a
/// block ends there. It can be no complement of a length that the tail has begun.
const SENTINEL: u8 = 0xff;

/// How much is inflated at a time on the way into an assembler, at first and at most. The library is
/// slow at the end of its room, so long messages get more.
const FIRST_PIECE: usize = 4 << 10;
const MAX_PIECE: usize = 68 << 10;

/// What inflating holds: for a pool, or to be dropped while a connection is idle.
///
/// See [`Connection::release_inflate`](crate::Connection::release_inflate).
pub struct InflateState(Box<Parts>);

struct Parts {
    inflater: Inflater,
    /// What was inflated on its way into an assembler; empty until that is asked for.
    piece: Vec<u8>,
}

/// Without the piece: it is long, and holds what somebody has sent.
impl fmt::Debug for InflateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { inflater, .. } = &*self.0;
        f.debug_tuple("InflateState").field(inflater).finish()
    }
}

impl Default for InflateState {
    /// Ready for any connection's first message: about 47 KiB.
    fn default() -> Self {
        Self(Box::new(Parts {
            inflater: Inflater::new(),
            piece: Vec::new(),
        }))
    }
}

impl InflateState {
    pub(crate) fn inflater(&mut self) -> &mut Inflater {
        &mut self.0.inflater
    }

    /// The inflater, and room on the way into an assembler.
    pub(crate) fn inflater_and_piece(&mut self) -> (&mut Inflater, &mut [u8]) {
        let Parts { inflater, piece } = &mut *self.0;
        if piece.is_empty() {
            piece.resize(FIRST_PIECE, 0);
        }
        (inflater, piece)
    }

    /// A message has filled the room: the next one, or the rest of this one, gets more.
    pub(crate) fn grow_piece(&mut self) {
        let Parts { piece, .. } = &mut *self.0;
        let len = piece.len().saturating_mul(4).min(MAX_PIECE);
        if len > piece.len() {
            // Nothing of it is needed any more.
            *piece = Vec::new();
            piece.resize(len, 0);
        }
    }
}

/// Inflates messages, and keeps the window between them.
pub(crate) struct Inflater {
    stream: Inflate,
    /// Whether a block has ended where the stream stands, on the boundary of a byte.
    is_between_blocks: bool,
    /// Whether the last call filled its window, so that there may be more to give out.
    is_pending: bool,
    /// The newest four bytes of the message that were taken.
    newest: u32,
    /// Whether the newest byte is held back. It may be the last one of a tail that the sender has
    /// left on, and what follows decides about that.
    is_held: bool,
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("is_between_blocks", &self.is_between_blocks)
            .field("is_held", &self.is_held)
            .finish_non_exhaustive()
    }
}

/// What one call of [`Inflater::inflate`] has done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inflated {
    /// How many bytes of the input were taken.
    pub(crate) taken: usize,
    /// How many bytes of the window were filled.
    pub(crate) filled: usize,
    pub(crate) then: Then,
}

/// What follows what was inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// More of the message: the window is full, or all input was taken.
    More,
    /// Nothing: the message is complete.
    End,
    /// Nothing that can be inflated, or the message ended where none can end.
    Corrupt,
}

impl Inflater {
    /// Ready for the first message.
    ///
    /// # Panics
    ///
    /// If there is no memory, as with any allocation.
    pub(crate) fn new() -> Self {
        Self {
            // All window sizes cost the same here. The longest one makes the outcome independent
            // of where reads cut: shorter ones are held to only from one call to the next.
            stream: Inflate::new(false, 15),
            is_between_blocks: true,
            is_pending: false,
            newest: !0,
            is_held: false,
        }
    }

    /// Whether the last call filled its window, so that there may be more to give out.
    pub(crate) const fn is_pending(&self) -> bool {
        self.is_pending
    }

    /// Forgets everything, as if no message had come yet.
    pub(crate) fn reset(&mut self) {
        self.stream.reset(false);
        self.is_between_blocks = true;
        self.is_pending = false;
        self.newest = !0;
        self.is_held = false;
    }

    /// Inflates the next bytes of a message into `window`; the message ends behind `input` if
    /// `is_last`. Call it again with what was not taken, also if that is nothing, until the window
    /// is not filled.
    pub(crate) fn inflate(&mut self, input: &[u8], is_last: bool, window: &mut [u8]) -> Inflated {
        let mut progress = Inflated {
            taken: 0,
            filled: 0,
            then: Then::More,
        };
        if self.is_pending && !self.feed(&[], window, &mut progress) {
            return progress;
        }
        if self.is_held && !input.is_empty() {
            // It was a byte like any other.
            if window.len() == progress.filled {
                return progress;
            }
            self.is_held = false;
            let fed = self.feed(&[0xff], window, &mut progress);
            progress.taken = 0;
            if !fed {
                return progress;
            }
        }
        let newest = newest(self.newest, input);
        let (now, held) = match input.split_last() {
            Some((_, now)) if newest == u32::from_be_bytes(TAIL) => (now, 1),
            _ => (input, 0),
        };
        if !now.is_empty() {
            let fed = self.feed(now, window, &mut progress);
            let taken = now.get(..progress.taken).unwrap_or_default();
            self.newest = self::newest(self.newest, taken);
            if !fed {
                return progress;
            }
        }
        if held == 1 {
            self.is_held = true;
            self.newest = newest;
            progress.taken = progress.taken.saturating_add(1);
        }
        if is_last && progress.then == Then::More {
            self.finish(window, &mut progress);
        }
        progress
    }

    /// Gives bytes to the stream; false if no more can be given, because the window is full or what
    /// came is corrupt.
    fn feed(&mut self, input: &[u8], window: &mut [u8], progress: &mut Inflated) -> bool {
        let mut rest = input;
        loop {
            let free = window.get_mut(progress.filled..).unwrap_or_default();
            if free.is_empty() {
                // Even nothing but the end of a block needs a place to stop at.
                self.is_pending = true;
                return false;
            }
            let free_len = free.len();
            let step = self.step(rest, free, InflateFlush::NoFlush);
            rest = rest.get(step.taken..).unwrap_or_default();
            progress.taken = progress.taken.saturating_add(step.taken);
            progress.filled = progress.filled.saturating_add(step.filled);
            self.is_pending = step.filled == free_len;
            match step.status {
                // A block may be marked as the final one (RFC 7692, section 7.2.3.4). What follows
                // it is another stream, which does not refer back to this one.
                Ok(Status::StreamEnd) => {
                    self.stream.reset(false);
                    self.is_between_blocks = true;
                    self.is_pending = false;
                    if rest.is_empty() {
                        return true;
                    }
                }
                Ok(_) if self.is_pending => return false,
                Ok(_) if rest.is_empty() => return true,
                // It is corrupt; or there were input and room, and not all was taken: cannot be.
                _ => {
                    progress.then = Then::Corrupt;
                    return false;
                }
            }
        }
    }

    /// Ends the message: the stream has to stand where the tail, which the sender took off, ends a
    /// block. Does nothing but fill the window if more comes out before that.
    fn finish(&mut self, window: &mut [u8], progress: &mut Inflated) {
        if mem::take(&mut self.is_held) {
            // There is room for one byte at least, so nothing but the end of a block stops inflating
            // before the sentinel without a byte.
            let mut first = [0];
            let step = self.step(&[0xff, SENTINEL], &mut first, InflateFlush::Block);
            if step.filled == 0 || step.taken != 1 || step.status.is_err() {
                // The sender has left the tail on, if its block ends here.
                let is_whole = step.taken == 1 && step.status.is_ok() && self.is_aligned();
                return self.end(is_whole, progress);
            }
            // It gives something, so it ends no tail; only a final block may end with it.
            if let Some(free) = window.get_mut(progress.filled) {
                [*free] = first;
                progress.filled = progress.filled.saturating_add(1);
            }
            if !self.feed(&[], window, progress) {
                return;
            }
        }
        let is_whole = if self.is_between_blocks {
            // Nothing to end: there was no payload at all, or a final block was the last of it.
            true
        } else {
            // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the
            // message." (RFC 7692, section 7.2.2)
            let [a, b, c, d] = TAIL;
            let mut room = [0; 4];
            let step = self.step(&[a, b, c, d, SENTINEL], &mut room, InflateFlush::Block);
            step.taken == 4 && step.filled == 0 && step.status.is_ok() && self.is_aligned()
        };
        self.end(is_whole, progress);
    }

    /// Behind a block that the last byte of a tail ends: whether the whole of that byte belongs to it.
    /// Up to seven bits of it may be left, which are ones.
    fn is_aligned(&mut self) -> bool {
        // An empty block does no harm. Behind one such bit it is a final block, behind two it begins
        // another one that ends earlier, behind more it is none.
        let mut room = [0];
        let empty_block = [0x00, 0x00, 0x00, 0xff, 0xff];
        let step = self.step(&empty_block, &mut room, InflateFlush::NoFlush);
        match step.status {
            Ok(Status::StreamEnd) => {
                self.stream.reset(false);
                // The block before it was the final one.
                step.taken == 0
            }
            // No bit was left.
            Ok(_) => true,
            Err(_) => false,
        }
    }

    /// Gets ready for the next message.
    fn end(&mut self, is_whole: bool, progress: &mut Inflated) {
        self.newest = !0;
        self.is_between_blocks = true;
        progress.then = if is_whole { Then::End } else { Then::Corrupt };
    }

    /// One call of the library.
    fn step(&mut self, input: &[u8], room: &mut [u8], flush: InflateFlush) -> Step {
        let (taken, filled) = (self.stream.total_in(), self.stream.total_out());
        if !input.is_empty() {
            self.is_between_blocks = false;
        }
        let status = self.stream.decompress(input, room, flush);
        let since = |before: u64, now: u64| crate::num::memory_len(now.saturating_sub(before));
        Step {
            taken: since(taken, self.stream.total_in()),
            filled: since(filled, self.stream.total_out()),
            status,
        }
    }
}

/// What one call of the library has done.
struct Step {
    taken: usize,
    filled: usize,
    status: Result<Status, InflateError>,
}

/// The newest four bytes after `bytes` came behind those before.
fn newest(before: u32, bytes: &[u8]) -> u32 {
    match bytes.last_chunk() {
        Some(last) => u32::from_be_bytes(*last),
        None => bytes
            .iter()
            .fold(before, |newest, byte| newest << 8 | u32::from(*byte)),
    }
}

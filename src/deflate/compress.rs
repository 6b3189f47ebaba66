//! Compressing messages that go out: one after the other, whole or in fragments.

use core::fmt;

use alloc::boxed::Box;
use alloc::vec::Vec;

use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Status};

use super::{Agreement, Local, Policy, WindowBits};
use crate::num::memory_len;

/// What is taken off the end of a message: an empty block's length and its complement.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An empty block without compression, its tail taken off: all that an empty message is.
const EMPTY: [u8; 1] = [0x00];

/// How much room is made at first; from there it doubles.
const FIRST_ROOM: usize = 1 << 10;

/// What compressing holds: for a pool, or to be dropped while a connection is idle.
///
/// See [`Connection::release_compress`](crate::Connection::release_compress).
#[derive(Debug)]
pub struct CompressState(pub(crate) Box<Compressor>);

impl CompressState {
    /// Ready for the first message of any connection that agrees on the policy's window; nothing if
    /// that is of 8 bits, to which the compressor cannot keep.
    pub fn new(policy: &Policy) -> Option<Self> {
        let compressor = Compressor::new(policy.send.window_bits, policy.local)?;
        Some(Self(Box::new(compressor)))
    }
}

/// Compresses messages, and keeps the window between them.
pub(crate) struct Compressor {
    stream: Deflate,
    window_bits: WindowBits,
    local: Local,
    /// Whether something has been compressed since the last reset.
    is_used: bool,
    /// What was compressed; its length is the most that it ever had to hold, so that its bytes need
    /// not be set again.
    room: Vec<u8>,
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("window_bits", &self.window_bits)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Compressor {
    /// Ready for the first message; nothing if no compressor keeps to so short a window.
    ///
    /// # Panics
    ///
    /// If there is no memory, as with any allocation.
    pub(crate) fn new(window_bits: WindowBits, local: Local) -> Option<Self> {
        // zlib takes 8 bits for 9: what it made would refer back farther than was agreed.
        if window_bits == WindowBits::MIN {
            return None;
        }
        let config = DeflateConfig {
            level: i32::from(local.level),
            window_bits: i32::from(window_bits.get()).wrapping_neg(),
            mem_level: i32::from(local.memory_level),
            ..DeflateConfig::default()
        };
        Some(Self {
            stream: Deflate::new_with_config(config),
            window_bits,
            local,
            is_used: false,
            room: Vec::new(),
        })
    }

    /// Whether this is what [`new`](Self::new) would make for the agreement.
    pub(crate) fn suits(&self, agreement: &Agreement) -> bool {
        self.window_bits == agreement.send.window_bits && self.local == agreement.local
    }

    /// How far back what comes out may refer.
    pub(crate) const fn window_bits(&self) -> WindowBits {
        self.window_bits
    }

    /// Forgets all messages so far: those to come do not refer to them.
    pub(crate) fn reset(&mut self) {
        if self.is_used {
            self.stream.reset();
            self.is_used = false;
        }
    }

    /// Compresses the next bytes of a message, which lie in parts; it ends with them if `is_last`.
    /// What comes out gives the peer all of them.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] for what comes out; the compressor was reset then.
    pub(crate) fn compress<const N: usize>(
        &mut self,
        parts: [&[u8]; N],
        is_last: bool,
    ) -> Result<&[u8], NoMemory> {
        if parts.iter().all(|part| part.is_empty()) {
            // One byte 0x00 is all that an empty message is (RFC 7692, section 7.2.3.6), and what ends
            // one whose last fragment is empty.
            return Ok(if is_last { &EMPTY } else { &[] });
        }
        self.is_used = true;
        let mut filled = 0;
        for part in parts {
            self.add(part, DeflateFlush::NoFlush, &mut filled)?;
        }
        self.add(&[], DeflateFlush::SyncFlush, &mut filled)?;
        let whole = self.room.get(..filled).unwrap_or_default();
        // "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end." (RFC 7692, section
        // 7.2.1)
        Ok(match whole.strip_suffix(&TAIL) {
            Some(without_tail) if is_last => without_tail,
            _ => whole,
        })
    }

    /// Gives the stream bytes, and takes what comes out behind the `filled` bytes so far.
    fn add(
        &mut self,
        input: &[u8],
        flush: DeflateFlush,
        filled: &mut usize,
    ) -> Result<(), NoMemory> {
        let mut rest = input;
        loop {
            if self.room.len() == *filled && self.grow().is_err() {
                self.reset();
                return Err(NoMemory);
            }
            let free = self.room.get_mut(*filled..).unwrap_or_default();
            let free_len = free.len();
            let (taken, given) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.compress(rest, free, flush);
            let taken = memory_len(self.stream.total_in().saturating_sub(taken));
            let given = memory_len(self.stream.total_out().saturating_sub(given));
            rest = rest.get(taken..).unwrap_or_default();
            *filled = filled.saturating_add(given);
            match status {
                Ok(Status::Ok | Status::BufError) if given == free_len => {}
                // Room was left, so everything has come out that was to.
                Ok(Status::Ok | Status::BufError) if rest.is_empty() => return Ok(()),
                // Cannot be: there were input and room, and nothing was finished.
                _ => {
                    self.reset();
                    return Err(NoMemory);
                }
            }
        }
    }

    /// Makes more room for what comes out.
    fn grow(&mut self) -> Result<(), NoMemory> {
        let more = self.room.len().max(FIRST_ROOM);
        self.room.try_reserve(more).map_err(|_| NoMemory)?;
        self.room.resize(self.room.len().saturating_add(more), 0);
        Ok(())
    }
}

/// There is no memory for what comes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoMemory;

//! What bounds the parts, as simple as it can be: XOR with a word. Copying is `copy_from_slice`.

use std::hint::black_box;

use fearless_simd::{Level, dispatch};

/// From so many bytes on the longest vectors are worth the call that they take.
const LONG: usize = 512;

/// XOR with a masking key; of long payload by the longest vectors that this processor has. Which
/// those are is found out before anything is timed.
#[derive(Clone, Copy)]
pub(crate) struct Xor {
    word: u64,
    level: Level,
}

impl Xor {
    pub(crate) fn new(key: [u8; 4]) -> Self {
        let [a, b, c, d] = black_box(key);
        Self {
            word: u64::from_ne_bytes([a, b, c, d, a, b, c, d]),
            level: Level::new(),
        }
    }

    /// In place.
    #[inline]
    pub(crate) fn apply(self, bytes: &mut [u8]) {
        let Self { word, level } = self;
        if bytes.len() < LONG {
            return apply(word, bytes);
        }
        dispatch!(level, _simd => apply(word, bytes));
    }

    /// From one place to another of the same length.
    #[inline]
    pub(crate) fn copy(self, from: &[u8], to: &mut [u8]) {
        let Self { word, level } = self;
        if from.len() < LONG {
            return copy(word, from, to);
        }
        dispatch!(level, _simd => copy(word, from, to));
    }
}

#[inline(always)] // so that it takes on the vectors of `dispatch`
fn apply(word: u64, bytes: &mut [u8]) {
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for bytes in words {
        *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

#[inline(always)] // so that it takes on the vectors of `dispatch`
fn copy(word: u64, from: &[u8], to: &mut [u8]) {
    let ((words, rest), (to_words, to_rest)) = (from.as_chunks::<8>(), to.as_chunks_mut::<8>());
    for (to, bytes) in to_words.iter_mut().zip(words) {
        *to = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for ((to, byte), key) in to_rest.iter_mut().zip(rest).zip(word.to_ne_bytes()) {
        *to = byte ^ key;
    }
}

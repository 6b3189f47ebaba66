//! Masking: the only place where payload is combined with a masking key.

use core::fmt;

/// The four bytes that a client chooses anew for every frame.
///
/// See [RFC 6455 section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskingKey([u8; 4]);

impl MaskingKey {
    /// The key with these bytes, in the order of the wire.
    ///
    /// RFC 6455 section 10.3 wants keys that the application's data cannot predict: take them from
    /// a strong source.
    #[inline]
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes, in the order of the wire.
    #[inline]
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }
}

impl From<[u8; 4]> for MaskingKey {
    fn from(bytes: [u8; 4]) -> Self {
        Self::new(bytes)
    }
}

/// Without the key: a log that shows keys would undo what masking is for.
impl fmt::Debug for MaskingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskingKey(..)")
    }
}

/// A masking key at work on one frame's payload, however that payload is cut.
///
/// Masking and unmasking are the same operation. The position within the key is carried from one
/// call to the next, so the pieces of a payload may have any lengths.
///
/// See [RFC 6455 section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3).
///
/// # Examples
///
/// ```
/// use websocket_proto::frame::{Mask, MaskingKey};
///
/// let mut mask = Mask::new(MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]));
/// let mut payload = *b"Hello";
/// let (start, end) = payload.split_at_mut(3);
/// mask.apply(start);
/// mask.apply(end);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
/// ```
#[derive(Clone, Debug)]
pub struct Mask {
    /// The key, turned so that its first byte belongs to the next byte of payload: no phase to keep
    /// beside it.
    next: MaskingKey,
}

impl Mask {
    /// Starts at the first byte of a frame's payload.
    #[inline]
    pub const fn new(key: MaskingKey) -> Self {
        Self { next: key }
    }

    /// Masks or unmasks the next `payload.len()` bytes in place.
    #[inline]
    pub fn apply(&mut self, payload: &mut [u8]) {
        let len = payload.len();
        mask(self.next, payload);
        self.skip(len);
    }

    /// Masks or unmasks the next `bytes.len()` bytes on their way to `put`, which gets them in order
    /// and in parts of any lengths.
    ///
    /// This is quicker than to copy them and then to [apply](Self::apply) the mask.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::frame::{Mask, MaskingKey};
    ///
    /// let mut mask = Mask::new(MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]));
    /// let (mut payload, mut len) = ([0; 5], 0);
    /// mask.copy(b"Hello", |part| {
    ///     payload[len..len + part.len()].copy_from_slice(part);
    ///     len += part.len();
    /// });
    /// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    /// ```
    #[inline]
    pub fn copy(&mut self, bytes: &[u8], mut put: impl FnMut(&[u8])) {
        let MaskingKey(key) = self.next;
        let mut tail = bytes;
        if tail.len() >= 64 {
            let (lines, after) = tail.as_chunks::<LONG_LINE>();
            copy_lines(key, lines, &mut put);
            let (lines, after) = after.as_chunks::<64>();
            for line in lines {
                put(&masked(u32::from_ne_bytes(key), *line));
            }
            tail = after;
        }
        if tail.is_empty() {
            return self.skip(bytes.len());
        }
        let word = u32::from_ne_bytes(key);
        tail = copy_front::<32>(word, tail, &mut put);
        tail = copy_front::<16>(word, tail, &mut put);
        tail = copy_front::<8>(word, tail, &mut put);
        tail = copy_front::<4>(word, tail, &mut put);
        let [a, b, c, _] = key;
        match tail {
            [first] => put(&[first ^ a]),
            [first, second] => put(&[first ^ a, second ^ b]),
            [first, second, third] => put(&[first ^ a, second ^ b, third ^ c]),
            _ => {}
        }
        self.skip(bytes.len());
    }

    /// Goes on behind the next `len` bytes of payload, which something else has masked.
    #[inline]
    pub(crate) fn skip(&mut self, len: usize) {
        let bits = [0, 8, 16, 24].get(len % 4).copied().unwrap_or_default();
        let turned = u32::from_be_bytes(self.next.0).rotate_left(bits);
        self.next = MaskingKey(turned.to_be_bytes());
    }
}

/// Masks or unmasks the whole payload of a frame, or what begins where the key does.
#[inline]
pub(crate) fn mask(MaskingKey(key): MaskingKey, payload: &mut [u8]) {
    // "transformed-octet-i = original-octet-i XOR masking-key-octet-j", j = i MOD 4 (section
    // 5.3). Lines of 64 bytes first, of which the compiler makes vectors; then half of what a
    // line has, a quarter, and so on: a branch for each, no loop.
    if payload.len() < 64 {
        mask_short(key, payload);
    } else {
        mask_long(key, payload);
    }
}

/// Masks 64 bytes and more.
#[inline(never)]
fn mask_long(mut key: [u8; 4], mut tail: &mut [u8]) {
    if tail.len() >= WORTH_ALIGNING {
        // Vectors that lie across two lines of the cache cost twice.
        let head_len = tail.as_ptr().align_offset(64).min(63);
        let (head, aligned) = tail.split_at_mut(head_len);
        mask_short(key, head);
        key.rotate_left(head_len % 4);
        tail = aligned;
    }
    let (lines, after) = tail.as_chunks_mut();
    mask_lines(u32::from_ne_bytes(key), lines);
    mask_short(key, after);
}

/// From so many bytes on it pays to begin where a line of the cache does.
const WORTH_ALIGNING: usize = 2048;

/// Masks fewer than 64 bytes.
#[inline]
fn mask_short(key: [u8; 4], mut tail: &mut [u8]) {
    let [a, b, c, _] = key;
    let word = u32::from_ne_bytes(key);
    tail = mask_front::<32>(word, tail);
    tail = mask_front::<16>(word, tail);
    tail = mask_front::<8>(word, tail);
    tail = mask_front::<4>(word, tail);
    match tail {
        [first] => *first ^= a,
        [first, second] => {
            *first ^= a;
            *second ^= b;
        }
        [first, second, third] => {
            *first ^= a;
            *second ^= b;
            *third ^= c;
        }
        _ => {}
    }
}

/// Masks the first `N` bytes, if there are as many, and gives those behind them.
#[inline]
fn mask_front<const N: usize>(word: u32, bytes: &mut [u8]) -> &mut [u8] {
    if bytes.len() < N {
        return bytes;
    }
    let (front, after) = bytes.split_at_mut(N);
    mask_words(word, front);
    after
}

/// How much is masked at a time on its way elsewhere: as much as the longest registers hold, so that
/// it is read once and written once.
const LONG_LINE: usize = 256;

/// Masks long lines on their way to `put`.
#[inline]
fn copy_lines(key: [u8; 4], lines: &[[u8; LONG_LINE]], put: &mut impl FnMut(&[u8])) {
    #[cfg(feature = "simd")]
    if lines.len() >= WORTH_DISPATCH * 64 / LONG_LINE {
        let level = fearless_simd::Level::new();
        return fearless_simd::dispatch!(level, _simd => copy_each(key, lines, put));
    }
    copy_each(key, lines, put);
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it takes on the vectors of who calls it"
)]
fn copy_each(key: [u8; 4], lines: &[[u8; LONG_LINE]], put: &mut impl FnMut(&[u8])) {
    for line in lines {
        put(&masked(u32::from_ne_bytes(key), *line));
    }
}

/// Masks the first `N` bytes on their way to `put`, if there are as many, and gives those behind
/// them.
#[inline]
fn copy_front<'b, const N: usize>(
    word: u32,
    bytes: &'b [u8],
    put: &mut impl FnMut(&[u8]),
) -> &'b [u8] {
    match bytes.split_first_chunk::<N>() {
        Some((front, after)) => {
            put(&masked(word, *front));
            after
        }
        None => bytes,
    }
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it takes on the vectors of who calls it"
)]
fn masked<const N: usize>(word: u32, mut bytes: [u8; N]) -> [u8; N] {
    mask_words(word, &mut bytes);
    bytes
}

/// Masks lines, with the longest vectors that this processor has where that pays.
#[inline]
fn mask_lines(word: u32, lines: &mut [[u8; 64]]) {
    #[cfg(feature = "simd")]
    if lines.len() >= WORTH_DISPATCH {
        // Words, not lines: of a loop in a loop the compiler makes gathers and scatters with AVX-512,
        // which take ten times as long.
        let bytes = lines.as_flattened_mut();
        let level = fearless_simd::Level::new();
        return fearless_simd::dispatch!(level, _simd => mask_words(word, bytes));
    }
    for line in lines {
        *line = masked(word, *line);
    }
}

/// From so many lines on longer vectors are worth the call that they take.
#[cfg(feature = "simd")]
const WORTH_DISPATCH: usize = 16;

/// Masks whole words of four bytes; fewer at the end stay.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "it takes on the vectors of who calls it"
)]
fn mask_words(word: u32, bytes: &mut [u8]) {
    for bytes in bytes.as_chunks_mut::<4>().0 {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of section 5.3, byte by byte.
    fn oracle(key: [u8; 4], payload: &mut [u8]) {
        for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
    }

    #[test]
    fn s5_3_agrees_with_the_definition_at_every_length_alignment_and_split() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        for len in 0..70_usize {
            for start in 0..8 {
                for cut in 0..=len {
                    let mut expected = [0x55; 80];
                    let mut actual = expected;
                    oracle(key, &mut expected[start..start + len]);
                    let mut mask = Mask::new(MaskingKey::new(key));
                    let (left, right) = actual[start..start + len].split_at_mut(cut);
                    mask.apply(left);
                    mask.apply(right);
                    assert_eq!(actual, expected, "len {len}, start {start}, cut {cut}");
                }
            }
        }
    }

    #[test]
    fn s5_3_long_payloads_agree_with_the_definition_in_place_and_on_the_way() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = [0; 6000];
        for (byte, value) in bytes.iter_mut().zip((0..=250).cycle()) {
            *byte = value;
        }
        for len in (0..600).chain([1023, 1024, 1025, 2047, 2048, 4099, 5900]) {
            for start in [0, 1, 3, 7, 62] {
                let mut expected = bytes;
                oracle(key, &mut expected[start..start + len]);
                let mut in_place = bytes;
                Mask::new(MaskingKey::new(key)).apply(&mut in_place[start..start + len]);
                assert_eq!(in_place, expected, "len {len}, start {start}");
                for cut in [0, 1, 2, 3, len / 2, len] {
                    let mut mask = Mask::new(MaskingKey::new(key));
                    let (mut copied, mut at) = (bytes, start);
                    let mut put = |part: &[u8]| {
                        copied[at..at + part.len()].copy_from_slice(part);
                        at += part.len();
                    };
                    let (left, right) = bytes[start..start + len].split_at(cut.min(len));
                    mask.copy(left, &mut put);
                    mask.copy(right, &mut put);
                    assert_eq!(at, start + len);
                    assert_eq!(copied, expected, "len {len}, start {start}, cut {cut}");
                }
            }
        }
    }

    #[test]
    fn s5_3_agrees_with_the_definition_byte_by_byte() {
        let key = [1, 2, 4, 8];
        let mut expected = [0xa5; 41];
        let mut actual = expected;
        oracle(key, &mut expected);
        let mut mask = Mask::new(MaskingKey::new(key));
        for byte in &mut actual {
            mask.apply(core::slice::from_mut(byte));
        }
        assert_eq!(actual, expected);
    }

    #[test]
    fn debug_hides_the_key() {
        extern crate std;
        assert_eq!(
            std::format!("{:?}", MaskingKey::new([1, 2, 3, 4])),
            "MaskingKey(..)"
        );
    }
}

//! UTF-8 that arrives in pieces: checked at once, handed out as `&str`, no byte looked at twice.
//!
//! See [RFC 6455 section 8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1) and
//! [RFC 3629](https://www.rfc-editor.org/rfc/rfc3629).

use core::fmt;

/// Text that arrives in pieces which may be cut anywhere, also inside a character.
///
/// Each piece is checked as it comes and lent back as `&str`. The start of a character that the
/// piece cuts off (at most three bytes) is kept, and the character is handed out with the piece
/// that completes it.
///
/// # Examples
///
/// ```
/// use websocket_proto::utf8::Utf8Stream;
///
/// let mut stream = Utf8Stream::new();
/// let piece = stream.push(b"caf\xc3")?;
/// assert_eq!((piece.carried, piece.text), (None, "caf"));
/// let piece = stream.push(b"\xa9!")?;
/// assert_eq!((piece.carried, piece.text), (Some('\u{e9}'), "!"));
/// assert!(stream.is_complete());
/// # Ok::<(), websocket_proto::utf8::InvalidUtf8<'static>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Utf8Stream {
    /// The bytes so far of a character that is not complete; zeros behind them.
    carry: [u8; 4],
    /// How many they are, 0 to 3.
    carried: u8,
}

/// What a piece of a [`Utf8Stream`] holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair with names")]
pub struct Utf8Piece<'a> {
    /// The character that began in an earlier piece and is now complete; it comes before `text`.
    pub carried: Option<char>,
    /// The rest of the piece, up to the last character that is complete.
    pub text: &'a str,
}

impl Utf8Stream {
    /// Starts at the beginning of a text.
    pub const fn new() -> Self {
        Self {
            carry: [0; 4],
            carried: 0,
        }
    }

    /// Takes the next piece of the text.
    ///
    /// # Errors
    ///
    /// [`InvalidUtf8`] as soon as a byte of the piece cannot go on what came before; it lends what
    /// was valid until there. The stream is of no use after that.
    #[inline]
    pub fn push<'a>(&mut self, piece: &'a [u8]) -> Result<Utf8Piece<'a>, InvalidUtf8<'a>> {
        let (carried, rest) = if self.carried == 0 {
            (None, piece)
        } else {
            self.complete(piece)?
        };
        let (whole, cut) = split_cut_char(rest);
        let text = match validate(whole) {
            Ok(text) => text,
            Err(text) => {
                return Err(InvalidUtf8 {
                    valid: Utf8Piece { carried, text },
                });
            }
        };
        // Nearly always there is no cut character; then the state is already right.
        for &byte in cut {
            if !self.carry_byte(byte) {
                return Err(InvalidUtf8 {
                    valid: Utf8Piece { carried, text },
                });
            }
        }
        Ok(Utf8Piece { carried, text })
    }

    /// Whether the text may end here: no character is cut off.
    #[inline]
    pub const fn is_complete(&self) -> bool {
        self.carried == 0
    }

    /// How many bytes of a cut character are held, 0 to 3.
    #[inline]
    pub(crate) fn carried_len(&self) -> u64 {
        u64::from(self.carried)
    }

    /// Completes the carried character as far as `piece` allows; gives it, and the rest of the
    /// piece.
    #[cold]
    fn complete<'a>(
        &mut self,
        piece: &'a [u8],
    ) -> Result<(Option<char>, &'a [u8]), InvalidUtf8<'a>> {
        let width = char_width(self.carry[0]);
        let mut rest = piece;
        while let [byte, after @ ..] = rest {
            if !self.carry_byte(*byte) {
                return Err(InvalidUtf8 {
                    valid: Utf8Piece::default(),
                });
            }
            rest = after;
            if self.carried == width {
                let bytes = self.carry.get(..usize::from(width)).unwrap_or_default();
                let carried = core::str::from_utf8(bytes)
                    .ok()
                    .and_then(|text| text.chars().next());
                *self = Self::new();
                return Ok((carried, rest));
            }
        }
        Ok((None, rest))
    }

    /// Adds a byte to the carried character; false if no character goes on so.
    fn carry_byte(&mut self, byte: u8) -> bool {
        // RFC 3629 section 4: which bytes may stand first, second, and after that.
        let valid = match (self.carried, self.carry[0]) {
            (0, _) => matches!(byte, 0xc2..=0xf4),
            (1, 0xe0) => matches!(byte, 0xa0..=0xbf),
            (1, 0xed) => matches!(byte, 0x80..=0x9f),
            (1, 0xf0) => matches!(byte, 0x90..=0xbf),
            (1, 0xf4) => matches!(byte, 0x80..=0x8f),
            _ => matches!(byte, 0x80..=0xbf),
        };
        if !valid {
            return false;
        }
        if let Some(slot) = self.carry.get_mut(usize::from(self.carried)) {
            *slot = byte;
        }
        self.carried = self.carried.saturating_add(1);
        true
    }
}

/// The text that `bytes` are, if they are text from their first byte to their last.
#[inline]
pub(crate) fn whole(bytes: &[u8]) -> Option<&str> {
    validate(bytes).ok()
}

/// How many bytes a character has that begins with `first`: 2 to 4 for the first byte of a longer
/// one, else 1.
const fn char_width(first: u8) -> u8 {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
        _ => 1,
    }
}

/// Splits off a character at the end whose first byte promises more bytes than there are.
#[inline]
fn split_cut_char(bytes: &[u8]) -> (&[u8], &[u8]) {
    if bytes.last().is_none_or(u8::is_ascii) {
        return (bytes, &[]);
    }
    let len = bytes.len();
    for back in 1..=3_usize {
        let Some((whole, cut)) = len
            .checked_sub(back)
            .and_then(|at| bytes.split_at_checked(at))
        else {
            break;
        };
        match cut.first() {
            // A continuation byte: the first byte is further back.
            Some(0x80..=0xbf) => {}
            Some(&first) if usize::from(char_width(first)) > back => return (whole, cut),
            _ => break,
        }
    }
    (bytes, &[])
}

/// All of `bytes` as text, or the valid text before the fault.
#[cfg(not(feature = "simd"))]
#[inline]
fn validate(bytes: &[u8]) -> Result<&str, &str> {
    core::str::from_utf8(bytes).map_err(|_| valid_start(bytes))
}

/// All of `bytes` as text, or the valid text before the fault.
#[cfg(feature = "simd")]
#[inline]
fn validate(bytes: &[u8]) -> Result<&str, &str> {
    // Vectors do not pay for short text.
    if bytes.len() < 64 {
        return core::str::from_utf8(bytes).map_err(|_| valid_start(bytes));
    }
    simdutf8::basic::from_utf8(bytes).map_err(|_| valid_start(bytes))
}

/// The valid text at the start of `bytes`. Only a fault leads here, so a second look does not
/// matter.
#[cold]
fn valid_start(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// A byte that cannot be there in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidUtf8<'a> {
    /// What was valid in the piece before the character with the fault.
    pub valid: Utf8Piece<'a>,
}

impl fmt::Display for InvalidUtf8<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text is not UTF-8")
    }
}

impl core::error::Error for InvalidUtf8<'_> {}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    /// What a stream makes of `pieces`: the text, and whether it is all valid and complete.
    fn stream<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, bool) {
        let mut stream = Utf8Stream::new();
        let mut text = String::new();
        for piece in pieces {
            let pushed = stream.push(piece);
            let valid = match pushed {
                Ok(valid) => valid,
                Err(fault) => fault.valid,
            };
            text.extend(valid.carried);
            text.push_str(valid.text);
            if pushed.is_err() {
                return (text, false);
            }
        }
        (text, stream.is_complete())
    }

    /// What `core` makes of the same bytes in one piece.
    fn oracle(bytes: &[u8]) -> (String, bool) {
        match core::str::from_utf8(bytes) {
            Ok(text) => (text.into(), true),
            Err(_) => (valid_start(bytes).into(), false),
        }
    }

    fn check_every_split(bytes: &[u8]) {
        let expected = oracle(bytes);
        assert_eq!(stream(bytes.chunks(1)), expected, "{bytes:x?} byte by byte");
        for cut in 0..=bytes.len() {
            let (left, right) = bytes.split_at(cut);
            assert_eq!(stream([left, right]), expected, "{bytes:x?} cut at {cut}");
            assert_eq!(
                stream([left, &[], right]),
                expected,
                "{bytes:x?} cut at {cut}, with an empty piece"
            );
        }
    }

    #[test]
    fn s8_1_agrees_with_core_on_every_start_of_a_character() {
        for first in 0..=0xff_u8 {
            for second in (0..=0xff_u8).step_by(if first < 0xc0 { 37 } else { 1 }) {
                for rest in [&[0x80, 0x80][..], &[0xbf], &[0x7f], &[0xc2, 0x80], &[]] {
                    let mut bytes = Vec::from([b'a', first, second]);
                    bytes.extend_from_slice(rest);
                    check_every_split(&bytes);
                }
            }
        }
    }

    #[test]
    fn s8_1_agrees_with_core_on_every_character() {
        for char in (0..=0x10_ffff).step_by(7).filter_map(char::from_u32) {
            let mut bytes = [b'.'; 6];
            let len = char.encode_utf8(&mut bytes[1..]).len();
            check_every_split(&bytes[..len + 2]);
        }
    }

    #[test]
    fn s8_1_agrees_with_core_on_long_text_with_a_fault_anywhere() {
        let text = "\u{fffd}gr\u{fc}n \u{1f600}\u{7ff}\u{800}\u{10ffff} plain ascii words to fill the vectors, and more";
        let mut bytes = Vec::from(text);
        bytes.extend_from_slice(text.as_bytes());
        check_every_split(&bytes);
        for at in 0..bytes.len() {
            let mut faulty = bytes.clone();
            faulty[at] = 0xff;
            check_every_split(&faulty);
        }
    }

    #[test]
    fn s8_1_a_fault_is_found_in_the_piece_that_holds_it() {
        let faults: [&[&[u8]]; 6] = [
            &[b"\xed", b"\xa0"],
            &[b"\xc0"],
            &[b"\xe0", b"\x80"],
            &[b"\xf0\x8f"],
            &[b"\xf4", b"\x90"],
            &[b"\xf0\x90", b"\x80", b"a"],
        ];
        for pieces in faults {
            let mut stream = Utf8Stream::new();
            let (last, before) = pieces.split_last().unwrap_or((&pieces[0], &[]));
            assert!(
                before.iter().all(|piece| stream.push(piece).is_ok()),
                "{pieces:x?}"
            );
            assert!(stream.push(last).is_err(), "{pieces:x?}");
        }
    }
}

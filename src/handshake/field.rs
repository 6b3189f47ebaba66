//! The fields of a received head, and the words and lists in them.

use core::fmt;

/// A field of a received head.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field<'b> {
    /// The name as it was received; compare it without regard to case.
    pub name: &'b str,
    /// The value without the white space around it, as it came; it need not be UTF-8.
    ///
    /// In a response it may be folded: see [`unfolded`](Field::unfolded).
    pub value: &'b [u8],
}

impl<'b> Field<'b> {
    /// The bytes of the value with one space for each fold.
    ///
    /// A server may go on with a value on the next line, which then begins with white space. Only
    /// values of a response are folded, and few are; those without a fold come as they are. The
    /// client judges the fields of the handshake as if each fold was a space.
    /// See [RFC 9112 section 5.2](https://www.rfc-editor.org/rfc/rfc9112#section-5.2).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::client::{Handshake, Outcome};
    ///
    /// let received = b"HTTP/1.1 302 Found\r\nSet-Cookie: a=b;\r\n\tPath=/\r\n\r\n";
    /// let mut handshake = Handshake::new(*b"use random bytes", "example.com", "/");
    /// let Some(Outcome::Rejected(mut rejected)) = handshake.receive(received)? else {
    ///     return Err("a redirect".into());
    /// };
    /// let cookie = rejected.fields.next().ok_or("a field")?;
    /// assert_eq!(cookie.value, b"a=b;\r\n\tPath=/");
    /// assert!(cookie.unfolded().eq(*b"a=b; Path=/"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unfolded(&self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        let mut rest = self.value;
        // The bytes at the start of `rest` that are known to be no part of a fold.
        let mut plain = 0_usize;
        core::iter::from_fn(move || {
            if plain == 0 {
                let after = trim_start(rest);
                let len = rest.len().saturating_sub(after.len());
                let space = rest.get(..len).unwrap_or_default();
                if space.contains(&b'\n') {
                    rest = after;
                    return Some(b' ');
                }
                plain = len.max(1);
            }
            let (byte, after) = rest.split_first()?;
            rest = after;
            plain = plain.saturating_sub(1);
            Some(*byte)
        })
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}: {}\"", self.name, self.value.escape_ascii())
    }
}

impl<'b> From<Field<'b>> for (&'b [u8], &'b [u8]) {
    fn from(field: Field<'b>) -> Self {
        (field.name.as_bytes(), field.value)
    }
}

/// The fields of a received head, in the order in which they came.
///
/// They are read from the head as the iterator goes, so it costs nothing to keep or to clone.
#[derive(Clone, Default)]
pub struct Fields<'b> {
    lines: &'b [u8],
}

impl<'b> Fields<'b> {
    /// `lines` begin with field lines that have been judged; an empty one ends them.
    pub(super) fn new(lines: &'b [u8]) -> Self {
        Self { lines }
    }

    /// The value of the first field called `name`, without regard to case.
    ///
    /// It is given as it came; a value that may be folded is read with [`Field::unfolded`]. Looks at the fields that are yet to come; on a fresh iterator these are all.
    pub fn first(&self, name: &str) -> Option<&'b [u8]> {
        self.clone()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .map(|field| field.value)
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Field<'b>;

    fn next(&mut self) -> Option<Field<'b>> {
        if matches!(self.lines, [b'\r', b'\n', ..] | [b'\n', ..]) {
            return None;
        }
        let line = FieldLine::read(self.lines, Lines::ANY)?;
        self.lines = line.rest;
        Some(Field {
            name: core::str::from_utf8(trim_name(line.name)).ok()?,
            value: line.value,
        })
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// What is taken of field lines beyond the grammar of RFC 9112.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    /// Lines that go on with the field of the line before.
    pub(super) folds: bool,
    /// Lines that end in LF alone.
    pub(super) bare_line_feeds: bool,
    /// White space before the colon, and control characters in the value, of a field that the
    /// handshake does not know.
    pub(super) loose: bool,
}

impl Lines {
    /// Nothing.
    pub(super) const STRICT: Self = Self {
        folds: false,
        bare_line_feeds: false,
        loose: false,
    };

    /// Everything, for lines that have been judged.
    const ANY: Self = Self {
        folds: true,
        bare_line_feeds: true,
        loose: true,
    };
}

/// A field line taken apart; of a folded field, all its lines.
pub(super) struct FieldLine<'b> {
    /// Nothing has been said about its bytes yet, but that no colon is among them.
    pub(super) name: &'b [u8],
    /// Without the white space around it.
    pub(super) value: &'b [u8],
    /// Whether there are control characters in the value beside HTAB and line ends.
    pub(super) has_controls: bool,
    /// The bytes of the line, the line end behind it not counted.
    pub(super) len: usize,
    /// What follows the line.
    pub(super) rest: &'b [u8],
}

impl<'b> FieldLine<'b> {
    /// "field-line = field-name ":" OWS field-value OWS" (RFC 9112, section 5): the one that `bytes`
    /// begin with, if it is whole.
    #[inline]
    pub(super) fn read(bytes: &'b [u8], lines: Lines) -> Option<Self> {
        let (name, after_name) = bytes.split_at_checked(find_byte(bytes, b':')?)?;
        let end = LineEnd::find(after_name, lines)?;
        let (value, rest) = after_name.split_at_checked(end.at)?;
        Some(Self {
            name,
            value: trim(value.strip_prefix(b":")?),
            has_controls: end.is_after_controls,
            len: name.len().saturating_add(value.len()),
            rest: rest.get(end.len..)?,
        })
    }
}

/// Where a field ends.
struct LineEnd {
    at: usize,
    /// The bytes of the line end.
    len: usize,
    /// Whether control characters come before it beside HTAB and the line ends of folds.
    is_after_controls: bool,
}

impl LineEnd {
    /// The first one in `bytes` that no fold follows, if only what `lines` say comes before it.
    #[inline]
    fn find(bytes: &[u8], lines: Lines) -> Option<Self> {
        let at = find_control(bytes)?;
        // Nearly every line ends with its first control character.
        if let [b'\r', b'\n', after @ ..] = bytes.get(at..)?
            && !matches!(after, [b' ' | b'\t', ..])
        {
            return Some(Self {
                at,
                len: 2,
                is_after_controls: false,
            });
        }
        Self::find_from(at, bytes, lines)
    }

    /// The same, where `at` is the offset of the first control character.
    fn find_from(mut at: usize, bytes: &[u8], lines: Lines) -> Option<Self> {
        let mut is_after_controls = false;
        loop {
            let (len, after) = match bytes.get(at..)? {
                [b'\r', b'\n', after @ ..] => (2, Some(after)),
                [b'\t', ..] => (1, None),
                [b'\n', after @ ..] if lines.bare_line_feeds => (1, Some(after)),
                [0 | b'\n' | b'\r', ..] => return None,
                _ if lines.loose => {
                    is_after_controls = true;
                    (1, None)
                }
                _ => return None,
            };
            let is_folded = lines.folds && matches!(after, Some([b' ' | b'\t', ..]));
            if after.is_some() && !is_folded {
                return Some(Self {
                    at,
                    len,
                    is_after_controls,
                });
            }
            let from = at.saturating_add(len);
            at = from.saturating_add(find_control(bytes.get(from..)?)?);
        }
    }
}

/// The offset of the first `sought` byte.
#[inline]
pub(super) fn find_byte(bytes: &[u8], sought: u8) -> Option<usize> {
    let all = u64::from_le_bytes([sought; 8]);
    find(bytes, |byte| byte == sought, |word| zeros(word ^ all))
}

/// The offset of the first control character, HTAB among them.
#[inline]
pub(super) fn find_control(bytes: &[u8]) -> Option<usize> {
    let delete = u64::from_le_bytes([0x7f; 8]);
    find(
        bytes,
        |byte| byte < b' ' || byte == 0x7f,
        // A byte below SP borrows from its highest bit, which was not set.
        |word| (word.wrapping_sub(0x2020_2020_2020_2020) & !word & HIGHEST) | zeros(word ^ delete),
    )
}

const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// The highest bit of the first byte that is zero, and maybe of bytes after it.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(0x0101_0101_0101_0101) & !word & HIGHEST
}

/// The offset of the first byte that is sought: `is_sought` tells it of a byte, `marks` of eight at a
/// time, by the highest bit of the first and maybe of bytes after it.
#[inline]
fn find(bytes: &[u8], is_sought: impl Fn(u8) -> bool, marks: impl Fn(u64) -> u64) -> Option<usize> {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut at = 0_usize;
    for word in words {
        let marked = marks(u64::from_le_bytes(*word));
        if marked != 0 {
            let within = usize::try_from(marked.trailing_zeros() / 8).unwrap_or_default();
            return Some(at.saturating_add(within));
        }
        at = at.saturating_add(8);
    }
    let within = tail.iter().position(|byte| is_sought(*byte))?;
    Some(at.saturating_add(within))
}

/// The name and the value of a field, from whichever HTTP version and parser.
pub(super) type Pair<'b> = (&'b [u8], &'b [u8]);

/// Fields in the form that the checks of the handshake read, whoever has parsed them.
pub(super) fn pairs<'b>(
    fields: impl Iterator<Item: Into<Pair<'b>>> + Clone,
) -> impl Iterator<Item = Pair<'b>> + Clone {
    fields.map(|field| {
        let (name, value) = field.into();
        (name, trim(value))
    })
}

/// The values of all fields called `name`.
pub(super) fn values<'b>(
    fields: impl Iterator<Item = Pair<'b>> + Clone,
    name: &'static str,
) -> impl Iterator<Item = &'b [u8]> + Clone {
    fields
        .filter(move |field| is_named(field.0, name))
        .map(|field| field.1)
}

#[inline]
pub(super) fn is_named(name: &[u8], expected: &str) -> bool {
    // Most names differ in length.
    name.len() == expected.len() && name.eq_ignore_ascii_case(expected.as_bytes())
}

/// Takes the next element off a list without quoted strings in it.
///
/// "A recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110,
/// section 5.6.1.2); the limit on the line bounds their number.
pub(super) fn next_element<'b>(list: &mut &'b [u8]) -> Option<&'b [u8]> {
    while !list.is_empty() {
        let end = list
            .iter()
            .position(|byte| *byte == b',')
            .unwrap_or(list.len());
        let (element, rest) = list.split_at_checked(end)?;
        *list = rest.strip_prefix(b",").unwrap_or_default();
        let element = trim(element);
        if !element.is_empty() {
            return Some(element);
        }
    }
    None
}

/// The elements of a list without quoted strings in it.
pub(super) fn elements(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || next_element(&mut list))
}

/// Whether the list `value` has `token` among its elements, without regard to case.
pub(super) fn has_token(value: &[u8], token: &str) -> bool {
    // Most lists have one element.
    is_named(value, token) || elements(value).any(|element| is_named(element, token))
}

/// Takes off the optional white space of RFC 9110 section 5.6.3, which is less than Rust trims, and
/// folds, which are read as if they were spaces.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    trim_start(trim_end(value))
}

/// The same at the start alone.
#[inline]
pub(super) fn trim_start(mut value: &[u8]) -> &[u8] {
    loop {
        value = match value {
            [first, ..] if *first > b' ' => return value,
            [b' ' | b'\t', rest @ ..]
            | [b'\r', b'\n', b' ' | b'\t', rest @ ..]
            | [b'\n', b' ' | b'\t', rest @ ..] => rest,
            _ => return value,
        };
    }
}

/// The same at the end alone.
#[inline]
fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [before @ .., b' ' | b'\t'] = value {
        value = match before {
            [rest @ .., b'\r', b'\n'] | [rest @ .., b'\n'] => rest,
            _ => before,
        };
    }
    value
}

/// Takes off the white space between a name and its colon, which is no fold.
pub(super) fn trim_name(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}

/// Whether `text` is a token of RFC 9110 section 5.6.2.
pub(super) fn is_token(text: &[u8]) -> bool {
    // All are looked at, as nearly every text is one.
    let all_may_stand = text
        .iter()
        .fold(true, |all, byte| all & is_token_byte(*byte));
    all_may_stand && !text.is_empty()
}

#[inline]
pub(super) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES.has(byte)
}

static TOKEN_BYTES: ByteSet = ByteSet::alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// Those of `reg-name` in RFC 3986 section 3.2.2.
static NAME_BYTES: ByteSet = ByteSet::alphanumeric_and(b"-._~%!$&'()*+,;=");

/// Those of paths, which have no backslash, as a query may.
pub(super) static TARGET_BYTES: ByteSet = ByteSet::alphanumeric_and(b"!$%&'()*+,-./:;=?@[]^_`{|}~");

/// Some of the bytes there are: whether each is one of them.
pub(super) struct ByteSet([bool; 256]);

// An index of 8 bits is always in bounds.
#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "an array of 256 has a place for each byte"
)]
impl ByteSet {
    const fn alphanumeric_and(mut others: &[u8]) -> Self {
        let mut set = [false; 256];
        let mut byte = u8::MAX;
        while byte > 0 {
            set[byte as usize] = byte.is_ascii_alphanumeric();
            byte = byte.wrapping_sub(1);
        }
        while let [byte, rest @ ..] = others {
            set[*byte as usize] = true;
            others = rest;
        }
        Self(set)
    }

    #[inline]
    pub(super) const fn has(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}

/// Whether `text` is an origin as RFC 6454 section 6.2 writes it, as far as its bytes go.
pub(super) fn is_origin(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_graphic)
}

/// Whether `text` is a host with an optional port, `uri-host [ ":" port ]` of RFC 9110 section 7.2.
pub(super) fn is_authority(text: &[u8]) -> bool {
    authority(text).is_some()
}

/// The host and the digits of the port in `uri-host [ ":" port ]` of RFC 9110 section 7.2; there may
/// be no digits.
pub(super) fn authority(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host_is_valid, host_len) = if let Some(literal) = text.strip_prefix(b"[") {
        let len = literal.iter().position(|byte| *byte == b']')?;
        let address = literal.get(..len).unwrap_or_default();
        let is_address_byte = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
        let is_valid = !address.is_empty() && address.iter().all(is_address_byte);
        // With the brackets.
        (is_valid, len.saturating_add(2))
    } else {
        let len = text.iter().position(|byte| *byte == b':');
        let len = len.unwrap_or(text.len());
        let name = text.get(..len).unwrap_or_default();
        let is_name_byte = |byte: &u8| NAME_BYTES.has(*byte);
        (!name.is_empty() && name.iter().all(is_name_byte), len)
    };
    let (host, rest) = text.split_at_checked(host_len)?;
    let port = match rest {
        [] => rest,
        [b':', port @ ..] if port.len() <= 5 && port.iter().all(u8::is_ascii_digit) => port,
        _ => return None,
    };
    host_is_valid.then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_is_a_host_with_an_optional_port() {
        for text in [
            "a",
            "example.com:8080",
            "127.0.0.1",
            "[::1]",
            "[::ffff:1.2.3.4]:80",
            "a:",
        ] {
            assert!(is_authority(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            ":80",
            "a b",
            "user@host",
            "a:b",
            "a:123456",
            "a/b",
            "a?b",
            "a#b",
            "[::1",
            "[]",
            "[::1]x",
            "[g::]",
            "::1",
            "a:80:80",
            "a\\b",
            "\u{e9}",
        ] {
            assert!(!is_authority(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn finds_the_first_of_any_bytes_at_any_place() {
        for len in 0..40_usize {
            for at in 0..len {
                for (byte, behind) in (0..=u8::MAX).flat_map(|byte| [(byte, b'a'), (byte, byte)]) {
                    let mut bytes = [b'a'; 40];
                    bytes[at..].fill(behind);
                    bytes[at] = byte;
                    let bytes = &bytes[..len];
                    let expected = bytes.iter().position(u8::is_ascii_control);
                    assert_eq!(find_control(bytes), expected, "{bytes:?}");
                    let expected = bytes.iter().position(|found| *found == b':');
                    assert_eq!(find_byte(bytes, b':'), expected, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn fields_of_a_head_that_is_no_text_are_read_alike() {
        let mut fields = Fields::new(b"a: b\r\nx: \xff\xc3\r\nlast:\r\n\r\n");
        assert_eq!(fields.first("x"), Some(&b"\xff\xc3"[..]));
        assert_eq!(fields.nth(2).map(|field| field.name), Some("last"));
        assert_eq!(fields.next(), None);
        let mut fields = Fields::new("a: \u{e9}\r\nlast: \u{1f98a}\r\n\r\n".as_bytes());
        assert_eq!(fields.nth(1).map(|field| field.name), Some("last"));
    }

    #[test]
    fn fields_are_read_line_by_line() {
        let mut fields = Fields::new(b"A: \t b c \t\r\nempty:\r\nx:y:z\r\n\r\nGET: no\r\n");
        assert_eq!(fields.first("X"), Some(&b"y:z"[..]));
        assert_eq!(fields.first("get"), None);
        assert_eq!(
            fields.next(),
            Some(Field {
                name: "A",
                value: b"b c"
            })
        );
        assert_eq!(
            fields.next(),
            Some(Field {
                name: "empty",
                value: b""
            })
        );
        assert_eq!(
            fields.next(),
            Some(Field {
                name: "x",
                value: b"y:z"
            })
        );
        assert_eq!(fields.next(), None);
    }

    #[test]
    fn token_bytes_are_those_of_rfc_9110() {
        let separators = b"\"(),/:;<=>?@[\\]{}";
        for byte in 0..=u8::MAX {
            let expected = byte.is_ascii_graphic() && !separators.contains(&byte);
            assert_eq!(is_token_byte(byte), expected, "{byte:#04x}");
        }
    }
}

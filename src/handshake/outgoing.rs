//! The fields of a head that is to go out, and how it is written.

use core::fmt::{self, Write as _};

use arrayvec::ArrayVec;

use super::field::{Field, is_token};
use super::key::{Accept, Key};
use super::supported::ExtensionList;
use crate::{Output, OutputFull};

/// A field of the caller's that cannot go out; `index` is its place in the caller's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// The name is not a token.
    ///
    /// See [RFC 9110 section 5.1](https://www.rfc-editor.org/rfc/rfc9110#section-5.1).
    Name {
        /// The field's place in the list.
        index: usize,
    },
    /// The engine writes the field of that name itself, or the HTTP version has no such field.
    Reserved {
        /// The field's place in the list.
        index: usize,
    },
    /// The value holds CR, LF, NUL or another control character; tabs may be in it.
    ///
    /// See [RFC 9110 section 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5).
    Value {
        /// The field's place in the list.
        index: usize,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { index } => {
                write!(
                    f,
                    "the name of field {index} is not a token: take out what is not allowed"
                )
            }
            Self::Reserved { index } => {
                write!(
                    f,
                    "field {index} is the handshake's own, or not for this HTTP version: leave it out"
                )
            }
            Self::Value { index } => {
                write!(
                    f,
                    "the value of field {index} holds a control character: take it out"
                )
            }
        }
    }
}

impl core::error::Error for FieldError {}

/// Fields of the caller's, in their order: names, with values that are text or bytes.
///
/// A value may hold `obs-text`, the bytes from 0x80 on: UTF-8, Latin-1 or anything else. It holds no
/// control characters but tabs.
///
/// It is made from a slice or an array of pairs, and with `alloc` from a `Vec`. Where one value is
/// bytes, all of them are.
///
/// See [RFC 9110 section 5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5).
///
/// # Examples
///
/// ```
/// use websocket_proto::SliceOutput; // or a `Vec<u8>`
/// use websocket_proto::handshake::server::Response;
///
/// let utf_8 = [("X-City", "Z\u{fc}rich")];
/// let latin_1 = [("X-City", &b"Z\xfcrich"[..])];
/// let mut room = [0; 256];
/// let mut out = SliceOutput::new(&mut room);
/// Response::new(404).fields(&utf_8).write(&mut out)?;
/// Response::new(404).fields(&latin_1).write(&mut out)?;
/// assert!(out.filled().ends_with(b"\r\nX-City: Z\xfcrich\r\n\r\n"));
/// # Ok::<(), websocket_proto::handshake::server::ResponseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct FieldList<'a>(List<'a>);

#[derive(Clone, Copy)]
enum List<'a> {
    Bytes(&'a [(&'a str, &'a [u8])]),
    Text(&'a [(&'a str, &'a str)]),
}

impl<'a> FieldList<'a> {
    pub(super) const EMPTY: Self = Self(List::Text(&[]));

    pub(super) fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
        let (bytes, text) = match self.0 {
            List::Bytes(bytes) => (bytes, &[][..]),
            List::Text(text) => (&[][..], text),
        };
        let text = text.iter().map(|(name, value)| (*name, value.as_bytes()));
        bytes.iter().copied().chain(text)
    }
}

impl Default for FieldList<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Debug for FieldList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.iter().map(|(name, value)| Field { name, value });
        f.debug_list().entries(fields).finish()
    }
}

impl PartialEq for FieldList<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for FieldList<'_> {}

impl<'a> From<&'a [(&'a str, &'a str)]> for FieldList<'a> {
    fn from(fields: &'a [(&'a str, &'a str)]) -> Self {
        Self(List::Text(fields))
    }
}

impl<'a> From<&'a [(&'a str, &'a [u8])]> for FieldList<'a> {
    fn from(fields: &'a [(&'a str, &'a [u8])]) -> Self {
        Self(List::Bytes(fields))
    }
}

impl<'a, const N: usize> From<&'a [(&'a str, &'a str); N]> for FieldList<'a> {
    fn from(fields: &'a [(&'a str, &'a str); N]) -> Self {
        Self::from(&fields[..])
    }
}

impl<'a, const N: usize> From<&'a [(&'a str, &'a [u8]); N]> for FieldList<'a> {
    fn from(fields: &'a [(&'a str, &'a [u8]); N]) -> Self {
        Self::from(&fields[..])
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a alloc::vec::Vec<(&'a str, &'a str)>> for FieldList<'a> {
    fn from(fields: &'a alloc::vec::Vec<(&'a str, &'a str)>) -> Self {
        Self::from(fields.as_slice())
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a alloc::vec::Vec<(&'a str, &'a [u8])>> for FieldList<'a> {
    fn from(fields: &'a alloc::vec::Vec<(&'a str, &'a [u8])>) -> Self {
        Self::from(fields.as_slice())
    }
}

/// The value of a field that is to go out: bytes, which need not be UTF-8.
///
/// Hand over what `to_vec` gives, or where there is no allocator its
/// [`parts`](FieldValue::parts). Printing is for people: bytes that are not UTF-8 are replaced by
/// U+FFFD there, in those values of the caller's that have some.
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::client::Handshake;
///
/// let handshake =
///     Handshake::new(*b"use random bytes", "example.com", "/").subprotocols(&["a", "b"]);
/// let offer = handshake.fields_to_set()?.find(|(name, _)| *name == "Sec-WebSocket-Protocol");
/// let (_, value) = offer.ok_or("subprotocols are offered")?;
/// assert_eq!(value.to_string(), "a, b");
/// assert!(value.parts().eq([&b"a"[..], b", ", b"b"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FieldValue<'a>(Value<'a>);

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Accept(Accept),
    Bytes(&'a [u8]),
    Extensions(ExtensionList<'a>),
    Key(Key),
    List(&'a [&'a str]),
}

impl<'a> FieldValue<'a> {
    pub(super) fn list(elements: &'a [&'a str]) -> Self {
        Self(Value::List(elements))
    }

    /// The bytes of the value in pieces; most values have one.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let (first, others, extensions) = match &self.0 {
            Value::Accept(accept) => (Some(accept.as_bytes()), &[][..], None),
            Value::Bytes(bytes) => (Some(*bytes), &[][..], None),
            Value::Extensions(list) => (None, &[][..], Some(*list)),
            Value::Key(key) => (Some(key.as_bytes()), &[][..], None),
            Value::List([first, others @ ..]) => (Some(first.as_bytes()), others, None),
            Value::List([]) => (None, &[][..], None),
        };
        let others = others.iter().flat_map(|other| [", ", *other]);
        let extensions = extensions.into_iter().flat_map(ExtensionList::parts);
        let texts = others.chain(extensions).map(str::as_bytes);
        first.into_iter().chain(texts)
    }

    /// The bytes of the value.
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self) -> alloc::vec::Vec<u8> {
        self.parts().flatten().copied().collect()
    }

    fn append_to(&self, out: &mut dyn Output) {
        match &self.0 {
            Value::Accept(accept) => {
                out.put(accept.as_bytes());
            }
            Value::Bytes(bytes) => {
                out.put(bytes);
            }
            _ => self.parts().for_each(|part| {
                out.put(part);
            }),
        }
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.parts().flat_map(<[u8]>::utf8_chunks) {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(text: &'a str) -> Self {
        Self(Value::Bytes(text.as_bytes()))
    }
}

impl From<Key> for FieldValue<'_> {
    fn from(key: Key) -> Self {
        Self(Value::Key(key))
    }
}

impl From<Accept> for FieldValue<'_> {
    fn from(accept: Accept) -> Self {
        Self(Value::Accept(accept))
    }
}

impl<'a> From<ExtensionList<'a>> for FieldValue<'a> {
    fn from(list: ExtensionList<'a>) -> Self {
        Self(Value::Extensions(list))
    }
}

/// The fields of a head that goes out: up to `N` that the handshake sets, then the caller's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing<'a, const N: usize> {
    own: [Option<Line<'a>>; N],
    given: FieldList<'a>,
}

impl<'a, const N: usize> Outgoing<'a, N> {
    pub(super) fn new(own: [Option<Line<'a>>; N], given: FieldList<'a>) -> Self {
        Self { own, given }
    }

    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (&'a str, FieldValue<'a>)> + Clone + use<'a, N> {
        let given = self.given.iter();
        let given = given.map(|(name, value)| (name, FieldValue(Value::Bytes(value))));
        let own = self.own.into_iter().flatten();
        own.map(|line| (line.name, line.value)).chain(given)
    }

    pub(super) fn append_own(&self, out: &mut dyn Output) {
        for line in self.own.iter().flatten() {
            append(out, &[line.text]);
            if !line.has_value {
                line.value.append_to(out);
            }
        }
    }

    pub(super) fn append_given(&self, out: &mut dyn Output) {
        for (name, value) in self.given.iter() {
            append(out, &["\r\n", name, ": "]);
            out.put(value);
        }
    }
}

/// A field line of the handshake's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) name: &'static str,
    pub(super) value: FieldValue<'a>,
    /// What is known of the line beforehand, the end of the line before it included: put at once.
    pub(super) text: &'static str,
    /// Whether that has the value in it.
    pub(super) has_value: bool,
}

/// A [`Line`] by its name and its value, with a colon between them if that is always the same.
macro_rules! line {
    ($name:literal: $value:literal) => {
        $crate::handshake::outgoing::Line {
            name: $name,
            value: $value.into(),
            text: concat!("\r\n", $name, ": ", $value),
            has_value: true,
        }
    };
    ($name:literal, $value:expr) => {
        $crate::handshake::outgoing::Line {
            name: $name,
            value: $value.into(),
            text: concat!("\r\n", $name, ": "),
            has_value: false,
        }
    };
}
pub(super) use line;

/// Checks the caller's fields; those named in `reserved` are the engine's, beside those that frame
/// the message or belong to the WebSocket handshake.
pub(super) fn check_outgoing(fields: FieldList<'_>, reserved: &[&str]) -> Result<(), FieldError> {
    for (index, (name, value)) in fields.iter().enumerate() {
        if !is_token(name.as_bytes()) {
            return Err(FieldError::Name { index });
        }
        if ALWAYS_RESERVED
            .iter()
            .chain(reserved)
            .any(|other| name.eq_ignore_ascii_case(other))
            || name
                .get(..14)
                .is_some_and(|start| start.eq_ignore_ascii_case("sec-websocket-"))
        {
            return Err(FieldError::Reserved { index });
        }
        // "Field values containing CR, LF, or NUL characters are invalid" (RFC 9110, section 5.5)
        if value
            .iter()
            .any(|byte| byte.is_ascii_control() && *byte != b'\t')
        {
            return Err(FieldError::Value { index });
        }
    }
    Ok(())
}

/// Writes a head whole or not at all; `write` is called again if it is long.
pub(super) fn write_whole(
    out: &mut impl Output,
    write: impl Fn(&mut dyn Output),
) -> Result<(), OutputFull> {
    let mut draft = Draft::default();
    write(&mut draft);
    out.make_room(draft.len)?;
    if draft.len == draft.bytes.len() {
        out.put(&draft.bytes);
    } else {
        write(out);
    }
    Ok(())
}

/// Appends the parts of a line one after the other.
pub(super) fn append(out: &mut dyn Output, parts: &[&str]) {
    for part in parts {
        out.put(part.as_bytes());
    }
}

/// An output that counts, and holds what a head of the usual length has.
#[derive(Default)]
struct Draft {
    bytes: ArrayVec<u8, 512>,
    len: usize,
}

impl Output for Draft {
    fn make_room(&mut self, _: usize) -> Result<(), OutputFull> {
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        self.len = self.len.saturating_add(bytes.len());
        // Once that was too much, what is held is shorter than what was counted for good.
        let _ = self.bytes.try_extend_from_slice(bytes);
        &mut []
    }
}

const ALWAYS_RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
];

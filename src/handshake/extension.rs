//! The list of extensions in `Sec-WebSocket-Extensions`, by its grammar.
//!
//! Every byte of a value is looked at a bounded number of times, whatever it holds.

use core::fmt;

use arrayvec::ArrayVec;

use super::error::HandshakeError;
use super::field::{Fields, Pair, is_named, is_token_byte, trim, trim_start};

/// How many extensions one head may name, in all its `Sec-WebSocket-Extensions` fields together.
///
/// A browser names one, with one or two alternatives at most.
pub const MAX_EXTENSIONS: usize = 32;

/// The extensions that a head names, in its order, over all `Sec-WebSocket-Extensions` fields.
///
/// In a request each is an offer, the preferred one first, and a name may come again with other
/// parameters.
/// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
#[derive(Clone)]
pub struct Extensions<'b, F = Fields<'b>> {
    fields: F,
    value: Cursor<'b>,
}

impl<F> Extensions<'_, F> {
    /// Reads the `Sec-WebSocket-Extensions` fields among `fields`.
    ///
    /// These may be the fields of a response that an HTTP library has parsed, once
    /// [`check_response`](super::client::Handshake::check_response) has accepted it. Of a list that
    /// breaks the grammar, only the elements before the fault come.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::handshake::Extensions;
    ///
    /// let parsed = [(&b"sec-websocket-extensions"[..], &b"x-codec; level=2"[..])];
    /// let accepted = Extensions::new(parsed.into_iter()).next().ok_or("one is named")?;
    /// assert_eq!(accepted.name(), "x-codec");
    /// let (name, value) = accepted.params().next().ok_or("it has a parameter")?;
    /// assert!(name == "level" && value.is_some_and(|value| value == "2"));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn new(fields: F) -> Self {
        Self {
            fields,
            value: Cursor { rest: b"" },
        }
    }
}

impl<'b, F: Iterator<Item: Into<Pair<'b>>>> Iterator for Extensions<'b, F> {
    type Item = Extension<'b>;

    fn next(&mut self) -> Option<Extension<'b>> {
        loop {
            if let Some(extension) = self.value.next() {
                return Some(extension);
            }
            let mut fields = self.fields.by_ref().map(Into::into);
            let (_, rest) = fields.find(|(name, _)| is_named(name, FIELD))?;
            self.value = Cursor { rest };
        }
    }
}

impl<'b, F: Iterator<Item: Into<Pair<'b>>> + Clone> fmt::Debug for Extensions<'b, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// An extension with its parameters, as offered or accepted.
#[derive(Clone, Copy)]
pub struct Extension<'b> {
    /// A token.
    name: &'b [u8],
    params: &'b [u8],
}

impl<'b> Extension<'b> {
    /// The name as it was received.
    pub fn name(&self) -> &'b str {
        text(self.name)
    }

    /// Reads one extension, with nothing before or after it.
    pub(super) fn parse(text: &'b str) -> Option<Self> {
        let text = text.as_bytes();
        if trim(text) != text {
            return None;
        }
        let mut cursor = Cursor { rest: text };
        let extension = cursor.element().ok()?;
        cursor.rest.is_empty().then_some(extension)
    }

    pub(super) fn name_bytes(&self) -> &'b [u8] {
        self.name
    }

    #[cfg(feature = "deflate")]
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name.as_bytes()
    }

    /// The parameters in their order; a name may come more than once.
    pub fn params(&self) -> Params<'b> {
        Params {
            rest: Cursor { rest: self.params },
        }
    }
}

impl fmt::Debug for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extension")
            .field("name", &self.name())
            .field("params", &self.params())
            .finish()
    }
}

/// The parameters of an [`Extension`]: names, with a value where there is one.
#[derive(Clone)]
pub struct Params<'b> {
    rest: Cursor<'b>,
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'b> Iterator for Params<'b> {
    type Item = (&'b str, Option<ParamValue<'b>>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.rest.param().ok()??;
        Some((text(name), value))
    }
}

/// The value of an extension parameter, which may have been sent as a quoted string.
///
/// Compare it with `==`, or read its [`bytes`](ParamValue::bytes): `10`, `"10"` and `"1\0"` are the
/// same value.
#[derive(Clone, Copy)]
pub struct ParamValue<'b> {
    /// The token, or what stands between the quotes.
    raw: &'b [u8],
}

impl fmt::Debug for ParamValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.raw.escape_ascii())
    }
}

impl<'b> ParamValue<'b> {
    /// The bytes of the value, which is a token, after unquoting.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        // A token has no backslash, so each one here escapes the byte after it.
        self.raw.iter().copied().filter(|byte| *byte != b'\\')
    }
}

impl PartialEq for ParamValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl Eq for ParamValue<'_> {}

impl PartialEq<str> for ParamValue<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes().eq(other.bytes())
    }
}

impl PartialEq<&str> for ParamValue<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// The extensions in these values, which have been checked.
pub(super) fn extensions<'b>(
    values: impl Iterator<Item = &'b [u8]>,
) -> impl Iterator<Item = Extension<'b>> {
    values.flat_map(|rest| Cursor { rest })
}

/// Checks the extensions that a head names; `each` sees them in their order.
fn check<'b>(
    values: impl Iterator<Item = &'b [u8]>,
    mut each: impl FnMut(Extension<'b>) -> Result<(), HandshakeError>,
) -> Result<(), HandshakeError> {
    let mut is_present = false;
    let mut count = 0_usize;
    for value in values {
        is_present = true;
        let mut cursor = Cursor { rest: value };
        // "If a value is received [...] that does not conform to the ABNF below, the recipient of
        // such malformed data MUST immediately _Fail the WebSocket Connection_." (section 9.1)
        while let Some(extension) = cursor
            .extension()
            .or(Err(HandshakeError::InvalidExtensions))?
        {
            count = count.saturating_add(1);
            if count > MAX_EXTENSIONS {
                return Err(HandshakeError::TooManyExtensions);
            }
            each(extension)?;
        }
    }
    // `extension-list = 1#extension` (section 9.1): a list that is there names one at least.
    if is_present && count == 0 {
        Err(HandshakeError::InvalidExtensions)
    } else {
        Ok(())
    }
}

/// Checks what a client offers.
pub(super) fn check_offers<'b>(
    values: impl Iterator<Item = &'b [u8]>,
) -> Result<(), HandshakeError> {
    check(values, |_| Ok(()))
}

/// Checks what a server accepts; `is_offered` tells it of a name.
pub(super) fn check_accepted<'b>(
    values: impl Iterator<Item = &'b [u8]>,
    is_offered: impl Fn(&[u8]) -> bool,
) -> Result<(), HandshakeError> {
    let mut names = ArrayVec::<&[u8], MAX_EXTENSIONS>::new();
    check(values, |extension| {
        if names.contains(&extension.name) {
            return Err(HandshakeError::RepeatedExtension);
        }
        names
            .try_push(extension.name)
            .or(Err(HandshakeError::TooManyExtensions))
    })?;
    // "[...] indicates the use of an extension that was not present in the client's handshake
    // [...], the client MUST _Fail the WebSocket Connection_." (section 4.1)
    if names.iter().all(|name| is_offered(name)) {
        Ok(())
    } else {
        Err(HandshakeError::UnofferedExtension)
    }
}

/// What is left to read of a value.
#[derive(Clone)]
struct Cursor<'b> {
    rest: &'b [u8],
}

/// The name of a parameter, which is a token, and its value.
type Param<'b> = (&'b [u8], Option<ParamValue<'b>>);

/// The value breaks the grammar.
struct Malformed;

impl<'b> Iterator for Cursor<'b> {
    type Item = Extension<'b>;

    fn next(&mut self) -> Option<Extension<'b>> {
        // What breaks the grammar was refused before anyone asks for the elements.
        self.extension().ok()?
    }
}

impl<'b> Cursor<'b> {
    /// Reads up to the next comma.
    fn extension(&mut self) -> Result<Option<Extension<'b>>, Malformed> {
        // The list rule of RFC 2616, which section 9.1 names, allows empty elements.
        self.skip_white_space();
        while let [b',', rest @ ..] = self.rest {
            self.rest = rest;
            self.skip_white_space();
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let extension = self.element()?;
        if !self.rest.is_empty() && !self.eat(b',') {
            return Err(Malformed);
        }
        Ok(Some(extension))
    }

    /// Reads `extension-token *( ";" extension-param )`.
    fn element(&mut self) -> Result<Extension<'b>, Malformed> {
        let name = self.token()?;
        let params = self.rest;
        while self.param()?.is_some() {}
        let len = params.len().saturating_sub(self.rest.len());
        Ok(Extension {
            name,
            params: params.get(..len).unwrap_or_default(),
        })
    }

    /// Reads `";" token [ "=" ( token / quoted-string ) ]`, or nothing if no semicolon follows.
    fn param(&mut self) -> Result<Option<Param<'b>>, Malformed> {
        if !self.eat(b';') {
            return Ok(None);
        }
        let name = self.token()?;
        let value = if self.eat(b'=') {
            Some(self.value()?)
        } else {
            None
        };
        Ok(Some((name, value)))
    }

    fn value(&mut self) -> Result<ParamValue<'b>, Malformed> {
        if !self.eat(b'"') {
            return Ok(ParamValue { raw: self.token()? });
        }
        let quoted = self.rest;
        let mut is_empty = true;
        // "the value after quoted-string unescaping MUST conform to the 'token' ABNF" (section 9.1)
        loop {
            self.rest = match self.rest {
                [b'"', rest @ ..] if !is_empty => {
                    let len = quoted.len().saturating_sub(self.rest.len());
                    self.rest = rest;
                    let raw = quoted.get(..len).ok_or(Malformed)?;
                    return Ok(ParamValue { raw });
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] if is_token_byte(*byte) => rest,
                _ => return Err(Malformed),
            };
            is_empty = false;
        }
    }

    fn token(&mut self) -> Result<&'b [u8], Malformed> {
        self.skip_white_space();
        let end = self.rest.iter().position(|byte| !is_token_byte(*byte));
        let (token, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .ok_or(Malformed)?;
        self.rest = rest;
        if token.is_empty() {
            return Err(Malformed);
        }
        Ok(token)
    }

    /// Skips `byte` and the white space before it, if it is what comes next.
    ///
    /// Section 9.1 takes over the implied white space of RFC 2616, so it may stand round `=` too.
    fn eat(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn skip_white_space(&mut self) {
        // A fold is white space too. In a quoted string it is, as a space is, no part of a token.
        self.rest = trim_start(self.rest);
    }
}

/// A token, which is ASCII, as text.
fn text(token: &[u8]) -> &str {
    core::str::from_utf8(token).unwrap_or_default()
}

pub(super) const FIELD: &str = "sec-websocket-extensions";

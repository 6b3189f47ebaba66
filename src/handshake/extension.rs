//! The list of extensions in `Sec-WebSocket-Extensions`, by its grammar.
//!
//! Every byte of a value is looked at a bounded number of times, whatever it holds.

use arrayvec::ArrayVec;

use super::error::HandshakeError;
use super::field::{Fields, Pair, is_named, is_token_byte, values};

/// How many extensions one head may name, in all its `Sec-WebSocket-Extensions` fields together.
///
/// A browser names one, with one or two alternatives at most.
pub const MAX_EXTENSIONS: usize = 32;

/// The extensions that a head names, in its order, over all `Sec-WebSocket-Extensions` fields.
///
/// In a request each is an offer, the preferred one first, and a name may come again with other
/// parameters.
/// See [RFC 6455 section 9.1](https://www.rfc-editor.org/rfc/rfc6455#section-9.1).
#[derive(Clone, Debug)]
pub struct Extensions<'b, F = Fields<'b>> {
    fields: F,
    value: Cursor<'b>,
}

impl<F> Extensions<'_, F> {
    pub(super) fn new(fields: F) -> Self {
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
            // What breaks the grammar was refused before anyone could hold this iterator.
            if let Some(extension) = self.value.extension().ok()? {
                return Some(extension);
            }
            let mut fields = self.fields.by_ref().map(Into::into);
            let (_, rest) = fields.find(|(name, _)| is_named(name, FIELD))?;
            self.value = Cursor { rest };
        }
    }
}

/// An extension with its parameters, as offered or accepted.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'b> {
    name: &'b str,
    params: &'b [u8],
}

impl<'b> Extension<'b> {
    /// The name as it was received.
    pub fn name(&self) -> &'b str {
        self.name
    }

    /// The parameters in their order; a name may come more than once.
    pub fn params(&self) -> Params<'b> {
        Params {
            rest: Cursor { rest: self.params },
        }
    }
}

/// The parameters of an [`Extension`]: names, with a value where there is one.
#[derive(Clone, Debug)]
pub struct Params<'b> {
    rest: Cursor<'b>,
}

impl<'b> Iterator for Params<'b> {
    type Item = (&'b str, Option<ParamValue<'b>>);

    fn next(&mut self) -> Option<Self::Item> {
        self.rest.param().ok()?
    }
}

/// The value of an extension parameter, which may have been sent as a quoted string.
///
/// Compare it with `==`, or read its [`bytes`](ParamValue::bytes): `10`, `"10"` and `"1\0"` are the
/// same value.
#[derive(Clone, Copy, Debug)]
pub struct ParamValue<'b> {
    /// The token, or what stands between the quotes.
    raw: &'b str,
}

impl<'b> ParamValue<'b> {
    /// The bytes of the value, which is a token, after unquoting.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + Clone + use<'b> {
        // A token has no backslash, so each one here escapes the byte after it.
        self.raw.bytes().filter(|byte| *byte != b'\\')
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

/// Checks the extensions that a head names; `each` sees them in their order.
fn check<'b>(
    fields: impl Iterator<Item = Pair<'b>> + Clone,
    mut each: impl FnMut(Extension<'b>) -> Result<(), HandshakeError>,
) -> Result<(), HandshakeError> {
    let mut is_present = false;
    let mut count = 0_usize;
    for value in values(fields, FIELD) {
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
    fields: impl Iterator<Item = Pair<'b>> + Clone,
) -> Result<(), HandshakeError> {
    check(fields, |_| Ok(()))
}

/// Checks what a server accepts against the names in `offered`.
pub(super) fn check_accepted<'b>(
    fields: impl Iterator<Item = Pair<'b>> + Clone,
    offered: &[&str],
) -> Result<(), HandshakeError> {
    let mut names = ArrayVec::<&str, MAX_EXTENSIONS>::new();
    check(fields, |extension| {
        if names.contains(&extension.name) {
            return Err(HandshakeError::RepeatedExtension);
        }
        names
            .try_push(extension.name)
            .or(Err(HandshakeError::TooManyExtensions))
    })?;
    // "[...] indicates the use of an extension that was not present in the client's handshake
    // [...], the client MUST _Fail the WebSocket Connection_." (section 4.1)
    if names.iter().all(|name| offered.contains(name)) {
        Ok(())
    } else {
        Err(HandshakeError::UnofferedExtension)
    }
}

/// What is left to read of a value.
#[derive(Clone, Copy, Debug)]
struct Cursor<'b> {
    rest: &'b [u8],
}

/// The value breaks the grammar.
struct Malformed;

impl<'b> Cursor<'b> {
    /// Reads up to the next comma: `extension-token *( ";" extension-param )`.
    fn extension(&mut self) -> Result<Option<Extension<'b>>, Malformed> {
        // The list rule of RFC 2616, which section 9.1 names, allows empty elements.
        while let [b',' | b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let name = self.token()?;
        let params = self.rest;
        while self.param()?.is_some() {}
        let len = params.len().saturating_sub(self.rest.len());
        if !self.rest.is_empty() && !self.eat(b',') {
            return Err(Malformed);
        }
        Ok(Some(Extension {
            name,
            params: params.get(..len).unwrap_or_default(),
        }))
    }

    /// Reads `";" token [ "=" ( token / quoted-string ) ]`, or nothing if no semicolon follows.
    fn param(&mut self) -> Result<Option<(&'b str, Option<ParamValue<'b>>)>, Malformed> {
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
                    return text(quoted.get(..len)).map(|raw| ParamValue { raw });
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] if is_token_byte(*byte) => rest,
                _ => return Err(Malformed),
            };
            is_empty = false;
        }
    }

    fn token(&mut self) -> Result<&'b str, Malformed> {
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
        text(Some(token))
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
        while let [b' ' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }
}

fn text(bytes: Option<&[u8]>) -> Result<&str, Malformed> {
    bytes
        .and_then(|bytes| core::str::from_utf8(bytes).ok())
        .ok_or(Malformed)
}

pub(super) const FIELD: &str = "sec-websocket-extensions";

//! The head of an HTTP/1.1 message: read in one pass if it is whole and right, else byte by byte.
//!
//! Byte by byte, [`Scanner`] judges limits, line ends, control characters and line folding by
//! position, so the verdict does not depend on how the bytes were cut. What is left, the grammar of
//! the lines, is judged when the end of the head has been found. The one pass gives a verdict only
//! where that would give the same one. Either way a byte is looked at a few times at most, however
//! the head dribbles in.

use super::error::HandshakeError;
use super::field::{FieldLine, Fields, find_byte, find_control, is_token};
use super::known::Known;

/// How much of a head is accepted.
///
/// # Examples
///
/// ```
/// use websocket_proto::handshake::HeadLimits;
///
/// let small = HeadLimits::default().max_len(2048).max_fields(32).max_line(1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    len: usize,
    fields: usize,
    line: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            len: 0x4000,
            fields: 100,
            line: 0x2000,
        }
    }
}

impl HeadLimits {
    /// Limits the head to `bytes`, the empty line at its end included; 16 KiB by default.
    ///
    /// The caller keeps the whole head in one buffer, so this is also the buffer that a peer can
    /// make it hold. A head is refused with the last byte that fits, so a buffer of as many bytes or
    /// more is never full while `receive` gives `None`: there is always room to read on. 16 KiB lets
    /// a browser's request with several large cookies through. For a client the interim responses
    /// before the final one count too.
    #[must_use]
    pub fn max_len(mut self, bytes: usize) -> Self {
        self.len = bytes;
        self
    }

    /// Limits the number of field lines; 100 by default.
    ///
    /// A request of a browser behind several proxies has about 30.
    #[must_use]
    pub fn max_fields(mut self, fields: usize) -> Self {
        self.fields = fields;
        self
    }

    /// Limits each line, its CRLF not counted; 8 KiB by default.
    ///
    /// [RFC 9112 section 3](https://www.rfc-editor.org/rfc/rfc9112#section-3) recommends to take
    /// start lines of 8000 bytes at least; cookies are commonly held to 4 KiB each.
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }
}

/// The HTTP version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0, on which no WebSocket connection can be opened.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, on which extended CONNECT opens a WebSocket connection.
    Http2,
    /// HTTP/3, on which extended CONNECT opens a WebSocket connection.
    Http3,
}

/// Whether an empty line may come before the start line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmptyLine {
    Ignored,
    Refused,
}

/// Finds the end of a head in bytes that come in any portions.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    limits: HeadLimits,
    step: Step,
    /// The offset of the first byte that has not been looked at.
    scanned: usize,
    /// The offset of the start line.
    start: usize,
    /// The offset of the first field line; zero until the start line has ended.
    fields_start: usize,
    /// The bytes of the current line so far.
    line_len: usize,
    /// The field lines so far, the current one included.
    fields: usize,
    empty_line: EmptyLine,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Line,
    LineFeed,
    Ended,
    Failed(HandshakeError),
}

impl Scanner {
    pub(super) fn new(limits: HeadLimits, empty_line: EmptyLine) -> Self {
        Self {
            limits,
            step: Step::Line,
            scanned: 0,
            start: 0,
            fields_start: 0,
            line_len: 0,
            fields: 0,
            empty_line,
        }
    }

    /// Continues in `buf`, which holds everything received so far; gives the head once it is whole.
    #[inline]
    pub(super) fn scan<'b>(&mut self, buf: &'b [u8]) -> Result<Option<Head<'b>>, HandshakeError> {
        if matches!(self.step, Step::Line) && self.scanned == self.start {
            let head = self.whole(buf);
            if head.is_some() {
                return Ok(head);
            }
        }
        if self.scan_bytes(buf)? {
            Ok(self.head(buf))
        } else {
            Ok(None)
        }
    }

    /// Goes on byte by byte where there may be something to say of them; tells whether the head has
    /// ended.
    fn scan_bytes(&mut self, buf: &[u8]) -> Result<bool, HandshakeError> {
        loop {
            match self.step {
                Step::Failed(error) => return Err(error),
                Step::Ended => return Ok(true),
                Step::Line | Step::LineFeed => {}
            }
            self.skip_plain(buf);
            let Some(&byte) = buf.get(self.scanned) else {
                return Ok(false);
            };
            self.scanned = self.scanned.saturating_add(1);
            self.step = self.judge(byte).unwrap_or_else(Step::Failed);
        }
    }

    /// Passes the bytes of a line that has begun of which there is nothing to say, and which no limit
    /// ends.
    fn skip_plain(&mut self, buf: &[u8]) {
        if !matches!(self.step, Step::Line) || self.line_len == 0 {
            return;
        }
        // The last byte that fits is judged by itself.
        let of_head = self.limits.len.saturating_sub(1).min(buf.len());
        let plain = buf.get(self.scanned..of_head).unwrap_or_default();
        let of_line = self.limits.line.saturating_sub(self.line_len);
        let plain = plain.get(..of_line).unwrap_or(plain);
        let len = find_control(plain).unwrap_or(plain.len());
        self.scanned = self.scanned.saturating_add(len);
        self.line_len = self.line_len.saturating_add(len);
    }

    /// Goes on to the head that follows the one just found.
    pub(super) fn next_head(&mut self) {
        let limit = self.limits.len;
        let fits = self.scanned < limit;
        *self = Self {
            step: if fits {
                Step::Line
            } else {
                Step::Failed(HandshakeError::HeadTooLong { limit })
            },
            scanned: self.scanned,
            start: self.scanned,
            ..Self::new(self.limits, self.empty_line)
        };
    }

    fn judge(&mut self, byte: u8) -> Result<Step, HandshakeError> {
        let step = match (self.step, byte) {
            (Step::LineFeed, b'\n') => self.end_line()?,
            // "A recipient of such a bare CR MUST consider that element to be invalid or replace
            // each bare CR with SP" (RFC 9112, section 2.2): it is invalid here.
            (Step::LineFeed, _) => return Err(HandshakeError::MalformedHead),
            // Departs from RFC 9112 section 2.2, by which a recipient MAY recognize a single LF:
            // what one hop takes for a line end and the next does not, smuggles fields.
            (_, b'\n') => return Err(HandshakeError::BareLineFeed),
            (_, b'\r') => Step::LineFeed,
            // "Field values containing CR, LF, or NUL characters are invalid" (RFC 9110, 5.5)
            (_, 0..=0x08 | 0x0b..=0x1f | 0x7f) => return Err(HandshakeError::MalformedHead),
            (_, b'\t' | b' ') if self.line_len == 0 => return Err(HandshakeError::LineFolding),
            _ => self.extend_line()?,
        };
        // Judged on the last byte that fits: a caller whose buffer is this long learns of it now.
        if !matches!(step, Step::Ended) && self.scanned >= self.limits.len {
            return Err(HandshakeError::HeadTooLong {
                limit: self.limits.len,
            });
        }
        Ok(step)
    }

    fn extend_line(&mut self) -> Result<Step, HandshakeError> {
        let in_fields = self.fields_start > 0;
        if in_fields && self.line_len == 0 {
            self.fields = self.fields.saturating_add(1);
            if self.fields > self.limits.fields {
                return Err(HandshakeError::TooManyFields {
                    limit: self.limits.fields,
                });
            }
        }
        self.line_len = self.line_len.saturating_add(1);
        if self.line_len > self.limits.line {
            let limit = self.limits.line;
            // "A server that receives a request-target longer than any URI it wishes to parse MUST
            // respond with a 414 (URI Too Long) status code" (RFC 9112, section 3)
            return Err(if in_fields {
                HandshakeError::LineTooLong { limit }
            } else {
                HandshakeError::StartLineTooLong { limit }
            });
        }
        Ok(Step::Line)
    }

    fn end_line(&mut self) -> Result<Step, HandshakeError> {
        let is_empty = self.line_len == 0;
        self.line_len = 0;
        if self.fields_start > 0 {
            return Ok(if is_empty { Step::Ended } else { Step::Line });
        }
        if is_empty {
            // "a server [...] SHOULD ignore at least one empty line (CRLF) received prior to the
            // request-line" (RFC 9112, section 2.2): one is ignored, a second is not HTTP.
            if self.empty_line == EmptyLine::Refused {
                return Err(HandshakeError::MalformedHead);
            }
            self.empty_line = EmptyLine::Refused;
            self.start = self.scanned;
        } else {
            self.fields_start = self.scanned;
        }
        Ok(Step::Line)
    }

    /// The head that begins at the first byte not looked at, if all of it is there and there is
    /// nothing to say of it: nothing that going on byte by byte would not find as well.
    fn whole<'b>(&mut self, buf: &'b [u8]) -> Option<Head<'b>> {
        let rest = buf.get(self.start..)?;
        let len = find_control(rest)?;
        let (start_line, after) = rest.split_at_checked(len)?;
        if matches!(start_line, [] | [b' ', ..]) || len > self.limits.line {
            return None;
        }
        let lines = after.strip_prefix(b"\r\n")?;
        let mut known = Known::default();
        let after = read_fields(lines, self.limits, &mut known)?;
        let end = buf.len().saturating_sub(after.len());
        if end > self.limits.len {
            return None;
        }
        self.step = Step::Ended;
        self.fields_start = buf.len().saturating_sub(lines.len());
        self.scanned = end;
        Some(Head {
            start_line,
            fields: Fields::new(lines),
            fields_are_right: true,
            known,
            end,
        })
    }

    /// The head that has been found, looked at once more.
    fn head<'b>(&self, buf: &'b [u8]) -> Option<Head<'b>> {
        let start_line = buf.get(self.start..self.fields_start)?;
        let lines = buf.get(self.fields_start..self.scanned)?;
        let mut known = Known::default();
        Some(Head {
            start_line: start_line.strip_suffix(b"\r\n")?,
            fields: Fields::new(lines),
            fields_are_right: read_fields(lines, self.limits, &mut known).is_some(),
            known,
            end: self.scanned,
        })
    }
}

/// Reads field lines up to the empty one that ends them, if all of them are there, are right and keep
/// to `limits`; notes in `known` what is found and gives the bytes that follow.
fn read_fields<'b>(
    mut lines: &'b [u8],
    limits: HeadLimits,
    known: &mut Known<'b>,
) -> Option<&'b [u8]> {
    let mut fields = 0_usize;
    loop {
        if let [b'\r', b'\n', after @ ..] = lines {
            return Some(after);
        }
        let line = FieldLine::read(lines)?;
        fields = fields.saturating_add(1);
        if fields > limits.fields || line.len > limits.line {
            return None;
        }
        // "No whitespace is allowed between the field name and colon." (RFC 9112, section 5.1); a
        // name that the handshake knows is a token.
        if !known.note(line.name, line.value) && !is_token(line.name) {
            return None;
        }
        lines = line.rest;
    }
}

/// A whole head, whose lines end in CRLF and keep to the limits, without control characters and
/// folded lines; its grammar is yet to be judged.
#[derive(Clone, Debug)]
pub(super) struct Head<'b> {
    /// Without its CRLF.
    start_line: &'b [u8],
    pub(super) fields: Fields<'b>,
    fields_are_right: bool,
    pub(super) known: Known<'b>,
    /// The offset of the first byte after the head.
    pub(super) end: usize,
}

pub(super) struct RequestLine<'b> {
    pub(super) method: &'b str,
    pub(super) target: &'b str,
    pub(super) version: HttpVersion,
}

pub(super) struct StatusLine<'b> {
    pub(super) version: HttpVersion,
    pub(super) status: u16,
    pub(super) reason: &'b str,
}

impl<'b> Head<'b> {
    /// "request-line = method SP request-target SP HTTP-version" (RFC 9112, section 3).
    pub(super) fn parse_request(&self) -> Result<RequestLine<'b>, HandshakeError> {
        let (method, rest) = split_at_space(self.start_line);
        let (target, rest) = split_at_space(rest);
        let (version, _) = split_at_space(rest);
        let is_last = version.len() == rest.len();
        let target_is_right = !target.is_empty() && find_byte(target, b'\t').is_none();
        let (Some(method), Some(target), true, true) = (
            ascii(method),
            ascii(target),
            is_token(method),
            target_is_right,
        ) else {
            return Err(HandshakeError::MalformedHead);
        };
        let version = http_version(version)?;
        if !is_last {
            return Err(HandshakeError::MalformedHead);
        }
        self.check_fields()?;
        Ok(RequestLine {
            method,
            target,
            version,
        })
    }

    /// "status-line = HTTP-version SP status-code SP [ reason-phrase ]" (RFC 9112, section 4); the
    /// space before no reason may be missing, as some servers have it.
    pub(super) fn parse_response(&self) -> Result<StatusLine<'b>, HandshakeError> {
        let (version, rest) = split_at_space(self.start_line);
        let version = http_version(version)?;
        let (code, reason) = match rest.split_first_chunk::<3>() {
            Some((code, [])) => (code, &[][..]),
            Some((code, [b' ', reason @ ..])) => (code, reason),
            _ => return Err(HandshakeError::MalformedHead),
        };
        // "Other values are invalid" than 100 to 599 (RFC 9110, section 15); up to 999 they are the
        // caller's to judge, as any status but 101.
        if !matches!(code, [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']) {
            return Err(HandshakeError::MalformedHead);
        }
        let status = code.iter().fold(0_u16, |status, digit| {
            status
                .saturating_mul(10)
                .saturating_add(u16::from(digit & 0x0f))
        });
        self.check_fields()?;
        Ok(StatusLine {
            version,
            status,
            // "A client SHOULD ignore the reason-phrase content" (RFC 9112, section 4): one that is
            // not ASCII is none.
            reason: ascii(reason).unwrap_or_default(),
        })
    }

    /// The start line's faults come first, wherever the fields have theirs.
    fn check_fields(&self) -> Result<(), HandshakeError> {
        if self.fields_are_right {
            Ok(())
        } else {
            Err(HandshakeError::MalformedHead)
        }
    }
}

/// What stands before the first space, and what after it.
fn split_at_space(line: &[u8]) -> (&[u8], &[u8]) {
    let space = find_byte(line, b' ').unwrap_or(line.len());
    let (before, rest) = line.split_at_checked(space).unwrap_or_default();
    (before, rest.strip_prefix(b" ").unwrap_or_default())
}

/// The bytes as text if they are ASCII.
fn ascii(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii())
}

/// "HTTP-version = HTTP-name "/" DIGIT "." DIGIT" (RFC 9112, section 2.3).
fn http_version(version: &[u8]) -> Result<HttpVersion, HandshakeError> {
    match version {
        b"HTTP/1.0" => Ok(HttpVersion::Http10),
        b"HTTP/1.1" => Ok(HttpVersion::Http11),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(HandshakeError::HttpVersion)
        }
        _ => Err(HandshakeError::MalformedHead),
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    // The macros of proptest 1.6 name it so.
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Room for more fields than the limit lets through.
    const MOST_FIELDS: usize = 128;

    type Line<'b> = (&'b str, &'b str, HttpVersion);
    type Status<'b> = (HttpVersion, u16, &'b str);

    fn judged(
        parsed: httparse::Result<usize>,
        head: &[u8],
        version: Option<&[u8]>,
    ) -> Result<(), HandshakeError> {
        let is_version = |text: &[u8]| matches!(text, [b'H', b'T', b'T', b'P', b'/', a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit());
        match parsed {
            Ok(httparse::Status::Complete(len)) if len == head.len() => Ok(()),
            Err(httparse::Error::Version) if version.is_some_and(is_version) => {
                Err(HandshakeError::HttpVersion)
            }
            _ => Err(HandshakeError::MalformedHead),
        }
    }

    fn minor(version: Option<u8>) -> HttpVersion {
        match version {
            Some(0) => HttpVersion::Http10,
            _ => HttpVersion::Http11,
        }
    }

    fn pieces(head: &[u8]) -> impl Iterator<Item = &[u8]> {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        line.split(|byte| *byte == b' ')
    }

    /// What `httparse` makes of a request that the scanner has let pass. It takes targets in UTF-8,
    /// which no URI is.
    fn request_by_httparse(head: &[u8]) -> Result<Line<'_>, HandshakeError> {
        if pieces(head).nth(1).is_some_and(|target| !target.is_ascii()) {
            return Err(HandshakeError::MalformedHead);
        }
        let mut places = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut places);
        judged(request.parse(head), head, pieces(head).nth(2))?;
        match (request.method, request.path) {
            (Some(method), Some(path)) => Ok((method, path, minor(request.version))),
            _ => Err(HandshakeError::MalformedHead),
        }
    }

    fn response_by_httparse(head: &[u8]) -> Result<Status<'_>, HandshakeError> {
        let mut places = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut response = httparse::Response::new(&mut places);
        judged(response.parse(head), head, pieces(head).next())?;
        match (response.code, response.reason) {
            (Some(code @ 100..), Some(reason)) => Ok((minor(response.version), code, reason)),
            _ => Err(HandshakeError::MalformedHead),
        }
    }

    /// A head of pieces that are right most of the time, with one byte changed most of the time.
    fn heads(start: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let field = "([A-Za-z-]{1,5}|[ -~]{0,3}):[ \t]{0,2}[ -~\u{80}-\u{ff}]{0,6}[ \t]{0,2}";
        (
            start,
            prop::collection::vec(field, 0..4),
            any::<prop::sample::Index>(),
            any::<u8>(),
            0..4,
        )
            .prop_map(|(start, fields, at, byte, changes)| {
                let lines: String = fields.iter().flat_map(|line| [line, "\r\n"]).collect();
                let mut head = format!("{start}\r\n{lines}\r\n").into_bytes();
                if changes > 0 {
                    let at = at.index(head.len());
                    head[at] = byte;
                }
                head
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn requests_are_judged_as_httparse_does(
            head in heads("([A-Z]{1,4}|[ -~]{0,3}) (/[!-~]{0,4}|[ -~\u{80}-\u{ff}]{0,3}) (HTTP/1.1|HTTP/[0-9].[0-9]|[ -~]{8})( x?)?"),
        ) {
            let mut scanner = Scanner::new(HeadLimits::default(), EmptyLine::Refused);
            if let Ok(Some(found)) = scanner.scan(&head) {
                let line = found.parse_request();
                let line = line.as_ref().map(|line| (line.method, line.target, line.version));
                let expected = request_by_httparse(&head[..found.end]);
                prop_assert_eq!(line.map_err(|error| *error), expected, "{}", head.escape_ascii());
            }
        }

        #[test]
        fn responses_are_judged_as_httparse_does(
            head in heads("(HTTP/1.1|HTTP/[0-9].[0-9]|[ -~]{8}) ([0-9]{3}|[ -~]{0,4})( [ -~\t\u{80}-\u{ff}]{0,4})?"),
        ) {
            let mut scanner = Scanner::new(HeadLimits::default(), EmptyLine::Refused);
            if let Ok(Some(found)) = scanner.scan(&head) {
                let line = found.parse_response();
                let line = line.as_ref().map(|line| (line.version, line.status, line.reason));
                let expected = response_by_httparse(&head[..found.end]);
                prop_assert_eq!(line.map_err(|error| *error), expected, "{}", head.escape_ascii());
            }
        }
    }
}

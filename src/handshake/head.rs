//! The head of an HTTP/1.1 message: read in one pass if it is whole and right, else byte by byte.
//!
//! Byte by byte, [`Scanner`] judges by position: limits, line ends, control characters and line
//! folding with each byte, the grammar of a line with its end. So the first byte that proves a fault
//! decides, and the verdict does not depend on how the bytes were cut. The one pass gives a verdict
//! only where that would give the same one. Either way a byte is looked at a few times at most,
//! however the head dribbles in.

use core::marker::PhantomData;

use super::error::HandshakeError;
use super::field::{FieldLine, Fields, Lines, find_byte, find_control, is_token, trim_name};
use super::known::Known;
use super::outcome::HeadEnd;
use crate::Leniency;

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
    /// As long as the head may be, if it is not set.
    line: Option<usize>,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            len: 0x4000,
            fields: 100,
            line: None,
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

    /// Limits each line to `bytes`, its CRLF not counted; by default a line may be as long as the
    /// head.
    ///
    /// The lines of a folded field in a response count as one, with the line ends between them.
    /// [RFC 9112 section 3](https://www.rfc-editor.org/rfc/rfc9112#section-3) recommends to take
    /// start lines of 8000 bytes at least. Servers of single sign-on set cookies that fill more than
    /// 8 KiB of one line.
    #[must_use]
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.line = Some(bytes);
        self
    }

    /// The limit on one line.
    fn line(&self) -> usize {
        self.line.unwrap_or(self.len)
    }
}

/// The HTTP version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0, on which no WebSocket connection can be opened.
    Http10,
    /// HTTP/1.1, or a higher minor version, which is treated the same.
    ///
    /// See [RFC 9110 section 2.5](https://www.rfc-editor.org/rfc/rfc9110#section-2.5).
    Http11,
    /// HTTP/2, on which extended CONNECT opens a WebSocket connection.
    Http2,
    /// HTTP/3, on which extended CONNECT opens a WebSocket connection.
    Http3,
}

/// The messages whose heads a [`Scanner`] reads, and what their lines may be.
pub(super) trait Messages {
    /// A start line taken apart.
    type StartLine<'b>;

    /// Whether an empty line may come before the start line, which holds a target.
    const ARE_REQUESTS: bool;

    fn parse(start_line: &[u8]) -> Result<Self::StartLine<'_>, HandshakeError>;

    /// What is taken of lines beyond the grammar of RFC 9112.
    fn lines(leniency: Leniency) -> Lines;
}

/// The requests that a server receives.
#[derive(Clone, Debug)]
pub(super) enum Requests {}

/// The responses that a client receives.
#[derive(Clone, Debug)]
pub(super) enum Responses {}

impl Messages for Requests {
    type StartLine<'b> = RequestLine<'b>;

    // "a server [...] SHOULD ignore at least one empty line (CRLF) received prior to the
    // request-line" (RFC 9112, section 2.2): one is ignored, a second is not HTTP.
    const ARE_REQUESTS: bool = true;

    fn parse(start_line: &[u8]) -> Result<RequestLine<'_>, HandshakeError> {
        RequestLine::parse(start_line)
    }

    // "A server that receives an obs-fold in a request message [...] MUST either reject the message
    // by sending a 400 (Bad Request) [...] or replace" (RFC 9112, section 5.2): it is rejected.
    fn lines(_: Leniency) -> Lines {
        Lines::STRICT
    }
}

impl Messages for Responses {
    type StartLine<'b> = StatusLine<'b>;

    const ARE_REQUESTS: bool = false;

    fn parse(start_line: &[u8]) -> Result<StatusLine<'_>, HandshakeError> {
        StatusLine::parse(start_line)
    }

    // "A user agent that receives an obs-fold in a response message [...] MUST replace each received
    // obs-fold with one or more SP octets" (RFC 9112, section 5.2)
    fn lines(leniency: Leniency) -> Lines {
        Lines {
            folds: true,
            bare_line_feeds: leniency.bare_line_feed,
            loose: leniency.loose_fields,
        }
    }
}

/// Finds the end of a head in bytes that come in any portions.
#[derive(Clone, Debug)]
pub(super) struct Scanner<M> {
    limits: HeadLimits,
    step: Step,
    /// The offset of the first byte that has not been looked at.
    scanned: usize,
    /// The offset of the start line.
    start: usize,
    /// The offset of the first field line; zero until the start line has ended.
    fields_start: usize,
    /// The offset of the current line; of a folded field, of its first line.
    line_start: usize,
    /// Whether the current line goes on with the field of the line before.
    is_folded: bool,
    /// Whether the current field is known to be one that may hold control characters.
    is_loose: bool,
    /// The fields so far, the current one included.
    fields: usize,
    /// Whether an empty line may still come before the start line.
    may_begin_empty: bool,
    messages: PhantomData<M>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Nothing of the line has come.
    LineStart,
    Line,
    /// The CR that ends a line, or is all of an empty one, has come.
    LineFeed {
        of_empty: bool,
    },
    Ended,
    Failed(HandshakeError),
}

impl<M: Messages> Scanner<M> {
    pub(super) fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            step: Step::LineStart,
            scanned: 0,
            start: 0,
            fields_start: 0,
            line_start: 0,
            is_folded: false,
            is_loose: false,
            fields: 0,
            may_begin_empty: M::ARE_REQUESTS,
            messages: PhantomData,
        }
    }

    /// Continues in `buf`, which holds everything received so far; gives the head once it is whole.
    #[inline]
    pub(super) fn scan<'b>(
        &mut self,
        buf: &'b [u8],
        leniency: Leniency,
    ) -> Result<Option<Head<'b, M::StartLine<'b>>>, HandshakeError> {
        if matches!(self.step, Step::LineStart) && self.scanned == self.start {
            let head = self.whole(buf, leniency);
            if head.is_some() {
                return Ok(head);
            }
        }
        if self.scan_bytes(buf, M::lines(leniency))? {
            self.head(buf, leniency)
        } else {
            Ok(None)
        }
    }

    /// What an end of input after the bytes looked at means.
    pub(super) fn end(&self) -> HeadEnd {
        let before = if M::ARE_REQUESTS { self.start } else { 0 };
        match self.step {
            Step::Ended => HeadEnd::AfterHead,
            Step::Failed(_) => HeadEnd::InsideHead,
            _ if self.scanned == before => HeadEnd::BeforeHead,
            _ => HeadEnd::InsideHead,
        }
    }

    /// Goes on byte by byte where there may be something to say of them; tells whether the head has
    /// ended.
    fn scan_bytes(&mut self, buf: &[u8], lines: Lines) -> Result<bool, HandshakeError> {
        loop {
            match self.step {
                Step::Failed(error) => return Err(error),
                Step::Ended => return Ok(true),
                Step::Line | Step::LineStart | Step::LineFeed { .. } => {}
            }
            self.skip_plain(buf);
            let Some(&byte) = buf.get(self.scanned) else {
                return Ok(false);
            };
            self.scanned = self.scanned.saturating_add(1);
            self.step = self.judge(byte, buf, lines).unwrap_or_else(Step::Failed);
        }
    }

    /// Passes the bytes of a line that has begun of which there is nothing to say, and which no limit
    /// ends.
    fn skip_plain(&mut self, buf: &[u8]) {
        if !matches!(self.step, Step::Line) {
            return;
        }
        // The last byte that fits is judged by itself.
        let of_head = self.limits.len.saturating_sub(1).min(buf.len());
        let plain = buf.get(self.scanned..of_head).unwrap_or_default();
        let of_line = self.limits.line().saturating_sub(self.line_len());
        let plain = plain.get(..of_line).unwrap_or(plain);
        let len = find_control(plain).unwrap_or(plain.len());
        self.scanned = self.scanned.saturating_add(len);
    }

    /// Goes on to the head that follows the one just found.
    pub(super) fn next_head(&mut self) {
        let limit = self.limits.len;
        let fits = self.scanned < limit;
        *self = Self {
            step: if fits {
                Step::LineStart
            } else {
                Step::Failed(HandshakeError::HeadTooLong { limit })
            },
            scanned: self.scanned,
            start: self.scanned,
            ..Self::new(self.limits)
        };
    }

    /// Starts anew in a buffer that begins with the message after the head just found.
    pub(super) fn next_message(&mut self) {
        *self = Self::new(self.limits);
    }

    /// The bytes of the current line so far.
    fn line_len(&self) -> usize {
        self.scanned.saturating_sub(self.line_start)
    }

    fn judge(&mut self, byte: u8, buf: &[u8], lines: Lines) -> Result<Step, HandshakeError> {
        let step = match (self.step, byte) {
            (Step::LineFeed { of_empty }, b'\n') => self.end_line(of_empty, b"\r\n", buf, lines)?,
            // "A recipient of such a bare CR MUST consider that element to be invalid or replace
            // each bare CR with SP" (RFC 9112, section 2.2): it is invalid here.
            (Step::LineFeed { .. }, _) => return Err(HandshakeError::MalformedHead),
            // "a recipient MAY recognize a single LF as a line terminator" (RFC 9112, section 2.2):
            // not unasked, since what one hop takes for a line end and the next does not, smuggles
            // fields.
            (step, b'\n') if lines.bare_line_feeds => {
                self.end_line(matches!(step, Step::LineStart), b"\n", buf, lines)?
            }
            (_, b'\n') => return Err(HandshakeError::BareLineFeed),
            (step, b'\r') => Step::LineFeed {
                of_empty: matches!(step, Step::LineStart),
            },
            // "Field values containing CR, LF, or NUL characters are invalid" (RFC 9110, 5.5)
            (step, 0..=0x08 | 0x0b..=0x1f | 0x7f) => {
                if byte == 0 || !matches!(step, Step::Line) || !self.may_be_loose(buf, lines) {
                    return Err(HandshakeError::MalformedHead);
                }
                self.stay_in_line()?
            }
            (Step::LineStart, b'\t' | b' ') => self.fold_line(lines)?,
            (Step::LineStart, _) => self.begin_line()?,
            _ => self.stay_in_line()?,
        };
        // Judged on the last byte that fits: a caller whose buffer is this long learns of it now.
        if !matches!(step, Step::Ended) && self.scanned >= self.limits.len {
            return Err(self.head_too_long(step));
        }
        Ok(step)
    }

    /// The fault of a head that has not ended within its limit.
    fn head_too_long(&self, step: Step) -> HandshakeError {
        let limit = self.limits.len;
        let is_in_start_line = self.fields_start == 0
            && matches!(step, Step::Line | Step::LineFeed { of_empty: false });
        // The 414 that a long target gets does not depend on which limit it breaks.
        if M::ARE_REQUESTS && is_in_start_line && self.limits.line.is_none() {
            HandshakeError::StartLineTooLong { limit }
        } else {
            HandshakeError::HeadTooLong { limit }
        }
    }

    fn begin_line(&mut self) -> Result<Step, HandshakeError> {
        self.line_start = self.scanned.saturating_sub(1);
        self.is_folded = false;
        self.is_loose = false;
        if self.fields_start > 0 {
            self.fields = self.fields.saturating_add(1);
            if self.fields > self.limits.fields {
                return Err(HandshakeError::TooManyFields {
                    limit: self.limits.fields,
                });
            }
        }
        self.stay_in_line()
    }

    /// Goes on with the field of the line before.
    fn fold_line(&mut self, lines: Lines) -> Result<Step, HandshakeError> {
        // "A recipient that receives whitespace between the start-line and the first header field
        // MUST either reject the message as invalid or consume each whitespace-preceded line without
        // further processing of it" (RFC 9112, section 2.2): it is invalid.
        if !lines.folds || self.fields == 0 {
            return Err(HandshakeError::LineFolding);
        }
        self.is_folded = true;
        self.stay_in_line()
    }

    /// Stays in the line, as long as it keeps to its limit.
    fn stay_in_line(&self) -> Result<Step, HandshakeError> {
        let limit = self.limits.line();
        if self.line_len() > limit {
            // "A server that receives a request-target longer than any URI it wishes to parse MUST
            // respond with a 414 (URI Too Long) status code" (RFC 9112, section 3)
            return Err(if self.fields_start > 0 {
                HandshakeError::LineTooLong { limit }
            } else {
                HandshakeError::StartLineTooLong { limit }
            });
        }
        Ok(Step::Line)
    }

    fn end_line(
        &mut self,
        is_empty: bool,
        end: &[u8],
        buf: &[u8],
        lines: Lines,
    ) -> Result<Step, HandshakeError> {
        let line_end = self.scanned.saturating_sub(end.len());
        let line = buf.get(self.line_start..line_end).unwrap_or_default();
        match (self.fields_start > 0, is_empty) {
            (true, true) => return Ok(Step::Ended),
            (true, false) => {
                if !self.is_folded && !begins_field(line, lines) {
                    return Err(HandshakeError::MalformedHead);
                }
            }
            (false, true) => {
                if !self.may_begin_empty {
                    return Err(HandshakeError::MalformedHead);
                }
                self.may_begin_empty = false;
                self.start = self.scanned;
            }
            (false, false) => {
                M::parse(line)?;
                self.fields_start = self.scanned;
            }
        }
        Ok(Step::LineStart)
    }

    /// Whether the current field may hold control characters: it is looked up once.
    fn may_be_loose(&mut self, buf: &[u8], lines: Lines) -> bool {
        if lines.loose && self.fields > 0 && !self.is_loose {
            let so_far = buf.get(self.line_start..self.scanned).unwrap_or_default();
            let name = find_byte(so_far, b':').and_then(|len| so_far.get(..len));
            self.is_loose = name.is_some_and(|name| !Known::has(trim_name(name)));
        }
        self.is_loose
    }

    /// The head that begins at the first byte not looked at, if all of it is there and there is
    /// nothing to say of it: nothing that going on byte by byte would not find as well.
    fn whole<'b>(
        &mut self,
        buf: &'b [u8],
        leniency: Leniency,
    ) -> Option<Head<'b, M::StartLine<'b>>> {
        let rest = buf.get(self.start..)?;
        let len = find_control(rest)?;
        let (start_line, after) = rest.split_at_checked(len)?;
        if len > self.limits.line() {
            return None;
        }
        let line = M::parse(start_line).ok()?;
        let fields = after.strip_prefix(b"\r\n")?;
        let mut known = Known::default();
        let after = read_fields::<M>(fields, self.limits, leniency, &mut known)?;
        let end = buf.len().saturating_sub(after.len());
        if end > self.limits.len {
            return None;
        }
        self.step = Step::Ended;
        self.fields_start = buf.len().saturating_sub(fields.len());
        self.scanned = end;
        Some(Head {
            line,
            fields: Fields::new(fields),
            known,
            end,
        })
    }

    /// The head that has been found, looked at once more.
    fn head<'b>(
        &self,
        buf: &'b [u8],
        leniency: Leniency,
    ) -> Result<Option<Head<'b, M::StartLine<'b>>>, HandshakeError> {
        let (Some(start_line), Some(fields)) = (
            buf.get(self.start..self.fields_start),
            buf.get(self.fields_start..self.scanned),
        ) else {
            // The buffer has become shorter.
            return Ok(None);
        };
        let start_line = start_line.strip_suffix(b"\n").unwrap_or_default();
        let line = M::parse(start_line.strip_suffix(b"\r").unwrap_or(start_line))?;
        let mut known = Known::default();
        read_fields::<M>(fields, self.limits, leniency, &mut known)
            .ok_or(HandshakeError::MalformedHead)?;
        Ok(Some(Head {
            line,
            fields: Fields::new(fields),
            known,
            end: self.scanned,
        }))
    }
}

/// Whether `line` begins with the name of a field.
fn begins_field(line: &[u8], lines: Lines) -> bool {
    let name = find_byte(line, b':').and_then(|len| line.get(..len));
    name.is_some_and(|name| is_name(name, lines))
}

/// Whether what stands before a colon is the name of a field.
#[inline]
fn is_name(name: &[u8], lines: Lines) -> bool {
    if !lines.loose {
        return is_token(name);
    }
    let without_space = trim_name(name);
    is_token(without_space) && (without_space.len() == name.len() || !Known::has(without_space))
}

/// Reads field lines up to the empty one that ends them, if all of them are there, are right and keep
/// to `limits`; notes in `known` what is found and gives the bytes that follow.
fn read_fields<'b, M: Messages>(
    mut bytes: &'b [u8],
    limits: HeadLimits,
    leniency: Leniency,
    known: &mut Known<'b>,
) -> Option<&'b [u8]> {
    let lines = M::lines(leniency);
    let line_limit = limits.line();
    let mut fields = 0_usize;
    loop {
        match bytes {
            [b'\r', b'\n', after @ ..] => return Some(after),
            [b'\n', after @ ..] if lines.bare_line_feeds => return Some(after),
            _ => {}
        }
        let line = FieldLine::read(bytes, lines)?;
        fields = fields.saturating_add(1);
        if fields > limits.fields || line.len > line_limit {
            return None;
        }
        // "No whitespace is allowed between the field name and colon." (RFC 9112, section 5.1); a
        // name that the handshake knows is a token.
        let is_right = if known.note(line.name, line.value) {
            !line.has_controls
        } else {
            is_name(line.name, lines)
        };
        if !is_right {
            return None;
        }
        bytes = line.rest;
    }
}

/// A whole head, which follows the grammar and keeps to the limits; `L` is its start line.
#[derive(Clone, Debug)]
pub(super) struct Head<'b, L> {
    pub(super) line: L,
    pub(super) fields: Fields<'b>,
    pub(super) known: Known<'b>,
    /// The offset of the first byte after the head.
    pub(super) end: usize,
}

pub(super) struct RequestLine<'b> {
    pub(super) method: &'b str,
    pub(super) target: &'b str,
    pub(super) version: HttpVersion,
}

impl<'b> RequestLine<'b> {
    /// "request-line = method SP request-target SP HTTP-version" (RFC 9112, section 3).
    fn parse(line: &'b [u8]) -> Result<Self, HandshakeError> {
        let (method, rest) = split_at_space(line);
        let (target, rest) = split_at_space(rest);
        let (version, _) = split_at_space(rest);
        let is_last = version.len() == rest.len();
        let (Some(method), Some(target)) = (ascii(method), ascii(target)) else {
            return Err(HandshakeError::MalformedHead);
        };
        if !is_method_and_target(method, target) {
            return Err(HandshakeError::MalformedHead);
        }
        let version = http_version(version)?;
        if !is_last {
            return Err(HandshakeError::MalformedHead);
        }
        Ok(Self {
            method,
            target,
            version,
        })
    }
}

/// Whether a request line may hold these: a token, and characters that are neither white space nor
/// controls.
pub(super) fn is_method_and_target(method: &str, target: &str) -> bool {
    let is_target = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic());
    is_target && is_token(method.as_bytes())
}

pub(super) struct StatusLine<'b> {
    pub(super) version: HttpVersion,
    pub(super) status: u16,
    pub(super) reason: &'b str,
}

impl<'b> StatusLine<'b> {
    /// "status-line = HTTP-version SP status-code SP [ reason-phrase ]" (RFC 9112, section 4); the
    /// space before no reason may be missing, as some servers have it.
    fn parse(line: &'b [u8]) -> Result<Self, HandshakeError> {
        let (version, rest) = split_at_space(line);
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
        Ok(Self {
            version,
            status,
            // "A client SHOULD ignore the reason-phrase content" (RFC 9112, section 4): one that is
            // not ASCII is none.
            reason: ascii(reason).unwrap_or_default(),
        })
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
        // "A recipient that receives a message with a major version number that it implements and a
        // minor version number higher than what it implements SHOULD process the message as if it
        // was in the highest minor version within that major version" (RFC 9110, section 2.5)
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => Ok(HttpVersion::Http11),
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

    /// The head as `httparse` can read it: to that, HTTP/1.2 to HTTP/1.9 are no versions.
    fn for_httparse(head: &[u8], version: Option<&[u8]>) -> Vec<u8> {
        let mut head = head.to_vec();
        let newer = version
            .filter(|text| matches!(text, [.., b'1', b'.', b'2'..=b'9']) && is_version(text));
        if let Some(newer) = newer {
            let at = head.windows(8).position(|bytes| bytes == newer);
            let (_, from_it) = head.split_at_mut(at.unwrap());
            from_it[..8].copy_from_slice(b"HTTP/1.1");
        }
        head
    }

    fn is_version(text: &[u8]) -> bool {
        matches!(text, [b'H', b'T', b'T', b'P', b'/', a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit())
    }

    fn judged(
        parsed: httparse::Result<usize>,
        head: &[u8],
        version: Option<&[u8]>,
    ) -> Result<(), HandshakeError> {
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

    /// What `httparse` makes of a request. It takes targets in UTF-8, which no URI is.
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

    /// What `httparse` makes of a response; folded fields and loose ones are its switches too.
    fn response_by_httparse(head: &[u8], leniency: Leniency) -> Result<Status<'_>, HandshakeError> {
        let mut places = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut response = httparse::Response::new(&mut places);
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        config.allow_spaces_after_header_name_in_responses(leniency.loose_fields);
        let parsed = config.parse_response(&mut response, head);
        judged(parsed, head, pieces(head).next())?;
        match (response.code, response.reason) {
            (Some(code @ 100..), Some(reason)) => Ok((minor(response.version), code, reason)),
            _ => Err(HandshakeError::MalformedHead),
        }
    }

    /// Whether the first line has no control character: that is a fault before the line has ended,
    /// wherever `httparse` finds one. An empty line changes where `pieces` looks.
    fn starts_with_a_line(head: &[u8]) -> bool {
        let at = head
            .iter()
            .position(|byte| byte.is_ascii_control() && *byte != b'\t');
        at.is_some_and(|at| at > 0 && head[at..].starts_with(b"\r\n"))
    }

    /// Whether the fault is one that `httparse` finds too.
    fn is_shared(error: HandshakeError) -> bool {
        matches!(
            error,
            HandshakeError::MalformedHead | HandshakeError::HttpVersion
        )
    }

    /// A head of pieces that are right most of the time, with one byte changed most of the time.
    fn heads(start: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let field = "([A-Za-z-]{1,5}|[ -~]{0,3})[ \t]{0,1}:[ \t]{0,2}[ -~\u{80}-\u{ff}]{0,6}[ \t]{0,2}(\r\n[ \t][a-z:]{0,3}){0,1}";
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
            let mut scanner = Scanner::<Requests>::new(HeadLimits::default());
            let found = scanner.scan(&head, Leniency::new());
            let (found, end) = match &found {
                Ok(Some(found)) => {
                    let line = &found.line;
                    (Ok((line.method, line.target, line.version)), found.end)
                }
                Err(error) if is_shared(*error) => (Err(*error), head.len()),
                _ => return Ok(()),
            };
            prop_assume!(starts_with_a_line(&head));
            let like = for_httparse(&head[..end], pieces(&head).nth(2));
            prop_assert_eq!(found, request_by_httparse(&like), "{}", head.escape_ascii());
        }

        #[test]
        fn responses_are_judged_as_httparse_does(
            head in heads("(HTTP/1.1|HTTP/[0-9].[0-9]|[ -~]{8}) ([0-9]{3}|[ -~]{0,4})( [ -~\t\u{80}-\u{ff}]{0,4})?"),
            loose in any::<bool>(),
        ) {
            let leniency = Leniency::new().loose_fields(loose);
            let mut scanner = Scanner::<Responses>::new(HeadLimits::default());
            let found = scanner.scan(&head, leniency);
            let (found, end) = match &found {
                Ok(Some(found)) => {
                    // Beyond what `httparse` has a switch for.
                    let is_plain = |byte: &u8| !byte.is_ascii_control() || b"\t\r\n".contains(byte);
                    prop_assume!(head[..found.end].iter().all(is_plain));
                    let line = &found.line;
                    (Ok((line.version, line.status, line.reason)), found.end)
                }
                Err(error) if is_shared(*error) => (Err(*error), head.len()),
                _ => return Ok(()),
            };
            prop_assume!(starts_with_a_line(&head));
            let like = for_httparse(&head[..end], pieces(&head).next());
            let expected = response_by_httparse(&like, leniency);
            prop_assert_eq!(found, expected, "{}", head.escape_ascii());
        }
    }
}

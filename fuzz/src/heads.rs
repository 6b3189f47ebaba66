//! Heads of HTTP/1.1, read in the plainest way, apart from the code under test.

use websocket_proto::handshake::{HandshakeError, HeadLimits};

use crate::bytes::Bytes;

/// Whose heads are read, and what of `Leniency` concerns their lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Requests,
    Responses { loose: bool, bare: bool },
}

/// Limits, as in `HeadLimits`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) len: usize,
    fields: usize,
    line: Option<usize>,
}

impl Limits {
    pub(crate) fn take(choices: &mut Bytes<'_>) -> Self {
        Self {
            len: choices.pick(&[0x4000, 64, 200, 300, 1, 0]),
            fields: choices.pick(&[100, 128, 6, 1, 0]),
            line: choices.pick(&[None, Some(16), Some(40), Some(100), Some(0)]),
        }
    }

    pub(crate) fn limits(self) -> HeadLimits {
        let limits = HeadLimits::default()
            .max_len(self.len)
            .max_fields(self.fields);
        match self.line {
            Some(line) => limits.max_line(line),
            None => limits,
        }
    }

    /// Where the head ends whose first line begins at `start`, if `input` holds all of it; else what
    /// the first byte that proves a fault proves.
    pub(crate) fn head(
        self,
        input: &[u8],
        start: usize,
        of: Of,
    ) -> Result<Option<usize>, HandshakeError> {
        let is_request = of == Of::Requests;
        let (loose, bare) = match of {
            Of::Requests => (false, false),
            Of::Responses { loose, bare } => (loose, bare),
        };
        let limit = self.line.unwrap_or(self.len);
        // The current line, and the field that it is part of.
        let (mut line, mut field) = (start, start);
        let (mut fields, mut after_start_line) = (0, false);
        let mut may_be_empty = is_request;
        for at in start..input.len() {
            let byte = input[at];
            let before = input[start..at].last().copied().unwrap_or(0);
            match byte {
                b'\n' if before == b'\r' || bare => {
                    let end = if before == b'\r' { at - 1 } else { at };
                    let whole = &input[line..end];
                    match (whole, after_start_line) {
                        ([], true) => return Ok(Some(at + 1)),
                        ([], false) if may_be_empty => may_be_empty = false,
                        ([], false) => return Err(HandshakeError::MalformedHead),
                        ([b' ' | b'\t', ..], _) => {}
                        (whole, true) => {
                            let colon = whole.iter().position(|byte| *byte == b':');
                            if !colon.is_some_and(|colon| is_name(&whole[..colon], loose)) {
                                return Err(HandshakeError::MalformedHead);
                            }
                        }
                        (whole, false) => {
                            if is_request {
                                request_line(whole)?;
                            } else {
                                status_line(whole)?;
                            }
                            after_start_line = true;
                        }
                    }
                    line = at + 1;
                }
                _ if before == b'\r' => return Err(HandshakeError::MalformedHead),
                b'\n' => return Err(HandshakeError::BareLineFeed),
                b'\r' => {}
                b' ' | b'\t' if at == line && (is_request || fields == 0) => {
                    return Err(HandshakeError::LineFolding);
                }
                byte => {
                    if byte != b'\t' && byte.is_ascii_control() {
                        let so_far = if at == line { &[] } else { &input[field..at] };
                        let colon = so_far.iter().position(|byte| *byte == b':');
                        let is_taken = loose
                            && fields > 0
                            && byte != 0
                            && colon.is_some_and(|colon| !is_used(trimmed(&so_far[..colon])));
                        if !is_taken {
                            return Err(HandshakeError::MalformedHead);
                        }
                    }
                    if at == line && !matches!(byte, b' ' | b'\t') {
                        field = at;
                        fields += usize::from(after_start_line);
                        if fields > self.fields {
                            return Err(HandshakeError::TooManyFields { limit: self.fields });
                        }
                    }
                    if at + 1 - field > limit {
                        return Err(if after_start_line {
                            HandshakeError::LineTooLong { limit }
                        } else {
                            HandshakeError::StartLineTooLong { limit }
                        });
                    }
                }
            }
            if at + 1 >= self.len {
                let limit = self.len;
                let of_target =
                    is_request && !after_start_line && !matches!(&input[line..=at], [] | [b'\r']);
                return Err(if of_target && self.line.is_none() {
                    HandshakeError::StartLineTooLong { limit }
                } else {
                    HandshakeError::HeadTooLong { limit }
                });
            }
        }
        Ok(None)
    }
}

/// RFC 9112, section 3.
fn request_line(line: &[u8]) -> Result<(), HandshakeError> {
    let pieces: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version, ..] = pieces[..] else {
        return Err(HandshakeError::MalformedHead);
    };
    if !is_token(method) || target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(HandshakeError::MalformedHead);
    }
    is_version(version)?;
    if pieces.len() > 3 {
        return Err(HandshakeError::MalformedHead);
    }
    Ok(())
}

/// RFC 9112, section 4.
fn status_line(line: &[u8]) -> Result<(), HandshakeError> {
    let len = line.iter().position(|byte| *byte == b' ');
    is_version(&line[..len.unwrap_or(line.len())])?;
    match line.get(9..) {
        Some(
            [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']
            | [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9', b' ', ..],
        ) => Ok(()),
        _ => Err(HandshakeError::MalformedHead),
    }
}

fn is_version(version: &[u8]) -> Result<(), HandshakeError> {
    match version.strip_prefix(b"HTTP/") {
        Some([b'1', b'.', b'0'..=b'9']) => Ok(()),
        Some([b'0'..=b'9', b'.', b'0'..=b'9']) => Err(HandshakeError::HttpVersion),
        _ => Err(HandshakeError::MalformedHead),
    }
}

fn is_token(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte);
    !text.is_empty() && text.iter().all(is_part)
}

fn is_name(name: &[u8], loose: bool) -> bool {
    let end = name.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
    let bare = &name[..end.map_or(0, |end| end + 1)];
    is_token(bare) && (bare.len() == name.len() || loose && !is_used(bare))
}

/// Whether either side of the handshake reads fields of that name.
fn is_used(name: &[u8]) -> bool {
    [
        "connection",
        "content-length",
        "host",
        "origin",
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
        "transfer-encoding",
        "upgrade",
    ]
    .iter()
    .any(|used| name.eq_ignore_ascii_case(used.as_bytes()))
}

/// The host, in lower case, and the port of an authority, if it is one.
pub(crate) fn authority(text: &[u8], default: u32) -> Option<(String, u32)> {
    let text = core::str::from_utf8(text).ok()?.to_ascii_lowercase();
    let host_len = match text.find(']') {
        Some(end) if text.starts_with('[') => end + 1,
        _ => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(host_len);
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => {
            let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            !address.is_empty() && address.bytes().all(is_part)
        }
        None => {
            let is_part =
                |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
            !host.is_empty() && host.bytes().all(is_part)
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default,
        Some("") => default,
        Some(digits) if digits.len() <= 5 && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().ok()?
        }
        _ => return None,
    };
    is_host.then(|| (host.to_owned(), port))
}

/// The name and the value of a field.
pub(crate) type Pair<'b> = (&'b [u8], &'b [u8]);

/// The start line and the fields of a head that was found.
pub(crate) fn parts(head: &[u8]) -> (&[u8], Vec<Pair<'_>>) {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    // Where each line begins that does not go on with the one before.
    let mut starts = vec![0];
    for (at, byte) in head.iter().enumerate() {
        let is_folded = matches!(head.get(at + 1), Some(b' ' | b'\t'));
        if *byte == b'\n' && !is_folded {
            starts.push(at + 1);
        }
    }
    let lines: Vec<_> = starts
        .windows(2)
        .map(|ends| &head[ends[0]..ends[1]])
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    let fields = lines
        .iter()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let colon = line
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(line.len());
            (
                trimmed(&line[..colon]),
                trimmed_of_folds(line.get(colon + 1..).unwrap_or_default()),
            )
        });
    (lines.first().copied().unwrap_or_default(), fields.collect())
}

pub(crate) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Without the folds around it too: CR and LF in a value of a head that was found are nothing else.
fn trimmed_of_folds(value: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| b" \t\r\n".contains(byte);
    let start = value.iter().position(|byte| !is_space(byte));
    let end = value.iter().rposition(|byte| !is_space(byte));
    start
        .zip(end)
        .map_or(&[], |(start, end)| &value[start..=end])
}

/// The values of the fields of a name.
pub(crate) fn values<'b>(fields: &[Pair<'b>], name: &str) -> Vec<&'b [u8]> {
    let is_named = |field: &&Pair<'_>| field.0.eq_ignore_ascii_case(name.as_bytes());
    fields
        .iter()
        .filter(is_named)
        .map(|field| field.1)
        .collect()
}

/// Whether a list in the fields of a name has this element.
pub(crate) fn lists(fields: &[Pair<'_>], name: &str, element: &str) -> bool {
    values(fields, name)
        .iter()
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|found| trimmed_of_folds(found).eq_ignore_ascii_case(element.as_bytes()))
}

/// Whether the head of a response that goes out is whole and of lines that nothing breaks out of.
pub(crate) fn is_well_formed(head: &[u8]) {
    let end = head
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("a head has an end")
        + 4;
    assert!(head.starts_with(b"HTTP/1.1 "));
    for line in head[..end - 2].split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").expect("every line ends in CRLF");
        assert!(
            !line.is_empty() && !line.iter().any(u8::is_ascii_control),
            "no control characters go out"
        );
    }
}

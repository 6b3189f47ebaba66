//! Heads of HTTP/1.1, read in the plainest way, apart from the code under test.

use websocket_proto::handshake::{HandshakeError, HeadLimits};

use crate::bytes::Bytes;

/// Limits, as in `HeadLimits`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) len: usize,
    fields: usize,
    line: usize,
}

impl Limits {
    pub(crate) fn take(choices: &mut Bytes<'_>) -> Self {
        Self {
            len: choices.pick(&[0x4000, 64, 200, 300, 1, 0]),
            fields: choices.pick(&[100, 128, 6, 1, 0]),
            line: choices.pick(&[0x2000, 16, 40, 100, 0]),
        }
    }

    pub(crate) fn limits(self) -> HeadLimits {
        HeadLimits::default()
            .max_len(self.len)
            .max_fields(self.fields)
            .max_line(self.line)
    }

    /// Where the head ends whose first line begins at `start`, if `input` holds all of it.
    ///
    /// A request may have one empty line before it.
    pub(crate) fn head(
        self,
        input: &[u8],
        start: usize,
        mut empty_line: bool,
    ) -> Result<Option<usize>, HandshakeError> {
        let (mut line, mut fields, mut after_start_line) = (0, 0, false);
        let mut before = 0;
        for (at, byte) in input.iter().copied().enumerate().skip(start) {
            match byte {
                b'\n' if before == b'\r' => {
                    match (line, after_start_line) {
                        (0, true) => return Ok(Some(at + 1)),
                        (0, false) if empty_line => empty_line = false,
                        (0, false) => return Err(HandshakeError::MalformedHead),
                        _ => after_start_line = true,
                    }
                    line = 0;
                }
                _ if before == b'\r' => return Err(HandshakeError::MalformedHead),
                b'\n' => return Err(HandshakeError::BareLineFeed),
                b'\r' => {}
                b' ' | b'\t' if line == 0 => return Err(HandshakeError::LineFolding),
                b'\t' | b' '..=b'~' | 0x80.. => {
                    if line == 0 && after_start_line {
                        fields += 1;
                        if fields > self.fields {
                            return Err(HandshakeError::TooManyFields { limit: self.fields });
                        }
                    }
                    line += 1;
                    if line > self.line && after_start_line {
                        return Err(HandshakeError::LineTooLong { limit: self.line });
                    }
                    if line > self.line {
                        return Err(HandshakeError::StartLineTooLong { limit: self.line });
                    }
                }
                _ => return Err(HandshakeError::MalformedHead),
            }
            if at + 1 >= self.len {
                return Err(HandshakeError::HeadTooLong { limit: self.len });
            }
            before = byte;
        }
        Ok(None)
    }
}

/// The name and the value of a field.
pub(crate) type Pair<'b> = (&'b [u8], &'b [u8]);

/// The start line and the fields of a head that was found.
pub(crate) fn parts(head: &[u8]) -> (&[u8], Vec<Pair<'_>>) {
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = lines.next().unwrap_or_default();
    let fields = lines.filter(|line| !line.is_empty()).map(|line| {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(line.len());
        (
            &line[..colon],
            trimmed(line.get(colon + 1..).unwrap_or_default()),
        )
    });
    (start, fields.collect())
}

pub(crate) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
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
        .any(|found| trimmed(found).eq_ignore_ascii_case(element.as_bytes()))
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

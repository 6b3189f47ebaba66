//! Heads made of lines, and the harness that feeds them in all portions.

use websocket_proto::handshake::server::{Acceptance, OriginPolicy, ResponseError};
use websocket_proto::handshake::{HandshakeError, HeadLimits, client, server};

/// An output that is there without the feature `alloc` too.
pub(crate) type Out = arrayvec::ArrayVec<u8, 4096>;

pub(crate) const NONCE: [u8; 16] = *b"the sample nonce";

/// The request of RFC 6455 section 1.3.
pub(crate) fn s1_3_request() -> Vec<u8> {
    with_crlf(include_bytes!("../vectors/s1_3_request.txt"))
}

/// The response of RFC 6455 section 1.3.
pub(crate) fn s1_3_response() -> Vec<u8> {
    with_crlf(include_bytes!("../vectors/s1_3_response.txt"))
}

/// A vector file holds lines; on the wire each ends in CRLF.
fn with_crlf(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut head = Vec::new();
    for line in lines {
        head.extend_from_slice(line.trim_ascii_end());
        head.extend_from_slice(b"\r\n");
    }
    head
}

/// A valid request with changes: see [`changed`].
pub(crate) fn request(changes: &[&str]) -> Vec<u8> {
    let base = [
        "GET /chat HTTP/1.1",
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ];
    changed(&base, changes)
}

/// A valid response to the nonce with changes: see [`changed`].
pub(crate) fn response(changes: &[&str]) -> Vec<u8> {
    let base = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ];
    changed(&base, changes)
}

/// A line among the changes takes the place of those of its name; `-name` only removes them. A line
/// without a name is the start line.
fn changed(base: &[&str], changes: &[&str]) -> Vec<u8> {
    fn name(line: &str) -> &str {
        if line.contains(" HTTP/") || line.starts_with("HTTP/") {
            return "start line";
        }
        let name = line.strip_prefix('-').unwrap_or(line);
        name.split_once(':').map_or(name, |(name, _)| name)
    }
    let is_start = |line: &&&str| name(line) == "start line";
    let mut head = String::new();
    let start = changes.iter().find(is_start).or_else(|| base.first());
    let kept = base.iter().skip(1).filter(|line| {
        !changes
            .iter()
            .any(|change| name(change).eq_ignore_ascii_case(name(line)))
    });
    let added = changes
        .iter()
        .filter(|line| !is_start(line) && !line.starts_with('-'));
    for line in start.into_iter().chain(kept).chain(added) {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// What a server makes of a request: the head's length and everything it gives, in words.
pub(crate) type Verdict = Result<Option<(usize, String)>, HandshakeError>;

pub(crate) fn judge_request_within(limits: HeadLimits, head: &[u8]) -> Verdict {
    same_for_all_portions(head, || {
        let mut handshake = server::Handshake::new(limits);
        move |received| {
            let Some(request) = handshake.receive(received)? else {
                return Ok(None);
            };
            let upgrade = request.upgrade(OriginPolicy::Any)?;
            let words = format!(
                "{upgrade:?} {:?} {:?}",
                upgrade.subprotocols(),
                upgrade.extensions().collect::<Vec<_>>()
            );
            Ok(Some((request.head_len(), words)))
        }
    })
}

pub(crate) fn judge_request(head: &[u8]) -> Verdict {
    judge_request_within(HeadLimits::default(), head)
}

/// What a client that `handshake` describes makes of a response.
pub(crate) fn judge_response_to(handshake: &client::Handshake<'_>, head: &[u8]) -> Verdict {
    same_for_all_portions(head, || {
        let mut handshake = handshake.clone();
        move |received| {
            Ok(handshake.receive(received)?.map(|outcome| match &outcome {
                client::Outcome::Open(accepted) => (accepted.head_len, format!("{outcome:?}")),
                client::Outcome::Rejected(rejected) => (rejected.head_len, format!("{outcome:?}")),
                _ => (0, String::new()),
            }))
        }
    })
}

pub(crate) fn judge_response(head: &[u8]) -> Verdict {
    judge_response_to(
        &client::Handshake::new(NONCE, "server.example.com", "/chat"),
        head,
    )
}

/// The error of a request with these changes, if it has one; it has to be whole otherwise.
pub(crate) fn refusal(changes: &[&str]) -> Option<HandshakeError> {
    whole(judge_request(&request(changes)))
}

/// The error of a response with these changes, if it has one; it has to be whole otherwise.
pub(crate) fn failure(changes: &[&str]) -> Option<HandshakeError> {
    whole(judge_response(&response(changes)))
}

/// The response that accepts a request with these changes.
pub(crate) fn accept(
    changes: &[&str],
    acceptance: &Acceptance<'_>,
) -> Result<String, ResponseError> {
    let head = request(changes);
    let request = server::Handshake::default()
        .receive(&head)
        .unwrap()
        .unwrap();
    let mut out = Out::new();
    request
        .upgrade(OriginPolicy::Any)
        .unwrap()
        .accept(acceptance, &mut out)?;
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

fn whole(verdict: Verdict) -> Option<HandshakeError> {
    assert_ne!(verdict, Ok(None), "the head is whole");
    verdict.err()
}

fn same_for_all_portions<R: FnMut(&[u8]) -> Verdict>(head: &[u8], new: impl Fn() -> R) -> Verdict {
    let outcome = feed(head, [head.len()], new());
    let byte_by_byte = feed(head, 0..=head.len(), new());
    assert_eq!(
        byte_by_byte,
        outcome,
        "byte by byte: {}",
        head.escape_ascii()
    );
    // All places in a short head, some two hundred in a long one.
    for cut in (0..head.len()).step_by(head.len().div_euclid(1024).saturating_mul(5).max(1)) {
        let two_portions = feed(head, [cut, head.len()], new());
        assert_eq!(
            two_portions,
            outcome,
            "cut at {cut}: {}",
            head.escape_ascii()
        );
    }
    outcome
}

fn feed(
    head: &[u8],
    lengths: impl IntoIterator<Item = usize>,
    mut receive: impl FnMut(&[u8]) -> Verdict,
) -> Verdict {
    for length in lengths {
        let received = head.get(..length).unwrap_or_default();
        let verdict = receive(received);
        if verdict != Ok(None) {
            assert_eq!(receive(head), verdict, "a verdict is final");
            return verdict;
        }
    }
    Ok(None)
}

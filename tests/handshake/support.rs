//! Heads made of lines, and the harness that feeds them in all portions.

use websocket_proto::Leniency;
#[cfg(feature = "http")]
use websocket_proto::handshake::HttpFields;
use websocket_proto::handshake::server::{Acceptance, OriginPolicy, ResponseError, Upgrade};
use websocket_proto::handshake::{
    FieldValue, HandshakeError, HeadLimits, HttpVersion, client, server,
};

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
    judge_request_by(limits, &Acceptance::default(), head)
}

/// What a server makes of a request that it answers with `acceptance`.
pub(crate) fn judge_request_by(
    limits: HeadLimits,
    acceptance: &Acceptance<'_, '_>,
    head: &[u8],
) -> Verdict {
    judge_request_of(limits, acceptance, Leniency::new(), head)
}

/// What a server makes of a request if it does not insist on everything.
pub(crate) fn judge_request_leniently(leniency: Leniency, head: &[u8]) -> Verdict {
    judge_request_of(
        HeadLimits::default(),
        &Acceptance::default(),
        leniency,
        head,
    )
}

fn judge_request_of(
    limits: HeadLimits,
    acceptance: &Acceptance<'_, '_>,
    leniency: Leniency,
    head: &[u8],
) -> Verdict {
    same_for_all_portions(head, || {
        let mut handshake = server::Handshake::new(limits).leniency(leniency);
        move |received| {
            let Some(request) = handshake.receive(received)? else {
                return Ok(None);
            };
            let verdict = request.upgrade(OriginPolicy::Any);
            let words = verdict.map(|upgrade| words(&upgrade, acceptance));
            assert_eq!(
                from_fields(&request, acceptance, leniency),
                words,
                "the same from fields"
            );
            #[cfg(feature = "http")]
            if let Some(from_http) = from_http(&request, acceptance, leniency) {
                assert_eq!(from_http, words, "the same from the types of `http`");
            }
            Ok(Some((request.head_len(), words?)))
        }
    })
}

/// What a request offers and how it is answered, in words that do not depend on where its fields
/// come from.
pub(crate) fn words<'b, F: Iterator<Item: Into<(&'b [u8], &'b [u8])>> + Clone>(
    upgrade: &Upgrade<'b, F>,
    acceptance: &Acceptance<'_, '_>,
) -> String {
    let (head, negotiated) = upgrade.respond(acceptance).unwrap();
    let detached = upgrade
        .detach(arrayvec::ArrayVec::<u8, 0x4000>::new())
        .unwrap();
    let (again, agreed) = detached.respond(acceptance).unwrap();
    assert_eq!(
        (again.status(), set(again.fields()), agreed),
        (head.status(), set(head.fields()), negotiated),
        "the same without the request"
    );
    assert!(detached.subprotocols().eq(upgrade.subprotocols()));
    assert_eq!(
        format!("{:?}", detached.extensions().collect::<Vec<_>>()),
        format!("{:?}", upgrade.extensions().collect::<Vec<_>>()),
    );
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {negotiated:?}",
        upgrade.request().path(),
        upgrade.host(),
        upgrade.origin(),
        upgrade.subprotocols(),
        upgrade.extensions().collect::<Vec<_>>(),
        set(head.fields()),
    )
}

/// Fields as an HTTP library gives them.
pub(crate) fn pairs<'b>(
    fields: &'b [(&str, &str)],
) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + Clone {
    fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

/// Fields that are to be set, as text.
pub(crate) fn set<'a>(
    fields: impl Iterator<Item = (&'a str, FieldValue<'a>)>,
) -> Vec<(&'a str, String)> {
    fields
        .map(|(name, value)| (name, value.to_string()))
        .collect()
}

/// Judges the request again as one that an HTTP library has parsed.
fn from_fields(
    request: &server::Request<'_>,
    acceptance: &Acceptance<'_, '_>,
    leniency: Leniency,
) -> Result<String, HandshakeError> {
    let fields = request.fields().map(Into::into);
    let again = server::Request::from_fields(
        request.method(),
        request.target(),
        request.version(),
        fields,
    )
    .leniency(leniency);
    assert_eq!(again.is_upgrade(), request.is_upgrade());
    again
        .upgrade(OriginPolicy::Any)
        .map(|upgrade| words(&upgrade, acceptance))
}

/// Judges the request again as one in the types of `http`, if they can hold it.
#[cfg(feature = "http")]
fn from_http(
    request: &server::Request<'_>,
    acceptance: &Acceptance<'_, '_>,
    leniency: Leniency,
) -> Option<Result<String, HandshakeError>> {
    // A fragment is lost on the way.
    if request.target().contains('#') {
        return None;
    }
    let version = match request.version() {
        HttpVersion::Http10 => http::Version::HTTP_10,
        _ => http::Version::HTTP_11,
    };
    let mut builder = http::Request::builder()
        .method(request.method())
        .uri(request.target())
        .version(version);
    for field in request.fields() {
        builder = builder.header(field.name, field.value);
    }
    let http = builder.body(()).ok()?;
    let verdict = |request: server::Request<'_, HttpFields<'_>>| {
        request
            .leniency(leniency)
            .upgrade(OriginPolicy::Any)
            .map(|upgrade| words(&upgrade, acceptance))
    };
    let again = verdict(server::Request::from_http(&http, None));
    let (parts, ()) = http.into_parts();
    let of_parts = verdict(server::Request::from_http_parts(&parts, None));
    assert_eq!(of_parts, again, "the same from the parts");
    Some(again)
}

pub(crate) fn judge_request(head: &[u8]) -> Verdict {
    judge_request_within(HeadLimits::default(), head)
}

/// What a client that `handshake` describes makes of a response.
pub(crate) fn judge_response_to(handshake: &client::Handshake<'_>, head: &[u8]) -> Verdict {
    let verdict = same_for_all_portions(head, || {
        let mut handshake = handshake.clone();
        move |received| {
            Ok(handshake.receive(received)?.map(|outcome| match &outcome {
                client::Outcome::Open(accepted) => (accepted.head_len, format!("{outcome:?}")),
                client::Outcome::Rejected(rejected) => (rejected.head_len, format!("{outcome:?}")),
                _ => (0, String::new()),
            }))
        }
    });
    same_from_fields(handshake, head, &verdict);
    verdict
}

/// Judges the first response again as one that an HTTP library has parsed, if one would take it.
fn same_from_fields(handshake: &client::Handshake<'_>, head: &[u8], verdict: &Verdict) {
    let mut places = [httparse::EMPTY_HEADER; 200];
    let mut parsed = httparse::Response::new(&mut places);
    if !matches!(parsed.parse(head), Ok(httparse::Status::Complete(_))) {
        return;
    }
    let (Some(status), Some(minor)) = (parsed.code, parsed.version) else {
        return;
    };
    let version = if minor == 0 {
        HttpVersion::Http10
    } else {
        HttpVersion::Http11
    };
    let fields = parsed
        .headers
        .iter()
        .map(|field| (field.name.as_bytes(), field.value));
    let answer = handshake.check_response(status, version, fields);
    match (answer, verdict) {
        // The bytes broke a limit or the syntax of HTTP, or another response follows.
        (
            _,
            Err(
                HandshakeError::MalformedHead
                | HandshakeError::BareLineFeed
                | HandshakeError::LineFolding
                | HandshakeError::HeadTooLong { .. }
                | HandshakeError::LineTooLong { .. }
                | HandshakeError::StartLineTooLong { .. }
                | HandshakeError::TooManyFields { .. },
            ),
        )
        | (Ok(client::Answer::Interim), _) => {}
        (Ok(client::Answer::Open(negotiated)), Ok(Some((_, words)))) => {
            assert!(words.contains(&format!("{negotiated:?}")), "{words}");
        }
        (Ok(client::Answer::Rejected), Ok(Some((_, words)))) => {
            assert!(words.starts_with("Rejected"), "{words}");
        }
        (Err(error), Err(expected)) => assert_eq!(error, *expected),
        (answer, verdict) => panic!("{answer:?} from fields, {verdict:?} from bytes"),
    }
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
    acceptance: &Acceptance<'_, '_>,
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

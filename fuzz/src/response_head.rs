//! The head of a server's response, as a client reads it.
//!
//! The input: limits (3 bytes), what was asked for (1 byte), how to cut (see `Bytes::cuts`), then
//! what the server sends.

use websocket_proto::Leniency;
use websocket_proto::deflate::{Policy, WindowBits};
use websocket_proto::handshake::client::{Answer, Handshake, Outcome, SubprotocolChoice};
use websocket_proto::handshake::{HandshakeError, HttpVersion};

use crate::bytes::Bytes;
use crate::heads::{self, Limits, Of};

const NONCE: [u8; 16] = *b"the sample nonce";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Reads the head in portions and whole, and as fields that a library has parsed.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let limits = Limits::take(&mut choices);
    let asked = choices.byte();
    let cuts = choices.cuts();
    let input = choices.rest();

    let offered: &[&str] = if asked & 1 != 0 {
        &["chat", "superchat"]
    } else {
        &[]
    };
    let mut handshake = Handshake::new(NONCE, "server.example.com", "/chat").subprotocols(offered);
    if asked & 2 != 0 {
        handshake = handshake.subprotocol_choice(SubprotocolChoice::Required);
    }
    let policy = (asked & 4 != 0).then(|| {
        Policy::default()
            .receive_context_takeover(asked & 8 != 0)
            .receive_window_bits(if asked & 16 != 0 {
                WindowBits::MAX
            } else {
                WindowBits::MIN
            })
    });
    if let Some(policy) = policy {
        handshake = handshake.deflate(policy);
    }
    let (loose, bare, lenient) = (asked & 32 != 0, asked & 64 != 0, asked & 128 != 0);
    let leniency = Leniency::new()
        .loose_fields(loose)
        .bare_line_feed(bare)
        .missing_accept(lenient)
        .empty_subprotocol(lenient);
    let handshake = handshake.limits(limits.limits()).leniency(leniency);
    let of = Of::Responses { loose, bare };

    let mut in_portions = handshake.clone();
    let mut received = 0;
    let found = cuts.of(input.len()).into_iter().find_map(|read| {
        received += read;
        in_portions
            .receive(&input[..received])
            .map(|outcome| outcome.map(words))
            .transpose()
    });
    let mut at_once = handshake.clone();
    let outcome = at_once.receive(input);
    let same = outcome
        .clone()
        .map(|outcome| outcome.map(words))
        .transpose();
    assert_eq!(found, same, "the same whole and in portions");

    if let Ok(Some(_)) = &outcome
        && !loose
        && [b"HTTP/1.0", b"HTTP/1.1"]
            .iter()
            .any(|version| input.starts_with(*version))
    {
        // The parser inside takes what else is taken.
        let mut places = [httparse::EMPTY_HEADER; 128];
        let mut config = httparse::ParserConfig::default();
        config.allow_obsolete_multiline_headers_in_responses(true);
        let mut response = httparse::Response::new(&mut places);
        let parsed = config.parse_response(&mut response, input);
        assert!(
            matches!(parsed, Ok(httparse::Status::Complete(_))),
            "{parsed:?}"
        );
    }

    // The heads before the final one, and that.
    let mut start = 0;
    let last = loop {
        match limits.head(input, start, of) {
            Ok(Some(end)) if is_interim(&input[start..end]) => {
                if end >= limits.len {
                    break Err(None);
                }
                start = end;
            }
            Ok(end) => break Ok(end),
            Err(error) => break Err(Some(error)),
        }
    };
    match (&outcome, last) {
        (Ok(None), last) => assert_eq!(last, Ok(None)),
        (Err(error), Err(expected)) => {
            let expected = expected.unwrap_or(HandshakeError::HeadTooLong { limit: limits.len });
            assert_eq!(*error, expected);
        }
        (Err(HandshakeError::HttpVersion), Ok(Some(end))) => {
            assert!(input[start..end].starts_with(b"HTTP/1.0 1"));
        }
        (Err(error), Ok(Some(end))) => {
            assert!(
                status(&input[start..end]) == Some(101),
                "only a 101 can be wrong: {error:?}"
            );
        }
        (Ok(Some(Outcome::Open(accepted))), Ok(Some(end))) => {
            assert_eq!(accepted.head_len, end);
            let (line, fields) = heads::parts(&input[start..end]);
            assert!(
                matches!(line, [b'H', .., ] if line.starts_with(b"HTTP/1.") && line[7] != b'0')
            );
            assert_eq!(status(line), Some(101));
            let given: Vec<_> = accepted
                .fields
                .clone()
                .map(|field| (field.name.as_bytes(), field.value))
                .collect();
            assert_eq!(given, fields);
            // Section 4.1, what the client has to validate.
            assert!(heads::lists(&fields, "upgrade", "websocket"));
            assert!(heads::lists(&fields, "connection", "upgrade"));
            let accept = heads::values(&fields, "sec-websocket-accept");
            assert!(accept == [ACCEPT] || lenient && accept.is_empty());
            let subprotocol = accepted.negotiated.subprotocol;
            let mut named = heads::values(&fields, "sec-websocket-protocol");
            if lenient {
                named.retain(|value| value.iter().any(|byte| !b" \t\r\n,".contains(byte)));
            }
            assert!(named.len() <= 1);
            assert_eq!(subprotocol.map(str::as_bytes), named.first().copied());
            assert!(subprotocol.is_none_or(|name| offered.contains(&name)));
            assert!(subprotocol.is_some() || offered.is_empty() || asked & 2 == 0);
            let agreement = accepted.negotiated.deflate;
            assert!(policy.is_some() || agreement.is_none());
            if let Some(agreement) = agreement {
                assert!(asked & 16 != 0 || agreement.receive_window_bits() == WindowBits::MIN);
                assert!(asked & 8 != 0 || !agreement.receive_context_takeover());
            }
            let answer = handshake.check_response(101, HttpVersion::Http11, fields.iter().copied());
            assert_eq!(
                answer,
                Ok(Answer::Open(accepted.negotiated)),
                "the same from fields"
            );
        }
        (Ok(Some(Outcome::Rejected(rejected))), Ok(Some(end))) => {
            assert_eq!(rejected.head_len, end);
            let (_, fields) = heads::parts(&input[start..end]);
            let given: Vec<_> = rejected
                .fields
                .clone()
                .map(|field| (field.name.as_bytes(), field.value))
                .collect();
            assert_eq!(given, fields);
            assert_eq!(Some(rejected.status), status(&input[start..end]));
            assert!(!matches!(rejected.status, 100..=199));
        }
        (outcome, last) => panic!("{outcome:?}, though the head is {last:?}"),
    }
    if let Err(error) = outcome
        && let Ok(Some(end)) = last
        && !matches!(
            error,
            HandshakeError::MalformedHead | HandshakeError::HttpVersion
        )
    {
        let (_, fields) = heads::parts(&input[start..end]);
        let answer = handshake.check_response(101, HttpVersion::Http11, fields.iter().copied());
        assert_eq!(answer, Err(error), "the same from fields");
    }
}

fn words(outcome: Outcome<'_, '_>) -> String {
    format!("{outcome:?}")
}

/// The status of a head that was found.
fn status(head: &[u8]) -> Option<u16> {
    core::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

fn is_interim(head: &[u8]) -> bool {
    !head.starts_with(b"HTTP/1.0") && matches!(status(head), Some(100 | 102..=199))
}

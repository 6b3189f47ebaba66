//! `Sec-WebSocket-Extensions`, as each side reads it, and what is agreed on by it.
//!
//! The input: what each side wants of permessage-deflate (4 bytes), then the value of the field; a
//! line feed begins another field.

use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::handshake::client::{Answer, Handshake};
use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request};
use websocket_proto::handshake::{HandshakeError, HttpVersion, MAX_EXTENSIONS};

use crate::bytes::Bytes;
use crate::heads::{Pair, trimmed};

const NONCE: [u8; 16] = *b"the sample nonce";
const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const NAME: &[u8] = b"sec-websocket-extensions";

/// Reads the fields as offers and as a response, and lets the two sides agree.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let [of_server, of_client] = [policy(choices.number()), policy(choices.number())];
    let values: Vec<&[u8]> = choices
        .rest()
        .split(|byte| *byte == b'\n')
        .map(trimmed)
        .collect();
    let listed = list(&values);

    // As offers.
    let request = Request::from_fields("GET", "/", HttpVersion::Http11, fields(&REQUEST, &values));
    match (request.upgrade(OriginPolicy::Any), &listed) {
        (Err(error), Err(expected)) => assert_eq!(error, *expected),
        (Ok(upgrade), Ok(listed)) => {
            let read: Vec<Extension> = upgrade
                .extensions()
                .map(|extension| Extension {
                    name: extension.name().into(),
                    params: extension
                        .params()
                        .map(|(name, value)| {
                            (name.into(), value.map(|value| value.bytes().collect()))
                        })
                        .collect(),
                })
                .collect();
            assert_eq!(read, *listed);
            let (head, negotiated) = upgrade
                .respond(&Acceptance::default().deflate(of_server))
                .expect("nothing is chosen but that");
            let answer = head
                .fields()
                .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(NAME));
            assert_eq!(answer.is_some(), negotiated.deflate.is_some());
            if let Some(agreement) = negotiated.deflate {
                is_within(&agreement, of_server);
                let any = listed.iter().any(|offer| is_kept_to(offer, &agreement));
                assert!(any, "{agreement:?} is what one of the offers asks for");
            }
        }
        (upgrade, expected) => panic!("{:?}, though {expected:?} is listed", upgrade.err()),
    }

    // As a response.
    let client = Handshake::new(NONCE, "example.com", "/").deflate(of_client);
    let answer = client.check_response(101, HttpVersion::Http11, fields(&RESPONSE, &values));
    match (&answer, &listed) {
        (Ok(Answer::Open(negotiated)), Ok(listed)) => {
            let [accepted] = &listed[..] else {
                panic!("one extension was offered: {listed:?}")
            };
            assert_eq!(accepted.name, "permessage-deflate");
            is_within(&negotiated.deflate.expect("it was accepted"), of_client);
        }
        (Err(error), Err(expected)) => assert!(
            error == expected || *error == HandshakeError::RepeatedExtension,
            "a name that stands twice may be seen first"
        ),
        (Err(_), Ok(_)) => {}
        (answer, listed) => panic!("{answer:?}, though {listed:?} is listed"),
    }

    agree(of_server, of_client);
}

/// A client offers, a server accepts or declines, and the client can live with that.
fn agree(of_server: Policy, of_client: Policy) {
    let client = Handshake::new(NONCE, "example.com", "/").deflate(of_client);
    let asked: Vec<(String, String)> = client
        .fields_to_set()
        .expect("all is right")
        .map(|(name, value)| (name.into(), value.to_string()))
        .collect();
    let fields = asked
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let request = Request::from_fields("GET", "/", HttpVersion::Http11, fields);
    let upgrade = request
        .upgrade(OriginPolicy::Any)
        .expect("the client keeps the rules");
    let (head, at_server) = upgrade
        .respond(&Acceptance::default().deflate(of_server))
        .expect("and so does the server");
    let answered: Vec<(String, String)> = head
        .fields()
        .map(|(name, value)| (name.into(), value.to_string()))
        .collect();
    let fields = answered
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let answer = client
        .check_response(head.status(), HttpVersion::Http11, fields)
        .expect("the server keeps the rules");
    let Answer::Open(at_client) = answer else {
        panic!("it was accepted: {answer:?}")
    };
    match (at_server.deflate, at_client.deflate) {
        (None, None) => {}
        (Some(server), Some(client)) => {
            // What one inflates, the other may compress.
            assert!(client.send_window_bits() <= server.receive_window_bits());
            assert!(server.send_window_bits() <= client.receive_window_bits());
            assert!(!client.send_context_takeover() || server.receive_context_takeover());
            assert!(!server.send_context_takeover() || client.receive_context_takeover());
        }
        (server, client) => panic!("the server has {server:?}, the client {client:?}"),
    }
}

fn policy(choice: u16) -> Policy {
    let bits = |at: u16| WindowBits::new(8 + (choice >> at & 7) as u8).expect("8 to 15");
    Policy::default()
        .send_window_bits(bits(0))
        .receive_window_bits(bits(3))
        .send_context_takeover(choice & 0x100 == 0)
        .receive_context_takeover(choice & 0x200 == 0)
}

/// What a side agrees on is not more than it wants to send with.
fn is_within(agreement: &Agreement, policy: Policy) {
    let wanted = Agreement::new(&policy);
    assert!(agreement.send_window_bits() <= wanted.send_window_bits());
    assert!(!agreement.send_context_takeover() || wanted.send_context_takeover());
}

/// Whether what a server agreed on is what this offer may come to (RFC 7692, section 7.1).
fn is_kept_to(offer: &Extension, agreement: &Agreement) -> bool {
    let has = |name: &str| offer.params.iter().find(|(param, _)| param == name);
    let bits = |name: &str| {
        let value = has(name)?.1.clone()?;
        String::from_utf8(value)
            .ok()?
            .parse()
            .ok()
            .and_then(WindowBits::new)
    };
    offer.name == "permessage-deflate"
        && (has("server_no_context_takeover").is_none() || !agreement.send_context_takeover())
        && bits("server_max_window_bits").is_none_or(|bits| agreement.send_window_bits() <= bits)
        && (has("client_no_context_takeover").is_none() || !agreement.receive_context_takeover())
        && bits("client_max_window_bits").is_none_or(|bits| agreement.receive_window_bits() <= bits)
        && (has("client_max_window_bits").is_some()
            || agreement.receive_window_bits() == WindowBits::MAX)
}

const REQUEST: [Pair<'_>; 5] = [
    (b"host", b"example.com"),
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
];

const RESPONSE: [Pair<'_>; 3] = [
    (b"upgrade", b"websocket"),
    (b"connection", b"upgrade"),
    (b"sec-websocket-accept", ACCEPT),
];

/// These fields, and one for each value.
fn fields<'b>(
    of_head: &'b [Pair<'b>],
    values: &'b [&'b [u8]],
) -> impl Iterator<Item = Pair<'b>> + Clone {
    of_head
        .iter()
        .copied()
        .chain(values.iter().map(|value| (NAME, *value)))
}

#[derive(Debug, PartialEq, Eq)]
struct Extension {
    name: String,
    params: Vec<(String, Option<Vec<u8>>)>,
}

/// What the fields list, by the grammar of RFC 6455, section 9.1.
fn list(values: &[&[u8]]) -> Result<Vec<Extension>, HandshakeError> {
    let mut extensions = Vec::new();
    for value in values {
        for element in split(value, b',') {
            if element.is_empty() {
                continue;
            }
            let extension = extension(element).ok_or(HandshakeError::InvalidExtensions)?;
            extensions.push(extension);
            if extensions.len() > MAX_EXTENSIONS {
                return Err(HandshakeError::TooManyExtensions);
            }
        }
    }
    if extensions.is_empty() {
        Err(HandshakeError::InvalidExtensions)
    } else {
        Ok(extensions)
    }
}

fn extension(element: &[u8]) -> Option<Extension> {
    let mut parts = split(element, b';').into_iter();
    let name = token(parts.next()?)?;
    let params = parts.map(|part| match part.iter().position(|byte| *byte == b'=') {
        None => Some((token(part)?, None)),
        Some(at) => Some((
            token(trimmed(&part[..at]))?,
            Some(value(trimmed(&part[at + 1..]))?),
        )),
    });
    Some(Extension {
        name,
        params: params.collect::<Option<_>>()?,
    })
}

fn value(value: &[u8]) -> Option<Vec<u8>> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        return token(value).map(String::into_bytes);
    };
    let mut bytes = quoted.strip_suffix(b"\"")?.iter();
    let mut unquoted = Vec::new();
    while let Some(byte) = bytes.next() {
        unquoted.push(match byte {
            b'\\' => *bytes.next()?,
            b'"' => return None,
            byte => *byte,
        });
    }
    token(&unquoted).map(String::into_bytes)
}

fn token(text: &[u8]) -> Option<String> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let text = Some(text).filter(|text| !text.is_empty() && text.iter().all(is_token))?;
    String::from_utf8(text.into()).ok()
}

/// The parts between separators that are not in quotes, trimmed.
fn split(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().copied().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if byte == separator && !is_quoted => {
                parts.push(trimmed(&text[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(trimmed(&text[start..]));
    parts
}

//! `Sec-WebSocket-Extensions`, as each side reads it, and what is agreed on by it.
//!
//! The input: what each side wants of permessage-deflate and of extensions of its own (4 bytes), then
//! the value of the field; a line feed begins another field.

use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::frame::Rsv;
use websocket_proto::handshake::client::{Answer, Handshake};
use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request, ResponseError};
use websocket_proto::handshake::{HandshakeError, HttpVersion, MAX_EXTENSIONS, SupportedExtension};

use crate::bytes::Bytes;
use crate::heads::{Pair, trimmed};

const NONCE: [u8; 16] = *b"the sample nonce";
const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const NAME: &[u8] = b"sec-websocket-extensions";

/// Reads the fields as offers and as a response, and lets the two sides agree.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let [of_server, of_client] = [choices.number(), choices.number()];
    let values: Vec<&[u8]> = choices
        .rest()
        .split(|byte| *byte == b'\n')
        .map(trimmed)
        .collect();
    let listed = list(&values);
    as_offers(of_server, &values, &listed);
    as_response(of_client, &values, &listed);
    agree(of_server, of_client);
}

fn as_offers(choice: u16, values: &[&[u8]], listed: &Result<Vec<Extension>, HandshakeError>) {
    let request = Request::from_fields("GET", "/", HttpVersion::Http11, fields(&REQUEST, values));
    let upgrade = request.upgrade(OriginPolicy::Any);
    let (upgrade, listed) = match (upgrade, listed) {
        (Err(error), Err(expected)) => return assert_eq!(error, *expected),
        (Ok(upgrade), Ok(listed)) => (upgrade, listed),
        (upgrade, expected) => panic!("{:?}, though {expected:?} is listed", upgrade.err()),
    };
    let read: Vec<Extension> = upgrade.extensions().map(Extension::of).collect();
    assert_eq!(read, *listed);
    let detached = upgrade.detach(Vec::new()).expect("there is room");
    assert!(detached.extensions().map(Extension::of).eq(read));

    let accepted = accepted(choice, |name| listed.iter().any(|offer| offer.name == name));
    let acceptance = Acceptance::default().extensions(&accepted);
    let (head, negotiated) = match upgrade.respond(&acceptance) {
        Ok(answer) => answer,
        Err(error) => {
            assert!(matches!(error, ResponseError::ReservedBitConflict { .. }));
            // Two share RSV3, or one has RSV1 beside permessage-deflate.
            let without = Acceptance::default().deflate(policy(choice));
            let deflate = upgrade.respond(&without).expect("it alone");
            let of_deflate = if deflate.1.deflate.is_some() { RSV1 } else { 0 };
            let bits = accepted.iter().map(|accepted| match accepted {
                SupportedExtension::Own { bits, .. } => bits.bits(),
                _ => of_deflate,
            });
            return assert!(shared(bits).is_none(), "{accepted:?}");
        }
    };
    let again = detached.respond(&acceptance).expect("as before");
    assert_eq!(again.1, negotiated);
    let answer = head
        .fields()
        .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(NAME));
    let answer = answer.map(|(_, value)| list(&[&value.to_vec()]).expect("it is right"));
    let answered: Vec<String> = answer
        .unwrap_or_default()
        .into_iter()
        .map(|extension| extension.name)
        .collect();
    let mut bits = 0;
    let mut names = Vec::new();
    for accepted in &accepted {
        match accepted {
            SupportedExtension::Own { text, bits: own } => {
                bits |= own.bits();
                names.push(text.split(';').next().expect("the name"));
            }
            _ if negotiated.deflate.is_some() => names.push("permessage-deflate"),
            _ => {}
        }
    }
    assert_eq!(answered, names);
    assert_eq!(negotiated.reserved_bits.bits(), bits);
    if let Some(agreement) = negotiated.deflate {
        is_within(&agreement, policy(choice));
        let any = listed.iter().any(|offer| is_kept_to(offer, &agreement));
        assert!(any, "{agreement:?} is what one of the offers asks for");
    }
}

fn as_response(choice: u16, values: &[&[u8]], listed: &Result<Vec<Extension>, HandshakeError>) {
    let offers = offers(choice);
    let client = Handshake::new(NONCE, "example.com", "/").extensions(&offers);
    let answer = client.check_response(101, HttpVersion::Http11, fields(&RESPONSE, values));
    match (&answer, listed) {
        (Ok(Answer::Open(negotiated)), Ok(listed)) => {
            let expected = agreed(&offers, listed);
            let terms = negotiated.deflate.as_ref().map(terms);
            let is = (terms, negotiated.reserved_bits.bits());
            assert_eq!(Some(is), expected, "{listed:?}");
        }
        (Err(error), Err(expected)) => assert!(
            error == expected || *error == HandshakeError::RepeatedExtension,
            "a name that stands twice may be seen first"
        ),
        (Err(error), Ok(listed)) => {
            assert_eq!(agreed(&offers, listed), None, "{error:?}: {listed:?}");
        }
        (answer, listed) => panic!("{answer:?}, though {listed:?} is listed"),
    }
}

/// The window in bits and whether context is taken over, for sending and for receiving.
type Terms = [(u8, bool); 2];

fn terms(agreement: &Agreement) -> Terms {
    [
        (
            agreement.send_window_bits().get(),
            agreement.send_context_takeover(),
        ),
        (
            agreement.receive_window_bits().get(),
            agreement.receive_context_takeover(),
        ),
    ]
}

/// What a client that makes these offers agrees on by this response: the terms of permessage-deflate
/// and the reserved bits of others; nothing if it has to fail.
fn agreed(offers: &[SupportedExtension<'_>], listed: &[Extension]) -> Option<(Option<Terms>, u8)> {
    let mut of_deflate = None;
    let mut own_bits = 0;
    let mut claimed = Vec::new();
    for (at, extension) in listed.iter().enumerate() {
        if listed[..at]
            .iter()
            .any(|other| other.name == extension.name)
        {
            return None;
        }
        if extension.name == "permessage-deflate" {
            let mut policies = offers.iter().filter_map(|offer| match offer {
                SupportedExtension::Deflate(policy) => Some(policy),
                _ => None,
            });
            of_deflate = Some(policies.find_map(|policy| of_answer(policy, extension))?);
            claimed.push(RSV1);
            continue;
        }
        let bits = offers.iter().find_map(|offer| match offer {
            SupportedExtension::Own { text, bits } => {
                let name = text.split(';').next()?;
                (name == extension.name).then(|| bits.bits())
            }
            _ => None,
        })?;
        own_bits |= bits;
        claimed.push(bits);
    }
    shared(claimed.into_iter())?;
    Some((of_deflate, own_bits))
}

/// All bits together, unless two have one in common.
fn shared(mut bits: impl Iterator<Item = u8>) -> Option<u8> {
    bits.try_fold(0, |all, bits| (all & bits == 0).then_some(all | bits))
}

/// What the response comes to as an answer to the offer by this policy, by the tables of RFC 7692,
/// section 7.1.
fn of_answer(policy: &Policy, response: &Extension) -> Option<Terms> {
    let mut params = response.params.clone();
    params.sort();
    if params.windows(2).any(|two| two[0].0 == two[1].0) {
        return None;
    }
    let bits = |value: &Option<Vec<u8>>| {
        let text = String::from_utf8(value.clone()?).ok()?;
        (8..=15).find(|bits: &u8| text == bits.to_string())
    };
    let (mut no_takeover, mut limits) = ([false; 2], [None; 2]);
    for (name, value) in &params {
        match (&name[..], value) {
            ("client_no_context_takeover", None) => no_takeover[0] = true,
            ("server_no_context_takeover", None) => no_takeover[1] = true,
            ("client_max_window_bits", value) => limits[0] = Some(bits(value)?),
            ("server_max_window_bits", value) => limits[1] = Some(bits(value)?),
            _ => return None,
        }
    }
    let wanted = terms(&Agreement::new(policy));
    let [send, receive] = wanted;
    let is_bare = *policy != policy.send_window_negotiable(true);
    let keeps = match limits[0] {
        None => true,
        Some(bits) => !is_bare && bits <= send.0,
    } && (receive.0 == 15 || limits[1].is_some_and(|bits| bits <= receive.0))
        && (receive.1 || no_takeover[1]);
    keeps.then(|| {
        [
            (
                send.0.min(limits[0].unwrap_or(15)),
                send.1 && !no_takeover[0],
            ),
            (limits[1].unwrap_or(15), !no_takeover[1]),
        ]
    })
}

/// A client offers, a server accepts or declines, and the client can live with that.
fn agree(of_server: u16, of_client: u16) {
    let offers = offers(of_client);
    let client = Handshake::new(NONCE, "example.com", "/").extensions(&offers);
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
    let is_offered = |name: &str| upgrade.extensions().any(|offer| offer.name() == name);
    let accepted = accepted(of_server, is_offered);
    let Ok((head, at_server)) = upgrade.respond(&Acceptance::default().extensions(&accepted))
    else {
        return; // The server would use a bit twice.
    };
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
    assert_eq!(at_client.reserved_bits, at_server.reserved_bits);
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
        .send_window_negotiable(choice & 0x400 == 0)
}

/// Extensions of this program's own.
const OWN: [SupportedExtension<'_>; 3] = [
    SupportedExtension::Own {
        text: "x-a; b=\"1\"",
        bits: Rsv::RSV1,
    },
    SupportedExtension::Own {
        text: "x-b",
        bits: Rsv::RSV2.union(Rsv::RSV3),
    },
    SupportedExtension::Own {
        text: "x-c;d",
        bits: Rsv::RSV3,
    },
];

/// The offers of a client, the preferred one first: one policy or two, and maybe others.
fn offers(choice: u16) -> Vec<SupportedExtension<'static>> {
    let mut offers = vec![SupportedExtension::Deflate(policy(choice))];
    if choice & 0x0800 != 0 {
        let other = policy(choice.rotate_left(5));
        offers.push(SupportedExtension::Deflate(other));
    }
    if choice & 0x1000 != 0 {
        offers.insert(0, OWN[0]);
        offers.extend([OWN[1], OWN[2]]);
    }
    offers
}

/// The extensions that a server accepts, as far as they are offered, in the order of its answer.
fn accepted(choice: u16, is_offered: impl Fn(&str) -> bool) -> Vec<SupportedExtension<'static>> {
    let mut accepted = vec![SupportedExtension::Deflate(policy(choice))];
    let names = ["x-a", "x-b", "x-c"];
    for (at, (own, name)) in OWN.into_iter().zip(names).enumerate() {
        if choice & 0x0800 << at != 0 && is_offered(name) {
            let place = if choice & 0x4000 == 0 {
                accepted.len()
            } else {
                0
            };
            accepted.insert(place, own);
        }
    }
    accepted
}

/// RSV1, as `Rsv::bits` has it.
const RSV1: u8 = 4;

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

impl Extension {
    /// What the code under test has read.
    fn of(read: websocket_proto::handshake::Extension<'_>) -> Self {
        let params = read.params();
        Self {
            name: read.name().into(),
            params: params
                .map(|(name, value)| (name.into(), value.map(|value| value.bytes().collect())))
                .collect(),
        }
    }
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

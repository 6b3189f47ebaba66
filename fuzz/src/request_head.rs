//! The head of a client's request, as a server reads it.
//!
//! The input: limits (3 bytes), how it is answered (1 byte), how to cut (see `Bytes::cuts`), then
//! what the client sends.

use websocket_proto::deflate::Policy;
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy, Request, Upgrade};
use websocket_proto::handshake::{HandshakeError, HttpVersion, MAX_EXTENSIONS, MAX_SUBPROTOCOLS};

use crate::bytes::Bytes;
use crate::heads::{self, Limits, Pair};

/// Reads the head in portions and whole, and as fields that a library has parsed; answers it.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let limits = Limits::take(&mut choices);
    let answer = choices.byte();
    let cuts = choices.cuts();
    let input = choices.rest();

    let mut handshake = Handshake::new(limits.limits());
    let mut received = 0;
    let found = cuts.of(input.len()).into_iter().find_map(|read| {
        received += read;
        handshake
            .receive(&input[..received])
            .map(|request| request.map(|request| request.head_len()))
            .transpose()
    });
    let found = found.transpose();
    let expected = limits.head(input, 0, true);
    match (&found, &expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        // The lines are whole, but not those of HTTP/1.1.
        (Err(HandshakeError::MalformedHead | HandshakeError::HttpVersion), Ok(Some(head_len))) => {
            is_refused(&input[..*head_len]);
        }
        (found, expected) => assert_eq!(found.as_ref().err(), expected.as_ref().err()),
    }
    match Handshake::new(limits.limits()).receive(input) {
        Err(error) => {
            assert_eq!(found, Err(error), "the same whole and in portions");
            refusal(error);
        }
        Ok(None) => assert_eq!(found, Ok(None)),
        Ok(Some(request)) => {
            assert_eq!(found, Ok(Some(request.head_len())));
            let again = handshake
                .receive(input)
                .expect("it was found")
                .expect("it was found");
            assert_eq!(
                format!("{again:?}"),
                format!("{request:?}"),
                "asked again, it is the same"
            );
            whole(&request, &input[..request.head_len()], answer);
        }
    }
}

/// What was refused, the parser inside has refused, or the target was no ASCII.
fn is_refused(head: &[u8]) {
    let mut places = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut places);
    let is_parsed = matches!(request.parse(head), Ok(httparse::Status::Complete(_)));
    assert!(
        !is_parsed || !request.path.is_some_and(str::is_ascii),
        "there is nothing wrong with it"
    );
}

fn refusal(error: HandshakeError) {
    let mut out = Vec::new();
    error.response().write(&mut out).expect("there is room");
    heads::is_well_formed(&out);
    let (_, fields) = heads::parts(&out);
    assert!(
        heads::lists(&fields, "connection", "close"),
        "nothing follows a refusal"
    );
    assert!((400..600).contains(&error.status_hint()));
}

fn whole(request: &Request<'_>, head: &[u8], answer: u8) {
    let (line, fields) = heads::parts(head);
    let line: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    assert_eq!(line[0], request.method().as_bytes());
    assert_eq!(line[1], request.target().as_bytes());
    assert_eq!(
        line[2] == b"HTTP/1.1",
        request.version() == HttpVersion::Http11
    );
    let given: Vec<_> = request
        .fields()
        .map(|field| (field.name.as_bytes(), field.value))
        .collect();
    assert_eq!(given, fields);

    let policy = if answer & 1 == 0 {
        OriginPolicy::Any
    } else {
        OriginPolicy::SameHost
    };
    let upgrade = request.upgrade(policy);
    let pairs = request.fields().map(Into::into);
    let parsed = Request::from_fields(request.method(), request.target(), request.version(), pairs);
    assert_eq!(parsed.is_upgrade(), request.is_upgrade());
    let of_parsed = parsed.upgrade(policy);
    match (upgrade, of_parsed) {
        (Err(error), Err(same)) => {
            assert_eq!(error, same, "the same from fields");
            refusal(error);
        }
        (Ok(upgrade), Ok(same)) => {
            assert!(request.is_upgrade());
            keeps_the_rules(&upgrade, &fields, answer);
            assert_eq!(upgrade.host(), same.host());
            assert_eq!(upgrade.origin(), same.origin());
            accept(&upgrade, &fields, answer);
        }
        (upgrade, same) => panic!("{upgrade:?} from bytes, {same:?} from fields"),
    }
}

/// What section 4.2.1 asks of the client's opening handshake.
fn keeps_the_rules(upgrade: &Upgrade<'_>, fields: &[Pair<'_>], answer: u8) {
    let request = upgrade.request();
    assert_eq!(
        (request.method(), request.version()),
        ("GET", HttpVersion::Http11)
    );
    assert!(!request.target().contains('#'));
    assert_eq!(heads::values(fields, "host").len(), 1);
    assert!(heads::lists(fields, "upgrade", "websocket"));
    assert!(heads::lists(fields, "connection", "upgrade"));
    assert_eq!(heads::values(fields, "sec-websocket-version"), [b"13"]);
    let [key] = heads::values(fields, "sec-websocket-key")[..] else {
        panic!("one key")
    };
    // 16 bytes in base64.
    assert!(key.len() == 24 && key.ends_with(b"=="));
    assert!(
        key[..22]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
    );
    assert!(
        heads::values(fields, "transfer-encoding").is_empty(),
        "content is not taken for frames"
    );
    let lengths = heads::values(fields, "content-length");
    assert!(
        lengths
            .iter()
            .all(|length| length.iter().all(|digit| *digit == b'0'))
    );

    let origins = heads::values(fields, "origin");
    assert!(origins.len() <= 1);
    assert_eq!(
        upgrade.origin().map(str::as_bytes),
        origins.first().copied()
    );
    if let Some(origin) = upgrade.origin()
        && answer & 1 != 0
    {
        let (scheme, host) = origin.split_once("://").expect("an origin has a scheme");
        assert!(matches!(scheme, "http" | "https") && host.eq_ignore_ascii_case(upgrade.host()));
    }
    let offers: Vec<_> = upgrade.subprotocols().collect();
    assert!(offers.len() <= MAX_SUBPROTOCOLS);
    assert!(
        offers
            .iter()
            .enumerate()
            .all(|(at, offer)| !offers[..at].contains(offer))
    );
    assert!(
        offers
            .iter()
            .all(|offer| heads::lists(fields, "sec-websocket-protocol", offer))
    );
    assert!(upgrade.extensions().count() <= MAX_EXTENSIONS);
}

fn accept(upgrade: &Upgrade<'_>, fields: &[Pair<'_>], answer: u8) {
    let mut acceptance = Acceptance::default();
    let chosen = upgrade.subprotocols().nth(usize::from(answer >> 6));
    if let Some(subprotocol) = chosen {
        acceptance = acceptance.subprotocol(subprotocol);
    }
    if answer & 2 != 0 {
        acceptance = acceptance.deflate(Policy::default());
    }
    let mut out = Vec::new();
    let negotiated = upgrade
        .accept(&acceptance, &mut out)
        .expect("what was offered may be chosen");
    assert_eq!(negotiated.subprotocol, chosen);
    heads::is_well_formed(&out);
    assert!(out.starts_with(b"HTTP/1.1 101 ") && out.ends_with(b"\r\n\r\n"));
    let (_, answered) = heads::parts(&out);
    let key = heads::values(fields, "sec-websocket-key")[0];
    let accept = tungstenite::handshake::derive_accept_key(key);
    assert_eq!(
        heads::values(&answered, "sec-websocket-accept"),
        [accept.as_bytes()]
    );
    assert!(
        heads::lists(&answered, "upgrade", "websocket")
            && heads::lists(&answered, "connection", "upgrade")
    );
    let protocols = heads::values(&answered, "sec-websocket-protocol");
    assert_eq!(protocols.first().copied(), chosen.map(str::as_bytes));
    let extensions = heads::values(&answered, "sec-websocket-extensions");
    assert_eq!(extensions.len(), usize::from(negotiated.deflate.is_some()));
}

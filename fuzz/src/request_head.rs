//! The head of a client's request, as a server reads it.
//!
//! The input: limits (3 bytes), how it is answered (1 byte), how to cut (see `Bytes::cuts`), then
//! what the client sends.

use websocket_proto::Leniency;
use websocket_proto::deflate::Policy;
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy, Request, Upgrade};
use websocket_proto::handshake::{
    HandshakeError, HeadEnd, HttpVersion, MAX_EXTENSIONS, MAX_SUBPROTOCOLS,
};

use crate::bytes::Bytes;
use crate::heads::{self, Limits, Of, Pair};

/// Reads the head in portions and whole, and as fields that a library has parsed; answers it.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let limits = Limits::take(&mut choices);
    let answer = choices.byte();
    let cuts = choices.cuts();
    let input = choices.rest();

    let leniency = Leniency::new().empty_subprotocol(answer & 4 != 0);
    let new = || Handshake::new(limits.limits()).leniency(leniency);
    let mut handshake = new();
    let mut received = 0;
    let found = cuts.of(input.len()).into_iter().find_map(|read| {
        received += read;
        handshake
            .receive(&input[..received])
            .map(|request| request.map(|request| request.head_len()))
            .transpose()
    });
    let found = found.transpose();
    let expected = limits.head(input, 0, Of::Requests);
    let expected = expected.and_then(|end| {
        if let Some(end) = end {
            says_its_host(&input[..end])?;
        }
        Ok(end)
    });
    assert_eq!(found, expected);
    let end = handshake.receive_eof();
    assert_eq!(
        end == HeadEnd::AfterHead,
        limits
            .head(input, 0, Of::Requests)
            .is_ok_and(|end| end.is_some())
    );
    assert_eq!(
        end == HeadEnd::BeforeHead,
        input.is_empty() || input == b"\r\n" && limits.len > 2
    );
    match new().receive(input) {
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
            whole(&request, &input[..request.head_len()], answer, leniency);
        }
    }
}

/// RFC 9112, section 3.2.
fn says_its_host(head: &[u8]) -> Result<(), HandshakeError> {
    let (line, fields) = heads::parts(head);
    match heads::values(&fields, "host")[..] {
        [] if line.ends_with(b" HTTP/1.0") => Ok(()),
        [] => Err(HandshakeError::MissingHost),
        [host] if heads::authority(host, 0).is_some() => Ok(()),
        [_] => Err(HandshakeError::InvalidHost),
        _ => Err(HandshakeError::RepeatedField("Host")),
    }
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

fn whole(request: &Request<'_>, head: &[u8], answer: u8, leniency: Leniency) {
    let (line, fields) = heads::parts(head);
    let line: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    assert_eq!(line[0], request.method().as_bytes());
    assert_eq!(line[1], request.target().as_bytes());
    assert_eq!(
        line[2] != b"HTTP/1.0",
        request.version() == HttpVersion::Http11
    );
    assert_eq!(request.check(), Ok(()));
    // The parser inside knows no other versions.
    if matches!(line[2], b"HTTP/1.0" | b"HTTP/1.1") {
        let mut places = [httparse::EMPTY_HEADER; 128];
        let parsed = httparse::Request::new(&mut places).parse(head);
        assert_eq!(parsed, Ok(httparse::Status::Complete(head.len())));
    }
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
    let parsed = Request::from_fields(request.method(), request.target(), request.version(), pairs)
        .leniency(leniency);
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
    assert!(!request.target().contains(['#', '"', '<', '>']));
    assert!(!request.path().contains('\\'));
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
        let default = match &*scheme.to_ascii_lowercase() {
            "http" | "ws" => 80,
            "https" | "wss" => 443,
            other => panic!("{other}"),
        };
        let of_origin = heads::authority(host.as_bytes(), default);
        assert!(of_origin.is_some());
        assert_eq!(
            of_origin,
            heads::authority(upgrade.host().as_bytes(), default)
        );
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

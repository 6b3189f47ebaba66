//! permessage-deflate: what is offered, what is answered, and what both sides take that for.

use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::frame::Rsv;
use websocket_proto::handshake::HandshakeError::{
    self, InvalidDeflateResponse, InvalidExtensions, RepeatedExtension, ReservedBitConflict,
    UnmetDeflateOffer, UnofferedExtension,
};
use websocket_proto::handshake::client::{
    Answer, ConnectEnabled, ExtendedConnect, Handshake, Outcome, RequestError,
};
use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy, Request, ResponseError};
use websocket_proto::handshake::{HeadLimits, HttpVersion, PseudoFields, SupportedExtension};

use crate::support::{
    NONCE, Out, failure, judge_request_by, judge_response_to, pairs, refusal, request, response,
    set,
};

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

/// The terms that come of saying nothing.
const PLAIN: Terms = [(15, true), (15, true)];

fn policy([send, receive]: Terms) -> Policy {
    Policy::default()
        .send_window_bits(WindowBits::new(send.0).unwrap())
        .send_context_takeover(send.1)
        .receive_window_bits(WindowBits::new(receive.0).unwrap())
        .receive_context_takeover(receive.1)
}

fn every_policy() -> impl Iterator<Item = Terms> {
    let ways = || (8..=15).flat_map(|bits| [(bits, true), (bits, false)]);
    ways().flat_map(move |send| ways().map(move |receive| [send, receive]))
}

fn lines(lists: &[&str]) -> Vec<String> {
    let lines = lists.iter();
    lines
        .map(|list| format!("Sec-WebSocket-Extensions: {list}"))
        .collect()
}

fn connect() -> PseudoFields<'static> {
    PseudoFields::new("CONNECT")
        .with_protocol("websocket")
        .with_scheme("https")
        .with_authority("example.com")
        .with_path("/")
}

fn stream(policy: Policy) -> Handshake<'static, ExtendedConnect<'static>> {
    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    Handshake::extended_connect(enabled, "https", "example.com", "/").deflate(policy)
}

/// What a server answers on a stream of HTTP/2, and what it takes as agreed on.
fn answer_on_stream(policy: Policy, lists: &[&str]) -> Option<(String, Terms)> {
    let mut fields = vec![("sec-websocket-version", "13")];
    fields.extend(lists.iter().map(|list| ("sec-websocket-extensions", *list)));
    let request = Request::from_pseudo_fields(connect(), HttpVersion::Http2, pairs(&fields));
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let acceptance = Acceptance::default().deflate(policy);
    let (head, negotiated) = upgrade.respond(&acceptance).unwrap();
    assert_eq!(head.status(), 200);
    let fields = set(head.fields());
    assert_eq!(fields.len(), usize::from(negotiated.deflate.is_some()));
    let (name, value) = fields.into_iter().next()?;
    assert_eq!(name, "sec-websocket-extensions");
    Some((value, terms(&negotiated.deflate?)))
}

/// What a server with this policy answers to these offers, a field for each list, and what it takes
/// as agreed on.
fn answer(wanted: Terms, lists: &[&str]) -> Option<(String, Terms)> {
    let policy = policy(wanted);
    let changes = lines(lists);
    let changes: Vec<_> = changes.iter().map(String::as_str).collect();
    let head = request(&changes);
    let acceptance = Acceptance::default().deflate(policy);
    // Every cut, as fields, and in the types of `http`.
    judge_request_by(HeadLimits::default(), &acceptance, &head).unwrap();
    let mut handshake = server::Handshake::default();
    let request = handshake.receive(&head).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let mut out = Out::new();
    let negotiated = upgrade.accept(&acceptance, &mut out).unwrap();
    let written = String::from_utf8(out.to_vec()).unwrap();
    let value = written
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    let answer = value.map(|value| (value.to_owned(), terms(&negotiated.deflate.unwrap())));
    assert_eq!(answer.is_some(), negotiated.deflate.is_some());
    assert_eq!(answer_on_stream(policy, lists), answer, "on HTTP/2");
    answer
}

/// The answer to a single offer with these parameters.
fn answer_to(wanted: Terms, parameters: &str) -> Option<String> {
    let offer = format!("permessage-deflate{parameters}");
    answer(wanted, &[&offer]).map(|(value, _)| {
        let value = value.strip_prefix("permessage-deflate").unwrap();
        value.to_owned()
    })
}

/// What a client with this policy makes of a response with these lists.
fn outcome(wanted: Terms, lists: &[&str]) -> Result<Option<Terms>, HandshakeError> {
    let policy = policy(wanted);
    let changes = lines(lists);
    let changes: Vec<_> = changes.iter().map(String::as_str).collect();
    let head = response(&changes);
    let mut handshake = Handshake::new(NONCE, "server.example.com", "/chat").deflate(policy);
    // Every cut, and as fields.
    let verdict = judge_response_to(&handshake, &head);
    let outcome = match handshake.receive(&head) {
        Ok(Some(Outcome::Open(accepted))) => Ok(accepted.negotiated.deflate.as_ref().map(terms)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(verdict.err(), outcome.err());
    let fields: Vec<_> = lists
        .iter()
        .map(|list| ("sec-websocket-extensions", *list))
        .collect();
    let on_stream = match stream(policy).check_stream_response(200, pairs(&fields)) {
        Ok(Answer::Open(negotiated)) => Ok(negotiated.deflate.as_ref().map(terms)),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(on_stream, outcome, "on HTTP/2");
    outcome
}

/// The terms after a response with these parameters.
fn outcome_of(wanted: Terms, parameters: &str) -> Result<Terms, HandshakeError> {
    let accepted = format!("permessage-deflate{parameters}");
    outcome(wanted, &[&accepted]).map(Option::unwrap)
}

/// Parameters that stand in no offer and in no response.
const MALFORMED: [&str; 15] = [
    "; x",
    "; x=1",
    "; server_no_context_takeover=1",
    "; server_no_context_takeover=true",
    "; client_no_context_takeover=\"x\"",
    "; server_no_context_takeover; server_no_context_takeover",
    "; client_no_context_takeover; client_no_context_takeover",
    "; server_max_window_bits=10; server_max_window_bits=10",
    "; server_max_window_bits=10; server_max_window_bits=11",
    "; client_max_window_bits=10; client_max_window_bits=10",
    "; client_max_window_bits=10; client_max_window_bits",
    "; client_max_window_bits=x",
    "; server_max_window_bits",
    "; server_no_context_takeover; client_max_window_bits=10; y",
    "; max_window_bits=10",
];

#[test]
fn edge_117_a_malformed_offer_is_declined_and_the_next_one_taken() {
    let good = "permessage-deflate; server_max_window_bits=10";
    for parameters in MALFORMED {
        let bad = format!("permessage-deflate{parameters}");
        let alone = answer_on_stream(policy(PLAIN), &[&bad]);
        assert_eq!(alone, None, "{parameters}");
        let expected = Some((good.to_owned(), [(10, true), (15, true)]));
        let one_field = format!("{bad}, other; x, {good}, permessage-deflate");
        let on_one = answer_on_stream(policy(PLAIN), &[&one_field]);
        assert_eq!(on_one, expected, "{parameters}");
        let fields = [bad.as_str(), "other", good];
        assert_eq!(answer(PLAIN, &fields), expected, "{parameters}");
    }
    assert_eq!(answer_to(PLAIN, "; x"), None);
    // Other names are other extensions.
    for list in ["x-webkit-deflate-frame", "permessage-deflate2", "deflate"] {
        assert_eq!(answer(PLAIN, &[list]), None, "{list}");
    }
    assert_eq!(answer(PLAIN, &[]), None);
    // Without a policy nothing is accepted.
    let head = request(&["Sec-WebSocket-Extensions: permessage-deflate"]);
    let verdict = judge_request_by(HeadLimits::default(), &Acceptance::default(), &head);
    assert!(verdict.unwrap().unwrap().1.contains("deflate: None"));
}

#[test]
fn edge_118_window_bits_are_8_to_15_in_decimal() {
    for bits in [
        "7", "16", "08", "0", "1", "015", "010", "100", "1e1", "+9", "0x9", "9.0", "-9",
    ] {
        for name in ["server_max_window_bits", "client_max_window_bits"] {
            let parameters = format!("; {name}={bits}");
            let offer = format!("permessage-deflate{parameters}");
            assert_eq!(answer_on_stream(policy(PLAIN), &[&offer]), None, "{offer}");
            let error = outcome_of(PLAIN, &parameters).err();
            assert_eq!(error, Some(InvalidDeflateResponse), "{parameters}");
        }
    }
    for bits in 8..=15 {
        let parameters = format!("; server_max_window_bits={bits}");
        let answered = answer_to(PLAIN, &parameters);
        assert_eq!(answered, Some(parameters.clone()).filter(|_| bits > 8));
        let expected = [(15, true), (bits, true)];
        assert_eq!(outcome_of(PLAIN, &parameters), Ok(expected));
    }
    for parameters in ["; server_max_window_bits=7", "; client_max_window_bits=08"] {
        assert_eq!(answer_to(PLAIN, parameters), None, "{parameters}");
    }
    // Nothing behind `=` breaks the grammar of the field itself.
    for value in ["", "\"\""] {
        let list = format!("permessage-deflate; server_max_window_bits={value}");
        let field = format!("Sec-WebSocket-Extensions: {list}");
        assert_eq!(refusal(&[&field]), Some(InvalidExtensions));
        assert_eq!(outcome(PLAIN, &[&list]), Err(InvalidExtensions));
    }
}

#[test]
fn edge_119_a_quoted_value_is_the_value() {
    for value in ["\"10\"", "\"1\\0\"", "\"\\1\\0\"", " \"10\" "] {
        let parameters = format!("; server_max_window_bits={value}");
        let expected = Some("; server_max_window_bits=10".to_owned());
        assert_eq!(answer_to(PLAIN, &parameters), expected, "{value}");
        let parameters = format!("; client_max_window_bits={value}");
        let expected = Some("; client_max_window_bits=10".to_owned());
        assert_eq!(answer_to(PLAIN, &parameters), expected, "{value}");
        let expected = Ok([(10, true), (15, true)]);
        assert_eq!(outcome_of(PLAIN, &parameters), expected, "{value}");
    }
    let parameters = "; server_max_window_bits=\"010\"";
    assert_eq!(answer_to(PLAIN, parameters), None);
}

#[test]
fn edge_120_the_client_window_has_no_value_in_an_offer_only() {
    let valueless = "; client_max_window_bits";
    assert_eq!(answer_to(PLAIN, valueless).as_deref(), Some(""));
    let limited = [(15, true), (11, true)];
    assert_eq!(
        answer(limited, &["permessage-deflate; client_max_window_bits"]),
        Some((
            "permessage-deflate; client_max_window_bits=11".to_owned(),
            limited
        ))
    );
    assert_eq!(outcome_of(PLAIN, valueless), Err(InvalidDeflateResponse));
    assert_eq!(
        outcome_of(PLAIN, "; client_max_window_bits=15"),
        Ok([(15, true), (15, true)])
    );
}

#[test]
fn edge_121_the_client_window_is_answered_only_where_offered() {
    for wanted in every_policy() {
        for offer in ["", "; server_max_window_bits=12"] {
            let offer = format!("permessage-deflate{offer}");
            if let Some((value, [_, receive])) = answer_on_stream(policy(wanted), &[&offer]) {
                assert!(!value.contains("client_max_window_bits"), "{value}");
                assert_eq!(receive.0, 15, "the client has promised nothing");
            }
        }
    }
    // A client that offers the extension offers this parameter with it, unless told not to; one that
    // does not takes neither.
    let field = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10";
    assert_eq!(failure(&[field]), Some(UnofferedExtension));
    for wanted in every_policy() {
        let (_, fields) = stream(policy(wanted)).head_to_send().unwrap();
        let fields = set(fields);
        let (_, offer) = fields
            .iter()
            .find(|(name, _)| *name == "sec-websocket-extensions")
            .unwrap();
        assert!(offer.contains("; client_max_window_bits"), "{offer}");
    }
}

fn offered(handshake: &Handshake<'_>) -> Option<String> {
    let fields = set(handshake.fields_to_set().unwrap());
    let mut found = fields
        .into_iter()
        .filter(|(name, _)| *name == "Sec-WebSocket-Extensions");
    let value = found.next().map(|(_, value)| value);
    assert_eq!(found.next(), None);
    value
}

/// What a client agrees on that makes these offers, for a response with these lists.
fn outcome_for(
    offers: &[SupportedExtension<'_>],
    lists: &[&str],
) -> Result<(Option<Terms>, Rsv), HandshakeError> {
    let changes = lines(lists);
    let changes: Vec<_> = changes.iter().map(String::as_str).collect();
    let head = response(&changes);
    let mut handshake = Handshake::new(NONCE, "server.example.com", "/chat").extensions(offers);
    // Every cut, and as fields.
    let verdict = judge_response_to(&handshake, &head);
    let outcome = match handshake.receive(&head) {
        Ok(Some(Outcome::Open(accepted))) => Ok(accepted.negotiated),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(verdict.err(), outcome.err());
    let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
    let stream =
        Handshake::extended_connect(enabled, "https", "example.com", "/").extensions(offers);
    let fields: Vec<_> = lists
        .iter()
        .map(|list| ("sec-websocket-extensions", *list))
        .collect();
    let on_stream = match stream.check_stream_response(200, pairs(&fields)) {
        Ok(Answer::Open(negotiated)) => Ok(negotiated),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(on_stream, outcome, "on HTTP/2");
    let negotiated = outcome?;
    Ok((
        negotiated.deflate.as_ref().map(terms),
        negotiated.reserved_bits,
    ))
}

fn deflate(wanted: Terms) -> SupportedExtension<'static> {
    SupportedExtension::Deflate(policy(wanted))
}

fn bare(wanted: Terms) -> SupportedExtension<'static> {
    SupportedExtension::Deflate(policy(wanted).send_window_negotiable(false))
}

const fn own(text: &str, bits: Rsv) -> SupportedExtension<'_> {
    SupportedExtension::Own { text, bits }
}

#[test]
fn s7_1_2_2_a_bare_offer_has_no_client_window_and_takes_none() {
    for wanted in every_policy() {
        let offers = [bare(wanted)];
        let handshake = Handshake::new(NONCE, "a", "/").extensions(&offers);
        let offer = offered(&handshake).unwrap();
        assert!(!offer.contains("client_max_window_bits"), "{offer}");
        let by_policy = policy(wanted).send_window_negotiable(false);
        let alone = Handshake::new(NONCE, "a", "/").deflate(by_policy);
        assert_eq!(offered(&alone), Some(offer));
    }
    let plain = [bare(PLAIN)];
    let handshake = Handshake::new(NONCE, "a", "/").extensions(&plain);
    assert_eq!(offered(&handshake).as_deref(), Some("permessage-deflate"));
    for bits in 8..=15 {
        let list = format!("permessage-deflate; client_max_window_bits={bits}");
        let outcome = outcome_for(&plain, &[&list]);
        assert_eq!(outcome, Err(InvalidDeflateResponse), "{bits}");
    }
    // The client keeps to its own window, of which it says nothing.
    let short = [(10, true), (15, true)];
    let outcome = outcome_for(&[bare(short)], &["permessage-deflate"]);
    assert_eq!(outcome, Ok((Some(short), Rsv::NONE)));
}

#[test]
fn s5_several_offers_of_deflate_go_out_in_order() {
    let offers = [
        own("x-first", Rsv::RSV2),
        deflate([(15, true), (10, false)]),
        own("x-second; a=b", Rsv::RSV3),
        deflate([(12, true), (15, true)]),
        bare(PLAIN),
    ];
    let listed = "x-first, \
        permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits, \
        x-second; a=b, permessage-deflate; client_max_window_bits=12, permessage-deflate";
    let handshake = Handshake::new(NONCE, "a", "/").extensions(&offers);
    assert_eq!(offered(&handshake).as_deref(), Some(listed));
    // The one that needs no list comes before it.
    let handshake = handshake.deflate(policy([(9, true), (15, true)]));
    let expected = format!("permessage-deflate; client_max_window_bits=9, {listed}");
    assert_eq!(offered(&handshake), Some(expected));
    let mut out = Out::new();
    handshake.write_request(&mut out).unwrap();
    let request = server::Handshake::default().receive(&out).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    assert_eq!(upgrade.extensions().count(), 6);
}

/// Whether the server takes over no context, and the windows of the server and of the client.
type Given = (bool, Option<u8>, Option<u8>);

/// A response with these parameters.
fn answer_with((server_no_takeover, server_bits, client_bits): Given) -> String {
    let takeover = Some("; server_no_context_takeover".to_owned()).filter(|_| server_no_takeover);
    let server = server_bits.map(|bits| format!("; server_max_window_bits={bits}"));
    let client = client_bits.map(|bits| format!("; client_max_window_bits={bits}"));
    ["permessage-deflate".to_owned()]
        .into_iter()
        .chain(takeover)
        .chain(server)
        .chain(client)
        .collect()
}

/// The rules of RFC 7692, section 7.1, by which a response answers an offer.
fn answers(offer: (Terms, bool), response: Given) -> bool {
    let ([send, receive], is_bare) = offer;
    let (server_no_takeover, server_bits, client_bits) = response;
    let server_keeps = receive.0 == 15 || server_bits.is_some_and(|bits| bits <= receive.0);
    let client_can = client_bits.is_none_or(|bits| !is_bare && (send.0 == 15 || bits <= send.0));
    (receive.1 || server_no_takeover) && server_keeps && client_can
}

#[test]
fn s5_an_answer_is_judged_by_the_first_offer_whose_rules_it_keeps() {
    let lists: [&[(Terms, bool)]; 6] = [
        &[([(15, true), (10, false)], false), (PLAIN, true)],
        &[(PLAIN, true), ([(15, true), (10, false)], false)],
        &[([(10, true), (15, true)], false), (PLAIN, false)],
        &[
            ([(9, false), (9, false)], false),
            ([(12, true), (12, true)], true),
            ([(12, true), (12, true)], false),
            (PLAIN, true),
        ],
        &[
            ([(10, true), (10, true)], false),
            ([(12, false), (9, true)], false),
        ],
        &[(PLAIN, true)],
    ];
    let bits = || core::iter::once(None).chain((8..=15).map(Some));
    let mut seen = [0; 5];
    for list in lists {
        let offers: Vec<_> = list
            .iter()
            .map(|(wanted, is_bare)| {
                if *is_bare {
                    bare(*wanted)
                } else {
                    deflate(*wanted)
                }
            })
            .collect();
        for server_no_takeover in [false, true] {
            for (server_bits, client_bits) in
                bits().flat_map(|one| bits().map(move |two| (one, two)))
            {
                let given = (server_no_takeover, server_bits, client_bits);
                let response = answer_with(given);
                let chosen = list.iter().position(|offer| answers(*offer, given));
                let enabled = ConnectEnabled::from_setting(Some(1)).unwrap();
                let stream =
                    Handshake::extended_connect(enabled, "https", "a", "/").extensions(&offers);
                let fields = [("sec-websocket-extensions", response.as_str())];
                let answer = stream.check_stream_response(200, pairs(&fields));
                match chosen {
                    None => {
                        assert!(
                            matches!(answer, Err(InvalidDeflateResponse | UnmetDeflateOffer)),
                            "{answer:?} {response}"
                        );
                        seen[4] += 1;
                    }
                    Some(index) => {
                        let [send, _] = list[index].0;
                        let expected = [
                            (send.0.min(client_bits.unwrap_or(15)), send.1),
                            (server_bits.unwrap_or(15), !server_no_takeover),
                        ];
                        let Ok(Answer::Open(negotiated)) = answer else {
                            panic!("{answer:?} {response}");
                        };
                        let agreed = negotiated.deflate.as_ref().map(terms);
                        assert_eq!(agreed, Some(expected), "{response} {list:?}");
                        seen[index] += 1;
                    }
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn s5_the_error_of_an_answer_to_no_offer_is_that_of_the_preferred_one() {
    let offers = [
        deflate([(10, true), (15, false)]),
        bare([(15, true), (9, true)]),
    ];
    for (list, expected) in [
        (
            "permessage-deflate; server_no_context_takeover",
            Ok([(10, true), (15, false)]),
        ),
        (
            "permessage-deflate; server_max_window_bits=9",
            Ok([(15, true), (9, true)]),
        ),
        ("permessage-deflate", Err(UnmetDeflateOffer)),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=11",
            Err(InvalidDeflateResponse),
        ),
        ("permessage-deflate; x", Err(InvalidDeflateResponse)),
    ] {
        let expected = expected.map(|terms| (Some(terms), Rsv::NONE));
        assert_eq!(outcome_for(&offers, &[list]), expected, "{list}");
    }
    // Two faults, one for each offer: that for the first counts.
    let both = "permessage-deflate; client_max_window_bits=10; server_max_window_bits=10";
    let [first, second] = offers;
    assert_eq!(outcome_for(&offers, &[both]), Err(UnmetDeflateOffer));
    assert_eq!(
        outcome_for(&[second, first], &[both]),
        Err(InvalidDeflateResponse)
    );
    let declined = outcome_for(&offers, &[]);
    assert_eq!(declined, Ok((None, Rsv::NONE)));
}

#[test]
fn s5_rsv1_belongs_to_deflate_where_that_is_agreed_on() {
    let offers = [
        own("x-a", Rsv::RSV1),
        deflate(PLAIN),
        own("x-b", Rsv::RSV2.union(Rsv::RSV3)),
        own("x-c", Rsv::NONE),
    ];
    let both = Rsv::RSV2.union(Rsv::RSV3);
    for (list, expected) in [
        ("x-a", Ok((None, Rsv::RSV1))),
        ("x-a, x-b", Ok((None, both.union(Rsv::RSV1)))),
        ("permessage-deflate", Ok((Some(PLAIN), Rsv::NONE))),
        ("permessage-deflate, x-b, x-c", Ok((Some(PLAIN), both))),
        ("x-b, permessage-deflate", Ok((Some(PLAIN), both))),
        ("x-a, permessage-deflate", Err(ReservedBitConflict)),
        ("permessage-deflate, x-c, x-a", Err(ReservedBitConflict)),
        ("permessage-deflate; x, x-a", Err(InvalidDeflateResponse)),
        ("permessage-deflate, x-d", Err(UnofferedExtension)),
    ] {
        assert_eq!(outcome_for(&offers, &[list]), expected, "{list}");
    }
}

#[test]
fn s5_a_server_accepts_nothing_else_for_rsv1_beside_deflate() {
    let both = Rsv::RSV2.union(Rsv::RSV3);
    let [a, b] = [own("x-a", Rsv::RSV1), own("x-b", both)];
    let offer = "Sec-WebSocket-Extensions: x-a, permessage-deflate, x-b, x-c";
    let accept = |acceptance: Acceptance<'_, '_>, fields: &[&str]| {
        let head = request(fields);
        let request = server::Handshake::default()
            .receive(&head)
            .unwrap()
            .unwrap();
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        let (head, negotiated) = upgrade.respond(&acceptance)?;
        let fields = set(head.fields());
        let mut values = fields
            .into_iter()
            .filter(|(name, _)| *name == "Sec-WebSocket-Extensions");
        let value = values.next().map(|(_, value)| value);
        assert_eq!(
            value.is_some(),
            negotiated.deflate.is_some() || !negotiated.reserved_bits.is_empty()
        );
        Ok((
            value.unwrap_or_default(),
            negotiated.deflate.is_some(),
            negotiated.reserved_bits,
        ))
    };
    let first = Acceptance::default().deflate(Policy::default());
    let given = |text: &str, deflate, bits| Ok((text.to_owned(), deflate, bits));
    for (acceptance, expected) in [
        (
            first.extensions(&[b]),
            given("permessage-deflate, x-b", true, both),
        ),
        (
            Acceptance::default().extensions(&[b, deflate(PLAIN)]),
            given("x-b, permessage-deflate", true, both),
        ),
        (
            Acceptance::default().extensions(&[a, b]),
            given("x-a, x-b", false, both.union(Rsv::RSV1)),
        ),
        (
            first.extensions(&[a]),
            Err(ResponseError::ReservedBitConflict { index: 0 }),
        ),
        (
            Acceptance::default().extensions(&[b, a, deflate(PLAIN)]),
            Err(ResponseError::ReservedBitConflict { index: 2 }),
        ),
        (
            Acceptance::default().extensions(&[deflate(PLAIN), a]),
            Err(ResponseError::ReservedBitConflict { index: 1 }),
        ),
    ] {
        assert_eq!(accept(acceptance, &[offer]), expected, "{acceptance:?}");
    }
    // Where the client does not offer permessage-deflate, RSV1 is free.
    let offer = "Sec-WebSocket-Extensions: x-a";
    assert_eq!(
        accept(first.extensions(&[a]), &[offer]),
        given("x-a", false, Rsv::RSV1)
    );

    // The first policy that takes an offer stands in its own place; others do nothing.
    let offer = "Sec-WebSocket-Extensions: x-b, permessage-deflate; server_max_window_bits=9";
    let list = [
        deflate([(8, true), (15, true)]),
        b,
        deflate([(12, false), (15, true)]),
        deflate(PLAIN),
    ];
    let text = "x-b, permessage-deflate; server_no_context_takeover; server_max_window_bits=9";
    assert_eq!(
        accept(Acceptance::default().extensions(&list), &[offer]),
        given(text, true, both)
    );
    assert_eq!(
        accept(first.extensions(&list), &[offer]),
        given(
            "permessage-deflate; server_max_window_bits=9, x-b",
            true,
            both
        )
    );
    assert_eq!(
        accept(Acceptance::default().extensions(&list[..1]), &[offer]),
        given("", false, Rsv::NONE)
    );
}

/// The caller may implement the extension itself, where the engine does not.
#[test]
fn a_codec_of_the_callers_may_have_the_name_of_deflate() {
    let own_deflate = own("permessage-deflate; client_max_window_bits", Rsv::RSV1);
    let outcome = outcome_for(
        &[own_deflate],
        &["permessage-deflate; server_max_window_bits=8"],
    );
    assert_eq!(outcome, Ok((None, Rsv::RSV1)));
    let error = |handshake: Handshake<'_>| handshake.write_request(&mut Out::new()).err();
    let conflict = |index| Some(RequestError::ConflictingExtension { index });
    let handshake = Handshake::new(NONCE, "a", "/");
    assert_eq!(error(handshake.clone().extensions(&[own_deflate])), None);
    let list = [deflate(PLAIN), own_deflate];
    assert_eq!(error(handshake.clone().extensions(&list)), conflict(1));
    let list = [own_deflate, deflate(PLAIN)];
    assert_eq!(error(handshake.clone().extensions(&list)), conflict(0));
    let with_policy = handshake.clone().deflate(Policy::default());
    assert_eq!(error(with_policy.extensions(&[own_deflate])), conflict(0));
    let many = [deflate(PLAIN); 32];
    assert_eq!(error(handshake.clone().extensions(&many)), None);
    let one_more = handshake.deflate(Policy::default()).extensions(&many);
    assert_eq!(error(one_more), Some(RequestError::TooManyExtensions));

    let head = request(&["Sec-WebSocket-Extensions: permessage-deflate"]);
    let request = server::Handshake::default()
        .receive(&head)
        .unwrap()
        .unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let without_bits = own("permessage-deflate", Rsv::NONE);
    let respond = |acceptance: Acceptance<'_, '_>| {
        let (_, negotiated) = upgrade.respond(&acceptance)?;
        Ok((negotiated.deflate.is_some(), negotiated.reserved_bits))
    };
    let repeated = |index| Err(ResponseError::RepeatedExtension { index });
    let plain = Acceptance::default();
    assert_eq!(
        respond(plain.extensions(&[own_deflate])),
        Ok((false, Rsv::RSV1))
    );
    let list = [deflate(PLAIN), without_bits];
    assert_eq!(respond(plain.extensions(&list)), repeated(1));
    let list = [without_bits, deflate(PLAIN)];
    assert_eq!(respond(plain.extensions(&list)), repeated(1));
    let with_policy = plain.deflate(Policy::default());
    assert_eq!(
        respond(with_policy.extensions(&[without_bits])),
        repeated(0)
    );
}

#[test]
fn edge_122_a_server_that_keeps_its_context_although_asked_not_to_fails_the_handshake() {
    let wanted = [(15, true), (15, false)];
    for parameters in ["", "; client_no_context_takeover"] {
        let error = outcome_of(wanted, parameters).err();
        assert_eq!(error, Some(UnmetDeflateOffer), "{parameters}");
    }
    let kept = "; server_no_context_takeover";
    assert_eq!(outcome_of(wanted, kept), Ok(wanted));
    assert_eq!(outcome(wanted, &[]), Ok(None), "it may decline");
    // The server may do so unasked, and does if asked.
    assert_eq!(outcome_of(PLAIN, kept), Ok(wanted));
    assert_eq!(answer_to(PLAIN, kept).as_deref(), Some(kept));
    let unasked = [(15, false), (15, true)];
    assert_eq!(answer_to(unasked, "").as_deref(), Some(kept));
}

#[test]
fn edge_123_a_server_window_beyond_the_offered_fails_the_handshake() {
    for limit in 8..=14 {
        let wanted = [(15, true), (limit, true)];
        assert_eq!(outcome_of(wanted, ""), Err(UnmetDeflateOffer));
        for bits in 8..=15 {
            let parameters = format!("; server_max_window_bits={bits}");
            let expected = if bits <= limit {
                Ok([(15, true), (bits, true)])
            } else {
                Err(UnmetDeflateOffer)
            };
            assert_eq!(outcome_of(wanted, &parameters), expected, "{limit} {bits}");
        }
    }
}

#[test]
fn s7_1_2_2_a_client_window_beyond_the_offered_fails_the_handshake() {
    for limit in 8..=15 {
        let wanted = [(limit, true), (15, true)];
        // An answer without the parameter leaves the client to what it has offered.
        assert_eq!(outcome_of(wanted, ""), Ok(wanted));
        for bits in 8..=15 {
            let parameters = format!("; client_max_window_bits={bits}");
            let expected = if bits <= limit {
                Ok([(bits, true), (15, true)])
            } else {
                Err(InvalidDeflateResponse)
            };
            assert_eq!(outcome_of(wanted, &parameters), expected, "{limit} {bits}");
        }
    }
}

#[test]
fn edge_124_a_window_of_8_bits_is_never_promised_to_the_peer() {
    // The next offer is taken instead.
    let eight = "permessage-deflate; server_max_window_bits=8";
    assert_eq!(answer(PLAIN, &[eight]), None);
    let nine = "permessage-deflate; server_max_window_bits=9";
    let expected = Some((nine.to_owned(), [(9, true), (15, true)]));
    assert_eq!(answer(PLAIN, &[eight, nine]), expected);
    // A policy that wants 8 bits for sending accepts nothing.
    for parameters in [
        "",
        "; server_max_window_bits=15",
        "; client_max_window_bits",
    ] {
        assert_eq!(answer_to([(8, true), (15, true)], parameters), None);
    }
    for wanted in every_policy() {
        for bits in 8..=15 {
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            let answer = answer_on_stream(policy(wanted), &[&offer]);
            let least = wanted[0].0.min(bits);
            let parameter = format!("; server_max_window_bits={least}");
            assert_eq!(answer.is_some(), least > 8);
            assert!(answer.is_none_or(|(value, [send, _])| {
                value.contains(&parameter) && send.0 == least
            }));
        }
    }
    // The peer may have such a window: inflating takes any.
    let receiving = Some("; client_max_window_bits=8".to_owned());
    assert_eq!(answer_to(PLAIN, "; client_max_window_bits=8"), receiving);
    let wanted = [(15, true), (8, true)];
    assert_eq!(answer_to(wanted, "; client_max_window_bits"), receiving);
    // And a server may limit a client so, which then compresses nothing.
    assert_eq!(
        outcome_of(PLAIN, "; client_max_window_bits=8"),
        Ok([(8, true), (15, true)])
    );
}

#[test]
fn edge_125_a_malformed_response_fails_the_handshake() {
    for parameters in MALFORMED {
        let error = outcome_of(PLAIN, parameters).err();
        assert_eq!(error, Some(InvalidDeflateResponse), "{parameters}");
    }
    let twice = "permessage-deflate, permessage-deflate; server_no_context_takeover";
    assert_eq!(outcome(PLAIN, &[twice]), Err(RepeatedExtension));
    let fields = ["permessage-deflate", "permessage-deflate"];
    assert_eq!(outcome(PLAIN, &fields), Err(RepeatedExtension));
    for list in ["other", "permessage-deflate, other", "Permessage-Deflate"] {
        assert_eq!(outcome(PLAIN, &[list]), Err(UnofferedExtension), "{list}");
    }
    assert_eq!(outcome(PLAIN, &["permessage-deflate"]), Ok(Some(PLAIN)));
    for error in [InvalidDeflateResponse, UnmetDeflateOffer] {
        assert_eq!(error.status_hint(), 502);
        assert!(error.section().starts_with("RFC 7692 section 7"));
        assert!(error.to_string().contains(": "));
    }
}

#[test]
fn s7_1_offers_and_answers_say_no_more_than_they_must() {
    let offer = |wanted| {
        let handshake = Handshake::new(NONCE, "a", "/").deflate(policy(wanted));
        let fields = set(handshake.fields_to_set().unwrap());
        let (_, value) = fields
            .into_iter()
            .find(|(name, _)| *name == "Sec-WebSocket-Extensions")
            .unwrap();
        value
    };
    assert_eq!(offer(PLAIN), "permessage-deflate; client_max_window_bits");
    assert_eq!(
        offer([(8, false), (9, false)]),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=9; client_max_window_bits=8"
    );
    assert_eq!(answer_to(PLAIN, "").as_deref(), Some(""));
    let everything = "; server_no_context_takeover; client_no_context_takeover; \
                      server_max_window_bits=15; client_max_window_bits=15";
    assert_eq!(
        answer_to(PLAIN, everything).as_deref(),
        Some("; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15")
    );
    let frugal = [(9, false), (10, false)];
    assert_eq!(
        answer_to(frugal, everything).as_deref(),
        Some(
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits=10"
        )
    );
    assert_eq!(
        answer_to(frugal, "").as_deref(),
        Some("; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9")
    );
    let hints = "; client_no_context_takeover; client_max_window_bits=12";
    assert_eq!(answer_to(PLAIN, hints).as_deref(), Some(hints));
}

#[test]
fn the_field_has_its_place_in_the_head() {
    let handshake = Handshake::new(NONCE, "example.com", "/")
        .subprotocols(&["chat"])
        .deflate(Policy::default());
    let mut out = Out::new();
    handshake.write_request(&mut out).unwrap();
    let text = core::str::from_utf8(&out).unwrap();
    assert!(text.ends_with(
        "Sec-WebSocket-Protocol: chat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    ));
    let request = server::Handshake::default().receive(&out).unwrap().unwrap();
    let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
    let acceptance = Acceptance::default()
        .subprotocol("chat")
        .deflate(Policy::default())
        .fields(&[("Server", "x")]);
    let mut out = Out::new();
    upgrade.accept(&acceptance, &mut out).unwrap();
    let text = core::str::from_utf8(&out).unwrap();
    assert!(text.ends_with(
        "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
         Server: x\r\n\r\n"
    ));
}

/// What a client and a server that want this agree on, seen from the server.
fn expected(client: Terms, server: Terms) -> Option<Terms> {
    let way = |sender: (u8, bool), receiver: (u8, bool)| {
        (sender.0.min(receiver.0), sender.1 && receiver.1)
    };
    let [send, receive] = [way(server[0], client[1]), way(client[0], server[1])];
    Some([send, receive]).filter(|_| send.0 > 8)
}

fn mirrored([send, receive]: Terms) -> Terms {
    [receive, send]
}

#[test]
fn both_sides_agree_on_the_same_whatever_they_want() {
    for client in every_policy() {
        let handshake = stream(policy(client));
        let (_, fields) = handshake.head_to_send().unwrap();
        let fields = set(fields);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let request = Request::from_pseudo_fields(connect(), HttpVersion::Http3, pairs(&fields));
        let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
        for server in every_policy() {
            let acceptance = Acceptance::default().deflate(policy(server));
            let (head, negotiated) = upgrade.respond(&acceptance).unwrap();
            let of_server = negotiated.deflate.as_ref().map(terms);
            assert_eq!(of_server, expected(client, server), "{client:?} {server:?}");
            let fields = set(head.fields());
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let answer = handshake.check_stream_response(200, pairs(&fields));
            let Ok(Answer::Open(negotiated)) = answer else {
                panic!("{answer:?}: {client:?} {server:?}");
            };
            let of_client = negotiated.deflate.as_ref().map(terms);
            assert_eq!(of_client.map(mirrored), of_server);
        }
    }
}

#[test]
fn both_sides_agree_on_the_same_over_bytes_and_in_the_types_of_http() {
    // Each policy with itself and with another one.
    let others = every_policy().skip(101).chain(every_policy());
    for (wanted, other) in every_policy().zip(others) {
        for (client, server) in [(wanted, wanted), (wanted, other)] {
            let mut handshake = Handshake::new(NONCE, "example.com", "/").deflate(policy(client));
            let acceptance = Acceptance::default().deflate(policy(server));
            let mut out = Out::new();
            handshake.write_request(&mut out).unwrap();
            let request = server::Handshake::default().receive(&out).unwrap().unwrap();
            let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
            let mut out = Out::new();
            let negotiated = upgrade.accept(&acceptance, &mut out).unwrap();
            let of_server = negotiated.deflate.as_ref().map(terms);
            assert_eq!(of_server, expected(client, server));
            #[cfg(feature = "http")]
            {
                let request = handshake.to_http().unwrap();
                let request = Request::from_http(&request, None);
                let upgrade = request.upgrade(OriginPolicy::Any).unwrap();
                let (head, again) = upgrade.respond(&acceptance).unwrap();
                assert_eq!(again, negotiated);
                let answer = handshake.check_http(&head.to_http().unwrap());
                let Ok(Answer::Open(negotiated)) = answer else {
                    panic!("{answer:?}");
                };
                let of_client = negotiated.deflate.as_ref().map(terms);
                assert_eq!(of_client.map(mirrored), of_server);
            }
            match handshake.receive(&out) {
                Ok(Some(Outcome::Open(accepted))) => {
                    let of_client = accepted.negotiated.deflate.as_ref().map(terms);
                    assert_eq!(of_client.map(mirrored), of_server);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A small generator (`SplitMix64`), always the same sequence.
struct Random(u64);

impl Random {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let len = u64::try_from(from.len()).unwrap();
        from[usize::try_from((mixed ^ (mixed >> 31)).checked_rem(len).unwrap()).unwrap()]
    }

    /// Pieces of lists, in an order that seldom makes sense.
    fn list(&mut self, lens: &[usize]) -> Vec<u8> {
        const PIECES: [&[u8]; 26] = [
            b";server_no_context_takeover",
            b";server_no_context_takeover",
            b";client_no_context_takeover",
            b";client_no_context_takeover ",
            b";server_max_window_bits=8",
            b";server_max_window_bits=9",
            b";server_max_window_bits=\"10\"",
            b"; server_max_window_bits",
            b" ; client_max_window_bits",
            b";client_max_window_bits=8",
            b";client_max_window_bits=12",
            b";client_max_window_bits = 15",
            b", permessage-deflate",
            b", permessage-deflate",
            b",,\t",
            b"; x",
            b", x",
            b"=1",
            b"=08",
            b"7",
            b"=\"",
            b"\"",
            b"\\",
            b" ",
            b"\xff",
            b"\0",
        ];
        let mut list = self.pick(&[&b"permessage-deflate"[..], b"x", b""]).to_vec();
        for _ in 0..self.pick(lens) {
            list.extend_from_slice(self.pick(&PIECES));
        }
        list
    }
}

#[test]
fn whatever_the_peer_sends_is_answered_or_refused() {
    let policies: Vec<_> = every_policy().collect();
    let mut random = Random(7692);
    let [mut answered, mut taken, mut refused] = [0; 3];
    for _ in 0..50_000 {
        let wanted = random.pick(&policies);
        let mut lists = vec![random.list(&[0, 1, 2, 3, 4, 5, 8])];
        if random.pick(&[true, false, false]) {
            lists.push(random.list(&[0, 1, 2]));
        }
        let fields = lists
            .iter()
            .map(|list| (&b"sec-websocket-extensions"[..], list.as_slice()));
        let version = (&b"sec-websocket-version"[..], &b"13"[..]);
        let offers = core::iter::once(version).chain(fields.clone());
        let request = Request::from_pseudo_fields(connect(), HttpVersion::Http2, offers);
        if let Ok(upgrade) = request.upgrade(OriginPolicy::Any) {
            let acceptance = Acceptance::default().deflate(policy(wanted));
            let (head, negotiated) = upgrade.respond(&acceptance).unwrap();
            if let Some(agreement) = negotiated.deflate {
                let [send, receive] = terms(&agreement);
                assert!(send.0 > 8 && send.0 <= wanted[0].0 && (wanted[0].1 || !send.1));
                assert!(wanted[1].1 || !receive.1);
                // Any client understands the answer, though it may not be one to its offer.
                let fields = set(head.fields());
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                let answer = stream(policy(PLAIN)).check_stream_response(200, pairs(&fields));
                assert!(answer.is_ok(), "{answer:?}");
                answered += 1;
            }
        }
        match stream(policy(wanted)).check_stream_response(200, fields) {
            Ok(Answer::Open(negotiated)) => {
                if let Some(agreement) = negotiated.deflate {
                    let [send, receive] = terms(&agreement);
                    assert!(send.0 <= wanted[0].0 && (wanted[0].1 || !send.1));
                    assert!(receive.0 <= wanted[1].0 && (wanted[1].1 || !receive.1));
                    taken += 1;
                }
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => refused += 1,
        }
    }
    assert!(
        answered > 100 && taken > 100 && refused > 100,
        "{answered} {taken} {refused}"
    );
}

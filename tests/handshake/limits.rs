//! The limits: the same verdict however the bytes come (edge 32), and for every input one.

use proptest::prelude::*;
use websocket_proto::Leniency;
use websocket_proto::handshake::HandshakeError::{
    HeadTooLong, InvalidExtensions, LineTooLong, MalformedHead, StartLineTooLong, TooManyFields,
};
use websocket_proto::handshake::client::{Handshake, Outcome};
use websocket_proto::handshake::server::{self, OriginPolicy};
use websocket_proto::handshake::{HeadLimits, MAX_EXTENSIONS, MAX_SUBPROTOCOLS};

use crate::support::{
    NONCE, judge_request, judge_request_within, judge_response, judge_response_to, request,
    response,
};

#[test]
fn edge_032_head_over_the_limit_gives_431() {
    let head = request(&[]);
    let limits = HeadLimits::default().max_len(head.len());
    assert!(judge_request_within(limits, &head).is_ok());
    let limit = head.len() - 1;
    let limits = HeadLimits::default().max_len(limit);
    assert_eq!(
        judge_request_within(limits, &head),
        Err(HeadTooLong { limit })
    );
    assert_eq!(HeadTooLong { limit }.status_hint(), 431);
    // It is known as soon as the last byte that fits has not ended the head, whichever that is; if
    // that is one of the start line, then so.
    let start_line = "GET /chat HTTP/1.1\r\n".len();
    for limit in 1..head.len() {
        let limits = HeadLimits::default().max_len(limit);
        let error = if limit < start_line {
            StartLineTooLong { limit }
        } else {
            HeadTooLong { limit }
        };
        assert_eq!(judge_request_within(limits, &head[..limit]), Err(error));
        assert_eq!(judge_request_within(limits, &head[..limit - 1]), Ok(None));
        assert_eq!(
            judge_request_within(limits.max_line(0x4000), &head[..limit]),
            Err(HeadTooLong { limit })
        );
    }
}

/// A target that fills the head is one that nobody wishes to parse, whichever limit that is.
#[test]
fn rfc_9112_s3_a_target_as_long_as_the_head_gives_414() {
    let head = request(&[&format!("GET /{} HTTP/1.1", "x".repeat(0x4000))]);
    let error = StartLineTooLong { limit: 0x4000 };
    assert_eq!(judge_request(&head), Err(error));
    assert_eq!(error.status_hint(), 414);
    let after_an_empty_line = [b"\r\n", &head[..]].concat();
    assert_eq!(judge_request(&after_an_empty_line), Err(error));
    // An empty line alone is no start line, and a status line has no target.
    let limits = HeadLimits::default().max_len(2);
    let verdict = judge_request_within(limits, b"\r\n");
    assert_eq!(verdict, Err(HeadTooLong { limit: 2 }));
    let head = response(&[&format!("HTTP/1.1 101 {}", "x".repeat(0x4000))]);
    assert_eq!(judge_response(&head), Err(HeadTooLong { limit: 0x4000 }));
}

#[test]
fn edge_032_head_over_16_kib_is_refused_by_default() {
    let fields: Vec<_> = (0..5)
        .map(|index| format!("X{index}: {}", "x".repeat(4000)))
        .collect();
    let changes: Vec<_> = fields.iter().map(String::as_str).collect();
    assert!(judge_request(&request(&changes[..4])).is_ok());
    assert_eq!(
        judge_request(&request(&changes)),
        Err(HeadTooLong { limit: 0x4000 })
    );
}

#[test]
fn edge_032_fields_over_the_limit_give_431() {
    let head = request(&[]);
    let limits = HeadLimits::default().max_fields(5);
    assert!(judge_request_within(limits, &head).is_ok());
    let limits = HeadLimits::default().max_fields(4);
    assert_eq!(
        judge_request_within(limits, &head),
        Err(TooManyFields { limit: 4 })
    );
    assert_eq!(TooManyFields { limit: 4 }.status_hint(), 431);
}

#[test]
fn edge_032_fields_over_100_are_refused_and_over_what_the_caller_says() {
    let fields: Vec<_> = (0..396).map(|index| format!("X{index}: x")).collect();
    let changes: Vec<_> = fields.iter().map(String::as_str).collect();
    assert!(judge_request(&request(&changes[..95])).is_ok());
    assert_eq!(
        judge_request(&request(&changes[..96])),
        Err(TooManyFields { limit: 100 })
    );
    let limits = HeadLimits::default().max_fields(400);
    assert!(judge_request_within(limits, &request(&changes[..395])).is_ok());
    let verdict = judge_request_within(limits, &request(&changes));
    assert_eq!(verdict, Err(TooManyFields { limit: 400 }));
}

#[test]
fn edge_032_field_line_over_the_limit_gives_431() {
    for line in [
        format!("X: {}", "x".repeat(97)),
        format!("X: {}\t", "x".repeat(96)),
        format!("X: {}", "\tx\t".repeat(32) + "\t"),
    ] {
        let head = request(&[&line]);
        assert!(judge_request_within(HeadLimits::default().max_line(100), &head).is_ok());
        let verdict = judge_request_within(HeadLimits::default().max_line(99), &head);
        assert_eq!(verdict, Err(LineTooLong { limit: 99 }));
    }
    assert_eq!(LineTooLong { limit: 99 }.status_hint(), 431);
}

#[test]
fn rfc_9112_s3_start_line_over_the_limit_gives_414() {
    let line = format!("GET /{} HTTP/1.1", "x".repeat(86));
    let head = request(&[&line]);
    assert!(judge_request_within(HeadLimits::default().max_line(100), &head).is_ok());
    let verdict = judge_request_within(HeadLimits::default().max_line(99), &head);
    assert_eq!(verdict, Err(StartLineTooLong { limit: 99 }));
    assert_eq!(StartLineTooLong { limit: 99 }.status_hint(), 414);
}

#[test]
fn the_limits_hold_for_responses_too() {
    let verdict = |limits: HeadLimits, head: &[u8]| {
        judge_response_to(&Handshake::new(NONCE, "a", "/").limits(limits), head)
    };
    let (limits, head) = (HeadLimits::default(), response(&[]));
    assert!(verdict(limits.max_fields(3), &head).is_ok());
    let fields = verdict(limits.max_fields(2), &head);
    assert_eq!(fields, Err(TooManyFields { limit: 2 }));

    let head = response(&[&format!("X: {}", "x".repeat(97))]);
    assert!(verdict(limits.max_line(100), &head).is_ok());
    let line = verdict(limits.max_line(99), &head);
    assert_eq!(line, Err(LineTooLong { limit: 99 }));

    let head = response(&[&format!("HTTP/1.1 101 {}", "x".repeat(87))]);
    assert!(verdict(limits.max_line(100), &head).is_ok());
    let line = verdict(limits.max_line(99), &head);
    assert_eq!(line, Err(StartLineTooLong { limit: 99 }));
}

/// Cookies of single sign-on fill more than 8 KiB of one line.
#[test]
fn a_line_may_be_as_long_as_the_head() {
    let bare = request(&["Cookie: "]);
    let field = |len: usize| request(&[&format!("Cookie: {}", "x".repeat(len - bare.len()))]);
    assert!(judge_request(&field(0x4000)).is_ok());
    let error = HeadTooLong { limit: 0x4000 };
    assert_eq!(judge_request(&field(0x4001)), Err(error));
    assert_eq!(error.status_hint(), 431);
    // Whatever that is set to.
    let limits = HeadLimits::default().max_len(0x8000);
    assert!(judge_request_within(limits, &field(0x8000)).is_ok());
    let verdict = judge_request_within(limits.max_line(0x2000), &field(0x8000));
    assert_eq!(verdict, Err(LineTooLong { limit: 0x2000 }));
    let target = request(&[&format!("GET /{} HTTP/1.1", "x".repeat(0x3000))]);
    assert!(judge_request(&target).is_ok());
}

#[test]
fn the_defaults_are_those_of_the_documents() {
    let documented = HeadLimits::default().max_len(16 << 10).max_fields(100);
    assert_eq!(HeadLimits::default(), documented);
    assert_eq!((MAX_SUBPROTOCOLS, MAX_EXTENSIONS), (64, 32));
}

#[test]
fn interim_responses_count_to_the_limit() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    let head = [&interim[..], &response(&[])].concat();
    let handshake = Handshake::new(NONCE, "a", "/");
    let verdict = |limit| {
        let limits = HeadLimits::default().max_len(limit);
        judge_response_to(&handshake.clone().limits(limits), &head)
    };
    assert!(verdict(head.len()).is_ok());
    assert_eq!(
        verdict(head.len() - 1),
        Err(HeadTooLong {
            limit: head.len() - 1
        })
    );
    // No final head can follow, so it is known without another byte.
    let limit = interim.len();
    let mut handshake_within = handshake
        .clone()
        .limits(HeadLimits::default().max_len(limit));
    assert_eq!(
        handshake_within.receive(interim).err(),
        Some(HeadTooLong { limit })
    );
    assert_eq!(verdict(limit), Err(HeadTooLong { limit }));
    let endless = interim.repeat(0x4000);
    let mut handshake = Handshake::new(NONCE, "a", "/");
    assert_eq!(
        handshake.receive(&endless).err(),
        Some(HeadTooLong { limit: 0x4000 })
    );
}

#[test]
fn zero_limits_refuse_everything() {
    let limits = HeadLimits::default().max_len(0).max_fields(0).max_line(0);
    assert_eq!(
        judge_request_within(limits, b"G"),
        Err(StartLineTooLong { limit: 0 })
    );
    assert_eq!(
        judge_request_within(limits, b"\r"),
        Err(HeadTooLong { limit: 0 })
    );
    assert_eq!(judge_request_within(limits, b"\0"), Err(MalformedHead));
}

#[test]
fn a_shorter_buffer_than_before_asks_for_more() {
    let head = response(&[]);
    let mut handshake = Handshake::new(NONCE, "a", "/");
    assert!(handshake.receive(&head[..40]).unwrap().is_none());
    assert!(handshake.receive(&head[..10]).unwrap().is_none());
    assert!(handshake.receive(&[]).unwrap().is_none());
    assert!(handshake.receive(&head).unwrap().is_some());
    assert!(handshake.receive(&head[..10]).unwrap().is_none());
}

/// Values on which a careless parser goes back and forth. Nothing is measured: work that grows with
/// the square of the length, over 64 KiB or more in as many portions, would not end in the time of a
/// test.
#[test]
fn long_heads_byte_by_byte_are_linear_work() {
    let limits = HeadLimits::default().max_len(0x8_0000).max_line(0x8_0000);
    for field in [
        format!("X: {}", "x".repeat(0x4_0000)),
        format!("X: b{}x", " ".repeat(0xffff)),
        format!("Connection: Upgrade{}", ",".repeat(0xffff)),
        format!("Sec-WebSocket-Protocol: b{}", ", ".repeat(0x7fff)),
        format!(
            "Sec-WebSocket-Extensions: a; b=\"{}\"",
            "\\c".repeat(0x7fff)
        ),
        format!("Sec-WebSocket-Extensions: a{}", ";b".repeat(0x7fff)),
    ] {
        let head = request(&[&field]);
        let mut handshake = server::Handshake::new(limits);
        for len in 0..head.len() {
            assert!(handshake.receive(&head[..len]).unwrap().is_none());
        }
        let request = handshake.receive(&head).unwrap().unwrap();
        assert!(request.upgrade(OriginPolicy::Any).is_ok());
    }
    for field in [
        format!("X: b{}", "\r\n x".repeat(0x7fff)),
        format!("X: b{}\r\n x", " ".repeat(0xffff)),
        format!("X: b{}x", " ".repeat(0x1_ffff)),
        format!("X: b{}x", "\r\n ".repeat(0x7fff)),
        format!("{}: {}", "X".repeat(0x7fff), "\x01".repeat(0x7fff)),
        format!("{}{}: x", "X".repeat(0x7fff), " ".repeat(0x7fff)),
        format!("Connection: Upgrade{}", ",\r\n ".repeat(0x5fff)),
        format!("Connection: Upgrade{}", "\r\n ".repeat(0x5fff)),
    ] {
        let head = response(&[&field]);
        let mut handshake = Handshake::new(NONCE, "a", "/")
            .limits(limits)
            .leniency(Leniency::new().loose_fields(true));
        for len in 0..head.len() {
            assert!(handshake.receive(&head[..len]).unwrap().is_none());
        }
        let outcome = handshake.receive(&head).unwrap().unwrap();
        let Outcome::Open(accepted) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(accepted.fields.last().unwrap().unfolded().count() > 0);
    }
    let unclosed = format!("Sec-WebSocket-Extensions: a; b=\"{}", "\\c".repeat(0x7fff));
    let head = request(&[&unclosed]);
    let request = server::Handshake::new(limits)
        .receive(&head)
        .unwrap()
        .unwrap();
    assert_eq!(
        request.upgrade(OriginPolicy::Any).err(),
        Some(InvalidExtensions)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..<_>::default() })]

    /// Whatever takes the place of a byte, the verdict is one for all portions.
    #[test]
    fn any_change_gives_one_verdict(
        at in 0_usize..200,
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        for head in [request(&["Sec-WebSocket-Extensions: a; b=\"c\""]), response(&[])] {
            let start = at.min(head.len());
            let end = start.saturating_add(1).min(head.len());
            let head = [&head[..start], &bytes, &head[end..]].concat();
            let _ = judge_request(&head);
            let _ = judge_response(&head);
        }
    }

    /// Lists of the bytes that matter to the grammar of extensions never make it panic.
    #[test]
    fn any_list_of_extensions_gives_one_verdict(list in "[a\"\\\\;,= \t]{0,24}") {
        let field = format!("Sec-WebSocket-Extensions: {list}");
        let _ = judge_request(&request(&[&field]));
    }
}

//! Sections 5.5.1 and 7: the closing handshake, and its failures.

use websocket_proto::frame::{CloseCode, CloseFrameError};
use websocket_proto::{
    Client, Closure, Config, Connection, Event, Fragment, Negotiated, ProtocolError, SendError,
    Server, State, Transport,
};

use crate::case::*;

/// Asserts that this Close payload is accepted, seen so, and answered with this payload.
#[track_caller]
fn closes(payload: &[u8], seen: &Seen, answer: &[u8]) {
    for (case, transport) in Case::both(|case| case.frame(0x88, payload))
        .into_iter()
        .zip([Transport::CloseNow, Transport::AwaitPeerClose])
    {
        let outcome = case.outcome();
        assert_eq!(outcome.error, None);
        assert_eq!(outcome.seen, core::slice::from_ref(seen));
        assert_eq!(outcome.sent, [(0x88, answer.to_vec())]);
        assert_eq!(
            (outcome.transport, outcome.state),
            (transport, State::Closing)
        );
        let Seen::Close(code, _) = seen else {
            panic!("a Close is expected")
        };
        assert_eq!(outcome.closure, Closure::Clean(CloseCode::new(*code)));
    }
}

#[track_caller]
fn close_fails(payload: &[u8], error: CloseFrameError) {
    for case in Case::both(|case| case.frame(0x88, payload)) {
        assert_eq!(fails(&case, ProtocolError::Close(error)).seen, []);
    }
}

fn server() -> Connection<Server> {
    Connection::new(Server, Negotiated::default(), Config::default())
}

fn client() -> Connection<Client<impl FnMut() -> websocket_proto::frame::MaskingKey>> {
    Connection::new(
        Client::new(|| [0; 4].into()),
        Negotiated::default(),
        Config::default(),
    )
}

#[test]
fn edge_077_an_empty_close_is_1005_and_is_answered_with_an_empty_one() {
    closes(b"", &close(1005, ""), b"");
}

#[test]
fn edge_078_a_close_of_one_byte_fails_with_1002() {
    close_fails(b"\x03", CloseFrameError::Truncated);
}

#[test]
fn edge_079_codes_below_1000_fail_with_1002() {
    for code in [0, 1, 2, 100, 500, 999] {
        close_fails(
            &u16::to_be_bytes(code),
            CloseFrameError::InvalidCode(CloseCode::new(code)),
        );
    }
}

#[test]
fn edge_080_the_codes_of_the_rfc_are_accepted() {
    for code in [1000_u16, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011] {
        closes(&code.to_be_bytes(), &close(code, ""), &code.to_be_bytes());
    }
}

#[test]
fn edge_081_codes_that_are_never_on_the_wire_fail_with_1002() {
    for code in [1004, 1005, 1006, 1015] {
        close_fails(
            &u16::to_be_bytes(code),
            CloseFrameError::InvalidCode(CloseCode::new(code)),
        );
    }
}

#[test]
fn edge_082_the_codes_registered_later_are_accepted() {
    for code in [1012_u16, 1013, 1014] {
        closes(&code.to_be_bytes(), &close(code, ""), &code.to_be_bytes());
    }
}

#[test]
fn edge_083_codes_from_1016_to_2999_fail_with_1002() {
    for code in [1016, 1100, 2000, 2999] {
        close_fails(
            &u16::to_be_bytes(code),
            CloseFrameError::InvalidCode(CloseCode::new(code)),
        );
    }
}

#[test]
fn edge_084_codes_from_3000_to_4999_are_accepted() {
    for code in [3000_u16, 3999, 4000, 4999] {
        closes(&code.to_be_bytes(), &close(code, ""), &code.to_be_bytes());
    }
}

#[test]
fn edge_085_codes_from_5000_fail_with_1002() {
    for code in [5000, 32768, 65535] {
        close_fails(
            &u16::to_be_bytes(code),
            CloseFrameError::InvalidCode(CloseCode::new(code)),
        );
    }
}

#[test]
fn edge_086_a_reason_that_is_not_utf8_fails_with_1007() {
    for reason in [&b"\xff"[..], b"ok until \xed\xa0\x80", b"cut \xe2\x82"] {
        close_fails(
            &[&b"\x03\xe8"[..], reason].concat(),
            CloseFrameError::InvalidReason,
        );
    }
    assert_eq!(
        ProtocolError::Close(CloseFrameError::InvalidReason).close_code(),
        CloseCode::INVALID_PAYLOAD_DATA
    );
}

#[test]
fn edge_087_a_bad_reason_is_found_byte_by_byte_too() {
    // Two bytes at a time is how one peer came to skip the reason; every cut is what `outcome`
    // runs.
    let case = Case::server().frame(
        0x88,
        b"\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    );
    fails(&case, ProtocolError::Close(CloseFrameError::InvalidReason));
}

#[test]
fn edge_088_a_reason_is_checked_apart_from_the_open_text_message() {
    // The message stops inside a character whose next byte would be valid as the reason's first.
    for case in Case::both(|case| case.frame(0x01, b"caf\xc3").frame(0x88, b"\x03\xe8\xa9")) {
        fails(&case, ProtocolError::Close(CloseFrameError::InvalidReason));
    }
    for case in Case::both(|case| case.frame(0x01, b"caf\xc3").frame(0x88, b"\x03\xe8fine")) {
        let outcome = case.outcome();
        assert_eq!(
            (outcome.error, outcome.seen),
            (None, vec![close(1000, "fine")])
        );
    }
}

#[test]
fn edge_089_what_may_not_be_on_the_wire_is_not_sent() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        let code = CloseCode::new(code);
        let (mut conn, mut out) = (server(), Vec::new());
        assert_eq!(
            conn.close(code, "", &mut out),
            Err(SendError::InvalidCode(code))
        );
        assert_eq!(
            conn.fail(code, "", &mut out),
            Err(SendError::InvalidCode(code))
        );
        assert_eq!((conn.state(), out), (State::Open, vec![]));
    }
    let (mut conn, mut out) = (server(), Vec::new());
    assert_eq!(
        conn.close(None, "why", &mut out),
        Err(SendError::ReasonWithoutCode)
    );
    assert_eq!(conn.close(None, "", &mut out), Ok(()));
    assert_eq!(out, [0x88, 0]);

    // 41 times three bytes are 123; a byte before them pushes the last character out.
    let (mut conn, mut out) = (server(), Vec::new());
    let reason = format!("x{}", "\u{20ac}".repeat(41));
    conn.close(CloseCode::NORMAL, &reason, &mut out).unwrap();
    let (_, payload) = frames_on_the_wire(&out, false).remove(0);
    assert_eq!(std::str::from_utf8(&payload[2..]), Ok(&reason[..121]));
}

#[test]
fn edge_090_the_answer_echoes_the_code() {
    closes(b"\x0f\xa1because", &close(4001, "because"), b"\x0f\xa1");
}

#[test]
fn edge_091_what_follows_the_peers_close_is_discarded() {
    let input = |case: Case| {
        let case = case
            .frame(0x88, b"\x03\xe8")
            .frame(0x81, b"late")
            .frame(0x89, b"late")
            .frame(0x88, b"");
        case.raw(b"\xff\xff\xff junk")
    };
    for case in Case::both(input) {
        let outcome = case.outcome();
        assert_eq!((outcome.error, outcome.seen), (None, vec![close(1000, "")]));
        assert_eq!(outcome.sent, [sent_close(1000)]);
    }
}

#[test]
fn edge_092_a_ping_after_our_close_is_seen_and_not_answered() {
    let (mut conn, mut out) = (server(), Vec::new());
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    out.clear();
    let mut bytes = wire_frame(0x89, b"still there?", Some([0; 4]));
    assert!(matches!(
        conn.receive(&mut &mut bytes[..], &mut out),
        Ok(Some(Event::Ping(_)))
    ));
    assert_eq!(out, []);
}

#[test]
fn edge_093_no_frame_follows_our_close_but_data_before_theirs_is_delivered() {
    let (mut conn, mut out) = (server(), Vec::new());
    conn.close(CloseCode::GOING_AWAY, "bye", &mut out).unwrap();
    assert_eq!(
        (conn.state(), conn.transport()),
        (State::Closing, Transport::KeepOpen)
    );
    out.clear();
    assert_eq!(conn.send_text("no", &mut out), Err(SendError::Closing));
    assert_eq!(
        conn.send_fragment("no", Fragment::First, &mut out),
        Err(SendError::Closing)
    );
    assert_eq!(
        conn.start_frame(websocket_proto::frame::MessageKind::Text, 2, Fragment::Only),
        Err(SendError::Closing)
    );
    assert_eq!(conn.ping(b"no", &mut out), Err(SendError::Closing));
    assert_eq!(conn.pong(b"no", &mut out), Err(SendError::Closing));
    assert_eq!(
        conn.close(CloseCode::NORMAL, "", &mut out),
        Err(SendError::Closing)
    );

    let mut bytes = wire_frame(0x81, b"in flight", Some([0; 4]));
    let event = conn.receive(&mut &mut bytes[..], &mut out);
    assert!(matches!(event, Ok(Some(Event::Chunk(chunk))) if chunk.last));
    assert_eq!(out, []);
}

#[test]
fn edge_094_simultaneous_closes_need_no_third_frame() {
    let (mut one, mut other) = (server(), client());
    let (mut from_one, mut from_other) = (Vec::new(), Vec::new());
    one.close(CloseCode::new(3001), "", &mut from_one).unwrap();
    other
        .close(CloseCode::new(3002), "", &mut from_other)
        .unwrap();

    let mut answers = Vec::new();
    let event = one.receive(&mut &mut from_other[..], &mut answers);
    assert!(matches!(event, Ok(Some(Event::Close(frame))) if frame.code().get() == 3002));
    let event = other.receive(&mut &mut from_one[..], &mut answers);
    assert!(matches!(event, Ok(Some(Event::Close(frame))) if frame.code().get() == 3001));
    assert_eq!(answers, []);
    assert_eq!(
        (one.transport(), other.transport()),
        (Transport::CloseNow, Transport::AwaitPeerClose)
    );
    assert_eq!(one.receive_eof(), Closure::Clean(CloseCode::new(3002)));
    assert_eq!(other.receive_eof(), Closure::Clean(CloseCode::new(3001)));
}

#[test]
fn edge_095_an_end_without_a_close_is_1006_and_sends_nothing() {
    for (case, closure) in [
        (Case::server().frame(0x81, b"whole"), Closure::Abnormal),
        (Case::server().raw(&[0x81]), Closure::Truncated),
        (
            Case::server().raw(&[0x81, 0x85, 1, 2, 3, 4, 5]),
            Closure::Truncated,
        ),
        (Case::server().header(0x81, 5, ""), Closure::Truncated),
        (Case::server().header(0x89, 5, ""), Closure::Truncated),
        (
            Case::server().frame(0x01, b"first of two"),
            Closure::Truncated,
        ),
        (Case::server().header(0x88, 2, ""), Closure::Truncated),
    ] {
        let outcome = case.outcome();
        assert_eq!(
            (outcome.closure, outcome.error),
            (closure, None),
            "{case:?}"
        );
        assert_eq!(outcome.sent, []);
        assert_eq!(closure.code(), CloseCode::ABNORMAL_CLOSURE);
        assert!(!closure.is_clean());
    }
    let (mut conn, mut out) = (server(), Vec::new());
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    assert_eq!(conn.receive_eof(), Closure::Abnormal);
    assert_eq!(conn.send_text("no", &mut out), Err(SendError::Closing));
}

#[test]
fn edge_096_the_server_closes_the_transport_first() {
    let (mut one, mut other) = (server(), client());
    let (mut from_one, mut from_other) = (Vec::new(), Vec::new());
    other.close(CloseCode::NORMAL, "", &mut from_other).unwrap();
    assert_eq!(other.transport(), Transport::KeepOpen);
    one.receive(&mut &mut from_other[..], &mut from_one)
        .unwrap();
    assert_eq!(one.transport(), Transport::CloseNow);
    other
        .receive(&mut &mut from_one[..], &mut from_other)
        .unwrap();
    assert_eq!(other.transport(), Transport::AwaitPeerClose);
    assert_eq!(other.receive_eof(), Closure::Clean(CloseCode::NORMAL));
    assert_eq!(
        (other.transport(), other.state()),
        (Transport::CloseNow, State::Closed)
    );
}

#[test]
fn edge_097_nothing_is_read_after_a_failure() {
    // `fails` holds this up for every fault; here is one with a message before it in the same read.
    let case = Case::server()
        .frame(0x81, b"before")
        .frame(0x83, b"")
        .frame(0x81, b"after");
    let outcome = case.outcome();
    assert_eq!(outcome.seen, [text("before")]);
    assert_eq!(outcome.sent, [sent_close(1002)]);

    // A failure of the caller's own is one, too.
    let (mut conn, mut out) = (server(), Vec::new());
    conn.fail(CloseCode::POLICY_VIOLATION, "no", &mut out)
        .unwrap();
    assert_eq!(out, b"\x88\x04\x03\xf0no");
    assert_eq!(
        (conn.state(), conn.transport()),
        (State::Closing, Transport::CloseNow)
    );
    let mut bytes = wire_frame(0x81, b"after", Some([0; 4]));
    let mut input = &mut bytes[..];
    assert_eq!(conn.receive(&mut input, &mut out), Ok(None));
    assert!(input.is_empty());
    conn.fail(CloseCode::POLICY_VIOLATION, "again", &mut out)
        .unwrap();
    assert_eq!(out.len(), 6, "one Close");
    assert_eq!(conn.receive_eof(), Closure::Failed);
}

#[test]
fn s7_1_7_a_fault_after_our_close_sends_no_second_one() {
    let (mut conn, mut out) = (client(), Vec::new());
    conn.close(CloseCode::NORMAL, "", &mut out).unwrap();
    out.clear();
    assert!(conn.receive(&mut &mut [0x83, 0x00][..], &mut out).is_err());
    assert_eq!((out, conn.transport()), (vec![], Transport::CloseNow));
}

//! What errors say, which section they cite and which HTTP status they hint at, and what values show of themselves:
//! every variant, one by one.

#![allow(
    clippy::std_instead_of_alloc,
    reason = "a test may panic: that is how it fails"
)]

use core::error::Error;
use std::collections::BTreeSet;

use websocket_proto::frame::{
    CloseCode, CloseFrame, CloseFrameError, FrameHeader, HeaderError, MaskingKey, MessageKind,
    Opcode, Rsv,
};
use websocket_proto::handshake::client::RequestError;
use websocket_proto::handshake::server::{OriginPolicy, ResponseError};
use websocket_proto::handshake::{FieldError, HandshakeError, HeadEnd};
use websocket_proto::utf8::Utf8Stream;
use websocket_proto::{
    Client, ControlPayload, Message, Misuse, OutputFull, ProtocolError, ReceiveError, SendError,
    Timeout, Timeouts,
};

/// A number that no text has of itself.
const N: usize = 7_391;

/// The texts of errors of one type: each is a sentence without a full stop that no other has, and what its error holds
/// is in it.
fn texts<E: Error>(errors: &[E]) {
    let mut seen = BTreeSet::new();
    for error in errors {
        let text = error.to_string();
        assert!(text.len() > 15 && text.contains(' '), "{error:?}: {text}");
        assert!(!text.ends_with(['.', ' ']), "{error:?}: {text}");
        assert!(!text.contains("  "), "{error:?}: {text}");
        if format!("{error:?}").contains("7391") {
            assert!(text.contains("7391"), "{error:?}: {text}");
        }
        assert!(seen.insert(text.clone()), "said twice: {text}");
    }
}

/// Texts for people who can change what they send: behind a colon they say what to do.
fn advice<E: Error>(errors: &[E]) {
    texts(errors);
    for error in errors {
        let text = error.to_string();
        let (fault, what_to_do) = text.split_once(": ").unwrap_or_default();
        assert!(
            fault.len() > 10 && what_to_do.len() > 5,
            "{error:?}: {text}"
        );
    }
}

#[test]
fn errors_of_frames_cite_their_section() {
    let header = [
        (HeaderError::ControlTooLong, "5.5"),
        (HeaderError::FragmentedControl, "5.5"),
        (HeaderError::LengthNotMinimal, "5.2"),
        (HeaderError::LengthTooLarge, "5.2"),
        (HeaderError::ReservedOpcode(0xb), "5.2"),
    ];
    texts(&header.map(|(error, _)| error));
    assert_eq!(
        HeaderError::ReservedOpcode(0xb).to_string(),
        "opcode 0xb is reserved"
    );
    let close = [
        (CloseFrameError::InvalidCode(CloseCode::new(7_391)), "7.4"),
        (CloseFrameError::InvalidReason, "8.1"),
        (CloseFrameError::TooLong, "5.5"),
        (CloseFrameError::Truncated, "5.5.1"),
    ];
    texts(&close.map(|(error, _)| error));
    for (error, section) in header {
        assert_eq!(error.section(), section, "{error:?}");
        // An error of the connection says the same, and where it is written.
        let wrapped = ProtocolError::from(error);
        assert_eq!(wrapped.section(), section);
        let expected = format!("{error} (RFC 6455 section {section})");
        assert_eq!(wrapped.to_string(), expected);
    }
    for (error, section) in close {
        assert_eq!(error.section(), section, "{error:?}");
        let wrapped = ProtocolError::from(error);
        assert_eq!(wrapped.section(), section);
        let expected = format!("{error} (RFC 6455 section {section})");
        assert_eq!(wrapped.to_string(), expected);
    }
}

#[test]
fn misuse_says_what_to_do_and_is_passed_on_as_it_is() {
    let misuses = [
        Misuse::InboxFull,
        Misuse::NoWindow,
        Misuse::RoomOverrun { filled: N, room: 5 },
        Misuse::WrongAssembler,
        Misuse::WrongInbox,
    ];
    advice(&misuses);
    for misuse in misuses {
        let error = ReceiveError::from(misuse);
        assert_eq!(error.to_string(), misuse.to_string());
        assert_eq!(error.protocol(), None);
    }
    let error = ReceiveError::from(ProtocolError::UnmaskedFrame);
    assert_eq!(error.to_string(), ProtocolError::UnmaskedFrame.to_string());
    assert_eq!(error.protocol(), Some(ProtocolError::UnmaskedFrame));
}

#[test]
fn ends_of_heads_say_what_to_do() {
    advice(&[HeadEnd::AfterHead, HeadEnd::BeforeHead, HeadEnd::InsideHead]);
}

#[test]
fn errors_of_the_peer_cite_their_section_and_have_a_status_code() {
    let errors = [
        (
            ProtocolError::FrameTooLong {
                len: 12_345,
                limit: 7_391,
            },
            "7.4.1",
            1009,
        ),
        (ProtocolError::InterleavedMessage, "5.4", 1002),
        (ProtocolError::InvalidDeflate, "7.4.1", 1007),
        (ProtocolError::InvalidUtf8, "8.1", 1007),
        (ProtocolError::MaskedFrame, "5.1", 1002),
        (
            ProtocolError::MessageTooLong { limit: 7_391 },
            "7.4.1",
            1009,
        ),
        (ProtocolError::ReservedBits(Rsv::RSV2), "5.2", 1002),
        (ProtocolError::StorageFull, "7.4.1", 1009),
        (
            ProtocolError::TooManyControlFrames { limit: 7_391 },
            "7.4.1",
            1008,
        ),
        (
            ProtocolError::TooManyFragments { limit: 7_391 },
            "7.4.1",
            1009,
        ),
        (ProtocolError::UnexpectedContinuation, "5.4", 1002),
        (ProtocolError::UnmaskedFrame, "5.1", 1002),
    ];
    texts(&errors.map(|(error, ..)| error));
    for (error, section, code) in errors {
        assert_eq!(error.section(), section, "{error:?}");
        assert_eq!(error.close_code().get(), code, "{error:?}");
        let cited = format!(" (RFC 6455 section {section})");
        assert!(error.to_string().ends_with(&cited), "{error}");
    }
    let too_long = errors[0].0.to_string();
    assert!(too_long.contains("12345"), "{too_long}");
    assert!(errors[6].0.to_string().contains(" 010 "), "{}", errors[6].0);
    let in_close = [
        (CloseFrameError::InvalidCode(CloseCode::new(1005)), 1002),
        (CloseFrameError::InvalidReason, 1007),
        (CloseFrameError::TooLong, 1002),
        (CloseFrameError::Truncated, 1002),
    ];
    for (error, code) in in_close {
        assert_eq!(ProtocolError::Close(error).close_code().get(), code);
    }
    let in_header = ProtocolError::Header(HeaderError::LengthNotMinimal);
    assert_eq!(in_header.close_code(), CloseCode::PROTOCOL_ERROR);
}

#[test]
fn errors_of_the_caller_say_what_is_wrong() {
    texts(&[
        SendError::Closing,
        SendError::CompressedMessage,
        SendError::ControlTooLong,
        SendError::FrameOpen { remaining: 7_391 },
        SendError::FrameOverrun { remaining: 7_391 },
        SendError::FrameTooLong,
        SendError::InvalidCode(CloseCode::new(7_391)),
        SendError::MessageOpen,
        SendError::NoMemory,
        SendError::NoMessageOpen,
        SendError::OutputFull { needed: N },
        SendError::ReasonWithoutCode,
        SendError::WrongKind,
    ]);
    texts(&[OutputFull]);
    texts(&[
        Timeout::Handshake,
        Timeout::Idle,
        Timeout::Pong,
        Timeout::Write,
        Timeout::Close,
    ]);
    let fields = [
        FieldError::Name { index: N },
        FieldError::Reserved { index: N },
        FieldError::Value { index: N },
    ];
    advice(&fields);
    advice(&[
        RequestError::ConflictingExtension { index: N },
        RequestError::ConnectNotEnabled,
        RequestError::Extension { index: N },
        RequestError::Field(fields[0]),
        RequestError::Host,
        RequestError::Origin,
        RequestError::OutputFull,
        RequestError::RepeatedSubprotocol { index: N },
        RequestError::Scheme,
        RequestError::Subprotocol { index: N },
        RequestError::Target,
        RequestError::TooManyExtensions,
    ]);
    advice(&[
        ResponseError::BodyNotAllowed { status: 7_391 },
        ResponseError::Extension { index: N },
        ResponseError::Field(fields[0]),
        ResponseError::OutputFull,
        ResponseError::RepeatedExtension { index: N },
        ResponseError::ReservedBitConflict { index: N },
        ResponseError::Status { status: 7_391 },
        ResponseError::UnofferedExtension { index: N },
        ResponseError::UnofferedSubprotocol,
    ]);
}

#[test]
fn errors_of_the_handshake_cite_their_section_and_have_a_status() {
    use HandshakeError as E;
    let limit = N;
    let errors = [
        (E::AuthorityMismatch, 400, "9114 section 4.3.1"),
        (E::BareLineFeed, 400, "9112 section 2.2"),
        (E::BodyNotAllowed, 400, "9110 section 9.3.1"),
        (E::ConnectionField("TE"), 400, "9113 section 8.2.2"),
        (E::ConnectionNotConfirmed, 502, "6455 section 4.1"),
        (E::HeadTooLong { limit }, 431, "6585 section 5"),
        (E::HttpVersion, 505, "6455 section 4.2.1"),
        (E::InvalidDeflateResponse, 502, "7692 section 7"),
        (E::InvalidExtensions, 400, "6455 section 9.1"),
        (E::InvalidHost, 400, "9112 section 3.2"),
        (E::InvalidKey, 400, "6455 section 4.2.1"),
        (E::InvalidOrigin, 400, "6454 section 7.1"),
        (E::InvalidScheme, 400, "8441 section 5"),
        (E::InvalidSubprotocol, 400, "6455 section 4.1"),
        (E::InvalidTarget, 400, "6455 section 4.2.1"),
        (E::LineFolding, 400, "9112 section 5.2"),
        (E::LineTooLong { limit }, 431, "6585 section 5"),
        (E::MalformedHead, 400, "9112 section 2.1"),
        (E::MethodNotConnect, 405, "8441 section 4"),
        (E::MethodNotGet, 405, "6455 section 4.2.1"),
        (E::MissingAccept, 502, "6455 section 4.1"),
        (E::MissingConnection, 426, "6455 section 4.2.1"),
        (E::MissingHost, 400, "6455 section 4.2.1"),
        (E::MissingKey, 400, "6455 section 4.2.1"),
        (E::MissingProtocol, 501, "8441 section 4"),
        (E::MissingPseudoField(":path"), 400, "8441 section 4"),
        (E::MissingUpgrade, 426, "6455 section 4.2.1"),
        (E::MissingVersion, 400, "6455 section 4.2.1"),
        (E::NoSubprotocol, 502, "6455 section 4.1"),
        (E::OriginNotAllowed, 403, "6455 section 4.2.2"),
        (E::RepeatedExtension, 502, "6455 section 9.1"),
        (E::RepeatedField("Host"), 400, "9112 section 3.2"),
        (E::RepeatedField("Content-Length"), 400, "9110 section 8.6"),
        (E::RepeatedField("Origin"), 400, "6454 section 7.3"),
        (
            E::RepeatedField("Sec-WebSocket-Accept"),
            502,
            "6455 section 11.3",
        ),
        (
            E::RepeatedField("Sec-WebSocket-Protocol"),
            502,
            "6455 section 11.3",
        ),
        (
            E::RepeatedField("Sec-WebSocket-Key"),
            400,
            "6455 section 11.3",
        ),
        (E::RepeatedSubprotocol, 400, "6455 section 4.1"),
        (E::ReservedBitConflict, 502, "7692 section 5"),
        (E::StartLineTooLong { limit }, 414, "9112 section 3"),
        (E::TargetFragment, 400, "6455 section 3"),
        (E::TooManyExtensions, 431, "6585 section 5"),
        (E::TooManyFields { limit }, 431, "6585 section 5"),
        (E::TooManySubprotocols, 431, "6585 section 5"),
        (E::UnknownProtocol, 501, "9220 section 3"),
        (E::UnmetDeflateOffer, 502, "7692 section 7.1"),
        (E::UnofferedExtension, 502, "6455 section 4.1"),
        (E::UnofferedSubprotocol, 502, "6455 section 4.1"),
        (E::UnsupportedVersion, 426, "6455 section 4.2.2"),
        (E::UpgradeNotConfirmed, 502, "6455 section 4.1"),
        (E::WrongAccept, 502, "6455 section 4.1"),
    ];
    advice(&errors.map(|(error, ..)| error));
    for (error, status, section) in errors {
        assert_eq!(error.status_hint(), status, "{error:?}");
        assert_eq!(error.section(), format!("RFC {section}"), "{error:?}");
        if let E::ConnectionField(name) | E::MissingPseudoField(name) | E::RepeatedField(name) =
            error
        {
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }
}

#[test]
fn text_that_is_no_text_is_an_error_like_others() {
    let invalid = Utf8Stream::new().push(b"a\xff").map(|_| ());
    assert_eq!(
        invalid.map_err(|error| error.to_string()),
        Err("text is not UTF-8".to_owned())
    );
}

#[test]
fn debug_shows_no_secret_and_no_noise() {
    let client = Client::new(|| MaskingKey::new([1, 2, 3, 4]));
    assert_eq!(format!("{client:?}"), "Client { .. }");
    let payload = ControlPayload::new(b"\x01\x02");
    assert_eq!(format!("{payload:?}"), "Some([1, 2])");
    let nobody = |_: &str| false;
    for (policy, shown) in [
        (OriginPolicy::Any, "Any"),
        (OriginPolicy::SameHost, "SameHost"),
        (
            OriginPolicy::OneOf(&["https://a"]),
            "OneOf([\"https://a\"])",
        ),
        (OriginPolicy::Custom(&nobody), "Custom(..)"),
    ] {
        assert_eq!(format!("{policy:?}"), shown);
    }
}

#[test]
fn values_turn_into_each_other() {
    assert_eq!(CloseCode::from(3000), CloseCode::new(3000));
    assert_eq!(u16::from(CloseCode::new(4999)), 4999);
    let empty = CloseFrame::empty();
    assert_eq!((empty.status(), empty.to_string()), (None, "1005".into()));
    for (reason, shown) in [("", "1000"), ("bye\n", "1000 \"bye\\n\"")] {
        let frame = CloseFrame::new(CloseCode::NORMAL, reason);
        assert_eq!(frame.map(|frame| frame.to_string()), Ok(shown.into()));
        let status = frame.map(|frame| frame.status());
        assert_eq!(status, Ok(Some(CloseCode::NORMAL)));
    }

    let both = Rsv::RSV1.union(Rsv::RSV3);
    assert!(both.contains(Rsv::RSV1) && both.contains(Rsv::RSV3) && both.contains(both));
    assert_eq!(both.union(Rsv::RSV1), both);
    assert!(!both.contains(Rsv::RSV2) && !Rsv::RSV1.contains(both));
    assert!(both.contains(Rsv::NONE) && !Rsv::NONE.contains(Rsv::RSV3));

    let header = FrameHeader::new(Opcode::Text, 5).encode();
    assert_eq!(header.as_ref().map(AsRef::as_ref), Ok(&b"\x81\x05"[..]));
    assert_eq!(
        ControlPayload::new(b"ab").as_ref().map(AsRef::as_ref),
        Some(&b"ab"[..])
    );

    let mut text = String::from("abc");
    let message = Message::from(text.as_mut_str());
    assert_eq!(
        (message, message.kind()),
        (Message::Text("abc"), MessageKind::Text)
    );
    assert_eq!(websocket_proto::Broadcast::new(message).message(), message);
    assert_eq!(Timeouts::new(), Timeouts::default());
}

//! Payload that the engine only unmasks: frames with bits of the caller's extensions, and text that is not
//! checked.

#[cfg(feature = "deflate")]
use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::{MessageKind, Rsv};
use websocket_proto::{
    Config, Connection, Event, Leniency, Negotiated, Payload, ProtocolError, Server,
};

use crate::case::{Case, Seen, binary, fails, gives, ping, text, wire_frame};

const RSV2_AND_3: Rsv = Rsv::RSV2.union(Rsv::RSV3);

fn with_bits(bits: Rsv) -> Negotiated<'static> {
    let mut negotiated = Negotiated::default();
    negotiated.reserved_bits = bits;
    negotiated
}

fn raw(kind: MessageKind, rsv: Rsv, bytes: &[u8]) -> Seen {
    Seen::Raw(kind, rsv, bytes.into())
}

#[test]
fn s5_8_frames_with_the_bits_of_an_extension_pass_with_them() {
    use MessageKind::{Binary, Text};
    for case in Case::both(|case| {
        case.negotiated(with_bits(RSV2_AND_3))
            // Text that a codec has made something else of.
            .frame(0xa1, b"\xff\x00\xc3")
            .frame(0x92, b"binary")
            .frame(0xb2, b"")
            // A message without bits is the codec's to look at, too.
            .frame(0x81, b"\xc3")
            // Bits from frame to frame, and one without payload.
            .frame(0x22, b"")
            .frame(0x10, b"abc")
            .frame(0x89, b"between")
            .frame(0x20, b"def")
            .frame(0x80, b"")
    }) {
        gives(
            &case,
            &[
                raw(Text, Rsv::RSV2, b"\xff\x00\xc3"),
                raw(Binary, Rsv::RSV3, b"binary"),
                raw(Binary, RSV2_AND_3, b""),
                raw(Text, Rsv::NONE, b"\xc3"),
                ping(b"between"),
                raw(Binary, Rsv::RSV2, b"abcdef"),
            ],
        );
    }
}

/// Of a frame with bits nothing is told before its payload comes, if it has any.
#[test]
fn s5_8_a_chunk_is_empty_only_if_its_frame_is() {
    let (mut conn, mut out) = (
        Connection::new(Server, with_bits(Rsv::RSV2), Config::default()),
        Vec::new(),
    );
    let frames: [(u8, &[u8]); 4] = [(0x22, b"ab"), (0x20, b""), (0x20, b"c"), (0xa0, b"de")];
    for (first, payload) in frames {
        let mut seen = Vec::new();
        for byte in &mut wire_frame(first, payload, Some([1, 2, 3, 4])) {
            let mut read = std::slice::from_mut(byte);
            match conn.receive(&mut read, &mut out).unwrap() {
                None => {}
                Some(Event::Chunk(chunk)) => match chunk.payload {
                    Payload::Raw { rsv, bytes, .. } => seen.push((rsv, bytes.to_vec())),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
        let expected: Vec<_> = match payload {
            b"" => vec![(Rsv::RSV2, vec![])],
            bytes => bytes.iter().map(|byte| (Rsv::RSV2, vec![*byte])).collect(),
        };
        assert_eq!(seen, expected, "{first:#04x}");
    }
}

#[test]
fn s5_8_rsv1_is_the_callers_where_permessage_deflate_was_not_agreed_on() {
    for case in Case::both(|case| {
        case.negotiated(with_bits(Rsv::RSV1))
            .frame(0x42, b"ab")
            .frame(0x80, b"c")
    }) {
        gives(&case, &[raw(MessageKind::Binary, Rsv::RSV1, b"abc")]);
    }
}

#[test]
fn s5_2_no_bit_passes_that_was_not_agreed_on() {
    for (first, bits) in [
        (0xc1, Rsv::RSV1),
        (0xe1, Rsv::RSV1.union(Rsv::RSV2)),
        (0xf2, Rsv::RSV1.union(RSV2_AND_3)),
        // Of an extension that changes data frames, control frames have no bits.
        (0xa9, Rsv::RSV2),
        (0x98, Rsv::RSV3),
    ] {
        for case in Case::both(|case| case.negotiated(with_bits(RSV2_AND_3)).frame(first, b"")) {
            fails(&case, ProtocolError::ReservedBits(bits));
        }
    }
    for case in Case::both(|case| case.negotiated(with_bits(Rsv::RSV2)).frame(0x92, b"")) {
        fails(&case, ProtocolError::ReservedBits(Rsv::RSV3));
    }
}

#[test]
fn s5_8_limits_and_the_order_of_frames_hold_for_raw_messages() {
    let config = Config::default().max_message_len(5).max_fragments(2);
    let negotiated = with_bits(Rsv::RSV2);
    let both = |input: fn(Case) -> Case| {
        Case::both(|case| input(case.config(config).negotiated(negotiated)))
    };
    for case in both(|case| case.frame(0x22, b"abc").frame(0xa0, b"def")) {
        fails(&case, ProtocolError::MessageTooLong { limit: 5 });
    }
    for case in both(|case| case.frame(0x22, b"a").frame(0x20, b"b").frame(0x20, b"c")) {
        fails(&case, ProtocolError::TooManyFragments { limit: 2 });
    }
    for case in both(|case| case.frame(0x22, b"a").frame(0xa1, b"b")) {
        fails(&case, ProtocolError::InterleavedMessage);
    }
    for case in both(|case| case.frame(0xa0, b"a")) {
        fails(&case, ProtocolError::UnexpectedContinuation);
    }
}

#[cfg(feature = "deflate")]
#[test]
fn s5_8_a_compressed_message_is_inflated_and_keeps_the_callers_bits() {
    let mut negotiated = with_bits(Rsv::RSV2);
    negotiated.deflate = Some(Agreement::new(&Policy::default()));
    // "Hello" of RFC 7692 section 7.2.3.1, and again by the context.
    for case in Case::both(|case| {
        case.negotiated(negotiated)
            .frame(0xe1, b"\xf2\x48\xcd\xc9\xc9\x07\x00")
            .frame(0xc2, b"\xf2\x00\x11\x00\x00")
            .frame(0xa1, b"\xff")
    }) {
        gives(
            &case,
            &[
                raw(MessageKind::Text, Rsv::RSV2, b"Hello"),
                raw(MessageKind::Binary, Rsv::NONE, b"Hello"),
                raw(MessageKind::Text, Rsv::RSV2, b"\xff"),
            ],
        );
    }
}

/// The start of a character is no reason to hold raw text back, nor are other bits in a later frame.
#[cfg(feature = "deflate")]
#[test]
fn s5_8_a_compressed_message_that_is_raw_comes_whole_with_the_bits_of_each_frame() {
    let mut negotiated = with_bits(Rsv::RSV2);
    negotiated.deflate = Some(Agreement::new(&Policy::default()));
    // Blocks that are stored; the first of them ends inside what could be a character.
    for case in Case::both(|case| {
        case.negotiated(negotiated)
            .frame(0x61, b"\0\x01\0\xfe\xff\xc3")
            .frame(0x80, b"\0\x01\0\xfe\xff(\0")
    }) {
        gives(&case, &[raw(MessageKind::Text, Rsv::RSV2, b"\xc3(")]);
    }
    let mut bytes = [
        wire_frame(0x61, b"\0\x01\0\xfe\xff\xc3", Some([1, 2, 3, 4])),
        wire_frame(0x80, b"\0\x01\0\xfe\xff(\0", Some([1, 2, 3, 4])),
    ]
    .concat();
    let mut conn = Connection::new(Server, negotiated, Config::default());
    let (mut input, mut out, mut seen) = (&mut bytes[..], Vec::new(), Vec::new());
    let mut window = [0; 100];
    while let Some(event) = conn
        .receive_inflated(&mut input, &mut window, &mut out)
        .unwrap()
    {
        match event {
            Event::Chunk(chunk) => match chunk.payload {
                Payload::Raw { rsv, bytes, .. } => seen.push((rsv, bytes.to_vec())),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
    let expected = [(Rsv::RSV2, b"\xc3".to_vec()), (Rsv::NONE, b"(".to_vec())];
    assert_eq!(seen, expected);
}

#[test]
fn s8_1_text_passes_unchecked_where_that_is_switched_on() {
    let lenient = Config::default().leniency(Leniency::default().unchecked_text(true));
    let input = |case: Case| {
        case.frame(0x81, b"caf\xe9")
            .frame(0x82, b"\xe9")
            .frame(0x01, b"\xc3")
            .frame(0x80, b"\xc3")
            .frame(0x81, b"")
    };
    let unchecked = |bytes| raw(MessageKind::Text, Rsv::NONE, bytes);
    for case in Case::both(|case| input(case.config(lenient))) {
        gives(
            &case,
            &[
                unchecked(b"caf\xe9"),
                binary(b"\xe9"),
                unchecked(b"\xc3\xc3"),
                unchecked(b""),
            ],
        );
    }
    for case in Case::both(input) {
        fails(&case, ProtocolError::InvalidUtf8);
    }
    // A reason is no message.
    for case in Case::both(|case| case.config(lenient).frame(0x88, b"\x03\xe8\xe9")) {
        fails(
            &case,
            websocket_proto::frame::CloseFrameError::InvalidReason.into(),
        );
    }
}

/// What an empty fragment of a binary message leaves behind is not for the text that follows.
#[test]
fn s8_1_unchecked_text_follows_a_message_that_began_empty() {
    let lenient = Config::default().leniency(Leniency::default().unchecked_text(true));
    for case in Case::both(|case| {
        case.config(lenient)
            .frame(0x02, b"")
            .frame(0x80, b"binary")
            .frame(0x01, b"caf\xe9")
            .frame(0x80, b"\xc3")
    }) {
        let unchecked = raw(MessageKind::Text, Rsv::NONE, b"caf\xe9\xc3");
        gives(&case, &[binary(b"binary"), unchecked]);
    }
}

#[test]
fn s5_1_a_server_takes_unmasked_frames_where_that_is_switched_on() {
    let leniency = Leniency::default().unmasked_frames(true);
    let lenient = Config::default().leniency(leniency);
    let input = |case: Case| {
        case.raw(b"\x81\x02hi")
            .frame(0x82, b"masked")
            .raw(b"\x89\x01p\x01\x02\xc3\xa9")
            .frame(0x00, b"\xc3")
            .raw(b"\x80\x01\xa9")
            .raw(&[b"\x82\x7e\x01\x00", &[7; 256][..]].concat())
    };
    gives(
        &input(Case::server().config(lenient)),
        &[
            text("hi"),
            binary(b"masked"),
            ping(b"p"),
            text("\u{e9}\u{e9}"),
            binary(&[7; 256]),
        ],
    );
    fails(&input(Case::server()), ProtocolError::UnmaskedFrame);
    // It is a switch of the server's: a client takes no masked frame by it.
    let masked = Case::client().config(lenient).raw(b"\x81\x80\0\0\0\0");
    fails(&masked, ProtocolError::MaskedFrame);
}

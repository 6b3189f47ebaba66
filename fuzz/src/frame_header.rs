//! Frames as plain values: headers, masks and the payload of Close frames, held against their
//! definitions.
//!
//! The input: a header, and what follows it.

use websocket_proto::frame::{
    CloseCode, CloseFrame, CloseFrameError, FrameHeader, HeaderError, Mask, MaskingKey, Opcode, Rsv,
};

/// Decodes the input as each of them, and encodes it again.
pub fn check(data: &[u8]) {
    header(data);
    made_header(data);
    close(data);
    mask(data);
}

/// What a header says that lies whole in `data`, or what is wrong with it, by section 5.2.
fn by_the_rfc(data: &[u8]) -> Result<Option<(FrameHeader, usize)>, HeaderError> {
    let mut bytes = data.iter().copied();
    let Some(first) = bytes.next() else {
        return Ok(None);
    };
    let opcode = match first % 16 {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        reserved => return Err(HeaderError::ReservedOpcode(reserved)),
    };
    let (fin, is_control) = (first >= 128, first % 16 >= 8);
    if is_control && !fin {
        return Err(HeaderError::FragmentedControl);
    }
    let Some(second) = bytes.next() else {
        return Ok(None);
    };
    let width = match second % 128 {
        126 | 127 if is_control => return Err(HeaderError::ControlTooLong),
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let (mut len, mut count) = (0_u128, 0);
    for byte in bytes.by_ref().take(width) {
        len = len * 256 + u128::from(byte);
        count += 1;
        if width == 8 && count == 1 && byte >= 128 {
            return Err(HeaderError::LengthTooLarge);
        }
        if width == 8 && count == 6 && len == 0 {
            return Err(HeaderError::LengthNotMinimal);
        }
    }
    if count < width {
        return Ok(None);
    }
    if width == 2 && len <= 125 {
        return Err(HeaderError::LengthNotMinimal);
    }
    if width == 0 {
        len = u128::from(second % 128);
    }
    let mut header_len = 2 + width;
    let mut masking_key = None;
    if second >= 128 {
        let key: Vec<u8> = bytes.take(4).collect();
        let Ok(key) = <[u8; 4]>::try_from(key) else {
            return Ok(None);
        };
        masking_key = Some(MaskingKey::new(key));
        header_len += 4;
    }
    let rsv = rsv(first >> 4);
    let payload_len = u64::try_from(len).expect("63 bits");
    Ok(Some((
        FrameHeader {
            fin,
            rsv,
            opcode,
            masking_key,
            payload_len,
        },
        header_len,
    )))
}

fn rsv(bits: u8) -> Rsv {
    [(4, Rsv::RSV1), (2, Rsv::RSV2), (1, Rsv::RSV3)]
        .into_iter()
        .filter(|(bit, _)| bits & bit != 0)
        .fold(Rsv::NONE, |all, (_, rsv)| all.union(rsv))
}

fn header(data: &[u8]) {
    let mut verdict = Ok(None);
    for end in 0..=data.len().min(20) {
        let bytes = &data[..end];
        let decoded = FrameHeader::decode(bytes);
        if verdict == Ok(None) {
            assert_eq!(decoded, by_the_rfc(bytes));
            verdict = decoded;
        } else {
            assert_eq!(decoded, verdict, "more bytes change nothing");
        }
    }
    if let Ok(Some((header, len))) = verdict {
        let encoded = header.encode().expect("what was decoded can be encoded");
        assert_eq!(encoded[..], data[..len]);
    }
}

/// A header of any values: encoded if the RFC lets it be, and then decoded to the same.
fn made_header(data: &[u8]) {
    let [first, second, key @ ..] = data else {
        return;
    };
    let Some((key, rest)) = key.split_first_chunk::<4>() else {
        return;
    };
    let Some((len, _)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let opcodes = [
        Opcode::Continuation,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Close,
        Opcode::Ping,
        Opcode::Pong,
    ];
    let header = FrameHeader {
        fin: first & 0x80 != 0,
        rsv: rsv(first >> 4 & 7),
        opcode: opcodes[usize::from(first % 6)],
        masking_key: (second & 0x80 != 0).then(|| MaskingKey::new(*key)),
        // Of every magnitude.
        payload_len: u64::from_be_bytes(*len) >> (second & 0x3f),
    };
    let expected = if header.opcode.is_control() && !header.fin {
        Err(HeaderError::FragmentedControl)
    } else if header.opcode.is_control() && header.payload_len > 125 {
        Err(HeaderError::ControlTooLong)
    } else if header.payload_len >= 1 << 63 {
        Err(HeaderError::LengthTooLarge)
    } else {
        Ok(())
    };
    let encoded = header.encode();
    assert_eq!(encoded.as_ref().err(), expected.as_ref().err());
    if let Ok(encoded) = encoded {
        assert_eq!(
            FrameHeader::decode(&encoded),
            Ok(Some((header, encoded.len())))
        );
    }
}

fn close(payload: &[u8]) {
    let expected = match payload {
        [] => Ok((None, "")),
        [_] => Err(CloseFrameError::Truncated),
        [high, low, reason @ ..] => {
            let code = u16::from(*high) * 256 + u16::from(*low);
            // RFC 6455, section 7.4, and what IANA has registered since.
            let is_defined = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            match core::str::from_utf8(reason) {
                _ if !is_defined => Err(CloseFrameError::InvalidCode(CloseCode::new(code))),
                Err(_) => Err(CloseFrameError::InvalidReason),
                Ok(reason) if reason.len() > 123 => Err(CloseFrameError::TooLong),
                Ok(reason) => Ok((Some(code), reason)),
            }
        }
    };
    let decoded = CloseFrame::decode(payload);
    match (&decoded, expected) {
        (Ok(frame), Ok((code, reason))) => {
            assert_eq!(
                (frame.status().map(CloseCode::get), frame.reason()),
                (code, reason)
            );
            assert_eq!(frame.is_empty(), payload.is_empty());
            if let Some(code) = frame.status() {
                assert_eq!(CloseFrame::new(code, reason).as_ref(), Ok(frame));
            }
        }
        (decoded, expected) => assert_eq!(decoded.as_ref().err(), expected.as_ref().err()),
    }
}

/// The payload masked in two parts is byte i XOR key byte i modulo 4 (section 5.3).
fn mask(data: &[u8]) {
    let [cut, data @ ..] = data else { return };
    let Some((key, payload)) = data.split_first_chunk::<4>() else {
        return;
    };
    let mut masked = payload.to_vec();
    let mut mask = Mask::new(MaskingKey::new(*key));
    let (before, after) = masked.split_at_mut(usize::from(*cut).min(payload.len()));
    mask.apply(before);
    mask.apply(after);
    for (at, byte) in payload.iter().enumerate() {
        assert_eq!(masked[at], byte ^ key[at % 4]);
    }
}

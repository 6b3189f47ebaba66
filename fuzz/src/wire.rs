//! Frames by hand, apart from the code under test.

/// A frame as it is on the wire.
pub(crate) fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(mask_bit | len as u8),
        len @ 126..=0xffff => {
            bytes.push(mask_bit | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask_bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(key.iter().flatten());
    bytes.extend(masked(payload, key));
    bytes
}

/// The payload with the key applied, if there is one.
pub(crate) fn masked(payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let mut bytes = payload.to_vec();
    if let Some(key) = key {
        for four in bytes.chunks_mut(4) {
            four.iter_mut()
                .zip(key)
                .for_each(|(byte, key)| *byte ^= key);
        }
    }
    bytes
}

/// The whole frames in outbound bytes, first byte and unmasked payload, and what is behind them.
///
/// Masking by role and minimal lengths are checked.
pub(crate) fn frames(mut bytes: &[u8], is_client: bool) -> (Vec<(u8, Vec<u8>)>, &[u8]) {
    let mut frames = Vec::new();
    while let Some((first, payload, len)) = next_frame(bytes, is_client) {
        frames.push((first, payload));
        bytes = &bytes[len..];
    }
    (frames, bytes)
}

fn next_frame(bytes: &[u8], is_client: bool) -> Option<(u8, Vec<u8>, usize)> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    assert_eq!(
        second & 0x80 != 0,
        is_client,
        "a client masks, and only a client"
    );
    let (len, rest) = match second & 0x7f {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*len), rest)
        }
        len => (u64::from(len), rest),
    };
    let (key, rest) = if is_client {
        let (key, rest) = rest.split_first_chunk()?;
        (Some(*key), rest)
    } else {
        (None, rest)
    };
    let payload = masked(rest.get(..usize::try_from(len).ok()?)?, key);
    let minimal = match second & 0x7f {
        126 => (126..1 << 16).contains(&len),
        127 => len >= 1 << 16,
        _ => true,
    };
    assert!(minimal, "the length is minimal");
    let header_len = bytes.len() - rest.len();
    Some((*first, payload, header_len + len as usize))
}

/// What an endpoint sent that was not interrupted: whole and valid frames, one Close at most, and
/// that the last.
pub(crate) fn sent(bytes: &[u8], is_client: bool) -> Vec<(u8, Vec<u8>)> {
    let (frames, rest) = frames(bytes, is_client);
    assert!(rest.is_empty(), "whole frames go out");
    let closes = frames.iter().filter(|(first, _)| *first == 0x88).count();
    assert!(closes <= 1, "one Close at most");
    if closes == 1 {
        assert_eq!(
            frames.last().map(|(first, _)| *first),
            Some(0x88),
            "nothing after the Close"
        );
    }
    for (first, payload) in &frames {
        assert!(
            matches!(first & 0x3f, 0..=2 | 8..=10),
            "{first:#x} goes out"
        );
        assert!(
            first & 8 == 0 || (first & 0x80 != 0 && payload.len() <= 125),
            "a control frame is whole"
        );
    }
    frames
}

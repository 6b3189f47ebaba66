//! What an endpoint has to make of its input where nothing is compressed: written from the RFC, a
//! byte at a time, apart from the code under test.

use websocket_proto::frame::{CloseCode, CloseFrameError, HeaderError, Rsv};
use websocket_proto::{Closure, ProtocolError, State, Transport};

use crate::outcome::Seen;
use crate::wire::masked;

/// Limits, as in `Config`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) frame_len: u64,
    pub(crate) message_len: u64,
    pub(crate) fragments: u32,
    pub(crate) control_frames: u32,
}

/// What holds for a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) is_server: bool,
    pub(crate) limits: Limits,
    pub(crate) compressed: bool,
    /// As in `Setting`.
    pub(crate) own_bits: u8,
    pub(crate) is_lenient: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) seen: Vec<Seen>,
    /// What is there of a message that is not finished.
    pub(crate) unfinished: Option<Seen>,
    /// The frames that go out: first byte and payload.
    pub(crate) sent: Vec<(u8, Vec<u8>)>,
    pub(crate) error: Option<ProtocolError>,
    closed: Option<u16>,
    is_inside: bool,
}

impl Verdict {
    pub(crate) fn transport(&self, is_server: bool) -> Transport {
        match (self.error, self.closed) {
            (Some(_), _) => Transport::CloseNow,
            (None, None) => Transport::KeepOpen,
            (None, Some(_)) if is_server => Transport::CloseNow,
            (None, Some(_)) => Transport::AwaitPeerClose,
        }
    }

    pub(crate) fn state(&self) -> State {
        if self.error.is_some() || self.closed.is_some() {
            State::Closing
        } else {
            State::Open
        }
    }

    pub(crate) fn closure(&self) -> Closure {
        match (self.error, self.closed) {
            (Some(_), _) => Closure::Failed,
            (None, Some(code)) => Closure::Clean(CloseCode::new(code)),
            (None, None) if self.is_inside => Closure::Truncated,
            (None, None) => Closure::Abnormal,
        }
    }
}

/// A message that has begun.
struct Open {
    is_text: bool,
    is_raw: bool,
    /// Whether a frame without payload has told of its bits.
    has_told: bool,
    len: u64,
    frames: u32,
    bytes: Vec<u8>,
}

/// Judges what a server or a client is sent.
///
/// Nothing if compression was agreed on and a frame makes use of it: that is not known here.
pub(crate) fn judge(rules: Rules, input: &[u8]) -> Option<Verdict> {
    let mut verdict = Verdict::default();
    let mut open = None;
    let mut controls = 0;
    let mut rest = input;
    while !rest.is_empty() && verdict.closed.is_none() {
        match frame(rules, &mut verdict, &mut open, &mut controls, rest) {
            Ok(Step::Next(len)) => rest = &rest[len..],
            Ok(Step::Compressed) => return None,
            Ok(Step::Wait(is_inside)) => {
                verdict.is_inside = is_inside;
                break;
            }
            Err(error) => {
                verdict.error = Some(error);
                verdict
                    .sent
                    .push((0x88, error.close_code().get().to_be_bytes().into()));
                break;
            }
        }
    }
    verdict.is_inside |= open.is_some();
    if let Some(Open {
        is_text,
        is_raw,
        has_told,
        bytes,
        ..
    }) = open
    {
        // What is given of text is what is whole and valid of it.
        verdict.unfinished = match core::str::from_utf8(&bytes) {
            _ if is_raw => Some(Seen::Raw(is_text, bytes)),
            _ if !is_text => Some(Seen::Binary(bytes)),
            Ok(text) => Some(Seen::Text(text.into())),
            Err(error) => {
                let valid = &bytes[..error.valid_up_to()];
                Some(Seen::Text(String::from_utf8_lossy(valid).into()))
            }
        };
        // A chunk that is not the last is not empty.
        verdict.unfinished = verdict.unfinished.filter(|seen| match seen {
            Seen::Text(text) => !text.is_empty(),
            Seen::Binary(bytes) => !bytes.is_empty(),
            Seen::Raw(_, bytes) => !bytes.is_empty() || has_told,
            _ => true,
        });
    }
    Some(verdict)
}

enum Step {
    /// The frame has so many bytes.
    Next(usize),
    /// It is not whole; whether that is inside a frame.
    Wait(bool),
    Compressed,
}

fn frame(
    rules: Rules,
    verdict: &mut Verdict,
    open: &mut Option<Open>,
    controls: &mut u32,
    rest: &[u8],
) -> Result<Step, ProtocolError> {
    let Rules {
        is_server,
        limits,
        compressed,
        own_bits,
        is_lenient,
    } = rules;
    let Some(&first) = rest.first() else {
        return Ok(Step::Wait(false));
    };
    let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
    let is_control = opcode >= 8;
    // Section 5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the
    // WebSocket Connection_."
    if !matches!(opcode, 0..=2 | 8..=10) {
        return Err(HeaderError::ReservedOpcode(opcode).into());
    }
    // Section 5.5: "All control frames [...] MUST NOT be fragmented."
    if is_control && !fin {
        return Err(HeaderError::FragmentedControl.into());
    }
    let own = if is_control { 0 } else { own_bits << 4 & first };
    let others = first & 0x70 & !own;
    if others != 0 {
        if compressed && others == 0x40 && matches!(opcode, 1 | 2) && open.is_none() {
            return Ok(Step::Compressed);
        }
        if !(compressed && others == 0x40 && matches!(opcode, 1 | 2)) {
            return Err(ProtocolError::ReservedBits(rsv(first >> 4)));
        }
    }
    // Section 5.4: fragments follow each other, and nothing but control frames is between them.
    match (opcode, &*open) {
        (1 | 2, Some(_)) => return Err(ProtocolError::InterleavedMessage),
        (0, None) => return Err(ProtocolError::UnexpectedContinuation),
        _ => {}
    }
    if is_control {
        if opcode != 8 && *controls >= limits.control_frames {
            return Err(ProtocolError::TooManyControlFrames {
                limit: limits.control_frames,
            });
        }
    } else if open.as_ref().map_or(0, |open| open.frames) >= limits.fragments {
        return Err(ProtocolError::TooManyFragments {
            limit: limits.fragments,
        });
    }
    let Some(&second) = rest.get(1) else {
        return Ok(Step::Wait(true));
    };
    // Section 5.1: a client masks, and only a client.
    match (is_server, second & 0x80 != 0) {
        (true, false) if !is_lenient => return Err(ProtocolError::UnmaskedFrame),
        (false, true) => return Err(ProtocolError::MaskedFrame),
        _ => {}
    }
    let (len, after_len) = match second & 0x7f {
        126 | 127 if is_control => return Err(HeaderError::ControlTooLong.into()),
        126 => {
            let Some(len) = rest.get(2..4) else {
                return Ok(Step::Wait(true));
            };
            (number(len), 4)
        }
        127 => {
            if rest.get(2).is_some_and(|byte| *byte >= 0x80) {
                return Err(HeaderError::LengthTooLarge.into());
            }
            if rest.get(2..8).is_some_and(|bytes| number(bytes) == 0) {
                return Err(HeaderError::LengthNotMinimal.into());
            }
            let Some(len) = rest.get(2..10) else {
                return Ok(Step::Wait(true));
            };
            (number(len), 10)
        }
        len => (u64::from(len), 2),
    };
    // Section 5.2: "the minimal number of bytes MUST be used to encode the length".
    if after_len == 4 && len < 126 {
        return Err(HeaderError::LengthNotMinimal.into());
    }
    if !is_control {
        if len > limits.frame_len {
            return Err(ProtocolError::FrameTooLong {
                len,
                limit: limits.frame_len,
            });
        }
        let before = open.as_ref().map_or(0, |open| open.len);
        if before
            .checked_add(len)
            .is_none_or(|all| all > limits.message_len)
        {
            return Err(ProtocolError::MessageTooLong {
                limit: limits.message_len,
            });
        }
    } else if opcode == 8 && len == 1 {
        return Err(CloseFrameError::Truncated.into());
    }
    let start = after_len + if second & 0x80 != 0 { 4 } else { 0 };
    let Some(payload) = rest.get(start..) else {
        return Ok(Step::Wait(true));
    };
    let key = &rest[after_len..start];
    let here = payload
        .len()
        .min(usize::try_from(len).unwrap_or(usize::MAX));
    let is_whole = here as u64 == len;
    let payload = masked(&payload[..here], key.try_into().ok());
    if is_control {
        if !is_whole {
            return Ok(Step::Wait(true));
        }
        if opcode != 8 {
            *controls += 1;
        }
        control(verdict, opcode, &payload)?;
        return Ok(Step::Next(start + here));
    }
    *controls = 0;
    let message = open.get_or_insert(Open {
        is_text: opcode == 1,
        is_raw: own_bits != 0 || (opcode == 1 && is_lenient),
        has_told: false,
        len: 0,
        frames: 0,
        bytes: Vec::new(),
    });
    message.frames += 1;
    message.len += len;
    message.bytes.extend(payload);
    message.has_told |= own != 0 && len == 0;
    if message.is_text
        && !message.is_raw
        && let Err(error) = core::str::from_utf8(&message.bytes)
        // Section 8.1: as soon as it is no UTF-8; it is none, too, if it ends inside a character.
        && (error.error_len().is_some() || (is_whole && fin))
    {
        return Err(ProtocolError::InvalidUtf8);
    }
    if !is_whole {
        return Ok(Step::Wait(true));
    }
    if fin
        && let Some(Open {
            is_text,
            is_raw,
            bytes,
            ..
        }) = open.take()
    {
        verdict.seen.push(if is_raw {
            Seen::Raw(is_text, bytes)
        } else if is_text {
            Seen::Text(String::from_utf8(bytes).expect("it was checked"))
        } else {
            Seen::Binary(bytes)
        });
    }
    Ok(Step::Next(start + here))
}

fn control(verdict: &mut Verdict, opcode: u8, payload: &[u8]) -> Result<(), ProtocolError> {
    match opcode {
        // Section 5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in
        // response".
        9 => {
            verdict.seen.push(Seen::Ping(payload.into()));
            verdict.sent.push((0x8a, payload.into()));
        }
        10 => verdict.seen.push(Seen::Pong(payload.into())),
        // Section 5.5.1: "it typically echos the status code it received."
        _ => {
            let (code, reason) = match payload {
                [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
                _ => (1005, &[][..]),
            };
            if !payload.is_empty() && !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(CloseFrameError::InvalidCode(CloseCode::new(code)).into());
            }
            let reason =
                core::str::from_utf8(reason).map_err(|_| CloseFrameError::InvalidReason)?;
            verdict.seen.push(Seen::Close(code, reason.into()));
            verdict
                .sent
                .push((0x88, payload.iter().copied().take(2).collect()));
            verdict.closed = Some(code);
        }
    }
    Ok(())
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(crate) fn rsv(bits: u8) -> Rsv {
    [(4, Rsv::RSV1), (2, Rsv::RSV2), (1, Rsv::RSV3)]
        .into_iter()
        .filter(|(bit, _)| bits & bit != 0)
        .fold(Rsv::NONE, |all, (_, rsv)| all.union(rsv))
}

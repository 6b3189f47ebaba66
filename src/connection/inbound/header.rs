//! Headers: each held against the role, the limits and what came before it, and how its frame is
//! taken.

use super::{Continuation, ControlOpcode, Inbound, MIN_DIRECT, Raw, Stage, Taking};
use crate::error::ProtocolError;
use crate::event::{Chunk, Extent, Payload};
use crate::frame::{
    CloseFrameError, FirstByte, FrameHeader, KEY_LEN, Mask, MaskingKey, MessageKind, Opcode, Rsv,
    mask,
};
use crate::num::{memory_len, wire_len};
use crate::role::Role;

impl Inbound {
    /// Takes a frame that is a whole message, uncompressed and shorter than 64 KiB, if it is what the
    /// input begins with, all of it is there, and nothing is wrong with it. Nothing that the other
    /// way through header and payload would not find as well: this is the shorter one.
    #[inline]
    pub(in crate::connection) fn whole_message<'b, R: Role>(
        &mut self,
        input: &mut &'b mut [u8],
        max_message_len: u64,
    ) -> Option<(MessageKind, &'b mut [u8])> {
        if !matches!(self.stage, Stage::Header)
            || self.message.is_some()
            || !self.spill.is_empty()
            || !self.is_plain
        {
            return None;
        }
        let kind = match input.first()? {
            0x81 => MessageKind::Text,
            0x82 => MessageKind::Binary,
            _ => return None,
        };
        let (len, header_len, key) = short_header::<R>(input)?;
        let limit = self
            .config
            .max_frame_len
            .min(self.max_message_len(max_message_len));
        if wire_len(len) > limit || self.config.max_fragments == 0 {
            return None;
        }
        let payload = split_payload(input, header_len, len)?;
        if let Some(key) = key {
            mask(key, payload);
        }
        self.control_frames = 0;
        self.missing = 0;
        self.message_len = wire_len(len);
        let wire_len = wire_len(header_len).wrapping_add(self.message_len);
        self.wire_len = wire_len;
        self.compression.note_plain();
        self.traffic.add_frame(wire_len);
        self.traffic.messages = self.traffic.messages.wrapping_add(1);
        Some((kind, payload))
    }

    /// The same for a frame that continues a binary message which is open.
    #[inline]
    pub(super) fn whole_continuation<'b, R: Role>(
        &mut self,
        input: &mut &'b mut [u8],
        max_message_len: u64,
    ) -> Option<Continuation<'b>> {
        if !self.spill.is_empty() {
            return None;
        }
        let fin = match input.first()? {
            0x00 => false,
            0x80 => true,
            _ => return None,
        };
        let (len, header_len, key) = short_header::<R>(input)?;
        // What adds nothing goes nowhere, however it comes.
        if len == 0 && !fin {
            return None;
        }
        let message_len = self.message_len.saturating_add(wire_len(len));
        let limit = self.max_message_len(max_message_len);
        if wire_len(len) > self.config.max_frame_len
            || message_len > limit
            || self.fragments >= self.config.max_fragments
        {
            return None;
        }
        let payload = split_payload(input, header_len, len)?;
        self.control_frames = 0;
        self.missing = 0;
        self.fragments = self.fragments.saturating_add(1);
        self.message_len = message_len;
        let wire_len = wire_len(header_len).wrapping_add(wire_len(len));
        self.wire_len = self.wire_len.wrapping_add(wire_len);
        self.traffic.add_frame(wire_len);
        if fin {
            self.end_message();
        }
        Some(Continuation {
            chunk: Chunk {
                first: false,
                last: fin,
                payload: Payload::Binary(payload),
            },
            mask: key.map(Mask::new),
            extent: Extent {
                frame_rest: 0,
                message_rest: if fin {
                    0
                } else {
                    limit.saturating_sub(message_len)
                },
            },
        })
    }

    /// Takes the next header from the input; false if the input ends before it does, or if the
    /// frame is to be left there until it is whole.
    #[inline]
    pub(super) fn header<R: Role>(
        &mut self,
        input: &mut &mut [u8],
        taking: Taking,
    ) -> Result<bool, ProtocolError> {
        if self.spill.is_empty() {
            let judged = self.judge::<R>(input, taking.max_message_len)?;
            self.missing = self.missing_of(judged, input, taking);
            if self.missing > 0 {
                return Ok(false);
            }
            if let Some((header, len)) = judged {
                let _ = input.split_off_mut(..len);
                self.begin(header, len);
                self.check_late(header, input.len(), taking);
                return Ok(true);
            }
        }
        self.cut_header::<R>(input, taking.max_message_len)
    }

    /// Has the text of the frame that has begun checked when it is whole, if that is to be, and if it
    /// is a whole message and more than the input has: then it is put where it belongs like bytes.
    #[inline]
    fn check_late(&mut self, header: FrameHeader, input_len: usize, taking: Taking) {
        self.checks_late = taking.holds_text
            && header.opcode == Opcode::Text
            && header.fin
            && header.payload_len > wire_len(input_len)
            && self.raw.is_none()
            && matches!(self.stage, Stage::Data(_));
        if self.checks_late {
            self.stage = Stage::Data(MessageKind::Binary);
        }
    }

    /// How many bytes more the frame wants that the input begins with, if it is to be left there
    /// until it is whole; 0 if not.
    #[inline]
    fn missing_of(
        &self,
        judged: Option<(FrameHeader, usize)>,
        input: &[u8],
        taking: Taking,
    ) -> usize {
        if taking.max_held == 0 || input.is_empty() {
            return 0;
        }
        let Some((header, header_len)) = judged else {
            // Of a header at least one byte.
            return usize::from(input.len() < taking.max_held);
        };
        let is_text = match header.opcode {
            Opcode::Text => true,
            Opcode::Continuation => self.message == Some(MessageKind::Text),
            _ => false,
        };
        let len = memory_len(header.payload_len).saturating_add(header_len);
        if header.opcode.is_control() || len > taking.max_held || (is_text && !taking.holds_text) {
            return 0;
        }
        let missing = len.saturating_sub(input.len());
        // A fragment has to be copied in any case: what is long is better read to where it belongs.
        let is_whole = header.fin && header.opcode != Opcode::Continuation;
        if !is_whole && !is_text && wire_len(missing) >= MIN_DIRECT {
            return 0;
        }
        // What is compressed may be wrong, or too much, before it is whole.
        let first = FirstByte {
            fin: header.fin,
            rsv: header.rsv.difference(self.reserved_bits),
            opcode: header.opcode,
        };
        if missing > 0 && self.compression.covers(first) {
            return 0;
        }
        missing
    }

    /// Takes the next header from the input when a read has cut it: byte by byte, for it has at
    /// most 14.
    #[cold]
    fn cut_header<R: Role>(
        &mut self,
        input: &mut &mut [u8],
        max_message_len: u64,
    ) -> Result<bool, ProtocolError> {
        while let Some(byte) = input.split_off_first_mut() {
            self.spill.extend(&[*byte]);
            if let Some((header, len)) = self.judge::<R>(&self.spill, max_message_len)? {
                self.spill.clear();
                self.begin(header, len);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decodes a header and holds it against the role, the limits and what came before it, in the
    /// order of its bytes: a cut anywhere finds the same fault, and no masking key is waited for.
    #[inline]
    fn judge<R: Role>(
        &self,
        bytes: &[u8],
        max_message_len: u64,
    ) -> Result<Option<(FrameHeader, usize)>, ProtocolError> {
        let [first, after_first @ ..] = bytes else {
            return Ok(None);
        };
        let first = FirstByte::decode(*first)?;
        // "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values"
        // (section 5.2).
        let others = self.check_reserved_bits(first)?;
        let (fragments, message_len) = match (first.opcode, self.message) {
            // "The fragments of one message MUST NOT be interleaved between the fragments of
            // another message" (section 5.4).
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(ProtocolError::InterleavedMessage);
            }
            // A message begins with "an opcode other than 0" (section 5.4).
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Continuation, Some(_)) => (self.fragments, self.message_len),
            _ => (0, 0),
        };
        let is_data = !first.opcode.is_control();
        if is_data {
            if fragments >= self.config.max_fragments {
                let limit = self.config.max_fragments;
                return Err(ProtocolError::TooManyFragments { limit });
            }
        } else if self.control_frames >= self.config.max_control_frames
            && first.opcode != Opcode::Close
        {
            let limit = self.config.max_control_frames;
            return Err(ProtocolError::TooManyControlFrames { limit });
        }

        let [second, ..] = after_first else {
            return Ok(None);
        };
        match (R::RECEIVES_MASKED, second & 0x80 != 0) {
            // "The server MUST close the connection upon receiving a frame that is not masked"
            // (section 5.1).
            (true, false) if !self.config.leniency.unmasked_frames => {
                return Err(ProtocolError::UnmaskedFrame);
            }
            // "A client MUST close a connection if it detects a masked frame" (section 5.1).
            (false, true) => return Err(ProtocolError::MaskedFrame),
            _ => {}
        }

        let Some(keyless) = first.decode_keyless(after_first)? else {
            return Ok(None);
        };
        let len = keyless.header.payload_len;
        if is_data {
            if len > self.config.max_frame_len {
                let limit = self.config.max_frame_len;
                return Err(ProtocolError::FrameTooLong { len, limit });
            }
            let limit = self.max_message_len(max_message_len);
            if message_len.saturating_add(len) > limit && !self.compression.covers(others) {
                return Err(ProtocolError::MessageTooLong { limit });
            }
        } else if len == 1 && first.opcode == Opcode::Close {
            // "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned
            // integer" (section 5.5.1).
            return Err(CloseFrameError::Truncated.into());
        }
        Ok(keyless.with_key(bytes))
    }

    /// Holds the reserved bits of a frame against what was agreed on; gives it without the bits of the
    /// caller's own extensions.
    #[inline]
    fn check_reserved_bits(&self, first: FirstByte) -> Result<FirstByte, ProtocolError> {
        if first.rsv.is_empty() {
            return Ok(first);
        }
        let own = if first.opcode.is_control() {
            Rsv::NONE
        } else {
            self.reserved_bits
        };
        let others = FirstByte {
            rsv: first.rsv.difference(own),
            ..first
        };
        // "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values"
        // (section 5.2).
        if !others.rsv.is_empty() && !self.compression.may_begin(others) {
            return Err(ProtocolError::ReservedBits(first.rsv));
        }
        Ok(others)
    }

    /// Begins the frame with this header, which was judged and has so many bytes.
    #[inline]
    fn begin(&mut self, header: FrameHeader, header_len: usize) {
        let FrameHeader {
            fin,
            rsv,
            opcode,
            masking_key,
            payload_len,
            ..
        } = header;
        let header_len = wire_len(header_len);
        self.traffic.add_frame(header_len);
        self.remaining = payload_len;
        // A key of zeros masks nothing.
        self.mask = Mask::new(masking_key.unwrap_or(MaskingKey::new([0; 4])));
        let kind = match (opcode, self.message) {
            (Opcode::Close, _) => return self.stage = Stage::Control(ControlOpcode::Close),
            (Opcode::Ping, _) => return self.begin_control(ControlOpcode::Ping),
            (Opcode::Pong, _) => return self.begin_control(ControlOpcode::Pong),
            (Opcode::Text, _) => self.begin_message(MessageKind::Text, rsv),
            // A continuation of nothing was judged to be a fault.
            (Opcode::Binary, _) | (Opcode::Continuation, None) => {
                self.begin_message(MessageKind::Binary, rsv)
            }
            (Opcode::Continuation, Some(kind)) => kind,
        };
        self.fin = fin;
        self.rsv = rsv.intersection(self.reserved_bits);
        self.wire_len = (self.wire_len)
            .wrapping_add(header_len)
            .wrapping_add(payload_len);
        self.control_frames = 0;
        self.fragments = self.fragments.saturating_add(1);
        self.message_len = self.message_len.saturating_add(payload_len);
        self.stage = self.compression.stage(kind);
    }

    /// Begins a Ping or Pong.
    #[inline]
    fn begin_control(&mut self, opcode: ControlOpcode) {
        self.control_frames = self.control_frames.saturating_add(1);
        self.stage = Stage::Control(opcode);
    }

    #[inline]
    fn begin_message(&mut self, kind: MessageKind, rsv: Rsv) -> MessageKind {
        let own = rsv.intersection(self.reserved_bits);
        self.compression.begin(rsv.difference(own));
        let is_raw = !self.is_plain
            && (!self.reserved_bits.is_empty()
                || (kind == MessageKind::Text && self.config.leniency.unchecked_text));
        self.raw = is_raw.then_some(Raw { kind, rsv: own });
        self.wire_len = 0;
        self.message = Some(kind);
        self.first = true;
        self.fragments = 0;
        self.message_len = 0;
        kind
    }
}

/// The length of the payload, that of the header, and the key, of a frame of less than 64 KiB whose
/// header is all there and, behind its first byte, right for this role.
#[inline]
fn short_header<R: Role>(input: &[u8]) -> Option<(usize, usize, Option<MaskingKey>)> {
    let [_, second, rest @ ..] = input else {
        return None;
    };
    if (second & 0x80 != 0) != R::RECEIVES_MASKED {
        return None;
    }
    let (len, keyless_len) = match second & 0x7f {
        len @ 0..=125 => (usize::from(len), 2_usize),
        126 => {
            let len = u16::from_be_bytes(*rest.first_chunk()?);
            if len <= 125 {
                return None;
            }
            (usize::from(len), 4)
        }
        _ => return None,
    };
    if !R::RECEIVES_MASKED {
        return Some((len, keyless_len, None));
    }
    let key = MaskingKey::new(*input.get(keyless_len..)?.first_chunk()?);
    Some((len, keyless_len.saturating_add(KEY_LEN), Some(key)))
}

/// Takes a frame off the input, if all of it is there, and gives its payload.
#[inline]
fn split_payload<'b>(
    input: &mut &'b mut [u8],
    header_len: usize,
    len: usize,
) -> Option<&'b mut [u8]> {
    let frame = input.split_off_mut(..header_len.saturating_add(len))?;
    let (_, payload) = frame.split_at_mut_checked(header_len)?;
    Some(payload)
}

//! The inbound direction: bytes in, chunks and control frames out, every rule judged by the first
//! byte that proves it.

mod compression;
mod header;
#[cfg(feature = "deflate")]
pub(super) mod inflating;

use core::mem;

use compression::Compression;

use crate::config::Config;
use crate::error::ProtocolError;
use crate::event::{Chunk, ControlPayload, Extent, Payload};
use crate::frame::{Mask, MaskingKey, MessageKind, Rsv};
use crate::id::Id;
use crate::num::{memory_len, wire_len};
use crate::role::Role;
use crate::traffic::{MessageCost, Traffic};
use crate::utf8::{InvalidUtf8, Utf8Piece, Utf8Stream};

/// Payload that is read to where it belongs is worth a read of its own from here on.
const MIN_DIRECT: u64 = 16 << 10;

/// What is known of the frames that came in so far. It holds at most the bytes of a cut header or
/// control frame.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, of the frame, the message or the connection"
)]
pub(super) struct Inbound {
    id: Id,
    config: Config,
    /// The limits and the leniency for the messages to come, while an older one is open.
    next_config: Option<Config>,
    /// The bits that extensions of the caller's own use in data frames.
    reserved_bits: Rsv,
    /// Whether short ways may be taken: nothing of the above asks for a look at each message.
    is_plain: bool,
    stage: Stage,
    /// The bytes so far of a header that a read cut, or of a control frame's payload. Never both: a
    /// header is complete before its payload begins.
    spill: ControlPayload,
    /// Of the frame that is open: the bytes of payload to come, the key, FIN.
    remaining: u64,
    mask: Mask,
    fin: bool,
    /// The caller's bits of the open data frame.
    rsv: Rsv,
    /// Of the message that is open: its kind, and what it had until now. Control frames leave these
    /// alone.
    message: Option<MessageKind>,
    first: bool,
    fragments: u32,
    message_len: u64,
    /// What it is handed out as if it is raw; still there when it is whole.
    raw: Option<Raw>,
    utf8: Utf8Stream,
    /// Whether that message is text whose bytes are taken as they are, and checked when they are
    /// whole.
    checks_late: bool,
    /// The Pings and Pongs since the last data frame, or since the caller has reset them.
    control_frames: u32,
    /// How many bytes more the frame wants that the caller was left with, or 0.
    missing: usize,
    /// What the chunk that was just found is still masked by.
    left_masked: Option<Mask>,
    compression: Compression,
    /// What has come so far, and what the newest message took of it.
    traffic: Traffic,
    wire_len: u64,
}

/// A message whose payload is only unmasked: its kind, and the caller's bits of its first frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw {
    pub(super) kind: MessageKind,
    pub(super) rsv: Rsv,
}

/// How much of the input is taken, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking {
    /// Binds beside the configured limit on messages.
    pub(super) max_message_len: u64,
    /// The longest piece of what is not a whole message.
    pub(super) max_piece: usize,
    /// The longest data frame, header included, that is left in the input until it is whole.
    pub(super) max_held: usize,
    /// Whether frames of text are, too.
    pub(super) holds_text: bool,
    /// Whether parts of binary messages stay masked: who copies them does both at once.
    pub(super) leaves_masked: bool,
}

impl Taking {
    /// Takes all there is, in pieces as long as they come.
    pub(super) const ALL: Self = Self {
        max_message_len: u64::MAX,
        max_piece: usize::MAX,
        max_held: 0,
        holds_text: false,
        leaves_masked: false,
    };
}

/// What the next byte of input is.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Of a header.
    Header,
    /// Payload of a data frame.
    Data(MessageKind),
    /// Payload of a data frame, of a message that is compressed.
    #[cfg(feature = "deflate")]
    Compressed(MessageKind),
    /// Payload of a control frame.
    Control(ControlOpcode),
    /// Nothing: the peer's Close has come, or this endpoint has had enough.
    Ended,
    /// Nothing: this is what was wrong.
    Failed(ProtocolError),
}

/// What the receiver found: small, for it is on the path of every message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'b> {
    Chunk(Chunk<'b>),
    /// Payload to be [inflated](Inbound::inflate), maybe none.
    #[cfg(feature = "deflate")]
    Compressed(MessageKind),
    /// A control frame is whole; [`Inbound::take_control_payload`] has its payload.
    Control(ControlOpcode),
}

/// What goes on with a binary message, of which the caller has had a part already: a whole frame, or
/// payload of the open one. It is as it came.
#[derive(Debug)]
pub(super) struct Continuation<'b> {
    pub(super) chunk: Chunk<'b>,
    pub(super) mask: Option<Mask>,
    pub(super) extent: Extent,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ControlOpcode {
    Close,
    Ping,
    Pong,
}

impl Inbound {
    pub(super) fn new(config: Config) -> Self {
        Self {
            id: Id::next(),
            config,
            next_config: None,
            reserved_bits: Rsv::NONE,
            is_plain: !config.leniency.unchecked_text,
            stage: Stage::Header,
            spill: ControlPayload::empty(),
            remaining: 0,
            mask: Mask::new(MaskingKey::new([0; 4])),
            fin: true,
            rsv: Rsv::NONE,
            message: None,
            first: true,
            fragments: 0,
            message_len: 0,
            raw: None,
            utf8: Utf8Stream::new(),
            checks_late: false,
            control_frames: 0,
            missing: 0,
            left_masked: None,
            compression: Compression::new(),
            traffic: Traffic::NONE,
            wire_len: 0,
        }
    }

    /// Lets data frames carry these bits of extensions of the caller's own.
    pub(super) fn allow_reserved_bits(&mut self, bits: Rsv) {
        self.reserved_bits = bits;
        self.note_plain();
    }

    /// Takes other limits and another leniency, for the messages that begin from now on.
    pub(super) fn set_config(&mut self, config: Config) {
        if self.message.is_some() {
            self.next_config = Some(config);
        } else {
            self.config = config;
            self.next_config = None;
        }
        self.note_plain();
    }

    fn note_plain(&mut self) {
        self.is_plain = self.next_config.is_none()
            && self.reserved_bits.is_empty()
            && !self.config.leniency.unchecked_text;
    }

    /// The number of the message, or of the frame between messages, that has begun and is not whole.
    pub(super) fn receiving(&self) -> Option<u64> {
        if self.has_ended() || !self.has_begun() {
            return None;
        }
        // Even numbers for messages and odd ones for frames: neither stands for two in turn.
        let frames = self.traffic.frames;
        Some(match self.stage {
            _ if self.message.is_some() => self.traffic.messages.wrapping_shl(1),
            // Its header is counted already.
            Stage::Control(_) => frames.wrapping_sub(1).wrapping_shl(1) | 1,
            _ => frames.wrapping_shl(1) | 1,
        })
    }

    /// Whether a message, or a frame between messages, has begun and is not whole.
    fn has_begun(&self) -> bool {
        // A header that was cut, a frame that waits in an inbox, or a control frame.
        self.message.is_some()
            || !self.spill.is_empty()
            || self.missing > 0
            || matches!(self.stage, Stage::Control(_))
    }

    /// What has come so far.
    #[inline]
    pub(super) const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// What the message took that is open, or else was the last one.
    #[inline]
    pub(super) fn cost(&self) -> MessageCost {
        let inflated = self.compression.inflated_len();
        MessageCost {
            compressed: inflated.is_some(),
            wire_len: self.wire_len,
            len: match inflated {
                Some(len) => len,
                None => self.message_len,
            },
        }
    }

    /// What the message that was just completed is handed out as, if it is raw.
    #[inline]
    pub(super) const fn raw(&self) -> Option<Raw> {
        self.raw
    }

    /// The open message is whole.
    #[inline]
    fn end_message(&mut self) {
        self.message = None;
        self.traffic.messages = self.traffic.messages.wrapping_add(1);
        if !self.is_plain
            && let Some(config) = self.next_config.take()
        {
            self.config = config;
            self.note_plain();
        }
    }

    /// Takes input until something is found, and moves the cursor past what it took.
    #[inline]
    pub(super) fn receive<'b, R: Role>(
        &mut self,
        input: &mut &'b mut [u8],
        taking: Taking,
    ) -> Result<Option<Found<'b>>, ProtocolError> {
        loop {
            let step = match self.stage {
                Stage::Header => match self.header::<R>(input, taking) {
                    Ok(true) => continue,
                    Ok(false) => return Ok(None),
                    Err(error) => Err(error),
                },
                Stage::Data(kind) => self.data::<R>(kind, input, taking),
                #[cfg(feature = "deflate")]
                Stage::Compressed(kind) => return Ok(Some(Found::Compressed(kind))),
                Stage::Control(opcode) => Ok(self.control::<R>(opcode, input)),
                // "an endpoint MUST NOT continue to attempt to process data [...] from the
                // remote endpoint after being instructed to _Fail the WebSocket Connection_"
                // (section 7.1.7), nor after a Close (section 5.5.1).
                Stage::Ended => {
                    *input = &mut [];
                    return Ok(None);
                }
                Stage::Failed(error) => Err(error),
            };
            match step {
                // Nothing to tell: a fragment without payload, or a character that is not complete.
                // On to the next frame.
                Ok(None) if !input.is_empty() => {}
                Err(error) => return Err(self.fail(error, input)),
                step => return step,
            }
        }
    }

    /// Makes a [whole message](Self::whole_message) what was found.
    #[inline]
    pub(super) fn found_whole<'b>(
        &mut self,
        (kind, payload): (MessageKind, &'b mut [u8]),
        input: &mut &mut [u8],
    ) -> Result<Option<Found<'b>>, ProtocolError> {
        self.first = true;
        self.deliver(kind, None, payload, true)
            .map_err(|error| self.fail(error, input))
    }

    /// Reads no more input, because of `error`.
    #[cold]
    pub(super) fn fail(&mut self, error: ProtocolError, input: &mut &mut [u8]) -> ProtocolError {
        self.stage = Stage::Failed(error);
        self.missing = 0;
        *input = &mut [];
        error
    }

    /// Reads no more input. An error that was found stays.
    pub(super) fn end(&mut self) {
        self.missing = 0;
        if !matches!(self.stage, Stage::Failed(_)) {
            self.stage = Stage::Ended;
        }
    }

    /// Counts Pings and Pongs anew.
    pub(super) fn reset_control_frames(&mut self) {
        self.control_frames = 0;
    }

    /// Whether a fault was found, even if what was valid before it is still being handed out.
    #[inline]
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Failed(_))
    }

    /// Whether nothing more is read, because of a fault or not.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended | Stage::Failed(_))
    }

    /// Whether the input so far ends inside a frame or inside a fragmented message.
    pub(super) fn is_inside_message(&self) -> bool {
        self.has_begun()
    }

    /// The number of the connection.
    #[inline]
    pub(super) const fn id(&self) -> Id {
        self.id
    }

    /// The kind and the length of what the assembler has to hold: the start of the open message, as
    /// far as it was handed out. Text whose check is to come is held as bytes.
    #[inline]
    pub(super) fn part(&self) -> Option<(MessageKind, u64)> {
        let kind = self.message?;
        if self.first {
            return None;
        }
        // What is to come of a control frame is none of the message.
        let to_come = match self.stage {
            Stage::Control(_) => 0,
            _ => self.remaining,
        };
        let len = self.message_len.saturating_sub(to_come);
        if kind == MessageKind::Binary && !self.compression.is_open() {
            return Some((MessageKind::Binary, len));
        }
        let kind = match kind {
            MessageKind::Text if !self.checks_late && self.raw.is_none() => MessageKind::Text,
            _ => MessageKind::Binary,
        };
        let len = self.compression.inflated_len().unwrap_or(len);
        Some((kind, len.saturating_sub(self.utf8.carried_len())))
    }

    /// Whether the open message is text that is checked when it is whole.
    pub(super) const fn checks_late(&self) -> bool {
        self.checks_late
    }

    /// What may follow the chunk that was just found.
    pub(super) fn extent(&self, max_message_len: u64) -> Extent {
        #[cfg(feature = "deflate")]
        if self.compression.is_open() {
            return self.inflated_extent(max_message_len);
        }
        let frame_rest = self.remaining.saturating_add(self.utf8.carried_len());
        let other_frames = if self.fin {
            0
        } else {
            self.max_message_len(max_message_len)
                .saturating_sub(self.message_len)
        };
        Extent {
            frame_rest,
            message_rest: frame_rest.saturating_add(other_frames),
        }
    }

    /// Whether the message that was just taken is text, though it came as bytes.
    #[inline]
    pub(super) fn take_late_check(&mut self) -> bool {
        mem::take(&mut self.checks_late)
    }

    /// How many bytes more the frame wants that the last call has left in the input.
    #[inline]
    pub(super) const fn missing(&self) -> usize {
        self.missing
    }

    #[inline]
    fn max_message_len(&self, max_message_len: u64) -> u64 {
        self.config.max_message_len.min(max_message_len)
    }

    /// Takes what comes next of a binary message whose parts are put together, if its start was found
    /// before. Nothing that [`receive`](Self::receive) would not find as well: this is the shorter
    /// way.
    #[inline]
    pub(super) fn continuation<'b, R: Role>(
        &mut self,
        input: &mut &'b mut [u8],
        max_message_len: u64,
    ) -> Option<Continuation<'b>> {
        if self.message != Some(MessageKind::Binary) || self.first || self.compression.is_open() {
            return None;
        }
        match self.stage {
            Stage::Header => self.whole_continuation::<R>(input, max_message_len),
            Stage::Data(_) => self.more_payload::<R>(input, max_message_len),
            _ => None,
        }
    }

    /// Takes what the input has of the open frame's payload, if there is any.
    #[inline]
    fn more_payload<'b, R: Role>(
        &mut self,
        input: &mut &'b mut [u8],
        max_message_len: u64,
    ) -> Option<Continuation<'b>> {
        let mask = R::RECEIVES_MASKED.then(|| self.mask.clone());
        let payload = self.take_masked(input, usize::MAX);
        if payload.is_empty() {
            return None;
        }
        self.mask.skip(payload.len());
        let frame_rest = self.remaining;
        let last = frame_rest == 0 && self.fin;
        if frame_rest == 0 {
            self.stage = Stage::Header;
        }
        if last {
            self.end_message();
        }
        let other_frames = if self.fin {
            0
        } else {
            self.max_message_len(max_message_len)
                .saturating_sub(self.message_len)
        };
        Some(Continuation {
            chunk: Chunk {
                first: false,
                last,
                payload: Payload::Binary(payload),
            },
            mask,
            extent: Extent {
                frame_rest,
                message_rest: frame_rest.saturating_add(other_frames),
            },
        })
    }

    /// Takes payload of a data frame from the input.
    #[inline]
    fn data<'b, R: Role>(
        &mut self,
        kind: MessageKind,
        input: &mut &'b mut [u8],
        taking: Taking,
    ) -> Result<Option<Found<'b>>, ProtocolError> {
        let has_all = self.remaining <= wire_len(input.len());
        let is_whole = self.first && self.fin && has_all;
        let bytes = if R::RECEIVES_MASKED
            && taking.leaves_masked
            && kind == MessageKind::Binary
            && !is_whole
        {
            self.left_masked = Some(self.mask.clone());
            let bytes = self.take_masked(input, usize::MAX);
            self.mask.skip(bytes.len());
            bytes
        } else {
            self.left_masked = None;
            let max_len = if is_whole {
                usize::MAX
            } else {
                taking.max_piece
            };
            self.take::<R>(input, max_len)
        };
        let mut last = false;
        if self.remaining == 0 {
            self.stage = Stage::Header;
            if self.fin {
                self.end_message();
                last = true;
            }
        }
        let raw = self.raw.map(|_| self.rsv);
        self.deliver(kind, raw, bytes, last)
    }

    /// Makes payload of a data frame a chunk, the last one of its message if `last`. Of a raw message it
    /// has the caller's bits.
    #[inline]
    fn deliver<'b>(
        &mut self,
        kind: MessageKind,
        raw: Option<Rsv>,
        bytes: &'b [u8],
        mut last: bool,
    ) -> Result<Option<Found<'b>>, ProtocolError> {
        let payload = match (raw, kind) {
            (Some(rsv), kind) => Payload::Raw { kind, rsv, bytes },
            (None, MessageKind::Binary) => Payload::Binary(bytes),
            (None, MessageKind::Text) => {
                let (Utf8Piece { carried, text }, valid) = self.push_text(bytes, last);
                if !valid {
                    last = false;
                    // What was valid is still handed out, so that the outcome does not hang on
                    // where the reads cut.
                    self.stage = Stage::Failed(ProtocolError::InvalidUtf8);
                    if carried.is_none() && text.is_empty() {
                        return Err(ProtocolError::InvalidUtf8);
                    }
                }
                Payload::Text { carried, text }
            }
        };
        // A frame without payload may still have bits to tell of.
        let has_bits = raw.is_some_and(|rsv| !rsv.is_empty()) && self.remaining == 0;
        if payload.is_empty() && !last && !has_bits {
            return Ok(None);
        }
        let first = mem::replace(&mut self.first, false);
        Ok(Some(Found::Chunk(Chunk {
            first,
            last,
            payload,
        })))
    }

    /// Takes bytes of a text message, the last ones if `last`; says whether they are valid.
    #[inline]
    fn push_text<'t>(&mut self, bytes: &'t [u8], last: bool) -> (Utf8Piece<'t>, bool) {
        match self.utf8.push(bytes) {
            // "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte
            // stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail the WebSocket
            // Connection_" (section 8.1).
            Err(InvalidUtf8 { valid }) => (valid, false),
            Ok(piece) => (piece, !last || self.utf8.is_complete()),
        }
    }

    /// The payload to come that may be read to where it belongs: that of a binary message, if there
    /// is enough of it. Gives how it lies in its message, and whether it is the first of it.
    pub(super) fn awaits_payload(&self, max_message_len: u64) -> Option<(Extent, bool)> {
        match self.stage {
            Stage::Data(MessageKind::Binary) if self.remaining >= MIN_DIRECT => {
                Some((self.extent(max_message_len), self.first))
            }
            _ => None,
        }
    }

    /// Whether the message ends with the next `len` bytes of payload.
    pub(super) fn ends_with(&self, len: usize) -> bool {
        self.fin && self.remaining == wire_len(len)
    }

    /// Takes `len` bytes of payload that were read to where they belong.
    pub(super) fn count_payload(&mut self, len: usize) {
        self.traffic.bytes = self.traffic.bytes.wrapping_add(wire_len(len));
        self.remaining = self.remaining.saturating_sub(wire_len(len));
        self.first = false;
        if self.remaining == 0 {
            self.stage = Stage::Header;
            if self.fin {
                self.end_message();
            }
        }
    }

    /// Unmasks payload that lies where it belongs.
    pub(super) fn unmask<R: Role>(&mut self, payload: &mut [u8]) {
        if R::RECEIVES_MASKED {
            self.mask.apply(payload);
        }
    }

    /// Takes payload of a control frame from the input; the frame is found when it is whole.
    fn control<'b, R: Role>(
        &mut self,
        opcode: ControlOpcode,
        input: &mut &'b mut [u8],
    ) -> Option<Found<'b>> {
        let bytes = self.take::<R>(input, usize::MAX);
        self.spill.extend(bytes);
        if self.remaining > 0 {
            return None;
        }
        self.stage = Stage::Header;
        Some(Found::Control(opcode))
    }

    /// The payload of the control frame that was just found.
    pub(super) fn take_control_payload(&mut self) -> ControlPayload {
        mem::replace(&mut self.spill, ControlPayload::empty())
    }

    /// What the chunk that was just found is still masked by.
    #[inline]
    pub(super) fn take_left_masked(&mut self) -> Option<Mask> {
        self.left_masked.take()
    }

    /// Takes what the input has of the open frame's payload, at most `max_len` bytes.
    #[inline]
    fn take<'b, R: Role>(&mut self, input: &mut &'b mut [u8], max_len: usize) -> &'b mut [u8] {
        let bytes = self.take_masked(input, max_len);
        if R::RECEIVES_MASKED {
            self.mask.apply(bytes);
        }
        bytes
    }

    /// The same, but as it came.
    #[inline]
    fn take_masked<'b>(&mut self, input: &mut &'b mut [u8], max_len: usize) -> &'b mut [u8] {
        let len = memory_len(self.remaining).min(input.len()).min(max_len);
        let bytes = input.split_off_mut(..len).unwrap_or_default();
        self.remaining = self.remaining.saturating_sub(wire_len(len));
        self.traffic.bytes = self.traffic.bytes.wrapping_add(wire_len(len));
        bytes
    }
}

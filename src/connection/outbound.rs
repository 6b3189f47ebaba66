//! The outbound direction: frames in their order, never one inside another.

use crate::error::SendError;
use crate::fragment::Fragment;
use crate::frame::{
    EncodedHeader, FirstByte, FrameHeader, KEY_LEN, Mask, MaskingKey, MessageKind, Opcode, Rsv,
};
use crate::id::Id;
use crate::num::{self, wire_len};
use crate::output::{Output, OutputFull};
use crate::role::Role;
use crate::traffic::{MessageCost, Traffic};

/// State of the send direction.
#[derive(Debug)]
pub(super) struct Outbound {
    /// What tells a chunk buffer whose bytes it holds.
    id: Id,
    /// Bytes of payload that the streamed frame lacks.
    remaining: u64,
    /// The mask of the streamed frame.
    mask: Mask,
    /// The kind of the open message.
    message: Option<MessageKind>,
    /// What a chunk buffer holds of the open message.
    held: Held,
    /// The reserved bits that belong to the caller's extensions.
    own_bits: Rsv,
    /// Totals of all frames.
    sent: Traffic,
    /// Whether the newest message, which may be open, is compressed.
    is_compressed: bool,
    /// Bytes of its frames so far.
    newest_wire_len: u64,
    /// Bytes of itself so far.
    newest_len: u64,
}

/// What a chunk buffer holds of the open message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Its first bytes: no frame of it has gone out.
    Start,
    /// Bytes behind those that went out.
    Rest,
}

/// A data frame that may go out now, without its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataFrame {
    pub(super) kind: MessageKind,
    pub(super) first: FirstByte,
}

impl Outbound {
    pub(super) fn new(own_bits: Rsv) -> Self {
        Self {
            id: Id::next(),
            remaining: 0,
            mask: Mask::new(MaskingKey::new([0; 4])),
            message: None,
            held: Held::Nothing,
            own_bits,
            sent: Traffic::NONE,
            is_compressed: false,
            newest_wire_len: 0,
            newest_len: 0,
        }
    }

    /// Checks that the caller streams no frame.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOpen`] while it does.
    #[inline]
    pub(super) const fn ensure_no_open_frame(&self) -> Result<(), SendError> {
        match self.remaining {
            0 => Ok(()),
            remaining => Err(SendError::FrameOpen { remaining }),
        }
    }

    /// Returns the data frame that may go out now.
    ///
    /// # Errors
    ///
    /// - [`SendError::FrameOpen`]: the caller streams a frame.
    /// - [`SendError::MessageOpen`]: the frame begins a message, but one is open.
    /// - [`SendError::NoMessageOpen`]: the frame continues a message, but none is open.
    /// - [`SendError::WrongKind`]: the open message is of the other kind.
    /// - [`SendError::ChunksHeld`]: a chunk buffer holds bytes of it that go first.
    #[inline]
    pub(super) fn next_frame(
        &self,
        kind: MessageKind,
        fragment: Fragment,
    ) -> Result<DataFrame, SendError> {
        self.frame_at(kind, fragment, false)
    }

    /// Returns the data frame that may go out now with the bytes that a chunk buffer holds.
    ///
    /// # Errors
    ///
    /// As [`next_frame`](Self::next_frame), without [`SendError::ChunksHeld`].
    pub(super) fn next_buffered_frame(
        &self,
        kind: MessageKind,
        fragment: Fragment,
    ) -> Result<DataFrame, SendError> {
        self.frame_at(kind, fragment, true)
    }

    #[inline]
    fn frame_at(
        &self,
        kind: MessageKind,
        fragment: Fragment,
        has_held: bool,
    ) -> Result<DataFrame, SendError> {
        self.ensure_no_open_frame()?;
        let opcode = match (self.message, fragment.is_first()) {
            (None, true) => kind.opcode(),
            // "a single frame with the FIN bit clear and an opcode other than 0, followed by zero or
            // more frames with the FIN bit clear and the opcode set to 0" (section 5.4).
            (None, false) => return Err(SendError::NoMessageOpen),
            // "The fragments of one message MUST NOT be interleaved between the fragments of another
            // message" (section 5.4).
            (Some(_), true) => return Err(SendError::MessageOpen),
            (Some(open), false) if open != kind => return Err(SendError::WrongKind),
            (Some(_), false) => match self.held {
                Held::Nothing => Opcode::Continuation,
                _ if !has_held => return Err(SendError::ChunksHeld),
                Held::Start => kind.opcode(),
                Held::Rest => Opcode::Continuation,
            },
        };
        Ok(DataFrame {
            kind,
            first: FirstByte {
                fin: fragment.is_last(),
                rsv: Rsv::NONE,
                opcode,
            },
        })
    }

    /// Returns the frame that carries the held bytes alone, if there are any.
    pub(super) fn held_frame(&self) -> Option<DataFrame> {
        if self.held == Held::Nothing {
            return None;
        }
        self.frame_at(self.message?, Fragment::Middle, true).ok()
    }

    /// Notes that a chunk buffer holds bytes of the message that `frame` is of, which begins if none
    /// is open. Returns the owner of the bytes.
    pub(super) const fn hold(&mut self, frame: DataFrame, is_compressed: bool) -> Id {
        if self.message.is_none() {
            self.message = Some(frame.kind);
            self.is_compressed = is_compressed;
            self.newest_wire_len = 0;
            self.newest_len = 0;
            self.held = Held::Start;
        } else if matches!(self.held, Held::Nothing) {
            self.held = Held::Rest;
        }
        self.id
    }

    /// Returns the owner of the bytes that a chunk buffer holds of this connection, or none.
    pub(super) fn held_owner(&self) -> Id {
        if self.held == Held::Nothing {
            Id::NONE
        } else {
            self.id
        }
    }

    /// Notes that the held bytes have gone out, in the last frame of their message if `fin`.
    pub(super) const fn held_sent(&mut self, fin: bool) {
        self.held = Held::Nothing;
        if fin {
            self.message = None;
        }
    }

    /// Returns the data frame that may go out now with these reserved bits and a payload that the
    /// engine does not compress.
    ///
    /// # Errors
    ///
    /// As [`next_frame`](Self::next_frame) and [`ensure_raw`](Self::ensure_raw).
    #[inline]
    pub(super) fn next_raw_frame(
        &self,
        kind: MessageKind,
        rsv: Rsv,
        fragment: Fragment,
    ) -> Result<DataFrame, SendError> {
        let mut frame = self.next_frame(kind, fragment)?;
        self.ensure_raw(rsv)?;
        frame.first.rsv = rsv;
        Ok(frame)
    }

    /// Checks that a frame with these bits may go out here with a payload that is not compressed.
    ///
    /// # Errors
    ///
    /// - [`SendError::CompressedMessage`]: the open message is compressed.
    /// - [`SendError::ReservedBits`]: no extension of the caller's uses these bits.
    #[inline]
    pub(super) const fn ensure_raw(&self, rsv: Rsv) -> Result<(), SendError> {
        if self.is_inside_compressed() {
            return Err(SendError::CompressedMessage);
        }
        // "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values"
        // (section 5.2).
        if !self.own_bits.contains(rsv) {
            return Err(SendError::ReservedBits(rsv));
        }
        Ok(())
    }

    /// Whether the open message is compressed.
    #[inline]
    pub(super) const fn is_inside_compressed(&self) -> bool {
        self.message.is_some() && self.is_compressed
    }

    /// Whether a message is open.
    #[cfg(feature = "deflate")]
    #[inline]
    pub(super) const fn is_inside_message(&self) -> bool {
        self.message.is_some()
    }

    /// Puts a data frame whose payload lies in parts and is not compressed.
    ///
    /// # Errors
    ///
    /// [`SendError::OutputFull`].
    #[inline]
    pub(super) fn put_data<R: Role, const N: usize>(
        &mut self,
        role: &mut R,
        frame: DataFrame,
        payload: [&[u8]; N],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let len = total_len(&payload);
        let wire_len = make_room::<R>(len, out)?;
        self.data_sent(
            frame,
            MessageCost {
                compressed: false,
                wire_len,
                len: num::wire_len(len),
            },
        );
        put_frame(role, frame.first, payload, out);
        Ok(())
    }

    /// Puts a data frame of a compressed message: `len` bytes of it, compressed.
    ///
    /// # Errors
    ///
    /// [`SendError::OutputFull`].
    #[cfg(feature = "deflate")]
    pub(super) fn put_compressed<R: Role>(
        &mut self,
        role: &mut R,
        mut frame: DataFrame,
        len: u64,
        compressed: &[u8],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        // The bit stands in the first frame of a compressed message: "An endpoint MUST NOT set the
        // "Per-Message Compressed" bit of control frames and non-first fragments of a data message."
        // (RFC 7692, section 6.1)
        if frame.first.opcode != Opcode::Continuation {
            frame.first.rsv = Rsv::RSV1;
        }
        let wire_len = make_room::<R>(compressed.len(), out)?;
        self.data_sent(
            frame,
            MessageCost {
                compressed: true,
                wire_len,
                len,
            },
        );
        put_frame(role, frame.first, [compressed], out);
        Ok(())
    }

    /// Puts a control frame.
    ///
    /// # Errors
    ///
    /// [`SendError::OutputFull`].
    #[inline]
    pub(super) fn put_control<R: Role>(
        &mut self,
        role: &mut R,
        opcode: Opcode,
        payload: &[u8],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let first = FirstByte {
            fin: true,
            rsv: Rsv::NONE,
            opcode,
        };
        let wire_len = make_room::<R>(payload.len(), out)?;
        self.frame_sent(wire_len);
        put_frame(role, first, [payload], out);
        Ok(())
    }

    /// Counts a frame, or the header of a frame whose payload is counted as it goes.
    #[inline]
    const fn frame_sent(&mut self, wire_len: u64) {
        // No connection lives to see 2^64 bytes.
        self.sent.bytes = self.sent.bytes.wrapping_add(wire_len);
        self.sent.frames = self.sent.frames.wrapping_add(1);
    }

    /// Notes the start of a data frame, and what its message costs by it.
    #[inline]
    fn data_started(&mut self, frame: DataFrame, cost: MessageCost) {
        self.frame_sent(cost.wire_len);
        if frame.first.opcode == Opcode::Continuation {
            self.newest_wire_len = self.newest_wire_len.wrapping_add(cost.wire_len);
            self.newest_len = self.newest_len.wrapping_add(cost.len);
            if frame.first.fin {
                self.message = None;
            }
        } else {
            self.newest_wire_len = cost.wire_len;
            self.newest_len = cost.len;
            self.is_compressed = cost.compressed;
            if !frame.first.fin {
                self.message = Some(frame.kind);
            }
        }
    }

    /// Notes a data frame that has gone out.
    #[inline]
    pub(super) fn data_sent(&mut self, frame: DataFrame, cost: MessageCost) {
        self.data_started(frame, cost);
        if frame.first.fin {
            self.message_sent();
        }
    }

    /// Counts a message that is complete.
    #[inline]
    const fn message_sent(&mut self) {
        self.sent.messages = self.sent.messages.wrapping_add(1);
    }

    /// Returns the totals of all frames.
    pub(super) const fn sent(&self) -> Traffic {
        self.sent
    }

    /// Returns the cost of the newest message.
    pub(super) const fn newest(&self) -> MessageCost {
        MessageCost {
            compressed: self.is_compressed,
            wire_len: self.newest_wire_len,
            len: self.newest_len,
        }
    }

    /// Begins a frame whose payload the caller sends.
    #[inline]
    pub(super) fn start_frame<R: Role>(
        &mut self,
        role: &mut R,
        frame: DataFrame,
        payload_len: u64,
    ) -> EncodedHeader {
        let masking_key = role.masking_key();
        let FirstByte { fin, rsv, opcode } = frame.first;
        let header = FrameHeader {
            fin,
            rsv,
            opcode,
            masking_key,
            payload_len,
        }
        .encode_valid();
        self.remaining = payload_len;
        if let Some(key) = masking_key {
            self.mask = Mask::new(key);
        }
        self.data_started(
            frame,
            MessageCost {
                compressed: false,
                wire_len: wire_len(header.as_bytes().len()),
                len: 0,
            },
        );
        if fin && payload_len == 0 {
            self.message_sent();
        }
        header
    }

    /// Returns the bytes that the open frame lacks behind the next `len` bytes of payload.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOverrun`] when it lacks fewer.
    #[inline]
    fn remaining_after(&self, len: u64) -> Result<u64, SendError> {
        let remaining = self.remaining;
        remaining
            .checked_sub(len)
            .ok_or(SendError::FrameOverrun { remaining })
    }

    /// Counts payload of the open frame.
    pub(super) fn count_payload(&mut self, len: u64) -> Result<(), SendError> {
        let remaining = self.remaining_after(len)?;
        let is_last = remaining == 0 && self.remaining > 0;
        self.remaining = remaining;
        self.sent.bytes = self.sent.bytes.wrapping_add(len);
        self.newest_wire_len = self.newest_wire_len.wrapping_add(len);
        self.newest_len = self.newest_len.wrapping_add(len);
        // No message stays open behind a frame with FIN.
        if is_last && self.message.is_none() {
            self.message_sent();
        }
        Ok(())
    }

    /// Masks the next payload of the open frame.
    pub(super) fn mask_payload(&mut self, payload: &mut [u8]) -> Result<(), SendError> {
        self.count_payload(wire_len(payload.len()))?;
        self.mask.apply(payload);
        Ok(())
    }

    /// Puts the next payload of the open frame into the output.
    pub(super) fn put_payload<R: Role>(
        &mut self,
        payload: &[u8],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let needed = payload.len();
        let _ = self.remaining_after(wire_len(needed))?;
        out.make_room(needed)
            .map_err(|_| SendError::OutputFull { needed })?;
        self.count_payload(wire_len(needed))?;
        if R::RECEIVES_MASKED {
            out.put(payload);
        } else {
            out.put_masked(payload, &mut self.mask);
        }
        Ok(())
    }
}

/// Returns the length of a frame that this role sends, in bytes.
#[inline]
pub(super) const fn frame_len<R: Role>(payload_len: usize) -> usize {
    let header_len = match payload_len {
        0..=125 => 2_usize,
        126..=0xffff => 4,
        _ => 10,
    };
    let key_len = if R::RECEIVES_MASKED { 0 } else { KEY_LEN };
    header_len
        .saturating_add(key_len)
        .saturating_add(payload_len)
}

/// Returns the length of a payload that lies in parts, in bytes.
#[inline]
pub(super) fn total_len(payload: &[&[u8]]) -> usize {
    payload
        .iter()
        .fold(0, |len: usize, part| len.saturating_add(part.len()))
}

/// Makes room for a frame; returns its length on the wire, in bytes. From here on it goes out: it is
/// counted before its payload is copied, and a key is drawn for no other.
///
/// # Errors
///
/// [`SendError::OutputFull`] when there is no room for it.
#[inline]
fn make_room<R: Role>(payload_len: usize, out: &mut impl Output) -> Result<u64, SendError> {
    let needed = frame_len::<R>(payload_len);
    match out.make_room(needed) {
        Ok(()) => Ok(wire_len(needed)),
        Err(OutputFull) => Err(SendError::OutputFull { needed }),
    }
}

/// Makes room for two frames with payloads of these lengths.
///
/// # Errors
///
/// [`SendError::OutputFull`] when there is no room for both.
pub(super) fn make_room_for_two<R: Role>(
    one: usize,
    other: usize,
    out: &mut impl Output,
) -> Result<(), SendError> {
    let needed = frame_len::<R>(one).saturating_add(frame_len::<R>(other));
    out.make_room(needed)
        .map_err(|_| SendError::OutputFull { needed })
}

/// Puts a frame into the room that was [made](make_room) for it; its payload lies in parts.
#[inline]
fn put_frame<R: Role, const N: usize>(
    role: &mut R,
    first: FirstByte,
    payload: [&[u8]; N],
    out: &mut impl Output,
) {
    let payload_len = total_len(&payload);
    let first = first.encode();
    match role.masking_key() {
        None => {
            put_header(first, payload_len, out);
            for part in payload {
                out.put(part);
            }
        }
        Some(key) => {
            put_masked_header(first, payload_len, key, out);
            let mut mask = Mask::new(key);
            for part in payload {
                out.put_masked(part, &mut mask);
            }
        }
    }
}

/// Puts a header without a key. Of a short frame it is one part whose length the compiler knows, for
/// such a frame is little else.
#[inline]
fn put_header(first: u8, payload_len: usize, out: &mut impl Output) {
    if let Ok(len @ 0..=125) = u8::try_from(payload_len) {
        out.put(&[first, len]);
    } else if let Ok(len) = u16::try_from(payload_len) {
        let [high, low] = len.to_be_bytes();
        out.put(&[first, 0x7e, high, low]);
    } else {
        out.put(&[first, 0x7f]);
        out.put(&wire_len(payload_len).to_be_bytes());
    }
}

/// Puts a header with its key, as [`put_header`] does one without.
#[inline]
fn put_masked_header(first: u8, payload_len: usize, key: MaskingKey, out: &mut impl Output) {
    let [k0, k1, k2, k3] = key.bytes();
    if let Ok(len @ 0..=125) = u8::try_from(payload_len) {
        out.put(&[first, 0x80 | len, k0, k1, k2, k3]);
    } else if let Ok(len) = u16::try_from(payload_len) {
        let [high, low] = len.to_be_bytes();
        out.put(&[first, 0xfe, high, low, k0, k1, k2, k3]);
    } else {
        out.put(&[first, 0xff]);
        out.put(&wire_len(payload_len).to_be_bytes());
        out.put(&key.bytes());
    }
}

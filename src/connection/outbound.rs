//! The outbound direction: frames in their order, never one inside another.

use crate::error::SendError;
use crate::frame::{
    EncodedHeader, FrameHeader, KEY_LEN, Mask, MaskingKey, MessageKind, Opcode, Rsv,
};
use crate::num::wire_len;
use crate::output::Output;
use crate::role::Role;

/// What is known of the frames that went out so far.
#[derive(Debug)]
pub(super) struct Outbound {
    /// Of the frame that the caller streams: the bytes of payload to come, and the key.
    remaining: u64,
    mask: Mask,
    /// The kind of the fragmented message that is open.
    message: Option<MessageKind>,
    /// Whether that message is compressed.
    #[cfg(feature = "deflate")]
    is_compressed: bool,
}

impl Outbound {
    pub(super) const fn new() -> Self {
        Self {
            remaining: 0,
            mask: Mask::new(MaskingKey::new([0; 4])),
            message: None,
            #[cfg(feature = "deflate")]
            is_compressed: false,
        }
    }

    /// Whether a frame may begin here.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOpen`] while the caller streams one.
    #[inline]
    pub(super) const fn between_frames(&self) -> Result<(), SendError> {
        match self.remaining {
            0 => Ok(()),
            remaining => Err(SendError::FrameOpen { remaining }),
        }
    }

    /// Whether a message may begin here.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOpen`], or [`SendError::MessageOpen`] between the fragments of one.
    #[inline]
    pub(super) fn between_messages(&self) -> Result<(), SendError> {
        self.between_frames()?;
        if self.message.is_some() {
            Err(SendError::MessageOpen)
        } else {
            Ok(())
        }
    }

    /// Whether a chunk may go out here: the first of a message begins it, every other goes on.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOpen`]; [`SendError::MessageOpen`] for a first chunk inside a message, and
    /// [`SendError::NoMessageOpen`] for another one outside.
    pub(super) fn takes_chunk(&self, first: bool) -> Result<(), SendError> {
        if first {
            return self.between_messages();
        }
        self.between_frames()?;
        if self.message.is_none() {
            return Err(SendError::NoMessageOpen);
        }
        Ok(())
    }

    /// The opcode of the next frame of a message of this kind.
    pub(super) fn next_opcode(&self, kind: MessageKind) -> Result<Opcode, SendError> {
        match self.message {
            None => Ok(kind.opcode()),
            Some(open) if open == kind => Ok(Opcode::Continuation),
            Some(_) => Err(SendError::WrongKind),
        }
    }

    /// A frame of a message of this kind has gone out.
    pub(super) fn fragment_sent(&mut self, kind: MessageKind, fin: bool) {
        self.message = if fin { None } else { Some(kind) };
    }

    /// Whether a frame with this opcode continues a message that is compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn continues_compressed(&self, opcode: Opcode) -> bool {
        opcode == Opcode::Continuation && self.is_compressed
    }

    /// Keeps whether the message that is open is compressed.
    #[cfg(feature = "deflate")]
    pub(super) fn note_compression(&mut self, is_compressed: bool) {
        self.is_compressed = is_compressed;
    }

    /// Begins a frame whose payload the caller sends.
    #[inline]
    pub(super) fn start_frame<R: Role>(
        &mut self,
        role: &mut R,
        header: FrameHeader,
    ) -> EncodedHeader {
        let masking_key = role.masking_key();
        self.remaining = header.payload_len;
        if let Some(key) = masking_key {
            self.mask = Mask::new(key);
        }
        FrameHeader {
            masking_key,
            ..header
        }
        .encode_valid()
    }

    /// Counts payload of the open frame.
    pub(super) fn count_payload(&mut self, len: u64) -> Result<(), SendError> {
        match self.remaining.checked_sub(len) {
            Some(remaining) => {
                self.remaining = remaining;
                Ok(())
            }
            None => Err(SendError::FrameOverrun {
                remaining: self.remaining,
            }),
        }
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
        let before = self.remaining;
        self.count_payload(wire_len(payload.len()))?;
        let needed = payload.len();
        if out.make_room(needed).is_err() {
            self.remaining = before;
            return Err(SendError::OutputFull { needed });
        }
        if R::RECEIVES_MASKED {
            out.put(payload);
        } else {
            out.put_masked(payload, &mut self.mask);
        }
        Ok(())
    }
}

/// Puts a frame into the output, whole or not at all.
///
/// # Errors
///
/// [`SendError::OutputFull`] when there is no room for it.
#[inline]
pub(super) fn put_frame<R: Role>(
    role: &mut R,
    fin: bool,
    rsv: Rsv,
    opcode: Opcode,
    payload: &[u8],
    out: &mut impl Output,
) -> Result<(), SendError> {
    put_frame_of(role, fin, rsv, opcode, [payload], out)
}

/// As [`put_frame`], of a payload that lies in parts.
#[inline]
pub(super) fn put_frame_of<R: Role, const N: usize>(
    role: &mut R,
    fin: bool,
    rsv: Rsv,
    opcode: Opcode,
    payload: [&[u8]; N],
    out: &mut impl Output,
) -> Result<(), SendError> {
    let payload_len = payload
        .iter()
        .fold(0_usize, |len, part| len.saturating_add(part.len()));
    let header_len = match payload_len {
        0..=125 => 2_usize,
        126..=0xffff => 4,
        _ => 10,
    };
    // Room comes first: a key is drawn only for a frame that goes out.
    let key_len = if R::RECEIVES_MASKED { 0 } else { KEY_LEN };
    let needed = header_len
        .saturating_add(key_len)
        .saturating_add(payload_len);
    out.make_room(needed)
        .map_err(|_| SendError::OutputFull { needed })?;
    let fin = if fin { 0x80 } else { 0 };
    let first = fin | rsv.bits() << 4 | opcode.bits();
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
    Ok(())
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

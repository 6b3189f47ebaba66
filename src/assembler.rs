//! Whole messages from chunks, in storage that belongs to the caller.

use arrayvec::{ArrayString, ArrayVec};

use crate::error::ProtocolError;
use crate::event::{Chunk, Extent, Message, Payload};
use crate::frame::{Mask, MessageKind};
use crate::num::{memory_len, wire_len};

/// How much may be reserved because a header declares it, before any of it has come.
#[cfg(feature = "alloc")]
const RESERVE_CAP: usize = 64 << 10;

/// The least room that a read gets in storage that grows, unless the frame lacks less.
#[cfg(feature = "alloc")]
const MIN_ROOM: usize = 4 << 10;

/// Holds a message that reads or frames have cut, until it is complete.
///
/// The storage `S` decides where: [`Growing`] on the heap, [`Fixed`] inside the assembler,
/// [`Borrowed`] in a slice of the caller's. The storage is kept from message to message. Between
/// messages an assembler belongs to no connection, so that a few of them can serve many: see
/// [`is_idle`](Self::is_idle).
///
/// # Examples
///
/// ```
/// use websocket_proto::{Assembler, Fixed};
///
/// // Messages of at most 256 bytes, without a heap.
/// let mut messages: Assembler<Fixed<256>> = Assembler::fixed();
/// assert_eq!(messages.max_len(), 256);
/// ```
#[cfg_attr(
    not(feature = "alloc"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "what is on the heap is not there without it"
    )
)]
#[derive(Debug)]
pub struct Assembler<S> {
    /// Whether the start of a message is held.
    open: bool,
    storage: S,
}

/// Where an [`Assembler`] keeps a message. The implementations are this crate's own.
pub trait Storage: sealed::Storage {}

#[expect(unnameable_types, reason = "only this crate implements storage")]
pub(crate) mod sealed {
    use crate::event::{Message, Payload};
    use crate::frame::{Mask, MessageKind};

    /// There is no room, or no memory, for what was to be stored.
    #[derive(Debug)]
    pub struct Full;

    pub trait Storage {
        /// The longest message that can ever be held, in bytes.
        fn max_len(&self) -> usize;

        /// Forgets what is held and becomes ready for a message of this kind.
        fn start(&mut self, kind: MessageKind);

        /// Adds to the message. `frame_rest` bytes are declared to follow, `message_rest` at most.
        fn append(
            &mut self,
            payload: &Payload<'_>,
            mask: Option<Mask>,
            frame_rest: usize,
            message_rest: usize,
        ) -> Result<(), Full>;

        /// The kind of what is held, and how many bytes.
        fn held(&self) -> (MessageKind, usize);

        /// Room behind what is held, of at most `frame_rest` bytes, that may be read into; nothing
        /// where there is none to lend.
        fn room(&mut self, _frame_rest: usize, _message_rest: usize) -> Option<&mut [u8]> {
            None
        }

        /// The next `len` bytes of the room hold what was read: they belong to the message now.
        fn advance(&mut self, _len: usize) -> Option<&mut [u8]> {
            None
        }

        /// What is held.
        fn message(&self) -> Message<'_>;
    }
}

use sealed::Full;

impl<S: Storage> Assembler<S> {
    /// The longest message that the storage can hold, in bytes; one that grows has no limit of its
    /// own.
    pub fn max_len(&self) -> usize {
        self.storage.max_len()
    }

    /// Whether no unfinished message is held: the assembler may serve another connection.
    pub fn is_idle(&self) -> bool {
        !self.open
    }

    /// Forgets what is held, an unfinished message too, and keeps the storage.
    pub fn clear(&mut self) {
        self.open = false;
        self.storage.start(MessageKind::Binary);
    }

    /// Adds a chunk, which lies so in its message; a binary one may still be masked.
    pub(crate) fn push(
        &mut self,
        chunk: &Chunk<'_>,
        mask: Option<Mask>,
        extent: Extent,
    ) -> Result<(), ProtocolError> {
        if chunk.first {
            self.storage.start(stored_as(&chunk.payload));
        }
        self.open = !chunk.last;
        self.storage
            .append(
                &chunk.payload,
                mask,
                memory_len(extent.frame_rest),
                memory_len(extent.message_rest),
            )
            .map_err(|Full| ProtocolError::StorageFull)
    }

    /// Room for a message of this kind that lies so, behind what is held of it.
    pub(crate) fn room(
        &mut self,
        kind: MessageKind,
        first: bool,
        extent: Extent,
    ) -> Option<&mut [u8]> {
        if first {
            self.storage.start(kind);
        }
        self.storage.room(
            memory_len(extent.frame_rest),
            memory_len(extent.message_rest),
        )
    }

    /// Takes over `len` bytes that were read into the room, to be unmasked there; nothing if the room
    /// has fewer.
    pub(crate) fn advance(&mut self, len: usize, last: bool) -> Option<&mut [u8]> {
        let bytes = self.storage.advance(len)?;
        self.open = !last;
        Some(bytes)
    }

    /// Whether `part` is held, the kind and the length of the start of a message, and nothing if there
    /// is none.
    ///
    /// It is not if the assembler is another connection's, was cleared, or `receive` has passed it by.
    #[inline]
    pub(crate) fn holds(&self, part: Option<(MessageKind, u64)>) -> bool {
        match part {
            None => !self.open,
            Some((kind, len)) => {
                let (held_kind, held) = self.storage.held();
                self.open && held_kind == kind && wire_len(held) == len
            }
        }
    }

    /// The message that is held.
    pub(crate) fn message(&self) -> Message<'_> {
        self.storage.message()
    }
}

/// The kind that payload is stored as: what is raw is bytes.
const fn stored_as(payload: &Payload<'_>) -> MessageKind {
    match payload {
        Payload::Text { .. } => MessageKind::Text,
        Payload::Binary(_) | Payload::Raw { .. } => MessageKind::Binary,
    }
}

/// Storage on the heap, which grows with what arrives.
///
/// What a header declares is reserved only up to 64 KiB before it comes; from there the storage
/// doubles, to the limit on messages at most. It keeps its size until [`Assembler::shrink_to`].
#[cfg(feature = "alloc")]
#[derive(Debug)]
pub struct Growing(Buffer);

/// One allocation, as text or as bytes: it turns from one to the other while empty, which costs
/// nothing.
#[cfg(feature = "alloc")]
#[derive(Debug)]
enum Buffer {
    Text(alloc::string::String),
    /// The message is the first `len` bytes; those behind it were set once, so that they need not be
    /// set again to be read into.
    Binary {
        bytes: alloc::vec::Vec<u8>,
        len: usize,
    },
}

#[cfg(feature = "alloc")]
impl Buffer {
    const EMPTY: Self = Self::Binary {
        bytes: alloc::vec::Vec::new(),
        len: 0,
    };
}

#[cfg(feature = "alloc")]
impl Default for Assembler<Growing> {
    /// Storage on the heap; nothing is allocated before a message needs it.
    fn default() -> Self {
        Self {
            open: false,
            storage: Growing(Buffer::EMPTY),
        }
    }
}

#[cfg(feature = "alloc")]
impl Assembler<Growing> {
    /// How many bytes the storage has room for without growing.
    pub fn capacity(&self) -> usize {
        match &self.storage.0 {
            Buffer::Text(text) => text.capacity(),
            Buffer::Binary { bytes, .. } => bytes.capacity(),
        }
    }

    /// Gives memory beyond `capacity` bytes back, so that one large message does not hold it for
    /// good.
    ///
    /// Does nothing where there is no more than that, nor while an unfinished message is held, so it
    /// may be called after every read.
    pub fn shrink_to(&mut self, capacity: usize) {
        if self.is_idle() {
            self.clear();
            if let Buffer::Binary { bytes, .. } = &mut self.storage.0 {
                bytes.truncate(capacity);
                bytes.shrink_to(capacity);
            }
        }
    }
}

#[cfg(feature = "alloc")]
impl Storage for Growing {}

#[cfg(feature = "alloc")]
impl sealed::Storage for Growing {
    fn max_len(&self) -> usize {
        usize::MAX
    }

    fn start(&mut self, kind: MessageKind) {
        let mut bytes = match core::mem::replace(&mut self.0, Buffer::EMPTY) {
            Buffer::Text(text) => text.into_bytes(),
            Buffer::Binary { bytes, .. } => bytes,
        };
        self.0 = match kind {
            MessageKind::Text => {
                // No bytes are text.
                bytes.clear();
                Buffer::Text(alloc::string::String::from_utf8(bytes).unwrap_or_default())
            }
            MessageKind::Binary => Buffer::Binary { bytes, len: 0 },
        };
    }

    fn append(
        &mut self,
        payload: &Payload<'_>,
        mask: Option<Mask>,
        frame_rest: usize,
        message_rest: usize,
    ) -> Result<(), Full> {
        let len = payload.len();
        match (&mut self.0, *payload) {
            (Buffer::Text(buffer), Payload::Text { carried, text }) => {
                if buffer.capacity().saturating_sub(buffer.len()) < len {
                    let extra = growth(buffer.len(), len, frame_rest, message_rest);
                    buffer.try_reserve_exact(extra).map_err(|_| Full)?;
                }
                buffer.extend(carried);
                buffer.push_str(text);
            }
            (
                Buffer::Binary {
                    bytes: buffer,
                    len: held,
                },
                Payload::Binary(bytes) | Payload::Raw { bytes, .. },
            ) => {
                let end = held.saturating_add(len);
                if let Some(room) = buffer.get_mut(*held..end) {
                    copy_unmasked(bytes, mask, room);
                } else {
                    buffer.truncate(*held);
                    if buffer.capacity().saturating_sub(*held) < len {
                        let extra = growth(*held, len, frame_rest, message_rest);
                        buffer.try_reserve_exact(extra).map_err(|_| Full)?;
                    }
                    match mask {
                        Some(mut mask) => mask.copy(bytes, |part| buffer.extend_from_slice(part)),
                        None => buffer.extend_from_slice(bytes),
                    }
                }
                *held = end;
            }
            // The caller of this has seen to the kind.
            _ => return Err(Full),
        }
        Ok(())
    }

    fn held(&self) -> (MessageKind, usize) {
        match &self.0 {
            Buffer::Text(text) => (MessageKind::Text, text.len()),
            Buffer::Binary { len, .. } => (MessageKind::Binary, *len),
        }
    }

    fn room(&mut self, frame_rest: usize, message_rest: usize) -> Option<&mut [u8]> {
        let Buffer::Binary { bytes, len } = &mut self.0 else {
            // Text cannot be read into before it was checked.
            return None;
        };
        // Beyond what may be reserved at once, room that is left is used up first. Making more at
        // every call would reallocate at every read.
        let wanted = RESERVE_CAP
            .saturating_sub(*len)
            .max(MIN_ROOM)
            .min(frame_rest);
        if bytes.len().saturating_sub(*len) < wanted {
            // As much as is held, whichever frames it is to come in: the storage doubles.
            let extra = growth(*len, 0, frame_rest, message_rest);
            if bytes.capacity().saturating_sub(*len) < wanted {
                let end = len.saturating_add(extra);
                bytes
                    .try_reserve_exact(end.saturating_sub(bytes.len()))
                    .ok()?;
            }
            // Only what this frame may fill has to be set.
            let set = len
                .saturating_add(extra.min(frame_rest))
                .min(bytes.capacity());
            bytes.resize(set.max(bytes.len()), 0);
        }
        let end = bytes.len().min(len.saturating_add(frame_rest));
        bytes.get_mut(*len..end)
    }

    fn advance(&mut self, more: usize) -> Option<&mut [u8]> {
        let Buffer::Binary { bytes, len } = &mut self.0 else {
            return None;
        };
        let (begin, end) = (*len, len.saturating_add(more));
        let read = bytes.get_mut(begin..end)?;
        *len = end;
        Some(read)
    }

    fn message(&self) -> Message<'_> {
        match &self.0 {
            Buffer::Text(text) => Message::Text(text),
            Buffer::Binary { bytes, len } => Message::Binary(bytes.get(..*len).unwrap_or_default()),
        }
    }
}

/// How much room to make for `len` bytes behind `held` ones.
///
/// Doubling keeps the work linear; what the frame declares saves copies, but counts only up to a
/// cap before it has come; and nothing is reserved that the message may not need.
#[cfg(feature = "alloc")]
fn growth(held: usize, len: usize, frame_rest: usize, message_rest: usize) -> usize {
    let declared = len.saturating_add(frame_rest).min(RESERVE_CAP);
    held.max(len)
        .max(declared)
        .min(len.saturating_add(message_rest))
}

/// Storage inside the assembler, for messages of at most `N` bytes. It needs no heap.
#[derive(Debug)]
pub struct Fixed<const N: usize>(FixedBuffer<N>);

#[derive(Debug)]
enum FixedBuffer<const N: usize> {
    Text(ArrayString<N>),
    Binary(ArrayVec<u8, N>),
}

impl<const N: usize> Assembler<Fixed<N>> {
    /// Storage inside the assembler.
    pub const fn fixed() -> Self {
        Self {
            open: false,
            storage: Fixed(FixedBuffer::Binary(ArrayVec::new_const())),
        }
    }
}

impl<const N: usize> Storage for Fixed<N> {}

impl<const N: usize> sealed::Storage for Fixed<N> {
    fn max_len(&self) -> usize {
        N
    }

    fn start(&mut self, kind: MessageKind) {
        self.0 = match kind {
            MessageKind::Text => FixedBuffer::Text(ArrayString::new()),
            MessageKind::Binary => FixedBuffer::Binary(ArrayVec::new()),
        };
    }

    fn append(
        &mut self,
        payload: &Payload<'_>,
        mask: Option<Mask>,
        _frame_rest: usize,
        _message_rest: usize,
    ) -> Result<(), Full> {
        match (&mut self.0, *payload) {
            (FixedBuffer::Text(buffer), Payload::Text { carried, text }) => {
                if let Some(char) = carried {
                    buffer.try_push(char).map_err(|_| Full)?;
                }
                buffer.try_push_str(text).map_err(|_| Full)
            }
            (FixedBuffer::Binary(buffer), Payload::Binary(bytes) | Payload::Raw { bytes, .. }) => {
                let held = buffer.len();
                buffer.try_extend_from_slice(bytes).map_err(|_| Full)?;
                if let Some(mut mask) = mask {
                    mask.apply(buffer.get_mut(held..).unwrap_or_default());
                }
                Ok(())
            }
            // The caller of this has seen to the kind.
            _ => Err(Full),
        }
    }

    fn held(&self) -> (MessageKind, usize) {
        match &self.0 {
            FixedBuffer::Text(text) => (MessageKind::Text, text.len()),
            FixedBuffer::Binary(bytes) => (MessageKind::Binary, bytes.len()),
        }
    }

    fn message(&self) -> Message<'_> {
        match &self.0 {
            FixedBuffer::Text(text) => Message::Text(text),
            FixedBuffer::Binary(bytes) => Message::Binary(bytes),
        }
    }
}

/// Storage in a slice of the caller's, for messages of at most its length. It needs no heap.
///
/// Safe code cannot keep text in a slice of bytes and remember that it was checked: a cut text
/// message is checked once more when it is lent whole.
#[derive(Debug)]
pub struct Borrowed<'s> {
    slice: &'s mut [u8],
    len: usize,
    kind: MessageKind,
}

impl<'s> Assembler<Borrowed<'s>> {
    /// Storage in `slice`.
    pub const fn in_slice(slice: &'s mut [u8]) -> Self {
        Self {
            open: false,
            storage: Borrowed {
                slice,
                len: 0,
                kind: MessageKind::Binary,
            },
        }
    }
}

impl Storage for Borrowed<'_> {}

impl sealed::Storage for Borrowed<'_> {
    fn max_len(&self) -> usize {
        self.slice.len()
    }

    fn start(&mut self, kind: MessageKind) {
        self.len = 0;
        self.kind = kind;
    }

    fn append(
        &mut self,
        payload: &Payload<'_>,
        mask: Option<Mask>,
        _frame_rest: usize,
        _message_rest: usize,
    ) -> Result<(), Full> {
        match *payload {
            Payload::Text { carried, text } => {
                if let Some(char) = carried {
                    self.copy_in(char.encode_utf8(&mut [0; 4]).as_bytes(), None)?;
                }
                self.copy_in(text.as_bytes(), None)
            }
            Payload::Binary(bytes) | Payload::Raw { bytes, .. } => self.copy_in(bytes, mask),
        }
    }

    fn held(&self) -> (MessageKind, usize) {
        (self.kind, self.len)
    }

    fn room(&mut self, frame_rest: usize, _message_rest: usize) -> Option<&mut [u8]> {
        if self.kind == MessageKind::Text {
            return None;
        }
        let end = self.slice.len().min(self.len.saturating_add(frame_rest));
        self.slice.get_mut(self.len..end)
    }

    fn advance(&mut self, more: usize) -> Option<&mut [u8]> {
        if self.kind == MessageKind::Text {
            return None;
        }
        let (begin, end) = (self.len, self.len.saturating_add(more));
        let read = self.slice.get_mut(begin..end)?;
        self.len = end;
        Some(read)
    }

    fn message(&self) -> Message<'_> {
        let bytes = self.slice.get(..self.len).unwrap_or_default();
        match self.kind {
            // Only text was copied in.
            MessageKind::Text => Message::Text(core::str::from_utf8(bytes).unwrap_or_default()),
            MessageKind::Binary => Message::Binary(bytes),
        }
    }
}

impl Borrowed<'_> {
    fn copy_in(&mut self, bytes: &[u8], mask: Option<Mask>) -> Result<(), Full> {
        let room = self.slice.get_mut(self.len..).unwrap_or_default();
        copy_unmasked(bytes, mask, room.get_mut(..bytes.len()).ok_or(Full)?);
        self.len = self.len.saturating_add(bytes.len());
        Ok(())
    }
}

/// Copies bytes to where they belong, unmasked on the way there if they are masked.
fn copy_unmasked(bytes: &[u8], mask: Option<Mask>, mut room: &mut [u8]) {
    let mut put = |part: &[u8]| {
        if let Some(front) = room.split_off_mut(..part.len()) {
            front.copy_from_slice(part);
        }
    };
    match mask {
        Some(mut mask) => mask.copy(bytes, put),
        None => put(bytes),
    }
}

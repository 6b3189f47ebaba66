//! A buffer that gathers the chunks of a message, so that it goes on in a few frames.

use crate::error::SendError;
use crate::frame::Rsv;
use crate::id::Id;

/// A buffer that gathers the chunks of a message into frames, for a relay.
///
/// [`Connection::send_chunk`](crate::Connection::send_chunk) makes a frame of every chunk. Chunks
/// follow the reads, so a relay with short reads would send a long message in very many frames,
/// which the far end may [refuse](crate::Config::max_fragments).
/// [`Connection::send_buffered`](crate::Connection::send_buffered) keeps short chunks here until the
/// buffer is full or the message ends. A message of `n` bytes takes at most one frame more than
/// buffers of bytes: `n` divided by the buffer's length, rounded up, plus one.
///
/// The buffer `B` is anything that lends bytes: an array, a slice, a `Vec` with a length. It holds
/// bytes of one connection at a time. While it [is idle](Self::is_idle) it belongs to none, so one
/// buffer can serve several connections whose messages do not overlap. (A target without atomic
/// operations cannot tell connections apart.)
#[derive(Debug)]
pub struct ChunkBuffer<B> {
    buffer: B,
    /// Bytes of the buffer that are held.
    len: usize,
    /// The reserved bits that the held bytes came with.
    rsv: Rsv,
    /// The connection that the held bytes belong to.
    owner: Id,
}

impl<B: AsMut<[u8]>> ChunkBuffer<B> {
    /// Gathers in this buffer; a few KiB are a good size.
    pub const fn new(buffer: B) -> Self {
        Self {
            buffer,
            len: 0,
            rsv: Rsv::NONE,
            owner: Id::NONE,
        }
    }

    /// Whether no chunk is held: the buffer may serve another connection.
    pub fn is_idle(&self) -> bool {
        self.owner == Id::NONE
    }

    /// Returns the number of held bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no bytes are held.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Forgets what is held of a connection that has closed.
    ///
    /// A connection that is still open has lost the held bytes then. It refuses the rest of the
    /// message with [`SendError::WrongBuffer`]: close it.
    pub const fn clear(&mut self) {
        self.len = 0;
        self.owner = Id::NONE;
    }

    /// Checks that the buffer holds bytes of this connection, or none if this is [`Id::NONE`].
    ///
    /// # Errors
    ///
    /// [`SendError::WrongBuffer`].
    pub(crate) fn ensure_holds_of(&self, owner: Id) -> Result<(), SendError> {
        if self.owner == owner {
            Ok(())
        } else {
            Err(SendError::WrongBuffer)
        }
    }

    /// Whether the buffer has room for `len` bytes more with these bits.
    pub(crate) fn has_room(&mut self, len: usize, rsv: Rsv) -> bool {
        (self.is_idle() || self.rsv == rsv)
            && self.len.saturating_add(len) <= self.buffer.as_mut().len()
    }

    /// Holds bytes of this connection for which it [has room](Self::has_room).
    pub(crate) fn push(&mut self, parts: [&[u8]; 2], rsv: Rsv, owner: Id) {
        self.owner = owner;
        self.rsv = rsv;
        for part in parts {
            let room = self.buffer.as_mut().get_mut(self.len..).unwrap_or_default();
            if let Some(room) = room.get_mut(..part.len()) {
                room.copy_from_slice(part);
                self.len = self.len.saturating_add(part.len());
            }
        }
    }

    /// The held bytes.
    pub(crate) fn held(&mut self) -> &[u8] {
        self.buffer.as_mut().get(..self.len).unwrap_or_default()
    }

    /// The reserved bits that the held bytes came with.
    pub(crate) const fn rsv(&self) -> Rsv {
        self.rsv
    }

    /// The most bytes that it can hold.
    pub(crate) fn max_len(&mut self) -> usize {
        self.buffer.as_mut().len()
    }
}

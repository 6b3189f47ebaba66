//! The read buffer of a connection whose messages are wanted whole: as few copies as there can be.

use core::mem;
use core::ops::Range;

#[cfg(feature = "alloc")]
use crate::assembler::Growing;
use crate::assembler::{Assembler, Storage};
use crate::error::Misuse;
#[cfg(feature = "alloc")]
use crate::frame::MAX_HEADER;
use crate::id::Id;

/// What is moved to the front of the buffer without a second thought: that is cheaper than a read of
/// what little room there is behind it.
const MOVED_FREELY: usize = 4096;

/// How much is read where nothing says how much there is: it stays in the nearest cache until it is
/// looked at.
const READ: usize = (16 << 10) + 14;

/// How much has to be read into storage until it is looked at, if there is room for as much: less is not
/// worth the way there.
const STORED: usize = 4096;

/// A read buffer and storage for messages, for the quickest way to whole messages.
///
/// A frame that a read has cut stays in the buffer until it is whole, and nothing is done for the
/// bytes that come until then, be it one by one. What does not fit is read to where it belongs, if it
/// is long and binary, and goes through the [`Assembler`] if not; so does what is compressed, which may
/// be wrong, or too much, before it is whole. Hand the room that
/// [`Connection::read_room`](crate::Connection::read_room) gives to the transport, say how much came
/// by [`filled`](Self::filled), then call
/// [`Connection::receive_from`](crate::Connection::receive_from) until it gives `None`.
///
/// The buffer `B` is anything that lends bytes: [`new`](Self::new) makes one on the heap, and
/// [`with_buffer`](Self::with_buffer) takes the caller's. Between frames an inbox belongs to no
/// connection, so that a few of them can serve many: see [`is_idle`](Self::is_idle).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use std::io::Read;
/// use websocket_proto::{Config, Connection, Inbox, Incoming, Message, Negotiated, Server};
///
/// let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
/// let mut inbox = Inbox::new(64 << 10);
/// let mut out = Vec::new();
/// let mut stream = &b"\x82\x83\0\0\0\0abc\x81\x82\0\0\0\0hi"[..];
/// let mut lens = Vec::new();
/// loop {
///     let read = stream.read(conn.read_room(&mut inbox)?)?;
///     if read == 0 {
///         break;
///     }
///     inbox.filled(read)?;
///     while let Some(incoming) = conn.receive_from(&mut inbox, &mut out)? {
///         if let Incoming::Message(message) = incoming {
///             lens.push(message.as_bytes().len());
///         }
///     }
/// }
/// assert_eq!(lens, [3, 2]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(
    not(feature = "alloc"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "what is on the heap is not there without it"
    )
)]
#[derive(Debug)]
pub struct Inbox<B, S> {
    read: ReadBuffer<B>,
    /// Whether the room that was lent last is the assembler's, how much of it was filled, and how much
    /// of it is to be until it makes sense to look at it.
    lends_storage: bool,
    stored: usize,
    stored_wanted: usize,
    holds_text: bool,
    /// How far the room that was lent last goes, as `read.end` or `stored` says how far it is filled.
    lent_until: usize,
    /// The connection that was the last to be lent room.
    owner: Id,
    assembler: Assembler<S>,
}

/// A buffer, and what was read into it.
#[derive(Debug)]
struct ReadBuffer<B> {
    buffer: B,
    /// What was read and not yet taken is from here to there.
    begin: usize,
    end: usize,
    /// How far the buffer has to be filled until it makes sense to look at it.
    wanted: usize,
}

#[cfg(feature = "alloc")]
impl Inbox<alloc::vec::Vec<u8>, Growing> {
    /// A buffer on the heap that holds a whole frame with `payload_len` bytes of payload, and an
    /// assembler that grows.
    ///
    /// 64 KiB are a good size for a busy connection: most reads are shorter, and longer ones leave
    /// the caches.
    pub fn new(payload_len: usize) -> Self {
        let len = payload_len.saturating_add(MAX_HEADER);
        Self::with_buffer(alloc::vec![0; len], Assembler::default())
    }
}

impl<B: AsMut<[u8]>, S: Storage> Inbox<B, S> {
    /// Reads into this buffer, which may not be empty, and keeps in this assembler what does not fit.
    pub const fn with_buffer(buffer: B, assembler: Assembler<S>) -> Self {
        Self {
            read: ReadBuffer {
                buffer,
                begin: 0,
                end: 0,
                wanted: 0,
            },
            lends_storage: false,
            stored: 0,
            stored_wanted: 0,
            holds_text: false,
            lent_until: 0,
            owner: Id::NONE,
            assembler,
        }
    }

    /// Begins with the bytes of the buffer in this range: such as those behind the head of the opening
    /// handshake, in the buffer that was used for that.
    ///
    /// Call [`receive_from`](crate::Connection::receive_from) before reading more, because the range
    /// may leave no room.
    ///
    /// # Errors
    ///
    /// [`Misuse::RoomOverrun`]: the range ends behind the buffer, or before it begins.
    pub fn with_unread(mut self, bytes: Range<usize>) -> Result<Self, Misuse> {
        let read = &mut self.read;
        let room = read.buffer.as_mut().len();
        if bytes.start > bytes.end || bytes.end > room {
            let filled = bytes.end.max(bytes.start);
            return Err(Misuse::RoomOverrun { filled, room });
        }
        read.begin = bytes.start;
        read.end = bytes.end;
        Ok(self)
    }

    /// Whether frames of text stay in the buffer, too, until they are whole: they do not by default.
    ///
    /// It is quicker, for text has to be checked in any case, and one check is done at once then. But
    /// text that is not UTF-8 is noticed only when its frame is whole; otherwise by the first byte
    /// that shows it.
    #[must_use]
    pub fn hold_text(mut self, holds_text: bool) -> Self {
        self.holds_text = holds_text;
        self
    }

    /// Takes over the first `len` bytes of the [room](crate::Connection::read_room) that was lent
    /// last, into which they were read.
    ///
    /// # Errors
    ///
    /// [`Misuse::RoomOverrun`]: the room had fewer bytes. Nothing was taken over.
    #[inline]
    pub fn filled(&mut self, len: usize) -> Result<(), Misuse> {
        let filled = if self.lends_storage {
            &mut self.stored
        } else {
            &mut self.read.end
        };
        let room = self.lent_until.saturating_sub(*filled);
        if len > room {
            return Err(Misuse::RoomOverrun { filled: len, room });
        }
        *filled = filled.saturating_add(len);
        Ok(())
    }

    /// Whether nothing is held, neither bytes nor the start of a message: the inbox may serve
    /// another connection.
    ///
    /// Until then a call for another connection gives [`Misuse::WrongInbox`], or no message. (A target without
    /// atomic operations cannot tell connections apart.)
    pub fn is_idle(&self) -> bool {
        self.read.is_empty() && self.stored == 0 && self.assembler.is_idle()
    }

    /// Forgets what is held, of a connection that has ended inside a frame or message, and keeps the
    /// memory.
    pub fn clear(&mut self) {
        self.read.clear();
        self.stored = 0;
        self.lent_until = 0;
        self.owner = Id::NONE;
        self.assembler.clear();
    }

    /// The assembler, to give memory back say.
    pub fn assembler(&mut self) -> &mut Assembler<S> {
        &mut self.assembler
    }

    /// Whether what is held, if anything, is of the connection with this number.
    ///
    /// # Errors
    ///
    /// [`Misuse::WrongInbox`] if it is another's.
    #[inline]
    pub(crate) fn belongs_to(&self, connection: Id) -> Result<(), Misuse> {
        if self.owner == connection || self.owner == Id::NONE || self.is_idle() {
            Ok(())
        } else {
            Err(Misuse::WrongInbox)
        }
    }

    /// Lends the connection with this number the room that `room_of` finds in the assembler, behind
    /// what was read into it, or else room in the buffer.
    ///
    /// # Errors
    ///
    /// [`Misuse::InboxFull`]: there is no room, and no read of 0 bytes is to pass for the end.
    #[inline]
    pub(crate) fn lend<'m>(
        &'m mut self,
        connection: Id,
        room_of: impl FnOnce(&'m mut Assembler<S>) -> Option<&'m mut [u8]>,
    ) -> Result<&'m mut [u8], Misuse> {
        self.owner = connection;
        // What is in the buffer comes before what would be read into the storage.
        if self.read.is_empty()
            && let Some(room) = room_of(&mut self.assembler)
            && let Some(rest) = room.get_mut(self.stored..)
            && !rest.is_empty()
        {
            self.lends_storage = true;
            self.stored_wanted = self.stored.saturating_add(rest.len()).min(STORED);
            self.lent_until = self.stored.saturating_add(rest.len());
            return Ok(rest);
        }
        // What is there of it, if anything, has to be looked at before the buffer.
        self.lends_storage = false;
        self.stored_wanted = 0;
        let (room, until) = self.read.lend();
        self.lent_until = until;
        if room.is_empty() {
            return Err(Misuse::InboxFull);
        }
        Ok(room)
    }

    /// Whether what is held waits for more.
    #[inline]
    pub(crate) const fn waits(&self) -> bool {
        self.read.waits() || (self.stored > 0 && self.stored < self.stored_wanted)
    }

    /// How many bytes of payload were read into the room of the assembler, if there are any: they come
    /// before what is in the buffer.
    #[inline]
    pub(crate) fn take_stored(&mut self) -> Option<usize> {
        let stored = mem::take(&mut self.stored);
        if stored == 0 {
            return None;
        }
        self.lent_until = 0;
        Some(stored)
    }

    /// What the buffer has, for the connection with this number.
    #[inline]
    pub(crate) fn input(&mut self, connection: Id) -> Input<'_, S> {
        self.owner = connection;
        // What was lent was lent for one read.
        self.lent_until = 0;
        let ReadBuffer {
            buffer,
            begin,
            end,
            wanted,
        } = &mut self.read;
        let buffer = buffer.as_mut();
        let max_held = buffer.len();
        Input {
            bytes: buffer.get_mut(*begin..*end).unwrap_or_default(),
            begin,
            end: *end,
            wanted,
            max_held,
            holds_text: self.holds_text,
            assembler: &mut self.assembler,
        }
    }
}

impl<B: AsMut<[u8]>> ReadBuffer<B> {
    const fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    fn clear(&mut self) {
        self.begin = 0;
        self.end = 0;
        self.wanted = 0;
    }

    #[inline]
    const fn waits(&self) -> bool {
        self.end < self.wanted
    }

    /// Room behind what was read, and where it ends: as much as the frame wants that is held, or more.
    #[inline]
    fn lend(&mut self) -> (&mut [u8], usize) {
        if self.begin > 0 {
            self.move_to_front();
        }
        let buffer = self.buffer.as_mut();
        let until = self.wanted.max(READ);
        // Where more than that is held, as nothing was received yet, the rest of the buffer is room.
        let until = if self.end < until {
            until
        } else {
            buffer.len()
        };
        let until = until.min(buffer.len());
        let room = buffer.get_mut(self.end..until).unwrap_or_default();
        (room, until)
    }

    /// Moves what is held to the front of the buffer, if that pays or has to be.
    fn move_to_front(&mut self) {
        let buffer = self.buffer.as_mut();
        let held = self.end.saturating_sub(self.begin);
        // A read wants one byte of room at least.
        let wanted = self.wanted.max(self.end.saturating_add(1));
        if held <= MOVED_FREELY || wanted > buffer.len() {
            if let Some(filled) = buffer.get_mut(..self.end) {
                filled.copy_within(self.begin.min(self.end).., 0);
            }
            self.wanted = self.wanted.saturating_sub(self.begin);
            self.begin = 0;
            self.end = held;
        }
    }
}

/// What the buffer of an inbox has for the connection, of which `begin` and `wanted` are to say what
/// became of it.
pub(crate) struct Input<'m, S> {
    pub(crate) bytes: &'m mut [u8],
    pub(crate) begin: &'m mut usize,
    pub(crate) end: usize,
    pub(crate) wanted: &'m mut usize,
    pub(crate) max_held: usize,
    pub(crate) holds_text: bool,
    pub(crate) assembler: &'m mut Assembler<S>,
}

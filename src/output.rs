//! Where outbound bytes go: the [`Output`] trait and its implementations.

use core::fmt;

use arrayvec::ArrayVec;

use crate::frame::Mask;

/// A place for outbound bytes that takes a frame whole or not at all.
///
/// The engine first asks for room with [`make_room`](Output::make_room) and then puts bytes within
/// that room, so a frame is never half written. Implemented for `Vec<u8>` (feature `alloc`), for
/// [`ArrayVec<u8, N>`](ArrayVec) and for [`SliceOutput`], which fills a slice of the caller's.
/// [`LimitedOutput`] puts a limit on another output.
///
/// An output that can hold [`MIN_OUTPUT_LEN`] bytes takes every Pong and Close. With a smaller one
/// [`flush`](crate::Connection::flush) drops the replies that can never fit.
///
/// # Examples
///
/// ```
/// use websocket_proto::{Output, SliceOutput};
///
/// let mut bytes = [0; 8];
/// let mut out = SliceOutput::new(&mut bytes);
/// out.make_room(5)?;
/// out.put(b"hello");
/// assert!(out.make_room(4).is_err());
/// assert_eq!(out.filled(), b"hello");
/// # Ok::<(), websocket_proto::OutputFull>(())
/// ```
pub trait Output {
    /// Makes room for `len` more bytes.
    ///
    /// # Errors
    ///
    /// [`OutputFull`] when there is no such room; nothing has changed then.
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull>;

    /// Returns the most bytes that the output can ever hold, however often it is emptied.
    ///
    /// The engine drops a reply that is longer, because it could never leave. An output of fixed
    /// size returns that size, or [`flush`](crate::Connection::flush) may wait forever. By itself
    /// this returns `usize::MAX`: the output grows.
    fn max_len(&self) -> usize {
        usize::MAX
    }

    /// Appends `bytes` and lends them where they now lie, so that they can be masked in place.
    ///
    /// The engine stays within what it reserved. An implementation that is given more than it can
    /// hold appends nothing and lends an empty slice.
    fn put(&mut self, bytes: &[u8]) -> &mut [u8];

    /// Appends `bytes` masked.
    ///
    /// By itself this puts pieces and masks them where they then lie. [`Mask::copy`] does both at
    /// once: an implementation that can append by it does so for the sake of speed.
    fn put_masked(&mut self, bytes: &[u8], mask: &mut Mask) {
        for piece in bytes.chunks(MASK_PIECE) {
            let lent = self.put(piece);
            debug_assert_eq!(
                lent.len(),
                piece.len(),
                "`Output::put` lends all that it appended"
            );
            mask.apply(lent);
        }
    }
}

/// The least [length](Output::max_len) of an output with which no reply is dropped for its length, in
/// bytes: that of a client's Pong with the longest payload.
///
/// It is a header of 2 bytes, a masking key of 4 and 125 bytes of payload. A server, which does not
/// mask, needs 4 bytes less.
///
/// See [RFC 6455 section 5.5](https://www.rfc-editor.org/rfc/rfc6455#section-5.5).
pub const MIN_OUTPUT_LEN: usize = 131;

/// How much of a payload is copied and masked at a time: what fits the nearest cache, so that
/// masking finds it there.
const MASK_PIECE: usize = 4096;

impl<O: Output + ?Sized> Output for &mut O {
    #[inline]
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        (**self).make_room(len)
    }

    #[inline]
    fn max_len(&self) -> usize {
        (**self).max_len()
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        (**self).put(bytes)
    }

    #[inline]
    fn put_masked(&mut self, bytes: &[u8], mask: &mut Mask) {
        (**self).put_masked(bytes, mask);
    }
}

#[cfg(feature = "alloc")]
impl Output for alloc::vec::Vec<u8> {
    #[inline]
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        self.try_reserve(len).map_err(|_| OutputFull)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        let start = self.len();
        self.extend_from_slice(bytes);
        self.get_mut(start..).unwrap_or_default()
    }

    #[inline]
    fn put_masked(&mut self, bytes: &[u8], mask: &mut Mask) {
        mask.copy(bytes, |part| self.extend_from_slice(part));
    }
}

impl<const N: usize> Output for ArrayVec<u8, N> {
    #[inline]
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        if len > self.remaining_capacity() {
            Err(OutputFull)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn max_len(&self) -> usize {
        N
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        let start = self.len();
        match self.try_extend_from_slice(bytes) {
            Ok(()) => self.get_mut(start..).unwrap_or_default(),
            Err(_) => &mut [],
        }
    }
}

/// An [`Output`] that fills a slice of the caller's from its start.
#[derive(Debug)]
pub struct SliceOutput<'a> {
    slice: &'a mut [u8],
    len: usize,
}

impl<'a> SliceOutput<'a> {
    /// Starts with nothing written; `slice.len()` bytes fit.
    pub fn new(slice: &'a mut [u8]) -> Self {
        Self { slice, len: 0 }
    }

    /// Forgets the first `len` bytes that were written, once they have been sent, and moves the
    /// others to the front.
    pub fn consume(&mut self, len: usize) {
        let len = len.min(self.len);
        if let Some(filled) = self.slice.get_mut(..self.len) {
            filled.copy_within(len.., 0);
        }
        self.len = self.len.saturating_sub(len);
    }

    /// Forgets what was written, once it has been sent.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// The bytes written so far.
    pub fn filled(&self) -> &[u8] {
        self.slice.get(..self.len).unwrap_or_default()
    }
}

impl Output for SliceOutput<'_> {
    #[inline]
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        if len > self.slice.len().saturating_sub(self.len) {
            Err(OutputFull)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn max_len(&self) -> usize {
        self.slice.len()
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        let room = self.slice.get_mut(self.len..).unwrap_or_default();
        match room.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len = self.len.saturating_add(bytes.len());
                room
            }
            None => &mut [],
        }
    }

    #[inline]
    fn put_masked(&mut self, bytes: &[u8], mask: &mut Mask) {
        mask.copy(bytes, |part| {
            self.put(part);
        });
    }
}

/// An [`Output`] that takes a limited number of bytes more, for another one.
///
/// It bounds the replies that pile up while output waits to be written, so that reading need not
/// stop meanwhile. A reply without room waits in the engine, which keeps the newest Pong and one
/// Close. Once the output has been written, [`flush`](crate::Connection::flush) moves them into it.
///
/// # Examples
///
/// A hundred Pings from a peer that reads nothing: two are answered, the newest is remembered.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use websocket_proto::{Config, Connection, LimitedOutput, Negotiated, Server};
///
/// /// The most bytes of output with which replies still go into it.
/// const REPLIES: usize = 300;
///
/// let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
/// let mut out = Vec::new();
/// for number in 0..100 {
///     let mut ping = [[0x89, 0xfd, 0, 0, 0, 0].as_slice(), &[number; 125]].concat();
///     let mut limited = LimitedOutput::new(REPLIES.saturating_sub(out.len()), &mut out);
///     conn.receive(&mut &mut ping[..], &mut limited)?;
/// }
/// assert_eq!(out.len(), 2 * 127);
///
/// out.clear(); // it was written
/// conn.flush(&mut out)?;
/// assert_eq!(out[2..], [99; 125]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LimitedOutput<O> {
    output: O,
    room: usize,
}

impl<O: Output> LimitedOutput<O> {
    /// Takes at most `room` bytes more for `output`, and no more than `output` takes.
    ///
    /// An `&mut` of an output is an output, too. The room comes first so that it can be computed
    /// from the output's own length. A room that is shorter than a reply holds the reply back, and does
    /// not drop it: once the output is empty, [`flush`](crate::Connection::flush) into the output itself.
    pub const fn new(room: usize, output: O) -> Self {
        Self { output, room }
    }

    /// Counts `len` bytes, if there is room for them.
    #[inline]
    fn count(&mut self, len: usize) -> bool {
        match self.room.checked_sub(len) {
            Some(room) => {
                self.room = room;
                true
            }
            None => false,
        }
    }
}

impl<O: Output> Output for LimitedOutput<O> {
    /// That of the output below: what has no room now has some when that was written.
    fn max_len(&self) -> usize {
        self.output.max_len()
    }

    #[inline]
    fn make_room(&mut self, len: usize) -> Result<(), OutputFull> {
        if len > self.room {
            Err(OutputFull)
        } else {
            self.output.make_room(len)
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> &mut [u8] {
        if self.count(bytes.len()) {
            self.output.put(bytes)
        } else {
            &mut []
        }
    }

    #[inline]
    fn put_masked(&mut self, bytes: &[u8], mask: &mut Mask) {
        if self.count(bytes.len()) {
            self.output.put_masked(bytes, mask);
        }
    }
}

/// The [`Output`] has no room for the bytes that were to go out: send what it holds, empty it and
/// call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it says one thing and will never say more"
)]
pub struct OutputFull;

impl fmt::Display for OutputFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the output has no room for the frame: send what it holds, then try again")
    }
}

impl core::error::Error for OutputFull {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::MaskingKey;

    fn takes_whole_or_nothing(out: &mut impl Output, max_len: usize) {
        assert_eq!(out.max_len(), max_len);
        assert_eq!(out.make_room(9), Err(OutputFull));
        assert_eq!(out.make_room(8), Ok(()));
        out.put(b"abc")[0] = b'A';
        assert_eq!(out.make_room(6), Err(OutputFull));
        assert_eq!(out.put(b"too much"), b"");
        assert_eq!(out.put(b"defgh"), b"defgh");
        assert_eq!(out.make_room(1), Err(OutputFull));
        assert_eq!(out.max_len(), max_len, "of all, not of what is left");
    }

    #[test]
    fn array_vec_takes_whole_or_nothing() {
        let mut out = ArrayVec::<u8, 8>::new();
        takes_whole_or_nothing(&mut out, 8);
        assert_eq!(out.as_slice(), b"Abcdefgh");
    }

    #[test]
    fn slice_takes_whole_or_nothing() {
        let mut bytes = [0; 8];
        let mut out = SliceOutput::new(&mut bytes);
        takes_whole_or_nothing(&mut &mut out, 8);
        assert_eq!(out.filled(), b"Abcdefgh");
        out.consume(3);
        assert_eq!(out.filled(), b"defgh");
        out.consume(9);
        assert_eq!(out.filled(), b"");
        out.put(b"x");
        out.clear();
        assert_eq!(out.filled(), b"");
    }

    #[test]
    fn limited_takes_whole_or_nothing_of_another() {
        let mut array = ArrayVec::<u8, 100>::new();
        // What has no room now has some when the other was emptied.
        takes_whole_or_nothing(&mut LimitedOutput::new(8, &mut array), 100);
        assert_eq!(array.as_slice(), b"Abcdefgh");
        // No more than the other has room for either.
        let mut array = ArrayVec::<u8, 8>::new();
        takes_whole_or_nothing(&mut LimitedOutput::new(100, &mut array), 8);
        assert_eq!(array.as_slice(), b"Abcdefgh");
        array.clear();
        let mut limited = LimitedOutput::new(5, &mut array);
        let mut mask = Mask::new(MaskingKey::new([1; 4]));
        limited.put_masked(b"abc", &mut mask);
        limited.put_masked(b"def", &mut mask);
        assert_eq!(limited.make_room(3), Err(OutputFull));
        limited.put_masked(b"de", &mut mask);
        assert_eq!(limited.make_room(1), Err(OutputFull));
        assert_eq!(limited.make_room(0), Ok(()));
        assert_eq!(array.as_slice(), b"`cbed");
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn vec_lends_what_it_appended() {
        let mut out = alloc::vec![1];
        assert_eq!(out.max_len(), usize::MAX);
        assert_eq!(out.make_room(usize::MAX), Err(OutputFull));
        out.put(&[2, 3]).reverse();
        assert_eq!(out, [1, 3, 2]);
    }
}

//! The byte pipe below every peer: memory that is always ready.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

/// What was written is copied here, over and over: about what a socket's buffer takes at once.
const WINDOW: usize = 64 << 10;

/// Bytes that can be read and written; all that the traits of the peers' worlds need.
pub(crate) trait Pipe: Send + Unpin {
    /// Gives the next bytes to `put`, at most `room` of them, and says how many.
    fn pull_with(&mut self, room: usize, put: impl FnMut(&[u8])) -> usize;

    /// Copies the next bytes into `buffer` and says how many.
    fn pull(&mut self, buffer: &mut [u8]) -> usize {
        let mut at = 0;
        self.pull_with(buffer.len(), |bytes| {
            buffer[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        })
    }

    /// Takes all of `bytes`.
    fn push(&mut self, bytes: &[u8]);
}

/// Bytes to be read, over and over.
#[derive(Clone)]
pub(crate) struct Stream {
    pub(crate) bytes: Arc<[u8]>,
    /// What comes more than once before all begins again is from here to the end of the bytes, and how
    /// many times it comes.
    pub(crate) repeated_from: usize,
    pub(crate) times: usize,
}

impl From<Vec<u8>> for Stream {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
            repeated_from: 0,
            times: 1,
        }
    }
}

/// A pipe that reads a stream over and over, a limited number of bytes at a time.
pub(crate) struct Wire {
    stream: Stream,
    at: usize,
    /// How many times its end was reached since it began.
    time: usize,
    read: usize,
    window: Box<[u8]>,
    written: usize,
    record: Option<Record>,
    ran_dry: Option<RanDry>,
}

/// What was written, for a look at it.
pub(crate) type Record = Arc<Mutex<Vec<u8>>>;
/// Whether more was wanted than there was.
pub(crate) type RanDry = Arc<AtomicBool>;

impl Wire {
    /// Repeats `stream`, which may not be empty, in reads of `read` bytes.
    pub(crate) fn new(stream: impl Into<Stream>, read: usize) -> Self {
        Self {
            stream: stream.into(),
            at: 0,
            time: 0,
            read,
            window: vec![0; WINDOW].into(),
            written: 0,
            record: None,
            ran_dry: None,
        }
    }

    /// Has this stream once, and panics where more is wanted, which it notes.
    pub(crate) fn once(stream: impl Into<Stream>, read: usize) -> (Self, RanDry) {
        let ran_dry = RanDry::default();
        let wire = Self {
            ran_dry: Some(Arc::clone(&ran_dry)),
            ..Self::new(stream, read)
        };
        (wire, ran_dry)
    }

    /// Has nothing to read.
    pub(crate) fn silent() -> Self {
        Self::new(Vec::new(), 0)
    }

    /// Keeps what is written, instead of losing it.
    pub(crate) fn recording() -> (Self, Record) {
        let record = Record::default();
        let wire = Self {
            record: Some(Arc::clone(&record)),
            ..Self::silent()
        };
        (wire, record)
    }

    /// The longest read.
    pub(crate) fn read_len(&self) -> usize {
        self.read
    }

    /// Begins the stream again.
    pub(crate) fn rewind(&mut self) {
        self.at = 0;
        self.time = 0;
    }

    /// Goes on at the end of the stream.
    fn turn(&mut self) {
        self.time += 1;
        if self.time < self.stream.times {
            self.at = self.stream.repeated_from;
            return;
        }
        self.rewind();
        if let Some(ran_dry) = &self.ran_dry {
            ran_dry.store(true, Ordering::Relaxed);
            panic!("more is wanted than there is");
        }
    }
}

impl Pipe for Wire {
    fn pull_with(&mut self, room: usize, mut put: impl FnMut(&[u8])) -> usize {
        let want = room.min(self.read);
        let mut pulled = 0;
        while pulled < want {
            let rest = &self.stream.bytes[self.at..];
            let len = rest.len().min(want - pulled);
            put(&rest[..len]);
            pulled += len;
            self.at += len;
            if self.at == self.stream.bytes.len() {
                self.turn();
            }
        }
        want
    }

    fn push(&mut self, mut bytes: &[u8]) {
        if let Some(record) = &self.record {
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            record.extend_from_slice(bytes);
            return;
        }
        while !bytes.is_empty() {
            let len = bytes.len().min(WINDOW - self.written);
            let (now, rest) = bytes.split_at(len);
            self.window[self.written..self.written + len].copy_from_slice(now);
            self.written = (self.written + len) % WINDOW;
            bytes = rest;
        }
    }
}

/// A pipe with one thing to say, which it says again after a `rewind`.
pub(crate) struct Once {
    pub(crate) input: Vec<u8>,
    at: usize,
    pub(crate) output: Vec<u8>,
}

impl Once {
    pub(crate) fn new(input: &[u8]) -> Self {
        Self {
            input: input.to_vec(),
            at: 0,
            output: Vec::with_capacity(4096),
        }
    }

    pub(crate) fn rewind(&mut self) {
        self.at = 0;
        self.output.clear();
    }
}

impl Pipe for Once {
    fn pull_with(&mut self, room: usize, mut put: impl FnMut(&[u8])) -> usize {
        let rest = &self.input[self.at..];
        let len = rest.len().min(room);
        put(&rest[..len]);
        self.at += len;
        len
    }

    fn push(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }
}

/// A pipe with nothing to say, and of no size.
pub(crate) struct Nothing;

impl Pipe for Nothing {
    fn pull_with(&mut self, _: usize, _: impl FnMut(&[u8])) -> usize {
        0
    }

    fn push(&mut self, _: &[u8]) {}
}

/// A pipe in the traits of the standard library, of tokio, of futures and of wtx.
pub(crate) struct Io<P>(pub(crate) P);

fn push_all<P: Pipe>(io: Pin<&mut Io<P>>, slices: &[IoSlice<'_>]) -> usize {
    let pipe = &mut io.get_mut().0;
    slices
        .iter()
        .map(|slice| {
            pipe.push(slice);
            slice.len()
        })
        .sum()
}

impl<P: Pipe> io::Read for Io<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.0.pull(buffer))
    }
}

impl<P: Pipe> io::Write for Io<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(push_all(Pin::new(self), slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<P: Pipe> tokio::io::AsyncRead for Io<P> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Memory that was never initialised stays so until it is written: no zeros for nothing.
        let pipe = &mut self.get_mut().0;
        pipe.pull_with(buffer.remaining(), |bytes| buffer.put_slice(bytes));
        Poll::Ready(Ok(()))
    }
}

impl<P: Pipe> tokio::io::AsyncWrite for Io<P> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().0.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(push_all(self, slices)))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl<P: Pipe> futures_util::AsyncRead for Io<P> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.get_mut().0.pull(buffer)))
    }
}

impl<P: Pipe> futures_util::AsyncWrite for Io<P> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().0.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(push_all(self, slices)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl<P: Pipe> wtx::stream::StreamReader for Io<P> {
    async fn read(&mut self, bytes: &mut [u8]) -> wtx::Result<usize> {
        Ok(self.0.pull(bytes))
    }
}

impl<P: Pipe> wtx::stream::StreamWriter for Io<P> {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        self.0.push(bytes);
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        for slice in slices {
            self.0.push(slice);
        }
        Ok(())
    }
}

/// Runs a future that never waits for anything.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the peer waits, though the pipe is always ready")
}

//! The data phase of an echo server on any byte stream of tokio, with timers, bounded memory and a
//! graceful stop. The protocol is in `echo`, everything about tokio in `Link`.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use websocket_proto::frame::CloseCode;
use websocket_proto::{
    Assembler, Config, Connection, Incoming, KeepAlive, LimitedOutput, Negotiated, Server, State,
    Timeouts, Transport,
};

use crate::answer::AskedClose;

/// How long a client may take for its opening handshake.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take for a message. The largest one takes 600 seconds at 0.9 Mbit/s.
const MESSAGE_DEADLINE: Duration = Duration::from_secs(600);
/// How long a client may take to answer our Close, and to take what we write last.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take nothing at all of what waits to be written.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long a connection is drained after the last byte was written.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// The read buffer; where this server reads the head of an opening handshake, that has to fit.
pub(crate) const READ_BUFFER: usize = 32 << 10;
/// What is written at a time. A stream of HTTP/2 queues as much as it is given, whether the client
/// takes it or not, and takes more as soon as that is on its way.
const WRITE_PIECE: usize = 64 << 10;
/// How much output lets this server's own answers wait: it takes no more messages until it is gone.
const HIGH_WATER: usize = 64 << 10;
/// How much output lets replies of the engine wait: no more of them are put out until it is gone. A
/// Pong is shorter than its Ping, so who reads gets one for each Ping of a read.
const REPLIES: usize = READ_BUFFER;
/// What a connection may keep of the memory that a large message needed.
const KEPT: usize = 256 << 10;

/// A connection that has just been accepted, and closed again if that was asked for.
pub(crate) fn open(
    negotiated: Negotiated<'_>,
    asked: AskedClose,
    max_message: u64,
    out: &mut Vec<u8>,
) -> io::Result<Connection<Server>> {
    let config = Config::default()
        .max_frame_len(max_message)
        .max_message_len(max_message);
    let mut conn = Connection::new(Server, negotiated, config);
    if let Some((code, reason)) = asked {
        conn.close(code, &reason, out).map_err(io::Error::other)?;
    }
    Ok(conn)
}

/// The data phase: sends every message back. `first` is what came behind the opening handshake.
pub(crate) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(
    mut link: Link<S>,
    mut conn: Connection<Server>,
    buffer: &mut [u8],
    first: Range<usize>,
) -> io::Result<()> {
    let mut messages = Assembler::default();
    let mut input = &mut buffer[first];
    loop {
        let result = loop {
            match conn.receive_message(&mut input, &mut messages, &mut link.replies()) {
                // After a Close of ours a message may still come in, but none may go out.
                Ok(Some(Incoming::Message(message))) if conn.state() == State::Open => {
                    conn.send(message, &mut link.out)
                        .map_err(io::Error::other)?;
                }
                Ok(Some(Incoming::Pong(payload))) => link.pong(&payload),
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        messages.shrink_to(KEPT);
        if conn.transport() != Transport::KeepOpen {
            // Whatever becomes of the stream, the protocol error is what there is to tell.
            let closed = link.finish().await;
            return result.map_err(io::Error::other).and(closed);
        }
        // An echo may wait until its answers are gone, and so bounds its memory by what one read
        // brings and one message. Whoever sends of its own accord reads all the while.
        let room = (link.left() < HIGH_WATER).then_some(&mut *buffer);
        input = match link.next(conn.state(), conn.receiving(), room).await {
            Ok(Happening::Read(0)) => {
                let lost = lost(conn, &io::ErrorKind::UnexpectedEof.into());
                // It may still read the answers to what it has sent.
                let _ = link.finish().await;
                return Err(lost);
            }
            Err(error) => return Err(lost(conn, &error)),
            Ok(Happening::Read(read)) => &mut buffer[..read],
            Ok(Happening::Drained) => {
                // Replies that had no room. No frame is open that this server streams.
                conn.flush(&mut link.out).map_err(io::Error::other)?;
                &mut []
            }
            Ok(Happening::PingDue(payload)) => {
                // It was silent for a while: what compressing and inflating hold is made anew when
                // it is needed.
                drop((conn.release_compress(), conn.release_inflate()));
                conn.ping(&payload, &mut link.out)
                    .map_err(io::Error::other)?;
                &mut []
            }
            Ok(Happening::Stop) => {
                if conn.state() == State::Open {
                    conn.close(CloseCode::GOING_AWAY, "the server stops", &mut link.out)
                        .map_err(io::Error::other)?;
                }
                &mut []
            }
        };
    }
}

/// The end of a stream without the end of the protocol, as an error that says how far it came.
fn lost(mut conn: Connection<Server>, cause: &io::Error) -> io::Error {
    let closure = conn.receive_eof();
    io::Error::new(cause.kind(), format!("{cause}: {closure}"))
}

/// One client's stream, its deadlines, and what waits to be written to it.
pub(crate) struct Link<S> {
    stream: S,
    /// What the library has put out, of which `written` bytes are gone.
    pub(crate) out: Vec<u8>,
    written: usize,
    keep_alive: KeepAlive,
    /// When the bytes came that the last `next` gave.
    read_at: Option<Duration>,
    /// Where time begins for `keep_alive`.
    origin: Instant,
    stops: watch::Receiver<bool>,
    /// Whether the stop has been told.
    stopping: bool,
}

/// What a connection has to deal with.
pub(crate) enum Happening {
    /// So many bytes were read, 0 at the end.
    Read(usize),
    /// All output is written: there is room for replies.
    Drained,
    /// A Ping with this payload is due.
    PingDue([u8; 8]),
    /// The server stops; told once.
    Stop,
}

/// What became of the stream.
enum Moved {
    Read(usize),
    Wrote(usize),
    Flushed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    pub(crate) fn new(stream: S, stops: watch::Receiver<bool>) -> Self {
        let timeouts = Timeouts::default()
            .handshake(HANDSHAKE_DEADLINE)
            .message(MESSAGE_DEADLINE)
            .ping_interval(Duration::from_secs(20))
            .pong(Duration::from_secs(20))
            .write(WRITE_DEADLINE)
            .close(CLOSE_DEADLINE);
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            keep_alive: KeepAlive::new(timeouts, Duration::ZERO),
            read_at: None,
            origin: Instant::now(),
            stops,
            stopping: false,
        }
    }

    /// The time as `KeepAlive` wants it.
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// How much waits to be written; what is not flushed waits, too.
    pub(crate) fn left(&self) -> usize {
        match self.out.len() {
            0 => 0,
            len => (len - self.written).max(1),
        }
    }

    /// Where replies go: to the output, unless too much of it waits. The engine keeps them then.
    pub(crate) fn replies(&mut self) -> LimitedOutput<&mut Vec<u8>> {
        LimitedOutput::new(REPLIES.saturating_sub(self.left()), &mut self.out)
    }

    /// A Pong came.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        self.keep_alive.pong(payload, self.now());
    }

    /// Writes what is in `out` and reads at the same time, unless there is no buffer: two ends that
    /// both write first stand still for ever. Deadlines and the stop are seen to all the while.
    ///
    /// `receiving` is the message that what was read last has left unfinished.
    ///
    /// The `select!` is cancel-safe: moving bytes that is dropped has moved none, and the other
    /// branches only wait. What they waited for is looked at in the loop. What can be read is read
    /// before the time is looked at: after the machine has slept, it shows the client alive.
    pub(crate) async fn next(
        &mut self,
        state: impl Into<Option<State>>,
        receiving: Option<u64>,
        mut buffer: Option<&mut [u8]>,
    ) -> io::Result<Happening> {
        let state = state.into();
        if let Some(then) = self.read_at.take() {
            self.keep_alive.received(receiving, then);
        }
        loop {
            // A stream that is always ready must not keep the thread from other tasks.
            tokio::task::coop::consume_budget().await;
            let now = self.now();
            if !self.stopping && *self.stops.borrow() {
                self.stopping = true;
                return Ok(Happening::Stop);
            }
            if let Some(payload) = self
                .keep_alive
                .handle_timeout(state, now)
                .map_err(timed_out)?
            {
                return Ok(Happening::PingDue(payload));
            }
            let output = (!self.out.is_empty()).then(|| &self.out[self.written..]);
            let at_once = once(advance(&mut self.stream, output, buffer.as_deref_mut()));
            let moved = if let Poll::Ready(moved) = at_once.await {
                moved?
            } else {
                // Only what is not taken at once says something of the client.
                self.keep_alive.wrote(0, self.left(), now);
                let deadline = self.keep_alive.poll_timeout(state, now);
                let due = async {
                    match deadline {
                        Some(deadline) => sleep_until(self.origin + deadline).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    moved = advance(&mut self.stream, output, buffer.as_deref_mut()) => moved?,
                    () = due => continue,
                    _ = self.stops.wait_for(|stop| *stop), if !self.stopping => continue,
                }
            };
            let now = self.now();
            match moved {
                Moved::Read(read) => {
                    self.read_at = Some(now);
                    return Ok(Happening::Read(read));
                }
                Moved::Wrote(0) => return Err(io::ErrorKind::WriteZero.into()),
                Moved::Wrote(len) => {
                    self.written += len;
                    self.keep_alive.wrote(len, self.left(), now);
                    // What is written makes room for what comes behind the rest.
                    if (self.out.len() / 2..self.out.len()).contains(&self.written) {
                        self.out.drain(..self.written);
                        self.written = 0;
                    }
                }
                Moved::Flushed => {
                    self.written = 0;
                    self.out.clear();
                    self.out.shrink_to(KEPT);
                    self.keep_alive.wrote(0, 0, now);
                    return Ok(Happening::Drained);
                }
            }
        }
    }

    /// Writes what is left and closes so that it arrives: a socket that is dropped with unread
    /// input resets the connection, and what the client has not read yet is lost. A stream of
    /// HTTP/2 is ended, not reset, for the same reason.
    ///
    /// Nothing comes after this, so it may be cut off by a deadline anywhere.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        let mut unread = [0; 4096];
        let mut client_sends = true;
        while !self.out.is_empty() {
            // Part of the time may have passed, if the Close was ours.
            let room = client_sends.then_some(&mut unread[..]);
            if let Happening::Read(read) = self.next(State::Closed, None, room).await? {
                client_sends = read > 0;
            }
        }
        // What is left undone here is the client's own doing: it may be gone, having all it wants.
        let now = self.now();
        let deadline = self.keep_alive.poll_timeout(State::Closed, now);
        let deadline = self.origin + deadline.unwrap_or(now);
        let _ = timeout_at(deadline, self.stream.shutdown()).await;
        let drained = async { while let Ok(1..) = self.stream.read(&mut unread).await {} };
        let _ = timeout(LINGER, drained).await;
        Ok(())
    }
}

/// Writes a piece of the output, flushes if there is none left of it, or reads into the room if there
/// is some: whichever can be done first.
async fn advance<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    output: Option<&[u8]>,
    mut room: Option<&mut [u8]>,
) -> io::Result<Moved> {
    poll_fn(|context| {
        let mut stream = Pin::new(&mut *stream);
        let written = match output {
            None => Poll::Pending,
            Some([]) => stream
                .as_mut()
                .poll_flush(context)
                .map_ok(|()| Moved::Flushed),
            Some(output) => {
                let piece = &output[..output.len().min(WRITE_PIECE)];
                stream
                    .as_mut()
                    .poll_write(context, piece)
                    .map_ok(Moved::Wrote)
            }
        };
        match (written, room.as_deref_mut()) {
            (Poll::Pending, Some(room)) => {
                let mut room = ReadBuf::new(room);
                let read = stream.poll_read(context, &mut room);
                read.map_ok(|()| Moved::Read(room.filled().len()))
            }
            (written, _) => written,
        }
    })
    .await
}

/// Polls a future once, and drops it.
async fn once<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

fn timed_out(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, problem)
}

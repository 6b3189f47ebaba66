//! The data phase of an echo server on any byte stream of tokio, with timers, bounded memory and a
//! graceful stop. The protocol is in `echo`, everything about tokio in `Link`.

use std::io;
use std::ops::Range;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use websocket_proto::frame::CloseCode;
use websocket_proto::{
    Assembler, Config, Connection, Incoming, KeepAlive, Negotiated, Server, State, Timeouts,
    Transport,
};

use crate::answer::AskedClose;

/// How long a client may take for its opening handshake.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
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
        // The output is empty before a read, so this adds what one read brings, and at most one
        // message of which earlier reads have brought the beginning.
        let result = loop {
            match conn.receive_message(&mut input, &mut messages, &mut link.out) {
                // After a Close of ours a message may still come in, but none may go out.
                Ok(Some(Incoming::Message(message))) if conn.state() == State::Open => {
                    conn.send(message, &mut link.out)
                        .map_err(io::Error::other)?;
                }
                Ok(Some(Incoming::Pong(payload))) => {
                    link.keep_alive.pong(&payload, link.now());
                }
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
        input = match link.next(conn.state(), buffer).await {
            Ok(Happening::Read(0)) => return Err(lost(conn, &io::ErrorKind::UnexpectedEof.into())),
            Err(error) => return Err(lost(conn, &error)),
            Ok(Happening::Read(read)) => &mut buffer[..read],
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
            .ping_interval(Duration::from_secs(20))
            .pong(Duration::from_secs(20))
            .write(WRITE_DEADLINE)
            .close(CLOSE_DEADLINE);
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            keep_alive: KeepAlive::new(timeouts, Duration::ZERO),
            origin: Instant::now(),
            stops,
            stopping: false,
        }
    }

    /// The time as `KeepAlive` wants it.
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Writes what is in `out`, and reads once all of it is gone: who does not read cannot make
    /// this server's memory grow. Deadlines and the stop are seen to all the while.
    ///
    /// The `select!` is cancel-safe: a single `read`, `write` or `flush` that is dropped has moved
    /// nothing, and the other branches only wait. What they waited for is looked at in the loop.
    pub(crate) async fn next(
        &mut self,
        state: impl Into<Option<State>>,
        buffer: &mut [u8],
    ) -> io::Result<Happening> {
        let state = state.into();
        loop {
            // A stream that is always ready must not keep the thread from other tasks.
            tokio::task::coop::consume_budget().await;
            let now = self.now();
            if !self.stopping && *self.stops.borrow() {
                self.stopping = true;
                return Ok(Happening::Stop);
            }
            if !self.out.is_empty() {
                self.keep_alive.wrote(0, self.left(), now);
            }
            if let Some(payload) = self
                .keep_alive
                .handle_timeout(state, now)
                .map_err(timed_out)?
            {
                return Ok(Happening::PingDue(payload));
            }
            let deadline = self.keep_alive.poll_timeout(state, now);
            let due = async {
                match deadline {
                    Some(deadline) => sleep_until(self.origin + deadline).await,
                    None => std::future::pending().await,
                }
            };
            let stream = &mut self.stream;
            let rest = &self.out[self.written..];
            let moving = async {
                if self.out.is_empty() {
                    stream.read(buffer).await.map(Moved::Read)
                } else if rest.is_empty() {
                    stream.flush().await.map(|()| Moved::Flushed)
                } else {
                    let piece = &rest[..rest.len().min(WRITE_PIECE)];
                    stream.write(piece).await.map(Moved::Wrote)
                }
            };
            let moved = tokio::select! {
                moved = moving => moved?,
                () = due => continue,
                _ = self.stops.wait_for(|stop| *stop), if !self.stopping => continue,
            };
            let now = self.now();
            match moved {
                Moved::Read(read) => {
                    self.keep_alive.received(None, now);
                    return Ok(Happening::Read(read));
                }
                Moved::Wrote(0) => return Err(io::ErrorKind::WriteZero.into()),
                Moved::Wrote(len) => {
                    self.written += len;
                    self.keep_alive.wrote(len, self.left(), now);
                }
                Moved::Flushed => {
                    self.written = 0;
                    self.out.clear();
                    self.out.shrink_to(KEPT);
                    self.keep_alive.wrote(0, 0, now);
                }
            }
        }
    }

    /// How much waits to be written; what is not flushed waits, too.
    fn left(&self) -> usize {
        (self.out.len() - self.written).max(1)
    }

    /// Writes what is left and closes so that it arrives: a socket that is dropped with unread
    /// input resets the connection, and what the client has not read yet is lost. A stream of
    /// HTTP/2 is ended, not reset, for the same reason.
    ///
    /// Nothing comes after this, so it may be cut off by a deadline anywhere.
    pub(crate) async fn finish(mut self) -> io::Result<()> {
        let now = self.now();
        self.keep_alive.wrote(0, 0, now);
        // Part of the time may have passed, if the Close was ours.
        let deadline = self.keep_alive.poll_timeout(State::Closed, now);
        let deadline = deadline.unwrap_or_default();
        timeout_at(self.origin + deadline, async {
            for piece in self.out[self.written..].chunks(WRITE_PIECE) {
                self.stream.write_all(piece).await?;
            }
            self.stream.shutdown().await
        })
        .await
        .map_err(|_| timed_out("the client does not read"))??;

        let mut unread = [0; 4096];
        let drained = async { while let Ok(1..) = self.stream.read(&mut unread).await {} };
        // What is left undone here is the client's own doing.
        let _ = timeout(LINGER, drained).await;
        Ok(())
    }
}

fn timed_out(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, problem)
}

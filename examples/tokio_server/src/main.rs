//! The echo server on tokio: a task for each connection, timers, graceful shutdown.
//!
//! ```text
//! cargo run --release --package websocket-proto-tokio-server -- 127.0.0.1:9001
//! ```
//!
//! Then open <http://127.0.0.1:9001/> in a browser. See `--help` for the rest. The protocol is in
//! `echo`, everything about tokio in `Link`.

use std::io;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use websocket_proto::frame::CloseCode;
use websocket_proto::handshake::server::Handshake;
use websocket_proto::{
    Assembler, Config, Connection, Due, Incoming, KeepAlive, Server, State, Timeouts, Transport,
};

use answer::answer;

#[path = "../../common/answer.rs"]
mod answer;

const HELP: &str = "\
usage: tokio_server [ADDRESS] [--max-message BYTES] [--max-connections N] [--no-deflate]

  ADDRESS              where to listen; default 127.0.0.1:9001
  --max-message BYTES  the largest message to take; default 67108864 (64 MiB)
  --max-connections N  how many to serve at a time, the others wait to be accepted; default 10000
  --no-deflate         decline permessage-deflate (this version always does)

Echoes text and binary. The first subprotocol offered among chat, superchat and echo is chosen. A WebSocket opened at
/close?code=N&reason=R is closed at once with that code and reason. GET / is a page to try all this.

A client that is silent gets a Ping every 20 seconds. SIGINT or SIGTERM closes every connection with 1001 and ends the
server when all are closed, or after 11 seconds; a second one ends it at once.";

/// How long a client may take to answer our Close, and to take what we write last.
const CLOSE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take nothing at all of what waits to be written.
const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long a connection is drained after the last byte was written.
const LINGER: Duration = Duration::from_secs(1);

/// The read buffer; the head of an opening handshake has to fit as well.
const READ_BUFFER: usize = 32 << 10;
/// What a connection may keep of the memory that a large message needed.
const KEPT: usize = 256 << 10;

#[derive(Clone, Copy)]
struct Options {
    max_message: u64,
    max_connections: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut options = Options {
        max_message: 64 << 20,
        max_connections: 10_000,
    };
    let mut address = String::from("127.0.0.1:9001");
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--no-deflate" => {}
            "--max-message" => match args.next().and_then(|bytes| bytes.parse().ok()) {
                Some(bytes) => options.max_message = bytes,
                None => return usage("--max-message wants a number of bytes"),
            },
            "--max-connections" => match args.next().and_then(|number| number.parse().ok()) {
                Some(number @ 1..) => options.max_connections = number,
                _ => return usage("--max-connections wants a number, at least 1"),
            },
            flag if flag.starts_with('-') => return usage(&format!("there is no {flag}")),
            _ => address = arg,
        }
    }
    match run(&address, options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{HELP}");
    ExitCode::from(2)
}

/// Serves until it is asked to stop, then until every connection has closed.
async fn run(address: &str, options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let stop_asked = stop_asked()?;
    println!("listening on {}", listener.local_addr()?);

    let permits = Arc::new(Semaphore::new(
        usize::try_from(options.max_connections).unwrap_or(1),
    ));
    let (stop, stops) = watch::channel(false);
    tokio::select! {
        // `accept` may be dropped at any `await`: a client that it has is in a task before the next.
        () = accept(listener, options, &permits, &stops) => {}
        () = stop_asked => {}
    }
    // The listener is closed by now. Every connection gives its permit back when it ends, and each
    // has deadlines of its own, which this one merely repeats.
    stop.send_replace(true);
    tokio::select! {
        _ = permits.acquire_many(options.max_connections) => {}
        () = sleep(CLOSE_DEADLINE + LINGER) => eprintln!("some clients did not close"),
        () = self::stop_asked()? => {}
    }
    Ok(())
}

/// Listens from now on for SIGINT and SIGTERM (Ctrl-C elsewhere); the future ends with the first.
#[cfg(unix)]
fn stop_asked() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_asked() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Accepts clients for good, no more at a time than there are permits.
async fn accept(
    listener: TcpListener,
    options: Options,
    permits: &Arc<Semaphore>,
    stops: &watch::Receiver<bool>,
) {
    // It fails only when the semaphore is closed, which nobody does.
    while let Ok(permit) = Arc::clone(permits).acquire_owned().await {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("{error}");
                // Out of sockets, perhaps: do not spin until some are free.
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let stops = stops.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(stream, options, stops).await {
                eprintln!("{peer}: {error}");
            }
            drop(permit);
        });
    }
}

/// Serves one client from its first byte to its last.
async fn serve(
    stream: TcpStream,
    options: Options,
    stops: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut link = Link::new(stream, stops);
    let mut handshake = Handshake::default();
    let mut buffer = vec![0; READ_BUFFER];
    let mut filled = 0;
    loop {
        match link.next(&mut buffer[filled..]).await? {
            // Nothing is owed to who has not finished its request.
            Happening::Read(0) | Happening::Stop => return Ok(()),
            Happening::Read(read) => filled += read,
            // Not before `KeepAlive::open`.
            Happening::PingDue(_) => continue,
        }
        match handshake.receive(&buffer[..filled]) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let head_len = request.head_len();
                let Some((negotiated, close)) = answer(&request, &mut link.out)? else {
                    return link.finish().await;
                };
                // What came behind the head is the first input of the data phase.
                let config = Config::default()
                    .max_frame_len(options.max_message)
                    .max_message_len(options.max_message);
                let mut conn = Connection::new(Server, negotiated, config);
                link.keep_alive.open(link.now());
                if let Some((code, reason)) = close {
                    conn.close(code, &reason, &mut link.out)
                        .map_err(io::Error::other)?;
                }
                return echo(link, conn, &mut buffer, head_len..filled).await;
            }
            Err(error) => {
                error
                    .response()
                    .write(&mut link.out)
                    .map_err(io::Error::other)?;
                return link.finish().await;
            }
        }
    }
}

/// The data phase: sends every message back.
async fn echo(
    mut link: Link,
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
        if messages.capacity() > KEPT {
            messages.shrink_to(KEPT);
        }
        if conn.transport() != Transport::KeepOpen {
            // Whatever becomes of the socket, the protocol error is what there is to tell.
            let closed = link.finish().await;
            return result.map_err(io::Error::other).and(closed);
        }
        if conn.state() == State::Closing {
            link.keep_alive.closing(link.now());
        }
        input = match link.next(buffer).await? {
            Happening::Read(0) => {
                let closure = conn.receive_eof();
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("{closure:?}, {}", closure.code()),
                ));
            }
            Happening::Read(read) => &mut buffer[..read],
            Happening::PingDue(payload) => {
                conn.ping(&payload, &mut link.out)
                    .map_err(io::Error::other)?;
                &mut []
            }
            Happening::Stop => {
                if conn.state() == State::Open {
                    conn.close(CloseCode::GOING_AWAY, "the server stops", &mut link.out)
                        .map_err(io::Error::other)?;
                }
                &mut []
            }
        };
    }
}

/// One client's socket, its deadlines, and what waits to be written to it.
struct Link {
    stream: TcpStream,
    /// What the library has put out, of which `written` bytes are gone.
    out: Vec<u8>,
    written: usize,
    /// While output waits: since when the client has taken none of it.
    waits_since: Option<Duration>,
    keep_alive: KeepAlive,
    /// Where time begins for `keep_alive`.
    origin: Instant,
    stops: watch::Receiver<bool>,
    /// Whether the stop has been told.
    stopping: bool,
}

/// What a connection has to deal with.
enum Happening {
    /// So many bytes were read, 0 at the end.
    Read(usize),
    /// A Ping with this payload is due.
    PingDue([u8; 8]),
    /// The server stops; told once.
    Stop,
}

impl Link {
    fn new(stream: TcpStream, stops: watch::Receiver<bool>) -> Self {
        let timeouts = Timeouts::default()
            .handshake(Duration::from_secs(10))
            .ping_interval(Duration::from_secs(20))
            .pong(Duration::from_secs(20))
            .close(CLOSE_DEADLINE);
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            waits_since: None,
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
    async fn next(&mut self, buffer: &mut [u8]) -> io::Result<Happening> {
        loop {
            // A socket that is always ready must not keep the thread from other tasks.
            tokio::task::coop::consume_budget().await;
            let now = self.now();
            if !self.stopping && *self.stops.borrow() {
                self.stopping = true;
                return Ok(Happening::Stop);
            }
            match self.keep_alive.handle_timeout(now) {
                Some(Due::Ping(payload)) => return Ok(Happening::PingDue(payload)),
                Some(Due::Expired(timeout)) => return Err(timed_out(timeout)),
                _ => {}
            }
            let moved = if self.out.is_empty() {
                self.stream.try_read(buffer).map(Some)
            } else if now >= *self.waits_since.get_or_insert(now) + WRITE_DEADLINE {
                return Err(timed_out("the client does not read"));
            } else {
                let written = self.stream.try_write(&self.out[self.written..]);
                written.map(|len| {
                    self.wrote(len, now);
                    None
                })
            };
            match moved {
                Ok(Some(read)) => {
                    self.keep_alive.received(now);
                    return Ok(Happening::Read(read));
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait().await?,
                Err(error) => return Err(error),
            }
        }
    }

    fn wrote(&mut self, len: usize, now: Duration) {
        self.written += len;
        self.waits_since = Some(now);
        // A client that takes bytes is alive. Its Pong may be among what is not read as long as
        // output waits, so that a slow one would be given up otherwise.
        self.keep_alive.received(now);
        if self.written == self.out.len() {
            self.written = 0;
            self.waits_since = None;
            self.out.clear();
            self.out.shrink_to(KEPT);
        }
    }

    /// Waits until there may be something to do.
    ///
    /// The `select!` is cancel-safe because its branches only wait. None moves bytes or takes
    /// anything, and which one ended is not even asked: `next` looks at the socket, the clock and
    /// the flag afterwards, and all three still say then what they said. So the branches that are
    /// dropped lose nothing.
    async fn wait(&mut self) -> io::Result<()> {
        let interest = match self.waits_since {
            None => Interest::READABLE,
            Some(_) => Interest::WRITABLE,
        };
        let write_deadline = self.waits_since.map(|since| since + WRITE_DEADLINE);
        let deadline = [self.keep_alive.poll_timeout(), write_deadline]
            .into_iter()
            .flatten()
            .min();
        let due = async {
            match deadline {
                Some(deadline) => sleep_until(self.origin + deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ready = self.stream.ready(interest) => ready.map(drop),
            () = due => Ok(()),
            _ = self.stops.wait_for(|stop| *stop), if !self.stopping => Ok(()),
        }
    }

    /// Writes what is left and closes so that it arrives: a socket that is dropped with unread
    /// input resets the connection, and what the client has not read yet is lost.
    ///
    /// Nothing comes after this, so it may be cut off by a deadline anywhere.
    async fn finish(mut self) -> io::Result<()> {
        self.keep_alive.closing(self.now());
        // Part of the time may have passed, if the Close was ours.
        let deadline = self.keep_alive.poll_timeout().unwrap_or_default();
        timeout_at(self.origin + deadline, async {
            self.stream.write_all(&self.out[self.written..]).await?;
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

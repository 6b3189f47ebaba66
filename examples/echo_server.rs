//! An echo server on the standard library alone, a thread for each connection, with a page to try
//! it.
//!
//! ```text
//! cargo run --release --example echo_server -- 127.0.0.1:9001
//! ```
//!
//! Then open <http://127.0.0.1:9001/> in a browser. See `--help` for the rest.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "the lints for what a peer's bytes can reach hold in the library; an example is to be read"
)]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use websocket_proto::frame::CloseCode;
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy, Request, Response};
use websocket_proto::{
    Assembler, Config, Connection, Incoming, Negotiated, Server, State, Transport,
};

const HELP: &str = "\
usage: echo_server [ADDRESS] [--max-message BYTES] [--no-deflate]

  ADDRESS              where to listen; default 127.0.0.1:9001
  --max-message BYTES  the largest message to take; default 67108864 (64 MiB)
  --no-deflate         decline permessage-deflate (this version always does)

Echoes text and binary. The first subprotocol offered among chat, superchat and echo is chosen. A WebSocket opened at
/close?code=N&reason=R is closed at once with that code and reason. GET / is a page to try all this.

It is an example: connections may be silent for as long as they like, and as many as there are threads.";

const PAGE: &str = include_str!("echo_server.html");
const SUBPROTOCOLS: [&str; 3] = ["chat", "superchat", "echo"];

/// How long a client may take for its opening handshake.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take to answer our Close, or to take what we write.
const CLOSE_DEADLINE: Duration = Duration::from_secs(10);
const WRITE_DEADLINE: Duration = Duration::from_secs(60);
/// How long a connection is drained after the last byte was written.
const LINGER: Duration = Duration::from_secs(1);

/// The read buffer; the head of an opening handshake has to fit as well.
const READ_BUFFER: usize = 64 << 10;
/// What a connection may keep of the memory that a large message needed.
const KEPT: usize = 256 << 10;

#[derive(Clone, Copy)]
struct Options {
    max_message: u64,
}

fn main() -> ExitCode {
    let mut options = Options {
        max_message: 64 << 20,
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
            flag if flag.starts_with('-') => return usage(&format!("there is no {flag}")),
            _ => address = arg,
        }
    }
    match listen(&address, options) {
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

fn listen(address: &str, options: Options) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        // One connection that fails is no reason to end the others.
        let served = stream.and_then(|stream| {
            let peer = stream.peer_addr()?;
            thread::Builder::new().spawn(move || {
                if let Err(error) = serve(&stream, options) {
                    eprintln!("{peer}: {error}");
                }
            })
        });
        if let Err(error) = served {
            eprintln!("{error}");
            // Out of threads or sockets, perhaps: do not spin until some are free.
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

/// Serves one client from its first byte to its last.
fn serve(mut stream: &TcpStream, options: Options) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_DEADLINE))?;
    let deadline = Instant::now() + HANDSHAKE_DEADLINE;

    let mut handshake = Handshake::default();
    let mut buffer = vec![0; READ_BUFFER];
    let mut filled = 0;
    let mut out = Vec::new();
    loop {
        stream.set_read_timeout(Some(left(
            deadline,
            "the opening handshake takes too long",
        )?))?;
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            read => filled += read,
        }
        match handshake.receive(&buffer[..filled]) {
            Ok(None) => {}
            Ok(Some(request)) => {
                let head_len = request.head_len();
                let Some((negotiated, close)) = answer(&request, &mut out)? else {
                    stream.write_all(&out)?;
                    return linger(stream);
                };
                // What came behind the head is the first input of the data phase.
                let config = Config::default()
                    .max_frame_len(options.max_message)
                    .max_message_len(options.max_message);
                let mut conn = Connection::new(Server, negotiated, config);
                if let Some((code, reason)) = close {
                    conn.close(code, &reason, &mut out)
                        .map_err(io::Error::other)?;
                }
                return echo(stream, conn, &mut buffer, head_len..filled, out);
            }
            Err(error) => {
                error.response().write(&mut out).map_err(io::Error::other)?;
                stream.write_all(&out)?;
                return linger(stream);
            }
        }
    }
}

/// What `/close?code=N&reason=R` asks for.
type AskedClose = Option<(CloseCode, String)>;

/// Answers a request. `None`: no WebSocket connection comes of it, write the answer and close.
fn answer(
    request: &Request<'_>,
    out: &mut Vec<u8>,
) -> io::Result<Option<(Negotiated<'static>, AskedClose)>> {
    if !request.is_upgrade() {
        let html = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
        ];
        let text = [("Content-Type", "text/plain; charset=utf-8")];
        let response = match (request.method(), request.path()) {
            ("GET", "/") => Response::new(200).fields(&html).body(PAGE),
            ("GET", _) => Response::new(404).fields(&text).body("The page is at /\n"),
            _ => Response::new(405)
                .fields(&text)
                .body("Only GET is served here\n"),
        };
        response.write(out).map_err(io::Error::other)?;
        return Ok(None);
    }
    // Every caller gets the same here, so every page may call.
    let upgrade = match request.upgrade(OriginPolicy::Any) {
        Ok(upgrade) => upgrade,
        Err(error) => {
            error.response().write(out).map_err(io::Error::other)?;
            return Ok(None);
        }
    };
    let close = if request.path() == "/close" {
        Some(asked_close(request.query().unwrap_or_default()))
    } else {
        None
    };
    if let Some((code, _)) = &close
        && !code.is_sendable()
    {
        let body = "That status code may not be in a Close frame\n";
        Response::new(400)
            .body(body)
            .write(out)
            .map_err(io::Error::other)?;
        return Ok(None);
    }
    let mut acceptance = Acceptance::default().fields(&[("Server", "websocket-proto")]);
    let spoken = |offer| SUBPROTOCOLS.into_iter().find(|known| *known == offer);
    if let Some(subprotocol) = upgrade.subprotocols().find_map(spoken) {
        acceptance = acceptance.subprotocol(subprotocol);
    }
    let negotiated = upgrade.accept(&acceptance, out).map_err(io::Error::other)?;
    Ok(Some((negotiated, close)))
}

/// The data phase: sends every message back.
fn echo(
    mut stream: &TcpStream,
    mut conn: Connection<Server>,
    buffer: &mut [u8],
    first: std::ops::Range<usize>,
    mut out: Vec<u8>,
) -> io::Result<()> {
    stream.set_read_timeout(None)?;
    let mut close_deadline = None;
    let mut messages = Assembler::default();
    let mut input = &mut buffer[first];
    loop {
        let result = loop {
            match conn.receive_message(&mut input, &mut messages, &mut out) {
                // After a Close of ours a message may still come in, but none may go out.
                Ok(Some(Incoming::Message(message))) if conn.state() == State::Open => {
                    conn.send(message, &mut out).map_err(io::Error::other)?;
                }
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            // Many small frames in one read must not pile up replies either.
            if out.len() >= READ_BUFFER {
                stream.write_all(&out)?;
                out.clear();
            }
        };
        // Replies go out before more is read: who does not read cannot make this server's memory
        // grow. After an error the Close that tells the client is among them.
        stream.write_all(&out)?;
        out.clear();
        out.shrink_to(KEPT);
        if messages.capacity() > KEPT {
            messages.shrink_to(KEPT);
        }
        if conn.transport() != Transport::KeepOpen {
            // Whatever becomes of the socket, the protocol error is what there is to tell.
            let closed = linger(stream);
            return result.map_err(io::Error::other).and(closed);
        }
        if conn.state() == State::Closing {
            // One deadline for all that the client may still send, not one for each read.
            let deadline = *close_deadline.get_or_insert_with(|| Instant::now() + CLOSE_DEADLINE);
            stream.set_read_timeout(Some(left(deadline, "the client does not close")?))?;
        }
        match stream.read(buffer) {
            Ok(0) => {
                let closure = conn.receive_eof();
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("{closure:?}, {}", closure.code()),
                ));
            }
            Ok(read) => input = &mut buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => input = &mut [],
            Err(error) => return Err(error),
        }
    }
}

/// Closes so that what was written arrives: a socket that is dropped with unread input resets the
/// connection, and what the client has not read yet is lost.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    let deadline = Instant::now() + LINGER;
    stream.shutdown(Shutdown::Write)?;
    let mut unread = [0; 4096];
    while let Ok(left) = left(deadline, "the client does not close") {
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut unread) {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
    Ok(())
}

/// The time until the deadline, or this problem if it has passed.
fn left(deadline: Instant, problem: &str) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::Error::new(io::ErrorKind::TimedOut, problem)),
        left => Ok(left),
    }
}

/// The code and reason in a query such as `code=4001&reason=see%20you`; 1000 without a code.
fn asked_close(query: &str) -> (CloseCode, String) {
    let mut code = CloseCode::NORMAL;
    let mut reason = String::new();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            // What is no number is no status code either.
            "code" => code = CloseCode::new(value.parse().unwrap_or(0)),
            "reason" => reason = percent_decoded(value),
            _ => {}
        }
    }
    (code, reason)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match (
            byte,
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()),
        ) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

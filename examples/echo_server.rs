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

use websocket_proto::deflate::Policy;
use websocket_proto::handshake::server::{Handshake, Response};
use websocket_proto::{
    Assembler, Config, Connection, Growing, Inbox, Incoming, Server, State, Transport,
};

use answer::{Answer, DEFLATE, answer, take_deflate_flag};

// Files that are no examples of their own, which they would be beside this one.
#[path = "common/answer.rs"]
mod answer;
#[path = "common/respond.rs"]
mod respond;
#[cfg(test)]
#[path = "common/blocking_tests.rs"]
mod tests;

const HELP: &str = "\
usage: echo_server [ADDRESS] [--max-message BYTES] [--no-deflate | [--deflate-window BITS] [--no-context-takeover]]

  ADDRESS                where to listen; default 127.0.0.1:9001
  --max-message BYTES    the largest message to take; default 67108864 (64 MiB)
  --no-deflate           decline permessage-deflate
  --deflate-window BITS  compress with windows of at most so many bits, 9 to 15, in both directions; default 15
  --no-context-takeover  compress every message by itself, in both directions

Echoes text and binary. The first subprotocol offered among chat, superchat and echo is chosen. A WebSocket opened at
/close?code=N&reason=R is closed at once with that code and reason. GET / is a page to try all this.

It is an example: connections may be silent for as long as they like, and as many as there are threads.";

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
    deflate: Option<Policy>,
}

fn main() -> ExitCode {
    let mut options = Options {
        max_message: 64 << 20,
        deflate: Some(DEFLATE),
    };
    let mut address = String::from("127.0.0.1:9001");
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--max-message" => match args.next().and_then(|bytes| bytes.parse().ok()) {
                Some(bytes) => options.max_message = bytes,
                None => return usage("--max-message wants a number of bytes"),
            },
            flag if flag.starts_with('-') => {
                match take_deflate_flag(&mut options.deflate, flag, &mut args) {
                    Ok(true) => {}
                    Ok(false) => return usage(&format!("there is no {flag}")),
                    Err(problem) => return usage(problem),
                }
            }
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
                let (negotiated, close) = match answer(&request, options.deflate) {
                    Answer::Accept(upgrade, acceptance, close) => {
                        let negotiated = upgrade.accept(&acceptance, &mut out);
                        (negotiated.map_err(io::Error::other)?, close)
                    }
                    Answer::Respond(response) => {
                        return respond(stream, &response, request.method() == "HEAD");
                    }
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
                let inbox = Inbox::with_buffer(buffer, Assembler::default());
                let inbox = inbox
                    .with_unread(head_len..filled)
                    .map_err(io::Error::other)?;
                return echo(stream, conn, inbox, out);
            }
            Err(error) => return respond(stream, &error.response(), false),
        }
    }
}

/// Answers a request of which no WebSocket connection comes.
fn respond(mut stream: &TcpStream, response: &Response<'_>, is_head: bool) -> io::Result<()> {
    let mut out = Vec::new();
    respond::write(response, is_head, &mut out)?;
    stream.write_all(&out)?;
    linger(stream)
}

/// The data phase: sends every message back.
///
/// It writes before it reads on, so it reads nothing from a client that does not take its answers. That
/// is right for an echo, which has nothing else to say. A server that sends of its own accord has to read
/// meanwhile, in another thread say, as the client in `examples/client.rs` does: two ends that both write
/// first stand still for ever.
fn echo(
    mut stream: &TcpStream,
    mut conn: Connection<Server>,
    mut inbox: Inbox<Vec<u8>, Growing>,
    mut out: Vec<u8>,
) -> io::Result<()> {
    stream.set_read_timeout(None)?;
    let mut close_deadline = None;
    loop {
        let result = loop {
            match conn.receive_from(&mut inbox, &mut out) {
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
        inbox.assembler().shrink_to(KEPT);
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
        let room = conn.read_room(&mut inbox).map_err(io::Error::other)?;
        match stream.read(room) {
            Ok(0) => {
                let closure = conn.receive_eof();
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    closure.to_string(),
                ));
            }
            Ok(read) => inbox.filled(read).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Closes so that what was written arrives: a socket that is dropped with unread input resets the
/// connection, and what the client has not read yet is lost.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    let deadline = Instant::now() + LINGER;
    if stream.shutdown(Shutdown::Write).is_err() {
        // The client is gone already, having all it wants.
        return Ok(());
    }
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

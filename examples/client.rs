//! A client on the standard library alone: interactive, or under test by an Autobahn-like fuzzing
//! server.
//!
//! ```text
//! cargo run --release --example client -- ws://127.0.0.1:9001/
//! ```
//!
//! A line typed is a text message, messages are printed, the end of the input closes. See `--help`
//! for the rest.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "the lints for what a peer's bytes can reach hold in the library; an example is to be read"
)]

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use websocket_proto::deflate::Policy;
use websocket_proto::frame::{CloseCode, MaskingKey};
use websocket_proto::handshake::client::{Handshake, Outcome};
use websocket_proto::{
    Assembler, Client, Closure, Config, Connection, Growing, Incoming, MaskingKeys, Message,
    ReceiveError, State, Transport,
};

const HELP: &str = "\
usage: client [URL] [--protocol NAME]... [--no-deflate]
       client --autobahn URL [--no-deflate | --keep-context]

  URL              ws://HOST[:PORT][/PATH]; default ws://127.0.0.1:9001/
  --protocol NAME  offer this subprotocol; may be given again
  --no-deflate     do not offer permessage-deflate
  --autobahn URL   be tested: ask /getCaseCount, echo through each /runCase, ask /updateReports; a case that the server
                   ends by closing the transport counts as ended, for fuzzing servers do that
  --keep-context   under test, do not offer client_no_context_takeover: most servers accept it from whoever offers it";

/// How long the server may take for anything that it owes us.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a connection is drained after the last byte was written.
const LINGER: Duration = Duration::from_secs(1);
const READ_BUFFER: usize = 64 << 10;

fn main() -> ExitCode {
    let mut url = String::from("ws://127.0.0.1:9001/");
    let mut subprotocols = Vec::new();
    let mut autobahn = false;
    let mut keep_context = false;
    // Short messages are compressed, too, for there is nothing else to see here.
    let mut deflate = Some(Policy::default().threshold(0));
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--autobahn" => autobahn = true,
            "--keep-context" => keep_context = true,
            "--no-deflate" => deflate = None,
            "--protocol" => match args.next() {
                Some(subprotocol) => subprotocols.push(subprotocol),
                None => return usage("--protocol wants a name"),
            },
            flag if flag.starts_with('-') => return usage(&format!("there is no {flag}")),
            _ => url = arg,
        }
    }
    let subprotocols: Vec<&str> = subprotocols.iter().map(String::as_str).collect();
    // A fuzzing server may ask a client to forget its context only if the client says that it can.
    if autobahn && !keep_context {
        deflate = deflate.map(|policy| policy.send_context_takeover(false));
    }
    let result = if autobahn {
        be_tested(&url, deflate)
    } else {
        talk(&url, &subprotocols, deflate)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{url}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{HELP}");
    ExitCode::from(2)
}

/// A source of masking keys that nobody can foretell: `SipHash`, keyed with the operating system's
/// randomness, over a count.
///
/// It is what the standard library alone offers. A program with dependencies takes the operating
/// system's source itself.
struct Keys {
    hasher: RandomState,
    count: u64,
}

impl Keys {
    fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            count: 0,
        }
    }

    fn next_bytes(&mut self) -> [u8; 8] {
        self.count += 1;
        self.hasher.hash_one(self.count).to_ne_bytes()
    }
}

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> MaskingKey {
        let [a, b, c, d, ..] = self.next_bytes();
        MaskingKey::new([a, b, c, d])
    }
}

/// A connection that is open, and the transport below it.
struct Session {
    stream: TcpStream,
    conn: Connection<Client<Keys>>,
    /// What came behind the head of the opening handshake.
    leftover: Vec<u8>,
}

/// Opens a connection.
fn connect(
    url: &str,
    subprotocols: &[&str],
    deflate: Option<Policy>,
) -> Result<Session, Box<dyn Error>> {
    let rest = url
        .strip_prefix("ws://")
        .ok_or("the URL must begin with ws://")?;
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let target = if target.starts_with('/') {
        target.into()
    } else {
        format!("/{target}")
    };
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let address = if has_port {
        authority.into()
    } else {
        format!("{authority}:80")
    };

    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;

    let mut keys = Keys::new();
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&keys.next_bytes());
    nonce[8..].copy_from_slice(&keys.next_bytes());
    let mut handshake = Handshake::new(nonce, authority, &target).subprotocols(subprotocols);
    if let Some(policy) = deflate {
        handshake = handshake.deflate(policy);
    }
    let mut out = Vec::new();
    handshake.write_request(&mut out)?;
    stream.write_all(&out)?;

    let mut buffer = vec![0; READ_BUFFER];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Err("the server went away in the opening handshake".into()),
            read => filled += read,
        }
        match handshake.receive(&buffer[..filled])? {
            None => {}
            Some(Outcome::Open(accepted)) => {
                let conn = Connection::new(Client::new(keys), accepted.negotiated, config());
                if let Some(subprotocol) = accepted.negotiated.subprotocol {
                    println!("subprotocol: {subprotocol}");
                }
                if accepted.negotiated.deflate.is_some() {
                    println!("messages are compressed");
                }
                let leftover = buffer[accepted.head_len..filled].to_vec();
                return Ok(Session {
                    stream,
                    conn,
                    leftover,
                });
            }
            Some(Outcome::Rejected(rejected)) => {
                return Err(
                    format!("the server answers {} {}", rejected.status, rejected.reason).into(),
                );
            }
            Some(_) => return Err("the server answers something new".into()),
        }
    }
}

fn config() -> Config {
    Config::default()
        .max_frame_len(64 << 20)
        .max_message_len(64 << 20)
}

/// What the interactive client waits for.
enum Happening {
    Line(String),
    EndOfLines,
    Bytes(Vec<u8>),
    EndOfBytes,
}

/// Waits for lines and bytes in threads of their own, which wait in turn when the program is behind:
/// a server that floods makes nothing grow. The connection itself stays in one thread and
/// needs no lock.
fn happenings(mut reader: TcpStream, leftover: Vec<u8>) -> Receiver<Happening> {
    let (lines, happenings) = mpsc::sync_channel(16);
    let bytes = lines.clone();
    thread::spawn(move || {
        let _ = bytes.send(Happening::Bytes(leftover));
        let mut buffer = vec![0; READ_BUFFER];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            if bytes
                .send(Happening::Bytes(buffer[..read].to_vec()))
                .is_err()
            {
                return;
            }
        }
        let _ = bytes.send(Happening::EndOfBytes);
    });
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.send(Happening::Line(line)).is_err() {
                return;
            }
        }
        let _ = lines.send(Happening::EndOfLines);
    });
    happenings
}

/// The interactive client.
fn talk(url: &str, subprotocols: &[&str], deflate: Option<Policy>) -> Result<(), Box<dyn Error>> {
    let Session {
        mut stream,
        mut conn,
        leftover,
    } = connect(url, subprotocols, deflate)?;
    println!("connected to {url}; type a line to send it, end the input to close");
    stream.set_read_timeout(None)?;
    let happenings = happenings(stream.try_clone()?, leftover);

    let mut messages = Assembler::default();
    let mut out = Vec::new();
    let mut close_deadline = None;
    loop {
        let happening = if conn.state() == State::Open {
            happenings.recv()?
        } else {
            // One deadline for all that the server may still send.
            let deadline = *close_deadline.get_or_insert_with(|| Instant::now() + DEADLINE);
            happenings
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .map_err(|_| "the server does not close")?
        };
        let mut received = Ok(());
        match happening {
            Happening::Line(line) if conn.state() == State::Open => {
                conn.send_text(&line, &mut out)?;
            }
            Happening::EndOfLines if conn.state() == State::Open => {
                conn.close(CloseCode::NORMAL, "", &mut out)?;
            }
            Happening::Line(_) | Happening::EndOfLines => {}
            Happening::Bytes(mut bytes) => {
                received = print_all(&mut conn, &mut bytes, &mut messages, &mut out);
            }
            Happening::EndOfBytes => {
                let closure = conn.receive_eof();
                println!("closed: {}", closure.code());
                return if closure.is_clean() {
                    Ok(())
                } else {
                    Err(format!("{closure:?}").into())
                };
            }
        }
        // Also after an error: the Close that tells the server is in the output.
        stream.write_all(&out)?;
        out.clear();
        if let Err(error) = received {
            linger(&stream)?;
            return Err(error.into());
        }
    }
}

/// Prints what is in these bytes.
fn print_all(
    conn: &mut Connection<Client<Keys>>,
    bytes: &mut [u8],
    messages: &mut Assembler<Growing>,
    out: &mut Vec<u8>,
) -> Result<(), ReceiveError> {
    let mut input = bytes;
    while let Some(incoming) = conn.receive_message(&mut input, messages, out)? {
        match incoming {
            Incoming::Message(Message::Text(text)) => {
                println!("< {}", text.replace(char::is_control, "\u{fffd}"));
            }
            Incoming::Message(Message::Binary(bytes)) => println!("< {} bytes", bytes.len()),
            Incoming::Close(frame) => println!("the server closes: {frame}"),
            _ => {}
        }
    }
    Ok(())
}

/// The client under test: echoes whatever a fuzzing server sends, case by case.
fn be_tested(url: &str, deflate: Option<Policy>) -> Result<(), Box<dyn Error>> {
    let url = url.trim_end_matches('/');
    let agent = "agent=websocket-proto";
    let mut count = None;
    run(
        connect(&format!("{url}/getCaseCount?{agent}"), &[], deflate)?,
        |message| {
            if let Message::Text(text) = message {
                count = text.trim().parse::<u32>().ok();
            }
            false
        },
    )?;
    let count = count.ok_or("the server does not say how many cases there are")?;

    let (mut clean, mut failed, mut cut) = (0, 0, 0);
    for case in 1..=count {
        let session = connect(&format!("{url}/runCase?case={case}&{agent}"), &[], deflate)?;
        match run(session, |_| true).map_err(|error| format!("case {case}: {error}"))? {
            Closure::Clean(_) => clean += 1,
            // What a broken peer is owed.
            Closure::Failed => failed += 1,
            // The server may end a case by closing the transport.
            _ => cut += 1,
        }
    }
    run(
        connect(&format!("{url}/updateReports?{agent}"), &[], deflate)?,
        |_| false,
    )?;
    println!(
        "{count} cases: {clean} closed cleanly, {failed} failed by this client, {cut} cut by the server"
    );
    Ok(())
}

/// Runs a session to its end; `is_echoed` sees each message and says whether it is sent back.
fn run(session: Session, mut is_echoed: impl FnMut(&Message<'_>) -> bool) -> io::Result<Closure> {
    let Session {
        mut stream,
        mut conn,
        mut leftover,
    } = session;
    let mut messages = Assembler::default();
    let mut out = Vec::new();
    let mut buffer = vec![0; READ_BUFFER];
    let mut input = &mut leftover[..];
    loop {
        loop {
            match conn.receive_message(&mut input, &mut messages, &mut out) {
                Ok(Some(Incoming::Message(message)))
                    if conn.state() == State::Open && is_echoed(&message) =>
                {
                    conn.send(message, &mut out).map_err(io::Error::other)?;
                }
                Ok(Some(_)) => {}
                // The Close that reports an error is in `out`, and `transport` says to close.
                Ok(None) | Err(_) => break,
            }
        }
        let written = stream.write_all(&out);
        out.clear();
        if conn.transport() == Transport::CloseNow {
            return linger(&stream).map(|()| conn.receive_eof());
        }
        match written.and_then(|()| stream.read(&mut buffer)) {
            Ok(0) => return Ok(conn.receive_eof()),
            Ok(read) => input = &mut buffer[..read],
            Err(error) if is_end(&error) => return Ok(conn.receive_eof()),
            Err(error) => return Err(error),
        }
    }
}

/// Closes so that the Close frame arrives: a socket that is dropped with unread input resets the
/// connection.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    let deadline = Instant::now() + LINGER;
    let mut unread = [0; 4096];
    if stream.shutdown(Shutdown::Write).is_err() {
        return Ok(());
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut unread) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Ok(()),
        }
    }
}

/// Whether the error says that the other end is gone.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset
    )
}

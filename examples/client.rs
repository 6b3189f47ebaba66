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
use std::io::{self, BufRead, BufReader, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use websocket_proto::deflate::Policy;
use websocket_proto::frame::{CloseCode, MaskingKey};
use websocket_proto::handshake::client::{Handshake, Outcome};
use websocket_proto::{
    Assembler, Client, Closure, Config, Connection, Growing, Incoming, MaskingKeys, Message,
    ReceiveError, Receiver, Reply, State, Transport,
};

// A file that is no example of its own, which it would be beside this one.
#[cfg(test)]
#[path = "common/client_tests.rs"]
mod tests;

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
    /// There is something in [`Owed`].
    Owed,
}

/// What the thread that reads has for the one that writes. It grows with nothing that the server does.
#[derive(Default)]
struct Owed {
    /// The newest Pong, which answers all Pings before it.
    pong: Option<Reply>,
    /// The answer to a Close, to a fault, and to the end: one of each at most.
    others: Vec<Reply>,
    fault: Option<ReceiveError>,
}

impl Owed {
    fn push(&mut self, reply: Reply) {
        if reply.is_pong() {
            self.pong = Some(reply);
        } else {
            self.others.push(reply);
        }
    }
}

/// Waits for lines in a thread of its own, which waits in turn when the program is behind.
fn wait_for_lines(lines: impl Read + Send + 'static, happenings: SyncSender<Happening>) {
    thread::spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            if happenings.send(Happening::Line(line)).is_err() {
                return;
            }
        }
        let _ = happenings.send(Happening::EndOfLines);
    });
}

/// Reads in a thread of its own, which never waits for the one that writes: a server that does not read
/// until we do would wait for ever.
fn read_all(
    mut stream: TcpStream,
    mut receiver: Receiver<Client<Keys>>,
    mut leftover: Vec<u8>,
    owed: Arc<Mutex<Owed>>,
    happenings: SyncSender<Happening>,
) {
    thread::spawn(move || {
        let tell = |note: &dyn Fn(&mut Owed)| {
            note(&mut owed.lock().unwrap_or_else(PoisonError::into_inner));
            // Where there is no room, other things have happened, and what is owed is seen with them.
            let _ = happenings.try_send(Happening::Owed);
        };
        let mut messages = Assembler::default();
        let mut buffer = vec![0; READ_BUFFER];
        let mut input = &mut leftover[..];
        loop {
            let owe = |reply: Reply| tell(&|owed| owed.push(reply.clone()));
            if let Err(fault) = print_all(&mut receiver, input, &mut messages, owe) {
                return tell(&|owed| owed.fault = Some(fault));
            }
            let Ok(read @ 1..) = stream.read(&mut buffer) else {
                let end = receiver.receive_eof();
                return tell(&|owed| owed.push(end.clone()));
            };
            input = &mut buffer[..read];
        }
    });
}

/// The interactive client.
fn talk(url: &str, subprotocols: &[&str], deflate: Option<Policy>) -> Result<(), Box<dyn Error>> {
    let session = connect(url, subprotocols, deflate)?;
    println!("connected to {url}; type a line to send it, end the input to close");
    let closure = converse(session, io::stdin())?;
    println!("closed: {}", closure.code());
    if closure.is_clean() {
        Ok(())
    } else {
        Err(format!("{closure:?}").into())
    }
}

/// Sends lines and prints messages. This thread writes, another one reads.
fn converse(
    session: Session,
    lines: impl Read + Send + 'static,
) -> Result<Closure, Box<dyn Error>> {
    let Session {
        mut stream,
        conn,
        leftover,
    } = session;
    stream.set_read_timeout(None)?;
    let (receiver, mut sender) = conn.split();
    let owed = Arc::default();
    let (tell, happenings) = mpsc::sync_channel(16);
    wait_for_lines(lines, tell.clone());
    let reader = stream.try_clone()?;
    read_all(reader, receiver, leftover, Arc::clone(&owed), tell);

    let mut out = Vec::new();
    let mut close_deadline = None;
    loop {
        let happening = if sender.state() == State::Open {
            happenings.recv()?
        } else {
            // One deadline for all that the server may still send.
            let deadline = *close_deadline.get_or_insert_with(|| Instant::now() + DEADLINE);
            happenings
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
                .map_err(|_| "the server does not close")?
        };
        let Owed {
            pong,
            others,
            fault,
        } = mem::take(&mut *owed.lock().unwrap_or_else(PoisonError::into_inner));
        for reply in pong.into_iter().chain(others) {
            sender.reply(reply, &mut out);
        }
        match happening {
            Happening::Line(line) if sender.state() == State::Open => {
                sender.send_text(&line, &mut out)?;
            }
            Happening::EndOfLines if sender.state() == State::Open => {
                sender.close(CloseCode::NORMAL, "", &mut out)?;
            }
            _ => {}
        }
        if let Some(closure) = sender.closure() {
            return Ok(closure);
        }
        // Also after an error: the Close that tells the server is in the output.
        stream.write_all(&out)?;
        out.clear();
        if let Some(fault) = fault {
            linger(&stream)?;
            return Err(fault.into());
        }
    }
}

/// Prints what is in these bytes.
fn print_all(
    receiver: &mut Receiver<Client<Keys>>,
    mut input: &mut [u8],
    messages: &mut Assembler<Growing>,
    mut owe: impl FnMut(Reply),
) -> Result<(), ReceiveError> {
    while let Some(incoming) = receiver.receive_message(&mut input, messages, &mut owe)? {
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

/// Runs a session to its end, in one thread: it writes before it reads on, which is right for an echo
/// only. `is_echoed` sees each message and says whether it is sent back.
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

//! The interactive client, with the other end in this process.

use std::io::{Cursor, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use websocket_proto::frame::CloseCode;
use websocket_proto::{
    Assembler, Client, Closure, Config, Connection, Incoming, Negotiated, Server, Transport,
};

use super::{DEADLINE, Keys, Session, config, converse};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SENT: usize = 12 << 20;

/// A client that says these lines, and what is at the other end of it. The client is given up after
/// some time.
fn start(
    lines: impl Read + Send + 'static,
) -> Result<(TcpStream, mpsc::Receiver<Result<Closure>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    server.set_read_timeout(Some(DEADLINE))?;
    server.set_write_timeout(Some(Duration::from_secs(10)))?;
    let session = Session {
        stream,
        conn: Connection::new(Client::new(Keys::new()), Negotiated::default(), config()),
        leftover: Vec::new(),
    };
    let (tell, ended) = mpsc::channel();
    thread::spawn(move || {
        let closure = converse(session, lines);
        tell.send(closure.map_err(|error| error.to_string().into()))
    });
    Ok((server, ended))
}

/// What a server does that is written as badly as can be: it writes all it has, with Pings in between,
/// before it reads.
#[test]
fn a_server_that_writes_before_it_reads_does_not_stop_the_client() -> Result<()> {
    let line = "x".repeat(100_000);
    let lines = format!("{line}\n").repeat(SENT / line.len());
    let (mut server, ended) = start(Cursor::new(lines))?;
    let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    let mut out = Vec::new();
    for _ in 0..SENT / 50_000 {
        conn.send_binary(&vec![7; 50_000], &mut out)?;
        conn.ping(b"there?", &mut out)?;
    }
    server.write_all(&out)?;
    out.clear();

    let (mut came, mut pongs) = (0, 0);
    let mut messages = Assembler::default();
    let mut buffer = vec![0; 64 << 10];
    while conn.transport() != Transport::CloseNow {
        let read = server.read(&mut buffer)?;
        let mut input = &mut buffer[..read];
        while let Some(incoming) = conn.receive_message(&mut input, &mut messages, &mut out)? {
            match incoming {
                Incoming::Message(message) => came += message.as_bytes().len(),
                Incoming::Pong(_) => pongs += 1,
                _ => {}
            }
        }
    }
    assert_eq!(came, SENT / line.len() * line.len());
    assert!((1..=SENT / 50_000).contains(&pongs), "{pongs}");
    server.write_all(&out)?;
    drop(server);
    let closure = ended.recv_timeout(DEADLINE)??;
    assert_eq!(closure, Closure::Clean(CloseCode::NORMAL));
    Ok(())
}

#[test]
fn a_fault_is_told_to_the_server_and_to_the_user() -> Result<()> {
    // Lines that do not end.
    let (lines, _more_lines) = pipe()?;
    let (mut server, ended) = start(lines)?;
    // A frame that a client may not get: it is masked.
    server.write_all(b"\x81\x81\0\0\0\0x")?;
    let mut came = Vec::new();
    server.read_to_end(&mut came)?;
    let unmasked = |payload: &[u8], key: &[u8]| -> Vec<u8> {
        let bytes = payload.iter().zip(key.iter().cycle());
        bytes.map(|(byte, key)| byte ^ key).collect()
    };
    assert_eq!(came[..2], [0x88, 0x82]);
    assert_eq!(unmasked(&came[6..], &came[2..6]), 1002_u16.to_be_bytes());
    drop(server);
    assert!(ended.recv_timeout(DEADLINE)?.is_err());
    Ok(())
}

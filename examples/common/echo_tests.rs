//! What every echo server is to do on HTTP/1.1, with a blocking client on the library's other role.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use websocket_proto::frame::{CloseCode, CloseFrame};
use websocket_proto::handshake::client::{Handshake, Outcome};
use websocket_proto::{
    Assembler, Client, Config, Connection, Growing, Incoming, Message, Transport,
};

use crate::running::{DEADLINE, Keys, Result, Running};

/// A blocking client.
struct WebSocket {
    stream: TcpStream,
    conn: Connection<Client<Keys>>,
    subprotocol: Option<String>,
    messages: Assembler<Growing>,
    buffer: Vec<u8>,
    unread: std::ops::Range<usize>,
}

/// What a client has received, as its own.
#[derive(Debug, PartialEq)]
enum Received {
    Text(String),
    Binary(Vec<u8>),
    Close(CloseFrame),
}

impl WebSocket {
    fn open(server: &Running, target: &str, subprotocols: &[&str]) -> Result<Self> {
        let mut stream = server.connect()?;
        let mut out = Vec::new();
        let mut handshake =
            Handshake::new([7; 16], &server.address, target).subprotocols(subprotocols);
        handshake.write_request(&mut out)?;
        stream.write_all(&out)?;
        let mut buffer = vec![0; 64 << 10];
        let mut filled = 0;
        loop {
            match stream.read(&mut buffer[filled..])? {
                0 => return Err("the end, in the handshake".into()),
                read => filled += read,
            }
            let Some(outcome) = handshake.receive(&buffer[..filled])? else {
                continue;
            };
            let Outcome::Open(accepted) = outcome else {
                return Err(format!("{outcome:?}").into());
            };
            let (negotiated, head_len) = (accepted.negotiated, accepted.head_len);
            return Ok(Self {
                conn: Connection::new(Client::new(Keys(1)), negotiated, Config::default()),
                subprotocol: negotiated.subprotocol.map(String::from),
                messages: Assembler::default(),
                stream,
                buffer,
                unread: head_len..filled,
            });
        }
    }

    fn send(&mut self, message: Message<'_>) -> Result<()> {
        let mut out = Vec::new();
        self.conn.send(message, &mut out)?;
        Ok(self.stream.write_all(&out)?)
    }

    /// The next message or Close, which is answered.
    fn receive(&mut self) -> Result<Received> {
        loop {
            let mut out = Vec::new();
            let len = self.unread.len();
            let mut input = &mut self.buffer[self.unread.clone()];
            let incoming = self
                .conn
                .receive_message(&mut input, &mut self.messages, &mut out)?;
            self.unread.start += len - input.len();
            self.stream.write_all(&out)?;
            match incoming {
                Some(Incoming::Message(Message::Text(text))) => {
                    return Ok(Received::Text(text.into()));
                }
                Some(Incoming::Message(Message::Binary(bytes))) => {
                    return Ok(Received::Binary(bytes.into()));
                }
                Some(Incoming::Close(frame)) => return Ok(Received::Close(frame)),
                Some(_) => {}
                None => {
                    let read = self.stream.read(&mut self.buffer)?;
                    self.unread = 0..read;
                    if read == 0 {
                        return Err(format!("{:?}", self.conn.receive_eof()).into());
                    }
                }
            }
        }
    }

    /// The end after a Close: the server closes the transport first, and cleanly.
    fn ends_cleanly(mut self) -> Result<()> {
        assert_eq!(self.conn.transport(), Transport::AwaitPeerClose);
        assert_eq!(self.stream.read(&mut self.buffer)?, 0);
        assert!(self.conn.receive_eof().is_clean());
        Ok(())
    }
}

fn close(code: u16, reason: &str) -> Result<Received> {
    Ok(Received::Close(CloseFrame::new(
        CloseCode::new(code),
        reason,
    )?))
}

#[test]
fn echoes_what_it_gets() -> Result<()> {
    let server = Running::start(&[])?;
    let mut socket = WebSocket::open(&server, "/", &["other", "echo", "chat"])?;
    assert_eq!(socket.subprotocol.as_deref(), Some("echo"));
    for len in [0, 125, 126, 65_535, 65_536, 1 << 20] {
        let text = "x".repeat(len);
        socket.send(Message::Text(&text))?;
        assert!(socket.receive()? == Received::Text(text), "{len}");
        let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
        socket.send(Message::Binary(&bytes))?;
        assert!(socket.receive()? == Received::Binary(bytes), "{len}");
    }
    let mut out = Vec::new();
    socket.conn.close(CloseCode::NORMAL, "", &mut out)?;
    socket.stream.write_all(&out)?;
    assert_eq!(socket.receive()?, close(1000, "")?);
    socket.ends_cleanly()
}

#[test]
fn closes_as_asked() -> Result<()> {
    let server = Running::start(&[])?;
    let mut socket = WebSocket::open(&server, "/close?code=4001&reason=x", &[])?;
    assert_eq!(socket.receive()?, close(4001, "x")?);
    socket.ends_cleanly()
}

#[test]
fn serves_the_page_and_nothing_else() -> Result<()> {
    let server = Running::start(&[])?;
    for (target, status) in [("/", "200"), ("/other", "404")] {
        let mut stream = server.connect()?;
        write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")));
    }
    Ok(())
}

/// RFC 9112, section 3.2: whoever asks for a page says the host, and says it once.
#[test]
fn refuses_a_page_without_one_host() -> Result<()> {
    let server = Running::start(&[])?;
    for (fields, status) in [
        ("Host: localhost\r\n", "200"),
        ("", "400"),
        ("Host: a\r\nHost: a\r\n", "400"),
        ("Host: a b\r\n", "400"),
    ] {
        let mut stream = server.connect()?;
        write!(
            stream,
            "GET / HTTP/1.1\r\nConnection: close\r\n{fields}\r\n"
        )?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(response.starts_with(&expected), "{fields:?}: {response}");
    }
    Ok(())
}

/// What there is for GET, without its content.
#[test]
fn answers_head_like_get_without_content() -> Result<()> {
    let server = Running::start(&[])?;
    for target in ["/", "/other"] {
        let [head, get] = ["HEAD", "GET"].map(|method| -> Result<String> {
            let mut stream = server.connect()?;
            write!(
                stream,
                "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )?;
            let mut response = String::new();
            stream.read_to_string(&mut response)?;
            Ok(response)
        });
        let (head, get) = (head?, get?);
        let (get_head, content) = get.split_at(get.find("\r\n\r\n").ok_or("no head")? + 4);
        assert!(!content.is_empty());
        // But for the time of day.
        let fields = |head: &str| {
            let is_date = |line: &&str| line.to_ascii_lowercase().starts_with("date:");
            let fields = head.lines().filter(|line| !is_date(line));
            fields.map(str::to_ascii_lowercase).collect::<Vec<_>>()
        };
        assert_eq!(fields(&head), fields(get_head));
        assert!(fields(&head).contains(&format!("content-length: {}", content.len())));
        assert!(head.ends_with("\r\n\r\n"));
    }
    Ok(())
}

/// A socket that is dropped with unread input resets the connection: the Close has to arrive all the
/// same.
#[test]
fn tells_of_a_fault_whoever_still_sends() -> Result<()> {
    let server = Running::start(&[])?;
    let mut socket = WebSocket::open(&server, "/", &[])?;
    // A masked frame, of an opcode that is none.
    socket.stream.write_all(&[0x83, 0x80, 0, 0, 0, 0])?;
    for _ in 0..500 {
        socket.stream.write_all(&[7; 1000])?;
    }
    assert_eq!(socket.receive()?, close(1002, "")?);
    Ok(())
}

/// Whoever closes may be gone before the answer comes: that is nothing to log.
#[test]
#[cfg(unix)]
fn logs_nothing_of_who_is_gone_after_its_close() -> Result<()> {
    let mut server = Running::start(&[])?;
    for _ in 0..20 {
        let mut socket = WebSocket::open(&server, "/", &[])?;
        let mut out = Vec::new();
        socket.conn.close(CloseCode::NORMAL, "", &mut out)?;
        socket.stream.write_all(&out)?;
    }
    // Each of them has been accepted, and so has one more that is served to its end.
    let mut socket = WebSocket::open(&server, "/close?code=1000", &[])?;
    assert_eq!(socket.receive()?, close(1000, "")?);
    socket.ends_cleanly()?;
    server.signal("TERM")?;
    assert_eq!(server.ended()?.code(), Some(0));
    let mut log = String::new();
    let stderr = server.child.stderr.as_mut().ok_or("piped")?;
    stderr.read_to_string(&mut log)?;
    assert_eq!(log, "");
    Ok(())
}

/// A client that sends much and reads nothing first is stopped by TCP, not by the server's memory,
/// and the server gets on once it reads.
#[test]
fn waits_for_who_does_not_read() -> Result<()> {
    let server = Running::start(&[])?;
    let mut socket = WebSocket::open(&server, "/", &[])?;
    let bytes = vec![7; 1 << 20];
    let mut out = Vec::new();
    for _ in 0..32 {
        socket.conn.send_binary(&bytes, &mut out)?;
    }
    let mut writer = socket.stream.try_clone()?;
    let writing = std::thread::spawn(move || writer.write_all(&out));
    sleep(Duration::from_millis(500));
    assert!(
        !writing.is_finished(),
        "32 MiB were taken from who does not read"
    );
    for _ in 0..32 {
        assert!(socket.receive()? == Received::Binary(bytes.clone()));
    }
    writing.join().map_err(|_| "the writer")??;
    Ok(())
}

#[test]
fn serves_no_more_than_it_may() -> Result<()> {
    let server = Running::start(&["--max-connections", "1"])?;
    let mut first = WebSocket::open(&server, "/close?code=1000", &[])?;
    let mut second = server.connect()?;
    second.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    second.set_read_timeout(Some(Duration::from_millis(300)))?;
    assert!(second.read(&mut [0; 64]).is_err(), "the second waits");
    assert_eq!(first.receive()?, close(1000, "")?);
    first.ends_cleanly()?;
    second.set_read_timeout(Some(DEADLINE))?;
    assert!(second.read(&mut [0; 64])? > 0, "its turn has come");
    Ok(())
}

#[test]
#[cfg(unix)]
fn closes_everything_when_it_is_to_stop() -> Result<()> {
    for signal in ["TERM", "INT"] {
        let mut server = Running::start(&[])?;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(WebSocket::open(&server, "/", &[])?);
        }
        let _in_handshake = server.connect()?;
        server.signal(signal)?;
        for mut socket in sockets {
            assert_eq!(socket.receive()?, close(1001, "the server stops")?);
            socket.ends_cleanly()?;
        }
        assert_eq!(server.ended()?.code(), Some(0));
    }
    Ok(())
}

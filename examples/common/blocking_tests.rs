//! What the echo server on the standard library is to do, in this process.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use websocket_proto::frame::{CloseCode, CloseFrame};

use super::{CLOSE_DEADLINE, Options, serve};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const OPTIONS: Options = Options {
    max_message: 1 << 20,
    deflate: None,
};
const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A client's socket, and what becomes of it at the server.
fn start() -> Result<(TcpStream, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(CLOSE_DEADLINE))?;
    client.set_write_timeout(Some(CLOSE_DEADLINE))?;
    let (server, _) = listener.accept()?;
    Ok((client, thread::spawn(move || serve(&server, OPTIONS))))
}

/// The same with the opening handshake done.
fn open() -> Result<(TcpStream, JoinHandle<io::Result<()>>)> {
    let (mut client, served) = start()?;
    client.write_all(REQUEST)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    Ok((client, served))
}

/// A frame from a client, with the key 0.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let [high, low] = len.to_be_bytes();
    let header = match len {
        0..=125 => vec![first, 0x80 | low, 0, 0, 0, 0],
        _ => vec![first, 0xfe, high, low, 0, 0, 0, 0],
    };
    [&header, payload].concat()
}

fn joined(served: JoinHandle<io::Result<()>>) -> Result<io::Result<()>> {
    served.join().map_err(|_| "the server".into())
}

#[test]
fn answers_head_like_get_without_content() -> Result<()> {
    for (target, status) in [("/", "200"), ("/other", "404")] {
        let [head, get] = ["HEAD", "GET"].map(|method| -> Result<String> {
            let (mut client, served) = start()?;
            write!(client, "{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n")?;
            let mut response = String::new();
            client.read_to_string(&mut response)?;
            joined(served)??;
            Ok(response)
        });
        let (head, get) = (head?, get?);
        assert!(get.starts_with(&format!("HTTP/1.1 {status} ")));
        let (get_head, content) = get.split_at(get.find("\r\n\r\n").ok_or("no head")? + 4);
        assert!(!content.is_empty());
        assert_eq!(head, get_head);
    }
    Ok(())
}

/// A socket that is dropped with unread input resets the connection: the Close has to arrive all the
/// same.
#[test]
fn a_client_that_still_sends_gets_the_close() -> Result<()> {
    let (mut client, served) = open()?;
    let text = frame(0x81, &[b'x'; 1000]);
    client.write_all(&frame(0x81, b"\xff"))?;
    for _ in 0..500 {
        client.write_all(&text)?;
    }
    client.shutdown(Shutdown::Write)?;
    let mut came = Vec::new();
    client.read_to_end(&mut came)?;
    let close = CloseFrame::new(CloseCode::INVALID_PAYLOAD_DATA, "")?;
    assert_eq!(came[..2], [0x88, 2]);
    assert_eq!(CloseFrame::decode(&came[2..])?, close);
    assert!(joined(served)?.is_err(), "the fault is told");
    Ok(())
}

#[test]
fn who_is_gone_after_its_close_is_no_error() -> Result<()> {
    for _ in 0..20 {
        let (mut client, served) = open()?;
        client.write_all(&frame(0x88, b"\x03\xe8"))?;
        drop(client);
        joined(served)??;
    }
    Ok(())
}

/// Messages come back while the client goes on sending, as much as there is.
#[test]
fn a_client_that_reads_while_it_writes_gets_all_back() -> Result<()> {
    let (mut client, served) = open()?;
    let message = frame(0x82, &vec![7; 60_000]);
    let mut writer = client.try_clone()?;
    let writing = thread::spawn(move || {
        for _ in 0..200 {
            writer.write_all(&message)?;
        }
        writer.write_all(&frame(0x88, b"\x03\xe8"))
    });
    let mut came = Vec::new();
    client.read_to_end(&mut came)?;
    assert_eq!(came.len(), 200 * 60_004 + 4);
    assert!(came.ends_with(b"\x88\x02\x03\xe8"));
    writing.join().map_err(|_| "the writer")??;
    joined(served)??;
    Ok(())
}

//! A blocking client on the library, which can also write what no client may.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

use websocket_proto::deflate::Policy;
use websocket_proto::frame::{CloseCode, MaskingKey};
use websocket_proto::handshake::client::{Handshake, Outcome};
use websocket_proto::{
    Assembler, Client, Config, Connection, Growing, Incoming, MaskingKeys, Message,
};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How long one read or write may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// Numbers that are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// At least 0, below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}

/// Enough against a server of one's own; a client in the wild needs keys that nobody can foretell.
pub(crate) struct Keys(Random);

impl MaskingKeys for Keys {
    fn next_key(&mut self) -> MaskingKey {
        MaskingKey::new((self.0.next() as u32).to_be_bytes())
    }
}

/// What became of a connection on which something wrong was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// The server's Close.
    Close(CloseCode),
    /// An HTTP status that opens nothing.
    Status(u16),
    /// The end of the stream, with nothing said.
    Ended,
    /// A reset, or a pipe that broke: the server closed while there was more to read.
    Reset,
    /// Nothing within the deadline.
    Silent,
}

impl Fate {
    /// What an error of the stream means, if the server is behind it.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                Some(Self::Reset)
            }
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Some(Self::Silent),
            _ => None,
        }
    }
}

pub(crate) fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// Ends a connection by a reset: whatever is on its way is lost.
pub(crate) fn reset(stream: TcpStream) -> io::Result<()> {
    let asked = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
    asked
}

/// The request that opens a WebSocket connection, as bytes.
pub(crate) fn request(address: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Handshake::new([7; 16], address, "/").write_request(&mut out)?;
    Ok(out)
}

/// A frame with any first byte, masked as a client has to.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = header(first, payload.len() as u64);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

/// The header of a masked frame that declares any length.
pub(crate) fn header(first: u8, len: u64) -> Vec<u8> {
    let mut header = vec![first];
    if let Ok(short @ ..126) = u8::try_from(len) {
        header.push(0x80 | short);
    } else if let Ok(len) = u16::try_from(len) {
        header.push(0xfe);
        header.extend(len.to_be_bytes());
    } else {
        header.push(0xff);
        header.extend(len.to_be_bytes());
    }
    header.extend([0x37, 0xfa, 0x21, 0x3d]);
    header
}

/// The status in the head of a response.
pub(crate) fn status(head: &[u8]) -> Option<u16> {
    let digits = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What came in, as its receiver needs it.
#[derive(Debug, PartialEq)]
pub(crate) enum Came {
    Message,
    Pong,
    Close(CloseCode),
    Ended,
}

/// A WebSocket connection.
pub(crate) struct WebSocket {
    pub(crate) stream: TcpStream,
    pub(crate) conn: Connection<Client<Keys>>,
    messages: Assembler<Growing>,
    buffer: Vec<u8>,
    unread: Range<usize>,
    pub(crate) out: Vec<u8>,
}

impl WebSocket {
    pub(crate) fn open(address: &str, seed: u64, deflate: Option<Policy>) -> Result<Self> {
        let mut stream = connect(address)?;
        let mut out = Vec::new();
        let mut handshake = Handshake::new([7; 16], address, "/");
        if let Some(policy) = deflate {
            handshake = handshake.deflate(policy);
        }
        handshake.write_request(&mut out)?;
        stream.write_all(&out)?;
        out.clear();
        let mut buffer = vec![0; 32 << 10];
        let mut filled = 0;
        loop {
            match stream.read(&mut buffer[filled..])? {
                0 => return Err("the end, in the opening handshake".into()),
                read => filled += read,
            }
            let Some(outcome) = handshake.receive(&buffer[..filled])? else {
                continue;
            };
            let Outcome::Open(accepted) = outcome else {
                return Err(format!("no 101 but {outcome:?}").into());
            };
            let (negotiated, head_len) = (accepted.negotiated, accepted.head_len);
            if deflate.is_some() && negotiated.deflate.is_none() {
                return Err("permessage-deflate was declined".into());
            }
            let role = Client::new(Keys(Random::new(seed)));
            return Ok(Self {
                stream,
                conn: Connection::new(role, negotiated, Config::default()),
                messages: Assembler::default(),
                buffer,
                unread: head_len..filled,
                out,
            });
        }
    }

    /// Writes what the library has put out.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    pub(crate) fn send(&mut self, message: Message<'_>) -> Result<()> {
        self.conn.send(message, &mut self.out)?;
        Ok(self.flush()?)
    }

    /// The next thing that comes in; a message has to be the one that is expected, if one is, byte
    /// for byte.
    pub(crate) fn receive(&mut self, expected: Option<Message<'_>>) -> Result<Came> {
        loop {
            let len = self.unread.len();
            let mut input = &mut self.buffer[self.unread.clone()];
            let incoming =
                self.conn
                    .receive_message(&mut input, &mut self.messages, &mut self.out)?;
            self.unread.start += len - input.len();
            let came = match incoming {
                Some(Incoming::Message(message)) => {
                    if expected.is_some_and(|expected| expected != message) {
                        return Err("an echo is not what was sent".into());
                    }
                    Some(Came::Message)
                }
                Some(Incoming::Pong(_)) => Some(Came::Pong),
                Some(Incoming::Close(frame)) => Some(Came::Close(frame.code())),
                Some(_) | None => None,
            };
            if !self.out.is_empty() {
                let written = self.stream.write_all(&self.out);
                self.out.clear();
                // A server that has failed the connection may be gone before the answer to its Close.
                if !matches!(came, Some(Came::Close(_))) {
                    written?;
                }
            }
            if let Some(came) = came {
                return Ok(came);
            }
            if self.unread.is_empty() {
                self.unread = 0..self.stream.read(&mut self.buffer)?;
                if self.unread.is_empty() {
                    return Ok(Came::Ended);
                }
            }
        }
    }

    /// Closes, and waits until the server has closed the transport.
    pub(crate) fn close(mut self) -> Result<()> {
        self.conn.close(CloseCode::NORMAL, "", &mut self.out)?;
        self.flush()?;
        match self.receive(None)? {
            Came::Close(CloseCode::NORMAL) => {}
            other => return Err(format!("no Close in answer but {other:?}").into()),
        }
        match self.stream.read(&mut self.buffer)? {
            0 if self.conn.receive_eof().is_clean() => Ok(()),
            _ => Err("no clean end behind the Close".into()),
        }
    }

    /// Writes bytes that break a rule, and says what the server makes of them.
    pub(crate) fn fate(&mut self, bytes: &[u8]) -> Result<Fate> {
        if let Err(error) = self.stream.write_all(bytes) {
            // The server may have closed before it had all of them; its Close may still be there.
            let fate = Fate::of(&error).ok_or(error)?;
            if fate == Fate::Silent {
                return Ok(fate);
            }
        }
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            match self.receive(None) {
                Ok(Came::Close(code)) => return Ok(Fate::Close(code)),
                Ok(Came::Ended) => return Ok(Fate::Ended),
                Ok(_) => {}
                Err(error) => match error.downcast_ref().and_then(Fate::of) {
                    Some(fate) => return Ok(fate),
                    None => return Err(error),
                },
            }
        }
        Ok(Fate::Silent)
    }
}

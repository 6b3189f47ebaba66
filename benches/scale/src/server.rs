//! A server without sockets: what it holds for a connection, how one is opened, read from, closed.

use std::error::Error;

use websocket_proto::deflate::Policy;
use websocket_proto::frame::MaskingKey;
use websocket_proto::handshake::server::{Acceptance, Handshake, OriginPolicy};
use websocket_proto::{
    Assembler, Client, Config, Connection, Growing, Incoming, Negotiated, ReceiveError, Server,
    State,
};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// Opens a connection by its opening handshake. With a policy the client offers permessage-deflate, too.
pub(crate) fn open(deflate: Option<Policy>, out: &mut Vec<u8>) -> Outcome<Connection<Server>> {
    let mut head = REQUEST.to_owned();
    let mut acceptance = Acceptance::default();
    if let Some(policy) = deflate {
        head.push_str("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        acceptance = acceptance.deflate(policy);
    }
    head.push_str("\r\n");
    let mut handshake = Handshake::default();
    let request = handshake
        .receive(head.as_bytes())?
        .ok_or("the head is whole")?;
    let negotiated = request
        .upgrade(OriginPolicy::Any)?
        .accept(&acceptance, out)?;
    if negotiated.deflate.is_some() != deflate.is_some() {
        return Err("permessage-deflate was not agreed on as it should be".into());
    }
    out.clear();
    Ok(Connection::new(Server, negotiated, Config::default()))
}

/// A client that has agreed on the same, to write what comes in.
pub(crate) fn client(
    deflate: Option<Policy>,
    key: [u8; 4],
) -> Connection<Client<impl FnMut() -> MaskingKey>> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = deflate.map(|policy| websocket_proto::deflate::Agreement::new(&policy));
    let role = Client::new(move || MaskingKey::new(key));
    Connection::new(role, negotiated, Config::default())
}

/// Takes a read and sends every message back; how many there were.
pub(crate) fn echo(
    conn: &mut Connection<Server>,
    messages: &mut Assembler<Growing>,
    read: &mut [u8],
    out: &mut Vec<u8>,
) -> Result<usize, ReceiveError> {
    let (mut input, mut count) = (read, 0);
    while let Some(incoming) = conn.receive_message(&mut input, messages, out)? {
        if let Incoming::Message(message) = incoming {
            // What is not sent is missed where the output is compared.
            count += usize::from(conn.send(message, out).is_ok());
        }
    }
    Ok(count)
}

/// Closes it as its client would: it has to be open, and to answer.
pub(crate) fn close(conn: &mut Connection<Server>, out: &mut Vec<u8>) -> Outcome<()> {
    if conn.state() != State::Open {
        return Err("a connection was not open at the end".into());
    }
    let mut read = *b"\x88\x82\0\0\0\0\x03\xe8";
    let mut input = &mut read[..];
    conn.receive_inflated(&mut input, &mut [0; 4], out)?;
    if out != b"\x88\x02\x03\xe8" {
        return Err("a Close was not answered".into());
    }
    out.clear();
    Ok(())
}

/// Numbers that look random, the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // xorshift64* (Vigna).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(number).unwrap_or(0) % end
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (2..=items.len()).rev() {
            items.swap(end - 1, self.below(end));
        }
    }
}

/// Text of so many bytes that gets shorter by compressing, but not to nothing.
pub(crate) fn json(random: &mut Random, len: usize) -> String {
    let mut text = String::with_capacity(len + 40);
    while text.len() < len {
        text.push_str("{\"price\": ");
        text.push_str(&random.below(100_000).to_string());
        text.push_str(", \"name\": \"none\"},");
    }
    text.truncate(len);
    text
}

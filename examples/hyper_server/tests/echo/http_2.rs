//! WebSockets on streams of HTTP/2, with a client on `h2` and the library's other role.

use std::io::Read;
use std::time::Duration;

use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use websocket_proto::frame::{CloseCode, CloseFrame};
use websocket_proto::handshake::client::{Answer, ConnectEnabled, ExtendedConnect, Handshake};
use websocket_proto::{
    Assembler, Client, Config, Connection, Growing, Incoming, Message, Transport,
};

use crate::running::{DEADLINE, Keys, Result, Running};

/// A client's connection, of which its streams are part.
struct Http2 {
    requests: SendRequest<Bytes>,
    enabled: ConnectEnabled,
    authority: String,
}

impl Http2 {
    /// Connects and waits until the server has allowed extended CONNECT.
    async fn connect(server: &Running) -> Result<Self> {
        let stream = TcpStream::connect(&server.address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = h2::client::Builder::new()
            .initial_window_size(64 << 10)
            .initial_connection_window_size(1 << 20)
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        loop {
            let enabled = requests.is_extended_connect_protocol_enabled();
            if let Ok(enabled) = ConnectEnabled::from_setting(enabled.then_some(1)) {
                let authority = server.address.clone();
                return Ok(Self {
                    requests,
                    enabled,
                    authority,
                });
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn handshake<'a>(&'a self, path: &'a str) -> Handshake<'a, ExtendedConnect<'a>> {
        Handshake::extended_connect(self.enabled, "http", &self.authority, path)
            .subprotocols(&["other", "echo"])
    }

    async fn open(&self, path: &str) -> Result<WebSocket> {
        let handshake = self.handshake(path);
        let mut request = handshake.to_http()?;
        let websocket = Protocol::from_static("websocket");
        request.extensions_mut().insert(websocket);
        let (response, send) = self.requests.clone().send_request(request, false)?;
        let response = response.await?;
        let Answer::Open(negotiated) = handshake.check_http(&response)? else {
            return Err(format!("{response:?}").into());
        };
        assert_eq!(response.status(), 200);
        assert_eq!(negotiated.subprotocol, Some("echo"));
        Ok(WebSocket {
            send,
            receive: response.into_body(),
            conn: Connection::new(Client::new(Keys(1)), negotiated, Config::default()),
            messages: Assembler::default(),
            unread: Vec::new(),
        })
    }

    /// The status of the answer, a field of it, and the body.
    async fn answer(&self, request: Request<()>, field: &str) -> Result<(u16, String, String)> {
        let (response, _send) = self.requests.clone().send_request(request, true)?;
        let response = response.await?;
        assert!(!response.headers().contains_key("connection"));
        let field = match response.headers().get(field) {
            Some(value) => value.to_str()?.into(),
            None => String::new(),
        };
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut stream = response.into_body();
        while let Some(data) = stream.data().await {
            let data = data?;
            stream.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        Ok((status, field, String::from_utf8(body)?))
    }
}

struct WebSocket {
    send: SendStream<Bytes>,
    receive: RecvStream,
    conn: Connection<Client<Keys>>,
    messages: Assembler<Growing>,
    unread: Vec<u8>,
}

/// What a client has received, as its own.
#[derive(Debug, PartialEq)]
enum Received {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(CloseFrame),
}

impl WebSocket {
    /// Sends a message; `h2` cuts it to DATA frames as the server's windows allow.
    fn send(&mut self, message: Message<'_>) -> Result<()> {
        let mut out = Vec::new();
        self.conn.send(message, &mut out)?;
        Ok(self.send.send_data(out.into(), false)?)
    }

    async fn receive(&mut self) -> Result<Received> {
        loop {
            let mut out = Vec::new();
            let mut input = &mut self.unread[..];
            let incoming = self
                .conn
                .receive_message(&mut input, &mut self.messages, &mut out)?;
            let received = incoming.map(|incoming| match incoming {
                Incoming::Message(Message::Text(text)) => Some(Received::Text(text.into())),
                Incoming::Message(Message::Binary(bytes)) => Some(Received::Binary(bytes.into())),
                Incoming::Pong(payload) => Some(Received::Pong(payload.to_vec())),
                Incoming::Close(frame) => Some(Received::Close(frame)),
                _ => None,
            });
            let left = input.len();
            self.unread.drain(..self.unread.len() - left);
            if !out.is_empty() {
                self.send.send_data(out.into(), false)?;
            }
            match received {
                Some(Some(received)) => return Ok(received),
                Some(None) => {}
                None => {
                    let data = self.receive.data().await;
                    let data = data.ok_or_else(|| format!("{:?}", self.conn.receive_eof()))??;
                    self.receive.flow_control().release_capacity(data.len())?;
                    self.unread = data.into();
                }
            }
        }
    }

    /// The end after a Close: the server ends its half of the stream and resets nothing.
    async fn ends_cleanly(mut self) -> Result<()> {
        assert_eq!(self.conn.transport(), Transport::AwaitPeerClose);
        while let Some(data) = self.receive.data().await {
            assert!(data?.is_empty());
        }
        assert!(self.conn.receive_eof().is_clean());
        Ok(self.send.send_data(Bytes::new(), true)?)
    }
}

fn close(code: u16, reason: &str) -> Result<Received> {
    let frame = CloseFrame::new(CloseCode::new(code), reason)?;
    Ok(Received::Close(frame))
}

/// Runs a test, which may take so long and no longer.
fn run(test: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async { timeout(DEADLINE, test).await? })
}

#[test]
fn echoes_what_it_gets() -> Result<()> {
    let server = Running::start(&[])?;
    run(async {
        let client = Http2::connect(&server).await?;
        let mut socket = client.open("/").await?;
        for len in [0, 125, 65_535, 65_536, 1 << 20] {
            let text = "x".repeat(len);
            socket.send(Message::Text(&text))?;
            assert!(socket.receive().await? == Received::Text(text), "{len}");
            let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
            socket.send(Message::Binary(&bytes))?;
            assert!(socket.receive().await? == Received::Binary(bytes), "{len}");
        }
        let mut out = Vec::new();
        socket.conn.ping(b"there?", &mut out)?;
        // A frame that DATA frames cut anywhere.
        for byte in out {
            socket.send.send_data(vec![byte].into(), false)?;
        }
        assert_eq!(socket.receive().await?, Received::Pong(b"there?".to_vec()));
        let mut out = Vec::new();
        socket.conn.close(CloseCode::NORMAL, "", &mut out)?;
        socket.send.send_data(out.into(), false)?;
        assert_eq!(socket.receive().await?, close(1000, "")?);
        socket.ends_cleanly().await?;

        // The connection is good for another one.
        let mut socket = client.open("/close?code=4001&reason=x").await?;
        assert_eq!(socket.receive().await?, close(4001, "x")?);
        socket.ends_cleanly().await
    })
}

/// Who does not read one of its WebSockets is stopped there, and only there.
#[test]
fn a_stream_that_is_not_read_does_not_stop_another() -> Result<()> {
    let server = Running::start(&[])?;
    run(async {
        let client = Http2::connect(&server).await?;
        let bytes = vec![7; 1 << 20];
        let mut unread = client.open("/").await?;
        for _ in 0..8 {
            unread.send(Message::Binary(&bytes))?;
        }
        sleep(Duration::from_millis(300)).await;
        let mut socket = client.open("/").await?;
        socket.send(Message::Binary(&bytes))?;
        assert!(socket.receive().await? == Received::Binary(bytes.clone()));
        for _ in 0..8 {
            assert!(unread.receive().await? == Received::Binary(bytes.clone()));
        }
        Ok(())
    })
}

#[test]
fn refuses_what_is_no_websocket() -> Result<()> {
    let server = Running::start(&[])?;
    run(async {
        let client = Http2::connect(&server).await?;
        let connect = |path, protocol: Option<&'static str>| {
            let mut request = client.handshake(path).to_http()?;
            if let Some(protocol) = protocol {
                let protocol = Protocol::from_static(protocol);
                request.extensions_mut().insert(protocol);
            }
            Result::Ok(request)
        };
        let with = |name: &'static str, value| {
            let mut request = connect("/", Some("websocket"))?;
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
            Result::Ok(request)
        };
        let uri = |path: &str| format!("http://{}{path}", client.authority);
        let version = "sec-websocket-version";
        let nothing = "";
        for (request, status, field, value, body) in [
            (connect("/", None)?, 501, version, "", nothing),
            (
                connect("/", Some("webtransport"))?,
                501,
                version,
                "",
                nothing,
            ),
            (with(version, "8")?, 400, version, "13", nothing),
            (with("origin", "a b")?, 400, version, "", nothing),
            (
                connect("/close?code=1005", Some("websocket"))?,
                400,
                version,
                "",
                "That status code",
            ),
            (
                Request::get(uri("/")).body(())?,
                200,
                "content-type",
                "text/html; charset=utf-8",
                "<!",
            ),
            (
                Request::get(uri("/other")).body(())?,
                404,
                version,
                "",
                "The page is at /",
            ),
            (
                Request::head(uri("/")).body(())?,
                200,
                "content-type",
                "text/html; charset=utf-8",
                nothing,
            ),
            (
                Request::post(uri("/")).body(())?,
                405,
                "allow",
                "GET, HEAD",
                "Only GET",
            ),
        ] {
            let told = format!("{request:?}");
            let answer = client.answer(request, field).await?;
            assert_eq!((answer.0, &answer.1[..]), (status, value), "{told}");
            assert!(answer.2.starts_with(body), "{told}");
            assert_eq!(answer.2.is_empty(), body.is_empty(), "{told}");
        }
        Ok(())
    })
}

/// A stream that is reset, or ended without a Close, is an abnormal closure; the stop by a signal
/// is none.
#[test]
#[cfg(unix)]
fn ends_of_other_kinds() -> Result<()> {
    let mut server = Running::start(&[])?;
    run(async {
        let client = Http2::connect(&server).await?;
        let mut sockets = Vec::new();
        for _ in 0..4 {
            let mut socket = client.open("/").await?;
            socket.send(Message::Text("x"))?;
            assert_eq!(socket.receive().await?, Received::Text("x".into()));
            sockets.push(socket);
        }
        sockets[0].send.send_reset(Reason::CANCEL);
        sockets[1].send.send_reset(Reason::INTERNAL_ERROR);
        sockets[2].send.send_data(Bytes::new(), true)?;
        assert!(sockets[2].receive().await.is_err());
        let mut socket = sockets.remove(3);
        server.signal("TERM")?;
        assert_eq!(socket.receive().await?, close(1001, "the server stops")?);
        socket.ends_cleanly().await
    })?;
    assert_eq!(server.ended()?.code(), Some(0));
    let mut log = String::new();
    let stderr = server.child.stderr.as_mut().ok_or("piped")?;
    stderr.read_to_string(&mut log)?;
    assert_eq!(log.lines().count(), 3, "{log}");
    let end = "the transport ended without a Close frame";
    assert!(log.lines().all(|line| line.ends_with(end)), "{log}");
    Ok(())
}

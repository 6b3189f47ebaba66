//! The echo server on hyper: HTTP/1.1 with `Upgrade` and HTTP/2 with extended CONNECT (RFC 8441) on
//! one port, without TLS.
//!
//! ```text
//! cargo run --release --package websocket-proto-hyper-server -- 127.0.0.1:9001
//! ```
//!
//! Then open <http://127.0.0.1:9001/> in a browser. See `--help` for the rest. Here is the opening
//! handshake; `echo` has the data phase, `run` the listener and the stop.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::ext::Protocol;
use hyper::header::CONTENT_LENGTH;
use hyper::service::service_fn;
use hyper::upgrade::{self, OnUpgrade};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use websocket_proto::Negotiated;
use websocket_proto::handshake::server::{Request, ResponseError};

use answer::{Answer, AskedClose, answer};
use echo::{CLOSE_DEADLINE, HANDSHAKE_DEADLINE, LINGER, Link, READ_BUFFER, echo, open};
use run::{Options, run};

#[path = "../../common/answer.rs"]
mod answer;
#[path = "../../common/tokio_echo.rs"]
mod echo;
#[path = "../../common/tokio_run.rs"]
mod run;

/// How many streams one connection of HTTP/2 may have at a time.
const MAX_STREAMS: u32 = 100;
/// What may wait on a stream to be read. The connection's window has room for all its streams, so
/// that one WebSocket that does not get on does not stop the others.
const STREAM_WINDOW: u32 = 64 << 10;
/// What may wait on a stream to be sent, beside the piece that is being written.
const SEND_BUFFER: usize = 64 << 10;

#[tokio::main]
async fn main() -> ExitCode {
    run(serve).await
}

/// Serves one client from its first byte to its last, with all WebSockets that it opens.
async fn serve(
    stream: TcpStream,
    options: Options,
    mut stops: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let peer = stream.peer_addr()?;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_DEADLINE);
    builder
        .http2()
        .enable_connect_protocol()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(MAX_STREAMS * STREAM_WINDOW)
        .max_send_buf_size(SEND_BUFFER);

    let uses = watch::Sender::new(0);
    let stops_of_sessions = stops.clone();
    let service = service_fn(|request| {
        let session = Session {
            peer,
            options,
            stops: stops_of_sessions.clone(),
            _using: Using::begin(&uses),
        };
        ready(session.respond(request))
    });
    let http = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut http = Box::pin(http);
    let served = tokio::select! {
        served = http.as_mut() => Some(served),
        () = unused_for_long(&uses) => None,
        _ = stops.wait_for(|stop| *stop) => None,
    };
    if served.is_none() {
        // What has begun may end; each WebSocket sees the stop itself, and has deadlines.
        http.as_mut().graceful_shutdown();
        // What is left undone here is the client's own doing.
        let _ = timeout(CLOSE_DEADLINE + LINGER, http).await;
    }
    // On HTTP/1.1 a WebSocket outlives what has served its request.
    let _ = uses.subscribe().wait_for(|uses| *uses == 0).await;
    served.unwrap_or(Ok(())).map_err(io::Error::other)
}

/// A request, and the WebSocket that may come of it.
struct Session {
    peer: SocketAddr,
    options: Options,
    stops: watch::Receiver<bool>,
    _using: Using,
}

impl Session {
    /// Answers the request.
    fn respond(
        self,
        mut request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, ResponseError> {
        let upgrade_of_stream = upgrade::on(&mut request);
        let protocol = request.extensions().get().map(Protocol::as_str);
        let request = Request::from_http(&request, protocol);
        match answer(&request, self.options.deflate) {
            Answer::Accept(upgrade, acceptance, close) => {
                let (head, negotiated) = upgrade.respond(&acceptance)?;
                let response = head.to_http()?;
                tokio::spawn(self.echo(upgrade_of_stream, negotiated, close));
                Ok(response.map(|()| Full::default()))
            }
            Answer::Respond(response) => {
                let mut response = response.to_http(request.version())?.map(Full::from);
                // "The HEAD method is identical to GET except that the server MUST NOT send content
                // in the response" (RFC 9110, section 9.3.2).
                if request.method() == "HEAD" {
                    let len = response.body().size_hint().lower();
                    response.headers_mut().insert(CONTENT_LENGTH, len.into());
                    *response.body_mut() = Full::default();
                }
                Ok(response)
            }
        }
    }

    /// The data phase, on what hyper gives up: the connection of HTTP/1.1, with what came behind
    /// the head, or a stream of HTTP/2.
    async fn echo(self, stream: OnUpgrade, negotiated: Negotiated<'static>, close: AskedClose) {
        let served = async {
            let stream = stream.await.map_err(io::Error::other)?;
            let mut link = Link::new(TokioIo::new(stream), self.stops);
            let conn = open(negotiated, close, self.options.max_message, &mut link.out)?;
            echo(link, conn, &mut vec![0; READ_BUFFER], 0..0).await
        };
        if let Err(error) = served.await {
            eprintln!("{}: {error}", self.peer);
        }
    }
}

/// One use of a client's connection: a request that is being answered, or a WebSocket.
struct Using(watch::Sender<usize>);

impl Using {
    fn begin(uses: &watch::Sender<usize>) -> Self {
        uses.send_modify(|uses| *uses += 1);
        Self(uses.clone())
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        self.0.send_modify(|uses| *uses -= 1);
    }
}

/// Ends once a client has asked for nothing, and has no WebSocket, for as long as an opening
/// handshake may take.
async fn unused_for_long(uses: &watch::Sender<usize>) {
    let mut uses = uses.subscribe();
    loop {
        let _ = uses.wait_for(|uses| *uses == 0).await;
        if timeout(HANDSHAKE_DEADLINE, uses.changed()).await.is_err() {
            return;
        }
    }
}

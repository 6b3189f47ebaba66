//! The echo server on tokio: a task for each connection, timers, graceful shutdown.
//!
//! ```text
//! cargo run --release --package websocket-proto-tokio-server -- 127.0.0.1:9001
//! ```
//!
//! Then open <http://127.0.0.1:9001/> in a browser. See `--help` for the rest. Here is the opening
//! handshake; `echo` has the data phase, `run` the listener and the stop.

use std::io;
use std::process::ExitCode;

use tokio::net::TcpStream;
use tokio::sync::watch;
use websocket_proto::handshake::server::Handshake;

use answer::{Answer, answer};
use echo::{Happening, Link, READ_BUFFER, echo, open};
use run::{Options, run};

#[path = "../../common/answer.rs"]
mod answer;
#[path = "../../common/tokio_echo.rs"]
mod echo;
#[path = "../../common/respond.rs"]
mod respond;
#[path = "../../common/tokio_run.rs"]
mod run;

#[tokio::main]
async fn main() -> ExitCode {
    run(serve).await
}

/// Serves one client from its first byte to its last.
async fn serve(
    stream: TcpStream,
    options: Options,
    stops: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut link = Link::new(stream, stops);
    let mut handshake = Handshake::default();
    let mut buffer = vec![0; READ_BUFFER];
    let mut filled = 0;
    loop {
        match link.next(None, None, Some(&mut buffer[filled..])).await? {
            // Nothing is owed to who has not finished its request.
            Happening::Read(0) | Happening::Stop => return Ok(()),
            Happening::Read(read) => filled += read,
            // Nothing is put out yet, and no Ping is due before the connection is open.
            Happening::Drained | Happening::PingDue(_) => continue,
        }
        let (response, is_head) = match handshake.receive(&buffer[..filled]) {
            Ok(None) => continue,
            Ok(Some(request)) => match answer(&request, options.deflate) {
                Answer::Accept(upgrade, acceptance, close) => {
                    let negotiated = upgrade
                        .accept(&acceptance, &mut link.out)
                        .map_err(io::Error::other)?;
                    let conn = open(negotiated, close, options.max_message, &mut link.out)?;
                    // What came behind the head is the first input of the data phase.
                    let head_len = request.head_len();
                    return echo(link, conn, &mut buffer, head_len..filled).await;
                }
                Answer::Respond(response) => (response, request.method() == "HEAD"),
            },
            Err(error) => (error.response(), false),
        };
        respond::write(&response, is_head, &mut link.out)?;
        return link.finish().await;
    }
}

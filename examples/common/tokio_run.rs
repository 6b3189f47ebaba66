//! What is the same for every echo server on tokio around its connections: the command line, the
//! listener, the number of connections, the graceful stop.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use websocket_proto::deflate::Policy;

use crate::answer::{DEFLATE, take_deflate_flag};
use crate::echo::{CLOSE_DEADLINE, LINGER};

const HELP: &str = concat!(
    "usage: ",
    env!("CARGO_BIN_NAME"),
    " [ADDRESS] [--max-message BYTES] [--max-connections N] [--no-deflate | [--deflate-window BITS] [--no-context-takeover]]

  ADDRESS                where to listen; default 127.0.0.1:9001
  --max-message BYTES    the largest message to take; default 67108864 (64 MiB)
  --max-connections N    how many to serve at a time, the others wait to be accepted; default 10000
  --no-deflate           decline permessage-deflate
  --deflate-window BITS  compress with windows of at most so many bits, 9 to 15, in both directions; default 15
  --no-context-takeover  compress every message by itself, in both directions

Echoes text and binary. The first subprotocol offered among chat, superchat and echo is chosen. A WebSocket opened at
/close?code=N&reason=R is closed at once with that code and reason. GET / is a page to try all this.

A client that is silent gets a Ping every 20 seconds, and a message may take 10 minutes. SIGINT or SIGTERM closes every connection with 1001 and ends the
server when all are closed, or after 11 seconds; a second one ends it at once."
);

#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) max_message: u64,
    pub(crate) max_connections: u32,
    pub(crate) deflate: Option<Policy>,
}

/// Takes the command line and calls `serve` for every client. The flag tells that the server stops.
pub(crate) async fn run<S, F>(serve: S) -> ExitCode
where
    S: Fn(TcpStream, Options, watch::Receiver<bool>) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut options = Options {
        max_message: 64 << 20,
        max_connections: 10_000,
        deflate: Some(DEFLATE),
    };
    let mut address = String::from("127.0.0.1:9001");
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            "--max-message" => match args.next().and_then(|bytes| bytes.parse().ok()) {
                Some(bytes) => options.max_message = bytes,
                None => return usage("--max-message wants a number of bytes"),
            },
            "--max-connections" => match args.next().and_then(|number| number.parse().ok()) {
                Some(number @ 1..) => options.max_connections = number,
                _ => return usage("--max-connections wants a number, at least 1"),
            },
            flag if flag.starts_with('-') => {
                match take_deflate_flag(&mut options.deflate, flag, &mut args) {
                    Ok(true) => {}
                    Ok(false) => return usage(&format!("there is no {flag}")),
                    Err(problem) => return usage(problem),
                }
            }
            _ => address = arg,
        }
    }
    match listen(&address, options, serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{HELP}");
    ExitCode::from(2)
}

/// Serves until it is asked to stop, then until every connection has closed.
async fn listen<S, F>(address: &str, options: Options, serve: S) -> io::Result<()>
where
    S: Fn(TcpStream, Options, watch::Receiver<bool>) -> F,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let stop_asked = stop_asked()?;
    println!("listening on {}", listener.local_addr()?);

    let permits = Arc::new(Semaphore::new(
        usize::try_from(options.max_connections).unwrap_or(1),
    ));
    let (stop, stops) = watch::channel(false);
    let serve = |stream| serve(stream, options, stops.clone());
    tokio::select! {
        // `accept` may be dropped at any `await`: a client that it has is in a task before the next.
        () = accept(listener, &permits, serve) => {}
        () = stop_asked => {}
    }
    // The listener is closed by now. Every connection gives its permit back when it ends, and each
    // has deadlines of its own, which this one merely repeats.
    stop.send_replace(true);
    tokio::select! {
        _ = permits.acquire_many(options.max_connections) => {}
        () = sleep(CLOSE_DEADLINE + LINGER) => eprintln!("some clients did not close"),
        () = self::stop_asked()? => {}
    }
    Ok(())
}

/// Listens from now on for SIGINT and SIGTERM (Ctrl-C elsewhere); the future ends with the first.
#[cfg(unix)]
fn stop_asked() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_asked() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Accepts clients for good, no more at a time than there are permits.
async fn accept<F>(listener: TcpListener, permits: &Arc<Semaphore>, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    // It fails only when the semaphore is closed, which nobody does.
    while let Ok(permit) = Arc::clone(permits).acquire_owned().await {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("{error}");
                // Out of sockets, perhaps: do not spin until some are free.
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let served = serve(stream);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                eprintln!("{peer}: {error}");
            }
            drop(permit);
        });
    }
}

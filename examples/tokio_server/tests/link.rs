//! The data phase over a pipe in memory, on a clock that only the tests move.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::frame::{CloseCode, CloseFrame, MaskingKey};
use websocket_proto::{
    Assembler, Client, Closure, Config, Connection, Growing, Incoming, Negotiated, Role, Server,
    State, Transport,
};

use echo::{Happening, Link, READ_BUFFER, echo, open};

#[path = "../../common/answer.rs"]
#[expect(dead_code, reason = "nobody asks for anything here")]
mod answer;
#[path = "../../common/tokio_echo.rs"]
mod echo;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Keys = fn() -> MaskingKey;

/// How much each end of a pipe takes that the other has not read.
const PIPE: usize = 64 << 10;
const SENT: usize = 12 << 20;

fn client(negotiated: Negotiated<'_>) -> Connection<Client<Keys>> {
    let keys: Keys = || MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]);
    Connection::new(Client::new(keys), negotiated, Config::default())
}

fn server(negotiated: Negotiated<'_>) -> Result<Connection<Server>> {
    Ok(open(negotiated, None, 16 << 20, &mut Vec::new())?)
}

/// A link that nobody stops. The sender has to be kept.
fn link(stream: DuplexStream) -> (Link<DuplexStream>, watch::Sender<bool>) {
    let (stop, stops) = watch::channel(false);
    (Link::new(stream, stops), stop)
}

/// Whether an end reads while it has output to write.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    Always,
    AfterWriting,
}

/// An end that sends all it has at once, and closes behind it if it is to; how many bytes of the
/// peer's messages came, and how it ended.
async fn send_all<R: Role>(
    stream: DuplexStream,
    mut conn: Connection<R>,
    closes: bool,
    reads: Reads,
) -> Result<(usize, Closure)> {
    let (mut link, _stop) = link(stream);
    let mut sent = 0;
    for len in [0, 1, 125, 126, 1000, 65_535, 65_536, 300_000]
        .into_iter()
        .cycle()
    {
        if sent == SENT {
            break;
        }
        let len = (SENT - sent).min(len);
        conn.send_binary(&vec![7; len], &mut link.out)?;
        conn.ping(&sent.to_be_bytes(), &mut link.out)?;
        sent += len;
    }
    if closes {
        conn.close(CloseCode::NORMAL, "", &mut link.out)?;
    }
    let mut messages = Assembler::default();
    let mut buffer = vec![0; READ_BUFFER];
    let (mut came, mut read) = (0, 0);
    loop {
        let mut input = &mut buffer[..read];
        while let Some(incoming) =
            conn.receive_message(&mut input, &mut messages, &mut link.replies())?
        {
            match incoming {
                Incoming::Message(message) => came += message.as_bytes().len(),
                Incoming::Pong(payload) => link.pong(&payload),
                _ => {}
            }
        }
        // All that waits behind its own messages are some replies.
        assert!(link.left() < SENT + (SENT >> 8));
        if conn.transport() == Transport::CloseNow {
            link.finish().await?;
            break;
        }
        let room = (reads == Reads::Always || link.left() == 0).then_some(&mut buffer[..]);
        read = match link.next(conn.state(), conn.receiving(), room).await? {
            Happening::Read(0) => break,
            Happening::Read(read) => read,
            Happening::Drained => {
                conn.flush(&mut link.out)?;
                0
            }
            Happening::PingDue(_) | Happening::Stop => return Err("not in this test".into()),
        };
    }
    Ok((came, conn.receive_eof()))
}

/// Two ends that both send all they have at once; what came of it.
async fn both_send(reads: Reads) -> [Result<(usize, Closure)>; 2] {
    let (near, far) = duplex(PIPE);
    let Ok(server) = server(Negotiated::default()) else {
        unreachable!("nothing is asked for");
    };
    let server = send_all(near, server, false, reads);
    let client = send_all(far, client(Negotiated::default()), true, reads);
    tokio::join!(server, client).into()
}

#[tokio::test(start_paused = true)]
async fn two_ends_that_both_send_do_not_stand_still() -> Result<()> {
    for end in both_send(Reads::Always).await {
        assert_eq!(end?, (SENT, Closure::Clean(CloseCode::NORMAL)));
    }
    Ok(())
}

/// The reason for all this: whoever writes before it reads waits for a peer that does the same.
#[tokio::test(start_paused = true)]
async fn two_ends_that_write_before_they_read_stand_still() {
    let ends = both_send(Reads::AfterWriting).await;
    let errors = ends.map(|end| end.expect_err("neither takes anything").to_string());
    // Whichever is first ends it for the other.
    let deadline = "the closing handshake takes too long";
    assert!(errors.iter().any(|error| error == deadline), "{errors:?}");
}

/// A client of the echo server, whose bytes it sees.
struct Peer {
    stream: DuplexStream,
    conn: Connection<Client<Keys>>,
    messages: Assembler<Growing>,
    unread: Vec<u8>,
    /// Replies that it has not written.
    owed: Vec<u8>,
    _stop: watch::Sender<bool>,
}

impl Peer {
    /// Starts an echo server for a client.
    fn open(negotiated: Negotiated<'static>) -> Result<Self> {
        let (near, far) = duplex(PIPE);
        let (link, stop) = link(near);
        let server = server(negotiated)?;
        tokio::spawn(async move { echo(link, server, &mut vec![0; READ_BUFFER], 0..0).await });
        Ok(Self {
            stream: far,
            conn: client(negotiated),
            messages: Assembler::default(),
            unread: Vec::new(),
            owed: Vec::new(),
            _stop: stop,
        })
    }

    async fn send(&mut self, message: &[u8]) -> Result<()> {
        let mut out = Vec::new();
        self.conn.send_binary(message, &mut out)?;
        Ok(self.stream.write_all(&out).await?)
    }

    /// Writes the answers to what came.
    async fn answer(&mut self) -> Result<()> {
        self.stream.write_all(&self.owed).await?;
        self.owed.clear();
        Ok(())
    }

    /// Reads until nothing comes for so long; how many bytes that were, and what is in them.
    async fn comes(&mut self, within: Duration) -> Result<(usize, Vec<Came>)> {
        let mut len = 0;
        let mut came = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(read) = timeout(within, self.stream.read(&mut buffer)).await {
            let read = read?;
            if read == 0 {
                came.push(Came::End);
                break;
            }
            len += read;
            self.unread.extend_from_slice(&buffer[..read]);
            let mut input = &mut self.unread[..];
            while let Some(incoming) =
                self.conn
                    .receive_message(&mut input, &mut self.messages, &mut self.owed)?
            {
                came.push(match incoming {
                    Incoming::Message(message) => Came::Message(message.as_bytes().to_vec()),
                    Incoming::Ping(_) => Came::Ping,
                    Incoming::Pong(payload) => Came::Pong(payload.to_vec()),
                    Incoming::Close(frame) => Came::Close(frame),
                    _ => return Err("something new".into()),
                });
            }
            self.unread.clear();
        }
        Ok((len, came))
    }
}

#[derive(Debug, PartialEq)]
enum Came {
    Message(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    Close(CloseFrame),
    End,
}

/// A thousand bytes that do not compress by themselves.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..1000).map(|_| next()).collect()
}

/// A busy client is alive, and keeps what its messages are compressed with.
#[tokio::test(start_paused = true)]
async fn only_a_silent_client_is_pinged_and_loses_the_context() -> Result<()> {
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&Policy::default().threshold(0)));
    let mut peer = Peer::open(negotiated)?;
    let noise = noise();
    let mut lens = Vec::new();
    for _ in 0..10 {
        peer.send(&noise).await?;
        let (len, came) = peer.comes(Duration::from_secs(7)).await?;
        assert_eq!(came, [Came::Message(noise.clone())]);
        lens.push(len);
    }
    assert!(lens[0] > 1000, "{lens:?}");
    assert!(lens[1..].iter().all(|len| *len < 20), "{lens:?}");

    // A Ping each 20 seconds of silence, for as long as it is answered.
    sleep(Duration::from_secs(12)).await;
    for _ in 0..5 {
        let (_, came) = peer.comes(Duration::from_secs(2)).await?;
        assert_eq!(came, [Came::Ping]);
        peer.answer().await?;
        sleep(Duration::from_secs(19)).await;
    }
    peer.answer().await?;
    peer.send(&noise).await?;
    let (len, _) = peer.comes(Duration::from_secs(1)).await?;
    assert_eq!(len, lens[0], "what was kept for it is gone");
    Ok(())
}

/// Time that has passed is no reason to give a client up whose Pong waits to be read.
#[tokio::test(start_paused = true)]
async fn after_sleep_what_came_is_read_first() -> Result<()> {
    let mut peer = Peer::open(Negotiated::default())?;
    for _ in 0..3 {
        let (_, came) = peer.comes(Duration::from_secs(15)).await?;
        assert_eq!(came, []);
        let (_, came) = peer.comes(Duration::from_secs(10)).await?;
        assert_eq!(came, [Came::Ping]);
        // The Pong is written, and the machine sleeps before the server sees it.
        peer.answer().await?;
        tokio::time::advance(Duration::from_secs(3600)).await;
    }
    // Without a Pong it is the end.
    let (_, came) = peer.comes(Duration::from_secs(15)).await?;
    assert_eq!(came, []);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(peer.stream.read(&mut [0; 100]).await?, 10, "the Ping");
    assert_eq!(peer.stream.read(&mut [0; 100]).await?, 0, "the end");
    Ok(())
}

/// Pings without end from who does not read: all are taken, and only what there is room for is
/// answered, the newest as the last.
#[tokio::test(start_paused = true)]
async fn a_flood_of_pings_is_read_without_answers_that_pile_up() -> Result<()> {
    let mut peer = Peer::open(Negotiated::default())?;
    let mut out = Vec::new();
    for number in 0..100_000_u32 {
        let mut payload = [0; 125];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        peer.conn.ping(&payload, &mut out)?;
    }
    timeout(Duration::from_secs(1), peer.stream.write_all(&out)).await??;
    let (len, came) = peer.comes(Duration::from_secs(1)).await?;
    // Of answers that would be as long as the Pings: 12 MB.
    assert!(len < 4 * PIPE, "{len}");
    let Some(Came::Pong(payload)) = came.last() else {
        return Err("no Pong".into());
    };
    assert_eq!(payload[..4], 99_999_u32.to_be_bytes());
    Ok(())
}

/// A fault ends the reading of messages, but not that of bytes: a client that writes on and reads
/// later still learns what was wrong, behind all answers.
#[tokio::test(start_paused = true)]
async fn a_client_that_writes_on_behind_a_fault_gets_the_close() -> Result<()> {
    // Answers that fill the pipe, with a few behind it, or so many that the Close waits for them.
    for count in [1, 66, 80] {
        let mut peer = Peer::open(Negotiated::default())?;
        let message = vec![7; 1000];
        for _ in 0..count {
            peer.send(&message).await?;
        }
        // An opcode that is none.
        let fault = [0x83, 0x80, 0, 0, 0, 0];
        let more = vec![7; 1 << 20];
        let written = timeout(Duration::from_secs(1), async {
            peer.stream.write_all(&fault).await?;
            // The server may be done with it, and have closed.
            let _ = peer.stream.write_all(&more).await;
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
        written.await??;
        let (_, came) = peer.comes(Duration::from_millis(500)).await?;
        let close = CloseFrame::new(CloseCode::PROTOCOL_ERROR, "")?;
        let (messages, end) = came.split_at(count);
        assert!(
            messages
                .iter()
                .all(|came| *came == Came::Message(message.clone()))
        );
        assert_eq!(end, [Came::Close(close), Came::End]);
    }
    Ok(())
}

/// The end of what a client sends is not the end of what it reads.
#[tokio::test(start_paused = true)]
async fn a_client_that_only_reads_on_gets_its_answers() -> Result<()> {
    let mut peer = Peer::open(Negotiated::default())?;
    let message = vec![7; 1000];
    for _ in 0..80 {
        peer.send(&message).await?;
    }
    peer.stream.shutdown().await?;
    sleep(Duration::from_secs(1)).await;
    let (_, came) = peer.comes(Duration::from_millis(500)).await?;
    assert_eq!(came.len(), 81);
    assert_eq!(came.last(), Some(&Came::End));
    Ok(())
}

/// What was read first decides, also where the time is ready as well.
#[tokio::test(start_paused = true)]
async fn what_can_be_read_comes_before_the_time() -> Result<()> {
    let (near, mut far) = duplex(PIPE);
    let (mut link, _stop) = link(near);
    let mut buffer = [0; 10];
    let Happening::PingDue(_) = link.next(State::Open, None, Some(&mut buffer)).await? else {
        return Err("silence for 20 seconds".into());
    };
    let mut next = pin!(link.next(State::Open, None, Some(&mut buffer)));
    let polled = poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await;
    assert!(polled.is_pending());
    far.write_all(b"x").await?;
    // The deadline of the Pong passes, and nobody looks.
    tokio::time::advance(Duration::from_secs(3600)).await;
    sleep(Duration::from_secs(1)).await;
    assert!(matches!(next.await?, Happening::Read(1)));
    Ok(())
}

/// A client that takes all and says nothing is asked for a sign of life, however much it is sent: the
/// buffers on the way may be what takes it.
#[tokio::test(start_paused = true)]
async fn what_is_taken_at_once_is_no_sign_of_life() -> Result<()> {
    let (near, _far) = duplex(PIPE);
    let (mut link, _stop) = link(near);
    let began = Instant::now();
    for second in 1..20 {
        link.out.push(7);
        let next = link.next(State::Open, None, None);
        assert!(matches!(next.await?, Happening::Drained));
        sleep_until(began + Duration::from_secs(second)).await;
    }
    let next = link.next(State::Open, None, None);
    assert!(matches!(next.await?, Happening::PingDue(_)));
    assert_eq!(began.elapsed().as_secs(), 20);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() -> Result<()> {
    let (near, _far) = duplex(PIPE);
    let (mut link, _stop) = link(near);
    let began = Instant::now();
    link.out.resize(PIPE + 1, 7);
    let given_up = link.next(State::Open, None, None).await;
    let Err(error) = given_up else {
        return Err("it takes nothing".into());
    };
    assert_eq!(error.to_string(), "the peer takes none of the output");
    assert_eq!(began.elapsed().as_secs(), 30);
    Ok(())
}

/// A byte every nine seconds keeps a connection only until its message has taken too long.
#[tokio::test(start_paused = true)]
async fn a_message_that_trickles_has_a_deadline() -> Result<()> {
    let mut peer = Peer::open(Negotiated::default())?;
    let began = Instant::now();
    // A message of 1000 bytes.
    let mut written = peer
        .stream
        .write_all(&[0x82, 0xfe, 3, 0xe8, 0, 0, 0, 0])
        .await;
    while written.is_ok() {
        assert_eq!(peer.comes(Duration::from_secs(9)).await?.0, 0);
        written = peer.stream.write_all(&[7]).await;
    }
    assert!((600..620).contains(&began.elapsed().as_secs()));
    Ok(())
}

/// Messages that are done in time have no deadline together, however long the connection is open.
#[tokio::test(start_paused = true)]
async fn messages_in_two_reads_each_go_on_for_an_hour() -> Result<()> {
    let mut peer = Peer::open(Negotiated::default())?;
    for _ in 0..400 {
        let mut out = Vec::new();
        peer.conn.send_binary(b"hello", &mut out)?;
        let (begin, end) = out.split_at(8);
        peer.stream.write_all(begin).await?;
        assert_eq!(peer.comes(Duration::from_secs(9)).await?.0, 0);
        peer.stream.write_all(end).await?;
        let (_, came) = peer.comes(Duration::from_millis(1)).await?;
        assert_eq!(came, [Came::Message(b"hello".to_vec())]);
    }
    Ok(())
}

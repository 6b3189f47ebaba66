//! Two endpoints over a small pipe that both send more than it holds, on threads that block. What
//! tokio makes of the same is in `examples/tokio_server/tests/link.rs`.

#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use websocket_proto::frame::{CloseCode, MaskingKey};
use websocket_proto::{
    Client, Closure, Config, Connection, Inbox, Incoming, Negotiated, Receiver, Reply, Role,
    Sender, Server, Transport,
};

/// How much a pipe holds.
const PIPE: usize = 64 << 10;
/// How many bytes of messages each end sends.
const SENT: usize = 12 << 20;
/// The lengths of the messages, in turn: those around each form of length, and beyond an inbox.
const LENS: [usize; 9] = [0, 1, 125, 126, 1000, 16_384, 65_535, 65_536, 300_000];

/// One direction of a transport.
struct Pipe {
    held: Mutex<(VecDeque<u8>, bool)>,
    changed: Condvar,
    /// How long a write may wait for room.
    limit: Duration,
}

impl Pipe {
    fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::default(),
            changed: Condvar::new(),
            limit,
        })
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let held = self.held.lock().unwrap();
            let (mut held, waited) = (self.changed)
                .wait_timeout_while(held, self.limit, |(held, ended)| {
                    held.len() == PIPE && !*ended
                })
                .unwrap();
            if waited.timed_out() {
                return Err(ErrorKind::TimedOut.into());
            }
            if held.1 {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let (now, later) = bytes.split_at(bytes.len().min(PIPE - held.0.len()));
            held.0.extend(now);
            bytes = later;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits for bytes; 0 at the end.
    fn read(&self, room: &mut [u8]) -> usize {
        let held = self.held.lock().unwrap();
        let mut held = (self.changed)
            .wait_while(held, |(held, ended)| held.is_empty() && !*ended)
            .unwrap();
        let len = room.len().min(held.0.len());
        for (byte, held) in room.iter_mut().zip(held.0.drain(..len)) {
            *byte = held;
        }
        self.changed.notify_all();
        len
    }

    fn end(&self) {
        self.held.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// What the reading thread hands over to the writing one. It never waits, and never grows: the newest
/// Pong answers all Pings before it.
#[derive(Default)]
struct Owed {
    pong: Option<Reply>,
    others: Vec<Reply>,
}

#[derive(Default)]
struct Slot {
    owed: Mutex<Owed>,
    changed: Condvar,
}

impl Slot {
    fn push(&self, reply: Reply) {
        let mut owed = self.owed.lock().unwrap();
        if reply.is_pong() {
            owed.pong = Some(reply);
        } else {
            owed.others.push(reply);
            assert!(owed.others.len() <= 2, "a Close and the end");
        }
        self.changed.notify_all();
    }

    /// Waits for anything.
    fn wait(&self) -> Owed {
        let owed = self.owed.lock().unwrap();
        let is_empty = |owed: &mut Owed| owed.pong.is_none() && owed.others.is_empty();
        mem::take(&mut *self.changed.wait_while(owed, is_empty).unwrap())
    }
}

/// What an end has seen.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    came: usize,
    closure: Option<Closure>,
}

fn read_all<R: Role>(mut receiver: Receiver<R>, from_peer: &Pipe, slot: &Slot) -> usize {
    let mut inbox = Inbox::new(16 << 10);
    let mut came = 0;
    loop {
        while let Some(incoming) = receiver
            .receive_from(&mut inbox, |reply| slot.push(reply))
            .unwrap()
        {
            if let Incoming::Message(message) = incoming {
                assert!(message.as_bytes().iter().all(|byte| *byte == 7));
                came += message.as_bytes().len();
            }
        }
        match from_peer.read(receiver.read_room(&mut inbox).unwrap()) {
            0 => break,
            read => inbox.filled(read).unwrap(),
        }
    }
    slot.push(receiver.receive_eof());
    came
}

/// Sends everything, with Pings in between; closes, if it is to, and answers a Close only when all is
/// sent.
fn write_all<R: Role>(
    mut sender: Sender<R>,
    to_peer: &Pipe,
    slot: &Slot,
    closes: bool,
) -> io::Result<Option<Closure>> {
    let mut out = Vec::new();
    let mut later = Vec::new();
    for len in lens() {
        let Owed { pong, others } = mem::take(&mut *slot.owed.lock().unwrap());
        later.extend(others);
        if let Some(pong) = pong {
            sender.reply(pong, &mut out);
        }
        sender.send_binary(&vec![7; len], &mut out).unwrap();
        sender.ping(&len.to_be_bytes(), &mut out).unwrap();
        to_peer.write_all(&out)?;
        out.clear();
    }
    if closes {
        sender.close(CloseCode::NORMAL, "", &mut out).unwrap();
    }
    loop {
        for reply in later.drain(..) {
            sender.reply(reply, &mut out);
        }
        if sender.closure().is_some() {
            to_peer.end();
            return Ok(sender.closure());
        }
        to_peer.write_all(&out)?;
        out.clear();
        if sender.transport() == Transport::CloseNow {
            to_peer.end();
        }
        let Owed { pong, others } = slot.wait();
        later.extend(pong);
        later.extend(others);
    }
}

/// The lengths of all messages of one end.
fn lens() -> Vec<usize> {
    let mut lens = Vec::new();
    let mut left = SENT;
    for len in LENS.into_iter().cycle() {
        if left == 0 {
            break;
        }
        lens.push(len.min(left));
        left = left.saturating_sub(len);
    }
    lens
}

/// An endpoint that reads in another thread than it writes in.
fn in_two_threads<R: Role + Send + 'static>(
    role: R,
    from_peer: Arc<Pipe>,
    to_peer: Arc<Pipe>,
    closes: bool,
) -> io::Result<Report> {
    let conn = Connection::new(role, Negotiated::default(), Config::default());
    let (receiver, sender) = conn.split();
    let slot = Arc::new(Slot::default());
    let for_reader = Arc::clone(&slot);
    let reader = thread::spawn(move || read_all(receiver, &from_peer, &for_reader));
    let closure = write_all(sender, &to_peer, &slot, closes)?;
    let came = reader.join().unwrap();
    Ok(Report { came, closure })
}

/// An endpoint that reads when its output is written, as every example of a loop in one thread.
fn writes_first<R: Role>(
    role: R,
    from_peer: Arc<Pipe>,
    to_peer: Arc<Pipe>,
    _: bool,
) -> io::Result<Report> {
    let mut conn = Connection::new(role, Negotiated::default(), Config::default());
    let mut inbox = Inbox::new(16 << 10);
    let mut out = Vec::new();
    for len in lens() {
        conn.send_binary(&vec![7; len], &mut out).unwrap();
    }
    let mut came = 0;
    while came < SENT {
        to_peer.write_all(&out)?;
        out.clear();
        let read = from_peer.read(conn.read_room(&mut inbox).unwrap());
        inbox.filled(read).unwrap();
        while let Some(incoming) = conn.receive_from(&mut inbox, &mut out).unwrap() {
            if let Incoming::Message(message) = incoming {
                came += message.as_bytes().len();
            }
        }
    }
    let closure = None;
    Ok(Report { came, closure })
}

fn keys() -> MaskingKey {
    MaskingKey::new([0x37, 0xfa, 0x21, 0x3d])
}

type Keyed = Client<fn() -> MaskingKey>;
type End<R> = fn(R, Arc<Pipe>, Arc<Pipe>, bool) -> io::Result<Report>;

/// Joins a server and a client.
fn join(
    server: End<Server>,
    client: End<Keyed>,
    limit: Duration,
    [server_closes, client_closes]: [bool; 2],
) -> [io::Result<Report>; 2] {
    let (to_server, to_client) = (Pipe::new(limit), Pipe::new(limit));
    let (from_client, from_server) = (Arc::clone(&to_server), Arc::clone(&to_client));
    let server = thread::spawn(move || server(Server, from_client, to_client, server_closes));
    let keys: fn() -> MaskingKey = keys;
    let client = client(Client::new(keys), from_server, to_server, client_closes);
    [server.join().unwrap(), client]
}

#[test]
fn two_endpoints_that_both_send_do_not_stand_still() {
    for closes in [[true, false], [false, true], [true, true]] {
        let ends = join(
            in_two_threads::<Server>,
            in_two_threads::<Keyed>,
            Duration::from_secs(20),
            closes,
        );
        for end in ends {
            let all = Report {
                came: SENT,
                closure: Some(Closure::Clean(CloseCode::NORMAL)),
            };
            assert_eq!(end.unwrap(), all, "{closes:?}");
        }
    }
}

/// The reason for two threads: whoever writes first waits for a peer that does the same.
#[test]
fn two_endpoints_that_write_first_stand_still() {
    let limit = Duration::from_millis(200);
    for end in join(
        writes_first::<Server>,
        writes_first::<Keyed>,
        limit,
        [false; 2],
    ) {
        assert_eq!(end.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}

/// One that reads all the while gets on with any peer that reads in the end.
#[test]
fn one_that_reads_all_the_while_gets_on_with_one_that_writes_first() {
    let limit = Duration::from_secs(20);
    let (to_server, to_client) = (Pipe::new(limit), Pipe::new(limit));
    let (from_client, from_server) = (Arc::clone(&to_server), Arc::clone(&to_client));
    let last = Arc::clone(&to_server);
    let client =
        thread::spawn(move || writes_first(Client::new(keys), from_server, to_server, false));
    let server = thread::spawn(move || in_two_threads(Server, from_client, to_client, false));
    assert_eq!(client.join().unwrap().unwrap().came, SENT);
    last.end();
    let server = server.join().unwrap().unwrap();
    assert_eq!(server.came, SENT);
    assert_eq!(server.closure, Some(Closure::Abnormal));
}

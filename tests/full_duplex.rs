//! Two endpoints, each with a thread that reads and a thread that writes, and no lock between them.

#![cfg(feature = "alloc")]
#![allow(
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver as Queue, SyncSender};
use std::thread;

use websocket_proto::frame::{CloseCode, MaskingKey};
use websocket_proto::{
    Assembler, Client, Closure, Config, Connection, Incoming, Negotiated, Receiver, Reply, Role,
    SendError, Sender, Server, Transport,
};

/// When an end closes: after so many messages of its own, and of the peer's.
#[derive(Clone, Copy)]
struct ClosesAfter {
    sent: u32,
    seen: u32,
}

/// What an end has done and seen.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    sent: u32,
    seen: u32,
    pongs: u32,
    closure: Option<Closure>,
}

/// Reads until the transport ends; every message is the number of those before it.
fn read<R: Role>(
    mut receiver: Receiver<R>,
    transport: &Queue<Vec<u8>>,
    replies: &mpsc::Sender<Reply>,
    progress: &AtomicU32,
) -> (u32, u32) {
    let mut messages = Assembler::default();
    let (mut seen, mut pongs) = (0_u32, 0);
    for mut bytes in transport {
        let mut input = &mut bytes[..];
        let mut owe = |reply| replies.send(reply).unwrap();
        while let Some(incoming) = receiver
            .receive_message(&mut input, &mut messages, &mut owe)
            .unwrap()
        {
            match incoming {
                Incoming::Message(message) => {
                    assert_eq!(
                        message.as_bytes(),
                        seen.to_be_bytes(),
                        "in order, none lost"
                    );
                    seen = seen.checked_add(1).unwrap();
                    progress.store(seen, Ordering::Release);
                }
                Incoming::Pong(_) => pongs = u32::checked_add(pongs, 1).unwrap(),
                _ => {}
            }
        }
    }
    replies.send(receiver.receive_eof()).unwrap();
    (seen, pongs)
}

/// Writes numbered messages with Pings between them, up to `count` or to the peer's Close, and closes
/// if it is to.
fn write<R: Role>(
    mut sender: Sender<R>,
    transport: SyncSender<Vec<u8>>,
    replies: &Queue<Reply>,
    count: u32,
    closes: Option<ClosesAfter>,
    seen: &AtomicU32,
) -> (u32, Option<Closure>) {
    let mut transport = Some(transport);
    let mut sent = 0_u32;
    let mut closing = false;
    loop {
        let mut out = Vec::new();
        // Replies go out between messages; with nothing else to send, they are waited for.
        let idle = closing || sent == count && closes.is_none();
        let owed = if idle {
            replies.recv().ok()
        } else {
            replies.try_recv().ok()
        };
        match owed {
            Some(reply) => sender.reply(reply, &mut out),
            None if idle => return (sent, sender.closure()),
            None if closes.is_some_and(|after| {
                sent == after.sent && seen.load(Ordering::Acquire) >= after.seen
            }) =>
            {
                sender.close(CloseCode::NORMAL, "", &mut out).unwrap();
                closing = true;
            }
            None if sent == count => thread::yield_now(),
            None => match sender.send(&sent.to_be_bytes(), &mut out) {
                Ok(()) => {
                    if sent.is_multiple_of(100) {
                        sender.ping(&sent.to_be_bytes(), &mut out).unwrap();
                    }
                    sent = sent.checked_add(1).unwrap();
                }
                Err(SendError::Closing) => closing = true,
                Err(error) => panic!("{error}"),
            },
        }
        if let Some(open) = &transport {
            if !out.is_empty() {
                // The peer may have closed its end after both Close frames.
                let _ = open.send(out);
            }
            if sender.transport() == Transport::CloseNow {
                transport = None;
            }
        }
    }
}

/// Runs one end in two threads.
fn end<R: Role + Send + 'static>(
    role: R,
    negotiated: Negotiated<'static>,
    from_peer: Queue<Vec<u8>>,
    to_peer: SyncSender<Vec<u8>>,
    count: u32,
    closes: Option<ClosesAfter>,
) -> thread::JoinHandle<Report> {
    thread::spawn(move || {
        let conn = Connection::new(role, negotiated, Config::default());
        let (receiver, sender) = conn.split();
        let (owe, owed) = mpsc::channel();
        let progress = Arc::new(AtomicU32::new(0));
        let reading = Arc::clone(&progress);
        let reader = thread::spawn(move || read(receiver, &from_peer, &owe, &reading));
        let (sent, closure) = write(sender, to_peer, &owed, count, closes, &progress);
        let (seen, pongs) = reader.join().unwrap();
        Report {
            sent,
            seen,
            pongs,
            closure,
        }
    })
}

/// Joins a server that sends `count` messages and a client that closes after this.
fn run(negotiated: Negotiated<'static>, count: u32, closes: ClosesAfter) -> (Report, Report) {
    let (to_client, from_server) = mpsc::sync_channel(64);
    let (to_server, from_client) = mpsc::sync_channel(64);
    let mut key = 0_u32;
    let keys = move || {
        key = key.wrapping_add(0x9e37_79b9);
        MaskingKey::new(key.to_be_bytes())
    };
    let server = end(Server, negotiated, from_client, to_client, count, None);
    let client = end(
        Client::new(keys),
        negotiated,
        from_server,
        to_server,
        closes.sent,
        Some(closes),
    );
    let (server, client) = (server.join().unwrap(), client.join().unwrap());
    assert_eq!(server.closure, Some(Closure::Clean(CloseCode::NORMAL)));
    assert_eq!(client.closure, Some(Closure::Clean(CloseCode::NORMAL)));
    assert_eq!(
        (server.seen, client.seen),
        (client.sent, server.sent),
        "what was sent arrives"
    );
    (server, client)
}

#[test]
fn a_hundred_thousand_messages_each_way_at_once() {
    let (server, client) = run(
        Negotiated::default(),
        100_000,
        ClosesAfter {
            sent: 100_000,
            seen: 100_000,
        },
    );
    assert_eq!((server.sent, client.sent), (100_000, 100_000));
    assert!(
        server.pongs > 0 && client.pongs > 0,
        "{server:?} {client:?}"
    );
}

#[test]
fn a_close_in_the_middle_loses_nothing_that_was_sent() {
    let (server, client) = run(
        Negotiated::default(),
        u32::MAX,
        ClosesAfter {
            sent: 50_000,
            seen: 1,
        },
    );
    assert_eq!(client.sent, 50_000);
    assert!(server.sent > 0);
}

#[cfg(feature = "deflate")]
#[test]
fn both_halves_inflate_and_compress_at_once() {
    use websocket_proto::deflate::{Agreement, Policy};

    for takeover in [true, false] {
        let policy = Policy::default()
            .threshold(0)
            .level(1)
            .send_context_takeover(takeover)
            .receive_context_takeover(takeover);
        let mut negotiated = Negotiated::default();
        negotiated.deflate = Some(Agreement::new(&policy));
        let closes = ClosesAfter {
            sent: 2000,
            seen: 2000,
        };
        let (server, client) = run(negotiated, 2000, closes);
        assert_eq!((server.sent, client.sent), (2000, 2000));
    }
}

#[test]
fn both_halves_can_go_to_other_threads() {
    fn is_send<T: Send>() {}
    is_send::<Receiver<Server>>();
    is_send::<Sender<Client<fn() -> MaskingKey>>>();
    is_send::<Reply>();
    #[cfg(feature = "deflate")]
    {
        use websocket_proto::deflate::{CompressState, InflateState};

        is_send::<InflateState>();
        is_send::<CompressState>();
    }
}

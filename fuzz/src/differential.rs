//! The same bytes for this crate, tungstenite and tokio-websockets: what each sees, whether it
//! fails, and with which status code.
//!
//! The input: the role (1 byte), how to cut (see `Bytes::cuts`), then what the peer sends.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use websocket_proto::frame::{CloseFrameError, HeaderError};
use websocket_proto::{Client, Config, Connection, Negotiated, ProtocolError, Server};

use crate::bytes::{Bytes, Cuts};
use crate::outcome::{By, Seen, drive};
use crate::receiving::keys;

/// The longest frame and message, for each of them.
const LIMIT: usize = 1 << 12;

/// A difference that is known: the peer's, and decided by the RFC.
struct Difference {
    peer: Peer,
    /// The section of RFC 6455 that decides it.
    section: &'static str,
    /// What the peer makes of it.
    what: &'static str,
    is_it: fn(&Case<'_>, &Verdict) -> bool,
}

/// All differences that are tolerated.
static DIFFERENCES: [Difference; 6] = [
    Difference {
        peer: Peer::Tungstenite,
        section: "5.2: the minimal number of bytes MUST be used to encode the length",
        what: "takes lengths in more bytes than they need",
        is_it: |case, theirs| match case.error {
            Some(ProtocolError::Header(HeaderError::LengthNotMinimal)) => true,
            // That of a control frame has one byte, so it is longer than it needs in any case.
            Some(ProtocolError::Header(HeaderError::ControlTooLong)) => {
                match theirs.seen.get(case.ours.seen.len()) {
                    Some(Seen::Ping(payload) | Seen::Pong(payload)) => payload.len() <= 125,
                    Some(Seen::Close(..)) => true,
                    _ => theirs.end == End::Fails(1007),
                }
            }
            _ => false,
        },
    },
    Difference {
        peer: Peer::Both,
        section: "5.2: the most significant bit MUST be 0",
        what: "takes a length of 2^63 or more for one beyond its limit",
        is_it: |case, theirs| {
            case.error == Some(ProtocolError::Header(HeaderError::LengthTooLarge))
                && theirs.end == End::Fails(1009)
        },
    },
    Difference {
        peer: Peer::Tungstenite,
        section: "7.4.1: a code for each of two faults, and it does not say which comes first",
        what: "looks at the limit before it looks at anything else in the header",
        is_it: |case, theirs| {
            case.fails_with(1002)
                && theirs.end == End::Fails(1009)
                && case.has_frame_beyond_the_limit()
        },
    },
    Difference {
        peer: Peer::Tungstenite,
        section: "7.4.2 and 11.7: IANA registers codes, 1014 among them",
        what: "does not know 1014, and answers it with 1002",
        is_it: |case, theirs| {
            matches!(case.ours.seen.last(), Some(Seen::Close(1014, _))) && theirs.is_close_refused()
        },
    },
    Difference {
        peer: Peer::Tungstenite,
        section: "7.4.1: a code for each of two faults, and it does not say which comes first",
        what: "looks at the reason of a Close before it looks at the code",
        is_it: |case, theirs| {
            matches!(
                case.error,
                Some(ProtocolError::Close(CloseFrameError::InvalidCode(_)))
            ) && theirs.end == End::Fails(1007)
        },
    },
    Difference {
        peer: Peer::TokioWebsockets,
        section: "8.1: a byte stream that is not UTF-8 MUST fail the connection",
        what: "does not see that text ends inside a character if the last fragment is empty",
        is_it: |case, theirs| {
            case.error == Some(ProtocolError::InvalidUtf8)
                && matches!(
                    theirs.seen.get(case.ours.seen.len()),
                    Some(Seen::NotText(_))
                )
        },
    },
];

/// Gives the input to all of them, and wants one verdict or a difference that is known.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let is_server = choices.byte() & 1 == 0;
    let cuts = choices.cuts();
    let input = choices.rest();
    let case = Case::new(is_server, &cuts, input);
    case.compare(Peer::Tungstenite, tungstenite(&case, &cuts));
    case.compare(Peer::TokioWebsockets, tokio_websockets(&case, &cuts));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Tungstenite,
    TokioWebsockets,
    Both,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    seen: Vec<Seen>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// More bytes are needed.
    Waits,
    /// A Close came.
    Closed,
    /// It is a fault, with this code for it.
    Fails(u16),
}

impl Verdict {
    /// What tungstenite gives for a Close whose code it refuses.
    fn is_close_refused(&self) -> bool {
        self.seen.last() == Some(&Seen::Close(1002, "Protocol violation".into()))
    }
}

/// An input, and what this crate makes of it.
struct Case<'i> {
    is_server: bool,
    input: &'i [u8],
    error: Option<ProtocolError>,
    ours: Verdict,
}

impl<'i> Case<'i> {
    fn new(is_server: bool, cuts: &Cuts, input: &'i [u8]) -> Self {
        let config = Config::default()
            .max_frame_len(LIMIT as u64)
            .max_message_len(LIMIT as u64);
        let none = Negotiated::default();
        let outcome = if is_server {
            drive(
                &mut Connection::new(Server, none, config),
                By::Growing,
                cuts,
                input,
            )
        } else {
            drive(
                &mut Connection::new(Client::new(keys()), none, config),
                By::Growing,
                cuts,
                input,
            )
        };
        let end = match (outcome.error, outcome.seen.last()) {
            (Some(error), _) => End::Fails(error.close_code().get()),
            (None, Some(Seen::Close(..))) => End::Closed,
            (None, _) => End::Waits,
        };
        Self {
            is_server,
            input,
            error: outcome.error,
            ours: Verdict {
                seen: outcome.seen,
                end,
            },
        }
    }

    fn fails_with(&self, code: u16) -> bool {
        self.ours.end == End::Fails(code)
    }

    /// What a peer is given: more than the input if that was a fault before its frame was whole.
    fn for_a_peer(&self) -> Vec<u8> {
        let rest = if matches!(self.ours.end, End::Fails(_)) {
            LIMIT + 14
        } else {
            0
        };
        [self.input, &vec![0; rest]].concat()
    }

    fn has_frame_beyond_the_limit(&self) -> bool {
        let given = self.for_a_peer();
        let mut rest = &given[..];
        while let [_, second, after @ ..] = rest {
            let width = match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            let Some(extended) = after.get(..width) else {
                return false;
            };
            let len = extended
                .iter()
                .fold(0_u64, |len, byte| len << 8 | u64::from(*byte));
            let len = if width == 0 {
                u64::from(second & 0x7f)
            } else {
                len
            };
            if len > LIMIT as u64 {
                return true;
            }
            let header = 2 + width + if second & 0x80 == 0 { 0 } else { 4 };
            rest = rest.get(header + len as usize..).unwrap_or_default();
        }
        false
    }

    /// Gives the known difference if the two do not agree.
    fn compare(&self, peer: Peer, theirs: Verdict) -> Option<&'static Difference> {
        // It says so by the code that it answers with.
        let refused = matches!(
            self.error,
            Some(ProtocolError::Close(CloseFrameError::InvalidCode(_)))
        ) && theirs.is_close_refused()
            && theirs.seen.len() == self.ours.seen.len() + 1;
        let same = if refused {
            Verdict {
                seen: theirs.seen[..self.ours.seen.len()].into(),
                end: End::Fails(1002),
            }
        } else {
            theirs.clone()
        };
        if same == self.ours {
            return None;
        }
        let common = self
            .ours
            .seen
            .iter()
            .zip(&theirs.seen)
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        let is_close = |seen: Option<&Seen>| matches!(seen, None | Some(Seen::Close(..)));
        // Up to the difference all is the same.
        let is_late = common == self.ours.seen.len() || is_close(self.ours.seen.get(common));
        let known = DIFFERENCES.iter().find(|difference| {
            (difference.peer == peer || difference.peer == Peer::Both)
                && (difference.is_it)(self, &theirs)
        });
        assert!(
            known.is_some() && is_late,
            "{peer:?} has {theirs:?}, this crate {:?} with {:?}; the nearest known difference: {:?}",
            self.ours,
            self.error,
            known.map(|difference| (difference.section, difference.what)),
        );
        known
    }
}

/// What comes in, read by read, and then nothing; what goes out is dropped.
struct Wire {
    bytes: Vec<u8>,
    reads: std::vec::IntoIter<usize>,
    at: usize,
}

impl Wire {
    fn new(case: &Case<'_>, cuts: &Cuts) -> Self {
        let bytes = case.for_a_peer();
        let reads = cuts.of(bytes.len()).into_iter();
        Self {
            bytes,
            reads,
            at: 0,
        }
    }

    /// At most `room` bytes of the next read.
    fn next(&mut self, room: usize) -> Option<&[u8]> {
        let len = self.reads.by_ref().find(|len| *len > 0)?;
        let start = self.at;
        self.at += len.min(room);
        if len > room {
            // The rest is another read.
            let reads: Vec<usize> = std::iter::once(len - room)
                .chain(self.reads.by_ref())
                .collect();
            self.reads = reads.into_iter();
        }
        self.bytes.get(start..self.at)
    }
}

impl Read for Wire {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(bytes) = self.next(room.len()) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        room[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(bytes) = self.next(room.remaining()) else {
            return Poll::Pending;
        };
        room.put_slice(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn tungstenite(case: &Case<'_>, cuts: &Cuts) -> Verdict {
    use tungstenite::protocol::{Role, WebSocketConfig};
    use tungstenite::{Error, Message, WebSocket};

    let config = WebSocketConfig::default()
        .read_buffer_size(1 << 12)
        .max_frame_size(Some(LIMIT))
        .max_message_size(Some(LIMIT));
    let role = if case.is_server {
        Role::Server
    } else {
        Role::Client
    };
    let mut socket = WebSocket::from_raw_socket(Wire::new(case, cuts), role, Some(config));
    let mut seen = Vec::new();
    let end = loop {
        match socket.read() {
            Ok(Message::Text(text)) => seen.push(Seen::Text(text.as_str().into())),
            Ok(Message::Binary(bytes)) => seen.push(Seen::Binary(bytes.into())),
            Ok(Message::Ping(payload)) => seen.push(Seen::Ping(payload.into())),
            Ok(Message::Pong(payload)) => seen.push(Seen::Pong(payload.into())),
            Ok(Message::Close(frame)) => {
                seen.push(frame.map_or(Seen::Close(1005, String::new()), |frame| {
                    Seen::Close(frame.code.into(), frame.reason.as_str().into())
                }));
                break End::Closed;
            }
            Ok(Message::Frame(frame)) => panic!("reading gives no frames: {frame:?}"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break End::Waits,
            Err(Error::Protocol(_)) => break End::Fails(1002),
            Err(Error::Utf8(_)) => break End::Fails(1007),
            Err(Error::Capacity(_)) => break End::Fails(1009),
            Err(error) => panic!("tungstenite: {error}"),
        }
    };
    Verdict { seen, end }
}

fn tokio_websockets(case: &Case<'_>, cuts: &Cuts) -> Verdict {
    use tokio_websockets::proto::ProtocolError;
    use tokio_websockets::{ClientBuilder, Error, Limits, ServerBuilder};

    let limits = Limits::default().max_payload_len(Some(LIMIT));
    let wire = Wire::new(case, cuts);
    let mut socket = if case.is_server {
        ServerBuilder::new().limits(limits).serve(wire)
    } else {
        ClientBuilder::new().limits(limits).take_over(wire)
    };
    let mut context = Context::from_waker(Waker::noop());
    let mut seen = Vec::new();
    let end = loop {
        match Pin::new(&mut socket).poll_next(&mut context) {
            Poll::Pending => break End::Waits,
            Poll::Ready(None) => panic!("the wire does not end"),
            Poll::Ready(Some(Ok(message))) => {
                let payload = message.as_payload().to_vec();
                if let Some((code, reason)) = message.as_close() {
                    let code = if payload.is_empty() {
                        1005
                    } else {
                        u16::from(code)
                    };
                    seen.push(Seen::Close(code, reason.into()));
                    break End::Closed;
                }
                seen.push(if message.is_text() {
                    // Not by `as_text`, which trusts that it was checked.
                    text(payload)
                } else if message.is_binary() {
                    Seen::Binary(payload)
                } else if message.is_ping() {
                    Seen::Ping(payload)
                } else {
                    Seen::Pong(payload)
                });
            }
            Poll::Ready(Some(Err(Error::Protocol(ProtocolError::InvalidUtf8)))) => {
                break End::Fails(1007);
            }
            Poll::Ready(Some(Err(Error::Protocol(_)))) => break End::Fails(1002),
            Poll::Ready(Some(Err(Error::PayloadTooLong { .. }))) => break End::Fails(1009),
            Poll::Ready(Some(Err(error))) => panic!("tokio-websockets: {error}"),
        }
    };
    Verdict { seen, end }
}

/// Text, if it is; else its bytes, as no other endpoint gives them.
fn text(payload: Vec<u8>) -> Seen {
    match String::from_utf8(payload) {
        Ok(text) => Seen::Text(text),
        Err(error) => Seen::NotText(error.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame;

    /// None of them is tolerated that is not there.
    #[test]
    fn each_difference_has_an_example() {
        let one = |first, payload: &[u8]| frame(first, payload, None);
        let beyond = [0xc2, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        let examples = [
            b"\x82\x7e\x00\x01a".to_vec(),
            b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00".to_vec(),
            beyond.to_vec(),
            one(0x88, b"\x03\xf6"),
            one(0x88, b"\x03\xed\xff"),
            [one(0x01, b"\xe2\x82"), one(0x80, b"")].concat(),
        ];
        for (example, expected) in examples.iter().zip(&DIFFERENCES) {
            let cuts = Bytes::new(&[]).cuts();
            let case = Case::new(false, &cuts, example);
            let found = [
                case.compare(Peer::Tungstenite, tungstenite(&case, &cuts)),
                case.compare(Peer::TokioWebsockets, tokio_websockets(&case, &cuts)),
            ];
            let is_expected = |found: &Difference| core::ptr::eq(found, expected);
            assert!(
                found.into_iter().flatten().any(is_expected),
                "{}",
                expected.what
            );
        }
    }
}

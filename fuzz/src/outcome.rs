//! What an endpoint makes of its input, however that is cut and whichever call takes it.

use websocket_proto::frame::MessageKind;
use websocket_proto::{
    Assembler, Borrowed, Closure, Connection, Event, Fixed, Growing, Inbox, Incoming, Message,
    Payload, ProtocolError, ReceiveError, Role, State, Storage, Transport,
};

use crate::bytes::Cuts;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(String),
    /// What a peer of this crate's gives as text, though it is none.
    NotText(Vec<u8>),
    Binary(Vec<u8>),
    /// What is only unmasked, and whether it was sent as text.
    Raw(bool, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

/// What is the same for every way to cut the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) seen: Vec<Seen>,
    /// The chunks of a message that was not finished, together.
    pub(crate) unfinished: Option<Seen>,
    /// All outbound bytes.
    pub(crate) out: Vec<u8>,
    pub(crate) error: Option<ProtocolError>,
    pub(crate) transport: Transport,
    pub(crate) state: State,
    pub(crate) closure: Closure,
}

impl Outcome {
    /// As calls that give whole messages have it.
    pub(crate) fn of_messages(self) -> Self {
        Self {
            unfinished: None,
            ..self
        }
    }
}

/// Storage for messages in `Fixed` and `Borrowed`: no limit that a check sets may be beyond it.
pub(crate) const STORAGE: usize = 0x1_0000;

/// Which call takes the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// `receive`
    Chunks,
    /// `receive_inflated`, with a window of so many bytes
    Inflated(usize),
    /// `receive_message`
    Growing,
    Fixed,
    Borrowed,
    /// `receive_message`, and `payload_room` before each read
    Room,
    /// `receive_from`, with a buffer of so many bytes, and whether text is held
    Inbox(usize, bool),
}

/// Feeds the input to a connection, and ends it.
pub(crate) fn drive<R: Role>(
    conn: &mut Connection<R>,
    by: By,
    cuts: &Cuts,
    input: &[u8],
) -> Outcome {
    let mut feed = Feed {
        conn,
        seen: Vec::new(),
        open: None,
        out: Vec::new(),
        error: None,
    };
    let mut bytes = input.to_vec();
    match by {
        By::Chunks => feed.chunks(None, cuts, &mut bytes),
        By::Inflated(window) => feed.chunks(Some(&mut vec![0; window]), cuts, &mut bytes),
        By::Growing => feed.messages(
            &mut Assembler::<Growing>::default(),
            cuts,
            &mut bytes,
            false,
        ),
        By::Fixed => feed.messages(
            &mut Assembler::<Fixed<STORAGE>>::fixed(),
            cuts,
            &mut bytes,
            false,
        ),
        By::Borrowed => {
            let mut slice = vec![0; STORAGE];
            feed.messages(
                &mut Assembler::<Borrowed<'_>>::in_slice(&mut slice),
                cuts,
                &mut bytes,
                false,
            );
        }
        By::Room => {
            let mut assembler = Assembler::<Growing>::default();
            feed.messages(&mut assembler, cuts, &mut bytes, true);
        }
        By::Inbox(len, holds_text) => feed.inbox(len, holds_text, cuts, &bytes),
    }
    let Feed {
        conn,
        seen,
        open,
        out,
        error,
    } = feed;
    let (transport, state) = (conn.transport(), conn.state());
    if error.is_some() {
        assert_eq!(
            (transport, state),
            (Transport::CloseNow, State::Closing),
            "it has failed"
        );
    }
    assert!(!conn.wants_flush(), "there was room for every reply");
    let closure = conn.receive_eof();
    assert_eq!(
        (conn.transport(), conn.state()),
        (Transport::CloseNow, State::Closed)
    );
    Outcome {
        seen,
        unfinished: open,
        out,
        error,
        transport,
        state,
        closure,
    }
}

struct Feed<'c, R> {
    conn: &'c mut Connection<R>,
    seen: Vec<Seen>,
    open: Option<Seen>,
    out: Vec<u8>,
    error: Option<ProtocolError>,
}

impl<R: Role> Feed<'_, R> {
    fn fault(&mut self, error: ReceiveError) {
        let fault = error.protocol().expect("no call is misused");
        assert_eq!(
            *self.error.get_or_insert(fault),
            fault,
            "the first error stays"
        );
    }

    fn sees(&mut self, seen: Seen) {
        assert!(self.error.is_none(), "nothing after an error");
        assert!(
            !self.seen.iter().any(|seen| matches!(seen, Seen::Close(..))),
            "nothing after the Close"
        );
        self.seen.push(seen);
    }

    /// Notes what a call has given that receives messages; says whether there may be more.
    fn takes(&mut self, given: Result<Option<Incoming<'_>>, ReceiveError>) -> bool {
        match given {
            Ok(Some(incoming)) => {
                self.sees(incoming_seen(incoming));
                true
            }
            Ok(None) => false,
            Err(fault) => {
                self.fault(fault);
                false
            }
        }
    }

    fn chunks(&mut self, mut window: Option<&mut [u8]>, cuts: &Cuts, bytes: &mut [u8]) {
        let reads = cuts.of(bytes.len());
        let mut input = bytes;
        for read in reads {
            let mut read = input
                .split_off_mut(..read)
                .expect("reads are within the input");
            loop {
                let event = match &mut window {
                    Some(window) => self.conn.receive_inflated(&mut read, window, &mut self.out),
                    None => self.conn.receive(&mut read, &mut self.out),
                };
                match event {
                    Ok(Some(Event::Chunk(chunk))) => {
                        let open = chunk_onto(self.open.take(), &chunk);
                        if chunk.last {
                            self.sees(open);
                        } else {
                            self.open = Some(open);
                        }
                    }
                    Ok(Some(Event::Ping(payload))) => self.sees(Seen::Ping(payload.to_vec())),
                    Ok(Some(Event::Pong(payload))) => self.sees(Seen::Pong(payload.to_vec())),
                    Ok(Some(Event::Close(frame))) => {
                        self.sees(Seen::Close(frame.code().get(), frame.reason().into()));
                    }
                    Ok(Some(other)) => panic!("a new kind of event: {other:?}"),
                    Ok(None) => break,
                    Err(error) => {
                        self.fault(error);
                        break;
                    }
                }
            }
            assert!(read.is_empty(), "all input is taken");
        }
    }

    fn messages<S: Storage>(
        &mut self,
        assembler: &mut Assembler<S>,
        cuts: &Cuts,
        bytes: &mut [u8],
        room: bool,
    ) {
        let reads = cuts.of(bytes.len());
        let mut input = bytes;
        for read in reads {
            let mut read = input
                .split_off_mut(..read)
                .expect("reads are within the input");
            if room && let Some(place) = self.conn.payload_room(assembler) {
                assert!(!place.is_empty(), "room is not empty");
                let len = place.len().min(read.len());
                let fits = read.split_off_mut(..len).expect("as much as there is");
                place[..len].copy_from_slice(fits);
                let given = self.conn.payload_read(len, assembler, &mut self.out);
                self.takes(given);
            }
            loop {
                let out = &mut self.out;
                let given = self.conn.receive_message(&mut read, assembler, out);
                if !self.takes(given) {
                    break;
                }
            }
            assert!(read.is_empty(), "all input is taken");
        }
    }

    fn inbox(&mut self, len: usize, holds_text: bool, cuts: &Cuts, bytes: &[u8]) {
        let assembler = Assembler::<Growing>::default();
        let mut inbox = Inbox::with_buffer(vec![0; len], assembler).hold_text(holds_text);
        let mut rest = bytes;
        for read in cuts.of(bytes.len()) {
            let (mut read, after) = rest.split_at(read);
            rest = after;
            while !read.is_empty() {
                let room = self
                    .conn
                    .read_room(&mut inbox)
                    .expect("there is always room");
                assert!(!room.is_empty(), "room is not empty");
                let (now, later) = read.split_at(room.len().min(read.len()));
                room[..now.len()].copy_from_slice(now);
                read = later;
                inbox
                    .filled(now.len())
                    .expect("no more than there was room for");
                loop {
                    let given = self.conn.receive_from(&mut inbox, &mut self.out);
                    if !self.takes(given) {
                        break;
                    }
                }
            }
        }
    }
}

/// Puts a chunk behind what came of its message.
pub(crate) fn chunk_onto(open: Option<Seen>, chunk: &websocket_proto::Chunk<'_>) -> Seen {
    assert_eq!(
        chunk.first,
        open.is_none(),
        "first says where a message begins"
    );
    assert!(
        !chunk.payload.is_empty()
            || chunk.last
            || matches!(chunk.payload, Payload::Raw { rsv, .. } if !rsv.is_empty()),
        "a chunk has something to tell"
    );
    match (open, chunk.payload) {
        (None, Payload::Text { carried, text }) => {
            Seen::Text(carried.into_iter().chain(text.chars()).collect())
        }
        (None, Payload::Binary(bytes)) => Seen::Binary(bytes.into()),
        (None, Payload::Raw { kind, bytes, .. }) => {
            Seen::Raw(kind == MessageKind::Text, bytes.into())
        }
        (Some(Seen::Raw(is_text, mut message)), Payload::Raw { kind, bytes, .. }) => {
            assert_eq!(kind == MessageKind::Text, is_text);
            message.extend_from_slice(bytes);
            Seen::Raw(is_text, message)
        }
        (Some(Seen::Text(mut message)), Payload::Text { carried, text }) => {
            message.extend(carried);
            message.push_str(text);
            Seen::Text(message)
        }
        (Some(Seen::Binary(mut message)), Payload::Binary(bytes)) => {
            message.extend_from_slice(bytes);
            Seen::Binary(message)
        }
        (open, payload) => panic!("{payload:?} goes on {open:?}"),
    }
}

pub(crate) fn incoming_seen(incoming: Incoming<'_>) -> Seen {
    match incoming {
        Incoming::Message(Message::Text(text)) => Seen::Text(text.into()),
        Incoming::Message(Message::Binary(bytes)) => Seen::Binary(bytes.into()),
        Incoming::Raw(raw) => Seen::Raw(raw.kind == MessageKind::Text, raw.bytes.into()),
        Incoming::Ping(payload) => Seen::Ping(payload.to_vec()),
        Incoming::Pong(payload) => Seen::Pong(payload.to_vec()),
        Incoming::Close(frame) => Seen::Close(frame.code().get(), frame.reason().into()),
        other => panic!("a new kind of event: {other:?}"),
    }
}

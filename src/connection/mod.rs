//! The data phase: [`Connection`] joins the two directions, answers what must be answered, and
//! closes.

mod closing;
mod inbound;
mod outbound;
mod receiver;
mod replies;
mod sender;

pub use closing::{Closure, State, Transport};
pub use receiver::Receiver;
pub use replies::Reply;
pub use sender::Sender;

use crate::assembler::{Assembler, Storage};
use crate::broadcast::Broadcast;
use crate::chunk_buffer::ChunkBuffer;
use crate::config::Config;
#[cfg(feature = "deflate")]
use crate::deflate::{CompressState, InflateState};
use crate::error::{Misuse, ReceiveError, SendError};
use crate::event::{Chunk, Event, Incoming, Message, RawMessage};
use crate::fragment::Fragment;
use crate::frame::{CloseCode, EncodedHeader, MessageKind, Rsv};
use crate::inbox::Inbox;
use crate::negotiated::Negotiated;
use crate::output::Output;
use crate::role::{Role, Server};
use crate::traffic::{MessageCost, Traffic};

/// One end of a WebSocket connection whose opening handshake is done.
///
/// Bytes from the transport go in by [`receive`](Self::receive) or
/// [`receive_message`](Self::receive_message), bytes for the transport come out in an [`Output`].
/// The connection owns no buffers and does no IO: it is a few hundred bytes of state, and what it
/// hands out borrows the caller's input, so that one can send while holding a message.
///
/// Pings are answered and Close frames returned (with their code, without the reason) without the
/// caller's doing. A reply that the output has no room for, or that falls due inside a frame which
/// the caller is streaming, waits in one of two slots (the newest Pong, one Close) and leaves at the
/// next call that takes an output; [`flush`](Self::flush) does nothing else. An output of less than
/// [`MIN_OUTPUT_LEN`](crate::MIN_OUTPUT_LEN) bytes cannot hold every reply.
///
/// # The order of things
///
/// 1. Read from the transport into a buffer. At its end call [`receive_eof`](Self::receive_eof) and
///    stop.
/// 2. Call `receive` or `receive_message` until it gives `None` or an error; send what there is to
///    send.
/// 3. Write the output, also after an error: the Close frame that tells the peer is in it. With an
///    output of fixed size, [`flush`](Self::flush) and write while
///    [`wants_flush`](Self::wants_flush) says so.
/// 4. Ask [`transport`](Self::transport) whether to go on.
///
/// # Reading while output waits
///
/// Read while output waits to be written: two peers that both write before they read stand still for
/// ever. The engine never has a reason to stop reading. [`LimitedOutput`](crate::LimitedOutput) bounds
/// the replies in an output that grows, and `flush` brings those that had no room once it is
/// written. Only the application's own answers (those of an echo, say) may pause reading, at a limit
/// of its own. A caller that blocks in a write reads in another thread: [`split`](Self::split).
///
/// # Examples
///
/// A server that has received the masked "Hello" of RFC 6455 section 5.7, and sends it back:
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use websocket_proto::{Assembler, Config, Connection, Incoming, Message, Negotiated, Server};
///
/// let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
/// let mut messages = Assembler::default();
/// let mut out = Vec::new();
///
/// let mut read = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
/// let mut input = &mut read[..];
/// while let Some(incoming) = conn.receive_message(&mut input, &mut messages, &mut out)? {
///     if let Incoming::Message(message) = incoming {
///         assert_eq!(message, Message::Text("Hello"));
///         conn.send(message, &mut out)?;
///     }
/// }
/// assert_eq!(out, b"\x81\x05Hello");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection<R> {
    receiver: Receiver<R>,
    sender: Sender<R>,
}

impl<R: Role> Connection<R> {
    /// Starts the data phase after an opening handshake that agreed on `negotiated`.
    ///
    /// Bytes that came behind the head of the opening handshake are the first input.
    pub fn new(role: R, negotiated: Negotiated<'_>, config: Config) -> Self {
        // A subprotocol changes nothing below the messages.
        let own_bits = negotiated.own_bits();
        let Negotiated {
            subprotocol: _,
            #[cfg(feature = "deflate")]
            deflate,
            reserved_bits: _,
        } = negotiated;
        #[cfg_attr(
            not(feature = "deflate"),
            expect(unused_mut, reason = "for the feature")
        )]
        let mut sender = Sender::new(role, own_bits);
        let mut receiver = Receiver::new(config);
        #[cfg(feature = "deflate")]
        if let Some(agreement) = deflate {
            receiver.inflate_with(&agreement);
            sender.compress_with(&agreement);
        }
        receiver.allow_reserved_bits(own_bits);
        Self { receiver, sender }
    }

    /// Takes input until it makes an event; messages come in chunks, as they arrive.
    ///
    /// `input` is a cursor: the call moves it past the bytes that it took. `None` means that all of
    /// it was taken and more is needed. Payload is unmasked where it lies, and the event borrows it
    /// there; several events may be held at once. Pongs and the answer to a Close go into `out`.
    ///
    /// Keep to one kind of call until a message is complete: an assembler that holds the start of a
    /// message which this call goes on with has to be [cleared](Assembler::clear).
    ///
    /// After the peer's Close, whatever follows it in the input is discarded. Data that comes after
    /// a Close of our own, and before the peer's, is delivered: the peer sent it in good faith.
    ///
    /// # Errors
    ///
    /// - [`ReceiveError::Protocol`] when the peer broke the protocol or a limit. The connection has
    ///   failed then: the Close frame that tells the peer is in `out`, or waits for room there; the
    ///   rest of the input is discarded, and every later call gives the same error. Text that is
    ///   valid before a fault still comes as a chunk, the error with the next call.
    /// - [`Misuse::NoWindow`]: permessage-deflate was agreed on, so that compressed messages may
    ///   come, and there is no room to inflate them. Call `receive_inflated` or
    ///   [`receive_message`](Self::receive_message).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::{Config, Connection, Event, Negotiated, Server};
    ///
    /// let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut out = Vec::new();
    /// let mut read = *b"\x89\x82\0\0\0\0hi\x82\x83\0\0\0\0abc";
    /// let mut input = &mut read[..];
    /// let first = conn.receive(&mut input, &mut out)?;
    /// let second = conn.receive(&mut input, &mut out)?;
    /// assert!(matches!(first, Some(Event::Ping(payload)) if *payload == *b"hi"));
    /// assert!(matches!(second, Some(Event::Chunk(chunk)) if chunk.first && chunk.last));
    /// assert_eq!(out, b"\x8a\x02hi");
    /// # }
    /// # Ok::<(), websocket_proto::ReceiveError>(())
    /// ```
    #[inline]
    pub fn receive<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut impl Output,
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        self.sender.flush_first(out);
        let Self { receiver, sender } = self;
        receiver.receive(input, |reply| sender.reply(reply, out))
    }

    /// Takes input until it makes a whole message, or a control frame.
    ///
    /// A message that lies in the input whole, in one frame, is lent from there; `assembler` holds
    /// only one that reads or frames have cut. Give the same assembler until the message is
    /// complete. Its fixed storage, if it has such, limits messages beside
    /// [`Config::max_message_len`]. Otherwise as [`receive`](Self::receive).
    ///
    /// # Errors
    ///
    /// - [`ReceiveError::Protocol`], as [`receive`](Self::receive); also
    ///   [`ProtocolError::StorageFull`](crate::ProtocolError::StorageFull) when there is no memory for
    ///   the message.
    /// - [`Misuse::WrongAssembler`]: `assembler` does not hold the start of the open message, or it
    ///   holds that of another connection's.
    #[inline]
    pub fn receive_message<'b: 'm, 'm, S: Storage>(
        &mut self,
        input: &mut &'b mut [u8],
        assembler: &'m mut Assembler<S>,
        out: &mut impl Output,
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        self.sender.flush_first(out);
        let Self { receiver, sender } = self;
        receiver.receive_message(input, assembler, |reply| sender.reply(reply, out))
    }

    /// Takes input until it makes an event, as [`receive`](Self::receive), where compressed messages
    /// may come: they are inflated into `window`, piece by piece.
    ///
    /// The event borrows `window`, or `input` if the message is not compressed. The window needs 4
    /// bytes at least; a few KiB are a good size. Nothing of a message is held beyond that, however
    /// long it gets. `None` means that all input was taken and more is needed, so that one read may
    /// give many events.
    ///
    /// # Errors
    ///
    /// - [`ReceiveError::Protocol`], as [`receive`](Self::receive); also
    ///   [`ProtocolError::InvalidDeflate`](crate::ProtocolError::InvalidDeflate).
    /// - [`Misuse::NoWindow`]: permessage-deflate was agreed on, and `window` has fewer than 4 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::deflate::{Agreement, Policy};
    /// use websocket_proto::{Config, Connection, Event, Negotiated, Payload, Server};
    ///
    /// let mut negotiated = Negotiated::default();
    /// negotiated.deflate = Some(Agreement::new(&Policy::default()));
    /// let mut conn = Connection::new(Server, negotiated, Config::default());
    /// let mut out = Vec::new();
    /// let mut read = *b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00";
    /// let (mut input, mut window, mut text) = (&mut read[..], [0; 4], String::new());
    /// while let Some(event) = conn.receive_inflated(&mut input, &mut window, &mut out)? {
    ///     if let Event::Chunk(chunk) = event
    ///         && let Payload::Text { carried, text: piece } = chunk.payload
    ///     {
    ///         text.extend(carried);
    ///         text.push_str(piece);
    ///     }
    /// }
    /// assert_eq!(text, "Hello");
    /// # Ok::<(), websocket_proto::ReceiveError>(())
    /// ```
    #[cfg(feature = "deflate")]
    pub fn receive_inflated<'b: 'w, 'w>(
        &mut self,
        input: &mut &'b mut [u8],
        window: &'w mut [u8],
        out: &mut impl Output,
    ) -> Result<Option<Event<'w>>, ReceiveError> {
        self.sender.flush_first(out);
        let Self { receiver, sender } = self;
        receiver.receive_inflated(input, window, |reply| sender.reply(reply, out))
    }

    /// Gives back what inflating holds, to be dropped or supplied to another connection.
    ///
    /// Nothing if there is nothing, or if it has to be kept: where the peer's messages may refer to
    /// those before them, or inside a compressed message. The next compressed message makes it anew.
    #[cfg(feature = "deflate")]
    pub fn release_inflate(&mut self) -> Option<InflateState> {
        self.receiver.release_inflate()
    }

    /// Supplies what inflating needs, so that the next compressed message need not make it.
    ///
    /// Drops it if there is one already.
    #[cfg(feature = "deflate")]
    pub fn supply_inflate(&mut self, state: InflateState) {
        self.receiver.supply_inflate(state);
    }

    /// Gives back what compressing holds, to be dropped or supplied to another connection.
    ///
    /// Nothing if there is nothing. Messages to come do not refer to those so far, which may make them
    /// longer; the next one to be compressed makes it anew.
    #[cfg(feature = "deflate")]
    pub fn release_compress(&mut self) -> Option<CompressState> {
        self.sender.release_compress()
    }

    /// Supplies what compressing needs, so that the next message need not make it.
    ///
    /// Drops it if there is one already, or if it was made for another window, level or memory level.
    #[cfg(feature = "deflate")]
    pub fn supply_compress(&mut self, state: CompressState) {
        self.sender.supply_compress(state);
    }

    /// Sends a whole message as it is, also where permessage-deflate was agreed on.
    ///
    /// For what does not get shorter, such as pictures, or must not be compressed together with what
    /// an attacker may choose. Otherwise as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "deflate")]
    pub fn send_uncompressed<'a>(
        &mut self,
        message: impl Into<Message<'a>>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.send_uncompressed(message, out)
    }

    /// Where the next payload may be read to without a copy: room in `assembler`, behind what it
    /// holds of an open binary message of which 16 KiB or more are to come.
    ///
    /// Ask for it when all input was taken, before reading more. Read into it from the transport,
    /// then say with [`payload_read`](Self::payload_read) how much that was; or leave it and read
    /// into a buffer as ever, which has the same outcome. `None` means to do the latter. Room is
    /// made as for what comes by the buffer: at most 64 KiB for what a header declares, then as much
    /// again as came. It may hold bytes of messages before, so say no more than what was read.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::{Assembler, Config, Connection, Incoming, Negotiated, Role, Client};
    /// # let role = Client::new(|| websocket_proto::frame::MaskingKey::new([0; 4]));
    /// # let mut conn = Connection::new(role, Negotiated::default(), Config::default());
    /// let (mut messages, mut out) = (Assembler::default(), Vec::new());
    /// // The header of a message of 20,000 bytes, and the first three of them.
    /// let mut read = *b"\x82\x7e\x4e\x20abc";
    /// let mut input = &mut read[..];
    /// assert!(conn.receive_message(&mut input, &mut messages, &mut out)?.is_none());
    ///
    /// let room = conn.payload_room(&mut messages).ok_or("there is much to come")?;
    /// assert_eq!(room.len(), 19_997);
    /// room.fill(b'x'); // `let len = socket.read(room)?`
    /// let len = room.len();
    /// let Some(Incoming::Message(message)) = conn.payload_read(len, &mut messages, &mut out)? else {
    ///     panic!("it is whole");
    /// };
    /// assert_eq!(message.as_bytes().len(), 20_000);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn payload_room<'m, S: Storage>(
        &mut self,
        assembler: &'m mut Assembler<S>,
    ) -> Option<&'m mut [u8]> {
        self.receiver.payload_room(assembler)
    }

    /// Takes the first `len` bytes of the [room](Self::payload_room), into which they were read;
    /// gives the message if it is whole.
    ///
    /// # Errors
    ///
    /// - [`Misuse::WrongAssembler`]: `assembler` did not give the room, or less of it.
    /// - [`ReceiveError::Protocol`]: the connection had failed before.
    pub fn payload_read<'m, S: Storage>(
        &mut self,
        len: usize,
        assembler: &'m mut Assembler<S>,
        out: &mut impl Output,
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        self.sender.flush_first(out);
        let Self { receiver, sender } = self;
        receiver.payload_read(len, assembler, |reply| sender.reply(reply, out))
    }

    /// Where the next bytes of the transport go: the buffer of `inbox`, or the storage for a message
    /// whose payload is long.
    ///
    /// Say how many were read by [`Inbox::filled`], then call [`receive_from`](Self::receive_from)
    /// until it gives `None`. The room is never empty, and after that there always is some.
    ///
    /// # Errors
    ///
    /// - [`Misuse::InboxFull`]: there is no room before what is held was received.
    /// - [`Misuse::WrongInbox`]: the inbox holds bytes of another connection.
    #[inline]
    pub fn read_room<'m, B: AsMut<[u8]>, S: Storage>(
        &mut self,
        inbox: &'m mut Inbox<B, S>,
    ) -> Result<&'m mut [u8], Misuse> {
        self.receiver.read_room(inbox)
    }

    /// Takes what was read into `inbox` until it makes a whole message, or a control frame.
    ///
    /// As [`receive_message`](Self::receive_message), but that a data frame which is not whole yet
    /// and fits into the buffer stays there: its rest is not looked at before all of it has come.
    /// Its header is. `None` means that more has to be read.
    ///
    /// # Errors
    ///
    /// As [`receive_message`](Self::receive_message), and [`Misuse::WrongInbox`]: the inbox holds
    /// bytes of another connection.
    #[inline]
    pub fn receive_from<'m, B: AsMut<[u8]>, S: Storage>(
        &mut self,
        inbox: &'m mut Inbox<B, S>,
        out: &mut impl Output,
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        self.sender.flush_first(out);
        // Where the bytes come one by one, this is all that is done for most of them.
        if inbox.waits() {
            return Ok(None);
        }
        self.receive_next(inbox, out)
    }

    #[inline(never)]
    fn receive_next<'m, B: AsMut<[u8]>, S: Storage>(
        &mut self,
        inbox: &'m mut Inbox<B, S>,
        out: &mut impl Output,
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        let Self { receiver, sender } = self;
        receiver.receive_from(inbox, |reply| sender.reply(reply, out))
    }

    /// Sends a whole message in one frame; a client's is masked on the way into `out`.
    ///
    /// # Errors
    ///
    /// - [`SendError::Closing`]: the closing handshake has begun, or the connection has failed or
    ///   ended.
    /// - [`SendError::MessageOpen`], [`SendError::FrameOpen`]: a message or frame that was begun is
    ///   not finished.
    /// - [`SendError::OutputFull`]: `out` has no room.
    /// - [`SendError::NoMemory`]: there is none to compress the message.
    #[inline]
    pub fn send<'a>(
        &mut self,
        message: impl Into<Message<'a>>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.send(message, out)
    }

    /// Sends a whole text message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut impl Output) -> Result<(), SendError> {
        self.sender.send_text(text, out)
    }

    /// Sends a whole binary message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.sender.send_binary(bytes, out)
    }

    /// Sends one frame of a message whose length need not be known.
    ///
    /// `fragment` says whether the frame begins the message, continues it or ends it. All frames of
    /// a message have its kind. Other messages wait until it is finished; Pings, Pongs and a Close
    /// may come between.
    ///
    /// See [RFC 6455 section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).
    ///
    /// # Errors
    ///
    /// - [`SendError::MessageOpen`]: the frame begins a message, but one is open.
    /// - [`SendError::NoMessageOpen`]: the frame continues a message, but none is open.
    /// - [`SendError::WrongKind`]: the open message is of the other kind.
    /// - [`SendError::ChunksHeld`]: a [`ChunkBuffer`] holds bytes of the open message, which come
    ///   first.
    /// - [`SendError::Closing`], [`SendError::FrameOpen`], [`SendError::OutputFull`],
    ///   [`SendError::NoMemory`]: as [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::Fragment;
    /// # use websocket_proto::{Config, Connection, Negotiated, Server};
    /// # let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut out = Vec::new();
    /// conn.send_fragment("Hel", Fragment::First, &mut out)?;
    /// conn.send_fragment("lo", Fragment::Last, &mut out)?;
    /// assert_eq!(out, b"\x01\x03Hel\x80\x02lo");
    /// # }
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn send_fragment<'a>(
        &mut self,
        payload: impl Into<Message<'a>>,
        fragment: Fragment,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.send_fragment(payload, fragment, out)
    }

    /// Sends a chunk on as a frame, for a gateway that does not wait for whole messages.
    ///
    /// Give it every chunk that [`receive`](Connection::receive) of another connection yields, in
    /// their order: the first begins a message, the last ends it, and one that is both is sent
    /// unfragmented. Whatever frames and reads the message came in, it goes on in a frame for each
    /// chunk, and a text never has a character cut by a frame. As with
    /// [`send_fragment`](Self::send_fragment), other messages wait until it is finished. A message
    /// whose rest will not come cannot be finished: [`close`](Self::close), then.
    ///
    /// Short reads make many frames, which the far end may [refuse](Config::max_fragments) and which
    /// cost a header each: [`send_buffered`](Self::send_buffered) gathers them.
    ///
    /// [`Payload::Raw`](crate::Payload::Raw) goes on as it is, by the rule of
    /// [`send_raw`](Self::send_raw). If reads have cut a frame, each of its chunks has the reserved
    /// bits of it. Where an extension marks only the first frame of a message, clear the bits of
    /// every chunk but the first.
    ///
    /// See [RFC 6455 section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).
    ///
    /// # Errors
    ///
    /// - [`SendError::MessageOpen`]: the chunk is the first of its message, but another message is
    ///   open.
    /// - [`SendError::NoMessageOpen`]: it is not the first, and no message is open.
    /// - [`SendError::WrongKind`]: the open message is of the other kind.
    /// - [`SendError::ChunksHeld`]: as [`send_fragment`](Self::send_fragment).
    /// - [`SendError::ReservedBits`], [`SendError::CompressedMessage`]: as
    ///   [`send_raw`](Self::send_raw).
    /// - [`SendError::Closing`], [`SendError::FrameOpen`], [`SendError::OutputFull`],
    ///   [`SendError::NoMemory`]: as [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// A server that lets text through to another server as it comes, here in two reads that cut a
    /// character:
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::frame::MaskingKey;
    /// use websocket_proto::{Client, Config, Connection, Event, Negotiated, Server};
    ///
    /// # let role = Client::new(|| MaskingKey::new([0; 4]));
    /// let mut near = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut far = Connection::new(role, Negotiated::default(), Config::default());
    /// let (mut to_near, mut to_far) = (Vec::new(), Vec::new());
    ///
    /// for read in [&mut b"\x81\x86\0\0\0\0caf\xc3"[..].to_vec(), &mut b"\xa9!".to_vec()] {
    ///     let mut input = &mut read[..];
    ///     while let Some(event) = near.receive(&mut input, &mut to_near)? {
    ///         if let Event::Chunk(chunk) = event {
    ///             far.send_chunk(&chunk, &mut to_far)?;
    ///         }
    ///     }
    /// }
    /// assert_eq!(to_far, b"\x01\x83\0\0\0\0caf\x80\x83\0\0\0\0\xc3\xa9!");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_chunk(
        &mut self,
        chunk: &Chunk<'_>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.send_chunk(chunk, out)
    }

    /// Sends a chunk on with others in one frame, for a relay whose reads are short.
    ///
    /// As [`send_chunk`](Self::send_chunk), but that a chunk stays in `chunks` while there is room
    /// for it. One frame goes out when the buffer would overflow, and one when the message ends. A
    /// frame has all that is held and the chunk behind it, so a chunk that is longer than the buffer
    /// is not copied into it. Text goes out in whole characters. A call sends at most one frame, or
    /// two where the reserved bits of [`Payload::Raw`](crate::Payload::Raw) change.
    ///
    /// The message is open from its first chunk on, also while no frame of it has gone out. Held
    /// bytes wait however long the next chunk takes: [`flush_buffered`](Self::flush_buffered) lets
    /// them go. [`close`](Self::close) ends the connection without them.
    ///
    /// See [RFC 6455 section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).
    ///
    /// # Errors
    ///
    /// - [`SendError::WrongBuffer`]: `chunks` holds bytes of another connection or message, or lacks
    ///   bytes of this one.
    /// - [`SendError::OutputFull`]: `out` has no room for the frame. The chunk was not taken; call
    ///   again with it.
    /// - All others: as [`send_chunk`](Self::send_chunk).
    ///
    /// # Examples
    ///
    /// Three chunks, which make one frame:
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::frame::MaskingKey;
    /// use websocket_proto::{ChunkBuffer, Client, Config, Connection, Event, Negotiated, Server};
    ///
    /// # let role = Client::new(|| MaskingKey::new([0; 4]));
    /// let mut near = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut far = Connection::new(role, Negotiated::default(), Config::default());
    /// let (mut to_near, mut to_far) = (Vec::new(), Vec::new());
    /// let mut chunks = ChunkBuffer::new([0; 4096]);
    ///
    /// for read in [&mut b"\x82\x85\0\0\0\0He"[..].to_vec(), &mut b"ll".to_vec(), &mut b"o".to_vec()] {
    ///     let mut input = &mut read[..];
    ///     while let Some(event) = near.receive(&mut input, &mut to_near)? {
    ///         if let Event::Chunk(chunk) = event {
    ///             far.send_buffered(&chunk, &mut chunks, &mut to_far)?;
    ///         }
    ///     }
    /// }
    /// assert_eq!(to_far, b"\x82\x85\0\0\0\0Hello");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_buffered<B: AsMut<[u8]>>(
        &mut self,
        chunk: &Chunk<'_>,
        chunks: &mut ChunkBuffer<B>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.send_buffered(chunk, chunks, out)
    }

    /// Sends what `chunks` holds of the open message as a frame, if it holds anything.
    ///
    /// A relay calls it when it has nothing more to read for now, so that no byte waits for the next
    /// read of its own.
    ///
    /// # Errors
    ///
    /// - [`SendError::WrongBuffer`]: as [`send_buffered`](Self::send_buffered).
    /// - [`SendError::Closing`], [`SendError::FrameOpen`], [`SendError::OutputFull`],
    ///   [`SendError::NoMemory`]: as [`send`](Self::send).
    pub fn flush_buffered<B: AsMut<[u8]>>(
        &mut self,
        chunks: &mut ChunkBuffer<B>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.flush_buffered(chunks, out)
    }

    /// Sends one frame as the caller's extension has made it, with its reserved bits.
    ///
    /// The engine neither compresses the payload nor checks it as text. `payload.rsv` are the bits
    /// of this frame: [`Negotiated::reserved_bits`] has to contain them, and they may differ from
    /// frame to frame. Give every frame of the message to this call or to
    /// [`start_raw_frame`](Self::start_raw_frame).
    ///
    /// See [RFC 6455 section 5.8](https://www.rfc-editor.org/rfc/rfc6455#section-5.8).
    ///
    /// # Errors
    ///
    /// - [`SendError::ReservedBits`]: the bits were not agreed on. RSV1 is permessage-deflate's
    ///   where that was agreed on.
    /// - [`SendError::CompressedMessage`]: the engine compresses the open message.
    /// - [`SendError::MessageOpen`], [`SendError::NoMessageOpen`], [`SendError::WrongKind`],
    ///   [`SendError::ChunksHeld`]: as [`send_fragment`](Self::send_fragment).
    /// - [`SendError::Closing`], [`SendError::FrameOpen`], [`SendError::OutputFull`]: as
    ///   [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::frame::{MessageKind, Rsv};
    /// use websocket_proto::{Config, Connection, Fragment, Negotiated, RawMessage, Server};
    ///
    /// let mut negotiated = Negotiated::default();
    /// negotiated.reserved_bits = Rsv::RSV2; // "x-reversed", says the opening handshake
    /// let mut conn = Connection::new(Server, negotiated, Config::default());
    /// let mut out = Vec::new();
    /// let reversed = RawMessage {
    ///     kind: MessageKind::Text,
    ///     rsv: Rsv::RSV2,
    ///     bytes: b"olleH",
    /// };
    /// conn.send_raw(reversed, Fragment::Only, &mut out)?;
    /// assert_eq!(out, b"\xa1\x05olleH");
    /// # }
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn send_raw(
        &mut self,
        payload: RawMessage<'_>,
        fragment: Fragment,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.send_raw(payload, fragment, out)
    }

    /// Begins a frame of `len` bytes of payload that the caller sends itself, and gives its header
    /// to be sent first.
    ///
    /// This is the way to send a payload without a copy, or one that is not in memory as a whole.
    /// Hand each piece of it to [`mask_payload`](Self::mask_payload) before sending it, or have it
    /// [put](Self::put_payload) into an output; a server, which does not mask, may call
    /// [`count_payload`](Connection::count_payload) instead. Replies
    /// wait until the frame is complete, so [`flush`](Self::flush) before and after. `fragment` is
    /// the position of the frame in its message, as in [`send_fragment`](Self::send_fragment). The
    /// payload of a text message must be UTF-8; the engine does not look at it.
    ///
    /// # Errors
    ///
    /// - [`SendError::FrameTooLong`]: `len` is 2^63 or more.
    /// - [`SendError::MessageOpen`], [`SendError::NoMessageOpen`], [`SendError::WrongKind`],
    ///   [`SendError::ChunksHeld`]: as [`send_fragment`](Self::send_fragment).
    /// - [`SendError::CompressedMessage`]: the open message is compressed, and what the caller sends
    ///   itself is not.
    /// - [`SendError::Closing`], [`SendError::FrameOpen`]: as [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::Fragment;
    /// use websocket_proto::frame::MessageKind;
    /// # use websocket_proto::{Config, Connection, Negotiated, Server};
    /// # let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let payload = [7; 1000];
    /// let header = conn.start_frame(MessageKind::Binary, 1000, Fragment::Only)?;
    /// conn.count_payload(1000)?;
    /// // Now a vectored write of `[&header, &payload]`.
    /// assert_eq!(header.as_bytes(), [0x82, 126, 0x03, 0xe8]);
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    #[inline]
    pub fn start_frame(
        &mut self,
        kind: MessageKind,
        len: u64,
        fragment: Fragment,
    ) -> Result<EncodedHeader, SendError> {
        self.sender.start_frame(kind, len, fragment)
    }

    /// Begins a frame with reserved bits of an extension of the caller's. Otherwise as
    /// [`start_frame`](Self::start_frame).
    ///
    /// # Errors
    ///
    /// - [`SendError::ReservedBits`]: as [`send_raw`](Self::send_raw).
    /// - All others: as [`start_frame`](Self::start_frame).
    #[inline]
    pub fn start_raw_frame(
        &mut self,
        kind: MessageKind,
        rsv: Rsv,
        len: u64,
        fragment: Fragment,
    ) -> Result<EncodedHeader, SendError> {
        self.sender.start_raw_frame(kind, rsv, len, fragment)
    }

    /// Makes the next piece of the open frame's payload ready to send: a client's is masked in
    /// place.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOverrun`] when the piece is longer than what the frame lacks; it is left
    /// as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::Fragment;
    /// use websocket_proto::frame::{MaskingKey, MessageKind};
    /// # use websocket_proto::{Client, Config, Connection, Negotiated};
    /// # let role = Client::new(|| MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]));
    /// # let mut conn = Connection::new(role, Negotiated::default(), Config::default());
    /// let mut payload = *b"Hello";
    /// let header = conn.start_frame(MessageKind::Text, 5, Fragment::Only)?;
    /// conn.mask_payload(&mut payload[..2])?;
    /// conn.mask_payload(&mut payload[2..])?;
    /// assert_eq!(header.as_bytes(), [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
    /// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn mask_payload(&mut self, payload: &mut [u8]) -> Result<(), SendError> {
        self.sender.mask_payload(payload)
    }

    /// Appends the next piece of the open frame's payload to `out`, a client's masked on the way.
    ///
    /// For payload that is to stay as it is. Pieces of some 16 KiB are still in the nearest cache
    /// when `out` is sent, which a message of many megabytes is not.
    ///
    /// # Errors
    ///
    /// - [`SendError::FrameOverrun`]: the piece is longer than what the frame lacks.
    /// - [`SendError::OutputFull`]: there is no room for it. Nothing has changed in either case.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::Fragment;
    /// use websocket_proto::frame::{MaskingKey, MessageKind};
    /// # use websocket_proto::{Client, Config, Connection, Negotiated};
    /// # #[cfg(feature = "alloc")] {
    /// # let role = Client::new(|| MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]));
    /// # let mut conn = Connection::new(role, Negotiated::default(), Config::default());
    /// let (payload, mut sent, mut out) = (b"Hello", Vec::new(), Vec::new());
    /// let header = conn.start_frame(MessageKind::Text, 5, Fragment::Only)?;
    /// sent.extend_from_slice(header.as_bytes());
    /// for piece in payload.chunks(2) {
    ///     conn.put_payload(piece, &mut out)?;
    ///     sent.append(&mut out);
    /// }
    /// assert_eq!(sent, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    /// # }
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn put_payload(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.sender.put_payload(payload, out)
    }

    /// Sends a Ping; the peer answers with a Pong that has the same payload, of at most 125 bytes.
    ///
    /// See [RFC 6455 section 5.5.2](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2).
    ///
    /// # Errors
    ///
    /// - [`SendError::ControlTooLong`]: more than 125 bytes.
    /// - [`SendError::Closing`], [`SendError::FrameOpen`], [`SendError::OutputFull`]: as
    ///   [`send`](Self::send).
    pub fn ping(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.sender.ping(payload, out)
    }

    /// Sends a Pong that nobody asked for, as a one-way heartbeat. Pings are answered without this,
    /// unless one [leaves the replies to them out](Reply::is_pong).
    ///
    /// See [RFC 6455 section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3).
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.sender.pong(payload, out)
    }

    /// _Start the WebSocket Closing Handshake_: sends a Close frame, the last frame that this end
    /// sends.
    ///
    /// Go on receiving until [`transport`](Self::transport) says otherwise, with a deadline. `code`
    /// may be `None` for a Close frame without payload. A reason of more than 123 bytes is cut
    /// between characters. It may be called inside a fragmented message, which then stays
    /// unfinished: [`clear`](crate::ChunkBuffer::clear) a chunk buffer that holds bytes of it.
    ///
    /// See [RFC 6455 section 7.1.2](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.2).
    ///
    /// # Errors
    ///
    /// - [`SendError::InvalidCode`]: the code [may not be sent](CloseCode::is_sendable).
    /// - [`SendError::ReasonWithoutCode`]: a reason, but no code.
    /// - [`SendError::Closing`]: the closing handshake has begun already, by either end.
    /// - [`SendError::FrameOpen`], [`SendError::OutputFull`]: as [`send`](Self::send).
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.close(code, reason, out)
    }

    /// _Fail the WebSocket Connection_ for a reason of the caller's own, as a broken subprotocol:
    /// sends a Close frame if none was sent, and reads nothing more: `receive` discards its input
    /// and gives `None`.
    ///
    /// Where the output has no room, or a frame is open that the caller streams, the Close waits,
    /// without the reason.
    ///
    /// See [RFC 6455 section 7.1.7](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7).
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidCode`] when the code [may not be sent](CloseCode::is_sendable); nothing
    /// has happened then.
    pub fn fail(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.sender.fail(code, reason, out)?;
        self.receiver.end();
        Ok(())
    }

    /// Moves the replies that wait into `out`.
    ///
    /// A reply that is longer than `out` [can ever hold](Output::max_len) is dropped, so that the
    /// loop below ends. An output of [`MIN_OUTPUT_LEN`](crate::MIN_OUTPUT_LEN) bytes or more holds
    /// every reply. Without its Pong the peer may take this end for dead. Without its Close it sees
    /// the transport end: [`transport`](Self::transport) says
    /// [`CloseNow`](Transport::CloseNow), and the end is [not clean](Closure::is_clean).
    ///
    /// ```
    /// # use websocket_proto::{Config, Connection, Negotiated, SendError, Server, SliceOutput};
    /// # let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// # let mut room = [0; 16];
    /// # let mut out = SliceOutput::new(&mut room);
    /// # let mut write = |_: &[u8]| {};
    /// while conn.wants_flush() {
    ///     match conn.flush(&mut out) {
    ///         Ok(()) | Err(SendError::OutputFull { .. }) => {}
    ///         Err(error) => return Err(error),
    ///     }
    ///     write(out.filled());
    ///     out.clear();
    /// }
    /// # Ok::<(), SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`SendError::OutputFull`]: `out` has no room for all of them; send what it holds, then
    ///   call again.
    /// - [`SendError::FrameOpen`]: they wait for the end of the frame that the caller is sending.
    pub fn flush(&mut self, out: &mut impl Output) -> Result<(), SendError> {
        self.sender.flush(out)
    }

    /// Whether a reply waits that [`flush`](Self::flush) would move: write what the output holds,
    /// then call it.
    ///
    /// A reply waits where an output was full. An output that grows is never full. While the caller
    /// streams a frame this is false; ask again behind its last byte. A loop that flushes and writes
    /// ends with an output of any size: a reply that can never fit is dropped, see
    /// [`MIN_OUTPUT_LEN`](crate::MIN_OUTPUT_LEN).
    pub fn wants_flush(&self) -> bool {
        self.sender.wants_flush()
    }

    /// What to do with the transport once the output is written and nothing
    /// [wants to be flushed](Self::wants_flush).
    ///
    /// [`Transport::CloseNow`] with unread input needs care on TCP: a socket that is dropped so
    /// resets the connection, and the peer may lose the Close frame. Shut the writing side down,
    /// and read until the end for a moment.
    pub fn transport(&self) -> Transport {
        self.sender.transport()
    }

    /// How far the connection is.
    pub fn state(&self) -> State {
        self.sender.state()
    }

    /// Sets other limits and another [leniency](crate::Leniency), for the messages that begin from now
    /// on: small limits before a login, say, and larger ones after it.
    ///
    /// A message whose first header was received keeps those that it began with; one that waits in an
    /// inbox was not received yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::{Config, Connection, Negotiated, Server};
    ///
    /// let before_login = Config::default().max_message_len(1024);
    /// let mut conn = Connection::new(Server, Negotiated::default(), before_login);
    /// // The first message was a login, and it was right.
    /// conn.set_config(Config::default());
    /// ```
    pub fn set_config(&mut self, config: Config) {
        self.receiver.set_config(config);
    }

    /// Returns a number for the message, or the frame between messages, that has begun and is not whole;
    /// `None` if there is none.
    ///
    /// The number stays the same until that message or frame is whole, and the next one has another.
    /// So [`KeepAlive::received`](crate::KeepAlive::received) can tell one that trickles from many.
    pub fn receiving(&self) -> Option<u64> {
        self.receiver.receiving()
    }

    /// Returns the counts of what has come so far; bytes of a frame that waits in an inbox are yet to
    /// be counted.
    pub const fn received(&self) -> Traffic {
        self.receiver.received()
    }

    /// Returns the cost of the message that came last, or of the one that is open: of its frames whose
    /// headers have come.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::{Assembler, Config, Connection, Negotiated, Server};
    ///
    /// let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut messages = Assembler::default();
    /// let mut read = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    /// let message = conn.receive_message(&mut &mut read[..], &mut messages, &mut Vec::new())?;
    /// assert!(message.is_some()); // and still borrowed
    /// assert_eq!(conn.newest_received().wire_len, 11);
    /// assert!(!conn.newest_received().compressed);
    /// assert_eq!(conn.received().messages, 1);
    /// # }
    /// # Ok::<(), websocket_proto::ReceiveError>(())
    /// ```
    pub fn newest_received(&self) -> MessageCost {
        self.receiver.newest_received()
    }

    /// Returns the totals of all frames that have gone out.
    ///
    /// A frame counts from the call that puts it into an output. Of a frame that the caller
    /// [streams](Self::start_frame) the header counts at once and the payload as it goes; its
    /// message is complete with its last byte. A [broadcast](Connection::broadcast) counts like any
    /// other message.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// # use websocket_proto::{Config, Connection, Negotiated, Server};
    /// # let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut out = Vec::new();
    /// let before = conn.sent();
    /// conn.send("Hello", &mut out)?;
    /// conn.ping(b"", &mut out)?;
    /// let sent = conn.sent();
    /// assert_eq!(sent.bytes - before.bytes, 9);
    /// assert_eq!((sent.frames, sent.messages), (2, 1));
    /// # }
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn sent(&self) -> Traffic {
        self.sender.sent()
    }

    /// Returns the cost of the newest message that goes out or has gone out, as far as it has: zeros
    /// before the first.
    ///
    /// After a call that sends a whole message, or the last frame of one, it is the cost of that
    /// message.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "deflate")] {
    /// use websocket_proto::deflate::{Agreement, Policy};
    /// # use websocket_proto::{Config, Connection, Negotiated, Server};
    ///
    /// let mut negotiated = Negotiated::default();
    /// negotiated.deflate = Some(Agreement::new(&Policy::default()));
    /// let mut conn = Connection::new(Server, negotiated, Config::default());
    /// let mut out = Vec::new();
    /// conn.send("a".repeat(1000).as_str(), &mut out)?;
    /// let cost = conn.newest_sent();
    /// assert_eq!((cost.compressed, cost.len), (true, 1000));
    /// assert_eq!(cost.wire_len, out.len() as u64);
    /// # }
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn newest_sent(&self) -> MessageCost {
        self.sender.newest_sent()
    }

    /// Counts the Pings and Pongs for [`Config::max_control_frames`] anew: call it at each tick of
    /// your clock to make a rate of that limit.
    ///
    /// A connection that has failed stays so.
    pub fn reset_control_frames(&mut self) {
        self.receiver.reset_control_frames();
    }

    /// Takes the end of the transport and says how the connection ended; from here it is CLOSED.
    ///
    /// Call it when the transport's input ends, or after you have closed the transport yourself.
    /// Nothing is received or sent any more, and what waited is dropped: [`flush`](Self::flush)
    /// before, if the transport can still be written to. Later calls say the same.
    ///
    /// See [RFC 6455 section 7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4).
    pub fn receive_eof(&mut self) -> Closure {
        let inside_message = self.receiver.end();
        self.sender.end(inside_message)
    }

    /// Splits the connection into its two directions, for two tasks or threads without a lock.
    ///
    /// Both are [`Send`] if the role is. The receiver hands what the peer is owed over to the sender
    /// as [`Reply`] values, which need to be applied in their order.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use websocket_proto::{Config, Connection, Negotiated, Server};
    ///
    /// let conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let (mut receiver, mut sender) = conn.split();
    /// let (replies, owed) = std::sync::mpsc::channel();
    ///
    /// // In one thread:
    /// let mut read = *b"\x89\x82\0\0\0\0hi";
    /// receiver.receive(&mut &mut read[..], |reply| replies.send(reply).unwrap())?;
    ///
    /// // In the other:
    /// let mut out = Vec::new();
    /// sender.reply(owed.recv().unwrap(), &mut out);
    /// assert_eq!(out, b"\x8a\x02hi");
    /// # }
    /// # Ok::<(), websocket_proto::ReceiveError>(())
    /// ```
    pub fn split(self) -> (Receiver<R>, Sender<R>) {
        (self.receiver, self.sender)
    }
}

impl Connection<Server> {
    /// Counts `len` bytes of the open frame's payload that the caller sends as they are, from
    /// memory that it may not change.
    ///
    /// # Errors
    ///
    /// [`SendError::FrameOverrun`] when the frame lacks fewer bytes; nothing is counted then.
    pub fn count_payload(&mut self, len: u64) -> Result<(), SendError> {
        self.sender.count_payload(len)
    }

    /// Sends a message that was framed for many: gives the header and the payload, which the caller
    /// writes one after the other, behind what its outputs still hold.
    ///
    /// Replies that wait are not written by this: [`flush`](Self::flush) before.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`], [`SendError::MessageOpen`], [`SendError::FrameOpen`]: as
    /// [`send`](Self::send). Leave this connection out, then.
    pub fn broadcast<'a>(
        &mut self,
        broadcast: &'a Broadcast<'_>,
    ) -> Result<[&'a [u8]; 2], SendError> {
        self.sender.broadcast(broadcast)
    }
}

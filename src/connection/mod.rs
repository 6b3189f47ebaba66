//! The data phase: [`Connection`] joins the two directions, answers what must be answered, and
//! closes.

mod closing;
mod receiver;
mod replies;
mod sender;

pub use closing::{Closure, State, Transport};

use crate::assembler::{Assembler, Storage};
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::error::{ProtocolError, SendError};
use crate::event::{ControlEvent, ControlPayload, Event, Incoming, Message};
use crate::frame::{
    CloseCode, CloseFrame, CloseFrameError, EncodedHeader, FrameHeader, MessageKind, Opcode,
};
use crate::negotiated::Negotiated;
use crate::num::wire_len;
use crate::output::Output;
use crate::role::{Role, Server};
use closing::Closing;
use receiver::{ControlOpcode, Found, Receiver};
use replies::Replies;
use sender::{Sender, put_frame};

/// One end of a WebSocket connection whose opening handshake is done.
///
/// Bytes from the transport go in by [`receive`](Self::receive) or
/// [`receive_message`](Self::receive_message), bytes for the transport come out in an [`Output`].
/// The connection owns no buffers and does no IO: it is a few hundred bytes of state, and what it
/// hands out borrows the caller's input, so that one can send while holding a message.
///
/// Pings are answered and Close frames returned (with their code, without the reason) without the
/// caller's doing. A reply that the output
/// has no room for, or that falls due inside a frame which the caller is streaming, waits in one of
/// two slots (the newest Pong, one Close) and leaves at the next call that takes an output;
/// [`flush`](Self::flush) does nothing else.
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
/// Read no more while output is still to be written, or a peer that does not read makes it grow.
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
    role: R,
    receiver: Receiver,
    sender: Sender,
    replies: Replies,
    closing: Closing,
}

impl<R: Role> Connection<R> {
    /// Starts the data phase after an opening handshake that agreed on `negotiated`.
    ///
    /// Bytes that came behind the head of the opening handshake are the first input.
    pub fn new(role: R, negotiated: Negotiated<'_>, config: Config) -> Self {
        // A subprotocol changes nothing below the messages, and no extension is known yet.
        let Negotiated { subprotocol: _ } = negotiated;
        Self {
            role,
            receiver: Receiver::new(config),
            sender: Sender::new(),
            replies: Replies::default(),
            closing: Closing::default(),
        }
    }

    /// Takes input until it makes an event; messages come in chunks, as they arrive.
    ///
    /// `input` is a cursor: the call moves it past the bytes that it took. `None` means that all of
    /// it was taken and more is needed. Payload is unmasked where it lies, and the event borrows it
    /// there; several events may be held at once. Pongs and the answer to a Close go into `out`.
    ///
    /// After the peer's Close, whatever follows it in the input is discarded. Data that comes after
    /// a Close of our own, and before the peer's, is delivered: the peer sent it in good faith.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`] when the peer broke the protocol or a limit. The connection has failed
    /// then: the Close frame that tells the peer is in `out`, or waits for room there; the rest of
    /// the input is discarded, and every later call gives the same error. Text that is valid before
    /// a fault still comes as a chunk, the error with the next call.
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
    /// # Ok::<(), websocket_proto::ProtocolError>(())
    /// ```
    #[inline]
    pub fn receive<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        out: &mut impl Output,
    ) -> Result<Option<Event<'b>>, ProtocolError> {
        match self.find(input, u64::MAX, out)? {
            None => Ok(None),
            Some(Found::Chunk(chunk)) => Ok(Some(Event::Chunk(chunk))),
            Some(Found::Control(opcode)) => Ok(Some(self.control(opcode, input, out)?.into())),
        }
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
    /// [`ProtocolError`], as [`receive`](Self::receive); also [`ProtocolError::StorageFull`] when
    /// there is no memory for the message, and [`ProtocolError::WrongAssembler`] for one that does
    /// not hold its start.
    #[inline]
    pub fn receive_message<'b: 'm, 'm, S: Storage>(
        &mut self,
        input: &mut &'b mut [u8],
        assembler: &'m mut Assembler<S>,
        out: &mut impl Output,
    ) -> Result<Option<Incoming<'m>>, ProtocolError> {
        let max_message_len = wire_len(assembler.max_len());
        loop {
            let chunk = match self.find(input, max_message_len, out) {
                Ok(Some(Found::Chunk(chunk))) => chunk,
                Ok(Some(Found::Control(opcode))) => {
                    let event = self.control(opcode, input, out);
                    if !matches!(event, Ok(ControlEvent::Ping(_) | ControlEvent::Pong(_))) {
                        // No more of the message that is held will come.
                        assembler.clear();
                    }
                    return event.map(|event| Some(event.into()));
                }
                Ok(None) => return Ok(None),
                Err(error) => {
                    assembler.clear();
                    return Err(error);
                }
            };
            if chunk.first
                && chunk.last
                && let Some(message) = chunk.payload.as_message()
            {
                return Ok(Some(Incoming::Message(message)));
            }
            if self.receiver.has_failed() {
                continue;
            }
            let len = wire_len(chunk.payload.len());
            if let Err(error) = assembler.push(&chunk, self.receiver.extent(len, max_message_len)) {
                assembler.clear();
                return Err(self.fail_here(error, input, out));
            }
            if chunk.last {
                break;
            }
        }
        Ok(Some(Incoming::Message(assembler.message())))
    }

    /// Takes input until it makes a chunk or a whole control frame.
    #[inline]
    fn find<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        max_message_len: u64,
        out: &mut impl Output,
    ) -> Result<Option<Found<'b>>, ProtocolError> {
        if !self.replies.is_empty() {
            // What still waits goes on waiting.
            let _ = self.flush(out);
        }
        let found = self.receiver.receive::<R>(input, max_message_len);
        if let Err(error) = found {
            self.fail_with(error.close_code(), out);
        }
        found
    }

    /// Answers a control frame that is whole, and makes it an event.
    #[cold]
    fn control(
        &mut self,
        opcode: ControlOpcode,
        input: &mut &mut [u8],
        out: &mut impl Output,
    ) -> Result<ControlEvent, ProtocolError> {
        let payload = self.receiver.take_control_payload();
        match opcode {
            ControlOpcode::Close => match CloseFrame::decode(&payload) {
                Ok(frame) => {
                    self.receiver.end();
                    self.answer_close(&frame, out);
                    Ok(ControlEvent::Close(frame))
                }
                Err(error) => Err(self.fail_here(error.into(), input, out)),
            },
            ControlOpcode::Ping => {
                self.answer_ping(&payload, out);
                Ok(ControlEvent::Ping(payload))
            }
            ControlOpcode::Pong => Ok(ControlEvent::Pong(payload)),
        }
    }

    /// Fails the connection for a fault that the receiver has not found itself.
    #[cold]
    fn fail_here(
        &mut self,
        error: ProtocolError,
        input: &mut &mut [u8],
        out: &mut impl Output,
    ) -> ProtocolError {
        let error = self.receiver.fail(error, input);
        self.fail_with(error.close_code(), out);
        error
    }

    fn answer_ping(&mut self, payload: &ControlPayload, out: &mut impl Output) {
        // "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it
        // already received a Close frame" (section 5.5.2). After our own Close nothing goes out: it
        // is the last frame that we send.
        if self.closing.has_begun() {
            return;
        }
        // "A Pong frame sent in response to a Ping frame must have identical "Application data""
        // (section 5.5.3).
        let waits = !self.replies.is_empty() || self.sender.between_frames().is_err();
        if waits || put_frame(&mut self.role, true, Opcode::Pong, payload, out).is_err() {
            self.replies.push_pong(payload.clone());
        }
    }

    #[cold]
    fn answer_close(&mut self, frame: &CloseFrame, out: &mut impl Output) {
        self.closing.received = Some(frame.code());
        // "If an endpoint receives a Close frame and did not previously send a Close frame, the
        // endpoint MUST send a Close frame in response. (When sending a Close frame in response,
        // the endpoint typically echos the status code it received.)" (section 5.5.1).
        if !self.closing.sent {
            self.replies.push_close(frame);
            let _ = self.flush(out);
        }
    }

    /// _Fail the WebSocket Connection_, once.
    #[cold]
    fn fail_with(&mut self, code: CloseCode, out: &mut impl Output) {
        if self.closing.failed || self.closing.ended.is_some() {
            return;
        }
        self.closing.failed = true;
        // "the endpoint SHOULD send a Close frame with an appropriate status code (Section 7.4)
        // before proceeding to _Close the WebSocket Connection_" (section 7.1.7), unless one is
        // out.
        if !self.closing.sent {
            if let Ok(frame) = CloseFrame::new(code, "") {
                self.replies.push_close(&frame);
            }
            let _ = self.flush(out);
        }
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
    #[inline]
    pub fn send<'a>(
        &mut self,
        message: impl Into<Message<'a>>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let message = message.into();
        self.may_send()?;
        self.sender.between_messages()?;
        self.flush_first(out);
        put_frame(
            &mut self.role,
            true,
            message.kind().opcode(),
            message.as_bytes(),
            out,
        )?;
        Ok(())
    }

    /// Sends a whole text message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut impl Output) -> Result<(), SendError> {
        self.send(Message::Text(text), out)
    }

    /// Sends a whole binary message.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.send(Message::Binary(bytes), out)
    }

    /// Sends the next fragment of a message whose length need not be known; `fin` marks the last
    /// one.
    ///
    /// The first fragment begins the message, and all have its kind. Other messages wait until it
    /// is finished; Pings, Pongs and Close may come between.
    ///
    /// See [RFC 6455 section 5.4](https://www.rfc-editor.org/rfc/rfc6455#section-5.4).
    ///
    /// # Errors
    ///
    /// - [`SendError::WrongKind`]: the open message is of the other kind.
    /// - [`SendError::Closing`], [`SendError::FrameOpen`], [`SendError::OutputFull`]: as
    ///   [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// # use websocket_proto::{Config, Connection, Negotiated, Server};
    /// # let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let mut out = Vec::new();
    /// conn.send_fragment("Hel", false, &mut out)?;
    /// conn.send_fragment("lo", true, &mut out)?;
    /// assert_eq!(out, b"\x01\x03Hel\x80\x02lo");
    /// # }
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn send_fragment<'a>(
        &mut self,
        fragment: impl Into<Message<'a>>,
        fin: bool,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let fragment = fragment.into();
        self.may_send()?;
        self.sender.between_frames()?;
        let opcode = self.sender.next_opcode(fragment.kind())?;
        self.flush_first(out);
        put_frame(&mut self.role, fin, opcode, fragment.as_bytes(), out)?;
        self.sender.fragment_sent(fragment.kind(), fin);
        Ok(())
    }

    /// Begins a frame of `len` bytes of payload that the caller sends itself, and gives its header
    /// to be sent first.
    ///
    /// This is the way to send a payload without a copy, or one that is not in memory as a whole.
    /// Hand each piece of it to [`mask_payload`](Self::mask_payload) before sending it; a server,
    /// which does not mask, may call [`count_payload`](Connection::count_payload) instead. Replies
    /// wait until the frame is complete, so [`flush`](Self::flush) before and after. `fin` is false
    /// for a fragment that others follow, as in [`send_fragment`](Self::send_fragment). The payload
    /// of a text message must be UTF-8; the engine does not look at it.
    ///
    /// # Errors
    ///
    /// - [`SendError::FrameTooLong`]: `len` is 2^63 or more.
    /// - [`SendError::WrongKind`]: the open message is of the other kind.
    /// - [`SendError::Closing`], [`SendError::FrameOpen`]: as [`send`](Self::send).
    ///
    /// # Examples
    ///
    /// ```
    /// use websocket_proto::frame::MessageKind;
    /// # use websocket_proto::{Config, Connection, Negotiated, Server};
    /// # let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
    /// let payload = [7; 1000];
    /// let header = conn.start_frame(MessageKind::Binary, 1000, true)?;
    /// conn.count_payload(1000)?;
    /// // Now a vectored write of `[&header, &payload]`.
    /// assert_eq!(header.as_bytes(), [0x82, 126, 0x03, 0xe8]);
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn start_frame(
        &mut self,
        kind: MessageKind,
        len: u64,
        fin: bool,
    ) -> Result<EncodedHeader, SendError> {
        self.may_send()?;
        self.sender.between_frames()?;
        // "the most significant bit MUST be 0" (section 5.2).
        if len >> 63 != 0 {
            return Err(SendError::FrameTooLong);
        }
        let opcode = self.sender.next_opcode(kind)?;
        let header = self.sender.start_frame(
            &mut self.role,
            FrameHeader {
                fin,
                ..FrameHeader::new(opcode, len)
            },
        );
        self.sender.fragment_sent(kind, fin);
        Ok(header)
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
    /// use websocket_proto::frame::{MaskingKey, MessageKind};
    /// # use websocket_proto::{Client, Config, Connection, Negotiated};
    /// # let role = Client::new(|| MaskingKey::new([0x37, 0xfa, 0x21, 0x3d]));
    /// # let mut conn = Connection::new(role, Negotiated::default(), Config::default());
    /// let mut payload = *b"Hello";
    /// let header = conn.start_frame(MessageKind::Text, 5, true)?;
    /// conn.mask_payload(&mut payload[..2])?;
    /// conn.mask_payload(&mut payload[2..])?;
    /// assert_eq!(header.as_bytes(), [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
    /// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    /// # Ok::<(), websocket_proto::SendError>(())
    /// ```
    pub fn mask_payload(&mut self, payload: &mut [u8]) -> Result<(), SendError> {
        if R::RECEIVES_MASKED {
            self.sender.count_payload(wire_len(payload.len()))
        } else {
            self.sender.mask_payload(payload)
        }
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
        self.send_control(Opcode::Ping, payload, out)
    }

    /// Sends a Pong that nobody asked for, as a one-way heartbeat. Pings are answered without this.
    ///
    /// See [RFC 6455 section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3).
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload, out)
    }

    fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        // "All control frames MUST have a payload length of 125 bytes or less" (section 5.5).
        if ControlPayload::new(payload).is_none() {
            return Err(SendError::ControlTooLong);
        }
        self.may_send()?;
        self.sender.between_frames()?;
        self.flush_first(out);
        put_frame(&mut self.role, true, opcode, payload, out)?;
        Ok(())
    }

    /// _Start the WebSocket Closing Handshake_: sends a Close frame, the last frame that this end
    /// sends.
    ///
    /// Go on receiving until [`transport`](Self::transport) says otherwise, with a deadline. `code`
    /// may be `None` for a Close frame without payload. A reason of more than 123 bytes is cut
    /// between characters. It may be called inside a fragmented message, which then stays
    /// unfinished.
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
        let frame = close_frame(code.into(), reason)?;
        self.may_send()?;
        self.sender.between_frames()?;
        self.flush_first(out);
        put_frame(&mut self.role, true, Opcode::Close, &frame.encode(), out)?;
        self.close_sent();
        Ok(())
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
        close_frame(Some(code), reason)?;
        // With the reason if it can go out now, and else as any failure.
        let _ = self.close(code, reason, out);
        self.receiver.end();
        self.fail_with(code, out);
        Ok(())
    }

    /// Moves the replies that wait into `out`.
    ///
    /// # Errors
    ///
    /// - [`SendError::OutputFull`]: `out` has no room for all of them; send what it holds, then
    ///   call again.
    /// - [`SendError::FrameOpen`]: they wait for the end of the frame that the caller is sending.
    pub fn flush(&mut self, out: &mut impl Output) -> Result<(), SendError> {
        if self.replies.is_empty() {
            return Ok(());
        }
        self.sender.between_frames()?;
        let close = self.replies.close();
        if let Some(payload) = self.replies.pong() {
            let sent = put_frame(&mut self.role, true, Opcode::Pong, payload, out);
            // A Pong without room does not hold up a Close, after which nobody waits for it.
            if close.is_none() {
                sent?;
            }
            if sent.is_ok() {
                self.replies.pong_sent();
            }
        }
        if let Some(frame) = close {
            put_frame(&mut self.role, true, Opcode::Close, &frame.encode(), out)?;
            self.close_sent();
        }
        Ok(())
    }

    /// Our Close has gone out: nothing that waits may follow it.
    fn close_sent(&mut self) {
        self.replies = Replies::default();
        self.closing.sent = true;
    }

    /// Takes the end of the transport and says how the connection ended; from here it is CLOSED.
    ///
    /// Call it when the transport's input ends, or after you have closed the transport yourself.
    /// Nothing is received or sent any more, and what waited is dropped: [`flush`](Self::flush)
    /// before, if the transport can still be written to. Later calls say the same.
    ///
    /// See [RFC 6455 section 7.1.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.4).
    pub fn receive_eof(&mut self) -> Closure {
        if let Some(closure) = self.closing.ended {
            return closure;
        }
        let closure = self.closing.closure(self.receiver.is_inside_message());
        self.closing.ended = Some(closure);
        self.receiver.end();
        self.replies = Replies::default();
        closure
    }

    /// Whether a reply waits for room in an output or for the end of the open frame: write what the
    /// output holds, then [`flush`](Self::flush). An output that grows never leaves one waiting,
    /// but for an open frame.
    pub fn wants_flush(&self) -> bool {
        !self.replies.is_empty()
    }

    /// What to do with the transport once the output is written and nothing
    /// [wants to be flushed](Self::wants_flush).
    ///
    /// [`Transport::CloseNow`] with unread input needs care on TCP: a socket that is dropped so
    /// resets the connection, and the peer may lose the Close frame. Shut the writing side down,
    /// and read until the end for a moment.
    pub fn transport(&self) -> Transport {
        self.closing
            .transport(R::RECEIVES_MASKED, !self.replies.is_empty())
    }

    /// How far the connection is.
    pub fn state(&self) -> State {
        self.closing.state()
    }

    /// Whether a frame may go out: the closing handshake has not begun.
    #[inline]
    fn may_send(&self) -> Result<(), SendError> {
        // "The application MUST NOT send any more data frames after sending a Close frame"
        // (section 5.5.1).
        if self.closing.has_begun() {
            Err(SendError::Closing)
        } else {
            Ok(())
        }
    }

    /// Lets replies that wait go before the frame that is about to, as far as there is room.
    #[inline]
    fn flush_first(&mut self, out: &mut impl Output) {
        if !self.replies.is_empty() {
            let _ = self.flush(out);
        }
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
        self.may_send()?;
        self.sender.between_messages()?;
        Ok(broadcast.slices())
    }
}

/// The Close frame with this code and reason.
fn close_frame(code: Option<CloseCode>, reason: &str) -> Result<CloseFrame, SendError> {
    match code {
        Some(code) => CloseFrame::new(code, reason).map_err(|error| match error {
            CloseFrameError::InvalidCode(code) => SendError::InvalidCode(code),
            _ => SendError::ControlTooLong,
        }),
        None if reason.is_empty() => Ok(CloseFrame::empty()),
        None => Err(SendError::ReasonWithoutCode),
    }
}

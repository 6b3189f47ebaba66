//! The receiving half of a connection: bytes in, events out, and what is owed to the peer for them.

#[cfg(feature = "deflate")]
mod inflating;

use core::marker::PhantomData;

use super::inbound::{ControlOpcode, Found, Inbound, Raw, Taking};
use super::replies::{Reply, ReplyKind};
#[cfg(feature = "deflate")]
use inflating::Inflating;

use crate::assembler::{Assembler, Storage};
use crate::config::Config;
use crate::error::{Misuse, ProtocolError, ReceiveError};
use crate::event::{ControlEvent, Event, Incoming, Message, Payload, RawMessage};
use crate::frame::{CloseFrame, MessageKind, Rsv};
use crate::inbox::{Inbox, Input};
use crate::num::wire_len;
use crate::role::Role;
use crate::traffic::{MessageCost, Traffic};
use crate::utf8;

/// How much is unmasked, checked and copied at a time on the way into an assembler: what fits the
/// nearest cache, so that each step finds there what the one before has left.
const PIECE: usize = 8 << 10;

/// The receiving half of a [`Connection`](super::Connection) that was
/// [split](super::Connection::split).
///
/// What the peer is owed for its frames comes out as small [`Reply`] values, at most one for each
/// call; hand them to the [`Sender`](super::Sender) in their order, by a channel say. While the
/// sender's thread blocks in a write, the channel grows with every Ping: keep the newest reply that
/// [is a Pong](Reply::is_pong) and all others, which are one Close or failure and one end.
///
/// The thread of the receiver reads until the transport ends, also after an error, and hands
/// [`receive_eof`](Self::receive_eof) over then: only the sender knows the
/// [transport](super::Sender::transport) action.
#[derive(Debug)]
pub struct Receiver<R> {
    inbound: Inbound,
    #[cfg(feature = "deflate")]
    inflating: Inflating,
    role: PhantomData<fn() -> R>,
}

impl<R: Role> Receiver<R> {
    pub(super) fn new(config: Config) -> Self {
        Self {
            inbound: Inbound::new(config),
            #[cfg(feature = "deflate")]
            inflating: Inflating::new(),
            role: PhantomData,
        }
    }

    /// As [`Connection::receive`](super::Connection::receive), but for what is owed to the peer,
    /// which `reply` takes.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn receive<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        mut reply: impl FnMut(Reply),
    ) -> Result<Option<Event<'b>>, ReceiveError> {
        if self.inbound.checks_late() {
            return Err(Misuse::WrongAssembler.into());
        }
        // Only a compressed message would need the room, but whether one comes is up to the peer.
        #[cfg(feature = "deflate")]
        if self.inbound.allows_compressed() {
            return Err(Misuse::NoWindow.into());
        }
        let found = match self.inbound.whole_message::<R>(input, u64::MAX) {
            Some(whole) => told(self.inbound.found_whole(whole, input), &mut reply),
            None => self.find(input, Taking::ALL, &mut reply),
        };
        match found? {
            None => Ok(None),
            Some(Found::Chunk(chunk)) => Ok(Some(Event::Chunk(chunk))),
            Some(Found::Control(opcode)) => {
                Ok(Some(self.control(opcode, input, &mut reply)?.into()))
            }
            // None comes where that was not agreed on.
            #[cfg(feature = "deflate")]
            Some(Found::Compressed(_)) => Err(Misuse::NoWindow.into()),
        }
    }

    /// As [`Connection::receive_message`](super::Connection::receive_message), but for what is owed
    /// to the peer, which `reply` takes.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn receive_message<'b: 'm, 'm, S: Storage>(
        &mut self,
        input: &mut &'b mut [u8],
        assembler: &'m mut Assembler<S>,
        reply: impl FnMut(Reply),
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        let taking = Taking {
            max_message_len: wire_len(assembler.max_len()),
            max_piece: PIECE,
            leaves_masked: true,
            ..Taking::ALL
        };
        self.message(input, assembler, taking, reply)
    }

    /// As [`Connection::receive_from`](super::Connection::receive_from), but for what is owed to the
    /// peer, which `reply` takes.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn receive_from<'m, B: AsMut<[u8]>, S: Storage>(
        &mut self,
        inbox: &'m mut Inbox<B, S>,
        mut reply: impl FnMut(Reply),
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        if inbox.waits() {
            return Ok(None);
        }
        inbox.belongs_to(self.inbound.id())?;
        if let Some(len) = inbox.take_stored()
            && self.take_payload(len, inbox.assembler(), &mut reply)?
        {
            let message = inbox.assembler().message();
            return self.complete(message, &mut &mut [][..], reply);
        }
        let Input {
            mut bytes,
            begin,
            end,
            wanted,
            max_held,
            holds_text,
            assembler,
        } = inbox.input(self.inbound.id());
        let taking = Taking {
            max_message_len: wire_len(assembler.max_len()),
            max_piece: PIECE,
            max_held,
            holds_text,
            leaves_masked: true,
        };
        let incoming = self.message(&mut bytes, assembler, taking, reply);
        *begin = end.saturating_sub(bytes.len());
        *wanted = end.saturating_add(self.inbound.missing());
        incoming
    }

    /// As [`Connection::read_room`](super::Connection::read_room).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn read_room<'m, B: AsMut<[u8]>, S: Storage>(
        &mut self,
        inbox: &'m mut Inbox<B, S>,
    ) -> Result<&'m mut [u8], Misuse> {
        inbox.belongs_to(self.inbound.id())?;
        inbox.lend(self.inbound.id(), |assembler| self.payload_room(assembler))
    }

    /// Takes input until it makes a whole message or a control frame.
    #[inline]
    fn message<'b: 'm, 'm, S: Storage>(
        &mut self,
        input: &mut &'b mut [u8],
        assembler: &'m mut Assembler<S>,
        taking: Taking,
        mut reply: impl FnMut(Reply),
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        let max_message_len = taking.max_message_len;
        self.check_assembler(assembler, taking)?;
        // Most messages are whole where they lie: a way without chunks for them.
        if let Some((kind, payload)) = self.inbound.whole_message::<R>(input, max_message_len) {
            match kind {
                MessageKind::Binary => {
                    return Ok(Some(Incoming::Message(Message::Binary(payload))));
                }
                MessageKind::Text => match utf8::whole(payload) {
                    Some(text) => return Ok(Some(Incoming::Message(Message::Text(text)))),
                    // "When an endpoint is to interpret a byte stream as UTF-8 but finds that the
                    // byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail
                    // the WebSocket Connection_" (section 8.1).
                    None => {
                        return Err(self
                            .fail(ProtocolError::InvalidUtf8, input, &mut reply)
                            .into());
                    }
                },
            }
        }
        loop {
            if let Some(next) = self.inbound.continuation::<R>(input, max_message_len) {
                match assembler.push(&next.chunk, next.mask, next.extent) {
                    Ok(()) if next.chunk.last => break,
                    Ok(()) if input.is_empty() => return Ok(None),
                    Ok(()) => continue,
                    Err(error) => {
                        assembler.clear();
                        return Err(self.fail(error, input, &mut reply).into());
                    }
                }
            }
            let chunk = match self.find(input, taking, &mut reply) {
                Ok(Some(Found::Chunk(chunk))) => chunk,
                Ok(Some(Found::Control(opcode))) => {
                    let event = self.control(opcode, input, &mut reply);
                    if !matches!(event, Ok(ControlEvent::Ping(_) | ControlEvent::Pong(_))) {
                        // No more of the message that is held will come.
                        assembler.clear();
                    }
                    return Ok(Some(event?.into()));
                }
                #[cfg(feature = "deflate")]
                Ok(Some(Found::Compressed(kind))) => {
                    match self.inflate_message(kind, input, assembler, &mut reply) {
                        Ok(true) => break,
                        Ok(false) if input.is_empty() && !self.inbound.has_failed() => {
                            return Ok(None);
                        }
                        Ok(false) => continue,
                        Err(error) => {
                            assembler.clear();
                            return Err(error.into());
                        }
                    }
                }
                Ok(None) => return Ok(None),
                Err(error) => {
                    assembler.clear();
                    return Err(error.into());
                }
            };
            if chunk.first && chunk.last {
                if let Some(message) = chunk.payload.as_message() {
                    return self.complete(message, input, reply);
                }
                if let Payload::Raw { kind, rsv, bytes } = chunk.payload {
                    return Ok(Some(Incoming::Raw(RawMessage { kind, rsv, bytes })));
                }
            }
            if self.inbound.has_failed() {
                continue;
            }
            let mask = self.inbound.take_left_masked();
            let extent = self.inbound.extent(max_message_len);
            if let Err(error) = assembler.push(&chunk, mask, extent) {
                assembler.clear();
                return Err(self.fail(error, input, &mut reply).into());
            }
            if chunk.last {
                break;
            }
        }
        self.complete(assembler.message(), input, reply)
    }

    /// Whether the assembler is at the place of the open message: what it holds of another one, or of
    /// another connection, must not become a part of it.
    #[inline]
    fn check_assembler<S: Storage>(
        &self,
        assembler: &Assembler<S>,
        taking: Taking,
    ) -> Result<(), Misuse> {
        let is_right = match self.inbound.part() {
            None => assembler.is_idle(),
            // Text that is held unchecked can go on only where it is checked in the end.
            part => assembler.holds(part) && (taking.holds_text || !self.inbound.checks_late()),
        };
        if is_right || self.inbound.has_ended() {
            Ok(())
        } else {
            Err(Misuse::WrongAssembler)
        }
    }

    /// Gives a message that is whole; text that came as bytes is checked.
    #[inline]
    fn complete<'m>(
        &mut self,
        message: Message<'m>,
        input: &mut &mut [u8],
        mut reply: impl FnMut(Reply),
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        let Message::Binary(bytes) = message else {
            return Ok(Some(Incoming::Message(message)));
        };
        if let Some(Raw { kind, rsv }) = self.inbound.raw() {
            return Ok(Some(Incoming::Raw(RawMessage { kind, rsv, bytes })));
        }
        if !self.inbound.take_late_check() {
            return Ok(Some(Incoming::Message(message)));
        }
        match utf8::whole(bytes) {
            Some(text) => Ok(Some(Incoming::Message(Message::Text(text)))),
            None => Err(self
                .fail(ProtocolError::InvalidUtf8, input, &mut reply)
                .into()),
        }
    }

    /// As [`Connection::set_config`](super::Connection::set_config).
    pub fn set_config(&mut self, config: Config) {
        self.inbound.set_config(config);
    }

    /// As [`Connection::receiving`](super::Connection::receiving).
    pub fn receiving(&self) -> Option<u64> {
        self.inbound.receiving()
    }

    /// As [`Connection::received`](super::Connection::received).
    pub const fn received(&self) -> Traffic {
        self.inbound.traffic()
    }

    /// As [`Connection::newest_received`](super::Connection::newest_received).
    pub fn newest_received(&self) -> MessageCost {
        self.inbound.cost()
    }

    /// Lets data frames carry these bits of extensions of the caller's own.
    pub(super) fn allow_reserved_bits(&mut self, bits: Rsv) {
        self.inbound.allow_reserved_bits(bits);
    }

    /// As [`Connection::reset_control_frames`](super::Connection::reset_control_frames).
    pub fn reset_control_frames(&mut self) {
        self.inbound.reset_control_frames();
    }

    /// As [`Connection::payload_room`](super::Connection::payload_room).
    pub fn payload_room<'m, S: Storage>(
        &mut self,
        assembler: &'m mut Assembler<S>,
    ) -> Option<&'m mut [u8]> {
        let max_message_len = wire_len(assembler.max_len());
        let (extent, first) = self.inbound.awaits_payload(max_message_len)?;
        if !assembler.holds(self.inbound.part()) {
            return None;
        }
        assembler
            .room(MessageKind::Binary, first, extent)
            .filter(|room| !room.is_empty())
    }

    /// As [`Connection::payload_read`](super::Connection::payload_read), but for what is owed to the
    /// peer, which `reply` takes.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn payload_read<'m, S: Storage>(
        &mut self,
        len: usize,
        assembler: &'m mut Assembler<S>,
        mut reply: impl FnMut(Reply),
    ) -> Result<Option<Incoming<'m>>, ReceiveError> {
        if self.take_payload(len, assembler, &mut reply)? {
            return self.complete(assembler.message(), &mut &mut [][..], reply);
        }
        Ok(None)
    }

    /// Takes payload that was read to where it belongs; says whether its message is whole.
    fn take_payload<S: Storage>(
        &mut self,
        len: usize,
        assembler: &mut Assembler<S>,
        reply: &mut impl FnMut(Reply),
    ) -> Result<bool, ReceiveError> {
        if len == 0 {
            return Ok(false);
        }
        if self.inbound.has_ended() {
            // Discarded like any other input: a first error stays, and there is no other one.
            let ended = self.find(&mut &mut [][..], Taking::ALL, reply);
            return Ok(ended.map(|_| false)?);
        }
        let max_message_len = wire_len(assembler.max_len());
        let awaited = self.inbound.awaits_payload(max_message_len);
        let is_right = assembler.holds(self.inbound.part());
        let last = self.inbound.ends_with(len);
        let payload = awaited
            .filter(|(extent, _)| is_right && wire_len(len) <= extent.frame_rest)
            .and_then(|_| assembler.advance(len, last))
            .ok_or(Misuse::WrongAssembler)?;
        self.inbound.count_payload(len);
        self.inbound.unmask::<R>(payload);
        Ok(last)
    }

    /// Takes the end of the transport's input; give the reply to the sender, which then knows how
    /// the connection [ended](super::Sender::closure).
    pub fn receive_eof(&mut self) -> Reply {
        let inside_message = self.end();
        Reply(ReplyKind::End { inside_message })
    }

    /// Reads no more input; says whether it ended inside a message.
    pub(super) fn end(&mut self) -> bool {
        let inside_message = self.inbound.is_inside_message();
        self.inbound.end();
        inside_message
    }

    /// Takes input until it makes a chunk or a whole control frame.
    #[inline]
    fn find<'b>(
        &mut self,
        input: &mut &'b mut [u8],
        taking: Taking,
        reply: &mut impl FnMut(Reply),
    ) -> Result<Option<Found<'b>>, ProtocolError> {
        told(self.inbound.receive::<R>(input, taking), reply)
    }

    /// Makes a control frame that is whole an event, and says what it asks for.
    #[cold]
    fn control(
        &mut self,
        opcode: ControlOpcode,
        input: &mut &mut [u8],
        reply: &mut impl FnMut(Reply),
    ) -> Result<ControlEvent, ProtocolError> {
        let payload = self.inbound.take_control_payload();
        match opcode {
            ControlOpcode::Close => match CloseFrame::decode(&payload) {
                Ok(frame) => {
                    self.inbound.end();
                    reply(Reply(ReplyKind::Close(frame)));
                    Ok(ControlEvent::Close(frame))
                }
                Err(error) => Err(self.fail(error.into(), input, reply)),
            },
            ControlOpcode::Ping => {
                reply(Reply(ReplyKind::Pong(payload.clone())));
                Ok(ControlEvent::Ping(payload))
            }
            ControlOpcode::Pong => Ok(ControlEvent::Pong(payload)),
        }
    }

    /// Fails the connection for a fault that was not found in its frames.
    #[cold]
    fn fail(
        &mut self,
        error: ProtocolError,
        input: &mut &mut [u8],
        reply: &mut impl FnMut(Reply),
    ) -> ProtocolError {
        let error = self.inbound.fail(error, input);
        reply(Reply(ReplyKind::Fail(error.close_code())));
        error
    }
}

/// Owes the peer an answer to an error.
#[inline]
fn told<T>(
    found: Result<T, ProtocolError>,
    reply: &mut impl FnMut(Reply),
) -> Result<T, ProtocolError> {
    if let Err(error) = found {
        reply(Reply(ReplyKind::Fail(error.close_code())));
    }
    found
}

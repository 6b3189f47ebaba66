//! The sending half of a connection: it owns everything that goes out, and how far closing is.

mod buffered;
#[cfg(feature = "deflate")]
mod compressing;

use super::closing::{Closing, Closure, State, Transport};
use super::outbound::{DataFrame, Outbound, frame_len};
use super::replies::{Replies, Reply, ReplyKind};
#[cfg(feature = "deflate")]
use compressing::Compressing;

use crate::broadcast::Broadcast;
use crate::error::SendError;
use crate::event::{Chunk, ControlPayload, Message, Payload, RawMessage};
use crate::fragment::Fragment;
use crate::frame::{
    CloseCode, CloseFrame, CloseFrameError, EncodedHeader, MessageKind, Opcode, Rsv,
};
use crate::num::wire_len;
use crate::output::Output;
use crate::role::{Role, Server};
use crate::traffic::{MessageCost, Traffic};

/// The sending half of a [`Connection`](super::Connection) that was
/// [split](super::Connection::split).
///
/// It sends, closes, and applies what the [`Receiver`](super::Receiver) hands over as [`Reply`]
/// values, in their order. It knows how far the closing handshake is, so it is the one to ask for
/// [`transport`](Self::transport).
#[derive(Debug)]
pub struct Sender<R> {
    role: R,
    outbound: Outbound,
    replies: Replies,
    closing: Closing,
    #[cfg(feature = "deflate")]
    compressing: Compressing,
}

impl<R: Role> Sender<R> {
    pub(super) fn new(role: R, own_bits: Rsv) -> Self {
        Self {
            role,
            outbound: Outbound::new(own_bits),
            replies: Replies::default(),
            closing: Closing::default(),
            #[cfg(feature = "deflate")]
            compressing: Compressing::default(),
        }
    }

    /// Applies what the receiver has handed over; what has no room in `out` waits.
    #[inline]
    pub fn reply(&mut self, reply: Reply, out: &mut impl Output) {
        match reply.0 {
            ReplyKind::Pong(payload) => self.answer_ping(&payload, out),
            ReplyKind::Close(frame) => self.answer_close(&frame, out),
            ReplyKind::Fail(code) => self.fail_with(code, out),
            ReplyKind::End { inside_message } => {
                self.end(inside_message);
            }
        }
    }

    /// How the connection ended, once the receiver's last reply was applied.
    pub fn closure(&self) -> Option<Closure> {
        self.closing.ended()
    }

    /// The transport has ended: nothing goes out any more.
    pub(super) fn end(&mut self, inside_message: bool) -> Closure {
        if let Some(closure) = self.closing.ended() {
            return closure;
        }
        let closure = self.closing.closure(inside_message);
        self.closing.set_ended(closure);
        self.replies = Replies::default();
        closure
    }

    /// As [`Connection::send`](super::Connection::send).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send<'a>(
        &mut self,
        message: impl Into<Message<'a>>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let message = message.into();
        // Not by `send_fragment`: most frames are whole messages, and their position is a constant here.
        let frame = self.next_frame(message.kind(), Fragment::Only)?;
        self.flush_first(out);
        self.put_fragment(frame, [message.as_bytes()], out)
    }

    /// As [`Connection::send_text`](super::Connection::send_text).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_text(&mut self, text: &str, out: &mut impl Output) -> Result<(), SendError> {
        self.send(Message::Text(text), out)
    }

    /// As [`Connection::send_binary`](super::Connection::send_binary).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_binary(&mut self, bytes: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.send(Message::Binary(bytes), out)
    }

    /// As [`Connection::send_fragment`](super::Connection::send_fragment).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_fragment<'a>(
        &mut self,
        payload: impl Into<Message<'a>>,
        fragment: Fragment,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let payload = payload.into();
        let frame = self.next_frame(payload.kind(), fragment)?;
        self.flush_first(out);
        self.put_fragment(frame, [payload.as_bytes()], out)
    }

    /// As [`Connection::send_chunk`](super::Connection::send_chunk).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_chunk(
        &mut self,
        chunk: &Chunk<'_>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let fragment = chunk.fragment();
        if let Payload::Raw { kind, rsv, bytes } = chunk.payload {
            return self.send_raw(RawMessage { kind, rsv, bytes }, fragment, out);
        }
        let frame = self.next_frame(chunk.payload.kind(), fragment)?;
        self.flush_first(out);
        // "An intermediary might coalesce and/or split frames" (section 5.4): a character that the
        // peer's frames have cut goes out whole, so that every frame is text by itself.
        let mut room = [0; 4];
        self.put_fragment(frame, chunk.payload.parts(&mut room), out)
    }

    /// As [`Connection::send_raw`](super::Connection::send_raw).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_raw(
        &mut self,
        payload: RawMessage<'_>,
        fragment: Fragment,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let RawMessage { kind, rsv, bytes } = payload;
        self.ensure_open()?;
        let frame = self.outbound.next_raw_frame(kind, rsv, fragment)?;
        self.flush_first(out);
        self.outbound.put_data(&mut self.role, frame, [bytes], out)
    }

    /// Returns the data frame that may go out now.
    #[inline]
    fn next_frame(&self, kind: MessageKind, fragment: Fragment) -> Result<DataFrame, SendError> {
        self.ensure_open()?;
        self.outbound.next_frame(kind, fragment)
    }

    /// Whether a data frame goes out compressed: never, without the feature.
    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "for the feature")]
    const fn compresses(&self, _: DataFrame, _: &[&[u8]]) -> bool {
        false
    }

    /// Puts a data frame, compressed if its message is.
    #[inline]
    fn put_fragment<const N: usize>(
        &mut self,
        frame: DataFrame,
        payload: [&[u8]; N],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if self.compresses(frame, &payload) {
            return self.put_compressed(frame, payload, out);
        }
        self.outbound.put_data(&mut self.role, frame, payload, out)
    }

    /// As [`Connection::start_frame`](super::Connection::start_frame).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn start_frame(
        &mut self,
        kind: MessageKind,
        len: u64,
        fragment: Fragment,
    ) -> Result<EncodedHeader, SendError> {
        self.start_raw_frame(kind, Rsv::NONE, len, fragment)
    }

    /// As [`Connection::start_raw_frame`](super::Connection::start_raw_frame).
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn start_raw_frame(
        &mut self,
        kind: MessageKind,
        rsv: Rsv,
        len: u64,
        fragment: Fragment,
    ) -> Result<EncodedHeader, SendError> {
        self.ensure_open()?;
        let frame = self.outbound.next_raw_frame(kind, rsv, fragment)?;
        // "the most significant bit MUST be 0" (section 5.2).
        if len >> 63 != 0 {
            return Err(SendError::FrameTooLong);
        }
        Ok(self.outbound.start_frame(&mut self.role, frame, len))
    }

    /// As [`Connection::mask_payload`](super::Connection::mask_payload).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn mask_payload(&mut self, payload: &mut [u8]) -> Result<(), SendError> {
        if R::RECEIVES_MASKED {
            self.outbound.count_payload(wire_len(payload.len()))
        } else {
            self.outbound.mask_payload(payload)
        }
    }

    /// As [`Connection::put_payload`](super::Connection::put_payload).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn put_payload(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.outbound.put_payload::<R>(payload, out)
    }

    /// As [`Connection::ping`](super::Connection::ping).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn ping(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.send_control(Opcode::Ping, payload, out)
    }

    /// As [`Connection::pong`](super::Connection::pong).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Output) -> Result<(), SendError> {
        self.send_control(Opcode::Pong, payload, out)
    }

    /// As [`Connection::close`](super::Connection::close).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let frame = close_frame(code.into(), reason)?;
        self.ensure_open()?;
        self.outbound.ensure_no_open_frame()?;
        self.flush_first(out);
        self.put_close(&frame, out)
    }

    /// As [`Connection::fail`](super::Connection::fail), but that the receiver knows nothing of it:
    /// ask it for nothing more.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn fail(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        close_frame(Some(code), reason)?;
        // With the reason if it can go out now, and else as any failure.
        let _ = self.close(code, reason, out);
        self.fail_with(code, out);
        Ok(())
    }

    /// As [`Connection::flush`](super::Connection::flush).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn flush(&mut self, out: &mut impl Output) -> Result<(), SendError> {
        if self.replies.is_empty() {
            return Ok(());
        }
        self.outbound.ensure_no_open_frame()?;
        self.drop_what_never_fits(out.max_len());
        self.put_replies(out)
    }

    /// As [`Connection::wants_flush`](super::Connection::wants_flush).
    pub fn wants_flush(&self) -> bool {
        !self.replies.is_empty() && self.outbound.ensure_no_open_frame().is_ok()
    }

    /// Drops the replies that are longer than the caller's output can ever hold.
    ///
    /// Departs from "an endpoint MUST send a Pong frame in response" (section 5.5.2) and from "the
    /// endpoint MUST send a Close frame in response" (section 5.5.1): the caller has no room for it.
    fn drop_what_never_fits(&mut self, max_len: usize) {
        if let Some(payload) = self.replies.pong()
            && frame_len::<R>(payload.len()) > max_len
        {
            self.replies.forget_pong();
        }
        if let Some(frame) = self.replies.close()
            && frame_len::<R>(frame.encode().len()) > max_len
        {
            self.replies.forget_close();
            self.closing.set_dropped();
        }
    }

    /// Puts the replies that wait, as far as there is room.
    fn put_replies(&mut self, out: &mut impl Output) -> Result<(), SendError> {
        self.outbound.ensure_no_open_frame()?;
        let close = self.replies.close();
        if let Some(payload) = self.replies.pong() {
            let sent = self
                .outbound
                .put_control(&mut self.role, Opcode::Pong, payload, out);
            // A Pong without room does not hold up a Close, after which nobody waits for it.
            if close.is_none() {
                sent?;
            }
            if sent.is_ok() {
                self.replies.forget_pong();
            }
        }
        if let Some(frame) = close {
            self.put_close(&frame, out)?;
        }
        Ok(())
    }

    /// As [`Connection::sent`](super::Connection::sent).
    pub fn sent(&self) -> Traffic {
        self.outbound.sent()
    }

    /// As [`Connection::newest_sent`](super::Connection::newest_sent).
    pub fn newest_sent(&self) -> MessageCost {
        self.outbound.newest()
    }

    /// As [`Connection::transport`](super::Connection::transport).
    pub fn transport(&self) -> Transport {
        self.closing
            .transport(R::RECEIVES_MASKED, !self.replies.is_empty())
    }

    /// As [`Connection::state`](super::Connection::state).
    pub fn state(&self) -> State {
        self.closing.state()
    }

    fn answer_ping(&mut self, payload: &ControlPayload, out: &mut impl Output) {
        // "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it
        // already received a Close frame" (section 5.5.2). Departs from it after our own Close: that
        // is the last frame that we send, and a peer that has it is about to close.
        if self.closing.has_begun() {
            return;
        }
        // "A Pong frame sent in response to a Ping frame must have identical "Application data""
        // (section 5.5.3).
        let waits = !self.replies.is_empty() || self.outbound.ensure_no_open_frame().is_err();
        let is_sent = !waits
            && self
                .outbound
                .put_control(&mut self.role, Opcode::Pong, payload, out)
                .is_ok();
        if !is_sent {
            self.replies.push_pong(payload.clone());
        }
    }

    #[cold]
    fn answer_close(&mut self, frame: &CloseFrame, out: &mut impl Output) {
        self.closing.set_received(frame.code());
        // "If an endpoint receives a Close frame and did not previously send a Close frame, the
        // endpoint MUST send a Close frame in response. (When sending a Close frame in response,
        // the endpoint typically echos the status code it received.)" (section 5.5.1).
        if !self.closing.is_close_done() {
            self.replies.push_close(frame);
            let _ = self.put_replies(out);
        }
    }

    /// _Fail the WebSocket Connection_, once.
    #[cold]
    fn fail_with(&mut self, code: CloseCode, out: &mut impl Output) {
        if self.closing.has_failed() || self.closing.ended().is_some() {
            return;
        }
        self.closing.set_failed();
        // "the endpoint SHOULD send a Close frame with an appropriate status code (Section 7.4)
        // before proceeding to _Close the WebSocket Connection_" (section 7.1.7), unless one is
        // out.
        if !self.closing.is_close_done() {
            if let Ok(frame) = CloseFrame::new(code, "") {
                self.replies.push_close(&frame);
            }
            let _ = self.put_replies(out);
        }
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
        self.ensure_open()?;
        self.outbound.ensure_no_open_frame()?;
        self.flush_first(out);
        self.outbound
            .put_control(&mut self.role, opcode, payload, out)
    }

    /// Puts our Close. No reply that waits may follow it.
    fn put_close(&mut self, frame: &CloseFrame, out: &mut impl Output) -> Result<(), SendError> {
        self.outbound
            .put_control(&mut self.role, Opcode::Close, &frame.encode(), out)?;
        self.replies = Replies::default();
        self.closing.set_sent();
        Ok(())
    }

    /// Checks that the closing handshake has not begun.
    #[inline]
    fn ensure_open(&self) -> Result<(), SendError> {
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
    pub(super) fn flush_first(&mut self, out: &mut impl Output) {
        if !self.replies.is_empty() {
            let _ = self.put_replies(out);
        }
    }
}

impl Sender<Server> {
    /// As [`Connection::count_payload`](super::Connection::count_payload).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn count_payload(&mut self, len: u64) -> Result<(), SendError> {
        self.outbound.count_payload(len)
    }

    /// As [`Connection::broadcast`](super::Connection::broadcast).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn broadcast<'a>(
        &mut self,
        broadcast: &'a Broadcast<'_>,
    ) -> Result<[&'a [u8]; 2], SendError> {
        let frame = self.next_frame(broadcast.message().kind(), Fragment::Only)?;
        #[cfg(feature = "deflate")]
        let (slices, compressed) = match broadcast.compressed_slices(self.compressing.window_bits())
        {
            Some(slices) => {
                self.compressing.forget();
                (slices, true)
            }
            None => (broadcast.slices(), false),
        };
        #[cfg(not(feature = "deflate"))]
        let (slices, compressed) = (broadcast.slices(), false);
        let [header, payload] = slices;
        self.outbound.data_sent(
            frame,
            MessageCost {
                compressed,
                wire_len: wire_len(header.len()).saturating_add(wire_len(payload.len())),
                len: wire_len(broadcast.message().as_bytes().len()),
            },
        );
        Ok(slices)
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

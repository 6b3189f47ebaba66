//! Chunks that wait in a buffer of the caller's until they make a frame.

use super::Sender;
use crate::chunk_buffer::ChunkBuffer;
use crate::connection::outbound::{DataFrame, make_room_for_two, total_len};
use crate::error::SendError;
use crate::event::{Chunk, Payload};
use crate::frame::Opcode;
use crate::output::Output;
use crate::role::Role;

impl<R: Role> Sender<R> {
    /// As [`Connection::send_buffered`](crate::Connection::send_buffered).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_buffered<B: AsMut<[u8]>>(
        &mut self,
        chunk: &Chunk<'_>,
        chunks: &mut ChunkBuffer<B>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        let fragment = chunk.fragment();
        let kind = chunk.payload.kind();
        self.ensure_open()?;
        let mut frame = self.outbound.next_buffered_frame(kind, fragment)?;
        let raw_bits = match chunk.payload {
            Payload::Raw { rsv, .. } => Some(rsv),
            Payload::Text { .. } | Payload::Binary(_) => None,
        };
        if let Some(rsv) = raw_bits {
            self.outbound.ensure_raw(rsv)?;
        }
        chunks.ensure_holds_of(self.outbound.held_owner())?;
        self.flush_first(out);

        let mut room = [0; 4];
        let payload = chunk.payload.parts(&mut room);
        let len = total_len(&payload);
        frame.first.rsv = raw_bits.unwrap_or_default();
        let is_compressed = raw_bits.is_none() && self.compresses(frame, &payload);
        if !fragment.is_last() && chunks.has_room(len, frame.first.rsv) {
            self.hold(frame, is_compressed, payload, chunks);
            return Ok(());
        }
        // A frame has the same bits for all of its payload: what is held goes first.
        if !chunks.is_idle() && chunks.rsv() != frame.first.rsv {
            let is_held = !fragment.is_last() && len <= chunks.max_len();
            if !is_held {
                make_room_for_two::<R>(chunks.len(), len, out)?;
            }
            self.put_held(chunks, out)?;
            frame.first.opcode = Opcode::Continuation;
            if is_held {
                self.hold(frame, is_compressed, payload, chunks);
                return Ok(());
            }
        }
        let [carried, bytes] = payload;
        self.put_buffered(frame, is_compressed, [chunks.held(), carried, bytes], out)?;
        chunks.clear();
        Ok(())
    }

    /// As [`Connection::flush_buffered`](crate::Connection::flush_buffered).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn flush_buffered<B: AsMut<[u8]>>(
        &mut self,
        chunks: &mut ChunkBuffer<B>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        self.ensure_open()?;
        self.outbound.ensure_no_open_frame()?;
        chunks.ensure_holds_of(self.outbound.held_owner())?;
        if chunks.is_idle() {
            return Ok(());
        }
        self.flush_first(out);
        self.put_held(chunks, out)
    }

    /// Keeps a chunk in the buffer, which has room for it.
    fn hold<B: AsMut<[u8]>>(
        &mut self,
        frame: DataFrame,
        is_compressed: bool,
        payload: [&[u8]; 2],
        chunks: &mut ChunkBuffer<B>,
    ) {
        // An empty chunk adds nothing to a message that has begun, unless it has bits.
        let is_empty = payload.iter().all(|part| part.is_empty()) && frame.first.rsv.is_empty();
        if is_empty && frame.first.opcode == Opcode::Continuation {
            return;
        }
        let owner = self.outbound.hold(frame, is_compressed);
        chunks.push(payload, frame.first.rsv, owner);
    }

    /// Puts the held bytes as a frame that others follow.
    fn put_held<B: AsMut<[u8]>>(
        &mut self,
        chunks: &mut ChunkBuffer<B>,
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        if let Some(mut frame) = self.outbound.held_frame() {
            frame.first.rsv = chunks.rsv();
            let is_compressed = self.outbound.is_inside_compressed();
            self.put_buffered(frame, is_compressed, [chunks.held()], out)?;
        }
        chunks.clear();
        Ok(())
    }

    /// Puts a frame with everything that was held, and maybe more.
    fn put_buffered<const N: usize>(
        &mut self,
        frame: DataFrame,
        is_compressed: bool,
        payload: [&[u8]; N],
        out: &mut impl Output,
    ) -> Result<(), SendError> {
        #[cfg(feature = "deflate")]
        if is_compressed {
            self.put_compressed(frame, payload, out)?;
            self.outbound.held_sent(frame.first.fin);
            return Ok(());
        }
        let _ = is_compressed;
        self.outbound
            .put_data(&mut self.role, frame, payload, out)?;
        self.outbound.held_sent(frame.first.fin);
        Ok(())
    }
}

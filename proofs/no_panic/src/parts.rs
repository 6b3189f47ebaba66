//! The layers below a connection, and time.

use core::time::Duration;

use websocket_proto::frame::{
    CloseCode, CloseFrame, CloseFrameError, EncodedHeader, FrameHeader, HeaderError, Mask,
    MaskingKey, Opcode,
};
use websocket_proto::utf8::{InvalidUtf8, Utf8Piece, Utf8Stream};
use websocket_proto::{
    Assembler, Borrowed, ControlPayload, Fixed, KeepAlive, ProtocolError, SliceOutput, State,
    Timeout, Timeouts,
};

use crate::{Root, roots};

fn decode(bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, HeaderError> {
    FrameHeader::decode(bytes)
}

fn encode(header: &FrameHeader) -> Result<EncodedHeader, HeaderError> {
    header.encode()
}

fn header_bytes(header: &EncodedHeader) -> &[u8] {
    header.as_bytes()
}

fn opcode(bits: u8) -> Option<Opcode> {
    Opcode::from_bits(bits)
}

fn mask(key: [u8; 4], payload: &mut [u8]) -> Mask {
    let mut mask = Mask::new(MaskingKey::new(key));
    mask.apply(payload);
    mask
}

fn mask_on(mask: &mut Mask, payload: &mut [u8]) {
    mask.apply(payload);
}

fn mask_copy(mask: &mut Mask, bytes: &[u8], put: &mut dyn FnMut(&[u8])) {
    mask.copy(bytes, put);
}

fn close_frame(code: CloseCode, reason: &str) -> Result<CloseFrame, CloseFrameError> {
    CloseFrame::new(code, reason)
}

fn decode_close(payload: &[u8]) -> Result<CloseFrame, CloseFrameError> {
    CloseFrame::decode(payload)
}

fn close_parts(frame: &CloseFrame) -> (CloseCode, Option<CloseCode>, &str, bool) {
    (
        frame.code(),
        frame.status(),
        frame.reason(),
        frame.is_empty(),
    )
}

fn control_payload(bytes: &[u8]) -> Option<ControlPayload> {
    ControlPayload::new(bytes)
}

fn control_bytes(payload: &ControlPayload) -> &[u8] {
    payload.as_bytes()
}

fn push_text<'a>(
    stream: &mut Utf8Stream,
    piece: &'a [u8],
) -> Result<Utf8Piece<'a>, InvalidUtf8<'a>> {
    stream.push(piece)
}

fn clear_fixed(assembler: &mut Assembler<Fixed<300>>) -> (usize, bool) {
    assembler.clear();
    (assembler.max_len(), assembler.is_idle())
}

fn clear_lent(assembler: &mut Assembler<Borrowed<'_>>) -> (usize, bool) {
    assembler.clear();
    (assembler.max_len(), assembler.is_idle())
}

fn consume(out: &mut SliceOutput<'_>, len: usize) {
    out.consume(len);
}

fn to_write<'a>(out: &'a SliceOutput<'_>) -> &'a [u8] {
    out.filled()
}

fn explain(error: ProtocolError) -> (CloseCode, &'static str) {
    (error.close_code(), error.section())
}

fn keep_alive(timeouts: Timeouts, now: Duration) -> KeepAlive {
    KeepAlive::new(timeouts, now)
}

fn received(keep_alive: &mut KeepAlive, receiving: Option<u64>, now: Duration) {
    keep_alive.received(receiving, now);
}

fn wrote(keep_alive: &mut KeepAlive, taken: usize, left: usize, now: Duration) {
    keep_alive.wrote(taken, left, now);
}

fn answered(keep_alive: &mut KeepAlive, payload: &[u8], now: Duration) -> Option<Duration> {
    keep_alive.pong(payload, now)
}

fn skip_ping(keep_alive: &mut KeepAlive) -> Option<Duration> {
    keep_alive.skip_ping();
    keep_alive.round_trip()
}

fn next_timeout(
    keep_alive: &mut KeepAlive,
    state: Option<State>,
    now: Duration,
) -> Option<Duration> {
    keep_alive.poll_timeout(state, now)
}

fn handle_timeout(
    keep_alive: &mut KeepAlive,
    state: Option<State>,
    now: Duration,
) -> Result<Option<[u8; 8]>, Timeout> {
    keep_alive.handle_timeout(state, now)
}

pub(crate) const ROOTS: &[&[Root]] = &[&roots![
    decode,
    encode,
    header_bytes,
    opcode,
    mask,
    mask_on,
    mask_copy,
    close_frame,
    decode_close,
    close_parts,
    control_payload,
    control_bytes,
    push_text,
    clear_fixed,
    clear_lent,
    consume,
    to_write,
    explain,
    keep_alive,
    received,
    wrote,
    answered,
    skip_ping,
    next_timeout,
    handle_timeout,
]];

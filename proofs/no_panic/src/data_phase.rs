//! Connections of both roles, whole and split, with each kind of storage and output.

use arrayvec::ArrayVec;
use websocket_proto::frame::{CloseCode, EncodedHeader, MaskingKey, MessageKind, Rsv};
use websocket_proto::{
    Assembler, Borrowed, Broadcast, Chunk, ChunkBuffer, Client, Closure, Config, Connection, Event,
    Fixed, Fragment, Inbox, Incoming, LimitedOutput, Message, MessageCost, Misuse, Negotiated,
    Output, RawMessage, ReceiveError, Receiver, Reply, Role, SendError, Sender, Server,
    SliceOutput, State, Storage, Traffic, Transport,
};

use crate::{Root, roots};

/// A client with any source of keys: it is behind a pointer.
type Keyed = Client<fn() -> MaskingKey>;
type Slice<'a> = SliceOutput<'a>;
type Array = ArrayVec<u8, 300>;
/// An output with a limit on it.
type Limited<'a> = LimitedOutput<&'a mut Array>;
/// Any output.
type Any<'a> = &'a mut dyn Output;
type Room = Fixed<300>;
type Lent<'a> = Borrowed<'a>;
type Bytes<'a> = &'a mut [u8];
type Buffer = [u8; 300];

type Received<'m> = Result<Option<Incoming<'m>>, ReceiveError>;
type Sent = Result<(), SendError>;

fn new<R: Role>(role: R, negotiated: Negotiated<'_>, config: Config) -> Connection<R> {
    Connection::new(role, negotiated, config)
}

fn receive<'b, R: Role, O: Output>(
    conn: &mut Connection<R>,
    input: &mut &'b mut [u8],
    out: &mut O,
) -> Result<Option<Event<'b>>, ReceiveError> {
    conn.receive(input, out)
}

fn receive_message<'b: 'm, 'm, R: Role, S: Storage, O: Output>(
    conn: &mut Connection<R>,
    input: &mut &'b mut [u8],
    assembler: &'m mut Assembler<S>,
    out: &mut O,
) -> Received<'m> {
    conn.receive_message(input, assembler, out)
}

fn payload_room<'m, R: Role, S: Storage>(
    conn: &mut Connection<R>,
    assembler: &'m mut Assembler<S>,
) -> Option<&'m mut [u8]> {
    conn.payload_room(assembler)
}

fn payload_read<'m, R: Role, S: Storage, O: Output>(
    conn: &mut Connection<R>,
    len: usize,
    assembler: &'m mut Assembler<S>,
    out: &mut O,
) -> Received<'m> {
    conn.payload_read(len, assembler, out)
}

fn read_room<'m, R: Role, B: AsMut<[u8]>, S: Storage>(
    conn: &mut Connection<R>,
    inbox: &'m mut Inbox<B, S>,
) -> Result<&'m mut [u8], Misuse> {
    conn.read_room(inbox)
}

fn filled<B: AsMut<[u8]>, S: Storage>(inbox: &mut Inbox<B, S>, len: usize) -> Result<(), Misuse> {
    inbox.filled(len)
}

fn with_unread<B: AsMut<[u8]>, S: Storage>(
    inbox: Inbox<B, S>,
    begin: usize,
    end: usize,
) -> Result<Inbox<B, S>, Misuse> {
    let mut inbox = inbox.with_unread(begin..end)?;
    if !inbox.is_idle() {
        inbox.clear();
    }
    Ok(inbox)
}

fn receive_from<'m, R: Role, B: AsMut<[u8]>, S: Storage, O: Output>(
    conn: &mut Connection<R>,
    inbox: &'m mut Inbox<B, S>,
    out: &mut O,
) -> Received<'m> {
    conn.receive_from(inbox, out)
}

fn limited(room: usize, out: &mut Array) -> Limited<'_> {
    LimitedOutput::new(room, out)
}

fn send<R: Role, O: Output>(conn: &mut Connection<R>, message: Message<'_>, out: &mut O) -> Sent {
    conn.send(message, out)
}

fn send_text<R: Role, O: Output>(conn: &mut Connection<R>, text: &str, out: &mut O) -> Sent {
    conn.send_text(text, out)
}

fn send_binary<R: Role, O: Output>(conn: &mut Connection<R>, bytes: &[u8], out: &mut O) -> Sent {
    conn.send_binary(bytes, out)
}

fn send_fragment<R: Role, O: Output>(
    conn: &mut Connection<R>,
    payload: Message<'_>,
    fragment: Fragment,
    out: &mut O,
) -> Sent {
    conn.send_fragment(payload, fragment, out)
}

fn send_chunk<R: Role, O: Output>(
    conn: &mut Connection<R>,
    chunk: &Chunk<'_>,
    out: &mut O,
) -> Sent {
    conn.send_chunk(chunk, out)
}

fn start_frame<R: Role>(
    conn: &mut Connection<R>,
    kind: MessageKind,
    len: u64,
    fragment: Fragment,
) -> Result<EncodedHeader, SendError> {
    conn.start_frame(kind, len, fragment)
}

fn send_buffered<R: Role, B: AsMut<[u8]>, O: Output>(
    conn: &mut Connection<R>,
    chunk: &Chunk<'_>,
    chunks: &mut ChunkBuffer<B>,
    out: &mut O,
) -> Sent {
    conn.send_buffered(chunk, chunks, out)?;
    conn.flush_buffered(chunks, out)
}

fn half_send_buffered<R: Role, B: AsMut<[u8]>, O: Output>(
    sender: &mut Sender<R>,
    chunk: &Chunk<'_>,
    chunks: &mut ChunkBuffer<B>,
    out: &mut O,
) -> Sent {
    sender.send_buffered(chunk, chunks, out)?;
    sender.flush_buffered(chunks, out)
}

fn chunk_buffer<B: AsMut<[u8]>>(buffer: B) -> (bool, usize) {
    let mut chunks = ChunkBuffer::new(buffer);
    chunks.clear();
    (chunks.is_idle() || chunks.is_empty(), chunks.len())
}

fn positions(chunk: &Chunk<'_>, first: bool, last: bool) -> [Fragment; 2] {
    [chunk.fragment(), Fragment::new(first, last)]
}

fn send_raw<R: Role, O: Output>(
    conn: &mut Connection<R>,
    payload: RawMessage<'_>,
    fragment: Fragment,
    out: &mut O,
) -> Sent {
    conn.send_raw(payload, fragment, out)
}

fn start_raw_frame<R: Role>(
    conn: &mut Connection<R>,
    kind: MessageKind,
    rsv: Rsv,
    len: u64,
    fragment: Fragment,
) -> Result<EncodedHeader, SendError> {
    conn.start_raw_frame(kind, rsv, len, fragment)
}

fn mask_payload<R: Role>(conn: &mut Connection<R>, payload: &mut [u8]) -> Sent {
    conn.mask_payload(payload)
}

fn put_payload<R: Role, O: Output>(conn: &mut Connection<R>, payload: &[u8], out: &mut O) -> Sent {
    conn.put_payload(payload, out)
}

fn ping<R: Role, O: Output>(conn: &mut Connection<R>, payload: &[u8], out: &mut O) -> Sent {
    conn.ping(payload, out)
}

fn pong<R: Role, O: Output>(conn: &mut Connection<R>, payload: &[u8], out: &mut O) -> Sent {
    conn.pong(payload, out)
}

fn close<R: Role, O: Output>(
    conn: &mut Connection<R>,
    code: Option<CloseCode>,
    reason: &str,
    out: &mut O,
) -> Sent {
    conn.close(code, reason, out)
}

fn fail<R: Role, O: Output>(
    conn: &mut Connection<R>,
    code: CloseCode,
    reason: &str,
    out: &mut O,
) -> Sent {
    conn.fail(code, reason, out)
}

fn flush<R: Role, O: Output>(conn: &mut Connection<R>, out: &mut O) -> Sent {
    conn.flush(out)
}

fn state<R: Role>(conn: &mut Connection<R>) -> (bool, Transport, State) {
    conn.reset_control_frames();
    (conn.wants_flush(), conn.transport(), conn.state())
}

fn receive_eof<R: Role>(conn: &mut Connection<R>) -> Closure {
    conn.receive_eof()
}

fn split<R: Role>(conn: Connection<R>) -> (Receiver<R>, Sender<R>) {
    conn.split()
}

fn traffic<R: Role>(conn: &Connection<R>) -> (Traffic, MessageCost) {
    (conn.sent(), conn.newest_sent())
}

fn received<R: Role>(
    conn: &mut Connection<R>,
    config: Config,
) -> (Traffic, MessageCost, Option<u64>) {
    conn.set_config(config);
    (conn.received(), conn.newest_received(), conn.receiving())
}

fn half_traffic<R: Role>(sender: &Sender<R>) -> (Traffic, MessageCost) {
    (sender.sent(), sender.newest_sent())
}

fn max_len<O: Output>(out: &O) -> usize {
    out.max_len()
}

/// The halves of a split connection, whose replies go by a function of the caller's.
type Replies<'r> = &'r mut dyn FnMut(Reply);

fn half_receive<'b, R: Role>(
    receiver: &mut Receiver<R>,
    input: &mut &'b mut [u8],
    reply: Replies<'_>,
) -> Result<Option<Event<'b>>, ReceiveError> {
    receiver.receive(input, reply)
}

fn half_receive_message<'b: 'm, 'm, R: Role, S: Storage>(
    receiver: &mut Receiver<R>,
    input: &mut &'b mut [u8],
    assembler: &'m mut Assembler<S>,
    reply: Replies<'_>,
) -> Received<'m> {
    receiver.receive_message(input, assembler, reply)
}

fn half_payload<'m, R: Role, S: Storage>(
    receiver: &mut Receiver<R>,
    len: usize,
    assembler: &'m mut Assembler<S>,
    reply: Replies<'_>,
) -> Received<'m> {
    if let Some(room) = receiver.payload_room(assembler) {
        room.fill(0);
    }
    receiver.payload_read(len, assembler, reply)
}

fn half_receive_from<'m, R: Role, B: AsMut<[u8]>, S: Storage>(
    receiver: &mut Receiver<R>,
    inbox: &'m mut Inbox<B, S>,
    reply: Replies<'_>,
) -> Received<'m> {
    receiver.read_room(inbox)?.fill(0);
    receiver.receive_from(inbox, reply)
}

fn half_receive_eof<R: Role>(receiver: &mut Receiver<R>, config: Config) -> Reply {
    receiver.reset_control_frames();
    receiver.set_config(config);
    receiver.receive_eof()
}

fn half_reply<R: Role, O: Output>(sender: &mut Sender<R>, reply: Reply, out: &mut O) {
    sender.reply(reply, out);
}

fn half_send<R: Role, O: Output>(
    sender: &mut Sender<R>,
    message: Message<'_>,
    out: &mut O,
) -> Sent {
    sender.send(message, out)
}

fn half_send_parts<R: Role, O: Output>(
    sender: &mut Sender<R>,
    payload: Message<'_>,
    fragment: Fragment,
    chunk: &Chunk<'_>,
    out: &mut O,
) -> Sent {
    sender.send_fragment(payload, fragment, out)?;
    sender.send_chunk(chunk, out)
}

fn half_send_raw<R: Role, O: Output>(
    sender: &mut Sender<R>,
    payload: RawMessage<'_>,
    fragment: Fragment,
    out: &mut O,
) -> Result<EncodedHeader, SendError> {
    sender.send_raw(payload, fragment, out)?;
    sender.start_raw_frame(payload.kind, payload.rsv, 1, fragment)
}

fn half_stream<R: Role>(
    sender: &mut Sender<R>,
    kind: MessageKind,
    fragment: Fragment,
    payload: &mut [u8],
    len: u64,
) -> Result<EncodedHeader, SendError> {
    sender.mask_payload(payload)?;
    sender.start_frame(kind, len, fragment)
}

fn half_control<R: Role, O: Output>(sender: &mut Sender<R>, payload: &[u8], out: &mut O) -> Sent {
    sender.put_payload(payload, out)?;
    sender.ping(payload, out)?;
    sender.pong(payload, out)?;
    sender.flush(out)
}

fn half_close<R: Role, O: Output>(
    sender: &mut Sender<R>,
    code: CloseCode,
    reason: &str,
    out: &mut O,
) -> Sent {
    sender.close(code, reason, out)?;
    sender.fail(code, reason, out)
}

fn half_state<R: Role>(sender: &Sender<R>) -> (bool, Transport, State, Option<Closure>) {
    let (transport, state) = (sender.transport(), sender.state());
    (sender.wants_flush(), transport, state, sender.closure())
}

fn broadcast<'a>(
    conn: &mut Connection<Server>,
    broadcast: &'a Broadcast<'_>,
) -> Result<[&'a [u8]; 2], SendError> {
    conn.broadcast(broadcast)
}

fn half_broadcast<'a>(
    sender: &mut Sender<Server>,
    broadcast: &'a Broadcast<'_>,
) -> Result<[&'a [u8]; 2], SendError> {
    sender.broadcast(broadcast)
}

fn new_broadcast<'m>(message: Message<'m>) -> Broadcast<'m> {
    Broadcast::new(message)
}

fn count_payload(conn: &mut Connection<Server>, sender: &mut Sender<Server>, len: u64) -> Sent {
    conn.count_payload(len)?;
    sender.count_payload(len)
}

/// What a role does with an output.
macro_rules! with_output {
    ($role:ty, $out:ty) => {
        &roots![
            receive::<$role, $out>,
            receive_message::<$role, Room, $out>,
            receive_message::<$role, Lent<'_>, $out>,
            payload_read::<$role, Room, $out>,
            payload_read::<$role, Lent<'_>, $out>,
            receive_from::<$role, Bytes<'_>, Room, $out>,
            receive_from::<$role, Bytes<'_>, Lent<'_>, $out>,
            receive_from::<$role, Buffer, Room, $out>,
            send::<$role, $out>,
            send_text::<$role, $out>,
            send_binary::<$role, $out>,
            send_fragment::<$role, $out>,
            send_chunk::<$role, $out>,
            send_buffered::<$role, Bytes<'_>, $out>,
            send_buffered::<$role, Buffer, $out>,
            half_send_buffered::<$role, Bytes<'_>, $out>,
            send_raw::<$role, $out>,
            put_payload::<$role, $out>,
            ping::<$role, $out>,
            pong::<$role, $out>,
            close::<$role, $out>,
            fail::<$role, $out>,
            flush::<$role, $out>,
            half_reply::<$role, $out>,
            half_send::<$role, $out>,
            half_send_parts::<$role, $out>,
            half_send_raw::<$role, $out>,
            half_control::<$role, $out>,
            half_close::<$role, $out>,
        ]
    };
}

/// What a role does without one.
macro_rules! without_output {
    ($role:ty) => {
        &roots![
            new::<$role>,
            payload_room::<$role, Room>,
            payload_room::<$role, Lent<'_>>,
            read_room::<$role, Bytes<'_>, Room>,
            read_room::<$role, Bytes<'_>, Lent<'_>>,
            read_room::<$role, Buffer, Room>,
            start_frame::<$role>,
            start_raw_frame::<$role>,
            mask_payload::<$role>,
            state::<$role>,
            traffic::<$role>,
            received::<$role>,
            half_traffic::<$role>,
            receive_eof::<$role>,
            split::<$role>,
            half_receive::<$role>,
            half_receive_message::<$role, Room>,
            half_receive_message::<$role, Lent<'_>>,
            half_payload::<$role, Room>,
            half_payload::<$role, Lent<'_>>,
            half_receive_from::<$role, Bytes<'_>, Room>,
            half_receive_from::<$role, Bytes<'_>, Lent<'_>>,
            half_receive_eof::<$role>,
            half_stream::<$role>,
            half_state::<$role>,
        ]
    };
}

pub(crate) const ROOTS: &[&[Root]] = &[
    without_output!(Server),
    without_output!(Keyed),
    with_output!(Server, Slice<'_>),
    with_output!(Server, Array),
    with_output!(Server, Limited<'_>),
    with_output!(Server, Any<'_>),
    with_output!(Keyed, Slice<'_>),
    with_output!(Keyed, Array),
    with_output!(Keyed, Limited<'_>),
    with_output!(Keyed, Any<'_>),
    &roots![
        filled::<Bytes<'_>, Room>,
        filled::<Bytes<'_>, Lent<'_>>,
        filled::<Buffer, Room>,
        with_unread::<Bytes<'_>, Room>,
        with_unread::<Buffer, Room>,
        broadcast,
        half_broadcast,
        new_broadcast,
        count_payload,
        limited,
        chunk_buffer::<Bytes<'_>>,
        chunk_buffer::<Buffer>,
        positions,
        max_len::<Slice<'_>>,
        max_len::<Array>,
        max_len::<Any<'_>>,
    ],
];

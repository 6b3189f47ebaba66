//! Messages received: whole ones that lie in the buffer, and those that reads have cut.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::{Assembler, Connection, Growing, Incoming, Message, Negotiated, Role};

use crate::input::{Content, client, first, frame, masked, middle, server};
use crate::limit::Xor;
use crate::{KI, LENGTHS, MI};

/// The message that ends in this read, if one does.
fn next<'b: 'm, 'm, R: Role>(
    conn: &mut Connection<R>,
    read: &'b mut [u8],
    messages: &'m mut Assembler<Growing>,
    out: &mut Vec<u8>,
) -> Option<Message<'m>> {
    let mut input = black_box(read);
    match conn.receive_message(&mut input, messages, out) {
        Ok(Some(Incoming::Message(message))) => Some(message),
        Ok(None) => None,
        other => panic!("{other:?} in place of a message"),
    }
}

/// One message, in reads of so many bytes or whole. It lies unmasked in the buffer then, and the
/// next round unmasks that: the same work again, and no copy that would be timed with it.
fn receive<R: Role>(
    bencher: Bencher<'_, '_>,
    mut conn: Connection<R>,
    content: Content,
    len: usize,
    read_len: Option<usize>,
) {
    let payload = content.payload(len);
    let key = R::RECEIVES_MASKED.then_some(content.key());
    let buffer = first(&frame(content.first_byte(), key, &payload));
    let header_len = buffer.len() - len;
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    for lap in 0..2 {
        let expected = masked(&buffer[header_len..], key.unwrap_or_default());
        assert!(lap != 0 || expected == payload, "the frame");
        let mut received = 0;
        for read in buffer.chunks_mut(read_len.unwrap_or(usize::MAX)) {
            if let Some(message) = next(&mut conn, read, &mut messages, &mut out) {
                assert!(message.as_bytes() == expected, "the message");
                received += 1;
            }
        }
        assert_eq!(received, 1, "one message");
    }
    let bencher = bencher.counter(BytesCount::new(len));
    match read_len {
        None => bencher.bench_local(|| {
            black_box(next(&mut conn, buffer, &mut messages, &mut out));
        }),
        Some(read_len) => bencher.bench_local(|| {
            for read in buffer.chunks_mut(read_len) {
                black_box(next(&mut conn, read, &mut messages, &mut out));
            }
        }),
    }
}

/// What the payload cannot do without where it lies behind its header: XOR, a check of text.
fn limit(bencher: Bencher<'_, '_>, content: Content, len: usize, is_masked: bool) {
    let plain = content.payload(len);
    let key = is_masked.then_some(content.key());
    let frame = first(&frame(content.first_byte(), key, &plain));
    let header_len = frame.len() - len;
    let payload = &mut frame[header_len..];
    let xor = Xor::new(content.key());
    let is_text = !matches!(content, Content::Binary);
    let round = |payload: &mut [u8]| {
        if is_masked {
            xor.apply(payload);
        }
        !is_text || simdutf8::basic::from_utf8(payload).is_ok()
    };
    let before = payload.to_vec();
    assert!(round(payload) && *payload == plain, "the payload");
    assert!(round(payload) && *payload == before, "and as it was");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| round(black_box(&mut *payload)));
}

/// The rows of one role and one kind of message.
macro_rules! rows {
    ($module:ident, $conn:expr, $content:expr, $limit:literal, $is_masked:literal) => {
        mod $module {
            use super::*;

            #[divan::bench(args = LENGTHS)]
            fn receive_message(bencher: Bencher<'_, '_>, len: usize) {
                let conn = $conn(Negotiated::default());
                receive(bencher, conn, $content, len, None);
            }

            #[divan::bench(name = $limit, args = LENGTHS)]
            fn bound(bencher: Bencher<'_, '_>, len: usize) {
                limit(bencher, $content, len, $is_masked);
            }
        }
    };
}

rows!(
    server_binary,
    server,
    Content::Binary,
    "limit: XOR of words",
    true
);
rows!(
    server_ascii,
    server,
    Content::Ascii,
    "limit: XOR of words, simdutf8",
    true
);
rows!(
    server_mixed,
    server,
    Content::Mixed,
    "limit: XOR of words, simdutf8",
    true
);
rows!(
    client_ascii,
    client,
    Content::Ascii,
    "limit: simdutf8",
    false
);
rows!(
    client_mixed,
    client,
    Content::Mixed,
    "limit: simdutf8",
    false
);

/// Lent as it lies, so of any length in the same time: nothing bounds it.
#[divan::bench(name = "client_binary: receive_message", args = [16, MI])]
fn client_binary(bencher: Bencher<'_, '_>, len: usize) {
    let conn = client(Negotiated::default());
    receive(bencher, conn, Content::Binary, len, None);
}

mod server_cut {
    use super::*;

    const CUT: [usize; 2] = [64 * KI, MI];

    #[divan::bench(name = "receive_message, reads of 16 KiB", args = CUT)]
    fn reads(bencher: Bencher<'_, '_>, len: usize) {
        let conn = server(Negotiated::default());
        receive(bencher, conn, Content::Binary, len, Some(16 * KI));
    }

    #[divan::bench(name = "limit: XOR of words on the way to a copy", args = CUT)]
    fn bound(bencher: Bencher<'_, '_>, len: usize) {
        let from = &*first(&Content::Binary.payload(len));
        let to = middle(len);
        let xor = Xor::new(Content::Binary.key());
        xor.copy(from, to);
        let expected = masked(from, Content::Binary.key());
        assert!(to == expected, "what is copied");
        bencher
            .counter(BytesCount::new(len))
            .bench_local(|| xor.copy(black_box(from), black_box(&mut *to)));
    }
}

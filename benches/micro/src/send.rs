//! Messages sent into a `Vec` that is long enough.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::{Connection, Negotiated, Role};

use crate::LENGTHS;
use crate::input::{Content, KEY, client, first, frame, masked, middle, output, server};
use crate::limit::Xor;

fn send<R: Role>(
    bencher: Bencher<'_, '_>,
    mut conn: Connection<R>,
    key: Option<[u8; 4]>,
    len: usize,
) {
    let payload = &*first(&Content::Binary.payload(len));
    let (mut out, start) = output(len + 14);
    conn.send_binary(payload, &mut out).expect("an open one");
    assert!(out[start..] == frame(0x82, key, payload), "the frame");
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.truncate(start);
        let sent = conn.send_binary(black_box(payload), &mut out);
        black_box(&out);
        sent
    });
}

#[divan::bench(name = "server: send_binary", args = LENGTHS)]
fn server_binary(bencher: Bencher<'_, '_>, len: usize) {
    send(bencher, server(Negotiated::default()), None, len);
}

#[divan::bench(name = "client: send_binary", args = LENGTHS)]
fn client_binary(bencher: Bencher<'_, '_>, len: usize) {
    send(bencher, client(Negotiated::default()), Some(KEY), len);
}

#[divan::bench(name = "server, limit: copied", args = LENGTHS)]
fn copied(bencher: Bencher<'_, '_>, len: usize) {
    let payload = &*first(&Content::Binary.payload(len));
    let (mut out, start) = output(len);
    out.extend_from_slice(payload);
    assert!(out[start..] == *payload, "what is copied");
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.truncate(start);
        out.extend_from_slice(black_box(payload));
        black_box(&out);
    });
}

#[divan::bench(name = "client, limit: XOR of words on the way to a copy", args = LENGTHS)]
fn xor(bencher: Bencher<'_, '_>, len: usize) {
    let payload = &*first(&Content::Binary.payload(len));
    let out = middle(len);
    let xor = Xor::new(KEY);
    xor.copy(payload, out);
    assert!(*out == masked(payload, KEY), "what is copied");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| xor.copy(black_box(payload), black_box(&mut *out)));
}

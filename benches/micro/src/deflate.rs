//! JSON under permessage-deflate, without context takeover: each round does the same.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::deflate::{Agreement, Policy};
use websocket_proto::{Assembler, Incoming, Negotiated};
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

use crate::KI;
use crate::input::{client, frame, json, server};

const LENGTHS: [usize; 2] = [KI, 64 * KI];

/// The first byte of a compressed text message in one frame.
const COMPRESSED_TEXT: u8 = 0xc1;

/// What a message leaves out at its end (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

fn negotiated() -> Negotiated<'static> {
    let policy = Policy::default()
        .send_context_takeover(false)
        .receive_context_takeover(false);
    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&policy));
    negotiated
}

/// The library by itself, with the level that a `Policy` has by default.
fn compressor() -> Deflate {
    Deflate::new(6, false, 15)
}

/// Compresses `text` into `to`; says how many bytes it is, with the tail.
fn compress(stream: &mut Deflate, text: &[u8], to: &mut [u8]) -> usize {
    stream.reset();
    let status = stream.compress(text, to, DeflateFlush::SyncFlush);
    assert_eq!(status, Ok(zlib_rs::Status::Ok));
    usize::try_from(stream.total_out()).expect("it is in memory")
}

/// The text compressed, with the tail.
fn compressed(text: &str) -> Vec<u8> {
    let mut to = vec![0; text.len() + KI];
    let len = compress(&mut compressor(), text.as_bytes(), &mut to);
    to.truncate(len);
    assert!(to.ends_with(&TAIL), "a flush ends so");
    to
}

#[divan::bench(name = "receive: receive_message", args = LENGTHS)]
fn receive(bencher: Bencher<'_, '_>, len: usize) {
    let text = json(len);
    let body = compressed(&text);
    let body = body.strip_suffix(&TAIL).expect("a flush ends so");
    // As a client receives it: a mask has rows of its own.
    let mut buffer = frame(COMPRESSED_TEXT, None, body);
    let mut conn = client(negotiated());
    let (mut messages, mut out) = (Assembler::default(), Vec::new());
    let mut round = |check: fn(&[u8], &str) -> bool| {
        let mut input = black_box(&mut buffer[..]);
        match conn.receive_message(&mut input, &mut messages, &mut out) {
            Ok(Some(Incoming::Message(message))) => check(message.as_bytes(), &text),
            other => panic!("{other:?} in place of a message"),
        }
    };
    for _ in 0..2 {
        assert!(round(|message, text| message == text.as_bytes()), "JSON");
    }
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| round(|message, _| black_box(message).is_empty()));
}

#[divan::bench(name = "receive, limit: zlib-rs", args = LENGTHS)]
fn inflate(bencher: Bencher<'_, '_>, len: usize) {
    let text = json(len);
    let body = compressed(&text);
    let mut stream = Inflate::new(false, 15);
    let mut to = vec![0; len + KI];
    let mut round = |to: &mut [u8]| {
        stream.reset(false);
        let status = stream.decompress(black_box(&body), to, InflateFlush::SyncFlush);
        assert_eq!(status, Ok(zlib_rs::Status::Ok));
        stream.total_out()
    };
    assert_eq!(round(&mut to), u64::try_from(len).expect("64 bits"));
    assert!(to[..len] == *text.as_bytes(), "JSON");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| round(black_box(&mut to)));
}

#[divan::bench(name = "send: send_text", args = LENGTHS)]
fn send(bencher: Bencher<'_, '_>, len: usize) {
    let text = json(len);
    let mut conn = server(negotiated());
    let mut out = Vec::new();
    let body = compressed(&text);
    let body = body.strip_suffix(&TAIL).expect("a flush ends so");
    let expected = frame(COMPRESSED_TEXT, None, body);
    for _ in 0..2 {
        out.clear();
        conn.send_text(&text, &mut out).expect("an open one");
        assert!(out == expected, "the frame");
    }
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.clear();
        let sent = conn.send_text(black_box(&text), &mut out);
        black_box(&out);
        sent
    });
}

#[divan::bench(name = "send, limit: zlib-rs", args = LENGTHS)]
fn deflate(bencher: Bencher<'_, '_>, len: usize) {
    let text = json(len);
    let mut stream = compressor();
    let mut to = vec![0; len + KI];
    let expected = compressed(&text);
    let compressed = compress(&mut stream, text.as_bytes(), &mut to);
    assert!(to[..compressed] == expected, "as the stream before");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| compress(&mut stream, black_box(text.as_bytes()), black_box(&mut to)));
}

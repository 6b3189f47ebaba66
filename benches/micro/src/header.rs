//! Frame headers.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::frame::{FrameHeader, MaskingKey, Opcode};

use crate::input::{KEY, frame};

/// The lengths that a header can have, in bytes: without a masking key 2, 4 and 10.
const LENGTHS: [usize; 6] = [2, 4, 6, 8, 10, 14];

/// A header of this length as a value and on the wire.
fn header(len: usize) -> (FrameHeader, Vec<u8>) {
    let key = matches!(len, 6 | 8 | 14).then_some(KEY);
    let payload_len = match len {
        2 | 6 => 125,
        4 | 8 => 1 << 10,
        _ => 1 << 20,
    };
    let mut bytes = frame(0x82, key, &vec![0; payload_len]);
    bytes.truncate(len);
    let payload_len = u64::try_from(payload_len).expect("64 bits");
    let mut header = FrameHeader::new(Opcode::Binary, payload_len);
    header.masking_key = key.map(MaskingKey::new);
    (header, bytes)
}

#[divan::bench(args = LENGTHS)]
fn decode(bencher: Bencher<'_, '_>, len: usize) {
    let (header, bytes) = header(len);
    assert_eq!(
        FrameHeader::decode(&bytes),
        Ok(Some((header, len))),
        "what is decoded"
    );
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| FrameHeader::decode(black_box(&bytes)));
}

#[divan::bench(args = LENGTHS)]
fn encode(bencher: Bencher<'_, '_>, len: usize) {
    let (header, bytes) = header(len);
    let encoded = header.encode().expect("a valid header");
    assert_eq!(encoded.as_bytes(), bytes, "what is encoded");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| black_box(&header).encode());
}

#[divan::bench(name = "limit: copied", args = LENGTHS)]
fn copied(bencher: Bencher<'_, '_>, len: usize) {
    let (_, bytes) = header(len);
    let mut to = [0; 14];
    to[..len].copy_from_slice(&bytes);
    assert_eq!(to[..len], bytes, "what is copied");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| black_box(&mut to[..len]).copy_from_slice(black_box(&bytes)));
}

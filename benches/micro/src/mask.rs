//! Payload masked in place.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::frame::{Mask, MaskingKey};

use crate::LENGTHS;
use crate::input::{Content, KEY, first, masked, middle};
use crate::limit::Xor;

/// What `mask` does to a payload is checked, then timed.
fn in_place(bencher: Bencher<'_, '_>, len: usize, mut mask: impl FnMut(&mut [u8])) {
    let payload = first(&Content::Binary.payload(len));
    let expected = masked(payload, KEY);
    mask(payload);
    assert!(*payload == expected, "what is masked");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| mask(black_box(&mut *payload)));
}

#[divan::bench(name = "Mask::apply", args = LENGTHS)]
fn apply(bencher: Bencher<'_, '_>, len: usize) {
    in_place(bencher, len, |payload| {
        Mask::new(black_box(MaskingKey::new(KEY))).apply(payload);
    });
}

#[divan::bench(name = "limit: XOR of words", args = LENGTHS)]
fn xor(bencher: Bencher<'_, '_>, len: usize) {
    let xor = Xor::new(KEY);
    in_place(bencher, len, |payload| xor.apply(payload));
}

#[divan::bench(name = "limit: copied", args = LENGTHS)]
fn copied(bencher: Bencher<'_, '_>, len: usize) {
    let payload = first(&Content::Binary.payload(len));
    let to = middle(len);
    to.copy_from_slice(payload);
    assert!(to == payload, "what is copied");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| black_box(&mut *to).copy_from_slice(black_box(&*payload)));
}

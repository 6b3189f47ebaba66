//! Text checked, whole and in pieces.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::utf8::Utf8Stream;

use crate::input::{Content, first};
use crate::{KI, LENGTHS};

/// What `check` lends of a whole text is checked, then timed.
fn whole(
    bencher: Bencher<'_, '_>,
    content: Content,
    len: usize,
    check: impl Fn(&[u8]) -> Option<&str>,
) {
    let text = &*first(&content.payload(len));
    assert_eq!(check(text).map(str::as_bytes), Some(text), "valid text");
    assert_eq!(check(b"\xe2\x82\xac\x80"), None, "no text");
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| check(black_box(text)).map(str::len));
}

/// All of `bytes`, as one piece.
fn stream(bytes: &[u8]) -> Option<&str> {
    let mut stream = Utf8Stream::new();
    let piece = stream.push(bytes).ok()?;
    stream.is_complete().then_some(piece.text)
}

fn core(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

fn simd(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// The rows of one kind of text.
macro_rules! rows {
    ($module:ident, $content:expr) => {
        mod $module {
            use super::*;

            #[divan::bench(name = "Utf8Stream::push", args = LENGTHS)]
            fn ours(bencher: Bencher<'_, '_>, len: usize) {
                whole(bencher, $content, len, stream);
            }

            #[divan::bench(name = "limit: core", args = LENGTHS)]
            fn core(bencher: Bencher<'_, '_>, len: usize) {
                whole(bencher, $content, len, super::core);
            }

            #[divan::bench(name = "limit: simdutf8", args = LENGTHS)]
            fn simd(bencher: Bencher<'_, '_>, len: usize) {
                whole(bencher, $content, len, super::simd);
            }

            #[divan::bench(name = "64 KiB in pieces", args = PIECES)]
            fn in_pieces(bencher: Bencher<'_, '_>, piece: usize) {
                pieces(bencher, $content, piece);
            }

            #[divan::bench(name = "limit: simdutf8, 64 KiB in pieces", args = PIECES)]
            fn simd_in_pieces(bencher: Bencher<'_, '_>, piece: usize) {
                simd_pieces(bencher, $content, piece);
            }
        }
    };
}

rows!(ascii, Content::Ascii);
rows!(mixed, Content::Mixed);

/// Lengths of pieces that cut characters everywhere.
const PIECES: [usize; 4] = [15, 125, KI - 3, 16 * KI - 3];

/// The pieces go through one stream.
fn pieces(bencher: Bencher<'_, '_>, content: Content, piece: usize) {
    let text = &*first(&content.payload(64 * KI));
    let mut got = String::new();
    let mut stream = Utf8Stream::new();
    for piece in text.chunks(piece) {
        let piece = stream.push(piece).expect("valid text");
        got.extend(piece.carried);
        got.push_str(piece.text);
    }
    assert!(stream.is_complete() && got.as_bytes() == text, "the text");
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| {
            let mut stream = Utf8Stream::new();
            for piece in text.chunks(piece) {
                let piece = stream.push(black_box(piece));
                let _ = black_box(piece.map(|piece| (piece.carried, piece.text.len())));
            }
            stream.is_complete()
        });
}

/// About the same pieces, of which none cuts a character: `simdutf8` keeps nothing between them.
fn simd_pieces(bencher: Bencher<'_, '_>, content: Content, piece: usize) {
    let text = &*first(&content.payload(64 * KI));
    let mut pieces = Vec::new();
    let mut rest = str::from_utf8(text).expect("text");
    while !rest.is_empty() {
        let end = (0..=piece.min(rest.len())).rfind(|end| rest.is_char_boundary(*end));
        let (piece, after) = rest.split_at(end.expect("longer than a character"));
        pieces.push(piece.as_bytes());
        rest = after;
    }
    assert!(pieces.concat() == text, "the text");
    assert!(pieces.iter().all(|piece| simd(piece).is_some()), "valid");
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| {
            for piece in &pieces {
                black_box(simd(black_box(piece)).map(str::len));
            }
        });
}

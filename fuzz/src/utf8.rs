//! UTF-8 in arbitrary pieces, held against `core::str`.
//!
//! The input: how to cut (see `Bytes::cuts`), then the text.

use websocket_proto::utf8::{Utf8Piece, Utf8Stream};

use crate::bytes::Bytes;

/// Every piece is judged as `core::str` judges all bytes so far, and lends what is valid of it.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let cuts = choices.cuts();
    let text = choices.rest();
    let mut stream = Utf8Stream::new();
    let mut given = Vec::new();
    let mut end = 0;
    for read in cuts.of(text.len()) {
        let piece = &text[end..end + read];
        end += read;
        let (valid, is_fault) = match core::str::from_utf8(&text[..end]) {
            Ok(valid) => (valid.len(), false),
            Err(error) => (error.valid_up_to(), error.error_len().is_some()),
        };
        let result = stream.push(piece);
        assert_eq!(
            result.is_err(),
            is_fault,
            "found wrong in the piece that proves it: {result:?}"
        );
        let Utf8Piece {
            carried,
            text: lent,
        } = result.unwrap_or_else(|fault| fault.valid);
        assert!(
            lent.is_empty() || piece.as_ptr_range().contains(&lent.as_ptr()),
            "lent, not copied"
        );
        given.extend(carried.map(String::from).unwrap_or_default().bytes());
        given.extend_from_slice(lent.as_bytes());
        assert_eq!(given, &text[..valid], "all that is valid is given, once");
        if is_fault {
            return;
        }
        assert_eq!(stream.is_complete(), valid == end);
    }
}

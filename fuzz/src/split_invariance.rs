//! The same bytes, cut in two ways that the input chooses, have the same outcome: events, messages,
//! outbound bytes, error, close state.
//!
//! The input: the role (1 byte), then as in `receiving`, but with two cuts.

use crate::bytes::Bytes;
use crate::receiving::{self, Setting};

/// Receives the input by every call, in both cuts.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let is_server = choices.byte() & 1 == 0;
    let setting = Setting::take(&mut choices);
    let cuts = [&choices.cuts(), &choices.cuts()];
    let input = choices.rest();
    if is_server {
        receiving::is_the_same_in_any_cut(true, receiving::server, &setting, cuts, input);
    } else {
        receiving::is_the_same_in_any_cut(false, receiving::client, &setting, cuts, input);
    }
}

//! Compressed messages, held against an inflater that was written from RFC 1951.
//!
//! The input: what was agreed on and the window (2 bytes), how to cut (see `Bytes::cuts`), then
//! messages: how many fragments and how long the first ones are (2 bytes), the length (2 bytes), and
//! that many bytes of DEFLATE.

use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::frame::MaskingKey;
use websocket_proto::{Client, Config, Connection, Negotiated, ProtocolError};

use crate::bytes::Bytes;
use crate::outcome::{By, Seen, drive};
use crate::reference::Inflater;
use crate::wire;

/// The longest message here. The inflater by definition is slow.
const LIMIT: usize = 1 << 14;

/// Receives binary messages that consist of the input.
pub fn check(data: &[u8]) {
    let mut choices = Bytes::new(data);
    let (agreed, window) = (choices.byte(), usize::from(choices.byte()));
    let cuts = choices.cuts();
    let takeover = agreed & 1 == 0;
    let bits = WindowBits::new(8 + (agreed >> 1) % 8).expect("8 to 15");
    let policy = Policy::default()
        .receive_window_bits(bits)
        .receive_context_takeover(takeover);

    let mut inflater = Inflater::default();
    let (mut input, mut expected, mut error) = (Vec::new(), Vec::new(), None);
    while error.is_none() && !choices.is_empty() {
        let (fragments, first_len) = (choices.byte() % 4, usize::from(choices.byte()));
        let len = usize::from(choices.number());
        let mut rest = choices.take(len);
        let payload = rest;
        let mut first = 0x42;
        for _ in 0..fragments {
            let (fragment, after) = rest.split_at(first_len.min(rest.len()));
            input.extend(wire::frame(first, fragment, None));
            (first, rest) = (0x00, after);
        }
        input.extend(wire::frame(0x80 | first, rest, None));

        if !takeover {
            inflater = inflater.restarted();
        }
        match inflater.message(payload) {
            Ok(message) if message.len() > LIMIT => {
                error = Some(ProtocolError::MessageTooLong {
                    limit: LIMIT as u64,
                });
            }
            Ok(message) => expected.push(Seen::Binary(message)),
            // What came before the fault may have been too much already.
            Err(_) => error = Some(ProtocolError::InvalidDeflate),
        }
    }

    let mut negotiated = Negotiated::default();
    negotiated.deflate = Some(Agreement::new(&policy));
    let config = Config::default().max_message_len(LIMIT as u64);
    for by in [By::Inflated(4 + window * 8), By::Growing] {
        let role = Client::new(|| MaskingKey::new([0; 4]));
        let mut conn = Connection::new(role, negotiated, config);
        let outcome = drive(&mut conn, by, &cuts, &input);
        assert_eq!(outcome.seen, expected, "{by:?}");
        let is_bomb = matches!(outcome.error, Some(ProtocolError::MessageTooLong { .. }));
        let may_be_bomb = error == Some(ProtocolError::InvalidDeflate) && is_bomb;
        assert!(
            outcome.error == error || may_be_bomb,
            "{by:?}: {:?} and not {error:?}",
            outcome.error
        );
        if let Some(Seen::Binary(bytes)) = outcome.unfinished {
            assert!(bytes.len() <= LIMIT, "inflated no farther than the limit");
        }
    }
}

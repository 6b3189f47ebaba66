//! Messages whose end looks like what it is not.

use websocket_proto::ProtocolError;
use websocket_proto::deflate::Policy;

use crate::case::{Case, binary, fails, gives};
use crate::inflate::{Fault, Inflater, TAIL};
use crate::receiving::negotiated;

/// Bits as DEFLATE packs them: from the lowest of a byte on.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// Adds bits that are written in the order in which they go out.
    fn add(&mut self, bits: &str) {
        for bit in bits.bytes() {
            if self.len.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= (bit - b'0') << (self.len % 8);
            self.len += 1;
        }
    }

    /// Adds a number of so many bits.
    fn number(&mut self, number: usize, count: usize) {
        let bits = format!("{number:0count$b}");
        self.add(&bits.chars().rev().collect::<String>());
    }
}

/// How much there is to refer to.
const BEFORE: usize = 1600;

/// A message whose last four bytes are 00 00 ff ff, of which the very last one gives 258 bytes: the
/// last seven of its bits may be the end of the block, or more of it.
fn message(is_final: bool, ends: bool) -> Vec<u8> {
    let mut bits = Bits::default();
    // A stored block, to refer to.
    bits.add("000");
    bits.number(0, 5);
    bits.number(BEFORE, 16);
    bits.number(0xffff - BEFORE, 16);
    for at in 0..BEFORE {
        bits.number(at * 7 % 256, 8);
    }
    bits.add(if is_final { "1" } else { "0" });
    bits.add("01");
    bits.number(286 - 257, 5);
    bits.number(22 - 1, 5);
    bits.number(18 - 4, 4);
    // The lengths 0 to 7 have three bits each, and no others.
    for len in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
        bits.number(if len < 8 { 3 } else { 0 }, 3);
    }
    let (end_of_block, longest_match, far) = (256, 285, 20);
    let mut lens = [0; 286 + 22];
    lens[longest_match] = 1;
    lens[..6].copy_from_slice(&[2, 3, 4, 5, 6, 7]);
    // The last of the longest codes is all ones: that of the end, or of a match's length.
    if ends {
        lens[end_of_block] = 7;
    } else {
        (lens[end_of_block], lens[5], lens[265]) = (7, 0, 7);
    }
    (lens[286 + far], lens[286 + far + 1]) = (1, 1);
    for len in lens {
        bits.add(&format!("{len:03b}"));
    }
    // Two literals, to get to where a byte begins.
    while !bits.len.is_multiple_of(8) {
        bits.add(if bits.len.is_multiple_of(2) {
            "10"
        } else {
            "110"
        });
    }
    // A match of 258 bytes from 1025 bytes back is eleven zeros. Of one from 1536 bytes back the codes
    // are two zeros and the rest nine ones; seven more make it sixteen.
    bits.add(&"0".repeat(11 + 11 + 2));
    bits.add(&"1".repeat(9 + 7));
    assert!(bits.len.is_multiple_of(8));
    bits.bytes
}

#[test]
fn edge_111_the_last_byte_of_a_final_block_gives_all_that_it_has() {
    let policy = Policy::default();
    for (is_final, ends) in [(true, true), (false, true), (false, false), (true, false)] {
        let message = message(is_final, ends);
        assert!(message.ends_with(&TAIL));
        let cases = Case::both(|case| {
            let case = case.negotiated(negotiated(policy)).frame(0xc2, &message);
            case.in_few_cuts()
        });
        let inflated = Inflater::default().message(&message);
        if is_final && ends {
            let plain = inflated.unwrap();
            assert!(plain.len() > BEFORE + 3 * 258);
            for case in &cases {
                let again = case.clone().frame(0xc2, &message).frame(0xc2, &message);
                gives(&again, &[binary(&plain), binary(&plain), binary(&plain)]);
            }
        } else {
            // A tail that was left on is empty.
            assert_eq!(inflated, Err(Fault::Truncated));
            for case in &cases {
                fails(case, ProtocolError::InvalidDeflate);
            }
        }
    }
}

/// A message whose tail, which the sender takes off, is the rest of a block's codes and then the end of
/// that block, of so many bits, nine at least: so it ends in the middle of the tail's last byte.
fn ends_inside_a_byte(end_of_block: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.add("001");
    // No codes of lengths.
    bits.number(0, 5);
    // 16 distances without a code are the first half of the tail; these come before it.
    let more = if end_of_block.is_multiple_of(2) { 1 } else { 5 };
    bits.number(more + 16 - 1, 5);
    bits.number(19 - 4, 4);
    // The length 0 has one bit, those from 1 to 16 have five.
    for len in [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ] {
        bits.number([1, 5, 0][usize::from(len > 0) + usize::from(len > 16)], 3);
    }
    let mut lens = [0; 257];
    for (literal, len) in lens[..end_of_block].iter_mut().enumerate() {
        *len = literal + 1;
    }
    lens[256] = end_of_block;
    for len in lens {
        match len {
            0 => bits.add("0"),
            _ => bits.add(&format!("{:05b}", 0b10000 + len - 1)),
        }
    }
    bits.add(&"0".repeat(more));
    assert!(bits.len.is_multiple_of(8));
    bits.bytes
}

#[test]
fn edge_113_a_message_does_not_end_inside_a_byte() {
    for end_of_block in 9..=15 {
        let message = ends_inside_a_byte(end_of_block);
        let with_tail = [&message[..], &TAIL].concat();
        for payload in [&message, &with_tail] {
            assert!(Inflater::default().message(payload).is_err());
            for case in Case::both(|case| {
                let case = case.negotiated(negotiated(Policy::default()));
                case.frame(0xc2, payload).in_few_cuts()
            }) {
                fails(&case, ProtocolError::InvalidDeflate);
            }
        }
    }
}

#[test]
fn edge_113_a_message_does_not_end_inside_the_head_of_a_block() {
    let mut bits = Bits::default();
    bits.add("001");
    bits.number(286 - 257, 5);
    bits.number(30 - 1, 5);
    bits.number(19 - 4, 4);
    // Bits that are zero are lengths of zero, those that are one are lengths of nine: there are 316.
    for len in [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ] {
        let bits_of_code = match len {
            0 => 1,
            8 => 2,
            7 | 9 => 3,
            _ => 0,
        };
        bits.number(bits_of_code, 3);
    }
    while !bits.len.is_multiple_of(8) {
        bits.add("0");
    }
    let message = [&bits.bytes[..], &TAIL].concat();
    assert_eq!(Inflater::default().message(&message), Err(Fault::Truncated));
    for case in Case::both(|case| {
        let case = case.negotiated(negotiated(Policy::default()));
        case.frame(0xc2, &message)
    }) {
        fails(&case, ProtocolError::InvalidDeflate);
    }
}

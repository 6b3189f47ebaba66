//! How far back what goes out refers.

use websocket_proto::deflate::{Agreement, CompressState, Policy, WindowBits};
use websocket_proto::{Broadcast, Config, Connection, Fragment, Negotiated, Server};

use crate::case::{Random, frames_on_the_wire};
use crate::inflate::{Inflater, TAIL};

/// Bytes that were before, from as far back as twice this window.
fn reminiscent(random: &mut Random, window: usize, len: usize) -> Vec<u8> {
    // A few pieces that cannot be made shorter, one after the other in any order.
    let pieces: Vec<Vec<u8>> = (0..window / 64)
        .map(|seed| {
            let mut noise = Random::new(seed as u64);
            (0..64).map(|_| noise.below(256) as u8).collect()
        })
        .collect();
    let mut bytes = Vec::new();
    while bytes.len() < len {
        bytes.extend_from_slice(&pieces[random.below(pieces.len())]);
    }
    bytes
}

#[test]
fn edge_124_nothing_refers_farther_back_than_was_agreed() {
    for bits in 9..=15 {
        let bits = WindowBits::new(bits).unwrap();
        let window = bits.window_len();
        for (level, memory_level) in [(1, 8), (2, 1), (4, 9), (6, 8), (9, 9)] {
            for takeover in [true, false] {
                let policy = Policy::default()
                    .send_window_bits(bits)
                    .send_context_takeover(takeover)
                    .level(level)
                    .memory_level(memory_level);
                let mut negotiated = Negotiated::default();
                negotiated.deflate = Some(Agreement::new(&policy));
                let mut conn = Connection::new(Server, negotiated, Config::default());
                let mut state = CompressState::new(&policy).unwrap();
                let mut peer = Inflater::default();
                let mut random = Random::new(u64::from(level));
                // Within the window, and longer than it.
                for len in [window / 2, window / 2, 2 * window + 1, 100] {
                    let message = reminiscent(&mut random, window, len);
                    let mut out = Vec::new();
                    let (start, end) = message.split_at(message.len() / 3);
                    conn.send_fragment(start, Fragment::First, &mut out)
                        .unwrap();
                    conn.send_fragment(end, Fragment::Last, &mut out).unwrap();
                    let broadcast = Broadcast::compressed(&message, &mut state).unwrap();
                    out.extend(conn.broadcast(&broadcast).unwrap().concat());
                    let frames = frames_on_the_wire(&out, false);
                    assert_eq!(
                        frames.iter().map(|frame| frame.0).collect::<Vec<_>>(),
                        [0x42, 0x80, 0xc2]
                    );
                    for payload in [
                        [&frames[0].1[..], &frames[1].1].concat(),
                        frames[2].1.clone(),
                    ] {
                        if !takeover {
                            peer = peer.restarted();
                        }
                        assert!(peer.message(&payload) == Ok(message.clone()), "{policy:?}");
                    }
                }
                let farthest = peer.farthest;
                assert!(farthest <= window, "{policy:?}: {farthest}");
                // And it would, if it might: matching looks 262 bytes ahead, which the window lacks.
                assert!(farthest >= window / 4, "{policy:?}: {farthest}");
            }
        }
    }
}

/// "When any DEFLATE block with the "BFINAL" bit set to 1 doesn't end at a byte boundary, an
/// endpoint MUST add minimal padding bits of 0" (section 7.2.1): there is none. "For non-final
/// fragments, the removal of 0x00 0x00 0xff 0xff MUST NOT be done": what others have inflated so far
/// is all of the fragments so far.
#[test]
fn s7_2_1_no_block_is_final_and_every_fragment_but_the_last_keeps_its_tail() {
    for level in 0..=9 {
        let policy = Policy::default().level(level).threshold(0);
        let mut negotiated = Negotiated::default();
        negotiated.deflate = Some(Agreement::new(&policy));
        let mut conn = Connection::new(Server, negotiated, Config::default());
        let mut peer = Inflater::default();
        let mut random = Random::new(u64::from(level));
        for len in [1, 100, 70_000] {
            let message = reminiscent(&mut random, 1024, len);
            let mut so_far = Vec::new();
            for (payload, fragment) in [
                (&message[..len / 2], Fragment::First),
                (&[], Fragment::Middle),
                (&message[len / 2..], Fragment::Last),
            ] {
                let mut out = Vec::new();
                conn.send_fragment(payload, fragment, &mut out).unwrap();
                let (is_empty, fin) = (payload.is_empty(), fragment.is_last());
                for (_, payload) in frames_on_the_wire(&out, false) {
                    assert_eq!(payload.ends_with(&TAIL), !fin && !is_empty);
                    so_far.extend(payload);
                }
                let end = if fin { message.len() } else { len / 2 };
                let mut another = peer.clone();
                assert!(another.message(&so_far).as_deref() == Ok(&message[..end]));
            }
            assert!(peer.message(&so_far) == Ok(message));
        }
        assert_eq!(peer.finals, 0, "level {level}");
    }
}

//! Held against other implementations: `flate2` with `miniz_oxide`, and RFC 1951 read word by word.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;
use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::{Config, Connection, Fragment, Negotiated, ProtocolError, Server};

use crate::case::{Case, Random, binary, frames_on_the_wire, gives};
use crate::inflate::{Fault, Inflater, TAIL};
use crate::receiving::negotiated;
use crate::sending::prose;

/// Messages of one kind or the other, which the seed decides, in fragments.
#[derive(Clone, Debug)]
struct Fragments(Vec<Vec<u8>>);

fn fragments() -> impl Strategy<Value = Fragments> {
    let fragment = (
        0..4_u8,
        0..6_u64,
        prop_oneof![1 => 0..4_usize, 3 => 0..300_usize, 1 => 0..5000_usize],
    );
    let fragment = fragment.prop_map(|(kind, seed, len)| match kind {
        0 => {
            let mut random = Random::new(seed);
            (0..len).map(|_| random.below(256) as u8).collect()
        }
        1 => vec![seed as u8; len],
        _ => prose(seed, len).into_bytes(),
    });
    prop::collection::vec(fragment, 1..4).prop_map(Fragments)
}

fn policy() -> impl Strategy<Value = Policy> {
    (9..=15_u8, any::<bool>(), 0..=9_u8, 1..=9_u8).prop_map(|(bits, takeover, level, memory)| {
        Policy::default()
            .send_window_bits(WindowBits::new(bits).unwrap())
            .send_context_takeover(takeover)
            .level(level)
            .memory_level(memory)
            .threshold(0)
    })
}

/// What `flate2` makes of a message.
fn flate2_inflates(stream: &mut Decompress, payload: &[u8]) -> Option<Vec<u8>> {
    let bytes = [payload, &TAIL].concat();
    let (mut rest, mut message, mut room) = (&bytes[..], Vec::new(), [0; 4096]);
    loop {
        let (taken, given) = (stream.total_in(), stream.total_out());
        let status = stream
            .decompress(rest, &mut room, FlushDecompress::None)
            .ok()?;
        rest = &rest[(stream.total_in() - taken) as usize..];
        let given = (stream.total_out() - given) as usize;
        message.extend_from_slice(&room[..given]);
        match status {
            Status::StreamEnd => {
                stream.reset(false);
                if rest.len() <= TAIL.len() {
                    return Some(message);
                }
            }
            _ if rest.is_empty() && given < room.len() => return Some(message),
            _ => {}
        }
    }
}

/// What `flate2` makes of a fragment.
fn flate2_compresses(stream: &mut Compress, fragment: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * fragment.len() + 1000);
    let taken = stream.total_in();
    stream.compress_vec(fragment, &mut out, flush).unwrap();
    assert_eq!(stream.total_in() - taken, fragment.len() as u64);
    assert!(out.len() < out.capacity(), "all has come out");
    out
}

/// A message as a sender has it that compresses with `flate2`: every fragment a frame's payload.
fn message(
    stream: &mut Compress,
    fragments: &Fragments,
    full: bool,
    is_final: bool,
) -> Vec<Vec<u8>> {
    let flush = if full {
        FlushCompress::Full
    } else {
        FlushCompress::Sync
    };
    let mut made: Vec<_> = fragments
        .0
        .iter()
        .map(|fragment| flate2_compresses(stream, fragment, flush))
        .collect();
    if is_final {
        made.push(flate2_compresses(stream, b"", FlushCompress::Finish));
        stream.reset();
    } else {
        let last = made.last_mut().unwrap();
        if last.is_empty() {
            // Nothing to flush.
            last.push(0x00);
        } else {
            assert_eq!(last.split_off(last.len() - TAIL.len()), TAIL);
        }
    }
    made
}

/// Adds the frames of a message.
fn framed(mut case: Case, frames: &[Vec<u8>]) -> Case {
    for (at, frame) in frames.iter().enumerate() {
        let fin = if at + 1 == frames.len() { 0x80 } else { 0 };
        case = case.frame(fin | if at == 0 { 0x42 } else { 0 }, frame);
    }
    case
}

/// A way to spoil a message.
#[derive(Clone, Debug)]
enum Spoil {
    Flip {
        at: usize,
        bit: u8,
    },
    Set {
        at: usize,
        byte: u8,
    },
    Insert {
        at: usize,
        byte: u8,
    },
    Remove {
        at: usize,
    },
    Truncate {
        at: usize,
    },
    /// Leaves the tail on.
    Tail,
    /// Ends it with a final block.
    Final,
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = || prop_oneof![0..12_usize, any::<usize>()];
    prop_oneof![
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Spoil::Flip { at, bit }),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Spoil::Set { at, byte }),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Spoil::Insert { at, byte }),
        1 => at().prop_map(|at| Spoil::Remove { at }),
        1 => at().prop_map(|at| Spoil::Truncate { at }),
        1 => Just(Spoil::Tail),
        1 => Just(Spoil::Final),
    ]
}

impl Spoil {
    fn apply(&self, payload: &mut Vec<u8>) {
        let len = payload.len().max(1);
        match *self {
            Self::Flip { at, bit } => {
                if let Some(byte) = payload.get_mut(at % len) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Set { at, byte } => {
                if let Some(old) = payload.get_mut(at % len) {
                    *old = byte;
                }
            }
            Self::Insert { at, byte } => payload.insert(at % (payload.len() + 1), byte),
            Self::Remove { at } if !payload.is_empty() => {
                payload.remove(at % len);
            }
            Self::Remove { .. } => {}
            Self::Truncate { at } => payload.truncate(at % len),
            Self::Tail => payload.extend(TAIL),
            Self::Final => payload.extend([0x00, 0x00, 0xff, 0xff, 0x03, 0x00]),
        }
    }
}

/// What `flate2` takes and this crate does not.
const STRICTER: [Fault; 4] = [
    // It cannot say where a stream ends other than by a final block.
    Fault::Truncated,
    // It has a window of zeros before the first byte.
    Fault::TooFar,
    // zlib knows no such sets of codes.
    Fault::IncompleteCode,
    Fault::NoEndOfBlock,
];

/// Runs a message that may be spoilt, behind one that is not, and compares three verdicts.
fn compare(first: &[Vec<u8>], plain: &[u8], second: &[Vec<u8>], takeover: bool) -> Option<Fault> {
    let (mut exact, mut other) = (Inflater::default(), Decompress::new(false));
    let payload = first.concat();
    assert_eq!(exact.message(&payload).as_deref(), Ok(plain));
    assert_eq!(
        flate2_inflates(&mut other, &payload).as_deref(),
        Some(plain)
    );
    if !takeover {
        exact = exact.restarted();
        other.reset(false);
    }
    let payload = second.concat();
    let verdict = exact.message(&payload);
    let others = flate2_inflates(&mut other, &payload);
    match &verdict {
        Ok(message) => assert!(others.as_ref() == Some(message), "flate2 on {payload:x?}"),
        Err(fault) => assert!(
            others.is_none() || STRICTER.contains(fault),
            "{fault:?} in {payload:x?}"
        ),
    }
    let policy = Policy::default().receive_context_takeover(takeover);
    for case in Case::both(|case| {
        let case = framed(case.negotiated(negotiated(policy)), first);
        framed(case, second).in_few_cuts()
    }) {
        let outcome = case.outcome();
        if matches!(outcome.error, Some(ProtocolError::MessageTooLong { .. })) {
            // It became a bomb.
            continue;
        }
        match &verdict {
            Ok(message) => {
                assert_eq!(outcome.error, None, "{payload:x?}");
                assert!(
                    outcome.seen == [binary(plain), binary(message)],
                    "{payload:x?}"
                );
            }
            Err(fault) => {
                let error = Some(ProtocolError::InvalidDeflate);
                assert_eq!(outcome.error, error, "{fault:?} in {payload:x?}");
                assert!(outcome.seen == [binary(plain)]);
            }
        }
    }
    verdict.err()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_is_inflated_by_others(
        policy in policy(),
        messages in prop::collection::vec(fragments(), 1..5),
    ) {
        let mut negotiated = Negotiated::default();
        let agreement = Agreement::new(&policy);
        negotiated.deflate = Some(agreement);
        let mut conn = Connection::new(Server, negotiated, Config::default());
        let (mut exact, mut other) = (Inflater::default(), Decompress::new(false));
        for Fragments(fragments) in messages {
            let mut out = Vec::new();
            let last = fragments.len() - 1;
            for (at, fragment) in fragments.iter().enumerate() {
                conn.send_fragment(fragment, Fragment::new(at == 0, at == last), &mut out).unwrap();
            }
            let frames = frames_on_the_wire(&out, false);
            prop_assert_eq!(frames.len(), fragments.len());
            let payload: Vec<u8> = frames.into_iter().flat_map(|(_, payload)| payload).collect();
            prop_assert!(!payload.is_empty());
            if !agreement.send_context_takeover() {
                exact = exact.restarted();
                other.reset(false);
            }
            let message = fragments.concat();
            prop_assert!(flate2_inflates(&mut other, &payload).as_ref() == Some(&message));
            prop_assert!(exact.message(&payload).as_ref() == Ok(&message));
        }
        prop_assert!(exact.farthest <= agreement.send_window_bits().window_len());
    }

    #[test]
    fn what_others_have_compressed_comes_in(
        level in 0..=9_u32,
        takeover in any::<bool>(),
        messages in prop::collection::vec((fragments(), any::<bool>(), any::<bool>()), 1..5),
    ) {
        let mut stream = Compress::new(Compression::new(level), false);
        let (mut sent, mut frames) = (Vec::new(), Vec::new());
        for (fragments, full, is_final) in &messages {
            if !takeover {
                stream.reset();
            }
            frames.push(message(&mut stream, fragments, *full, *is_final));
            sent.push(binary(&fragments.0.concat()));
        }
        for case in Case::both(|case| {
            let policy = Policy::default().receive_context_takeover(takeover);
            frames.iter().fold(case.negotiated(negotiated(policy)), |case, frames| framed(case, frames))
        }) {
            gives(&case.in_few_cuts(), &sent);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_spoilt_has_one_verdict(
        level in 0..=9_u32,
        takeover in any::<bool>(),
        first in fragments(),
        second in fragments(),
        ours in any::<bool>(),
        spoils in prop::collection::vec(spoil(), 1..4),
        cut in any::<usize>(),
    ) {
        let mut stream = Compress::new(Compression::new(level), false);
        let (first, second) = (Fragments(vec![first.0.concat()]), Fragments(second.0));
        let mut payloads = [message(&mut stream, &first, false, false).concat(), Vec::new()];
        if !takeover {
            stream.reset();
        }
        payloads[1] = message(&mut stream, &second, false, false).concat();
        if ours {
            let policy = Policy::default().level(level as u8).threshold(0);
            let mut conn = Connection::new(
                Server,
                negotiated(policy.send_context_takeover(takeover)),
                Config::default(),
            );
            let mut out = Vec::new();
            conn.send(&first.0[0], &mut out).unwrap();
            conn.send(&second.0.concat(), &mut out).unwrap();
            for (payload, (_, frame)) in payloads.iter_mut().zip(frames_on_the_wire(&out, false)) {
                *payload = frame;
            }
        }
        let [before, mut payload] = payloads;
        for spoil in &spoils {
            spoil.apply(&mut payload);
        }
        let rest = payload.split_off(cut % (payload.len() + 1));
        compare(&[before], &first.0[0], &[payload, rest], takeover);
    }

    #[test]
    fn what_was_never_a_message_has_one_verdict(
        bytes in prop::collection::vec(prop_oneof![Just(0), Just(0xff), any::<u8>()], 0..40),
        takeover in any::<bool>(),
    ) {
        let first = [b"\x00\x05\x00\xfa\xffHello\x00".to_vec()];
        compare(&first, b"Hello", &[bytes], takeover);
    }
}

//! What another encoder has made, at every window: `vectors/rfc7692.py` says how.

use websocket_proto::Negotiated;
use websocket_proto::deflate::{Policy, WindowBits};

use crate::case::{Case, Random, Seen, binary, gives, hex, text};
use crate::inflate::Inflater;
use crate::receiving::negotiated;

const STREAMS: &str = include_str!("../vectors/rfc7692.txt");

/// A message as the file has it.
struct Vector {
    is_text: bool,
    plain: Vec<u8>,
    frames: Vec<Vec<u8>>,
}

struct Stream<'s> {
    name: &'s str,
    bits: WindowBits,
    takeover: bool,
    messages: Vec<Vector>,
}

impl Stream<'_> {
    fn negotiated(&self) -> Negotiated<'static> {
        negotiated(
            Policy::default()
                .receive_window_bits(self.bits)
                .receive_context_takeover(self.takeover),
        )
    }

    fn plain_len(&self) -> usize {
        self.messages
            .iter()
            .map(|message| message.plain.len())
            .sum()
    }
}

/// As `plain` in the script.
fn plain(is_text: bool, seed: u64, len: usize) -> Vec<u8> {
    let words = [
        "{\"id\":",
        "1024",
        "},",
        "true",
        "\"price\":17.25,\"currency\":\"\u{20ac}\",\"shop\":\"caf\u{e9}\",\"available\":",
        "the quick brown fox jumps over the lazy dog, and then it does it again, ",
        "\"comment\":\"a face \u{1f600} needs four bytes, and so it may be cut in three places\"",
        "https://www.rfc-editor.org/rfc/rfc7692#section-7.2.3.4",
    ];
    let mut random = Random::new(seed);
    if !is_text {
        return (0..len).map(|_| random.below(256) as u8).collect();
    }
    let mut made = Vec::new();
    loop {
        let word = words[random.below(words.len())];
        if made.len() + word.len() > len {
            return made;
        }
        made.extend_from_slice(word.as_bytes());
    }
}

fn message(line: &str) -> Vector {
    let [kind, parts, frames] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("`{line}` is no message");
    };
    let is_text = kind == "text";
    let parts = parts.split(',').map(|part| {
        let (seed, len) = part.split_once(':').unwrap();
        plain(is_text, seed.parse().unwrap(), len.parse().unwrap())
    });
    Vector {
        is_text,
        plain: parts.collect::<Vec<_>>().concat(),
        frames: frames.split('|').map(hex).collect(),
    }
}

fn streams() -> Vec<Stream<'static>> {
    let mut streams: Vec<Stream<'_>> = Vec::new();
    for line in STREAMS.lines() {
        if let Some(name) = line.strip_prefix("stream ") {
            let (bits, rest) = name.split_once(' ').unwrap();
            streams.push(Stream {
                name,
                bits: WindowBits::new(bits.parse().unwrap()).unwrap(),
                takeover: rest.starts_with("takeover"),
                messages: Vec::new(),
            });
        } else {
            streams.last_mut().unwrap().messages.push(message(line));
        }
    }
    streams
}

#[test]
fn another_encoders_messages_are_received_at_every_window() {
    let streams = streams();
    assert_eq!(
        streams.len(),
        7 * 2 * 3,
        "windows, with takeover and without, styles"
    );
    assert!(streams.iter().any(|stream| stream.plain_len() > 50_000));
    for stream in &streams {
        let seen: Vec<Seen> = stream
            .messages
            .iter()
            .map(|message| match std::str::from_utf8(&message.plain) {
                Ok(plain) if message.is_text => text(plain),
                _ => binary(&message.plain),
            })
            .collect();
        for case in Case::both(|case| {
            let mut case = case.negotiated(stream.negotiated());
            for message in &stream.messages {
                let last = message.frames.len() - 1;
                for (at, frame) in message.frames.iter().enumerate() {
                    let opcode = if message.is_text { 0x41 } else { 0x42 };
                    let first = if at == 0 { opcode } else { 0x00 };
                    let fin = if at == last { 0x80 } else { 0x00 };
                    case = case.frame(fin | first, frame);
                }
            }
            case
        }) {
            println!("{}", stream.name);
            gives(&case.in_few_cuts(), &seen);
        }
    }
}

/// What holds the checks of what this crate compresses: that the judge of windows judges rightly.
#[test]
fn another_encoder_keeps_to_every_window_and_uses_it() {
    for stream in streams() {
        let mut inflater = Inflater::default();
        for vector in &stream.messages {
            if !stream.takeover {
                inflater = inflater.restarted();
            }
            let plain = inflater.message(&vector.frames.concat());
            assert!(plain == Ok(vector.plain.clone()), "{}", stream.name);
        }
        let (window, farthest) = (stream.bits.window_len(), inflater.farthest);
        assert!(farthest <= window, "{}: {farthest}", stream.name);
        if stream.name.ends_with("stored") {
            assert_eq!(farthest, 0, "{}", stream.name);
        } else if stream.takeover && window > 512 {
            assert!(farthest > window / 2, "{}: {farthest}", stream.name);
        }
    }
}

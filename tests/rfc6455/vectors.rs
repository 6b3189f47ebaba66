//! Vectors kept as text: see `tests/vectors/`.

use crate::case::*;

/// Runs the vectors of a file; gives how many there are.
fn run(vectors: &str) -> usize {
    let mut count = 0;
    for vector in vectors.split("\n\n") {
        let fields = vector
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(": "));
        let (mut name, mut case, mut seen, mut sent) = ("", None, Vec::new(), Vec::new());
        for (key, value) in fields {
            match (key, value, case.take()) {
                ("vector", value, case_so_far) => (name, case) = (value, case_so_far),
                ("to", "server", _) => case = Some(Case::server()),
                ("to", "client", _) => case = Some(Case::client()),
                ("bytes", value, Some(input)) => case = Some(Case::raw(input, &bytes(value))),
                ("gives", value, input) => {
                    case = input;
                    let (kind, payload) = value.split_once(' ').unwrap();
                    seen.push(match kind {
                        "text" => text(payload),
                        "binary" => binary(&bytes(payload)),
                        "ping" => ping(payload.as_bytes()),
                        "pong" => Seen::Pong(payload.into()),
                        _ => panic!("{name}: what is {kind}?"),
                    });
                }
                ("sends", value, input) => {
                    case = input;
                    let (first, payload) = value.split_once(' ').unwrap();
                    sent.push((u8::from_str_radix(first, 16).unwrap(), payload.into()));
                }
                _ => panic!("{name}: {key} stands where it may not"),
            }
        }
        let Some(case) = case else { continue };
        println!("{name}");
        assert_eq!(gives(&case, &seen), sent, "{name}");
        count += 1;
    }
    count
}

/// Hex digits, and `5a*256` for a byte 256 times.
fn bytes(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in value.split(' ') {
        let (byte, times) = token.split_once('*').unwrap_or((token, "1"));
        bytes.extend(vec![
            u8::from_str_radix(byte, 16).unwrap();
            times.parse().unwrap()
        ]);
    }
    bytes
}

#[test]
fn s5_7_examples() {
    assert_eq!(run(include_str!("../vectors/s5_7.txt")), 7);
}

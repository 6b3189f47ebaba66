//! Inputs to begin with, made from the vectors of the tests: the same ones in every run.

use std::collections::BTreeSet;

use crate::wire::frame;

const EXAMPLES: &str = include_str!("../../tests/vectors/s5_7.txt");
const STREAMS: &str = include_str!("../../tests/vectors/rfc7692.txt");
const REQUEST: &str = include_str!("../../tests/vectors/s1_3_request.txt");
const RESPONSE: &str = include_str!("../../tests/vectors/s1_3_response.txt");

/// What is longer is left out: a fuzzer gets farther with short inputs.
const MAX_LEN: usize = 1500;

/// The seeds of a target; none for a name that is not one.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "frame_header" => frame_header(),
        "receive_server" => receiving(true, &[]),
        "receive_client" => receiving(false, &[]),
        "split_invariance" => [receiving(true, &[0]), receiving(false, &[1])].concat(),
        "operations" => operations(),
        "request_head" => heads(REQUEST, &REQUEST_LINES),
        "response_head" => heads(RESPONSE, &RESPONSE_LINES),
        "extension_field" => extension_field(),
        "inflate" => inflate(),
        "utf8" => utf8(),
        "differential" => differential(),
        _ => Vec::new(),
    };
    seeds.retain(|seed| seed.len() <= MAX_LEN);
    seeds
}

/// Frames for a server or a client: those of section 5.7, and one or more for each rule.
fn inputs(to_server: bool) -> Vec<Vec<u8>> {
    let role = if to_server { "server" } else { "client" };
    let mut inputs = Vec::new();
    for vector in EXAMPLES.split("\n\n") {
        let value = |key: &str| vector.lines().find_map(|line| line.strip_prefix(key));
        if value("to: ") == Some(role) {
            inputs.extend(value("bytes: ").map(hex));
        }
    }
    // A key of zeros shows the fuzzer what it changes.
    let keys: &[_] = if to_server {
        &[Some([0x37, 0xfa, 0x21, 0x3d]), Some([0; 4])]
    } else {
        &[None]
    };
    for &key in keys {
        let one = |first, payload: &[u8]| frame(first, payload, key);
        let euros = "\u{20ac}".repeat(9);
        inputs.extend([
            one(0x81, euros.as_bytes()),
            [
                one(0x01, &euros.as_bytes()[..4]),
                one(0x89, b"between"),
                one(0x00, &euros.as_bytes()[4..8]),
                one(0x80, &euros.as_bytes()[8..]),
            ]
            .concat(),
            [one(0x01, b"\xf0\x9f"), one(0x80, b"")].concat(),
            one(0x81, b"\xed\xa0\x80"),
            one(0x81, b"valid and then \xc0\xaf not"),
            one(0x82, &[7; 200]),
            [one(0x02, b""), one(0x00, b""), one(0x80, b"end")].concat(),
            one(0x89, &[b'p'; 125]),
            one(0x89, &[b'p'; 126]),
            one(0x8a, b"unasked"),
            [one(0x88, &[0x03, 0xe8]), one(0x81, b"after")].concat(),
            one(0x88, b"\x03\xe9going away"),
            one(0x88, b""),
            one(0x88, b"\x03"),
            one(0x88, b"\x03\xed"),
            one(0x88, b"\x03\xf6"),
            one(0x88, b"\x03\xf8"),
            one(0x88, b"\x03\xe8\xff"),
            [one(0x01, b"open"), one(0x88, b"\x0f\xa0")].concat(),
            one(0x80, b"of nothing"),
            [one(0x01, b"a"), one(0x81, b"b")].concat(),
            one(0x09, b"in parts"),
            one(0x83, b"reserved"),
            one(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
            [one(0x41, b"\xf2\x48\xcd"), one(0x80, b"\xc9\xc9\x07\x00")].concat(),
            [
                one(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
                one(0xc1, b"\xf2\x00\x11\x00\x00"),
            ]
            .concat(),
            one(0xc2, b"\x00\x05\x00\xfa\xffHello\x00"),
            one(0xa1, b""),
            frame(
                0x81,
                b"masked wrongly",
                if to_server { None } else { Some([1, 2, 3, 4]) },
            ),
        ]);
        let mask_bit = if key.is_some() { 0x80 } else { 0 };
        for len in [
            &[126, 0, 125][..],
            &[127, 0, 0, 0, 0, 0, 0, 1, 0],
            &[127, 0x80, 0, 0, 0, 0, 0, 0, 0],
            &[126, 0x4e, 0x20],
        ] {
            let header = [0x82, mask_bit | len[0]]
                .into_iter()
                .chain(len[1..].iter().copied());
            inputs.push(
                header
                    .chain(key.into_iter().flatten())
                    .chain(*b"starts")
                    .collect(),
            );
        }
    }
    inputs
}

fn hex(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in value.split(' ') {
        let (byte, times) = token.split_once('*').unwrap_or((token, "1"));
        let byte = u8::from_str_radix(byte, 16).expect("hex");
        bytes.extend(vec![byte; times.parse().expect("a number")]);
    }
    bytes
}

fn with(front: &[u8], rest: &[u8]) -> Vec<u8> {
    [front, rest].concat()
}

fn frame_header() -> Vec<Vec<u8>> {
    let mut seeds = [inputs(true), inputs(false)].concat();
    seeds.extend([
        b"\x03\xe8".to_vec(),
        b"\x0f\xa0a reason".to_vec(),
        b"\x03\xe8\xe2\x82".to_vec(),
    ]);
    seeds
}

fn receiving(to_server: bool, front: &[u8]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (at, input) in inputs(to_server).iter().enumerate() {
        // Limits by turns, compression where the input has it, byte by byte every other time.
        let agreed = u8::from(input[0] & 0x40 != 0);
        let limit = (at % 23 == 0) as u8;
        let cuts: &[u8] = if at % 2 == 0 { &[0] } else { &[1, 1] };
        let other: &[u8] = if front.is_empty() { &[] } else { &[2, 3, 5] };
        seeds.push([front, &[limit, 0, limit, 0, agreed, 4], cuts, other, input].concat());
    }
    seeds
}

fn differential() -> Vec<Vec<u8>> {
    let servers = inputs(true).into_iter().map(|input| with(&[0, 0], &input));
    let clients = inputs(false)
        .into_iter()
        .map(|input| with(&[1, 1, 1], &input));
    servers.chain(clients).collect()
}

fn operations() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        // A message each way, delivered whole; a Ping; a Close.
        b"\0\0\0\x04\x00\x10\x09\x04\x01\x10\x0a\x00\x00\xff\xff\x00\x01\xff\xff\x0b\x00\x05\x00\x01\xff\xff".to_vec(),
        b"\0\x01\x03\x04\x00\x10\x40\x00\x01\x00\x05\x11\x00\x02\x00\x00\x03\x00\x01\xff\xff\x0d\x00\x0f\xa0".to_vec(),
        b"\x02\x03\x01\x06\x00\x00\x00\x12\x05\x08\x01\x01\x12\x40\x0a\x01\x00\x10\x00\x00\xff\xff".to_vec(),
        // Compressed: messages that resemble each other, with a broadcast between them, and one that
        // found no room.
        b"\x0c\xef\0\x04\x00\x0a\x03\x00\x0f\x0a\x04\x00\x0a\x00\x01\xff\xff\x04\x00\x0a".to_vec(),
        b"\x0c\xef\x03\x04\x00\x0a\x0e\x00\x01\x04\x00\x0a\x0e\x00\x00\x04\x00\x0a\x04\x01\x0a\x10\x01\x00\x04\x01\x0a".to_vec(),
    ];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for len in [40, 80, 160, 320, 320, 640, 640, 900] {
        let bytes = (0..len).map(|_| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as u8
        });
        seeds.push(bytes.collect());
    }
    seeds
}

const REQUEST_LINES: [&str; 23] = [
    "Origin: http://server.example.com",
    "Origin: null",
    "Sec-WebSocket-Protocol: chat,, superchat",
    "Sec-WebSocket-Protocol: chat, chat",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=\"10\", foo; bar=\"b\\az\"",
    "Sec-WebSocket-Version: 8",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ",
    "Content-Length: 0",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Connection: keep-alive, Upgrade",
    "Upgrade: h2c",
    "Host: two.example.com",
    "Cookie: a=b; c=\u{e9}",
    " folded: line",
    "no colon",
    "X: a\x0bb",
    "Origin: https://server.example.com:443",
    "Host: server.example.com:80",
    "Sec-WebSocket-Protocol:",
    "Host: a b",
    "X: a\r\n folded",
];

const RESPONSE_LINES: [&str; 16] = [
    "Sec-WebSocket-Protocol: chat",
    "Sec-WebSocket-Protocol: other",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=8",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
    "Sec-WebSocket-Extensions: x-unoffered",
    "Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=",
    "Upgrade: h2c",
    " folded: line",
    "Set-Cookie: a=b;\r\n\tPath=/",
    "Connection: keep-alive,\r\n Upgrade",
    "Upgrade:\r\n websocket\r\n ",
    "Sec-WebSocket-Protocol:",
    "Server : x",
    "Upgrade : websocket",
    "Date: \x01",
];

/// A head as it is, with a line more, with another first line, behind another head, cut off.
fn heads(head: &str, lines: &[&str]) -> Vec<Vec<u8>> {
    let head = head
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\r\n"));
    let head: String = head.collect();
    let (first, fields) = head.split_once("\r\n").expect("a head has lines");
    let mut heads = vec![
        format!("{head}\r\n\x02\x05frames"),
        format!("\r\n{head}\r\n"),
        head.clone(),
    ];
    heads.extend(lines.iter().map(|line| format!("{head}{line}\r\n\r\n")));
    // The line takes the place of the one of its name.
    heads.extend(lines.iter().map(|line| {
        let name = line.split(':').next().unwrap_or_default();
        let kept = fields
            .split_inclusive("\r\n")
            .filter(|field| !field.starts_with(name));
        format!("{first}\r\n{}{line}\r\n\r\n", kept.collect::<String>())
    }));
    heads.extend([
        format!("HTTP/1.1 100 Continue\r\n\r\n{head}\r\n"),
        format!("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n{head}"),
        format!("HTTP/1.0 101 Switching Protocols\r\n{fields}\r\n"),
        format!("GET http://example.com?a HTTP/1.1\r\n{fields}\r\n"),
        format!("GET /#a HTTP/1.1\r\n{fields}\r\n"),
        format!("POST / HTTP/1.1\r\n{fields}\r\n"),
        format!("GET / HTTP/2.0\r\n{fields}\r\n"),
        head.replace("\r\n", "\n"),
        format!("{head}\r\n").replace("\r\n", "\n"),
        format!("GET /chat HTTP/1.2\r\n{fields}\r\n"),
        format!("HTTP/1.2 101 Switching Protocols\r\n{fields}\r\n"),
        format!("GET /a|b^{{c}}?d\\e HTTP/1.1\r\n{fields}\r\n"),
        format!("GET /<a>\\b HTTP/1.1\r\n{fields}\r\n"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nSet-Cookie: a=b;\r\n\tPath=/\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".to_owned(),
    ]);
    // With all switches, and some by turns.
    let all_on = heads.iter().collect::<BTreeSet<_>>();
    let mut seeds: Vec<_> = all_on
        .into_iter()
        .map(|head| [&[0, 0, 0, 0xff, 0], head.as_bytes()].concat())
        .collect();
    for (at, head) in heads.iter().enumerate() {
        let answer = (at * 7) as u8;
        let cuts: &[u8] = if at % 2 == 0 { &[0] } else { &[2, 1, 9] };
        seeds.push([&[0, 0, 0, answer], cuts, head.as_bytes()].concat());
    }
    seeds.push([&[2, 2, 2, 0, 0], heads[0].as_bytes()].concat());
    seeds
}

fn extension_field() -> Vec<Vec<u8>> {
    let values = [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=10; server_max_window_bits=12",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits=8, permessage-deflate",
        "permessage-deflate; server_max_window_bits=\"1\\0\"",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits=11",
        "x-a; b=2, x-b",
        "x-b, permessage-deflate",
        "permessage-deflate; client_max_window_bits=9, x-c",
        "x-a, permessage-deflate",
        "x-c, x-b",
        "foo, bar; baz=2",
        "foo; bar; baz=\"quo\\ted\"\nsecond ;a = b",
        ", ,\tfoo ; bar,",
        "foo; bar=\"open",
        "foo; bar=\"\"",
        "foo;",
        "",
        "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
    ];
    let wants = [
        [0x00, 0x3f, 0x00, 0x3f],
        [0x03, 0x12, 0x01, 0x3f],
        [0x38, 0x3f, 0x1c, 0x12],
        [0x58, 0x3f, 0x18, 0x3f],
    ];
    let seeds = values.iter().enumerate().flat_map(|(at, value)| {
        [at % 2, 2 + at % 2].map(|want| with(&wants[want], value.as_bytes()))
    });
    seeds.collect()
}

fn inflate() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for stream in STREAMS.split("stream ").skip(1) {
        let mut lines = stream.lines();
        let mut name = lines.next().unwrap_or_default().split(' ');
        let bits: u8 = name
            .next()
            .and_then(|bits| bits.parse().ok())
            .expect("bits of a window");
        let takeover = name.next() == Some("takeover");
        let mut seed = vec![(bits - 8) << 1 | u8::from(!takeover), 40, 1, 50];
        for message in lines {
            let frames = message.rsplit(' ').next().unwrap_or_default();
            let frames: Vec<Vec<u8>> = frames.split('|').map(digits).collect();
            let payload = frames.concat();
            if seed.len() + payload.len() > 700 {
                break;
            }
            seed.extend([
                (frames.len() - 1).min(3) as u8,
                frames[0].len().min(255) as u8,
            ]);
            seed.extend((payload.len() as u16).to_be_bytes());
            seed.extend(payload);
        }
        seeds.push(seed);
    }
    // The examples of RFC 7692, section 7.2.3: a block without compression, a final block, two.
    let examples: [&[u8]; 5] = [
        b"\xf2\x48\xcd\xc9\xc9\x07\x00",
        b"\x00\x05\x00\xfa\xffHello\x00",
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        b"\xf2\x00\x11\x00\x00",
    ];
    for example in examples {
        let message = [&[0, 0, 0, example.len() as u8], example].concat();
        seeds.push([&[14, 40, 0], &message[..], &message].concat());
    }
    seeds
}

fn digits(digits: &str) -> Vec<u8> {
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| core::str::from_utf8(pair).unwrap_or_default());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
        .collect()
}

fn utf8() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 14] = [
        b"Hello",
        "\u{ba}\u{3c3}\u{3bc}\u{3b5} \u{20ac} \u{1f600}\u{10ffff}".as_bytes(),
        b"\xf4\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xed\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xe0\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xc0\xaf",
        b"\x80",
        b"\xff",
        b"\xe2\x82",
        b"cut \xf0\x9f\x98",
        &[b'a'; 70],
    ];
    let mut seeds = Vec::new();
    for text in texts {
        for cuts in [&[0][..], &[1, 1], &[3, 2, 0, 5]] {
            seeds.push(with(cuts, text));
        }
        // Long enough for vectors.
        seeds.push([&[1, 67], &[b'x'; 130][..], text, &[b'y'; 70]].concat());
    }
    seeds
}

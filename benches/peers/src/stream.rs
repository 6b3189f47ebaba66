//! The bytes that the peers are given, and what is expected of those they send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::peer::{Payloads, Random, Side};
use crate::wire::Stream;

/// About the length of a stream that is repeated. What a network card has just written is in the
/// cache: a short stream, over and over.
const STREAM_LEN: usize = 256 << 10;

/// After so many bytes a binary payload begins again: a stream need not have it twice.
const PERIOD: usize = 64 << 10;

/// What is in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Binary,
    Ascii,
    /// Text with characters of one to four bytes.
    Mixed,
    /// Text as programs send it, a different one in each message.
    Json,
}

impl Content {
    fn opcode(self) -> u8 {
        match self {
            Self::Binary => 2,
            Self::Ascii | Self::Mixed | Self::Json => 1,
        }
    }

    pub(crate) fn payloads(self, len: usize) -> Payloads {
        match self {
            Self::Binary => [(0..len).map(|at| (at ^ (at >> 8)) as u8).collect()].into(),
            Self::Ascii => [text(
                len,
                &["The quick brown fox jumps over the lazy dog. "],
            )]
            .into(),
            Self::Mixed => [text(
                len,
                &[
                    "naïve café, ",
                    "Ελληνικά ",
                    "日本語の文 ",
                    "plain words ",
                    "🦊🌍 ",
                ],
            )]
            .into(),
            Self::Json => {
                let mut random = Random::new();
                (0..16).map(|_| json(len, &mut random)).collect()
            }
        }
    }
}

/// Text of exactly `len` bytes.
fn text(len: usize, words: &[&str]) -> Bytes {
    let mut text = String::with_capacity(len);
    for word in words.iter().cycle() {
        for char in word.chars() {
            if text.len() + char.len_utf8() > len {
                text.extend(std::iter::repeat_n('.', len - text.len()));
                return text.into();
            }
            text.push(char);
        }
    }
    text.into()
}

fn json(len: usize, random: &mut Random) -> Bytes {
    const NAMES: [&str; 8] = [
        "Ada", "Grace", "Edsger", "Barbara", "Donald", "Alan", "Radia", "Leslie",
    ];
    const STATES: [&str; 4] = ["open", "filled", "cancelled", "expired"];
    let mut json = String::with_capacity(len + 200);
    json.push('[');
    while json.len() < len {
        let r = random.next();
        json.push_str(&format!(
            "{{\"id\":{},\"user\":\"{}\",\"price\":{}.{:02},\"state\":\"{}\",\"at\":{}}},",
            r % 1_000_000,
            NAMES[(r >> 20) as usize % NAMES.len()],
            (r >> 24) % 10_000,
            (r >> 40) % 100,
            STATES[(r >> 48) as usize % STATES.len()],
            1_700_000_000 + (r >> 34) % 100_000_000,
        ));
    }
    json.truncate(len);
    json.into()
}

/// A stream of whole messages for `side` to receive, in frames of at most `fragment` bytes.
pub(crate) fn stream(content: Content, payloads: &Payloads, side: Side, fragment: usize) -> Stream {
    let len = payloads[0].len();
    if content == Content::Binary
        && len > STREAM_LEN
        && len.is_multiple_of(STREAM_LEN)
        && fragment >= len
    {
        return long_stream(&payloads[0], side);
    }
    let mut stream = Vec::new();
    let mut random = Random::new();
    let laps = STREAM_LEN / (payloads.len() * (payloads[0].len() + 8)) + 1;
    for payload in (0..laps).flat_map(|_| payloads.iter()) {
        let mut opcode = content.opcode();
        let mut rest = &payload[..];
        loop {
            let (frame, after) = rest.split_at(rest.len().min(fragment));
            let fin = if after.is_empty() { 0x80 } else { 0 };
            put_frame(&mut stream, fin | opcode, frame, side, &mut random);
            if after.is_empty() {
                break;
            }
            (opcode, rest) = (0, after);
        }
    }
    stream.into()
}

/// A binary message in one frame, of which the stream has one part for all.
fn long_stream(payload: &[u8], side: Side) -> Stream {
    const { assert!(STREAM_LEN.is_multiple_of(PERIOD)) };
    let mut frame = Vec::new();
    put_frame(&mut frame, 0x82, payload, side, &mut Random::new());
    let head = frame.len() - payload.len();
    frame.truncate(head + STREAM_LEN);
    Stream {
        bytes: frame.into(),
        repeated_from: head,
        times: payload.len() / STREAM_LEN,
    }
}

/// The same under permessage-deflate, one frame a message, with context takeover.
pub(crate) fn deflated_stream(payloads: &Payloads, side: Side) -> Stream {
    let mut stream = Vec::new();
    let mut random = Random::new();
    let mut compress = Compress::new(Compression::new(6), false);
    for payload in payloads.iter() {
        let mut out = Vec::with_capacity(payload.len() + 1024);
        compress
            .compress_vec(payload, &mut out, FlushCompress::Sync)
            .expect("memory");
        let body = out
            .strip_suffix(&[0, 0, 0xff, 0xff])
            .expect("a flush ends so");
        put_frame(&mut stream, 0xc1, body, side, &mut random);
    }
    stream.into()
}

/// Appends a frame for `side` to receive, so masked if that is a server.
fn put_frame(stream: &mut Vec<u8>, first: u8, payload: &[u8], side: Side, random: &mut Random) {
    let masked = if side == Side::Server { 0x80 } else { 0 };
    stream.push(first);
    match payload.len() {
        len @ 0..=125 => stream.push(masked | len as u8),
        len @ 126..=0xffff => {
            stream.push(masked | 126);
            stream.extend((len as u16).to_be_bytes());
        }
        len => {
            stream.push(masked | 127);
            stream.extend((len as u64).to_be_bytes());
        }
    }
    if masked == 0 {
        stream.extend_from_slice(payload);
    } else {
        let key = random.key();
        stream.extend(key);
        stream.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    }
}

/// Checks that `sent` is `messages` messages of these payloads as `side` sends them. Gives how many
/// bytes of payload went out for each byte of message.
pub(crate) fn check_sent(
    mut sent: &[u8],
    payloads: &Payloads,
    messages: usize,
    side: Side,
) -> Result<f64, String> {
    let mut inflate = Decompress::new(false);
    let mut wire_bytes = 0;
    for message in 0..messages {
        let expected = &payloads[message % payloads.len()];
        let (mut got, mut deflated) = (Vec::new(), false);
        loop {
            let frame = take_frame(&mut sent).ok_or("fewer frames than messages")?;
            if frame.masked != (side == Side::Client) {
                return Err("masked for the wrong role".into());
            }
            deflated |= frame.first & 0x40 != 0;
            got.extend(frame.payload);
            if frame.first & 0x80 != 0 {
                break;
            }
        }
        wire_bytes += got.len();
        if deflated {
            got.extend([0, 0, 0xff, 0xff]);
            let mut text = Vec::with_capacity(expected.len() + 64);
            inflate
                .decompress_vec(&got, &mut text, FlushDecompress::Sync)
                .map_err(|error| format!("does not inflate: {error}"))?;
            got = text;
        }
        if got != *expected {
            return Err("other bytes than were to be sent".into());
        }
    }
    if !sent.is_empty() {
        return Err("more bytes than messages".into());
    }
    let message_bytes = payloads[0].len() * messages;
    Ok(wire_bytes as f64 / message_bytes.max(1) as f64)
}

struct Frame {
    first: u8,
    masked: bool,
    payload: Vec<u8>,
}

fn take_frame(bytes: &mut &[u8]) -> Option<Frame> {
    let [first, second] = *bytes.split_off(..2)?.as_array()?;
    let len = match second & 0x7f {
        126 => u64::from(u16::from_be_bytes(*bytes.split_off(..2)?.as_array()?)),
        127 => u64::from_be_bytes(*bytes.split_off(..8)?.as_array()?),
        len => u64::from(len),
    };
    let masked = second & 0x80 != 0;
    let key = if masked {
        *bytes.split_off(..4)?.as_array()?
    } else {
        [0; 4]
    };
    let payload = bytes.split_off(..usize::try_from(len).ok()?)?;
    Some(Frame {
        first,
        masked,
        payload: payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(b, k)| b ^ k)
            .collect(),
    })
}

/// A request as Chrome sends it.
pub(crate) const CHROME: &str = "GET /chat HTTP/1.1\r\n\
    Host: example.com\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: https://example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// A request as plain clients send it.
pub(crate) const PLAIN: &str = "GET /chat HTTP/1.1\r\n\
    Host: example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// What answers `CHROME`.
pub(crate) const CHROME_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The value of `Sec-WebSocket-Accept` for a key.
pub(crate) fn accept_of(key: &[u8]) -> String {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key);
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(sha1.digest().bytes())
}

/// Appends a server's answer to a client's request.
pub(crate) fn answer(request: &[u8], response: &mut Vec<u8>) {
    const NAME: &[u8] = b"sec-websocket-key: ";
    let line = request
        .split(|byte| *byte == b'\n')
        .find(|line| {
            line.get(..NAME.len())
                .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
        })
        .expect("a request has a key");
    response.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: ",
    );
    response.extend_from_slice(accept_of(line[NAME.len()..].trim_ascii_end()).as_bytes());
    response.extend_from_slice(b"\r\n\r\n");
}

//! The bytes that the rows are given, made without the crate, and where they lie.

use websocket_proto::frame::MaskingKey;
use websocket_proto::{Client, Config, Connection, Negotiated, Server};

/// The masking key of RFC 6455 section 5.7.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masking key that makes other text of text, as long as its characters are those of
/// [`Content::Mixed`].
const TEXT_KEY: [u8; 4] = [1; 4];

/// What is in a message.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    Binary,
    Ascii,
    /// Text with characters of one to four bytes.
    Mixed,
}

impl Content {
    /// Payload of exactly `len` bytes.
    pub(crate) fn payload(self, len: usize) -> Vec<u8> {
        let words: &[&str] = match self {
            Self::Binary => return (0..=u8::MAX).cycle().take(len).collect(),
            Self::Ascii => &["The quick brown fox jumps over the lazy dog. "],
            Self::Mixed => &[
                "naïve café, ",
                "Ελληνικά ",
                "日本語の文 ",
                "words ",
                "🦊🌍 ",
            ],
        };
        let mut text = String::with_capacity(len);
        for char in words.iter().cycle().flat_map(|word| word.chars()) {
            if text.len() + char.len_utf8() > len {
                break;
            }
            text.push(char);
        }
        let mut payload = text.into_bytes();
        payload.resize(len, b'.');
        payload
    }

    /// The first byte of a frame that is a whole message.
    pub(crate) const fn first_byte(self) -> u8 {
        match self {
            Self::Binary => 0x82,
            Self::Ascii | Self::Mixed => 0x81,
        }
    }

    /// A key that makes other payload of the same kind of it.
    pub(crate) const fn key(self) -> [u8; 4] {
        match self {
            Self::Binary => KEY,
            Self::Ascii | Self::Mixed => TEXT_KEY,
        }
    }
}

/// A frame on the wire, after RFC 6455 section 5.2.
pub(crate) fn frame(first: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(mask_bit | u8::try_from(len).expect("at most 125")),
        len => match u16::try_from(len) {
            Ok(len) => {
                frame.push(mask_bit | 126);
                frame.extend(len.to_be_bytes());
            }
            Err(_) => {
                frame.push(mask_bit | 127);
                frame.extend(u64::try_from(len).expect("64 bits").to_be_bytes());
            }
        },
    }
    frame.extend(key.into_iter().flatten());
    frame.extend(masked(payload, key.unwrap_or_default()));
    frame
}

/// Section 5.3, byte by byte.
pub(crate) fn masked(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key)
        .collect()
}

/// JSON as a program sends it, the same each time, cut to exactly `len` bytes.
pub(crate) fn json(len: usize) -> String {
    const NAMES: [&str; 5] = ["Ada", "Grace", "Edsger", "Barbara", "Donald"];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut json = String::from("[");
    while json.len() < len {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let name = NAMES[usize::try_from(random % 5).expect("less than 5")];
        let (id, price) = (random >> 8 & 0xf_ffff, random >> 40 & 0xffff);
        json.push_str(&format!(
            "{{\"id\":{id},\"user\":\"{name}\",\"price\":{price},\"state\":\"open\"}},"
        ));
    }
    json.truncate(len);
    json
}

/// The length of a page of memory, or a divisor of it.
const PAGE: usize = 4 << 10;

/// Bytes at a place in a page that is always the same. An allocator would put them anywhere, and a
/// copy to a place as far into its page as where it comes from can take many times as long.
fn place(offset: usize, bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut room = Vec::<u8>::with_capacity(PAGE + bytes.len());
    let start = offset.wrapping_sub(room.as_ptr().addr()) % PAGE;
    room.resize(start, 0);
    room.extend(bytes);
    (room, start)
}

/// A copy of the bytes at the start of a page. Nothing frees it: each row makes one.
pub(crate) fn first(bytes: &[u8]) -> &'static mut [u8] {
    let (room, start) = place(0, bytes);
    &mut room.leak()[start..]
}

/// Room for `len` bytes in the middle of a page, as long-lived.
pub(crate) fn middle(len: usize) -> &'static mut [u8] {
    let (room, start) = place(PAGE / 2, &vec![0; len]);
    &mut room.leak()[start..]
}

/// Output with room for `len` bytes, the first of them in the middle of a page; and how many bytes
/// lie before that one.
pub(crate) fn output(len: usize) -> (Vec<u8>, usize) {
    let (mut room, start) = place(PAGE / 2, &vec![0; len]);
    room.truncate(start);
    (room, start)
}

pub(crate) fn server(negotiated: Negotiated<'static>) -> Connection<Server> {
    Connection::new(Server, negotiated, Config::default())
}

pub(crate) fn client(negotiated: Negotiated<'static>) -> Connection<Client<fn() -> MaskingKey>> {
    let keys: fn() -> MaskingKey = || MaskingKey::new(KEY);
    Connection::new(Client::new(keys), negotiated, Config::default())
}

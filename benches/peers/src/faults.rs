//! What a peer makes of frames and requests that no endpoint may accept: it says which peers do the
//! same checks.

use std::sync::atomic::Ordering;

use crate::peer::{Peer, Receipt, Side, Sink};
use crate::run::{NOT_ACCEPTED, guarded};
use crate::stream::CHROME;
use crate::wire::Wire;

/// A fault by the section of RFC 6455 that forbids it, and the bytes that a server gets. They are
/// masked by zeros.
type Fault = (&'static str, &'static [u8]);

/// Faults that a message alone can show; a peer that hands out control frames may leave those to its
/// caller.
pub(crate) const FAULTS: [Fault; 11] = [
    ("5.1 a frame without a mask", b"\x82\x03abc"),
    ("5.2 a reserved bit", b"\xa2\x83\0\0\0\0abc"),
    ("5.2 RSV1 without an extension", b"\xc2\x83\0\0\0\0abc"),
    ("5.2 a reserved opcode", b"\x83\x83\0\0\0\0abc"),
    (
        "5.2 16 bits for a length of 3",
        b"\x82\xfe\0\x03\0\0\0\0abc",
    ),
    (
        "5.2 64 bits for a length of 3",
        b"\x82\xff\0\0\0\0\0\0\0\x03\0\0\0\0abc",
    ),
    (
        "5.2 a length of 2^63",
        b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0abc",
    ),
    ("5.4 a continuation of nothing", b"\x80\x83\0\0\0\0abc"),
    (
        "5.4 a message inside another",
        b"\x02\x83\0\0\0\0abc\x82\x83\0\0\0\0abc",
    ),
    ("8.1 text that is not UTF-8", b"\x81\x83\0\0\0\0a\xffc"),
    (
        "8.1 the same, in a frame that a read has cut",
        b"\x81\xc6\0\0\0\0\xffbcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\
          abcdefghijklmnopqr",
    ),
];

/// A fault in a request by the section of RFC 6455, and what of [`CHROME`] is replaced by what.
type RequestFault = (&'static str, &'static str, &'static str);

/// Faults in the request of an opening handshake.
pub(crate) const REQUEST_FAULTS: [RequestFault; 12] = [
    ("4.2.1 a POST", "GET /", "POST /"),
    ("4.2.1 HTTP/1.0", "HTTP/1.1", "HTTP/1.0"),
    ("4.2.1 no Host", "Host:", "X-Host:"),
    (
        "4.2.1 two Hosts (RFC 9112, 3.2)",
        "Host:",
        "Host: a.example\r\nHost:",
    ),
    (
        "4.2.1 Upgrade: websocket/13",
        "Upgrade: websocket",
        "Upgrade: websocket/13",
    ),
    (
        "4.2.1 Connection: notupgrade",
        "Connection: Upgrade",
        "Connection: notupgrade",
    ),
    ("4.2.1 no Key", "Sec-WebSocket-Key:", "X-Key:"),
    (
        "4.2.1 a Key of 15 bytes",
        "dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25j",
    ),
    (
        "4.2.1 a Key that is not base64",
        "dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub2-jZQ==",
    ),
    (
        "11.3.1 two Keys",
        "Sec-WebSocket-Key:",
        "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Key:",
    ),
    ("4.2.1 version 8", "Version: 13", "Version: 8"),
    ("4.2.1 no version", "Sec-WebSocket-Version:", "X-Version:"),
];

/// Whether a peer refuses each of the [`REQUEST_FAULTS`], with an error or an answer that is not 101;
/// nothing if it has no server's handshake.
pub(crate) fn refuses_requests(peer: &dyn Peer) -> Option<[bool; REQUEST_FAULTS.len()]> {
    let _has_one = peer.server_handshake(CHROME.as_bytes())?;
    Some(REQUEST_FAULTS.map(|(_, from, to)| {
        let request = CHROME.replacen(from, to, 1);
        let result = guarded(|| {
            if let Some(mut shaking) = peer.server_handshake(request.as_bytes()) {
                shaking(1);
            }
        });
        // The bench finds the wrong answer to another key: that is none the less a 101.
        result.is_err_and(|reason| !reason.starts_with(&format!("{NOT_ACCEPTED}HTTP/1.1 101 ")))
    }))
}

/// Short enough for the last of them to be cut.
const READ: usize = 64;

/// Whether a peer refuses each of the [`FAULTS`]: with an error, and no message before it.
pub(crate) fn refuses(peer: &dyn Peer) -> [bool; FAULTS.len()] {
    FAULTS.map(|(_, bytes)| {
        let mut stream = bytes.to_vec();
        // A peer that has taken the fault finds right messages behind it.
        for _ in 0..4096 {
            stream.extend_from_slice(b"\x82\x83\0\0\0\0abc");
        }
        let (wire, ran_dry) = Wire::once(stream, READ);
        let receipt = Receipt {
            side: Side::Server,
            len: 3,
            fragmented: false,
        };
        let mut sink = Sink::any();
        let result = guarded(|| {
            if let Some(mut receiving) = peer.receive(&receipt, wire) {
                receiving(&mut sink);
            }
        });
        // Where it waits for so much it has not seen that it never comes.
        let waits = ran_dry.load(Ordering::Relaxed);
        result.is_err_and(|reason| !waits && !reason.contains("capacity overflow"))
            && sink.messages() == 0
    })
}

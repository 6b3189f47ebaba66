//! The opening handshake, both sides, with what permessage-deflate adds to it.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use divan::Bencher;
use divan::counter::BytesCount;
use websocket_proto::deflate::Policy;
use websocket_proto::handshake::client::{self, Outcome};
use websocket_proto::handshake::server::{self, Acceptance, OriginPolicy};

/// A request as Chrome sends it, with the key of RFC 6455 section 1.3.
const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\n\
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

/// The nonce, the key and the answer to it in RFC 6455 section 1.3.
const NONCE: [u8; 16] = *b"the sample nonce";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

/// Answers Chrome's request; says whether permessage-deflate is agreed on.
fn answer(out: &mut Vec<u8>) -> bool {
    let mut handshake = server::Handshake::default();
    let request = handshake.receive(black_box(REQUEST));
    let request = request.expect("valid").expect("whole");
    let upgrade = request.upgrade(OriginPolicy::SameHost).expect("right");
    let acceptance = Acceptance::default().deflate(Policy::default());
    let negotiated = upgrade.accept(&acceptance, out).expect("room");
    negotiated.deflate.is_some()
}

#[divan::bench(name = "server: Chrome's request, the 101")]
fn server(bencher: Bencher<'_, '_>) {
    let mut out = Vec::new();
    assert!(answer(&mut out), "with permessage-deflate");
    let response = str::from_utf8(&out).expect("a head in ASCII");
    assert!(response.starts_with("HTTP/1.1 101 "), "{response}");
    let accept = format!("\r\nSec-WebSocket-Accept: {ACCEPT}\r\n");
    assert!(response.contains(&accept), "{response}");
    assert!(response.ends_with("\r\n\r\n"), "{response}");
    bencher
        .counter(BytesCount::new(REQUEST.len() + out.len()))
        .bench_local(|| {
            out.clear();
            let with_deflate = answer(&mut out);
            black_box(&out);
            with_deflate
        });
}

/// Writes a request and checks the answer; says whether permessage-deflate is agreed on.
fn ask(out: &mut Vec<u8>) -> Option<bool> {
    let mut handshake =
        client::Handshake::new(black_box(NONCE), "example.com", "/chat").deflate(Policy::default());
    handshake.write_request(out).expect("room");
    match handshake.receive(black_box(RESPONSE)).expect("valid") {
        Some(Outcome::Open(accepted)) => Some(accepted.negotiated.deflate.is_some()),
        _ => None,
    }
}

#[divan::bench(name = "client: a request, the 101 checked")]
fn client(bencher: Bencher<'_, '_>) {
    let mut out = Vec::new();
    assert_eq!(ask(&mut out), Some(true), "open with permessage-deflate");
    let request = str::from_utf8(&out).expect("a head in ASCII");
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
    let key = format!("\r\nSec-WebSocket-Key: {KEY}\r\n");
    assert!(request.contains(&key), "{request}");
    assert!(request.ends_with("\r\n\r\n"), "{request}");
    bencher
        .counter(BytesCount::new(RESPONSE.len() + out.len()))
        .bench_local(|| {
            out.clear();
            let open = ask(&mut out);
            black_box(&out);
            open
        });
}

#[divan::bench(name = "limit: Chrome's request copied")]
fn copied(bencher: Bencher<'_, '_>) {
    let mut to = vec![0; REQUEST.len()];
    to.copy_from_slice(REQUEST);
    assert!(to == REQUEST, "what is copied");
    bencher
        .counter(BytesCount::new(REQUEST.len()))
        .bench_local(|| black_box(&mut to[..]).copy_from_slice(black_box(REQUEST)));
}

#[divan::bench(name = "limit: Chrome's request, httparse")]
fn parsed(bencher: Bencher<'_, '_>) {
    fn fields() -> usize {
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut fields);
        let status = request.parse(black_box(REQUEST));
        assert_eq!(status, Ok(httparse::Status::Complete(REQUEST.len())));
        black_box(request).headers.len()
    }
    assert_eq!(fields(), 12, "the fields");
    bencher
        .counter(BytesCount::new(REQUEST.len()))
        .bench_local(fields);
}

#[divan::bench(name = "limit: the 101, httparse")]
fn response_parsed(bencher: Bencher<'_, '_>) {
    fn fields() -> usize {
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut fields);
        let status = response.parse(black_box(RESPONSE));
        assert_eq!(status, Ok(httparse::Status::Complete(RESPONSE.len())));
        black_box(response).headers.len()
    }
    assert_eq!(fields(), 4, "the fields");
    bencher
        .counter(BytesCount::new(RESPONSE.len()))
        .bench_local(fields);
}

#[divan::bench(name = "limit: Sec-WebSocket-Accept, SHA-1 and base64")]
fn accept(bencher: Bencher<'_, '_>) {
    fn accept() -> [u8; 28] {
        let mut sha1 = sha1_smol::Sha1::new();
        sha1.update(black_box(KEY).as_bytes());
        sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let mut accept = [0; 28];
        let len = STANDARD.encode_slice(sha1.digest().bytes(), &mut accept);
        assert_eq!(len, Ok(28));
        accept
    }
    assert_eq!(accept(), *ACCEPT.as_bytes(), "what the RFC says");
    bencher
        .counter(BytesCount::new(KEY.len()))
        .bench_local(accept);
}

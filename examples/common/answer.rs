//! What the echo servers answer to a request: the page, a WebSocket, or why neither.

use std::io;

use websocket_proto::Negotiated;
use websocket_proto::frame::CloseCode;
use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request, Response};

const PAGE: &str = include_str!("../echo_server.html");
const SUBPROTOCOLS: [&str; 3] = ["chat", "superchat", "echo"];

/// What `/close?code=N&reason=R` asks for.
pub(crate) type AskedClose = Option<(CloseCode, String)>;

/// Answers a request. `None`: no WebSocket connection comes of it, write the answer and close.
pub(crate) fn answer(
    request: &Request<'_>,
    out: &mut Vec<u8>,
) -> io::Result<Option<(Negotiated<'static>, AskedClose)>> {
    if !request.is_upgrade() {
        let html = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Cache-Control", "no-store"),
        ];
        let text = [("Content-Type", "text/plain; charset=utf-8")];
        let response = match (request.method(), request.path()) {
            ("GET", "/") => Response::new(200).fields(&html).body(PAGE),
            ("GET", _) => Response::new(404).fields(&text).body("The page is at /\n"),
            _ => Response::new(405)
                .fields(&text)
                .body("Only GET is served here\n"),
        };
        response.write(out).map_err(io::Error::other)?;
        return Ok(None);
    }
    // Every caller gets the same here, so every page may call.
    let upgrade = match request.upgrade(OriginPolicy::Any) {
        Ok(upgrade) => upgrade,
        Err(error) => {
            error.response().write(out).map_err(io::Error::other)?;
            return Ok(None);
        }
    };
    let close = if request.path() == "/close" {
        Some(asked_close(request.query().unwrap_or_default()))
    } else {
        None
    };
    if let Some((code, _)) = &close
        && !code.is_sendable()
    {
        let body = "That status code may not be in a Close frame\n";
        Response::new(400)
            .body(body)
            .write(out)
            .map_err(io::Error::other)?;
        return Ok(None);
    }
    let mut acceptance = Acceptance::default().fields(&[("Server", "websocket-proto")]);
    let spoken = |offer| SUBPROTOCOLS.into_iter().find(|known| *known == offer);
    if let Some(subprotocol) = upgrade.subprotocols().find_map(spoken) {
        acceptance = acceptance.subprotocol(subprotocol);
    }
    let negotiated = upgrade.accept(&acceptance, out).map_err(io::Error::other)?;
    Ok(Some((negotiated, close)))
}

/// The code and reason in a query such as `code=4001&reason=see%20you`; 1000 without a code.
fn asked_close(query: &str) -> (CloseCode, String) {
    let mut code = CloseCode::NORMAL;
    let mut reason = String::new();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            // What is no number is no status code either.
            "code" => code = CloseCode::new(value.parse().unwrap_or(0)),
            "reason" => reason = percent_decoded(value),
            _ => {}
        }
    }
    (code, reason)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match (
            byte,
            digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()),
        ) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

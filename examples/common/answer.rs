//! What the echo servers answer to a request: the page, a WebSocket, or why neither.

use websocket_proto::deflate::{Policy, WindowBits};
use websocket_proto::frame::CloseCode;
use websocket_proto::handshake::server::{Acceptance, OriginPolicy, Request, Response, Upgrade};

const PAGE: &str = include_str!("../echo_server.html");
const HTML: [(&str, &str); 2] = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
];
const TEXT: [(&str, &str); 1] = [("Content-Type", "text/plain; charset=utf-8")];
const ONLY_GET: [(&str, &str); 2] = [TEXT[0], ("Allow", "GET, HEAD")];
const SERVER: [(&str, &str); 1] = [("Server", "websocket-proto")];
/// What these servers want of permessage-deflate: short messages are compressed, too, for there is
/// nothing else to see here.
pub(crate) const DEFLATE: Policy = Policy::new().threshold(0);
const SUBPROTOCOLS: [&str; 3] = ["chat", "superchat", "echo"];

/// Takes an argument if it is one about permessage-deflate, and its value from those behind it.
///
/// Whether it was one, or what is wrong with it. Windows and context takeover hold for both directions.
pub(crate) fn take_deflate_flag(
    deflate: &mut Option<Policy>,
    flag: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<bool, &'static str> {
    *deflate = match flag {
        "--no-deflate" => None,
        "--no-context-takeover" => deflate.map(|policy| {
            policy
                .send_context_takeover(false)
                .receive_context_takeover(false)
        }),
        "--deflate-window" => {
            let bits = rest
                .next()
                .and_then(|bits| WindowBits::new(bits.parse().ok()?))
                .filter(|bits| *bits > WindowBits::MIN)
                .ok_or("--deflate-window wants a number of bits from 9 to 15")?;
            deflate.map(|policy| policy.send_window_bits(bits).receive_window_bits(bits))
        }
        _ => return Ok(false),
    };
    Ok(true)
}

/// What `/close?code=N&reason=R` asks for.
pub(crate) type AskedClose = Option<(CloseCode, String)>;

/// The answer to a request; how it is sent is up to the server.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for a moment, and most are of the large kind"
)]
pub(crate) enum Answer<'b, F> {
    /// Accept it like this, and perhaps close at once.
    Accept(Upgrade<'b, F>, Acceptance<'static, 'static>, AskedClose),
    /// No WebSocket connection comes of it. To HEAD, the content is left out.
    Respond(Response<'static>),
}

/// Answers a request, wherever its fields come from. Offers of permessage-deflate are declined
/// without a policy.
pub(crate) fn answer<'b, F>(request: &Request<'b, F>, deflate: Option<Policy>) -> Answer<'b, F>
where
    F: Iterator<Item: Into<(&'b [u8], &'b [u8])>> + Clone,
{
    // This is no proxy: CONNECT either opens a WebSocket on HTTP/2, or is refused as one.
    if !request.is_upgrade() && request.method() != "CONNECT" {
        // `Handshake::receive` has checked the host, an HTTP library may not have.
        if let Err(error) = request.check() {
            return Answer::Respond(error.response());
        }
        return Answer::Respond(match (request.method(), request.path()) {
            ("GET" | "HEAD", "/") => Response::new(200).fields(&HTML).body(PAGE),
            ("GET" | "HEAD", _) => Response::new(404).fields(&TEXT).body("The page is at /\n"),
            _ => Response::new(405)
                .fields(&ONLY_GET)
                .body("Only GET and HEAD are served here\n"),
        });
    }
    // Every caller gets the same here, so every page may call.
    let upgrade = match request.upgrade(OriginPolicy::Any) {
        Ok(upgrade) => upgrade,
        Err(error) => return Answer::Respond(error.response()),
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
        return Answer::Respond(Response::new(400).fields(&TEXT).body(body));
    }
    let mut acceptance = Acceptance::default().fields(&SERVER);
    let spoken = |offer| SUBPROTOCOLS.into_iter().find(|known| *known == offer);
    if let Some(subprotocol) = upgrade.subprotocols().find_map(spoken) {
        acceptance = acceptance.subprotocol(subprotocol);
    }
    if let Some(policy) = deflate {
        acceptance = acceptance.deflate(policy);
    }
    Answer::Accept(upgrade, acceptance, close)
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

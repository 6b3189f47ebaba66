//! permessage-deflate in the opening handshake: what a client offers, what a server makes of it,
//! and whether the client can live with that.
//!
//! See [RFC 7692 section 7](https://www.rfc-editor.org/rfc/rfc7692#section-7).

use super::error::HandshakeError;
use super::extension::{Extension, ParamValue};
use crate::deflate::{Agreement, Direction, Policy, WindowBits};

/// What a client with this policy offers.
pub(super) fn offer(policy: &Policy) -> Parameters {
    Parameters {
        server_no_context_takeover: !policy.receive.context_takeover,
        client_no_context_takeover: !policy.send.context_takeover,
        server_max_window_bits: below_max(policy.receive.window_bits),
        // "By including this parameter in an offer, a client informs the peer server that the
        // client supports the "client_max_window_bits" extension parameter in an extension
        // negotiation response" (section 7.1.2.2)
        client_max_window_bits: policy
            .send_window_negotiable
            .then(|| below_max(policy.send.window_bits).map_or(ClientMax::Unsaid, ClientMax::Bits)),
    }
}

/// What a server with this policy answers to the client's offers, and what is agreed on by that.
pub(super) fn accept<'b>(
    offers: impl Iterator<Item = Extension<'b>>,
    policy: &Policy,
) -> Option<(Parameters, Agreement)> {
    // "A server MUST decline an extension negotiation offer for this extension if any of the
    // following conditions are met" (section 7): those of `read`, and the one in `answer`.
    offers
        .filter(|extension| extension.is_named(NAME))
        .find_map(|extension| answer(Parameters::read(extension)?, policy))
}

fn answer(offer: Parameters, policy: &Policy) -> Option<(Parameters, Agreement)> {
    let limit = offer.server_max_window_bits;
    let server_bits = policy
        .send
        .window_bits
        .min(limit.unwrap_or(WindowBits::MAX));
    // "The server doesn't support the offered configuration." (section 7): the compressor cannot
    // keep to so short a window.
    if server_bits == WindowBits::MIN {
        return None;
    }
    let client_bits = match offer.client_max_window_bits {
        // "If a received extension negotiation offer doesn't have the "client_max_window_bits"
        // extension parameter, the corresponding extension negotiation response to the offer MUST
        // NOT include the "client_max_window_bits" extension parameter." (section 7.1.2.2)
        None => WindowBits::MAX,
        Some(ClientMax::Unsaid) => policy.receive.window_bits,
        // "[...] or use this value to avoid allocating an unnecessarily big LZ77 sliding window by
        // including the "client_max_window_bits" extension parameter in the corresponding extension
        // negotiation response to the offer with a value equal to or smaller than the received
        // value." (section 7.1.2.2)
        Some(ClientMax::Bits(bits)) => policy.receive.window_bits.min(bits),
    };
    let response = Parameters {
        // "A server accepts an extension negotiation offer that includes the
        // "server_no_context_takeover" extension parameter by including the
        // "server_no_context_takeover" extension parameter in the corresponding extension
        // negotiation response" (section 7.1.1.1)
        server_no_context_takeover: offer.server_no_context_takeover
            || !policy.send.context_takeover,
        // "[...] or use the parameter to avoid taking over the LZ77 sliding window unnecessarily by
        // including the "client_no_context_takeover" extension parameter in the corresponding
        // extension negotiation response to the offer." (section 7.1.1.2)
        client_no_context_takeover: offer.client_no_context_takeover
            || !policy.receive.context_takeover,
        // "A server accepts an extension negotiation offer with this parameter by including the
        // "server_max_window_bits" extension parameter in the extension negotiation response to
        // send back to the client with the same or smaller value as the offer." (section 7.1.2.1)
        server_max_window_bits: Some(server_bits)
            .filter(|bits| limit.is_some() || *bits < WindowBits::MAX),
        client_max_window_bits: below_max(client_bits).map(ClientMax::Bits),
    };
    let agreement = Agreement {
        send: Direction {
            window_bits: server_bits,
            context_takeover: !response.server_no_context_takeover,
        },
        receive: Direction {
            window_bits: client_bits,
            context_takeover: !response.client_no_context_takeover,
        },
        local: policy.local,
    };
    Some((response, agreement))
}

/// What is agreed on by a response to the offers of a client with these policies.
///
/// The response does not say which offer it answers. All that limits the client stands in the
/// response itself, and a server that relies on a hint of an offer has to repeat it there. So a
/// response is as good an answer to the first offer whose rules it keeps as to any later one.
///
/// If it keeps those of none, the error is that for the preferred offer.
pub(super) fn judge<'p>(
    extension: Extension<'_>,
    policies: impl Iterator<Item = &'p Policy>,
) -> Result<Agreement, HandshakeError> {
    // "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension
    // negotiation offer for this extension with an extension negotiation response meeting any of
    // the following conditions" (section 7): they are those of `read`, and those of `judge_by`.
    let response = Parameters::read(extension).ok_or(HandshakeError::InvalidDeflateResponse)?;
    let mut error = None;
    for policy in policies {
        match judge_by(policy, response) {
            Ok(agreement) => return Ok(agreement),
            Err(other) => error = error.or(Some(other)),
        }
    }
    Err(error.unwrap_or(HandshakeError::UnofferedExtension))
}

/// What is agreed on if the response answers the offer of a client with this policy.
fn judge_by(policy: &Policy, response: Parameters) -> Result<Agreement, HandshakeError> {
    let offer = offer(policy);
    let client_bits = match (
        offer.client_max_window_bits,
        response.client_max_window_bits,
    ) {
        (_, None) => WindowBits::MAX,
        // "The negotiation response contains an extension parameter with an invalid value."
        // (section 7): an offer alone may leave it out. "If a received extension negotiation offer
        // doesn't have the "client_max_window_bits" extension parameter, the corresponding extension
        // negotiation response to the offer MUST NOT include the "client_max_window_bits" extension
        // parameter." (section 7.1.2.2)
        (_, Some(ClientMax::Unsaid)) | (None, Some(_)) => {
            return Err(HandshakeError::InvalidDeflateResponse);
        }
        // "[...] in the corresponding extension negotiation response to the offer with a value equal
        // to or smaller than the received value." (section 7.1.2.2)
        (Some(ClientMax::Bits(limit)), Some(ClientMax::Bits(bits))) if bits > limit => {
            return Err(HandshakeError::InvalidDeflateResponse);
        }
        (Some(_), Some(ClientMax::Bits(bits))) => bits,
    };
    // "A server accepts an extension negotiation offer that includes the
    // "server_no_context_takeover" extension parameter by including the
    // "server_no_context_takeover" extension parameter in the corresponding extension negotiation
    // response" (section 7.1.1.1)
    if offer.server_no_context_takeover && !response.server_no_context_takeover {
        return Err(HandshakeError::UnmetDeflateOffer);
    }
    // "A server accepts an extension negotiation offer with this parameter by including the
    // "server_max_window_bits" extension parameter in the extension negotiation response to send
    // back to the client with the same or smaller value as the offer." (section 7.1.2.1)
    let server_bits = response.server_max_window_bits;
    if let Some(limit) = offer.server_max_window_bits
        && server_bits.is_none_or(|bits| bits > limit)
    {
        return Err(HandshakeError::UnmetDeflateOffer);
    }
    Ok(Agreement {
        send: Direction {
            // "[...] the client is not going to use an LZ77 sliding window size greater than the
            // size specified by the value in the extension negotiation offer" (section 7.1.2.2)
            window_bits: policy.send.window_bits.min(client_bits),
            // "[...] even if the server doesn't include the "client_no_context_takeover" extension
            // parameter in the corresponding extension negotiation response to the offer, the
            // client is not going to use context takeover." (section 7.1.1.2)
            context_takeover: policy.send.context_takeover && !response.client_no_context_takeover,
        },
        receive: Direction {
            window_bits: server_bits.unwrap_or(WindowBits::MAX),
            context_takeover: !response.server_no_context_takeover,
        },
        local: policy.local,
    })
}

/// The parameters of an offer or of a response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    client_max_window_bits: Option<ClientMax>,
}

/// What `client_max_window_bits` says.
#[derive(Clone, Copy, Debug)]
enum ClientMax {
    /// It has no value, which it needs in a response only.
    Unsaid,
    Bits(WindowBits),
}

impl Parameters {
    /// Reads what an offer or a response holds; nothing if that is none of this extension.
    fn read(extension: Extension<'_>) -> Option<Self> {
        let mut read = Self::default();
        for (name, value) in extension.params() {
            match name {
                SERVER_NO_CONTEXT_TAKEOVER => set(&mut read.server_no_context_takeover, value)?,
                CLIENT_NO_CONTEXT_TAKEOVER => set(&mut read.client_no_context_takeover, value)?,
                SERVER_MAX_WINDOW_BITS => {
                    put(&mut read.server_max_window_bits, window_bits(value?)?)?;
                }
                CLIENT_MAX_WINDOW_BITS => {
                    // "This parameter has no value or a decimal integer value" (section 7.1.2.2)
                    let max = match value {
                        None => ClientMax::Unsaid,
                        Some(value) => ClientMax::Bits(window_bits(value)?),
                    };
                    put(&mut read.client_max_window_bits, max)?;
                }
                // "The negotiation offer contains an extension parameter not defined for use in an
                // offer." (section 7; it says the same of a response)
                _ => return None,
            }
        }
        Some(read)
    }

    /// What follows the name of the extension, in pieces.
    pub(super) fn parts<'s>(self) -> impl Iterator<Item = &'s str> + Clone {
        let server_bits = self.server_max_window_bits;
        let client_bits = match self.client_max_window_bits {
            Some(ClientMax::Bits(bits)) => Some(bits),
            Some(ClientMax::Unsaid) | None => None,
        };
        let has_client_bits = self.client_max_window_bits.is_some();
        let flag = |is_present, name| (is_present, name, None);
        let parameters = [
            flag(self.server_no_context_takeover, SERVER_NO_CONTEXT_TAKEOVER),
            flag(self.client_no_context_takeover, CLIENT_NO_CONTEXT_TAKEOVER),
            (server_bits.is_some(), SERVER_MAX_WINDOW_BITS, server_bits),
            (has_client_bits, CLIENT_MAX_WINDOW_BITS, client_bits),
        ];
        let present = parameters
            .into_iter()
            .filter(|(is_present, ..)| *is_present);
        present.flat_map(|(_, name, bits)| {
            let value = bits.into_iter().flat_map(|bits| ["=", decimal(bits)]);
            ["; ", name].into_iter().chain(value)
        })
    }
}

/// Notes a parameter that has no value.
fn set(flag: &mut bool, value: Option<ParamValue<'_>>) -> Option<()> {
    // "This extension parameter has no value." (sections 7.1.1.1 and 7.1.1.2)
    if value.is_some() {
        return None;
    }
    // "The negotiation offer contains multiple extension parameters with the same name." (section
    // 7; it says the same of a response)
    if *flag {
        return None;
    }
    *flag = true;
    Some(())
}

/// Notes a parameter that has a value, or may have one.
fn put<T>(place: &mut Option<T>, value: T) -> Option<()> {
    // "The negotiation offer contains multiple extension parameters with the same name." (section
    // 7; it says the same of a response)
    if place.is_some() {
        return None;
    }
    *place = Some(value);
    Some(())
}

/// Reads "a decimal integer value without leading zeroes between 8 to 15, inclusive" (section
/// 7.1.2.1).
fn window_bits(value: ParamValue<'_>) -> Option<WindowBits> {
    let mut all = (WindowBits::MIN.get()..=WindowBits::MAX.get()).filter_map(WindowBits::new);
    all.find(|bits| value == decimal(*bits))
}

fn decimal(bits: WindowBits) -> &'static str {
    match bits.get() {
        8 => "8",
        9 => "9",
        10 => "10",
        11 => "11",
        12 => "12",
        13 => "13",
        14 => "14",
        _ => "15",
    }
}

/// The bits, unless they are what is meant where nothing is said.
fn below_max(bits: WindowBits) -> Option<WindowBits> {
    Some(bits).filter(|bits| *bits < WindowBits::MAX)
}

/// The name of the extension.
pub(super) const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

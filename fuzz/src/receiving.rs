//! One endpoint and its input: what the targets that receive have in common.
//!
//! The input: limits (4 bytes), what was agreed on (2 bytes), how to cut (see `Bytes::cuts`), then
//! what the peer sends.

use websocket_proto::deflate::{Agreement, Policy, WindowBits};
use websocket_proto::frame::MaskingKey;
use websocket_proto::{
    Client, Config, Connection, Leniency, Negotiated, ProtocolError, Role, Server,
};

use crate::bytes::{Bytes, Cuts};
use crate::model::{self, Limits, Rules};
use crate::outcome::{By, Outcome, STORAGE, drive};
use crate::wire;

/// How an endpoint was set up.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) limits: Limits,
    pub(crate) deflate: Option<Agreement>,
    pub(crate) window: usize,
    /// The bits of extensions of the caller's own: RSV1 to RSV3 as a number, the highest first.
    pub(crate) own_bits: u8,
    /// Whether frames need no mask, and text no check.
    pub(crate) is_lenient: bool,
}

impl Setting {
    pub(crate) fn take(choices: &mut Bytes<'_>) -> Self {
        let limits = Limits {
            frame_len: choices.pick(&[STORAGE as u64, 125, 126, 1000, u64::MAX, 0]),
            // Not beyond what fixed storage holds, whose limit would be met first.
            message_len: choices.pick(&[STORAGE as u64, 125, 130, 1000, 0]),
            fragments: choices.pick(&[1 << 17, 3, 2, 1, 0]),
            control_frames: choices.pick(&[u32::MAX, 2, 1, 0]),
        };
        let (agreed, window) = (choices.byte(), choices.byte());
        let own_bits = match (agreed & 0x40 != 0, agreed & 1 != 0) {
            (false, _) => 0,
            (true, false) => 0b110,
            // RSV1 is that of permessage-deflate.
            (true, true) => 0b010,
        };
        Self {
            limits,
            deflate: (agreed & 1 != 0).then(|| Agreement::new(&policy(agreed))),
            window: 4 + usize::from(window) * 16,
            own_bits,
            is_lenient: agreed & 0x80 != 0,
        }
    }

    pub(crate) fn config(&self) -> Config {
        Config::default()
            .max_frame_len(self.limits.frame_len)
            .max_message_len(self.limits.message_len)
            .max_fragments(self.limits.fragments)
            .max_control_frames(self.limits.control_frames)
            .leniency(
                Leniency::default()
                    .unmasked_frames(self.is_lenient)
                    .unchecked_text(self.is_lenient),
            )
    }

    pub(crate) fn negotiated(&self) -> Negotiated<'static> {
        let mut negotiated = Negotiated::default();
        negotiated.deflate = self.deflate;
        negotiated.reserved_bits = model::rsv(self.own_bits);
        negotiated
    }

    fn chunks(&self) -> By {
        if self.deflate.is_some() {
            By::Inflated(self.window)
        } else {
            By::Chunks
        }
    }
}

fn policy(choice: u8) -> Policy {
    let bits = WindowBits::new(8 + (choice >> 1) % 8).expect("8 to 15");
    Policy::default()
        .receive_window_bits(bits)
        .receive_context_takeover(choice & 0x10 == 0)
        .max_ratio(if choice & 0x20 == 0 { u32::MAX } else { 3 })
}

/// Keys that differ from frame to frame, and are the same in every run.
pub(crate) fn keys() -> impl FnMut() -> MaskingKey + use<> {
    let mut key = 0x9e37_79b9_u32;
    move || {
        key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        MaskingKey::new(key.to_be_bytes())
    }
}

pub(crate) fn server(setting: &Setting) -> Connection<Server> {
    Connection::new(Server, setting.negotiated(), setting.config())
}

pub(crate) fn client(setting: &Setting) -> Connection<Client<impl FnMut() -> MaskingKey + use<>>> {
    Connection::new(Client::new(keys()), setting.negotiated(), setting.config())
}

/// Receives the input by chunks and by messages, and holds what comes of it against the model.
pub(crate) fn check<R: Role>(
    is_server: bool,
    connect: impl Fn(&Setting) -> Connection<R>,
    data: &[u8],
) {
    let mut choices = Bytes::new(data);
    let setting = Setting::take(&mut choices);
    let cuts = choices.cuts();
    let input = choices.rest();
    let chunks = drive(&mut connect(&setting), setting.chunks(), &cuts, input);
    is_sound(is_server, &setting, &chunks);
    let messages = drive(&mut connect(&setting), By::Growing, &cuts, input);
    assert_eq!(messages, chunks.clone().of_messages(), "by messages");

    let rules = Rules {
        is_server,
        limits: setting.limits,
        compressed: setting.deflate.is_some(),
        own_bits: setting.own_bits,
        is_lenient: setting.is_lenient,
    };
    let Some(model) = model::judge(rules, input) else {
        return;
    };
    let sent = wire::sent(&chunks.out, !is_server);
    assert_eq!(chunks.error, model.error);
    assert_eq!(chunks.seen, model.seen);
    assert_eq!(chunks.unfinished, model.unfinished);
    assert_eq!(sent, model.sent);
    assert_eq!(chunks.transport, model.transport(is_server));
    assert_eq!(chunks.state, model.state());
    assert_eq!(chunks.closure, model.closure());
}

/// Receives the input in two cuts by every call, and wants one outcome.
pub(crate) fn is_the_same_in_any_cut<R: Role>(
    is_server: bool,
    connect: impl Fn(&Setting) -> Connection<R>,
    setting: &Setting,
    [one, other]: [&Cuts; 2],
    input: &[u8],
) {
    let outcome = drive(&mut connect(setting), setting.chunks(), one, input);
    is_sound(is_server, setting, &outcome);
    let ways = if setting.deflate.is_some() {
        vec![
            By::Inflated(setting.window),
            By::Inflated(4),
            By::Inflated(STORAGE),
        ]
    } else {
        vec![By::Chunks, By::Inflated(64)]
    };
    for by in ways {
        assert_eq!(
            drive(&mut connect(setting), by, other, input),
            outcome,
            "{by:?} in {other:?}"
        );
    }
    let outcome = outcome.of_messages();
    for (by, cuts) in [
        (By::Growing, one),
        (By::Growing, other),
        (By::Fixed, other),
        (By::Borrowed, other),
        (By::Room, one),
        (By::Room, other),
    ] {
        assert_eq!(
            drive(&mut connect(setting), by, cuts, input),
            outcome,
            "{by:?} in {cuts:?}"
        );
    }
    let buffer_len = [3, 20, 131, STORAGE][setting.window / 16 % 4];
    for (cuts, holds_text) in [(one, false), (other, false), (other, true)] {
        let by = By::Inbox(buffer_len, holds_text);
        let from_inbox = drive(&mut connect(setting), by, cuts, input);
        if holds_text
            && from_inbox.error.is_none()
            && outcome.error == Some(ProtocolError::InvalidUtf8)
        {
            // The fault is in a frame that is not whole.
            assert_eq!(from_inbox.seen, outcome.seen, "{by:?} in {cuts:?}");
        } else {
            assert_eq!(from_inbox, outcome, "{by:?} in {cuts:?}");
        }
    }
}

/// What holds whatever comes.
fn is_sound(is_server: bool, setting: &Setting, outcome: &Outcome) {
    use crate::outcome::Seen;

    let sent = wire::sent(&outcome.out, !is_server);
    let pings: Vec<_> = outcome
        .seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Ping(payload) => Some(payload),
            _ => None,
        })
        .collect();
    let pongs: Vec<_> = sent
        .iter()
        .filter(|(first, _)| *first == 0x8a)
        .map(|(_, payload)| payload)
        .collect();
    assert_eq!(pings, pongs, "each Ping is answered");
    let close = sent.last().filter(|(first, _)| *first == 0x88);
    if let Some(error) = outcome.error {
        let code = error.close_code().get().to_be_bytes();
        assert_eq!(
            close.map(|(_, payload)| &payload[..]),
            Some(&code[..]),
            "the Close says why"
        );
    } else {
        let is_closed = matches!(outcome.seen.last(), Some(Seen::Close(..)));
        assert_eq!(
            close.is_some(),
            is_closed,
            "a Close is answered, nothing else is"
        );
    }
    for seen in outcome.seen.iter().chain(&outcome.unfinished) {
        let len = match seen {
            Seen::Text(text) => text.len(),
            Seen::Binary(bytes) | Seen::NotText(bytes) | Seen::Raw(_, bytes) => bytes.len(),
            Seen::Ping(payload) | Seen::Pong(payload) => {
                assert!(payload.len() <= 125);
                0
            }
            Seen::Close(code, reason) => {
                assert!(
                    reason.len() <= 123
                        && matches!(code, 1000..=1003 | 1005 | 1007..=1014 | 3000..=4999)
                );
                0
            }
        };
        assert!(
            len as u64 <= setting.limits.message_len,
            "no message is beyond the limit"
        );
    }
}

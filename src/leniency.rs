//! The rules that an embedder may relax, each by its name.

/// Rules of the RFCs that this end does not insist on. Everything is off by default.
///
/// Each switch exists because deployed peers break that one rule. A connection that does not need a
/// switch is safer without it. One value serves the opening handshake and the data phase: give it to
/// [`server::Handshake::leniency`](crate::handshake::server::Handshake::leniency) or
/// [`client::Handshake::leniency`](crate::handshake::client::Handshake::leniency), and to
/// [`Config::leniency`](crate::Config::leniency).
///
/// | switch | phase | role |
/// |---|---|---|
/// | [`unmasked_frames`](Self::unmasked_frames) | data | server |
/// | [`unchecked_text`](Self::unchecked_text) | data | both |
/// | [`empty_subprotocol`](Self::empty_subprotocol) | handshake | both |
/// | [`missing_accept`](Self::missing_accept) | handshake | client |
/// | [`loose_fields`](Self::loose_fields) | handshake | client |
/// | [`bare_line_feed`](Self::bare_line_feed) | handshake | client |
///
/// # Examples
///
/// ```
/// use websocket_proto::Leniency;
///
/// let strict = Leniency::default();
/// let old_devices = strict.unmasked_frames(true).empty_subprotocol(true);
/// assert_ne!(strict, old_devices);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, set by its own name"
)]
pub struct Leniency {
    pub(crate) unmasked_frames: bool,
    pub(crate) unchecked_text: bool,
    pub(crate) empty_subprotocol: bool,
    pub(crate) missing_accept: bool,
    pub(crate) loose_fields: bool,
    pub(crate) bare_line_feed: bool,
}

impl Leniency {
    /// Everything off; the same as [`Default`], for constants.
    pub const fn new() -> Self {
        Self {
            unmasked_frames: false,
            unchecked_text: false,
            empty_subprotocol: false,
            missing_accept: false,
            loose_fields: false,
            bare_line_feed: false,
        }
    }

    /// Whether a server accepts frames that are not masked, beside masked ones.
    ///
    /// For clients on trusted networks that save the work, and for old ones that never masked. A
    /// masked frame protects proxies between the two ends, so leave this off where there may be one.
    ///
    /// See [RFC 6455 section 5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.1).
    #[must_use]
    pub const fn unmasked_frames(mut self, accepted: bool) -> Self {
        self.unmasked_frames = accepted;
        self
    }

    /// Whether text messages are delivered without a check that they are UTF-8.
    ///
    /// For peers that send Latin-1 or binary data as text. Such messages come as bytes with their
    /// kind: [`Payload::Raw`](crate::Payload::Raw) and [`Incoming::Raw`](crate::Incoming::Raw).
    ///
    /// See [RFC 6455 section 8.1](https://www.rfc-editor.org/rfc/rfc6455#section-8.1).
    #[must_use]
    pub const fn unchecked_text(mut self, accepted: bool) -> Self {
        self.unchecked_text = accepted;
        self
    }

    /// Whether a `Sec-WebSocket-Protocol` field without a name counts as no such field.
    ///
    /// For clients of mobile frameworks that send the field whenever no list is given, and for
    /// servers of cluster APIs that answer with it. Behind an HTTP library a server sets it with
    /// [`Request::leniency`](crate::handshake::server::Request::leniency).
    ///
    /// See [RFC 6455 section 4.3](https://www.rfc-editor.org/rfc/rfc6455#section-4.3).
    #[must_use]
    pub const fn empty_subprotocol(mut self, accepted: bool) -> Self {
        self.empty_subprotocol = accepted;
        self
    }

    /// Whether a client accepts a 101 response without `Sec-WebSocket-Accept`. A wrong value still
    /// fails the handshake.
    ///
    /// For gateways that strip the `Sec-WebSocket` fields. Without the field nothing proves that the
    /// response answers this request.
    ///
    /// See [RFC 6455 section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1).
    #[must_use]
    pub const fn missing_accept(mut self, accepted: bool) -> Self {
        self.missing_accept = accepted;
        self
    }

    /// Whether a client accepts white space before a colon, and control characters in values, in
    /// response fields that the handshake does not use.
    ///
    /// For old servers whose `Server` or `Date` field is malformed. CR, LF and NUL are never
    /// accepted in a value. The fields that either side of the handshake reads stay strict, among
    /// them `Content-Length` and `Transfer-Encoding`.
    ///
    /// See [RFC 9112 section 5.1](https://www.rfc-editor.org/rfc/rfc9112#section-5.1).
    #[must_use]
    pub const fn loose_fields(mut self, accepted: bool) -> Self {
        self.loose_fields = accepted;
        self
    }

    /// Whether a client accepts lines that end in LF alone.
    ///
    /// For embedded servers. [RFC 9112 section
    /// 2.2](https://www.rfc-editor.org/rfc/rfc9112#section-2.2) lets a recipient do so; but what
    /// one hop takes for the end of a line and the next does not, smuggles fields.
    #[must_use]
    pub const fn bare_line_feed(mut self, accepted: bool) -> Self {
        self.bare_line_feed = accepted;
        self
    }
}

//! The two roles, told apart at compile time.

use core::fmt;

use crate::frame::MaskingKey;

/// Which end of the connection this is: [`Server`] or [`Client`].
///
/// See [RFC 6455 section 5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.1): a client masks
/// its frames, a server does not.
pub trait Role: sealed::Role {}

#[expect(unnameable_types, reason = "only this crate knows roles")]
pub(crate) mod sealed {
    use crate::frame::MaskingKey;

    /// What differs between the roles.
    pub trait Role {
        /// Whether the frames that this end receives are masked.
        const RECEIVES_MASKED: bool;

        /// The key for the next frame to send, if this end masks.
        fn masking_key(&mut self) -> Option<MaskingKey>;
    }
}

/// The role that answers the opening handshake; it sends unmasked frames and receives masked ones.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a role, without state")]
pub struct Server;

impl Role for Server {}

impl sealed::Role for Server {
    const RECEIVES_MASKED: bool = true;

    #[inline]
    fn masking_key(&mut self) -> Option<MaskingKey> {
        None
    }
}

/// The role that opens the connection; it masks every frame with a fresh key from `K` and receives
/// unmasked ones.
///
/// # Examples
///
/// ```
/// use websocket_proto::frame::MaskingKey;
/// use websocket_proto::{Client, Config, Connection, Negotiated};
/// # fn random_bytes() -> [u8; 4] { [1, 2, 3, 4] }
///
/// // `random_bytes` is the caller's own strong source, of the operating system say.
/// let role = Client::new(|| MaskingKey::new(random_bytes()));
/// let conn = Connection::new(role, Negotiated::default(), Config::default());
///
/// // To name the type in a struct, use a function pointer, or a type of your own as the source.
/// fn key() -> MaskingKey {
///     MaskingKey::new(random_bytes())
/// }
/// struct Session {
///     conn: Connection<Client<fn() -> MaskingKey>>,
/// }
/// let role = Client::new(key as fn() -> MaskingKey);
/// let conn = Connection::new(role, Negotiated::default(), Config::default());
/// let session = Session { conn };
/// ```
#[derive(Clone, Copy)]
pub struct Client<K> {
    keys: K,
}

impl<K: MaskingKeys> Client<K> {
    /// The client's role, with a source of masking keys.
    pub const fn new(keys: K) -> Self {
        Self { keys }
    }
}

/// Without the source: what it shows might foretell keys.
impl<K> fmt::Debug for Client<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl<K: MaskingKeys> Role for Client<K> {}

impl<K: MaskingKeys> sealed::Role for Client<K> {
    const RECEIVES_MASKED: bool = false;

    #[inline]
    fn masking_key(&mut self) -> Option<MaskingKey> {
        Some(self.keys.next_key())
    }
}

/// A source of masking keys. Every `FnMut() -> MaskingKey` is one.
///
/// "The masking key needs to be unpredictable; thus, the masking key MUST be derived from a strong
/// source of entropy" ([RFC 6455 section 5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.3)).
/// The engine has no source of its own, so that none can be weak unnoticed.
pub trait MaskingKeys {
    /// A key that nobody who knows all keys before it can foretell.
    fn next_key(&mut self) -> MaskingKey;
}

impl<F: FnMut() -> MaskingKey> MaskingKeys for F {
    #[inline]
    fn next_key(&mut self) -> MaskingKey {
        self()
    }
}

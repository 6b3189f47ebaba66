//! Time: deadlines and heartbeats as plain values. Nothing here asks a clock.

use core::fmt;
use core::time::Duration;

use crate::connection::State;

/// How long a peer may take, and how often it is asked for a sign of life. Everything is off until
/// it is set.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use websocket_proto::Timeouts;
///
/// let timeouts = Timeouts::default()
///     .handshake(Duration::from_secs(10))
///     .ping_interval(Duration::from_secs(20))
///     .pong(Duration::from_secs(20))
///     .write(Duration::from_secs(30))
///     .close(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    handshake: Option<Duration>,
    idle: Option<Duration>,
    ping_interval: Option<Duration>,
    pong: Option<Duration>,
    write: Option<Duration>,
    close: Option<Duration>,
}

impl Timeouts {
    /// Everything off; the same as [`Default`], for constants.
    pub const fn new() -> Self {
        Self {
            handshake: None,
            idle: None,
            ping_interval: None,
            pong: None,
            write: None,
            close: None,
        }
    }

    /// The longest that the opening handshake may take, from [`KeepAlive::new`] to
    /// [`KeepAlive::open`].
    ///
    /// Without it a peer that sends its request byte by byte holds a connection for as long as it
    /// likes. Ten seconds let a slow mobile client pass.
    #[must_use]
    pub const fn handshake(mut self, longest: Duration) -> Self {
        self.handshake = Some(longest);
        self
    }

    /// The longest that the peer may send nothing at all, not even a Pong, nor take output that
    /// waits.
    #[must_use]
    pub const fn idle(mut self, longest: Duration) -> Self {
        self.idle = Some(longest);
        self
    }

    /// How often a Ping is due; none is while one waits for its [Pong](KeepAlive::pong). Proxies
    /// commonly cut connections that are silent for a minute.
    #[must_use]
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = Some(interval);
        self
    }

    /// The longest that the answer to a Ping may take, counted anew from every byte that the peer
    /// sends, or takes of output that waits: one that is busy with a large message cannot put a
    /// Pong inside its frame.
    #[must_use]
    pub const fn pong(mut self, longest: Duration) -> Self {
        self.pong = Some(longest);
        self
    }

    /// The longest that output may wait without the peer taking any of it.
    ///
    /// It holds in every phase, for what [`KeepAlive::wrote`] tells of. While it runs, Pings and the
    /// deadlines for silence and for a Pong rest: who writes before it reads more does not see the
    /// Pong, and the Ping itself may be in what waits.
    #[must_use]
    pub const fn write(mut self, longest: Duration) -> Self {
        self.write = Some(longest);
        self
    }

    /// The longest that the closing handshake and the end of the transport may take, from the first
    /// Close frame on.
    ///
    /// See [RFC 6455 section 7.1.1](https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1), which
    /// lets a client wait for the server "for a reasonable time period".
    #[must_use]
    pub const fn close(mut self, longest: Duration) -> Self {
        self.close = Some(longest);
        self
    }
}

/// The deadlines of one connection, and the Pings that keep it alive.
///
/// Time is a [`Duration`] from any origin that the caller likes, the same for all calls, and never
/// runs backwards. It sees no connection and no socket: tell it what happens, as often as you like.
///
/// - [`received`](Self::received) after every read, [`pong`](Self::pong) for a Pong,
///   [`wrote`](Self::wrote) after every attempt to write;
/// - [`follow`](Self::follow) before every wait, so that it knows of the open and of the close.
///
/// Then send the Pings that [`handle_timeout`](Self::handle_timeout) gives, and wait no longer than
/// [`poll_timeout`](Self::poll_timeout) says. A deadline that has passed is an error, which `?`
/// passes on.
///
/// # Examples
///
/// One turn of a loop; this one sends a Ping and waits for its Pong.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use core::time::Duration;
/// use websocket_proto::{Config, Connection, KeepAlive, Negotiated, Server, Timeouts};
///
/// let second = Duration::from_secs;
/// let timeouts = Timeouts::default().ping_interval(second(20)).pong(second(10));
/// let mut keep_alive = KeepAlive::new(timeouts, second(0));
/// let mut conn = Connection::new(Server, Negotiated::default(), Config::default());
/// let mut out = Vec::new();
///
/// keep_alive.follow(conn.state(), second(1));
/// assert_eq!(keep_alive.poll_timeout(), Some(second(21))); // wait until then, or for the socket
///
/// let now = second(21);
/// while let Some(ping) = keep_alive.handle_timeout(now)? {
///     conn.ping(&ping, &mut out)?;
/// }
/// let taken = out.len(); // what the socket took at once
/// keep_alive.wrote(taken, out.len() - taken, now);
///
/// // The Pong comes with the next read.
/// keep_alive.received(second(22));
/// assert_eq!(keep_alive.pong(&out[2..], second(22)), Some(second(1)));
/// assert_eq!(keep_alive.poll_timeout(), Some(second(41)));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeepAlive {
    timeouts: Timeouts,
    phase: Phase,
    /// When the phase began.
    since: Duration,
    last_received: Duration,
    /// When the peer last took output that had waited.
    last_taken: Duration,
    /// While output waits: since when the peer has taken none of it.
    waits_since: Option<Duration>,
    last_ping: Duration,
    /// How many Pings were due so far; the number is the payload of the newest.
    pings: u64,
    /// Whether the newest Ping waits for its Pong.
    awaits_pong: bool,
    round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    Open,
    Closing,
}

/// The deadline that has passed: give the connection up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timeout {
    /// The opening handshake takes too long: close the transport.
    Handshake,
    /// The peer sends nothing: close, or fail the connection.
    Idle,
    /// A Ping was not answered: the peer is gone, close the transport.
    Pong,
    /// The peer takes nothing of the output that waits: close the transport.
    Write,
    /// The closing handshake takes too long: close the transport.
    Close,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the opening handshake takes too long",
            Self::Idle => "the peer sends nothing",
            Self::Pong => "the peer does not answer a Ping",
            Self::Write => "the peer takes none of the output",
            Self::Close => "the closing handshake takes too long",
        })
    }
}

impl core::error::Error for Timeout {}

impl KeepAlive {
    /// Starts at the beginning of the opening handshake.
    pub const fn new(timeouts: Timeouts, now: Duration) -> Self {
        Self {
            timeouts,
            phase: Phase::Handshake,
            since: now,
            last_received: now,
            last_taken: now,
            waits_since: None,
            last_ping: now,
            pings: 0,
            awaits_pong: false,
            round_trip: None,
        }
    }

    /// Follows the connection, so that neither its beginning nor its closing is missed: say so
    /// before every wait, with [`Connection::state`](crate::Connection::state).
    ///
    /// It is [`open`](Self::open) or [`closing`](Self::closing), whichever the state asks for; the
    /// first of each counts.
    pub fn follow(&mut self, state: State, now: Duration) {
        match state {
            State::Open => self.open(now),
            // The transport is still to be closed.
            State::Closing | State::Closed => self.closing(now),
        }
    }

    /// The opening handshake is done: the data phase begins.
    pub fn open(&mut self, now: Duration) {
        if self.phase == Phase::Handshake {
            self.phase = Phase::Open;
            self.since = now;
            self.last_received = now;
            self.last_ping = now;
        }
    }

    /// Bytes came from the peer, whatever they are.
    pub fn received(&mut self, now: Duration) {
        self.last_received = now;
    }

    /// The transport took `taken` bytes of the output, and `left` bytes wait: say so after every
    /// attempt to write, also after one that took nothing.
    ///
    /// What waits and goes down is a sign of life, like a byte that comes in. What is taken at once
    /// is none: that may be the work of buffers on the way.
    pub fn wrote(&mut self, taken: usize, left: usize, now: Duration) {
        if taken > 0 && self.waits_since.take().is_some() {
            self.last_taken = now;
        }
        if left == 0 {
            self.waits_since = None;
        } else {
            self.waits_since.get_or_insert(now);
        }
    }

    /// A Pong came. Gives the round-trip time if it answers the newest Ping.
    ///
    /// See [RFC 6455 section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3): a Pong
    /// that answers nothing means nothing.
    pub fn pong(&mut self, payload: &[u8], now: Duration) -> Option<Duration> {
        self.received(now);
        if !self.awaits_pong || payload != self.pings.to_be_bytes() {
            return None;
        }
        self.awaits_pong = false;
        self.round_trip = Some(elapsed(self.last_ping, now));
        self.round_trip
    }

    /// The closing handshake has begun, by either end, or the connection has failed. Only the first
    /// call counts.
    ///
    /// It ends the deadlines of the data phase, also one that has passed: a connection that was
    /// silent for too long may still be closed in good order.
    pub fn closing(&mut self, now: Duration) {
        if self.phase != Phase::Closing {
            self.phase = Phase::Closing;
            self.since = now;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest; `None` if
    /// nothing will ever be due without something happening first.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.next().map(|(when, _)| when)
    }

    /// What is due by now: a Ping to send, with this payload. Call it until it gives `None`.
    ///
    /// # Errors
    ///
    /// The [`Timeout`] that has passed: give the connection up. It is said again until something
    /// happens that ends it: bytes that come, or the close of the connection, which has a deadline
    /// of its own.
    pub fn handle_timeout(&mut self, now: Duration) -> Result<Option<[u8; 8]>, Timeout> {
        match self.next() {
            Some((when, next)) if when <= now => match next {
                Next::Expired(timeout) => Err(timeout),
                Next::Ping => {
                    self.pings = self.pings.wrapping_add(1);
                    self.last_ping = now;
                    self.awaits_pong = true;
                    Ok(Some(self.pings.to_be_bytes()))
                }
            },
            _ => Ok(None),
        }
    }

    /// When the closing handshake and the end of the transport have to be done; `None` before the
    /// close, or without such a deadline.
    pub fn close_deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Closing => deadline(self.since, self.timeouts.close),
            Phase::Handshake | Phase::Open => None,
        }
    }

    /// The round-trip time of the newest Ping that was answered.
    pub const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When the peer's last bytes came.
    pub const fn last_received(&self) -> Duration {
        self.last_received
    }

    /// What is due first, and when; of two at one time the deadline.
    fn next(&self) -> Option<(Duration, Next)> {
        let write = self
            .waits_since
            .and_then(|since| deadline(since, self.timeouts.write));
        let write = write.map(|when| (when, Next::Expired(Timeout::Write)));
        let of_phase = match self.phase {
            Phase::Handshake => deadline(self.since, self.timeouts.handshake)
                .map(|when| (when, Next::Expired(Timeout::Handshake))),
            Phase::Closing => {
                (self.close_deadline()).map(|when| (when, Next::Expired(Timeout::Close)))
            }
            // It stands in for the two below.
            Phase::Open if write.is_some() => None,
            Phase::Open => self.next_of_heartbeat(),
        };
        [write, of_phase]
            .into_iter()
            .flatten()
            .min_by_key(|(when, _)| *when)
    }

    fn next_of_heartbeat(&self) -> Option<(Duration, Next)> {
        let alive = self.last_received.max(self.last_taken);
        let idle =
            deadline(alive, self.timeouts.idle).map(|when| (when, Next::Expired(Timeout::Idle)));
        let heartbeat = if self.awaits_pong {
            deadline(self.last_ping.max(alive), self.timeouts.pong)
                .map(|when| (when, Next::Expired(Timeout::Pong)))
        } else {
            deadline(self.last_ping, self.timeouts.ping_interval).map(|when| (when, Next::Ping))
        };
        [idle, heartbeat]
            .into_iter()
            .flatten()
            .min_by_key(|(when, _)| *when)
    }
}

/// How much time has passed from `since` to `now`, of 584 years at most.
///
/// The compiler cannot see that the difference of two `Duration`s never panics; it sees this.
fn elapsed(since: Duration, now: Duration) -> Duration {
    let nanos = now.as_nanos().saturating_sub(since.as_nanos());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// When `longest` has passed since then.
fn deadline(since: Duration, longest: Option<Duration>) -> Option<Duration> {
    longest.map(|longest| since.saturating_add(longest))
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Ping,
    Expired(Timeout),
}

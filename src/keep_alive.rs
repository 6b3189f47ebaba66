//! Time: deadlines and heartbeats as plain values. Nothing here asks a clock.

use core::fmt;
use core::time::Duration;

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
///     .close(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    handshake: Option<Duration>,
    idle: Option<Duration>,
    ping_interval: Option<Duration>,
    pong: Option<Duration>,
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

    /// The longest that the peer may send nothing at all, not even a Pong.
    #[must_use]
    pub const fn idle(mut self, longest: Duration) -> Self {
        self.idle = Some(longest);
        self
    }

    /// How often a Ping is due. Proxies commonly cut connections that are silent for a minute.
    #[must_use]
    pub const fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = Some(interval);
        self
    }

    /// The longest that the answer to a Ping may take, counted anew from every byte that the peer
    /// sends: one that is busy with a large message cannot put a Pong inside its frame.
    #[must_use]
    pub const fn pong(mut self, longest: Duration) -> Self {
        self.pong = Some(longest);
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
/// runs backwards. Tell it what happens ([`open`](Self::open), [`received`](Self::received),
/// [`pong`](Self::pong), [`closing`](Self::closing)), wait no longer than
/// [`poll_timeout`](Self::poll_timeout) says, then do what [`handle_timeout`](Self::handle_timeout)
/// gives until it gives `None`. It knows nothing of a connection and can be used with any.
///
/// # Examples
///
/// ```
/// use core::time::Duration;
/// use websocket_proto::{Due, KeepAlive, Timeouts};
///
/// let second = Duration::from_secs;
/// let timeouts = Timeouts::default().ping_interval(second(20)).pong(second(10));
/// let mut keep_alive = KeepAlive::new(timeouts, second(0));
/// keep_alive.open(second(1));
/// assert_eq!(keep_alive.poll_timeout(), Some(second(21)));
///
/// let Some(Due::Ping(payload)) = keep_alive.handle_timeout(second(21)) else { panic!() };
/// // conn.ping(&payload, &mut out)?, and when the Pong comes:
/// let round_trip = keep_alive.pong(&payload, second(22));
/// assert_eq!(round_trip, Some(second(1)));
/// assert_eq!(keep_alive.handle_timeout(second(22)), None);
/// ```
#[derive(Clone, Debug)]
pub struct KeepAlive {
    timeouts: Timeouts,
    phase: Phase,
    /// When the phase began.
    since: Duration,
    last_received: Duration,
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
    /// A deadline has passed: there is nothing left to wait for.
    Over,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// Send a Ping with this payload.
    Ping([u8; 8]),
    /// The deadline has passed: give the connection up.
    Expired(Timeout),
}

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timeout {
    /// The opening handshake takes too long: close the transport.
    Handshake,
    /// The peer sends nothing: close, or fail the connection.
    Idle,
    /// A Ping was not answered: the peer is gone, close the transport.
    Pong,
    /// The closing handshake takes too long: close the transport.
    Close,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the opening handshake takes too long",
            Self::Idle => "the peer sends nothing",
            Self::Pong => "the peer does not answer a Ping",
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
            last_ping: now,
            pings: 0,
            awaits_pong: false,
            round_trip: None,
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

    /// Bytes came from the peer, whatever they are, or the peer took bytes of ours.
    ///
    /// Say so for bytes written, too, if you read no more while output waits: the Pong is behind what
    /// you do not read, and only the progress of your writes shows that the peer lives.
    pub fn received(&mut self, now: Duration) {
        self.last_received = now;
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
        self.round_trip = Some(now.saturating_sub(self.last_ping));
        self.round_trip
    }

    /// The closing handshake has begun, by either end, or the connection has failed.
    ///
    /// Say so as often as you like, say after every call that leaves
    /// [`Connection::state`](crate::Connection::state) at `Closing`; only the first counts.
    pub fn closing(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Handshake | Phase::Open) {
            self.phase = Phase::Closing;
            self.since = now;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest; `None` if
    /// nothing will ever be due without something happening first.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.next().map(|(when, _)| when)
    }

    /// What is due by now; call it until it gives `None`.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Due> {
        let (when, due) = self.next()?;
        if now < when {
            return None;
        }
        Some(match due {
            Next::Expired(timeout) => {
                self.phase = Phase::Over;
                Due::Expired(timeout)
            }
            Next::Ping => {
                self.pings = self.pings.wrapping_add(1);
                self.last_ping = now;
                self.awaits_pong = true;
                Due::Ping(self.pings.to_be_bytes())
            }
        })
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
        let at = |from: Duration, timeout: Option<Duration>, due| {
            timeout.map(|timeout| (from.saturating_add(timeout), due))
        };
        match self.phase {
            Phase::Handshake => at(
                self.since,
                self.timeouts.handshake,
                Next::Expired(Timeout::Handshake),
            ),
            Phase::Open => {
                let idle = at(
                    self.last_received,
                    self.timeouts.idle,
                    Next::Expired(Timeout::Idle),
                );
                let heartbeat = if self.awaits_pong {
                    let from = self.last_ping.max(self.last_received);
                    at(from, self.timeouts.pong, Next::Expired(Timeout::Pong))
                } else {
                    at(self.last_ping, self.timeouts.ping_interval, Next::Ping)
                };
                [idle, heartbeat]
                    .into_iter()
                    .flatten()
                    .min_by_key(|(when, _)| *when)
            }
            Phase::Closing => at(
                self.since,
                self.timeouts.close,
                Next::Expired(Timeout::Close),
            ),
            Phase::Over => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Ping,
    Expired(Timeout),
}

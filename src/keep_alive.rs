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
///     .message(Duration::from_secs(300))
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
    message: Option<Duration>,
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
            message: None,
            ping_interval: None,
            pong: None,
            write: None,
            close: None,
        }
    }

    /// The longest that the opening handshake may take, from [`KeepAlive::new`] to the first call
    /// that gives [`State::Open`].
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
    ///
    /// Give it more than [`ping_interval`](Self::ping_interval) and [`pong`](Self::pong) together:
    /// a peer with nothing to say sends Pongs only.
    #[must_use]
    pub const fn idle(mut self, longest: Duration) -> Self {
        self.idle = Some(longest);
        self
    }

    /// The longest that a message may take, from the first read that leaves it unfinished to the
    /// read with its last byte. It counts in [`State::Open`], also while output waits.
    ///
    /// Without it a peer that sends one byte now and then holds a connection, and the memory of its
    /// message, for as long as it likes. Let it be long enough for the largest message on the
    /// slowest line: 16 MiB take 134 seconds at 1 Mbit/s.
    #[must_use]
    pub const fn message(mut self, longest: Duration) -> Self {
        self.message = Some(longest);
        self
    }

    /// How long the peer is silent until a Ping is due; none is while one waits for its
    /// [Pong](KeepAlive::pong).
    ///
    /// It counts from the last byte that the peer sent, or took of output that waited: those show
    /// that it is alive, and keep proxies from cutting the connection, which they commonly do after
    /// a minute. Bytes that go out do not count, for a dead peer's socket takes them, too.
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
    /// deadlines for silence and for a Pong rest, because the Ping may be in what waits, and because
    /// an application may pause reading until its answers are gone.
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
/// runs backwards. A deadline more than 2^32 - 1 seconds (136 years) beyond the origin is none, so
/// that `origin + deadline` does not overflow. `KeepAlive` sees no connection and no socket: tell it
/// what happens, as often as you like.
///
/// - [`received`](Self::received) after every read, [`pong`](Self::pong) for a Pong,
///   [`wrote`](Self::wrote) after every attempt to write.
/// - [`handle_timeout`](Self::handle_timeout) before every wait: send the Pings that it gives. A
///   deadline that has passed is its error, which `?` passes on.
/// - [`poll_timeout`](Self::poll_timeout) for how long to wait.
///
/// Both of the latter take the [state](crate::Connection::state) of the connection, and `None` before
/// there is one: no Ping comes behind a Close, and the deadline of the close begins with it.
///
/// **Read first.** Read what there is to read before `handle_timeout`, for after a machine has slept,
/// input waits that shows the peer alive. If both are ready, prefer the socket to the timer.
///
/// Where a connection is [split](crate::Connection::split), keep it with the sender, which knows the
/// state. Let the reader hand over what [`receiving`](crate::Receiver::receiving) says, and the Pongs.
/// A blocking write tells of no progress: set the socket's own write timeout there.
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
/// // Wait until then, or for the socket.
/// let deadline = keep_alive.poll_timeout(conn.state(), second(1));
/// assert_eq!(deadline, Some(second(21)));
///
/// let now = second(21);
/// while let Some(ping) = keep_alive.handle_timeout(conn.state(), now)? {
///     if conn.ping(&ping, &mut out).is_err() {
///         keep_alive.skip_ping(); // the output is full, or a frame is open that is streamed
///     }
/// }
/// let taken = out.len(); // what the socket took at once
/// keep_alive.wrote(taken, out.len() - taken, now);
///
/// // The Pong comes with the next read, which leaves no message unfinished.
/// keep_alive.received(None, second(22));
/// assert_eq!(keep_alive.pong(&out[2..], second(22)), Some(second(1)));
/// assert_eq!(keep_alive.poll_timeout(conn.state(), second(22)), Some(second(42)));
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
    /// The number of the message that is unfinished, and since when.
    message: Option<(u64, Duration)>,
    last_ping: Duration,
    /// How many Pings were due so far; the number is the payload of the newest.
    pings: u64,
    /// Whether the newest Ping waits for a Pong.
    awaits_pong: bool,
    /// Whether the Pong with the newest Ping's payload has not come yet.
    measures: bool,
    round_trip: Option<Duration>,
    /// The deadline that was found passed, but that input may end which was not read yet.
    found: Option<Timeout>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// A message takes too long: fail the connection, with status code 1008 say.
    Message,
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
            Self::Message => "the message takes too long",
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
            message: None,
            last_ping: now,
            pings: 0,
            awaits_pong: false,
            measures: false,
            round_trip: None,
            found: None,
        }
    }

    /// Takes note that bytes came from the peer. Call it after every read, once the events of that
    /// read are handled.
    ///
    /// `receiving` is the number of the message that the read has left unfinished:
    /// [`Connection::receiving`](crate::Connection::receiving) gives it. The deadline of a [message](Timeouts::message) counts from
    /// the first read that leaves this number. In the opening handshake it is `None`.
    pub fn received(&mut self, receiving: Option<u64>, now: Duration) {
        self.heard(now);
        match (self.message, receiving) {
            (Some((number, _)), Some(receiving)) if number == receiving => {}
            _ => {
                self.message = receiving.map(|number| (number, now));
                self.found = None;
            }
        }
    }

    /// Ends the silence.
    fn heard(&mut self, now: Duration) {
        self.last_received = now;
        self.ends_silence();
    }

    /// A sign of life ends what was found passed, but not the deadline of a message: the peer could
    /// put that off by a byte in time.
    fn ends_silence(&mut self) {
        self.found = self.found.filter(|found| *found == Timeout::Message);
    }

    /// The transport took `taken` bytes of the output, and `left` bytes wait: say so after every
    /// attempt to write, also after one that took nothing.
    ///
    /// What waits and goes down is a sign of life, like a byte that comes in. What is taken at once
    /// is none: that may be the work of buffers on the way.
    pub fn wrote(&mut self, taken: usize, left: usize, now: Duration) {
        if taken > 0 && self.waits_since.take().is_some() {
            self.last_taken = now;
            self.ends_silence();
        }
        if left == 0 {
            self.waits_since = None;
        } else {
            self.waits_since.get_or_insert(now);
        }
    }

    /// Takes note of a Pong. Gives the round-trip time if it answers the newest Ping.
    ///
    /// Any Pong ends the wait for one: some devices send Pongs that are empty, and the peer is alive
    /// whatever is in it. Only one with the newest Ping's payload gives a time.
    ///
    /// See [RFC 6455 section 5.5.3](https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3).
    pub fn pong(&mut self, payload: &[u8], now: Duration) -> Option<Duration> {
        self.heard(now);
        self.awaits_pong = false;
        if !self.measures || payload != self.pings.to_be_bytes() {
            return None;
        }
        self.measures = false;
        self.round_trip = Some(elapsed(self.last_ping, now));
        self.round_trip
    }

    /// Takes back the Ping that [`handle_timeout`](Self::handle_timeout) gave last, because it could
    /// not be sent: [`SendError::OutputFull`](crate::SendError::OutputFull) or
    /// [`SendError::FrameOpen`](crate::SendError::FrameOpen).
    ///
    /// No Pong is waited for, and the next Ping is due after another
    /// [interval](Timeouts::ping_interval).
    pub fn skip_ping(&mut self) {
        self.awaits_pong = false;
        self.measures = false;
    }

    /// Returns the time at which [`handle_timeout`](Self::handle_timeout) is to be called at the
    /// latest. `None` means that nothing is due without something happening first.
    ///
    /// It may have passed: do not wait, then. `state` and `now` are as for `handle_timeout`.
    pub fn poll_timeout(
        &mut self,
        state: impl Into<Option<State>>,
        now: Duration,
    ) -> Option<Duration> {
        self.follow(state.into(), now);
        self.next().map(|(when, _)| when)
    }

    /// Gives the Ping that is due by now: send it with this payload, or
    /// [skip](Self::skip_ping) it. Call it until it gives `None`.
    ///
    /// `state` is [`Connection::state`](crate::Connection::state); `None` in the opening handshake,
    /// and [`State::Closed`] where a transport without a connection is to be closed. The first call
    /// with another state, of this or of [`poll_timeout`](Self::poll_timeout), begins a phase with
    /// its own deadlines; there is no way back. A connection that was silent for too long may still
    /// be closed in good order: the close has a deadline of its own.
    ///
    /// Read what there is to read before you call it. A deadline that a read may end
    /// ([`Timeout::Idle`], [`Timeout::Message`], [`Timeout::Pong`]) is an error only at the second
    /// call that finds it passed: the first gives `None`, and `poll_timeout` does not let you wait.
    /// So a machine that has slept reads once before its peers are given up.
    ///
    /// # Errors
    ///
    /// The [`Timeout`] that has passed: give the connection up. Each further call gives it again,
    /// until something happens that ends it.
    pub fn handle_timeout(
        &mut self,
        state: impl Into<Option<State>>,
        now: Duration,
    ) -> Result<Option<[u8; 8]>, Timeout> {
        self.follow(state.into(), now);
        let due = self.next().filter(|(when, _)| *when <= now);
        let found = match due {
            Some((_, Next::Expired(timeout))) => Some(timeout),
            Some((_, Next::Ping)) | None => None,
        };
        let was_found = self.found == found;
        self.found = found;
        match found {
            Some(Timeout::Idle | Timeout::Message | Timeout::Pong) if !was_found => Ok(None),
            Some(timeout) => Err(timeout),
            None if due.is_some() => {
                self.pings = self.pings.wrapping_add(1);
                self.last_ping = now;
                self.awaits_pong = true;
                self.measures = true;
                Ok(Some(self.pings.to_be_bytes()))
            }
            None => Ok(None),
        }
    }

    /// Begins the phase of this state, if it comes after the one that is on.
    fn follow(&mut self, state: Option<State>, now: Duration) {
        let phase = match state {
            None => Phase::Handshake,
            Some(State::Open) => Phase::Open,
            // The transport is still to be closed.
            Some(State::Closing | State::Closed) => Phase::Closing,
        };
        if phase > self.phase {
            self.phase = phase;
            self.since = now;
            if phase == Phase::Open {
                self.heard(now);
            }
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
            Phase::Closing => deadline(self.since, self.timeouts.close)
                .map(|when| (when, Next::Expired(Timeout::Close))),
            // It stands in for those of the heartbeat.
            Phase::Open if write.is_some() => None,
            Phase::Open => self.next_of_heartbeat(),
        };
        let message = self
            .message
            .filter(|_| self.phase == Phase::Open)
            .and_then(|(_, since)| deadline(since, self.timeouts.message))
            .map(|when| (when, Next::Expired(Timeout::Message)));
        [write, message, of_phase]
            .into_iter()
            .flatten()
            .min_by_key(|(when, _)| *when)
    }

    fn next_of_heartbeat(&self) -> Option<(Duration, Next)> {
        let alive = self.last_received.max(self.last_taken);
        let idle =
            deadline(alive, self.timeouts.idle).map(|when| (when, Next::Expired(Timeout::Idle)));
        let since = self.last_ping.max(alive);
        let heartbeat = if self.awaits_pong {
            deadline(since, self.timeouts.pong).map(|when| (when, Next::Expired(Timeout::Pong)))
        } else {
            deadline(since, self.timeouts.ping_interval).map(|when| (when, Next::Ping))
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

/// The time at which `longest` has passed since then, if the clocks of all platforms can add it to
/// their origin.
fn deadline(since: Duration, longest: Option<Duration>) -> Option<Duration> {
    since
        .checked_add(longest?)
        .filter(|when| u32::try_from(when.as_secs()).is_ok())
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Ping,
    Expired(Timeout),
}

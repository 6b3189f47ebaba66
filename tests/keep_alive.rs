//! Deadlines and heartbeats on a clock that only the test moves.

use core::time::Duration;

use websocket_proto::{Due, KeepAlive, Timeout, Timeouts};

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything on, each with a length of its own.
fn all() -> Timeouts {
    Timeouts::default()
        .handshake(at(10))
        .idle(at(100))
        .ping_interval(at(20))
        .pong(at(15))
        .close(at(5))
}

fn open(timeouts: Timeouts) -> KeepAlive {
    let mut keep_alive = KeepAlive::new(timeouts, at(0));
    keep_alive.open(at(0));
    keep_alive
}

/// The payload of the Ping that is due now.
fn ping(keep_alive: &mut KeepAlive, now: Duration) -> Option<[u8; 8]> {
    match keep_alive.handle_timeout(now) {
        Some(Due::Ping(payload)) => Some(payload),
        _ => None,
    }
}

#[test]
fn nothing_is_due_unless_it_is_asked_for() {
    let mut keep_alive = open(Timeouts::default());
    assert_eq!(keep_alive.poll_timeout(), None);
    assert_eq!(keep_alive.handle_timeout(Duration::MAX), None);
    keep_alive.closing(at(1));
    assert_eq!(keep_alive.handle_timeout(Duration::MAX), None);
}

#[test]
fn the_handshake_has_a_deadline_that_bytes_do_not_move() {
    let mut keep_alive = KeepAlive::new(all(), at(3));
    assert_eq!(keep_alive.poll_timeout(), Some(at(13)));
    keep_alive.received(at(12));
    assert_eq!(keep_alive.handle_timeout(at(12)), None);
    assert_eq!(
        keep_alive.handle_timeout(at(13)),
        Some(Due::Expired(Timeout::Handshake))
    );
    assert_eq!(keep_alive.handle_timeout(at(99)), None, "it is said once");
    assert_eq!(keep_alive.poll_timeout(), None);
}

#[test]
fn pings_come_at_their_interval_and_a_pong_gives_the_round_trip_time() {
    let mut keep_alive = open(all());
    assert_eq!(keep_alive.poll_timeout(), Some(at(20)));
    let first = ping(&mut keep_alive, at(21)).unwrap();
    assert_eq!(keep_alive.handle_timeout(at(21)), None);
    assert_eq!(keep_alive.pong(&first, at(23)), Some(at(2)));
    assert_eq!(keep_alive.round_trip(), Some(at(2)));
    assert_eq!(
        keep_alive.pong(&first, at(24)),
        None,
        "a second Pong answers nothing"
    );
    assert_eq!(
        keep_alive.poll_timeout(),
        Some(at(41)),
        "counted from the Ping, not from the Pong"
    );
    let second = ping(&mut keep_alive, at(41)).unwrap();
    assert_ne!(first, second);
    assert_eq!(
        keep_alive.pong(&first, at(42)),
        None,
        "the answer to an older Ping"
    );
    assert_eq!(
        keep_alive.pong(b"", at(42)),
        None,
        "a Pong that nobody asked for"
    );
    assert_eq!(keep_alive.pong(&second, at(44)), Some(at(3)));
}

#[test]
fn a_ping_without_an_answer_expires_unless_bytes_come() {
    let mut keep_alive = open(all());
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(keep_alive.poll_timeout(), Some(at(35)));
    // A large message is on its way, and no Pong can come inside its frame.
    keep_alive.received(at(34));
    assert_eq!(keep_alive.handle_timeout(at(35)), None);
    assert_eq!(keep_alive.poll_timeout(), Some(at(49)));
    assert_eq!(
        keep_alive.handle_timeout(at(49)),
        Some(Due::Expired(Timeout::Pong))
    );
    assert_eq!(keep_alive.handle_timeout(Duration::MAX), None);
}

#[test]
fn no_second_ping_is_due_while_one_waits() {
    let mut keep_alive = open(Timeouts::default().ping_interval(at(20)));
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(
        keep_alive.poll_timeout(),
        None,
        "without a deadline for the Pong"
    );
    assert_eq!(keep_alive.handle_timeout(at(1000)), None);
}

#[test]
fn silence_expires_and_any_byte_breaks_it() {
    let mut keep_alive = open(Timeouts::default().idle(at(100)));
    keep_alive.received(at(60));
    assert_eq!(keep_alive.last_received(), at(60));
    assert_eq!(keep_alive.handle_timeout(at(159)), None);
    assert_eq!(
        keep_alive.handle_timeout(at(160)),
        Some(Due::Expired(Timeout::Idle))
    );
}

#[test]
fn closing_has_a_deadline_from_its_first_frame_and_ends_the_heartbeat() {
    let mut keep_alive = open(all());
    ping(&mut keep_alive, at(20)).unwrap();
    keep_alive.closing(at(30));
    keep_alive.closing(at(33));
    keep_alive.received(at(34));
    keep_alive.open(at(34));
    assert_eq!(keep_alive.poll_timeout(), Some(at(35)));
    assert_eq!(
        keep_alive.handle_timeout(at(35)),
        Some(Due::Expired(Timeout::Close))
    );
}

#[test]
fn what_is_due_first_comes_first_and_a_late_caller_gets_all_of_it() {
    let timeouts = Timeouts::default()
        .idle(at(30))
        .ping_interval(at(20))
        .pong(at(50));
    let mut keep_alive = open(timeouts);
    assert!(ping(&mut keep_alive, at(40)).is_some());
    assert_eq!(
        keep_alive.handle_timeout(at(40)),
        Some(Due::Expired(Timeout::Idle))
    );
    assert_eq!(keep_alive.handle_timeout(at(40)), None);
}

#[test]
fn times_near_the_end_of_the_scale_do_not_overflow() {
    let timeouts = Timeouts::default().ping_interval(at(20)).pong(at(15));
    let mut keep_alive = KeepAlive::new(timeouts, Duration::MAX);
    keep_alive.open(Duration::MAX);
    assert_eq!(keep_alive.poll_timeout(), Some(Duration::MAX));
    let payload = ping(&mut keep_alive, Duration::MAX).unwrap();
    assert_eq!(
        keep_alive.pong(&payload, at(0)),
        Some(at(0)),
        "a clock that runs backwards"
    );
}

//! Deadlines and heartbeats on a clock that only the test moves.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

use core::time::Duration;

use websocket_proto::{KeepAlive, State, Timeout, Timeouts};

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
        .write(at(30))
        .close(at(5))
}

fn open(timeouts: Timeouts) -> KeepAlive {
    let mut keep_alive = KeepAlive::new(timeouts, at(0));
    keep_alive.open(at(0));
    keep_alive
}

/// The payload of the Ping that is due now.
fn ping(keep_alive: &mut KeepAlive, now: Duration) -> Option<[u8; 8]> {
    keep_alive.handle_timeout(now).unwrap()
}

#[test]
fn nothing_is_due_unless_it_is_asked_for() {
    let mut keep_alive = open(Timeouts::default());
    assert_eq!(keep_alive.poll_timeout(), None);
    assert_eq!(keep_alive.handle_timeout(Duration::MAX), Ok(None));
    keep_alive.closing(at(1));
    assert_eq!(keep_alive.handle_timeout(Duration::MAX), Ok(None));
}

#[test]
fn the_handshake_has_a_deadline_that_bytes_do_not_move() {
    let mut keep_alive = KeepAlive::new(all(), at(3));
    assert_eq!(keep_alive.poll_timeout(), Some(at(13)));
    keep_alive.received(at(12));
    assert_eq!(keep_alive.handle_timeout(at(12)), Ok(None));
    assert_eq!(keep_alive.handle_timeout(at(13)), Err(Timeout::Handshake));
    assert_eq!(
        keep_alive.handle_timeout(at(99)),
        Err(Timeout::Handshake),
        "it stays"
    );
    assert_eq!(keep_alive.poll_timeout(), Some(at(13)));
}

#[test]
fn pings_come_at_their_interval_and_a_pong_gives_the_round_trip_time() {
    let mut keep_alive = open(all());
    assert_eq!(keep_alive.poll_timeout(), Some(at(20)));
    let first = ping(&mut keep_alive, at(21)).unwrap();
    assert_eq!(keep_alive.handle_timeout(at(21)), Ok(None));
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
    // Pings are counted: a dump shows which Pong belongs to which.
    assert_eq!((first, second), (1_u64.to_be_bytes(), 2_u64.to_be_bytes()));
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
    assert_eq!(keep_alive.handle_timeout(at(35)), Ok(None));
    assert_eq!(keep_alive.poll_timeout(), Some(at(49)));
    assert_eq!(keep_alive.handle_timeout(at(49)), Err(Timeout::Pong));
    // It stays until something ends it.
    let long_after = keep_alive.handle_timeout(Duration::MAX);
    assert_eq!(long_after, Err(Timeout::Pong));
    keep_alive.received(at(50));
    assert_eq!(keep_alive.handle_timeout(at(50)), Ok(None));
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
    assert_eq!(keep_alive.handle_timeout(at(1000)), Ok(None));
}

#[test]
fn silence_expires_and_any_byte_breaks_it() {
    let mut keep_alive = open(Timeouts::default().idle(at(100)));
    keep_alive.received(at(60));
    assert_eq!(keep_alive.last_received(), at(60));
    assert_eq!(keep_alive.handle_timeout(at(159)), Ok(None));
    assert_eq!(keep_alive.handle_timeout(at(160)), Err(Timeout::Idle));
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
    assert_eq!(keep_alive.handle_timeout(at(35)), Err(Timeout::Close));
}

#[test]
fn what_is_due_first_comes_first_and_a_late_caller_gets_all_of_it() {
    let timeouts = Timeouts::default()
        .idle(at(30))
        .ping_interval(at(20))
        .pong(at(50));
    let mut keep_alive = open(timeouts);
    assert!(ping(&mut keep_alive, at(40)).is_some());
    assert_eq!(keep_alive.handle_timeout(at(40)), Err(Timeout::Idle));
}

#[test]
fn output_that_nobody_takes_expires_and_every_byte_taken_counts_anew() {
    let mut keep_alive = open(Timeouts::default().write(at(30)));
    keep_alive.wrote(100, 0, at(10));
    assert_eq!(keep_alive.poll_timeout(), None, "nothing waits");
    // It waits from the first attempt that left something, whether that took any or not.
    for taken in [0, 7] {
        keep_alive.wrote(taken, 50, at(20));
        keep_alive.wrote(0, 50, at(49));
        assert_eq!(keep_alive.poll_timeout(), Some(at(50)));
        keep_alive.wrote(1, 49, at(49));
        assert_eq!(keep_alive.poll_timeout(), Some(at(79)));
        // More output behind it changes nothing.
        keep_alive.wrote(0, 5000, at(60));
        assert_eq!(keep_alive.handle_timeout(at(78)), Ok(None));
        assert_eq!(keep_alive.handle_timeout(at(79)), Err(Timeout::Write));
        keep_alive.wrote(5000, 0, at(80));
        assert_eq!(keep_alive.poll_timeout(), None);
    }
    keep_alive.wrote(0, 50, at(90));
    keep_alive.wrote(0, 0, at(91));
    assert_eq!(keep_alive.poll_timeout(), None, "it was thrown away");
    // In the opening handshake and in the close as well, beside their own deadlines.
    let mut keep_alive = KeepAlive::new(all().handshake(at(40)).close(at(50)), at(0));
    keep_alive.wrote(0, 1, at(5));
    assert_eq!(keep_alive.handle_timeout(at(35)), Err(Timeout::Write));
    keep_alive.closing(at(6));
    assert_eq!(keep_alive.handle_timeout(at(35)), Err(Timeout::Write));
    keep_alive.wrote(1, 0, at(35));
    assert_eq!(keep_alive.poll_timeout(), Some(at(56)));
}

#[test]
fn while_output_waits_its_deadline_stands_in_for_the_heartbeat() {
    let mut keep_alive = open(all().idle(at(25)));
    let payload = ping(&mut keep_alive, at(20)).unwrap();
    keep_alive.wrote(0, 10, at(20));
    // No Pong by 35 and silence since 0, but nothing is read while output waits.
    assert_eq!(keep_alive.handle_timeout(at(49)), Ok(None));
    assert_eq!(keep_alive.poll_timeout(), Some(at(50)));
    keep_alive.wrote(10, 0, at(49));
    assert_eq!(keep_alive.last_received(), at(0));
    assert_eq!(
        keep_alive.poll_timeout(),
        Some(at(64)),
        "the Pong, from what was taken last"
    );
    assert_eq!(keep_alive.pong(&payload, at(60)), Some(at(40)));
    // What is taken at once shows no life: the buffers on the way may have it.
    let mut keep_alive = open(Timeouts::default().idle(at(25)));
    keep_alive.wrote(10, 0, at(24));
    assert_eq!(keep_alive.handle_timeout(at(25)), Err(Timeout::Idle));
}

#[test]
fn without_a_deadline_for_writes_the_others_see_who_takes_nothing() {
    let timeouts = Timeouts::default()
        .idle(at(30))
        .ping_interval(at(20))
        .pong(at(15));
    let mut keep_alive = open(timeouts);
    keep_alive.wrote(0, 10, at(1));
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(keep_alive.poll_timeout(), Some(at(30)));
    keep_alive.wrote(1, 9, at(29));
    assert_eq!(keep_alive.handle_timeout(at(43)), Ok(None));
    assert_eq!(keep_alive.handle_timeout(at(44)), Err(Timeout::Pong));
}

#[test]
fn a_connection_is_followed_from_its_open_to_its_close() {
    let mut keep_alive = KeepAlive::new(all(), at(0));
    assert_eq!(keep_alive.close_deadline(), None);
    for now in [1, 5] {
        keep_alive.follow(State::Open, at(now));
        assert_eq!(keep_alive.poll_timeout(), Some(at(21)), "the first counts");
        assert_eq!(keep_alive.close_deadline(), None);
    }
    for (state, now) in [(State::Closing, 7), (State::Closing, 9), (State::Closed, 9)] {
        keep_alive.follow(state, at(now));
        assert_eq!(keep_alive.close_deadline(), Some(at(12)));
        assert_eq!(keep_alive.poll_timeout(), Some(at(12)));
    }
    assert_eq!(keep_alive.handle_timeout(at(12)), Err(Timeout::Close));
    // A connection that ends without a close has its transport to be closed as well.
    let mut keep_alive = open(all());
    keep_alive.follow(State::Closed, at(3));
    assert_eq!(keep_alive.close_deadline(), Some(at(8)));
    let mut keep_alive = open(Timeouts::default());
    keep_alive.closing(at(3));
    assert_eq!(keep_alive.close_deadline(), None, "not asked for");
}

#[test]
fn a_silent_connection_may_still_be_closed_in_good_order() {
    let mut keep_alive = open(all());
    keep_alive.handle_timeout(at(20)).unwrap();
    assert_eq!(keep_alive.handle_timeout(at(35)), Err(Timeout::Pong));
    keep_alive.closing(at(36));
    assert_eq!(keep_alive.handle_timeout(at(36)), Ok(None));
    assert_eq!(keep_alive.handle_timeout(at(41)), Err(Timeout::Close));
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

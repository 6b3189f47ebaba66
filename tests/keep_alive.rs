//! Deadlines and heartbeats on a clock that only the test moves.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

use core::time::Duration;

use websocket_proto::State::{Closed, Closing, Open};
use websocket_proto::{KeepAlive, Timeout, Timeouts};

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything on, each with a length of its own.
fn all() -> Timeouts {
    Timeouts::default()
        .handshake(at(10))
        .idle(at(100))
        .message(at(60))
        .ping_interval(at(20))
        .pong(at(15))
        .write(at(30))
        .close(at(5))
}

fn open(timeouts: Timeouts) -> KeepAlive {
    let mut keep_alive = KeepAlive::new(timeouts, at(0));
    keep_alive.poll_timeout(Open, at(0));
    keep_alive
}

/// The payload of the Ping that is due now.
fn ping(keep_alive: &mut KeepAlive, now: Duration) -> Option<[u8; 8]> {
    keep_alive.handle_timeout(Open, now).unwrap()
}

/// The deadline that is found passed, after one more chance to read.
fn expired(keep_alive: &mut KeepAlive, now: Duration) -> Option<Timeout> {
    assert_eq!(keep_alive.handle_timeout(Open, now), Ok(None));
    assert!(
        keep_alive.poll_timeout(Open, now).unwrap() <= now,
        "there is nothing to wait for"
    );
    let timeout = keep_alive.handle_timeout(Open, now).err();
    let again = keep_alive.handle_timeout(Open, Duration::MAX).err();
    assert_eq!(again, timeout, "it stays");
    timeout
}

#[test]
fn nothing_is_due_unless_it_is_asked_for() {
    let mut keep_alive = open(Timeouts::default());
    keep_alive.received(Some(0), at(0));
    for state in [Open, Closing] {
        assert_eq!(keep_alive.poll_timeout(state, at(1)), None);
        assert_eq!(keep_alive.handle_timeout(state, Duration::MAX), Ok(None));
    }
}

#[test]
fn the_handshake_has_a_deadline_that_bytes_do_not_move() {
    let mut keep_alive = KeepAlive::new(all(), at(3));
    assert_eq!(keep_alive.poll_timeout(None, at(3)), Some(at(13)));
    keep_alive.received(None, at(12));
    assert_eq!(keep_alive.handle_timeout(None, at(12)), Ok(None));
    for now in [13, 99] {
        assert_eq!(
            keep_alive.handle_timeout(None, at(now)),
            Err(Timeout::Handshake),
            "at once, and it stays"
        );
    }
    assert_eq!(keep_alive.poll_timeout(None, at(99)), Some(at(13)));
}

#[test]
fn a_ping_is_due_in_silence_and_its_pong_gives_the_round_trip_time() {
    let mut keep_alive = open(all());
    assert_eq!(keep_alive.poll_timeout(Open, at(0)), Some(at(20)));
    let first = ping(&mut keep_alive, at(21)).unwrap();
    assert_eq!(keep_alive.handle_timeout(Open, at(21)), Ok(None));
    assert_eq!(keep_alive.pong(&first, at(23)), Some(at(2)));
    assert_eq!(keep_alive.round_trip(), Some(at(2)));
    assert_eq!(
        keep_alive.pong(&first, at(24)),
        None,
        "a second Pong answers nothing"
    );
    assert_eq!(
        keep_alive.poll_timeout(Open, at(24)),
        Some(at(44)),
        "counted from the last byte that came"
    );
    let second = ping(&mut keep_alive, at(44)).unwrap();
    // Pings are counted: a dump shows which Pong belongs to which.
    assert_eq!((first, second), (1_u64.to_be_bytes(), 2_u64.to_be_bytes()));
    assert_eq!(keep_alive.pong(&second, at(47)), Some(at(3)));
}

#[test]
fn a_busy_peer_is_not_pinged() {
    let mut keep_alive = open(all());
    for now in 1..200 {
        keep_alive.received(None, at(now));
        // What is sent is taken at once: it shows nothing.
        keep_alive.wrote(10, 0, at(now));
        assert_eq!(keep_alive.handle_timeout(Open, at(now)), Ok(None));
        assert_eq!(
            keep_alive.poll_timeout(Open, at(now)),
            Some(at(now).saturating_add(at(20)))
        );
    }
    // Output alone is no sign of life: buffers on the way may have it.
    let mut keep_alive = open(all());
    for now in 1..20 {
        keep_alive.wrote(10, 0, at(now));
        assert_eq!(keep_alive.poll_timeout(Open, at(now)), Some(at(20)));
    }
    // But output that had to wait for the peer is one.
    keep_alive.wrote(0, 10, at(18));
    keep_alive.wrote(10, 0, at(19));
    assert_eq!(keep_alive.poll_timeout(Open, at(19)), Some(at(39)));
}

#[test]
fn any_pong_ends_the_wait_and_only_its_own_gives_a_time() {
    for foreign in [&b""[..], b"here I am", &0_u64.to_be_bytes()] {
        let mut keep_alive = open(all());
        let payload = ping(&mut keep_alive, at(20)).unwrap();
        assert_eq!(keep_alive.poll_timeout(Open, at(20)), Some(at(35)));
        assert_eq!(keep_alive.pong(foreign, at(21)), None);
        assert_eq!(keep_alive.round_trip(), None);
        assert_eq!(
            keep_alive.poll_timeout(Open, at(21)),
            Some(at(41)),
            "the next Ping"
        );
        assert_eq!(keep_alive.handle_timeout(Open, at(36)), Ok(None));
        // Its own may still come.
        assert_eq!(keep_alive.pong(&payload, at(22)), Some(at(2)));
        assert_eq!(keep_alive.pong(&payload, at(22)), None);
        // The answer to an older Ping ends the wait as well.
        ping(&mut keep_alive, at(42)).unwrap();
        assert_eq!(keep_alive.pong(&payload, at(43)), None);
        assert_eq!(keep_alive.poll_timeout(Open, at(43)), Some(at(63)));
    }
    // Before the first Ping there is none to be answered.
    let mut keep_alive = open(all());
    assert_eq!(keep_alive.pong(&0_u64.to_be_bytes(), at(1)), None);
}

#[test]
fn a_ping_that_cannot_be_sent_is_not_waited_for() {
    let mut keep_alive = open(all());
    let unsent = ping(&mut keep_alive, at(20)).unwrap();
    keep_alive.skip_ping();
    assert_eq!(keep_alive.handle_timeout(Open, at(20)), Ok(None), "not now");
    assert_eq!(keep_alive.poll_timeout(Open, at(20)), Some(at(40)));
    assert_eq!(keep_alive.pong(&unsent, at(21)), None, "nobody has seen it");
    let sent = ping(&mut keep_alive, at(41)).unwrap();
    assert_ne!(sent, unsent);
    assert_eq!(keep_alive.poll_timeout(Open, at(41)), Some(at(56)));
    assert_eq!(keep_alive.pong(&sent, at(42)), Some(at(1)));
}

#[test]
fn a_ping_without_an_answer_expires_unless_bytes_come() {
    let mut keep_alive = open(all());
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(keep_alive.poll_timeout(Open, at(20)), Some(at(35)));
    // A large message is on its way, and no Pong can come inside its frame.
    keep_alive.received(None, at(34));
    assert_eq!(keep_alive.handle_timeout(Open, at(35)), Ok(None));
    assert_eq!(keep_alive.poll_timeout(Open, at(35)), Some(at(49)));
    assert_eq!(keep_alive.handle_timeout(Open, at(48)), Ok(None));
    assert_eq!(expired(&mut keep_alive, at(49)), Some(Timeout::Pong));
    // It stays until something ends it.
    keep_alive.received(None, at(50));
    assert_eq!(keep_alive.handle_timeout(Open, at(50)), Ok(None));
    assert_eq!(expired(&mut keep_alive, at(65)), Some(Timeout::Pong));
}

#[test]
fn no_second_ping_is_due_while_one_waits() {
    let mut keep_alive = open(Timeouts::default().ping_interval(at(20)));
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(
        keep_alive.poll_timeout(Open, at(20)),
        None,
        "without a deadline for the Pong"
    );
    assert_eq!(keep_alive.handle_timeout(Open, at(1000)), Ok(None));
}

#[test]
fn silence_expires_and_any_byte_breaks_it() {
    let mut keep_alive = open(Timeouts::default().idle(at(100)));
    keep_alive.received(None, at(60));
    assert_eq!(keep_alive.last_received(), at(60));
    assert_eq!(keep_alive.handle_timeout(Open, at(159)), Ok(None));
    assert_eq!(expired(&mut keep_alive, at(160)), Some(Timeout::Idle));
}

/// After an hour of sleep there is input that shows the peer alive, if only somebody reads it.
#[test]
fn a_machine_that_slept_reads_before_peers_are_given_up() {
    let hour = at(3600);
    for message in [None, Some(0)] {
        for awaits_pong in [false, true] {
            let mut keep_alive = open(all());
            keep_alive.received(message, at(1));
            if awaits_pong {
                ping(&mut keep_alive, at(21)).unwrap();
            }
            // Whatever is due is not the end yet.
            while ping(&mut keep_alive, hour).is_some() {}
            assert!(keep_alive.poll_timeout(Open, hour).unwrap() <= hour);
            keep_alive.received(None, hour);
            assert!(keep_alive.poll_timeout(Open, hour).unwrap() > hour);
            assert_eq!(keep_alive.handle_timeout(Open, hour), Ok(None));
            // The same for the next night.
            let next = hour.saturating_mul(2);
            while ping(&mut keep_alive, next).is_some() {}
            keep_alive.pong(b"", next);
            assert_eq!(keep_alive.handle_timeout(Open, next), Ok(None));
        }
    }
    // The other deadlines are not for input to end.
    let mut keep_alive = open(all());
    keep_alive.wrote(0, 1, at(1));
    assert_eq!(
        keep_alive.handle_timeout(Open, hour),
        Err(Timeout::Write),
        "at once"
    );
}

#[test]
fn a_deadline_found_before_a_sign_of_life_is_not_known_after_it() {
    // Also inside a message that goes on, and by a Pong.
    for message in [None, Some(3)] {
        for by_pong in [false, true] {
            let mut keep_alive = open(Timeouts::default().idle(at(10)));
            keep_alive.received(message, at(0));
            assert_eq!(keep_alive.handle_timeout(Open, at(10)), Ok(None));
            if by_pong {
                keep_alive.pong(b"", at(11));
            } else {
                keep_alive.received(message, at(11));
            }
            assert_eq!(expired(&mut keep_alive, at(21)), Some(Timeout::Idle));
        }
    }
    // Output that the peer takes late is a sign as good as input.
    let mut keep_alive = open(Timeouts::default().idle(at(10)));
    keep_alive.wrote(0, 1, at(1));
    assert_eq!(keep_alive.handle_timeout(Open, at(10)), Ok(None));
    keep_alive.wrote(1, 0, at(11));
    assert_eq!(expired(&mut keep_alive, at(21)), Some(Timeout::Idle));
}

#[test]
fn a_message_has_a_deadline_that_its_bytes_do_not_move() {
    let mut keep_alive = open(all().ping_interval(at(500)).idle(at(500)));
    assert_eq!(keep_alive.poll_timeout(Open, at(0)), Some(at(500)));
    // One byte every nine seconds.
    for now in [4, 13, 22, 31, 40, 49, 58] {
        keep_alive.received(Some(7), at(now));
        assert_eq!(keep_alive.handle_timeout(Open, at(now)), Ok(None));
        assert_eq!(keep_alive.poll_timeout(Open, at(now)), Some(at(64)));
    }
    assert_eq!(keep_alive.handle_timeout(Open, at(63)), Ok(None));
    // Nor does a byte that comes just in time after it was found passed, nor a Pong inside it.
    assert_eq!(keep_alive.handle_timeout(Open, at(64)), Ok(None));
    keep_alive.received(Some(7), at(64));
    keep_alive.pong(b"", at(64));
    assert_eq!(
        keep_alive.handle_timeout(Open, at(64)),
        Err(Timeout::Message)
    );
    // Its last byte ends the deadline, and the next message begins another.
    keep_alive.received(Some(8), at(65));
    assert_eq!(keep_alive.poll_timeout(Open, at(65)), Some(at(125)));
    assert_eq!(expired(&mut keep_alive, at(125)), Some(Timeout::Message));
    keep_alive.received(None, at(126));
    assert_eq!(keep_alive.poll_timeout(Open, at(126)), Some(at(626)));
    // The same number after a read between messages does not come, but would be another.
    keep_alive.received(Some(8), at(130));
    assert_eq!(keep_alive.poll_timeout(Open, at(130)), Some(at(190)));
}

#[test]
fn the_deadline_of_a_message_is_one_of_the_open_connection() {
    let mut keep_alive = KeepAlive::new(all().message(at(2)), at(0));
    keep_alive.received(Some(0), at(1));
    assert_eq!(keep_alive.poll_timeout(None, at(1)), Some(at(10)));
    assert_eq!(keep_alive.poll_timeout(Open, at(1)), Some(at(3)));
    // While output waits, too: reading goes on.
    keep_alive.wrote(0, 1, at(1));
    assert_eq!(keep_alive.poll_timeout(Open, at(1)), Some(at(3)));
    // The close has its own, which bytes do not move either.
    assert_eq!(keep_alive.poll_timeout(Closing, at(1)), Some(at(6)));
}

#[test]
fn closing_has_a_deadline_from_its_first_frame_and_ends_the_heartbeat() {
    let mut keep_alive = open(all());
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(keep_alive.poll_timeout(Closing, at(30)), Some(at(35)));
    assert_eq!(keep_alive.poll_timeout(Closing, at(33)), Some(at(35)));
    keep_alive.received(None, at(34));
    // There is no way back.
    for state in [None, Some(Open), Some(Closed)] {
        assert_eq!(keep_alive.poll_timeout(state, at(34)), Some(at(35)));
    }
    assert_eq!(
        keep_alive.handle_timeout(Closing, at(35)),
        Err(Timeout::Close)
    );
}

/// The state comes with each question: whichever is the first after a Close, no Ping follows it.
#[test]
fn no_ping_comes_behind_a_close_whatever_the_order_of_calls() {
    for late in [20, 500] {
        for polls in [false, true] {
            let mut keep_alive = open(all());
            keep_alive.poll_timeout(Open, at(19));
            // A Close is received here.
            keep_alive.received(None, at(late));
            if polls {
                let deadline = keep_alive.poll_timeout(Closing, at(late));
                assert_eq!(deadline, Some(at(late).saturating_add(at(5))));
            }
            assert_eq!(keep_alive.handle_timeout(Closing, at(late)), Ok(None));
            let deadline = keep_alive.poll_timeout(Closing, at(late));
            assert_eq!(deadline, Some(at(late).saturating_add(at(5))));
        }
    }
    // Nor one in the opening handshake.
    let mut keep_alive = KeepAlive::new(Timeouts::default().ping_interval(at(1)), at(0));
    assert_eq!(keep_alive.handle_timeout(None, at(9)), Ok(None));
    // It counts from the open connection.
    assert_eq!(keep_alive.poll_timeout(Open, at(9)), Some(at(10)));
}

#[test]
fn what_is_due_first_comes_first_and_a_late_caller_gets_all_of_it() {
    let timeouts = Timeouts::default()
        .idle(at(30))
        .ping_interval(at(20))
        .pong(at(50));
    let mut keep_alive = open(timeouts);
    assert!(ping(&mut keep_alive, at(40)).is_some());
    assert_eq!(expired(&mut keep_alive, at(40)), Some(Timeout::Idle));
}

#[test]
fn output_that_nobody_takes_expires_and_every_byte_taken_counts_anew() {
    let mut keep_alive = open(Timeouts::default().write(at(30)));
    keep_alive.wrote(100, 0, at(10));
    assert_eq!(keep_alive.poll_timeout(Open, at(10)), None, "nothing waits");
    // It waits from the first attempt that left something, whether that took any or not.
    for taken in [0, 7] {
        keep_alive.wrote(taken, 50, at(20));
        keep_alive.wrote(0, 50, at(49));
        assert_eq!(keep_alive.poll_timeout(Open, at(49)), Some(at(50)));
        keep_alive.wrote(1, 49, at(49));
        assert_eq!(keep_alive.poll_timeout(Open, at(49)), Some(at(79)));
        // More output behind it changes nothing.
        keep_alive.wrote(0, 5000, at(60));
        assert_eq!(keep_alive.handle_timeout(Open, at(78)), Ok(None));
        assert_eq!(keep_alive.handle_timeout(Open, at(79)), Err(Timeout::Write));
        keep_alive.wrote(5000, 0, at(80));
        assert_eq!(keep_alive.poll_timeout(Open, at(80)), None);
    }
    keep_alive.wrote(0, 50, at(90));
    keep_alive.wrote(0, 0, at(91));
    assert_eq!(
        keep_alive.poll_timeout(Open, at(91)),
        None,
        "it was thrown away"
    );
    // In the opening handshake and in the close as well, beside their own deadlines.
    let mut keep_alive = KeepAlive::new(all().handshake(at(40)).close(at(50)), at(0));
    keep_alive.wrote(0, 1, at(5));
    assert_eq!(keep_alive.handle_timeout(None, at(35)), Err(Timeout::Write));
    assert_eq!(keep_alive.poll_timeout(Closing, at(6)), Some(at(35)));
    assert_eq!(
        keep_alive.handle_timeout(Closing, at(35)),
        Err(Timeout::Write)
    );
    keep_alive.wrote(1, 0, at(35));
    assert_eq!(keep_alive.poll_timeout(Closing, at(35)), Some(at(56)));
}

#[test]
fn while_output_waits_its_deadline_stands_in_for_the_heartbeat() {
    let mut keep_alive = open(all().idle(at(25)));
    let payload = ping(&mut keep_alive, at(20)).unwrap();
    keep_alive.wrote(0, 10, at(20));
    // No Pong by 35 and silence since 0, but the Ping may not have left.
    assert_eq!(keep_alive.handle_timeout(Open, at(49)), Ok(None));
    assert_eq!(keep_alive.poll_timeout(Open, at(49)), Some(at(50)));
    keep_alive.wrote(10, 0, at(49));
    assert_eq!(keep_alive.last_received(), at(0));
    assert_eq!(
        keep_alive.poll_timeout(Open, at(49)),
        Some(at(64)),
        "the Pong, from what was taken last"
    );
    assert_eq!(keep_alive.pong(&payload, at(60)), Some(at(40)));
    // What is taken at once shows no life: the buffers on the way may have it.
    let mut keep_alive = open(Timeouts::default().idle(at(25)));
    keep_alive.wrote(10, 0, at(24));
    assert_eq!(expired(&mut keep_alive, at(25)), Some(Timeout::Idle));
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
    assert_eq!(keep_alive.poll_timeout(Open, at(20)), Some(at(30)));
    keep_alive.wrote(1, 9, at(29));
    assert_eq!(keep_alive.handle_timeout(Open, at(43)), Ok(None));
    assert_eq!(expired(&mut keep_alive, at(44)), Some(Timeout::Pong));
}

#[test]
fn a_connection_is_followed_from_its_open_to_its_close() {
    let mut keep_alive = KeepAlive::new(all(), at(0));
    for now in [1, 5] {
        assert_eq!(
            keep_alive.poll_timeout(Open, at(now)),
            Some(at(21)),
            "the first counts"
        );
    }
    for (state, now) in [(Closing, 7), (Closing, 9), (Closed, 9)] {
        assert_eq!(keep_alive.poll_timeout(state, at(now)), Some(at(12)));
    }
    assert_eq!(
        keep_alive.handle_timeout(Closed, at(12)),
        Err(Timeout::Close)
    );
    // A connection that ends without a close has its transport to be closed as well; so has a
    // handshake that was refused.
    for before in [None, Some(Open)] {
        let mut keep_alive = KeepAlive::new(all(), at(0));
        keep_alive.poll_timeout(before, at(1));
        assert_eq!(keep_alive.handle_timeout(Closed, at(3)), Ok(None));
        assert_eq!(keep_alive.poll_timeout(Closed, at(4)), Some(at(8)));
    }
}

#[test]
fn a_silent_connection_may_still_be_closed_in_good_order() {
    let mut keep_alive = open(all());
    ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(expired(&mut keep_alive, at(35)), Some(Timeout::Pong));
    assert_eq!(keep_alive.handle_timeout(Closing, at(36)), Ok(None));
    assert_eq!(
        keep_alive.handle_timeout(Closing, at(41)),
        Err(Timeout::Close)
    );
}

/// An embedder adds deadlines to its origin, which panics where the sum is beyond its clock.
#[test]
fn deadlines_that_no_clock_can_reach_are_none() {
    let last = at(u64::from(u32::MAX));
    for (longest, deadline) in [
        (last, Some(last)),
        (last.saturating_add(at(1)), None),
        (Duration::MAX, None),
    ] {
        for timeouts in [
            Timeouts::default().idle(longest),
            Timeouts::default().ping_interval(longest),
        ] {
            let mut keep_alive = open(timeouts);
            assert_eq!(keep_alive.poll_timeout(Open, at(0)), deadline);
            if deadline.is_none() {
                assert_eq!(keep_alive.handle_timeout(Open, Duration::MAX), Ok(None));
                assert_eq!(keep_alive.handle_timeout(Open, Duration::MAX), Ok(None));
            }
        }
    }
    // One that is out of reach does not hide one that is not.
    let mut keep_alive = open(all().idle(Duration::MAX).write(Duration::MAX));
    keep_alive.wrote(0, 1, at(0));
    assert_eq!(keep_alive.poll_timeout(Open, at(0)), Some(at(20)));
    // Sums beyond the scale, and a clock that runs backwards.
    let mut keep_alive = KeepAlive::new(all(), Duration::MAX);
    for state in [None, Some(Open), Some(Closing)] {
        assert_eq!(keep_alive.poll_timeout(state, Duration::MAX), None);
        assert_eq!(keep_alive.handle_timeout(state, Duration::MAX), Ok(None));
    }
    let mut keep_alive = open(all());
    let payload = ping(&mut keep_alive, at(20)).unwrap();
    assert_eq!(keep_alive.pong(&payload, at(0)), Some(at(0)));
}

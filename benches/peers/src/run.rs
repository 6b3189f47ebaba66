//! Checks what a peer does, and then takes its time.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::memory::{self, Footprint};
use crate::peer::{Leaves, Payloads, Peer, Receipt, Receiving, Sending, Shaking, Side, Sink};
use crate::rows::{Row, Task};
use crate::stream::{self, CHROME, CHROME_ACCEPT, Content, PLAIN};
use crate::wire::Wire;

/// How long to measure.
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// For each peer in each round.
    pub(crate) time: Duration,
}

/// What came of a peer's try.
pub(crate) enum Outcome {
    /// Nanoseconds a message.
    Time(f64),
    /// The peer does not do this.
    Absent,
    /// It does it wrongly; the reason.
    Failed(String),
}

pub(crate) struct Entry {
    pub(crate) peer: &'static str,
    pub(crate) outcome: Outcome,
    /// Whether it does all that the row is about, and so can be the best.
    pub(crate) whole: bool,
    /// Whether it also refuses each fault of those that are tried.
    pub(crate) strict: bool,
    /// Whether it was part of the measurement that set the targets.
    pub(crate) set_targets: bool,
    /// Bytes sent for each byte of message, where they are compressed.
    pub(crate) shrunk: Option<f64>,
}

impl Entry {
    pub(crate) fn time(&self) -> Option<f64> {
        match self.outcome {
            Outcome::Time(time) => Some(time),
            Outcome::Absent | Outcome::Failed(_) => None,
        }
    }
}

/// Whether a peer refuses every fault that is tried.
#[derive(Clone, Copy, Default)]
pub(crate) struct Strict {
    pub(crate) frames: bool,
    pub(crate) requests: bool,
}

impl Strict {
    fn in_task(self, task: Task) -> bool {
        match task {
            Task::Receive { .. } | Task::Pieces { .. } | Task::ReceiveDeflated { .. } => {
                self.frames
            }
            Task::ServerHandshake => self.requests,
            Task::Send { .. } | Task::SendDeflated { .. } | Task::ClientHandshake => true,
        }
    }
}

/// A row with its times; the first entry is ours, the last the reference.
pub(crate) struct Measured {
    pub(crate) row: Row,
    pub(crate) entries: Vec<Entry>,
}

impl Measured {
    pub(crate) fn ours(&self) -> Option<f64> {
        self.entries.first()?.time()
    }

    pub(crate) fn reference(&self) -> Option<f64> {
        self.entries.last()?.time()
    }

    /// The best of the others that do it all.
    pub(crate) fn best(&self) -> Option<(&'static str, f64)> {
        self.best_of(|_| true)
    }

    /// The best of those that the targets were set by.
    pub(crate) fn yardstick(&self) -> Option<(&'static str, f64)> {
        self.best_of(|entry| entry.set_targets)
    }

    /// The best of those that do the same checks.
    pub(crate) fn strict_best(&self) -> Option<(&'static str, f64)> {
        self.best_of(|entry| entry.strict)
    }

    fn best_of(&self, counts: impl Fn(&Entry) -> bool) -> Option<(&'static str, f64)> {
        let others = self.entries.get(1..self.entries.len() - 1)?;
        others
            .iter()
            .filter(|entry| entry.whole && counts(entry))
            .filter_map(|entry| Some((entry.peer, entry.time()?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Our time as a part of another.
    pub(crate) fn ratio_to(&self, other: Option<(&'static str, f64)>) -> Option<f64> {
        Some(self.ours()? / other?.1)
    }
}

/// What is timed: it gives how many messages it has done of the number that was asked for.
type Job = Box<dyn FnMut(usize) -> usize>;

struct Contestant {
    job: Option<Job>,
    per_run: usize,
    times: Vec<f64>,
    entry: Entry,
}

/// Measures a row: all are checked, then all are timed in turn, round after round.
///
/// `strict` says of each peer what it refuses.
pub(crate) fn measure(
    row: Row,
    peers: &[Box<dyn Peer>],
    strict: &[Strict],
    effort: &Effort,
) -> Measured {
    let task = row.task;
    let mut contestants: Vec<Contestant> = peers
        .iter()
        .zip(strict)
        .map(|(peer, strict)| contestant(&**peer, *strict, task, effort))
        .collect();
    // The clients' server is not theirs; what it takes is measured beside them and left out.
    let mut answering = matches!(task, Task::ClientHandshake).then(|| Contestant {
        job: Some(Box::new(answering())),
        per_run: 1000,
        times: Vec::new(),
        entry: absent("(answering)", Leaves::default(), task),
    });
    let count = contestants.len();
    for round in 0..effort.rounds {
        for turn in 0..count {
            run(&mut contestants[(turn + round) % count]);
        }
        answering.iter_mut().for_each(run);
    }
    let left_out = answering.map_or(0.0, |contestant| median(contestant.times));
    let entries = contestants
        .into_iter()
        .map(|contestant| {
            let mut entry = contestant.entry;
            if !contestant.times.is_empty() && !matches!(entry.outcome, Outcome::Failed(_)) {
                entry.outcome = Outcome::Time(median(contestant.times) - left_out);
            }
            entry
        })
        .collect();
    Measured { row, entries }
}

fn absent(peer: &'static str, leaves: Leaves, task: Task) -> Entry {
    Entry {
        peer,
        outcome: Outcome::Absent,
        whole: does_all(leaves, task),
        strict: true,
        set_targets: false,
        shrunk: None,
    }
}

fn contestant(peer: &dyn Peer, strict: Strict, task: Task, effort: &Effort) -> Contestant {
    let mut entry = Entry {
        strict: strict.in_task(task),
        set_targets: peer.set_targets(),
        ..absent(peer.name(), peer.leaves(), task)
    };
    let mut per_run = 1;
    let checked = guarded(|| {
        let (mut job, shrunk) = checked_job(peer, task)?;
        per_run = enough(&mut job, effort.time, task);
        Some((job, shrunk))
    });
    let job = match checked {
        Ok(Some((job, shrunk))) => {
            entry.shrunk = shrunk;
            Some(job)
        }
        Ok(None) => None,
        Err(reason) => {
            entry.outcome = Outcome::Failed(reason);
            None
        }
    };
    Contestant {
        job,
        per_run,
        times: Vec::new(),
        entry,
    }
}

fn does_all(leaves: Leaves, task: Task) -> bool {
    match task {
        Task::Receive { content, .. } => {
            !leaves.messages && (content == Content::Binary || !leaves.utf8)
        }
        Task::ServerHandshake | Task::ClientHandshake => !leaves.handshake,
        Task::ReceiveDeflated { .. } => !leaves.messages && !leaves.utf8,
        Task::SendDeflated { .. } => !leaves.context && !leaves.closing,
        Task::Send { .. } => !leaves.closing,
        Task::Pieces { .. } => true,
    }
}

/// The task as something to time, after a look at what the peer makes of it. `None` if it does not
/// do it; panics if it does it wrongly.
fn checked_job(peer: &dyn Peer, task: Task) -> Option<(Job, Option<f64>)> {
    match task {
        Task::Receive {
            side,
            content,
            len,
            fragment,
            read,
        } => {
            let payloads = content.payloads(len);
            let stream = stream::stream(content, &payloads, side, fragment);
            let receipt = Receipt {
                side,
                len,
                fragmented: fragment < len,
            };
            let receiving = peer.receive(&receipt, Wire::new(stream, read))?;
            Some((checked_receiving(receiving, &payloads), None))
        }
        Task::Pieces { len, read } => {
            let payloads = Content::Binary.payloads(len);
            let stream = stream::stream(Content::Binary, &payloads, Side::Server, usize::MAX);
            let receipt = Receipt {
                side: Side::Server,
                len,
                fragmented: false,
            };
            let wire = Wire::new(stream, read);
            let receiving = peer.receive_pieces(&receipt, wire)?;
            Some((checked_receiving(receiving, &payloads), None))
        }
        Task::ReceiveDeflated { len } => {
            let payloads = Content::Json.payloads(len);
            let stream = stream::deflated_stream(&payloads, Side::Server);
            let receipt = Receipt {
                side: Side::Server,
                len,
                fragmented: false,
            };
            let receiving = peer.receive_deflated(&receipt, Wire::new(stream, 64 << 10))?;
            Some((checked_receiving(receiving, &payloads), None))
        }
        Task::Send { side, len } => {
            let payloads = Content::Binary.payloads(len);
            let make = |wire| peer.send(side, payloads.clone(), wire);
            checked_sending(&make, &payloads, side).map(|(job, _)| (job, None))
        }
        Task::SendDeflated { len } => {
            let payloads = Content::Json.payloads(len);
            let make = |wire| peer.send_deflated(payloads.clone(), wire);
            checked_sending(&make, &payloads, Side::Server)
        }
        Task::ServerHandshake => Some((shaking(peer.server_handshake(CHROME.as_bytes())?), None)),
        Task::ClientHandshake => Some((shaking(peer.client_handshake()?), None)),
    }
}

fn checked_receiving(mut receiving: Receiving, payloads: &Payloads) -> Job {
    let messages = if payloads[0].len() >= 1 << 20 { 2 } else { 33 };
    // One sink for all runs, since a run may end inside a message that comes in parts.
    let mut sink = Sink::new(payloads, messages);
    receiving(&mut sink);
    Box::new(move |messages| {
        sink.again(messages);
        receiving(&mut sink);
        sink.messages()
    })
}

fn checked_sending(
    make: &dyn Fn(Wire) -> Option<Sending>,
    payloads: &Payloads,
    side: Side,
) -> Option<(Job, Option<f64>)> {
    let messages = if payloads[0].len() >= 1 << 20 { 2 } else { 33 };
    let (wire, record) = Wire::recording();
    make(wire)?(messages);
    let sent = record.lock().expect("one thread");
    let shrunk = match stream::check_sent(&sent, payloads, messages, side) {
        Ok(shrunk) => shrunk,
        Err(reason) => panic!("{reason}"),
    };
    let mut sending = make(Wire::silent())?;
    let job = move |messages| {
        sending(messages);
        messages
    };
    Some((Box::new(job), Some(shrunk)))
}

fn shaking(mut shaking: Shaking) -> Job {
    shaking(2);
    Box::new(move |times| {
        shaking(times);
        times
    })
}

fn answering() -> impl FnMut(usize) -> usize {
    let mut response = Vec::with_capacity(4096);
    move |times| {
        for _ in 0..times {
            response.clear();
            stream::answer(std::hint::black_box(PLAIN.as_bytes()), &mut response);
        }
        times
    }
}

/// What [`check_response`] says before a response that is wrong.
pub(crate) const NOT_ACCEPTED: &str = "not a response that accepts: ";

/// Panics unless a response accepts [`CHROME`].
pub(crate) fn check_response(response: &[u8]) {
    let response = String::from_utf8_lossy(response);
    assert!(
        response.starts_with("HTTP/1.1 101 ")
            && response.contains(CHROME_ACCEPT)
            && response.ends_with("\r\n\r\n"),
        "{NOT_ACCEPTED}{response}"
    );
}

/// How many messages take about this time.
fn enough(job: &mut Job, time: Duration, task: Task) -> usize {
    let least = if task.len() >= 16 << 20 { 2 } else { 1 };
    let mut messages = least;
    loop {
        let start = ThreadTime::now();
        let done = job(messages);
        let elapsed = start.elapsed();
        if elapsed * 8 >= time || messages >= 1 << 24 {
            let each = elapsed.as_secs_f64() / done as f64;
            return ((time.as_secs_f64() / each) as usize).max(least);
        }
        messages *= 4;
    }
}

fn run(contestant: &mut Contestant) {
    let Some(job) = &mut contestant.job else {
        return;
    };
    let per_run = contestant.per_run;
    let timed = guarded(|| {
        let start = ThreadTime::now();
        let done = job(per_run);
        start.elapsed().as_secs_f64() * 1e9 / done as f64
    });
    match timed {
        Ok(time) => contestant.times.push(time),
        Err(reason) => {
            contestant.entry.outcome = Outcome::Failed(reason);
            contestant.job = None;
        }
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the panics of peers from the terminal: they are told in the tables.
pub(crate) fn quiet_panics() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !GUARDED.with(Cell::get) {
            loud(info);
        }
    }));
}

/// Does something of a peer's, which may panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = GUARDED.with(|guarded| guarded.replace(true));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.with(|guarded| guarded.set(before));
    result.map_err(|panic| reason(&*panic))
}

fn reason(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
        .to_string()
}

/// What a connection of a peer's costs in memory.
pub(crate) struct Memory {
    pub(crate) peer: &'static str,
    pub(crate) idle: Option<Footprint>,
    /// Allocations for each message of [`RECEIVED`] lengths.
    pub(crate) received: Vec<Option<f64>>,
    /// And for each sent of [`SENT`] bytes.
    pub(crate) sent: Option<f64>,
    /// The same under permessage-deflate, received and sent.
    pub(crate) deflated: [Option<f64>; 2],
}

pub(crate) const RECEIVED: [usize; 4] = [125, 1 << 10, 16 << 10, 1 << 20];
pub(crate) const SENT: usize = 1 << 10;

pub(crate) fn memory(peer: &dyn Peer) -> Memory {
    let receive = |len| Task::Receive {
        side: Side::Server,
        content: Content::Binary,
        len,
        fragment: usize::MAX,
        read: 64 << 10,
    };
    let send = Task::Send {
        side: Side::Server,
        len: SENT,
    };
    // The first one may also make what connections of a thread share.
    drop(guarded(|| peer.idle()));
    Memory {
        peer: peer.name(),
        idle: guarded(|| memory::footprint(|| peer.idle())).ok().flatten(),
        received: RECEIVED.map(|len| allocations(peer, receive(len))).to_vec(),
        sent: allocations(peer, send),
        deflated: [
            allocations(peer, Task::ReceiveDeflated { len: SENT }),
            allocations(peer, Task::SendDeflated { len: SENT }),
        ],
    }
}

/// Allocations a message, once the first ones are through.
fn allocations(peer: &dyn Peer, task: Task) -> Option<f64> {
    let messages = ((32 << 20) / task.len()).clamp(16, 4096);
    guarded(|| {
        let (mut job, _) = checked_job(peer, task)?;
        job(messages);
        let before = memory::allocations();
        let done = job(messages);
        Some((memory::allocations() - before) as f64 / done as f64)
    })
    .ok()
    .flatten()
}

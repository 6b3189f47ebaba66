//! What messages cost when busy connections are spread among idle ones.

use std::hint::black_box;
use std::slice;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use websocket_proto::deflate::{CompressState, InflateState, Policy};
use websocket_proto::{Assembler, Connection, Growing, Server};

use crate::Options;
use crate::counting::counted;
use crate::memory::{grouped, without_takeover};
use crate::server::{Outcome, Random, client, close, echo, json, open};

/// What clients send: so many scripts of so many reads, of so many messages each on average.
const SCRIPTS: usize = 16;
const READS: usize = 8;
const MESSAGES: usize = 3;

/// How messages come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Every read ends where a message ends.
    Whole,
    /// Reads end anywhere.
    Cut,
    /// As `Whole`, compressed without context takeover; each thread has one assembler, one state to inflate
    /// with and one to compress with, which its connections share.
    Deflated,
}

/// What one read brings, and what has to go out for it.
struct Read {
    wire: Vec<u8>,
    echo: Vec<u8>,
    messages: usize,
}

/// A connection as a server holds it, and where it is in the scripts.
struct Seat {
    conn: Connection<Server>,
    messages: Assembler<Growing>,
    next: usize,
}

struct Row {
    kind: Kind,
    busy: usize,
    idle: usize,
    threads: usize,
}

/// One round of a row.
#[derive(Clone, Copy, Default)]
struct Measured {
    messages: usize,
    /// From the common start to the end of the last thread.
    wall: Duration,
    /// Of all threads, and of that which took most.
    cpu: Duration,
    longest_cpu: Duration,
    allocations: usize,
}

impl Measured {
    fn nanos(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / messages(self.messages)
    }

    fn per_second(&self, time: Duration) -> f64 {
        messages(self.messages) / time.as_secs_f64()
    }
}

fn messages(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn policy(kind: Kind) -> Option<Policy> {
    (kind == Kind::Deflated).then(without_takeover)
}

/// The scripts one behind the other: a connection goes through them all, from where it begins.
fn reads(kind: Kind) -> Outcome<Vec<Read>> {
    let mut random = Random(7);
    let mut reads = Vec::new();
    for _ in 0..SCRIPTS {
        // Where in both streams messages end.
        let (mut wire, mut echoes, mut ends) = (Vec::new(), Vec::new(), vec![(0, 0)]);
        for _ in 0..READS * MESSAGES {
            let key = [(); 4].map(|()| random.below(256).to_le_bytes()[0]);
            let mut client = client(policy(kind), key);
            let len = match kind {
                Kind::Whole | Kind::Cut => 4 + random.below(122),
                Kind::Deflated => 200,
            };
            let text = json(&mut random, len);
            client.send_text(&text, &mut wire)?;
            if kind == Kind::Deflated {
                echoes.extend(compressed(&text)?);
            } else {
                // RFC 6455, section 5.2: a short frame of text, not masked.
                echoes.extend([0x81, text.len().to_le_bytes()[0]]);
                echoes.extend(text.as_bytes());
            }
            ends.push((wire.len(), echoes.len()));
        }
        let mut cuts: Vec<_> = (0..=READS).map(|read| ends[read * MESSAGES].0).collect();
        if kind == Kind::Cut {
            for cut in &mut cuts[1..READS] {
                *cut = 1 + random.below(wire.len() - 1);
            }
            cuts.sort_unstable();
        }
        for cut in cuts.windows(2) {
            // How many messages are whole by then.
            let [begin, end] =
                [0, 1].map(|i| ends.partition_point(|(wire, _)| *wire <= cut[i]) - 1);
            reads.push(Read {
                wire: wire[cut[0]..cut[1]].to_vec(),
                echo: echoes[ends[begin].1..ends[end].1].to_vec(),
                messages: end - begin,
            });
        }
    }
    Ok(reads)
}

/// What a server sends for this text, which a client has to be able to read.
fn compressed(text: &str) -> Outcome<Vec<u8>> {
    let (mut server, mut out) = (open(policy(Kind::Deflated), &mut Vec::new())?, Vec::new());
    server.send_text(text, &mut out)?;
    let (mut read, mut messages, mut none) = (out.clone(), Assembler::default(), Vec::new());
    let mut client = client(policy(Kind::Deflated), [0; 4]);
    let incoming = client.receive_message(&mut &mut read[..], &mut messages, &mut none)?;
    let is_right = matches!(
        incoming,
        Some(websocket_proto::Incoming::Message(message)) if message.as_bytes() == text.as_bytes()
    );
    if !is_right || out.len() >= text.len() {
        return Err("what was compressed is not the message, or not shorter".into());
    }
    Ok(out)
}

fn seats(kind: Kind, count: usize) -> Outcome<Vec<Seat>> {
    let mut out = Vec::new();
    (0..count)
        .map(|index| {
            Ok(Seat {
                conn: open(policy(kind), &mut out)?,
                messages: Assembler::default(),
                next: index * READS % (SCRIPTS * READS),
            })
        })
        .collect()
}

/// Which seat each read is for: the busy ones in a new order again and again, to this number of reads.
fn order(random: &mut Random, mut busy: Vec<usize>, reads: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(reads + busy.len());
    while order.len() < reads {
        random.shuffle(&mut busy);
        order.extend_from_slice(&busy);
    }
    order
}

/// One thread's part of a round.
fn work(seats: &mut [Seat], order: &[usize], reads: &[Read], kind: Kind) -> Outcome<usize> {
    let (mut buffer, mut out) = (vec![0; 16 << 10], Vec::with_capacity(16 << 10));
    let mut shared_messages = Assembler::default();
    let mut inflate: Option<InflateState> = None;
    let mut compress: Option<CompressState> = None;
    let mut count = 0;
    for index in order {
        let seat = &mut seats[*index];
        let read = &reads[seat.next];
        seat.next = (seat.next + 1) % reads.len();
        let read_to = &mut buffer[..read.wire.len()];
        read_to.copy_from_slice(&read.wire);
        if let Some(state) = inflate.take() {
            seat.conn.supply_inflate(state);
        }
        if let Some(state) = compress.take() {
            seat.conn.supply_compress(state);
        }
        let messages = match kind {
            Kind::Whole | Kind::Cut => &mut seat.messages,
            Kind::Deflated => &mut shared_messages,
        };
        let echoed = echo(&mut seat.conn, messages, read_to, &mut out)?;
        if kind == Kind::Deflated {
            inflate = seat.conn.release_inflate();
            compress = seat.conn.release_compress();
        }
        if echoed != read.messages || out != read.echo {
            return Err("a read was not answered as it should be".into());
        }
        count += echoed;
        black_box(&out);
        out.clear();
    }
    Ok(count)
}

struct Bench {
    kind: Kind,
    threads: usize,
    /// In as many equal parts.
    seats: Vec<Seat>,
    /// For each thread the order of the reads within its part of the seats.
    orders: Vec<Vec<usize>>,
    reads: Vec<Read>,
}

impl Bench {
    fn new(row: &Row, reads_of_round: usize) -> Outcome<Self> {
        let mut random = Random(11);
        let count = row.busy + row.idle;
        let part = count / row.threads;
        // Which ones are busy is drawn in each part.
        let orders = (0..row.threads)
            .map(|_| {
                let mut indices: Vec<_> = (0..part).collect();
                random.shuffle(&mut indices);
                indices.truncate(row.busy / row.threads);
                order(&mut random, indices, reads_of_round / row.threads)
            })
            .collect();
        Ok(Self {
            kind: row.kind,
            threads: row.threads,
            seats: seats(row.kind, count)?,
            orders,
            reads: reads(row.kind)?,
        })
    }

    fn round(&mut self) -> Outcome<Measured> {
        let (kind, reads) = (self.kind, &self.reads[..]);
        let part = self.seats.len() / self.threads;
        let (start, began) = (Barrier::new(self.threads), Instant::now());
        let parts: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = self
                .seats
                .chunks_mut(part)
                .zip(&self.orders)
                .map(|(seats, order)| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        let (from, cpu) = (began.elapsed(), ThreadTime::now());
                        let mut count = Ok(0);
                        let (allocations, _) = counted(|| count = work(seats, order, reads, kind));
                        let cpu = cpu.elapsed();
                        count.map(|count| (count, from, began.elapsed(), cpu, allocations))
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or(Err("a thread panicked".into())))
                .collect::<Outcome<_>>()
        })?;
        let mut measured = Measured::default();
        let (mut first, mut last) = (Duration::MAX, Duration::ZERO);
        for (count, from, until, cpu, allocations) in parts {
            measured.messages += count;
            measured.cpu += cpu;
            measured.longest_cpu = measured.longest_cpu.max(cpu);
            measured.allocations += allocations;
            first = first.min(from);
            last = last.max(until);
        }
        measured.wall = last.saturating_sub(first);
        Ok(measured)
    }

    /// Closes all, the idle ones too, after the last message of a script.
    fn close(&mut self) -> Outcome<()> {
        let mut out = Vec::new();
        for seat in &mut self.seats {
            while !seat.next.is_multiple_of(READS) {
                work(slice::from_mut(seat), &[0], &self.reads, self.kind)?;
            }
            close(&mut seat.conn, &mut out)?;
        }
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the rounds of a row say.
struct Summary {
    nanos: f64,
    per_second: f64,
    per_cpu_second: f64,
    allocations: f64,
}

impl Summary {
    fn new(rounds: &[Measured]) -> Self {
        let median = |value: fn(&Measured) -> f64| median(rounds.iter().map(value).collect());
        Self {
            nanos: median(Measured::nanos),
            per_second: median(|round| round.per_second(round.wall)),
            per_cpu_second: median(|round| round.per_second(round.longest_cpu)),
            allocations: median(|round| messages(round.allocations) / messages(round.messages)),
        }
    }
}

/// Prints the tables.
pub(crate) fn report(options: &Options) -> Outcome<()> {
    println!("## Messages among many connections\n");
    println!(
        "A read brings {MESSAGES} messages on average: of 4 to 125 bytes, or of 200 where they are compressed. Each is \
         sent back and compared. The order of the connections is drawn anew for each pass. CPU time of a message is \
         with what the bench does itself: one copy in, one comparison. Medians of {} rounds in turn.\n",
        options.rounds
    );
    println!(
        "| reads | busy | idle | threads | messages/s | CPU ns a message | to 1 connection | allocations a message |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut threads = String::new();
    for (what, kind, reads) in [
        ("end where messages end", Kind::Whole, options.reads),
        ("end anywhere", Kind::Cut, options.reads),
        (
            "permessage-deflate, states shared",
            Kind::Deflated,
            options.reads / 20,
        ),
    ] {
        let row = |busy, idle, threads| Row {
            kind,
            busy,
            idle,
            threads,
        };
        let rows = [
            row(1, 0, 1),
            row(options.busy, 0, 1),
            row(options.busy / 2, options.idle / 2, 1),
            row(options.busy, options.idle, 1),
            row(options.busy, options.idle, 2),
        ];
        let summaries = measure(&rows, options.rounds, reads)?;
        for (row, summary) in rows.iter().zip(&summaries) {
            println!(
                "| {what} | {} | {} | {} | {:.2} M | {:.0} | {:.2} | {:.2} |",
                grouped(row.busy),
                grouped(row.idle),
                row.threads,
                summary.per_second / 1e6,
                summary.nanos,
                summary.nanos / summaries[0].nanos,
                summary.allocations,
            );
        }
        let [.., half, one, two] = &summaries[..] else {
            return Err("there are five rows".into());
        };
        threads += &format!(
            "| {what} | {:.2} | {:.2} | {:.2} |\n",
            two.per_second / one.per_second,
            two.per_cpu_second / one.per_cpu_second,
            two.per_cpu_second / half.per_cpu_second,
        );
    }
    println!("\n## Two threads to one\n");
    println!(
        "Messages a second, the connections shared out between the threads. Half of them find more room in the caches \
         of a core, so two threads can be more than twice as fast as one with all; beside one that has half of them, \
         too, they show what the threads take from each other. By the clock, another program on the machine counts.\n"
    );
    println!(
        "| reads | by the clock | by CPU time | by CPU time, to one with half of the connections |"
    );
    println!("|---|---:|---:|---:|");
    println!("{threads}");
    Ok(())
}

fn measure(rows: &[Row], rounds: usize, reads: usize) -> Outcome<Vec<Summary>> {
    let mut benches = rows
        .iter()
        .map(|row| Bench::new(row, reads))
        .collect::<Outcome<Vec<_>>>()?;
    let mut measured = vec![Vec::new(); rows.len()];
    // The first round warms up.
    for round in 0..=rounds {
        for (bench, measured) in benches.iter_mut().zip(&mut measured) {
            let result = bench.round()?;
            if round > 0 {
                measured.push(result);
            }
        }
    }
    for bench in &mut benches {
        bench.close()?;
    }
    Ok(measured.iter().map(|rounds| Summary::new(rounds)).collect())
}

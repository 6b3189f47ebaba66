//! websocket-proto beside its peers, in one process: the same streams, the same reads, interleaved,
//! CPU time.
//!
//! `cargo run --release -p websocket-proto-peers`. What a peer makes of a task is checked byte for
//! byte before it is timed. The figures are medians over rounds; ratios inside a column hold better
//! than times.

#![deny(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths here are the bench's own"
)]

mod chart;
mod faults;
mod memory;
mod peer;
mod peers;
mod report;
mod rows;
mod run;
mod stream;
mod wire;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use peer::Peer;
use run::{Effort, Measured, Outcome, Strict};

const HELP: &str = "\
usage: cargo run --release -p websocket-proto-peers -- [OPTION]...

  --rows PATTERN  only rows whose name contains PATTERN, in any case; may be given again
  --rounds N      rounds (5)
  --quick         shorter and fewer rounds: whether it runs, more than how fast
  --svg PATH      where the chart goes (peers.svg in the target directory)
  --list          the names of the rows";

struct Options {
    patterns: Vec<String>,
    rounds: Option<usize>,
    quick: bool,
    svg: PathBuf,
    list: bool,
}

fn main() -> ExitCode {
    copy_evenly();
    match options().and_then(|options| options.map_or(Ok(true), |options| bench(&options))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Begins anew with a `memcpy` whose speed does not hang on chance.
///
/// From 2 KiB on glibc copies by one instruction, `rep movsb`. On a Zen 4 it was measured to take 26
/// times longer where the destination lies 1 to 8 bytes behind the source modulo 4096, and 1.5 times
/// over half of all distances. How a library's buffer lies there is luck, which the bench would take
/// for merit; vectors, which glibc can be told to use, are even.
fn copy_evenly() {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    if std::env::var_os(TUNABLES).is_none() {
        use std::os::unix::process::CommandExt as _;
        let mut args = std::env::args_os();
        if let (Some(_), Ok(program)) = (args.next(), std::env::current_exe()) {
            let error = std::process::Command::new(program)
                .args(args)
                .env(TUNABLES, "glibc.cpu.x86_rep_movsb_threshold=0x40000000")
                .exec();
            eprintln!("copies stay as they are: {error}");
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
const TUNABLES: &str = "GLIBC_TUNABLES";

/// `None` if help was all that was asked for.
fn options() -> Result<Option<Options>, Box<dyn Error>> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let mut options = Options {
        patterns: Vec::new(),
        rounds: None,
        quick: false,
        svg: PathBuf::from(target).join("peers.svg"),
        list: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value\n{HELP}"));
        match arg.as_str() {
            "--rows" => options.patterns.push(value()?.to_lowercase()),
            "--rounds" => options.rounds = Some(value()?.parse::<usize>()?.max(1)),
            "--svg" => options.svg = value()?.into(),
            "--quick" => options.quick = true,
            "--list" => options.list = true,
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            _ => return Err(format!("there is no {arg}\n{HELP}").into()),
        }
    }
    Ok(Some(options))
}

/// Whether we did all that we were asked to.
fn bench(options: &Options) -> Result<bool, Box<dyn Error>> {
    let is_asked_for = |name: &str| {
        let name = name.to_lowercase();
        options.patterns.is_empty() || options.patterns.iter().any(|p| name.contains(p))
    };
    let mut rows = rows::rows();
    rows.retain(|row| is_asked_for(&row.name()));
    let with_memory = is_asked_for("Memory");
    if options.list {
        rows.iter().for_each(|row| println!("{}", row.name()));
        println!("Memory");
        return Ok(true);
    }

    let (rounds, millis) = if options.quick { (3, 4) } else { (5, 25) };
    let effort = Effort {
        rounds: options.rounds.unwrap_or(rounds),
        time: Duration::from_millis(millis),
    };
    run::quiet_panics();
    let mut peers = vec![peers::ours()];
    peers.extend(peers::others());
    peers.push(peers::reference());

    let start = Instant::now();
    let strict = tried(&peers);

    let mut tables: Vec<Vec<Measured>> = Vec::new();
    for row in rows {
        let is_new = tables
            .last()
            .is_none_or(|table| table[0].row.table != row.table);
        if is_new {
            print_last(&tables);
            tables.push(Vec::new());
        }
        let measured = run::measure(row, &peers, &strict, &effort);
        if let Some(table) = tables.last_mut() {
            table.push(measured);
        }
    }
    print_last(&tables);

    let mut verdicts: Vec<_> = tables.iter().flat_map(|t| report::verdicts(t)).collect();
    if with_memory {
        let memory: Vec<_> = real(&peers).map(|peer| run::memory(&**peer)).collect();
        println!("{}", report::memory_table(&memory));
        verdicts.extend(report::memory_verdicts(&memory[0]));
    }
    println!("{}", report::summary(&verdicts));
    if let Some(directory) = options.svg.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(&options.svg, chart::svg(&verdicts))?;
    println!(
        "{} rounds in {:.0} s; chart in {}",
        effort.rounds,
        start.elapsed().as_secs_f64(),
        options.svg.display()
    );

    let ours = strict[0];
    let mut right = ours.frames && ours.requests;
    if !right {
        eprintln!("ours takes what it must refuse");
    }
    for measured in tables.iter().flatten() {
        if let Outcome::Failed(reason) = &measured.entries[0].outcome {
            eprintln!("{}: {reason}", measured.row.name());
            right = false;
        }
    }
    Ok(right)
}

/// Tries faults on all peers, prints what each refuses, and gives which of them refuse all.
fn tried(peers: &[Box<dyn Peer>]) -> Vec<Strict> {
    let frames: Vec<_> = real(peers)
        .map(|peer| (peer.name(), faults::refuses(&**peer)))
        .collect();
    let title = "Faults in frames that a server's end refuses";
    let names = faults::FAULTS.map(|(name, _)| name);
    println!("{}", report::faults_table(title, names, &frames));
    let requests: Vec<_> = real(peers)
        .filter_map(|peer| Some((peer.name(), faults::refuses_requests(&**peer)?)))
        .collect();
    let title = "Faults in a request that a server's handshake refuses";
    let names = faults::REQUEST_FAULTS.map(|(name, ..)| name);
    println!("{}", report::faults_table(title, names, &requests));
    let strict = |(name, refused): &(&str, [bool; faults::FAULTS.len()])| Strict {
        frames: !refused.contains(&false),
        requests: requests
            .iter()
            .any(|(peer, refused)| peer == name && !refused.contains(&false)),
    };
    // The reference has no protocol.
    frames
        .iter()
        .map(strict)
        .chain([Strict::default()])
        .collect()
}

/// All but the reference, which is last.
fn real(peers: &[Box<dyn Peer>]) -> impl Iterator<Item = &Box<dyn Peer>> {
    peers.iter().take(peers.len() - 1)
}

fn print_last(tables: &[Vec<Measured>]) {
    if let Some(table) = tables.last() {
        println!("{}", report::table(table));
    }
}

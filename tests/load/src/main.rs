//! The echo servers under hostile clients, with honest ones beside them whose every echo is
//! checked, and whose server may not grow. `tests/load/run` builds what it needs and runs it.

mod chart;
mod client;
mod honest;
mod hostile;
mod judge;
mod server;
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use client::Result;
use hostile::{BEHAVIOURS, Bombs, Play, Tally};
use judge::{Run, Sample};
use server::{Held, Server};
use stage::{LONG, Stage, Times};

const HELP: &str = "\
usage: load SECONDS SVG SERVER...

  SECONDS  how long, at least 20: what is slowest needs that long to be judged once
  SVG      where the picture goes
  SERVER   a program that is started as `SERVER 127.0.0.1:0 --max-message BYTES` and prints `listening on ADDRESS`;
           all are under load at the same time";

/// How long a server may take to let go of connections that have ended.
const RELEASE: Duration = Duration::from_secs(20);
/// The most connections that this program has open against one server, and some files beside them.
const FILES: u64 = 300;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (Some(Ok(seconds @ 20..=86_400)), Some(svg), servers @ [_, ..]) = (
        args.first().map(|seconds| seconds.parse()),
        args.get(1),
        args.get(2..).unwrap_or_default(),
    ) else {
        eprintln!("{HELP}");
        return ExitCode::from(2);
    };
    match run_all(Duration::from_secs(seconds), &svg.into(), servers) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is right.
fn run_all(length: Duration, svg: &PathBuf, servers: &[String]) -> Result<bool> {
    let limit = files_limit()?;
    if limit < FILES * servers.len() as u64 {
        return Err(format!("{limit} open files are too few; try ulimit -n 4096").into());
    }
    println!(
        "{} s, {} server(s) at the same time",
        length.as_secs(),
        servers.len()
    );
    let outcomes: Vec<Result<(Run, String, Vec<String>)>> = scope(|scope| {
        let running: Vec<_> = servers
            .iter()
            .map(|server| scope.spawn(|| run(length, server).map_err(|error| error.to_string())))
            .collect();
        let ended = running.into_iter().map(|running| match running.join() {
            Ok(outcome) => outcome.map_err(Into::into),
            Err(_) => Err("a thread panicked".into()),
        });
        ended.collect()
    });
    let mut runs = Vec::new();
    let mut right = true;
    for outcome in outcomes {
        let (run, report, problems) = outcome?;
        println!("{report}");
        for problem in &problems {
            println!("  wrong: {problem}");
        }
        right &= problems.is_empty();
        runs.push(run);
    }
    if let Some(run) = runs.first() {
        println!("{}", run.limits());
    }
    fs::write(svg, chart::svg(&runs))?;
    println!("drawn: {}", svg.display());
    println!("load: {}", if right { "passed" } else { "failed" });
    Ok(right)
}

/// How many files this process may open.
fn files_limit() -> Result<u64> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let limit = line.and_then(|line| line.split_whitespace().next());
    Ok(limit
        .ok_or("no limit of open files")?
        .parse()
        .unwrap_or(u64::MAX))
}

/// One server from its start to its end: what was sampled, a report, and what is wrong.
fn run(length: Duration, path: &str) -> Result<(Run, String, Vec<String>)> {
    let mut server = Server::start(path)?;
    let bombs = Bombs::new(&server.address)?;
    sleep(Duration::from_secs(1));
    let before = server.held()?;
    let stage = Stage::new(server.address.clone(), length);
    let tallies: Vec<Tally> = BEHAVIOURS.iter().map(|_| Tally::default()).collect();

    let samples = scope(|scope| {
        let stage = &stage;
        for number in 0..honest::STAYING {
            scope.spawn(move || stage.note("honest, staying", honest::stay(stage, number)));
        }
        for number in 0..honest::COMING {
            scope.spawn(move || stage.note("honest, coming", honest::come(stage, number)));
        }
        for (behaviour, tally) in BEHAVIOURS.iter().zip(&tallies) {
            for number in 0..behaviour.workers {
                let play = Play {
                    stage,
                    tally,
                    bombs: &bombs,
                };
                let seed = number as u64 + 1;
                scope.spawn(move || stage.note(behaviour.name, behaviour.play(&play, seed)));
            }
        }
        let samples = sample(&server, stage);
        if samples.is_err() {
            stage.stop();
        }
        samples
    })?;

    let mut problems = stage.take_problems();
    let after = released(&server, before.files)?;
    if after.files > before.files {
        problems.push(format!(
            "{} files are open {} s after the last connection, {} before the first",
            after.files,
            RELEASE.as_secs(),
            before.files
        ));
    }
    if server.panics() > 0 {
        problems.push(format!("{} panics", server.panics()));
    }
    if !server.is_alive() {
        problems.push("the server has ended".into());
    }
    if stage.echoes.count() == 0 || stage.handshakes.count() == 0 {
        problems.push("no honest echo, or no honest handshake".into());
    }
    for (what, times) in [("echoes", &stage.echoes), ("handshakes", &stage.handshakes)] {
        if times.within(0.99) > LONG.as_secs_f64() * 1e3 {
            let times = times.within(0.99);
            problems.push(format!("99 % of honest {what} within {times:.0} ms"));
        }
    }
    for (behaviour, tally) in BEHAVIOURS.iter().zip(&tallies) {
        if tally.judged.load(Ordering::Relaxed) == 0 {
            problems.push(format!("{}: never judged", behaviour.name));
        }
    }
    let slowest = stage.echoes.within(1.0);
    let run = Run::new(server.name.clone(), samples, slowest);
    problems.extend(run.problems());
    let report = report(&run, &stage, &tallies, before, after);
    Ok((run, report, problems))
}

/// Looks at the server every second until the end.
fn sample(server: &Server, stage: &Stage) -> Result<Vec<Sample>> {
    let began = Instant::now();
    let mut samples = Vec::new();
    while !stage.is_over() {
        let held = server.held()?;
        samples.push(Sample {
            time: began.elapsed().as_secs_f64(),
            memory: held.memory,
            files: held.files,
            opened: stage.opened.load(Ordering::Relaxed),
            echoes: stage.echoes.count() as u64,
        });
        stage.pause(Duration::from_secs(1));
    }
    Ok(samples)
}

/// What the server holds once it has no more files open than before, or cannot be waited for.
fn released(server: &Server, files: usize) -> Result<Held> {
    let began = Instant::now();
    loop {
        let held = server.held()?;
        if held.files <= files || began.elapsed() > RELEASE {
            return Ok(held);
        }
        sleep(Duration::from_millis(200));
    }
}

/// The figures of a run, in lines.
fn report(run: &Run, stage: &Stage, tallies: &[Tally], before: Held, after: Held) -> String {
    let mib = |held: Held| held.memory as f64 / 1024.0;
    let times = |times: &Times| {
        format!(
            "{}: half within {:.1} ms, 99 % within {:.1} ms, the slowest {:.0} ms",
            times.count(),
            times.within(0.5),
            times.within(0.99),
            times.within(1.0)
        )
    };
    let mut report = format!(
        "\n{}\n  {:<36} {:>9} {:>9} {:>6}\n",
        run.name, "hostile", "opened", "judged", "lost"
    );
    for (behaviour, tally) in BEHAVIOURS.iter().zip(tallies) {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let _ = writeln!(
            report,
            "  {:<36} {:>9} {:>9} {:>6}",
            behaviour.name,
            count(&tally.opened),
            count(&tally.judged),
            count(&tally.lost)
        );
    }
    let _ = write!(
        report,
        "  hostile connections: {}\n  honest echoes: {}\n  honest handshakes: {}\n  open files: at \
         most {}\n  resident memory: {:.1} MiB before, at most {:.1} MiB, a rise of {:.1} MiB in the \
         last {:.0} s, {:.1} MiB after",
        stage.opened.load(Ordering::Relaxed),
        times(&stage.echoes),
        times(&stage.handshakes),
        run.samples
            .iter()
            .map(|sample| sample.files)
            .max()
            .unwrap_or_default(),
        mib(before),
        run.most(),
        run.rise,
        run.fit[1].0 - run.fit[0].0,
        mib(after),
    );
    report
}

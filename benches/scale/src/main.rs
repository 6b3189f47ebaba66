//! Very many connections in one process, without sockets: what each holds, and what messages cost when the busy
//! ones are spread among them.
//!
//! `cargo run --release -p websocket-proto-scale`. Every echo is compared byte for byte with what it has to be.
//! Times are this machine's; ratios hold better.

#![deny(unsafe_code)]

#[path = "../../../tests/counting/mod.rs"]
#[expect(dead_code, reason = "the tests need the rest")]
mod counting;

mod busy;
mod memory;
mod server;

use std::process::ExitCode;

use server::Outcome;

const HELP: &str = "\
usage: cargo run --release -p websocket-proto-scale -- [OPTION]...

  --idle N    idle connections (100000)
  --busy N    busy connections (10000)
  --rounds N  rounds (5)
  --quick     a tenth of the connections, 2 rounds: whether it is right, more than how fast";

#[derive(Clone, Copy)]
struct Options {
    idle: usize,
    busy: usize,
    rounds: usize,
    /// How many reads a round has.
    reads: usize,
}

fn main() -> ExitCode {
    let outcome = options().and_then(|options| options.map_or(Ok(true), |options| bench(&options)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// `None` if help was all that was asked for.
fn options() -> Outcome<Option<Options>> {
    let mut options = Options {
        idle: 100_000,
        busy: 10_000,
        rounds: 5,
        reads: 1_000_000,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || -> Outcome<usize> {
            let value = args.next().ok_or(format!("{arg} wants a number\n{HELP}"))?;
            Ok(value.parse::<usize>()?.max(1))
        };
        match arg.as_str() {
            "--idle" => options.idle = number()?,
            // Two threads share them.
            "--busy" => options.busy = number()?.max(2),
            "--rounds" => options.rounds = number()?,
            "--quick" => {
                options = Options {
                    idle: 10_000,
                    busy: 1000,
                    rounds: 2,
                    reads: 100_000,
                };
            }
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(None);
            }
            _ => return Err(format!("there is no {arg}\n{HELP}").into()),
        }
    }
    Ok(Some(options))
}

/// Whether all was as it has to be.
fn bench(options: &Options) -> Outcome<bool> {
    let is_released = memory::report(options)?;
    busy::report(options)?;
    Ok(is_released)
}

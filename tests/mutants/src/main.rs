//! Changes the engine in every small way, one at a time, and looks for a test that fails: where none does, a rule is
//! not held by the tests, or the change is none.
//!
//! All changes are built at once, each behind a switch that the environment turns, so that a change costs a run of the
//! tests and no build. `tests/mutants/run` says how to call it.

mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rewrite::Mutant;

/// What there is to know about a test program.
struct Tests {
    name: String,
    program: PathBuf,
    /// How long it may be busy: far longer than it was without a change.
    limit: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Caught,
    TimedOut,
    Missed,
}

/// These read the sources, and do not run them.
const OTHER_TESTS: [&str; 3] = ["layers", "edge_cases", "must_clauses"];

/// Changes that no test can see, each with its reason.
const EQUIVALENT: &str = "tests/mutants/equivalent.txt";

const PROFILE: &str = "\n[profile.mutants]\ninherits = \"test\"\nopt-level = 1\ndebug = \"none\"\n";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let target = PathBuf::from(env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".into()));
    let work = std::path::absolute(target.join("mutants"))?;
    let mutants = write_tree(&work.join("tree"))?;
    let tests = build(&work)?;
    let chosen: Vec<usize> = (0..mutants.len())
        .filter(|&at| is_wanted(&wanted, &mutants[at].file))
        .collect();
    println!("{} changes, {} of them wanted", mutants.len(), chosen.len());
    let verdicts = judge(&mutants, &chosen, &tests);
    report(&mutants, &verdicts, &wanted)
}

fn is_wanted(wanted: &[String], file: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|path| Path::new(file).starts_with(path))
}

/// Writes the package with every change in it.
fn write_tree(tree: &Path) -> Result<Vec<Mutant>, Box<dyn Error>> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    let manifest = fs::read_to_string("Cargo.toml")?;
    let members = manifest.lines().find(|line| line.starts_with("members = "));
    let manifest = manifest.replace(members.unwrap_or_default(), "") + PROFILE;
    fs::create_dir_all(tree)?;
    fs::write(tree.join("Cargo.toml"), manifest)?;
    for file in ["Cargo.lock", "README.md"] {
        if Path::new(file).exists() {
            fs::copy(file, tree.join(file))?;
        }
    }
    let mut mutants = Vec::new();
    for folder in ["src", "tests", "examples"] {
        for path in files(Path::new(folder))? {
            let to = tree.join(&path);
            fs::create_dir_all(to.parent().unwrap_or(tree))?;
            if folder != "src" {
                fs::copy(&path, to)?;
                continue;
            }
            let source = fs::read_to_string(&path)?;
            let mut changed = rewrite::rewrite(&path.to_string_lossy(), &source, &mut mutants)?;
            if path == Path::new("src/lib.rs") {
                changed = changed.replace("#![forbid(unsafe_code)]", "#![allow(unsafe_code)]");
                changed.insert_str(0, "#![feature(core_intrinsics, const_eval_select)]\n#![allow(internal_features)]\n");
                changed.push_str(include_str!("switch.rs"));
            }
            fs::write(to, changed)?;
        }
    }
    Ok(mutants)
}

/// The files below a folder, in their order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Builds the tests once, and runs them without a change.
fn build(work: &Path) -> Result<Vec<Tests>, Box<dyn Error>> {
    let output = Command::new("cargo")
        .args(["test", "--no-run", "--all-features", "--lib", "--tests"])
        .args([
            "--profile",
            "mutants",
            "--message-format",
            "json-render-diagnostics",
        ])
        .arg("--target-dir")
        .arg(work)
        .current_dir(work.join("tree"))
        // A stable compiler takes the feature by which a function says that it runs while compiling.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "--cap-lints=allow")
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the changed sources do not build".into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let mut tests = Vec::new();
    for line in messages.lines() {
        let Some((_, rest)) = line.split_once("\"executable\":\"") else {
            continue;
        };
        let program = PathBuf::from(rest.split('"').next().unwrap_or_default());
        let stem = program.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.rsplit_once('-').map_or(&*stem, |(name, _)| name);
        if OTHER_TESTS.contains(&name) {
            continue;
        }
        let mut test = Tests {
            name: name.to_owned(),
            program: program.clone(),
            limit: Duration::from_secs(600),
        };
        let (verdict, busy) = run(&test, 0)?;
        if verdict != Verdict::Missed {
            return Err(format!("{name} fails without a change").into());
        }
        println!("{name}: {:.1} s", busy.as_secs_f32());
        test.limit = 4 * busy + Duration::from_secs(3);
        tests.push(test);
    }
    Ok(tests)
}

/// Runs one program with one change; says also how long it was busy.
fn run(test: &Tests, id: usize) -> Result<(Verdict, Duration), Box<dyn Error>> {
    let mut child = Command::new(&test.program)
        .args(["--quiet", "-Zunstable-options", "--fail-fast"])
        .env("MUTANT", id.to_string())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let began = Instant::now();
    let mut busy = Duration::ZERO;
    loop {
        if let Some(status) = child.try_wait()? {
            let verdict = if status.success() {
                Verdict::Missed
            } else {
                Verdict::Caught
            };
            return Ok((verdict, busy));
        }
        // What other programs take does not count; who waits for ever is not busy.
        busy = cpu_time(child.id()).unwrap_or(began.elapsed());
        if busy > test.limit || began.elapsed() > 20 * test.limit {
            child.kill()?;
            child.wait()?;
            return Ok((Verdict::TimedOut, busy));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The time that the processors have spent on a process, where Linux tells it in hundredths of a second.
fn cpu_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which is in parentheses, user and system time are fields 12 and 13.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).take(2);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis(10 * (user + system)))
}

/// The test that is most likely to fail for a change in this file: it runs behind those of the library itself.
fn first_test(file: &str) -> &'static str {
    match file {
        _ if file.starts_with("src/handshake") => "handshake",
        _ if file.starts_with("src/deflate") || file.contains("inflating") => "rfc7692",
        _ if file.contains("compress") => "rfc7692",
        "src/keep_alive.rs" => "keep_alive",
        _ => "rfc6455",
    }
}

fn judge(mutants: &[Mutant], chosen: &[usize], tests: &[Tests]) -> BTreeMap<usize, Verdict> {
    let jobs = env::var("MUTANTS_JOBS")
        .ok()
        .and_then(|jobs| jobs.parse().ok());
    let (next, verdicts) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..jobs.unwrap_or(1) {
            scope.spawn(|| {
                while let Some(&at) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mutant = &mutants[at];
                    let rank = |test: &&Tests| match &*test.name {
                        "websocket_proto" => 0,
                        name if name == first_test(&mutant.file) => 1,
                        _ => 2,
                    };
                    let mut ordered: Vec<&Tests> = tests.iter().collect();
                    ordered.sort_by_key(|test| (rank(test), test.limit));
                    let verdict = ordered
                        .into_iter()
                        .map(|test| {
                            run(test, at + 1).map_or(Verdict::Caught, |(verdict, _)| verdict)
                        })
                        .find(|verdict| *verdict != Verdict::Missed)
                        .unwrap_or(Verdict::Missed);
                    if verdict != Verdict::Caught {
                        let what = if verdict == Verdict::Missed {
                            "missed"
                        } else {
                            "timed out"
                        };
                        println!("{what}: {}:{} {}", mutant.file, mutant.line, key(mutant));
                    }
                    if let Ok(mut verdicts) = verdicts.lock() {
                        verdicts.insert(at, verdict);
                    }
                }
            });
        }
    });
    verdicts.into_inner().unwrap_or_default()
}

/// How a change is named where it is kept.
fn key(mutant: &Mutant) -> String {
    let Mutant {
        file,
        function,
        change,
        text,
        ..
    } = mutant;
    format!("{file} | {function} | {change} | {text}")
}

/// The table, and whether all that was missed is known to change nothing.
fn report(
    mutants: &[Mutant],
    verdicts: &BTreeMap<usize, Verdict>,
    wanted: &[String],
) -> Result<ExitCode, Box<dyn Error>> {
    let kept = fs::read_to_string(EQUIVALENT)?;
    let known: BTreeSet<&str> = kept
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut found = BTreeSet::new();
    let mut unknown = Vec::new();
    let mut table: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (&at, &verdict) in verdicts {
        let key = key(&mutants[at]);
        let is_known = known.contains(&*key);
        let column = match verdict {
            Verdict::Caught => 0,
            Verdict::TimedOut => 1,
            Verdict::Missed if is_known => 2,
            Verdict::Missed => 3,
        };
        for row in [&*mutants[at].file, "all"] {
            table.entry(row).or_default()[column] += 1;
        }
        if verdict == Verdict::Missed {
            if !is_known {
                unknown.push(key.clone());
            }
            found.insert(key);
        }
    }
    println!(
        "{:<40} {:>7} {:>7} {:>9} {:>10} {:>7}",
        "file", "changes", "caught", "timed out", "equivalent", "missed"
    );
    for (file, counts) in &table {
        let [caught, timed_out, equivalent, missed] = counts;
        let sum: usize = counts.iter().sum();
        println!("{file:<40} {sum:>7} {caught:>7} {timed_out:>9} {equivalent:>10} {missed:>7}");
    }
    let stale = known.into_iter().filter(|key| {
        let file = key.split(" | ").next().unwrap_or_default();
        is_wanted(wanted, file) && !found.contains(*key)
    });
    let stale: Vec<&str> = stale.collect();
    if !unknown.is_empty() {
        println!("\nNo test fails for these. Write one, or say in {EQUIVALENT} why none can:");
        for key in &unknown {
            println!("{key}");
        }
    }
    if !stale.is_empty() {
        println!("\n{EQUIVALENT} has these, but they are gone, or a test fails for them now:");
        for key in &stale {
            println!("{key}");
        }
    }
    let passed = unknown.is_empty() && stale.is_empty();
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

//! Every target on its seeds, on those cut short, and on what the fuzzer has found: any compiler
//! runs it.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use websocket_proto_fuzz::{TARGETS, seeds};

/// Runs all targets on what `inputs` gives for each; gives how many that were.
fn replay(inputs: impl Fn(&str) -> Vec<(String, Vec<u8>)>) -> usize {
    let (mut count, mut failed) = (0, Vec::new());
    for (target, check) in TARGETS {
        for (name, input) in inputs(target) {
            count += 1;
            if catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
                failed.push(format!("{target}, {name}: \"{}\"", input.escape_ascii()));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} fail, first {}",
        failed.len(),
        failed[0]
    );
    count
}

#[test]
fn seeds_pass() {
    let count = replay(|target| {
        let seeds = seeds::of(target).into_iter().enumerate();
        seeds
            .map(|(at, seed)| (format!("seed {at}"), seed))
            .collect()
    });
    assert!(count > 500, "{count} seeds");
}

#[test]
fn starts_of_seeds_pass() {
    replay(|target| {
        let starts = seeds::of(target)
            .into_iter()
            .enumerate()
            .flat_map(|(at, seed)| {
                let step = seed.len().div_ceil(20).max(1);
                let ends = (0..seed.len()).step_by(step);
                ends.map(|end| (format!("seed {at} up to {end}"), seed[..end].to_vec()))
                    .collect::<Vec<_>>()
            });
        starts.collect()
    });
}

#[test]
fn every_target_has_seeds_that_differ() {
    let mut size = 0;
    for (target, _) in TARGETS {
        let seeds = seeds::of(target);
        size += seeds.iter().map(Vec::len).sum::<usize>();
        let different: BTreeSet<_> = seeds.iter().collect();
        assert!(
            different.len() >= 10 && different.len() * 10 >= seeds.len() * 9,
            "{target}: {}",
            different.len()
        );
    }
    assert!(size < 500_000, "{size} bytes");
}

#[test]
fn every_target_has_its_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let programs: BTreeSet<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| path.file_stem().map(|name| name.to_owned()))
        .collect();
    let targets = TARGETS.map(|(target, _)| Some(target.into()));
    assert_eq!(programs, BTreeSet::from(targets));
}

#[test]
fn regressions_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let names: BTreeSet<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("it can be read")
                .file_name()
                .into_string()
                .expect("a name in UTF-8")
        })
        .filter(|name| name != "README.md")
        .collect();
    let targets = BTreeSet::from(TARGETS.map(|(target, _)| target.to_owned()));
    assert!(
        names.is_subset(&targets),
        "a folder there has the name of its target: {names:?}"
    );
    replay(|target| {
        let Ok(files) = fs::read_dir(folder.join(target)) else {
            return Vec::new();
        };
        let files = files.map(|entry| entry.expect("it can be read").path());
        files
            .map(|path| {
                (
                    path.display().to_string(),
                    fs::read(&path).expect("it can be read"),
                )
            })
            .collect()
    });
}

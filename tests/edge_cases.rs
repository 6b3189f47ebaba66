//! Every edge case has a test: `edge_cases.txt` says which, and this holds it to be true.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    reason = "a test may panic: that is how it fails"
)]

use core::ops::RangeInclusive;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The edge cases that have to have a test.
const REQUIRED: RangeInclusive<u16> = 1..=171;

/// The names of the functions in the sources below `folder`.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("a source");
            let declared = source
                .lines()
                .filter_map(|line| line.trim_start().strip_prefix("fn "));
            names.extend(
                declared
                    .filter_map(|rest| rest.split_once('('))
                    .map(|(name, _)| name.to_owned()),
            );
        }
    }
}

/// The number in `edge_NNN_...`.
fn number(test: &str) -> Option<u16> {
    let (number, _) = test.strip_prefix("edge_")?.split_once('_')?;
    number.parse().ok()
}

#[test]
fn every_edge_case_has_its_test_and_every_such_test_its_line() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut names = BTreeSet::new();
    functions(&tests, &mut names);
    let ledger = fs::read_to_string(tests.join("edge_cases.txt")).expect("the ledger");
    let mut covered = BTreeSet::new();
    let mut listed = BTreeSet::new();
    let is_comment = |line: &&str| line.starts_with('#');
    for line in ledger.lines().filter(|line| !is_comment(line)) {
        let Some((case, test)) = line.split_once(' ') else {
            panic!("`{line}` is not a number and a test");
        };
        let case: u16 = case.parse().expect("a number");
        assert!(names.contains(test), "{case}: there is no test {test}");
        // A test that is named for a case is one of that case.
        assert!(number(test).is_none_or(|number| number == case), "{line}");
        assert!(listed.insert(test), "{test} is listed twice");
        covered.insert(case);
    }
    for case in REQUIRED {
        assert!(covered.contains(&case), "edge case {case} has no test");
    }
    for name in names.iter().filter(|name| number(name).is_some()) {
        assert!(listed.contains(name.as_str()), "{name} is not listed");
    }
}

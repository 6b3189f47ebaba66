//! Every MUST of the RFCs has a test, or a reason why it has none: `must_clauses.txt` says which,
//! and this holds it to be true. `MUST.md` is made of it.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    reason = "a test may panic: that is how it fails"
)]

use core::fmt::Write;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fs};

/// The RFCs, what they are called, and how many of their clauses have a number and a letter.
const RFCS: [(&str, &str, usize, usize); 4] = [
    ("RFC6455", "The WebSocket Protocol", 137, 11),
    ("RFC7692", "Compression Extensions for WebSocket", 40, 6),
    ("RFC8441", "Bootstrapping WebSockets with HTTP/2", 8, 4),
    ("RFC9220", "Bootstrapping WebSockets with HTTP/3", 0, 3),
];

/// How a reason begins.
const REASONS: [&str; 4] = ["embedder: ", "not ours: ", "departs: ", "note: "];

struct Clause<'t> {
    rfc: &'t str,
    section: &'t str,
    /// A number or a letter.
    mark: &'t str,
    text: &'t str,
    /// `path::name` each.
    tests: Vec<&'t str>,
    reason: Option<&'t str>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clauses(ledger: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<Clause<'_>> = Vec::new();
    for line in ledger.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let last = clauses.last_mut();
        if let Some(test) = line.strip_prefix("+ ") {
            last.expect("a clause").tests.push(test);
        } else if let Some(reason) = line.strip_prefix("- ") {
            let old = last.expect("a clause").reason.replace(reason);
            assert_eq!(old, None, "one reason: {line}");
        } else {
            let (place, text) = line.split_once(": ").expect("a place and a text");
            let mut place = place.split(' ');
            let mut part = || place.next().expect("RFC, section and mark");
            clauses.push(Clause {
                rfc: part(),
                section: part(),
                mark: part(),
                text,
                tests: Vec::new(),
                reason: None,
            });
            assert_eq!(place.next(), None, "{line}");
        }
    }
    clauses
}

/// Whether a source has a test of this name that runs.
fn has_test(source: &str, name: &str) -> bool {
    let begin = format!("fn {name}(");
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let above = lines.iter().take(at).rev();
        let attributes: Vec<_> = above
            .take_while(|line| line.starts_with('#') || line.starts_with("//"))
            .collect();
        line.starts_with(&begin)
            && attributes.iter().any(|line| **line == "#[test]")
            && !attributes.iter().any(|line| line.starts_with("#[ignore"))
    })
}

fn number(section: &str) -> Vec<u32> {
    let parts = section.split('.');
    parts.map(|part| part.parse().expect("a section")).collect()
}

#[test]
fn every_clause_has_its_test_or_a_reason() {
    let ledger = fs::read_to_string(root().join("tests/must_clauses.txt")).expect("the ledger");
    let clauses = clauses(&ledger);
    let mut sources = BTreeMap::new();
    for clause in &clauses {
        let place = format!("{} {} {}", clause.rfc, clause.section, clause.mark);
        let (tests, reason) = (&clause.tests, clause.reason);
        assert!(!tests.is_empty() || reason.is_some(), "{place} has nothing");
        assert!(
            reason.is_none_or(|reason| REASONS.iter().any(|begin| reason.starts_with(begin))),
            "{place}: {reason:?}"
        );
        assert!(
            !tests.is_empty() || reason.is_some_and(|reason| !reason.starts_with("note: ")),
            "{place}: a note is no reason"
        );
        let different: BTreeSet<_> = tests.iter().collect();
        assert_eq!(different.len(), tests.len(), "{place} names a test twice");
        for test in tests {
            let (path, name) = test.rsplit_once("::").expect("a path and a name");
            let source = sources.entry(path).or_insert_with(|| {
                fs::read_to_string(root().join(path)).unwrap_or_else(|_| panic!("{place}: {path}"))
            });
            assert!(
                has_test(source, name),
                "{place}: {test} is no test that runs"
            );
        }
    }
}

#[test]
fn no_clause_is_left_out() {
    let ledger = fs::read_to_string(root().join("tests/must_clauses.txt")).expect("the ledger");
    let clauses = clauses(&ledger);
    let mut sections: Vec<(&str, &str)> = Vec::new();
    let (mut numbers, mut letters) = (BTreeMap::new(), BTreeMap::new());
    let (mut next_number, mut next_letter) = (1, b'a');
    for clause in &clauses {
        let place = (clause.rfc, clause.section);
        if sections.last() != Some(&place) {
            if let Some((rfc, section)) = sections.last() {
                let ascends = (*rfc, number(section)) < (clause.rfc, number(clause.section));
                assert!(ascends, "{place:?} is behind {rfc} {section}");
            }
            sections.push(place);
            (next_number, next_letter) = (1, b'a');
        }
        if clause.mark == next_number.to_string() {
            next_number += 1;
            *numbers.entry(clause.rfc).or_insert(0) += 1;
        } else {
            assert_eq!(clause.mark.as_bytes(), [next_letter], "{place:?}: a gap");
            next_letter += 1;
            *letters.entry(clause.rfc).or_insert(0) += 1;
        }
    }
    for (rfc, _, with_number, with_letter) in RFCS {
        assert_eq!(numbers.remove(rfc).unwrap_or(0), with_number, "{rfc}");
        assert_eq!(letters.remove(rfc).unwrap_or(0), with_letter, "{rfc}");
    }
    assert!(numbers.is_empty() && letters.is_empty(), "an RFC more");
}

/// The ledger as tables.
fn tables(clauses: &[Clause<'_>]) -> String {
    let mut page = String::from(
        "# What the RFCs require, and what holds it\n\n\
         Made of [tests/must_clauses.txt](tests/must_clauses.txt), which says where each test is and is held to be true by\n\
         `tests/must_clauses.rs`. A clause is an occurrence of MUST or MUST NOT, by its number within its section; a letter\n\
         stands for a rule in other words. *Embedder*: it is for the program around the engine. *Not ours*: it is for\n\
         intermediaries, registries, or those who define extensions. *Departs*: it is not kept, on purpose.\n",
    );
    for (rfc, title, with_number, with_letter) in RFCS {
        let of_rfc = || clauses.iter().filter(|clause| clause.rfc == rfc);
        let tested = of_rfc().filter(|clause| !clause.tests.is_empty()).count();
        let short = rfc.replace("RFC", "RFC ");
        write!(
            page,
            "\n## {short}: {title}\n\n{with_number} clauses with a number, {with_letter} with a letter; {tested} of them have \
             tests.\n\n| section | clause | | held by |\n|---|---|---|---|\n"
        )
        .expect("a string");
        let mut last = "";
        for clause in of_rfc() {
            let section = if clause.section == last {
                String::new()
            } else {
                let digits = rfc.to_lowercase();
                let link = format!(
                    "https://www.rfc-editor.org/rfc/{digits}#section-{}",
                    clause.section
                );
                format!("[{}]({link})", clause.section)
            };
            last = clause.section;
            let names = clause
                .tests
                .iter()
                .filter_map(|test| test.rsplit_once("::"));
            let mut held: Vec<_> = names.map(|(_, name)| format!("`{name}`")).collect();
            if let Some((kind, reason)) = clause.reason.and_then(|reason| reason.split_once(": ")) {
                held.push(format!("*{kind}*: {reason}"));
            }
            let held = held.join("; ");
            writeln!(
                page,
                "| {section} | {} | {} | {held} |",
                clause.mark, clause.text
            )
            .expect("a string");
        }
    }
    page
}

#[test]
fn the_page_is_what_the_ledger_says() {
    let ledger = fs::read_to_string(root().join("tests/must_clauses.txt")).expect("the ledger");
    let page = tables(&clauses(&ledger));
    let path = root().join("MUST.md");
    if env::var("MUST_MD").is_ok_and(|wish| wish == "write") {
        fs::write(&path, &page).expect("MUST.md");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "MUST.md: MUST_MD=write cargo test --test must_clauses"
    );
}

//! Tables in Markdown.

use std::fmt::Write as _;

use crate::rows::{MAX_ALLOCATIONS, MAX_HEAP, MAX_SIZE, size};
use crate::run::{Measured, Memory, Outcome, RECEIVED, SENT};

/// One line of the summary.
pub(crate) struct Verdict {
    pub(crate) row: String,
    pub(crate) target: f64,
    /// `None` if it could not be measured.
    pub(crate) ours: Option<f64>,
    pub(crate) beside: String,
    /// The same beside the best of all peers, also of those that the targets were not set by.
    pub(crate) beside_all: Option<(&'static str, f64)>,
    /// And beside the best of those that do the same checks.
    pub(crate) beside_strict: Option<(&'static str, f64)>,
    /// Whether these are ratios, or absolute numbers.
    pub(crate) is_ratio: bool,
}

impl Verdict {
    pub(crate) fn is_met(&self) -> bool {
        self.ours.is_some_and(|ours| ours <= self.target)
    }
}

/// A time in nanoseconds: three digits are enough.
pub(crate) fn time(ns: f64) -> String {
    if ns < 99.95 {
        format!("{ns:.1}")
    } else {
        format!("{ns:.0}")
    }
}

/// One table: the peers down, the rows across.
pub(crate) fn table(measured: &[Measured]) -> String {
    let mut text = String::new();
    let Some(first) = measured.first() else {
        return text;
    };
    let _ = writeln!(text, "### {}: ns a message\n", first.row.table);
    let columns: Vec<&str> = measured.iter().map(|m| m.row.column.as_str()).collect();
    let _ = writeln!(text, "| | {} |", columns.join(" | "));
    let _ = writeln!(text, "|---|{}", "---:|".repeat(columns.len()));
    let mut notes = Vec::new();
    for (index, entry) in first.entries.iter().enumerate() {
        let column = |m: &Measured| {
            let entry = &m.entries[index];
            let mark = if entry.whole { "" } else { " †" };
            let shrunk = entry.shrunk.map_or(String::new(), |shrunk| {
                format!(" (to {:.1} %)", shrunk * 100.0)
            });
            match &entry.outcome {
                Outcome::Time(ns) if m.best().is_some_and(|best| best.0 == entry.peer) => {
                    format!("**{}**{shrunk}", time(*ns))
                }
                Outcome::Time(ns) => format!("{}{mark}{shrunk}", time(*ns)),
                Outcome::Absent => "-".into(),
                Outcome::Failed(_) => "fails".into(),
            }
        };
        if measured
            .iter()
            .all(|m| matches!(m.entries[index].outcome, Outcome::Absent))
            && index != 0
        {
            continue;
        }
        let cells: Vec<String> = measured.iter().map(column).collect();
        let _ = writeln!(text, "| {} | {} |", entry.peer, cells.join(" | "));
        for m in measured {
            if let Outcome::Failed(reason) = &m.entries[index].outcome {
                let reason = reason.lines().next().unwrap_or_default();
                notes.push(format!("- {}, {}: {reason}", entry.peer, m.row.column));
            }
        }
    }
    let ratios: Vec<String> = measured
        .iter()
        .map(|m| {
            m.ratio_to(m.best())
                .map_or("-".into(), |ratio| format!("{ratio:.2}"))
        })
        .collect();
    let _ = writeln!(text, "| ours / best | {} |", ratios.join(" | "));
    if measured
        .iter()
        .any(|m| m.entries.iter().any(|e| !e.whole && e.time().is_some()))
    {
        notes.push("- † leaves a part of it to the caller, and so cannot be the best".into());
    }
    if !notes.is_empty() {
        let _ = writeln!(text, "\n{}", notes.join("\n"));
    }
    text
}

/// What each peer refuses: the faults down, the peers across.
pub(crate) fn faults_table<const N: usize>(
    title: &str,
    faults: [&str; N],
    refused: &[(&'static str, [bool; N])],
) -> String {
    let mut text = format!("### {title}\n\n");
    let names: Vec<&str> = refused.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(text, "| | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", ":---:|".repeat(names.len()));
    for (index, fault) in faults.iter().enumerate() {
        let cells: Vec<&str> = refused
            .iter()
            .map(|(_, refused)| if refused[index] { "yes" } else { "**no**" })
            .collect();
        let _ = writeln!(text, "| {fault} | {} |", cells.join(" | "));
    }
    text
}

pub(crate) fn memory_table(memory: &[Memory]) -> String {
    let mut text = String::from("### Memory of a server's connection\n\n");
    let received: Vec<String> = RECEIVED
        .map(|len| format!("allocations a message received, {}", size(len)))
        .into();
    let _ = writeln!(
        text,
        "| | value itself, B | idle heap, B | {} | sent, {1} | deflate, received, {1} | deflate, \
         sent, {1} |",
        received.join(" | "),
        size(SENT)
    );
    let _ = writeln!(text, "|---|{}", "---:|".repeat(RECEIVED.len() + 5));
    let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
    for peer in memory {
        let (own, heap) = peer.idle.map_or(("-".into(), "-".into()), |idle| {
            (idle.size.to_string(), idle.heap.to_string())
        });
        let received: Vec<String> = peer.received.iter().copied().map(number).collect();
        let _ = writeln!(
            text,
            "| {} | {own} | {heap} | {} | {} | {} | {} |",
            peer.peer,
            received.join(" | "),
            number(peer.sent),
            number(peer.deflated[0]),
            number(peer.deflated[1])
        );
    }
    text
}

pub(crate) fn verdicts(measured: &[Measured]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for m in measured {
        let verdict = |target, ours, beside: &str| Verdict {
            row: m.row.name(),
            target,
            ours,
            beside: beside.into(),
            beside_all: None,
            beside_strict: None,
            is_ratio: true,
        };
        if let Some(target) = m.row.target {
            let (yardstick, best) = (m.yardstick(), m.best());
            let beside = yardstick.map_or("-", |(peer, _)| peer);
            let all = best.and_then(|(peer, _)| Some((peer, m.ratio_to(best)?)));
            let strict = m.strict_best();
            verdicts.push(Verdict {
                beside_all: all.filter(|(peer, _)| *peer != beside),
                beside_strict: strict.and_then(|(peer, _)| Some((peer, m.ratio_to(strict)?))),
                ..verdict(target, m.ratio_to(yardstick), beside)
            });
        }
        if let Some(target) = m.row.reference_target {
            let ratio = m.ours().zip(m.reference()).map(|(ours, xor)| ours / xor);
            verdicts.push(verdict(target, ratio, "(XOR in place)"));
        }
    }
    verdicts
}

/// What is aimed at for memory. `ours` is the first.
pub(crate) fn memory_verdicts(ours: &Memory) -> Vec<Verdict> {
    let verdict = |row: String, target, ours| Verdict {
        row: format!("Memory: {row}"),
        target,
        ours,
        beside: "(absolute)".into(),
        beside_all: None,
        beside_strict: None,
        is_ratio: false,
    };
    let bytes = |bytes: usize| bytes as f64;
    let mut verdicts = vec![
        verdict(
            "idle heap, B".into(),
            bytes(MAX_HEAP),
            ours.idle.map(|idle| bytes(idle.heap)),
        ),
        verdict(
            "connection and assembler, B".into(),
            bytes(MAX_SIZE),
            ours.idle.map(|idle| bytes(idle.size)),
        ),
    ];
    for (len, allocations) in RECEIVED.into_iter().zip(&ours.received) {
        let row = format!("allocations a message received, {}", size(len));
        verdicts.push(verdict(row, MAX_ALLOCATIONS, *allocations));
    }
    let row = format!("allocations a message sent, {}", size(SENT));
    verdicts.push(verdict(row, MAX_ALLOCATIONS, ours.sent));
    for (done, allocations) in ["received", "sent"].into_iter().zip(ours.deflated) {
        let row = format!("allocations a message {done}, deflate, {}", size(SENT));
        verdicts.push(verdict(row, MAX_ALLOCATIONS, allocations));
    }
    verdicts
}

pub(crate) fn summary(verdicts: &[Verdict]) -> String {
    let mut text = String::from(
        "### Targets\n\n| row | target | measured | beside | | beside a newer peer \
         | beside the best that refuses every fault |\n|---|---:|---:|---|---|---|---|\n",
    );
    for verdict in verdicts {
        let number = |value: f64| {
            if verdict.is_ratio {
                format!("{value:.2}")
            } else {
                format!("{value}")
            }
        };
        let beside = |best: Option<(&str, f64)>| {
            best.map_or(String::new(), |(peer, ratio)| format!("{ratio:.2} {peer}"))
        };
        let word = match verdict.ours {
            None => "not measured",
            Some(_) if verdict.is_met() => "met",
            Some(_) => "**missed**",
        };
        let _ = writeln!(
            text,
            "| {} | ≤ {} | {} | {} | {word} | {} | {} |",
            verdict.row,
            number(verdict.target),
            verdict.ours.map_or("-".into(), number),
            verdict.beside,
            beside(verdict.beside_all),
            beside(verdict.beside_strict),
        );
    }
    let known = verdicts.iter().filter(|v| v.ours.is_some()).count();
    let met = verdicts.iter().filter(|v| v.is_met()).count();
    let _ = writeln!(
        text,
        "\n{met} of {known} targets met; {} not measured.",
        verdicts.len() - known
    );
    text
}

//! Imports run one way: a layer names only those below it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The layers from the bottom up, and what each may name besides itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("num", &[]),
    ("id", &[]),
    ("output", &["frame"]),
    ("deflate", &["num"]),
    ("leniency", &[]),
    ("negotiated", &["deflate", "frame"]),
    ("utf8", &[]),
    ("config", &["leniency"]),
    ("frame", &["num"]),
    ("role", &["frame"]),
    ("error", &["frame", "output"]),
    ("fragment", &[]),
    ("traffic", &[]),
    ("chunk_buffer", &["error", "frame", "id"]),
    ("event", &["fragment", "frame"]),
    ("broadcast", &["num", "frame", "error", "event", "deflate"]),
    (
        "handshake",
        &["output", "deflate", "negotiated", "leniency", "frame"],
    ),
    (
        "connection",
        &[
            "num",
            "id",
            "output",
            "negotiated",
            "utf8",
            "config",
            "frame",
            "leniency",
            "role",
            "error",
            "event",
            "fragment",
            "traffic",
            "chunk_buffer",
            // `receive_message` is where the assembler and the connection meet.
            "assembler",
            "inbox",
            "broadcast",
            "deflate",
        ],
    ),
    ("assembler", &["num", "frame", "error", "event"]),
    ("inbox", &["id", "error", "assembler", "frame"]),
    // It follows the state of a connection, a plain value, and knows no more of it.
    ("keep_alive", &["connection"]),
    ("lib", &[]),
];

/// What the crate root gives a name that belongs to a layer.
const ROOT_NAMES: &[(&str, &str)] = &[
    ("Leniency", "leniency"),
    ("Negotiated", "negotiated"),
    ("OutputFull", "output"),
    ("Output", "output"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            files.extend(sources(&entry));
        } else {
            files.push(entry);
        }
    }
    files
}

/// The modules that a source names through `crate::`, comments aside.
fn named_modules(source: &str) -> Vec<String> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let group = rest
            .strip_prefix('{')
            .and_then(|rest| rest.split('}').next());
        for name in group.unwrap_or(rest).split(',') {
            let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
            let name: String = name
                .trim()
                .chars()
                .take_while(|char| is_name(*char))
                .collect();
            let of_root = ROOT_NAMES
                .iter()
                .find(|(root, _)| *root == name)
                .map(|(_, module)| *module);
            modules.push(of_root.map_or(name, String::from));
            if group.is_none() {
                break;
            }
        }
    }
    modules
}

#[test]
fn imports_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = 0;
    for file in sources(&src) {
        let path = file
            .strip_prefix(&src)
            .expect("below src")
            .with_extension("");
        let layer = path
            .iter()
            .next()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let (_, below) = LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("{layer} is a layer that LAYERS does not know"));
        for module in named_modules(&fs::read_to_string(&file).expect("a source")) {
            assert!(
                module == layer || below.contains(&module.as_str()),
                "{}: {layer} names {module}, which is not below it",
                file.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} imports were found");
}

#[test]
fn the_handshake_and_the_connection_meet_in_negotiated_alone() {
    let allowed = |layer: &str| {
        LAYERS
            .iter()
            .find(|(name, _)| *name == layer)
            .expect("a layer")
            .1
    };
    assert!(!allowed("handshake").contains(&"connection"));
    assert!(!allowed("connection").contains(&"handshake"));
}

#[test]
fn imports_are_found_in_every_form() {
    let source = "use crate::frame::{A, B};\nuse crate::{Negotiated, Output};\n// use crate::x;\ncrate::event::E";
    assert_eq!(
        named_modules(source),
        ["frame", "negotiated", "output", "event"]
    );
}

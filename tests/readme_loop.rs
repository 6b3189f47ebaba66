//! The loop in the README is that of the crate's page, which runs as a test.

#![allow(clippy::unwrap_used, reason = "a test may panic: that is how it fails")]

/// The lines of the loop around `receive_from`, without indentation, comments and what lines begin with.
fn lines_of_loop<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    let lines = text
        .lines()
        .map(|line| line.strip_prefix(start).unwrap_or_default());
    let code = lines.map(|line| line.split("//").next().unwrap().trim());
    let from_loop = code.skip_while(|line| *line != "let received = loop {");
    let until = |line: &&str| !line.starts_with("println!");
    from_loop.take_while(until).collect()
}

#[test]
fn the_loop_in_the_readme_is_that_of_the_crate_s_page() {
    let readme = lines_of_loop(include_str!("../README.md"), "");
    let page = lines_of_loop(include_str!("../src/lib.rs"), "//!");
    assert_eq!(readme, page);
    assert!(readme.len() > 15, "{readme:?}");
}

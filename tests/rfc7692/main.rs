//! RFC 7692's data phase, rule by rule, by the same judge as RFC 6455's: every input is run whole,
//! in every cut and byte by byte, inflated into windows of several sizes and into assemblers.
//!
//! Tests are named after the section (`s7_2_3_1_…`) or after the numbered requirement
//! (`edge_110_…`) that they hold up.

#![cfg(all(feature = "alloc", feature = "deflate"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

#[expect(dead_code, reason = "this file's tests need a part of it")]
#[path = "../rfc6455/case.rs"]
mod case;
mod differential;
mod ends;
mod inflate;
mod receiving;
mod sending;
mod vectors;
mod windows;

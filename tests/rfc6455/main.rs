//! RFC 6455's data phase, rule by rule. Every input is run whole, in every cut and byte by byte:
//! see `case`.
//!
//! Tests are named after the section (`s5_7_…`) or after the numbered requirement (`edge_066_…`)
//! that they hold up.

#![cfg(feature = "alloc")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used,
    reason = "a test may panic: that is how it fails"
)]

mod buffered;
mod case;
mod closing;
mod direct;
mod framing;
mod inbox;
mod limits;
mod misuse;
mod open_limits;
mod raw;
mod sending;
mod text;
mod traffic;
mod vectors;

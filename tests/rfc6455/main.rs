//! RFC 6455's data phase, rule by rule. Every input is run whole, in every cut and byte by byte: see `case`.
//!
//! Tests are named after the section (`s5_7_…`) or after the numbered requirement (`edge_066_…`) that they hold up.

#![cfg(feature = "alloc")]

mod case;
mod closing;
mod framing;
mod limits;
mod sending;
mod text;
mod vectors;

//! The opening handshake, through its public face.
//!
//! A test named `edge_NNN_...` holds statement NNN of the project's list of edge cases. Every head
//! goes through [`support`], which feeds it whole, in two portions cut at each place, and byte by
//! byte, and insists on one outcome.
//!
//! `cfg(test)` tells clippy that the helpers are test code as well.

#[cfg(test)]
mod client;
#[cfg(test)]
mod connect;
#[cfg(test)]
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod folds;
#[cfg(all(test, feature = "http"))]
mod http_types;
#[cfg(test)]
mod leniency;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod outgoing;
#[cfg(test)]
mod redirect;
#[cfg(test)]
mod server;
#[cfg(test)]
mod support;
#[cfg(test)]
mod ways;

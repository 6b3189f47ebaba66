//! A server and what a client sends it: see `receiving`.

use crate::receiving;

/// Holds what the server makes of its input against the RFC.
pub fn check(data: &[u8]) {
    receiving::check(true, receiving::server, data);
}

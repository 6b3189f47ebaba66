//! A client and what a server sends it: see `receiving`.

use crate::receiving;

/// Holds what the client makes of its input against the RFC.
pub fn check(data: &[u8]) {
    receiving::check(false, receiving::client, data);
}

//! The one place where lengths change their type.

/// A length in memory as a length on the wire.
#[expect(
    clippy::as_conversions,
    reason = "usize is at most 64 bits wide on every Rust target; `From` does not say so"
)]
#[inline]
pub(crate) const fn wire_len(len: usize) -> u64 {
    len as u64
}

/// A length on the wire as a length in memory; one that memory cannot hold becomes `usize::MAX`, to
/// be cut by what is there.
#[inline]
pub(crate) fn memory_len(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

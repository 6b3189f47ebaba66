//! Numbers that tell connections apart.

use core::fmt;

/// A number that no other connection of the program has.
///
/// A target without atomic operations of its word size has no such numbers: there all are alike, and
/// what compares them finds no difference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(usize);

/// Without the number, which says nothing: connections in the same state look the same.
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Id").finish_non_exhaustive()
    }
}

impl Id {
    /// The number of no connection.
    pub(crate) const NONE: Self = Self(0);

    /// The next number.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn next() -> Self {
        use core::sync::atomic::{AtomicUsize, Ordering};

        static NEXT: AtomicUsize = AtomicUsize::new(1);
        // Nothing else hangs on the order. After 2^32 connections of a 32-bit program numbers come
        // again, and 0 once; none of those first connections is likely to share an inbox.
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The next number.
    #[cfg(not(target_has_atomic = "ptr"))]
    pub(crate) const fn next() -> Self {
        Self(1)
    }
}

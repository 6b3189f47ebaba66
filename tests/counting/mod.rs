//! An allocator that counts what each thread asks it for: tests run beside each other.

#![expect(
    unsafe_code,
    reason = "a global allocator that counts can only be implemented so"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What this thread has asked for.
#[derive(Clone, Copy, Default)]
struct Counts {
    allocations: usize,
    /// The bytes that these asked for.
    asked: usize,
    /// The bytes that are held, and the most that ever were.
    held: usize,
    most: usize,
    /// The calls of `realloc`, and the bytes that an allocator moves for them which copies each time.
    reallocations: usize,
    moved: usize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const {
        Cell::new(Counts {
            allocations: 0,
            asked: 0,
            held: 0,
            most: 0,
            reallocations: 0,
            moved: 0,
        })
    };
}

struct Counting;

fn count(more: usize, less: usize) {
    COUNTS.with(|counts| {
        let mut now = counts.get();
        now.allocations += usize::from(more > 0);
        now.asked += more;
        // What other threads have allocated may be given back by this one.
        now.held = (now.held + more).saturating_sub(less);
        now.most = now.most.max(now.held);
        counts.set(now);
    });
}

// SAFETY: every call goes on to `System` with its arguments unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (more, less) = (
            size.saturating_sub(layout.size()),
            layout.size().saturating_sub(size),
        );
        count(more, less);
        COUNTS.with(|counts| {
            let mut now = counts.get();
            now.reallocations += 1;
            now.moved += layout.size().min(size);
            counts.set(now);
        });
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations that `work` makes, and the bytes that they ask for.
pub(crate) fn counted(work: impl FnOnce()) -> (usize, usize) {
    COUNTS.with(Cell::take);
    work();
    let counts = COUNTS.with(Cell::get);
    (counts.allocations, counts.asked)
}

/// What `work` gives, the bytes of the heap that are held for it, and the most that were meanwhile.
pub(crate) fn held<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    COUNTS.with(Cell::take);
    let made = work();
    let counts = COUNTS.with(Cell::get);
    (made, counts.held, counts.most)
}

/// The reallocations that `work` makes, and the bytes that an allocator moves for them which copies each
/// time, as the default `realloc` of `GlobalAlloc` does.
pub(crate) fn moved(work: impl FnOnce()) -> (usize, usize) {
    COUNTS.with(Cell::take);
    work();
    let counts = COUNTS.with(Cell::get);
    (counts.reallocations, counts.moved)
}

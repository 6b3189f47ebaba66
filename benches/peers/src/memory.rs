//! The allocator of this program: the system's, and it counts.

#![expect(
    unsafe_code,
    reason = "a global allocator that counts can only be implemented so"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::any::Any;
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

fn count(allocations: usize, bytes: isize) {
    ALLOCATIONS.with(|cell| cell.set(cell.get() + allocations));
    HELD.with(|cell| cell.set(cell.get() + bytes));
}

fn signed(bytes: usize) -> isize {
    bytes.cast_signed()
}

// SAFETY: every call goes on to `System` with its arguments unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, signed(size) - signed(layout.size()));
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, -signed(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How often this thread has allocated so far.
pub(crate) fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

/// The bytes of a value itself, and the bytes on the heap that it holds.
#[derive(Clone, Copy)]
pub(crate) struct Footprint {
    pub(crate) size: usize,
    pub(crate) heap: usize,
}

/// Makes a value and says what it holds.
pub(crate) fn footprint(make: impl FnOnce() -> Option<Box<dyn Any>>) -> Option<Footprint> {
    let before = HELD.with(Cell::get);
    let made = make()?;
    let held = HELD.with(Cell::get) - before;
    let size = size_of_val(&*made);
    // The box that this function asked for is not the value's own.
    let heap = usize::try_from(held - signed(size)).unwrap_or(0);
    Some(Footprint { size, heap })
}

//! A global allocator that measures the peak memory of a test.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::Ordering::SeqCst,
};

#[expect(
    clippy::disallowed_types,
    reason = "only tests contain the counters, and no tenant shares them"
)]
type Counter = std::sync::atomic::AtomicUsize;

/// Bytes per allocation that an allocator uses for itself, at most: WebAssembly's has a header and
/// rounds sizes up.
const OVERHEAD_BYTES: usize = 16;

/// The allocator of the system, with counters of the allocated bytes. A reallocation counts with
/// both its blocks, because the new block may not fit in the place of the old one.
#[derive(Debug)]
pub struct PeakAllocator {
    current: Counter,
    peak: Counter,
}

impl PeakAllocator {
    /// Returns the allocator, for use as `#[global_allocator]`.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a static needs a constant")]
    pub const fn new() -> Self {
        Self {
            current: Counter::new(0),
            peak: Counter::new(0),
        }
    }

    /// Runs a closure. Returns its result, and the most bytes that were allocated at one time in
    /// addition to those allocated before. No other thread may allocate meanwhile.
    pub fn measure<T>(&self, run: impl FnOnce() -> T) -> (T, usize) {
        let before = self.current.load(SeqCst);
        self.peak.store(before, SeqCst);
        let result = run();
        (result, self.peak.load(SeqCst).saturating_sub(before))
    }
}

// SAFETY: every block comes from the allocator of the system with the layout of the caller. The
// default `realloc` calls `alloc` and `dealloc`.
unsafe impl GlobalAlloc for PeakAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size().saturating_add(OVERHEAD_BYTES);
        let current = self.current.fetch_add(size, SeqCst).saturating_add(size);
        self.peak.fetch_max(current, SeqCst);
        // SAFETY: the caller's obligations are those of this method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let size = layout.size().saturating_add(OVERHEAD_BYTES);
        self.current.fetch_sub(size, SeqCst);
        // SAFETY: the caller's obligations are those of this method.
        unsafe { System.dealloc(block, layout) }
    }
}

//! A value that is loaded from storage on first use after an object wakes.

use std::cell::{RefCell, RefMut};

use worker::Result;

/// A value that is loaded on first use. From then on, every change to storage must also be made
/// here. A caller must drop the borrowed value before it calls another method of the cache.
pub(crate) struct Cached<T>(RefCell<Option<T>>);

impl<T> Cached<T> {
    /// Returns a cache without a value.
    pub(crate) fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Returns the value. Loads it if it is not cached.
    pub(crate) fn get_or_load(&self, load: impl FnOnce() -> Result<T>) -> Result<RefMut<'_, T>> {
        let mut cached = self.0.borrow_mut();
        let value = match cached.take() {
            Some(value) => value,
            None => load()?,
        };
        Ok(RefMut::map(cached, |cached| cached.insert(value)))
    }

    /// Changes the value if it is cached, and returns the result of the change. Returns `None` if it
    /// is not cached; a later load reads the change from storage.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().as_mut().map(change)
    }

    /// Drops the value, so that it is loaded again.
    pub(crate) fn invalidate(&self) {
        *self.0.borrow_mut() = None;
    }
}

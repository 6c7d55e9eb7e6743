//! A value that is loaded from storage once after each time an object wakes.

use std::cell::{RefCell, RefMut};

use worker::Result;

/// A value that is loaded on first use. From then on, every change to storage must also be made
/// here. The value is borrowed while a caller uses it, so a caller must not use it again meanwhile.
pub(crate) struct Cached<T>(RefCell<Option<T>>);

impl<T> Cached<T> {
    /// Returns a cache without a value.
    pub(crate) fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Returns the value. Loads it if it is not cached.
    pub(crate) fn get_or_load(&self, load: impl FnOnce() -> Result<T>) -> Result<RefMut<'_, T>> {
        let mut cached = self.0.borrow_mut();
        if cached.is_none() {
            *cached = Some(load()?);
        }
        RefMut::filter_map(cached, Option::as_mut).map_err(|_| "the value was not loaded".into())
    }

    /// Changes the value if it is cached, and returns the result of the change. A value that is not
    /// cached will be loaded with the change.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().as_mut().map(change)
    }

    /// Drops the value, so that it is loaded again.
    pub(crate) fn invalidate(&self) {
        *self.0.borrow_mut() = None;
    }
}

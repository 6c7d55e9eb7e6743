//! What an object knows once it has read it from storage.

use std::cell::{RefCell, RefMut};

use worker::Result;

/// Read when it is first needed after each waking, and kept right from then on.
pub(super) struct Known<T>(RefCell<Option<T>>);

impl<T> Known<T> {
    pub(super) fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// What is known, read where it is not.
    pub(super) fn or_read(&self, read: impl FnOnce() -> Result<T>) -> Result<RefMut<'_, T>> {
        let mut held = self.0.borrow_mut();
        let known = match held.take() {
            Some(known) => known,
            None => read()?,
        };
        Ok(RefMut::map(held, |held| held.insert(known)))
    }

    /// Changes it, unless it is yet to be read: then what is read has changed.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.borrow_mut().as_mut().map(change)
    }

    /// Has it read anew.
    pub(super) fn forget(&self) {
        *self.0.borrow_mut() = None;
    }
}

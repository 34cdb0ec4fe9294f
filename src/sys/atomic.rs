//! The types of the words that processes share, and of the cells that only a lock's owner touches.
//! tests/models.rs replaces this file by types of its own, to try every order of steps.

pub(crate) use core::cell::Cell;
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, fence};

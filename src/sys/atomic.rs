//! The words that processes share, and the cells that only a lock's owner touches. From here, so
//! that tests/models.rs can put its own in their place and try every order of steps.

pub(crate) use core::cell::Cell;
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, fence};

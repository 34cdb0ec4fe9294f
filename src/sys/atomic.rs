//! The words that processes share. From here, so that the models in tests/ can put their own in
//! their place and try every order of steps.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64};

//! The mechanisms: one module for each way in which processes share data.
//!
//! A mechanism gets checked Rust types from `ffi` and returns a `Result`. It uses the algorithms in
//! `sync`, the named objects in `object` and the system calls in `sys`.

pub(crate) mod cell;
pub(crate) mod fifo;
pub(crate) mod lines;
pub(crate) mod list;
pub(crate) mod mq;
pub(crate) mod pipe;
pub(crate) mod pty;
pub(crate) mod sem;
pub(crate) mod service;
pub(crate) mod shm;
pub(crate) mod sock;
pub(crate) mod spawn;
pub(crate) mod sysv;
pub(crate) mod topic;
pub(crate) mod transfer;
pub(crate) mod waitable;
pub(crate) mod waitset;
pub(crate) mod watch;

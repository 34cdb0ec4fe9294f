//! `ipc_deadline`. What the values of `timeout_ns` mean is known to `base::time` alone.

use super::guard_fast;
use crate::base::time;

/// Turns a timeout that counts from the beginning of a call into an absolute deadline, for several
/// calls that have to be over at the same time. Pass the result as the timeout_ns of every call that
/// has one, as often as you like: a call that is repeated after -EINTR does not wait longer.
///
/// timeout_ns: nanoseconds from now on the monotonic clock. IPC_FOREVER, 0, a result of this call
/// and an invalid timeout are returned unchanged.
///
/// Returns: the deadline, a negative number below IPC_FOREVER. It is at most 146 years after the
/// machine started. A call whose deadline has passed makes one attempt, as with timeout_ns 0. If that
/// would have to wait, the call returns -ETIMEDOUT. The deadline is valid in every process of this
/// machine (of one time namespace), until the machine restarts.
/// Errors: none; the call that gets an invalid timeout reports it.
/// Threads: safe. Signal handlers may call it. It is no cancellation point.
#[unsafe(no_mangle)]
pub extern "C" fn ipc_deadline(timeout_ns: i64) -> i64 {
    guard_fast(
        c"ipc_deadline",
        move || Some(time::absolute(timeout_ns)),
        move || Ok(time::absolute(timeout_ns)),
    )
}

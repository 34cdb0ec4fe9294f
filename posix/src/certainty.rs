//! How long an answer of the kernel about a descriptor stays certain.
//!
//! A send should make no system call, so it cannot ask the kernel each time what its descriptor means.
//! But another thread, or code that this library does not see, may close or replace the descriptor.
//! That takes a system call, and a system call takes time. So within a period shorter than the fastest
//! such call, nothing can have changed, and the last answer still holds. Time is measured in ticks of
//! the processor's counter, because reading the clock would take longer than the send.

use crate::Result;
use crate::identity::Identity;
use core::ffi::c_int;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicU64};

/// For how many ticks an answer stays certain: half as long as the kernel's fastest fstat() has taken.
/// No call that could give a number or its description another meaning takes less. (Measured: close()
/// takes 0.9 times as long as fstat(), dup2() 0.95 times, F_SETFL 0.7 times.)
static CERTAIN_TICKS: AtomicU64 = AtomicU64::new(0);

#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86_64 processor has this counter.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Without a counter that a program may read, every moment is far from the last one, so nothing stays
/// certain and each call asks the kernel.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    TICKS.fetch_add(1 << 32, Relaxed)
}

/// The answer of a call, and the ticks at its beginning and end.
pub(crate) fn timed<T>(call: impl FnOnce() -> Result<T>) -> Result<(T, Range<u64>)> {
    let begin = ticks();
    let answer = call()?;
    Ok((answer, begin..ticks()))
}

/// Whether something that was known at `known` is still certain at `now`.
#[inline(always)]
pub(crate) fn is_certain(known: u64, now: u64) -> bool {
    now.wrapping_sub(known) < CERTAIN_TICKS.load(Relaxed)
}

/// Whether no signal handler can have changed anything within this period. An interrupt of the thread,
/// the call of a handler, the handler's own system call, and the return take three times as long as
/// the limit here. (Measured: 13 times [`CERTAIN_TICKS`].)
#[inline(always)]
pub(crate) fn was_undisturbed(time: &Range<u64>) -> bool {
    time.end.wrapping_sub(time.start) < 4 * CERTAIN_TICKS.load(Relaxed)
}

/// Asks the kernel which file a number means, and how long the answer took. A faster answer than ever
/// before shortens the certain period.
pub(crate) fn identify(fd: c_int) -> Result<(Identity, Range<u64>)> {
    let asked = timed(|| Identity::of(fd))?;
    let half = half_of(&asked.1);
    if half < CERTAIN_TICKS.load(Relaxed) {
        CERTAIN_TICKS.store(half, Relaxed);
    }
    Ok(asked)
}

/// Measures the kernel's speed, once per process. The first answers are slow while caches fill, so the
/// fastest of 16 counts.
pub(crate) fn measure(fd: c_int) {
    if CERTAIN_TICKS.load(Relaxed) == 0 {
        let times = (0..16).filter_map(|_| timed(|| Identity::of(fd)).ok());
        let halves = times.map(|(_, time)| half_of(&time));
        CERTAIN_TICKS.store(halves.min().unwrap_or(0), Relaxed);
    }
}

fn half_of(time: &Range<u64>) -> u64 {
    time.end.wrapping_sub(time.start) / 2
}

/// libc's `__libc_single_threaded`. A libc that has none (before glibc 2.32, musl) leaves a 0 here.
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(ptr::from_ref(&0u8).cast_mut());

/// Whether this process certainly has only one thread.
#[inline(always)]
pub(crate) fn is_single_threaded() -> bool {
    // SAFETY: the pointer leads to libc's char or to our 0, and both live as long as the process. libc
    // changes its char only in a call that starts a thread, so no other thread writes while this reads.
    unsafe { SINGLE_THREADED.load(Relaxed).read_volatile() != 0 }
}

/// Looks up libc's `__libc_single_threaded`, before [`is_single_threaded`] is first of use.
pub(crate) fn find_single_threaded() {
    // SAFETY: the name is a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    if !found.is_null() {
        // Relaxed: until another thread sees the address, it reads the 0 and asks the kernel.
        SINGLE_THREADED.store(found.cast(), Relaxed);
    }
}

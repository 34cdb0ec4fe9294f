//! The number of the processor on which a thread runs, for a thread that is about to spin: its peer cannot answer
//! while this thread keeps the peer's processor busy.
//!
//! A thread that wakes others, or changes what they wait for, leaves its number in shared memory. That is on every
//! fast path, so it must cost no call. glibc (2.35 and newer) has the kernel keep the number in the thread's memory
//! (rseq(2)). Elsewhere a thread keeps the number that it last asked for, when it was about to spin or sleep.
//!
//! In shared memory, 0 is an unknown number, and every other value is a number plus 1.

use core::ptr;
use core::sync::atomic::{AtomicIsize, AtomicU32, Ordering::Relaxed};

/// The value of a word that is not known: 0 in shared memory.
const UNKNOWN: u32 = u32::MAX;

thread_local! {
    /// The number for which this thread last asked.
    static ASKED: AtomicU32 = const { AtomicU32::new(UNKNOWN) };
}

/// The place of a thread's number: in memory that the kernel keeps up to date, or in [`ASKED`]. For use by that
/// thread, as long as it lives.
#[derive(Clone, Copy)]
pub(crate) struct Place(*const AtomicU32);

impl Place {
    /// For a thread that is not known yet.
    pub(crate) const NONE: Place = Place(&raw const NOWHERE);

    #[cold]
    pub(crate) fn of_calling_thread() -> Place {
        Place(word_of_rseq().unwrap_or_else(|| ASKED.with(ptr::from_ref)))
    }

    /// The number plus 1; 0 if it is unknown.
    #[inline(always)]
    pub(crate) fn read(self) -> u32 {
        // SAFETY: the word is a static one, or lies in the calling thread's own memory, which is there as long as
        // the thread. Only the kernel and this thread write it.
        unsafe { &*self.0 }.load(Relaxed).wrapping_add(1)
    }

    /// Asks the kernel for the number, if the kernel does not keep it up to date.
    pub(crate) fn refresh(self) {
        ASKED.with(|asked| {
            if ptr::eq(self.0, asked) {
                asked.store(ask(), Relaxed);
            }
        });
    }
}

static NOWHERE: AtomicU32 = AtomicU32::new(UNKNOWN);

/// The processor of the calling thread, from the kernel.
fn ask() -> u32 {
    let mut number = UNKNOWN;
    let nothing = ptr::null_mut::<u32>();
    // SAFETY: the kernel writes 4 bytes to `number`, and nothing for a null pointer.
    let result = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut number, nothing, nothing) };
    match result {
        0 => number,
        _ => UNKNOWN,
    }
}

/// The word in which the kernel keeps the calling thread's number, if libc has registered one.
fn word_of_rseq() -> Option<*const AtomicU32> {
    /// The offset of the field `cpu_id` in the kernel's struct rseq.
    const CPU_ID: usize = 4;
    let area = thread_pointer()?.wrapping_offset(rseq_offset()?);
    let word: *const AtomicU32 = area.wrapping_add(CPU_ID).cast();
    // SAFETY: glibc keeps a struct rseq at this place for every thread, also if its registration has failed.
    let number = unsafe { &*word }.load(Relaxed);
    // A negative number: not registered.
    (number as i32 >= 0).then_some(word)
}

/// How far the struct rseq is from the thread pointer, in glibc 2.35 and newer.
fn rseq_offset() -> Option<isize> {
    const NOT_SEARCHED: isize = isize::MAX;
    const MISSING: isize = isize::MIN;
    static FOUND: AtomicIsize = AtomicIsize::new(NOT_SEARCHED);
    let mut offset = FOUND.load(Relaxed);
    if offset == NOT_SEARCHED {
        // SAFETY: the name is a C string. RTLD_DEFAULT searches the loaded libraries, and libc stays loaded.
        let symbol: *mut libc::c_void =
            unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_offset".as_ptr()) };
        offset = match symbol.is_null() {
            true => MISSING,
            // SAFETY: glibc's variable is a ptrdiff_t that never changes after the program's start.
            false => unsafe { symbol.cast::<isize>().read() },
        };
        FOUND.store(offset, Relaxed);
    }
    (offset != MISSING).then_some(offset)
}

/// The thread pointer, from which the offset counts.
fn thread_pointer() -> Option<*const u8> {
    let pointer: *const u8;
    #[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
    // SAFETY: the first word of the thread's control block is its own address (the ABI of thread-local storage).
    unsafe {
        core::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    #[cfg(target_arch = "x86")]
    // SAFETY: as for x86-64, in another segment.
    unsafe {
        core::arch::asm!("mov {}, gs:0", out(reg) pointer, options(nostack, preserves_flags, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the register holds the thread pointer and may be read by every program.
    unsafe {
        core::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, nomem));
    }
    #[cfg(any(target_arch = "riscv64", target_arch = "riscv32"))]
    // SAFETY: reads a register, which by the ABI holds the thread pointer.
    unsafe {
        core::arch::asm!("mv {}, tp", out(reg) pointer, options(nostack, preserves_flags, nomem));
    }
    #[cfg(not(any(
        all(target_arch = "x86_64", target_pointer_width = "64"),
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "riscv32"
    )))]
    {
        pointer = ptr::null();
    }
    (!pointer.is_null()).then_some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_to(number: usize) -> bool {
        let mut set = nix::sched::CpuSet::new();
        set.set(number).is_ok()
            && nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set).is_ok()
    }

    #[test]
    fn the_number_is_that_of_the_processor_to_which_a_thread_is_bound() {
        std::thread::spawn(|| {
            for number in 0..4 {
                if !bind_to(number) {
                    continue;
                }
                let place = Place::of_calling_thread();
                place.refresh();
                assert_eq!(place.read(), number as u32 + 1);
                let asked = Place(ASKED.with(ptr::from_ref));
                asked.refresh();
                assert_eq!(asked.read(), number as u32 + 1);
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_thread_that_has_not_asked_has_no_number() {
        std::thread::spawn(|| assert_eq!(Place(ASKED.with(ptr::from_ref)).read(), 0))
            .join()
            .unwrap();
        assert_eq!(Place::NONE.read(), 0);
    }
}

//! Whether a program's pointers lead to memory that it may read or write.
//!
//! The kernel's calls fail with EFAULT where a copy in this library would end the program with a signal.
//! To ask the kernel before each copy would cost more than the copy. So the kernel is asked once for each
//! page, and the table remembers the pages that a program has passed before. If a program unmaps such a
//! page and passes it again, the signal comes after all.

use crate::kernel::system_call;
use crate::{Result, errno};
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// How memory is going to be used.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Read = 1,
    Write = 2,
}

/// The size of the smallest page on any machine.
const PAGE: usize = 4096;

/// The addresses of pages, with the bits of [`Use`] for which they are known to be good.
static KNOWN: [AtomicUsize; 512] = [const { AtomicUsize::new(0) }; 512];

/// `EFAULT` unless both the first and the last byte of this memory can be used so.
#[inline(always)]
pub(crate) fn check(address: usize, length: usize, usage: Use) -> Result<()> {
    if length == 0 {
        return Ok(());
    }
    check_page(address, usage)?;
    let last = address.wrapping_add(length - 1);
    match last / PAGE == address / PAGE {
        true => Ok(()),
        false => check_page(last, usage),
    }
}

#[inline(always)]
fn check_page(address: usize, usage: Use) -> Result<()> {
    let number = address / PAGE;
    let known = &KNOWN[number % KNOWN.len()];
    let found = known.load(Relaxed);
    if found / PAGE == number && found & usage as usize != 0 {
        return Ok(());
    }
    ask(address, usage)?;
    // Memory that can be written can be read too.
    known.store(
        (number * PAGE) | usage as usize | Use::Read as usize,
        Relaxed,
    );
    Ok(())
}

#[cold]
#[inline(never)]
fn ask(address: usize, usage: Use) -> Result<()> {
    /// FUTEX_WAKE_OP that wakes nobody and changes nothing: 0 is or'ed to the second word.
    const OR_0_AND_COMPARE: usize = 2 << 28;
    const NO_SUCH_OPERATION: usize = 99;
    // The kernel maps nothing there, and takes NULL for no signal set.
    if address < PAGE {
        return Err(libc::EFAULT);
    }
    let word = 0u32;
    let before = errno();
    // SAFETY: the kernel checks the address, and changes no value there.
    let result = unsafe {
        match usage {
            // The kernel copies the signal set before it finds that there is no such operation.
            Use::Read => system_call(
                libc::SYS_rt_sigprocmask,
                [NO_SUCH_OPERATION, address & !7, 0, 8, 0, 0],
            ),
            Use::Write => system_call(
                libc::SYS_futex,
                [
                    core::ptr::from_ref(&word).addr(),
                    (libc::FUTEX_WAKE_OP | libc::FUTEX_PRIVATE_FLAG) as usize,
                    0,
                    0,
                    address & !3,
                    OR_0_AND_COMPARE,
                ],
            ),
        }
    };
    let number = errno();
    crate::set_errno(before);
    match number {
        libc::EFAULT if result < 0 => Err(libc::EFAULT),
        _ => Ok(()),
    }
}

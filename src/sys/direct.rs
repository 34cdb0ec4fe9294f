//! System calls without libc, for paths on which libc's `syscall` function, and saving errno around it,
//! would take a measurable part of the time.

use nix::errno::Errno;

/// Makes a system call and leaves errno alone. The kernel ignores the arguments that the call does not
/// have. Unlike libc's functions this is not a cancellation point: a thread that is cancelled inside one
/// would be unwound through this library's frames.
///
/// # Safety
///
/// The kernel may read and write the memory that the call with these arguments reads and writes.
#[inline(always)]
pub(crate) unsafe fn system_call(
    number: libc::c_long,
    arguments: [usize; 6],
) -> Result<usize, Errno> {
    // SAFETY: by this function's contract.
    let result = unsafe { raw(number, arguments) };
    // The kernel's errors are -4095 to -1.
    match result {
        -4095..=-1 => Err(errno_of(result)),
        _ => Ok(result as usize),
    }
}

/// Cold, so that the compiler makes success the straight path.
#[cold]
fn errno_of(result: isize) -> Errno {
    Errno::from_raw(-result as i32)
}

/// The system call's result in the kernel's form.
///
/// # Safety
///
/// As `system_call`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn raw(number: libc::c_long, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let result;
    // SAFETY: by the kernel's convention it changes rax, rcx, r11 and no stack. By this function's
    // contract it may access the memory that the call accesses.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The system call's result in the kernel's form.
///
/// # Safety
///
/// As `system_call`.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
unsafe fn raw(number: libc::c_long, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let result;
    // SAFETY: by the kernel's convention it changes x0 and no stack. By this function's contract it may
    // access the memory that the call accesses.
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a as isize => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
            in("x4") e,
            in("x5") f,
            options(nostack),
        );
    }
    result
}

/// The system call's result in the kernel's form. It goes through libc and restores errno.
///
/// # Safety
///
/// As `system_call`.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn raw(number: libc::c_long, [a, b, c, d, e, f]: [usize; 6]) -> isize {
    let before = Errno::last_raw();
    // SAFETY: by the caller's contract.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result != -1 {
        return result as isize;
    }
    let errno = Errno::last_raw();
    Errno::set_raw(before);
    -errno as isize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_returned_and_errno_stays() {
        Errno::set_raw(77);
        // SAFETY: closing a descriptor that cannot exist accesses no memory.
        let closed = unsafe { system_call(libc::SYS_close, [usize::MAX, 0, 0, 0, 0, 0]) };
        assert_eq!(closed, Err(Errno::EBADF));
        assert_eq!(Errno::last_raw(), 77);
    }

    #[test]
    fn all_arguments_arrive() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let (mut from, mut to) = (*b"abc", [0u8; 3]);
        let number = |descriptor: &std::os::fd::OwnedFd| {
            std::os::fd::AsRawFd::as_raw_fd(descriptor) as usize
        };
        let vector = |bytes: &mut [u8; 3]| libc::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: 3,
        };
        let (source, target) = (vector(&mut from), vector(&mut to));
        // SAFETY: each call gets one vector of three bytes.
        unsafe {
            let place = |vector: &libc::iovec| core::ptr::from_ref(vector) as usize;
            let here = usize::MAX;
            let write = [number(&write), place(&source), 1, here, here, 0];
            assert_eq!(system_call(libc::SYS_pwritev2, write), Ok(3));
            let no_wait = libc::RWF_NOWAIT as usize;
            let read = [number(&read), place(&target), 1, here, here, no_wait];
            assert_eq!(system_call(libc::SYS_preadv2, read), Ok(3));
            // Only the last argument keeps this call from waiting.
            assert_eq!(system_call(libc::SYS_preadv2, read), Err(Errno::EAGAIN));
        }
        assert_eq!(&to, b"abc");
    }
}

//! syscall(): libc's function for system calls by their numbers.
//!
//! A system call for which libc has a function that this library also has goes to that function. So a
//! program that closes or polls a queue's descriptor by syscall() is no exception. A program that makes an
//! io_uring can close and poll descriptors in ways that this library does not see: from then on each of its
//! calls asks the kernel.

use crate::descriptors::{find_polled, go_strict};
use crate::table::known;
use crate::{closing, epoll, kernel, polling};
use core::ffi::{c_int, c_long};

/// Whether a number is a descriptor of the program's for a queue. librobustipc.so moves the twin's messages by the
/// library's own descriptors, on some machines by syscall().
fn has_queue(fd: c_int) -> bool {
    find_polled(fd).is_some() && !known(fd).is_some_and(|entry| entry.is_own())
}

/// A C caller passes all but the first argument as variable ones. On every machine of this library they
/// arrive where named ones do.
///
/// # Safety
///
/// As for that system call.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // SAFETY: by the contract of this call.
    let as_usual = || unsafe { kernel::system_call(number, [a, b, c, d, e, f]) };
    let fd = a as c_int;
    // SAFETY: by the contract of this call; libc's functions take the same arguments as these system calls.
    unsafe {
        match number {
            libc::SYS_close => closing::close(fd).into(),
            libc::SYS_close_range => closing::close_range(a as _, b as _, c as _).into(),
            libc::SYS_fcntl => closing::fcntl(fd, b as _, c as _).into(),
            libc::SYS_dup => closing::dup(fd).into(),
            libc::SYS_dup3 => closing::dup3(fd, b as _, c as _).into(),
            #[cfg(any(target_arch = "x86_64", target_pointer_width = "32"))]
            libc::SYS_dup2 => closing::dup2(fd, b as _).into(),
            #[cfg(any(target_arch = "x86_64", target_pointer_width = "32"))]
            libc::SYS_poll => polling::poll(a as _, b as _, c as _).into(),
            #[cfg(any(target_arch = "x86_64", target_pointer_width = "32"))]
            libc::SYS_epoll_wait => epoll::epoll_wait(fd, b as _, c as _, d as _).into(),
            libc::SYS_epoll_ctl => epoll::epoll_ctl(fd, b as _, c as _, d as _).into(),
            libc::SYS_mq_timedsend if has_queue(fd) => {
                crate::calls::mq_timedsend(fd, b as _, c, d as _, e as _).into()
            }
            libc::SYS_mq_timedreceive if has_queue(fd) => {
                crate::calls::mq_timedreceive(fd, b as _, c, d as _, e as _) as c_long
            }
            // The same with times of 64 bits.
            #[cfg(target_pointer_width = "32")]
            418 if has_queue(fd) => crate::wide::mq_timedsend(fd, b as _, c, d as _, e as _).into(),
            #[cfg(target_pointer_width = "32")]
            419 if has_queue(fd) => {
                crate::wide::mq_timedreceive(fd, b as _, c, d as _, e as _) as c_long
            }
            // Only this one has the structs of 64 bits that libc's fcntl64() takes.
            #[cfg(target_pointer_width = "32")]
            libc::SYS_fcntl64 => closing::fcntl64(fd, b as _, c as _).into(),
            libc::SYS_io_uring_setup => {
                go_strict();
                as_usual()
            }
            _ => as_usual(),
        }
    }
}

//! Removing a queue's name: mq_unlink(), and the removal of a void twin.
//!
//! Under the twin's lock the memory's name goes first, then the twin's. A remover that dies in between
//! leaves a void twin, and the next process that opens the name removes it.

use crate::cancellation::Uncancelable;
use crate::identity::Identity;
use crate::kernel_twin::{self, LockAttempts};
use crate::name::Path;
use crate::table_lock::TableLock;
use crate::{Result, close, memory, pool};
use core::ffi::{c_char, c_int};

/// Does what mq_unlink() does.
///
/// # Safety
///
/// As for mq_unlink().
pub(crate) unsafe fn unlink(name: *const c_char) -> Result<()> {
    // SAFETY: by this function's contract.
    let path = unsafe { Path::of_twin(name) }?;
    let _uncancelable = Uncancelable::begin();
    let mut attempts = LockAttempts::new();
    loop {
        // Closing any descriptor of a twin ends this process's notification by it. So the library's own
        // descriptor serves if there is one. As a user of the queue, this call keeps it open meanwhile.
        let open = {
            let _lock = TableLock::take()?;
            pool::find_named(path.hash()).inspect(|queue| queue.add_user())
        };
        let twin = match open.map_or_else(|| kernel_twin::open_any(&path), |open| Ok(open.twin())) {
            Ok(twin) => twin,
            Err(libc::EACCES) => return unlink_unopened(&path),
            Err(_) => return kernel_twin::unlink(&path),
        };
        let mut done = None;
        if attempts.attempt(twin) {
            done = unlink_locked(twin, &path);
        }
        match open {
            Some(queue) => {
                kernel_twin::unlock(twin);
                let lock = TableLock::take();
                let ended = lock.is_ok().then(|| queue.remove_user()).flatten();
                drop(lock);
                pool::close(ended);
            }
            None => close(twin),
        }
        if let Some(result) = done {
            return result;
        }
        LockAttempts::pause();
    }
}

/// Removes the name of a twin that its mode does not let this process open. The owner may do that, but
/// without a descriptor only /dev/mqueue says which memory belongs to the twin. Where /dev/mqueue is not
/// mounted, the memory stays.
fn unlink_unopened(path: &Path) -> Result<()> {
    // SAFETY: the path is a C string.
    let directory = unsafe { libc::open(c"/dev/mqueue".as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    let shown = Identity::at(directory, path.file_name());
    let result = kernel_twin::unlink(path);
    if let (Ok(twin), Ok(())) = (shown, result) {
        // A name that is still there is in another IPC namespace: then this is another twin.
        let now = Identity::at(directory, path.file_name());
        if !now.is_ok_and(|now| now.is_same_file(&twin)) {
            let _ = memory::unlink(&twin);
        }
    }
    close(directory);
    result
}

/// `None` if another process has removed the name meanwhile.
fn unlink_locked(twin: c_int, path: &Path) -> Option<Result<()>> {
    let identity = match Identity::of(twin) {
        Ok(identity) if identity.is_named() => identity,
        Ok(_) => return None,
        Err(number) => return Some(Err(number)),
    };
    // The memory has the twin's owner, and /dev/shm has the rules of the kernel's queues. So a process that
    // may not remove the memory may not remove the twin's name either.
    let removed = memory::unlink(&identity);
    if let Err(libc::EPERM | libc::EACCES) = removed {
        return Some(Err(libc::EACCES));
    }
    // If this process was stopped for too long, another one may have gone on without the lock.
    if removed.is_ok() && !Identity::of(twin).is_ok_and(|identity| identity.is_named()) {
        return Some(Ok(()));
    }
    match kernel_twin::unlink(path) {
        Err(libc::ENOENT) if removed.is_ok() => Some(Ok(())),
        result => Some(result),
    }
}

/// Removes the name of a void twin, whose maker or remover has died. True if the caller is to try again,
/// because the twin is void or gone. False if the twin is not void. An error if its name cannot be removed:
/// a twin of another user may be void on purpose.
pub(crate) fn remove_void(path: &Path, attempts: &mut LockAttempts) -> Result<bool> {
    // Closing any descriptor of a twin ends this process's notification by it. A queue that this process
    // has open is not void.
    {
        let _lock = TableLock::take()?;
        if pool::find_named(path.hash()).is_some() {
            return Ok(false);
        }
    }
    let twin = match kernel_twin::open_any(path) {
        Ok(twin) => twin,
        Err(libc::ENOENT) => return Ok(true),
        Err(number) => return Err(number),
    };
    let result = remove_if_void(twin, path, attempts);
    close(twin);
    result
}

fn remove_if_void(twin: c_int, path: &Path, attempts: &mut LockAttempts) -> Result<bool> {
    if !is_without_memory(twin) {
        return Ok(false);
    }
    if !attempts.attempt(twin) {
        LockAttempts::pause();
        return Ok(true);
    }
    // Checked again under the lock: from now on no other process gives the twin a queue, or passes its
    // name to another twin.
    if !is_without_memory(twin) {
        return Ok(false);
    }
    if !Identity::of(twin)?.is_named() {
        return Ok(true);
    }
    match kernel_twin::unlink(path) {
        Ok(()) | Err(libc::ENOENT) => Ok(true),
        Err(libc::EPERM) => Err(libc::EACCES),
        Err(number) => Err(number),
    }
}

fn is_without_memory(twin: c_int) -> bool {
    Identity::of(twin).is_ok_and(|identity| memory::is_missing(&identity))
}

//! Named semaphores of libc: those that programs with `sem_open` have under the same name.
//!
//! Such a semaphore is a bare `sem_t` in a file of its own, `sem.NAME` in the shared-memory file
//! system. This module creates the file and publishes it whole, as every object of this library
//! is. So a killed creator leaves nothing, the mode is exact, and the result says who created the
//! semaphore. libc's functions do everything with the `sem_t` itself.

use crate::base::error::{Errno, Result, fail, failed};
use crate::base::name::Name;
use crate::base::time::{Deadline, now};
use crate::object::map::{Access, Mapping};
use crate::object::{self, Location, Options, Outcome, Removable, SHM_DIRECTORY, check_owner};
use crate::sync::sem::VALUE_MAX;
use crate::sys::{file, semaphore};
use core::ffi::CStr;
use core::ptr::NonNull;
use core::time::Duration;
use std::os::fd::{AsFd, OwnedFd};

/// The longest sleep. The kernel does not report the death of a thread that should post, or was woken.
const ROUND: Duration = Duration::from_secs(1);

/// An open semaphore of libc.
pub(crate) struct LibcSemaphore(Mapping);

impl LibcSemaphore {
    /// Opens or creates a semaphore. A new one gets `value`.
    pub(crate) fn open(
        name: &Name,
        value: u32,
        options: Options,
    ) -> Result<(LibcSemaphore, Outcome)> {
        if value > VALUE_MAX {
            return Err(fail!(
                EINVAL,
                "the value is {value}; expected at most {VALUE_MAX}"
            ));
        }
        let location = Location::of_libc_semaphore(name);
        let path = location.path();
        // A further round means that another process has just removed the name, or taken it.
        loop {
            if !options.exclusive {
                match file::open(path, true) {
                    Ok(file) => {
                        check(name, &file, options)?;
                        return Ok((LibcSemaphore::map(&file)?, Outcome::Opened));
                    }
                    Err(Errno::ENOENT) if options.create => {}
                    Err(Errno::ELOOP) => {
                        return Err(fail!(
                            ELOOP,
                            "{name}: a symbolic link stands there; none is followed"
                        ));
                    }
                    Err(errno) => {
                        return Err(failed!(errno, "{name}: cannot be opened"));
                    }
                }
            }
            match create(name, path, value, options) {
                Ok(semaphore) => return Ok((semaphore, Outcome::Created)),
                Err(error) if error.errno() == Errno::EEXIST && !options.exclusive => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn map(file: &OwnedFd) -> Result<LibcSemaphore> {
        Mapping::of_file(file.as_fd(), semaphore::SIZE as u64, Access::ReadWrite).map(LibcSemaphore)
    }

    /// The semaphore's address in this process.
    fn place(&self) -> NonNull<libc::sem_t> {
        self.0.base().cast()
    }

    pub(crate) fn wait(&self, deadline: Deadline) -> Result<()> {
        if deadline == Deadline::Now {
            // SAFETY: the semaphore is mapped as long as self.
            return Ok(unsafe { semaphore::try_wait(self.place()) }?);
        }
        loop {
            // The wait has rounds, because a process that dies may take a wake-up with it.
            let Deadline::At(point) = deadline.earlier(now() + ROUND) else {
                return Err(Errno::EAGAIN.into());
            };
            // SAFETY: as above.
            match unsafe { semaphore::wait_until(self.place(), point) } {
                Err(Errno::ETIMEDOUT) if !deadline.has_passed() => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    pub(crate) fn post(&self) -> Result<()> {
        // SAFETY: the semaphore is mapped as long as self.
        unsafe { semaphore::post(self.place()) }.map_err(|errno| match errno {
            Errno::EOVERFLOW => fail!(
                EOVERFLOW,
                "the value is {VALUE_MAX} and cannot become larger"
            ),
            errno => errno.into(),
        })
    }

    pub(crate) fn value(&self) -> Result<u32> {
        // SAFETY: the semaphore is mapped as long as self.
        Ok(unsafe { semaphore::value(self.place()) }?)
    }
}

/// Creates the semaphore's file. The name comes last.
fn create(name: &Name, path: &CStr, value: u32, options: Options) -> Result<LibcSemaphore> {
    let failed = |errno| failed!(errno, "{name}: cannot be created");
    let file = file::create_unnamed(SHM_DIRECTORY).map_err(failed)?;
    file::allocate(file.as_fd(), semaphore::SIZE as u64).map_err(failed)?;
    let initial = semaphore::initial(value).map_err(failed)?;
    file::write_at(file.as_fd(), &initial, 0).map_err(failed)?;
    file::set_permissions(file.as_fd(), options.mode).map_err(failed)?;
    object::give(name, file.as_fd(), options.owner)?;
    let semaphore = LibcSemaphore::map(&file)?;
    // Last, so that a call which fails leaves no name.
    file::publish(file.as_fd(), path).map_err(failed)?;
    Ok(semaphore)
}

/// Refuses a file that cannot be a semaphore of libc. Only the size can tell.
fn check(name: &Name, file: &OwnedFd, options: Options) -> Result<()> {
    let status = file::status(file.as_fd())?;
    if !status.is_regular() {
        return Err(fail!(
            EMEDIUMTYPE,
            "{name}: expected a semaphore of libc, found something that is not a regular file"
        ));
    }
    if status.size() != semaphore::SIZE as u64 {
        return Err(fail!(
            EPROTO,
            "{name}: expected a semaphore of libc, {} bytes, found {} bytes",
            semaphore::SIZE,
            status.size()
        ));
    }
    if options.check_owner {
        check_owner(name, file.as_fd(), &status)?;
    }
    Ok(())
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    object::unlink(&Location::of_libc_semaphore(name), Removable::LibcSemaphore)
}

//! System V semaphore sets: several operations at once, waits with a deadline, undo at death.
//!
//! The kernel creates a set with one call and gives it its values with another. That is the classic
//! race of System V: an opener may find the set in between, and a creator killed there leaves a set
//! that nobody would ever initialise. Three measures close the race.
//!
//! First, a set without values can be recognised. All its values are 0, no semaphore names a process
//! that set it, and no operation ever took place. SETALL, one atomic step, ends that state.
//!
//! Second, a creator marks its key during the two calls with a lock that the kernel releases at its
//! death ([`CreatorMark`]). An opener that finds a set without values waits while there is a mark.
//! If there is no mark and there are still no values, the creator is dead. A caller with values then
//! sets them, one caller at a time ([`CompletionLock`]). The mark is checked before the values. In
//! the other order a creator that finishes in between would be taken for dead. No new creator of
//! that set can come, because the set exists.
//!
//! Third, an operation without effect follows SETALL. It serves programs without this library, which
//! wait for `sem_otime` to become positive (Stevens, UNIX Network Programming 2, 11.3).

use super::{Shown, Wanted, absent, change_refused, check_owner, find_or_make, vanished};
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::object::{Options, Outcome};
use crate::sys::ready;
use crate::sys::sysv::{
    self, CompletionLock, CreatorMark, OPERATIONS_MAX, PRIVATE, SemStatus, VALUE_MAX, Which,
};
use crate::sys::sysv_change;
use core::ffi::c_int;
use core::time::Duration;

const WHAT: &str = "System V semaphore set";

/// How long an opener waits for a creator at work. A creator needs microseconds, unless it is
/// stopped.
const CREATOR_PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

/// One change of one semaphore.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) index: u16,
    /// The number to add; 0 waits until the value is 0.
    pub(crate) change: i16,
    /// Whether the kernel takes the change back when the process ends.
    pub(crate) undo: bool,
}

/// An open set.
pub(crate) struct Set {
    id: c_int,
    count: u16,
}

impl Set {
    /// Opens or creates a set of `count` semaphores. A new set gets `values`, one for each of them.
    pub(crate) fn open(
        key: libc::key_t,
        count: c_int,
        values: &[u16],
        options: Options,
    ) -> Result<(Set, Outcome)> {
        check_values(count, values, options.create)?;
        let shown = Shown::by_key(WHAT, key);
        let limit = "too many semaphores in one set or in all (kernel.sem)";
        loop {
            let mut mark = None;
            let (id, outcome) = find_or_make(shown, options, 0o600, limit, &mut |flags| {
                let is_making = flags & libc::IPC_CREAT != 0;
                if is_making && key != PRIVATE && mark.is_none() {
                    mark = marked(key)?;
                }
                sysv::sem_get(key, if is_making { count } else { 0 }, flags)
            })?;
            let is_new = matches!(outcome, Outcome::Created);
            let opened = match outcome {
                Outcome::Created => initialise(shown, id, values).map(|()| outcome),
                Outcome::Opened => {
                    // This call is not the creator after all.
                    drop(mark);
                    settle(shown, key, id, values, options)
                }
            };
            let opened =
                opened.and_then(|outcome| Ok((Set::of(shown, id, count, options)?, outcome)));
            if opened.is_err() && is_new && key == PRIVATE {
                // Without a key nobody else could find the set, to use it or to remove it.
                let _ = sysv::sem_remove(id);
            }
            match opened {
                Err(error) if vanished(error) && options.create => {}
                opened => return opened,
            }
        }
    }

    pub(crate) fn open_id(id: c_int, count: c_int, options: Options) -> Result<Set> {
        check_values(count, &[], false)?;
        let shown = Shown::by_id(WHAT, id);
        sysv::sem_status(Which::Id(id)).map_err(|errno| absent(shown, errno))?;
        Set::of(shown, id, count, options)
    }

    fn of(shown: Shown, id: c_int, count: c_int, options: Options) -> Result<Set> {
        let found = sysv::sem_status(Which::Id(id)).map_err(|errno| shown.failed(errno))?;
        check_owner(shown, options, &found.permissions)?;
        check_count(shown, count, &found)?;
        Ok(Set {
            id,
            count: u16::try_from(found.count).unwrap_or(u16::MAX),
        })
    }

    fn shown(&self) -> Shown {
        Shown::by_id(WHAT, self.id)
    }

    pub(crate) fn id(&self) -> c_int {
        self.id
    }

    /// Does all the operations in one step, or none of them.
    pub(crate) fn operate(
        &self,
        count: usize,
        operation: impl Fn(usize) -> Operation,
        deadline: Deadline,
    ) -> Result<()> {
        if count == 0 || count > OPERATIONS_MAX {
            return Err(fail!(
                E2BIG,
                "{}: {count} operations; expected 1 to {OPERATIONS_MAX}",
                self.shown()
            ));
        }
        const NONE: libc::sembuf = libc::sembuf {
            sem_num: 0,
            sem_op: 0,
            sem_flg: 0,
        };
        let mut room = [NONE; OPERATIONS_MAX];
        let operations = &mut room[..count];
        for (place, number) in operations.iter_mut().zip(0..) {
            let wanted = operation(number);
            self.check_index(wanted.index.into())?;
            let undo = if wanted.undo { libc::SEM_UNDO } else { 0 };
            let nowait = if deadline == Deadline::Now {
                libc::IPC_NOWAIT
            } else {
                0
            };
            *place = libc::sembuf {
                sem_num: wanted.index,
                sem_op: wanted.change,
                // Both flags fit: 0x1000 and 0x800.
                sem_flg: (undo | nowait) as i16,
            };
        }
        let left = match deadline {
            Deadline::Now => None,
            _ => deadline.remaining(),
        };
        sysv::sem_operate(self.id, operations, left).map_err(|errno| match errno {
            Errno::EAGAIN if deadline == Deadline::Now => errno.into(),
            Errno::EAGAIN => Errno::ETIMEDOUT.into(),
            Errno::ERANGE => fail!(
                ERANGE,
                "{}: a value, or what is to be undone, would exceed {VALUE_MAX}",
                self.shown()
            ),
            Errno::ENOSPC => fail!(
                ENOSPC,
                "{}: the kernel has no room for what is to be undone (kernel.sem)",
                self.shown()
            ),
            errno => self.shown().failed(errno),
        })
    }

    pub(crate) fn value(&self, index: c_int) -> Result<c_int> {
        self.check_index(index)?;
        sysv::sem_value(self.id, index).map_err(|errno| self.shown().failed(errno))
    }

    /// Sets the value of one semaphore, whatever it was.
    pub(crate) fn set_value(&self, index: c_int, value: c_int) -> Result<()> {
        self.check_index(index)?;
        let value = match u16::try_from(value) {
            Ok(value) if value <= VALUE_MAX => value,
            _ => {
                return Err(fail!(
                    ERANGE,
                    "{}: the value {value}; expected 0 to {VALUE_MAX}",
                    self.shown()
                ));
            }
        };
        sysv_change::sem_set_value(self.id, index, value)
            .map_err(|errno| self.shown().failed(errno))
    }

    /// Sets the values of all semaphores in one step.
    pub(crate) fn set_values(&self, values: &[u16]) -> Result<()> {
        check_range(values)?;
        sysv_change::sem_set_all(self.id, values).map_err(|errno| self.shown().failed(errno))
    }

    /// The count, if the set has this many semaphores.
    pub(crate) fn checked_count(&self, count: c_int) -> Result<usize> {
        if count == c_int::from(self.count) {
            return Ok(self.count.into());
        }
        Err(fail!(
            EINVAL,
            "{}: {count} values; the set has {} semaphores",
            self.shown(),
            self.count
        ))
    }

    fn check_index(&self, index: c_int) -> Result<()> {
        if (0..c_int::from(self.count)).contains(&index) {
            return Ok(());
        }
        Err(fail!(
            EINVAL,
            "{}: semaphore {index}; the set has {}, counted from 0",
            self.shown(),
            self.count
        ))
    }

    pub(crate) fn status(&self) -> Result<SemStatus> {
        sysv::sem_status(Which::Id(self.id)).map_err(|errno| self.shown().failed(errno))
    }

    pub(crate) fn set(&self, wanted: Wanted) -> Result<()> {
        let grant = wanted.grant(|| Ok(self.status()?.permissions))?;
        sysv_change::sem_set(self.id, grant).map_err(|errno| {
            change_refused(
                self.shown(),
                errno,
                grant,
                sysv::sem_status(Which::Id(self.id)),
            )
        })
    }

    pub(crate) fn remove(&self) -> Result<()> {
        sysv::sem_remove(self.id).map_err(|errno| self.shown().failed(errno))
    }
}

fn check_values(count: c_int, values: &[u16], create: bool) -> Result<()> {
    if count < 0 || (create && count == 0) || count > c_int::from(u16::MAX) {
        return Err(fail!(
            EINVAL,
            "a set of {count} semaphores; expected 1 to {}, or 0 to open one of any size",
            u16::MAX
        ));
    }
    check_range(values)
}

fn check_range(values: &[u16]) -> Result<()> {
    match values.iter().find(|&&value| value > VALUE_MAX) {
        Some(value) => Err(fail!(
            ERANGE,
            "the value {value}; expected at most {VALUE_MAX}"
        )),
        None => Ok(()),
    }
}

fn check_count(shown: Shown, count: c_int, found: &SemStatus) -> Result<()> {
    if count == 0 || found.count == count.unsigned_abs().into() {
        return Ok(());
    }
    Err(fail!(
        EPROTO,
        "{shown}: expected {count} semaphores, found {}",
        found.count
    ))
}

/// Gives a set its values in one step. Then shows the set to programs that wait for its first
/// operation.
fn initialise(shown: Shown, id: c_int, values: &[u16]) -> Result<()> {
    sysv_change::sem_set_all(id, values).map_err(|errno| shown.failed(errno))?;
    // One step there and one back, in the order that stays in range.
    let there = if values.first() == Some(&VALUE_MAX) {
        -1
    } else {
        1
    };
    let mut no_change = [there, -there].map(|sem_op| libc::sembuf {
        sem_num: 0,
        sem_op,
        sem_flg: libc::IPC_NOWAIT as i16,
    });
    match sysv::sem_operate(id, &mut no_change, None) {
        Err(errno @ (Errno::EIDRM | Errno::EINVAL)) => Err(shown.failed(errno)),
        // If this fails, the set is in use already: an operation has shown it.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether a set was created and never given values.
fn is_uninitialised(shown: Shown, id: c_int) -> Result<bool> {
    let failed = |errno| shown.failed(errno);
    let status = sysv::sem_status(Which::Id(id)).map_err(failed)?;
    if status.operation_time != 0 {
        return Ok(false);
    }
    for index in 0..c_int::try_from(status.count).unwrap_or(c_int::MAX) {
        if sysv::sem_last_pid(id, index).map_err(failed)? != 0
            || sysv::sem_value(id, index).map_err(failed)? != 0
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// This process's mark as the creator of a key's set. Without /proc there is no mark. The set is
/// created even so, and nobody can complete it if this process dies.
fn marked(key: libc::key_t) -> Result<Option<CreatorMark>, Errno> {
    match CreatorMark::set(key) {
        Ok(mark) => Ok(Some(mark)),
        Err(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Err(errno),
        Err(_) => Ok(None),
    }
}

/// Makes sure that a set that was found has values. Returns whether this call set them.
fn settle(
    shown: Shown,
    key: libc::key_t,
    id: c_int,
    values: &[u16],
    options: Options,
) -> Result<Outcome> {
    let deadline = Deadline::At(now() + CREATOR_PATIENCE);
    let lock = loop {
        if !is_uninitialised(shown, id)? {
            return Ok(Outcome::Opened);
        }
        let lock = match CompletionLock::attempt() {
            Ok(lock) => Some(lock),
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            // The marks cannot be read.
            Err(_) => return Err(no_values(shown)),
        };
        if let Some(lock) = lock {
            if !lock.has_creator(key)? {
                break lock;
            }
        }
        if deadline.has_passed() {
            return Err(fail!(
                EAGAIN,
                "{shown}: the process that is creating it, or completing it, has not finished in {} s: it is stopped",
                CREATOR_PATIENCE.as_secs()
            ));
        }
        // A signal does not end the opening.
        let _ = ready::pause(PAUSE);
    };
    if !is_uninitialised(shown, id)? {
        return Ok(Outcome::Opened);
    }
    if !options.create {
        return Err(no_values(shown));
    }
    let found = sysv::sem_status(Which::Id(id)).map_err(|errno| shown.failed(errno))?;
    check_owner(shown, options, &found.permissions)?;
    // Only if the counts agree is there one value for each semaphore.
    check_count(shown, c_int::try_from(values.len()).unwrap_or(0), &found)?;
    initialise(shown, id, values)?;
    drop(lock);
    Ok(Outcome::Created)
}

fn no_values(shown: Shown) -> Error {
    fail!(
        EAGAIN,
        "{shown}: created, but never given values: its creator died in between, or uses semget and is not done; IPC_CREATE with values completes it"
    )
}

/// Removes a set. Its waiters get EIDRM.
pub(crate) fn remove(id: c_int) -> Result<()> {
    sysv::sem_remove(id).map_err(|errno| absent(Shown::by_id(WHAT, id), errno))
}

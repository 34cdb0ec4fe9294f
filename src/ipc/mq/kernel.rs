//! The kernel's message queue.
//!
//! The kernel keeps the messages. So a killed process loses at most the message that it had just
//! received.
//!
//! A call first makes one attempt, with one system call and without the clock. Only if it has to
//! wait, it reads the clock and sleeps in poll(2). mq_timedreceive(2) could sleep by itself, but it
//! has two faults: its deadline is a time of day, which can step; and after a signal handler that
//! was installed with SA_RESTART, the kernel restarts it without the caller's knowledge.

use super::notify::{Action, Arrivals, Notifier};
use super::{Attributes, Direction, Options};
use crate::base::alloc::try_box;
use crate::base::error::{Errno, Error, Result, fail, failed};
use crate::base::name::Name;
use crate::base::time::Deadline;
use crate::object::{self, Outcome};
use crate::sys::fd::Kept;
use crate::sys::file;
use crate::sys::mqueue::{self, Change, Creation, PRIORITIES};
use core::fmt;
use core::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd, RawFd};

pub(crate) struct KernelQueue {
    name: Name,
    /// A call on another file than a kernel queue fails with EBADF, so the calls do not check what it is.
    descriptor: Kept,
    direction: Direction,
    nonblocking: bool,
    notifier: Notifier,
}

impl KernelQueue {
    pub(crate) fn open(
        name: &Name,
        attributes: Option<Attributes>,
        options: Options,
    ) -> Result<(KernelQueue, Outcome)> {
        let direction = options.direction;
        let open = |creation| mqueue::open(name.file_name(), direction, creation);
        let queue = |descriptor: OwnedFd| -> Result<KernelQueue> {
            Ok(KernelQueue {
                name: *name,
                descriptor: Kept::new(descriptor)?,
                direction,
                nonblocking: options.nonblocking,
                notifier: Notifier::default(),
            })
        };
        let creation = Creation {
            mode: options.mode,
            attributes,
        };
        // Creating and opening are two calls: the kernel's O_CREAT without O_EXCL does not tell
        // which of the two it did. A further round means that another process has just created or
        // removed the queue.
        loop {
            if options.create {
                match open(Some(creation)) {
                    Ok(descriptor) => {
                        // The umask has removed bits from the mode.
                        file::set_permissions(descriptor.as_fd(), options.mode)
                            .map_err(|errno| failed!(errno, "{name}: its mode cannot be set"))?;
                        object::give(name, descriptor.as_fd(), options.owner).inspect_err(
                            |_| {
                                let _ = mqueue::unlink(name.file_name());
                            },
                        )?;
                        return Ok((queue(descriptor)?, Outcome::Created));
                    }
                    Err(Errno::EEXIST) if !options.exclusive => {}
                    Err(errno) => return Err(creation_failed(name, attributes, errno)),
                }
            }
            match open(None) {
                Ok(descriptor) => {
                    let queue = queue(descriptor)?;
                    if options.check_owner {
                        queue.check_owner()?;
                    }
                    queue.check_attributes(attributes)?;
                    return Ok((queue, Outcome::Opened));
                }
                Err(Errno::ENOENT) if options.create => {}
                Err(errno) => {
                    return Err(failed!(errno, "{name}: cannot be opened"));
                }
            }
        }
    }

    pub(crate) fn is_stale(&self) -> Result<bool> {
        Ok(file::status(self.descriptor.unchecked()?)?.is_unlinked())
    }

    fn check_owner(&self) -> Result<()> {
        let status = file::status(self.descriptor.unchecked()?)?;
        object::check_owner(&self.name, self.descriptor.unchecked()?, &status)
    }

    /// Refuses a queue whose sizes differ from those that are wanted.
    fn check_attributes(&self, wanted: Option<Attributes>) -> Result<()> {
        let Some(wanted) = wanted else {
            return Ok(());
        };
        let found = self.attributes()?;
        if (found.max_messages, found.message_size) == (wanted.max_messages, wanted.message_size) {
            return Ok(());
        }
        Err(fail!(
            EPROTO,
            "{}: expected {} messages of {} bytes, found {} messages of {} bytes",
            self.name,
            wanted.max_messages,
            wanted.message_size,
            found.max_messages,
            found.message_size
        ))
    }

    #[inline]
    pub(crate) fn try_send(&self, message: &[u8], priority: u32) -> Result<(), Errno> {
        mqueue::try_send(self.descriptor.unchecked()?, message, priority)
    }

    pub(crate) fn send(&self, message: &[u8], priority: u32, timeout_ns: i64) -> Result<()> {
        self.attempt(Change::Space, timeout_ns, || {
            self.try_send(message, priority)
        })?
        .map_err(|errno| self.send_failed(message, priority, errno))
    }

    #[inline]
    pub(crate) fn try_receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Result<(usize, u32), Errno> {
        let received = mqueue::try_receive(self.descriptor.unchecked()?, buffer)?;
        self.notifier.note_received();
        Ok(received)
    }

    pub(crate) fn receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        timeout_ns: i64,
    ) -> Result<(usize, u32)> {
        self.attempt(Change::Message, timeout_ns, || self.try_receive(buffer))?
            .map_err(|errno| self.receive_failed(buffer, errno))
    }

    /// Makes an attempt, and repeats it while it gives `EAGAIN`, each time after the queue may have
    /// changed.
    fn attempt<T>(
        &self,
        awaited: Change,
        timeout_ns: i64,
        mut attempt: impl FnMut() -> Result<T, Errno>,
    ) -> Result<Result<T, Errno>> {
        let deadline = Deadline::after(timeout_ns)?;
        match attempt() {
            Err(Errno::EAGAIN) => {}
            outcome => return Ok(outcome),
        }
        if self.nonblocking || deadline == Deadline::Now {
            return Err(Errno::EAGAIN.into());
        }
        loop {
            let has_changed = mqueue::wait(self.descriptor.unchecked()?, awaited, deadline)?;
            match attempt() {
                // Another thread was faster.
                Err(Errno::EAGAIN) if has_changed => {}
                Err(Errno::EAGAIN) => return Err(Errno::ETIMEDOUT.into()),
                outcome => return Ok(outcome),
            }
        }
    }

    #[cold]
    pub(crate) fn send_failed(&self, message: &[u8], priority: u32, errno: Errno) -> Error {
        let name = &self.name;
        match errno {
            Errno::EMSGSIZE => {
                let size = self.message_size();
                let length = message.len();
                fail!(
                    EMSGSIZE,
                    "{name}: its messages have up to {size} bytes, this one has {length}"
                )
            }
            Errno::EINVAL if priority >= PRIORITIES => fail!(
                EINVAL,
                "{name}: the priority is {priority}; expected at most {}",
                PRIORITIES - 1
            ),
            Errno::EBADF if self.direction == Direction::Receive => {
                fail!(
                    EBADF,
                    "{name}: opened with IPC_READ_ONLY, so it cannot send"
                )
            }
            Errno::EAGAIN => errno.into(),
            errno => failed!(errno, "{name}: cannot send"),
        }
    }

    #[cold]
    pub(crate) fn receive_failed(&self, buffer: &[MaybeUninit<u8>], errno: Errno) -> Error {
        let name = &self.name;
        match errno {
            Errno::EMSGSIZE => {
                let size = self.message_size();
                let capacity = buffer.len();
                fail!(
                    EMSGSIZE,
                    "{name}: its messages have up to {size} bytes, which the buffer needs; it has {capacity}"
                )
            }
            Errno::EBADF if self.direction == Direction::Send => {
                fail!(
                    EBADF,
                    "{name}: opened with IPC_WRITE_ONLY, so it cannot receive"
                )
            }
            Errno::EAGAIN => errno.into(),
            errno => failed!(errno, "{name}: cannot receive"),
        }
    }

    fn message_size(&self) -> usize {
        self.attributes().map_or(0, |found| found.message_size)
    }

    pub(crate) fn attributes(&self) -> Result<Attributes> {
        mqueue::attributes(self.descriptor.unchecked()?)
            .map_err(|errno| failed!(errno, "{}: cannot be examined", self.name))
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.descriptor.number()
    }

    pub(crate) fn notify(&self, action: Action) -> Result<()> {
        let arrivals = || -> Result<Box<dyn Arrivals>> {
            let arrivals = mqueue::Arrivals::of(self.descriptor.unchecked()?)
                .map_err(|errno| failed!(errno, "no descriptors for the notification"))?;
            Ok(try_box(arrivals)?)
        };
        self.notifier.begin(&self.name, &arrivals, action)
    }

    pub(crate) fn end_notification(&self) -> Result<()> {
        self.notifier.end(&self.name)
    }
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    mqueue::unlink(name.file_name()).map_err(|errno| failed!(errno, "{name}: cannot be removed"))
}

/// A limit of the system's, if it is known.
struct Limit(Option<u64>);

impl Limit {
    fn is_below(&self, value: usize) -> bool {
        self.0.is_some_and(|limit| limit < value as u64)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => limit.fmt(f),
            None => f.write_str("not known"),
        }
    }
}

/// The error for a queue that could not be created. It names the limit that was hit, and its value.
#[cold]
fn creation_failed(name: &Name, attributes: Option<Attributes>, errno: Errno) -> Error {
    let limit = |file: &str| Limit(mqueue::limit(file));
    let wanted = attributes.unwrap_or_else(|| Attributes {
        max_messages: limit("msg_default").0.unwrap_or(10) as usize,
        message_size: limit("msgsize_default").0.unwrap_or(8192) as usize,
        current_messages: 0,
    });
    let (messages, size) = (wanted.max_messages, wanted.message_size);
    match errno {
        Errno::EINVAL if messages == 0 || size == 0 => fail!(
            EINVAL,
            "{name}: {messages} messages of {size} bytes; expected at least 1 of each"
        ),
        Errno::EINVAL if limit("msg_max").is_below(messages) => fail!(
            EINVAL,
            "{name}: {messages} messages are more than fs.mqueue.msg_max, which is {}",
            limit("msg_max")
        ),
        Errno::EINVAL if limit("msgsize_max").is_below(size) => fail!(
            EINVAL,
            "{name}: messages of {size} bytes are larger than fs.mqueue.msgsize_max, which is {}",
            limit("msgsize_max")
        ),
        Errno::EMFILE if !mqueue::descriptors_are_used_up() => fail!(
            EMFILE,
            "{name}: the queue needs {} bytes, and with this user's other queues that is more than RLIMIT_MSGQUEUE, which is {}",
            mqueue::bytes_needed(wanted),
            Limit(mqueue::bytes_limit())
        ),
        Errno::EMFILE => fail!(
            EMFILE,
            "{name}: the process has no descriptor left (RLIMIT_NOFILE)"
        ),
        Errno::ENOSPC => fail!(
            ENOSPC,
            "{name}: there are as many queues as fs.mqueue.queues_max allows, which is {}",
            limit("queues_max")
        ),
        errno => failed!(errno, "{name}: cannot be created"),
    }
}

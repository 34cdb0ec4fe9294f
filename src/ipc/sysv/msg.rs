//! System V message queues: messages with a type, received by type.
//!
//! The kernel takes a message's type right before its data, so every message is copied once more.
//! Messages up to [`INLINE`] bytes are copied through the stack, without a lock or an allocation.
//! A machine allows no longer ones unless its administrator has raised kernel.msgmax. For longer
//! messages each handle has one buffer. A call that finds it in use maps memory of its own: another
//! thread may wait with the buffer, or may have done so when this process was forked. So no call
//! waits for another call, and a child is never stuck on its parent's buffer.
//!
//! The kernel's waits have no timeout. A wait with a deadline therefore polls, with pauses that grow
//! to [`PAUSE_MAX`]. That needs no thread and no signal, and a message is seen at most one such
//! pause late. A wait without a deadline is the kernel's own.

use super::{Shown, Wanted, absent, change_refused, check_owner, find_or_make, vanished};
use crate::base::alloc::uninit_slice;
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::Deadline;
use crate::object::map::Mapping;
use crate::object::{Options, Outcome};
use crate::sys::ready;
use crate::sys::sysv::{self, Envelope, MsgStatus, Which, envelope_words};
use crate::sys::sysv_change;
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_long};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

const WHAT: &str = "System V message queue";

/// The longest message that goes through the stack, in bytes: the default of kernel.msgmax.
const INLINE: usize = 8192;
const PAUSE_MIN: Duration = Duration::from_micros(20);
const PAUSE_MAX: Duration = Duration::from_millis(2);
/// How many messages are examined to find the length of one that did not fit.
const EXAMINED_MAX: c_long = 64;

/// No message is longer, because kernel.msgmax is an int.
pub(crate) const LENGTH_MAX: usize = i32::MAX as usize;

/// Which messages a receiver takes.
#[derive(Clone, Copy)]
pub(crate) enum Selection {
    /// The oldest message.
    Any,
    /// The oldest message of this type.
    Type(c_long),
    /// The oldest message of the lowest type that is not above this type.
    UpTo(c_long),
    /// The oldest message of any other type.
    Except(c_long),
}

impl Selection {
    fn to_kernel(self) -> (c_long, c_int) {
        match self {
            Selection::Any => (0, 0),
            Selection::Type(wanted) => (wanted, 0),
            Selection::UpTo(limit) => (-limit, 0),
            Selection::Except(unwanted) => (unwanted, libc::MSG_EXCEPT),
        }
    }

    fn admits(self, found: c_long) -> bool {
        match self {
            Selection::Any => true,
            Selection::Type(wanted) => found == wanted,
            Selection::UpTo(limit) => found <= limit,
            Selection::Except(unwanted) => found != unwanted,
        }
    }
}

/// An open queue.
pub(crate) struct SysvQueue {
    id: c_int,
    large: LargeBuffer,
}

impl SysvQueue {
    pub(crate) fn open(
        key: libc::key_t,
        access: c_int,
        options: Options,
    ) -> Result<(SysvQueue, Outcome)> {
        let shown = Shown::by_key(WHAT, key);
        let limit = "too many queues (kernel.msgmni)";
        // All memory is there before the queue is.
        let large = LargeBuffer::for_longest()?;
        loop {
            let (id, outcome) = find_or_make(shown, options, access, limit, &mut |flags| {
                sysv::msg_get(key, flags)
            })?;
            match check_queue(shown, id, options) {
                Err(error) if outcome == Outcome::Opened && vanished(error) && options.create => {}
                checked => return checked.map(|()| (SysvQueue { id, large }, outcome)),
            }
        }
    }

    pub(crate) fn open_id(id: c_int, options: Options) -> Result<SysvQueue> {
        let shown = Shown::by_id(WHAT, id);
        // This needs read permission. A queue that may only be written to is found by its key.
        sysv::msg_status(Which::Id(id)).map_err(|errno| absent(shown, errno))?;
        check_queue(shown, id, options)?;
        let large = LargeBuffer::for_longest()?;
        Ok(SysvQueue { id, large })
    }

    fn shown(&self) -> Shown {
        Shown::by_id(WHAT, self.id)
    }

    pub(crate) fn id(&self) -> c_int {
        self.id
    }

    pub(crate) fn send(&self, message_type: c_long, data: &[u8], deadline: Deadline) -> Result<()> {
        if message_type < 1 {
            return Err(fail!(
                EINVAL,
                "{}: message type {message_type}; expected 1 or more",
                self.shown()
            ));
        }
        let sent = if data.len() <= INLINE {
            self.send_inline(message_type, data, deadline)
        } else {
            self.send_large(message_type, data, deadline)?
        };
        sent.map_err(|errno| match errno {
            Errno::EINVAL => self.refused(data.len()),
            errno => self.wait_failed(errno, deadline),
        })
    }

    // Not inlined, like receive_inline: otherwise a call for a long message would take the 8 KiB of
    // stack too.
    #[inline(never)]
    fn send_inline(
        &self,
        message_type: c_long,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), Errno> {
        let mut envelope = [MaybeUninit::uninit(); envelope_words(INLINE)];
        self.send_by(&mut envelope, message_type, data, deadline)
    }

    #[cold]
    fn send_large(
        &self,
        message_type: c_long,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<Result<(), Errno>> {
        self.with_large(data.len(), |envelope| {
            self.send_by(envelope, message_type, data, deadline)
        })
    }

    fn send_by(
        &self,
        envelope: &mut Envelope,
        message_type: c_long,
        data: &[u8],
        deadline: Deadline,
    ) -> Result<(), Errno> {
        match sysv::msg_send(self.id, envelope, message_type, data, false) {
            Err(Errno::EAGAIN) => {}
            outcome => return outcome,
        }
        // The kernel would let a message wait for ever that is larger than the whole queue.
        if let Ok(status) = sysv::msg_status(Which::Id(self.id)) {
            if data.len() as u64 > status.bytes_max {
                return Err(Errno::EINVAL);
            }
        }
        waiting(deadline, Errno::EAGAIN, |wait| {
            sysv::msg_send(self.id, envelope, message_type, data, wait)
        })
    }

    /// The reason why the kernel refuses a message with a valid type: the queue is gone, or the
    /// message is too long.
    #[cold]
    fn refused(&self, length: usize) -> Error {
        let shown = self.shown();
        match sysv::msg_status(Which::Id(self.id)) {
            Err(errno @ (Errno::EINVAL | Errno::EIDRM)) => return shown.failed(errno),
            Ok(status) if length as u64 > status.bytes_max => {
                return fail!(
                    EMSGSIZE,
                    "{shown}: a message of {length} bytes; the whole queue holds {}",
                    status.bytes_max
                );
            }
            _ => {}
        }
        let limit = sysv::msg_length_max().unwrap_or(0);
        fail!(
            EMSGSIZE,
            "{shown}: a message of {length} bytes; the longest may have {limit} (kernel.msgmax)"
        )
    }

    /// Takes a message into `buffer`, and returns its length and type. A message that does not fit
    /// stays in the queue.
    pub(crate) fn receive(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        selection: Selection,
        deadline: Deadline,
    ) -> Result<(usize, c_long)> {
        let mut received = self.receive_inline(buffer, selection, deadline);
        if received == Err(Errno::E2BIG) && buffer.len() > INLINE {
            received = self.receive_large(buffer, selection, deadline)?;
        }
        received.map_err(|errno| match errno {
            Errno::E2BIG => self.too_long(buffer.len(), selection),
            errno => self.wait_failed(errno, deadline),
        })
    }

    #[inline(never)]
    fn receive_inline(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        selection: Selection,
        deadline: Deadline,
    ) -> Result<(usize, c_long), Errno> {
        let mut envelope = [MaybeUninit::uninit(); envelope_words(INLINE)];
        self.receive_by(&mut envelope, INLINE, buffer, selection, deadline)
    }

    #[cold]
    fn receive_large(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        selection: Selection,
        deadline: Deadline,
    ) -> Result<Result<(usize, c_long), Errno>> {
        // The buffer may be larger than any message can be now. Only so much is needed.
        let longest = sysv::msg_length_max().unwrap_or(buffer.len()).max(INLINE);
        let capacity = buffer.len().min(longest);
        self.with_large(capacity, |envelope| {
            self.receive_by(envelope, capacity, buffer, selection, deadline)
        })
    }

    fn receive_by(
        &self,
        envelope: &mut Envelope,
        capacity: usize,
        buffer: &mut [MaybeUninit<u8>],
        selection: Selection,
        deadline: Deadline,
    ) -> Result<(usize, c_long), Errno> {
        let capacity = capacity.min(buffer.len());
        let (selector, flags) = selection.to_kernel();
        let length = waiting(deadline, Errno::ENOMSG, |wait| {
            let flags = flags | if wait { 0 } else { libc::IPC_NOWAIT };
            sysv::msg_receive(self.id, envelope, capacity, selector, flags)
        })?;
        // SAFETY: msg_receive has just put `length` bytes there.
        let (message_type, data) = unsafe { sysv::envelope_open(envelope, length) };
        for (to, from) in buffer.iter_mut().zip(data) {
            to.write(*from);
        }
        Ok((length, message_type))
    }

    #[cold]
    fn too_long(&self, capacity: usize, selection: Selection) -> Error {
        let shown = self.shown();
        match self.length_of_next(selection) {
            Some(length) if length > capacity => fail!(
                EMSGSIZE,
                "{shown}: the next message has {length} bytes, the buffer {capacity}; it stays in the queue"
            ),
            _ => fail!(
                EMSGSIZE,
                "{shown}: the next message has more bytes than the buffer's {capacity}; it stays in the queue"
            ),
        }
    }

    /// The length of the message that a receiver would get now, if it can be found. Copies of the
    /// first messages show it, on a kernel with CONFIG_CHECKPOINT_RESTORE. If there is only one
    /// message, the queue's size shows it.
    fn length_of_next(&self, selection: Selection) -> Option<usize> {
        if let Some(length) = self.length_by_copies(selection).ok()? {
            return Some(length);
        }
        let status = sysv::msg_status(Which::Id(self.id)).ok()?;
        (status.messages == 1).then_some(usize::try_from(status.bytes).ok()?)
    }

    fn length_by_copies(&self, selection: Selection) -> Result<Option<usize>> {
        let longest = sysv::msg_length_max()?;
        self.with_large(longest, |envelope| {
            let mut best: Option<(c_long, usize)> = None;
            for position in 0..EXAMINED_MAX {
                let flags = libc::MSG_COPY | libc::IPC_NOWAIT;
                let copied = sysv::msg_receive(self.id, envelope, longest, position, flags);
                let Ok(length) = copied else { return best };
                // SAFETY: msg_receive has just put `length` bytes there.
                let (found, _) = unsafe { sysv::envelope_open(envelope, length) };
                let is_better = match (selection, best) {
                    (_, None) => selection.admits(found),
                    (Selection::UpTo(_), Some((lowest, _))) => found < lowest,
                    _ => return best,
                };
                if is_better {
                    best = Some((found, length));
                }
            }
            // A message of a lower type may stand further back.
            match selection {
                Selection::UpTo(_) => None,
                _ => best,
            }
        })
        .map(|best| best.map(|(_, length)| length))
    }

    fn wait_failed(&self, errno: Errno, deadline: Deadline) -> Error {
        match errno {
            Errno::EAGAIN | Errno::ENOMSG if deadline == Deadline::Now => Errno::EAGAIN.into(),
            Errno::EAGAIN | Errno::ENOMSG => Errno::ETIMEDOUT.into(),
            errno => self.shown().failed(errno),
        }
    }

    /// Runs `body` with room for a message of `length` bytes.
    fn with_large<T>(&self, length: usize, body: impl FnOnce(&mut Envelope) -> T) -> Result<T> {
        let words = envelope_words(length);
        if let Some(mut taken) = self.large.take(words) {
            return Ok(body(taken.envelope()));
        }
        let mapping = Mapping::anonymous((words * size_of::<u64>()) as u64)?;
        // SAFETY: the mapping is of that size, page-aligned, and nobody else's.
        let envelope =
            unsafe { core::slice::from_raw_parts_mut(mapping.base().cast().as_ptr(), words) };
        Ok(body(envelope))
    }

    pub(crate) fn status(&self) -> Result<MsgStatus> {
        sysv::msg_status(Which::Id(self.id)).map_err(|errno| self.shown().failed(errno))
    }

    /// Sets the owner, group and mode, and how many bytes the messages may have together.
    pub(crate) fn set(&self, wanted: Wanted, bytes_max: Option<usize>) -> Result<()> {
        // The kernel sets all four at once.
        let found = self.status()?;
        let kept = usize::try_from(found.bytes_max).unwrap_or(usize::MAX);
        let bytes_max = bytes_max.unwrap_or(kept);
        let grant = wanted.grant(|| Ok(found.permissions))?;
        sysv_change::msg_set(self.id, grant, bytes_max).map_err(|errno| {
            match (errno, sysv::msg_bytes_max()) {
                (Errno::EPERM, Ok(limit)) if bytes_max > limit => fail!(
                    EPERM,
                    "{}: only its owner, its creator and root may do this, and only with CAP_SYS_RESOURCE, because the queue is to hold {bytes_max} bytes, which is above kernel.msgmnb ({limit})",
                    self.shown()
                ),
                _ => change_refused(self.shown(), errno, grant, sysv::msg_status(Which::Id(self.id))),
            }
        })
    }

    pub(crate) fn set_bytes_max(&self, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Err(fail!(
                EINVAL,
                "{}: a queue of 0 bytes takes no message; expected 1 or more",
                self.shown()
            ));
        }
        self.set(Wanted::NOTHING, Some(bytes))
    }

    pub(crate) fn remove(&self) -> Result<()> {
        sysv::msg_remove(self.id).map_err(|errno| self.shown().failed(errno))
    }
}

/// Checks the owner of a queue, if that is wanted.
fn check_queue(shown: Shown, id: c_int, options: Options) -> Result<()> {
    if options.check_owner {
        let found = sysv::msg_status(Which::Id(id)).map_err(|errno| shown.failed(errno))?;
        check_owner(shown, options, &found.permissions)?;
    }
    Ok(())
}

/// Calls `attempt` until it returns something else than `not_now`, or the deadline passes. If its
/// argument is true, the attempt may wait without limit.
fn waiting<T>(
    deadline: Deadline,
    not_now: Errno,
    mut attempt: impl FnMut(bool) -> Result<T, Errno>,
) -> Result<T, Errno> {
    if deadline == Deadline::Never {
        return attempt(true);
    }
    let mut pause = PAUSE_MIN;
    loop {
        match attempt(false) {
            Err(errno) if errno == not_now => {}
            outcome => return outcome,
        }
        match deadline.remaining() {
            Some(Duration::ZERO) => return Err(not_now),
            left => ready::pause(left.unwrap_or(pause).min(pause))?,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// A handle's buffer for long messages, lent to one call at a time.
struct LargeBuffer {
    memory: UnsafeCell<Box<Envelope>>,
    taken: AtomicBool,
}

// SAFETY: only the call that has set `taken` uses the memory.
unsafe impl Sync for LargeBuffer {}

struct Taken<'a>(&'a LargeBuffer);

impl LargeBuffer {
    /// A buffer for the longest message that the system allows.
    fn for_longest() -> Result<LargeBuffer, Errno> {
        let longest = sysv::msg_length_max().unwrap_or(INLINE);
        let words = if longest > INLINE {
            envelope_words(longest)
        } else {
            0
        };
        Ok(LargeBuffer {
            memory: UnsafeCell::new(uninit_slice(words)?),
            taken: AtomicBool::new(false),
        })
    }

    /// The buffer, if it has that many words and no call uses it.
    fn take(&self, words: usize) -> Option<Taken<'_>> {
        // Acquire: pairs with the Release of the last user, so its accesses are over. In a child
        // that was forked while the buffer was in use it stays taken, and the child maps memory.
        if self.taken.swap(true, Ordering::Acquire) {
            return None;
        }
        let mut taken = Taken(self);
        (taken.envelope().len() >= words).then_some(taken)
    }
}

impl Taken<'_> {
    fn envelope(&mut self) -> &mut Envelope {
        // SAFETY: while `taken` is set there is no other Taken, and this one is borrowed uniquely.
        unsafe { &mut *self.0.memory.get() }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // Release: the next user must not overtake the accesses of this one.
        self.0.taken.store(false, Ordering::Release);
    }
}

/// Removes a queue and its messages. Its waiters get EIDRM.
pub(crate) fn remove(id: c_int) -> Result<()> {
    sysv::msg_remove(id).map_err(|errno| absent(Shown::by_id(WHAT, id), errno))
}

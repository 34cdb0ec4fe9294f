//! Objects that messages go through: queues and topics.

use super::objects::with_type;
use super::raw::*;
use super::{CREATE, Error, Handle, READ_ONLY, Result, Type, WRITE_ONLY, c_name, checked};
use std::ffi::{c_int, c_void};

/// An open message queue.
pub(crate) struct Queue(pub(super) Handle);

/// A message that is borrowed from a queue. The queue keeps it until [`Queue::give_back`].
pub(crate) struct Borrowed {
    address: *const c_void,
    length: usize,
    pub(crate) priority: u32,
    pub(crate) redeliveries: u32,
}

impl Borrowed {
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the message is borrowed while the value exists: `give_back` takes it, and the queue's handle, which its owner
        // keeps longer, keeps the mapping. Nobody writes to a borrowed message.
        unsafe { std::slice::from_raw_parts(self.address.cast(), self.length) }
    }
}

impl Queue {
    /// Opens a queue, and creates it if there are attributes.
    pub(crate) fn open(
        name: &str,
        attributes: Option<&QueueAttributes>,
        declared: Option<&Type>,
        mode: u32,
    ) -> Result<Queue> {
        let name = c_name(name)?;
        with_type(declared, |raw| {
            let attributes = attributes.map(|attributes| QueueAttributes {
                declared: raw as usize,
                ..*attributes
            });
            let (pointer, flags) = pointer_and_flags(attributes.as_ref(), 0);
            // SAFETY: the name is a C string; the attributes and the type outlive the call.
            Handle::open(ipc_mq_close, |out| unsafe {
                ipc_mq_open(out, name.as_ptr(), pointer, flags, mode)
            })
        })?
        .map(Queue)
    }

    pub(crate) fn attributes(&self) -> Result<QueueAttributes> {
        let mut attributes = QueueAttributes::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_mq_getattr(self.0.raw, &raw mut attributes) } as isize)?;
        Ok(attributes)
    }

    /// How many reserved messages have vanished because their senders died.
    pub(crate) fn abandoned(&self) -> Result<u64> {
        let mut statistics = QueueStatistics::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_mq_stat(self.0.raw, &raw mut statistics) } as isize)?;
        Ok(statistics.abandoned)
    }

    /// Takes the next message without removing it from the queue.
    pub(crate) fn borrow(&self) -> Result<Borrowed> {
        let mut borrowed = Borrowed {
            address: std::ptr::null(),
            length: 0,
            priority: 0,
            redeliveries: 0,
        };
        // SAFETY: the handle is open; the call writes three values.
        borrowed.length = checked(unsafe {
            ipc_mq_borrow(
                self.0.raw,
                &raw mut borrowed.address,
                &raw mut borrowed.priority,
                &raw mut borrowed.redeliveries,
                0,
            )
        })?;
        Ok(borrowed)
    }

    /// Removes a borrowed message from the queue.
    pub(crate) fn give_back(&self, message: Borrowed) -> Result<()> {
        // SAFETY: the handle is open; the message is borrowed and not used any more.
        checked(unsafe { ipc_mq_return(self.0.raw, message.address) } as isize).map(drop)
    }

    /// The same, unless a thread is stopped inside a call on the queue: then the result is the message.
    pub(crate) fn try_give_back(&self, message: Borrowed) -> Result<Option<Borrowed>> {
        // SAFETY: the handle is open; the message is borrowed, and not used any more if the call succeeds.
        match checked(unsafe { ipc_mq_return(self.0.raw, message.address) } as isize) {
            Err(error) if error.is_empty() => Ok(Some(message)),
            result => result.map(|_| None),
        }
    }

    /// Reserves room, calls `reserved`, writes the message and commits it.
    pub(crate) fn send_in_place(
        &self,
        bytes: &[u8],
        priority: u32,
        reserved: impl FnOnce(),
    ) -> Result<()> {
        let mut address = std::ptr::null_mut();
        // SAFETY: the handle is open; the call writes one address.
        checked(unsafe { ipc_mq_reserve(self.0.raw, &raw mut address, 0) } as isize)?;
        let commit = || {
            if bytes.len() > self.attributes()?.message_size {
                return Err(Error::new(
                    libc::EMSGSIZE,
                    "the message is longer than the queue allows",
                ));
            }
            reserved();
            // SAFETY: the room is reserved and has the queue's message size, which is at least the length.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address.cast(), bytes.len()) };
            // SAFETY: this thread has reserved the message.
            checked(unsafe { ipc_mq_commit(self.0.raw, address, bytes.len(), priority) } as isize)
        };
        commit().map(drop).inspect_err(|_| {
            // SAFETY: the commit failed, so the message is still reserved.
            unsafe { ipc_mq_abandon(self.0.raw, address) };
        })
    }
}

/// The arguments of an open call for an object that may have to be created: attributes, and the flag that permits it.
fn pointer_and_flags<T>(attributes: Option<&T>, flags: c_int) -> (*const T, c_int) {
    match attributes {
        Some(attributes) => (attributes, flags | CREATE),
        None => (std::ptr::null(), flags),
    }
}

/// An open topic.
pub(crate) struct Topic(Handle);

impl Topic {
    /// Opens a topic as a publisher, and creates it if there are attributes.
    pub(crate) fn publish(
        name: &str,
        attributes: Option<&TopicAttributes>,
        declared: Option<&Type>,
        mode: u32,
    ) -> Result<Topic> {
        Topic::open(name, attributes, declared, WRITE_ONLY, mode)
    }

    /// Opens a topic as a subscriber.
    pub(crate) fn subscribe(name: &str) -> Result<Topic> {
        Topic::open(name, None, None, READ_ONLY, 0)
    }

    fn open(
        name: &str,
        attributes: Option<&TopicAttributes>,
        declared: Option<&Type>,
        flags: c_int,
        mode: u32,
    ) -> Result<Topic> {
        let name = c_name(name)?;
        with_type(declared, |raw| {
            let attributes = attributes.map(|attributes| TopicAttributes {
                declared: raw as usize,
                ..*attributes
            });
            let (pointer, flags) = pointer_and_flags(attributes.as_ref(), flags);
            // SAFETY: the name is a C string; the attributes and the type outlive the call.
            Handle::open(ipc_topic_close, |out| unsafe {
                ipc_topic_open(out, name.as_ptr(), pointer, flags, mode)
            })
        })?
        .map(Topic)
    }

    pub(crate) fn attributes(&self) -> Result<TopicAttributes> {
        let mut attributes = TopicAttributes::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_topic_getattr(self.0.raw, &raw mut attributes) } as isize)?;
        Ok(attributes)
    }

    pub(crate) fn descriptor(&self) -> Result<c_int> {
        // SAFETY: the handle is open.
        checked(unsafe { ipc_topic_fd(self.0.raw) } as isize).map(|fd| fd as c_int)
    }

    pub(crate) fn is_stale(&self) -> bool {
        // SAFETY: the handle is open.
        unsafe { ipc_topic_stale(self.0.raw) != 0 }
    }

    pub(crate) fn send(&self, bytes: &[u8], timeout_ns: i64) -> Result<()> {
        // SAFETY: the handle is open; the bytes are readable.
        checked(unsafe {
            ipc_topic_send(self.0.raw, bytes.as_ptr().cast(), bytes.len(), timeout_ns)
        } as isize)
        .map(drop)
    }

    /// Takes the next sample and has it read in place.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&[u8], &Sample) -> R) -> Result<R> {
        let (mut address, mut info) = (std::ptr::null(), Sample::default());
        // SAFETY: the handle is open; the call writes an address and a struct.
        let length =
            checked(unsafe { ipc_topic_borrow(self.0.raw, &raw mut address, &raw mut info, 0) })?;
        // SAFETY: the sample is borrowed, so nobody overwrites it until the call below.
        let result = read(
            unsafe { std::slice::from_raw_parts(address.cast(), length) },
            &info,
        );
        // SAFETY: the sample is borrowed by this handle, and not used any more.
        checked(unsafe { ipc_topic_return(self.0.raw, address) } as isize)?;
        Ok(result)
    }
}

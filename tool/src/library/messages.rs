//! Objects that messages go through: queues, topics and services.

use super::{
    CREATE, Handle, QueueAttributes, QueueStatistics, READ_ONLY, Result, Sample, TopicAttributes,
    WRITE_ONLY, c_name, checked, ipc_client_call, ipc_client_close, ipc_client_open, ipc_mq_close,
    ipc_mq_getattr, ipc_mq_open, ipc_mq_peek_priority, ipc_mq_receive, ipc_mq_send, ipc_mq_stat,
    ipc_topic_close, ipc_topic_getattr, ipc_topic_open, ipc_topic_receive, ipc_topic_send,
};
use std::ffi::c_int;

/// An open message queue.
pub(crate) struct Queue(Handle);

/// A received message.
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    pub(crate) priority: u32,
}

impl Queue {
    pub(crate) fn open(name: &str, flags: c_int) -> Result<Queue> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string, and no attributes are given.
        Handle::open(ipc_mq_close, |out| unsafe {
            ipc_mq_open(out, name.as_ptr(), std::ptr::null(), flags, 0)
        })
        .map(Queue)
    }

    pub(crate) fn create(
        name: &str,
        max_messages: usize,
        message_size: usize,
        mode: u32,
    ) -> Result<Queue> {
        let name = c_name(name)?;
        let attributes = QueueAttributes {
            max_messages,
            message_size,
            ..QueueAttributes::default()
        };
        // SAFETY: the name is a C string; the attributes outlive the call.
        Handle::open(ipc_mq_close, |out| unsafe {
            ipc_mq_open(out, name.as_ptr(), &raw const attributes, CREATE, mode)
        })
        .map(Queue)
    }

    pub(crate) fn send(&self, bytes: &[u8], priority: u32, timeout_ns: i64) -> Result<()> {
        // SAFETY: the handle is open; the bytes are readable.
        checked(unsafe {
            ipc_mq_send(
                self.0.raw,
                bytes.as_ptr().cast(),
                bytes.len(),
                priority,
                timeout_ns,
            )
        } as isize)
        .map(drop)
    }

    pub(crate) fn receive(&self, timeout_ns: i64) -> Result<Message> {
        let mut bytes = vec![0; self.attributes()?.message_size];
        let mut priority = 0;
        // SAFETY: the handle is open; the buffer has the length given.
        let length = checked(unsafe {
            ipc_mq_receive(
                self.0.raw,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut priority,
                timeout_ns,
            )
        })?;
        bytes.truncate(length);
        Ok(Message { bytes, priority })
    }

    pub(crate) fn next_priority(&self) -> Result<u32> {
        let mut priority = 0;
        // SAFETY: the handle is open; the call writes one number.
        checked(unsafe { ipc_mq_peek_priority(self.0.raw, &raw mut priority) } as isize)?;
        Ok(priority)
    }

    pub(crate) fn attributes(&self) -> Result<QueueAttributes> {
        let mut attributes = QueueAttributes::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_mq_getattr(self.0.raw, &raw mut attributes) } as isize)?;
        Ok(attributes)
    }

    pub(crate) fn statistics(&self) -> Result<QueueStatistics> {
        let mut statistics = QueueStatistics::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_mq_stat(self.0.raw, &raw mut statistics) } as isize)?;
        Ok(statistics)
    }
}

/// An open topic.
pub(crate) struct Topic {
    handle: Handle,
    sample_size: usize,
}

impl Topic {
    /// Opens a topic as a publisher.
    pub(crate) fn publish(name: &str) -> Result<Topic> {
        Topic::open(name, WRITE_ONLY)
    }

    /// Opens a topic as a subscriber.
    pub(crate) fn subscribe(name: &str) -> Result<Topic> {
        Topic::open(name, READ_ONLY)
    }

    fn open(name: &str, flags: c_int) -> Result<Topic> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string, and no attributes are given.
        let handle = Handle::open(ipc_topic_close, |out| unsafe {
            ipc_topic_open(out, name.as_ptr(), std::ptr::null(), flags, 0)
        })?;
        let mut attributes = TopicAttributes::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_topic_getattr(handle.raw, &raw mut attributes) } as isize)?;
        Ok(Topic {
            handle,
            sample_size: attributes.sample_size,
        })
    }

    pub(crate) fn send(&self, bytes: &[u8], timeout_ns: i64) -> Result<()> {
        // SAFETY: the handle is open; the bytes are readable.
        checked(unsafe {
            ipc_topic_send(
                self.handle.raw,
                bytes.as_ptr().cast(),
                bytes.len(),
                timeout_ns,
            )
        } as isize)
        .map(drop)
    }

    pub(crate) fn receive(&self, timeout_ns: i64) -> Result<(Vec<u8>, Sample)> {
        let (mut bytes, mut info) = (vec![0; self.sample_size], Sample::default());
        // SAFETY: the handle is open; the buffer has the length given; the call writes one struct.
        let length = checked(unsafe {
            ipc_topic_receive(
                self.handle.raw,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut info,
                timeout_ns,
            )
        })?;
        bytes.truncate(length);
        Ok((bytes, info))
    }
}

/// A client of a service.
pub(crate) struct Client(Handle);

impl Client {
    pub(crate) fn open(name: &str) -> Result<Client> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string.
        Handle::open(ipc_client_close, |out| unsafe {
            ipc_client_open(out, name.as_ptr(), 0)
        })
        .map(Client)
    }

    /// Sends a request and waits for its reply, of at most `capacity` bytes.
    pub(crate) fn call(
        &self,
        request: &[u8],
        priority: u32,
        capacity: usize,
        timeout_ns: i64,
    ) -> Result<Vec<u8>> {
        let mut reply = vec![0; capacity];
        // SAFETY: the handle is open; both buffers have the lengths given.
        let length = checked(unsafe {
            ipc_client_call(
                self.0.raw,
                request.as_ptr().cast(),
                request.len(),
                priority,
                reply.as_mut_ptr().cast(),
                capacity,
                timeout_ns,
            )
        })?;
        reply.truncate(length);
        Ok(reply)
    }
}

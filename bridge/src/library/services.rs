//! Services, from both sides.

use super::objects::with_type;
use super::raw::*;
use super::{CREATE, Handle, Result, Type, c_name, checked};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The sizes, the flags and the types of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shape {
    pub(crate) request_size: usize,
    pub(crate) reply_size: usize,
    pub(crate) max_requests: usize,
    pub(crate) max_clients: usize,
    pub(crate) flags: i32,
    pub(crate) request: Option<Type>,
    pub(crate) reply: Option<Type>,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = |declared: &Option<Type>| match declared {
            None => "bytes".to_owned(),
            Some(found) => format!("{} version {}", found.name, found.version),
        };
        let (request, reply) = (typed(&self.request), typed(&self.reply));
        write!(
            f,
            "{} requests ({request}, {} bytes) with replies ({reply}, {} bytes), {} clients, flags {}",
            self.max_requests, self.request_size, self.reply_size, self.max_clients, self.flags
        )
    }
}

/// A handle that serves.
pub(crate) struct Server {
    pub(super) handle: Handle,
    request_size: usize,
}

/// A request that a server has received.
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) priority: u32,
    /// For how long the client still waits. None: without a limit.
    pub(crate) left: Option<Duration>,
    pub(crate) bytes: Vec<u8>,
}

/// The time of CLOCK_MONOTONIC.
fn now() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes the struct.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

impl Server {
    /// Begins to serve a service, which is created if there is a mode.
    pub(crate) fn open(name: &str, shape: &Shape, create: Option<u32>) -> Result<Server> {
        let name = c_name(name)?;
        let (flags, mode) = (create.map_or(0, |_| CREATE), create.unwrap_or(0));
        let handle = with_type(shape.request.as_ref(), |request_type| {
            with_type(shape.reply.as_ref(), |reply_type| {
                let attributes = RawServiceAttributes {
                    request_type,
                    reply_type,
                    request_size: shape.request_size,
                    reply_size: shape.reply_size,
                    max_requests: shape.max_requests,
                    max_clients: shape.max_clients,
                    flags: shape.flags,
                    reserved: [0; 7],
                };
                // SAFETY: the name is a C string; the attributes and the types outlive the call.
                Handle::open(ipc_service_close, |out| unsafe {
                    ipc_service_open(out, name.as_ptr(), &raw const attributes, flags, mode)
                })
            })
        })???;
        Ok(Server {
            handle,
            request_size: shape.request_size,
        })
    }

    /// Receives a request, if there is one.
    pub(crate) fn receive(&self) -> Result<Request> {
        let (mut bytes, mut request) = (vec![0; self.request_size], RawRequest::default());
        // SAFETY: the handle is open; the buffer has the length given; the call writes one struct.
        let length = checked(unsafe {
            ipc_service_receive(
                self.handle.raw,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut request,
                0,
            )
        })?;
        bytes.truncate(length);
        let deadline = Duration::from_nanos(request.deadline_ns.max(0).unsigned_abs());
        Ok(Request {
            id: request.id,
            priority: request.priority,
            left: (request.deadline_ns != 0).then(|| deadline.saturating_sub(now())),
            bytes,
        })
    }

    /// Answers a request that this handle has received.
    pub(crate) fn reply(&self, id: u64, reply: &[u8]) -> Result<()> {
        let request = RawRequest {
            id,
            ..RawRequest::default()
        };
        // SAFETY: the handle is open; the struct and the bytes are readable.
        checked(unsafe {
            ipc_service_reply(
                self.handle.raw,
                &raw const request,
                reply.as_ptr().cast(),
                reply.len(),
            )
        } as isize)
        .map(drop)
    }

    /// How many handles serve, this one among them. Those of dead processes do not count.
    pub(crate) fn servers(&self) -> Result<usize> {
        let mut statistics = ServiceStatistics::default();
        // SAFETY: the handle is open; the call writes one struct.
        checked(unsafe { ipc_service_stat(self.handle.raw, &raw mut statistics) } as isize)?;
        Ok(statistics.servers as usize)
    }
}

/// A handle that calls.
pub(crate) struct Client(Handle);

// SAFETY: the library allows every call on a handle from any thread.
unsafe impl Send for Client {}
// SAFETY: as for Send; several threads may call at once.
unsafe impl Sync for Client {}

impl Client {
    pub(crate) fn open(name: &str) -> Result<Client> {
        let name = c_name(name)?;
        // SAFETY: the name is a C string.
        Handle::open(ipc_client_close, |out| unsafe {
            ipc_client_open(out, name.as_ptr(), 0)
        })
        .map(Client)
    }

    pub(crate) fn shape(&self) -> Result<Shape> {
        let mut attributes = MaybeUninit::<RawServiceAttributes>::uninit();
        let mut types = [const { MaybeUninit::<RawType>::uninit() }; 2];
        let [request, reply] = &mut types;
        // SAFETY: the handle is open; the call writes the attributes, and the types that the service declares.
        checked(unsafe {
            ipc_client_getattr(
                self.0.raw,
                attributes.as_mut_ptr(),
                request.as_mut_ptr(),
                reply.as_mut_ptr(),
            )
        } as isize)?;
        // SAFETY: the call has succeeded.
        let attributes = unsafe { attributes.assume_init() };
        // SAFETY: a pointer that is not NULL leads to a type that the call has written. The strings are those of the handle.
        let declared = |raw: *const RawType| unsafe { raw.as_ref().map(|raw| Type::from_raw(raw)) };
        Ok(Shape {
            request_size: attributes.request_size,
            reply_size: attributes.reply_size,
            max_requests: attributes.max_requests,
            max_clients: attributes.max_clients,
            flags: attributes.flags,
            request: declared(attributes.request_type),
            reply: declared(attributes.reply_type),
        })
    }

    /// Whether a process serves.
    pub(crate) fn has_server(&self) -> Result<bool> {
        match self.call(&[], 0, 0, 0) {
            Err(error) if error.errno == libc::ENOENT => Ok(false),
            Err(error) if error.is_empty() => Ok(true),
            other => other.map(|_| true),
        }
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

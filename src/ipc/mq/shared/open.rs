//! Opening a queue: one that exists, or a new one.
//!
//! A new queue is made whole before it gets its name (see [`Object::open`]), so a process killed
//! while it creates one leaves nothing, and no other process sees an unfinished header.

use super::SharedQueue;
use super::memory::{Memory, Sizes};
use super::readiness::Readiness;
use super::spin_policy::SpinPolicy;
use crate::base::alloc::{Shared, SharedRoom};
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::base::time::now;
use crate::ipc::mq::notify::Notifier;
use crate::ipc::mq::{Attributes, Options};
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::layout::{Kind, NONE, QUEUE_ALIGNMENT, QUEUE_VERSION, Type};
use crate::object::map::{Access, Mapping};
use crate::object::{self, Location, Object, Outcome};
use crate::sync::latch::check_namespace;
use crate::sys::thread::Thread;
use crate::sys::{fence, file, process};
use core::cell::Cell;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use std::os::fd::BorrowedFd;

/// The sizes of a queue that is created without attributes. The kernel's queue has the same.
const DEFAULT_SIZES: Sizes = Sizes {
    max_messages: 10,
    message_size: 8192,
};

/// How long a waiter spins before it sleeps, if the creator of the queue does not say.
const DEFAULT_SPIN: Duration = Duration::from_micros(50);

impl SharedQueue {
    /// Opens or creates a queue. A new queue gets `attributes` and `message_type`, and an existing one must have
    /// them. Without attributes, or without a type, any existing queue is opened.
    pub(crate) fn open(
        name: &Name,
        attributes: Option<Attributes>,
        message_type: Option<&Type>,
        options: Options,
    ) -> Result<(SharedQueue, Outcome)> {
        let location = Location::of_name(name);
        let sizes = attributes
            .map(|wanted| Sizes::new(wanted.max_messages, wanted.message_size))
            .transpose()?;
        let wanted = Wanted {
            sizes,
            message_type,
        };
        let object_options = object::Options {
            create: options.create,
            exclusive: options.exclusive,
            // Receiving changes the queue too.
            access: Access::ReadWrite,
            adopt: false,
            may_adopt: false,
            check_owner: options.check_owner,
            unsealed: false,
            descriptor: options.descriptor,
            mode: options.mode,
            owner: options.owner,
        };
        // All memory is there before a name is.
        let room = Shared::room()?;
        let is_gone = |errno| matches!(errno, Errno::ENOENT | Errno::ESTALE);
        // A further round means that another process has just removed or created the name.
        loop {
            if !options.exclusive {
                match open_object(&location, object_options) {
                    Ok((object, recorded)) => {
                        let queue = SharedQueue::from_existing(
                            name, wanted, object, recorded, options, room,
                        )?;
                        return Ok((queue, Outcome::Opened));
                    }
                    Err(error) if options.create && is_gone(error.errno()) => {}
                    Err(error) => return Err(error),
                }
            }
            let sizes = sizes.unwrap_or(DEFAULT_SIZES);
            let spin = options.spin.unwrap_or(DEFAULT_SPIN);
            match create_object(&location, sizes, message_type, spin, object_options) {
                Err(error) if error.errno() == Errno::EEXIST && !options.exclusive => {}
                created => {
                    let queue = SharedQueue::from_object(name, sizes, created?, options, room)?;
                    return Ok((queue, Outcome::Created));
                }
            }
        }
    }

    /// The queue in an object that existed before, if it is as wanted and can be used here. Its
    /// record says that it has `recorded` bytes.
    fn from_existing(
        name: &Name,
        wanted: Wanted<'_>,
        object: Object,
        recorded: u64,
        options: Options,
        room: SharedRoom<Object>,
    ) -> Result<SharedQueue> {
        let (found, found_type) = Memory::shape_of(object.data(), recorded)?;
        match (wanted.message_type, found_type) {
            (None, _) => {}
            (Some(wanted), Some(found)) => wanted.check(name, &found)?,
            (Some(wanted), None) => {
                return Err(fail!(
                    EPROTO,
                    "{name}: expected messages of type {wanted}, found a queue that was created without a type"
                ));
            }
        }
        if let Some(wanted) = wanted.sizes.filter(|wanted| *wanted != found) {
            return Err(fail!(EPROTO, "{name}: expected {wanted}, found {found}"));
        }
        let queue = SharedQueue::from_object(name, found, object, options, room)?;
        let thread = Thread::current()?;
        check_namespace(
            &format_args!("{name}: the queue"),
            thread,
            queue.pid_namespace,
        )?;
        Ok(queue)
    }

    fn from_object(
        name: &Name,
        sizes: Sizes,
        object: Object,
        options: Options,
        room: SharedRoom<Object>,
    ) -> Result<SharedQueue> {
        let memory = Memory::in_mapping(object.data(), sizes)?;
        if !fence::register() {
            memory.header().waiting.needs_fence.store(1, SeqCst);
        }
        Ok(SharedQueue {
            spin: Duration::from_nanos(memory.header().spin_ns.load(Relaxed).into()),
            spin_policy: SpinPolicy::default(),
            last_examination: AtomicU64::new(0),
            readiness: Readiness::new(),
            descriptor: Descriptor::none(),
            pid_namespace: memory.header().pid_namespace.load(Relaxed),
            memory,
            direction: options.direction,
            nonblocking: options.nonblocking,
            overwrites: options.overwrites,
            name: *name,
            object: room.fill(object),
            notifier: Notifier::default(),
        })
    }
}

/// The caller's expectations of a queue that exists.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    sizes: Option<Sizes>,
    message_type: Option<&'a Type>,
}

/// An existing queue's object, and how many bytes it has by its record.
fn open_object(location: &Location, options: object::Options) -> Result<(Object, u64)> {
    let recorded = Cell::new(0);
    let type_of = |size| {
        recorded.set(size);
        queue_type(size)
    };
    let object = Object::open_as_found(location, Kind::Queue, &type_of, options)?;
    Ok((object, recorded.get()))
}

/// A new queue's object; `EEXIST` if the name is taken.
fn create_object(
    location: &Location,
    sizes: Sizes,
    message_type: Option<&Type>,
    spin: Duration,
    options: object::Options,
) -> Result<Object> {
    let exclusive = object::Options {
        exclusive: true,
        ..options
    };
    let (object, _) = Object::open(
        location,
        Kind::Queue,
        &*queue_type(match message_type {
            None => sizes.total(),
            Some(_) => sizes.typed_total(),
        })?,
        exclusive,
        &mut |data, file| {
            if let Some(message_type) = message_type {
                Memory::set_type(data, sizes, message_type)?;
            }
            initialise(data, file, sizes, spin)
        },
    )?;
    Ok(object)
}

/// The type in the record of a queue of `size` bytes.
fn queue_type(size: u64) -> Result<Box<Type>> {
    Type::new(b"ipc_mq", QUEUE_VERSION, size, QUEUE_ALIGNMENT as u64)
}

/// The bits of a queue's identity that are its inode's.
const INODE: u64 = 0xffff_ffff;

/// Fills in the header of a new queue, in zeroed memory that no other process sees yet.
fn initialise(data: &Mapping, file: BorrowedFd<'_>, sizes: Sizes, spin: Duration) -> Result<()> {
    let memory = Memory::in_mapping(data, sizes)?;
    let header = memory.header();
    header.max_messages.store(sizes.max_messages, Relaxed);
    header.message_size.store(sizes.message_size, Relaxed);
    let pid_namespace = Thread::current()?.pid_namespace();
    header.pid_namespace.store(pid_namespace, Relaxed);
    let spin_ns = u32::try_from(spin.as_nanos()).unwrap_or(u32::MAX);
    header.spin_ns.store(spin_ns, Relaxed);
    // The lower half is the inode, by which others see whether the queue still exists. The upper
    // half cannot be guessed.
    let unguessed = now().as_nanos() as u32 ^ process::id();
    let inode = file::status(file)?.inode() & INODE;
    let identity = u64::from(unguessed) << 32 | inode;
    header.identity.store(identity, Relaxed);
    header.sending.reserved.store(NONE, Relaxed);
    header.sending.cold_slots.store(NONE, Relaxed);
    header.receiving.borrowed.store(NONE, Relaxed);
    Ok(())
}

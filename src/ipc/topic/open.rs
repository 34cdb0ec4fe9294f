//! Opening a topic: one that exists, or a new one.
//!
//! A new topic is made whole before it gets its name, and after that its subscribers' file is made whole and
//! gets a hidden name, which contains the topic's identity. If the creator is killed in between, the topic
//! exists, and the next opener that belongs to the topic's owner adds the second file.

use super::member::Member;
use super::memory::Memory;
use super::sizes::{Geometry, Sizes, SubscribersGeometry};
use super::subscribers::Subscribers;
use super::unlink::{hidden_name, remove_leftovers};
use super::{Mapped, Topic};
use crate::base::alloc::{Shared, zeroed_slice};
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::base::time::now;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::layout::{Kind, TOPIC_ALIGNMENT, TOPIC_VERSION, Type};
use crate::object::map::{Access, Mapping};
use crate::object::{self, Location, Object, Outcome};
use crate::sync::latch::check_namespace;
use crate::sys::new_owner::NewOwner;
use crate::sys::thread::Thread;
use crate::sys::{file, process};
use core::cell::Cell;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::os::fd::{AsFd, BorrowedFd};

/// How to open.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) object: object::Options,
    /// Whether the handle publishes. Otherwise it subscribes.
    pub(crate) publishes: bool,
    /// Calls that would wait fail instead, whatever their timeout.
    pub(crate) nonblocking: bool,
}

/// The properties that a new topic gets, and an existing one must have.
pub(crate) struct Wanted {
    pub(crate) sizes: Sizes,
    /// The user's type; `None` for bytes.
    pub(crate) user_type: Option<Box<Type>>,
}

impl Wanted {
    /// Refuses an existing topic that has other sizes or another type. Without a type, any type will do.
    fn check(&self, name: &Name, memory: &Memory) -> Result<()> {
        let (mut sizes, found) = (self.sizes, memory.sizes());
        match &self.user_type {
            None => sizes.alignment = found.alignment,
            Some(user_type) => user_type.check(name, &*memory.user_type()?)?,
        }
        match sizes == found {
            true => Ok(()),
            false => Err(fail!(EPROTO, "{name}: expected {sizes}, found {found}")),
        }
    }
}

impl Topic {
    /// Opens or creates a topic. Without `wanted`, any existing topic is opened.
    pub(crate) fn open(
        name: &Name,
        wanted: Option<&Wanted>,
        options: Options,
    ) -> Result<(Topic, Outcome)> {
        let location = Location::of_name(name);
        let may_retry = |errno| matches!(errno, Errno::ENOENT | Errno::ESTALE);
        // A further round means that another process has just removed or created the name.
        loop {
            if !options.object.exclusive {
                match Topic::open_existing(name, &location, wanted, options) {
                    Err(error) if options.object.create && may_retry(error.errno()) => {}
                    opened => return opened.map(|topic| (topic, Outcome::Opened)),
                }
            }
            let Some(wanted) = wanted else {
                return Err(fail!(
                    EINVAL,
                    "{name}: attr is NULL, so there are no sizes for a new topic"
                ));
            };
            match Topic::create(name, &location, wanted, options) {
                Err(error) if error.errno() == Errno::EEXIST && !options.object.exclusive => {}
                Err(error) if error.errno() == Errno::ESTALE => {}
                created => return created.map(|topic| (topic, Outcome::Created)),
            }
        }
    }

    fn open_existing(
        name: &Name,
        location: &Location,
        wanted: Option<&Wanted>,
        options: Options,
    ) -> Result<Topic> {
        let recorded = Cell::new(0);
        let type_of = |size| {
            recorded.set(size);
            topic_type(size)
        };
        let object = Object::open_as_found(location, Kind::Topic, &type_of, options.object)?;
        let found = Memory::sizes_of(object.data(), recorded.get())?;
        let memory = Memory::in_mapping(object.data(), found)?;
        let namespace = memory.header().pid_namespace.load(Relaxed);
        let thread = Thread::current()?;
        check_namespace(&format_args!("{name}: the topic"), thread, namespace)?;
        if let Some(wanted) = wanted {
            wanted.check(name, &memory)?;
        }
        // Whoever created the topic has chosen its owner.
        let options = Options {
            object: object::Options {
                owner: NewOwner::USUAL,
                ..options.object
            },
            ..options
        };
        Topic::from_object(name, object, memory, options)
    }

    fn create(
        name: &Name,
        location: &Location,
        wanted: &Wanted,
        options: Options,
    ) -> Result<Topic> {
        let exclusive = object::Options {
            exclusive: true,
            ..options.object
        };
        let sizes = wanted.sizes;
        let total = Geometry::new(sizes).total;
        let (object, _) = Object::open(
            location,
            Kind::Topic,
            &*topic_type(total)?,
            exclusive,
            &mut |data, file| {
                let memory = Memory::in_mapping(data, sizes)?;
                let namespace = Thread::current()?.pid_namespace();
                memory.initialise(wanted.user_type.as_deref(), new_identity(file)?, namespace);
                Ok(())
            },
        )?;
        let status = file::status(object.file()?)?;
        let memory = Memory::in_mapping(object.data(), sizes)?;
        remove_leftovers();
        Topic::from_object(name, object, memory, options).inspect_err(|_| {
            // A call that fails leaves no name.
            if file::status_of(location.path()).is_ok_and(|found| found.is_same_file(&status)) {
                let _ = file::unlink(location.path());
            }
            remove_leftovers();
        })
    }

    fn from_object(name: &Name, object: Object, memory: Memory, options: Options) -> Result<Topic> {
        let sizes = memory.sizes();
        let identity = memory.header().identity.load(Relaxed);
        let owner = options.object.owner;
        let mapping = open_subscribers(name, &object, (identity, owner), sizes)?;
        let subscribers = Subscribers::in_mapping(&mapping, sizes)?;
        let cells = match options.publishes {
            true => 0,
            false => sizes.max_borrowed as usize,
        };
        let topic = Topic {
            pid_namespace: memory.header().pid_namespace.load(Relaxed),
            memory,
            subscribers,
            publishes: options.publishes,
            nonblocking: options.nonblocking,
            member: Member::none(),
            process: AtomicU32::new(0),
            next: Shared::new(AtomicU64::new(0))?,
            next_slot: AtomicU32::new(0),
            // SAFETY: zeros are a value of an AtomicU64.
            borrowed: unsafe { zeroed_slice(cells) }?,
            reserved: AtomicUsize::new(0),
            name: *name,
            mapped: Shared::new(Mapped {
                object,
                subscribers: mapping,
            })?,
            descriptor: Descriptor::none(),
        };
        topic.register_fences();
        topic.settle()?;
        Ok(topic)
    }
}

/// Opens the second file of a topic, or makes it.
fn open_subscribers(
    name: &Name,
    object: &Object,
    (identity, owner): (u64, NewOwner),
    sizes: Sizes,
) -> Result<Mapping> {
    let status = file::status(object.file()?)?;
    let user = process::effective_user();
    // The creator of a topic may have given it away just now.
    let is_allowed = user == status.owner() || user == 0 || !owner.is_usual();
    let hidden = Name::new(hidden_name(identity).as_c_str().to_bytes())?;
    let location = Location::of_name(&hidden);
    let options = object::Options {
        create: is_allowed,
        exclusive: false,
        access: Access::ReadWrite,
        adopt: false,
        may_adopt: false,
        check_owner: false,
        unsealed: false,
        descriptor: None,
        mode: mode_for_subscribers(status.permissions()),
        owner,
    };
    let total = SubscribersGeometry::new(sizes).total;
    let kind_type = Type::new(
        b"ipc_topic_subscribers",
        TOPIC_VERSION,
        total,
        TOPIC_ALIGNMENT,
    )?;
    let opened = Object::open(
        &location,
        Kind::Subscribers,
        &kind_type,
        options,
        &mut |data, file| {
            // It is for the topic's owner and group. If its group may not be given, it stays this process's.
            let given = file::set_owner(file, &status);
            if user == 0 {
                given?;
            }
            // SAFETY: the mapping has room for the header, whose first word is the identity.
            let words = unsafe { data.base().cast::<AtomicU64>().as_ref() };
            words.store(identity, Relaxed);
            Ok(())
        },
    );
    let is_stale = object.is_stale()?;
    if is_stale && is_allowed {
        // The topic was removed meanwhile. Nobody would remove this file.
        let _ = file::unlink(location.path());
    }
    if is_stale {
        return Err(fail!(ESTALE, "{name}: removed while it was being opened"));
    }
    let (subscribers, _) = opened.map_err(|error| match error.errno() {
        Errno::ENOENT => fail!(
            EAGAIN,
            "{name}: its creator has not made the subscribers' file yet, or was killed before: any open by the topic's owner makes it"
        ),
        _ => error,
    })?;
    let owner = file::status(subscribers.file()?)?.owner();
    if owner != status.owner() {
        return Err(fail!(
            EACCES,
            "{name}: expected a subscribers' file of user {}, found one of user {owner}",
            status.owner()
        ));
    }
    Ok(subscribers.into_data())
}

/// Everybody who may read the topic may write the subscribers' file.
fn mode_for_subscribers(mode: libc::mode_t) -> libc::mode_t {
    let readers = mode & 0o444;
    readers | readers >> 1
}

/// The type in the record of a topic of `size` bytes.
fn topic_type(size: u64) -> Result<Box<Type>> {
    Type::new(b"ipc_topic", TOPIC_VERSION, size, TOPIC_ALIGNMENT)
}

/// A number that no other topic has. Its upper half cannot be guessed, its lower half is the file's inode.
fn new_identity(file: BorrowedFd<'_>) -> Result<u64> {
    let unguessed = now().as_nanos() as u32 ^ process::id().rotate_left(16);
    let inode = file::status(file.as_fd())?.inode() & u64::from(u32::MAX);
    Ok(u64::from(unguessed) << 32 | inode)
}

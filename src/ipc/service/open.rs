//! Opening a service, to serve or to call.

use super::Service;
use super::client::Client;
use super::memory::{Memory, Sizes};
use super::server::Server;
use crate::base::alloc::{Shared, SharedRoom};
use crate::base::error::{Errno, Result, fail};
use crate::base::name::Name;
use crate::ipc::topic::member::Member;
use crate::ipc::watch::descriptor::Descriptor;
use crate::object::layout::{
    HAS_REPLY_TYPE, HAS_REQUEST_TYPE, Kind, NONE, SERVES_ONCE, SERVICE_ALIGNMENT, SERVICE_VERSION,
    Type,
};
use crate::object::map::Mapping;
use crate::object::{self, Location, Object, Options, Outcome, Removable};
use crate::sync::latch::check_namespace;
use crate::sys::fence;
use crate::sys::thread::Thread;
use core::cell::Cell;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64};

/// The properties that a new service gets, and an existing one must have.
pub(crate) struct Wanted {
    pub(crate) sizes: Sizes,
    /// The types of a request and of a reply; `None` for bytes.
    pub(crate) types: [Option<Box<Type>>; 2],
    /// A request whose server died fails.
    pub(crate) once: bool,
}

impl Wanted {
    /// Refuses an existing service that is another one. Without a type, any type will do.
    fn check(&self, name: &Name, service: &Service) -> Result<()> {
        service.check_types(&self.types)?;
        let sizes = service.memory.sizes();
        if self.sizes != sizes {
            return Err(fail!(
                EPROTO,
                "{name}: expected {}, found {sizes}",
                self.sizes
            ));
        }
        let once = service.header().flags.load(Relaxed) & SERVES_ONCE != 0;
        if self.once != once {
            let shown = |once| if once { "once" } else { "again after a death" };
            return Err(fail!(
                EPROTO,
                "{name}: expected a service that delivers {}, found one that delivers {}",
                shown(self.once),
                shown(once)
            ));
        }
        Ok(())
    }
}

impl Server {
    /// Opens or creates a service. Without `wanted`, any existing service is opened, and a new one gets `default`.
    pub(crate) fn open(
        name: &Name,
        wanted: Option<&Wanted>,
        default: &Wanted,
        options: Options,
    ) -> Result<(Server, Outcome)> {
        let location = Location::of_name(name);
        let is_gone = |errno| matches!(errno, Errno::ENOENT | Errno::ESTALE);
        // All memory is there before a name is.
        let member = Shared::new(Member::none())?;
        let of = |service| -> Result<Server> {
            let server = Server {
                service,
                member: member.clone(),
                descriptor: Descriptor::none(),
                strays: AtomicU32::new(0),
            };
            server.begin()?;
            Ok(server)
        };
        let mut room = Some(Shared::room()?);
        let room = &mut room;
        // A further round means that another process has just removed or created the name.
        loop {
            if !options.exclusive {
                match Service::open_existing(&location, name, wanted, options, room) {
                    Ok(service) => return Ok((of(service)?, Outcome::Opened)),
                    Err(error) if options.create && is_gone(error.errno()) => {}
                    Err(error) => return Err(error),
                }
            }
            match Service::create(&location, name, wanted.unwrap_or(default), options, room) {
                Err(error) if error.errno() == Errno::EEXIST && !options.exclusive => {}
                created => return Ok((of(created?)?, Outcome::Created)),
            }
        }
    }
}

impl Client {
    pub(crate) fn open(
        name: &Name,
        types: [Option<Box<Type>>; 2],
        waits_for_server: bool,
        options: Options,
    ) -> Result<Client> {
        let location = Location::of_name(name);
        let mut room = Some(Shared::room()?);
        let service = Service::open_existing(&location, name, None, options, &mut room)?;
        let found = service.check_types(&types)?;
        let client = Client {
            service,
            types: found,
            member: Shared::new(Member::none())?,
            waits_for_server,
            answered_then: AtomicU64::new(0),
            proved_ns: AtomicU64::new(0),
            descriptor: Descriptor::none(),
        };
        client.begin()?;
        Ok(client)
    }
}

impl Service {
    fn open_existing(
        location: &Location,
        name: &Name,
        wanted: Option<&Wanted>,
        options: Options,
        room: &mut Option<SharedRoom<Object>>,
    ) -> Result<Service> {
        let recorded = Cell::new(0);
        let type_of = |size| {
            recorded.set(size);
            service_type(size)
        };
        let object = Object::open_as_found(location, Kind::Service, &type_of, options)?;
        let sizes = Memory::sizes_of(object.data(), recorded.get())?;
        let service = Service::of(name, sizes, object, room)?;
        let thread = Thread::current()?;
        check_namespace(
            &format_args!("{name}: the service"),
            thread,
            service.pid_namespace,
        )?;
        if let Some(wanted) = wanted {
            wanted.check(name, &service)?;
        }
        Ok(service)
    }

    /// Refuses a service with other types. Without a type, any type will do. The result is the service's own types.
    fn check_types(&self, types: &[Option<Box<Type>>; 2]) -> Result<[Option<Box<Type>>; 2]> {
        let name = &self.name;
        let found = self.memory.types(name)?;
        for ((wanted, found), what) in types.iter().zip(&found).zip(["requests", "replies"]) {
            match (wanted, found) {
                (None, _) => {}
                (Some(wanted), Some(found)) => wanted.check(name, found)?,
                (Some(wanted), None) => {
                    return Err(fail!(
                        EPROTO,
                        "{name}: expected {what} of type {wanted}, found a service that was created without a type for them"
                    ));
                }
            }
        }
        Ok(found)
    }

    fn create(
        location: &Location,
        name: &Name,
        wanted: &Wanted,
        options: Options,
        room: &mut Option<SharedRoom<Object>>,
    ) -> Result<Service> {
        let exclusive = Options {
            exclusive: true,
            ..options
        };
        let (object, _) = Object::open(
            location,
            Kind::Service,
            &*service_type(wanted.sizes.total())?,
            exclusive,
            &mut |data, _| initialise(data, wanted),
        )?;
        Service::of(name, wanted.sizes, object, room)
    }

    fn of(
        name: &Name,
        sizes: Sizes,
        object: Object,
        room: &mut Option<SharedRoom<Object>>,
    ) -> Result<Service> {
        let memory = Memory::in_mapping(object.data(), sizes)?;
        if !fence::register() {
            memory.header().waiting.needs_fence.store(1, SeqCst);
        }
        // It is there: only a service that could be opened takes it.
        let room = room.take().ok_or(Errno::ENOMEM)?;
        Ok(Service {
            pid_namespace: memory.header().pid_namespace.load(Relaxed),
            memory,
            name: *name,
            object: room.fill(object),
        })
    }
}

/// The type in the record of a service of `size` bytes.
fn service_type(size: u64) -> Result<Box<Type>> {
    Type::new(b"ipc_service", SERVICE_VERSION, size, SERVICE_ALIGNMENT)
}

/// Fills in a new service, in zeroed memory that no other process sees yet.
fn initialise(data: &Mapping, wanted: &Wanted) -> Result<()> {
    let sizes = wanted.sizes;
    let memory = Memory::in_mapping(data, sizes)?;
    let header = memory.header();
    header.max_requests.store(sizes.max_requests, Relaxed);
    header.max_clients.store(sizes.max_clients, Relaxed);
    header.request_size.store(sizes.request_size, Relaxed);
    header.reply_size.store(sizes.reply_size, Relaxed);
    let pid_namespace = Thread::current()?.pid_namespace();
    header.pid_namespace.store(pid_namespace, Relaxed);
    let mut flags = if wanted.once { SERVES_ONCE } else { 0 };
    for (index, flag) in [HAS_REQUEST_TYPE, HAS_REPLY_TYPE].into_iter().enumerate() {
        if let Some(kind_type) = &wanted.types[index] {
            memory.set_type(index, kind_type);
            flags |= flag;
        }
    }
    header.flags.store(flags, Relaxed);
    for index in 0..sizes.max_clients {
        memory.client(index)?.first_done.store(NONE, Relaxed);
    }
    // The first slots are taken first.
    for index in 0..sizes.max_requests {
        let number = sizes.max_requests - 1 - index;
        memory.free_entry(index)?.store(number, Relaxed);
    }
    header.index.free.store(sizes.max_requests, Relaxed);
    Ok(())
}

pub(crate) fn unlink(name: &Name) -> Result<()> {
    object::unlink(&Location::of_name(name), Removable::Service)
}

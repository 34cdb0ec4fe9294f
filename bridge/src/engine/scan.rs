//! Which objects this machine has: a list at the start, and again whenever a file appears or vanishes in /dev/shm that may concern
//! the bridge.

use super::Engine;
use crate::frame::What;
use crate::kind::{Kind, ObjectId};
use crate::library::{Error, Object, objects};
use crate::log;
use crate::route::Route;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long after a change the list is made, so that many changes need one list.
const DELAY: Duration = Duration::from_millis(30);

/// When the list is made again because an object was not usable.
pub(super) const AGAIN: Duration = Duration::from_millis(200);

/// Watches /dev/shm.
pub(super) struct Folder(OwnedFd);

impl Folder {
    pub(super) fn watch() -> Result<Folder, Error> {
        // SAFETY: the call takes no pointer.
        let descriptor = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        if descriptor < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        // SAFETY: the descriptor is new, and nobody else closes it.
        let folder = Folder(unsafe { OwnedFd::from_raw_fd(descriptor) });
        let path: &CStr = c"/dev/shm";
        let events = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVED_FROM | libc::IN_MOVED_TO;
        // SAFETY: the path is a C string.
        if unsafe { libc::inotify_add_watch(descriptor, path.as_ptr(), events) } < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(folder)
    }

    pub(super) fn descriptor(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// The names of the files that have changed. None if some changes are unknown.
    fn take(&self) -> Option<Vec<String>> {
        let (mut names, mut buffer) = (Some(Vec::new()), [0_u8; 8192]);
        loop {
            // SAFETY: the buffer has the length given.
            let length =
                unsafe { libc::read(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
            let Some(mut rest) = usize::try_from(length)
                .ok()
                .and_then(|length| buffer.get(..length))
            else {
                return names;
            };
            const HEADER: usize = 16;
            while rest.len() >= HEADER {
                let number = |at: usize| {
                    u32::from_ne_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]])
                };
                let (mask, length) = (number(4), number(12) as usize);
                let name = rest.get(HEADER..HEADER + length).unwrap_or_default();
                if mask & libc::IN_Q_OVERFLOW != 0 {
                    names = None;
                } else if let Some(names) = &mut names {
                    let end = name
                        .iter()
                        .position(|byte| *byte == 0)
                        .unwrap_or(name.len());
                    names.push(String::from_utf8_lossy(&name[..end]).into_owned());
                }
                rest = rest.get(HEADER + length..).unwrap_or_default();
            }
        }
    }
}

impl Engine {
    pub(super) fn folder_changed(&mut self) {
        let concerns = match self.folder.take() {
            None => true,
            Some(names) => names.iter().any(|name| self.concerns(name)),
        };
        if concerns && self.scan_at.is_none() {
            self.scan_at = Some(Instant::now() + DELAY);
        }
    }

    /// Whether a file of this name may be an object that the bridge connects.
    fn concerns(&self, file: &str) -> bool {
        if file.starts_with("robustipc-bridge") {
            return false;
        }
        let Some(name) = file.strip_prefix(&self.cx.config.local_prefix) else {
            return false;
        };
        let name = format!("/{name}");
        Kind::ALL
            .into_iter()
            .any(|kind| self.cx.config.leaves(kind, &name).is_some())
            || self.routes.keys().any(|object| object.name == name)
    }

    /// Makes the list of this machine's objects, and begins and ends what follows from it.
    pub(super) fn scan(&mut self) {
        let kinds = Kind::ALL
            .into_iter()
            .fold(0, |kinds, kind| kinds | kind.constant());
        let found = match objects(kinds) {
            Ok(found) => found,
            Err(error) => {
                log!("the objects of this machine: {error}");
                return;
            }
        };
        self.end_stale();
        let mut leaving = Vec::new();
        for object in &found {
            if let Some(id) = self.leaves(object) {
                self.begin_leaving(&id, object);
                leaving.push(id);
            }
        }
        let others = self
            .routes
            .keys()
            .filter(|object| !leaving.contains(object));
        for object in others.cloned().collect::<Vec<_>>() {
            self.end_leaving(&object);
        }
        self.drop_unused();
    }

    /// The name under which an object leaves, if it does.
    fn leaves(&self, object: &Object) -> Option<ObjectId> {
        let kind = Kind::of_constant(object.kind)?;
        let own = ["/robustipc-bridge", self.cx.config.status.as_str()];
        if own.iter().any(|own| object.name.starts_with(own)) {
            return None;
        }
        let name = object.name[1..].strip_prefix(&self.cx.config.local_prefix)?;
        let name = format!("/{name}");
        self.cx.config.leaves(kind, &name)?;
        Some(ObjectId { kind, name })
    }

    fn begin_leaving(&mut self, id: &ObjectId, object: &Object) {
        let Some(rule) = self.cx.config.leaves(id.kind, &id.name).cloned() else {
            return;
        };
        if let Err(error) = self.route(id) {
            log!("{id}: {error}");
            return;
        }
        let Some(route) = self.routes.get_mut(id) else {
            return;
        };
        let was_offered = route.offer().is_some();
        if let Err(error) = route.leave(&self.cx, &rule, object) {
            if error.is_empty() {
                // A thread is stopped inside a call on the object.
                self.scan_at.get_or_insert(Instant::now() + AGAIN);
                return;
            }
            // An object that has gone meanwhile is no failure.
            if error.errno != libc::ENOENT {
                route.common_mut().failed("opening it", &error);
            }
            return;
        }
        if !was_offered {
            self.offer_to_all(id);
        }
    }

    fn end_leaving(&mut self, id: &ObjectId) {
        let Some(route) = self.routes.get_mut(id) else {
            return;
        };
        if route.offer().is_some() {
            route.stay(&self.cx);
            let frame = route.common().frame(What::Withdraw);
            for peer in self.peers.keys() {
                self.cx.network.send(peer, &frame);
            }
        }
    }

    /// Ends the routes of objects whose names have gone or belong to others now, and takes them up again where they are offered.
    fn end_stale(&mut self) {
        // A route that was refused may be possible now.
        let stale = |route: &dyn Route| match route.is_used() {
            true => !route.common().ledger.is_current(),
            false => route.common().counts.refused.is_some(),
        };
        let ended = self.routes.iter().filter(|(_, route)| stale(&***route));
        for id in ended.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.end_leaving(&id);
            self.end(&id);
            self.drop_unused();
            self.take_offers(&id);
        }
    }
}

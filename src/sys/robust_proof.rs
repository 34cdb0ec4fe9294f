//! The proofs of a link of the robust list, before it is followed. ([`robust`](super::robust) says why each must be.)

use super::held::Node;
use super::lock_form::{HAS_PREVIOUS, previous_of, without_mark};
use super::probe::Probe;
use super::robust::{ENTRIES_MAX, RobustList};
use super::robust_head::Head;
use core::ptr;

impl RobustList {
    /// The entry that this thread has linked before `node`, if that still leads back to `node`; otherwise
    /// the head. If libc has linked an entry in between, the list loses it: nothing proves where it is.
    pub(super) fn find_next(
        self,
        node: *mut Node,
        place: Option<usize>,
        probe: &Probe,
    ) -> *mut Node {
        let older = (0..place.unwrap_or(0)).rev();
        older
            .map(|place| self.held().entry(place))
            .find(|&entry| {
                // The record may be wrong about an entry here, so the kernel is asked.
                self.is_foreign_entry(entry, probe)
                    // SAFETY: aligned and readable by the check above.
                    && (!HAS_PREVIOUS || without_mark(unsafe { previous_of(entry).read_volatile() }) == node)
            })
            .unwrap_or(self.head.cast())
    }

    /// Whether the list can go on with `next` behind `node`: `next` leads back to it. In a list with one
    /// direction, `next` is the entry that was linked before `node` and is still held, or one that the
    /// record does not know.
    pub(super) fn is_behind(
        self,
        next: *mut Node,
        node: *mut Node,
        place: Option<usize>,
        probe: &Probe,
    ) -> bool {
        if HAS_PREVIOUS {
            return self.leads_to(next, previous_of(next), node, probe);
        }
        let held = self.held();
        match (held.position(next), place) {
            (Some(older), Some(place)) => {
                // An entry between the two is one of a lock that was unlocked past this record.
                (older + 1..place).all(|between| !self.is_foreign_entry(held.entry(between), probe))
            }
            (Some(_), None) => true,
            (None, _) => self.is_foreign_entry(next, probe),
        }
    }

    /// Whether the word at `link`, which belongs to `owner`, can be read and written and leads to
    /// `node`.
    pub(super) fn leads_to(
        self,
        owner: *mut Node,
        link: *mut *mut Node,
        node: *mut Node,
        probe: &Probe,
    ) -> bool {
        without_mark(owner) != node
            && (self.is_proved(owner) || self.is_foreign_entry(owner, probe))
            && link.is_aligned()
            // SAFETY: aligned, and by the check above readable.
            && without_mark(unsafe { link.read_volatile() }) == node
    }

    /// Whether the record says that an entry was linked after the one at `place`.
    pub(super) fn is_younger(self, entry: *mut Node, place: Option<usize>) -> bool {
        self.held().position(entry) > place && place.is_some()
    }

    /// Whether this is the head, or an entry that this thread has linked: so it is mapped.
    pub(super) fn is_proved(self, entry: *mut Node) -> bool {
        without_mark(entry).cast() == self.head || self.held().position(entry).is_some()
    }

    /// Whether an entry that the record does not know can be one, of libc's or of ours: its words
    /// can be written, and they are not the words in which this thread itself keeps entries. If no link
    /// leads back to prove more, its lock word names this thread.
    pub(super) fn is_foreign_entry(self, entry: *mut Node, probe: &Probe) -> bool {
        let second = without_mark(entry).addr();
        let first = match HAS_PREVIOUS {
            true => previous_of(entry).addr(),
            false => second,
        };
        let is_own = |address: usize| {
            self.held().contains_address(address)
                || address.wrapping_sub(self.head.addr()) < size_of::<Head>()
        };
        first % align_of::<*mut Node>() == 0
            && !is_own(first)
            && !is_own(second)
            && probe.is_writable(first)
            && probe.is_writable(second)
            && (HAS_PREVIOUS || probe.is_own_lock(entry))
    }

    /// The entry whose link leads to `node`, found from the head on. NULL if none does.
    pub(super) fn find_previous(self, node: *mut Node, probe: &Probe) -> *mut Node {
        let mut entry: *mut Node = self.head.cast();
        for _ in 0..ENTRIES_MAX {
            // SAFETY: the head, or an entry that was just found to be readable.
            let next = unsafe { (&raw const (*entry).next).read_volatile() };
            if without_mark(next) == node {
                return entry;
            }
            let is_end = without_mark(next).cast() == self.head;
            if is_end || !(self.is_proved(next) || self.is_foreign_entry(next, probe)) {
                break;
            }
            entry = without_mark(next);
        }
        // The way there is broken. The record knows what this thread linked after it.
        let place = self.held().position(node);
        let younger = place.map_or(ptr::null_mut(), |place| self.held().entry(place + 1));
        if self.leads_to(
            without_mark(younger),
            without_mark(younger).cast(),
            node,
            probe,
        ) {
            return without_mark(younger);
        }
        ptr::null_mut()
    }
}

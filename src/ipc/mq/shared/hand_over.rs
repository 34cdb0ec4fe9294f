//! Handing a borrowed message over: from the thread that borrowed it to another thread, or to any thread of a process.
//!
//! The kernel marks a lock word only for the thread in whose robust list it is, and a thread can change only its own
//! list. So between the two calls the slot is *handed*: its `holder` names the receiver, and it is in no robust list.
//! Whether the receiver lives is then found by its id and birth. One store, that of `holder`, decides whose the message
//! is: before it a death of the giver queues the message again, after it a death of the receiver does.

use super::claims::{Claims, Proof};
use super::memory::{NumberedSlot, damaged};
use super::receive_section::ReceiveSection;
use super::{Borrowed, SharedQueue};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::{Deadline, now};
use crate::object::layout::{HANDED, MessageSlot};
use crate::sync::latch::Latched;
use crate::sys::futex::{Awoken, TID_MASK};
use crate::sys::liveness::{self, Birth};
use crate::sys::{fence, process};
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// While messages are borrowed: how long a thread that waits for one sleeps at most. The giver may have died before it
/// woke this thread.
const GIVER_CHECK: Duration = Duration::from_millis(100);

impl SharedQueue {
    /// Gives a borrowed message to the thread or process with this id.
    pub(crate) fn hand_over(&self, payload: *const u8, receiver: i32) -> Result<()> {
        let _settles = self.settles();
        let (_, slot) = self.memory.slot_of_payload(payload)?;
        let id = u32::try_from(receiver).unwrap_or(0);
        if id == 0 || id > TID_MASK {
            return Err(fail!(
                EINVAL,
                "{receiver} is no thread's id and no process's"
            ));
        }
        let birth = liveness::birth_of(id);
        if liveness::has_no_thread(id) || liveness::is_receiver_gone(birth) {
            return Err(fail!(
                ESRCH,
                "there is no living thread or process {id}; the message is still borrowed"
            ));
        }
        let held = self.enter_receive_section(Some(Deadline::Now));
        let borrowed = Claims::borrowed(&self.memory);
        let outcome = held.and_then(|receiving| {
            borrowed.check(&receiving.latched, slot)?;
            borrowed.hand_over(&receiving.latched, slot, (id, birth));
            Ok(())
        });
        borrowed.unless_damaged(slot, outcome)?;
        // The receiver sleeps as an observer: it takes no message from the queue, so it must take no receiver's
        // wake-up. Without the fence it could be missed.
        fence::full();
        self.wake_observers();
        Ok(())
    }

    /// Takes a message that was handed over to this thread or to its process.
    pub(crate) fn take_over(&self, timeout_ns: i64) -> Result<Borrowed> {
        let _settles = self.settles();
        self.check_receives()?;
        let deadline = self.deadline(timeout_ns)?;
        let waiting = &self.header().waiting;
        loop {
            // Announced before the check, so that a message handed over after the check wakes this thread.
            let seen = match deadline {
                Deadline::Now => None,
                _ => waiting
                    .observers
                    .prepare_unless(&waiting.needs_fence, &|| false),
            };
            let receiving = self.enter_receive_section(Some(deadline))?;
            let proof = self.affordable_proof(receiving.pid_namespace());
            self.take_back_borrowed(&receiving, proof)?;
            let borrowed = Claims::borrowed(&self.memory);
            if let Some((_, slot)) = self.handed_to_caller(&receiving)? {
                borrowed.take_over(&receiving.latched, slot);
                return self.described(slot);
            }
            let has_claims = !borrowed.is_empty();
            drop(receiving);
            let seen = seen.ok_or(Errno::EAGAIN)?;
            let limit = has_claims.then(|| now().saturating_add(GIVER_CHECK));
            let until = limit.map_or(deadline, |limit| deadline.earlier(limit));
            match waiting.observers.sleep(seen, until)? {
                Awoken::Interrupted => return Err(Errno::EINTR.into()),
                _ if deadline.has_passed() => return Err(Errno::ETIMEDOUT.into()),
                _ => {}
            }
        }
    }

    /// A borrowed message. Its slot was read from a list of claims, so the length is checked again.
    fn described(&self, slot: &MessageSlot) -> Result<Borrowed> {
        let length = slot.length.load(Relaxed);
        if length > self.memory.sizes().message_size {
            let error = damaged("a message is longer than a slot");
            return Claims::borrowed(&self.memory).unless_damaged(slot, Err(error));
        }
        Ok(Borrowed {
            payload: self.memory.payload(slot),
            length: length as usize,
            priority: slot.priority.load(Relaxed),
            redeliveries: slot.redeliveries.load(Relaxed),
        })
    }

    /// The first message, in the order of receiving, of those that are handed to this thread or to its process.
    fn handed_to_caller<'q>(
        &'q self,
        receiving: &ReceiveSection<'q>,
    ) -> Result<Option<NumberedSlot<'q>>> {
        let mut caller = Caller::of(&receiving.latched);
        let mut first: Option<NumberedSlot<'q>> = None;
        let key = |slot: &MessageSlot| {
            let priority = slot.priority.load(Relaxed);
            (core::cmp::Reverse(priority), slot.sequence.load(Relaxed))
        };
        Claims::borrowed(&self.memory).visit(&mut |number, slot| {
            let is_first = first.is_none_or(|(_, other)| key(slot) < key(other));
            if slot.state.load(Relaxed) == HANDED && is_first && caller.is_receiver(slot) {
                first = Some((number, slot));
            }
        })?;
        Ok(first)
    }
}

/// The calling thread and its process, as receivers of messages.
struct Caller {
    thread: (u32, Birth),
    process: u32,
    /// The birth of the process, when it was needed first.
    process_birth: Option<Birth>,
}

impl Caller {
    fn of(latched: &Latched<'_>) -> Caller {
        let thread = (latched.thread().id(), latched.thread().birth());
        let process = process::id();
        Caller {
            thread,
            process,
            process_birth: (thread.0 == process).then_some(thread.1),
        }
    }

    /// Whether a handed slot is for this thread. A message for a dead thread whose id this one has is not.
    fn is_receiver(&mut self, slot: &MessageSlot) -> bool {
        let birth = slot.birth.load(Relaxed);
        match slot.holder.load(Relaxed) & TID_MASK {
            id if id == self.process => {
                let own = *self
                    .process_birth
                    .get_or_insert_with(|| liveness::birth_of(self.process));
                !liveness::is_predecessor(birth, own)
            }
            id if id == self.thread.0 => !liveness::is_predecessor(birth, self.thread.1),
            _ => false,
        }
    }
}

/// Whether the receiver of a handed slot has ended without taking it, or whoever was handing it over has.
pub(super) fn is_receiver_gone(slot: &MessageSlot, proof: Proof) -> bool {
    let id = slot.holder.load(Relaxed) & TID_MASK;
    match proof {
        Proof::Mark => false,
        Proof::Id => liveness::has_no_thread(id),
        // A process lives as long as any of its threads does, unlike the thread that has its id.
        Proof::Life => {
            liveness::has_no_thread(id) || liveness::is_receiver_gone(slot.birth.load(Relaxed))
        }
    }
}

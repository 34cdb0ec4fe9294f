//! The thread that has received a request, as the kernel knows it.
//!
//! The client of a call sleeps on the `holder` word of its slot. That word is a robust lock word in the list of the thread
//! that received the request. So one sleep on one word ends with the reply, with that thread's death, and with a signal
//! handler.
//!
//! | value | meaning |
//! |---|---|
//! | 0 | no server has the request, or it is answered |
//! | a thread's id | this thread has received the request, and the kernel reports its death |
//! | OWNER_DIED | that thread has ended, or the kernel does not report its death: the client examines the server |
//! | any of these + WAITERS | the client may be asleep |
//!
//! A request belongs to a process, so another thread of it may reply. It cannot remove the slot from the list of the
//! thread that received the request. The slot stays in that list until that thread receives again, closes the handle or
//! ends. `lister` says in whose list a slot is. A server that receives a request in a slot of another
//! thread's list leaves OWNER_DIED there.
//!
//! | killed | what happens |
//! |---|---|
//! | a server, before its id is in the word | the request still waits for a server |
//! | a server, until it has removed its id | the kernel marks the word and wakes the client |
//! | a server, between that and its wake-up | the kernel wakes the client, because the server announces the word |

use crate::object::layout::CallSlot;
use crate::sys::futex::{self, OWNER_DIED, TID_MASK, WAITERS};
use crate::sys::liveness::{self, Birth};
use crate::sys::thread::Thread;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Makes the latch's holder the holder of a request that it is about to take for the handle with this place.
pub(super) fn hold(slot: &CallSlot, thread: Thread, place: u32) {
    let is_listed = list(slot, thread, place);
    let own = if is_listed { thread.id() } else { OWNER_DIED };
    let before = change(slot, &|word| Some(own | word & WAITERS));
    if !is_listed {
        // From now on the client examines this server.
        wake_if_asleep(slot, before);
    }
}

/// Puts the slot into this thread's robust list. False if that cannot be done now.
fn list(slot: &CallSlot, thread: Thread, place: u32) -> bool {
    let (holder, robust_list) = (&slot.holder, thread.robust_list());
    let lister = holder.lister.load(Relaxed);
    if lister == thread.birth() && robust_list.is_linked(&holder.links) {
        // Another thread has replied to this thread's last request in this slot. If it has not removed the id yet, it would
        // remove that of the new request.
        return holder.word.load(Relaxed) & TID_MASK != thread.id();
    }
    let is_free = lister == 0
        || lister != thread.birth() && liveness::is_gone(liveness::id_of(lister), lister);
    if !is_free || !robust_list.has_room() {
        return false;
    }
    // First: links that lead somewhere have an owner. (A birth contains the thread's id, so it is not 0.)
    holder.lister.store(thread.birth(), Relaxed);
    holder.listed_for.store(place, Relaxed);
    holder.kind.set();
    // SAFETY: the slot is in no list, and the latch keeps others from listing it. It stays mapped: the end of the
    // handle removes it, or keeps the memory mapped (`Server::drop`). The word does not name this thread yet, so the kernel
    // ignores the entry, and the latch is announced.
    unsafe { robust_list.link(&holder.links, false) };
    true
}

/// The value of the word while this process has the request. Pass it to [`release`].
pub(super) fn held_as(slot: &CallSlot) -> u32 {
    slot.holder.word.load(Relaxed) & !WAITERS
}

/// Ends the hold of a request whose call has ended, and wakes its client. The slot may be another call's already.
/// Returns whether the slot stays in another thread's list.
pub(super) fn release(slot: &CallSlot, thread: Thread, held_as: u32) -> bool {
    let (holder, robust_list) = (&slot.holder, thread.robust_list());
    let lister = holder.lister.load(Relaxed);
    let is_own = lister == thread.birth() && robust_list.is_linked(&holder.links);
    let outer = match is_own {
        true => robust_list.begin(&holder.links, false),
        false => robust_list.begin_word(&holder.word),
    };
    if is_own {
        unlist(slot, thread);
    }
    // The kernel may have marked the word, if the thread that received the request has ended.
    let is_of_call = |word: u32| matches!(word & !WAITERS, id if id == held_as || id == OWNER_DIED);
    let before = change(slot, &|word| is_of_call(word).then_some(0));
    if is_of_call(before) {
        wake_if_asleep(slot, before);
    }
    robust_list.finish(outer);
    !is_own && lister != 0
}

/// Removes the slot from this thread's list, if it is there. Call it before the memory is unmapped.
pub(super) fn let_go(slot: &CallSlot, thread: Thread) {
    let holder = &slot.holder;
    if holder.lister.load(Relaxed) == thread.birth()
        && thread.robust_list().is_linked(&holder.links)
    {
        let is_own = |word: u32| word & TID_MASK == thread.id();
        let before = change(slot, &|word| is_own(word).then_some(OWNER_DIED));
        if is_own(before) {
            wake_if_asleep(slot, before);
        }
        unlist(slot, thread);
    }
}

/// Whether the slot is in the list of another living thread of this process, which received the request with the handle with
/// this place.
pub(super) fn is_listed_by_other(slot: &CallSlot, own: Birth, place: u32) -> bool {
    let lister = slot.holder.lister.load(Relaxed);
    lister != 0
        && lister != own
        && slot.holder.listed_for.load(Relaxed) == place
        && liveness::is_in_this_process(liveness::id_of(lister))
}

/// Removes the slot from this thread's list, if it is there and another thread has replied. Returns whether it was.
pub(super) fn sweep(slot: &CallSlot, thread: Thread) -> bool {
    let holder = &slot.holder;
    let is_stray = holder.lister.load(Relaxed) == thread.birth()
        && holder.word.load(Relaxed) & TID_MASK != thread.id()
        && thread.robust_list().is_linked(&holder.links);
    if is_stray {
        unlist(slot, thread);
    }
    is_stray
}

/// Removes the slot from this thread's list, where it is.
fn unlist(slot: &CallSlot, thread: Thread) {
    // SAFETY: the callers have found the entry in this thread's record. The announcement only matters for the word, and
    // each caller says what happens to that.
    unsafe { thread.robust_list().unlink(&slot.holder.links) };
    // Last: from now on another thread may list the slot.
    slot.holder
        .lister
        .store(0, core::sync::atomic::Ordering::Release);
}

/// The call has ended without a reply. The latch's holder tells its client.
pub(super) fn tell_of_loss(slot: &CallSlot) {
    let before = change(slot, &|_| Some(OWNER_DIED));
    wake_if_asleep(slot, before);
}

/// The request waits for a server again, so there is nobody to examine. Call it under the latch.
pub(super) fn forget_holder(slot: &CallSlot) {
    change(slot, &|word| Some(word & WAITERS));
}

/// Announces that the client is about to sleep on the word. Returns the value for which to sleep. Check afterwards
/// whether the call has ended.
pub(super) fn announce_sleep(slot: &CallSlot) -> u32 {
    // SeqCst, here and in `change`: either the server sees the bit, or this thread sees the end of the call.
    slot.holder.word.fetch_or(WAITERS, SeqCst) | WAITERS
}

/// The id of the thread whose death the kernel reports by this value of the word; 0 if there is none.
pub(super) fn reported(word: u32) -> u32 {
    word & TID_MASK
}

/// Changes the word to what `next` says, unless it says `None`. Returns the value before.
fn change(slot: &CallSlot, next: &dyn Fn(u32) -> Option<u32>) -> u32 {
    let holder = &slot.holder.word;
    let mut word = holder.load(Relaxed);
    while let Some(changed) = next(word) {
        match holder.compare_exchange(word, changed, SeqCst, Relaxed) {
            Ok(_) => break,
            Err(now) => word = now,
        }
    }
    word
}

fn wake_if_asleep(slot: &CallSlot, before: u32) {
    if before & WAITERS != 0 {
        crate::base::errno::preserving_errno(|| futex::wake(&slot.holder.word, u32::MAX));
    }
}

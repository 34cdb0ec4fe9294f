//! Taking a queue's latches, and repairing what a dead holder left.
//!
//! Most calls take one latch. A call takes both, the sending latch first, in three cases: it
//! changes what both latches guard, the queue has a descriptor, or a latch is orphaned. An orphaned
//! latch stays orphaned until a repair has succeeded, so no call uses a broken index.

use super::SharedQueue;
use super::readiness::UNKNOWN;
use super::receive_section::ReceiveSection;
use super::repair;
use super::send_section::SendSection;
use crate::base::error::{Errno, Error, Result, fail};
use crate::base::time::{Deadline, now};
use crate::object::layout::Latch;
use crate::sync::bell::Waiter;
use crate::sync::latch::Latched;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

/// How long a call with [`Deadline::Now`] waits for a latch. A section takes less than
/// microseconds, so a holder that needs longer is a thread that is stopped.
const HOLDER_PATIENCE: Duration = Duration::from_secs(1);

#[cfg(not(any(test, fuzzing)))]
fn holder_patience() -> Duration {
    HOLDER_PATIENCE
}

/// A fuzzer makes latches that nobody ever releases, and has no second for each call.
#[cfg(any(test, fuzzing))]
pub(super) use patience::{holder_patience, set_holder_patience};

#[cfg(any(test, fuzzing))]
mod patience {
    use core::cell::Cell;
    use core::time::Duration;

    std::thread_local! {
        static PATIENCE: Cell<Duration> = const { Cell::new(super::HOLDER_PATIENCE) };
    }

    pub(in super::super) fn holder_patience() -> Duration {
        PATIENCE.get()
    }

    /// Sets it for this thread.
    pub(in super::super) fn set_holder_patience(patience: Duration) {
        PATIENCE.set(patience);
    }
}

/// Both latches. The fields are dropped in this order, so the latch taken last is released first.
pub(super) struct BothSections<'q> {
    pub(super) receiving: ReceiveSection<'q>,
    pub(super) sending: SendSection<'q>,
}

impl SharedQueue {
    /// Takes a latch that is free and sound, if one latch is enough.
    #[inline(always)]
    fn take_alone<'q>(&'q self, latch: &'q Latch) -> Option<Latched<'q>> {
        let latched = latch.take_fast(&self.header().waiting.needs_fence, self.pid_namespace)?;
        if self.has_descriptor() {
            latched.release();
            return None;
        }
        Some(latched)
    }

    /// Takes the sending latch, and repairs what a dead holder left. Without a deadline it waits
    /// for nobody: the result is `EAGAIN` if the latch is not free and sound, or if both latches
    /// are needed.
    ///
    /// For speed, use the result in place: moving it right away causes a store-forwarding stall.
    /// For that reason this is not inlined, and the calls in place do not take it out of its
    /// `Result`.
    #[inline(never)]
    pub(super) fn enter_send_section(&self, deadline: Option<Deadline>) -> Result<SendSection<'_>> {
        let latch = &self.header().sending.latch;
        if let Some(latched) = self.take_alone(latch) {
            return Ok(SendSection {
                memory: &self.memory,
                _other_latch: None,
                latched,
            });
        }
        let (latched, _other_latch) = self.take_slowly(latch, deadline.ok_or(Errno::EAGAIN)?)?;
        Ok(SendSection {
            memory: &self.memory,
            _other_latch,
            latched,
        })
    }

    /// Takes the receiving latch. Deadline, repair and speed are as in
    /// [`enter_send_section`](SharedQueue::enter_send_section).
    #[inline(never)]
    pub(super) fn enter_receive_section(
        &self,
        deadline: Option<Deadline>,
    ) -> Result<ReceiveSection<'_>> {
        let latch = &self.header().receiving.latch;
        if let Some(latched) = self.take_alone(latch) {
            return Ok(ReceiveSection {
                memory: &self.memory,
                latched,
                _other_latch: None,
            });
        }
        let (latched, _other_latch) = self.take_slowly(latch, deadline.ok_or(Errno::EAGAIN)?)?;
        Ok(ReceiveSection {
            memory: &self.memory,
            latched,
            _other_latch,
        })
    }

    /// As [`enter_receive_section`](SharedQueue::enter_receive_section), for a receiver that may have been
    /// woken, if there is a `waiter`: while it holds the latch, its announcement stays that of the bell.
    pub(super) fn enter_receive_section_again(
        &self,
        waiter: &Option<Waiter<'_>>,
        deadline: Option<Deadline>,
    ) -> Result<ReceiveSection<'_>> {
        if waiter.is_none() {
            return self.enter_receive_section(deadline);
        }
        match self.take_woken(&self.header().receiving.latch, deadline)? {
            Some(latched) => Ok(ReceiveSection {
                memory: &self.memory,
                latched,
                _other_latch: None,
            }),
            None => self.enter_receive_section(deadline),
        }
    }

    /// As [`enter_receive_section_again`](SharedQueue::enter_receive_section_again), for a sender.
    pub(super) fn enter_send_section_again(
        &self,
        waiter: &Option<Waiter<'_>>,
        deadline: Option<Deadline>,
    ) -> Result<SendSection<'_>> {
        if waiter.is_none() {
            return self.enter_send_section(deadline);
        }
        match self.take_woken(&self.header().sending.latch, deadline)? {
            Some(latched) => Ok(SendSection {
                memory: &self.memory,
                latched,
                _other_latch: None,
            }),
            None => self.enter_send_section(deadline),
        }
    }

    /// `None` if both latches are needed.
    fn take_woken<'q>(
        &'q self,
        latch: &'q Latch,
        deadline: Option<Deadline>,
    ) -> Result<Option<Latched<'q>>> {
        let Some(deadline) = deadline.filter(|_| !self.has_descriptor()) else {
            return Ok(None);
        };
        let needs_fence = &self.header().waiting.needs_fence;
        let until = self.patient(deadline);
        let latched = latch
            .take_linked(needs_fence, self.pid_namespace, until)
            .map_err(|error| self.not_taken(latch, deadline, error))?;
        let is_enough = !latched.is_orphaned() && !self.has_descriptor();
        Ok(is_enough.then_some(latched))
    }

    /// Takes `latch`, and the other latch too if both are needed.
    #[cold]
    #[inline(never)]
    fn take_slowly<'q>(
        &'q self,
        latch: &'q Latch,
        deadline: Deadline,
    ) -> Result<(Latched<'q>, Option<Latched<'q>>)> {
        if !self.has_descriptor() {
            let latched = self.take(latch, deadline)?;
            if !latched.is_orphaned() && !self.has_descriptor() {
                return Ok((latched, None));
            }
        }
        let both = self.enter_both_sections(deadline)?;
        let (sending, receiving) = (both.sending.latched, both.receiving.latched);
        Ok(if core::ptr::eq(latch, &self.header().sending.latch) {
            (sending, Some(receiving))
        } else {
            (receiving, Some(sending))
        })
    }

    /// Takes both latches, and repairs what a dead holder of one of them left.
    pub(super) fn enter_both_sections(&self, deadline: Deadline) -> Result<BothSections<'_>> {
        let memory = &self.memory;
        let mut latched = self.take(&self.header().sending.latch, deadline)?;
        latched.keep();
        let sending = SendSection {
            memory,
            _other_latch: None,
            latched,
        };
        let latched = self.take(&self.header().receiving.latch, deadline)?;
        let receiving = ReceiveSection {
            memory,
            latched,
            _other_latch: None,
        };
        let mut both = BothSections { receiving, sending };
        if both.sending.latched.is_orphaned() || both.receiving.latched.is_orphaned() {
            self.repair(&mut both)?;
        }
        Ok(both)
    }

    #[cold]
    fn repair(&self, both: &mut BothSections<'_>) -> Result<()> {
        // Until the index is whole, nobody may use either half of it, also if this repair fails.
        both.sending.latched.make_orphaned();
        both.receiving.latched.make_orphaned();
        repair::rebuild(&both.sending, &both.receiving)?;
        let header = self.header();
        if self.has_descriptor() {
            header.waiting.fd_state.store(UNKNOWN, Relaxed);
            self.settle_descriptor()?;
        }
        header.statistics.repairs.fetch_add(1, Relaxed);
        both.receiving.latched.make_sound();
        both.sending.latched.make_sound();
        // The dead holder may have made a change that others sleep for, without waking them.
        self.wake_all_receivers();
        self.wake_all_senders();
        Ok(())
    }

    /// Takes one latch, orphaned or sound.
    fn take<'q>(&'q self, latch: &'q Latch, deadline: Deadline) -> Result<Latched<'q>> {
        let needs_fence = &self.header().waiting.needs_fence;
        // A latch is mostly free. Then the call need not read the clock.
        if let Some(latched) = latch.take_fast(needs_fence, self.pid_namespace) {
            return Ok(latched);
        }
        latch
            .take(needs_fence, self.pid_namespace, self.patient(deadline))
            .map_err(|error| self.not_taken(latch, deadline, error))
    }

    /// Until when a call with this deadline waits for a latch.
    fn patient(&self, deadline: Deadline) -> Deadline {
        match deadline {
            Deadline::Now => Deadline::At(now().saturating_add(holder_patience())),
            deadline => deadline,
        }
    }

    fn not_taken(&self, latch: &Latch, deadline: Deadline, error: Error) -> Error {
        match error.errno() {
            Errno::ETIMEDOUT if deadline == Deadline::Now => fail!(
                EAGAIN,
                "{}: thread {} is in a call on the queue and does not run",
                self.name,
                latch.holder()
            ),
            _ => error,
        }
    }
}

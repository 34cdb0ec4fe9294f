//! Feeds a child and collects its outputs at the same time. One after the other would deadlock:
//! the child blocks on a full output while this process blocks on its full input.

use super::Child;
use super::streams::NAMES;
use crate::base::error::{Errno, Result, fail, failed};
use crate::base::time::Deadline;
use crate::sys::fd::Kept;
use crate::sys::ready::{self, READABLE, WRITABLE};
use crate::sys::stream;
use core::mem::MaybeUninit;

impl Child {
    /// Writes input to the child and collects its outputs, whichever is possible first, until it has
    /// taken all its input and closed its outputs.
    pub(crate) fn communicate(
        &self,
        exchange: &mut Exchange<'_>,
        deadline: Deadline,
    ) -> Result<()> {
        let [input, output, error] = &self.ends;
        if !self.is_fed && !exchange.input.is_empty() {
            return Err(fail!(
                EINVAL,
                "there is input for the child, but its {} is not a pipe of this handle",
                NAMES[0]
            ));
        }
        for (end, name) in self.ends.iter().zip(NAMES) {
            if end.number() >= 0 {
                end.get().map_err(|errno| {
                    fail!(
                        (errno),
                        "the descriptor of the child's {name} was closed outside the library"
                    )
                })?;
            }
        }
        loop {
            if exchange.input.is_empty() {
                input.close();
            }
            let mut list = [
                ready::watch(input.number(), WRITABLE),
                ready::watch(output.number(), READABLE),
                ready::watch(error.number(), READABLE),
            ];
            if list.iter().all(|entry| entry.fd < 0) {
                return Ok(());
            }
            match ready::wait_any(&mut list, deadline) {
                Ok(true) => {}
                Ok(false) if deadline == Deadline::Now => {
                    return Err(fail!(EAGAIN, "process {} is not ready yet", self.id));
                }
                Ok(false) => {
                    return Err(fail!(ETIMEDOUT, "process {} is not ready yet", self.id));
                }
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(failed!(errno, "process {}", self.id)),
            }
            if list[0].revents != 0 {
                exchange.feed(input)?;
            }
            if list[1].revents != 0 {
                exchange.output.collect(output, list[1].revents, NAMES[1])?;
            }
            if list[2].revents != 0 {
                exchange.error.collect(error, list[2].revents, NAMES[2])?;
            }
        }
    }
}

/// The input for a child and the room for its outputs. Each part is the rest: it shrinks as bytes move.
pub(crate) struct Exchange<'a> {
    pub(crate) input: &'a [MaybeUninit<u8>],
    pub(crate) output: Sink<'a>,
    pub(crate) error: Sink<'a>,
}

/// The buffer for one of a child's outputs.
pub(crate) struct Sink<'a> {
    /// The room that is left. `None` discards the output.
    pub(crate) room: Option<&'a mut [MaybeUninit<u8>]>,
    pub(crate) count: usize,
}

impl Exchange<'_> {
    fn feed(&mut self, end: &Kept) -> Result<()> {
        match stream::write_now(end.number(), self.input) {
            Ok(count) => self.input = &self.input[count..],
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            // The child may refuse its input. The rest of the data is still in `input`.
            Err(Errno::EPIPE) => end.close(),
            Err(errno) => return Err(failed!(errno, "{}", NAMES[0])),
        }
        Ok(())
    }
}

impl Sink<'_> {
    fn collect(&mut self, end: &Kept, events: i16, name: &str) -> Result<()> {
        let mut discarded = [MaybeUninit::uninit(); 4096];
        let room = match &mut self.room {
            Some(room) => &mut **room,
            None => &mut discarded,
        };
        if room.is_empty() && events & libc::POLLIN != 0 {
            return Err(fail!(
                ENOBUFS,
                "the child's {name}: {} bytes fill the buffer, and there are more",
                self.count
            ));
        }
        let outcome = if room.is_empty() {
            Ok(0)
        } else {
            stream::read_now(end.number(), room)
        };
        match outcome {
            Ok(0) => end.close(),
            Ok(count) => {
                self.count += count;
                if let Some(room) = self.room.take() {
                    self.room = Some(&mut room[count..]);
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(failed!(errno, "{name}")),
        }
        Ok(())
    }
}

//! Datagrams with their senders, and answers to them.

use super::endpoint::Endpoint;
use super::message::{check_whole, measure, too_large, transfer};
use super::{message, socket_failed};
use crate::base::error::{Errno, Result, fail};
use crate::base::time::Deadline;
use crate::sys::datagram::{self, Sender};
use crate::sys::ready::{self, READABLE};
use crate::sys::socket;
use core::mem::MaybeUninit;
use core::time::Duration;
use std::os::fd::RawFd;

/// The pauses of a sender whose receiver has no room. The kernel reports room only to a socket that is connected.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

fn check_datagram(descriptor: RawFd) -> Result<()> {
    match socket::kind(descriptor).map_err(|errno| socket_failed(descriptor, errno))? {
        libc::SOCK_DGRAM => Ok(()),
        _ => Err(fail!(
            EPROTOTYPE,
            "descriptor {descriptor}: expected a datagram socket; a connection has one peer, see ipc_sock_peer"
        )),
    }
}

/// Receives the next datagram, and who sent it.
pub(crate) fn receive_from(
    descriptor: RawFd,
    room: &mut [MaybeUninit<u8>],
    timeout_ns: i64,
) -> Result<(usize, Sender)> {
    let capacity = room.len();
    check_datagram(descriptor)?;
    if capacity == 0 {
        return Err(fail!(EINVAL, "the buffer has no room"));
    }
    datagram::note_senders(descriptor).map_err(|errno| socket_failed(descriptor, errno))?;
    let mut next = 0;
    let (length, sender) = transfer(descriptor, READABLE, timeout_ns, || {
        measure(descriptor, capacity, &mut next)?;
        datagram::receive(descriptor, room)
    })
    .map_err(|error| match error.errno() {
        Errno::EMSGSIZE => too_large(descriptor, capacity, next),
        _ => error,
    })?;
    Ok((check_whole(descriptor, length, capacity)?, sender))
}

/// Sends a datagram to a name.
pub(crate) fn send_to(
    descriptor: RawFd,
    bytes: &[MaybeUninit<u8>],
    to: &Endpoint,
    deadline: Deadline,
) -> Result<usize> {
    check_datagram(descriptor)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match datagram::send(descriptor, bytes, &to.address) {
            Err(Errno::EAGAIN) if deadline == Deadline::Now => return Err(Errno::EAGAIN.into()),
            Err(Errno::EAGAIN) if deadline.has_passed() => return Err(Errno::ETIMEDOUT.into()),
            Err(Errno::EAGAIN) => {}
            outcome => {
                return outcome.map_err(|errno| match errno {
                    Errno::EMSGSIZE => message::send_failed(descriptor, bytes, errno),
                    errno => to.failed("cannot be sent to", errno),
                });
            }
        }
        ready::pause(deadline.remaining().map_or(pause, |left| left.min(pause)))?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

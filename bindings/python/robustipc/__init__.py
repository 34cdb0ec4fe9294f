"""robustipc for Python: every way in which Linux processes share data, proof against kill -9.

The package calls the installed library, librobustipc.so, through ctypes. Programs in C, C++ and Python share the same
objects. The manual of the library (``man 7 robustipc``) describes what each call does; this package adds:

- results become values, and errors become exceptions with the library's text (:class:`Error`);
- timeouts are seconds, None waits without limit, and 0 only tries;
- a wait goes on after a signal once Python has run its handlers, so Ctrl-C ends every wait;
- the death of a lock's owner raises :class:`OwnerDied`, unless the caller gives a function that repairs the data;
- no view of shared memory outlives the mapping, and no read-only memory can be written.
"""

from __future__ import annotations

from . import _native
from .cell import Cell
from .errors import (Damaged, Error, Exists, Interrupted, NoData, NotFound, NotPermitted, NotRecoverable, OwnerDied, PeerDied,
                     TimedOut, WouldBlock, WrongKind, WrongType)
from .queue import Message, Queue, QueueStat
from .region import Region
from .service import Client, Reply, Request, Service, ServiceStat
from .sync import Barrier, Condition, Event, Mutex, NamedSemaphore, Once, Permits, RwLock, Semaphore
from .topic import Publisher, Sample, SampleInfo, Subscriber, TopicStat
from .types import Flags, Type
from .waitset import Ready, WaitSet, What

NONE = Flags.NONE
CREATE = Flags.CREATE
EXCLUSIVE = Flags.EXCLUSIVE
READ_ONLY = Flags.READ_ONLY
WRITE_ONLY = Flags.WRITE_ONLY
NONBLOCK = Flags.NONBLOCK
ADOPT = Flags.ADOPT
KERNEL = Flags.KERNEL
POSIX = Flags.POSIX
CHECK_OWNER = Flags.CHECK_OWNER
UNSEALED = Flags.UNSEALED
OVERWRITE = Flags.OVERWRITE


def version() -> str:
    """The version of the library that this process uses."""
    return str(_native.lib.ipc_version().decode())


__all__ = """
    Barrier Cell Client Condition Damaged Error Event Exists Flags Interrupted Message Mutex NamedSemaphore NoData NotFound
    NotPermitted NotRecoverable Once OwnerDied PeerDied Permits Publisher Queue QueueStat Ready Region Reply Request RwLock
    Sample SampleInfo Semaphore Service ServiceStat Subscriber TimedOut TopicStat Type WaitSet What WouldBlock WrongKind
    WrongType version
    NONE CREATE EXCLUSIVE READ_ONLY WRITE_ONLY NONBLOCK ADOPT KERNEL POSIX CHECK_OWNER UNSEALED OVERWRITE
""".split()

"""Locks, semaphores, events, permits and barriers in shared memory.

The placed types are ctypes structures with the layout of the C types of the same names: use them as fields of your own
structures, in a region that both programs open.

    class Shared(ctypes.Structure):
        _fields_ = [("mutex", robustipc.Mutex), ("samples", ctypes.c_int)]

Initialise them in the ``init`` of :meth:`robustipc.Region.open`. Never copy or move them. Locks, permits and places at a
barrier belong to the thread that took them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import time
from typing import Any, Callable, Iterator, Optional

from . import _native
from ._native import check, lib, nanoseconds, wait
from .errors import OwnerDied
from .handles import Handle, encode, opened
from .types import Flags

Repair = Optional[Callable[[], object]]


class Placed(ctypes.Structure):
    """An object in shared memory at a fixed place."""

    # From Python 3.13 on. Before, the alignment of 64-bit numbers counts, which is 8 on all machines but 32-bit x86.
    _align_ = 8
    _prefix = ""

    def _call(self, name: str, *arguments: Any) -> int:
        return check(getattr(lib, f"ipc_{self._prefix}_{name}")(ctypes.byref(self), *arguments))

    def destroy(self) -> None:
        """Ends an object that no thread will use again. It is not needed before the region is closed."""
        self._call("destroy")

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} is never copied or moved")


class _Lock(Placed):
    def _grant(self, call: Callable[[int], int], timeout: Optional[float], repair: Repair) -> None:
        if wait(call, timeout) == _native.IPC_OWNER_DIED:
            self._repair(repair)

    def _repair(self, repair: Repair) -> None:
        if repair is None:
            raise OwnerDied(self, self.consistent, self.unlock)
        try:
            repair()
        except BaseException:
            # The data stays half-changed, and nobody may use it as if it were whole.
            self.unlock()
            raise
        self.consistent()

    def unlock(self) -> None:
        """Unlocks what this thread has locked. Without :meth:`consistent` after an owner's death, the data is given up."""
        self._call("unlock")

    def consistent(self) -> None:
        """Declares, after an owner's death, that the data under the lock is sound again."""
        self._call("consistent")


class Mutex(_Lock):
    """A robust mutex, ``ipc_mutex_t``. ``with mutex:`` locks and unlocks it.

    If the last owner died holding the mutex, locking raises :class:`~robustipc.OwnerDied` and the mutex **is** locked:
    repair the data. With ``repair``, that function is called instead, with the mutex held, and the data then counts as
    sound. If ``repair`` raises an exception, the data is given up for all programs.
    """

    _fields_ = [("_opaque", ctypes.c_uint64 * 8)]
    _prefix = "mutex"

    #: The owner may lock the mutex again.
    RECURSIVE = 1
    #: A waiter lends the owner its priority.
    PRIORITY_INHERIT = 2

    def init(self, flags: int = 0) -> None:
        """Initialises a mutex that no other thread uses yet. ``flags``: RECURSIVE, PRIORITY_INHERIT."""
        attributes = _native.MutexAttr(flags)
        self._call("init", ctypes.byref(attributes))

    def lock(self, timeout: Optional[float] = None, repair: Repair = None) -> None:
        """Locks the mutex, within ``timeout`` seconds; 0 only tries."""
        self._grant(lambda limit: lib.ipc_mutex_lock(ctypes.byref(self), limit), timeout, repair)

    @contextlib.contextmanager
    def locked(self, timeout: Optional[float] = None, repair: Repair = None) -> Iterator[None]:
        """``with mutex.locked(timeout, repair=recount):`` locks and unlocks."""
        self.lock(timeout, repair)
        try:
            yield
        finally:
            self.unlock()

    def __enter__(self) -> "Mutex":
        self.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self.unlock()


class RwLock(_Lock):
    """A robust readers-writer lock, ``ipc_rwlock_t``. A dead reader leaves nothing to repair; a dead writer is reported to
    the next owner as a dead owner of a :class:`Mutex` is, and that owner holds the lock alone."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 256)]
    _prefix = "rwlock"

    def init(self) -> None:
        """Initialises a lock that no other thread uses yet."""
        self._call("init")

    def lock_reading(self, timeout: Optional[float] = None, repair: Repair = None) -> None:
        """Locks for reading. Up to 30 threads hold the lock for reading at the same time."""
        self._grant(lambda limit: lib.ipc_rwlock_read_lock(ctypes.byref(self), limit), timeout, repair)

    def lock_writing(self, timeout: Optional[float] = None, repair: Repair = None) -> None:
        """Locks for writing."""
        self._grant(lambda limit: lib.ipc_rwlock_write_lock(ctypes.byref(self), limit), timeout, repair)

    @contextlib.contextmanager
    def reading(self, timeout: Optional[float] = None, repair: Repair = None) -> Iterator[None]:
        """``with lock.reading():``"""
        self.lock_reading(timeout, repair)
        try:
            yield
        finally:
            self.unlock()

    @contextlib.contextmanager
    def writing(self, timeout: Optional[float] = None, repair: Repair = None) -> Iterator[None]:
        """``with lock.writing():``"""
        self.lock_writing(timeout, repair)
        try:
            yield
        finally:
            self.unlock()


class Condition(Placed):
    """A condition variable, ``ipc_cond_t``, for use with a :class:`Mutex`."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 4)]
    _prefix = "cond"

    def init(self) -> None:
        """Initialises a condition variable that no other thread uses yet."""
        self._call("init")

    def wait(self, mutex: Mutex, timeout: Optional[float] = None, repair: Repair = None) -> None:
        """Unlocks the mutex, waits for a signal, and locks the mutex again, also before an exception.

        The wait may end without a signal, so test the condition in a loop, or use :meth:`wait_for`. The death of the
        mutex's last owner is reported as by :meth:`Mutex.lock`.
        """
        limit = nanoseconds(timeout)
        # See wait() for the parts. After a part and after a signal the caller tests its condition: between two waits, this
        # thread may miss a wake-up.
        is_part = _native.is_main_thread() and not 0 <= limit <= _native.SLICE_NS
        result = lib.ipc_cond_wait(ctypes.byref(self), ctypes.byref(mutex), _native.SLICE_NS if is_part else limit)
        if result == _native.IPC_OWNER_DIED:
            mutex._repair(repair)
        elif result != -errno.EINTR and not (is_part and result == -errno.ETIMEDOUT):
            check(result)

    def wait_for(self, predicate: Callable[[], bool], mutex: Mutex, timeout: Optional[float] = None, repair: Repair = None) -> None:
        """Waits until ``predicate()`` is true, or raises :class:`~robustipc.TimedOut`."""
        end = None if timeout is None else time.monotonic() + timeout
        while not predicate():
            self.wait(mutex, None if end is None else max(1e-9, end - time.monotonic()), repair)

    def signal(self) -> None:
        """Wakes at least one waiter, if there is one."""
        self._call("signal")

    def broadcast(self) -> None:
        """Wakes all waiters."""
        self._call("broadcast")


class Semaphore(Placed):
    """A counting semaphore, ``ipc_sem_t``. A permit that a killed process took stays taken: see :class:`Permits`."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 4)]
    _prefix = "sem"

    def init(self, value: int = 0) -> None:
        """Initialises a semaphore with ``value`` free permits that no other thread uses yet."""
        self._call("init", value)

    def wait(self, timeout: Optional[float] = None) -> None:
        """Takes a permit, and waits until one is free."""
        wait(lambda limit: lib.ipc_sem_wait(ctypes.byref(self), limit), timeout)

    def post(self) -> None:
        """Adds a permit."""
        self._call("post")

    @property
    def value(self) -> int:
        """How many permits are free at some moment during the call."""
        value = ctypes.c_uint()
        self._call("value", ctypes.byref(value))
        return value.value

    def fileno(self) -> int:
        """A descriptor that is readable while a permit is free. Do not read, write or close it."""
        return self._call("fd")


class NamedSemaphore(Handle):
    """A semaphore with a name, or with :attr:`Flags.POSIX <robustipc.Flags>` the one that sem_open() opens."""

    _prefix = "ipc_sem"

    @classmethod
    def open(cls, name: str, value: int = 0, flags: Flags = Flags.NONE, mode: int = 0o600) -> "NamedSemaphore":
        """Opens the semaphore, or with CREATE makes it with ``value`` permits."""
        pointer, _ = opened(lambda out: lib.ipc_sem_open(out, encode(name), value, flags, mode))
        return cls(pointer)

    def wait(self, timeout: Optional[float] = None) -> None:
        """Takes a permit, and waits until one is free."""
        handle = self._handle
        wait(lambda limit: lib.ipc_sem_wait(handle, limit), timeout)

    def post(self) -> None:
        """Adds a permit."""
        check(lib.ipc_sem_post(self._handle))

    @property
    def value(self) -> int:
        """How many permits are free at some moment during the call."""
        value = ctypes.c_uint()
        check(lib.ipc_sem_value(self._handle, ctypes.byref(value)))
        return value.value

    def fileno(self) -> int:
        """A descriptor that is readable while a permit is free. Do not read, write or close it."""
        return check(lib.ipc_sem_fd(self._handle))

    @staticmethod
    def unlink(name: str, posix: bool = False) -> None:
        """Removes the name of a semaphore; with ``posix`` of one of the C library."""
        check((lib.ipc_sem_unlink_posix if posix else lib.ipc_sem_unlink)(encode(name)))


class Event(Placed):
    """An event that is set or not set, ``ipc_event_t``."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 4)]
    _prefix = "event"

    #: Each setting releases one waiter, which resets the event.
    AUTO_RESET = 1
    #: The event is set from the beginning.
    SET = 2

    def init(self, flags: int = 0) -> None:
        """Initialises an event that no other thread uses yet. ``flags``: AUTO_RESET, SET."""
        self._call("init", flags)

    def set(self) -> None:
        """Sets the event."""
        self._call("set")

    def reset(self) -> None:
        """Resets the event."""
        self._call("reset")

    def wait(self, timeout: Optional[float] = None) -> None:
        """Waits until the event is set."""
        wait(lambda limit: lib.ipc_event_wait(ctypes.byref(self), limit), timeout)

    @property
    def is_set(self) -> bool:
        """Whether the event is set."""
        return bool(self._call("is_set"))

    def fileno(self) -> int:
        """A descriptor that is readable while the event is set. Do not read, write or close it."""
        return self._call("fd")


class Permits(Placed):
    """A pool of up to 31 numbered permits that come back when their holder dies, ``ipc_permits_t``."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 256)]
    _prefix = "permits"

    def init(self, count: int) -> None:
        """Initialises a pool of ``count`` permits that no other thread uses yet."""
        self._call("init", count)

    def take(self, timeout: Optional[float] = None, repair: Optional[Callable[[int], object]] = None) -> int:
        """Takes a permit and returns its number.

        If the permit's last holder died with it, ``repair(number)`` is called. Without ``repair``, the call raises
        :class:`~robustipc.OwnerDied`; the permit is held, its number is the exception's ``lock``, and :meth:`give` gives
        it back.
        """
        number = ctypes.c_uint()
        result = wait(lambda limit: lib.ipc_permits_take(ctypes.byref(self), ctypes.byref(number), limit), timeout)
        if result == _native.IPC_OWNER_DIED:
            permit = number.value
            if repair is None:
                raise OwnerDied(permit, lambda: None, lambda: self.give(permit))
            try:
                repair(permit)
            except BaseException:
                self.give(permit)
                raise
        return number.value

    def give(self, permit: int) -> None:
        """Gives a permit back. Only the thread that took it can."""
        self._call("give", permit)

    @contextlib.contextmanager
    def taken(self, timeout: Optional[float] = None, repair: Optional[Callable[[int], object]] = None) -> Iterator[int]:
        """``with permits.taken() as number:``"""
        permit = self.take(timeout, repair)
        try:
            yield permit
        finally:
            self.give(permit)

    @property
    def free(self) -> int:
        """How many permits are free at some moment during the call."""
        free = ctypes.c_uint()
        self._call("free", ctypes.byref(free))
        return free.value


class Barrier(Placed):
    """A barrier for up to 31 threads that reports a participant's death, ``ipc_barrier_t``."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 256)]
    _prefix = "barrier"

    def init(self, count: int) -> None:
        """Initialises a barrier of ``count`` participants that no other thread uses yet."""
        self._call("init", count)

    def join(self) -> None:
        """Makes this thread a participant without waiting."""
        self._call("join")

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits for the others. Returns True to exactly one participant of each round.

        A participant's death raises :class:`~robustipc.PeerDied` in all others until :meth:`reset`.
        """
        return wait(lambda limit: lib.ipc_barrier_wait(ctypes.byref(self), limit), timeout) == _native.IPC_BARRIER_SERIAL

    def leave(self) -> None:
        """Ends this thread's participation. It has to be called before the thread ends."""
        self._call("leave")

    def reset(self) -> None:
        """Makes the barrier usable again after a participant's death."""
        self._call("reset")


class Once(Placed):
    """The layout of ``ipc_once_t``, for structures that C programs share. Python does not run it, because a function that
    ipc_once() calls cannot report an exception."""

    _fields_ = [("_opaque", ctypes.c_uint64 * 12)]
    _prefix = "once"

    def destroy(self) -> None:
        """Does nothing: an ipc_once_t has no end."""

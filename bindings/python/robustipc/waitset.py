"""Waitsets: one wait over many objects."""

from __future__ import annotations

import ctypes
import enum
import itertools
from typing import Any, NamedTuple, Optional

from . import _native
from ._native import check, lib, nanoseconds, wait
from .cell import Cell
from .handles import Handle, opened
from .queue import Queue
from .service import Client, Service
from .sync import Event, NamedSemaphore, Semaphore
from .topic import Subscriber

_POLLIN = 1
_CAPACITY = 64


class What(enum.IntEnum):
    """What an entry of a waitset waits for."""

    MESSAGE = 1
    ROOM = 2
    EVENT = 3
    SEM = 4
    CHILD = 5
    SAMPLE = 6
    CHANGE = 7
    REQUEST = 8
    REPLY = 9
    FD = 10
    TIMER = 11


class Ready(NamedTuple):
    """An entry that is ready: the tag that it was added with, and what it waited for."""

    tag: Any
    what: What


class WaitSet(Handle):
    """One wait over queues, subscribers, cells, services, clients, events, semaphores, descriptors and timers."""

    _KINDS = {Queue: What.MESSAGE, Subscriber: What.SAMPLE, Cell: What.CHANGE, Service: What.REQUEST, Client: What.REPLY,
              NamedSemaphore: What.SEM}

    _prefix = "ipc_waitset"

    def __init__(self) -> None:
        super().__init__(opened(lambda out: lib.ipc_waitset_open(out, 0))[0])
        self._numbers = itertools.count(1)
        # The library's tag of each entry, and the objects of the entries, which have to live as long as they.
        self._entries: dict[int, tuple[Any, Any]] = {}

    def add(self, thing: Any, tag: Any = None, room: bool = False) -> None:
        """Adds an object, to wait for a message, a sample, a newer value, a request, a reply, an event that is set or a free
        permit; with ``room`` for room in a queue. ``tag`` is by default the object."""
        if isinstance(thing, (Event, Semaphore)):
            what, pointer = (What.EVENT if isinstance(thing, Event) else What.SEM), ctypes.c_void_p(ctypes.addressof(thing))
        elif type(thing) in self._KINDS:
            what, pointer = self._KINDS[type(thing)], ctypes.c_void_p(thing._handle)
        else:
            raise TypeError(f"a {type(thing).__name__} is added with add_fd()")
        if room:
            if what != What.MESSAGE:
                raise TypeError("only a queue has room")
            what = What.ROOM
        self._add(thing, tag, lambda number: lib.ipc_waitset_add(self._handle, what, pointer, number))

    def add_fd(self, thing: Any, tag: Any = None, events: int = _POLLIN) -> None:
        """Adds a descriptor, or an object with ``fileno()``. ``events`` are those of the module select."""
        fd = thing if isinstance(thing, int) else thing.fileno()
        self._add(thing, tag, lambda number: lib.ipc_waitset_add_fd(self._handle, fd, events, number))

    def add_timer(self, first: float, period: float = 0.0, tag: Any = None) -> None:
        """Adds a timer that expires after ``first`` seconds, and then every ``period`` seconds unless that is 0."""
        self._add(None, tag, lambda number: lib.ipc_waitset_add_timer(
            self._handle, nanoseconds(first), nanoseconds(period), number))

    def remove(self, tag: Any) -> None:
        """Removes all entries with a tag."""
        numbers = [number for number, (_, entry) in self._entries.items() if entry is tag or entry == tag]
        if not numbers:
            raise KeyError(tag)
        for number in numbers:
            check(lib.ipc_waitset_remove(self._handle, number))
            del self._entries[number]

    def wait(self, timeout: Optional[float] = None) -> list[Ready]:
        """Waits until entries are ready and returns them. It takes nothing: receive with timeout 0 then, which may raise
        :class:`~robustipc.WouldBlock`."""
        handle, ready = self._handle, (_native.ReadyStruct * _CAPACITY)()
        count = wait(lambda limit: lib.ipc_waitset_wait(handle, ready, _CAPACITY, limit), timeout)
        found = [(self._entries.get(entry.tag), entry.what) for entry in ready[:count]]
        return [Ready(entry[1], What(what)) for entry, what in found if entry is not None]

    def fileno(self) -> int:
        """The descriptor for an event loop. When it is readable, call :meth:`wait` with timeout 0."""
        return check(lib.ipc_waitset_fd(self._handle))

    def _add(self, thing: Any, tag: Any, add: Any) -> None:
        number = next(self._numbers)
        self._entries[number] = (thing, thing if tag is None else tag)
        try:
            check(add(number))
        except BaseException:
            del self._entries[number]
            raise

    def close(self) -> None:
        super().close()
        self._entries.clear()

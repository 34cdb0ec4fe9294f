"""Topics: every subscriber gets every sample."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Optional

from . import _native
from ._native import check, lib, wait
from .handles import Borrowed, Pollable, address_of, encode, opened
from .queue import Buffers
from .types import Flags, TypeLike, as_type, pointer_to


class SampleInfo(NamedTuple):
    """What a topic or a cell tells about a sample or a value."""

    #: The number of the sample, from 1 on without gaps.
    number: int
    #: How many samples this subscriber has missed before this one.
    missed: int
    #: When it was published, in nanoseconds on the monotonic clock.
    time_ns: int
    #: The id of the process that published it.
    publisher: int


class Sample(NamedTuple):
    """A received sample."""

    data: bytes
    info: SampleInfo


class TopicStat(NamedTuple):
    """The state of a topic; ipc_topic(3) has the meaning of each."""

    published: int
    publishers: int
    subscribers: int
    reserved_samples: int
    borrowed_samples: int
    repairs: int
    abandoned: int
    slots: int
    free_slots: int


def info_of(sample: _native.SampleStruct) -> SampleInfo:
    """The library's description of a sample as a tuple."""
    return SampleInfo(sample.number, sample.missed, sample.time_ns, sample.publisher)


class BorrowedSample(Borrowed):
    """A sample in the topic's memory, for the ``with`` block of :meth:`Subscriber.borrow`. ``data`` cannot be written."""

    def __init__(self, topic: "Subscriber", address: int, size: int, info: SampleInfo) -> None:
        super().__init__(topic._open_keeper, address, size, False)
        self.info = info

    def __enter__(self) -> "BorrowedSample":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        check(lib.ipc_topic_return(self._keeper.pointer, self._address))
        self._release(kind is not None)


class ReservedSample(Borrowed):
    """Room in the topic's memory, for the ``with`` block of :meth:`Publisher.reserve`.

    Write to ``data``, and set ``length`` if the sample is shorter. The end of the block publishes the sample. An exception
    in the block gives the room back and publishes nothing.
    """

    def __init__(self, topic: "Publisher", address: int, size: int) -> None:
        super().__init__(topic._open_keeper, address, size, True)
        self.length = size

    def __enter__(self) -> "ReservedSample":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        handle = self._keeper.pointer
        if kind is None:
            result = lib.ipc_topic_commit(handle, self._address, self.length)
            if result < 0:
                error = _native.failure(result)
                lib.ipc_topic_abandon(handle, self._address)
                raise error
        else:
            check(lib.ipc_topic_abandon(handle, self._address))
        self._release(kind is not None)


class _Topic(Pollable):
    _prefix = "ipc_topic"
    _direction = Flags.NONE

    def __init__(self, pointer: int, created: bool) -> None:
        super().__init__(pointer)
        #: Whether this call created the topic.
        self.created = created
        attributes = _native.TopicAttr()
        check(lib.ipc_topic_getattr(pointer, ctypes.byref(attributes)))
        #: The largest length of a sample.
        self.sample_size = int(attributes.sample_size)
        #: How many samples the topic keeps.
        self.capacity = int(attributes.capacity)
        self._buffers = Buffers()

    @classmethod
    def open(cls, name: str, flags: Flags = Flags.NONE, mode: int = 0o600, *, type: Optional[TypeLike] = None,
             sample_size: int = 0, capacity: Optional[int] = None, history: int = 0, max_subscribers: int = 0,
             max_publishers: int = 0, max_borrowed: int = 0, wait_for_subscribers: bool = False) -> Any:
        """Opens a topic, or with CREATE makes it.

        The sizes are those of a new topic, and an existing topic must have them; without ``capacity`` the topic has to
        exist and may be of any kind. With ``wait_for_subscribers`` a publisher of a full topic waits for its living
        subscribers; otherwise the oldest sample is overwritten.
        """
        attributes = None
        if capacity is not None:
            attributes = ctypes.byref(_native.TopicAttr(pointer_to(as_type(type)), sample_size, capacity, history,
                                                        max_subscribers, max_publishers, max_borrowed, int(wait_for_subscribers)))
        elif type is not None or sample_size:
            raise TypeError("give capacity too, or neither a type nor sizes")
        return cls(*opened(lambda out: lib.ipc_topic_open(out, encode(name), attributes, flags | cls._direction, mode)))

    @staticmethod
    def unlink(name: str) -> None:
        """Removes the name. Processes that have the topic open keep it."""
        check(lib.ipc_topic_unlink(encode(name)))

    def stat(self) -> TopicStat:
        """The state of the topic."""
        stat = _native.TopicStat()
        check(lib.ipc_topic_stat(self._handle, ctypes.byref(stat)))
        return TopicStat(*(int(getattr(stat, field)) for field in TopicStat._fields))


class Publisher(_Topic):
    """A handle that publishes samples in a topic."""

    _direction = Flags.WRITE_ONLY

    def send(self, data: Any, timeout: Optional[float] = None) -> None:
        """Publishes a copy of bytes, of a ctypes structure or of any other buffer."""
        handle = self._handle
        argument, size = address_of(data)
        wait(lambda limit: lib.ipc_topic_send(handle, argument, size, limit), timeout)

    def reserve(self, size: Optional[int] = None, timeout: Optional[float] = None) -> ReservedSample:
        """Gives room for a sample that is written in place: ``with publisher.reserve() as sample:``"""
        handle, out = self._handle, ctypes.c_void_p()
        length = self.sample_size if size is None else size
        wait(lambda limit: lib.ipc_topic_reserve(handle, ctypes.byref(out), length, limit), timeout)
        return ReservedSample(self, int(out.value or 0), length)


class Subscriber(_Topic):
    """A handle that gets every sample of a topic, in the order of their numbers."""

    _direction = Flags.READ_ONLY

    def receive(self, timeout: Optional[float] = None) -> Sample:
        """Copies the next sample. Waits until there is one."""
        handle, buffer, info = self._handle, self._buffers.get(self.sample_size), _native.SampleStruct()
        size = wait(lambda limit: lib.ipc_topic_receive(handle, buffer, self.sample_size, ctypes.byref(info), limit), timeout)
        return Sample(ctypes.string_at(buffer, size), info_of(info))

    def borrow(self, timeout: Optional[float] = None) -> BorrowedSample:
        """Shows the next sample without copying it: ``with subscriber.borrow() as sample:``"""
        handle, out, info = self._handle, ctypes.c_void_p(), _native.SampleStruct()
        size = wait(lambda limit: lib.ipc_topic_borrow(handle, ctypes.byref(out), ctypes.byref(info), limit), timeout)
        return BorrowedSample(self, int(out.value or 0), size, info_of(info))

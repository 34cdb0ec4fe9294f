"""Message queues."""

from __future__ import annotations

import ctypes
import threading
from typing import Any, NamedTuple, Optional

from . import _native
from ._native import check, lib, wait
from .handles import Borrowed, Pollable, address_of, encode, opened
from .types import Flags, TypeLike, as_type, pointer_to


class Message(NamedTuple):
    """A received message."""

    data: bytes
    priority: int


class QueueStat(NamedTuple):
    """The statistics of a queue; ipc_mq(3) has the meaning of each."""

    waiting_senders: int
    waiting_receivers: int
    dropped: int
    repairs: int
    redelivered: int
    abandoned: int


class Buffers(threading.local):
    """A buffer for each thread, which receives messages before they become bytes."""

    def __init__(self) -> None:
        self._buffer: Any = ctypes.create_string_buffer(0)

    def get(self, size: int) -> Any:
        """A buffer of at least this size."""
        if ctypes.sizeof(self._buffer) < size:
            self._buffer = (ctypes.c_char * size)()
        return self._buffer


class BorrowedMessage(Borrowed):
    """A message in the queue's memory, for the ``with`` block of :meth:`Queue.borrow`.

    ``data`` is a memoryview that cannot be written. If the process dies in the block, the message comes back to the queue,
    and ``redeliveries`` is above 0 for its next receiver.
    """

    def __init__(self, queue: "Queue", address: int, size: int, priority: int, redeliveries: int) -> None:
        super().__init__(queue._open_keeper, address, size, False)
        self.priority = priority
        self.redeliveries = redeliveries

    def __enter__(self) -> "BorrowedMessage":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        check(lib.ipc_mq_return(self._keeper.pointer, self._address))
        self._release(kind is not None)


class ReservedMessage(Borrowed):
    """Room in the queue's memory, for the ``with`` block of :meth:`Queue.reserve`.

    Write to ``data``, and set ``length`` (otherwise the whole room is sent). The end of the block sends the message. An
    exception in the block gives the room back and sends nothing.
    """

    def __init__(self, queue: "Queue", address: int, size: int, priority: int) -> None:
        super().__init__(queue._open_keeper, address, size, True)
        self.length = size
        self.priority = priority

    def __enter__(self) -> "ReservedMessage":
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        handle = self._keeper.pointer
        if kind is None:
            result = lib.ipc_mq_commit(handle, self._address, self.length, self.priority)
            if result < 0:
                # A length or priority that is refused: nobody else could end the message.
                error = _native.failure(result)
                lib.ipc_mq_abandon(handle, self._address)
                raise error
        else:
            check(lib.ipc_mq_abandon(handle, self._address))
        self._release(kind is not None)


class Queue(Pollable):
    """A message queue. Any number of threads and processes send and receive; each message goes to one receiver, those of
    the highest priority first."""

    _prefix = "ipc_mq"

    def __init__(self, pointer: int, created: bool) -> None:
        super().__init__(pointer)
        #: Whether this call created the queue.
        self.created = created
        attributes = _native.QueueAttr()
        check(lib.ipc_mq_getattr(pointer, ctypes.byref(attributes)))
        #: How many messages the queue holds.
        self.max_messages = int(attributes.max_messages)
        #: The largest length of a message.
        self.message_size = int(attributes.message_size)
        self._buffers = Buffers()

    @classmethod
    def open(cls, name: str, flags: Flags = Flags.NONE, mode: int = 0o600, *, max_messages: Optional[int] = None,
             message_size: Optional[int] = None, type: Optional[TypeLike] = None, spin_ns: int = 0) -> "Queue":
        """Opens a queue.

        With CREATE, a new queue holds ``max_messages`` of up to ``message_size`` bytes (the size of ``type``, if that is
        given). An existing queue must have these sizes and this type. Without any of them, a new queue has the defaults,
        and an existing queue may be of any size.
        """
        attributes = None
        if max_messages is not None or message_size is not None or type is not None:
            if max_messages is None or (message_size is None and type is None):
                raise TypeError("give max_messages, and message_size or a type; or none of them")
            attributes = ctypes.byref(_native.QueueAttr(max_messages, message_size or 0, 0, 0, spin_ns,
                                                        pointer_to(as_type(type))))
        return cls(*opened(lambda out: lib.ipc_mq_open(out, encode(name), attributes, flags, mode)))

    @staticmethod
    def unlink(name: str, flags: Flags = Flags.NONE) -> None:
        """Removes the name; with KERNEL of a kernel's queue. Processes that have the queue open keep it."""
        check(lib.ipc_mq_unlink(encode(name), flags))

    def send(self, data: Any, priority: int = 0, timeout: Optional[float] = None) -> None:
        """Sends bytes, a ctypes structure or any other buffer. Waits while the queue is full."""
        handle = self._handle
        argument, size = address_of(data)
        wait(lambda limit: lib.ipc_mq_send(handle, argument, size, priority, limit), timeout)

    def receive(self, timeout: Optional[float] = None) -> Message:
        """Takes the next message. Waits while the queue is empty."""
        handle, buffer, priority = self._handle, self._buffers.get(self.message_size), ctypes.c_uint()
        size = wait(lambda limit: lib.ipc_mq_receive(handle, buffer, self.message_size, ctypes.byref(priority), limit), timeout)
        return Message(ctypes.string_at(buffer, size), priority.value)

    def borrow(self, timeout: Optional[float] = None) -> BorrowedMessage:
        """Takes the next message without copying it: ``with queue.borrow() as message:``. It belongs to the thread."""
        handle, out, priority, redeliveries = self._handle, ctypes.c_void_p(), ctypes.c_uint(), ctypes.c_uint()
        size = wait(lambda limit: lib.ipc_mq_borrow(handle, ctypes.byref(out), ctypes.byref(priority),
                                                    ctypes.byref(redeliveries), limit), timeout)
        return BorrowedMessage(self, int(out.value or 0), size, priority.value, redeliveries.value)

    def reserve(self, priority: int = 0, timeout: Optional[float] = None) -> ReservedMessage:
        """Gives room for a message that is written in place: ``with queue.reserve() as message:``. It belongs to the
        thread."""
        handle, out = self._handle, ctypes.c_void_p()
        wait(lambda limit: lib.ipc_mq_reserve(handle, ctypes.byref(out), limit), timeout)
        return ReservedMessage(self, int(out.value or 0), self.message_size, priority)

    def __len__(self) -> int:
        attributes = _native.QueueAttr()
        check(lib.ipc_mq_getattr(self._handle, ctypes.byref(attributes)))
        return int(attributes.current_messages)

    def __bool__(self) -> bool:
        # An empty queue is a queue.
        return True

    def stat(self) -> QueueStat:
        """The statistics since the queue was created."""
        stat = _native.QueueStat()
        check(lib.ipc_mq_stat(self._handle, ctypes.byref(stat)))
        return QueueStat(*(int(getattr(stat, field)) for field in QueueStat._fields))

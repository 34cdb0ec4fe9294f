"""Services: requests and replies."""

from __future__ import annotations

import ctypes
import errno
from typing import Any, Callable, NamedTuple, Optional

from . import _native
from ._native import check, lib, nanoseconds, wait
from .errors import Error
from .handles import Pollable, address_of, encode, opened
from .queue import Buffers
from .types import Flags, TypeLike, as_type, pointer_to


# The sizes of a service without sizes and types.
DEFAULT_SIZE = 8192


class GrowingBuffers(Buffers):
    """Buffers for data of unknown size: the library keeps what does not fit, and the call is made again."""

    size = DEFAULT_SIZE

    def receive(self, call: Callable[[Any, int, int], int], timeout: Optional[float]) -> bytes:
        """Receives with a buffer that is large enough."""
        while True:
            buffer = self.get(self.size)
            try:
                return ctypes.string_at(buffer, wait(lambda limit: call(buffer, self.size, limit), timeout))
            except Error as error:
                if error.errno != errno.EMSGSIZE or self.size > 2**32:
                    raise
                self.size *= 4


class ServiceStat(NamedTuple):
    """The users and requests of a service; ipc_service(3) has the meaning of each."""

    servers: int
    clients: int
    pending: int
    taken: int
    answered: int
    redelivered: int
    lost: int
    withdrawn: int
    repairs: int


class Request:
    """A request that a server has received. :meth:`reply` answers it, in any order and from any thread."""

    def __init__(self, service: "Service", native: _native.RequestStruct, data: bytes) -> None:
        self._service = service
        self._native = native
        #: The request's bytes.
        self.data = data
        #: The client's priority.
        self.priority = int(native.priority)
        #: How many servers have died or closed with this request before.
        self.redeliveries = int(native.redeliveries)
        #: When the client gives up, in nanoseconds on the monotonic clock, or None.
        self.deadline_ns: Optional[int] = int(native.deadline_ns) or None
        #: The client's process, effective user and group, as that process says; they are no proof.
        self.pid, self.uid, self.gid = int(native.pid), int(native.uid), int(native.gid)

    def reply(self, data: Any = b"") -> None:
        """Answers the request. If the client does not wait any more, the reply is discarded."""
        argument, size = address_of(data)
        check(lib.ipc_service_reply(self._service._handle, ctypes.byref(self._native), argument, size))


class Service(Pollable):
    """A server's handle. If the server dies, the next server gets the requests that it had not answered."""

    _prefix = "ipc_service"
    def __init__(self, pointer: int, created: bool) -> None:
        super().__init__(pointer)
        #: Whether this call created the service.
        self.created = created
        self._buffers = GrowingBuffers()

    @classmethod
    def open(cls, name: str, flags: Flags = Flags.NONE, mode: int = 0o600, *, request_type: Optional[TypeLike] = None,
             reply_type: Optional[TypeLike] = None, request_size: int = 0, reply_size: int = 0, max_requests: int = 0,
             max_clients: int = 0, once: bool = False) -> "Service":
        """Opens a service to serve it, or with CREATE makes it.

        The sizes and types are those of a new service, and an existing service must have them; without any, an existing
        service may be any. With ``once``, a request is delivered at most once: if its server dies, its client's call raises
        :class:`~robustipc.PeerDied`.
        """
        attributes = _native.ServiceAttr(pointer_to(as_type(request_type)), pointer_to(as_type(reply_type)), request_size,
                                         reply_size, max_requests, max_clients, int(once))
        is_any = not any((request_type, reply_type, request_size, reply_size, max_requests, max_clients, once))
        return cls(*opened(lambda out: lib.ipc_service_open(
            out, encode(name), None if is_any else ctypes.byref(attributes), flags, mode)))

    @staticmethod
    def unlink(name: str) -> None:
        """Removes the name. Processes that have the service open keep it."""
        check(lib.ipc_service_unlink(encode(name)))

    def receive(self, timeout: Optional[float] = None) -> Request:
        """Takes the request with the highest priority; of several, the oldest. Waits until there is one."""
        handle, request = self._handle, _native.RequestStruct()
        data = self._buffers.receive(lambda buffer, size, limit: lib.ipc_service_receive(
            handle, buffer, size, ctypes.byref(request), limit), timeout)
        return Request(self, request, data)

    def stat(self) -> ServiceStat:
        """The users and requests of the service."""
        stat = _native.ServiceStat()
        check(lib.ipc_service_stat(self._handle, ctypes.byref(stat)))
        return ServiceStat(*(int(getattr(stat, field)) for field in ServiceStat._fields))


class Reply(NamedTuple):
    """A reply to a request of :meth:`Client.send`."""

    id: int
    data: bytes


class Client(Pollable):
    """A client's handle."""

    _prefix = "ipc_client"
    _WAIT = 65536

    def __init__(self, pointer: int, reply_size: int) -> None:
        super().__init__(pointer)
        self._reply_size = reply_size
        self._buffers = GrowingBuffers()

    @classmethod
    def open(cls, name: str, flags: Flags = Flags.NONE, *, request_type: Optional[TypeLike] = None,
             reply_type: Optional[TypeLike] = None, reply_size: int = 0, wait_for_server: bool = False) -> "Client":
        """Opens an existing service to call it.

        ``reply_size`` is the longest reply that :meth:`call` takes, by default the size of ``reply_type`` or 8192 bytes. With
        ``wait_for_server``, a call waits if no process serves; otherwise it raises :class:`~robustipc.NotFound`.
        """
        request, reply = as_type(request_type), as_type(reply_type)
        bits = int(flags) | (cls._WAIT if wait_for_server else 0)
        pointer, _ = opened(
            lambda out: lib.ipc_client_open_typed(out, encode(name), pointer_to(request), pointer_to(reply), bits))
        return cls(pointer, reply_size or (reply.size if reply else DEFAULT_SIZE))

    def call(self, data: Any = b"", priority: int = 0, timeout: Optional[float] = None) -> bytes:
        """Sends a request and waits for the reply.

        The call is not repeated after a signal, because the server may have the request: it raises
        :class:`~robustipc.Interrupted`, unless the signal's handler has raised an exception.
        """
        argument, size = address_of(data)
        buffer = self._buffers.get(self._reply_size)
        length = check(lib.ipc_client_call(self._handle, argument, size, priority, buffer, self._reply_size,
                                           nanoseconds(timeout)))
        return ctypes.string_at(buffer, length)

    def send(self, data: Any = b"", priority: int = 0, timeout: Optional[float] = None) -> int:
        """Sends a request and returns its id at once. It only waits while as many calls are under way as the service
        allows."""
        handle, identity = self._handle, ctypes.c_uint64()
        argument, size = address_of(data)
        wait(lambda limit: lib.ipc_client_send(handle, argument, size, priority, limit, ctypes.byref(identity)), timeout)
        return identity.value

    def receive(self, timeout: Optional[float] = None) -> Reply:
        """Returns the next reply to a request of :meth:`send`, in the order of the answers."""
        handle, identity = self._handle, ctypes.c_uint64()
        data = self._buffers.receive(lambda buffer, size, limit: lib.ipc_client_receive(
            handle, buffer, size, ctypes.byref(identity), limit), timeout)
        return Reply(identity.value, data)

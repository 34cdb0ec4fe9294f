"""Shared memory."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional

from ._native import INIT, check, failure, lib
from .handles import Handle, encode, opened
from .types import Flags, Type, TypeLike, as_type, pointer_to

_CANCELED = -125


def run_callback(function: Callable[[Any], object], make: Callable[[int], Any], call: Callable[[Any], int]) -> int:
    """Makes a library call with a callback. An exception of ``function`` ends the library's call with an error, and is
    raised again after it, because no exception may pass through the library."""
    raised: list[BaseException] = []

    def callback(data: int, _context: Any) -> int:
        try:
            function(make(data))
        except BaseException as error:  # noqa: B036: raised again below
            raised.append(error)
            return _CANCELED
        return 0

    result = call(INIT(callback))
    if raised:
        raise raised[0]
    return result


class Region(Handle):
    """Shared memory: named, in a file, anonymous or sealed.

    Every way to show the memory keeps it mapped, so no view can outlive it.
    """

    _prefix = "ipc_shm"

    def __init__(self, pointer: int, described: Optional[Type], flags: int, created: bool) -> None:
        super().__init__(pointer)
        #: The declared type, or None.
        self.type = described
        #: Whether this call created the object.
        self.created = created
        #: Whether the memory can only be read.
        self.read_only = bool(flags & Flags.READ_ONLY)
        self._data: Optional[ctypes.Structure] = None

    @classmethod
    def open(cls, name: str, type: Optional[TypeLike] = None, flags: Flags = Flags.NONE, mode: int = 0o600, *,
             size: Optional[int] = None, init: Optional[Callable[[Any], object]] = None) -> "Region":
        """Opens the memory called ``name``, a slash and 1 to 250 bytes, with a type, or with a size without a type.

        With CREATE, new memory is zeroed, and ``init`` is called with its structure before any other process can see it.
        The structure ends with that call: do not keep it.
        If ``init`` raises an exception, nothing is created. If two processes create the object at the same time, both may
        call ``init``, each on its own memory; one of the two is discarded.
        """
        described = as_type(type)
        if (described is None) == (size is None):
            raise TypeError("give either a type or a size")
        if described is None:
            if init is not None:
                raise TypeError("init needs a type")
            pointer, created = opened(lambda out: lib.ipc_shm_open(out, encode(name), size, flags, mode))
        elif init is None:
            pointer, created = opened(
                lambda out: lib.ipc_shm_open_typed(out, encode(name), pointer_to(described), flags, mode))
        else:
            show = described.structure.from_address if described.structure else (
                lambda address: memoryview((ctypes.c_ubyte * described.size).from_address(address)).cast("B"))
            function = init
            pointer, created = opened(lambda out: run_callback(function, show, lambda callback: lib.ipc_shm_open_typed_init(
                out, encode(name), pointer_to(described), flags, mode, callback, None)))
        return cls(pointer, described, flags, created)

    @classmethod
    def file(cls, path: str, type: TypeLike, flags: Flags = Flags.NONE, mode: int = 0o600) -> "Region":
        """Opens or creates a memory-mapped file, whose data survives a restart of the machine after :meth:`sync`."""
        described = as_type(type)
        pointer, created = opened(lambda out: lib.ipc_shm_open_file(out, encode(path), pointer_to(described), flags, mode))
        return cls(pointer, described, flags, created)

    @classmethod
    def anonymous(cls, size: int) -> "Region":
        """Zeroed memory without a name, for this process and the children that it forks."""
        pointer, _ = opened(lambda out: lib.ipc_shm_anonymous(out, size))
        return cls(pointer, None, 0, True)

    @classmethod
    def sealed(cls, type: TypeLike) -> "Region":
        """Memory whose size no process can change. Send its descriptor to peers that are not trusted."""
        described = as_type(type)
        pointer, _ = opened(lambda out: lib.ipc_shm_sealed(out, pointer_to(described)))
        return cls(pointer, described, 0, True)

    @classmethod
    def from_fd(cls, fd: int, type: TypeLike, flags: Flags = Flags.NONE) -> "Region":
        """Opens the memory behind a descriptor, which still belongs to the caller."""
        described = as_type(type)
        pointer, _ = opened(lambda out: lib.ipc_shm_from_fd(out, fd, pointer_to(described), flags))
        return cls(pointer, described, flags, False)

    @staticmethod
    def unlink(name: str) -> None:
        """Removes the name. Processes that have the memory open keep it."""
        check(lib.ipc_shm_unlink(encode(name)))

    @property
    def _address(self) -> int:
        address = lib.ipc_shm_data(self._handle)
        if not address:
            raise failure(-9)
        return int(address)

    @property
    def size(self) -> int:
        """The size of the memory in bytes."""
        return int(lib.ipc_shm_size(self._handle))

    @property
    def view(self) -> memoryview:
        """The memory as bytes. The view cannot be written if the region is read-only."""
        return self._open_keeper.view(self._address, self.size, not self.read_only)[0]

    @property
    def data(self) -> Any:
        """The memory as the declared ctypes structure. Order the accesses of several processes with a lock."""
        structure = self._structure()
        if self.read_only:
            # A ctypes structure can always be written, and a write would end the process.
            raise TypeError("the region is read-only: use copy(), or view")
        if self._data is None:
            self._data = self._open_keeper.watch(structure.from_address(self._address))
        return self._data

    def copy(self) -> Any:
        """A copy of the memory as the declared ctypes structure. Locks in the copy are no locks."""
        return self._structure().from_buffer_copy(self.view)

    def array(self, dtype: Any, shape: Any = None, offset: int = 0) -> Any:
        """A numpy array over the memory from ``offset`` on: as many elements as fit, or those of ``shape``."""
        import numpy
        element = numpy.dtype(dtype)
        if shape is None:
            shape = (self.size - offset) // element.itemsize
        return numpy.ndarray(shape, element, self.view, offset)

    def _structure(self) -> Any:
        if self.type is None or self.type.structure is None:
            raise TypeError("the region has no ctypes structure: use view or array()")
        return self.type.structure

    def fileno(self) -> int:
        """The descriptor of the memory, to send it to another process. It belongs to the region: do not close it."""
        return check(lib.ipc_shm_fd(self._handle))

    @property
    def stale(self) -> bool:
        """Whether the name was removed or belongs to another object now."""
        return bool(check(lib.ipc_shm_stale(self._handle)))

    def sync(self) -> None:
        """Writes the data of a file to the disk and waits until it is there."""
        check(lib.ipc_shm_sync(self._handle))

    def seal_writing(self) -> None:
        """Lets no process make another writable mapping of sealed memory."""
        check(lib.ipc_shm_seal_writing(self._handle))

    def close(self) -> None:
        self._data = None
        super().close()

    def __del__(self) -> None:
        self._data = None
        super().__del__()

"""Handles of the library, and the memory behind them that Python objects show.

A view of shared memory (a memoryview, a ctypes structure, a numpy array) must not outlive the mapping: the next access
would end the process. So each view keeps its handle. Closing ends the Python object at once; the library's handle is
closed together with it, or, if views exist, when the last view is gone.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Any, Callable, Optional, TypeVar

from . import _native
from ._native import check, lib

Self = TypeVar("Self", bound="Handle")


class Keeper:
    """A handle of the library, and the views of its memory that exist."""

    def __init__(self, pointer: int, close: Callable[[int], int]) -> None:
        self.pointer = pointer
        self._close = close
        self._views: dict[object, None] = {}
        self._abandoned = False

    def watch(self, view: Any) -> Any:
        """Keeps the handle until ``view`` is gone. The attribute keeps this object, and its end is told by weakref."""
        key = object()
        self._views[key] = None
        ended = weakref.finalize(view, self._forget, key)
        # At the end of the interpreter nothing is unmapped: the kernel does it.
        ended.atexit = False
        return view

    def view(self, address: int, size: int, writable: bool) -> tuple[memoryview, "weakref.ref[Any]"]:
        """A view of the memory, and a reference by which its end is known, with everything that was made from it."""
        buffer = self.watch((ctypes.c_ubyte * size).from_address(address))
        view = memoryview(buffer).cast("B")
        return (view if writable else view.toreadonly()), weakref.ref(buffer)

    def close(self) -> None:
        """Closes the handle, now or with the last view."""
        if self._views:
            self._abandoned = True
        else:
            check(self._close(self.pointer))

    def _forget(self, key: object) -> None:
        self._views.pop(key, None)
        if self._abandoned and not self._views:
            # An error becomes a report of sys.unraisablehook.
            check(self._close(self.pointer))


class Handle:
    """An open object. ``with`` closes it at the end, and so does :meth:`close`."""

    # Set by each class: the names of the library's calls.
    _prefix = ""

    def __init__(self, pointer: int) -> None:
        close = getattr(lib, f"{self._prefix}_close")
        self._keeper: Optional[Keeper] = Keeper(pointer, close)

    @property
    def _open_keeper(self) -> Keeper:
        if self._keeper is None:
            raise ValueError(f"the {type(self).__name__} is closed")
        return self._keeper

    @property
    def _handle(self) -> int:
        return self._open_keeper.pointer

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._keeper is None

    def close(self) -> None:
        """Ends the handle. A second call does nothing. Views that still exist keep the memory, and only that."""
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        keeper = getattr(self, "_keeper", None)
        if keeper is not None:
            self._keeper = None
            keeper.close()


class Pollable(Handle):
    """A handle with a descriptor for an event loop, and with a name that may be removed."""

    def fileno(self) -> int:
        """The descriptor for select, selectors and asyncio. It belongs to the handle: do not close it, read or write it.

        It may be ready although another thread or process was faster, so receive with timeout 0 then.
        """
        return check(getattr(lib, f"{self._prefix}_fd")(self._handle))

    @property
    def stale(self) -> bool:
        """Whether the name was removed or belongs to another object now."""
        return bool(check(getattr(lib, f"{self._prefix}_stale")(self._handle)))


class Borrowed:
    """Bytes in shared memory between the beginning and the end of a ``with`` block.

    ``data`` is the memoryview. No view of the bytes may be kept after the block: if one is, the block ends with a
    BufferError, because other data may come into its place.
    """

    def __init__(self, keeper: Keeper, address: int, size: int, writable: bool) -> None:
        self.data, self._alive = keeper.view(address, size, writable)
        # The handle stays open until the end of the block, also if it is closed in the block.
        self._keeper = keeper
        self._address = address

    def _release(self, failed: bool) -> None:
        """Ends the view. In a block that raised an exception, the exception's frames may still have views."""
        try:
            self.data.release()
        except BufferError:
            if not failed:
                raise BufferError("a view of the bytes, such as a numpy array, is used after the block: copy the bytes") from None
            return
        self.data = memoryview(b"")
        if self._alive() is not None and not failed:
            raise BufferError("a view of the bytes, such as a slice, is used after the block: copy the bytes")


def opened(call: Callable[[Any], int]) -> tuple[int, bool]:
    """Makes a call that opens an object. Returns the handle, and whether the call created the object."""
    out = ctypes.c_void_p()
    result = check(call(ctypes.byref(out)))
    return int(out.value or 0), result == 1


def address_of(data: Any) -> tuple[Any, int]:
    """Bytes of any kind as an argument of a call that reads them, and their number."""
    if isinstance(data, bytes):
        return data, len(data)
    if isinstance(data, ctypes.Structure):
        return ctypes.byref(data), ctypes.sizeof(data)
    view = memoryview(data)
    if view.readonly or not view.c_contiguous:
        copy = view.tobytes()
        return copy, len(copy)
    return (ctypes.c_ubyte * view.nbytes).from_buffer(view.cast("B") if view.nbytes else bytearray()), view.nbytes


encode = _native.encode_name

"""Cells: the latest value of a type."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional

from . import _native
from ._native import check, lib, wait
from .handles import Pollable, address_of, encode, opened
from .region import run_callback
from .topic import SampleInfo, info_of
from .types import Flags, Type, TypeLike, as_type, pointer_to


class Cell(Pollable):
    """The latest value of a type. A reader gets a value whole, and never waits for a writer.

    Values are ctypes structures of the cell's type; if the type has none, they are bytes.
    """

    _prefix = "ipc_cell"

    def __init__(self, pointer: int, described: Type, created: bool) -> None:
        super().__init__(pointer)
        self.type = described
        #: Whether this call created the cell.
        self.created = created

    @classmethod
    def open(cls, name: str, type: TypeLike, flags: Flags = Flags.NONE, mode: int = 0o600) -> "Cell":
        """Opens a cell, or with CREATE makes it, without a value."""
        described = as_type(type)
        if described is None:
            raise TypeError("a cell has a type")
        pointer, created = opened(lambda out: lib.ipc_cell_open(out, encode(name), pointer_to(described), flags, mode))
        return cls(pointer, described, created)

    @staticmethod
    def unlink(name: str) -> None:
        """Removes the name. Processes that have the cell open keep it."""
        check(lib.ipc_cell_unlink(encode(name)))

    def write(self, value: Any) -> None:
        """Makes ``value`` the latest value."""
        argument, size = address_of(value)
        if size != self.type.size:
            raise ValueError(f"a value of {self.type.name} has {self.type.size} bytes, not {size}")
        check(lib.ipc_cell_write(self._handle, argument))

    def update(self, change: Callable[[Any], object]) -> None:
        """Lets ``change`` change a copy of the latest value, and makes the copy the latest value. No other writer comes in
        between. ``change`` gets a structure (or a memoryview) that ends with its call. If it raises an exception, nothing
        is written."""
        structure = self.type.structure
        show = structure.from_address if structure else (
            lambda address: memoryview((ctypes.c_ubyte * self.type.size).from_address(address)).cast("B"))
        check(run_callback(change, show, lambda callback: lib.ipc_cell_update(self._handle, callback, None)))

    def read(self) -> Any:
        """A copy of the latest value. Raises :class:`~robustipc.NoData` if nothing was written yet."""
        return self.read_with_info()[0]

    def read_with_info(self) -> tuple[Any, SampleInfo]:
        """A copy of the latest value, and its number and time."""
        value, info = self._room(), _native.SampleStruct()
        check(lib.ipc_cell_read(self._handle, ctypes.byref(value), ctypes.byref(info)))
        return self._finished(value), info_of(info)

    def wait(self, after: int = 0, timeout: Optional[float] = None) -> tuple[Any, SampleInfo]:
        """Waits for a value with a higher number than ``after``, and returns a copy of the latest one and its number."""
        handle, value, info = self._handle, self._room(), _native.SampleStruct()
        wait(lambda limit: lib.ipc_cell_wait(handle, ctypes.byref(value), after, ctypes.byref(info), limit), timeout)
        return self._finished(value), info_of(info)

    def _room(self) -> Any:
        return self.type.structure() if self.type.structure else (ctypes.c_ubyte * self.type.size)()

    def _finished(self, value: Any) -> Any:
        return value if self.type.structure else bytes(value)

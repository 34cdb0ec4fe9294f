"""Descriptions of structs, which every program that shares them compares, and the flags of the opening calls."""

from __future__ import annotations

import ctypes
import enum
from typing import Any, Iterable, Optional, Type as ClassOf, Union

from . import _native


class Flags(enum.IntFlag):
    """Flags of the calls that open an object; the page of each call in the manual says which it takes."""

    NONE = 0
    #: Create the object if it does not exist.
    CREATE = 1
    #: With CREATE: fail if the object exists.
    EXCLUSIVE = 2
    #: Open for reading only; on a queue for receiving only; on a topic to subscribe.
    READ_ONLY = 4
    #: Open for writing only; on a queue for sending only; on a topic to publish.
    WRITE_ONLY = 8
    #: Calls that would wait fail at once, whatever their timeout.
    NONBLOCK = 16
    #: Accept an object that a program created without this library, if its size matches.
    ADOPT = 32
    #: Use the kernel's message queue.
    KERNEL = 64
    #: Use the C library's semaphore.
    POSIX = 128
    #: Refuse an object that another user owns or that others may write to.
    CHECK_OWNER = 256
    #: Accept memory whose size is not sealed, from a trusted peer.
    UNSEALED = 512
    #: A message that is sent into a full queue displaces the oldest message of the lowest priority.
    OVERWRITE = 65536


Struct = ctypes.Structure


class Type:
    """Describes a struct that programs share, as IPC_TYPE_FIELDS does in C.

    Every program has to give the same name, version, size, alignment and fields; a program with another description is
    refused with :class:`~robustipc.WrongType`. Raise the version if the meaning of a field changes and its size does not.

    ``Type.of(Reading)`` describes a :class:`ctypes.Structure`. Calls that take a type accept the structure itself, and
    then use its attributes ``_ipc_name_`` (otherwise the name of the class), ``_ipc_version_`` (otherwise 1) and
    ``_ipc_fields_`` (otherwise all fields).
    """

    def __init__(self, name: str, size: int, alignment: int, fields: Iterable[tuple[str, int, int]] = (), version: int = 1,
                 structure: Optional[ClassOf[Struct]] = None) -> None:
        """``fields`` are names, offsets and sizes, in the order in which the other programs list them."""
        self.name = name
        self.version = version
        self.size = size
        self.alignment = alignment
        self.fields = tuple(fields)
        #: The ctypes.Structure, or None.
        self.structure = structure
        if len(self.fields) > _native.FIELDS_MAX:
            raise ValueError(f"{name} has {len(self.fields)} fields, and a type declares at most {_native.FIELDS_MAX}: "
                             "choose some with the argument fields or the attribute _ipc_fields_")

    @classmethod
    def of(cls, structure: ClassOf[Struct], name: Optional[str] = None, version: Optional[int] = None,
           fields: Optional[Iterable[str]] = None) -> "Type":
        """Describes a structure. ``fields`` are the names that C's macro lists; () is IPC_TYPE."""
        chosen = getattr(structure, "_ipc_fields_", None) if fields is None else fields
        declared = {field[0]: field for field in _declared(structure)}
        described = []
        for field in declared if chosen is None else chosen:
            if field not in declared:
                raise ValueError(f"{structure.__name__} has no field {field}")
            if len(declared[field]) > 2:
                raise ValueError(f"{structure.__name__}.{field} is a bit field, which has no offset: leave it out of _ipc_fields_")
            descriptor = getattr(structure, field)
            described.append((field, descriptor.offset, descriptor.size))
        return cls(name or str(getattr(structure, "_ipc_name_", structure.__name__)), ctypes.sizeof(structure),
                   ctypes.alignment(structure), described,
                   getattr(structure, "_ipc_version_", 1) if version is None else version, structure)

    @classmethod
    def of_dtype(cls, dtype: Any, name: str, version: int = 1, fields: Optional[Iterable[str]] = None) -> "Type":
        """Describes a numpy structured dtype, which is made with ``align=True`` so that C agrees with its layout."""
        parts = dtype.fields or {}
        chosen = parts if fields is None else fields
        return cls(name, dtype.itemsize, dtype.alignment,
                   [(field, parts[field][1], parts[field][0].itemsize) for field in chosen], version)

    def native(self) -> Any:
        """The description as the library takes it."""
        description = _native.TypeStruct(_native.encode_name(self.name), self.version, len(self.fields), self.size, self.alignment)
        for place, (name, offset, size) in zip(description.fields, self.fields):
            place.name, place.offset, place.size = _native.encode_name(name), offset, size
        return description

    def __repr__(self) -> str:
        return f"Type({self.name!r}, version={self.version}, size={self.size}, fields={[field[0] for field in self.fields]})"


#: What the calls take for a type.
TypeLike = Union[Type, ClassOf[Struct]]


def _declared(structure: ClassOf[Struct]) -> list[Any]:
    """The fields of a structure and of the structures that it is derived from, in the order of the memory."""
    fields: list[Any] = []
    for base in reversed(structure.__mro__):
        fields.extend(base.__dict__.get("_fields_", ()))
    return fields


def as_type(description: Optional[TypeLike]) -> Optional[Type]:
    """The description that a caller gave in one form or the other."""
    if description is None or isinstance(description, Type):
        return description
    if isinstance(description, type) and issubclass(description, Struct):
        return Type.of(description)
    raise TypeError("a type is a robustipc.Type or a subclass of ctypes.Structure")


def pointer_to(description: Optional[Type]) -> Any:
    """The argument for the library, or NULL."""
    return None if description is None else ctypes.pointer(description.native())

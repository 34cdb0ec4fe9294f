"""The errors of the library as exceptions.

Every exception is an :class:`Error`, and so an :class:`OSError`: ``errno`` is the positive number, ``code`` the
library's negative result, and ``text`` the description of this failure with the call, the object, what was expected and
what was found. Where Python has a class for a number, the exception is also of that class, so ``except TimeoutError``
and ``except FileNotFoundError`` work.
"""

from __future__ import annotations

import errno as numbers
from typing import Any, Callable, Optional


class Error(OSError):
    """A call of the library failed."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number, text)

    @property
    def code(self) -> int:
        """The library's result, ``-errno``."""
        return -int(self.errno or 0)

    @property
    def text(self) -> str:
        """What failed, on which object, and what to do about it."""
        return str(self.strerror)


class WouldBlock(Error, BlockingIOError):
    """The call would have to wait, and its timeout is 0 (EAGAIN)."""


class TimedOut(Error, TimeoutError):
    """The timeout has passed (ETIMEDOUT)."""


class NotFound(Error, FileNotFoundError):
    """There is no such object, or no server of the service (ENOENT)."""


class Exists(Error, FileExistsError):
    """The object exists and the flags have EXCLUSIVE (EEXIST)."""


class NotPermitted(Error, PermissionError):
    """The permissions do not allow the call, or the calling thread does not own the lock (EACCES, EPERM)."""


class Interrupted(Error, InterruptedError):
    """A signal handler ran during a call that is not repeated by itself (EINTR)."""


class WrongType(Error):
    """The other side declares another type, libc, layout or PID namespace (EPROTO)."""


class WrongKind(Error):
    """The name belongs to another kind of object (EMEDIUMTYPE)."""


class Damaged(Error):
    """The object's memory was overwritten (EUCLEAN)."""


class PeerDied(Error):
    """A participant of a barrier or the server of a request died (EOWNERDEAD)."""


class NotRecoverable(Error):
    """An owner died, and a later owner unlocked without a repair: the data is given up (ENOTRECOVERABLE)."""


class NoData(Error):
    """Nothing was written to the cell yet (ENODATA)."""


class OwnerDied(Exception):
    """A lock was granted, and its last owner died holding it: the data may be half-changed.

    **This thread holds the lock.** Repair the data, call :meth:`consistent`, and unlock the lock when the work is done. If
    nothing catches the exception, the process ends with the lock, and the next owner is told. If the data cannot be
    repaired, call :meth:`give_up`.

    The argument ``repair`` of ``lock()`` and of ``locked()`` is the shorter way.
    """

    def __init__(self, lock: Any, consistent: Callable[[], None], unlock: Callable[[], None]) -> None:
        super().__init__("the last owner of the lock died, and this thread holds the lock: repair the data, then call consistent()")
        #: The lock, which this thread holds.
        self.lock = lock
        self._consistent = consistent
        self._unlock = unlock

    def consistent(self) -> None:
        """Declares that the data under the lock is sound again. The lock is still held."""
        self._consistent()

    def give_up(self) -> None:
        """Unlocks without a repair: every later lock raises :class:`NotRecoverable`."""
        self._unlock()


_CLASSES = {
    numbers.EAGAIN: WouldBlock,
    numbers.ETIMEDOUT: TimedOut,
    numbers.ENOENT: NotFound,
    numbers.EEXIST: Exists,
    numbers.EACCES: NotPermitted,
    numbers.EPERM: NotPermitted,
    numbers.EINTR: Interrupted,
    numbers.EPROTO: WrongType,
    124: WrongKind,  # EMEDIUMTYPE, which not every Python names
    numbers.EUCLEAN: Damaged,
    numbers.EOWNERDEAD: PeerDied,
    numbers.ENOTRECOVERABLE: NotRecoverable,
    numbers.ENODATA: NoData,
}


def from_result(result: int, text: Optional[str]) -> Error:
    """The exception for a negative result."""
    return _CLASSES.get(-result, Error)(-result, text or "")

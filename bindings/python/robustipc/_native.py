"""The C library: its structs, its prototypes, and how a result becomes a value or an exception.

ctypes releases the interpreter's lock during a call, so other threads run while one waits. The text of a failure belongs
to the thread, and is read right after the failed call in the same thread.
"""

from __future__ import annotations

import ctypes
import errno
import threading
import time
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_ssize_t, c_uint, c_uint32, c_uint64, c_void_p
from typing import Any, Callable, Optional

from . import errors

#: The library's soname carries 0.MINOR, because a minor version may change the interface before 1.0.
SOVERSION = "0.1"

IPC_OWNER_DIED = 2
IPC_BARRIER_SERIAL = 3
IPC_FOREVER = -1
FIELDS_MAX = 32


class FieldStruct(ctypes.Structure):
    """ipc_field_t"""

    _fields_ = [("name", c_char_p), ("offset", c_size_t), ("size", c_size_t)]


class TypeStruct(ctypes.Structure):
    """ipc_type_t"""

    _fields_ = [
        ("name", c_char_p),
        ("version", c_uint32),
        ("field_count", c_uint32),
        ("size", c_size_t),
        ("alignment", c_size_t),
        ("fields", FieldStruct * FIELDS_MAX),
    ]


class MutexAttr(ctypes.Structure):
    """ipc_mutex_attr_t"""

    _fields_ = [("flags", c_int), ("reserved", c_int * 7)]


class QueueAttr(ctypes.Structure):
    """ipc_mq_attr_t"""

    _fields_ = [
        ("max_messages", c_size_t),
        ("message_size", c_size_t),
        ("current_messages", c_size_t),
        ("flags", c_int),
        ("spin_ns", c_int),
        ("type", POINTER(TypeStruct)),
        ("reserved", c_int * 4),
    ]


class QueueStat(ctypes.Structure):
    """ipc_mq_stat_t"""

    _fields_ = [
        ("waiting_senders", c_size_t),
        ("waiting_receivers", c_size_t),
        ("dropped", c_uint64),
        ("repairs", c_uint64),
        ("redelivered", c_uint64),
        ("abandoned", c_uint64),
        ("reserved", c_uint64 * 6),
    ]


class TopicAttr(ctypes.Structure):
    """ipc_topic_attr_t"""

    _fields_ = [
        ("type", POINTER(TypeStruct)),
        ("sample_size", c_size_t),
        ("capacity", c_size_t),
        ("history", c_size_t),
        ("max_subscribers", c_size_t),
        ("max_publishers", c_size_t),
        ("max_borrowed", c_size_t),
        ("flags", c_int),
        ("reserved", c_int * 7),
    ]


class SampleStruct(ctypes.Structure):
    """ipc_sample_t"""

    _fields_ = [
        ("number", c_uint64),
        ("missed", c_uint64),
        ("time_ns", c_int64),
        ("publisher", c_uint32),
        ("flags", c_uint32),
        ("reserved", c_uint64 * 4),
    ]


class TopicStat(ctypes.Structure):
    """ipc_topic_stat_t"""

    _fields_ = [
        ("published", c_uint64),
        ("publishers", c_size_t),
        ("subscribers", c_size_t),
        ("reserved_samples", c_size_t),
        ("borrowed_samples", c_size_t),
        ("repairs", c_uint64),
        ("abandoned", c_uint64),
        ("slots", c_size_t),
        ("free_slots", c_size_t),
        ("reserved", c_uint64 * 6),
    ]


class ServiceAttr(ctypes.Structure):
    """ipc_service_attr_t"""

    _fields_ = [
        ("request_type", POINTER(TypeStruct)),
        ("reply_type", POINTER(TypeStruct)),
        ("request_size", c_size_t),
        ("reply_size", c_size_t),
        ("max_requests", c_size_t),
        ("max_clients", c_size_t),
        ("flags", c_int),
        ("reserved", c_int * 7),
    ]


class RequestStruct(ctypes.Structure):
    """ipc_request_t"""

    _fields_ = [
        ("id", c_uint64),
        ("priority", c_uint),
        ("redeliveries", c_uint),
        ("deadline_ns", c_int64),
        ("pid", c_int),
        ("uid", c_uint),
        ("gid", c_uint),
        ("reserved", c_uint64 * 4),
    ]


class ServiceStat(ctypes.Structure):
    """ipc_service_stat_t"""

    _fields_ = [
        ("servers", c_uint32),
        ("clients", c_uint32),
        ("pending", c_uint32),
        ("taken", c_uint32),
        ("answered", c_uint64),
        ("redelivered", c_uint64),
        ("lost", c_uint64),
        ("withdrawn", c_uint64),
        ("repairs", c_uint64),
        ("reserved", c_uint64 * 4),
    ]


class ReadyStruct(ctypes.Structure):
    """ipc_ready_t"""

    _fields_ = [("tag", c_void_p), ("what", c_int), ("reserved", c_int)]


INIT = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)

_HANDLE = c_void_p
_OUT = POINTER(c_void_p)
_TYPE = POINTER(TypeStruct)
_SAMPLE = POINTER(SampleStruct)
_MODE = c_uint

# The result is an int, unless it is named here.
_RESULTS = {
    "ipc_last_error": c_char_p,
    "ipc_version": c_char_p,
    "ipc_deadline": c_int64,
    "ipc_shm_data": c_void_p,
    "ipc_shm_size": c_size_t,
}
_LENGTHS = ("ipc_mq_receive ipc_mq_borrow ipc_topic_receive ipc_topic_borrow ipc_service_receive ipc_client_call "
            "ipc_client_receive").split()

_ARGUMENTS: dict[str, list[Any]] = {
    "ipc_last_error": [],
    "ipc_version": [],
    "ipc_deadline": [c_int64],
    "ipc_shm_open": [_OUT, c_char_p, c_size_t, c_int, _MODE],
    "ipc_shm_open_typed_init": [_OUT, c_char_p, _TYPE, c_int, _MODE, INIT, c_void_p],
    "ipc_shm_open_typed": [_OUT, c_char_p, _TYPE, c_int, _MODE],
    "ipc_shm_open_file": [_OUT, c_char_p, _TYPE, c_int, _MODE],
    "ipc_shm_anonymous": [_OUT, c_size_t],
    "ipc_shm_sealed": [_OUT, _TYPE],
    "ipc_shm_seal_writing": [_HANDLE],
    "ipc_shm_from_fd": [_OUT, c_int, _TYPE, c_int],
    "ipc_shm_data": [_HANDLE],
    "ipc_shm_size": [_HANDLE],
    "ipc_shm_sync": [_HANDLE],
    "ipc_shm_unlink": [c_char_p],
    "ipc_mutex_init": [c_void_p, POINTER(MutexAttr)],
    "ipc_mutex_lock": [c_void_p, c_int64],
    "ipc_cond_init": [c_void_p],
    "ipc_cond_wait": [c_void_p, c_void_p, c_int64],
    "ipc_sem_init": [c_void_p, c_uint],
    "ipc_sem_wait": [c_void_p, c_int64],
    "ipc_sem_value": [c_void_p, POINTER(c_uint)],
    "ipc_sem_open": [_OUT, c_char_p, c_uint, c_int, _MODE],
    "ipc_sem_unlink": [c_char_p],
    "ipc_sem_unlink_posix": [c_char_p],
    "ipc_rwlock_read_lock": [c_void_p, c_int64],
    "ipc_rwlock_write_lock": [c_void_p, c_int64],
    "ipc_permits_init": [c_void_p, c_uint],
    "ipc_permits_take": [c_void_p, POINTER(c_uint), c_int64],
    "ipc_permits_give": [c_void_p, c_uint],
    "ipc_permits_free": [c_void_p, POINTER(c_uint)],
    "ipc_barrier_init": [c_void_p, c_uint],
    "ipc_barrier_wait": [c_void_p, c_int64],
    "ipc_event_init": [c_void_p, c_int],
    "ipc_event_wait": [c_void_p, c_int64],
    "ipc_mq_open": [_OUT, c_char_p, POINTER(QueueAttr), c_int, _MODE],
    "ipc_mq_send": [_HANDLE, c_void_p, c_size_t, c_uint, c_int64],
    "ipc_mq_receive": [_HANDLE, c_void_p, c_size_t, POINTER(c_uint), c_int64],
    "ipc_mq_reserve": [_HANDLE, _OUT, c_int64],
    "ipc_mq_commit": [_HANDLE, c_void_p, c_size_t, c_uint],
    "ipc_mq_abandon": [_HANDLE, c_void_p],
    "ipc_mq_borrow": [_HANDLE, _OUT, POINTER(c_uint), POINTER(c_uint), c_int64],
    "ipc_mq_return": [_HANDLE, c_void_p],
    "ipc_mq_stat": [_HANDLE, POINTER(QueueStat)],
    "ipc_mq_getattr": [_HANDLE, POINTER(QueueAttr)],
    "ipc_mq_unlink": [c_char_p, c_int],
    "ipc_topic_open": [_OUT, c_char_p, POINTER(TopicAttr), c_int, _MODE],
    "ipc_topic_unlink": [c_char_p],
    "ipc_topic_send": [_HANDLE, c_void_p, c_size_t, c_int64],
    "ipc_topic_reserve": [_HANDLE, _OUT, c_size_t, c_int64],
    "ipc_topic_commit": [_HANDLE, c_void_p, c_size_t],
    "ipc_topic_abandon": [_HANDLE, c_void_p],
    "ipc_topic_receive": [_HANDLE, c_void_p, c_size_t, _SAMPLE, c_int64],
    "ipc_topic_borrow": [_HANDLE, _OUT, _SAMPLE, c_int64],
    "ipc_topic_return": [_HANDLE, c_void_p],
    "ipc_topic_getattr": [_HANDLE, POINTER(TopicAttr)],
    "ipc_topic_stat": [_HANDLE, POINTER(TopicStat)],
    "ipc_cell_open": [_OUT, c_char_p, _TYPE, c_int, _MODE],
    "ipc_cell_write": [_HANDLE, c_void_p],
    "ipc_cell_update": [_HANDLE, INIT, c_void_p],
    "ipc_cell_read": [_HANDLE, c_void_p, _SAMPLE],
    "ipc_cell_wait": [_HANDLE, c_void_p, c_uint64, _SAMPLE, c_int64],
    "ipc_cell_unlink": [c_char_p],
    "ipc_service_open": [_OUT, c_char_p, POINTER(ServiceAttr), c_int, _MODE],
    "ipc_service_receive": [_HANDLE, c_void_p, c_size_t, POINTER(RequestStruct), c_int64],
    "ipc_service_reply": [_HANDLE, POINTER(RequestStruct), c_void_p, c_size_t],
    "ipc_service_stat": [_HANDLE, POINTER(ServiceStat)],
    "ipc_service_unlink": [c_char_p],
    "ipc_client_open_typed": [_OUT, c_char_p, _TYPE, _TYPE, c_int],
    "ipc_client_call": [_HANDLE, c_void_p, c_size_t, c_uint, c_void_p, c_size_t, c_int64],
    "ipc_client_send": [_HANDLE, c_void_p, c_size_t, c_uint, c_int64, POINTER(c_uint64)],
    "ipc_client_receive": [_HANDLE, c_void_p, c_size_t, POINTER(c_uint64), c_int64],
    "ipc_waitset_open": [_OUT, c_int],
    "ipc_waitset_add": [_HANDLE, c_int, c_void_p, c_void_p],
    "ipc_waitset_add_fd": [_HANDLE, c_int, c_int, c_void_p],
    "ipc_waitset_add_timer": [_HANDLE, c_int64, c_int64, c_void_p],
    "ipc_waitset_remove": [_HANDLE, c_void_p],
    "ipc_waitset_wait": [_HANDLE, POINTER(ReadyStruct), c_size_t, c_int64],
}
# The calls whose only argument is the object.
_ARGUMENTS.update((f"ipc_{name}", [c_void_p]) for name in (
    "shm_close shm_fd shm_stale mutex_unlock mutex_consistent mutex_destroy cond_signal cond_broadcast cond_destroy "
    "sem_post sem_destroy sem_fd sem_close rwlock_init rwlock_unlock rwlock_consistent rwlock_destroy permits_destroy "
    "barrier_join barrier_leave barrier_reset barrier_destroy event_set event_reset event_is_set event_destroy event_fd "
    "mq_close mq_fd mq_stale topic_close topic_fd topic_stale cell_close cell_fd cell_stale service_close service_fd "
    "service_stale client_close client_fd client_stale waitset_close waitset_fd").split())


def _load() -> ctypes.CDLL:
    name = f"librobustipc.so.{SOVERSION}"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise ImportError(f"robustipc needs {name}, which the dynamic linker does not find: install the library, "
                          f"or set LD_LIBRARY_PATH ({error})") from error
    for function, arguments in _ARGUMENTS.items():
        prototype = getattr(library, function)
        prototype.argtypes = arguments
        prototype.restype = c_ssize_t if function in _LENGTHS else _RESULTS.get(function, c_int)
    return library


lib = _load()


def failure(result: int) -> errors.Error:
    """The exception for this thread's last failure."""
    text = lib.ipc_last_error()
    return errors.from_result(result, text.decode(errors="replace") if text else None)


def check(result: int) -> int:
    """The result, unless it is an error."""
    if result < 0:
        raise failure(result)
    return result


def nanoseconds(timeout: Optional[float]) -> int:
    """A timeout in seconds as the library takes it; None waits without limit."""
    if timeout is None:
        return IPC_FOREVER
    if not timeout >= 0:
        raise ValueError("a timeout is None or at least 0 seconds")
    # The clock of the library ends after 292 years.
    return min(int(timeout * 1e9), 2**62)


# How long the main thread waits before Python runs the handlers of signals that came before the call slept.
SLICE_NS = 250_000_000


def is_main_thread() -> bool:
    """Whether this is the thread in which Python runs the handlers of signals."""
    return threading.current_thread() is threading.main_thread()


def wait(call: Callable[[int], int], timeout: Optional[float]) -> int:
    """Makes a call that may wait, until the deadline.

    A wait that a signal has ended goes on after Python's handlers. Locks go on waiting by themselves, and a signal that
    comes just before the call sleeps ends no wait. So the main thread waits in parts, and the handlers run in between.
    """
    limit = nanoseconds(timeout)
    if limit == 0:
        return check(call(0))
    end = None if limit == IPC_FOREVER else time.monotonic_ns() + limit
    in_parts = is_main_thread()
    while True:
        left = IPC_FOREVER if end is None else max(1, end - time.monotonic_ns())
        is_part = in_parts and not 0 < left <= SLICE_NS
        result = call(SLICE_NS if is_part else left)
        if result != -errno.EINTR and not (is_part and result == -errno.ETIMEDOUT):
            return check(result)


def encode_name(name: str) -> bytes:
    """A name or path for the library, which takes bytes without a zero."""
    encoded = name.encode() if isinstance(name, str) else bytes(name)
    if b"\0" in encoded:
        raise ValueError("a name contains no zero byte")
    return encoded

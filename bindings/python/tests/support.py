"""Names that no other test has, and processes that are killed."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import traceback
import unittest

import robustipc as ipc


class Shared(ctypes.Structure):
    """A structure with every placed object."""

    _fields_ = [
        ("mutex", ipc.Mutex),
        ("rwlock", ipc.RwLock),
        ("changed", ipc.Condition),
        ("sem", ipc.Semaphore),
        ("event", ipc.Event),
        ("permits", ipc.Permits),
        ("barrier", ipc.Barrier),
        ("first", ctypes.c_int64),
        ("second", ctypes.c_int64),
    ]


def initialise(shared):
    """Initialises every object of a new structure."""
    shared.mutex.init()
    shared.rwlock.init()
    shared.changed.init()
    shared.sem.init(0)
    shared.event.init()
    shared.permits.init(2)
    shared.barrier.init(2)


class Reading(ctypes.Structure):
    """A small structure."""

    _ipc_version_ = 3
    _fields_ = [("count", ctypes.c_int32), ("celsius", ctypes.c_double), ("label", ctypes.c_char * 8)]


class Case(unittest.TestCase):
    """A test with names of its own, which ends without anything left behind."""

    def setUp(self):
        self._names = []

    def name(self, kind):
        """A name for an object of the class ``kind``, which is removed after the test."""
        name = f"/ripc-test-{os.getpid()}-{self.id().rsplit('.', 1)[1]}-{len(self._names)}"
        self._names.append(name)

        def remove():
            gc.collect()
            with contextlib.suppress(ipc.NotFound):
                kind.unlink(name)

        self.addCleanup(remove)
        return name

    def shared(self):
        """A region with every placed object."""
        region = ipc.Region.open(self.name(ipc.Region), Shared, ipc.CREATE, init=initialise)
        self.addCleanup(region.close)
        return region

    def child(self, work):
        """Forks. The child runs ``work(tell)``, ends with status 0 if it returns, and is waited for in the end."""
        return Child(self, work)

    def killed(self, work):
        """Runs ``work(tell)`` in a child and kills the child as soon as it has told."""
        child = self.child(lambda tell: (work(tell), signal.pause()))
        child.told()
        child.kill()


class Child:
    """A forked process that tells when it has reached a point."""

    def __init__(self, case, work):
        read_end, write_end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(read_end)
                work(lambda: os.write(write_end, b"."))
                status = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        os.close(write_end)
        self._read_end = read_end
        self._ended = False
        case.addCleanup(self._clean_up)

    def told(self):
        """Waits until the child tells."""
        if os.read(self._read_end, 1) != b".":
            raise AssertionError("the child has ended without a word")

    def kill(self):
        """Kills the child with SIGKILL, and waits for its end."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._ended = True

    def passed(self):
        """Waits for the child's end, and fails unless its status is 0."""
        _, status = os.waitpid(self.pid, 0)
        self._ended = True
        if status != 0:
            raise AssertionError(f"the child has ended with {status:#x}")

    def _clean_up(self):
        if not self._ended:
            self.kill()
        os.close(self._read_end)

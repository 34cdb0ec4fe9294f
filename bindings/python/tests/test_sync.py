"""Locks, semaphores, events, permits and barriers, with owners that are killed."""

import os
import signal
import threading
import unittest

import robustipc as ipc

from .support import Case


class Locks(Case):
    def test_a_mutex_excludes_and_times_out(self):
        shared = self.shared().data
        with shared.mutex:
            other = []

            def tries():
                for timeout, expected in ((0, ipc.WouldBlock), (0.01, ipc.TimedOut)):
                    try:
                        shared.mutex.lock(timeout)
                    except expected:
                        other.append(expected)

            thread = threading.Thread(target=tries)
            thread.start()
            thread.join()
            self.assertEqual(other, [ipc.WouldBlock, ipc.TimedOut])
            with self.assertRaises(ipc.Error):
                shared.mutex.lock()
        with shared.mutex.locked(timeout=0):
            pass
        with self.assertRaises(ipc.NotPermitted):
            shared.mutex.unlock()

    def test_a_killed_owner_cannot_be_overlooked(self):
        shared = self.shared().data

        def breaks(tell):
            shared.mutex.lock()
            shared.first = 1
            tell()

        self.killed(breaks)
        entered = False
        with self.assertRaises(ipc.OwnerDied) as caught:
            with shared.mutex:
                entered = True
        self.assertFalse(entered)
        # The exception's catcher holds the lock.
        self.child(lambda _tell: self.assertRaises(ipc.WouldBlock, shared.mutex.lock, 0)).passed()
        shared.second = shared.first
        caught.exception.consistent()
        shared.mutex.unlock()
        with shared.mutex:
            self.assertEqual((shared.first, shared.second), (1, 1))

    def test_repair_runs_with_the_lock_held(self):
        shared = self.shared().data
        for lock in (shared.mutex.lock, shared.rwlock.lock_writing):
            self.killed(lambda tell: (lock(), tell()))  # noqa: B023
        repaired = []
        with shared.mutex.locked(repair=lambda: repaired.append("mutex")):
            with self.assertRaises(ipc.Error):
                shared.mutex.lock(0)
        with shared.rwlock.reading(repair=lambda: repaired.append("rwlock")):
            pass
        with shared.mutex, shared.rwlock.writing():
            pass
        self.assertEqual(repaired, ["mutex", "rwlock"])

    def test_a_repair_that_fails_gives_the_data_up(self):
        shared = self.shared().data
        self.killed(lambda tell: (shared.mutex.lock(), tell()))

        def fails():
            raise KeyError("repair")

        with self.assertRaises(KeyError):
            shared.mutex.lock(repair=fails)
        with self.assertRaises(ipc.NotRecoverable):
            shared.mutex.lock()

    def test_an_uncaught_death_goes_to_the_next_owner(self):
        shared = self.shared().data
        self.killed(lambda tell: (shared.mutex.lock(), tell()))
        child = self.child(lambda _tell: self._lock_without_catching(shared.mutex))
        child.passed()
        with self.assertRaises(ipc.OwnerDied) as caught:
            shared.mutex.lock()
        caught.exception.give_up()
        with self.assertRaises(ipc.NotRecoverable):
            shared.mutex.lock()

    @staticmethod
    def _lock_without_catching(mutex):
        try:
            mutex.lock()
        except ipc.OwnerDied:
            os._exit(0)

    def test_a_signal_ends_the_wait_for_a_lock(self):
        shared = self.shared().data
        holder = self.child(lambda tell: (shared.mutex.lock(), tell(), signal.pause()))
        holder.told()

        def waits(tell):
            def ends(*_):
                raise KeyboardInterrupt

            signal.signal(signal.SIGUSR1, ends)
            try:
                tell()
                shared.mutex.lock()
            except KeyboardInterrupt:
                return
            raise AssertionError("the lock was granted")

        waiter = self.child(waits)
        waiter.told()
        os.kill(waiter.pid, signal.SIGUSR1)
        waiter.passed()

    def test_a_reader_that_is_killed_leaves_nothing(self):
        shared = self.shared().data
        self.killed(lambda tell: (shared.rwlock.lock_reading(), tell()))
        with shared.rwlock.writing(timeout=5):
            pass

    def test_a_condition_variable(self):
        region = self.shared()
        shared = region.data

        def sets(_tell):
            with shared.mutex:
                shared.first = 7
                shared.changed.broadcast()

        with shared.mutex:
            child = self.child(sets)
            shared.changed.wait_for(lambda: shared.first == 7, shared.mutex, timeout=20)
            child.passed()
            with self.assertRaises(ipc.TimedOut):
                shared.changed.wait_for(lambda: False, shared.mutex, timeout=0.01)
        # A process dies with the mutex while another one waits.
        with shared.mutex:
            child = self.child(lambda tell: (shared.mutex.lock(), tell(), signal.pause()))
            with self.assertRaises(ipc.WouldBlock):
                shared.changed.wait(shared.mutex, timeout=0)
            child_has_it = threading.Event()

            def kills():
                child.told()
                child.kill()
                child_has_it.set()

            thread = threading.Thread(target=kills)
            thread.start()
            died = False
            try:
                while not died:
                    try:
                        shared.changed.wait(shared.mutex, timeout=0.01)
                    except ipc.TimedOut:
                        if child_has_it.is_set():
                            break
            except ipc.OwnerDied as death:
                died = True
                death.consistent()
            thread.join()
            self.assertTrue(died)


class Others(Case):
    def test_semaphores(self):
        shared = self.shared().data
        with self.assertRaises(BlockingIOError):
            shared.sem.wait(0)
        self.child(lambda _tell: shared.sem.post()).passed()
        self.assertEqual(shared.sem.value, 1)
        shared.sem.wait()
        name = self.name(ipc.NamedSemaphore)
        with ipc.NamedSemaphore.open(name, 2, ipc.CREATE) as first, ipc.NamedSemaphore.open(name) as second:
            first.wait()
            second.wait()
            self.assertEqual(first.value, 0)
            second.post()
            self.assertEqual(first.value, 1)

    def test_events(self):
        shared = self.shared().data
        self.assertFalse(shared.event.is_set)
        with self.assertRaises(ipc.TimedOut):
            shared.event.wait(0.01)
        self.child(lambda _tell: shared.event.set()).passed()
        shared.event.wait()
        shared.event.reset()
        self.assertFalse(shared.event.is_set)

    def test_a_wait_goes_on_after_a_signal(self):
        shared = self.shared().data

        def waits(tell):
            handled = []
            signal.signal(signal.SIGUSR1, lambda *_: (handled.append(1), tell()))
            tell()
            shared.event.wait(20)
            assert handled

        child = self.child(waits)
        child.told()
        os.kill(child.pid, signal.SIGUSR1)
        child.told()
        shared.event.set()
        child.passed()

    def test_permits_of_the_dead_come_back(self):
        shared = self.shared().data
        self.assertEqual(shared.permits.free, 2)
        self.killed(lambda tell: (shared.permits.take(), tell()))
        repaired = []
        with shared.permits.taken(repair=repaired.append) as number:
            self.assertEqual(repaired, [number])
            with shared.permits.taken() as other:
                self.assertNotEqual(number, other)
        self.killed(lambda tell: (shared.permits.take(), tell()))
        with self.assertRaises(ipc.OwnerDied) as caught:
            shared.permits.take()
        shared.permits.give(caught.exception.lock)
        self.assertEqual(shared.permits.free, 2)

    def test_a_barrier_reports_a_death(self):
        shared = self.shared().data
        shared.barrier.join()
        child = self.child(lambda _tell: (shared.barrier.wait(20), shared.barrier.leave()))
        shared.barrier.wait(20)
        child.passed()
        self.killed(lambda tell: (shared.barrier.join(), tell()))
        with self.assertRaises(ipc.PeerDied):
            shared.barrier.wait(20)
        shared.barrier.reset()
        shared.barrier.leave()


if __name__ == "__main__":
    unittest.main()

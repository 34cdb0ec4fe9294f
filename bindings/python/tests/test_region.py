"""Regions: types, views, lifetimes, numpy."""

import copy
import ctypes
import gc
import os
import tempfile
import unittest

import robustipc as ipc

from .support import Case, Reading, Shared

try:
    import numpy
except ImportError:
    numpy = None


class Regions(Case):
    def test_two_handles_show_the_same_structure(self):
        name = self.name(ipc.Region)
        with ipc.Region.open(name, Reading, ipc.CREATE) as first, ipc.Region.open(name, Reading) as second:
            self.assertTrue(first.created)
            self.assertFalse(second.created)
            first.data.celsius = 21.5
            self.assertEqual(second.data.celsius, 21.5)
            self.assertEqual(second.copy().celsius, 21.5)
            self.assertEqual(second.size, ctypes.sizeof(Reading))
            self.assertFalse(second.stale)
            ipc.Region.unlink(name)
            self.assertTrue(second.stale)

    def test_another_version_is_refused_and_both_sides_are_named(self):
        name = self.name(ipc.Region)
        with ipc.Region.open(name, Reading, ipc.CREATE):
            with self.assertRaises(ipc.WrongType) as caught:
                ipc.Region.open(name, ipc.Type.of(Reading, version=4))
            self.assertRegex(caught.exception.text, "3")
            self.assertRegex(caught.exception.text, "4")
            for other in (ipc.Type.of(Reading, fields=()), ipc.Type.of(Reading, name="Other"),
                          ipc.Type.of(Reading, fields=["count", "label", "celsius"])):
                with self.assertRaises(ipc.WrongType):
                    ipc.Region.open(name, other)

    def test_errors_are_of_pythons_classes_too(self):
        name = self.name(ipc.Region)
        with self.assertRaises(FileNotFoundError) as caught:
            ipc.Region.open(name, Reading)
        self.assertIsInstance(caught.exception, ipc.Error)
        self.assertEqual(caught.exception.code, -caught.exception.errno)
        self.assertIn(name, caught.exception.text)
        with ipc.Region.open(name, Reading, ipc.CREATE):
            with self.assertRaises(FileExistsError):
                ipc.Region.open(name, Reading, ipc.CREATE | ipc.EXCLUSIVE)
            with self.assertRaises(ipc.WrongKind):
                ipc.Queue.open(name)

    def test_init_that_raises_creates_nothing(self):
        name = self.name(ipc.Region)

        def fails(_shared):
            raise KeyError("init")

        with self.assertRaises(KeyError):
            ipc.Region.open(name, Reading, ipc.CREATE, init=fails)
        with self.assertRaises(ipc.NotFound):
            ipc.Region.open(name, Reading)
        with ipc.Region.open(name, Reading, ipc.CREATE, init=lambda reading: setattr(reading, "count", 5)) as region:
            self.assertEqual(region.data.count, 5)
            with ipc.Region.open(name, Reading, ipc.CREATE, init=fails) as second:
                self.assertEqual(second.data.count, 5)

    def test_read_only_memory_cannot_be_written(self):
        name = self.name(ipc.Region)
        with ipc.Region.open(name, Reading, ipc.CREATE) as region, ipc.Region.open(name, Reading, ipc.READ_ONLY) as reader:
            region.data.count = 9
            self.assertTrue(reader.view.readonly)
            with self.assertRaises(TypeError):
                reader.view[0] = 1
            with self.assertRaises(TypeError):
                reader.data  # noqa: B018
            self.assertEqual(reader.copy().count, 9)

    def test_views_outlive_the_handle_and_not_the_mapping(self):
        region = ipc.Region.open(self.name(ipc.Region), size=8192, flags=ipc.CREATE)
        view = region.view
        part = view[4096:]
        address = region._address
        region.close()
        region.close()
        with self.assertRaises(ValueError):
            region.size  # noqa: B018
        part[0] = 7
        self.assertEqual(view[4096], 7)
        self.assertTrue(self._is_mapped(address))
        del view
        gc.collect()
        self.assertEqual(part[0], 7)
        del part
        gc.collect()
        self.assertFalse(self._is_mapped(address))

    @staticmethod
    def _is_mapped(address):
        with open("/proc/self/maps") as maps:
            return any(line.startswith(f"{address:x}-") for line in maps)

    def test_a_placed_object_keeps_the_memory(self):
        region = ipc.Region.open(self.name(ipc.Region), Shared, ipc.CREATE, init=lambda shared: shared.mutex.init())
        mutex = region.data.mutex
        region.close()
        gc.collect()
        with mutex:
            pass
        with self.assertRaises(TypeError):
            copy.copy(mutex)

    def test_closing_with_a_held_lock_is_refused(self):
        region = ipc.Region.open(self.name(ipc.Region), Shared, ipc.CREATE, init=lambda shared: shared.mutex.init())
        region.data.mutex.lock()
        with self.assertRaises(ipc.Error):
            region.close()
        region.data.mutex.unlock()
        region.close()

    def test_anonymous_sealed_and_file(self):
        with ipc.Region.anonymous(100) as region:
            child = self.child(lambda _tell: region.view.__setitem__(3, 42))
            child.passed()
            self.assertEqual(region.view[3], 42)
        with ipc.Region.sealed(Reading) as sealed:
            with ipc.Region.from_fd(sealed.fileno(), Reading) as other:
                other.data.count = -1
                self.assertEqual(sealed.data.count, -1)
            sealed.seal_writing()
            with ipc.Region.from_fd(sealed.fileno(), Reading, ipc.READ_ONLY) as reader:
                self.assertEqual(reader.copy().count, -1)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "reading")
            with ipc.Region.file(path, Reading, ipc.CREATE) as region:
                region.data.count = 77
                region.sync()
            with ipc.Region.file(path, Reading) as region:
                self.assertEqual(region.data.count, 77)

    def test_wrong_arguments(self):
        name = self.name(ipc.Region)
        for wrong in (lambda: ipc.Region.open(name), lambda: ipc.Region.open(name, Reading, size=3),
                      lambda: ipc.Region.open(name, int), lambda: ipc.Region.open(name, size=3, init=print)):
            with self.assertRaises(TypeError):
                wrong()
        with self.assertRaises(ValueError):
            ipc.Region.open("/a\0b", Reading)
        with self.assertRaises(ipc.Error):
            ipc.Region.open("no-slash", Reading, ipc.CREATE)
        with self.assertRaises(ValueError):
            ipc.Type.of(Reading, fields=["missing"])

        class Bits(ctypes.Structure):
            _fields_ = [("low", ctypes.c_int, 3)]

        with self.assertRaises(ValueError):
            ipc.Type.of(Bits)

        class Many(ctypes.Structure):
            _fields_ = [(f"field{number}", ctypes.c_int) for number in range(33)]

        with self.assertRaises(ValueError):
            ipc.Type.of(Many)
        self.assertEqual(len(ipc.Type.of(Many, fields=["field0", "field32"]).fields), 2)


@unittest.skipIf(numpy is None, "numpy is not installed")
class Arrays(Case):
    def test_an_array_shows_the_memory_and_keeps_it(self):
        name = self.name(ipc.Region)
        region = ipc.Region.open(name, flags=ipc.CREATE, size=4096)
        other = ipc.Region.open(name, size=4096)
        array = region.array("<f8")
        self.assertEqual(array.shape, (512,))
        square = other.array("<u2", (4, 4), offset=8)
        array[1] = 0.0
        square[0, 1] = 513
        self.assertEqual(region.view[10], 1)
        self.assertEqual(region.view[11], 2)
        region.close()
        other.close()
        gc.collect()
        array[:] = 2.5
        self.assertEqual(square[0, 3], array.view("<u2")[7])

    def test_an_array_of_read_only_memory_is_read_only(self):
        name = self.name(ipc.Region)
        with ipc.Region.open(name, flags=ipc.CREATE, size=4096):
            with ipc.Region.open(name, size=4096, flags=ipc.READ_ONLY) as reader:
                array = reader.array("u1")
                with self.assertRaises(ValueError):
                    array[0] = 1
                with self.assertRaises((TypeError, ValueError)):
                    reader.array("u1", 5000)

    def test_a_dtype_describes_the_same_type_as_a_structure(self):
        dtype = numpy.dtype([("count", "i4"), ("celsius", "f8"), ("label", "S8")], align=True)
        described = ipc.Type.of_dtype(dtype, "Reading", version=3)
        self.assertEqual(described.fields, ipc.Type.of(Reading).fields)
        name = self.name(ipc.Region)
        with ipc.Region.open(name, Reading, ipc.CREATE) as region, ipc.Region.open(name, described) as other:
            region.data.celsius = 1.25
            self.assertEqual(other.array(dtype)[0]["celsius"], 1.25)

    def test_an_array_kept_after_a_borrowed_message_is_refused(self):
        name = self.name(ipc.Queue)
        with ipc.Queue.open(name, ipc.CREATE, max_messages=2, message_size=64) as queue:
            queue.send(numpy.arange(4, dtype="<u4"))
            with self.assertRaises(BufferError):
                with queue.borrow() as message:
                    kept = numpy.frombuffer(message.data, "<u4")
            self.assertEqual(len(queue), 0)
            del kept


if __name__ == "__main__":
    unittest.main()

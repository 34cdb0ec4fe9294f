"""The structs, constants and prototypes of this package are those of the C header."""

import ctypes
import os
import re
import shlex
import subprocess
import tempfile
import unittest

import robustipc as ipc
from robustipc import _native, service, sync

INCLUDE = os.environ.get("ROBUSTIPC_INCLUDE")
COMPILER = os.environ.get("CC", "cc")

STRUCTS = {
    "ipc_field_t": _native.FieldStruct, "ipc_type_t": _native.TypeStruct, "ipc_mutex_attr_t": _native.MutexAttr,
    "ipc_mq_attr_t": _native.QueueAttr, "ipc_mq_stat_t": _native.QueueStat, "ipc_topic_attr_t": _native.TopicAttr,
    "ipc_sample_t": _native.SampleStruct, "ipc_topic_stat_t": _native.TopicStat, "ipc_service_attr_t": _native.ServiceAttr,
    "ipc_request_t": _native.RequestStruct, "ipc_service_stat_t": _native.ServiceStat, "ipc_ready_t": _native.ReadyStruct,
    "ipc_mutex_t": ipc.Mutex, "ipc_rwlock_t": ipc.RwLock, "ipc_cond_t": ipc.Condition, "ipc_sem_t": ipc.Semaphore,
    "ipc_event_t": ipc.Event, "ipc_permits_t": ipc.Permits, "ipc_barrier_t": ipc.Barrier, "ipc_once_t": ipc.Once,
}

CONSTANTS = {
    "IPC_FOREVER": _native.IPC_FOREVER, "IPC_OWNER_DIED": _native.IPC_OWNER_DIED,
    "IPC_BARRIER_SERIAL": _native.IPC_BARRIER_SERIAL, "IPC_TYPE_FIELDS_MAX": _native.FIELDS_MAX,
    "IPC_CREATE": ipc.CREATE, "IPC_EXCLUSIVE": ipc.EXCLUSIVE, "IPC_READ_ONLY": ipc.READ_ONLY,
    "IPC_WRITE_ONLY": ipc.WRITE_ONLY, "IPC_NONBLOCK": ipc.NONBLOCK, "IPC_ADOPT": ipc.ADOPT, "IPC_KERNEL": ipc.KERNEL,
    "IPC_POSIX": ipc.POSIX, "IPC_CHECK_OWNER": ipc.CHECK_OWNER, "IPC_UNSEALED": ipc.UNSEALED,
    "IPC_MQ_OVERWRITE": ipc.OVERWRITE, "IPC_CLIENT_WAIT": service.Client._WAIT, "IPC_SERVICE_ONCE": 1, "IPC_TOPIC_WAIT": 1,
    "IPC_CREATED": 1, "IPC_MUTEX_RECURSIVE": sync.Mutex.RECURSIVE,
    "IPC_MUTEX_PRIORITY_INHERIT": sync.Mutex.PRIORITY_INHERIT, "IPC_EVENT_AUTO_RESET": sync.Event.AUTO_RESET,
    "IPC_EVENT_SET": sync.Event.SET, **{f"IPC_WAIT_{what.name}": what for what in ipc.What},
}

@unittest.skipIf(INCLUDE is None, "ROBUSTIPC_INCLUDE names no folder with robustipc.h")
class Layout(unittest.TestCase):
    def test_the_compiler_agrees(self):
        lines = ["#include <errno.h>", "#include <stddef.h>", "#include <robustipc.h>"]

        def same(expression, value):
            lines.append(f'_Static_assert({expression} == {int(value)}, "{expression}");')

        for name, struct in STRUCTS.items():
            same(f"sizeof({name})", ctypes.sizeof(struct))
            same(f"_Alignof({name})", ctypes.alignment(struct))
            for field in struct._fields_:
                if not field[0].startswith("_"):
                    same(f"offsetof({name}, {field[0]})", getattr(struct, field[0]).offset)
                    same(f"sizeof((({name} *)0)->{field[0]})", getattr(struct, field[0]).size)
        for name, value in CONSTANTS.items():
            same(name, value)
        same("EMEDIUMTYPE", 124)
        same("ECANCELED", 125)
        same("sizeof(mode_t)", 4)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "layout.c")
            with open(path, "w") as source:
                source.write("\n".join(lines) + "\n")
            compiled = subprocess.run([*shlex.split(COMPILER), "-std=c11", "-D_GNU_SOURCE", "-I", INCLUDE, "-fsyntax-only", path],
                                      capture_output=True, text=True)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)

    def test_every_call_has_its_number_of_arguments(self):
        with open(os.path.join(INCLUDE, "robustipc.h")) as header:
            text = re.sub(r"/\*.*?\*/", "", header.read(), flags=re.S)
        declared = {}
        for result, name, arguments in re.findall(r"^([a-z][\w ]*[ *])(ipc_\w+)\(([^;{}]*)\);", text, flags=re.M):
            count = 0 if arguments.strip() == "void" else len(re.sub(r"\([^()]*\)", "", arguments).split(","))
            declared[name] = (result.strip(), count)
        self.assertGreater(len(declared), 150)
        widths = {"int": ctypes.c_int, "ssize_t": ctypes.c_ssize_t, "ptrdiff_t": ctypes.c_ssize_t, "int64_t": ctypes.c_int64,
                  "const char *": ctypes.c_char_p, "void *": ctypes.c_void_p, "size_t": ctypes.c_size_t}
        for name, arguments in _native._ARGUMENTS.items():
            self.assertEqual(len(arguments), declared[name][1], name)
            self.assertIs(getattr(_native.lib, name).restype, widths[declared[name][0]], name)

    def test_the_versions_are_the_librarys(self):
        self.assertEqual(ipc.version(), os.environ.get("ROBUSTIPC_VERSION", ipc.version()))
        self.assertEqual(".".join(ipc.version().split(".")[:2]), _native.SOVERSION)
        with open(os.path.join(os.path.dirname(__file__), "..", "pyproject.toml")) as project:
            self.assertIn(f'version = "{ipc.version()}"', project.read())


if __name__ == "__main__":
    unittest.main()

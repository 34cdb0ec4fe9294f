"""Builds and packs robustipc: conan create packaging/conan

The source is the folder around this recipe: the repository, or the unpacked archive of `make dist`, which builds without
network. Rust 1.85 or newer and make have to be installed.
"""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import cross_building
from conan.tools.files import copy, rm, rmdir

required_conan_version = ">=2.0"


class Robustipc(ConanFile):
    name = "robustipc"
    package_type = "library"
    license = "MIT OR Apache-2.0"
    description = "Every way two Linux processes share data, behind one C interface, proof against kill -9"
    topics = ("ipc", "shared-memory", "robust-mutex", "message-queue", "embedded")
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    @property
    def _root(self):
        return os.path.abspath(os.path.join(self.recipe_folder, "..", ".."))

    def set_version(self):
        with open(os.path.join(self._root, "Cargo.toml")) as manifest:
            self.version = re.search(r'^version = "(.*)"', manifest.read(), re.M).group(1)

    def export_sources(self):
        # target/ is what cargo has built here, and .git is large.
        copy(self, "*", self._root, self.export_sources_folder, excludes=("target/*", "*/target/*", ".git", ".git/*"))

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("robustipc needs Linux")
        if cross_building(self) and not os.environ.get("CROSS_COMPILE"):
            raise ConanInvalidConfiguration("set CROSS_COMPILE to the prefix of the target's compiler: docs/cross-building.md")

    def package_id(self):
        # The interface is C: neither the C++ library nor the version of the compiler matters.
        del self.info.settings.compiler
        del self.info.settings.build_type

    def _make(self, goals):
        target = self.conf.get("user.robustipc:target_dir", default=os.path.join(self.build_folder, "target"))
        strip = "" if self.settings.build_type != "Debug" else "STRIP="
        self.run(f'CARGO_TARGET_DIR="{target}" make {goals} PREFIX="{self.package_folder}" CARGO_FLAGS=--no-default-features {strip}',
                 cwd=self.source_folder)

    def build(self):
        self._make("all")

    def package(self):
        self._make("install")
        copy(self, "LICENSE-*", self.source_folder, os.path.join(self.package_folder, "licenses"))
        lib = os.path.join(self.package_folder, "lib")
        # Conan writes the files for CMake and pkg-config.
        rmdir(self, os.path.join(lib, "cmake"))
        rmdir(self, os.path.join(lib, "pkgconfig"))
        if self.options.shared:
            rm(self, "*.a", lib)
        else:
            rm(self, "*.so*", lib)

    def package_info(self):
        self.cpp_info.libs = ["robustipc"]
        self.cpp_info.set_property("cmake_file_name", "robustipc")
        self.cpp_info.set_property("cmake_target_name", "robustipc::robustipc")
        self.cpp_info.set_property("pkg_config_name", "robustipc")
        if not self.options.shared:
            self.cpp_info.system_libs = ["util", "rt", "pthread", "m", "dl"]

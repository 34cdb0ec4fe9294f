# An overlay port: its source is the repository, or the unpacked archive of `make dist`, around it. make and Rust 1.85 or newer
# have to be installed.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

# One build: the library's profile has optimisation and debug information.
set(VCPKG_BUILD_TYPE release)
find_program(MAKE NAMES make gmake REQUIRED)
set(ENV{CARGO_TARGET_DIR} "${CURRENT_BUILDTREES_DIR}/target")

vcpkg_execute_required_process(
  COMMAND "${MAKE}" all CARGO_FLAGS=--no-default-features
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME "build-${TARGET_TRIPLET}")
vcpkg_execute_required_process(
  COMMAND "${MAKE}" install "PREFIX=${CURRENT_PACKAGES_DIR}" CARGO_FLAGS=--no-default-features
  WORKING_DIRECTORY "${SOURCE_PATH}"
  LOGNAME "install-${TARGET_TRIPLET}")

# A triplet has libraries of one kind.
if(VCPKG_LIBRARY_LINKAGE STREQUAL "static")
  file(GLOB unwanted "${CURRENT_PACKAGES_DIR}/lib/*.so*")
else()
  file(GLOB unwanted "${CURRENT_PACKAGES_DIR}/lib/*.a")
endif()
file(REMOVE ${unwanted})

# vcpkg wants CMake's files in share/, from where the libraries are elsewhere. (vcpkg_cmake_config_fixup knows other files.)
file(RENAME "${CURRENT_PACKAGES_DIR}/lib/cmake/robustipc" "${CURRENT_PACKAGES_DIR}/share/${PORT}")
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib/cmake")
set(config "${CURRENT_PACKAGES_DIR}/share/${PORT}/robustipc-config.cmake")
file(READ "${config}" text)
string(REPLACE "{CMAKE_CURRENT_LIST_DIR}/../.." "{CMAKE_CURRENT_LIST_DIR}/../../lib" text "${text}")
file(WRITE "${config}" "${text}")
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")

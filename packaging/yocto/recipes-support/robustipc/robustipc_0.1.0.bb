SUMMARY = "Every way two Linux processes share data, proof against kill -9"
DESCRIPTION = "Typed shared memory, robust locks, semaphores, message queues, topics, services, pipes, children and sockets \
behind one C interface. A process may be killed at any instruction, and the others carry on."
SECTION = "libs"
LICENSE = "MIT | Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE-MIT;md5=5decff8a81829704cc593fc8180a5432 \
                    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# The archive that make dist made, in a folder beside this recipe; or set ROBUSTIPC_URI to a server's, with its sha256sum.
ROBUSTIPC_URI ?= "file://${BP}.tar.gz"
SRC_URI = "${ROBUSTIPC_URI}"

# cargo gives the compiler for the machine, its linker, and the environment of cargo's build scripts. The archive has all
# crates, so cargo-update-recipe-crates and its list are not needed. make drives cargo, because one build makes two libraries
# and installs more than cargo does.
inherit cargo pkgconfig

# The configuration in the archive names vendor/.
CARGO_DISABLE_BITBAKE_VENDORING = "1"

PACKAGECONFIG ??= "tools"
PACKAGECONFIG[tools] = ""

EXTRA_OEMAKE = "\
    PREFIX='${prefix}' LIBDIR='${libdir}' INCLUDEDIR='${includedir}' MANDIR='${mandir}' \
    CARGO='${CARGO}' CARGO_BUILD_TARGET='${RUST_HOST_SYS}' CARGO_FLAGS='--offline --no-default-features' STRIP= \
"
export CARGO_TARGET_DIR = "${B}/make"
export CARGO_NET_OFFLINE = "true"
# The dynamic linker finds the library in its own folders.
export ROBUSTIPC_RPATH = ""

do_compile() {
    oe_cargo_fix_env
    export RUSTFLAGS="${RUSTFLAGS}"
    oe_runmake -C ${S} all
    if ${@bb.utils.contains('PACKAGECONFIG', 'tools', 'true', 'false', d)}; then
        oe_runmake -C ${S} tool
    fi
}

do_install() {
    oe_runmake -C ${S} install DESTDIR=${D}
    # ripc writes its own page and completions, which a program for the target cannot do here: only the program is installed.
    if ${@bb.utils.contains('PACKAGECONFIG', 'tools', 'true', 'false', d)}; then
        install -D -m 0755 ${B}/make/bin/ripc ${D}${bindir}/ripc
    fi
}

PACKAGES =+ "${PN}-posix ${PN}-tools"
FILES:${PN}-posix = "${libdir}/librobustipc-posix.so.*"
FILES:${PN}-tools = "${bindir}/ripc"
FILES:${PN}-dev += "${libdir}/cmake ${libdir}/robustipc"

BBCLASSEXTEND = "native nativesdk"

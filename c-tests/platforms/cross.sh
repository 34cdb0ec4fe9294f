# shellcheck shell=sh disable=SC2154 # packages.sh sets the folders
# For check.sh: builds for other machines, with Debian's Rust 1.85 (the oldest that the library supports) and std for the
# target. rustup's targets cannot be relied on: some networks have only Debian's and the crates' registries.

# std for riscv64 and for musl, which Debian 12 does not have, is compiled from its source.
rust_for() {
  triple=$1
  rust=$platforms/rust
  # apt-cache reads all lists for each question, so it is asked once.
  if [ ! -e "$rust/.unpacked" ]; then
    standard=$(dependencies libstd-rust-web-dev/bookworm libstd-rust-web-)
    llvm=$(dependencies "$standard/bookworm" libllvm)
    unpack "$rust" rustc-web/bookworm "$standard/bookworm" "$llvm/bookworm" libstd-rust-web-dev/bookworm rust-web-src/bookworm \
      libstd-rust-web-dev:i386/bookworm libstd-rust-web-dev:arm64/bookworm libstd-rust-web-dev:armhf/bookworm
  fi
  export RUSTC="$platforms/rustc"
  # The compiler's libraries are for the compiler only: other programs keep this machine's. The file appears in one step,
  # because another platform may be built meanwhile.
  cat >"$RUSTC.$$" <<END
#!/bin/sh
LD_LIBRARY_PATH=$rust/usr/lib/x86_64-linux-gnu:$rust/usr/lib exec $rust/usr/bin/rustc "\$@"
END
  chmod +x "$RUSTC.$$"
  mv -f "$RUSTC.$$" "$RUSTC"
  cargo_flags=--no-default-features
  if [ ! -e "$rust/usr/lib/rustlib/$triple" ]; then
    cargo_flags="$cargo_flags -Zbuild-std=std,panic_unwind"
    export RUSTC_BOOTSTRAP=1 CARGO_HOME="$platforms/cargo"
  fi
}

# A compiler whose programs start with another machine's libraries, without anything at the usual places:
#   with_loader COMPILER LIBRARIES LOADER
with_loader() {
  echo 'exec '"$1"' "$@" -Wl,--dynamic-linker='"$2/$3,--disable-new-dtags,-rpath,$2" | sed '1i #!/bin/sh' >"$platforms/$1"
  chmod +x "$platforms/$1"
  echo "$platforms/$1"
}

# Prints the path of a C compiler for static programs with musl:  musl_compiler MACHINE GCC
# Debian's gcc unwinds with _dl_find_object, which musl does not have, and has no shared libgcc for musl.
musl_compiler() {
  compiler=$platforms/$1-musl-gcc
  folder=/usr headers=/usr/include machine=/usr/include/$1-linux-gnu
  case $1 in
    aarch64)
      unpack "$platforms/musl-arm64" musl-dev:arm64/bookworm
      folder=$platforms/musl-arm64/usr headers=/usr/aarch64-linux-gnu/include
      machine=$headers
      ;;
  esac
  # The kernel's headers, without glibc's that lie beside them.
  mkdir -p "$compiler.include"
  ln -sfn "$headers/linux" "$compiler.include/linux"
  ln -sfn "$headers/asm-generic" "$compiler.include/asm-generic"
  ln -sfn "$machine/asm" "$compiler.include/asm"
  echo 'int _dl_find_object(void *a, void *b); int _dl_find_object(void *a, void *b) { (void)a, (void)b; return -1; }' |
    "$2" -x c -c - -o "$compiler.o"
  sed -e "s|/usr/include/[a-z0-9_]*-linux-musl|$folder/include/$1-linux-musl|g" \
    -e "s|/usr/lib/[a-z0-9_]*-linux-musl|$folder/lib/$1-linux-musl|g" -e "s|ld-musl-[a-z0-9_]*|ld-musl-$1|" \
    /usr/lib/x86_64-linux-musl/musl-gcc.specs >"$compiler.specs"
  # One step, because other programs may use the compiler meanwhile.
  cat >"$compiler.new" <<END
#!/bin/sh
set -- "\$@" -idirafter $compiler.include
case " \$* " in *" -c "* | *" -E "*) exec $2 -specs $compiler.specs "\$@" ;; esac
for argument; do
  shift
  if [ "\$argument" = -lgcc_s ]; then argument=-lgcc_eh; fi
  set -- "\$@" "\$argument"
done
exec $2 -specs $compiler.specs "\$@" $compiler.o -lgcc_eh -lgcc -lc
END
  chmod +x "$compiler.new"
  mv -f "$compiler.new" "$compiler"
  echo "$compiler"
}

# Runs make for a machine, with its results in $platforms/NAME:  cross_make NAME TRIPLE COMPILER STRIP MAKE-ARGUMENT...
# The tests are compiled with little optimisation, because that takes half of the time.
cross_make() (
  build=$platforms/$1 triple=$2 compiler=$3 stripper=$4
  shift 4
  rust_for "$triple"
  PKG_CONFIG_LIBDIR=$build/stage/lib/pkgconfig CARGO_TARGET_DIR=$build "$MAKE" --no-print-directory -k -j"$(nproc)" CC="$compiler" STRIP="$stripper" \
    CARGO_BUILD_TARGET="$triple" "CARGO_TARGET_$(echo "$triple" | tr a-z- A-Z_)_LINKER=$compiler" \
    CARGO_FLAGS="$cargo_flags" CFLAGS=-O1 "$@"
)

# Builds the library, the demo and the tests of a machine into $platforms/NAME:
#   cross_build NAME TRIPLE COMPILER STRIP TESTS [MAKE-ARGUMENT...]     TESTS: "all", or "deaths" for the owners' deaths
cross_build() {
  name=$1 build=$platforms/$1 triple=$2 compiler=$3 stripper=$4 which=$5
  shift 5
  goals=
  for demo in c-tests/demo/*.c; do goals="$goals $build/demo/$(basename "$demo" .c)"; done
  for test in $(tests_of "$which"); do goals="$goals $build/c-tests/$test"; done
  # shellcheck disable=SC2086 # goals are many words
  cross_make "$name" "$triple" "$compiler" "$stripper" "$@" $goals >"$build.build.log" 2>&1 || {
    grep -E 'error|Error' "$build.build.log" | head -n 20
    # A test that does not compile fails when it is to run.
    [ -x "$build/demo/worker" ]
  }
}

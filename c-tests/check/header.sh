#!/bin/sh
# The header compiles without a warning in every language that it serves, with a program's stricter warnings too. It
# compiles alone, and before and after each header whose names it must not touch. Its type macros describe the types
# correctly.
. "$(dirname "$0")/../support/script.sh"

# Headers that one program can include together, and the kernel's own, which glibc's headers exclude.
together="sys/ipc.h sys/shm.h sys/msg.h sys/sem.h mqueue.h pthread.h"
apart="linux/ipc.h linux/shm.h linux/msg.h linux/sem.h"

include() {
  for header in "$@"; do echo "#include <$header>"; done
}

# Each file is one order of includes. The declarations below use the whole header.
mkdir "$work/orders"
use='struct used { int field, other; };
static const ipc_type_t used_type = IPC_TYPE(int, 1), used_fields = IPC_TYPE_FIELDS(struct used, 1, field, other);
int64_t used(void); int64_t used(void) {
  return ipc_version() != NULL && used_type.size != used_fields.size ? IPC_FOREVER : 0; }'
# shellcheck disable=SC2086 # the lists are split on purpose
{
  { include robustipc.h; echo "$use"; } >"$work/orders/alone.c"
  { include robustipc.h robustipc.h; echo "$use"; } >"$work/orders/twice.c"
  { include robustipc.h $together; echo "$use"; } >"$work/orders/before_all.c"
  { include $together robustipc.h; echo "$use"; } >"$work/orders/after_all.c"
  for header in $together $apart; do
    name=$(echo "$header" | tr /. __)
    { include robustipc.h "$header"; echo "$use"; } >"$work/orders/before_$name.c"
    { include "$header" robustipc.h; echo "$use"; } >"$work/orders/after_$name.c"
  done
}

# Each constant is a literal in parentheses, if it needs them: generators of bindings understand no more.
odd=$(grep -E '^#define IPC_[A-Z0-9_]+ ' "$root/include/robustipc.h" | grep -v ' IPC_NO_FIELDS ' |
  grep -vE '^#define IPC_[A-Z0-9_]+ (\(-[0-9]+L?\)|[0-9]+|0x[0-9a-f]+|"[^"]*")$' || true)
expect "constants of the header that are not literals" "" "$odd"
echo '#include <robustipc.h>
_Static_assert(_Generic(IPC_FOREVER, int64_t: 1, default: 0) && IPC_FOREVER == -1, "");' >"$work/forever.c"
# shellcheck disable=SC2046
quietly $CC -std=c11 $warnings $(staged --cflags) -fsyntax-only "$work/forever.c"

compilers="$CC:c $CXX:c++"
# clang too, where it is installed.
if has clang && ! $CC --version | grep -q clang; then compilers="$compilers clang:c"; fi
if has clang++ && ! $CXX --version | grep -q clang; then compilers="$compilers clang++:c++"; fi

cflags=$(staged --cflags)
libs=$(staged --libs)
for pair in $compilers; do
  compiler=${pair%:*} language=${pair##*:}
  case $language in
    c) standards="c99 c11 c17 gnu11" more="-Wconversion -Wundef -Wstrict-prototypes" ;;
    c++) standards="c++17 c++20" more="-Wconversion -Wundef -Wold-style-cast" ;;
  esac
  for standard in $standards; do
    # shellcheck disable=SC2086
    flags="-x $language -std=$standard $warnings $cflags"
    # shellcheck disable=SC2086
    quietly $compiler $flags $more -fsyntax-only "$work"/orders/*.c
    # shellcheck disable=SC2086
    quietly $compiler $flags "$root/c-tests/header/types.c" -x none -o "$work/types" $libs
    quietly env LD_LIBRARY_PATH="$STAGE/lib" "$work/types"
  done
done

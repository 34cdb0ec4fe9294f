#!/bin/sh
# The drop-in library also serves programs that were compiled years ago. Their calls have the symbol versions of
# glibc's first <mqueue.h>, in librt. The test builds such a program by linking it to a librt with those versions.
. "$(dirname "$0")/../support/script.sh"

names="mq_open __mq_open_2 mq_close mq_unlink mq_send mq_timedsend mq_receive mq_timedreceive mq_notify mq_getattr mq_setattr"
library=$STAGE/lib/librobustipc-posix.so
libc=$($CC -print-file-name=libc.so.6)
has readelf || skip "readelf is not installed"
readelf -W --dyn-syms "$libc" | awk '{ print $8 }' >"$work/symbols"

# The old versions of the functions, which are no longer the default. The map gives each function its version.
for name in $names; do
  old=$(sed -n "s/^$name@\([^@]*\)$/\1/p" "$work/symbols")
  [ -n "$old" ] || skip "this libc has no older $name"
  echo "$name $old"
done >"$work/versions"
awk '{ of[$2] = of[$2] " " $1 ";" } END { for (version in of) print version " {" of[version] " };" }' \
  "$work/versions" >"$work/librt.map"
for name in $names; do echo "void $name(void) {}"; done >"$work/librt.c"
quietly $CC -shared -fPIC -fno-builtin -Wl,-soname,librt.so.1 -Wl,--version-script="$work/librt.map" \
  "$work/librt.c" -o "$work/librt.so.1"

# The program calls some functions, and only binds the others.
cat >"$work/old.c" <<'C'
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
int __mq_open_2(const char *name, int flags);
int main(int count, char **arguments) {
  void *volatile bound[] = { (void *)mq_timedsend, (void *)mq_timedreceive, (void *)mq_notify, (void *)mq_setattr };
  struct mq_attr attr = { .mq_maxmsg = 1000, .mq_msgsize = 8 };
  char buffer[8];
  mqd_t mq = mq_open(arguments[count - 1], O_CREAT | O_RDWR, 0600, &attr);
  mqd_t other = __mq_open_2(arguments[count - 1], O_RDONLY);
  if (mq < 0 || other < 0 || mq_unlink(arguments[count - 1]) != 0) return perror("mq_open"), 1;
  if (mq_getattr(other, &attr) != 0 || attr.mq_maxmsg != 1000) return 1;
  if (mq_send(mq, "old", 3, 0) != 0 || mq_receive(other, buffer, 8, NULL) != 3) return perror("mq_send"), 1;
  return mq_close(mq) != 0 || mq_close(other) != 0 || bound[0] == NULL;
}
C
quietly $CC -O2 "$work/old.c" -o "$work/old" "$work/librt.so.1"
readelf -W --dyn-syms "$work/old" >"$work/imports"
while read -r name old; do
  grep -q " $name@$old " "$work/imports" || fail "the program does not import $name@$old"
done <"$work/versions"

# A queue of the kernel does not hold 1000 messages (fs.mqueue.msg_max), so a success shows that none is used.
name=/ripc-test-$$-old
quietly env LD_PRELOAD="$library" LD_DEBUG=bindings LD_DEBUG_OUTPUT="$work/bound" \
  LD_BIND_NOW=1 "$work/old" "$name"
for symbol in $names; do
  grep -q "file $work/old .* to .*librobustipc-posix.so[^ ]* .*\`$symbol'" "$work"/bound.* ||
    fail "$symbol is not bound to the drop-in: $(grep "file $work/old .*\`$symbol'" "$work"/bound.*)"
done

# shellcheck shell=sh disable=SC2154 # packages.sh sets the folders
# For check.sh: virtual machines of qemu-system without a disk and a network. They boot a kernel of Debian's with an
# initramfs that has only busybox, libc, the demo and the tests. (qemu-user cannot serve: it lacks get_robust_list.)

# Takes the bare kernel out of the package on which a meta-package depends:  fetch_kernel NAME META-PACKAGE/SUITE
# Prints the kernel's path. Its version is in the file PATH.version.
fetch_kernel() {
  kernel=$platforms/kernels/$1
  if [ ! -e "$kernel.version" ]; then
    prepare_packages
    mkdir -p "$kernel.packages"
    package=$(dependencies "$2" linux-image | head -n 1)
    [ -n "$package" ] || fail "apt-get: no kernel in $2"
    (cd "$kernel.packages" && apt-get download -q "$package") >"$kernel.log" 2>&1 ||
      fail "apt-get download $package: $(grep -m 1 '^E:' "$kernel.log")"
    dpkg-deb --fsys-tarfile "$kernel.packages"/*.deb | tar -xO --wildcards './boot/vmlinu[xz]-*' >"$kernel" ||
      fail "no kernel in $package"
    rm -rf "$kernel.packages"
    version=${package#linux-image-}
    echo "${version%%:*}" >"$kernel.version"
  fi
  echo "$kernel"
}

# make_initramfs FILE MACHINE LIBRARIES BUILD LIST: LIBRARIES is a folder with the machine's libc, or "none" for static
# programs. BUILD has demo, stage and c-tests; LIST names the tests. All keep their paths inside.
make_initramfs() {
  file=$1 machine=$2 libraries=$3 build=$4 list=$5
  image=$file.root
  rm -rf "$image"
  mkdir -p "$image/bin" "$image/lib" "$image/proc" "$image/sys" "$image/dev" "$image/tmp" "$image/etc" "$image/root" \
    "$image$build/stage/lib" "$image$build/demo" "$image$root/c-tests"
  ln -s lib "$image/lib64"
  suite=bookworm
  [ "$machine" != riscv64 ] || suite=trixie
  unpack "$platforms/busybox-$machine" "busybox-static:$machine/$suite"
  find "$platforms/busybox-$machine" -name busybox -type f -perm -100 -exec cp {} "$image/bin/busybox" \;
  if [ "$libraries" != none ]; then
    for library in ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-linux-armhf.so.3 ld-linux-riscv64-lp64d.so.1 \
      libc.so.6 libm.so.6 libpthread.so.0 librt.so.1 libdl.so.2 libutil.so.1 libgcc_s.so.1 libstdc++.so.6; do
      if [ -e "$libraries/$library" ]; then cp -L "$libraries/$library" "$image/lib/"; fi
    done
    cp -a "$build"/stage/lib/*.so* "$image$build/stage/lib/"
  fi
  cp "$build"/demo/* "$image$build/demo/"
  while read -r program; do
    mkdir -p "$image$(dirname "$program")"
    cp "$program" "$image$program"
    # NAME.test is a script that runs NAME.
    if [ "${program%.test}" != "$program" ]; then cp "${program%.test}" "$image${program%.test}"; fi
  done <"$list"
  cp "$list" "$image/list"
  (cd "$root/c-tests" && cp -a run.sh slow.txt demo platforms ported ported.sh "$image$root/c-tests/")
  find "$image$build" -type f -exec "${OBJECT_STRIP:-strip}" --strip-unneeded {} + 2>/dev/null || true
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$image/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$image/etc/group"
  cat >"$image/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts /dev/mqueue
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /tmp
for pair in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
  ln -sf \${pair#*:} /dev/\${pair%%:*}
done
ip link set lo up
echo "booted: \$(uname -rm)"
sh $root/c-tests/platforms/inside.sh $build/demo /list
echo "over after \$(cut -d' ' -f1 /proc/uptime) s"
poweroff -f
END
  chmod 755 "$image/init"
  (cd "$image" && find . | cpio -o -H newc --quiet) >"$file"
  rm -rf "$image"
}

# boot MACHINE KERNEL INITRAMFS SECONDS: runs the machine, whose console is the output. KVM is not used, because it hangs
# on some hosts.
boot() {
  machine=$1 kernel=$2 initramfs=$3 seconds=$4
  case $machine in
    amd64) set -- qemu-system-x86_64 "-cpu max" console=ttyS0 ;;
    arm64) set -- qemu-system-aarch64 "-M virt -cpu cortex-a72" console=ttyAMA0 ;;
    armhf) set -- qemu-system-arm "-M virt -cpu cortex-a15" console=ttyAMA0 ;;
    riscv64) set -- qemu-system-riscv64 "-M virt" console=ttyS0 ;;
  esac
  # shellcheck disable=SC2086 # the options of the machine are several words
  timeout -k 5 "$seconds" "$1" $2 -smp 2 -m 1024 -nographic -no-reboot -nodefaults -serial stdio -net none \
    -kernel "$kernel" -initrd "$initramfs" -append "$3 quiet panic=-1" </dev/null 2>&1 | tr -d '\r'
}

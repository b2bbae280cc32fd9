# Debian's own kernels for test/vm/run, in QEMU. Uses KVM where the processor's virtualisation is there; else it emulates,
# which is ten times slower. The root file system is shared by virtiofs, whose server needs root.

prepare() {
  [ "$(id -u)" = 0 ] || fail 'QEMU kernels need root: virtiofsd does'
  architecture=$arch
  image=$kernel${architecture#amd64} # where the kernel is in the cache
  once "$(init_directory)" make_init
  once "$image" make_kernel "$kernel"
  once "$image-$(init_directory)" make_initramfs "$image"
  architecture=amd64
  find_qemu
  [ "$arch" = amd64 ] || source "$here/arm64.sh"
  [ "$arch" = amd64 ] || once "$(foreign_tree)" make_foreign_tree "$kernel"
}

# Debian's cloud kernels: small, and with all that a virtual machine needs.
make_kernel() {
  local directory=$1 suite=$3 image
  open_archive "$suite"
  image=$(archive "$suite" apt-cache depends "linux-image-cloud-$architecture" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
  [ -n "$image" ] || fail "no linux-image-cloud-$architecture in $suite"
  unpack "$suite" "$directory/unpacked" "$image"
  cp "$directory"/unpacked/boot/vmlinuz-* "$directory/vmlinuz"
  mv "$(find "$directory/unpacked" -path '*/lib/modules/*' -prune | head -n 1)" "$directory/modules"
  rm -r "$directory/unpacked"
}

# In the order in which they need each other. What is built into a kernel is not there as a file.
MODULES='virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console fuse virtiofs overlay'

make_initramfs() {
  local tree=$1/tree name file number=10
  mkdir -p "$tree/dev" "$tree/proc" "$tree/sys" "$tree/modules"
  cp "$cache/$(init_directory)/init" "$tree/init"
  for name in $MODULES; do
    file=$(find "$cache/$3/modules" -name "$name.ko*" | head -n 1)
    [ -n "$file" ] || continue
    case $file in
      *.xz) xz -dc "$file" >"$tree/modules/$number-$name" ;;
      *) cp "$file" "$tree/modules/$number-$name" ;;
    esac
    number=$((number + 1))
  done
  (cd "$tree" && find . | cpio -o -H newc --quiet) >"$1/initramfs"
  rm -r "$tree"
}

# Debian 12's QEMU 7.2 crashes kernels from 6.12 on when it emulates; there a newer one is unpacked beside it, which
# needs the libraries of the installed one.
find_qemu() {
  local program=qemu-system-x86_64
  [ "$arch" = amd64 ] || program=qemu-system-aarch64
  qemu=("$program")
  "$program" --version | grep -q 'version [4-7]\.' || return 0
  once "qemu${arch#amd64}" make_qemu
  qemu=("$cache/qemu${arch#amd64}/usr/bin/$program" -L "$cache/qemu${arch#amd64}/usr/share/qemu" -L /usr/share/seabios)
}

make_qemu() {
  local suite=bookworm-backports system=qemu-system-x86
  [ "$arch" = amd64 ] || system=qemu-system-arm
  open_archive "$suite"
  unpack "$suite" "$1" "$system" qemu-system-common qemu-system-data
}

# /dev/kvm alone says little: in a virtual machine it can be there and Debian's kernels hang.
accelerator() {
  if [ "$arch" = arm64 ]; then
    echo -accel tcg,thread=multi,tb-size=512 -cpu neoverse-n1 # max computes its pointer authentication: five times slower
  elif [ -w /dev/kvm ] && [ -d /sys/module/kvm_intel -o -d /sys/module/kvm_amd ]; then
    echo -accel kvm -cpu host
  else
    echo -accel tcg,thread=multi,tb-size=512 -cpu max
  fi
}

serve_root() {
  local shared=/ within=() server=/usr/libexec/virtiofsd options
  [ "$arch" = amd64 ] || { shared=$job/root.tree && within=(unshare --mount "$here/arm64-root" "$cache/$(foreign_tree)" "$shared" "$PWD" "$job"); }
  options=(--shared-dir="$shared" --sandbox=chroot --cache=always)
  [ -x "$server" ] || server=/usr/lib/qemu/virtiofsd options=(-o source="$shared" -o sandbox=chroot -o cache=always --thread-pool-size=0)
  ${within[@]+"${within[@]}"} "$server" --socket-path="$job/root" "${options[@]}" >"$job/virtiofsd.log" 2>&1 & # ends when QEMU does
  until [ -S "$job/root" ]; do
    kill -0 $! 2>/dev/null || fail "virtiofsd: $(tail -n 1 "$job/virtiofsd.log")"
    sleep 0.02
  done
}

# Emulated, a kernel now and then dies before it comes to the job: it is tried again.
boot() {
  local attempt status
  for attempt in 1 2 3; do
    status=0
    boot_once || status=$?
    [ ! -e "$job/io/begun" ] && [ "$status" != 124 ] || return "$status"
    tell "the kernel died before it began (attempt $attempt): $(tail -n 1 "$job/qemu.log")"
  done
  return "$status"
}

# The guest's stdout and stderr are serial ports. What is behind them is opened by QEMU, which would cut off a file:
# hence the FIFOs. (Opened for both ways, so that no opening waits.) init.c knows them as those of the first device.
boot_once() {
  local status=0 out err console=ttyS0 board=q35,usb=off,vmport=off,graphics=off
  [ "$arch" = amd64 ] || console=ttyAMA0 board=virt,gic-version=max
  serve_root
  rm -f "$job/out" "$job/err"
  mkfifo "$job/out" "$job/err"
  exec 5<>"$job/out" 6<>"$job/err"
  cat <"$job/out" 5<&- 6<&- & out=$!
  cat <"$job/err" >&2 5<&- 6<&- & err=$!
  # shellcheck disable=SC2046
  timeout --kill-after=5 "$seconds" "${qemu[@]}" -machine "$board,memory-backend=memory" \
    $(accelerator) -m "$memory" -object "memory-backend-memfd,id=memory,size=$memory,share=on" \
    -nodefaults -no-user-config -display none -no-reboot -serial "file:${CORRAL_VM_LOG:-/dev/null}" \
    -device virtio-serial-pci -chardev "file,id=out,path=$job/out" -device virtserialport,chardev=out,name=out,nr=1 \
    -chardev "file,id=err,path=$job/err" -device virtserialport,chardev=err,name=err,nr=2 \
    -chardev "socket,id=root,path=$job/root" -device vhost-user-fs-pci,chardev=root,tag=root \
    -kernel "$cache/$image/vmlinuz" -initrd "$cache/$image-$(architecture=$arch && init_directory)/initramfs" \
    -append "console=$console panic=-1 quiet loglevel=3 corral.job=$job $boot_words" 5<&- 6<&- </dev/null >"$job/qemu.log" 2>&1 &
  guest=$!
  wait "$guest" || status=$?
  exec 5<&- 6<&-
  wait "$out" "$err"
  return "$status"
}

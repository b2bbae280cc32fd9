# User Mode Linux for test/vm/run: Debian's newest kernel as an ordinary process. Needs neither KVM nor root, boots in a
# second, and runs programs at nearly the speed of the machine, on one CPU.

source "$here/tree.sh"

UML_SUITE=sid # from 6.13 on it can use seccomp, which is twice as fast as ptrace, and runs on CPUs with AMX

prepare() {
  once "$(init_directory)" make_init
  once uml make_uml
  [ -z "$suite" ] || once "$(tree_directory "$suite" "$packages")" make_tree "$suite" "$packages"
}

make_uml() { # DIRECTORY, and where it will be
  local unpacked=$1/unpacked loader
  open_archive "$UML_SUITE"
  unpack "$UML_SUITE" "$unpacked" user-mode-linux libc6
  cp "$unpacked/usr/bin/linux.uml" "$1/linux"
  find "$unpacked" -name overlay.ko -exec cp {} "$1" \;
  # It was built for a newer libc than this machine may have
  loader=$(find "$unpacked" -name ld-linux-x86-64.so.2 -type f)
  cp "$loader" "$(dirname "$loader")/libc.so.6" "$1"
  patchelf --set-interpreter "$2/ld-linux-x86-64.so.2" --set-rpath "$2" "$1/linux"
  rm -r "$unpacked"
}

# The guest's memory is a file, which should not be on a disk: twice as large as needed, for others use it too.
memory_directory() {
  local free
  free=$(df --output=avail --block-size=1 /dev/shm 2>/dev/null | tail -n 1)
  if [ "${free:-0}" -gt $(($(numfmt --from=iec "$memory") * 2)) ]; then echo /dev/shm; else echo /tmp; fi
}

boot() {
  local tree=''
  [ -z "$suite" ] || tree=corral.tree=$cache/$(tree_directory "$suite" "$packages")
  local consoles=(con=null con0=null,fd:3 con1=null,fd:1 con2=null,fd:4 ssl=null)
  TMPDIR=$(memory_directory) timeout --kill-after=5 "$seconds" "$cache/uml/linux" mem="$memory" seccomp=on \
    umid=guest uml_dir="$job/" root=/dev/root rootfstype=hostfs rootflags=/ ro init="$cache/$(init_directory)/init" \
    quiet panic=-1 "${consoles[@]}" corral.job="$job" corral.overlay="$cache/uml/overlay.ko" $tree $boot_words \
    3>"${CORRAL_VM_LOG:-/dev/null}" 4>&2 2>/dev/null </dev/null &
  guest=$!
  wait "$guest"
}

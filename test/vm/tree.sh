# For test/vm/run -s: a Debian tree of its own, with systemd, as the guest's root. Nothing of this checkout is in it.

# What a tree has beside the packages of -p: libstdc++6 and libatomic1 are for this machine's Node and the addon.
TREE_PACKAGES=systemd,systemd-sysv,libpam-systemd,dbus,dbus-user-session,login,passwd,util-linux,procps,libstdc++6,libatomic1

# tree_directory SUITE [PACKAGE,…]: its name in the cache, another when this file changes
tree_directory() { echo "tree-$1-$({ echo "$2" && cat "$here/tree.sh"; } | sha256sum | head -c 16)"; }

make_tree() { # DIRECTORY, where it will be, SUITE, PACKAGE,…
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg left_out=()
  [ "$(id -u)" = 0 ] || fail "a Debian tree (-s) can only be made by root: its files belong to several users"
  local directory
  for directory in man doc locale info; do left_out+=("--dpkgopt=path-exclude=/usr/share/$directory/*"); done
  tell "making a Debian tree: $3${4:+ with $4} (about a minute, once)"
  mmdebstrap --quiet --variant=minbase --architectures=amd64 --include="$TREE_PACKAGES${4:+,$4}" "${left_out[@]}" \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Check-Valid-Until "false"' \
    "$3" - "deb [signed-by=$keys] $(mirror) $3 main" | tar -C "$1" --numeric-owner --exclude='./dev/*' -x
  rm -rf "$1"/etc/apt/sources.list* "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*
  slim_tree "$1"
  people_tree "$1"
}

# Every unit and generator costs a tenth of a second or more, and most are for machines with devices. Out goes all that a
# boot would pull in by itself, but for what makes /run and /tmp right; logind, dbus and the user managers come when asked.
slim_tree() {
  local units=$1/usr/lib/systemd/system off=$1/etc/systemd/system file
  rm -rf "$off"/*.wants
  mkdir -p "$off" "$1/etc/systemd/system-generators" "$1/etc/systemd/user-generators"
  for file in "$units"/{sysinit,local-fs,sockets,timers,multi-user,graphical}.target.wants/*; do
    case ${file##*/} in
      systemd-tmpfiles-setup.service | dbus.* | systemd-user-sessions.service | systemd-logind.service) ;;
      *) ln -sf /dev/null "$off/${file##*/}" ;;
    esac
  done
  # /tmp is to stay what it is, and nobody waits for modules or devices
  for file in tmp.mount modprobe@.service systemd-journald.service systemd-journald-audit.socket systemd-udevd.service; do
    ln -sf /dev/null "$off/$file"
  done
  for file in "$1"/usr/lib/systemd/{system,user}-generators/*; do
    [ ! -e "$file" ] || ln -sf /dev/null "$1/etc/systemd/$(basename "$(dirname "$file")")/${file##*/}"
  done
  touch "$1/etc/.updated" "$1/var/.updated"
}

# Two ordinary users, and the service that runs the job: init.c boots to it, and puts the job at /run/corral-vm.
people_tree() {
  chroot "$1" useradd --create-home --uid 2000 --shell /bin/bash tester
  chroot "$1" useradd --create-home --uid 2001 --shell /bin/bash visitor
  mkdir -p "$1/var/lib/systemd/linger" "$1"/etc/systemd/{logind,system}.conf.d
  # Who has logged out keeps a manager for ten seconds else, and who logs in five times in these gets none
  printf '[Login]\nUserStopDelaySec=0\n' >"$1/etc/systemd/logind.conf.d/corral-vm.conf"
  printf '[Manager]\nDefaultStartLimitIntervalSec=0\n' >"$1/etc/systemd/system.conf.d/corral-vm.conf"
  : >"$1/var/lib/systemd/linger/tester"
  echo corral-vm >"$1/etc/hostname"
  echo 0123456789abcdef0123456789abcdef >"$1/etc/machine-id"
  : >"$1/etc/fstab"
  cat >"$1/etc/systemd/system/corral-vm.service" <<'END'
[Unit]
DefaultDependencies=no
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate
Wants=basic.target dbus.service systemd-logind.service systemd-user-sessions.service user@2000.service
After=basic.target dbus.service systemd-logind.service systemd-user-sessions.service user@2000.service
[Service]
Type=exec
ExecStart=/bin/bash /run/corral-vm/stage2-systemd
StandardOutput=file:/dev/console
StandardError=file:/dev/console
END
}

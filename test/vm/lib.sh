# For the scripts beside this: messages, the cache, and packages of Debian's archive that are unpacked, not installed.

cache=${CORRAL_VM_CACHE:-$here/../../node_modules/.cache/corral/vm}
mkdir -p "$cache"
cache=$(realpath "$cache")

tell() { printf 'test/vm: %s\n' "$*" >&2; }

fail_with() {
  tell "${*:2}"
  exit "$1"
}

fail() { fail_with 125 "$@"; }

quoted() { [ $# = 0 ] || printf '%q ' "$@"; }

# The archive that this machine's own apt uses, if it is a Debian.
mirror() {
  local own
  own=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
  echo "${own:-http://deb.debian.org/debian}"
}

# Whose packages the functions below take: amd64 or arm64.
architecture=amd64

# For amd64 by the suite's name alone.
lists_of() { echo "$cache/apt/$1${architecture#amd64}"; }

# archive SUITE TOOL ARGUMENT…: apt-get or apt-cache on one suite, with lists of its own: the machine's stay as they are.
archive() {
  local suite=$1 tool=$2 lists
  lists=$(lists_of "$1")
  shift 2
  "$tool" -qq -o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$lists/lists" -o Dir::State::Status=/dev/null \
    -o Dir::Cache="$lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User= -o Acquire::Languages=none "$@"
}

open_archive() {
  local lists
  lists=$(lists_of "$1")
  mkdir -p "$lists/lists/partial" "$lists/archives/partial"
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [signed-by=$keys] $(mirror) $1 main" >"$lists/sources.list"
  archive "$1" apt-get update >&2
}

# unpack SUITE DIRECTORY PACKAGE…: after open_archive SUITE
unpack() {
  local suite=$1 directory=$2 package debs
  shift 2
  debs=$(mktemp -d "$cache/debs.XXXXXX")
  (cd "$debs" && archive "$suite" apt-get download "$@" >&2)
  for package in "$debs"/*.deb; do dpkg-deb -x "$package" "$directory"; done
  rm -r "$debs"
}

# once NAME FUNCTION ARGUMENT…: makes the directory NAME of the cache by a function that is given a directory to fill,
# unless it is there. One process at a time.
once() {
  local made=$cache/$1 fill=$2
  shift 2
  [ ! -e "$made" ] || return 0
  (
    flock 9
    [ ! -e "$made" ] || exit 0
    rm -rf "$made.new"
    mkdir -p "$made.new"
    "$fill" "$made.new" "$made" "$@"
    mv "$made.new" "$made"
  ) 9>"$cache/lock"
}

# The guest's pid 1.
make_init() {
  local compiler=cc
  [ "$architecture" = amd64 ] || compiler=aarch64-linux-gnu-gcc
  "$compiler" -O2 -static -Wall -Wextra -Werror -o "$1/init" "$here/init.c"
}
init_directory() { echo "init${architecture#amd64}-$(sha256sum <"$here/init.c" | head -c 16)"; }

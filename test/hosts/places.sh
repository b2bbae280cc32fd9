# The kinds of host on which people try Corral, for test/hosts/first-steps and samples/run: on this machine, and in guests of test/vm.

PACKAGES=podman,crun,uidmap,slirp4netns,fuse-overlayfs,passt,iproute2,iptables,ca-certificates
USER_ID=1234
# No directory that an ordinary user may not search: it makes "not found" into "permission denied"
SEARCHED=$(dirname "$(realpath "$(command -v node)")"):/usr/local/bin:/usr/bin:/bin
SLOW=(CORRAL_TEST_SLOWNESS=3 CORRAL_TEST_EMULATED=1)

as_user() { setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups "$@"; }

# in_guest OPTION… -- COMMAND…: with systemd, and podman
in_guest() { test/vm/run -s bookworm -p "$PACKAGES" -t 5400 "${SLOW[@]/#/-e}" "$@"; }

# What a guest starts a command with: in a service of the user tester
AS_SERVICE_OF_USER=(systemd-run --quiet --user -M tester@ --wait --pipe --working-directory="$PWD" "${SLOW[@]/#/--setenv=}")

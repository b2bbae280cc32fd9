# For the scripts beside this: vitest in a guest.

# in_guest RUN OPTION… -- ARGUMENT…: options of test/vm/run, arguments of vitest. The results, with that name, are in
# $results afterwards. $slowness is how many times slower the guest is than this machine, 3 if not set.
in_guest() {
  local run=$1 options=() stretch
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  stretch=$(node test/support/measure-slowness.mjs "${slowness:-3}")
  mkdir -p "$results"
  rm -f "$results/$run.json"
  # A guest is slow at some things, and has one CPU for payloads that take as many as there are.
  # The tests are in a leaf of the delegated cgroup: what they make belongs beside it.
  # (The usual config loader writes into node_modules, which is another user's.)
  test/vm/run -o "$results" -w build/test -e CORRAL_TEST_SLOWNESS="$stretch" -e CORRAL_TEST_EMULATED=1 -e CI="${CI:-}" \
    -e CORRAL_TEST_RESULTS="$results" -e CORRAL_TEST_RUN="$run" -e CORRAL_TEST_ROOT=/sys/fs/cgroup/vm/job \
    "${options[@]}" -- node node_modules/vitest/vitest.mjs run --configLoader runner "$@"
}

# As in_guest. A test that fails is run again, once, with its file, in a guest that starts anew: an emulated
# kernel on a busy machine has bad moments. Who passes only then is named by .ci/closing-line.mjs.
in_guest_twice() {
  local status=0 run=$1 failed
  in_guest "$@" || status=$?
  [ "$status" != 0 ] && [ -e "$results/$run.json" ] || return "$status"
  mapfile -t failed < <(node test/vm/again.mjs files "$results/$run.json")
  [ "${#failed[@]}" != 0 ] || return "$status"
  printf '\n== %s, again: %s\n' "$run" "${failed[*]}"
  shift
  status=0
  in_guest "$run-again" "$@" "${failed[@]}" || status=$?
  node test/vm/again.mjs merge "$results/$run.json" "$results/$run-again.json" || status=$?
  rm -f "$results/$run-again.json"
  return "$status"
}

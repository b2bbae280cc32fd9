# Outlives in sessions of its own: setsid(1), the first word of every recipe to keep something running. Each is in place
# once it has become the sleep, which it does behind setsid().
await_sleep() {
  until read -r name <"/proc/$1/comm" && [ "$name" = sleep ]; do :; done
}
setsid sleep 300 &
first=$!
setsid sleep 300 &
await_sleep $first
await_sleep $!
echo hidden
if [ "$1" = leave ]; then exit 0; fi
wait

# Outlives the polite request: ignores SIGTERM and whatever else ends a process by default. Ignored signals
# stay ignored over exec, so the sleeps, which know nothing of it, are immune too.
trap '' TERM HUP INT QUIT USR1 USR2 PIPE
sleep 300 &
sleep 300 &
echo hidden
if [ "$1" = leave ]; then exit 0; fi
exec sleep 300

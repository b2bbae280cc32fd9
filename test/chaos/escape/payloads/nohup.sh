# Outlives the terminal: nohup(1) has SIGHUP ignored and the output elsewhere, and ignored signals stay ignored over exec.
nohup sleep 300 </dev/null >/dev/null 2>&1 &
nohup sleep 300 </dev/null >/dev/null 2>&1 &
echo hidden
if [ "$1" = leave ]; then exit 0; fi
wait

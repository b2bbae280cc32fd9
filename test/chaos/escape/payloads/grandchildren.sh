# Outlives the parent, while the leader lives: the leader's child ends before its own children, so that no process is left
# that leads from the leader to them.
sh -c 'sleep 300 & sleep 300 &'
echo hidden
if [ "$1" = leave ]; then exit 0; fi
exec sleep 300

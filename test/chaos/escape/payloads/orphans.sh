# Outlives the leader, by nothing but being forgotten: background commands of a shell that ends before them.
sleep 30 &
sleep 30 &
sleep 30 &
echo hidden
if [ "$1" = leave ]; then exit 0; fi
wait

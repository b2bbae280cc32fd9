# Outlives the leader, by nothing but being forgotten: background commands of a shell that ends before them.
sleep 300 &
sleep 300 &
sleep 300 &
echo hidden
if [ "$1" = leave ]; then exit 0; fi
wait

# The stand-in agent's worker, in the place of the `claude` process: runs each line of its stdin as a shell
# command, in a session of its own as claude's Bash tool does, and answers with the exit status. A shell, so
# that the demo need not start twice as many Node processes.
while read -r command; do
  setsid sh -c "$command" >/dev/null 2>&1 </dev/null
  echo $?
done

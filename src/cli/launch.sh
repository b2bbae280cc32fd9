#!/usr/bin/env sh
':' /* For a shell all up to exec, for Node a comment.
# What Node changes before any of our code runs is noted here, for the command of `corral run` (src/cli/launched.ts):
# descriptors, signals that are ignored or blocked, the soft limit on open files, and variables that are meant for it.
{
  while read -r name value; do
    case $name in SigBlk:) blocked=$value ;; SigIgn:) ignored=$value ;; esac
  done </proc/$$/status
  while read -r max open files soft rest; do
    case "$open $files" in 'open files') limit=$soft ;; esac
  done </proc/$$/limits
  for fd in /proc/$$/fd/*; do
    fd=${fd#/proc/$$/fd/}
    [ "$fd" -gt 2 ] || continue
    while read -r name value; do # O_CLOEXEC is 02000000: such a one is the shell's own
      case $name$value in flags:*[2367]??????) ;; flags:*) fds="$fds $fd" ;; esac
    done </proc/$$/fdinfo/$fd
  done
  export CORRAL_LAUNCHED="$ignored $blocked $limit$fds"
} 2>/dev/null
for name in NODE_OPTIONS NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE; do
  eval "[ \"\${$name+set}\" ] && export CORRAL_LAUNCHED_$name=\"\$$name\" && unset $name"
done
exec node "$0" "$@"
*/
import './main.js'

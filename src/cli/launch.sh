#!/usr/bin/env sh
':' /* For a shell all up to exec, for Node a comment.
# What Node changes before any of our code runs is noted here, for the command of `corral run` (src/cli/launched.ts):
# descriptors, signals that are ignored or blocked, the soft limit on open files, and variables that are meant for it.
# A name that it uses is not one of the command's own variables: none but these begins with _corral.
_corral_fds= _corral_few=
{
  while read -r _corral _corral_to; do
    case $_corral in SigBlk:) _corral_blocked=$_corral_to ;; SigIgn:) _corral_ignored=$_corral_to ;; esac
  done </proc/$$/status
  while read -r _corral _corral_of _corral_what _corral_soft _corral_hard _corral_to; do
    case $_corral_of\ $_corral_what in 'open files') _corral_limit=$_corral_soft _corral_most=$_corral_hard ;; esac
  done </proc/$$/limits
  for _corral_fd in /proc/$$/fd/*; do
    _corral_fd=${_corral_fd#/proc/$$/fd/}
    [ "$_corral_fd" -gt 2 ] || continue
    while read -r _corral _corral_to; do # O_CLOEXEC is 02000000: such a one is the shell's own
      case $_corral$_corral_to in flags:*[2367]??????) ;; flags:*) _corral_fds="$_corral_fds $_corral_fd" ;; esac
    done </proc/$$/fdinfo/$_corral_fd
  done
  export CORRAL_LAUNCHED="$_corral_ignored $_corral_blocked $_corral_limit$_corral_fds"
  [ "$_corral_most" -lt 64 ] && _corral_few=$_corral_most # it may be "unlimited", and without /proc it is none
} 2>/dev/null
[ "$_corral_few" ] && echo "corral: RLIMIT_NOFILE is $_corral_few here, and Node with Corral needs 64: raise it (ulimit -n)" >&2 && exit 1
for _corral in NODE_OPTIONS NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE; do
  eval "[ \"\${$_corral+set}\" ] && export CORRAL_LAUNCHED_$_corral=\"\$$_corral\" && unset $_corral"
done
exec node "$0" "$@"
*/
require('./main.js')

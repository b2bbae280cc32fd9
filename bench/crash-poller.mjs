// What wrappers in the field do: stands beside the sessions, looks once a second whether its parent, the gateway, is
// still the same, and when it is not kills each session's process group.
//
//   node crash-poller.mjs PROCESS-GROUP…    prints "ready" once it watches

const INTERVAL_MS = 1000

const groups = process.argv.slice(2).map(Number)
if (groups.length === 0 || groups.some((group) => !(group > 1))) {
  console.error('usage: node crash-poller.mjs PROCESS-GROUP…')
  process.exit(2)
}

const gateway = process.ppid
const watch = setInterval(() => {
  if (process.ppid === gateway) return
  clearInterval(watch)
  for (const group of groups) process.kill(-group, 'SIGKILL')
}, INTERVAL_MS)
console.log('ready')

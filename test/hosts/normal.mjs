// What `corral doctor` prints, without what is another at each run or on each machine: those that say the same are then the same.

const VOLATILE = [
  [
    /^(host {9})[^,]*, Linux \S+ (\S+?)(?: \((.*)\))?, \S+ memory, Node \S+$/m,
    (_, label, arch, around = '') =>
      `${label}Linux ${arch}${around.replace(/^virtual(?:, )?/, '').replace(/(.+)/, ' ($1)')}`,
  ],
  [/^(warden {7}).*\/(corral-warden)$/m, '$1…/$2'],
  [/\b(run-u|session-c?)\d+(\.service|\.scope)/g, '$1N$2'],
  [/(libpod-)[0-9a-f]{64}/g, '$1ID'],
  [/(pidsMax )\d+( of )/g, '$1N$2'], // TasksMax= by default is a share of what the machine can have
  [/(has room: )\d+( watches)/, '$1N$2'],
  [/(\(this is )\d+\.\d+[^)]*\)/g, '$1…)'],
]

export function normal(text) {
  return VOLATILE.reduce((said, [what, by]) => said.replace(what, by), text).trimEnd()
}

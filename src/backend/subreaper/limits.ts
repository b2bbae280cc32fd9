// Limits without a cgroup: the watchdog enforces memoryMax, and nothing enforces the others.

export const HINT =
  "Run `corral doctor` to see why there are no cgroups here, or use enforcement: 'best-effort' (--best-effort) to run without the limit"

// Limits where no kernel holds them: the watchdog sees to memoryMax, nobody to the others.

export const HINT =
  "Sessions are held without cgroups here: `corral doctor` tells why, and enforcement: 'best-effort' (--best-effort) runs without"

// Limits where no kernel holds them: the watchdog sees to memoryMax, nobody to the others.

export const HINT =
  "Run `corral doctor` to see why there are no cgroups here, or use enforcement: 'best-effort' (--best-effort) to run without the limit"

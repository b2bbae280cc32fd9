// Limits where nobody holds any.

export const HINT =
  "Sessions are plain child processes here: enforcement: 'best-effort' runs them without limits"

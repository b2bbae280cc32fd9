// Limits where nothing enforces any.

export const HINT =
  "Use enforcement: 'best-effort' to run without limits: sessions are plain child processes here"

// A value as an error message shows it: short, and whatever it is.
export function quote(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null)
    return Symbol.iterator in value ? `a ${Object.prototype.toString.call(value).slice(8, -1)}` : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

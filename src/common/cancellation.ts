/** That something under way is not wanted any more. (An AbortSignal does the same, and costs a tenth of all that a spawn does.) */
export class Cancellation {
  #cancelled = false
  #heard: Set<() => void> | undefined

  get cancelled(): boolean {
    return this.#cancelled
  }

  cancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    for (const heard of this.#heard ?? []) heard()
  }

  /** Calls back once, at once where it is cancelled already, unless it is told by off() that this is over. */
  on(heard: () => void): void {
    if (this.#cancelled) heard()
    else {
      this.#heard ??= new Set()
      this.#heard.add(heard)
    }
  }

  off(heard: () => void): void {
    this.#heard?.delete(heard)
  }
}

// corral top: all sessions in a terminal, as they are now, and their end at a key.
import { emitKeypressEvents, type Key } from 'node:readline'
import type { HoldingChoice } from '../backend/facts.js'
import { InvalidArgumentError } from '../common/errors.js'
import { Observer } from '../observe/observer.js'
import { openScreen, type Screen, terminalSize } from './output.js'
import { type Order, rowsOf, screen, type TopState } from './top-screen.js'

export interface TopOptions {
  root?: string
  backend: HoldingChoice
  /** Milliseconds between two looks. */
  interval: number
  grace: number
}

const LEAST_INTERVAL_MS = 100
const ORDER_KEYS: Record<string, Order> = { m: 'memory', c: 'cpu', p: 'processes', t: 'tree' }

/** Until q or Ctrl-C. @throws InvalidArgumentError where there is no terminal, or of the interval. */
export async function top({ interval, grace, ...options }: TopOptions): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new InvalidArgumentError('corral top needs a terminal', {
      hint: 'Run `corral ls` to print the sessions once, or `corral ls --json` for programs',
    })
  if (!Number.isInteger(interval) || interval < LEAST_INTERVAL_MS)
    throw new InvalidArgumentError(
      `Invalid --interval: expected ${LEAST_INTERVAL_MS} ms or more, got ${interval}`,
    )
  await new Top(new Observer(options), openScreen(), interval, grace).run()
}

class Top {
  readonly #observer: Observer
  readonly #interval: number
  readonly #grace: number
  readonly #screen: Screen
  #state: TopState = {
    now: { at: Date.now(), instances: [] },
    before: undefined,
    order: 'tree',
    chosen: undefined,
    message: undefined,
  }
  /** The session whose end is to be confirmed. */
  #asked: { path: string; name: string } | undefined
  #quit: (error?: unknown) => void = () => undefined

  constructor(observer: Observer, screen: Screen, interval: number, grace: number) {
    this.#observer = observer
    this.#screen = screen
    this.#interval = interval
    this.#grace = grace
  }

  async run(): Promise<void> {
    const over = new Promise<void>((resolve, reject) => {
      this.#quit = (error) => (error === undefined ? resolve() : reject(error))
    })
    const onResize = () => {
      this.#screen.resized()
      this.#draw()
    }
    const onKey = (_: string, key: Key) => this.#onKey(key)
    const timer = setInterval(() => void this.#look(), this.#interval)
    emitKeypressEvents(process.stdin)
    process.stdin.setRawMode(true).on('keypress', onKey).resume()
    process.stdout.on('resize', onResize)
    process.once('SIGTERM', () => this.#quit()).once('SIGHUP', () => this.#quit())
    try {
      await this.#look()
      await over
    } finally {
      clearInterval(timer)
      process.stdout.off('resize', onResize)
      process.stdin.off('keypress', onKey).setRawMode(false).pause()
      this.#screen.done()
    }
  }

  async #look(): Promise<void> {
    try {
      const instances = await this.#observer.list('gauges')
      this.#state = { ...this.#state, now: { at: Date.now(), instances }, before: this.#state.now }
      this.#draw()
    } catch (error) {
      this.#quit(error)
    }
  }

  #draw(): void {
    this.#screen.draw(screen(this.#state, terminalSize()))
  }

  #show(change: Partial<TopState>): void {
    this.#state = { ...this.#state, ...change }
    this.#draw()
  }

  #onKey({ name = '', ctrl }: Key): void {
    const order = ORDER_KEYS[name]
    if (name === 'q' || (ctrl && (name === 'c' || name === 'd'))) this.#quit()
    else if (this.#asked) this.#answer(name === 'y')
    else if (order) this.#show({ order, message: undefined })
    else if (name === 'up') this.#choose(-1)
    else if (name === 'down') this.#choose(1)
    else if (name === 'k') this.#ask()
  }

  /** Moves the cursor; at first, or where its session has ended, to the first row. */
  #choose(by: number): void {
    const rows = rowsOf(this.#state)
    const at = rows.findIndex(({ session }) => session.path === this.#state.chosen)
    const next = at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))
    this.#show({ chosen: rows[next]?.session.path, message: undefined })
  }

  #ask(): void {
    const row = rowsOf(this.#state).find(({ session }) => session.path === this.#state.chosen)
    if (row?.session.group !== undefined) {
      const { key, path } = row.session
      this.#asked = { path, name: key ?? path }
    }
    this.#show({
      message: this.#asked
        ? `end ${this.#asked.name} with all its processes? y or n`
        : 'choose a session first',
    })
  }

  #answer(yes: boolean): void {
    const asked = this.#asked
    this.#asked = undefined
    this.#show({ message: undefined })
    if (yes && asked) void this.#end(asked)
  }

  async #end({ path, name }: { path: string; name: string }): Promise<void> {
    this.#show({ message: `ending ${name} …` })
    try {
      const [ended] = await this.#observer.kill({ path }, this.#grace)
      this.#show({ message: ended ? `${name}: gone (${ended.killed} killed)` : `${name}: had ended already` })
    } catch (error) {
      this.#show({ message: (error as Error).message })
    }
    await this.#look()
  }
}

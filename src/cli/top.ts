// corral top: all sessions in a terminal, as they are now, their processes, and their end at a key; or, in a batch, as lines.
import { emitKeypressEvents, type Key } from 'node:readline'
import type { HoldingChoice } from '../backend/facts.js'
import { setTimeout } from '../common/clock.js'
import { InvalidArgumentError } from '../common/errors.js'
import { Observer } from '../observe/observer.js'
import { asTree, processesOf } from '../observe/processes.js'
import { isDumb, openScreen, print, type Screen, terminalSize } from './output.js'
import { allOf, type Order, rowsOf, type TopState } from './top-rows.js'
import { roomOf, screen, sessionLines } from './top-screen.js'

export interface TopOptions {
  root?: string
  backend: HoldingChoice
  /** Milliseconds between two looks. */
  interval: number
  grace: number
  sort: Order
  filter: string
  /** Prints each look, and asks for no terminal. */
  batch: boolean
  /** How many looks; absent: until it is ended. */
  iterations?: number
}

const LEAST_INTERVAL_MS = 100
const ORDER_KEYS: Record<string, Order> = {
  ...{ m: 'memory', c: 'cpu', p: 'processes' },
  ...{ t: 'tree', o: 'peak', i: 'io' },
}
/** Looks that the trend is of. */
const LOOKS = 8

/** Until q, Ctrl-C or the last look. @throws InvalidArgumentError where there is no terminal, or of an option. */
export async function top({ interval, grace, batch, iterations, sort, filter, ...options }: TopOptions) {
  if (!Number.isInteger(interval) || interval < LEAST_INTERVAL_MS)
    throw new InvalidArgumentError(
      `Invalid --interval: expected ${LEAST_INTERVAL_MS} ms or more, got ${interval}`,
    )
  if (iterations !== undefined && (!Number.isInteger(iterations) || iterations < 1))
    throw new InvalidArgumentError(`Invalid --iterations: expected 1 or more, got ${iterations}`)
  if (!batch && (!process.stdin.isTTY || !process.stdout.isTTY || isDumb()))
    throw new InvalidArgumentError('corral top needs a terminal', {
      hint: 'Run `corral top --batch` to print what it shows, `corral ls` for the sessions alone, or `corral ls --json` for programs',
    })
  const sights = new Sights(new Observer(options), sort, filter)
  if (batch) await printAll(sights, interval, iterations)
  else await new Top(sights, openScreen(), interval, grace, iterations).run()
}

async function printAll(sights: Sights, interval: number, iterations = Number.POSITIVE_INFINITY) {
  for (let look = 1; ; look++) {
    await sights.look()
    const columns = process.stdout.isTTY ? terminalSize().columns : Number.POSITIVE_INFINITY
    const { state } = sights
    print([...sessionLines(state, rowsOf(state), columns).map(({ text }) => text), ''])
    if (look >= iterations) return
    await new Promise((resolve) => void setTimeout(resolve, interval))
  }
}

/** What was seen, look by look. */
class Sights {
  readonly observer: Observer
  state: TopState

  constructor(observer: Observer, order: Order, filter: string) {
    this.observer = observer
    this.state = {
      now: { at: Date.now(), instances: [] },
      before: undefined,
      order,
      filter,
      chosen: undefined,
      memory: new Map(),
      message: undefined,
    }
  }

  async look(): Promise<void> {
    const instances = await this.observer.list('gauges')
    const { state } = this
    const now = { at: Date.now(), instances }
    const memory = new Map(
      allOf(now).map(({ path, group }) => {
        const before = state.memory.get(path) ?? []
        return [path, [...before, group?.usage.memoryBytes ?? 0].slice(-LOOKS)] as const
      }),
    )
    this.state = { ...this.state, now, before: state.now, memory }
  }

  /** The processes of the session of that path; none where it is over. */
  async processesAt(path: string) {
    const [session] = await this.observer.find({ path })
    return { at: Date.now(), processes: session ? asTree(await processesOf(session)) : [] }
  }
}

class Top {
  readonly #sights: Sights
  readonly #interval: number
  readonly #grace: number
  readonly #screen: Screen
  /** How many more looks. */
  #left: number
  /** The session whose end is to be confirmed. */
  #asked: { path: string; name: string } | undefined
  /** The session whose processes are shown. */
  #opened: string | undefined
  /** Whether a filter is being typed. */
  #typing = false
  #quit: (error?: unknown) => void = () => undefined

  constructor(
    sights: Sights,
    screen: Screen,
    interval: number,
    grace: number,
    iterations = Number.POSITIVE_INFINITY,
  ) {
    this.#sights = sights
    this.#screen = screen
    this.#interval = interval
    this.#grace = grace
    this.#left = iterations
  }

  get #state(): TopState {
    return this.#sights.state
  }

  async run(): Promise<void> {
    const over = new Promise<void>((resolve, reject) => {
      this.#quit = (error) => (error === undefined ? resolve() : reject(error))
    })
    const onResize = () => {
      this.#screen.resized()
      this.#draw()
    }
    const onKey = (text: string | undefined, key: Key) => this.#onKey(text ?? '', key)
    const onContinue = () => {
      this.#take()
      this.#draw()
    }
    const timer = setInterval(() => void this.#look(), this.#interval)
    emitKeypressEvents(process.stdin)
    process.stdin.on('keypress', onKey)
    process.stdout.on('resize', onResize)
    process.on('SIGCONT', onContinue)
    process.once('SIGTERM', () => this.#quit()).once('SIGHUP', () => this.#quit())
    this.#take()
    try {
      await this.#look()
      await over
    } finally {
      clearInterval(timer)
      process.off('SIGCONT', onContinue)
      process.stdout.off('resize', onResize)
      process.stdin.off('keypress', onKey)
      this.#giveBack()
    }
  }

  #take(): void {
    process.stdin.setRawMode(true).resume()
    this.#screen.take()
  }

  #giveBack(): void {
    process.stdin.setRawMode(false).pause()
    this.#screen.giveBack()
  }

  /** As the terminal would do it, to all of its foreground group. */
  #stop(): void {
    this.#giveBack()
    process.kill(0, 'SIGTSTP')
  }

  async #look(): Promise<void> {
    try {
      await this.#sights.look()
      if (this.#opened !== undefined) await this.#lookInto(this.#opened)
      this.#draw()
      if (--this.#left <= 0) this.#quit()
    } catch (error) {
      this.#quit(error)
    }
  }

  async #lookInto(path: string): Promise<void> {
    const now = await this.#sights.processesAt(path)
    const { instead } = this.#state
    if (this.#opened !== path) return // it was closed meanwhile
    const { key } = allOf(this.#state.now).find((session) => session.path === path) ?? {}
    const shown = typeof instead === 'object' ? instead : undefined
    const name = key ?? shown?.name ?? path
    this.#show({ instead: { name, now, before: shown?.now, first: shown?.first ?? 0 } })
  }

  #draw(): void {
    this.#screen.draw(screen(this.#state, terminalSize()))
  }

  #show(change: Partial<TopState>): void {
    this.#sights.state = { ...this.#state, ...change }
    this.#draw()
  }

  #onKey(text: string, key: Key): void {
    const { name = '', ctrl } = key
    if (ctrl && (name === 'c' || name === 'd')) this.#quit()
    else if (ctrl && name === 'z') this.#stop()
    else if (this.#typing) this.#onTyped(text, key)
    else if (name === 'q') this.#quit()
    else if (this.#asked) this.#answer(name === 'y')
    else if (this.#state.instead === 'help') this.#back()
    else if (this.#state.instead) this.#onProcessKey(name)
    else this.#onSessionKey(text, name)
  }

  #onSessionKey(text: string, name: string): void {
    const page = roomOf(terminalSize())
    const order = ORDER_KEYS[name]
    if (order) this.#show({ order, message: undefined })
    else if (name === 'up') this.#choose(-1)
    else if (name === 'down') this.#choose(1)
    else if (name === 'pageup') this.#choose(-page)
    else if (name === 'pagedown') this.#choose(page)
    else if (name === 'home') this.#choose(Number.NEGATIVE_INFINITY)
    else if (name === 'end') this.#choose(Number.POSITIVE_INFINITY)
    else if (name === 'k') this.#ask()
    else if (name === 'return') this.#open()
    else if (name === 'h' || text === '?') this.#show({ instead: 'help', message: undefined })
    else if (text === '/') this.#type('')
    else if (name === 'escape') this.#show({ filter: '', message: undefined })
  }

  #onProcessKey(name: string): void {
    const { instead } = this.#state
    if (typeof instead !== 'object') return
    const page = roomOf(terminalSize())
    const steps: Record<string, number> = { up: -1, down: 1, pageup: -page, pagedown: page }
    const by = steps[name]
    if (by !== undefined) {
      const last = Math.max(0, instead.now.processes.length - page)
      this.#show({ instead: { ...instead, first: Math.max(0, Math.min(last, instead.first + by)) } })
    } else if (name === 'escape' || name === 'return' || name === 'backspace') this.#back()
  }

  #back(): void {
    this.#opened = undefined
    const { instead: _, ...state } = this.#state
    this.#sights.state = state
    this.#screen.resized()
    this.#draw()
  }

  /** A filter holds while it is typed. */
  #type(filter: string): void {
    this.#typing = true
    this.#show({ filter, message: `filter: ${filter}_` })
  }

  #onTyped(text: string, { name = '' }: Key): void {
    const { filter } = this.#state
    if (name === 'backspace') this.#type([...filter].slice(0, -1).join(''))
    else if (name === 'return' || name === 'escape') {
      this.#typing = false
      this.#show({ filter: name === 'escape' ? '' : filter, message: undefined })
    } else if (/^[^\p{Cc}]+$/u.test(text)) this.#type(filter + text)
  }

  /** Moves the cursor; at first, or where its session has ended, to the first row. */
  #choose(by: number): void {
    const rows = rowsOf(this.#state)
    const at = rows.findIndex(({ session }) => session.path === this.#state.chosen)
    const next = at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))
    this.#show({ chosen: rows[next]?.session.path, message: undefined })
  }

  /** The session that the cursor is on; that is said where it is on none. */
  #chosen(): { path: string; name: string } | undefined {
    const row = rowsOf(this.#state).find(({ session }) => session.path === this.#state.chosen)
    if (row?.session.group === undefined) {
      this.#show({ message: 'choose a session first' })
      return undefined
    }
    const { key, path } = row.session
    return { path, name: key ?? path }
  }

  #open(): void {
    const chosen = this.#chosen()
    if (!chosen) return
    this.#opened = chosen.path
    void this.#lookInto(chosen.path).catch((error) => this.#quit(error))
  }

  #ask(): void {
    this.#asked = this.#chosen()
    if (this.#asked) this.#show({ message: `end ${this.#asked.name} with all its processes? y or n` })
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
      const [ended] = await this.#sights.observer.kill({ path }, this.#grace)
      this.#show({ message: ended ? `${name}: gone (${ended.killed} killed)` : `${name}: had ended already` })
    } catch (error) {
      this.#show({ message: (error as Error).message })
    }
    await this.#look()
  }
}

// A program in a terminal, as somebody in front of it sees it: a pty, and the emulator that other terminals are made of.
import xterm from '@xterm/headless'
import { spawn } from 'node-pty'
import { eventually } from './eventually.js'

/**
 * The program is killed, should it still run, when the terminal is disposed of.
 * @param {string} command
 * @param {string[]} args
 */
export function openTerminal(command, args, columns = 100, rows = 12) {
  const emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  const pty = spawn(command, args, { cols: columns, rows, name: 'xterm-256color' })
  let over = false
  /** @type {Promise<{ exitCode: number, signal?: number }>} */
  const exited = new Promise((resolve) => {
    pty.onExit((how) => {
      over = true
      resolve(how)
    })
  })
  pty.onData((data) => emulator.write(data))
  const lineAt = (line) => emulator.buffer.active.getLine(emulator.buffer.active.baseY + line)
  const lines = () =>
    Array.from({ length: emulator.rows }, (_, line) => lineAt(line)?.translateToString().trimEnd() ?? '')
  return {
    /** Without spaces at their ends. */
    lines,
    /** How a line begins. @param {number} line */
    styleOf: (line) => {
      const cell = lineAt(line)?.getCell(0)
      return { inverse: Boolean(cell?.isInverse()), bold: Boolean(cell?.isBold()) }
    },
    /** The parts of a line that look alike: in which column each begins and how many it takes. @param {number} line */
    partsOf: (line) => {
      const shown = lineAt(line)
      const parts = []
      for (let column = 0; column < emulator.cols; column++) {
        const cell = shown?.getCell(column)
        if (!cell || cell.getWidth() === 0) continue // the second half of a wide one
        const style = {
          colour: cell.isFgPalette() ? cell.getFgColor() : -1,
          bold: Boolean(cell.isBold()),
          dim: Boolean(cell.isDim()),
          inverse: Boolean(cell.isInverse()),
        }
        const last = parts.at(-1)
        const text = cell.getChars() || ' '
        if (
          last &&
          JSON.stringify(last.style) === JSON.stringify(style) &&
          cell.getWidth() === 1 &&
          last.narrow
        ) {
          last.text += text
          last.columns++
        } else parts.push({ column, columns: cell.getWidth(), text, style, narrow: cell.getWidth() === 1 })
      }
      return parts
    },
    /** In which column a word begins that stands once in a line; -1: nowhere. @param {number} line @param {string} word */
    columnOf: (line, word) => {
      const shown = lineAt(line)
      const from = (column) => shown?.translateToString(true, column, column + word.length)
      return Array.from({ length: emulator.cols }, (_, column) => from(column)).indexOf(word)
    },
    /** @param {string} keys */
    type: (keys) => pty.write(keys),
    /** @param {number} wide @param {number} high */
    resize: (wide, high) => {
      emulator.resize(wide, high)
      pty.resize(wide, high)
    },
    /** Waits until a line fits, and gives its number. @param {RegExp} pattern */
    shows: async (pattern) => {
      const find = () => lines().findIndex((text) => pattern.test(text))
      const found = await eventually(`${pattern} is shown`, () => find() + 1, { instead: lines })
      return found - 1
    },
    exited,
    /** @param {NodeJS.Signals} signal */
    signal: (signal) => pty.kill(signal),
    [Symbol.dispose]: () => {
      if (!over) pty.kill('SIGKILL')
      emulator.dispose()
    },
  }
}

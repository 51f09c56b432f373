// A real terminal (pty) with one program in it, and what a person sees there: carriage returns, erased
// lines and cursor moves are carried out, colours are kept apart. Wide enough that nothing wraps.
import { spawn } from '@lydell/node-pty'
import { setTimeout as sleep } from 'node:timers/promises'

export type Terminal = {
  /** Lines as they stand now, without colours. */
  screen(): string
  /** Everything that was ever written, with its control sequences. */
  raw(): string
  type(text: string): void
  /** @throws Error with the screen, when it does not show `text` in time */
  untilShown(text: string | RegExp, withinMs?: number): Promise<void>
  readonly exited: Promise<number>
  readonly pid: number
}

export type TerminalOptions = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

const columns = 1000

export function openTerminal(
  program: string,
  args: readonly string[],
  { env, cwd = process.cwd() }: TerminalOptions,
): Terminal {
  const pty = spawn(program, [...args], { name: 'xterm', cols: columns, rows: 50, cwd, env })
  let raw = ''
  let isOver = false
  pty.onData((text) => {
    raw += text
  })
  const exited = new Promise<number>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      isOver = true
      resolve(exitCode !== 0 || !signal ? exitCode : 128 + signal)
    })
  })
  const screen = () => drawn(raw)
  return {
    screen,
    raw: () => raw,
    type: (text) => pty.write(text),
    async untilShown(text, withinMs = 20_000) {
      const deadline = performance.now() + withinMs
      const shown = () => (typeof text === 'string' ? screen().includes(text) : text.test(screen()))
      while (!shown()) {
        if (isOver || performance.now() > deadline) {
          throw new Error(`the terminal does not show ${text}:\n${screen()}`)
        }
        await sleep(20)
      }
    },
    exited,
    pid: pty.pid,
  }
}

/** The text on the screen after everything in `raw` was carried out. */
export function drawn(raw: string): string {
  let lines: string[] = ['']
  let row = 0
  let column = 0
  const put = (text: string): void => {
    const line = (lines[row] ?? '').padEnd(column)
    lines[row] = line.slice(0, column) + text + line.slice(column + text.length)
    column += text.length
  }
  // oxlint-disable-next-line no-control-regex -- these are what a terminal is told by
  for (const [part] of raw.matchAll(/\u001B\[[0-9;?]*[A-Za-z]|\r|\n|[^\u001B\r\n]+|\u001B/g)) {
    const kind = part.startsWith('\u001B[') ? part.slice(-1) : part
    const count = Number(/\d+/.exec(part)?.[0] ?? Number.NaN)
    switch (kind) {
      case '\r':
        column = 0
        break
      case '\n':
        row += 1
        lines[row] ??= ''
        break
      case 'G':
        column = (count || 1) - 1
        break
      case 'A':
        row = Math.max(0, row - (count || 1))
        break
      case 'K':
        lines[row] = count === 2 ? '' : (lines[row] ?? '').slice(0, column)
        break
      case 'J':
        if (count === 2) lines = ['']
        else lines = [...lines.slice(0, row), (lines[row] ?? '').slice(0, column)]
        if (count === 2) row = column = 0
        break
      case 'H':
        row = column = 0
        break
      default:
        // the rest is colours and text
        if (!part.startsWith('\u001B')) put(part)
    }
  }
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()
}

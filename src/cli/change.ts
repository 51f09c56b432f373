// How a command changes something: show what will change and who loses access, let the server say no in
// a dry run, ask, write once, and watch until the effect is proven. Ctrl-C before the write changes
// nothing; after it, the operator goes on alone, and this is said.

import { createInterface } from 'node:readline/promises'
import { DeadlineError, sleep } from '../runtime/index.ts'
import { Failure } from './failures.ts'
import { printable, toned } from './output.ts'
import { note, say, type Session } from './session.ts'

export type ChangeOptions = {
  readonly yes?: boolean
  /** Default true: come back with the proof. */
  readonly wait: boolean
  readonly timeoutMs: number
}

export type Change = {
  readonly scope: string
  /** What the change is, as a sentence. */
  readonly title: string
  /** What will be other than now. */
  readonly lines: readonly string[]
  /** Who will not be able to enter any more. */
  readonly loses: readonly string[]
  readonly write: (dryRun: boolean) => Promise<unknown>
  /** `undefined`: the write itself is the effect. */
  readonly proof?: () => Promise<Progress>
}

export type Progress =
  | { readonly state: 'proven'; readonly says: string }
  | { readonly state: 'waiting'; readonly says: string }
  | { readonly state: 'nothing'; readonly says: string }

export async function carryOut(
  session: Session,
  change: Change,
  options: ChangeOptions,
): Promise<void> {
  say(session, change.scope)
  note(session, change.title)
  for (const line of change.lines) note(session, `  ${line}`)
  const { colours } = session.screen
  const nobody = change.loses.length === 0
  const loses = nobody ? 'Nobody loses access.' : `Loses access: ${change.loses.join(', ')}.`
  note(session, loses)
  await change.write(true)
  if (options.yes !== true) await ask(session)
  await change.write(false)
  if (!options.wait || !change.proof) {
    note(session, change.proof ? 'Written. The operator carries it out.' : 'Written.')
    return
  }
  const says = await watch(session, change.proof, options.timeoutMs)
  session.screen.err.write(`${colours.err ? toned(says, 'green') : says}\n`)
}

/** @throws Failure unless the person says yes */
export async function ask(session: Session): Promise<void> {
  const { signal, screen } = session
  if (!screen.live) throw new Failure('NOBODY_TO_ASK', 'Nobody is there to be asked.')
  const lines = createInterface({ input: screen.in, output: screen.err })
  const stop = new AbortController()
  // The terminal is read raw meanwhile: Ctrl-C comes as a key and not as a signal, Ctrl-D as an end.
  lines.once('SIGINT', () => stop.abort())
  lines.once('close', () => stop.abort())
  try {
    const said = await lines.question('Go on? [y/N] ', {
      signal: AbortSignal.any([signal, stop.signal]),
    })
    if (!/^y(es)?$/i.test(said.trim())) throw new Failure('DECLINED', 'Nothing was changed.')
  } catch (error) {
    if (error instanceof Failure) throw error
    screen.err.write('\n')
    throw new Failure('STOPPED', 'Stopped. Nothing was changed.', { cause: error })
  } finally {
    lines.close()
  }
}

const lookEveryMs = 300

async function watch(
  { signal, screen }: Session,
  proof: () => Promise<Progress>,
  timeoutMs: number,
): Promise<string> {
  const deadline = performance.now() + timeoutMs
  let shown = ''
  const tell = (text: string): void => {
    const says = printable(text)
    if (says === shown) return
    // On a terminal one line that changes; anywhere else one line per change.
    screen.err.write(screen.live ? `\r\u001B[2K${says.slice(0, 150)}` : `${says}\n`)
    shown = says
  }
  const endLine = (): void => {
    if (screen.live && shown !== '') screen.err.write('\r\u001B[2K')
  }
  try {
    for (;;) {
      const progress = await look(proof)
      if (progress.state === 'proven') return progress.says
      if (progress.state === 'nothing') {
        throw new Failure('GIVES_NOTHING', `Written, but it gives nothing. ${progress.says}`)
      }
      tell(`Waiting: ${progress.says}`)
      if (performance.now() > deadline) {
        throw new Failure(
          'NOT_IN_TIME',
          `Written, but not proven within ${timeoutMs / 1000} s. ${progress.says}`,
        )
      }
      await sleep(signal, lookEveryMs)
    }
  } catch (error) {
    if (!signal.aborted) throw error
    throw new Failure(
      'STOPPED',
      'Stopped watching. The change is written, and the operator carries it out.',
      { cause: error },
    )
  } finally {
    endLine()
  }
}

/** A lost connection while watching is no failed change. */
async function look(proof: () => Promise<Progress>): Promise<Progress> {
  try {
    return await proof()
  } catch (error) {
    const lost = error instanceof DeadlineError || Reflect.get(Object(error), 'code') !== undefined
    if (!lost || error instanceof Failure) throw error
    return { state: 'waiting', says: 'the API server does not answer at the moment.' }
  }
}

/** `90s`, `15m`, `8h`, `14d` in ms. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? '']
  if (amount === undefined || ms === undefined || Number(amount) === 0) {
    throw new Failure('WRONG_USE', `${text} is no duration. Write 90s, 15m, 8h or 14d.`)
  }
  return Number(amount) * ms
}

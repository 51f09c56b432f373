// What processes cost, from /proc: CPU time, memory now and at its highest, and how much of the machine
// others used meanwhile. Linux counts in ticks of 10 ms, so a block must be long enough to count.
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { sum } from './statistics.ts'

const msPerTick = 10 // USER_HZ is 100 on every Linux that Node runs on

export type Pids = Readonly<Record<string, number>>

export type Usage = {
  /** CPU-ms by process. */
  readonly cpuMs: Readonly<Record<string, number>>
  readonly wallMs: number
  /** Share of all cores that went to processes which are not ours, and to other virtual machines. */
  readonly foreign: number
  readonly stolen: number
}

type Sample = {
  readonly at: number
  readonly cpuMs: Readonly<Record<string, number>>
  readonly busyMs: number
  readonly stolenMs: number
}

/** Starts to count; the function that comes back tells what was used until it is called. */
export async function startMeter(pids: Pids): Promise<() => Promise<Usage>> {
  const before = await sample(pids)
  return async () => {
    const after = await sample(pids)
    const wallMs = after.at - before.at
    const cpuMs = Object.fromEntries(
      Object.entries(after.cpuMs).map(([name, ms]) => [name, ms - (before.cpuMs[name] ?? 0)]),
    )
    const all = wallMs * availableParallelism()
    const others = after.busyMs - before.busyMs - sum(Object.values(cpuMs))
    return {
      cpuMs,
      wallMs,
      foreign: Math.max(0, others / all),
      stolen: Math.max(0, (after.stolenMs - before.stolenMs) / all),
    }
  }
}

/** More than this of the machine gone to others, and a block says more about them than about us. */
export function isDisturbed({ foreign, stolen }: Usage): boolean {
  return foreign > 0.1 || stolen > 0.02
}

async function sample(pids: Pids): Promise<Sample> {
  const [machine, ...each] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    ...Object.entries(pids).map(
      async ([name, pid]) =>
        [name, name === 'postgres' ? await cpuOfTree(pid) : await cpuOf(pid)] as const,
    ),
  ])
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (
    machine.split('\n', 1)[0] ?? ''
  )
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return {
    at: performance.now(),
    cpuMs: Object.fromEntries(each),
    busyMs: (user + nice + system + irq + softirq) * msPerTick,
    stolenMs: steal * msPerTick,
  }
}

/** 0 of a process that is gone. */
async function cpuOf(pid: number, withReaped = false): Promise<number> {
  const fields = (await textOf(`/proc/${pid}/stat`)).split(') ').at(-1)?.split(' ') ?? []
  const [user, system, reapedUser, reapedSystem] = fields.slice(11, 15).map(Number)
  const reaped = withReaped ? (reapedUser ?? 0) + (reapedSystem ?? 0) : 0
  return ((user ?? 0) + (system ?? 0) + reaped) * msPerTick
}

/** PostgreSQL works in children of the postmaster: those that live, and those that it has buried. */
async function cpuOfTree(pid: number): Promise<number> {
  const children = (await textOf(`/proc/${pid}/task/${pid}/children`)).trim().split(' ')
  const living = await Promise.all(children.map((child) => cpuOf(Number(child))))
  return (await cpuOf(pid, true)) + sum(living)
}

export type Memory = { readonly residentMiB: number; readonly highestMiB: number }

export async function memoryOf(pid: number): Promise<Memory> {
  const status = await textOf(`/proc/${pid}/status`)
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? NaN) / 1024
  return { residentMiB: mib('VmRSS'), highestMiB: mib('VmHWM') }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return '' // it ended between two looks
  }
}

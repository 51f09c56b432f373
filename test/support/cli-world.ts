// Two partners, four customers and one person of each kind, for tests of the command: each person has a
// kubeconfig with an own client certificate, and works in a real terminal.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { parse, stringify } from 'yaml'
import { runCommandLine } from '../../src/cli/command-line.ts'
import { customer, grant, member, partner } from './manifests.ts'
import { openTerminal, type Terminal } from './terminal.ts'
import { field, startWorld, type World, type WorldOptions } from './world.ts'

/** Whose person each is; the platform is nobody's. */
export const persons = {
  platform: ['admin', undefined],
  'partner SuperAdmin': ['nordic:paul', 'partner-nordic'],
  'partner Admin': ['nordic:anna', 'partner-nordic'],
  technician: ['nordic:tina', 'partner-nordic'],
  'partner User': ['nordic:pia', 'partner-nordic'],
  'customer SuperAdmin': ['sara@acme.example', 'customer-acme'],
  'customer Admin': ['adam@acme.example', 'customer-acme'],
  'customer Viewer': ['vera@acme.example', 'customer-acme'],
  stranger: ['eve@nowhere.example', undefined],
} as const satisfies Readonly<Record<string, readonly [string, string | undefined]>>

export type Who = keyof typeof persons

export type Ended = {
  readonly code: number
  readonly screen: string
  readonly raw: string
}

export type CliWorld = AsyncDisposable & {
  readonly world: World
  /** A copy for this person alone; contexts may be written into it. */
  kubeconfig(who: Who): Promise<string>
  /** In a terminal of its own, to its end. */
  run(who: Who, args: readonly string[], options?: RunOptions): Promise<Ended>
  open(who: Who, args: readonly string[], options?: RunOptions): Promise<Terminal>
  /** In this process, with streams in place of a terminal: for where many commands count more than the terminal. */
  runHere(
    who: Who,
    args: readonly string[],
    options?: Pick<RunOptions, 'answers' | 'kubeconfig'>,
  ): Promise<Omit<Ended, 'raw'>>
}

export type RunOptions = {
  /** Typed when the question is asked. */
  readonly answers?: string
  /** Default: a fresh one of this person. */
  readonly kubeconfig?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const program = resolve('src/cli/main.ts')

export async function startCliWorld(options: WorldOptions = {}): Promise<CliWorld> {
  const world = await startWorld({ postgres: false, ...options })
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-cli-'))
  try {
    await makePeople(world, options.postgres === true)
  } catch (error) {
    await world[Symbol.asyncDispose]()
    throw error
  }
  const made = new Map<Who, Promise<string>>()
  let copies = 0
  const kubeconfig = async (who: Who) => {
    const first = made.get(who) ?? kubeconfigOf(world, who)
    made.set(who, first)
    const copy = join(directory, `${(copies += 1)}.kubeconfig`)
    await writeFile(copy, await first, { mode: 0o600 })
    return copy
  }
  const open: CliWorld['open'] = async (who, args, how = {}) =>
    openTerminal(process.execPath, ['--no-warnings', program, ...args], {
      ...(how.cwd !== undefined && { cwd: how.cwd }),
      env: {
        ...process.env,
        PATH: [dirname(world.platform.plane.kubectl), process.env['PATH']].join(delimiter),
        KUBECONFIG: how.kubeconfig ?? (await kubeconfig(who)),
        ...how.env,
      },
    })
  return {
    world,
    kubeconfig,
    open,
    async run(who, args, how = {}) {
      const terminal = await open(who, args, how)
      if (how.answers !== undefined) {
        await terminal.untilShown('[y/N]')
        terminal.type(how.answers)
      }
      const code = await terminal.exited
      return { code, screen: terminal.screen(), raw: terminal.raw() }
    },
    async runHere(who, args, how = {}) {
      const KUBECONFIG = how.kubeconfig ?? (await kubeconfig(who))
      let screen = ''
      const shown = () => Object.assign(new PassThrough(), { isTTY: true, columns: 1000 })
      const [stdin, stdout, stderr] = [shown(), shown(), shown()]
      stdout.on('data', (text: Buffer) => (screen += text.toString()))
      stderr.on('data', (text: Buffer) => {
        screen += text.toString()
        if (text.toString().includes('[y/N]')) stdin.write(how.answers ?? '')
      })
      const { signal } = new AbortController()
      const env = { ...process.env, KUBECONFIG, NO_COLOR: '1' }
      const code = await runCommandLine(signal, args, { stdin, stdout, stderr, env })
      return { code, screen }
    },
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function kubeconfigOf({ platform: { plane } }: World, who: Who): Promise<string> {
  const [user, namespace] = persons[who]
  const file = who === 'platform' ? plane.kubeconfig : await plane.kubeconfigFor(user)
  const config: { contexts: { context: Record<string, string> }[] } = parse(
    await readFile(file, 'utf8'),
  )
  const [first] = config.contexts
  if (first && namespace !== undefined) first.context['namespace'] = namespace
  return stringify(config)
}

async function makePeople(world: World, withDatabase: boolean): Promise<void> {
  const none = { database: { enabled: false } }
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: ['nordic:paul'] }),
    partner('iberia', { usernames: { prefix: 'iberia:' }, owners: ['iberia:ines'] }),
    customer('acme', {
      displayName: 'Acme Manufacturing',
      domain: 'acme.example',
      owners: ['sara@acme.example'],
      database: { enabled: withDatabase },
    }),
    customer('acme-a', { displayName: 'Acme Plant A', parentRef: { name: 'acme' }, ...none }),
    customer('gamma', {
      displayName: 'Gamma Foods',
      domain: 'gamma.example',
      owners: ['sven@gamma.example'],
      partner: { partnerRef: { name: 'nordic' }, relationship: 'Managed' },
      ...none,
    }),
    customer('globex', {
      displayName: 'Globex Energy',
      partner: { partnerRef: { name: 'iberia' }, relationship: 'Managed' },
      ...none,
    }),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return ['partner-nordic', 'customer-acme-a', 'customer-acme'].every((name) =>
      stdout.includes(`/${name}\n`),
    )
  })
  await world.apply(
    member('partner-nordic', 'nordic:anna', 'Admin'),
    member('partner-nordic', 'nordic:tina', 'User'),
    member('partner-nordic', 'nordic:pia', 'User'),
    member('customer-acme', 'adam@acme.example', 'Admin'),
    member('customer-acme', 'vera@acme.example', 'Viewer'),
    grant('acme', 'nordic', {
      access: {
        mode: 'Period',
        notBefore: '2026-01-01T00:00:00Z',
        notAfter: '2036-01-01T00:00:00Z',
      },
      technicians: [{ name: 'nordic:tina' }, { name: 'nordic:gone' }],
    }),
  )
  await world.until(
    'everybody is in and proven',
    async () => {
      const inside = ['nordic:tina', 'adam@acme.example', 'vera@acme.example', 'sara@acme.example']
      const answers = await Promise.all([
        ...inside.map((person) => world.can(person, 'get', 'pods', 'customer-acme')),
        world.can('sara@acme.example', 'get', 'pods', 'customer-acme-a'),
        world.can('nordic:anna', 'patch', 'partneraccessgrants.tenantry.dev', 'customer-acme'),
      ])
      const names = ['acme', 'acme-a', 'gamma', 'globex']
      const ready = await Promise.all(
        names.map((name) => world.condition({ kind: 'corg', name }, 'Ready')),
      )
      const proven = await world.condition(
        { kind: 'pag', name: 'partner', namespace: 'customer-acme' },
        'Active',
      )
      return [
        ...answers,
        proven === 'True/Active',
        ...ready.map((one) => one === 'True/Ready'),
      ].every(Boolean)
    },
    90_000,
  )
}

/** Every device of acme whose id begins so, as often as an assignment names it. */
export async function assignedToAcme(
  { world }: CliWorld,
  prefix: string,
): Promise<readonly string[]> {
  const { stdout } = await world.kubectl('get', 'devas', '-n', 'customer-acme', '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
  return (Array.isArray(items) ? items : [])
    .flatMap((item) => field(item, 'spec', 'devices'))
    .map((device) => String(field(device, 'id')))
    .filter((id) => id.startsWith(prefix))
}

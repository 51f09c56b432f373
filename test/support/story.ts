// People at work, for walks from the first step of a story to its last. Each signs in with a client certificate of
// their own, with kubectl, `kubectl tenantry` and a login in PostgreSQL: what one of them is told is what a user is told.
import { randomUUID } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { Client } from 'pg'
import { parse, stringify } from 'yaml'
import { runCommand, type CommandResult } from '../../tools/control-plane/command.ts'
import { field, startWorld, type World, type WorldOptions } from './world.ts'

export type Person = {
  readonly name: string
  /**
   * Runs `kubectl <line>`; manifests go in by `-f -`.
   * @param line words between single spaces
   * @returns what it prints
   * @throws when it is refused or fails
   */
  readonly does: (line: string, ...manifests: readonly object[]) => Promise<string>
  /**
   * The same for what the person may not do.
   * @returns what the refusal says
   * @throws when it is carried out
   */
  readonly isRefused: (line: string, ...manifests: readonly object[]) => Promise<string>
  /** What `kubectl auth can-i` answers. */
  readonly may: (verb: string, resource: string, namespace: string) => Promise<boolean>
  /** Looks at the pods of a customer: who gets an answer is in. */
  readonly enters: (customer: string) => Promise<boolean>
  /** Signs in to the customer's database with the one Secret for it that this person may read. */
  readonly login: (customer: string) => Promise<Client>
  /** One statement there; rows as lines, values between bars. An error has its code, such as 42501. */
  readonly asks: (customer: string, statement: string) => Promise<string>
  /** Signs in to the registry likewise. */
  readonly registry: () => Promise<Client>
}

export type Story = AsyncDisposable & {
  readonly world: World
  /** The cluster's administrator. */
  readonly platform: Person
  /** @param home the namespace of the person's organization, where the person's kubectl is */
  readonly person: (name: string, home: string) => Promise<Person>
}

const { signal } = new AbortController()

export type StoryOptions = WorldOptions & {
  /** A world that its owner ends. Default: one of its own, which ends with it. */
  readonly there?: World
}

export async function startStory({ there, ...options }: StoryOptions = {}): Promise<Story> {
  const world = there ?? (await startWorld(options))
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-story-'))
  const plugin = join(directory, 'kubectl-tenantry')
  const program = [process.execPath, '--no-warnings', resolve('src/cli/main.ts')].join(' ')
  await writeFile(plugin, `#!/bin/sh\nexec ${program} "$@"\n`)
  await chmod(plugin, 0o755)
  const { plane } = world.platform
  const person: Story['person'] = async (name, home) => {
    const kubeconfig = await plane.kubeconfigFor(name)
    return personOf(world, { name, home, kubeconfig, directory })
  }
  const { kubeconfig } = plane
  return {
    world,
    platform: await personOf(world, { name: 'admin', home: 'default', kubeconfig, directory }),
    person,
    async [Symbol.asyncDispose]() {
      if (!there) await world[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

type Who = {
  readonly name: string
  readonly home: string
  readonly kubeconfig: string
  /** Of the whole story: the plugin is there. */
  readonly directory: string
}

async function personOf(world: World, who: Who): Promise<Person> {
  const { name, home, directory } = who
  const { plane } = world.platform
  const config: { contexts: { context: Record<string, string> }[] } = parse(
    await readFile(who.kubeconfig, 'utf8'),
  )
  const [first] = config.contexts
  if (first) first.context['namespace'] = home
  const own = join(directory, `${randomUUID()}.kubeconfig`)
  await writeFile(own, stringify(config), { mode: 0o600 })
  const env = {
    PATH: [directory, dirname(plane.kubectl), process.env['PATH']].join(delimiter),
    KUBECONFIG: own,
    KUBECACHEDIR: join(directory, 'kubectl-cache'),
  }
  const run = (args: readonly string[], manifests: readonly object[] = []) =>
    runCommand(signal, plane.kubectl, manifests.length > 0 ? [...args, '-f', '-'] : args, {
      env,
      input: manifests.map((manifest) => stringify(manifest)).join('---\n'),
    })
  const must = async (args: readonly string[], manifests: readonly object[] = []) => {
    const { code, stdout, stderr } = await run(args, manifests)
    if (code !== 0) throw new Error(told(name, args, { code, stdout, stderr }))
    return stdout.trim()
  }
  // Which Secrets somebody may read the API server says by name; nobody may list them.
  const signIn = async (kind: string) => {
    const rules = await must(['auth', 'can-i', '--list', '-n', home])
    const [secret] = new RegExp(`${kind}[a-z2-7]{26}`).exec(rules) ?? []
    if (secret === undefined) throw new Error(`${name} has no login ${kind}`)
    const found = JSON.parse(await must(['get', 'secret', secret, '-n', home, '-o', 'json']))
    return world.signInWith(found)
  }
  return {
    name,
    does: (line, ...manifests) => must(line.split(' '), manifests),
    async isRefused(line, ...manifests) {
      const args = line.split(' ')
      const result = await run(args, manifests)
      if (result.code === 0) throw new Error(`not refused: ${told(name, args, result)}`)
      return result.stderr.trim()
    },
    async may(verb, resource, namespace) {
      const { stdout } = await run(['auth', 'can-i', verb, resource, '-n', namespace])
      return stdout.trim() === 'yes'
    },
    async enters(customer) {
      const { code, stderr } = await run(['get', 'pods', '-n', `customer-${customer}`])
      if (code !== 0 && !stderr.includes('Forbidden')) throw new Error(stderr)
      return code === 0
    },
    login: (customer) => signIn(`login-${customer}-`),
    asks: async (customer, statement) => query(await signIn(`login-${customer}-`), statement),
    registry: () => signIn('registry-'),
  }
}

/** Rows as lines, values between bars; the session ends with it. */
export async function query(client: Client, statement: string): Promise<string> {
  try {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' })
    return rows.map((row) => row.join('|')).join('\n')
  } finally {
    await client.end()
  }
}

function told(name: string, args: readonly string[], { code, stdout, stderr }: CommandResult) {
  return `${name}: kubectl ${args.join(' ')}\n${stdout}${stderr}(exit code ${code})`
}

/** Past every rule, as whatever brings measured values into customers' databases. */
export async function asSuperuser<Row = Record<string, unknown>>(
  { platform: { postgres } }: World,
  database: string,
  statement: string,
): Promise<readonly Row[]> {
  const there = new URL(postgres?.url ?? '')
  there.pathname = database
  const client = new Client({ connectionString: there.href, ssl: { ca: postgres?.ca } })
  await client.connect()
  try {
    return (await client.query<Row & object>(statement)).rows
  } finally {
    await client.end()
  }
}

/** The name of a customer's database. */
export async function databaseOf(world: World, customer: string): Promise<string> {
  return String(field(await world.get('corg', customer), 'status', 'database', 'name'))
}

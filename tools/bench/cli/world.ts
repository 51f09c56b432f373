// A thousand customers of one partner, all nested in one, with a hundred thousand devices: on a real API server, in a real registry,
// made by the operator. What is measured here reads only, so nothing is flushed to the disk.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { resources } from '../../../src/api/resources.ts'
import { Client, connectKubeconfig } from '../../../src/runtime/index.ts'
import { customer, member, partner } from '../../../test/support/manifests.ts'
import { startPlatform, type Platform } from '../../local/platform.ts'

export type Person = {
  readonly name: string
  /** By which the person signs in, in the own organization. */
  readonly kubeconfig: string
}

export type CliBench = AsyncDisposable & {
  readonly platform: Platform
  readonly directory: string
  readonly people: Readonly<Record<'platform' | 'technician' | 'parent', Person>>
}

export function customerName(index: number): string {
  return `c-${String(index).padStart(4, '0')}`
}

const top = 'group'
const writersAtOnce = 8
const readyWithinMs = 1_800_000

export async function startCliBench(
  signal: AbortSignal,
  customers: number,
  say: (line: string) => void,
): Promise<CliBench> {
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-bench-cli-'))
  started.defer(() => rm(directory, { recursive: true, force: true }))
  const platform = await startPlatform(signal, { directory, fsync: false })
  started.use(platform)
  await platform.operator(signal)
  const connection = await connectKubeconfig(signal, platform.plane.kubeconfig)
  started.defer(() => connection.stop())
  const client = new Client(connection, { timeoutMs: 60_000 })
  await makeCustomers(signal, client, customers)
  await untilReady(signal, client, customers, say)
  const signIn = async (name: string, user: string, namespace: string): Promise<Person> => ({
    name,
    kubeconfig: await inNamespace(directory, await platform.plane.kubeconfigFor(user), namespace),
  })
  const people = {
    platform: { name: 'the platform', kubeconfig: platform.plane.kubeconfig },
    technician: await signIn("a partner's technician", 'nordic:tina', 'partner-nordic'),
    parent: await signIn("a parent's Admin", 'adam@group.example', `customer-${top}`),
  }
  const owned = started.move()
  return { platform, directory, people, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function makeCustomers(signal: AbortSignal, client: Client, count: number): Promise<void> {
  const none = { database: { enabled: false } }
  const { customers, members, partners } = resources
  await client.create(signal, partners, partner('nordic', { usernames: { prefix: 'nordic:' } }))
  await client.create(signal, customers, customer(top, none))
  const places = [
    ['partner-nordic', 'nordic:tina', 'User'],
    [`customer-${top}`, 'adam@group.example', 'Admin'],
  ] as const
  for (const [namespace, user, role] of places) {
    while (!(await client.find(signal, resources.namespaces, { name: namespace }))) {
      await sleep(100, undefined, { signal })
    }
    await client.create(signal, members, member(namespace, user, role))
  }
  let next = 0
  const write = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const name = customerName(index)
      const spec = {
        displayName: `Customer ${index}`,
        domain: `${name}.example`,
        parentRef: { name: top },
        partner: {
          partnerRef: { name: 'nordic' },
          relationship: 'Managed',
          technicians: [{ name: 'nordic:tina' }],
        },
        ...none,
      }
      await client.create(signal, customers, customer(name, spec))
    }
  }
  await Promise.all(Array.from({ length: writersAtOnce }, write))
}

/** The technician is in everywhere, and status says so. */
async function untilReady(
  signal: AbortSignal,
  client: Client,
  count: number,
  say: (line: string) => void,
): Promise<void> {
  const deadline = performance.now() + readyWithinMs
  for (;;) {
    const { items } = await client.list(signal, resources.customers)
    const ready = items.filter(
      ({ metadata, status }) =>
        metadata.name !== top &&
        status?.access === 'Active' &&
        status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    ).length
    say(`${ready} of ${count} customers are ready`)
    if (ready === count) return
    if (performance.now() > deadline) throw new Error('The customers are not ready in time.')
    await sleep(5_000, undefined, { signal })
  }
}

async function inNamespace(directory: string, file: string, namespace: string): Promise<string> {
  const config: { contexts: { context: Record<string, string> }[] } = parse(
    await readFile(file, 'utf8'),
  )
  for (const { context } of config.contexts) context['namespace'] = namespace
  const copy = join(directory, `${namespace}.kubeconfig`)
  await writeFile(copy, stringify(config), { mode: 0o600 })
  return copy
}

// What the operator writes for one customer, taken down from the audit log and from what then stands,
// so that a bare client can write the same for others: same verbs, same paths, same bodies. The plan's
// request list is thus never written down a second time. A write that it cannot repeat fails the bench.
// The copies bear another group and other labels: the operator must not take them for its own.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { apiGroup, labels } from '../../src/api/names.ts'
import { resources } from '../../src/api/resources.ts'
import { field, text } from '../support/world.ts'
import { groupOf, nameOf, type Request } from './audit.ts'
import { customerOf, type Shape } from './customers.ts'
import { watchReady } from './ready.ts'
import { until, type BenchWorld } from './world.ts'

/** In this order; those of one stage at once, but for the same object one after another. */
export type Stage = 'finalizer' | 'namespace' | 'inside' | 'placement' | 'secrets' | 'status'
export const stages: readonly Stage[] = [
  'finalizer',
  'namespace',
  'inside',
  'placement',
  'secrets',
  'status',
]

export type RecordedWrite = {
  readonly stage: Stage
  readonly method: 'POST' | 'PATCH'
  readonly contentType: string
  readonly path: string
  readonly body: string
  /** The same for all writes of one object: they go one after another. */
  readonly object: string
}

export type Recording = { readonly writes: readonly RecordedWrite[] }

const recorded = 'recorded-customer'
const bareGroup = 'bare.example'
const quietMs = 1_500

/** The writes with another customer's name in them. */
export function writesFor(
  { writes }: Recording,
  name: string,
  stage: Stage,
): readonly RecordedWrite[] {
  return writes
    .filter((write) => write.stage === stage)
    .map((write) => ({ ...write, path: named(write.path, name), body: named(write.body, name) }))
}

function named(content: string, name: string): string {
  return content.replaceAll(recorded, name)
}

export const bareCustomers = { ...resources.customers, group: bareGroup }

/** Our kinds once more, in a group that the operator does not know. */
export async function installBareKinds(signal: AbortSignal, world: BenchWorld): Promise<void> {
  const { plane } = world.platform
  for (const file of (await readdir('crds')).filter((name) => name.endsWith('.yaml'))) {
    const whole = parse(await readFile(join('crds', file), 'utf8'))
    // Names that are short or shared belong to the first who has them.
    const { shortNames: _, categories: __, ...names } = whole.spec.names
    const copy = { ...whole, spec: { ...whole.spec, names } }
    const input = foreign(JSON.stringify(copy))
    await plane.run(signal, ['apply', '--server-side', '-f', '-'], { input })
  }
  await plane.run(signal, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
}

/**
 * Of some customers the one that took the fewest writes: when an API server lets a person in later than
 * it says, the operator asks again and writes one status more, which no plan wants.
 */
export async function recordCustomer(
  signal: AbortSignal,
  world: BenchWorld,
  shape: Shape,
  customers: number,
): Promise<Recording> {
  let fewest: Recording | undefined
  for (let each = 0; each < customers; each += 1) {
    const recording = await recordOne(signal, world, `${recorded}-${shape}-${each}`, shape)
    if (!fewest || recording.writes.length < fewest.writes.length) fewest = recording
  }
  if (!fewest) throw new RangeError('Nothing was recorded.')
  return fewest
}

async function recordOne(
  signal: AbortSignal,
  world: BenchWorld,
  name: string,
  shape: Shape,
): Promise<Recording> {
  const { driver } = world.clients
  await world.audit.next()
  const ready = await watchReady(signal, driver)
  await driver.create(signal, resources.customers, customerOf(name, shape))
  await ready.all([name], 60_000)
  await ready.stop()
  const requests: Request[] = []
  await until(signal, 'The operator has nothing more to write for one customer', async () => {
    await sleep(quietMs, undefined, { signal })
    const more = (await world.audit.next()).filter((request) => groupOf(request) !== 'lease')
    requests.push(...more)
    return more.length === 0
  })
  const read = (path: string) => world.clients.prober.request(signal, { method: 'GET', path })
  const written = requests.filter((request) => groupOf(request) === 'write')
  const writes: RecordedWrite[] = []
  for (const [index, request] of written.entries()) {
    const later = written.slice(index + 1).filter(({ uri }) => uri === request.uri)
    const leftOut = request.subresource === 'status' ? later.length : 0
    writes.push(await writeOf(request, read, { name, leftOut }))
  }
  return { writes }
}

type Reading = {
  readonly name: string
  /** Of a status: how many more of it follow. It leaves so much out, so that each write changes something. */
  readonly leftOut: number
}

async function writeOf(
  request: Request,
  read: (path: string) => Promise<unknown>,
  { name, leftOut }: Reading,
): Promise<RecordedWrite> {
  const { verb, uri } = request
  const [path = '', query = ''] = uri.split('?', 2)
  const at = verb === 'create' ? `${path}/${request.name}` : path.replace(/\/status$/, '')
  const object = await read(at)
  const how = { stage: stageOf(request, leftOut), object: at }
  const write = ((): Pick<RecordedWrite, 'method' | 'contentType' | 'body'> => {
    if (verb === 'create') {
      return { method: 'POST', contentType: 'application/json', body: bodyOf(object) }
    }
    if (verb === 'patch' && query.includes('force=')) {
      const body = request.subresource === 'status' ? statusOf(object, leftOut) : bodyOf(object)
      return { method: 'PATCH', contentType: 'application/apply-patch+yaml', body }
    }
    if (verb === 'patch' && request.resource === resources.customers.plural) {
      const body = JSON.stringify({
        metadata: { finalizers: field(object, 'metadata', 'finalizers') },
      })
      return { method: 'PATCH', contentType: 'application/merge-patch+json', body }
    }
    throw new Error(
      `The bare client cannot repeat ${nameOf(request)} at ${uri}. Teach test/bench/recording.ts what it sends.`,
    )
  })()
  const unnamed = (content: string) => foreign(content).replaceAll(name, recorded)
  return { ...how, ...write, path: unnamed(uri), body: unnamed(write.body) }
}

function stageOf({ resource, subresource }: Request, leftOut: number): Stage {
  if (resource === resources.namespaces.plural) return 'namespace'
  if (resource === resources.secrets.plural) return 'secrets'
  if (resource !== resources.customers.plural) return 'inside'
  if (subresource === '') return 'finalizer'
  return leftOut > 0 ? 'placement' : 'status'
}

/** What was asked for, read back from what stands: without what the server adds. */
function bodyOf(object: unknown): string {
  const { status: _, metadata, ...rest } = Object(object)
  const { name, namespace, annotations } = metadata
  const kept = { ...metadata.labels, [labels.managedBy]: 'bench' }
  delete kept['kubernetes.io/metadata.name']
  if (field(object, 'kind') === 'Namespace') delete rest.spec
  return JSON.stringify({ ...rest, metadata: { name, namespace, annotations, labels: kept } })
}

function statusOf(object: unknown, leftOut: number): string {
  const whole = Object(field(object, 'status'))
  const conditions: readonly unknown[] = whole.conditions ?? []
  const status =
    conditions.length > leftOut
      ? { ...whole, conditions: conditions.slice(0, conditions.length - leftOut) }
      : Object.fromEntries(Object.entries(whole).slice(leftOut))
  return JSON.stringify({
    apiVersion: text(field(object, 'apiVersion')),
    kind: text(field(object, 'kind')),
    metadata: { name: text(field(object, 'metadata', 'name')) },
    status,
  })
}

/** Another group, another namespace prefix, another field manager: nobody's business but the bare client's. */
function foreign(content: string): string {
  return content
    .replaceAll(apiGroup, bareGroup)
    .replaceAll('customer-recorded', 'bare-recorded')
    .replaceAll('fieldManager=tenantry', 'fieldManager=bare')
}

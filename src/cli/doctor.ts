// `doctor`: is everything in place that the promises rest on? Each check says what it has found and what
// to do next; what the person may not read is said to be unreadable, and never counted as well.

import { policyIsInForce, policyNames } from '../access/policies.ts'
import { annotations, leaseOf } from '../api/names.ts'
import { countedSkew } from '../api/time.ts'
import { resources, type Policy, type ResourceOf } from '../api/resources.ts'
import { leases } from '../runtime/index.ts'
import { Failure } from './failures.ts'
import { printable, type Answer } from './output.ts'
import { listAll, seen, show, type CommonOptions, type Session } from './session.ts'
import { version } from './version.ts'

export type DoctorOptions = CommonOptions & { readonly systemNamespace: string }

type Check = {
  readonly check: string
  readonly result: 'ok' | 'warning' | 'fault' | 'unreadable'
  readonly found: string
  readonly next: string
}

export async function doctor(session: Session, options: DoctorOptions): Promise<void> {
  let checks: readonly Check[] = []
  await show(session, options, async () => {
    checks = await examine(session, options)
    return answerOf(checks)
  })
  const faults = checks.filter(({ result }) => result === 'fault')
  if (faults.length === 0) return
  throw new Failure('REFUSED', `${faults.length} of ${checks.length} checks found a fault.`)
}

async function examine(session: Session, options: DoctorOptions): Promise<readonly Check[]> {
  const first = await server(session)
  const rest = await Promise.all([
    api(session),
    policiesInForce(session),
    createdByStamp(session),
    roles(session),
    leader(session, options),
    operatorVersion(session, options),
    customersReady(session),
    windowsArmed(session),
  ])
  return [...first, ...rest, skew(session)]
}

/** The server's version decides what can be offered at all. */
async function server({ signal, client }: Session): Promise<readonly Check[]> {
  const answer = await client.request(signal, { method: 'GET', path: '/version' })
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(text(answer, 'gitVersion')) ?? []
  const found = text(answer, 'gitVersion')
  const isOld = Number(major) === 1 && Number(minor) < 33
  if (isOld) {
    return [fault('Kubernetes', found, 'Tenantry needs Kubernetes 1.33 or newer.')]
  }
  return [ok('Kubernetes', found)]
}

/** Everybody who is signed in may ask what is served. */
async function api({ signal, client }: Session): Promise<Check> {
  const path = '/apis/tenantry.dev/v1alpha1'
  const answer = await seen(client.request(signal, { method: 'GET', path }))
  const listed: unknown = Reflect.get(Object(answer), 'resources')
  const served = new Set((Array.isArray(listed) ? listed : []).map((each) => text(each, 'name')))
  const ours = Object.values(resources).filter(({ group }) => group === 'tenantry.dev')
  const missing = ours.filter(({ plural }) => !served.has(plural)).map(({ plural }) => plural)
  return missing.length === 0
    ? ok('Kinds of the API', `${ours.length} served`)
    : fault('Kinds of the API', `missing: ${missing.join(', ')}`, 'Apply the CRDs of the chart.')
}

async function policiesInForce(session: Session): Promise<Check> {
  const check = 'Admission policies'
  const [found, bindings] = await Promise.all([
    seen(listAll(session, resources.policies)),
    seen(listAll(session, resources.policyBindings)),
  ])
  if (!found || !bindings) return unreadable(check)
  const missing = policyNames.filter((name) => {
    const policy = found.find(({ metadata }) => metadata.name === name)
    return !policyIsInForce(policy, bindings)
  })
  return missing.length === 0
    ? ok(check, `${policyNames.length} in force`)
    : fault(
        check,
        `not in force: ${missing.join(', ')}`,
        'Apply the chart again; what was written meanwhile gives nothing until it is looked at.',
      )
}

async function createdByStamp(session: Session): Promise<Check> {
  const check = 'Created-by stamp'
  const mutating: ResourceOf<Policy> = {
    ...resources.policies,
    kind: 'MutatingAdmissionPolicy',
    plural: 'mutatingadmissionpolicies',
  }
  const found = await seen(listAll(session, mutating))
  if (!found) return unreadable(check, 'you may not read it, or this Kubernetes has none')
  return found.some(({ metadata }) => metadata.name === 'tenantry-created-by')
    ? ok(check, 'in force')
    : warning(
        check,
        'missing',
        'Apply the chart again, or write the annotation tenantry.dev/created-by.',
      )
}

/** The chart's default. */
const leaseName = 'tenantry'

const operatorRole = 'tenantry:operator'

/** The operator's own role names the roles that it hands out. */
async function roles({ signal, client, ...session }: Session): Promise<Check> {
  const check = 'ClusterRoles'
  const found = await seen(listAll({ signal, client, ...session }, resources.clusterRoles))
  if (!found) return unreadable(check)
  const rules = found.find(({ metadata }) => metadata.name === operatorRole)?.rules
  if (!rules) return fault(check, `${operatorRole} is missing`, 'Apply the chart again.')
  const needed = rules
    .filter(({ verbs }) => verbs.includes('bind'))
    .flatMap(({ resourceNames = [] }) => resourceNames)
  const missing = needed.filter((name) => !found.some(({ metadata }) => metadata.name === name))
  return missing.length === 0
    ? ok(check, `${needed.length} that people get`)
    : fault(check, `missing: ${missing.join(', ')}`, 'Apply the chart again.')
}

async function leader(
  session: Session,
  { systemNamespace: namespace }: DoctorOptions,
): Promise<Check> {
  const check = 'Operator'
  const { signal, client } = session
  const found = await seen(client.list(signal, leases, { namespace }))
  if (!found) return unreadable(check)
  const byName = new Map(found.items.map((lease) => [lease.metadata.name, lease]))
  const shards = Number(byName.get(leaseName)?.metadata.annotations?.[annotations.shards] ?? 1)
  const now = session.now() + (client.skewMs() ?? 0)
  const seats = Array.from({ length: shards }, (_, shard) => leaseOf(leaseName, shard)).map(
    (name) => {
      const {
        holderIdentity,
        renewTime = '',
        leaseDurationSeconds = 15,
      } = byName.get(name)?.spec ?? {}
      const isHeld = now - Date.parse(renewTime) < leaseDurationSeconds * 1000
      return { name, holder: isHeld ? (holderIdentity ?? '') : '', renewTime }
    },
  )
  const empty = seats.find(({ holder }) => holder === '')
  if (empty) {
    return fault(
      check,
      byName.has(empty.name)
        ? `no replica leads${shards > 1 ? ` ${empty.name}` : ''} since ${empty.renewTime}`
        : `there is no lease ${empty.name} in ${namespace}`,
      'Look at the log of its pods. Windows end all the same: the cluster ends those that are armed.',
    )
  }
  const holders = [...new Set(seats.map(({ holder }) => holder))]
  return ok(check, `${some(holders)} ${holders.length > 1 ? 'lead' : 'leads'}`)
}

type Deployment = {
  readonly spec?: {
    readonly template?: {
      readonly spec?: { readonly containers?: readonly { readonly image?: string }[] }
    }
  }
}

const deployments: ResourceOf<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
}

async function operatorVersion(
  session: Session,
  { systemNamespace: namespace }: DoctorOptions,
): Promise<Check> {
  const check = 'Versions'
  const { signal, client } = session
  const found = await seen(client.list(signal, deployments, { namespace }))
  if (!found) return unreadable(check)
  const images = found.items.flatMap(({ spec }) =>
    (spec?.template?.spec?.containers ?? []).map(({ image = '' }) => image),
  )
  const image = images.find((each) => each.includes('tenantry'))
  if (image === undefined) {
    return ok(check, `this command ${version}; the operator runs outside of ${namespace}`)
  }
  const tag = /:v?([^:@/]+)(?:@.*)?$/.exec(image)?.[1] ?? image
  return tag === version
    ? ok(check, version)
    : warning(
        check,
        `this command ${version}, operator ${tag}`,
        'Use the command of the operator’s version.',
      )
}

async function customersReady(session: Session): Promise<Check> {
  const check = 'Customers'
  const found = await seen(listAll(session, resources.customers))
  if (!found) return unreadable(check)
  const waiting = found.flatMap(({ metadata, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')
    return ready?.status === 'True' ? [] : [`${metadata.name} ${ready?.reason ?? 'not looked at'}`]
  })
  return waiting.length === 0
    ? ok(check, `${found.length}, all ready`)
    : warning(check, some(waiting), '`kubectl tenantry status` has the messages.')
}

async function windowsArmed(session: Session): Promise<Check> {
  const check = "Dead man's switches"
  const found = await seen(listAll(session, resources.grants))
  if (!found) return unreadable(check)
  const backstops = found.flatMap(({ metadata, status }) => {
    const condition = status?.conditions?.find(({ type }) => type === 'Backstop')
    return condition
      ? [{ namespace: metadata.namespace ?? '', armed: condition.status === 'True' }]
      : []
  })
  const open = backstops.filter(({ armed }) => !armed).map(({ namespace }) => namespace)
  return open.length === 0
    ? ok(check, `open windows that end without the operator: ${backstops.length}`)
    : fault(
        check,
        `not armed in ${some(open)}`,
        'Until then the ends of these windows need the operator. Look at kube-controller-manager.',
      )
}

/** Measured by the answers to everything above. */
function skew({ client }: Session): Check {
  const ms = client.skewMs() ?? 0
  return countedSkew(ms) === 0
    ? ok('Clock', 'this machine and the API server agree')
    : warning(
        'Clock',
        `this machine and the API server differ by ${Math.round(Math.abs(ms) / 1000)} s`,
        'Set this clock; the times that you type and read here are off.',
      )
}

function ok(check: string, found: string): Check {
  return { check, result: 'ok', found, next: '' }
}

function warning(check: string, found: string, next: string): Check {
  return { check, result: 'warning', found, next }
}

function fault(check: string, found: string, next: string): Check {
  return { check, result: 'fault', found, next }
}

function unreadable(check: string, found = 'you may not read it'): Check {
  return { check, result: 'unreadable', found, next: '' }
}

function some(names: readonly string[]): string {
  const rest = names.length - 5
  return `${names.slice(0, 5).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function text(value: unknown, key: string): string {
  const found: unknown = Reflect.get(Object(value), key)
  return typeof found === 'string' ? printable(found) : ''
}

function answerOf(checks: readonly Check[]): Answer {
  return {
    columns: ['CHECK', 'RESULT', 'FOUND', 'NEXT'],
    rows: checks.map((each) => ({
      name: each.check,
      cells: [each.check, each.result, each.found, each.next],
      value: each,
    })),
    none: '',
  }
}

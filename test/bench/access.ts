// A partner whose technician may enter customers, and a prober that asks the API server, every 2 ms,
// whether somebody may. What counts is what the API server says, and when it said it.
import { setTimeout as sleep } from 'node:timers/promises'
import { resources, type RoleBinding } from '../../src/api/resources.ts'
import type { Client } from '../../src/runtime/index.ts'
import { field } from '../support/world.ts'
import { grant, member, partner } from '../support/manifests.ts'
import { until, type BenchWorld } from './world.ts'

const probeMs = 2
const patienceMs = 60_000

export const technicianOf = (ofPartner: string) => `${ofPartner}:tina`

/** A partner with one technician, whom no grant names yet. */
export async function createPartner(
  signal: AbortSignal,
  { clients: { driver } }: BenchWorld,
  name: string,
): Promise<void> {
  const namespace = `partner-${name}`
  await driver.create(
    signal,
    resources.partners,
    partner(name, { usernames: { prefix: `${name}:` } }),
  )
  await until(signal, `Partner ${name} has its namespace`, async () => {
    return (await driver.find(signal, resources.namespaces, { name: namespace })) !== undefined
  })
  const tina = member(namespace, technicianOf(name), 'User')
  await driver.create(signal, resources.members, tina)
}

export type Technician = { readonly name: string; readonly notAfter?: string }

/** Makes the customer's grant, or changes whom it names. */
export async function grantTo(
  signal: AbortSignal,
  { clients: { driver } }: BenchWorld,
  customer: string,
  ofPartner: string,
  technicians: readonly Technician[],
): Promise<void> {
  await driver.apply(signal, resources.grants, grant(customer, ofPartner, { technicians }), {
    fieldManager: 'bench',
    force: true,
  })
}

export type Person = { readonly user: string; readonly namespace: string }

export async function isAllowed(
  signal: AbortSignal,
  client: Client,
  { user, namespace }: Person,
): Promise<boolean> {
  const body = await client.request(signal, {
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    lane: 'revoke', // a prober never queues behind its own questions
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user,
        groups: ['system:authenticated'],
        resourceAttributes: { namespace, verb: 'get', resource: 'pods' },
      },
    },
  })
  return field(body, 'status', 'allowed') === true
}

/** Resolves with the first such answer. */
export async function firstAnswer(
  signal: AbortSignal,
  client: Client,
  person: Person,
  wanted: boolean,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  while ((await isAllowed(signal, client, person)) !== wanted) {
    if (performance.now() > deadline) {
      throw new Error(
        `The API server still says ${wanted ? 'no' : 'yes'} to ${person.user} in ${person.namespace} after ${patienceMs / 1000} s.`,
      )
    }
    await sleep(probeMs, undefined, { signal })
  }
}

export function plainBinding(namespace: string, name: string, user: string): RoleBinding {
  const apiGroup = 'rbac.authorization.k8s.io'
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup, kind: 'User', name: user }],
  }
}

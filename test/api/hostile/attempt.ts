// What one attempt is, and the requests that the tables beside this file are written with.
// The people: of customer acme sara (SuperAdmin), adam (Admin), edda (Editor), vera (Viewer); of its partner nordic paul
// (SuperAdmin), anna (Admin), tina (technician, Full) and rolf (technician, ReadOnly); of beta bea; mallory belongs to nobody.
import { expect } from 'vitest'
import { member } from '../../support/manifests.ts'
import { field, text, type World } from '../../support/world.ts'

export const people = {
  sara: 'sara@acme.example',
  adam: 'adam@acme.example',
  edda: 'edda@acme.example',
  vera: 'vera@acme.example',
  paul: 'nordic:paul',
  anna: 'nordic:anna',
  tina: 'nordic:tina',
  rolf: 'nordic:rolf',
  bea: 'bea@beta.example',
  mallory: 'mallory',
} as const
export type Who = keyof typeof people

export type Request = readonly [
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
]

/** Refused in these words; or let through, and then it must have changed nothing that counts. */
export type Attempt = readonly [
  who: Who,
  tries: string,
  request: Request,
  outcome: RegExp | ((world: World) => Promise<void>),
]

/** By RBAC, before any policy; of an impersonator the words are others. */
export const forbidden = /^403 .*(is forbidden: User "|cannot impersonate)/
export const denied = (idea: string) => new RegExp(`^(403|422) .*denied request: .*${idea}`, 's')
export const invalid = (idea: string) => new RegExp(`^(400|404|413|415|422) .*${idea}`, 's')

export const group = '/apis/tenantry.dev/v1alpha1'
export const rbac = '/apis/rbac.authorization.k8s.io/v1'
export const acme = 'customer-acme'
export const beta = 'customer-beta'
export const nordic = 'partner-nordic'

export const ours = (namespace: string, resource: string, name?: string) =>
  `${group}/namespaces/${namespace}/${resource}${name === undefined ? '' : `/${name}`}`
export const core = (namespace: string, resource: string, name?: string) =>
  `/api/v1/namespaces/${namespace}/${resource}${name === undefined ? '' : `/${name}`}`
export const jobs = (name = '') => `/apis/batch/v1/namespaces/${acme}/jobs${name}`
export const theGrant = ours(acme, 'partneraccessgrants', 'partner')
export const memberPath = (who: Who, namespace = acme) =>
  ours(namespace, 'organizationmembers', people[who].replaceAll(/[^a-z0-9]/g, '-'))

export const adds = (user: string, role?: string, more: object = {}, metadata: object = {}) => {
  const made = member(acme, user, role)
  const body = {
    ...made,
    metadata: { ...made.metadata, ...metadata },
    spec: { ...made.spec, ...more },
  }
  return ['POST', ours(acme, 'organizationmembers'), body] as const
}
export const patches = (path: string, body: object): Request => ['PATCH', path, body]
/** Under whatever name of a program, and with force. */
export const applies = (path: string, manager: string, body: object): Request => [
  'PATCH',
  `${path}?fieldManager=${manager}&force=true`,
  { apiVersion: 'tenantry.dev/v1alpha1', ...body },
  { 'content-type': 'application/apply-patch+yaml' },
]
export const jsonPatches = (path: string, ...operations: readonly object[]): Request => [
  'PATCH',
  path,
  operations,
  { 'content-type': 'application/json-patch+json' },
]
export const metadata = (fields: object) => ({ metadata: fields })
export const owner = {
  ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'mine', uid: 'mine' }],
}

export const role = (kind: 'Role' | 'ClusterRole', more: object = {}) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name: 'mine', ...more },
  rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
})
export const binding = (who: Who, roleName: string, kind = 'RoleBinding') => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name: 'mine' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: people[who] }],
})
export const job = (metadata: object, spec: object = {}) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata,
  spec: {
    completions: 0,
    parallelism: 0,
    ...spec,
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'none', image: 'none' }] } },
  },
})
export const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'main',
        image: 'example/nothing',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
    ...spec,
  },
})

/** The condition of a member that somebody has written, once there is one. */
export function memberIs(user: string, expected: string) {
  return async (world: World): Promise<void> => {
    const name = user.replaceAll(/[^a-z0-9]/g, '-')
    await world.until(`${user} is told ${expected}`, async () => {
      return (
        (await world.condition({ kind: 'member', name, namespace: acme }, 'Ready')) === expected
      )
    })
  }
}

export function maynot(user: string, verb: string, resource: string, namespace: string) {
  return async (world: World): Promise<void> => {
    expect(await world.can(user, verb, resource, namespace)).toBe(false)
  }
}

/** Of the grant's entry of this name and scope. */
export function entryGivesNothing(name: string, reason: string) {
  return async (world: World): Promise<void> => {
    await world.until(`${name} is told ${reason}`, async () => {
      const told = field(await world.get('pag', 'partner', acme), 'status', 'people')
      const entries: readonly unknown[] = Array.isArray(told) ? told : []
      return entries.some(
        (entry) =>
          text(field(entry, 'name')) === name &&
          text(field(entry, 'may')) === 'Not' &&
          text(field(entry, 'reason')) === reason,
      )
    })
    expect(await world.can(name, 'get', 'pods', acme)).toBe(false)
  }
}

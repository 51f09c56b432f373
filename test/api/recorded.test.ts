// The manifests by which argocd/ is tested are what a real platform says of itself. This test makes
// each of them happen and compares; `UPDATE_RECORDED=1` before the command writes them anew.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { format } from 'prettier'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { customer, grant, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type Found, type World } from '../support/world.ts'

const root = 'argocd/resource_customizations/tenantry.dev'
const updates = process.env['UPDATE_RECORDED'] !== undefined
const window = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2036-12-31T00:00:00Z' }

let world: World
beforeAll(async () => {
  world = await startWorld()
  await world.apply(
    partner('fabrikam', { displayName: 'Fabrikam Security Systems', owners: ['ada'] }),
    partner('paused', { suspended: true }),
    partner('unaccredited', { accredited: false }),
    partner('without-sign-in', { identityProvider: undefined }),
    customer('northwind', { displayName: 'Northwind Traders', owners: ['olga'] }),
    customer('orphaned', { parentRef: { name: 'not-there-yet' } }),
    customer('greedy', { database: { extensions: ['file_fdw'] } }),
    customer('parent', { database: { enabled: false } }),
    customer('nested', { parentRef: { name: 'parent' }, database: { enabled: false } }),
    customer('wishful', { database: { enabled: false } }),
    customer('closed', { database: { enabled: false } }),
  )
  await untilReady('porg', 'fabrikam')
  for (const name of ['northwind', 'parent', 'nested', 'wishful', 'closed']) {
    await untilReady('corg', name)
  }
  await world.apply(
    member('partner-fabrikam', 'tina', 'User'),
    member('partner-fabrikam', 'olga', 'User'),
    // Beside anybody else it is not the home of olga, who owns northwind.
    grant('northwind', 'fabrikam', {
      access: { mode: 'Period', ...window },
      technicians: [{ name: 'tina', reason: 'commissioning' }],
    }),
    grant('parent', 'not-there-yet', { technicians: [{ name: 'tina' }] }),
    grant('wishful', 'fabrikam', {
      access: { maxScope: 'ReadOnly' },
      technicians: [{ name: 'tina', scope: 'Full' }],
    }),
    grant('closed', 'fabrikam', {
      access: { mode: 'Disabled' },
      technicians: [{ name: 'tina' }],
    }),
    devices('northwind', 'cold-store-4'),
    devices('northwind', 'without-license', { sku: 'sensor' }),
    {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'CustomerLink',
      metadata: { name: 'orphaned', namespace: 'partner-fabrikam' },
      spec: {},
    },
  )
})
afterAll(() => world[Symbol.asyncDispose]())

async function untilReady(kind: string, name: string, namespace?: string): Promise<void> {
  const where = { kind, name, ...(namespace !== undefined && { namespace }) }
  await world.until(`${kind} ${name} is ready`, async () => {
    return (await world.condition(where, 'Ready')).startsWith('True/')
  })
}

function devices(ofCustomer: string, name: string, spec: object = {}) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'DeviceAssignment',
    metadata: { name, namespace: `customer-${ofCustomer}` },
    spec: { devices: [{ id: `device-${name}`, name: 'door' }], ...spec },
  }
}

const moment = '2026-11-25T12:00:00Z'

/** Without what differs from run to run: UIDs, versions, and the times at which something happened. */
function scrubbed(object: Found): Found {
  const uids: string[] = []
  const plain = JSON.stringify(object, (key, value: unknown) => {
    if (['managedFields', 'resourceVersion'].includes(key)) return undefined
    // Of kubectl, and nothing else is in it.
    if (key === 'annotations') return undefined
    if (/Timestamp$|Time$|^since$|^placedAt$/.test(key)) return moment
    return value
  })
  const named = plain.replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, (uid) => {
    if (!uids.includes(uid)) uids.push(uid)
    return `00000000-0000-4000-8000-${String(uids.indexOf(uid) + 1).padStart(12, '0')}`
  })
  const result: Found = JSON.parse(named.replaceAll(/"t_[a-z0-9]+"/g, '"t_0000000000000"'))
  return result
}

async function compare(file: string, object: Found): Promise<void> {
  const path = `${root}/${file}`
  if (updates) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(
      path,
      await format(stringify(object, { compat: 'yaml-1.1' }), {
        filepath: path,
        singleQuote: true,
      }),
    )
  }
  expect(object).toEqual(parse(readFileSync(path, 'utf8')))
}

type Recorded = {
  readonly file: string
  readonly what: readonly [kind: string, name: string, namespace?: string]
  /** Of the condition Ready. */
  readonly reason: string
}

const standing: readonly Recorded[] = [
  { file: 'PartnerOrganization/testdata/ready.yaml', what: ['porg', 'fabrikam'], reason: 'Ready' },
  {
    file: 'PartnerOrganization/testdata/suspended.yaml',
    what: ['porg', 'paused'],
    reason: 'Suspended',
  },
  {
    file: 'PartnerOrganization/testdata/not_accredited.yaml',
    what: ['porg', 'unaccredited'],
    reason: 'NotAccredited',
  },
  {
    file: 'PartnerOrganization/testdata/without_sign_in.yaml',
    what: ['porg', 'without-sign-in'],
    reason: 'SignInMissing',
  },
  {
    file: 'CustomerOrganization/testdata/ready.yaml',
    what: ['corg', 'northwind'],
    reason: 'Ready',
  },
  {
    file: 'CustomerOrganization/testdata/parent_missing.yaml',
    what: ['corg', 'orphaned'],
    reason: 'ParentNotFound',
  },
  {
    file: 'CustomerOrganization/testdata/extension_not_allowed.yaml',
    what: ['corg', 'greedy'],
    reason: 'ExtensionNotAllowed',
  },
  {
    file: 'OrganizationMember/testdata/ready.yaml',
    what: ['member', 'tina', 'partner-fabrikam'],
    reason: 'Ready',
  },
  {
    file: 'OrganizationMember/testdata/other_home.yaml',
    what: ['member', 'olga', 'partner-fabrikam'],
    reason: 'PersonHasOtherHome',
  },
  {
    file: 'IdentityProvider/testdata/ready.yaml',
    what: ['idp', 'sso', 'partner-fabrikam'],
    reason: 'SignInReady',
  },
  {
    file: 'PartnerAccessGrant/testdata/active.yaml',
    what: ['pag', 'partner', 'customer-northwind'],
    reason: 'Ready',
  },
  {
    file: 'PartnerAccessGrant/testdata/disabled.yaml',
    what: ['pag', 'partner', 'customer-closed'],
    reason: 'Ready',
  },
  {
    file: 'PartnerAccessGrant/testdata/partner_missing.yaml',
    what: ['pag', 'partner', 'customer-parent'],
    reason: 'PartnerNotFound',
  },
  {
    file: 'PartnerAccessGrant/testdata/scope_above_max.yaml',
    what: ['pag', 'partner', 'customer-wishful'],
    reason: 'ScopeAboveMax',
  },
  {
    file: 'DeviceAssignment/testdata/ready.yaml',
    what: ['devas', 'cold-store-4', 'customer-northwind'],
    reason: 'Ready',
  },
  {
    file: 'DeviceAssignment/testdata/rejected.yaml',
    what: ['devas', 'without-license', 'customer-northwind'],
    reason: 'DevicesRejected',
  },
  {
    file: 'CustomerLink/testdata/self.yaml',
    what: ['clink', 'self', 'customer-northwind'],
    reason: 'Ready',
  },
  {
    file: 'CustomerLink/testdata/name_taken.yaml',
    what: ['clink', 'orphaned', 'partner-fabrikam'],
    reason: 'NameTaken',
  },
]

describe('what argocd/ is tested with', () => {
  test.each(standing)('$file is so', async ({ file, what: [kind, name, namespace], reason }) => {
    const where = { kind, name, ...(namespace !== undefined && { namespace }) }
    await world.until(`${kind} ${name} says ${reason}`, async () => {
      return (await world.condition(where, 'Ready')).endsWith(`/${reason}`)
    })
    await settled(where)
    const object = await world.get(kind, name, namespace)
    await compare(file, scrubbed(object ?? {}))
  })

  test('a customer whose deletion is held is so, and its expected confirmation', async () => {
    await world.kubectl('delete', 'corg', 'parent', '--wait=false')
    const where = { kind: 'corg', name: 'parent' }
    await world.until('it is held', async () => {
      return (await world.condition(where, 'Ready')).endsWith('/HasChildren')
    })
    await settled(where)
    const held = scrubbed((await world.get('corg', 'parent')) ?? {})
    await compare('CustomerOrganization/actions/testdata/held.yaml', held)
    const confirmed = { 'tenantry.dev/confirm-delete': 'parent' }
    await compare(
      'CustomerOrganization/actions/testdata/confirmed.yaml',
      changed(held, 'metadata', { annotations: confirmed }),
    )
  })

  test('the inputs and outputs of actions are so', async () => {
    const ready = scrubbed((await world.get('porg', 'fabrikam')) ?? {})
    const suspended = changed(ready, 'spec', { suspended: true })
    await compare('PartnerOrganization/actions/testdata/ready.yaml', ready)
    await compare('PartnerOrganization/actions/testdata/suspended.yaml', suspended)
    await compare(
      'PartnerOrganization/actions/testdata/resumed.yaml',
      changed(ready, 'spec', { suspended: false }),
    )
    const active = scrubbed((await world.get('pag', 'partner', 'customer-northwind')) ?? {})
    const access = { mode: 'Disabled', maxScope: 'Full', allowImpersonation: false }
    await compare('PartnerAccessGrant/actions/testdata/active.yaml', active)
    await compare(
      'PartnerAccessGrant/actions/testdata/disabled.yaml',
      changed(active, 'spec', { access }),
    )
  })

  test('what no replica has looked at is so', async () => {
    for (const operator of world.operators) await operator.kill()
    await world.apply(
      partner('fabrikam', { displayName: 'Fabrikam', owners: ['ada'] }),
      customer('northwind', { displayName: 'Northwind', owners: ['olga'] }),
      partner('new'),
      customer('new', {}),
    )
    for (const [kind, short, name] of [
      ['PartnerOrganization', 'porg', 'fabrikam'],
      ['CustomerOrganization', 'corg', 'northwind'],
    ] as const) {
      const stale = scrubbed((await world.get(short, name)) ?? {})
      await compare(`${kind}/testdata/changed.yaml`, stale)
      await compare(`${kind}/testdata/new.yaml`, scrubbed((await world.get(short, 'new')) ?? {}))
    }
  })
})

/** Its version has not moved for a while: nothing is being written any more. */
async function settled({
  kind,
  name,
  namespace,
}: Parameters<World['condition']>[0]): Promise<void> {
  const quietMs = kind === 'porg' ? 1_300 : 300 // a partner counts its customers once a second
  let last = ''
  let since = performance.now()
  await world.until(`${kind} ${name} settles`, async () => {
    const found = await world.get(kind, name, namespace)
    const version = text(field(found, 'metadata', 'resourceVersion'))
    if (version !== last) [last, since] = [version, performance.now()]
    return performance.now() - since > quietMs
  })
}

function changed(object: Found, part: 'metadata' | 'spec', change: Found): Found {
  return { ...object, [part]: { ...asObject(object[part]), ...change } }
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

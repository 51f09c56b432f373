// Who created what, an invitation from its first to its last step, a namespace that goes with all that is in it, and the policies themselves.
import { describe, expect, test } from 'vitest'
import { grant, member } from '../../support/manifests.ts'
import { field, text } from '../../support/world.ts'
import {
  pat,
  paul,
  anna,
  tina,
  lina,
  people,
  inside,
  grantOf,
  accepted,
  denied,
  answer,
  world,
  type Request,
} from './world.ts'

describe('who created a link', () => {
  const links = inside('partner-nordic', 'customerlinks')
  const link = (name: string, createdBy?: string) => ({
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerLink',
    metadata: {
      name,
      ...(createdBy !== undefined && { annotations: { 'tenantry.dev/created-by': createdBy } }),
    },
    spec: { displayName: 'New' },
  })
  const ask = async (...request: Request) => {
    const asked = await people.get(lina)?.ask(...request)
    return field(asked?.body, 'metadata', 'annotations', 'tenantry.dev/created-by')
  }

  test('is written down by the cluster, and refused when forged (S1-11, TH-24)', async () => {
    expect(await ask('POST', `${links}?dryRun=All`, link('stamped'))).toBe(lina)
    expect(await ask('POST', `${links}?dryRun=All`, link('own', lina))).toBe(lina)
    expect(await answer(lina, ['POST', links, link('forged', paul)])).toMatch(
      denied(`may only be ${lina}`),
    )
  })

  test('can only be kept or dropped later', async () => {
    await ask('POST', links, link('kept'))
    const path = `${links}/kept`
    const mark = (createdBy: string | null): Request => [
      'PATCH',
      path,
      { metadata: { annotations: { 'tenantry.dev/created-by': createdBy } } },
    ]
    expect(await answer(lina, mark(paul))).toMatch(denied('cannot be changed or added later'))
    expect(await answer(lina, mark(lina))).toMatch(accepted)
    expect(await answer(lina, mark(null))).toMatch(accepted)
    await ask(...mark(null))
    expect(await answer(lina, mark(lina))).toMatch(denied('cannot be changed or added later'))
    await ask('DELETE', path)
  })
})

describe('an invitation', () => {
  const path = grantOf('plain')
  const enters = (person: string) => world().can(person, 'get', 'pods', 'customer-plain')
  async function carriesOut(person: string, ...request: Request): Promise<void> {
    const answered = await people.get(person)?.ask(...request)
    expect(answered?.status, text(field(answered?.body, 'message'))).toBeLessThan(300)
  }

  test("is the customer's to make and to end, and the partner's to accept (S1-16, S1-17, S1-34)", async () => {
    const made = grant('plain', 'nordic')
    await carriesOut(pat, 'POST', inside('customer-plain', 'partneraccessgrants'), made)
    await world().until('the partner may name its people', () =>
      world().can(anna, 'authorize-users', 'partneraccessgrants.tenantry.dev', 'customer-plain'),
    )
    expect(await enters(tina)).toBe(false)

    const named = { spec: { technicians: [{ name: tina, scope: 'Full' }] } }
    await carriesOut(anna, 'PATCH', path, named)
    await world().until('tina is in', () => enters(tina))
    const first = member('customer-plain', 'new@plain.example', 'Viewer')
    await carriesOut(tina, 'POST', inside('customer-plain', 'organizationmembers'), first)
    await world().until('whom she has added is in', () => enters('new@plain.example'))

    await carriesOut(pat, 'DELETE', path)
    await world().until('tina is out', async () => !(await enters(tina)))
    await world().until('the grant is gone', async () => {
      return (await world().get('pag', 'partner', 'customer-plain')) === undefined
    })
    expect(await enters('new@plain.example')).toBe(true)
  })
})

describe('a namespace that is being deleted', () => {
  test('takes its members, bindings, Jobs and grant along, whoever they are', async () => {
    const uid = async () =>
      text(field(await world().get('ns', 'customer-delta'), 'metadata', 'uid'))
    const before = await uid()
    await world().kubectl('delete', 'namespace', 'customer-delta', '--wait=false')
    await world().until(
      'it is gone, and made anew',
      async () => {
        const now = await uid()
        return now !== '' && now !== before
      },
      60_000,
    )
  })
})

describe('the policies', () => {
  test('are all found free of mistakes by the API server', async () => {
    const { stdout } = await world().kubectl('get', 'validatingadmissionpolicies', '-o', 'json')
    const items: unknown = field(JSON.parse(stdout), 'items')
    const found = Array.isArray(items) ? items : []
    const names = found.map((item) => text(field(item, 'metadata', 'name'))).sort()
    expect(names).toEqual([
      'tenantry-created-by',
      'tenantry-customers',
      'tenantry-devices',
      'tenantry-grants',
      'tenantry-members',
      'tenantry-namespaces',
      'tenantry-rolebindings',
      'tenantry-window-ends',
      'tenantry-workloads',
    ])
    for (const item of found) {
      expect(field(item, 'status', 'typeChecking', 'expressionWarnings')).toBeUndefined()
    }
  })

  test('leave the operator its own writes', async () => {
    const log = await world().operators[0]?.log()
    expect(log).not.toContain('denied request')
  })
})

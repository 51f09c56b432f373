// Customers that partners and parents create themselves, by a CustomerLink and kubectl, without a ticket to the platform.
// Holds ISOLATED (a name that is taken says nothing about whose it is), NOTHING-LOST.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { customer, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'

const [paul, tina, olaf, sara] = ['nordic:paul', 'nordic:tina', 'other:olaf', 'sara@acme.example']

let world: World
beforeAll(async () => {
  world = await startWorld({ postgres: false, config: { links: { maxCustomers: 2 } } })
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [paul] }),
    partner('other', { usernames: { prefix: 'other:' }, owners: [olaf] }),
    partner('idle', { owners: ['ida@idle.example'] }),
    customer('acme', { owners: [sara], database: { enabled: false } }),
  )
  for (const namespace of ['partner-nordic', 'partner-other', 'partner-idle', 'customer-acme']) {
    await world.until(`${namespace} is there`, async () => {
      return (await world.get('ns', namespace)) !== undefined
    })
  }
  await world.apply(member('partner-nordic', tina, 'User'))
  await world.until('both partners may create links', async () => {
    const answers = [
      world.can(paul, 'create', 'customerlinks.tenantry.dev', 'partner-nordic'),
      world.can(olaf, 'create', 'customerlinks.tenantry.dev', 'partner-other'),
      world.can('ida@idle.example', 'create', 'customerlinks.tenantry.dev', 'partner-idle'),
      world.can(sara, 'create', 'customerlinks.tenantry.dev', 'customer-acme'),
    ]
    return (await Promise.all(answers)).every(Boolean)
  })
})
afterAll(() => world[Symbol.asyncDispose]())

function link(name: string, namespace: string, change: object = {}, annotations: object = {}) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerLink',
    metadata: { name, namespace, annotations },
    spec: { displayName: `${name} GmbH`, domain: `${name}.example`, ...change },
  }
}

/** As that person, with kubectl. */
async function creates(person: string, manifest: object) {
  const { plane } = world.platform
  return plane.run(new AbortController().signal, ['create', '-f', '-'], {
    input: stringify(manifest),
    as: person,
    allowFailure: true,
  })
}

const linkReady = (name: string, namespace: string) =>
  world.condition({ kind: 'clink', name, namespace }, 'Ready')

describe('a partner', () => {
  test('creates a customer, is linked to it, and its creator enters', async () => {
    const made = await creates(paul, link('bluebird', 'partner-nordic'))
    expect(made.stderr).toBe('')
    await world.until('the partner is linked', async () => {
      const where = { kind: 'corg', name: 'bluebird' }
      return (await world.condition(where, 'PartnerLinked')) === 'True/Linked'
    })
    const object = await world.get('corg', 'bluebird')
    expect(field(object, 'spec')).toMatchObject({
      origin: 'Partner',
      displayName: 'bluebird GmbH',
      domain: 'bluebird.example',
    })
    await world.until('the creator is in', () =>
      world.can(paul, 'get', 'pods', 'customer-bluebird'),
    )
    expect(field(await world.get('pag', 'partner', 'customer-bluebird'), 'spec')).toMatchObject({
      partnerRef: { name: 'nordic' },
      relationship: 'Managed',
      technicians: [{ name: paul, scope: 'Full' }],
    })
    expect(await world.can(tina, 'get', 'pods', 'customer-bluebird')).toBe(false)
    expect(await world.can(olaf, 'get', 'pods', 'customer-bluebird')).toBe(false)
    await world.until('the link lists it', async () => {
      const listed = await world.get('clink', 'bluebird', 'partner-nordic')
      return (
        text(field(listed, 'status', 'createdBy')) === paul &&
        text(field(listed, 'status', 'relation')) === 'Partner' &&
        text(field(listed, 'status', 'access')) === 'Active'
      )
    })
  })

  test('names the first SuperAdmin, who is then the one to name others', async () => {
    for (const user of ['first@bluebird.example', 'second@bluebird.example']) {
      const made = await creates(paul, member('customer-bluebird', user))
      expect(made.stderr).toBe('')
      await world.until(`${user} has a role`, async () => {
        const name = user.replaceAll(/[^a-z0-9]/g, '-')
        const found = await world.get('member', name, 'customer-bluebird')
        const role = user.startsWith('first') ? 'SuperAdmin' : 'Viewer'
        return text(field(found, 'status', 'role')) === role
      })
    }
    const raised = await creates(
      paul,
      member('customer-bluebird', 'third@bluebird.example', 'SuperAdmin'),
    )
    expect(raised.stderr).toMatch(/needs appoint-admin/)
  })

  test('is told that a name is taken, and not by whom', async () => {
    const made = await creates(olaf, link('bluebird', 'partner-other'))
    expect(made.stderr).toBe('')
    await world.until('the link says so', async () => {
      return (await linkReady('bluebird', 'partner-other')) === 'False/NameTaken'
    })
    const said = JSON.stringify(await world.get('clink', 'bluebird', 'partner-other'))
    for (const secret of ['nordic', 'paul', 'Managed']) expect(said).not.toContain(secret)
    expect(await world.can(olaf, 'get', 'pods', 'customer-bluebird')).toBe(false)
    expect(text(field(await world.get('corg', 'bluebird'), 'status', 'partner', 'name'))).toBe(
      'nordic',
    )
  })

  test('cannot create one as somebody else, and its ordinary people cannot at all', async () => {
    const forged = link('forged', 'partner-nordic', {}, { 'tenantry.dev/created-by': olaf })
    expect((await creates(paul, forged)).stderr).toMatch(/created-by/)
    expect((await creates(tina, link('mine', 'partner-nordic'))).stderr).toMatch(/forbidden/i)
    expect((await creates(paul, link('theirs', 'partner-other'))).stderr).toMatch(/forbidden/i)
    expect(await world.get('corg', 'forged')).toBeUndefined()
  })

  test('creates no more than the platform allows', async () => {
    expect((await creates(paul, link('second', 'partner-nordic'))).stderr).toBe('')
    await world.until('the second is there', async () => {
      return (await world.get('corg', 'second')) !== undefined
    })
    expect((await creates(paul, link('third', 'partner-nordic'))).stderr).toBe('')
    await world.until('the third is refused', async () => {
      return (await linkReady('third', 'partner-nordic')) === 'False/QuotaExceeded'
    })
    expect(await world.get('corg', 'third')).toBeUndefined()
    await world.kubectl('delete', 'corg', 'second', '--wait=false')
    await world.until(
      'its place is free',
      async () => (await world.get('corg', 'third')) !== undefined,
    )
  })

  test('deletes a link, and nothing with it', async () => {
    const { uid } = Object(field(await world.get('corg', 'bluebird'), 'metadata'))
    const deleted = await world.kubectl(
      'delete',
      'clink',
      'bluebird',
      '-n',
      'partner-nordic',
      '--wait=false',
    )
    expect(deleted.stderr).toBe('')
    await world.until('the link is listed again', async () => {
      return (await linkReady('bluebird', 'partner-nordic')) === 'True/Ready'
    })
    expect(field(await world.get('corg', 'bluebird'), 'metadata', 'uid')).toBe(uid)
    expect(await world.can(paul, 'get', 'pods', 'customer-bluebird')).toBe(true)
  })

  test('that is suspended meanwhile gets no customer', async () => {
    await world.apply(partner('idle', { owners: ['ida@idle.example'], suspended: true }))
    await world.until('the platform has suspended it', async () => {
      return text(await world.condition({ kind: 'porg', name: 'idle' }, 'Ready')).startsWith(
        'False',
      )
    })
    expect((await creates('ida@idle.example', link('late', 'partner-idle'))).stderr).toBe('')
    await world.until('the link says why', async () => {
      return (await linkReady('late', 'partner-idle')) === 'False/Suspended'
    })
    expect(await world.get('corg', 'late')).toBeUndefined()
  })
})

describe('a customer', () => {
  test('creates a nested one, which it administers, without a partner of its own', async () => {
    expect((await creates(sara, link('acme-berlin', 'customer-acme'))).stderr).toBe('')
    await world.until('sara administers it', () =>
      world.can(sara, 'appoint-admin', 'organizationmembers.tenantry.dev', 'customer-acme-berlin'),
    )
    expect(field(await world.get('corg', 'acme-berlin'), 'spec')).toMatchObject({
      origin: 'Parent',
      parentRef: { name: 'acme' },
    })
    expect(await world.get('pag', 'partner', 'customer-acme-berlin')).toBeUndefined()
  })
})

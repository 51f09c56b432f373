// What is required of organizations and their people and is shown nowhere else (docs/requirements.md). Promises: ONE-PARTNER, ONE-HOME.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant, inMs, link, member, partner } from '../support/manifests.ts'
import { startStory, type Person, type Story } from '../support/story.ts'
import { field, text, type World } from '../support/world.ts'

const nordic = 'partner-nordic'
const hour = 3_600_000

let story: Story
let world: World
let platform: Person
let paul: Person
let pia: Person
let tina: Person
beforeAll(async () => {
  story = await startStory({ postgres: false })
  world = story.world
  platform = story.platform
  paul = await story.person('nordic:paul', nordic)
  pia = await story.person('nordic:pia', nordic)
  tina = await story.person('nordic:tina', nordic)
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [paul.name] }),
    partner('iberia', { usernames: { prefix: 'iberia:' }, owners: ['iberia:ines'] }),
    ...['acme', 'beta'].map((name) => customer(name, { database: { enabled: false } })),
  )
  for (const [kind, name] of [
    ['porg', 'nordic'],
    ['porg', 'iberia'],
    ['corg', 'acme'],
    ['corg', 'beta'],
  ] as const) {
    await world.until(`${name} is ready`, async () => {
      return (await world.condition({ kind, name }, 'Ready')) === 'True/Ready'
    })
  }
  await world.apply(member(nordic, pia.name, 'User'), member(nordic, tina.name, 'User'))
}, 120_000)
afterAll(() => story[Symbol.asyncDispose]())

describe('a customer', () => {
  test('has one partner by the shape of its grant (S0-05, S1-30, S3-26, ONE-PARTNER)', async () => {
    const shape = await platform.does('explain pag.spec.partnerRef')
    expect(shape).toMatch(/FIELD: partnerRef <Object>/)
    expect(shape).not.toContain('[]Object')
    const second = {
      ...grant('acme', 'iberia'),
      metadata: { name: 'p2', namespace: 'customer-acme' },
    }
    expect(await platform.isRefused('create', second)).toContain('it is named partner')
  })

  test('keeps for ever where it comes from (S1-18)', async () => {
    const refused = await platform.isRefused(
      'patch corg acme --type=merge -p {"spec":{"origin":"Partner"}}',
    )
    expect(refused).toContain('origin cannot change')
  })

  test('that a SuperAdmin creates has that one as its only technician (S1-37)', async () => {
    await world.until('paul may create', () => paul.may('create', 'clink', nordic))
    await paul.does('create', link(nordic, 'fresh'))
    await paul.does('wait clink/fresh --for=condition=Ready --timeout=30s')
    const entries = field(
      await world.get('pag', 'partner', 'customer-fresh'),
      'spec',
      'technicians',
    )
    expect(entries).toEqual([{ name: paul.name, scope: 'Full' }])
    await world.until('paul is in', () => paul.enters('fresh'))
  })
})

describe('a User of a partner', () => {
  test('appoints nobody (S4-04)', async () => {
    expect(await pia.may('appoint-user', 'members', nordic)).toBe(false)
    expect(await pia.isRefused('create', member(nordic, 'nordic:new', 'User'))).toContain(
      'is forbidden',
    )
  })
})

describe('a permission that the platform adds', () => {
  const role = 'nordic-reports'
  const permitted = (permissions: readonly string[]) =>
    platform.does(
      `patch member nordic-pia -n ${nordic} --type=merge -p ${JSON.stringify({ spec: { permissions } })}`,
    )
  const isSaid = (answer: string) =>
    world.until(`the member is ${answer}`, async () => {
      const found = await world.condition(
        { kind: 'member', name: 'nordic-pia', namespace: nordic },
        'Ready',
      )
      return found === answer || found
    })

  test('is a ClusterRole with a label, and is held by whoever is given its name (S0-09)', async () => {
    await permitted([role])
    await isSaid('False/PermissionUnknown')
    await platform.does(`create clusterrole ${role} --verb=get,list --resource=configmaps`)
    expect(await pia.may('list', 'configmaps', nordic)).toBe(false)
    await platform.does(`label clusterrole ${role} tenantry.dev/permission=partner`)
    await world.until('pia has it', () => pia.may('list', 'configmaps', nordic), 30_000)
    await isSaid('True/Ready')
    expect(await tina.may('list', 'configmaps', nordic)).toBe(false)
    expect(await pia.may('list', 'configmaps', 'customer-acme')).toBe(false)
    await permitted([])
    await world.until('pia has it no more', async () => {
      return !(await pia.may('list', 'configmaps', nordic))
    })
  })

  test('is nothing that somebody may name without the label, nor of the other kind of organization (ISOLATED)', async () => {
    await platform.does(`label clusterrole ${role} --overwrite tenantry.dev/permission=customer`)
    await permitted(['cluster-admin', 'tenantry:partner-superadmin', role])
    await isSaid('False/PermissionUnknown')
    expect(await platform.does(`get rolebindings -n ${nordic} -o name`)).not.toContain(
      'permission-',
    )
    expect(await pia.may('list', 'configmaps', nordic)).toBe(false)
    await permitted([])
    await isSaid('True/Ready')
  })
})

describe('full access', () => {
  test('is the same for a period as without an end (S3-19)', async () => {
    const rights = async (access: object) => {
      await world.apply(grant('acme', 'nordic', { access, technicians: [{ name: tina.name }] }))
      await world.until('it is in force', async () => {
        const found = await world.get('pag', 'partner', 'customer-acme')
        const isSeen = field(found, 'status', 'observedGeneration')
        return (
          isSeen === field(found, 'metadata', 'generation') &&
          (await world.condition(
            { kind: 'pag', name: 'partner', namespace: 'customer-acme' },
            'Active',
          )) === 'True/Active'
        )
      })
      const listed = await tina.does('auth can-i --list --no-headers -n customer-acme')
      return listed.split('\n').map(withSortedVerbs).toSorted()
    }
    const period = { mode: 'Period', notBefore: inMs(-hour), notAfter: inMs(hour) }
    expect(await rights(period)).toEqual(await rights({ mode: 'Continuous' }))
  })
})

describe('two partners that race for one customer', () => {
  test('are never both in, and one wins (TH-04, ONE-PARTNER)', async () => {
    await world.apply(member('partner-iberia', 'iberia:luis', 'User'))
    await world.apply(grant('beta', 'nordic', { technicians: [{ name: tina.name }] }))
    await world.until('tina is in', () => tina.enters('beta'))
    const path = '/apis/tenantry.dev/v1alpha1/namespaces/customer-beta/partneraccessgrants/partner'
    const written = new AbortController()
    let both = 0
    const epochs: number[] = []
    const sampling = (async () => {
      while (!written.signal.aborted) {
        const [first, second] = await Promise.all(
          [tina.name, 'iberia:luis'].map((name) => world.can(name, 'get', 'pods', 'customer-beta')),
        )
        if (first && second) both += 1
        epochs.push(Number(field(await world.get('corg', 'beta'), 'status', 'partner', 'epoch')))
      }
    })()
    const write = async (writer: number) => {
      const [name, person] = writer % 2 === 0 ? ['nordic', tina.name] : ['iberia', 'iberia:luis']
      const spec = { partnerRef: { name }, technicians: [{ name: person }] }
      await world.api.ask('PATCH', path, { spec })
    }
    await Promise.all(Array.from({ length: 50 }, (_, writer) => write(writer)))
    const winner = field(await world.get('pag', 'partner', 'customer-beta'), 'spec', 'partnerRef')
    const person = field(winner, 'name') === 'nordic' ? tina.name : 'iberia:luis'
    await world.until('who is written last is in', () =>
      world.can(person, 'get', 'pods', 'customer-beta'),
    )
    written.abort()
    await sampling
    expect(both).toBe(0)
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
    const other = person === tina.name ? 'iberia:luis' : tina.name
    expect(await world.can(other, 'get', 'pods', 'customer-beta')).toBe(false)
  })
})

describe('a person whom ten organizations claim at once', () => {
  test('is at home in one of them, and stays there over a restart (TH-10, ONE-HOME)', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `claims-${index}`)
    await world.apply(...names.map((name) => customer(name, { database: { enabled: false } })))
    for (const name of names) {
      await world.until(`${name} is ready`, async () => {
        return (await world.condition({ kind: 'corg', name }, 'Ready')) === 'True/Ready'
      })
    }
    const path = (name: string) =>
      `/apis/tenantry.dev/v1alpha1/namespaces/customer-${name}/organizationmembers`
    const claims = names.flatMap((name) =>
      ['a', 'b', 'c', 'd', 'e'].map((object) => ({
        name,
        body: { ...member(`customer-${name}`, 'eve', 'Viewer'), metadata: { name: object } },
      })),
    )
    await Promise.all(claims.map(({ name, body }) => world.api.ask('POST', path(name), body)))
    const homes = async () => {
      const answers = await Promise.all(
        names.map((name) => world.can('eve', 'get', 'pods', `customer-${name}`)),
      )
      return names.filter((_, index) => answers[index]).join()
    }
    await world.until('each claim is judged', async () => {
      const found = JSON.parse(await platform.does('get member -A -o json'))
      const judged: unknown = field(found, 'items')
      return (
        Array.isArray(judged) &&
        judged
          .filter((each) => text(field(each, 'spec', 'user')) === 'eve')
          .every((each) => field(each, 'status', 'conditions') !== undefined)
      )
    })
    await world.until('one home is left', async () => /^claims-\d$/.test(await homes()))
    const home = await homes()
    await world.operators.at(-1)?.stop()
    await world.startOperator()
    await world.until('the new one leads', async () => {
      return (await world.operators.at(-1)?.log())?.includes('"leads":true') === true
    })
    await platform.does(`annotate corg ${names.join(' ')} test/again=1`) // all of them once more
    expect(await homes()).toBe(home)
  })
})

/** They come from several bindings, in no particular order. */
function withSortedVerbs(line: string): string {
  return line
    .replaceAll(/ {2,}/g, '  ')
    .replace(
      /\[([^[\]]*)\]\s*$/,
      (_, verbs: string) => `[${verbs.split(' ').toSorted().join(' ')}]`,
    )
}

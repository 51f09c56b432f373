// 100,000 random histories of one customer, two partners and a person with two claims: never two
// partners, never outside a window, never somebody unnamed, never two homes. A failure shrinks to a
// story; its seed is printed.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EpochMs } from '../api/time.ts'
import { access } from './access.ts'
import type { Grant, Scope } from './grant.ts'
import { isHome } from './home.ts'
import { nextLink, type Link } from './link.ts'
import type { Claim, MemberFact, Partner, Person } from './organization.ts'

const minute = 60_000
const start = Date.parse('2026-12-01T12:00:00Z')
const runs = 100_000

type Event =
  | { readonly does: 'time passes'; readonly minutes: number }
  | { readonly does: 'grant names'; readonly partner: 'fabrikam' | 'contoso' }
  | { readonly does: 'grant is deleted' }
  | { readonly does: 'window is'; readonly from: number; readonly until: number }
  | { readonly does: 'access is'; readonly mode: Grant['mode'] }
  | { readonly does: 'named are'; readonly people: readonly string[] }
  | { readonly does: 'partner is suspended'; readonly partner: 'fabrikam' | 'contoso' }
  | { readonly does: 'partner is back'; readonly partner: 'fabrikam' | 'contoso' }
  | { readonly does: 'sam is claimed by'; readonly order: readonly ('fabrikam' | 'contoso')[] }
  | { readonly does: 'operator runs' }
  | { readonly does: 'operator revokes and dies' }
  | { readonly does: 'operator runs, but what it revokes stays in effect' }

const partnerName = fc.constantFrom('fabrikam' as const, 'contoso' as const)
const people = ['tina', 'tom', 'carl', 'cora', 'sam', 'nobody']
const scope: Scope = 'Full'

const happens: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    does: fc.constant('time passes' as const),
    minutes: fc.integer({ min: 1, max: 90 }),
  }),
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('grant names' as const), partner: partnerName }),
  },
  fc.constant({ does: 'grant is deleted' } as const),
  fc.record({
    does: fc.constant('window is' as const),
    from: fc.integer({ min: -30, max: 60 }),
    until: fc.integer({ min: -30, max: 120 }),
  }),
  fc.record({
    does: fc.constant('access is' as const),
    mode: fc.constantFrom('Continuous' as const, 'Period' as const, 'Disabled' as const),
  }),
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('named are' as const),
      people: fc.subarray(people, { minLength: 0, maxLength: 4 }),
    }),
  },
  fc.record({ does: fc.constant('partner is suspended' as const), partner: partnerName }),
  fc.record({ does: fc.constant('partner is back' as const), partner: partnerName }),
  fc.record({
    does: fc.constant('sam is claimed by' as const),
    order: fc.shuffledSubarray(['fabrikam' as const, 'contoso' as const]),
  }),
)

/** Something happens, and then the operator runs a few times, well or badly, or not at all. */
const chapter = fc
  .tuple(
    happens,
    fc.constantFrom<Event['does'] & `operator ${string}`>(
      'operator runs',
      'operator runs',
      'operator runs, but what it revokes stays in effect',
      'operator runs, but what it revokes stays in effect',
      'operator revokes and dies',
    ),
    fc.nat({ max: 3 }),
  )
  .map(([what, does, times]): readonly Event[] => [
    what,
    ...Array.from({ length: times }, () => ({ does })),
  ])

type World = {
  now: EpochMs
  link: Link
  grant: Grant | undefined
  suspended: Set<string>
  samClaims: readonly Claim[]
  /** Who can enter as the cluster sees it: what the operator has last done, alive or not. */
  inside: ReadonlyMap<string, string>
}

function newGrant(partner: string): Grant {
  return {
    partner,
    relationship: 'Invited',
    mode: 'Continuous',
    window: {},
    maxScope: 'Full',
    technicians: [],
    deleting: false,
  }
}

function partnerOf({ suspended, samClaims }: World, name: string): Partner {
  const own = name === 'fabrikam' ? ['tina', 'tom'] : ['carl', 'cora']
  const organization = { kind: 'partner', name } as const
  const fact = (user: string, claims: readonly Claim[], since: number): MemberFact => ({
    source: 'member',
    object: user,
    uid: user,
    since,
    person: { name: user, claims, fits: [] },
    role: 'User',
    recordedRole: undefined,
    deleting: false,
  })
  const sam = samClaims.find((claim) => claim.organization.name === name)
  return {
    ref: organization,
    uid: name,
    deleting: false,
    usernames: 'none',
    members: [
      ...own.map((user) => fact(user, [{ organization, since: 0, uid: user, recorded: false }], 0)),
      ...(sam ? [fact('sam', samClaims, sam.since)] : []),
    ],
    accredited: true,
    suspended: suspended.has(name),
    signInReady: true,
  }
}

function decide(world: World) {
  const { grant, link, now } = world
  return access(
    {
      customer: {
        ref: { kind: 'customer', name: 'northwind' },
        uid: 'northwind',
        deleting: false,
        usernames: 'none',
        members: [],
        portalActive: true,
      },
      ancestors: [],
      link,
      grant,
      partner: grant && partnerOf(world, grant.partner),
      skewMs: 0,
    },
    now,
  ).technicians.filter(({ may }) => may === 'Enter')
}

/** One run as the operator makes it: revoke, prove, move the link on, and only then let in. */
function runOperator(world: World, trouble?: 'dies' | 'revokes nothing'): void {
  const { grant, link } = world
  const entering = decide(world)
  const allowed = new Set(entering.map(({ person }) => person))
  if (trouble !== 'revokes nothing') {
    world.inside = new Map([...world.inside].filter(([person]) => allowed.has(person)))
  }
  if (trouble === 'dies') return
  const wanted = grant && !world.suspended.has(grant.partner) ? grant.partner : undefined
  const othersProvenOut = world.inside.size === 0
  const next = nextLink(link, { wanted, keeps: grant?.partner, othersProvenOut })
  // As in the operator, what follows from a new state is done in the next run.
  if (next === link && link.state === 'Linked') {
    for (const { person } of entering)
      world.inside = new Map(world.inside).set(person, link.partner)
  }
  world.link = next
}

function take(world: World, what: Event): void {
  const { grant } = world
  switch (what.does) {
    case 'time passes':
      world.now += what.minutes * minute
      return
    case 'grant names':
      // The CRD lets a change of the partner keep none of the old technicians.
      if (grant?.partner !== what.partner) world.grant = newGrant(what.partner)
      return
    case 'grant is deleted':
      world.grant = undefined
      return
    case 'window is': {
      const at = (minutes: number) => new Date(world.now + minutes * minute).toISOString()
      const window = { notBefore: at(what.from), notAfter: at(what.until) }
      if (grant) world.grant = { ...grant, mode: 'Period', window }
      return
    }
    case 'access is':
      if (grant) world.grant = { ...grant, mode: what.mode }
      return
    case 'named are':
      if (grant)
        world.grant = { ...grant, technicians: what.people.map((name) => ({ name, scope })) }
      return
    case 'partner is suspended':
      world.suspended.add(what.partner)
      return
    case 'partner is back':
      world.suspended.delete(what.partner)
      return
    case 'sam is claimed by':
      world.samClaims = what.order.map((name, since) => ({
        organization: { kind: 'partner', name },
        since,
        uid: name,
        recorded: false,
      }))
      return
    case 'operator runs':
      return runOperator(world)
    case 'operator revokes and dies':
      return runOperator(world, 'dies')
    case 'operator runs, but what it revokes stays in effect':
      return runOperator(world, 'revokes nothing')
  }
}

describe('whatever happens in whatever order', () => {
  test('one partner at most is inside, in its window, by name, and each person has one home (ONE-PARTNER, NO-EARLY, NO-LATE, ONE-HOME)', () => {
    fc.assert(
      fc.property(fc.array(chapter, { maxLength: 8, size: 'max' }), (chapters) => {
        const world: World = {
          now: start,
          link: { state: 'Vacant', epoch: 0 },
          grant: undefined,
          suspended: new Set(),
          samClaims: [],
          inside: new Map(),
        }
        let last: string | undefined
        let vacantSince = true
        for (const what of chapters.flat()) {
          take(world, what)
          if (world.link.state === 'Vacant') vacantSince = true
          const inside = new Set(world.inside.values())
          if (inside.size > 1) throw new Error('two partners are inside')
          const [partner] = inside
          if (partner !== undefined && partner !== last) {
            if (!vacantSince) throw new Error('a partner entered without Vacant in between')
            last = partner
            vacantSince = false
          }
          checkDecision(world)
          checkHomes(world)
        }
      }),
      { numRuns: runs },
    )
  }, 60_000)
})

/** What is decided at this moment, held against the rules said anew and bluntly. */
function checkDecision(world: World): void {
  const { grant, link, now, suspended } = world
  for (const { person } of decide(world)) {
    if (!grant || link.state !== 'Linked' || link.partner !== grant.partner)
      throw new Error(`${person} enters without a linked partner`)
    if (!grant.technicians.some(({ name }) => name === person))
      throw new Error(`${person} enters without being named`)
    if (suspended.has(grant.partner)) throw new Error(`${person} of a suspended partner enters`)
    if (grant.mode === 'Disabled') throw new Error(`${person} enters a disabled grant`)
    if (grant.mode === 'Period') {
      const from = Date.parse(grant.window.notBefore ?? '')
      const until = Date.parse(grant.window.notAfter ?? '')
      if (!(now >= from && now < until)) throw new Error(`${person} enters outside the window`)
    }
    if (person === 'nobody') throw new Error('somebody who is no member enters')
  }
}

function checkHomes({ samClaims }: World): void {
  const sam: Person = { name: 'sam', claims: samClaims, fits: [] }
  const homes = ['fabrikam', 'contoso'].filter((name) => isHome(sam, { kind: 'partner', name }))
  expect(homes.length).toBeLessThanOrEqual(1)
}

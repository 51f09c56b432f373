// Who is told what, from facts alone: one run after the other, each with the status of the last.
import { describe, expect, test } from 'vitest'
import { hour, northwind, now, seen } from '../../test/support/seen.ts'
import { isFalse, isTrue } from '../api/conditions.ts'
import type { CustomerOrganizationStatus } from '../api/kinds.generated.ts'
import { formatTime } from '../api/time.ts'
import { deliveryKey } from '../notify/notice.ts'
import type { Outcome } from '../notify/outbox.ts'
import type { Notify } from '../notify/port.ts'
import type { Seen } from './gather.ts'
import { nextNotice, recipientOf, withNotices } from './notices.ts'

const day = 24 * hour
const addresses: Readonly<Record<string, string>> = {
  fabrikam: 'ada@fabrikam.example',
  lumen: 'lea@lumen.example',
}

type Link = { readonly state: 'Linked' | 'Releasing' | 'Vacant'; readonly name?: string }
type Run = {
  readonly at?: number
  readonly link?: Link
  readonly portal?: boolean
  readonly ready?: boolean
  readonly days?: number
  readonly invites?: string
  readonly unproven?: boolean
  /** How often the identity provider was written. */
  readonly signIn?: number
  readonly outcomes?: readonly Outcome[]
}

/** A customer over several runs. */
function start(status: CustomerOrganizationStatus | undefined) {
  let current = status
  return {
    status: () => current,
    run(change: Run = {}) {
      const turn = turnOf(change, current)
      const notify: Notify = {
        reach: { mail: true, platform: 'ops@platform.example', webhooks: [] },
        portalURL: 'https://portal.example/{customer}',
        settled: () => change.outcomes ?? [],
        offer: () => {},
        forget: () => {},
        drop: () => {},
      }
      const { link = { state: 'Vacant' }, portal = true, ready = true } = change
      const plain: CustomerOrganizationStatus = {
        observedGeneration: 1,
        portal: portal ? 'On' : 'Off',
        partner: { ...link, epoch: 1 },
      }
      const findings = ['NamespaceReady', 'AccessReady'].map((type) =>
        ready ? isTrue(type, 'Ready', '') : isFalse(type, 'Proving', ''),
      )
      const said = withNotices(notify, turn, { status: plain, findings, guarded: false })
      const known = new Set(current?.notifications?.pending?.map(({ id }) => id))
      current = said.status
      const pending = said.status.notifications?.pending ?? []
      return pending.filter(({ id }) => !known.has(id))
    },
  }
}

function turnOf(change: Run, status: CustomerOrganizationStatus | undefined) {
  const { at = now, link = { state: 'Vacant' }, portal = true, days, invites, unproven } = change
  const base = seen({
    partnerContact: (name) => addresses[name],
    ...(change.signIn !== undefined && { identityProvider: identityProvider(change.signIn) }),
  })
  const end = days === undefined ? undefined : formatTime(now + days * day)
  const grant = base.known.grant && {
    ...base.known.grant,
    ...(invites !== undefined && { partner: invites }),
    window: {
      notBefore: formatTime(now - 90 * day),
      ...(end !== undefined && { notAfter: end }),
    },
  }
  const facts: Seen = {
    ...base,
    object: {
      ...base.object,
      spec: { contact: { email: 'olga@northwind.example' } },
      ...(status && { status }),
    },
    known: {
      ...base.known,
      customer: { ...northwind, portalActive: portal },
      grant: link.state === 'Vacant' && invites === undefined ? undefined : grant,
    },
  }
  const people = unproven
    ? {
        state: 'Unproven' as const,
        leaves: true,
        why: { reason: 'DatabaseUnproven' as const, message: 'Server pg-2 does not answer.' },
        error: new Error('away'),
      }
    : { state: 'Proven' as const }
  return {
    seen: facts,
    plan: { until: end, linkWaits: undefined },
    facts: {
      revoked: 'done' as const,
      proof: { open: [], misses: 0, askAgainMs: 0 },
      people,
    },
    now: at,
  }
}

function identityProvider(generation: number): NonNullable<Seen['identityProvider']> {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'IdentityProvider',
    metadata: { name: 'sso', uid: 'uid', generation },
    spec: { issuerURL: `https://login-${generation}.example` },
  }
}

const kindsOf = (notices: readonly { readonly kind: string }[]) => notices.map(({ kind }) => kind)
const linked = { state: 'Linked', name: 'fabrikam' } as const

describe('the contact of a customer', () => {
  test('is told of the portal once it is open for its people, and once only (PROVEN)', () => {
    const customer = start(undefined)
    expect(customer.run({ portal: false })).toEqual([])
    expect(customer.run({ ready: false })).toEqual([])
    expect(kindsOf(customer.run())).toEqual(['PortalActivated'])
    expect(customer.run()).toEqual([])
    expect(customer.run({ ready: false })).toEqual([])
    expect(customer.run()).toEqual([])
    expect(customer.run({ portal: false })).toEqual([])
    expect(kindsOf(customer.run())).toEqual(['PortalActivated'])
  })

  test('is told nothing of what was so before notifications were switched on', () => {
    const customer = start({ observedGeneration: 1, portal: 'On' })
    const run = { link: linked, days: 5 }
    expect(customer.run({ ...run, ready: false })).toEqual([])
    expect(customer.run(run)).toEqual([])
  })

  test('is told where the people sign in whenever that has changed, and not how it was at first', () => {
    const customer = start(undefined)
    customer.run({ signIn: 1 })
    expect(kindsOf(customer.run({ signIn: 1 }))).toEqual([])
    const [notice] = customer.run({ signIn: 2 })
    expect(notice).toMatchObject({ kind: 'SignInChanged', to: ['Contact'] })
    expect(notice?.message).toContain('https://login-2.example')
    expect(customer.run({ signIn: 2 })).toEqual([])
    expect(customer.run()[0]?.message).toContain('nowhere any more')
  })

  test('is told of the end at 30, 7 and 1 days, each once', () => {
    const customer = start(undefined)
    customer.run()
    const kindsAt = (daysLeft: number) =>
      kindsOf(customer.run({ link: linked, days: 60, at: now + (60 - daysLeft) * day }))
    expect(kindsAt(60)).toEqual(['PartnerInvited', 'PartnerLinked'])
    expect([kindsAt(31), kindsAt(30), kindsAt(29)]).toEqual([[], ['AccessEnds'], []])
    expect([kindsAt(8), kindsAt(7), kindsAt(6)]).toEqual([[], ['AccessEnds'], []])
    expect([kindsAt(1), kindsAt(0.5)]).toEqual([['AccessEnds'], []])
    expect(kindsAt(0)).toEqual(['AccessChanged'])
  })

  test('is looked at again when the next warning is due', () => {
    const turn = turnOf({ link: linked, days: 60 }, undefined)
    expect(nextNotice(turn.seen, now)).toBe(now + 30 * day)
  })
})

describe('a hand-over', () => {
  test('tells each partner of itself and of nobody else (ISOLATED)', () => {
    const customer = start(undefined)
    customer.run({ link: linked })
    expect(customer.run({ link: { state: 'Releasing', name: 'fabrikam' } })).toEqual([])
    const released = customer.run({ link: { state: 'Vacant' }, invites: 'lumen' })
    expect(kindsOf(released)).toEqual(['PartnerReleased', 'PartnerInvited'])
    const next = customer.run({ link: { state: 'Linked', name: 'lumen' }, invites: 'lumen' })
    expect(kindsOf(next)).toEqual(['PartnerLinked'])
    for (const { partner, message, to } of [...released, ...next]) {
      const other = partner === 'lumen' ? 'fabrikam' : 'lumen'
      expect(message).not.toContain(other)
      expect(to).toContain('Partner')
    }
  })
})

describe('the platform', () => {
  test('is told of a revocation that stays half proven, and not of one that was cured', () => {
    const customer = start(undefined)
    customer.run()
    const notices = customer.run({ unproven: true })
    expect(notices).toMatchObject([
      {
        kind: 'RevocationHalfProven',
        to: ['Platform'],
        message: expect.stringContaining('pg-2 does not answer'),
      },
    ])
    expect(customer.run({ unproven: true })).toEqual([])
    customer.run()
    expect(kindsOf(customer.status()?.notifications?.pending ?? [])).toEqual(['PortalActivated'])
  })
})

describe('what could not be delivered', () => {
  test('is a condition until something else arrives, and no reason not to be Ready', () => {
    const customer = start(undefined)
    const [notice] = customer.run()
    if (!notice) throw new Error('nothing was told')
    const failed = { key: deliveryKey(notice, 'Contact'), failure: 'No such mailbox.' }
    customer.run({ outcomes: [{ ...failed, address: 'olga@northwind.example' }] })
    const notified = () =>
      customer.status()?.conditions?.find(({ type }) => type === 'Notified')?.message
    expect(notified()).toBe(
      'PortalActivated (PortalActivated-1) has not reached Contact: No such mailbox.',
    )
    const [next] = customer.run({ link: linked }).filter(({ kind }) => kind === 'PartnerLinked')
    if (!next) throw new Error('nothing was told')
    customer.run({
      link: linked,
      outcomes: [{ key: deliveryKey(next, 'Contact'), failure: undefined }],
    })
    expect(notified()).toBeUndefined()
  })
})

test('the portal has the address of the customer', () => {
  const reach = { mail: true, platform: undefined, webhooks: [] }
  const notify = { reach, portalURL: 'https://{customer}.portal.example' }
  expect(recipientOf(notify, seen()).portalURL).toBe('https://northwind.portal.example')
})

// What a grant gives and says, from facts alone.
import { describe, expect, test } from 'vitest'
import type { Grant } from '../access/grant.ts'
import type { Customer, MemberFact, Partner } from '../access/organization.ts'
import type { Job } from '../api/resources.ts'
import { switchName } from '../access/switches.ts'
import type { Seen } from './gather.ts'
import { planGrantStatus } from './plan.ts'
import { report } from './report.ts'

const now = Date.parse('2026-12-01T12:00:00Z')
const day = 86_400_000
const iso = (ms: number) => new Date(ms).toISOString()

const organization = { kind: 'partner', name: 'fabrikam' } as const
const tina: MemberFact = {
  source: 'member',
  object: 'tina',
  uid: 'tina',
  since: 0,
  person: {
    name: 'tina',
    claims: [{ organization, since: 0, uid: 'tina', recorded: true }],
    fits: [],
  },
  role: 'User',
  recordedRole: undefined,
  deleting: false,
}
const base = { uid: 'uid', deleting: false, usernames: 'none' } as const
const fabrikam: Partner = {
  ...base,
  ref: organization,
  members: [tina],
  accredited: true,
  suspended: false,
  signInReady: true,
}
const northwind: Customer = {
  ...base,
  ref: { kind: 'customer', name: 'northwind' },
  members: [],
  portalActive: true,
}

function seen(fromMs: number, untilMs: number, jobs: readonly Job[] = []): Seen {
  const window = { notBefore: iso(fromMs), notAfter: iso(untilMs) }
  const grant: Grant = {
    partner: 'fabrikam',
    relationship: 'Invited',
    mode: 'Period',
    window,
    maxScope: 'Full',
    technicians: [{ name: 'tina', scope: 'Full' }],
    deleting: false,
  }
  return {
    object: {
      apiVersion: 'tenantry.dev/v1alpha1',
      kind: 'PartnerAccessGrant',
      metadata: { name: 'partner', namespace: 'customer-northwind', generation: 1 },
      spec: { partnerRef: { name: 'fabrikam' } },
    },
    namespace: 'customer-northwind',
    known: {
      customer: northwind,
      ancestors: [],
      link: { state: 'Linked', epoch: 1, partner: 'fabrikam' },
      grant,
      partner: fabrikam,
      skewMs: 0,
    },
    jobs,
    listed: [],
    acting: [],
    signInURL: 'https://signin.example/northwind',
  }
}

function conditionOf(facts: Seen, type: string, open: readonly { expected: boolean }[] = []) {
  const plan = planGrantStatus(facts, now)
  const proof = {
    open: open.map((each) => ({ person: 'tina', ...each })),
    misses: 1,
    askAgainMs: 20,
  }
  return report(facts, plan, proof, now).findings.find((finding) => finding.type === type)
}

function armedJob(end: number, completedBefore: number): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: switchName(end), namespace: 'customer-northwind' },
    spec: { ttlSecondsAfterFinished: completedBefore },
    status: { completionTime: iso((end - completedBefore) * 1000) },
  }
}

describe('a grant', () => {
  test('is Active only when the API server says so (PROVEN)', () => {
    const facts = seen(now - day, now + day)
    expect(conditionOf(facts, 'Active')).toMatchObject({ status: 'True', reason: 'Active' })
    expect(conditionOf(facts, 'Active', [{ expected: true }])).toMatchObject({
      status: 'False',
      reason: 'Proving',
    })
  })

  test('that nobody can accept, since its partner cannot be linked, says why, whoever is named', () => {
    const facts = seen(now - day, now + day)
    const { known } = facts
    const grant = known?.grant
    if (!grant) throw new Error('there is a grant')
    for (const technicians of [grant.technicians, []]) {
      const invited: Seen = {
        ...facts,
        known: {
          ...known,
          link: { state: 'Vacant', epoch: 0 },
          grant: { ...grant, technicians },
          partner: { ...fabrikam, signInReady: false },
        },
      }
      const ready = conditionOf(invited, 'Ready')
      expect(ready).toMatchObject({ status: 'False', reason: 'SignInMissing' })
    }
  })

  test('is not Revoked while the API server still lets somebody in (PROVEN)', () => {
    const facts = seen(now - 2 * day, now - day)
    expect(conditionOf(facts, 'Revoked', [{ expected: false }])).toMatchObject({
      status: 'False',
      reason: 'AccessUnproven',
      message: expect.stringContaining('tina'),
    })
    expect(conditionOf(facts, 'Revoked')).toMatchObject({ status: 'True' })
  })

  test('shows its sign-in URL only while somebody may enter', () => {
    const urlOf = (facts: Seen) =>
      report(facts, planGrantStatus(facts, now), { open: [], misses: 0, askAgainMs: 0 }, now).status
        .signInURL
    expect(urlOf(seen(now - day, now + day))).toBe('https://signin.example/northwind')
    expect(urlOf(seen(now + day, now + 2 * day))).toBeUndefined()
  })

  test('has an armed backstop only when completion and time to live are within the end', () => {
    const end = now / 1000 + 3600
    const open = (jobs: readonly Job[]) =>
      conditionOf(seen(now - day, end * 1000, jobs), 'Backstop')
    expect(open([])).toMatchObject({ status: 'False', reason: 'BackstopNotArmed' })
    expect(open([armedJob(end, 600)])).toMatchObject({ status: 'True', reason: 'Armed' })
    const late = { ...armedJob(end, 600), spec: { ttlSecondsAfterFinished: 601 } }
    expect(open([late])).toMatchObject({ status: 'False' })
  })

  test('whose switch is gone in the last two seconds has done with it, and does not say that it is missing', () => {
    const notArmed = (endsInMs: number, jobs: readonly Job[] = []) =>
      planGrantStatus(seen(now - day, now + endsInMs, jobs), now).notArmed
    expect(notArmed(3_000)).toEqual([now / 1000 + 3])
    expect(notArmed(1_000)).toEqual([])
    const late = { ...armedJob(now / 1000 + 1, 600), spec: { ttlSecondsAfterFinished: 601 } }
    expect(notArmed(1_000, [late])).toEqual([now / 1000 + 1])
  })

  test.each([
    [31, undefined],
    [30, 'EndsWithinAMonth'],
    [7, 'EndsWithinAWeek'],
    [1, 'EndsWithinADay'],
  ])('that ends in %i days says %s', (days, reason) => {
    const facts = seen(now - 90 * day, now + days * day)
    expect(conditionOf(facts, 'Ending')?.reason).toBe(reason)
  })

  test('of an hour is not announced as ending from the moment it begins', () => {
    expect(conditionOf(seen(now, now + 3_600_000), 'Ending')).toBeUndefined()
  })

  test('is looked at again at the next warning, and then at the end', () => {
    const next = (days: number) =>
      planGrantStatus(seen(now - 90 * day, now + days * day), now).nextChange
    expect(next(31)).toBe(now + day)
    expect(next(0.5)).toBe(now + 0.5 * day)
  })
})

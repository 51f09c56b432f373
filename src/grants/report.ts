// The status of a grant: per person Enter, Later or Not, until when and why; and what was proven.
// Holds PROVEN, QUIET, ISOLATED (a message never names another organization).

import type { Known, Technician } from '../access/access.ts'
import { guardedCondition } from '../access/facts.ts'
import { unguardedGrant } from '../access/grant.ts'
import { linkedPartner } from '../access/link.ts'
import { partnerNotLinked, partnerObjection } from '../access/partner-objection.ts'
import { conditionsFrom, isFalse, isTrue, readyFrom, type Finding } from '../api/conditions.ts'
import type { PartnerAccessGrantStatus } from '../api/kinds.generated.ts'
import type { Verdict } from '../api/reasons.ts'
import { formatTime, type EpochMs } from '../api/time.ts'
import type { AccessAnswers } from '../runtime/index.ts'
import type { Seen } from './gather.ts'
import type { Plan, Question } from './plan.ts'

export type Report = {
  readonly status: PartnerAccessGrantStatus
  readonly findings: readonly Finding[]
}

export function report(
  seen: Seen,
  plan: Plan,
  proof: AccessAnswers<Question>,
  now: EpochMs,
): Report {
  const { metadata, status: before } = seen.object
  const findings = findingsOf(seen, plan, proof)
  const somebodyEnters = plan.access?.technicians.some(({ may }) => may === 'Enter') ?? false
  return {
    findings,
    status: {
      ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
      epoch: seen.known?.link.epoch ?? 0,
      access: plan.column,
      ...(plan.until !== undefined && { until: formatTime(plan.until) }),
      ...(somebodyEnters && seen.signInURL !== undefined && { signInURL: seen.signInURL }),
      people: (plan.access?.technicians ?? []).map(personStatus),
      conditions: conditionsFrom(findings, before?.conditions, {
        now,
        generation: metadata.generation,
      }),
    },
  }
}

function personStatus(technician: Technician) {
  const { person: name, scope, may } = technician
  switch (technician.may) {
    case 'Enter':
      return { name, scope, may, ...untilOf(technician.until) }
    case 'Later':
      return {
        name,
        scope,
        may,
        from: formatTime(technician.from),
        ...untilOf(technician.until),
        reason: 'Scheduled',
        message: `The window of ${name} begins at ${formatTime(technician.from)}.`,
      }
    case 'Not':
      return { name, scope, may, ...technician.why }
  }
}

function untilOf(until: EpochMs | 'open') {
  return until === 'open' ? {} : { until: formatTime(until) }
}

function findingsOf(seen: Seen, plan: Plan, proof: AccessAnswers<Question>): readonly Finding[] {
  const findings = [
    active(plan, proof),
    revoked(seen, plan, proof),
    ...(plan.ends.length === 0 ? [] : [backstop(plan)]),
    ...(plan.endingWithinDays === undefined ? [] : [ending(plan, plan.endingWithinDays)]),
    ...(plan.review === 'none' ? [] : [reviewDue(seen, plan)]),
    ...(seen.known?.grant?.unguarded ? [unguarded(seen.known.customer.ref.name)] : []),
  ]
  return [...findings, ready(seen, plan, findings)]
}

function active({ access, column }: Plan, { open }: AccessAnswers<Question>): Finding {
  const technicians = access?.technicians ?? []
  const entering = technicians.filter(({ may }) => may === 'Enter')
  const waiting = open.filter(({ expected }) => expected)
  if (entering.length > 0 && waiting.length === 0) {
    return isTrue('Active', 'Active', `The API server lets ${count(entering.length)} enter.`)
  }
  if (entering.length > 0) {
    return isFalse('Active', 'Proving', 'The API server does not let everybody in yet.')
  }
  if (technicians.length === 0) {
    return isFalse('Active', 'NoTechnician', 'Nobody is named. A partner Admin names technicians.')
  }
  const [first] = technicians
  if (technicians.some(({ may }) => may === 'Later')) {
    return isFalse('Active', 'Scheduled', 'The window has not begun.')
  }
  if (column === 'Expired') return isFalse('Active', 'Expired', 'The window has ended.')
  return first?.may === 'Not'
    ? isFalse('Active', first.why.reason, first.why.message)
    : isFalse('Active', 'NoTechnician', 'Nobody may enter.')
}

function count(people: number): string {
  return people === 1 ? '1 person' : `${people} people`
}

/** True says: everybody named here who may not enter was asked about, and the answer was no. */
function revoked(
  { namespace, listed, acting }: Seen,
  { questions }: Plan,
  { open }: AccessAnswers<Question>,
): Finding {
  const still = open.filter(({ expected }) => !expected).map(({ person }) => person)
  // A name leaves the list when the catalog has said that the login is gone.
  const entering = new Set(
    questions.filter(({ verb, expected }) => expected && !verb).map(({ person }) => person),
  )
  const inDatabase = listed.filter((person) => !entering.has(person))
  if (still.length === 0 && inDatabase.length > 0) {
    return isFalse(
      'Revoked',
      'DatabaseUnproven',
      `The API server lets nobody in who may not enter. In the database it is not proven yet of ${inDatabase.slice(0, 10).join(', ')}; the customer's conditions say why.`,
    )
  }
  const remembered = acting.filter(
    (person) => !questions.some((each) => each.person === person && each.verb && each.expected),
  )
  if (still.length === 0 && remembered.length > 0) {
    return isFalse(
      'Revoked',
      'ImpersonationRemembered',
      `Whoever may not enter was asked about and cannot. Of ${remembered.slice(0, 10).join(', ')} the API server may remember for ten seconds a right to act as somebody.`,
    )
  }
  if (still.length === 0)
    return isTrue('Revoked', 'Proven', 'Whoever may not enter was asked about and cannot.')
  return isFalse(
    'Revoked',
    'AccessUnproven',
    `The API server still lets ${still.slice(0, 10).join(', ')} into ${namespace}. If this stays, remove the binding that Tenantry did not make.`,
  )
}

/** There only while it is so: the next run reads from it that it was found before. */
function unguarded(customer: string): Finding {
  const { reason, message } = unguardedGrant(customer)
  return isFalse(guardedCondition, reason, message)
}

/** Whether the windows end in time with every replica dead. */
function backstop({ ends, notArmed }: Plan): Finding {
  if (notArmed.length === 0) {
    return isTrue(
      'Backstop',
      'Armed',
      `The cluster itself ends ${ends.length === 1 ? 'the open window' : 'each open window'} in time, also without the operator.`,
    )
  }
  const first = formatTime(Math.min(...notArmed) * 1000)
  return isFalse(
    'Backstop',
    'BackstopNotArmed',
    `The cluster has not taken up the Job that ends the window at ${first} by itself. Until then its end needs the operator. If this stays, look at the cluster's controller-manager.`,
  )
}

/** A step of days, no countdown: each is one Event, and none is repeated by a restart. */
function ending({ until }: Plan, days: number): Finding {
  const end = until === undefined ? '' : ` at ${formatTime(until)}`
  const reason = days === 1 ? 'EndsWithinADay' : days === 7 ? 'EndsWithinAWeek' : 'EndsWithinAMonth'
  return isTrue(
    'Ending',
    reason,
    `The access ends${end}. Whoever decides about it sets a later spec.access.notAfter, if it is to go on.`,
  )
}

function reviewDue({ object }: Seen, { review }: Plan): Finding {
  const reviewBy = object.spec.reviewBy ?? ''
  return review === 'due'
    ? isTrue(
        'ReviewDue',
        'ReviewOverdue',
        `The review was due at ${reviewBy}. Check who is named here, then set spec.reviewBy to the next date.`,
      )
    : isFalse('ReviewDue', 'ReviewLater', `The next review is due at ${reviewBy}.`)
}

function ready({ known }: Seen, { access }: Plan, findings: readonly Finding[]): Finding {
  if (!known) {
    return isFalse(
      'Ready',
      'OrganizationNotFound',
      'The namespace belongs to no customer that exists. Create the customer, or move this grant.',
    )
  }
  const why = whyNotLinked(known)
  if (why) return isFalse('Ready', why.reason, why.message)
  const entering = access?.technicians.some(({ may }) => may === 'Enter') ?? false
  const refused = access?.technicians.find(({ may }) => may === 'Not')
  // Waiting for a window, or switched off on purpose, is no failure; being refused is.
  if (refused?.may === 'Not' && !onPurpose.has(refused.why.reason)) {
    return isFalse('Ready', refused.why.reason, refused.why.message)
  }
  return readyFrom(findings, entering ? ['Revoked', 'Active'] : ['Revoked'])
}

/** An invitation that nobody can accept yet, with or without somebody named, is not ready. */
function whyNotLinked({ customer, grant, link, partner }: Known): Verdict | undefined {
  if (!grant || grant.deleting || linkedPartner(link) === grant.partner) return undefined
  return (
    partnerObjection(partner, grant.partner) ?? partnerNotLinked(grant.partner, customer.ref.name)
  )
}

const onPurpose = new Set<string>(['AccessDisabled', 'WindowEnded', 'Suspended'])

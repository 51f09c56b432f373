// `where`: which customers a person may enter. For oneself the API server itself is asked, customer by
// customer, as the operator asks it for its proof; for somebody else the decision is made anew from the
// whole platform, which only the platform may read.

import { access } from '../access/access.ts'
import { knownAbout } from '../access/facts.ts'
import type { PartnerAccessGrant } from '../api/kinds.generated.ts'
import { customerNamespace, grantName } from '../api/names.ts'
import { resources, type ResourceOf } from '../api/resources.ts'
import { listedCustomers, type Listed } from './customers.ts'
import { linesOf } from './explain.ts'
import type { Answer, Row } from './output.ts'
import { readPlatform } from './platform.ts'
import { seen, show, type CommonOptions, type Session } from './session.ts'

type Place = {
  readonly customer: string
  readonly may: 'Enter' | 'Later' | 'Not'
  readonly as: string
  readonly when: string
  readonly why: string
}

export async function where(
  session: Session,
  options: CommonOptions,
  person: string | undefined,
): Promise<void> {
  await show(session, options, async () =>
    answerOf(person === undefined ? await ofMine(session) : await ofAnother(session, person)),
  )
}

async function ofMine(session: Session): Promise<readonly Place[]> {
  const me = await session.person()
  const listed = await listedCustomers(session)
  return Promise.all(listed.map((each) => placeOf(session, me, each)))
}

async function placeOf(session: Session, me: string, { name }: Listed): Promise<Place> {
  const { signal, client } = session
  const namespace = customerNamespace(name)
  const [entered, grant] = await Promise.all([
    isLetIn(session, namespace),
    seen(client.get(signal, resources.grants, { namespace, name: grantName })),
  ])
  const entry = grant?.status?.people?.find((each) => each.name === me)
  if (entered) {
    return {
      customer: name,
      may: 'Enter',
      as: entry ? `technician ${entry.scope}` : 'own right',
      when: entry?.until === undefined ? '' : `until ${entry.until}`,
      why: '',
    }
  }
  return { customer: name, ...whyNot(grant, entry) }
}

type Entry = NonNullable<NonNullable<PartnerAccessGrant['status']>['people']>[number]

function whyNot(
  grant: PartnerAccessGrant | undefined,
  entry: Entry | undefined,
): Omit<Place, 'customer'> {
  const none = { may: 'Not', as: '', when: '' } as const
  if (entry) {
    const { may, scope, from, reason = '', message = '' } = entry
    return {
      may: may === 'Later' ? 'Later' : 'Not',
      as: `technician ${scope}`,
      when: may === 'Later' ? `from ${from ?? ''}` : '',
      why:
        may === 'Enter'
          ? 'Proving: the API server does not let you in yet.'
          : `${reason}: ${message}`,
    }
  }
  if (grant)
    return {
      ...none,
      why: 'You are not named in its grant. An Admin of the partner names technicians: `kubectl tenantry grant`.',
    }
  return {
    ...none,
    why: 'You are not let in, and you may not read why. Ask an Admin of your organization.',
  }
}

type Review = { readonly status?: { readonly allowed?: boolean } }

const selfAccessReviews: ResourceOf<Review> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
}

/** What everybody who is let in may do, and the operator asks about too. */
async function isLetIn({ signal, client }: Session, namespace: string): Promise<boolean> {
  const { status } = await client.create(signal, selfAccessReviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    metadata: {},
    spec: { resourceAttributes: { namespace, verb: 'get', version: 'v1', resource: 'pods' } },
  })
  return status?.allowed === true
}

async function ofAnother(session: Session, person: string): Promise<readonly Place[]> {
  const { directory, customers } = await readPlatform(session)
  return customers.flatMap((object) => {
    const decided = access(knownAbout(directory, object), session.now())
    return linesOf(decided)
      .filter((line) => line.person === person)
      .map(({ as, may, when, why }): Place => ({
        customer: object.metadata.name,
        as,
        may,
        when,
        why,
      }))
  })
}

function answerOf(places: readonly Place[]): Answer {
  return {
    columns: ['CUSTOMER', 'MAY', 'AS', 'WHEN', 'WHY'],
    rows: places.map((place): Row => {
      const { customer, may, as, when, why } = place
      return { name: customer, cells: [customer, may, as, when, why], value: place }
    }),
    none: 'Nowhere.',
  }
}

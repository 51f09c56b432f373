// The decision about one person in one customer, step by step: each check of the core by its own name,
// in its own order, with what it has found. Nothing is judged here.

import { access, technicianClaims } from '../access/access.ts'
import { ancestryIn, knownAbout, type Directory, formatHome } from '../access/facts.ts'
import { homeOf } from '../access/home.ts'
import { standingsOf } from '../access/members.ts'
import type { Organization } from '../access/organization.ts'
import { technicianSteps } from '../access/technician-checks.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import type { EpochMs } from '../api/time.ts'
import { linesOf } from './explain.ts'

export type Step = { readonly asked: string; readonly answer: string }

export function explainPerson(
  directory: Directory,
  object: CustomerOrganization,
  { person, now }: { readonly person: string; readonly now: EpochMs },
): readonly Step[] {
  const known = knownAbout(directory, object)
  const { customer, ancestors, partner } = known
  const { name } = object.metadata
  const ancestry = ancestryIn(directory, name)
  const home = homeOf({ name: person, claims: directory.claimsOn(person), fits: [] })
  const claims = technicianClaims(known).filter(({ entry }) => entry.name === person)
  const lines = linesOf(access(known, now)).filter((line) => line.person === person)
  return [
    {
      asked: 'where the person belongs',
      answer: home ? formatHome(home) : 'no organization claims this person',
    },
    {
      asked: 'the customers above',
      answer:
        ancestry.outcome === 'found'
          ? ancestry.ancestors.join(', ') || 'none'
          : `${ancestry.why.reason}: ${ancestry.why.message}`,
    },
    { asked: `role in customer/${name}`, answer: roleIn(customer, person) },
    ...ancestors.map((parent) => ({
      asked: `role in customer/${parent.ref.name}, above`,
      answer: roleIn(parent, person),
    })),
    ...(partner
      ? [{ asked: `role in partner/${partner.ref.name}`, answer: roleIn(partner, person) }]
      : []),
    ...claims.flatMap((claim) =>
      technicianSteps(claim, now).map(({ fault, found }) => ({
        asked: `as technician ${claim.entry.scope}: ${spoken(fault)}?`,
        answer: found ? `${found.reason}: ${found.message}` : 'no',
      })),
    ),
    ...(lines.length === 0
      ? [{ asked: 'result', answer: 'Not: named nowhere in this customer' }]
      : lines.map(({ as, may, when, why }) => ({
          asked: `result, as ${as}`,
          answer: [may, when, why].filter((part) => part !== '').join(' · '),
        }))),
  ]
}

function roleIn(organization: Organization, person: string): string {
  const found = standingsOf(organization).filter(({ member }) => member.person.name === person)
  const [standing] = found
  if (!standing) return 'none'
  return standing.holds === 'Nothing'
    ? `none · ${standing.why.reason}: ${standing.why.message}`
    : standing.holds
}

/** `partnerIsNotLinked` → `partner is not linked`: a check is named after the fault that it finds. */
function spoken(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

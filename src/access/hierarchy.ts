// Parents of parents. Holds ISOLATED: rights lead downward only, and a chain that cannot be
// followed to its top (missing, a cycle, too deep) gives nothing to anybody.

import type { Verdict } from '../api/reasons.ts'

export const maxDepth = 5

/** `top`: no parent. `missing`: no such customer. */
export type ParentOf = (customer: string) => { readonly parent: string } | 'top' | 'missing'

export type Ancestry =
  | { readonly outcome: 'found'; readonly ancestors: readonly string[] }
  | { readonly outcome: 'broken'; readonly why: Verdict }

/** The names of the customers above, nearest first. */
export function ancestryOf(customer: string, parentOf: ParentOf): Ancestry {
  const ancestors: string[] = []
  let current = customer
  for (;;) {
    const step = parentOf(current)
    if (step === 'top') return { outcome: 'found', ancestors }
    if (step === 'missing') return broken('ParentNotFound', parentIsMissing(customer, current))
    if (step.parent === customer || ancestors.includes(step.parent)) {
      return broken('ParentCycle', parentsLeadBack(customer, step.parent))
    }
    ancestors.push(step.parent)
    if (ancestors.length > maxDepth) return broken('ParentTooDeep', isTooDeep(customer))
    current = step.parent
  }
}

function broken(reason: Verdict['reason'], message: string): Ancestry {
  return { outcome: 'broken', why: { reason, message } }
}

function parentIsMissing(customer: string, missing: string): string {
  return `Customer ${customer} is nested below ${missing}, which does not exist. Create ${missing}; this customer goes on by itself.`
}

function parentsLeadBack(customer: string, parent: string): string {
  return `The parents of ${customer} lead back to ${parent}. Delete one customer of the cycle and create it with the right parent.`
}

function isTooDeep(customer: string): string {
  return `Customer ${customer} is nested more than ${maxDepth} deep. Create it below a higher one.`
}

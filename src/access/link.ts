// The link between a customer and its one partner. Holds ONE-PARTNER: a link names one partner or
// none, and the way from one partner to the next leads through Releasing and Vacant, each of them
// recorded in status before anything of the next partner is made.
//
//   Vacant --grant names a partner that may be linked, nothing foreign left--> Linked  (epoch + 1)
//   Linked --grant gone, or names somebody else------------------------------> Releasing
//   Releasing --everybody of the old partner is proven out-------------------> Vacant

import { unreachable } from '../api/errors.ts'

export type Link =
  | { readonly state: 'Vacant'; readonly epoch: number }
  | { readonly state: 'Linked'; readonly epoch: number; readonly partner: string }
  | { readonly state: 'Releasing'; readonly epoch: number; readonly partner: string }

/** The partner that may have access now: one or none. */
export function linkedPartner(link: Link): string | undefined {
  return link.state === 'Linked' ? link.partner : undefined
}

/**
 * The next state, decided from the recorded one.
 *
 * @param wanted the partner that the grant names and that may be linked
 * @param keeps the partner that the grant names, whether it may be linked anew or not
 * @param othersProvenOut nobody of any other partner has anything left
 */
export function nextLink(
  link: Link,
  { wanted, keeps, othersProvenOut }: Wishes & { readonly othersProvenOut: boolean },
): Link {
  switch (link.state) {
    case 'Vacant':
      if (wanted === undefined || !othersProvenOut) return link
      return { state: 'Linked', epoch: link.epoch + 1, partner: wanted }
    case 'Linked':
      if (keeps === link.partner) return link
      return { state: 'Releasing', epoch: link.epoch, partner: link.partner }
    case 'Releasing':
      // Even when the grant names the old partner again: what has begun to end ends first.
      return othersProvenOut ? { state: 'Vacant', epoch: link.epoch } : link
    default:
      return unreachable(link)
  }
}

export type Wishes = { readonly wanted: string | undefined; readonly keeps: string | undefined }

export function sameLink(a: Link, b: Link): boolean {
  return a.state === b.state && a.epoch === b.epoch && partnerIn(a) === partnerIn(b)
}

/** Whom the link names in any state. */
export function partnerIn(link: Link): string | undefined {
  return link.state === 'Vacant' ? undefined : link.partner
}

// In which scope a command works: all customers that one organization sees, one of them, or the whole
// platform. It follows from the kubeconfig's context alone, so that kubectl and we always agree; what
// a namespace cannot say (whose person somebody is) `use` keeps in the context's extension. Pure.

import { formatHome } from '../access/facts.ts'
import type { OrganizationRef } from '../access/organization.ts'
import { customerNamespace, organizationOf, partnerNamespace } from '../api/names.ts'
import { Failure } from './failures.ts'

/** What `use` writes beside a context, under the name of the API's group. */
export type Mark = {
  readonly organization: string
  readonly base: string
  readonly scope: 'all' | 'customer'
}

export type Scope = {
  /** Whose person somebody is: where links are listed and logins lie. */
  readonly home: OrganizationRef | undefined
  readonly works: 'platform' | 'all' | 'customer'
  /** With `works: customer`. */
  readonly customer: string | undefined
}

export function scopeOf({
  namespace,
  mark,
  organization,
}: {
  readonly namespace: string | undefined
  readonly mark: Mark | undefined
  /** As typed. */
  readonly organization: string | undefined
}): Scope {
  const home =
    parseOrganization(organization ?? mark?.organization) ?? organizationOf(namespace ?? '')
  const within = organizationOf(namespace ?? '')
  if (mark?.scope !== 'all' && within?.kind === 'customer') {
    return { home, works: 'customer', customer: within.name }
  }
  return { home, works: home ? 'all' : 'platform', customer: undefined }
}

/** @throws Failure when it is neither partner/<name> nor customer/<name> */
function parseOrganization(text: string | undefined): OrganizationRef | undefined {
  if (text === undefined) return undefined
  const [, kind, name] = /^(partner|customer)\/([a-z0-9][-a-z0-9]*)$/.exec(text) ?? []
  if (name === undefined) {
    throw new Failure(
      'WRONG_USE',
      `--organization is partner/<name> or customer/<name>, not ${text}.`,
    )
  }
  return { kind: kind === 'partner' ? 'partner' : 'customer', name }
}

export function homeNamespace({ kind, name }: OrganizationRef): string {
  return kind === 'partner' ? partnerNamespace(name) : customerNamespace(name)
}

/** What every command says first. */
export function sayScope({ home, works, customer }: Scope, named?: string): string {
  const one = named ?? customer
  const as = home && formatHome(home)
  if (one !== undefined) {
    const from = as !== undefined && as !== `customer/${one}` ? `, seen from ${as}` : ''
    return `customer ${one}${from}`
  }
  return works === 'platform' ? 'the whole platform' : `all customers of ${as}, read-only`
}

/** The customer that was named, or the one that is chosen. */
export function customerIn(scope: Scope, named: string | undefined): string {
  const customer = named ?? scope.customer
  if (customer === undefined) throw new Failure('NO_CUSTOMER', 'No customer is chosen.')
  if (!isCustomerName(customer)) {
    throw new Failure(
      'WRONG_USE',
      `${customer} is no name of a customer: small letters, digits and dashes, 54 at most.`,
    )
  }
  return customer
}

/** As the API server would have it: a DNS label of at most 54 characters. */
export function isCustomerName(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,52}[a-z0-9])?$/.test(text)
}

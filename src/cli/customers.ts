// The customers that somebody sees from above: the platform all of them, an organization those that are
// linked to it and what is nested below, as far as each level lets the person look. Read from
// CustomerLinks, which follow the operator's decisions; nothing is decided here.

import { formatHome } from '../access/facts.ts'
import type { CustomerLink, CustomerOrganization } from '../api/kinds.generated.ts'
import { customerNamespace, selfLinkName } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { Failure } from './failures.ts'
import { printable, type Answer, type Row } from './output.ts'
import { homeNamespace } from './scope.ts'
import { listAll, seen, show, type CommonOptions, type Session } from './session.ts'

export type Listed = {
  readonly name: string
  readonly parent: string | undefined
  readonly relation: string
  readonly displayName: string
  readonly domain: string
  readonly id: string
  readonly access: string
  readonly until: string
  readonly signInURL: string
}

export async function customers(session: Session, options: CommonOptions): Promise<void> {
  await show(session, options, async () => answerOf(await listedCustomers(session)))
}

/** @throws Failure when the person sees no list at all */
export async function listedCustomers(session: Session): Promise<readonly Listed[]> {
  const { home } = session.scope
  if (!home) return fromPlatform(session)
  const namespace = homeNamespace(home)
  const links = await seen(listAll(session, resources.links, { namespace }))
  if (!links) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see the customers of ${formatHome(home)}.`,
    )
  }
  const own = home.kind === 'customer' ? home.name : undefined
  return (await withNested(session, links, own)).toSorted(byName)
}

async function fromPlatform(session: Session): Promise<readonly Listed[]> {
  const objects = await seen(listAll(session, resources.customers))
  if (objects) return objects.map(ofObject).toSorted(byName)
  throw new Failure(
    'NO_ORGANIZATION',
    `${await session.person()} may not see all customers of the platform, and the context names no organization.`,
  )
}

/** The links of one level, and below each nested customer those of the next one. */
async function withNested(
  session: Session,
  links: readonly CustomerLink[],
  above: string | undefined,
): Promise<readonly Listed[]> {
  const listed = links.filter(({ status }) => status?.customerID !== undefined)
  const below = listed
    .filter(({ status }) => status?.relation === 'Parent')
    .map(async ({ metadata: { name } }) => {
      const namespace = customerNamespace(name)
      const inner = (await seen(listAll(session, resources.links, { namespace }))) ?? []
      const nested = inner.filter(({ status }) => status?.relation === 'Parent')
      return withNested(session, nested, name)
    })
  return [...listed.map((link) => ofLink(link, above)), ...(await Promise.all(below)).flat()]
}

function ofLink({ metadata, status = {} }: CustomerLink, above: string | undefined): Listed {
  const isSelf = metadata.name === selfLinkName && status.relation === 'Self'
  return {
    name: isSelf && above !== undefined ? above : metadata.name,
    parent: status.relation === 'Parent' ? above : undefined,
    relation: status.relation ?? '',
    displayName: status.displayName ?? '',
    domain: status.domain ?? '',
    id: status.customerID ?? '',
    access: status.access ?? '',
    until: status.until ?? '',
    signInURL: status.signInURL ?? '',
  }
}

function ofObject({ metadata, spec, status }: CustomerOrganization): Listed {
  return {
    name: metadata.name,
    parent: spec.parentRef?.name,
    relation: '',
    displayName: spec.displayName ?? '',
    domain: spec.domain ?? '',
    id: status?.customerID ?? metadata.uid ?? '',
    access: status?.access ?? '',
    until: status?.until ?? '',
    signInURL: '',
  }
}

function byName(a: Listed, b: Listed): number {
  return a.name < b.name ? -1 : 1
}

function answerOf(listed: readonly Listed[]): Answer {
  // The platform is nobody's partner or parent; it has no column for it.
  const related = listed.some(({ relation }) => relation !== '')
  return {
    columns: related
      ? ['NAME', 'CUSTOMER', 'DOMAIN', 'RELATION', 'ACCESS', 'UNTIL', 'SIGN-IN', 'ID']
      : ['NAME', 'CUSTOMER', 'DOMAIN', 'PARENT', 'ACCESS', 'UNTIL', 'ID'],
    rows: listed.map((each): Row => {
      const { name, displayName, domain, relation, access, until, signInURL, id } = each
      const first = [name, displayName, domain]
      return {
        name,
        value: each,
        cells: related
          ? [...first, relation, access, until, signInURL, id]
          : [...first, each.parent ?? '', access, until, id],
      }
    }),
    none: 'No customer is linked here.',
  }
}

/** `tree [customer]`: who is nested in whom, as far as the person sees. */
export async function tree(
  session: Session,
  options: CommonOptions,
  customer: string | undefined,
): Promise<void> {
  await show(
    session,
    options,
    async () => {
      const listed = await listedCustomers(session)
      if (customer !== undefined && !listed.some(({ name }) => name === customer)) {
        throw new Failure(
          'NOT_FOUND',
          `You see no customer ${customer}. \`kubectl tenantry customers\` lists those that you see.`,
        )
      }
      return treeOf(listed, customer)
    },
    customer,
  )
}

export function treeOf(listed: readonly Listed[], customer?: string): Answer {
  const known = new Map(listed.map((each) => [each.name, each]))
  const childrenOf = Map.groupBy(listed, ({ parent }) =>
    parent !== undefined && known.has(parent) ? parent : '',
  )
  const rows: Row[] = []
  const add = (each: Listed, branch: string, indent: string): void => {
    const { name, displayName, access, until } = each
    rows.push({ name, value: each, cells: [`${branch}${name}`, displayName, access, until] })
    const children = childrenOf.get(name) ?? []
    for (const [at, child] of children.entries()) {
      const last = at === children.length - 1
      add(child, `${indent}${last ? '└─ ' : '├─ '}`, `${indent}${last ? '   ' : '│  '}`)
    }
  }
  const chosen = customer === undefined ? undefined : known.get(customer)
  const above = chosen ? ancestorsOf(chosen, known) : []
  for (const [depth, each] of above.entries()) {
    const { name, displayName, access, until } = each
    const branch = depth === 0 ? '' : `${'   '.repeat(depth - 1)}└─ `
    rows.push({ name, value: each, cells: [`${branch}${name}`, displayName, access, until] })
  }
  if (chosen) {
    const indent = '   '.repeat(above.length)
    add(chosen, above.length === 0 ? '' : `${indent.slice(3)}└─ `, indent)
  } else for (const root of childrenOf.get('') ?? []) add(root, '', '')
  return {
    columns: ['CUSTOMER', 'NAME', 'ACCESS', 'UNTIL'],
    rows,
    none: 'No customer is linked here.',
  }
}

/** From the top down. */
function ancestorsOf(each: Listed, known: ReadonlyMap<string, Listed>): readonly Listed[] {
  const above: Listed[] = []
  let parent = known.get(each.parent ?? '')
  while (parent && !above.includes(parent)) {
    above.unshift(parent)
    parent = known.get(parent.parent ?? '')
  }
  return above
}

/** For a column that somebody else has typed. */
export function shortly(text: string, length = 60): string {
  const plain = printable(text)
  return plain.length <= length ? plain : `${plain.slice(0, length - 1)}…`
}

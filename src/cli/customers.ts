// The customers that somebody sees from above: the platform all of them, an organization those that are
// linked to it and what is nested below, as far as each level lets the person look. Read from the columns of
// CustomerLinks, which follow the operator's decisions; nothing is decided here.

import { formatHome } from '../access/facts.ts'
import { customerNamespace, selfLinkName } from '../api/names.ts'
import { resources } from '../api/resources.ts'
import { Failure } from './failures.ts'
import { printable, type Answer, type Row } from './output.ts'
import { homeNamespace } from './scope.ts'
import type { TableRow } from '../runtime/index.ts'
import { seen, show, type CommonOptions, type Session } from './session.ts'

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
  const links = await linksIn(session, homeNamespace(home))
  if (!links) {
    throw new Failure(
      'NOT_ALLOWED',
      `${await session.person()} may not see the customers of ${formatHome(home)}.`,
    )
  }
  const own = home.kind === 'customer' ? home.name : undefined
  return (await withNested(session, links, own)).toSorted(byName)
}

async function fromPlatform({ signal, client, person }: Session): Promise<readonly Listed[]> {
  const rows = await seen(client.table(signal, resources.customers))
  if (rows) return rows.map((row) => listed(row, text(row['Parent']))).toSorted(byName)
  throw new Failure(
    'NO_ORGANIZATION',
    `${await person()} may not see all customers of the platform, and the context names no organization.`,
  )
}

/** As the server lists them; what somebody has asked for and is no customer yet is left out. */
async function linksIn(
  { signal, client }: Session,
  namespace: string,
): Promise<readonly TableRow[] | undefined> {
  const rows = await seen(client.table(signal, resources.links, { namespace }))
  return rows?.filter((row) => text(row['ID']) !== undefined)
}

/** The links of one level, and below each nested customer those of the next one, where there is one. */
async function withNested(
  session: Session,
  links: readonly TableRow[],
  above: string | undefined,
): Promise<readonly Listed[]> {
  const below = links
    .filter((row) => row['Relation'] === 'Parent' && row['Nested'] !== false)
    .map(async (row) => {
      const name = text(row['Name']) ?? ''
      const inner = (await linksIn(session, customerNamespace(name))) ?? []
      const nested = inner.filter((each) => each['Relation'] === 'Parent')
      return withNested(session, nested, name)
    })
  const level = links.map((row) => {
    const { Relation: relation } = row
    const each = listed(row, relation === 'Parent' ? above : undefined)
    const isSelf = relation === 'Self' && each.name === selfLinkName
    return isSelf && above !== undefined ? { ...each, name: above } : each
  })
  return [...level, ...(await Promise.all(below)).flat()]
}

function listed(row: TableRow, parent: string | undefined): Listed {
  const cell = (column: string) => text(row[column]) ?? ''
  return {
    name: cell('Name'),
    parent,
    relation: cell('Relation'),
    displayName: cell('Customer'),
    domain: cell('Domain'),
    id: cell('ID'),
    access: cell('Access'),
    until: cell('Until'),
    signInURL: cell('Sign-In'),
  }
}

function text(cell: unknown): string | undefined {
  return typeof cell === 'string' && cell !== '' ? cell : undefined
}

function byName(a: Listed, b: Listed): number {
  return a.name < b.name ? -1 : 1
}

function answerOf(customers: readonly Listed[]): Answer {
  // The platform is nobody's partner or parent; it has no column for it.
  const related = customers.some(({ relation }) => relation !== '')
  return {
    columns: related
      ? ['NAME', 'CUSTOMER', 'DOMAIN', 'RELATION', 'ACCESS', 'UNTIL', 'SIGN-IN', 'ID']
      : ['NAME', 'CUSTOMER', 'DOMAIN', 'PARENT', 'ACCESS', 'UNTIL', 'ID'],
    rows: customers.map((each): Row => {
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

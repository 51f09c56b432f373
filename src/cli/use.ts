// `use <customer>` and `use --all`: the scope is a context of the kubeconfig, so kubectl and this command
// work in the same one. `contexts` shows what there is to choose.

import { formatHome } from '../access/facts.ts'
import { customerNamespace } from '../api/names.ts'
import { listedCustomers } from './customers.ts'
import { Failure } from './failures.ts'
import { readContext, writeContext } from './kubeconfig.ts'
import { customerIn, homeNamespace } from './scope.ts'
import { note, say, show, type CommonOptions, type Session } from './session.ts'

export type UseOptions = CommonOptions & { readonly all?: boolean }

export async function use(
  session: Session,
  options: UseOptions,
  named: string | undefined,
): Promise<void> {
  const { all = false } = options
  if (all === (named !== undefined)) {
    throw new Failure('WRONG_USE', 'Name one customer, or give --all.')
  }
  const { scope, context, path } = session
  const { home } = scope
  if (all && !home) {
    throw new Failure(
      'NO_ORGANIZATION',
      'The context names no organization whose customers are meant.',
    )
  }
  const customer = all ? undefined : customerIn(scope, named)
  if (customer !== undefined) await sees(session, customer)
  const base = context.mark?.base ?? context.name
  // Credentials are the base's of now, not those at the time when the context was made.
  const { cluster, user } = await readContext(path, base)
  const namespace =
    customer === undefined ? home && homeNamespace(home) : customerNamespace(customer)
  const name = customer === undefined ? `all@${base}` : `${customerNamespace(customer)}@${base}`
  await writeContext(path, {
    name,
    cluster,
    user,
    namespace,
    mark: {
      organization: home ? formatHome(home) : `customer/${customer ?? ''}`,
      base,
      scope: customer === undefined ? 'all' : 'customer',
    },
  })
  say(
    session,
    customer === undefined
      ? `all customers of ${home ? formatHome(home) : ''}, read-only`
      : `customer ${customer}`,
  )
  session.screen.out.write(`${name}\n`)
  note(
    session,
    `This is the current context now, for kubectl too. Back: kubectl config use-context ${base}`,
  )
}

/** A name that the person does not see is most often mistyped. */
async function sees(session: Session, customer: string): Promise<void> {
  const listed = await listedCustomers(session)
  if (listed.some(({ name }) => name === customer)) return
  throw new Failure(
    'NOT_FOUND',
    `You see no customer ${customer}. \`kubectl tenantry customers\` lists those that you see.`,
  )
}

export async function contexts(session: Session, options: CommonOptions): Promise<void> {
  await show(session, options, async () => {
    const { scope, context } = session
    const listed = await listedCustomers(session)
    const chosen = scope.works === 'customer' ? scope.customer : 'all'
    const all = scope.home ? [{ name: 'all', displayName: 'all of them, read-only' }] : []
    return {
      columns: ['CURRENT', 'CONTEXT', 'CUSTOMER', 'BY'],
      rows: [...all, ...listed].map(({ name, displayName }) => ({
        name,
        cells: [
          context.mark && name === chosen ? '*' : '',
          name,
          displayName,
          `kubectl tenantry use ${name === 'all' ? '--all' : name}`,
        ],
        value: { name, current: context.mark !== undefined && name === chosen },
      })),
      none: 'No customer is linked here.',
    }
  })
}

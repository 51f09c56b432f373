// How full the servers are, and which of them holds a customer's database already: what a placement is chosen from. Reading only.
import { TenantryError } from '../api/errors.ts'
import { databaseName, markOf } from './names.ts'
import type { Room } from './placement.ts'
import type { Servers } from './servers.ts'
import { countDatabases } from './state.sql.ts'

/**
 * Those that answer. One that is silent is waited for only where it matters.
 *
 * @param mayStand something of the customer was made before, so that it may stand on a server that is silent now
 * @throws TenantryError POOL_UNKNOWN, SERVER_UNREACHABLE when none of the pool answers
 */
export async function readRooms(
  signal: AbortSignal,
  servers: Servers,
  { pool, customerUid, mayStand }: Asked,
): Promise<readonly Room[]> {
  const inPool = servers.all.map(({ options }) => options.pools.includes(pool))
  if (!inPool.includes(true)) throw new TenantryError('POOL_UNKNOWN', pool)
  const [name, mark] = [databaseName(customerUid), markOf(customerUid)]
  const tried = await Promise.allSettled(
    servers.all.map(({ options }) =>
      servers.work(signal, options.name, async ({ sql }) => ({
        server: options,
        ...(await countDatabases(signal, sql, name, mark)),
      })),
    ),
  )
  signal.throwIfAborted()
  const rooms = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const [failure] = tried.flatMap((each, index) =>
    each.status === 'rejected' && (inPool[index] || mayStand) ? [each.reason] : [],
  )
  const isFound = rooms.some(({ holds }) => holds)
  const hasRoom = !mayStand && rooms.some(({ server }) => server.pools.includes(pool))
  if (failure !== undefined && !isFound && !hasRoom) throw failure
  return rooms
}

type Asked = {
  readonly pool: string
  readonly customerUid: string
  readonly mayStand: boolean
}

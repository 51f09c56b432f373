// An operator that dies at each of its SQL statements in turn, as kill -9 would end it: enumerated, not random. A story prepares
// something, lives one life that is cut, and checks what the next operator makes of it; it is told until a life is not cut any more.
import { expect } from 'vitest'
import type { Databases } from '../../src/databases/databases.ts'
import type { ServerOptions } from '../../src/databases/server.ts'
import type { AdministratorKind, SqlWorld } from './sql-world.ts'
import { startStatementProxy, type Moment } from './statement-proxy.ts'

/** Before a statement the server is as it was after the one before, so two moments are all there are. */
export const moments: readonly Moment[] = ['during', 'after']

/** For long stories: the statements are the same whoever the administrator is, so each kind dies at one of the moments. */
export const momentOf: Readonly<Record<AdministratorKind, Moment>> = {
  superuser: 'after',
  creator: 'during',
}

/** How the one that dies reaches the server. */
export type Way = Pick<ServerOptions, 'host' | 'port' | 'tls'>

/** Once per story. */
export type Live = (work: (databases: Databases, way: Way) => Promise<unknown>) => Promise<void>

/**
 * @param allowedExtensions of the operator that dies
 * @returns the statement at which each died, and the last one of the life that did not
 */
export async function dieAtEveryStatement(
  world: SqlWorld,
  moment: Moment,
  story: (live: Live) => Promise<void>,
  allowedExtensions: readonly string[] = [],
): Promise<readonly string[]> {
  await using proxy = await startStatementProxy(world.postgres)
  const way = { host: '127.0.0.1', port: proxy.port, tls: 'off' } as const
  const points: string[] = []
  for (let cutAt = 1; ; cutAt += 1) {
    const live: Live = async (work) => {
      proxy.revive(cutAt, moment)
      const databases = world.connect(way, allowedExtensions)
      try {
        await work(databases, way)
      } catch (error) {
        expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE' })
        expect(proxy.isDead()).toBe(true)
      }
      await databases.stop()
      points.push(proxy.last())
    }
    try {
      await story(live)
    } catch (cause) {
      throw new Error(`A death ${moment} statement ${cutAt}: ${proxy.last()}`, { cause })
    }
    expect(points).toHaveLength(cutAt)
    if (!proxy.isDead()) return points
  }
}

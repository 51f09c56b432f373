// Brings the schema of the control database to what this version of the operator needs. Several operators may start at once,
// and any of them may die at any statement. A schema of a later operator is refused: its rules are not known here.
import { TenantryError } from '../../api/errors.ts'
import { registryMigrations } from '../registry/schema.sql.ts'
import type { Session } from '../server.ts'
import { auditMigrations } from './audit-trail.sql.ts'
import { markMigrations, termsMigrations } from './ledger.sql.ts'
import { controlMigrations } from './schema.sql.ts'
import { signInMigrations } from './sign-ins.sql.ts'
import { actAsOwner, carryOut, readVersions } from './versions.sql.ts'

export type Migration = {
  /** Once released, a version is never changed or used again. */
  readonly version: number
  readonly name: string
  /** Statements that may share one transaction. Names are qualified: the search path holds pg_catalog alone. */
  readonly sql: string
}

/** In the order in which they are carried out. */
export const migrations: readonly Migration[] = [
  ...controlMigrations,
  ...registryMigrations,
  ...auditMigrations,
  ...signInMigrations,
  ...markMigrations,
  ...termsMigrations,
]

/**
 * @param sql a session inside the control database
 * @returns the versions that were carried out here
 * @throws TenantryError CONTROL_SCHEMA_NEWER
 */
export async function migrate(
  signal: AbortSignal,
  sql: Session,
  wanted: readonly Migration[] = migrations,
): Promise<readonly number[]> {
  await actAsOwner(signal, sql)
  const had = await readVersions(signal, sql)
  const unknown = had.find((version) => !wanted.some((each) => each.version === version))
  if (unknown !== undefined) throw new TenantryError('CONTROL_SCHEMA_NEWER', String(unknown))
  const done: number[] = []
  for (const migration of wanted) {
    if (had.includes(migration.version)) continue
    try {
      await carryOut(signal, sql, migration)
      done.push(migration.version)
    } catch (error) {
      signal.throwIfAborted()
      // Another operator was faster, or it is a failure of the migration itself.
      const now = await readVersions(signal, sql)
      if (!now.includes(migration.version)) throw error
    }
  }
  return done
}

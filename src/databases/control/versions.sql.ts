// Which migrations a control database has had, and how one more is carried out: as the owner, in one transaction with its row.
import { escapeIdentifier as id, escapeLiteral as text } from 'pg'
import type { Session } from '../server.ts'
import type { Migration } from './migrations.ts'
import { controlMark, controlOwner } from './names.ts'

/** From here on the session acts as the owner; nobody else is let into what it makes unless a migration says so. */
export async function actAsOwner(signal: AbortSignal, sql: Session): Promise<void> {
  await sql.query(signal, `SET ROLE ${id(controlOwner)}`)
}

export async function readVersions(signal: AbortSignal, sql: Session): Promise<readonly number[]> {
  const [there] = await sql.query<{ table: string | null }>(
    signal,
    `SELECT to_regclass('tenantry.schema_version')::text AS table`,
  )
  if (!there?.table) return []
  const rows = await sql.query<{ version: number }>(
    signal,
    'SELECT version FROM tenantry.schema_version ORDER BY version',
  )
  return rows.map(({ version }) => version)
}

/** Without values a batch is one transaction: whoever dies in it leaves nothing, whoever comes second fails on the key. */
export async function carryOut(
  signal: AbortSignal,
  sql: Session,
  { version, name, sql: change }: Migration,
): Promise<void> {
  await sql.query(
    signal,
    `SELECT pg_advisory_xact_lock(hashtextextended(${text(controlMark)}, 0));
     CREATE SCHEMA IF NOT EXISTS tenantry;
     CREATE TABLE IF NOT EXISTS tenantry.schema_version (
       version int PRIMARY KEY,
       name text NOT NULL,
       at timestamptz NOT NULL DEFAULT clock_timestamp()
     );
     INSERT INTO tenantry.schema_version (version, name) VALUES (${version}, ${text(name)});
     ${change}`,
  )
}

// Where the people of each organization sign in, as the audit last told it. Holds NOTHING-LOST: the new state and what is told of it
// are one statement, so that a change is told once whoever else writes or dies in between.
import type { Session } from '../server.ts'
import type { Migration } from './migrations.ts'

export type SignIn = {
  /** UID of the organization. */
  readonly organization: string
  readonly kind: 'customer' | 'partner'
  readonly name: string
  /** Differs whenever something about it does; null: nobody signs in. */
  readonly version: string | null
  readonly issuerURL: string | null
}

export const signInMigrations: readonly Migration[] = [
  {
    version: 30,
    name: 'where people sign in',
    sql: `
CREATE TABLE tenantry.sign_ins (
  organization uuid PRIMARY KEY,
  version text,
  issuer_url text
);
COMMENT ON TABLE tenantry.sign_ins IS 'The identity provider of each organization as the audit last told it.';
GRANT SELECT, INSERT, UPDATE ON tenantry.sign_ins TO tenantry_writer;
`,
  },
]

export function readSignIns(
  signal: AbortSignal,
  sql: Session,
): Promise<readonly Pick<SignIn, 'organization' | 'version'>[]> {
  return sql.query(
    signal,
    'SELECT s.organization::text AS organization, s.version FROM tenantry.sign_ins s',
  )
}

export async function writeSignIn(
  signal: AbortSignal,
  sql: Session,
  actor: string,
  { organization, kind, name, version, issuerURL }: SignIn,
): Promise<void> {
  await sql.query(
    signal,
    `WITH before AS (SELECT s.issuer_url FROM tenantry.sign_ins s WHERE s.organization = $1),
     written AS (
       INSERT INTO tenantry.sign_ins AS s (organization, version, issuer_url) VALUES ($1, $2, $3)
       ON CONFLICT (organization) DO UPDATE SET version = excluded.version, issuer_url = excluded.issuer_url
       WHERE s.version IS DISTINCT FROM excluded.version
       RETURNING s.version)
     INSERT INTO tenantry.audit (actor, customer, customer_name, partner, action, detail)
     SELECT $4, CASE WHEN $5 = 'customer' THEN $1::uuid END, CASE WHEN $5 = 'customer' THEN $6 ELSE '' END,
       CASE WHEN $5 = 'partner' THEN $6 END,
       CASE WHEN w.version IS NULL THEN 'SignInRemoved' ELSE 'SignInChanged' END,
       jsonb_strip_nulls(jsonb_build_object('issuerURL', $3::text, 'was', (SELECT b.issuer_url FROM before b)))
     FROM written w`,
    [organization, version, issuerURL, actor, kind, name],
  )
}

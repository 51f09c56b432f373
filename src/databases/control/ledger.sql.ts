// The ledger of who may enter which customer, the links, and the audit of every change in them. One statement writes all of one
// run: the new state and what is told of it stand together or not at all (NOTHING-LOST).
import type { Session } from '../server.ts'
import type { Migration } from './migrations.ts'

export const markMigrations: readonly Migration[] = [
  {
    version: 40,
    name: 'how new the objects were by which people were let in',
    sql: `
CREATE TABLE tenantry.marks (
  customer uuid NOT NULL,
  object uuid NOT NULL,
  customer_name text NOT NULL,
  generation bigint NOT NULL,
  PRIMARY KEY (customer, object)
);
COMMENT ON TABLE tenantry.marks IS 'The generation in which an object of Kubernetes was last seen to decide on access: a smaller one was restored from a backup.';
GRANT SELECT, INSERT, UPDATE ON tenantry.marks TO tenantry_writer;
`,
  },
]

export const termsMigrations: readonly Migration[] = [
  {
    version: 50,
    name: 'what a customer sees of its devices, and by which agreement',
    sql: `
ALTER TABLE tenantry.links ADD COLUMN agreement text, ADD COLUMN levels text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tenantry.links.levels IS 'The parts of spec.informationLevel that are on, as the audit last told it.';
`,
  },
]

/** The generation of an object that is there no more. */
export const gone = Number.MAX_SAFE_INTEGER

/** One person in one customer, as last written. */
export type LedgerRow = {
  readonly customer: string
  readonly customerName: string
  readonly personKey: string
  readonly organization: string
  readonly organizationName: string
  readonly kind: 'technician' | 'member' | 'ancestor'
  readonly person: string
  readonly scope: string
  /** RFC 3339, or `infinity`. */
  readonly until: string
  /** A reason; null: may enter. */
  readonly refusal: string | null
}

export type LinkRow = {
  readonly customer: string
  readonly customerName: string
  readonly state: string
  readonly partner: string | null
  readonly lastPartner: string | null
  readonly epoch: number
  /** By which agreement, and what of their devices the customer's own people see by it. */
  readonly agreement: string | null
  readonly levels: readonly string[]
}

export type AuditRow = {
  readonly customer: string
  readonly customerName: string
  readonly partner?: string
  readonly person?: string
  readonly action: string
  readonly reason?: string
  readonly detail?: Readonly<Record<string, unknown>>
}

/** How often the spec of an object had been written when the ledger was last written by it. */
export type Mark = {
  readonly customer: string
  readonly customerName: string
  readonly object: string
  /** `gone`: it was seen to be there no more. */
  readonly generation: number
}

export type Writing = {
  readonly rows: readonly LedgerRow[]
  readonly ended: readonly Pick<LedgerRow, 'customer' | 'personKey'>[]
  readonly links: readonly LinkRow[]
  readonly audit: readonly AuditRow[]
  readonly marks?: readonly Mark[]
}

export async function write(
  signal: AbortSignal,
  sql: Session,
  actor: string,
  { rows, ended, links, audit, marks = [] }: Writing,
): Promise<void> {
  await sql.query(
    signal,
    `WITH written AS (
       INSERT INTO tenantry.ledger AS l (customer, person_key, customer_name, organization, organization_name,
         kind, person, scope, since, until, ended, refusal)
       SELECT x.customer, x."personKey", x."customerName", x.organization, x."organizationName",
         x.kind, x.person, x.scope, clock_timestamp(), x.until,
         CASE WHEN x.refusal IS NOT NULL THEN clock_timestamp() END, x.refusal
       FROM jsonb_to_recordset($1::jsonb) AS x(customer uuid, "personKey" text, "customerName" text,
         organization uuid, "organizationName" text, kind text, person text, scope text,
         until timestamptz, refusal text)
       ON CONFLICT (customer, person_key) DO UPDATE SET customer_name = excluded.customer_name,
         organization_name = excluded.organization_name, kind = excluded.kind, scope = excluded.scope,
         since = CASE WHEN l.ended IS NULL THEN l.since ELSE excluded.since END, until = excluded.until,
         ended = CASE WHEN excluded.refusal IS NOT NULL THEN coalesce(l.ended, excluded.ended) END,
         refusal = excluded.refusal),
     closed AS (
       UPDATE tenantry.ledger l SET ended = coalesce(l.ended, clock_timestamp()), refusal = NULL
       FROM jsonb_to_recordset($2::jsonb) AS x(customer uuid, "personKey" text)
       WHERE l.customer = x.customer AND l.person_key = x."personKey"
         AND (l.ended IS NULL OR l.refusal IS NOT NULL)),
     linked AS (
       INSERT INTO tenantry.links (customer, customer_name, state, partner, last_partner, epoch, agreement, levels)
       SELECT x.customer, x."customerName", x.state, x.partner, x."lastPartner", x.epoch, x.agreement, x.levels
       FROM jsonb_to_recordset($3::jsonb) AS x(customer uuid, "customerName" text, state text,
         partner text, "lastPartner" text, epoch bigint, agreement text, levels text[])
       ON CONFLICT (customer) DO UPDATE SET customer_name = excluded.customer_name, state = excluded.state,
         partner = excluded.partner, last_partner = excluded.last_partner, epoch = excluded.epoch,
         agreement = excluded.agreement, levels = excluded.levels),
     marked AS (
       INSERT INTO tenantry.marks (customer, customer_name, object, generation)
       SELECT x.customer, x."customerName", x.object, x.generation
       FROM jsonb_to_recordset($6::jsonb) AS x(customer uuid, "customerName" text, object uuid, generation bigint)
       ON CONFLICT (customer, object) DO UPDATE SET generation = excluded.generation)
     INSERT INTO tenantry.audit (actor, customer, customer_name, partner, person, action, reason, detail)
     SELECT $5, x.customer, x."customerName", x.partner, x.person, x.action, x.reason,
       coalesce(x.detail, '{}')
     FROM jsonb_to_recordset($4::jsonb) AS x(customer uuid, "customerName" text, partner text,
       person text, action text, reason text, detail jsonb)`,
    [
      ...[rows, ended, links, audit].map((each) => JSON.stringify(each)),
      actor,
      JSON.stringify(marks),
    ],
  )
}

/** Everybody who is let in or refused by what was last written: in one customer, or in all. */
export async function readLedger(
  signal: AbortSignal,
  sql: Session,
  customer: string | null,
): Promise<readonly LedgerRow[]> {
  return sql.query<LedgerRow>(
    signal,
    `SELECT l.customer::text AS customer, l.customer_name AS "customerName", l.person_key AS "personKey",
       l.organization::text AS organization, l.organization_name AS "organizationName", l.kind, l.person,
       l.scope, l.refusal,
       CASE WHEN l.until = 'infinity' THEN 'infinity'
         ELSE to_char(l.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END AS until
     FROM tenantry.ledger l
     WHERE (l.ended IS NULL OR l.refusal IS NOT NULL) AND ($1::uuid IS NULL OR l.customer = $1)`,
    [customer],
  )
}

export async function readMarks(
  signal: AbortSignal,
  sql: Session,
  customer: string | null,
): Promise<readonly Mark[]> {
  return sql.query<Mark>(
    signal,
    `SELECT m.customer::text AS customer, m.customer_name AS "customerName", m.object::text AS object,
       m.generation::float8 AS generation FROM tenantry.marks m
     WHERE $1::uuid IS NULL OR m.customer = $1`,
    [customer],
  )
}

export async function readLinks(
  signal: AbortSignal,
  sql: Session,
  customer: string | null,
): Promise<readonly LinkRow[]> {
  return sql.query<LinkRow>(
    signal,
    `SELECT k.customer::text AS customer, k.customer_name AS "customerName", k.state, k.partner,
       k.last_partner AS "lastPartner", k.epoch::float8 AS epoch, k.agreement, k.levels FROM tenantry.links k
     WHERE $1::uuid IS NULL OR k.customer = $1`,
    [customer],
  )
}

// The customer's devices inside the customer's own database: schema tenantry, which belongs to the role that owns the database and
// not to the customer, who could else grant itself the columns. Holds ISOLATED, QUIET, NOTHING-LOST.
// The rule nobody would guess: what left is remembered with its version, so that nothing older brings it back.
import { escapeIdentifier as id } from 'pg'
import { TenantryError } from '../../api/errors.ts'
import { difference, type Change } from '../change.sql.ts'
import { deviceRole, groupName, ownerRole } from '../names.ts'
import type { Session } from '../server.ts'
import { rightOf } from '../state.sql.ts'
import { digest, type DeviceRow, type Shown } from './rows.sql.ts'

/** What the customer's own people see of their devices beside what they are: corg's informationLevel. */
export type Levels = {
  readonly estimatedLoad: boolean
  readonly measuredPeakLoad: boolean
  readonly deviceProperties: boolean
  readonly customProperties: boolean
}

export type InventoryState = {
  /** Undefined: the schema is missing. */
  readonly owner: string | undefined
  readonly schemaRights: readonly string[]
  /** Of each table, `<role>:<privilege>`, or `<role>:<privilege> (<column>)`. */
  readonly rights: ReadonlyMap<Table, readonly string[]>
}

const tables = ['devices', 'former_devices'] as const
type Table = (typeof tables)[number]

const identity = ['id', 'name', 'model', 'sku', 'labels', 'placement'] as const
const byLevel = {
  estimatedLoad: 'estimated_load',
  measuredPeakLoad: 'measured_peak_load',
  deviceProperties: 'properties',
  customProperties: 'custom_properties',
} as const satisfies Record<keyof Levels, string>

const measured = `placement text,
  estimated_load double precision, measured_peak_load double precision, properties jsonb, custom_properties jsonb`
const creation = `
SET LOCAL ROLE ${id(ownerRole)};
CREATE SCHEMA tenantry;
CREATE TABLE tenantry.devices (
  id text COLLATE "C" PRIMARY KEY, name text, model text, sku text, labels jsonb NOT NULL DEFAULT '{}', ${measured},
  version bigint NOT NULL);
CREATE TABLE tenantry.former_devices (
  id text COLLATE "C" PRIMARY KEY, name text, model text, sku text, labels jsonb, ${measured},
  version bigint NOT NULL, left_at timestamptz NOT NULL DEFAULT clock_timestamp());
COMMENT ON TABLE tenantry.devices IS 'The devices of this customer. Tenantry writes what they are; Editors write placement.';
COMMENT ON TABLE tenantry.former_devices IS 'What was measured of devices that left.'`

export async function readInventory(signal: AbortSignal, sql: Session): Promise<InventoryState> {
  const [schema] = await sql.query<{ owner: string; rights: string[] }>(
    signal,
    `SELECT pg_get_userbyid(n.nspowner)::text AS owner,
       ARRAY(SELECT ${rightOf('a')} FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
             WHERE a.grantee <> n.nspowner ORDER BY 1) AS rights
     FROM pg_namespace n WHERE n.nspname = 'tenantry'`,
  )
  const found = await sql.query<{ table: Table; rights: string[] }>(
    signal,
    `SELECT c.relname::text AS table,
       ARRAY(SELECT ${rightOf('a')} FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
             WHERE a.grantee <> c.relowner)
       || ARRAY(SELECT ${rightOf('a')} || ' (' || t.attname || ')' FROM pg_attribute t, aclexplode(t.attacl) a
                WHERE t.attrelid = c.oid AND a.grantee <> c.relowner) AS rights
     FROM pg_class c WHERE c.relnamespace = to_regnamespace('tenantry') AND c.relname = ANY ($1)`,
    [tables],
  )
  return {
    owner: schema?.owner,
    schemaRights: schema?.rights ?? [],
    rights: new Map(found.map(({ table, rights }) => [table, rights])),
  }
}

/**
 * What makes schema, tables and rights what they should be. One transaction, so that a level that is taken away takes nothing else
 * with it for a moment.
 *
 * @param uid whom the database is named after
 * @throws TenantryError DEVICE_SCHEMA_FOREIGN when the customer has a schema of that name
 */
export function inventoryChanges(
  uid: string,
  { owner, schemaRights, rights }: InventoryState,
  levels: Levels,
): readonly Change[] {
  const isMissing = owner === undefined
  if (!isMissing && (owner !== ownerRole || tables.some((table) => !rights.has(table)))) {
    throw new TenantryError('DEVICE_SCHEMA_FOREIGN', 'tenantry')
  }
  const [ro, rw, dev] = [groupName(uid, 'ro'), groupName(uid, 'rw'), deviceRole(uid)]
  const shown = [
    ...identity,
    ...levelNames.filter((level) => levels[level]).map((level) => byLevel[level]),
  ]
  const readable = [
    { role: dev, right: 'SELECT' },
    ...shown.map((column) => ({ role: ro, right: `SELECT (${column})` })),
  ]
  const enter = [ro, dev].map((role) => ({ role, right: 'USAGE' }))
  const wanted = {
    devices: [...readable, { role: rw, right: 'UPDATE (placement)' }],
    former_devices: readable,
  }
  return [
    ...(isMissing ? [{ what: 'the schema of devices is missing', sql: creation }] : []),
    ...difference(enter, schemaRights, 'SCHEMA tenantry'),
    ...tables.flatMap((table) =>
      difference(wanted[table], rights.get(table) ?? [], `tenantry.${table}`),
    ),
  ]
}

const levelNames = [
  'estimatedLoad',
  'measuredPeakLoad',
  'deviceProperties',
  'customProperties',
] as const

export async function changeInventory(
  signal: AbortSignal,
  sql: Session,
  changes: readonly Change[],
): Promise<void> {
  await sql.query(signal, changes.map((change) => change.sql).join(';\n'))
}

/** Measured values of one device, as JSON, from the database that it left. */
export type Data = { readonly id: string; readonly data: string }

/**
 * Shows these devices. Writes what differs, and nothing that is older than what is known.
 *
 * @param brought data that comes with a device that is new here
 * @returns how many were written
 */
export async function show(
  signal: AbortSignal,
  sql: Session,
  rows: readonly DeviceRow[],
  brought: readonly Data[],
): Promise<number> {
  const data = new Map(brought.map((each) => [each.id, each.data]))
  const written = await sql.query(
    signal,
    `INSERT INTO tenantry.devices AS d (id, name, model, sku, labels, version,
       estimated_load, measured_peak_load, properties, custom_properties)
     SELECT a.id, a.name, a.model, a.sku, a.labels, a.version, (a.data ->> 'estimated_load')::float8,
       (a.data ->> 'measured_peak_load')::float8, nullif(a.data -> 'properties', 'null'),
       nullif(a.data -> 'custom_properties', 'null')
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]::jsonb[], $6::bigint[], $7::text[]::jsonb[])
       AS a (id, name, model, sku, labels, version, data)
     LEFT JOIN tenantry.devices f ON f.id = a.id
     WHERE (f.id IS NULL OR (f.name, f.model, f.sku, f.labels) IS DISTINCT FROM (a.name, a.model, a.sku, a.labels))
       AND NOT EXISTS (SELECT FROM tenantry.former_devices x WHERE x.id = a.id AND x.version >= a.version)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, model = excluded.model, sku = excluded.sku,
       labels = excluded.labels, version = excluded.version
     WHERE d.version <= excluded.version
     RETURNING id`,
    [
      rows.map((row) => row.id),
      rows.map((row) => row.name),
      rows.map((row) => row.model),
      rows.map((row) => row.sku),
      rows.map((row) => row.labels),
      rows.map((row) => row.version),
      rows.map((row) => data.get(row.id) ?? null),
    ],
  )
  return written.length
}

export type Gone = { readonly id: string; readonly version: string }

/** Shows these no longer, and keeps what was measured. Carried out twice it changes nothing. */
export async function putAway(
  signal: AbortSignal,
  sql: Session,
  gone: readonly Gone[],
): Promise<void> {
  await sql.query(
    signal,
    `WITH asked AS (
       SELECT DISTINCT ON (a.id) a.* FROM unnest($1::text[], $2::bigint[]) AS a (id, version)
       ORDER BY a.id, a.version DESC
     ), gone AS (
       DELETE FROM tenantry.devices d USING asked a WHERE d.id = a.id AND d.version <= a.version RETURNING d.*
     )
     INSERT INTO tenantry.former_devices AS f (id, name, model, sku, labels, placement,
       estimated_load, measured_peak_load, properties, custom_properties, version)
     SELECT a.id, g.name, g.model, g.sku, g.labels, g.placement,
       g.estimated_load, g.measured_peak_load, g.properties, g.custom_properties, a.version
     FROM asked a LEFT JOIN gone g ON g.id = a.id
     ON CONFLICT (id) DO UPDATE SET version = excluded.version, left_at = clock_timestamp(),
       -- Of one that was not shown here this time, what is known from the time before stays.
       name = coalesce(excluded.name, f.name), model = coalesce(excluded.model, f.model),
       sku = coalesce(excluded.sku, f.sku), labels = coalesce(excluded.labels, f.labels),
       placement = coalesce(excluded.placement, f.placement),
       estimated_load = coalesce(excluded.estimated_load, f.estimated_load),
       measured_peak_load = coalesce(excluded.measured_peak_load, f.measured_peak_load),
       properties = coalesce(excluded.properties, f.properties),
       custom_properties = coalesce(excluded.custom_properties, f.custom_properties)
     WHERE f.version < excluded.version`,
    [gone.map((each) => each.id), gone.map(({ version }) => version)],
  )
}

/** What was measured of devices that left, for the database that they came to. */
export function readData(
  signal: AbortSignal,
  sql: Session,
  ids: readonly string[],
): Promise<readonly Data[]> {
  return sql.query<Data>(
    signal,
    `SELECT id, json_build_object('estimated_load', estimated_load, 'measured_peak_load', measured_peak_load,
       'properties', properties, 'custom_properties', custom_properties)::text AS data
     FROM tenantry.former_devices WHERE id = ANY ($1)`,
    [ids],
  )
}

/** Those of them that are shown. */
export async function readShown(
  signal: AbortSignal,
  sql: Session,
  ids: readonly string[],
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    signal,
    'SELECT id FROM tenantry.devices WHERE id = ANY ($1)',
    [ids],
  )
  return rows.map(({ id }) => id)
}

/** It has arrived where the devices are now, or is not to be kept. */
export async function forgetData(
  signal: AbortSignal,
  sql: Session,
  ids: readonly string[],
): Promise<void> {
  await sql.query(
    signal,
    `UPDATE tenantry.former_devices SET placement = NULL, estimated_load = NULL, measured_peak_load = NULL,
       properties = NULL, custom_properties = NULL WHERE id = ANY ($1)`,
    [ids],
  )
}

/** @param upTo the last id of the page; undefined: to the end */
export function readShownPage(
  signal: AbortSignal,
  sql: Session,
  { after, upTo }: { readonly after: string; readonly upTo: string | undefined },
): Promise<readonly (Shown & { readonly version: string })[]> {
  return sql.query(
    signal,
    `SELECT d.id, ${digest} AS digest, d.version::text FROM tenantry.devices d
     WHERE d.id > $1 AND ($2::text IS NULL OR d.id <= $2) ORDER BY d.id`,
    [after, upTo ?? null],
  )
}

// Inside a customer's database: what is there, and what is missing. The schema public is the customer's to use and to drop;
// extensions go into a schema of the operator's, so that nobody can put a function there before an extension's script,
// which runs as superuser, finds it.
import { escapeIdentifier as id } from 'pg'
import { TenantryError } from '../api/errors.ts'
import { databaseName, groupName, ownerRole } from './names.ts'
import { difference, type Change, type DatabaseSpec } from './change.sql.ts'
import type { Session } from './server.ts'
import { rightOf } from './state.sql.ts'

export type InsideState = {
  /** Undefined: the customer dropped the schema public. */
  readonly publicOwner: string | undefined
  readonly publicRights: readonly string[]
  /** Undefined: no extension was asked for yet. */
  readonly extensionsOwner: string | undefined
  readonly extensionsRights: readonly string[]
  /** `<object type>:<role>:<privilege>` that new objects of the adm role get. */
  readonly defaults: readonly string[]
  readonly extensions: readonly string[]
}

/** What is in a database that was made a moment ago, by itself: whoever acts on it reads afterwards what came of it. */
export const freshInside: InsideState = {
  publicOwner: 'pg_database_owner',
  publicRights: [':USAGE'],
  extensionsOwner: undefined,
  extensionsRights: [],
  defaults: [],
  extensions: ['plpgsql'],
}

export const extensionSchema = 'extensions'
/** The customer's own objects come before those of extensions. */
const searchPath = `"$user", public, ${extensionSchema}`

type Schema = { readonly name: string; readonly owner: string; readonly rights: readonly string[] }

export async function readInside(
  signal: AbortSignal,
  sql: Session,
  customerUid: string,
): Promise<InsideState> {
  const [row] = await sql.query<{ schemas: Schema[]; defaults: string[]; extensions: string[] }>(
    signal,
    `SELECT ARRAY(SELECT json_build_object('name', n.nspname, 'owner', pg_get_userbyid(n.nspowner),
           'rights', ARRAY(SELECT ${rightOf('a')} FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
                           WHERE a.grantee <> n.nspowner ORDER BY 1))
         FROM pg_namespace n WHERE n.nspname IN ('public', $2)) AS schemas,
       ARRAY(SELECT d.defaclobjtype::text || ':' || g.rolname || ':' || a.privilege_type
         FROM pg_default_acl d, aclexplode(d.defaclacl) a JOIN pg_roles g ON g.oid = a.grantee
         WHERE d.defaclnamespace = to_regnamespace('public')
           AND pg_get_userbyid(d.defaclrole) = $1) AS defaults,
       ARRAY(SELECT extname::text FROM pg_extension) AS extensions`,
    [groupName(customerUid, 'adm'), extensionSchema],
  )
  const of = (name: string) => row?.schemas.find((schema) => schema.name === name)
  return {
    publicOwner: of('public')?.owner,
    publicRights: of('public')?.rights ?? [],
    extensionsOwner: of(extensionSchema)?.owner,
    extensionsRights: of(extensionSchema)?.rights ?? [],
    defaults: row?.defaults ?? [],
    extensions: row?.extensions ?? [],
  }
}

/** The schema public belongs to the customer's administrators and is closed to PUBLIC; readers see what will be made in it. */
export function publicChanges(uid: string, inside: InsideState): readonly Change[] {
  if (inside.publicOwner === undefined) return []
  const [adm, rw, ro] = [groupName(uid, 'adm'), groupName(uid, 'rw'), groupName(uid, 'ro')]
  // Rights of the customer's own people are the customer's business; PUBLIC is ours to keep out.
  const ours = inside.publicRights
    .map((right) => (right === `${ro}:USAGE*` ? `${ro}:USAGE` : right))
    .filter((right) => right.startsWith(':') || right === `${ro}:USAGE`)
  const defaults = [
    { type: 'r', on: 'TABLES', role: ro, rights: ['SELECT'] },
    { type: 'r', on: 'TABLES', role: rw, rights: ['INSERT', 'UPDATE', 'DELETE'] },
    { type: 'S', on: 'SEQUENCES', role: ro, rights: ['SELECT'] },
    { type: 'S', on: 'SEQUENCES', role: rw, rights: ['USAGE'] },
    { type: 'f', on: 'FUNCTIONS', role: ro, rights: ['EXECUTE'] },
  ].flatMap(({ type, on, role, rights }) => {
    const lacking = rights.filter((right) => !inside.defaults.includes(`${type}:${role}:${right}`))
    if (lacking.length === 0) return []
    const what = `new ${on.toLowerCase()} of ${adm} are closed to ${role}`
    const grant = `GRANT ${lacking.join(', ')} ON ${on} TO ${id(role)}`
    // Without FOR ROLE they would hold for what the operator makes, and readers would see nothing.
    return [{ what, sql: `ALTER DEFAULT PRIVILEGES FOR ROLE ${id(adm)} IN SCHEMA public ${grant}` }]
  })
  return [
    ...(inside.publicOwner === adm
      ? []
      : [
          {
            what: `schema public belongs to ${inside.publicOwner}`,
            sql: `ALTER SCHEMA public OWNER TO ${id(adm)}`,
          },
        ]),
    ...difference([{ role: ro, right: 'USAGE' }], ours, 'SCHEMA public'),
    ...defaults,
  ]
}

/** @throws TenantryError SCHEMA_FOREIGN when the customer has a schema of that name */
export function extensionSchemaChanges(
  { customerUid: uid, extensions }: DatabaseSpec,
  { extensionsOwner, extensionsRights }: InsideState,
  settings: readonly string[],
): readonly Change[] {
  if (extensions.length === 0) return []
  if (extensionsOwner !== undefined && extensionsOwner !== ownerRole) {
    throw new TenantryError('SCHEMA_FOREIGN', extensionSchema)
  }
  const create = `CREATE SCHEMA ${extensionSchema} AUTHORIZATION ${id(ownerRole)}`
  const set = `ALTER DATABASE ${id(databaseName(uid))} SET search_path = ${searchPath}`
  return [
    ...(extensionsOwner === undefined
      ? [{ what: 'the schema for extensions is missing', sql: create }]
      : []),
    ...difference(
      [{ role: groupName(uid, 'ro'), right: 'USAGE' }],
      extensionsRights,
      `SCHEMA ${extensionSchema}`,
    ),
    ...(settings.some((setting) => setting.startsWith('search_path='))
      ? []
      : [{ what: 'extensions are not on the search path', sql: set }]),
  ]
}

export function createExtension(name: string): string {
  return `CREATE EXTENSION ${id(name)} SCHEMA ${extensionSchema}`
}

// NOTHING-LOST, read off the source: no statement that takes data away is anywhere in the operator.
// The day that a policy may drop a database, its file is named here, and no other is.
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

/** Files whose statements may take away; each needs a policy and a proof of ownership. */
const mayTakeAway: readonly string[] = [
  'src/databases/control/schema.sql.ts', // the trigger that refuses to empty the audit
  'src/databases/people.sql.ts', // the login of a person who left, with what is the person's own
  'src/databases/registry/claims-schema.sql.ts', // a device that is released, which history keeps
  'src/databases/registry/departures.sql.ts', // what is put right needs no record of what was to be put right
  'src/databases/registry/inventory.sql.ts', // a device that left is not shown; what was measured of it stays
  'src/databases/registry/schema.sql.ts', // the trigger that refuses to empty the history
  'src/databases/registry/viewers.sql.ts', // the login of a person who may enter no customer any more
  'src/databases/retirement.sql.ts', // reclaimPolicy Delete: what was closed and recorded, when its time is over
]

const inSql = /\b(DROP|TRUNCATE|DELETE\s+FROM)\b/i
const anywhere =
  /\b(DROP\s+(DATABASE|SCHEMA|TABLE|OWNED|ROLE|EXTENSION)|TRUNCATE\s|DELETE\s+FROM)\b/

describe('the operator', () => {
  test('has no statement that drops or empties anything', () => {
    const files = sources('src/**/*.ts').filter((file) => !file.startsWith('src/api/')) // words only
    expect(files).toContain('src/databases/recipe.sql.ts')
    const found = files.filter((file) =>
      (file.endsWith('.sql.ts') ? inSql : anywhere).test(codeOf(file)),
    )
    expect(found.toSorted()).toEqual(mayTakeAway.toSorted())
  })

  test('writes SQL in files that are named so, and in no other', () => {
    const statement =
      /\b(SELECT .* FROM|CREATE (ROLE|DATABASE|SCHEMA)|ALTER (ROLE|DATABASE)|GRANT .* TO|REVOKE .* FROM)\b/
    const files = sources('src/**/*.ts').filter((file) => !file.endsWith('.sql.ts'))
    expect(files.filter((file) => statement.test(codeOf(file)))).toEqual([])
  })
})

function sources(pattern: string): readonly string[] {
  return globSync(pattern).filter((file) => !file.endsWith('.test.ts'))
}

function codeOf(file: string): string {
  return readFileSync(file, 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')
}

// Which folder may import which: the drawing of CONTRIBUTING.md as a test. Any other arrow fails.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

const kinds = ['partners', 'customers', 'members', 'grants', 'devices', 'links']
const shared = ['access', 'databases', 'notify', 'runtime', 'api']

const allowed: Readonly<Record<string, readonly string[]>> = {
  api: [],
  runtime: [],
  access: ['api'],
  databases: ['api'],
  notify: ['api'],
  observe: ['api'],
  cli: ['access', 'runtime', 'api'],
  operator: [...kinds, ...shared, 'observe'],
  ...Object.fromEntries(kinds.map((kind) => [kind, shared])),
}

const files = globSync('src/*/**/*.ts').filter((file) => !file.endsWith('.test.ts'))

function folderOf(path: string): string {
  return normalize(path).split('/')[1] ?? ''
}

function importsOf(file: string): readonly string[] {
  return [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(
    ([, path]) => path ?? '',
  )
}

describe('imports', () => {
  it.each(files)('of %s point down, never sideways', (file) => {
    const folder = folderOf(file)
    const others = importsOf(file)
      .filter((path) => path.startsWith('.'))
      .map((path) => folderOf(join(dirname(file), path)))
      .filter((other) => other !== folder)
    expect(allowed[folder], `src/${folder} has no row in the table of imports`).toBeDefined()
    expect(others.filter((other) => !allowed[folder]?.includes(other))).toEqual([])
  })

  it.each(files.filter((file) => folderOf(file) === 'access'))(
    'of %s bring in no package, clock or I/O',
    (file) => {
      expect(importsOf(file).filter((path) => !path.startsWith('.'))).toEqual([])
      expect(readFileSync(file, 'utf8')).not.toMatch(/\bDate\.now\b|\bnew Date\(\)|\bprocess\./)
    },
  )
})

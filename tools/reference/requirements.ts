// The page of requirements and the tests that show them: a test names what it shows by id, and nothing else says so.
import { globSync, readFileSync } from 'node:fs'
import { page } from './page.ts'
import { requirements } from './requirement-list.ts'

export type NamedTest = {
  readonly file: string
  /** `describe` and `test` as one sentence, without the ids. */
  readonly says: string
  readonly ids: readonly string[]
}

const id = /\b(?:S[0-4]|TH)-\d\d\b/g
const group = /^( *)describe(?:\.\w+)?(?:\(.*\))?\(\s*(['"`])(.+?)\2/gm
/** Also a row of a table of tests. In brackets at the end stand ids and names of promises alone. */
const name = /(['"`])((?:(?!\1)[^\n])*?) \(((?:[A-Z][A-Z0-9-]+(?:, )?)+)\)\1/g

/** The tests of a file that name a requirement. */
export function namedTests(file: string, source: string): readonly NamedTest[] {
  const groups = [...source.matchAll(group)]
  return [...source.matchAll(name)].flatMap((found) => {
    const [, , title = '', brackets = ''] = found
    const ids = brackets.match(id) ?? []
    const outer = groups.findLast(({ index }) => index < found.index)
    const isInside = outer && lineOf(source, found.index).startsWith(`${outer[1]} `)
    const says = isInside ? `${outer[3]} ${title}` : title
    return ids.length > 0 ? [{ file, says, ids: [...new Set(ids)] }] : []
  })
}

function lineOf(source: string, index: number): string {
  return source.slice(source.lastIndexOf('\n', index) + 1, source.indexOf('\n', index))
}

export function allNamedTests(): readonly NamedTest[] {
  return globSync(['src/**/*.test.ts', 'test/**/*.ts', 'tools/**/*.test.ts'])
    .filter((file) => file !== 'tools/reference/requirements.test.ts')
    .toSorted()
    .flatMap((file) => namedTests(file, readFileSync(file, 'utf8')))
}

export async function requirementsPage(): Promise<string> {
  const tests = allNamedTests()
  const lines = Object.entries(requirements).map(([each, says]) => {
    const shown = tests.filter(({ ids }) => ids.includes(each))
    const links = shown.map(({ file, says: sentence }) => `[${sentence}](../${file})`)
    return `- **${each}** ${says} ${links.join('; ')}`
  })
  return page('docs/requirements.md', [
    '<!-- Written by `npm run generate` from tools/reference/requirement-list.ts and the names of the tests. -->',
    '',
    '# What is required, and the tests that show it',
    '',
    'S0 a partner and its organizations, S1 partners and customers, S2 customers in customers, S3 access of a partner, S4 users and',
    'what they see, TH threats. Each story is walked from its first to its last step by a test of `test/e2e/walk-*`.',
    '',
    ...lines,
  ])
}

// `npm run generate`: what is written from crds/ and the catalogues; `--check` fails when a file differs from it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { compile } from 'json-schema-to-typescript'
import { format, resolveConfig } from 'prettier'
import { parse } from 'yaml'
import { errorCatalogue } from '../src/api/errors.ts'
import { reasonCatalogue } from '../src/api/reasons.ts'

type Schema = { readonly [key: string]: unknown }
type Crd = {
  readonly kind: string
  readonly description: string
  readonly spec: Schema
  readonly status: Schema
  readonly specRequired: boolean
}
type Output = { readonly file: string; readonly make: () => Promise<string> }

const conditions = { tsType: 'Condition[]' }
const outputs: readonly Output[] = [
  { file: 'src/api/kinds.generated.ts', make: kinds },
  { file: 'docs/reference/reasons.md', make: reasonsPage },
  { file: 'docs/reference/errors.md', make: errorsPage },
]

const onlyCheck = process.argv.includes('--check')
for (const { file, make } of outputs) {
  const text = await make()
  if (!onlyCheck) writeFileSync(file, text)
  else if (readOrEmpty(file) !== text) {
    console.error(`${file} differs from its source. Run "npm run generate" and commit the result.`)
    process.exitCode = 1
  }
}

async function reasonsPage(): Promise<string> {
  const rows = Object.entries(reasonCatalogue).map(([reason, { means, remedy }]) => [
    `\`${reason}\``,
    means,
    remedy,
  ])
  return page('docs/reference/reasons.md', [
    '<!-- Written by `npm run generate` from src/api/reasons.ts. -->',
    '',
    '# Reasons',
    '',
    'The `reason` of conditions and Events. They are an API: scripts may rely on them. The `message` beside a reason names',
    'the object and the next step in that very case.',
    '',
    ...table(['Reason', 'Means', 'What to do'], rows),
  ])
}

async function errorsPage(): Promise<string> {
  const rows = Object.entries(errorCatalogue).map(([code, { says, next, retry, reason }]) => [
    `\`${code}\``,
    `${says('…')}.`,
    next,
    retry === 'never' ? 'after a change' : 'by itself',
    `\`${reason}\``,
  ])
  return page('docs/reference/errors.md', [
    '<!-- Written by `npm run generate` from src/api/errors.ts. -->',
    '',
    '# Errors',
    '',
    'The `code` of errors in the log of the operator, and the reason under which each shows in a condition.',
    '',
    ...table(['Code', 'Says', 'How to solve', 'Tried again', 'Reason'], rows),
  ])
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)]
}

async function page(file: string, lines: readonly string[]): Promise<string> {
  const options = await resolveConfig(file)
  return format(`${lines.join('\n')}\n`, { ...options, filepath: file })
}

async function kinds(): Promise<string> {
  const parts = [
    '// Written by `npm run generate` from crds/. Change the CRD, not this file.',
    "import type { Condition, ObjectMeta } from './object.ts'\n",
  ]
  for (const crd of readCrds()) {
    parts.push(
      `/** ${crd.description} */`,
      `export type ${crd.kind} = {`,
      `  apiVersion: 'tenantry.dev/v1alpha1'`,
      `  kind: '${crd.kind}'`,
      `  metadata: ObjectMeta`,
      `  spec${crd.specRequired ? '' : '?'}: ${crd.kind}Spec`,
      `  status?: ${crd.kind}Status`,
      `}\n`,
      await typeOf(`${crd.kind}Spec`, crd.spec),
      await typeOf(`${crd.kind}Status`, crd.status),
    )
  }
  return `${parts.join('\n').trimEnd()}\n`
}

async function typeOf(name: string, schema: Schema): Promise<string> {
  const text = await compile(closed(schema), name, {
    bannerComment: '',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 100 },
  })
  return text.replace(/^export interface (\w+) \{/gm, 'export type $1 = {')
}

/** The schema without what only a server reads; conditions become the type that the code shares. */
function closed(schema: Schema): Schema {
  const entries = Object.entries(schema)
    .filter(([key]) => !key.startsWith('x-kubernetes') && key !== 'default')
    .map(([key, value]) => [
      key,
      key === 'properties' ? closedProperties(value) : closedValue(value),
    ])
  return Object.fromEntries(entries)
}

/** Here the keys are names that a user writes: one of them may be called `default`. */
function closedProperties(properties: unknown): unknown {
  if (!isSchema(properties)) return properties
  const entries = Object.entries(properties).map(([name, schema]) => [
    name,
    name === 'conditions' ? conditions : closedValue(schema),
  ])
  return Object.fromEntries(entries)
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedValue)
  return isSchema(value) ? closed(value) : value
}

function readCrds(): readonly Crd[] {
  return readdirSync('crds')
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => readCrd(parse(readFileSync(`crds/${file}`, 'utf8'))))
}

function readCrd(crd: unknown): Crd {
  const schema = at(crd, 'spec', 'versions', '0', 'schema', 'openAPIV3Schema')
  const spec = at(schema, 'properties', 'spec')
  const status = at(schema, 'properties', 'status')
  const kind = at(crd, 'spec', 'names', 'kind')
  const required = at(schema, 'required')
  if (typeof kind !== 'string' || !isSchema(spec) || !isSchema(status)) {
    throw new Error('A file in crds/ has no kind, or no schema of spec and status.')
  }
  return {
    kind,
    description: String(at(schema, 'description')),
    spec,
    status,
    specRequired: Array.isArray(required) && required.includes('spec'),
  }
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner: unknown, key) => (isSchema(inner) ? inner[key] : undefined), value)
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

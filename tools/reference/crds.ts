// The CRDs as the generators read them.
import { readFileSync, readdirSync } from 'node:fs'
import { parse } from 'yaml'

export type Schema = { readonly [key: string]: unknown }

export type Crd = {
  readonly kind: string
  readonly description: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly columns: readonly string[]
  readonly spec: Schema
  readonly status: Schema
  readonly specRequired: boolean
}

export function readCrds(): readonly Crd[] {
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
    namespaced: at(crd, 'spec', 'scope') === 'Namespaced',
    shortNames: listOf(at(crd, 'spec', 'names', 'shortNames')).map(String),
    columns: listOf(at(crd, 'spec', 'versions', '0', 'additionalPrinterColumns')).map((column) =>
      String(at(column, 'name')),
    ),
    spec,
    status,
    specRequired: Array.isArray(required) && required.includes('spec'),
  }
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner: unknown, key) => (isSchema(inner) ? inner[key] : undefined), value)
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

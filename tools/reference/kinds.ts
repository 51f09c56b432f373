// The page of the API: every kind, every field, from the CRDs.
import { at, isSchema, listOf, readCrds, type Crd, type Schema } from './crds.ts'
import { page, table } from './page.ts'

export async function kindsPage(): Promise<string> {
  return page('docs/reference/kinds.md', [
    '<!-- Written by `npm run generate` from crds/. -->',
    '',
    '# Kinds',
    '',
    'Group `tenantry.dev`, version `v1alpha1`. All kinds are in the category `tenantry`: `kubectl get tenantry`.',
    ...readCrds().flatMap(kindLines),
  ])
}

function kindLines(crd: Crd): readonly string[] {
  const short = crd.shortNames.map((name) => `\`${name}\``).join(', ')
  return [
    '',
    `## ${crd.kind}`,
    '',
    crd.description,
    '',
    `${crd.namespaced ? 'In a namespace' : 'Cluster-scoped'}; short name ${short}. \`kubectl get\` shows ${crd.columns.join(', ')}.`,
    '',
    ...table(['Field', 'Type', 'What it says'], fieldsOf('spec', crd.spec)),
    '',
    ...table(['Status', 'Type', 'What it says'], fieldsOf('status', crd.status)),
  ]
}

function fieldsOf(path: string, schema: Schema): readonly (readonly string[])[] {
  const properties = at(schema, 'properties')
  if (!isSchema(properties)) return []
  const required = listOf(at(schema, 'required'))
  return Object.entries(properties).flatMap(([name, field]) => {
    if (!isSchema(field)) return []
    const isList = field['type'] === 'array'
    const own = `${path}.${name}${isList ? '[]' : ''}`
    const row = [`\`${own}\``, typeOf(field, required.includes(name)), saysOf(field)]
    const inner = isList ? at(field, 'items') : field
    // Every kind's conditions are the same five fields.
    if (name === 'conditions' || !isSchema(inner)) return [row]
    return [row, ...fieldsOf(own, inner)]
  })
}

function typeOf(field: Schema, isRequired: boolean): string {
  const options = listOf(field['enum'] ?? at(field, 'items', 'enum'))
  const items = at(field, 'items', 'type')
  const type = field['type'] === 'array' ? `list of ${textOf(items)}` : textOf(field['type'])
  const values = options.length > 0 ? `: ${options.map(String).join(', ')}` : ''
  return `${type}${values}${isRequired ? '; required' : ''}`
}

function saysOf(field: Schema): string {
  const says = textOf(field['description'])
  const preset = field['default']
  return preset === undefined ? says : `${says} Default \`${JSON.stringify(preset)}\`.`.trim()
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

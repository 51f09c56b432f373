// The page of roles: what each ClusterRole that people are bound to allows, from the chart as Helm renders it.
import { parseAllDocuments } from 'yaml'
import { at, listOf } from './crds.ts'
import { page, table } from './page.ts'

export async function rolesPage(rendering: string): Promise<string> {
  const roles = parseAllDocuments(rendering)
    .map((document): unknown => document.toJS())
    .filter((object) => at(object, 'kind') === 'ClusterRole' && templateOf(object) !== undefined)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
  return page('docs/reference/roles.md', [
    '<!-- Written by `npm run generate` from charts/tenantry. -->',
    '',
    '# Roles',
    '',
    'ClusterRoles that the operator binds by RoleBindings in the namespaces of organizations, and nowhere else. Those of',
    'technicians are never bound themselves: each partner, scope and end has a copy, so that one delete ends them all.',
    'A platform adds rights of its own by aggregating into them.',
    ...roles.flatMap((role) => [
      '',
      `## ${nameOf(role)}`,
      '',
      ...table(
        ['API group', 'Resources', 'Verbs'],
        listOf(at(role, 'rules')).map((rule) => [
          namesOf(rule, 'apiGroups')
            .map((group) => group || 'core')
            .join(', '),
          [
            namesOf(rule, 'resources').join(', '),
            ...namesOf(rule, 'resourceNames').map((name) => `\`${name}\``),
          ].join(' '),
          namesOf(rule, 'verbs').join(', '),
        ]),
      ),
    ]),
  ])
}

function nameOf(role: unknown): string {
  return String(at(role, 'metadata', 'name'))
}

function templateOf(role: unknown): unknown {
  return at(role, 'metadata', 'labels', 'tenantry.dev/template')
}

function namesOf(rule: unknown, key: string): readonly string[] {
  return listOf(at(rule, key)).map(String)
}

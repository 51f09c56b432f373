// Least privilege, measured: what the operator was seen to do in the tests, from audit logs, beside what the chart lets it do.
// Worlds of tests write down what they have seen (`noteRights`), each into a file of its own; `npm test` compares at its end.
import { randomUUID } from 'node:crypto'
import { appendFileSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { operatorBinding } from '../src/api/names.ts'
import { wholeLines } from './control-plane/audit-log.ts'
import { renderedFile } from './helm/render.ts'

/** `get secrets`, `patch tenantry.dev/customerorganizations/status`. */
type Right = string

export type Seen = { readonly used: readonly Right[]; readonly refused: readonly Right[] }

type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** Where worlds write to; nowhere unless `npm test` says so. */
export const rightsDirectory = 'TENANTRY_RIGHTS'

/** Roles that only the operator holds; `tenantry:operator-technicians` it holds to hand it out. */
const rolesOfOperator = ['tenantry:operator', 'tenantry:operator-logins']
/**
 * Only after a conflict is one object read anew: a status that somebody else wrote meanwhile, something that is deleted already.
 * test/api/applier.test.ts brings that about; no run of all tests can be sure to.
 */
const readAfterConflict = [
  'tenantry.dev/customerlinks',
  'tenantry.dev/customerorganizations',
  'tenantry.dev/deviceassignments',
  'tenantry.dev/identityproviders',
  'tenantry.dev/organizationmembers',
  'tenantry.dev/partneraccessgrants',
  'tenantry.dev/partnerorganizations',
  'batch/jobs',
  'namespaces',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
].map((what) => `get ${what}`)

/** The API server asks about these while it judges a write: no request ever has them as its verb. */
const isAskedInside = (verb: string) => verb === 'bind' || verb.startsWith('impersonate')

/** By a Secret that never exists the operator asks whether a binding of its own is in force yet: a refusal is one of the answers. */
const isQuestion = (what: string, { name }: { readonly name?: string }) =>
  what === 'secrets' && name === operatorBinding

/** @param auditLog the file: JSON events, one a line */
export function noteRights(auditLog: string | undefined, user: string): void {
  const directory = process.env[rightsDirectory]
  if (directory === undefined || auditLog === undefined) return
  const used = new Set<Right>()
  const refused = new Set<Right>()
  for (const line of wholeLines(readFileSync(auditLog, 'utf8'))) {
    if (!line.includes(`"${user}"`)) continue
    const { user: who, verb, objectRef, responseStatus, annotations }: AuditLine = JSON.parse(line)
    if (who.username !== user || !objectRef) continue
    const { apiGroup = '', resource, subresource } = objectRef
    const what = subresource ? `${resource}/${subresource}` : resource
    const right = rightOf(verb, apiGroup, what)
    const isRefused = annotations?.['authorization.k8s.io/decision'] === 'forbid'
    if (isRefused && isQuestion(what, objectRef)) continue
    if (isRefused) refused.add(`${right} (${objectRef.namespace ?? ''}/${objectRef.name ?? ''})`)
    else used.add(right)
    // An apply that makes the object is a patch by its verb, and needs both rights.
    if (verb === 'patch' && responseStatus?.code === 201)
      used.add(rightOf('create', apiGroup, what))
  }
  const seen: Seen = { used: [...used], refused: [...refused] }
  appendFileSync(join(directory, randomUUID()), JSON.stringify(seen))
}

type AuditLine = {
  readonly user: { readonly username: string }
  readonly verb: string
  readonly objectRef?: {
    readonly apiGroup?: string
    readonly resource: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code: number }
  readonly annotations?: Readonly<Record<string, string>>
}

/** What is granted and no test needs, and what some test needed and is not granted. */
export function compareRights(directory: string): {
  readonly unused: readonly Right[]
  readonly refused: readonly Right[]
} {
  const seen = readdirSync(directory).map((file): Seen =>
    JSON.parse(readFileSync(join(directory, file), 'utf8')),
  )
  const used = new Set([...readAfterConflict, ...seen.flatMap((each) => each.used)])
  const refused = new Set(seen.flatMap((each) => each.refused))
  return {
    unused: grantedRights().filter((right) => !used.has(right)),
    refused: [...refused].toSorted(),
  }
}

export function grantedRights(): readonly Right[] {
  const rights = rulesOfOperator().flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.filter((verb) => !isAskedInside(verb)).map((verb) => rightOf(verb, group, resource)),
      ),
    ),
  )
  return [...new Set(rights)].toSorted()
}

/** As the chart renders them. */
export function rulesOfOperator(): readonly Rule[] {
  type Role = { readonly kind: string; readonly metadata: { readonly name: string } } & {
    readonly rules?: readonly Rule[]
  }
  const documents = parseAllDocuments(readFileSync(renderedFile, 'utf8'))
  return documents
    .map((document): Role | null => document.toJS())
    .filter((object) => object?.kind === 'ClusterRole' || object?.kind === 'Role')
    .filter((object) => rolesOfOperator.includes(object?.metadata.name ?? ''))
    .flatMap((object) => object?.rules ?? [])
}

function rightOf(verb: string, group: string, resource: string): Right {
  return `${verb} ${group === '' ? '' : `${group}/`}${resource}`
}

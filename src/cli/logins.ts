// One's own logins in PostgreSQL. Each is a Secret in the person's own organization that this person alone
// may read; which ones there are the API server says itself, in the list of what the person may do.

import { resources, type ResourceOf, type Secret } from '../api/resources.ts'
import { homeNamespace } from './scope.ts'
import type { Session } from './session.ts'

/** What the Secret says: host, port, dbname, username, password, ca.crt. */
export type Login = Readonly<Record<string, string>>

/** `undefined`: the person has no such login, or is nobody's person. */
export async function ownLogin(
  session: Session,
  isWanted: (secret: string) => boolean,
): Promise<Login | undefined> {
  const { signal, client, scope } = session
  if (!scope.home) return undefined
  const namespace = homeNamespace(scope.home)
  const name = (await readableSecrets(session, namespace)).find(isWanted)
  if (name === undefined) return undefined
  const found = await client.find<Secret>(signal, resources.secrets, { namespace, name })
  return (
    found &&
    Object.fromEntries(
      Object.entries(found.data ?? {}).map(([key, value]) => [
        key,
        Buffer.from(value, 'base64').toString('utf8'),
      ]),
    )
  )
}

type Rules = {
  readonly status?: {
    readonly resourceRules?: readonly {
      readonly verbs: readonly string[]
      readonly resources?: readonly string[]
      readonly resourceNames?: readonly string[]
    }[]
  }
}

const selfRules: ResourceOf<Rules> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  namespaced: false,
}

async function readableSecrets(
  { signal, client }: Session,
  namespace: string,
): Promise<readonly string[]> {
  const { status } = await client.create(signal, selfRules, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    metadata: {},
    spec: { namespace },
  })
  return (status?.resourceRules ?? [])
    .filter(({ verbs, resources }) => verbs.includes('get') && resources?.includes('secrets'))
    .flatMap(({ resourceNames = [] }) => resourceNames)
}

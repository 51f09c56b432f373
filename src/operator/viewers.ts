// Takes logins of the registry away whose people may enter no customer any more, and the Secrets with them. What such a login shows
// is nothing already, by the clock of the server: this tidies up, by the replica that gives.

import { labels, registrySecret } from '../api/names.ts'
import type { RbacRole } from '../api/resources.ts'
import type { Viewers } from '../databases/registry/viewers.ts'
import { sleep } from '../runtime/index.ts'

export type ViewersOptions = {
  readonly everyMs: number
  readonly gives: () => boolean
  readonly viewers: Pick<Viewers, 'sweep' | 'outside'>
  readonly roles: { readonly list: () => readonly RbacRole[] }
  readonly remove: (signal: AbortSignal, role: RbacRole, secret: string) => Promise<void>
  readonly onFailure: (error: unknown) => void
}

/** Until the signal. */
export async function keepViewers(signal: AbortSignal, options: ViewersOptions): Promise<void> {
  const { everyMs, gives, onFailure } = options
  while (!signal.aborted) {
    await sleep(signal, everyMs).catch(() => {})
    if (signal.aborted || !gives()) continue
    try {
      await tidy(signal, options)
    } catch (error) {
      if (!signal.aborted) onFailure(error)
    }
  }
}

/** Secrets are looked for among the Roles and not among logins just ended: whoever died in between left some. */
async function tidy(
  signal: AbortSignal,
  { viewers, roles, remove }: ViewersOptions,
): Promise<void> {
  await viewers.sweep(signal)
  const listed = new Map(
    roles.list().flatMap((role) => {
      const person = role.metadata.labels?.[labels.person] ?? ''
      const names = (role.rules ?? []).flatMap(({ resourceNames }) => resourceNames ?? [])
      return names.includes(registrySecret(person)) ? [[person, role] as const] : []
    }),
  )
  for (const person of await viewers.outside(signal, [...listed.keys()])) {
    const role = listed.get(person)
    if (role) await remove(signal, role, registrySecret(person))
  }
}

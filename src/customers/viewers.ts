// The one login by which a person looks at the devices of all customers that are open: for technicians, and for Admins who have
// asked for a login in their database. Made after the ledger lets the person in; what it shows the registry decides, row by row.

import { registrySecret } from '../api/names.ts'
import { ensureReadable } from './person-secret.ts'
import type { Plan } from './plan.ts'
import type { Ports } from './ports.ts'

export async function letInViewers(
  signal: AbortSignal,
  ports: Ports,
  { people: { wanted } }: Plan,
): Promise<void> {
  const { viewers } = ports
  if (!viewers) return
  for (const each of wanted) {
    const { person } = each
    if ((each.of === 'member' && each.group !== 'adm') || viewers.has(person)) continue
    const readable = { ...each, secret: registrySecret(person), login: viewers.loginOf(person) }
    const password = await ensureReadable(signal, ports, readable, async (chosen) =>
      viewers.credentials(person, chosen),
    )
    await viewers.ensure(signal, person, password)
  }
}

// How customers and partners stand, for dashboards and alerts: counted from the caches when Prometheus asks, so that every
// replica tells it, and from what it sees changing. No label names a customer: that would cost more than it tells.
//
// The lag of a window's end is that of the one write which voids all that it gave. An end before this process began is not
// its to judge: the cluster's own switch has ended that access, and the write only sweeps.

import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client'
import type { Condition } from '../api/object.ts'
import type { CustomerOrganization, PartnerOrganization } from '../api/kinds.generated.ts'
import { labels } from '../api/names.ts'
import type { ClusterRole } from '../api/resources.ts'
import { parseTime, type EpochMs } from '../api/time.ts'

/** What it needs of a cache. */
type Cache<T> = {
  readonly list: () => Iterable<T>
  readonly onChange: (
    listener: (change: { readonly before?: T; readonly after?: T }) => void,
  ) => unknown
}

export type Tenants = {
  readonly customers: Cache<CustomerOrganization>
  readonly partners: Cache<PartnerOrganization>
  readonly clusterRoles: Pick<Cache<ClusterRole>, 'onChange'>
}

const dayMs = 24 * 60 * 60_000
const warnedDays = [1, 7, 30] as const
/** A role that goes sooner than this before its end was taken away by somebody, not by time. */
const byHandMs = 2_000

export function observeTenants(
  registry: Registry,
  { customers, partners, clusterRoles }: Tenants,
  clock: { readonly now: () => EpochMs },
): void {
  const registers = [registry]
  const startedAt = clock.now()
  const gauge = <L extends string>(options: ConstructorParameters<typeof Gauge<L>>[0]) =>
    new Gauge({ ...options, registers })
  const standing = (name: string, help: string, cache: Cache<Organization>) =>
    gauge({
      name,
      help,
      labelNames: ['ready', 'reason'],
      collect() {
        this.reset()
        for (const { status } of cache.list()) {
          const found = status?.conditions?.find(({ type }) => type === 'Ready')
          this.inc({ ready: found?.status ?? 'Unknown', reason: found?.reason ?? 'New' })
        }
      },
    })
  standing('tenantry_customers', 'Customers, by their condition Ready and its reason.', customers)
  standing('tenantry_partners', 'Partners, by their condition Ready and its reason.', partners)
  gauge({
    name: 'tenantry_customer_links',
    help: 'Customers, by the state of their link to a partner.',
    labelNames: ['state'],
    collect() {
      for (const state of ['Linked', 'Releasing', 'Vacant']) this.set({ state }, 0)
      for (const { status } of customers.list()) {
        if (status?.partner) this.inc({ state: status.partner.state })
      }
    },
  })
  gauge({
    name: 'tenantry_partner_access_ending',
    help: "Customers whose partner's access ends within so many days.",
    labelNames: ['days'],
    collect() {
      const now = clock.now()
      for (const days of warnedDays) this.set({ days }, 0)
      for (const { status } of customers.list()) {
        const left = (parseTime(status?.until ?? '') ?? now) - now
        for (const days of warnedDays) if (left > 0 && left <= days * dayMs) this.inc({ days })
      }
    },
  })
  const releases = new Histogram({
    name: 'tenantry_release_seconds',
    help: 'From the moment when a partner has to leave a customer to the proof that nobody of it has anything left.',
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300, 3600],
    registers,
  })
  const handOvers = new Counter({
    name: 'tenantry_hand_overs_total',
    help: 'Customers that were linked to another partner after they had had one.',
    registers,
  })
  customers.onChange(({ before, after }) => {
    const [was, is] = [before?.status?.partner, after?.status?.partner]
    if (!was || !is) return
    const since = parseTime(was.since ?? '')
    if (was.state === 'Releasing' && is.state === 'Vacant' && since !== undefined)
      releases.observe(Math.max(0, clock.now() - since) / 1000)
    if (is.epoch > was.epoch && was.epoch > 0) handOvers.inc()
  })
  const lag = new Histogram({
    name: 'tenantry_revocation_lag_seconds',
    help: 'From the end of a window to the moment when its access was seen to be gone.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  })
  clusterRoles.onChange(({ before, after }) => {
    const label = before?.metadata.labels?.[labels.end]
    if (label === undefined || after) return
    const [now, end] = [clock.now(), Number(label) * 1000]
    if (end >= startedAt && now > end - byHandMs) lag.observe(Math.max(0, now - end) / 1000)
  })
}

type Organization = { readonly status?: { readonly conditions?: readonly Condition[] } }

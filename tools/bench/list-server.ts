// The server of bench/runtime.ts, in a process of its own so that its CPU is not counted: lists of
// 10,000 customers' objects in pages, over TLS, and watches on which nothing happens. An object is of
// the size that performance was planned with: 1.6 kB, almost half of it managedFields.
import { createServer } from 'node:https'
import { createAuthority } from '../control-plane/certificates.ts'

export type Kind = { readonly plural: string; readonly namespaced: boolean; readonly each: number }

/** Per customer; two of the kinds have no namespace. */
export const kinds: readonly Kind[] = [
  { plural: 'customers', namespaced: false, each: 1 },
  { plural: 'spaces', namespaced: false, each: 1 },
  { plural: 'grants', namespaced: true, each: 1 },
  { plural: 'bindings', namespaced: true, each: 2 },
  { plural: 'quotas', namespaced: true, each: 1 },
  { plural: 'policies', namespaced: true, each: 1 },
  { plural: 'credentials', namespaced: true, each: 1 },
]

/** What the server tells its parent. */
export type Ready = { readonly port: number; readonly ca: string; readonly objectBytes: number }

const pages = new Map<string, Buffer>()

function pageOf(plural: string, from: number, limit: number, customers: number): Buffer {
  const key = `${plural} ${from} ${limit}`
  const known = pages.get(key)
  if (known) return known
  const kind = kinds.find((each) => each.plural === plural)
  const total = customers * (kind?.each ?? 0)
  const end = Math.min(from + limit, total)
  const length = Math.max(0, end - from)
  const items = kind && Array.from({ length }, (_, index) => objectOf(kind, from + index))
  const metadata = { resourceVersion: '900000', ...(end < total && { continue: `${end}` }) }
  const list = { kind: 'List', apiVersion: 'example.dev/v1', metadata, items }
  const page = Buffer.from(JSON.stringify(list))
  pages.set(key, page)
  return page
}

function objectOf({ plural, namespaced, each }: Kind, index: number): object {
  const customer = `c${String(Math.floor(index / each)).padStart(6, '0')}`
  const time = '2026-03-01T12:00:00Z'
  return {
    metadata: {
      name: each === 1 && namespaced ? plural.slice(0, -1) : `${customer}-${index % each}`,
      ...(namespaced && { namespace: `customer-${customer}` }),
      uid: `3f9c1d5e-7a42-4b0e-9c61-${index.toString(16).padStart(12, '0')}`,
      resourceVersion: String(100_000 + index),
      generation: 1,
      creationTimestamp: time,
      labels: { 'example.dev/customer': customer, 'app.kubernetes.io/managed-by': 'bench' },
      annotations: { 'example.dev/applied': 'Zm9ydHktdHdvLW9mLXRoZW0' },
      managedFields: [
        {
          manager: 'bench',
          operation: 'Apply',
          apiVersion: 'example.dev/v1',
          time,
          fieldsType: 'FieldsV1',
          fieldsV1: owned([
            'displayName',
            'partnerRef',
            'contact',
            'quota',
            'database',
            'email',
            'phone',
            'cpu',
            'memory',
            'pods',
            'region',
          ]),
        },
        {
          manager: 'bench-status',
          operation: 'Apply',
          subresource: 'status',
          apiVersion: 'example.dev/v1',
          time,
          fieldsType: 'FieldsV1',
          fieldsV1: owned([
            'conditions',
            'observedGeneration',
            'namespace',
            'partner',
            'database',
            'devices',
          ]),
        },
      ],
    },
    spec: {
      displayName: `Customer number ${index} of the benchmark`,
      partnerRef: { name: `partner-${index % 500}` },
      contact: { email: `${customer}@example.com`, phone: '+44 20 7946 0000' },
      quota: { cpu: '4', memory: '8Gi', pods: '50' },
    },
    status: {
      observedGeneration: 1,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'Ready',
          message: 'Everything that was asked for is there.',
          lastTransitionTime: time,
          observedGeneration: 1,
        },
      ],
    },
  }
}

function owned(fields: readonly string[]): object {
  return { 'f:spec': Object.fromEntries(fields.map((field) => [`f:${field}`, { '.': {} }])) }
}

function main(customers: number): void {
  const authority = createAuthority('bench', new Date())
  const { certificate, key } = authority.issueServer('lists', ['127.0.0.1'])
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://127.0.0.1')
    response.setHeader('content-type', 'application/json')
    response.on('error', () => response.destroy())
    if (url.searchParams.has('watch')) {
      response.flushHeaders()
      return
    }
    const from = Number(url.searchParams.get('continue') ?? 0)
    const limit = Number(url.searchParams.get('limit') ?? 500)
    response.end(pageOf(url.pathname.split('/').at(-1) ?? '', from, limit, customers))
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    for (const { plural, each } of kinds) {
      // Beforehand, so that no page waits for its making.
      for (let from = 0; from < customers * each; from += 500) {
        pageOf(plural, from, 500, customers)
      }
    }
    const bytes = [...pages.values()].reduce((sum, page) => sum + page.length, 0)
    const objects = customers * kinds.reduce((sum, { each }) => sum + each, 0)
    process.send?.({ port, ca: authority.certificate, objectBytes: bytes / objects })
  })
  process.once('disconnect', () => process.exit())
}

if (import.meta.main) main(Number(process.argv[2]))

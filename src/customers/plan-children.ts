// What isolates a customer's namespace: quota, limits, network. Holds ISOLATED.
// Every field that the API server would fill in is written out, so that what was asked for and
// what is there can be compared without writing (QUIET).

import { labels, managedBy } from '../api/names.ts'
import type { LimitRange, NetworkPolicy, ResourceQuota } from '../api/resources.ts'
import type { Seen } from './gather.ts'

export type Child =
  | { readonly store: 'quotas'; readonly desired: ResourceQuota }
  | { readonly store: 'limitRanges'; readonly desired: LimitRange }
  | { readonly store: 'networkPolicies'; readonly desired: NetworkPolicy }

/** What a customer has whose spec does not say; a container gets the defaults below. */
const defaultQuota = { pods: '50', 'requests.cpu': '4', 'requests.memory': '8Gi' }
const defaultRequest = { cpu: '100m', memory: '128Mi' }
const defaultLimit = { memory: '512Mi' }

export function planChildren(seen: Seen): readonly Child[] {
  const { isolation } = seen.object.spec
  return [
    {
      store: 'quotas',
      desired: {
        ...child(seen, 'v1', 'ResourceQuota', 'tenantry'),
        spec: { hard: { ...defaultQuota, ...isolation?.quota } },
      },
    },
    {
      store: 'limitRanges',
      desired: {
        ...child(seen, 'v1', 'LimitRange', 'tenantry'),
        spec: {
          limits: [
            {
              type: 'Container',
              default: { ...defaultLimit, ...isolation?.limits?.default },
              defaultRequest: { ...defaultRequest, ...isolation?.limits?.defaultRequest },
              ...(isolation?.limits?.max && { max: isolation.limits.max }),
            },
          ],
        },
      },
    },
    ...networkPolicies(seen),
  ]
}

/** Labels are an allow-list: a parent's labels never reach a child (Argo CD would adopt it). */
function child({ object, namespace }: Seen, apiVersion: string, kind: string, name: string) {
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { [labels.managedBy]: managedBy, [labels.customer]: object.metadata.name },
    },
  }
}

function networkPolicies(seen: Seen): readonly Child[] {
  const { allowIngressFrom = [], allowEgressTo = [] } =
    seen.object.spec.isolation?.networkPolicy ?? {}
  const policies = [
    policy(seen, 'default-deny', { policyTypes: ['Ingress', 'Egress'] }),
    policy(seen, 'allow-dns', {
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { [namespaceName]: 'kube-system' } } }],
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
      ],
    }),
    policy(seen, 'allow-own-namespace', {
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector: {} }] }],
      egress: [{ to: [{ podSelector: {} }] }],
    }),
  ]
  if (allowIngressFrom.length === 0 && allowEgressTo.length === 0) return policies
  return [
    ...policies,
    policy(seen, 'allow-configured', {
      policyTypes: [
        ...(allowIngressFrom.length > 0 ? ['Ingress'] : []),
        ...(allowEgressTo.length > 0 ? ['Egress'] : []),
      ],
      ...(allowIngressFrom.length > 0 && {
        ingress: allowIngressFrom.map((peer) => ({ from: [peerOf(peer)], ...portsOf(peer) })),
      }),
      ...(allowEgressTo.length > 0 && {
        egress: allowEgressTo.map((peer) => ({ to: [peerOf(peer)], ...portsOf(peer) })),
      }),
    }),
  ]
}

const namespaceName = 'kubernetes.io/metadata.name'

function policy(seen: Seen, name: string, spec: Record<string, unknown>): Child {
  return {
    store: 'networkPolicies',
    desired: {
      ...child(seen, 'networking.k8s.io/v1', 'NetworkPolicy', name),
      spec: { podSelector: {}, ...spec },
    },
  }
}

type Peer = NonNullable<
  NonNullable<NonNullable<Seen['object']['spec']['isolation']>['networkPolicy']>['allowIngressFrom']
>[number]

/** ISOLATED: whatever a selector says, it never reaches another organization's namespace. */
function peerOf({ namespaceSelector, podSelector, ipBlock }: Peer): Record<string, unknown> {
  if (ipBlock) return { ipBlock }
  return {
    namespaceSelector: {
      ...(namespaceSelector?.matchLabels && { matchLabels: namespaceSelector.matchLabels }),
      matchExpressions: [
        { key: labels.customer, operator: 'DoesNotExist' },
        { key: labels.partner, operator: 'DoesNotExist' },
      ],
    },
    ...(podSelector && { podSelector }),
  }
}

function portsOf({ ports }: Peer): Record<string, unknown> {
  if (!ports || ports.length === 0) return {}
  return { ports: ports.map(({ protocol = 'TCP', port }) => ({ protocol, port })) }
}

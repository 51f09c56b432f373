// A control plane with a kind of its own, Widget, that has no schema: what a client makes of fields
// that it does not know shows only there.
import { expect, vi } from 'vitest'
import {
  Client,
  connectKubeconfig,
  type KubeObject,
  type ResourceOf,
} from '../../src/runtime/index.ts'
import { startControlPlane, type ControlPlane } from '../../tools/control-plane/start.ts'
import { connect, type ApiServer } from './api-server.ts'

type Managed = {
  readonly manager: string
  readonly operation: string
  readonly subresource?: string
}
export type Any = KubeObject & {
  readonly metadata: { readonly managedFields?: readonly Managed[] }
  readonly spec?: object
  readonly status?: object
}

const core = { group: '', version: 'v1', namespaced: true }
export const widgets: ResourceOf<Any> = {
  group: 'example.dev',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}
export const quotas: ResourceOf<Any> = { ...core, kind: 'ResourceQuota', plural: 'resourcequotas' }
export const namespaces: ResourceOf<Any> = {
  ...core,
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
}
export const policies: ResourceOf<Any> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
}
const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.dev' },
  spec: {
    group: 'example.dev',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    ],
  },
}

export const widgetsPath = '/apis/example.dev/v1/namespaces/default/widgets'

export type WidgetWorld = {
  readonly plane: ControlPlane
  readonly client: Client
  /** Methods of the client's requests, oldest first. */
  readonly requests: string[]
  /** Whoever else writes. */
  readonly others: ApiServer
  /** Somebody else writes by a merge patch. */
  readonly patched: (widget: KubeObject, change: object, subresource?: string) => Promise<void>
  stop(): Promise<void>
}

export async function startWidgetWorld(signal: AbortSignal): Promise<WidgetWorld> {
  const plane = await startControlPlane(signal)
  const connection = await connectKubeconfig(signal, plane.kubeconfig)
  const requests: string[] = []
  const client = new Client(connection, { onRequest: ({ method }) => void requests.push(method) })
  const others = connect(plane.kubeconfig)
  await plane.run(signal, ['create', '-f', '-'], { input: JSON.stringify(crd) })
  await plane.run(signal, ['wait', '--for=condition=Established', 'crd', '--all'])
  const served = async () => expect((await others.ask('GET', widgetsPath)).status).toBe(200)
  await vi.waitFor(served, { timeout: 20_000 })
  return {
    plane,
    client,
    requests,
    others,
    async patched({ metadata }, change, subresource = '') {
      const url = `${widgetsPath}/${metadata.name}${subresource}`
      expect((await others.ask('PATCH', url, change)).status).toBe(200)
    },
    async stop() {
      others[Symbol.dispose]()
      await connection.stop()
      await plane.stop()
    },
  }
}

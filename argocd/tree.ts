// argocd/resource_customizations as it lies on disk, in the tree that Argo CD's own repository has, and
// the same as a fragment of the ConfigMap argocd-cm for installations that bring their own.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Document, Scalar } from 'yaml'

const group = 'tenantry.dev'
export const treeRoot = join('argocd', 'resource_customizations', group)

export type Customization = {
  readonly kind: string
  readonly folder: string
  readonly health: string
  /** Which actions there are, and which of them are of use now; `undefined`: there are none. */
  readonly discovery: string | undefined
  readonly actions: readonly { readonly name: string; readonly script: string }[]
}

export function readCustomizations(): readonly Customization[] {
  return readdirSync(treeRoot)
    .sort()
    .map((kind) => {
      const folder = join(treeRoot, kind)
      const discovery = join(folder, 'actions', 'discovery.lua')
      return {
        kind,
        folder,
        health: readFileSync(join(folder, 'health.lua'), 'utf8'),
        discovery: existsSync(discovery) ? readFileSync(discovery, 'utf8') : undefined,
        actions: existsSync(discovery) ? readActions(join(folder, 'actions')) : [],
      }
    })
}

function readActions(folder: string): Customization['actions'] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'testdata')
    .map(({ name }) => name)
    .sort()
    .map((name) => ({ name, script: readFileSync(join(folder, name, 'action.lua'), 'utf8') }))
}

/** A ConfigMap that is merged into argocd-cm; it holds these keys and no others. */
export function argocdFragment(): string {
  const entries = readCustomizations().flatMap(({ kind, health, discovery, actions }) => {
    const of = `${group}_${kind}`
    const healthEntry = [[`resource.customizations.health.${of}`, health]]
    if (discovery === undefined) return healthEntry
    const definitions = actions.map(({ name, script }) => ({ name, 'action.lua': block(script) }))
    const text = yamlOf({ 'discovery.lua': block(discovery), definitions })
    return [...healthEntry, [`resource.customizations.actions.${of}`, text]]
  })
  const data = Object.fromEntries(entries.map(([key, text = '']) => [key, block(text)]))
  const map = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'argocd-cm',
      namespace: 'argocd',
      labels: { 'app.kubernetes.io/name': 'argocd-cm', 'app.kubernetes.io/part-of': 'argocd' },
    },
    data,
  }
  return `# Written by \`npm run generate\` from argocd/resource_customizations. Merge it into your own argocd-cm:\n# kubectl patch configmap argocd-cm -n argocd --patch-file argocd/argocd-cm.yaml\n${yamlOf(map)}`
}

function yamlOf(value: object): string {
  return new Document(value).toString({ lineWidth: 0 })
}

function block(text: string): Scalar {
  return Object.assign(new Scalar(text), { type: Scalar.BLOCK_LITERAL })
}

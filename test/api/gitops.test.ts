// Argo CD and Flux as the API server sees them: server-side applies under their field managers, again
// and again. Promises: QUIET (nobody writes), and no difference that a tool would repair for ever.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { runLua } from '../../argocd/lua.ts'
import { readCustomizations } from '../../argocd/tree.ts'
import { expected } from '../../tools/local/examples.ts'
import { kstatusOf } from '../support/kstatus.ts'
import { customer, grant, partner } from '../support/manifests.ts'
import { field, startWorld, text, type Found, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const kinds = 'porg,corg,member,idp,pag,devas,clink'
const children = 'ns,quota,limits,netpol,rolebindings,roles,jobs,secrets,serviceaccounts'

const apply = (manager: string) =>
  world.kubectl(
    'apply',
    '--server-side',
    '--force-conflicts',
    `--field-manager=${manager}`,
    '-f',
    'examples/',
  )
const diff = (manager: string) =>
  world.kubectl(
    'diff',
    '--server-side',
    '--force-conflicts',
    `--field-manager=${manager}`,
    '-f',
    'examples/',
  )

async function itemsOf(what: string): Promise<readonly Found[]> {
  const { stdout } = await world.kubectl('get', what, '-A', '-o', 'json')
  const items = field(JSON.parse(stdout), 'items')
  return Array.isArray(items) ? items : []
}

/** What changes with each write, of everything that Tenantry makes or watches. */
async function versions(): Promise<Readonly<Record<string, string>>> {
  const items = [...(await itemsOf(kinds)), ...(await itemsOf(children))]
  return Object.fromEntries(
    items.map((item) => {
      const of = (...path: string[]) => text(field(item, ...path))
      const key = [of('kind'), of('metadata', 'namespace'), of('metadata', 'name')].join('/')
      return [key, of('metadata', 'resourceVersion')]
    }),
  )
}

/** Nothing has changed for a second. */
async function untilQuiet(): Promise<Readonly<Record<string, string>>> {
  let last = await versions()
  let since = performance.now()
  await world.until(
    'nothing is written any more',
    async () => {
      const now = await versions()
      if (JSON.stringify(now) !== JSON.stringify(last)) since = performance.now()
      last = now
      return performance.now() - since > 1_000
    },
    30_000,
  )
  return last
}

describe.each(['argocd-controller', 'kustomize-controller'])(
  'a repository synced by %s',
  (tool) => {
    let synced: Readonly<Record<string, string>>
    beforeAll(async () => {
      // As both tools do: what needs a namespace that is not there yet is tried again.
      await world.until(
        'the repository is accepted',
        async () => (await apply(tool)).code === 0,
        30_000,
      )
      synced = await untilQuiet()
    })

    test('causes no write by anybody when it is synced again, unchanged (QUIET)', async () => {
      const before = (await world.writes()).length
      for (let times = 0; times < 2; times++) expect((await apply(tool)).code).toBe(0)
      expect(await untilQuiet()).toEqual(synced)
      expect((await world.writes()).slice(before)).toEqual([])
    })

    test('shows no difference that the tool would repair', async () => {
      const { code, stdout, stderr } = await diff(tool)
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
    })

    test('is healthy but for what the examples leave open, for both tools', async () => {
      const healths = new Map(readCustomizations().map(({ kind, health }) => [kind, health]))
      const items = await itemsOf(kinds)
      expect(items.length).toBeGreaterThan(25)
      const open = items.flatMap((item) => {
        const health = runLua(healths.get(text(field(item, 'kind'))) ?? '', item)
        const isHealthy = text(field(health, 'status')) === 'Healthy'
        expect(kstatusOf(item), text(field(item, 'metadata', 'name'))).toBe(
          isHealthy ? 'Current' : 'InProgress',
        )
        return isHealthy
          ? []
          : `${text(field(item, 'kind'))}/${text(field(item, 'metadata', 'name'))}`
      })
      expect(open.sort()).toEqual(Object.keys(expected).sort())
    })
  },
)

describe('the expressions of examples/flux', () => {
  /** In the API server's own CEL, over the objects as they are: a policy per kind refuses by what is true. */
  const policy = ({ kind, ...expressions }: HealthCheck) => {
    const plural = plurals[kind] ?? ''
    const name = `flux-${plural}`
    const inPolicy = (text: string) =>
      text.replaceAll(/(?<![.\w])(status|metadata)\./g, 'object.$1.')
    const validations = ['inProgress', 'failed', 'current'].flatMap((verdict) => {
      const expression = Reflect.get(expressions, verdict)
      return expression === undefined
        ? []
        : [{ expression: `!(${inPolicy(text(expression))})`, message: `is ${verdict}` }]
    })
    const group = { apiGroups: ['tenantry.dev'], apiVersions: ['*'], operations: ['UPDATE'] }
    const apiVersion = 'admissionregistration.k8s.io/v1'
    return [
      {
        apiVersion,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name },
        spec: {
          matchConstraints: { resourceRules: [{ ...group, resources: [plural] }] },
          matchConditions: [
            {
              name: 'asked',
              expression:
                "has(object.metadata.annotations) && 'flux' in object.metadata.annotations",
            },
          ],
          validations,
        },
      },
      {
        apiVersion,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name, validationActions: ['Deny'] },
      },
    ]
  }

  test('say what the health checks of Argo CD say', async () => {
    const checks = ['organizations', 'people'].flatMap((file) => {
      const kustomization: {
        readonly spec: { readonly healthCheckExprs: readonly HealthCheck[] }
      } = parse(readFileSync(`examples/flux/${file}.yaml`, 'utf8'))
      return kustomization.spec.healthCheckExprs
    })
    await world.apply(...checks.flatMap(policy))
    const healths = new Map(readCustomizations().map(({ kind, health }) => [kind, health]))
    const items = await itemsOf(kinds)
    for (const item of items.filter((each) => checks.some(({ kind }) => kind === each['kind']))) {
      const kind = text(item['kind'])
      const name = text(field(item, 'metadata', 'name'))
      const namespace = text(field(item, 'metadata', 'namespace'))
      const where = namespace === '' ? [] : ['-n', namespace]
      const health = text(field(runLua(healths.get(kind) ?? '', item), 'status'))
      const arguments_ = ['annotate', kind, name, ...where, 'flux=asks', '--dry-run=server']
      const says = async () =>
        /is (?:current|failed|inProgress)/.exec((await world.kubectl(...arguments_)).stderr)?.[0]
      const expected_ = { Healthy: 'is current', Suspended: 'is current', Degraded: 'is failed' }[
        health
      ]
      // A policy is in force a moment after it was written.
      await world.until(
        `Flux reads ${kind} ${name} as ${health}`,
        async () => (await says()) === expected_,
      )
    }
  })
})

type HealthCheck = {
  readonly kind: string
  readonly inProgress?: string
  readonly failed?: string
  readonly current?: string
}

const plurals: Readonly<Record<string, string>> = {
  PartnerOrganization: 'partnerorganizations',
  CustomerOrganization: 'customerorganizations',
  OrganizationMember: 'organizationmembers',
  IdentityProvider: 'identityproviders',
  PartnerAccessGrant: 'partneraccessgrants',
  DeviceAssignment: 'deviceassignments',
}

describe('the marks by which a tool tracks what it has applied', () => {
  test('stay on it: nothing that Tenantry makes carries them, so nothing of that is pruned', async () => {
    const tracked = customer('tracked', { database: { enabled: false } })
    const metadata = {
      name: 'tracked',
      labels: {
        'app.kubernetes.io/instance': 'organizations',
        'kustomize.toolkit.fluxcd.io/name': 'organizations',
      },
      annotations: { 'argocd.argoproj.io/tracking-id': 'organizations:tenantry.dev/…' },
    }
    await world.apply({ ...tracked, metadata })
    await world.until('it is ready', async () => {
      return (await world.condition({ kind: 'corg', name: 'tracked' }, 'Ready')) === 'True/Ready'
    })
    const made = await world.kubectl('get', children, '-n', 'customer-tracked', '-o', 'yaml')
    const namespace = await world.kubectl('get', 'ns', 'customer-tracked', '-o', 'yaml')
    expect(made.stdout).toContain('tenantry')
    for (const { stdout } of [made, namespace]) {
      expect(stdout).not.toMatch(/organizations|instance|tracking-id|fluxcd/)
    }
  })
})

describe('an action of Argo CD', () => {
  /** As Argo CD does it: what the script has changed becomes a merge patch. */
  async function act(kind: string, action: string, where: readonly string[]): Promise<void> {
    const { stdout } = await world.kubectl('get', ...where, '-o', 'json')
    const { actions } = readCustomizations().find((each) => each.kind === kind) ?? {}
    const script = actions?.find(({ name }) => name === action)?.script ?? ''
    const changed = runLua(script, JSON.parse(stdout))
    const [type = '', name = '', ...rest] = where
    const patch = JSON.stringify(mergePatch(JSON.parse(stdout), changed))
    const arguments_ = ['patch', type, name, ...rest, '--type=merge', '-p', patch]
    const { code, stderr } = await world.kubectl(...arguments_)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  }

  test('suspends a partner and resumes it: its people are out, and in again', async () => {
    const isIn = () => world.can('fabrikam:tina', 'get', 'pods', 'customer-northwind')
    await world.until('tina is in', isIn)
    await act('PartnerOrganization', 'suspend', ['porg', 'fabrikam'])
    await world.until('tina is out', async () => !(await isIn()))
    await act('PartnerOrganization', 'resume', ['porg', 'fabrikam'])
    await world.until('tina is in again', isIn)
  })

  test('disables the access of a grant', async () => {
    await act('PartnerAccessGrant', 'disable-access', ['pag', 'partner', '-n', 'customer-contoso'])
    await world.until('it is disabled', async () => {
      return text(field(await world.get('corg', 'contoso'), 'status', 'access')) === 'Disabled'
    })
    expect(await world.can('luis@lumen.example', 'get', 'pods', 'customer-contoso')).toBe(false)
  })

  test('confirms a deletion that nested customers hold', async () => {
    await world.apply(
      partner('temporary'),
      customer('above', { database: { enabled: false } }),
      customer('below', { parentRef: { name: 'above' }, database: { enabled: false } }),
    )
    await world.until('both stand', async () => {
      return (await world.condition({ kind: 'corg', name: 'below' }, 'Ready')) === 'True/Ready'
    })
    await world.apply(grant('above', 'temporary'))
    await world.kubectl('delete', 'corg', 'above', '--wait=false')
    await world.until('it is held', async () => {
      return (await world.condition({ kind: 'corg', name: 'above' }, 'Ready')).endsWith(
        'HasChildren',
      )
    })
    await act('CustomerOrganization', 'confirm-delete', ['corg', 'above'])
    await world.until('it is gone', async () => (await world.get('corg', 'above')) === undefined)
  })
})

/** An empty list comes back from Lua as an empty object, and is no change. */
function mergePatch(before: object, after: unknown): Found {
  const now: Found = { ...(typeof after === 'object' ? after : {}) }
  const entries = Object.entries(before).flatMap(([key, was]): [string, unknown][] => {
    const is = now[key]
    if (is === undefined) return [[key, null]]
    if (Array.isArray(was) && was.length === 0) return []
    if (typeof was !== 'object' || was === null || Array.isArray(was)) {
      return JSON.stringify(was) === JSON.stringify(is) ? [] : [[key, is]]
    }
    const inner = mergePatch(was, is)
    return Object.keys(inner).length === 0 ? [] : [[key, inner]]
  })
  const added = Object.entries(now).filter(([key]) => !(key in before))
  return Object.fromEntries([...entries, ...added])
}

// The applier against the real API server: what costs a request, who owns which field afterwards,
// and what survives although the applier has never heard of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  Applier,
  Store,
  type Client,
  type ObjectRef,
  type ResourceOf,
} from '../../src/runtime/index.ts'
import {
  namespaces,
  policies,
  quotas,
  startWidgetWorld,
  widgets,
  widgetsPath,
  type Any,
  type WidgetWorld,
} from '../support/widgets.ts'

const { signal } = new AbortController()
let world: WidgetWorld
let client: Client
let requests: string[]
let patched: WidgetWorld['patched']
let count = 0

beforeAll(async () => {
  world = await startWidgetWorld(signal)
  ;({ client, requests, patched } = world)
})
afterAll(() => world.stop())
beforeEach(() => {
  requests.length = 0
})

const hashAnnotation = 'example.dev/applied'
const applierOf = (fieldManager = 'shop') => new Applier(client, { fieldManager, hashAnnotation })

/** A widget of a name of its own. */
function widget(spec: object, metadata: object = {}): Any {
  const name = `w${++count}`
  return {
    apiVersion: 'example.dev/v1',
    kind: 'Widget',
    metadata: { namespace: 'default', name, ...metadata },
    spec,
  }
}

const live = (resource: ResourceOf<Any>, { metadata }: { metadata: ObjectRef }) =>
  client.get(signal, resource, metadata)

const owners = async (resource: ResourceOf<Any>, object: Any) =>
  (await live(resource, object)).metadata.managedFields
    ?.filter(({ operation }) => operation === 'Apply')
    .map(({ manager, subresource = '' }) => `${manager} ${subresource}`.trim())

describe('ensure', () => {
  test('makes an object with one request, and asks for it again with none', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({ size: 1 })]
    for (let times = 0; times < 3; times++) await applier.ensure(signal, store, wish)
    expect(requests).toEqual(['PATCH'])
    expect(await live(widgets, wish)).toMatchObject({ spec: { size: 1 } })
  })

  test('repairs what somebody changed or took away by hand', async () => {
    const [store, applier] = [new Store(widgets), applierOf()]
    const wish = widget({ size: 1, parts: ['a', 'b'] }, { labels: { ours: 'yes' } })
    await applier.ensure(signal, store, wish)
    for (const drift of [
      { spec: { size: 2 } },
      { spec: { parts: ['a', 'b', 'c'] } },
      { metadata: { labels: { ours: null } } },
      { metadata: { annotations: { [hashAnnotation]: 'x' } } },
    ]) {
      await patched(wish, drift)
      store.observe('MODIFIED', await live(widgets, wish))
      expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: true })
      expect(await live(widgets, wish)).toMatchObject({ spec: wish.spec, metadata: wish.metadata })
      expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: false })
    }
  })

  test('takes back only its own fields, and drops none that it does not know', async () => {
    const [store, applier] = [new Store(widgets), applierOf()]
    const wish = widget({ size: 1, colour: 'red' })
    await applier.ensure(signal, store, wish)
    await patched(wish, {
      metadata: { labels: { theirs: 'yes' } },
      spec: { new: { nested: [{ deep: true }] } },
    })
    store.observe('MODIFIED', await live(widgets, wish))
    const next = { ...wish, spec: { size: 2 } }
    await applier.ensure(signal, store, next)
    const object = await applier.addFinalizer(
      signal,
      store,
      await live(widgets, wish),
      'example.dev/ours',
    )
    const { object: withStatus } = await applier.writeStatus(signal, store, object, { up: true })
    await applier.removeFinalizer(signal, store, withStatus, 'example.dev/ours')
    const now = await live(widgets, wish)
    expect(now.spec).toEqual({ size: 2, new: { nested: [{ deep: true }] } })
    expect(now.metadata.labels).toEqual({ theirs: 'yes' })
    expect(now.status).toEqual({ up: true })
    expect(now.metadata.finalizers).toBeUndefined()
  })

  test('settles on what the server writes otherwise, instead of asking for ever', async () => {
    const quota: Any = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { namespace: 'default', name: 'limits' },
      spec: { hard: { cpu: '1000m', memory: '1024Mi' } },
    }
    const policy: Any = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: 'default', name: 'closed' },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] },
    }
    const applier = applierOf()
    const [quotaStore, policyStore] = [new Store(quotas), new Store(policies)]
    for (let times = 0; times < 3; times++) {
      await applier.ensure(signal, quotaStore, quota)
      await applier.ensure(signal, policyStore, policy)
    }
    expect(requests).toEqual(['PATCH', 'PATCH'])
    expect(await live(quotas, quota)).toMatchObject({ spec: { hard: { cpu: '1', memory: '1Gi' } } })
  })

  test('refuses a field that the kind does not have, instead of losing it', async () => {
    const wrong: Any = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { namespace: 'default', name: 'wrong' },
      spec: { hards: {} },
    }
    await expect(applierOf().ensure(signal, new Store(quotas), wrong)).rejects.toMatchObject({
      message: expect.stringContaining('hards'),
    })
  })

  test('without force leaves a field to whoever set it', async () => {
    const wish = widget({ size: 1 })
    await applierOf('theirs').ensure(signal, new Store(widgets), wish)
    const mine = { ...wish, spec: { size: 2 } }
    const store = new Store(widgets)
    await expect(
      applierOf('ours').ensure(signal, store, mine, { force: false }),
    ).rejects.toMatchObject({ status: 409 })
    await applierOf('ours').ensure(signal, store, mine)
    expect((await live(widgets, wish)).spec).toEqual({ size: 2 })
  })
})

describe('createOnce', () => {
  test('makes it marked, and never takes over what somebody else has made', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({ size: 1 })]
    expect(await applier.createOnce(signal, store, wish, { made: 'here' })).toBe('created')
    expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: false })
    const theirs = widget({ size: 9 })
    await world.others.ask('POST', widgetsPath, theirs)
    expect(await applier.createOnce(signal, store, theirs)).toBe('exists')
    expect((await live(widgets, theirs)).metadata.labels).toBeUndefined()
  })
})

describe('status', () => {
  test('has a manager of its own, and is written only when it differs', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({ size: 1 })]
    const { object } = await applier.ensure(signal, store, wish)
    const status = { phase: 'Up', conditions: [{ type: 'Ready', status: 'True' }] }
    const first = await applier.writeStatus(signal, store, object, status)
    const again = await applier.writeStatus(signal, store, first.object, status)
    expect([first.wrote, again.wrote, requests.length]).toEqual([true, false, 2])
    expect(await owners(widgets, wish)).toEqual(['shop', 'shop-status status'])
  })

  test('loses what is no longer said, and keeps what others say', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({})]
    const { object } = await applier.ensure(signal, store, wish)
    await applier.writeStatus(signal, store, object, { phase: 'Up', seen: 1 })
    await patched(wish, { status: { theirs: 1 } }, '/status')
    const now = await live(widgets, wish)
    const written = await applier.writeStatus(signal, store, now, { phase: 'Up' })
    expect(written.object.status).toEqual({ phase: 'Up', theirs: 1 })
    const { length } = requests
    const again = await applier.writeStatus(signal, store, written.object, { phase: 'Up' })
    expect([again.wrote, requests.length]).toEqual([false, length])
  })

  test('that is guarded fails when somebody wrote meanwhile', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({ size: 1 })]
    const { object } = await applier.ensure(signal, store, wish)
    await patched(wish, { spec: { size: 2 } })
    const guarded = { guarded: true }
    await expect(
      applier.writeStatus(signal, store, object, { phase: 'Up' }, guarded),
    ).rejects.toMatchObject({ status: 409 })
    expect((await live(widgets, wish)).status).toBeUndefined()
    const now = await live(widgets, wish)
    await applier.writeStatus(signal, store, now, { phase: 'Up' }, guarded)
    expect((await live(widgets, wish)).status).toEqual({ phase: 'Up' })
  })

  test('of an object that was made anew, or is gone, is not written and makes nothing', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({ size: 1 })]
    const { object } = await applier.ensure(signal, store, wish)
    await world.others.ask('DELETE', `${widgetsPath}/${wish.metadata.name}`)
    const write = () => applier.writeStatus(signal, store, object, { phase: 'Up' })
    await expect(write()).rejects.toMatchObject({ status: expect.toBeOneOf([404, 409]) })
    expect(await client.find(signal, widgets, wish.metadata)).toBeUndefined()
    await world.others.ask('POST', widgetsPath, wish)
    await expect(write()).rejects.toMatchObject({ status: 409 })
    expect((await live(widgets, wish)).status).toBeUndefined()
  })
})

describe('finalizers', () => {
  test('are not written over those that somebody added meanwhile', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({})]
    const { object } = await applier.ensure(signal, store, wish)
    await patched(wish, { metadata: { finalizers: ['example.dev/theirs'] } })
    const add = (to: Any) => applier.addFinalizer(signal, store, to, 'example.dev/ours')
    await expect(add(object)).rejects.toMatchObject({ status: 409 })
    const marked = await add(await live(widgets, wish))
    expect(marked.metadata.finalizers).toEqual(['example.dev/theirs', 'example.dev/ours'])
    const { length } = requests
    await add(marked)
    expect(requests.length).toBe(length)
    await applier.removeFinalizer(signal, store, marked, 'example.dev/ours')
    expect((await live(widgets, wish)).metadata.finalizers).toEqual(['example.dev/theirs'])
  })

  test('claim no field of the spec', async () => {
    const [store, applier, wish] = [
      new Store(widgets),
      applierOf('finalizers'),
      widget({ size: 1 }),
    ]
    await world.others.ask('POST', widgetsPath, wish)
    await applier.addFinalizer(signal, store, await live(widgets, wish), 'example.dev/ours')
    const { metadata } = await live(widgets, wish)
    const ours = metadata.managedFields?.find(({ manager }) => manager === 'finalizers')
    expect(ours).toMatchObject({ operation: 'Update', fieldsV1: { 'f:metadata': {} } })
    expect(JSON.stringify(ours)).not.toContain('f:spec')
  })

  test('hold what is removed; without the last one it is gone, and so it is in the cache', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({})]
    const made = await applier.ensure(signal, store, wish)
    const held = await applier.addFinalizer(signal, store, made.object, 'example.dev/ours')
    await applier.remove(signal, store, held)
    const ending = store.get(wish.metadata)
    expect(ending?.metadata.deletionTimestamp).toBeDefined()
    if (ending) await applier.removeFinalizer(signal, store, ending, 'example.dev/ours')
    expect(await client.find(signal, widgets, wish.metadata)).toBeUndefined()
    expect(store.get(wish.metadata)).toBeUndefined()
    if (ending) await applier.removeFinalizer(signal, store, ending, 'example.dev/ours') // gone: fine
  })
})

describe('remove', () => {
  test('leaves an object that was made anew under the name', async () => {
    const [store, applier, wish] = [new Store(widgets), applierOf(), widget({ size: 1 })]
    const { object } = await applier.ensure(signal, store, wish)
    await world.others.ask('DELETE', `${widgetsPath}/${wish.metadata.name}`)
    await world.others.ask('POST', widgetsPath, { ...wish, spec: { size: 2 } })
    await applier.remove(signal, store, object)
    expect((await live(widgets, wish)).spec).toEqual({ size: 2 })
    await applier.remove(signal, store, await live(widgets, wish))
    expect(await client.find(signal, widgets, wish.metadata)).toBeUndefined()
    await applier.remove(signal, store, object) // gone already
  })

  test('of a namespace that is ending already does not take it for gone', async () => {
    const [store, applier] = [new Store(namespaces), applierOf()]
    const wish: Any = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ending' } }
    const { object } = await applier.ensure(signal, store, wish)
    const held = { ...widget({}), metadata: { name: 'held', finalizers: ['example.dev/x'] } }
    await world.others.ask('POST', '/apis/example.dev/v1/namespaces/ending/widgets', held)
    for (let times = 0; times < 3; times++) {
      await applier.remove(signal, store, object)
      expect(store.get(wish.metadata)?.metadata.deletionTimestamp).toBeDefined()
    }
  })
})

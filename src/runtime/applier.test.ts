// When a write is needed and when not, and what is in the cache afterwards. The server here only
// remembers; managers, validation and unknown fields are tested on a real one in test/api.
import { describe, expect, test } from 'vitest'
import { makeFakeClient, refusal } from '../../test/support/fake-client.ts'
import { Applier } from './applier.ts'
import { typed } from './client-answers.ts'
import type { KubeObject, ResourceOf } from './object.ts'
import { Store, type StoreOptions } from './store.ts'

type Widget = KubeObject & {
  readonly spec?: { readonly size?: string; readonly parts?: readonly string[] }
  readonly status?: { readonly phase?: string; readonly seen?: number }
}

const widgets: ResourceOf<Widget> = {
  group: '',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
}
const { signal } = new AbortController()
const ref = { namespace: 'shop', name: 'a' }
const hashAnnotation = 'example.dev/hash'

function widget(spec: Widget['spec'] = { size: '1' }, metadata = {}): Widget {
  return {
    apiVersion: 'v1',
    kind: 'Widget',
    metadata: { ...ref, ...metadata },
    ...(spec && { spec }),
  }
}

function start(options: StoreOptions<Widget> = {}) {
  const server = makeFakeClient()
  const store = new Store(widgets, options)
  const writes: string[] = []
  /** As after a start: it remembers nothing. */
  const anew = () =>
    new Applier(server, {
      fieldManager: 'shop',
      hashAnnotation,
      onWrite: (verb, resource, { name }) => void writes.push(`${verb} ${resource.plural} ${name}`),
    })
  const applier = anew()
  /** Somebody else writes, and the watch tells it. */
  const others = (change: Record<string, unknown>) => {
    const object = typed(widgets, server.write(widgets, ref, change))
    store.observe(store.get(ref) ? 'MODIFIED' : 'ADDED', object)
    return object
  }
  return { server, store, applier, anew, writes, others }
}

describe('ensure', () => {
  test('makes what is missing, and the cache has it before the watch tells', async () => {
    const { server, store, applier, writes } = start()
    expect(await applier.ensure(signal, store, widget())).toMatchObject({ wrote: true })
    expect(store.get(ref)).toMatchObject({ spec: { size: '1' } })
    expect(server.requests).toEqual(['apply widgets shop/a'])
    expect(writes).toEqual(['apply widgets a'])
  })

  test('sends nothing when all is as wanted', async () => {
    const { server, store, applier } = start()
    await applier.ensure(signal, store, widget())
    for (let times = 0; times < 3; times++) {
      const { wrote, object } = await applier.ensure(signal, store, widget())
      expect([wrote, object]).toEqual([false, store.get(ref)])
    }
    expect(server.requests).toHaveLength(1)
  })

  test.each([
    ['changed a field', { spec: { size: '9' } }],
    ['took a field away', { spec: { size: null } }],
    ['took the annotation away', { metadata: { annotations: { [hashAnnotation]: null } } }],
  ])('repairs when somebody %s', async (_, change) => {
    const { server, store, applier, others } = start()
    await applier.ensure(signal, store, widget())
    others(change)
    expect(await applier.ensure(signal, store, widget())).toMatchObject({ wrote: true })
    expect(server.objects.get('widgets shop/a')).toMatchObject({ spec: { size: '1' } })
    expect(await applier.ensure(signal, store, widget())).toMatchObject({ wrote: false })
  })

  test('leaves alone what somebody else added', async () => {
    const { server, store, applier, others } = start()
    await applier.ensure(signal, store, widget())
    others({ metadata: { labels: { theirs: 'yes' } }, extra: 1 })
    expect(await applier.ensure(signal, store, widget())).toMatchObject({ wrote: false })
    expect(server.requests).toHaveLength(1)
  })

  test('writes when the wish no longer names a field, though all that is left is there', async () => {
    const { server, store, applier } = start()
    await applier.ensure(signal, store, widget({ size: '1', parts: ['x'] }))
    await applier.ensure(signal, store, widget({ size: '1' }))
    expect(server.requests).toHaveLength(2)
  })

  test('does not repeat a wish that the server writes in other words', async () => {
    const { server, store, applier, others } = start()
    const rewrite = server.apply.bind(server)
    server.apply = async (...args) => {
      await rewrite(...args)
      return typed(args[1], server.write(widgets, ref, { spec: { size: '1' } }))
    }
    const wish = widget({ size: '1000m' })
    await applier.ensure(signal, store, wish)
    expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: false })
    expect(server.requests).toHaveLength(1)
    others({ spec: { size: '7' } })
    expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: true })
    expect(store.get(ref)?.spec).toEqual({ size: '1' })
  })

  test.each([
    ['only metadata', { metadataOnly: true }],
    [
      'a projection',
      { project: ({ apiVersion, kind, metadata }: Widget) => ({ apiVersion, kind, metadata }) },
    ],
  ])('compares what a store keeps, if that is %s', async (_, options: StoreOptions<Widget>) => {
    const { server, store, applier, anew, others } = start(options)
    const wish = widget({ size: '1' }, { labels: { ours: 'yes' } })
    await applier.ensure(signal, store, wish)
    expect(await anew().ensure(signal, store, wish)).toMatchObject({ wrote: false })
    others({ metadata: { labels: { ours: null } } })
    expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: true })
    expect(server.requests).toHaveLength(2)
  })

  test('throws what the server says, and remembers nothing', async () => {
    const { server, store, applier } = start()
    server.fail = { error: refusal(403, 'Forbidden') }
    await expect(applier.ensure(signal, store, widget())).rejects.toMatchObject({ status: 403 })
    expect(store.size).toBe(0)
    await applier.ensure(signal, store, widget())
    expect(store.size).toBe(1)
  })
})

describe('createOnce', () => {
  test('makes it with its mark, and a later ensure finds nothing to do', async () => {
    const { server, store, applier } = start()
    const wish = widget({ size: '1' }, { labels: { ours: 'yes' } })
    expect(await applier.createOnce(signal, store, wish, { made: 'here' })).toBe('created')
    expect(store.get(ref)?.metadata.labels).toEqual({ ours: 'yes', made: 'here' })
    expect(await applier.ensure(signal, store, wish)).toMatchObject({ wrote: false })
    expect(server.requests).toEqual(['create widgets shop/a'])
  })

  test('never takes over what is there', async () => {
    const { server, store, applier } = start()
    server.write(widgets, ref, { spec: { size: 'theirs' } })
    expect(await applier.createOnce(signal, store, widget())).toBe('exists')
    expect(server.objects.get('widgets shop/a')).toMatchObject({ spec: { size: 'theirs' } })
    expect(store.size).toBe(0)
  })
})

describe('remove', () => {
  test('takes it out of the cache at once, and late news do not bring it back', async () => {
    const { store, applier, others } = start()
    const object = others({ spec: {} })
    await applier.remove(signal, store, object)
    expect(store.get(ref)).toBeUndefined()
    store.observe('MODIFIED', object)
    expect(store.get(ref)).toBeUndefined()
  })

  test('shows what finalizers hold as on its way out', async () => {
    const { store, applier, others } = start()
    await applier.remove(signal, store, others({ metadata: { finalizers: ['example.dev/x'] } }))
    expect(store.get(ref)?.metadata.deletionTimestamp).toBeDefined()
  })

  test('of what is gone already is success', async () => {
    const { server, store, applier, others } = start()
    const object = others({ spec: {} })
    server.objects.clear()
    await applier.remove(signal, store, object)
    expect(store.size).toBe(0)
  })

  test('leaves an object that was made anew under the name', async () => {
    const { server, store, applier, others } = start()
    const old = others({ spec: {} })
    server.objects.clear()
    server.write(widgets, ref, { spec: { size: 'new' } })
    await applier.remove(signal, store, old)
    expect(server.objects.get('widgets shop/a')).toMatchObject({ spec: { size: 'new' } })
    expect(store.get(ref)).toBeUndefined() // until the watch tells of the new one
  })

  test('of what is ending already is success, and it is not taken for gone', async () => {
    const { server, store, applier, others } = start()
    const object = others({ spec: {} })
    server.write(widgets, ref, { metadata: { deletionTimestamp: '2026-11-25T00:00:00Z' } })
    server.fail = { error: refusal(409, 'Conflict') }
    await applier.remove(signal, store, object)
    expect(store.get(ref)?.metadata.deletionTimestamp).toBeDefined()
  })

  test('that is refused for another reason throws', async () => {
    const { server, store, applier, others } = start()
    const object = others({ spec: {} })
    server.fail = { error: refusal(409, 'Conflict') }
    await expect(applier.remove(signal, store, object)).rejects.toMatchObject({ status: 409 })
    expect(store.get(ref)).toBe(object)
  })
})

describe('a finalizer', () => {
  const finalizer = 'example.dev/ours'

  test('is added beside others, once', async () => {
    const { server, store, applier, others } = start()
    const object = others({ metadata: { finalizers: ['example.dev/theirs'] } })
    const marked = await applier.addFinalizer(signal, store, object, finalizer)
    expect(marked.metadata.finalizers).toEqual(['example.dev/theirs', finalizer])
    expect(await applier.addFinalizer(signal, store, marked, finalizer)).toBe(marked)
    expect(server.requests).toEqual(['patch/merge widgets shop/a'])
    expect(store.get(ref)).toEqual(marked)
  })

  test('is not written over a version that nobody has seen', async () => {
    const { server, store, applier, others } = start()
    const object = others({ spec: {} })
    server.write(widgets, ref, { metadata: { finalizers: ['example.dev/new'] } })
    await expect(applier.addFinalizer(signal, store, object, finalizer)).rejects.toMatchObject({
      status: 409,
    })
    expect(server.objects.get('widgets shop/a')?.metadata.finalizers).toEqual(['example.dev/new'])
  })

  test('of an object without a version is refused, since nothing would guard it', async () => {
    const { store, applier } = start()
    await expect(applier.addFinalizer(signal, store, widget(), finalizer)).rejects.toThrow(
      'Widget a has no resourceVersion to guard a write with',
    )
  })

  test('that was the last one of what is ending leaves nothing in the cache', async () => {
    const { store, applier, others } = start()
    const deletionTimestamp = '2026-11-25T00:00:00Z'
    const object = others({ metadata: { finalizers: [finalizer], deletionTimestamp } })
    await applier.removeFinalizer(signal, store, object, finalizer)
    expect(store.get(ref)).toBeUndefined()
  })

  test('of what is gone already needs no removal', async () => {
    const { server, store, applier, others } = start()
    const deletionTimestamp = '2026-11-25T00:00:00Z'
    const object = others({ metadata: { finalizers: [finalizer], deletionTimestamp } })
    server.objects.clear()
    expect(await applier.removeFinalizer(signal, store, object, finalizer)).toBe(object)
    expect(store.get(ref)).toBeUndefined()
    expect(await applier.removeFinalizer(signal, store, widget(), finalizer)).toBeDefined()
    expect(server.requests).toHaveLength(1)
  })
})

describe('status', () => {
  test('is written once and then no more', async () => {
    const { server, store, applier, others, writes } = start()
    const first = await applier.writeStatus(signal, store, others({ spec: {} }), { phase: 'Up' })
    expect(store.get(ref)?.status).toEqual({ phase: 'Up' })
    const again = await applier.writeStatus(signal, store, first.object, { phase: 'Up' })
    expect([first.wrote, again.wrote]).toEqual([true, false])
    expect(server.requests).toEqual(['apply/status widgets shop/a'])
    expect(writes).toEqual(['status widgets a'])
  })

  test('is written when a field of it is no longer said', async () => {
    const { server, store, applier, others } = start()
    const object = others({ status: { phase: 'Up', seen: 1 } })
    expect(await applier.writeStatus(signal, store, object, { phase: 'Up' })).toMatchObject({
      wrote: true,
    })
    expect(server.requests).toHaveLength(1)
  })

  test('is not written again and again beside what somebody else says there', async () => {
    const { server, store, applier, others } = start()
    const object = others({ status: { theirs: 1 } })
    const first = await applier.writeStatus(signal, store, object, { phase: 'Up' })
    expect(first.object.status).toEqual({ theirs: 1, phase: 'Up' })
    const again = await applier.writeStatus(signal, store, first.object, { phase: 'Up' })
    expect([again.wrote, server.requests.length]).toEqual([false, 1])
    const changed = others({ spec: { size: '2' } })
    expect(await applier.writeStatus(signal, store, changed, { phase: 'Up' })).toMatchObject({
      wrote: true,
    })
  })

  test('that is guarded fails when somebody wrote meanwhile, and else does not', async () => {
    const { server, store, applier, others } = start()
    const object = others({ spec: {} })
    server.write(widgets, ref, { spec: { size: '2' } })
    const guarded = { guarded: true }
    await expect(
      applier.writeStatus(signal, store, object, { phase: 'Up' }, guarded),
    ).rejects.toMatchObject({ status: 409 })
    const { wrote } = await applier.writeStatus(signal, store, object, { phase: 'Up' })
    expect([wrote, store.get(ref)?.spec]).toEqual([true, { size: '2' }])
    await expect(
      applier.writeStatus(signal, store, widget(), { phase: 'Up' }, guarded),
    ).rejects.toThrow(RangeError)
  })

  test('of an object that was made anew is not written', async () => {
    const { server, store, applier, others } = start()
    const object = others({ spec: {} })
    server.objects.clear()
    server.write(widgets, ref, {})
    await expect(applier.writeStatus(signal, store, object, { phase: 'Up' })).rejects.toMatchObject(
      { status: 409 },
    )
  })
})

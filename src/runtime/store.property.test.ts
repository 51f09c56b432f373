// A store against a simple model of a server: objects are made, changed and deleted by others and by
// us, the watch lags, lists cross with writes, answers come late and in any order. Holds:
// - once everything has arrived, store and server agree;
// - what we wrote is never shown older, what we deleted never again;
// - nothing counts as missed that the watch was still going to tell;
// - indexes, sizes and the stream of changes tell the same as the list.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { KubeObject } from './object.ts'
import { Store, type Change } from './store.ts'

type Thing = KubeObject & { readonly colour: string }

type Told = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Thing }

const names = ['a', 'b', 'c'] as const
const colours = ['red', 'blue'] as const

const step = fc.oneof(
  fc.record({
    do: fc.constant('write'),
    name: fc.constantFrom(...names),
    colour: fc.constantFrom(...colours),
    own: fc.boolean(),
    late: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('delete'),
    name: fc.constantFrom(...names),
    own: fc.boolean(),
    late: fc.boolean(),
  }),
  fc.record({ do: fc.constant('tell'), events: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('answer'), which: fc.nat(5) }),
  fc.record({ do: fc.constant('beginList') }),
  fc.record({ do: fc.constant('endList') }),
  fc.record({ do: fc.constant('bookmark') }),
)

class Server {
  readonly objects = new Map<string, Thing>()
  readonly events: Told[] = []
  #version = 98 // goes past the number of digits that plain text would order wrongly
  #uids = 0

  get version(): string {
    return String(this.#version)
  }

  write(name: string, colour: string): Thing {
    const before = this.objects.get(name)
    const uid = before?.metadata.uid ?? `uid-${++this.#uids}`
    const metadata = { name, namespace: name === 'c' ? 'x' : 'y', uid, resourceVersion: '' }
    metadata.resourceVersion = String(++this.#version)
    const object = { apiVersion: 'v1', kind: 'Thing', metadata, colour }
    this.objects.set(name, object)
    this.events.push({ type: before ? 'MODIFIED' : 'ADDED', object })
    return object
  }

  delete(name: string): Thing | undefined {
    const before = this.objects.get(name)
    if (!before) return undefined
    this.objects.delete(name)
    const metadata = { ...before.metadata, resourceVersion: String(++this.#version) }
    this.events.push({ type: 'DELETED', object: { ...before, metadata } })
    return before
  }
}

class Run {
  readonly server = new Server()
  readonly broken: unknown[] = []
  readonly store = new Store<Thing>(
    { group: '', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true },
    {
      indexes: { colour: ({ colour }) => [colour] },
      onListenerError: (error) => this.broken.push(error),
    },
  )
  readonly shown = new Map<string, Thing>()
  readonly written = new Map<string, string>()
  readonly deleted = new Set<string>()
  answers: (() => void)[] = []
  missed = 0
  #told = 0
  #list: { objects: Thing[]; version: string; started: number; events: number } | undefined

  constructor() {
    this.store.onChange((change) => this.#follow(change))
    this.beginList()
    this.endList()
  }

  take(one: typeof step extends fc.Arbitrary<infer Step> ? Step : never): void {
    switch (one.do) {
      case 'write': {
        const object = this.server.write(one.name, one.colour)
        if (one.own) this.#answer(one.late, () => this.#put(object))
        return
      }
      case 'delete': {
        const object = this.server.delete(one.name)
        if (object && one.own) this.#answer(one.late, () => this.#forget(object))
        return
      }
      case 'tell':
        return this.tell(one.events)
      case 'answer':
        this.answers.splice(one.which, 1)[0]?.()
        return
      case 'beginList':
        return this.beginList()
      case 'endList':
        return this.endList()
      case 'bookmark':
        if (this.#told === this.server.events.length) this.store.advance(this.server.version)
    }
  }

  tell(events: number): void {
    if (this.#list) return // a reflector lists or watches, never both
    for (const { type, object } of this.server.events.slice(this.#told, this.#told + events)) {
      this.#told++
      this.store.observe(type, object)
    }
  }

  beginList(): void {
    this.#list ??= {
      started: this.store.listStarts(),
      objects: [...this.server.objects.values()],
      version: this.server.version,
      events: this.server.events.length,
    }
  }

  endList(): void {
    if (!this.#list) return
    const { objects, version, started, events } = this.#list
    this.missed += this.store.replace(objects, version, started).missed
    this.#told = events
    this.#list = undefined
  }

  #answer(late: boolean, arrive: () => void): void {
    if (late) this.answers.push(arrive)
    else arrive()
  }

  #put(object: Thing): void {
    this.store.put(object)
    this.written.set(object.metadata.uid ?? '', object.metadata.resourceVersion ?? '')
  }

  #forget(object: Thing): void {
    this.store.forget(object)
    this.deleted.add(object.metadata.uid ?? '')
  }

  #follow({ before, after }: Change<Thing>): void {
    const name = (after ?? before)?.metadata.name ?? ''
    expect(this.shown.get(name)).toBe(before)
    if (after) this.shown.set(name, after)
    else this.shown.delete(name)
    if (!after) return
    const { uid = '', resourceVersion } = after.metadata
    if (this.deleted.has(uid)) throw new Error(`${name} came back after we had deleted it`)
    const written = this.written.get(uid)
    if (written && Number(resourceVersion) < Number(written)) throw new Error(`${name} went back`)
  }

  agreeWithin(): void {
    const list = this.store.list()
    expect(this.store.size).toBe(list.length)
    expect([...this.shown.values()].sort(byName)).toEqual([...list].sort(byName))
    for (const colour of colours) {
      const found = [...this.store.by('colour', colour)].sort(byName)
      expect(found).toEqual(list.filter((each) => each.colour === colour).sort(byName))
    }
    for (const namespace of ['x', 'y']) {
      const found = [...this.store.byNamespace(namespace)].sort(byName)
      expect(found).toEqual(list.filter((e) => e.metadata.namespace === namespace).sort(byName))
    }
  }
}

function byName(a: Thing, b: Thing): number {
  return a.metadata.name < b.metadata.name ? -1 : 1
}

test('a store ends like the server, whatever crosses on the way', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.boolean(),
      (steps, answersFirst) => {
        const run = new Run()
        for (const each of steps) run.take(each)
        const answer = () => {
          for (const arrive of run.answers) arrive()
        }
        if (answersFirst) answer()
        run.endList()
        run.tell(Infinity)
        if (!answersFirst) answer()
        expect(run.broken).toEqual([])
        run.agreeWithin()
        const expected = [...run.server.objects.values()].sort(byName)
        expect([...run.store.list()].sort(byName)).toEqual(expected)
        expect(run.missed).toBe(0)
      },
    ),
    { numRuns: 10_000 },
  )
}, 60_000)

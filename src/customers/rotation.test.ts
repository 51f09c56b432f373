// When a password is due to be another, from what stands on the Secrets alone.
import { describe, expect, test } from 'vitest'
import { annotations } from '../api/names.ts'
import type { ObjectMeta } from '../api/object.ts'
import { nextGraceEnd, planRotation, readerMarks, readersOf, rotationMarks } from './rotation.ts'

const now = Date.parse('2026-12-01T12:00:00Z')
const graceMs = 300_000
const all = ['adm', 'rw', 'ro']

function secrets(marks: Readonly<Record<string, string>> = {}) {
  const secret: ObjectMeta = { name: 'database', annotations: marks }
  return { adm: secret, rw: secret, ro: secret }
}

function wish(token?: string, readers: readonly string[] = []) {
  return { token, readers, graceMs }
}

describe('a rotation', () => {
  test('is due when a value is asked for that the Secret does not answer to, and is done once it does', () => {
    expect(planRotation(secrets(), wish(), now).due).toEqual([])
    expect(planRotation(secrets(), wish('one'), now).due).toEqual(all)
    const done = secrets(rotationMarks(wish('one'), now))
    expect(planRotation(done, wish('one'), now + graceMs).due).toEqual([])
    expect(planRotation(done, wish(), now + graceMs).due).toEqual([])
  })

  test('that was cut off goes on with the Secrets that do not answer yet', () => {
    const { adm, rw } = secrets(rotationMarks(wish('one'), now))
    const { ro } = secrets()
    const { due, graces } = planRotation({ adm, rw, ro }, wish('one'), now)
    expect(due).toEqual(['ro'])
    expect(graces).toEqual({ adm: now + graceMs, rw: now + graceMs })
  })

  test('waits for the grace of the one before, whose login is the next one’s', () => {
    const rotated = secrets(rotationMarks(wish('one'), now))
    expect(planRotation(rotated, wish('two'), now + graceMs - 1).due).toEqual([])
    expect(nextGraceEnd(rotated, graceMs, now + graceMs - 1)).toBe(now + graceMs)
    expect(planRotation(rotated, wish('two'), now + graceMs)).toMatchObject({
      due: all,
      graces: {},
      rotatedAt: now,
    })
    expect(nextGraceEnd(rotated, graceMs, now + graceMs)).toBeUndefined()
  })

  test('is due when somebody who could read the Secret no longer may, and not when somebody may who could not', () => {
    const marked = secrets({ [annotations.readers]: 'anna,olga' })
    expect(planRotation(marked, wish(undefined, ['anna', 'olga']), now)).toMatchObject({
      due: [],
      unmarked: [],
    })
    expect(planRotation(marked, wish(undefined, ['anna']), now).due).toEqual(all)
    expect(planRotation(marked, wish(undefined, ['anna', 'bert', 'olga']), now)).toMatchObject({
      due: [],
      unmarked: all,
    })
  })

  test('who left while a grace runs is remembered beside who came, until the rotation', () => {
    const marks = { ...rotationMarks(wish(undefined, ['anna']), now) }
    const { adm } = secrets(marks)
    const later = readerMarks(wish(undefined, ['bert']), adm)
    expect(later).toEqual({ [annotations.readers]: 'anna,bert' })
    expect(
      planRotation(secrets({ ...marks, ...later }), wish(undefined, ['bert']), now + graceMs).due,
    ).toEqual(all)
  })

  test('is not due for a Secret that is missing: it is made with a new password', () => {
    const none = { adm: undefined, rw: undefined, ro: undefined }
    expect(planRotation(none, wish('one', ['anna']), now)).toMatchObject({ due: [], unmarked: [] })
  })

  test('a time that nobody can read is no grace', () => {
    const odd = secrets({ [annotations.rotatedAt]: 'yesterday' })
    expect(planRotation(odd, wish(), now)).toMatchObject({ graces: {}, rotatedAt: undefined })
  })
})

test('who may read a Secret is told by the roles of the chart that may, and named to nobody', () => {
  const binding = (role: string, ...people: readonly string[]) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: role },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: people.map((name) => ({ kind: 'User', name })),
  })
  const readers = readersOf([
    binding('tenantry:customer-superadmin', 'olga'),
    binding('tenantry:customer-admin', 'anna', 'olga'),
    binding('tenantry:customer-viewer', 'vera'),
  ])
  expect(readers).toHaveLength(2)
  expect(readers.join()).toMatch(/^[0-9a-f]{12},[0-9a-f]{12}$/)
})

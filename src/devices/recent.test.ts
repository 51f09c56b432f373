import { describe, expect, it } from 'vitest'
import type { DeviceAssignment } from '../api/kinds.generated.ts'
import { RecentAssignments } from './recent.ts'

const assignment = (name: string, resourceVersion: string): DeviceAssignment => ({
  apiVersion: 'tenantry.dev/v1alpha1',
  kind: 'DeviceAssignment',
  metadata: { name, namespace: 'customer-acme', uid: name, resourceVersion },
  spec: { devices: [{ id: `device-of-${name}` }] },
})

describe('the assignments that were told last', () => {
  it('gives one of the version that is asked for, once', () => {
    const recent = new RecentAssignments()
    const told = assignment('a', '1')
    recent.keep(told)
    expect(recent.take(assignment('a', '1'))).toBe(told)
    expect(recent.take(assignment('a', '1'))).toBeUndefined()
  })

  it('gives nothing of another version', () => {
    const recent = new RecentAssignments()
    recent.keep(assignment('a', '1'))
    expect(recent.take(assignment('a', '2'))).toBeUndefined()
  })

  it('gives the later of two versions', () => {
    const recent = new RecentAssignments()
    recent.keep(assignment('a', '1'))
    recent.keep(assignment('a', '2'))
    expect(recent.take(assignment('a', '2'))?.metadata.resourceVersion).toBe('2')
  })

  it('keeps so many and no more, and the oldest goes first', () => {
    const recent = new RecentAssignments(2)
    for (const name of ['a', 'b', 'c']) recent.keep(assignment(name, '1'))
    const left = ['a', 'b', 'c'].filter((name) => recent.take(assignment(name, '1')))
    expect(left).toEqual(['b', 'c'])
  })
})

// What permissions become, from facts alone.
import { describe, expect, test } from 'vitest'
import { member, northwind } from '../../test/support/seen.ts'
import { permissionGroups } from './permissions.ts'

const olga = { ...member('olga', 'Admin'), permissions: ['reports', 'audit'] }
const vera = { ...member('vera', 'Viewer'), permissions: ['reports'] }

describe('permissions', () => {
  test('are one binding each, with everybody who holds it and may enter (S0-09)', () => {
    const organization = { ...northwind, members: [olga, vera] }
    expect(permissionGroups(organization, () => true)).toMatchObject([
      { name: 'permission-reports', role: 'reports', people: ['olga', 'vera'] },
      { name: 'permission-audit', role: 'audit', people: ['olga'] },
    ])
    expect(permissionGroups(organization, (person) => person === 'vera')).toMatchObject([
      { role: 'reports', people: ['vera'] },
    ])
  })

  test('of somebody who has no home here give nothing (ONE-HOME)', () => {
    const elsewhere = { ...vera, unguarded: true }
    expect(permissionGroups({ ...northwind, members: [elsewhere] }, () => true)).toEqual([])
  })
})

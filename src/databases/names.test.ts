// Names from UIDs: legal in PostgreSQL, and no two alike.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applicationRoles,
  applicationRolesOf,
  customerOf,
  databaseName,
  databasePattern,
  loginName,
  markOf,
  personLogin,
  personLoginPattern,
  personPattern,
  rolePattern,
  slotOf,
} from './names.ts'

describe('the names of a customer in PostgreSQL', () => {
  test('are legal without quotes and never cut', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.constantFrom(...applicationRoles), (uid, role) => {
        expect(loginName(uid, role, 'b')).toMatch(/^t_[a-z2-7]{26}_(adm|rw|ro)_b$/)
      }),
    )
  })

  test('differ where the UIDs differ', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        fc.pre(one !== other)
        expect(databaseName(one)).not.toBe(databaseName(other))
      }),
    )
  })

  test('are not made from anything but a UID', () => {
    expect(() => databaseName('northwind')).toThrow('Not a UUID')
  })

  test('are what the patterns for all of them say, and nothing else is', () => {
    fc.assert(
      fc.property(fc.uuid(), (uid) => {
        expect(databaseName(uid)).toMatch(new RegExp(databasePattern))
        for (const role of applicationRolesOf(uid)) {
          expect(role).toMatch(new RegExp(rolePattern))
          expect(role).not.toMatch(new RegExp(personLoginPattern))
        }
      }),
    )
    expect('t_northwind').not.toMatch(new RegExp(databasePattern))
  })

  test('lead back to their customer only by the mark that belongs to them', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (uid, other) => {
        fc.pre(uid !== other)
        expect(customerOf(databaseName(uid), markOf(uid))).toBe(uid)
        expect(customerOf(databaseName(uid), markOf(other))).toBeUndefined()
      }),
    )
    expect(customerOf('t_northwind', 'tenantry:northwind')).toBeUndefined()
    expect(customerOf('t_northwind', null)).toBeUndefined()
  })

  test('of people are legal, hold no name, and differ by customer, organization and user', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.string(), fc.string(), (uid, from, user, other) => {
        fc.pre(uid !== from && user !== other)
        const login = personLogin(uid, from, user)
        expect(login).toMatch(new RegExp(personPattern(uid)))
        for (const pattern of [personLoginPattern, rolePattern]) {
          expect(login).toMatch(new RegExp(pattern))
        }
        expect(personLogin(uid, from, user)).toBe(login)
        const others = [
          personLogin(uid, from, other),
          personLogin(uid, uid, user),
          personLogin(from, from, user),
        ]
        expect(others).not.toContain(login)
      }),
    )
    const uid = '00000000-0000-0000-0000-000000000000'
    expect(personLogin(uid, uid, 'tina').length).toBeLessThanOrEqual(63)
    expect(() => personLogin(uid, 'contoso', 'tina')).toThrow(RangeError)
  })

  test('of a login tell its slot, and no other login has one', () => {
    const uid = '00000000-0000-0000-0000-000000000000'
    expect(slotOf(uid, 'rw', loginName(uid, 'rw', 'b'))).toBe('b')
    expect(() => slotOf(uid, 'rw', 'postgres')).toThrow(RangeError)
  })
})

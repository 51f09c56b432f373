// Placement: where a customer's database goes, and that it goes nowhere else the next time.
import { describe, expect, test } from 'vitest'
import { Placement } from './placement.ts'

const server = (name: string, maxDatabases = 10, pools = ['default']) => ({
  name,
  host: 'localhost',
  port: 5432,
  user: 'postgres',
  password: async () => '',
  tls: 'off' as const,
  maxDatabases,
  pools,
})
const room = (name: string, used: number, max = 10) => ({
  server: server(name, max),
  used,
  holds: false,
})

describe('placement of a database', () => {
  test('chooses the server with the largest share of free room', () => {
    const rooms = [room('small', 1, 2), room('large', 40, 100)]
    expect(new Placement().choose('a', 'default', rooms)).toBe('large')
  })

  test('counts what it promised to others who are not made yet', () => {
    const placement = new Placement()
    const rooms = [room('one', 8), room('two', 8)]
    const names = ['a', 'b', 'c', 'd'].map((uid) => placement.choose(uid, 'default', rooms))
    expect(names.toSorted()).toEqual(['one', 'one', 'two', 'two'])
    expect(() => placement.choose('e', 'default', rooms)).toThrow('has room')
    placement.made('a')
    expect(placement.choose('e', 'default', rooms)).toBe(names[0])
  })

  test('answers the same customer the same', () => {
    const placement = new Placement()
    const first = placement.choose('a', 'default', [room('one', 0), room('two', 1)])
    expect(placement.choose('a', 'default', [room('one', 9), room('two', 0)])).toBe(first)
  })

  test('finds the database that is there already, in whatever pool', () => {
    const other = { server: server('other', 1, ['gold']), used: 1, holds: true }
    expect(new Placement().choose('a', 'default', [room('one', 0), other])).toBe('other')
  })

  test('does not remember a promise for ever', () => {
    let clock = 0
    const placement = new Placement(() => clock)
    placement.choose('a', 'default', [room('one', 0, 1)])
    expect(() => placement.choose('b', 'default', [room('one', 0, 1)])).toThrow('has room')
    clock = 600_001
    expect(placement.choose('b', 'default', [room('one', 0, 1)])).toBe('one')
  })
})

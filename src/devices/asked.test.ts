import { describe, expect, test } from 'vitest'
import { askedFor, named } from './asked.ts'

const ask = (devices: readonly object[], idType: 'DeviceID' | 'UnitID' = 'DeviceID') =>
  askedFor({ idType, devices: [...devices] })

describe('a list of devices', () => {
  test('names a device once, however often it is written down; the first entry counts', () => {
    const { devices } = named(ask([{ id: 'a', name: 'one' }, { id: 'b' }, { id: 'a' }]), undefined)
    expect(devices).toEqual([
      { id: 'a', name: 'one', model: null, labels: {} },
      { id: 'b', name: null, model: null, labels: {} },
    ])
  })

  test.each(['ａ', 'а', 'a b', 'a\u0000', 'a\u200b', 'a\n', ''])(
    'takes %j for no id, since another one may look like it',
    (id) => {
      const { rejected, devices } = named(ask([{ id }, { id: 'a' }]), undefined)
      expect(rejected).toEqual([{ id, reason: 'IdUnreadable' }])
      expect(devices.map((device) => device.id)).toEqual(['a'])
    },
  )

  test.each([
    { name: '\u0000' },
    { model: 'x\u0000' },
    { labels: { '\u0000': '' } },
    { labels: { a: '\u0000' } },
  ])(
    'refuses a text that PostgreSQL cannot hold, and keeps a device that was assigned before: %j',
    (texts) => {
      const { rejected, devices, kept } = named(ask([{ id: 'a', ...texts }]), undefined)
      expect(rejected).toEqual([{ id: 'a', reason: 'TextUnreadable' }])
      expect(devices).toEqual([])
      expect(kept).toEqual(['a'])
    },
  )

  test('of units is a list of the devices that they stand for, two units of one device are one', () => {
    const units = new Map([
      ['u1', 'a'],
      ['u2', 'a'],
    ])
    const asked = ask([{ unitId: 'u1' }, { unitId: 'u2' }], 'UnitID')
    const { devices, listedAs, kept } = named(asked, units)
    expect(devices.map(({ id }) => id)).toEqual(['a'])
    expect([...listedAs]).toEqual([['a', 'u1']])
    expect(kept).toEqual(['a'])
  })

  test('with a unit that the inventory does not know gives nothing back: it may have been one of ours', () => {
    const asked = ask([{ unitId: 'u1' }, { unitId: 'u9' }], 'UnitID')
    const { rejected, kept } = named(asked, new Map([['u1', 'a']]))
    expect(rejected).toEqual([{ id: 'u9', reason: 'UnknownUnit' }])
    expect(kept).toBeUndefined()
  })
})

import { describe, expect, test } from 'vitest'
import { checkedFit, fitLine, modelOf, scaleOf, valueAt, type SizePoint } from './model.ts'

/** A machine on which everything grows by straight lines; `last` bends the last size. */
function measured(sizes: readonly number[], last = 1): readonly SizePoint[] {
  return sizes.map((customers, index) => {
    const bend = index === sizes.length - 1 ? last : 1
    const memory = (mib: number) => ({ residentMiB: mib * bend, highestMiB: mib * bend })
    const before = sizes[index - 1] ?? 0
    return {
      customers,
      memory: {
        operator: memory(60 + customers * 0.005),
        apiserver: memory(300 + customers * 0.06),
        etcd: memory(50 + customers * 0.03),
      },
      ...(index > 0 && {
        grown: {
          customers: customers - before,
          cpuMs: {
            operator: (customers - before) * 3,
            apiserver: (customers - before) * 21,
            bench: 1e6,
          },
          wallMs: (customers - before) * 20,
        },
      }),
    }
  })
}

describe('a line through measured points', () => {
  test('finds what nothing costs and what one more costs', () => {
    const line = fitLine([
      { customers: 0, value: 60 },
      { customers: 1_000, value: 65 },
      { customers: 2_000, value: 70 },
    ])
    expect(line.base).toBeCloseTo(60)
    expect(line.perCustomer).toBeCloseTo(0.005)
    expect(valueAt(line, 10_000)).toBeCloseTo(110)
  })

  test('is refused where all points are of one size', () => {
    expect(() => fitLine([{ customers: 5, value: 1 }])).toThrow(RangeError)
  })

  test('is checked at a size that it was not drawn through', () => {
    const points = [0, 100, 200].map((customers) => ({ customers, value: customers }))
    const {
      at,
      predicted,
      measured: found,
      error,
    } = checkedFit('x', 'MiB', [...points, { customers: 1_000, value: 800 }])
    expect({ at, predicted, measured: found, error }).toEqual({
      at: 1_000,
      predicted: expect.closeTo(1_000),
      measured: 800,
      error: expect.closeTo(0.25),
    })
  })
})

describe('the model', () => {
  test('says how far off it is where growth is no straight line', () => {
    const straight = modelOf(measured([0, 1_000, 2_000]))
    const bent = modelOf(measured([0, 1_000, 2_000], 1.5))
    expect(straight.checks.map(({ error }) => error)).toEqual(
      straight.checks.map(() => expect.closeTo(0)),
    )
    expect(bent.checks[0]?.error).toBeCloseTo(1 / 3)
  })

  test('counts the CPU of everybody but the benchmark itself', () => {
    expect(modelOf(measured([0, 1_000, 2_000])).cpuMsPerCustomer).toBeCloseTo(24)
  })

  test('needs a size to check by', () => {
    expect(() => modelOf(measured([0, 1_000]))).toThrow('three sizes')
  })

  test('puts a million customers into clusters that are full and not overfull', () => {
    const scale = scaleOf(modelOf(measured([0, 1_000, 2_000])), 1_000_000)
    expect(scale.clusters).toBe(100)
    expect(scale.postgresServers).toBe(1_000)
    expect(scale.operatorMiB).toBeCloseTo(110) // of one operator with 10,000 customers
    expect(scale.onboardingMinutes).toBeCloseTo(2) // 10,000 × 24 ms on two cores
  })

  test('gives a single customer a cluster of its own', () => {
    const scale = scaleOf(modelOf(measured([0, 1_000, 2_000])), 1)
    expect([scale.clusters, scale.postgresServers]).toEqual([1, 1])
  })
})

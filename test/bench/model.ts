// What more customers cost, fitted to what some cost: straight lines through measured points, checked at a
// size that the fit has not seen; and from them how much of everything a number of customers takes. Pure.
import type { Memory } from './processes.ts'

/** What was measured when there were so many customers. */
export type SizePoint = {
  readonly customers: number
  readonly memory: Readonly<Record<string, Memory>>
  /** What it took to come here from the last point. */
  readonly grown?: {
    readonly customers: number
    readonly cpuMs: Readonly<Record<string, number>>
    readonly wallMs: number
  }
}

export type Line = { readonly base: number; readonly perCustomer: number }
export type Point = { readonly customers: number; readonly value: number }

/**
 * Least squares.
 *
 * @throws RangeError when there are not two sizes to draw a line through
 */
export function fitLine(points: readonly Point[]): Line {
  const n = points.length
  const meanX = points.reduce((total, { customers }) => total + customers, 0) / n
  const meanY = points.reduce((total, { value }) => total + value, 0) / n
  let over = 0
  let under = 0
  for (const { customers, value } of points) {
    over += (customers - meanX) * (value - meanY)
    under += (customers - meanX) ** 2
  }
  if (!(under > 0)) throw new RangeError('A line needs points of two sizes.')
  const perCustomer = over / under
  return { base: meanY - perCustomer * meanX, perCustomer }
}

export function valueAt({ base, perCustomer }: Line, customers: number): number {
  return base + perCustomer * customers
}

export type Checked = {
  readonly what: string
  readonly unit: string
  readonly line: Line
  /** The size that the fit has not seen. */
  readonly at: number
  readonly predicted: number
  readonly measured: number
  /** Share of the measured value by which the prediction is off. */
  readonly error: number
}

/** The last point is left out of the fit and then asked for. */
export function checkedFit(what: string, unit: string, points: readonly Point[]): Checked {
  const last = points.at(-1)
  if (!last) throw new RangeError('There is nothing to fit.')
  const line = fitLine(points.slice(0, -1))
  const predicted = valueAt(line, last.customers)
  const error = Math.abs(predicted - last.value) / last.value
  return { what, unit, line, at: last.customers, predicted, measured: last.value, error }
}

export type Model = {
  readonly checks: readonly Checked[]
  /** MiB of the operator and of the API server. */
  readonly operatorMiB: Line
  readonly apiserverMiB: Line
  /** CPU-ms of all processes together for one more customer. */
  readonly cpuMsPerCustomer: number
}

/** @throws RangeError with fewer than three sizes: two for the lines, one to check them */
export function modelOf(points: readonly SizePoint[]): Model {
  if (points.length < 3) throw new RangeError('A model needs three sizes or more.')
  const memory = (name: string): readonly Point[] =>
    points.map((point) => ({
      customers: point.customers,
      value: point.memory[name]?.residentMiB ?? NaN,
    }))
  let spent = 0
  const cpu: readonly Point[] = points.map(({ customers, grown }) => {
    for (const [name, ms] of Object.entries(grown?.cpuMs ?? {})) if (name !== 'bench') spent += ms
    return { customers, value: spent / 1000 }
  })
  const checks = [
    checkedFit('memory of the operator', 'MiB', memory('operator')),
    checkedFit('memory of the API server', 'MiB', memory('apiserver')),
    checkedFit('memory of etcd', 'MiB', memory('etcd')),
    checkedFit('CPU to onboard them all', 's', cpu),
  ]
  return {
    checks,
    operatorMiB: fitLine(memory('operator')),
    apiserverMiB: fitLine(memory('apiserver')),
    cpuMsPerCustomer: fitLine(cpu).perCustomer * 1000,
  }
}

/** Where one of something is full. Each has its source in docs/performance/scale.md. */
export const ceilings = {
  /** Namespaces of one cluster: Kubernetes' own threshold. */
  customersPerCluster: 10_000,
  /** Databases of one server: the default of `maxDatabases`. */
  databasesPerServer: 1_000,
  databaseMiB: 7.1,
} as const

export type Scale = {
  readonly customers: number
  readonly clusters: number
  readonly postgresServers: number
  /** Of one operator, in a cluster that is full. */
  readonly operatorMiB: number
  readonly apiserverMiB: number
  readonly postgresGiB: number
  /** To onboard them all, with two cores for each cluster. */
  readonly onboardingMinutes: number
}

const coresPerCluster = 2

export function scaleOf(model: Model, customers: number): Scale {
  const clusters = Math.ceil(customers / ceilings.customersPerCluster)
  const each = Math.ceil(customers / clusters)
  return {
    customers,
    clusters,
    postgresServers: Math.ceil(customers / ceilings.databasesPerServer),
    operatorMiB: valueAt(model.operatorMiB, each),
    apiserverMiB: valueAt(model.apiserverMiB, each),
    postgresGiB: (customers * ceilings.databaseMiB) / 1024,
    onboardingMinutes: (each * model.cpuMsPerCustomer) / coresPerCluster / 60_000,
  }
}

// What a list of measured values comes to. Nearest rank throughout: each figure is one that was measured.

/** Nearest rank; NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Ours over bare, pair by pair: what the machine did to one it did to the other as well. */
export function pairedRatios(ours: readonly number[], bare: readonly number[]): readonly number[] {
  return ours.flatMap((value, index) => {
    const beside = bare[index]
    return beside === undefined ? [] : [value / beside]
  })
}

// What promtool says of a test that expects nothing to fire: of each minute, what does.

/** @throws Error when promtool has anything else to say */
export function firingIn(output: string, minutes: number): readonly ReadonlySet<string>[] {
  if (!/SUCCESS|FAILED/.test(output)) throw new Error(`promtool: ${output}`)
  const firing = Array.from({ length: minutes }, () => new Set<string>())
  const told = output.matchAll(/time: ((?:\d+h)?(?:\d+m)?(?:\d+s)?),\s+exp:[^\n]*\s+got:([^\n]*)/g)
  let count = 0
  for (const [, time = '', got = ''] of told) {
    count += 1
    for (const [, alert = ''] of got.matchAll(/alertname="(\w+)"/g)) {
      firing[minuteOf(time)]?.add(alert)
    }
  }
  if (output.includes('FAILED') && count === 0) throw new Error(`promtool: ${output}`)
  return firing
}

function minuteOf(time: string): number {
  const part = (unit: string) => Number(new RegExp(`(\\d+)${unit}`).exec(time)?.[1] ?? 0)
  return part('h') * 60 + part('m')
}

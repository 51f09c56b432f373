// Charts as SVG text, drawn by hand: axes, lines or steps, a legend. Readable on white and on dark pages,
// without a font, a script or anything from elsewhere. Pure.

export type Series = {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

export type Chart = {
  readonly title: string
  readonly x: string
  readonly y: string
  /** Default linear; `log` for times that spread over orders of magnitude. */
  readonly xScale?: 'linear' | 'log'
  readonly series: readonly Series[]
}

const width = 760
const height = 360
const box = { left: 64, right: 190, top: 44, bottom: 52 } as const
const colours = ['#3b82f6', '#f59e0b', '#10b981', '#ef4444', '#8b5cf6', '#64748b'] as const
const grey = '#8b949e'

/** How much of the values is at or below each: what a reader of lags wants to see, tail and all. */
export function distribution(name: string, values: readonly number[]): Series {
  const sorted = values.toSorted((one, other) => one - other)
  const points = sorted.map((value, index) => [value, (100 * (index + 1)) / sorted.length] as const)
  return { name, points }
}

export function drawChart({ title, x, y, xScale = 'linear', series }: Chart): string {
  const all = series.flatMap(({ points }) => points)
  const xs = all.map(([value]) => value)
  const ys = all.map(([, value]) => value)
  const across = axis(xs, xScale, [box.left, width - box.right])
  const up = axis([0, ...ys], 'linear', [height - box.bottom, box.top])
  const [left, right] = [box.left, width - box.right]
  const [top, bottom] = [box.top, height - box.bottom]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}" font-family="system-ui, sans-serif" font-size="12" fill="${grey}">`,
    text(left, 22, title, 'font-size="15" font-weight="600"'),
    ...up.ticks.flatMap((tick) => [
      `<path d="M${left} ${round(up.at(tick))}H${right}" stroke="${grey}" stroke-opacity="0.25"/>`,
      text(left - 8, up.at(tick) + 4, label(tick), 'text-anchor="end"'),
    ]),
    ...across.ticks.map((tick) =>
      text(across.at(tick), bottom + 18, label(tick), 'text-anchor="middle"'),
    ),
    `<path d="M${left} ${top}V${bottom}H${right}" stroke="${grey}" fill="none"/>`,
    text((left + right) / 2, height - 12, x, 'text-anchor="middle"'),
    text(left, top - 8, y),
    ...series.flatMap(({ name, points }, index) => {
      const colour = colours[index % colours.length] ?? grey
      const at = points.map(([px, py]) => `${round(across.at(px))} ${round(up.at(py))}`)
      const legend = top + 8 + index * 20
      return [
        `<path d="M${at.join('L')}" stroke="${colour}" stroke-width="2" fill="none" stroke-linejoin="round"/>`,
        `<path d="M${right + 14} ${legend}h18" stroke="${colour}" stroke-width="3"/>`,
        text(right + 38, legend + 4, name),
      ]
    }),
    '</svg>',
    '',
  ].join('\n')
}

type Axis = { readonly ticks: readonly number[]; at(value: number): number }

function axis(
  values: readonly number[],
  scale: 'linear' | 'log',
  [from, to]: readonly [number, number],
): Axis {
  const isLog = scale === 'log'
  const turn = (value: number) => (isLog ? Math.log10(Math.max(value, smallest)) : value)
  // A reduce, since a spread of ten thousand arguments overflows the stack.
  const low = values.reduce((least, value) => Math.min(least, turn(value)), Infinity)
  const high = values.reduce((most, value) => Math.max(most, turn(value)), -Infinity)
  const [first, last] = isLog
    ? [Math.floor(low), Math.max(Math.ceil(high), Math.floor(low) + 1)]
    : [low, high > low ? high : low + 1]
  const at = (value: number) => from + ((turn(value) - first) / (last - first)) * (to - from)
  if (isLog) {
    return {
      at,
      ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
    }
  }
  const step = niceStep((last - first) / 5)
  const begin = Math.ceil(first / step)
  const count = Math.floor(last / step) - begin + 1
  return { at, ticks: Array.from({ length: count }, (_, index) => (begin + index) * step) }
}

/** On an axis of powers of ten a lag of nothing stands here. */
const smallest = 0.1

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power
}

function label(value: number): string {
  return Number(value.toPrecision(6)).toLocaleString('en-US')
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escape(content)}</text>`.replace(
    ' >',
    '>',
  )
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

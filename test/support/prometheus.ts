// What a scrape holds, and what an expression asks of it: as much of both formats as the chart's alerts and dashboards use.

export type Series = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Scrape = {
  /** Every metric that is registered, with or without series. */
  readonly names: ReadonlySet<string>
  readonly series: readonly Series[]
}

export type Selector = {
  readonly name: string
  readonly matchers: readonly {
    readonly label: string
    readonly op: string
    readonly value: string
  }[]
}

export function parseScrape(text: string): Scrape {
  const names = new Set<string>()
  const series: Series[] = []
  for (const line of text.split('\n')) {
    const [, typed, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (typed !== undefined) {
      names.add(typed)
      if (type === 'histogram')
        for (const part of ['bucket', 'sum', 'count']) names.add(`${typed}_${part}`)
    }
    const [, name, inside = '', value] = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) continue
    const labels = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    series.push({
      name,
      value: Number(value),
      labels: Object.fromEntries(labels.map(([, label = '', value = '']) => [label, value])),
    })
  }
  return { names, series }
}

/** @throws Error for a metric that is asked for without `{…}`: every one of ours is selected by its job */
export function selectorsOf(expression: string): readonly Selector[] {
  const withoutTexts = expression.replaceAll(/"[^"]*"/g, '')
  const bare = withoutTexts
    .replaceAll(/\b(?:by|without) \([^)]*\)/g, '')
    .matchAll(/\b([a-z]+(?:_[a-z]+){2,})\b(?!\s*[{(])/g)
  for (const [, name = ''] of bare) throw new Error(`${name} is asked for without a job.`)
  return [...expression.matchAll(/([a-z_]\w*)\{([^}]*)\}/g)].map(([, name = '', inside = '']) => ({
    name,
    matchers: [...inside.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(
      ([, label = '', op = '', value = '']) => ({ label, op, value }),
    ),
  }))
}

/** Labels by which an expression groups. */
export function groupingsOf(expression: string): readonly string[] {
  return [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inside = '']) =>
    inside.split(',').map((label) => label.trim()),
  )
}

/** The series that a selector finds; the job is Prometheus's own label. */
export function find({ series }: Scrape, { name, matchers }: Selector): readonly Series[] {
  return series.filter(
    (each) =>
      each.name === name &&
      matchers
        .filter(({ label }) => label !== 'job')
        .every(({ label, op, value }) => holds(each.labels[label] ?? '', op, value)),
  )
}

function holds(found: string, op: string, value: string): boolean {
  const isSame = op.endsWith('~') ? new RegExp(`^(?:${value})$`).test(found) : found === value
  return op.startsWith('!') ? !isSame : isSame
}

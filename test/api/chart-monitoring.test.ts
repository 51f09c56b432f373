// Dashboards and alerts, asked of what a running operator really serves after a day's work in short: a hand-over, a window
// that ends, a database changed by hand. A query without data is a spelling mistake that nobody would see.
import { readFileSync, readdirSync } from 'node:fs'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { find, groupingsOf, parseScrape, selectorsOf, type Scrape } from '../support/prometheus.ts'
import { startWorld, type World } from '../support/world.ts'

type Panel = { readonly title: string; readonly targets: readonly { readonly expr: string }[] }
type Dashboard = { readonly title: string; readonly panels: readonly Panel[] }
type Alert = Readonly<
  Record<'alert' | 'expr' | 'for' | 'severity' | 'summary' | 'description', string>
>

const folder = 'charts/tenantry/files/dashboards'
const queries = readdirSync(folder)
  .map((file): Dashboard => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')))
  .flatMap(({ title: board, panels }) =>
    panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ board, title, expr }))),
  )
const { alerts }: { readonly alerts: readonly Alert[] } = parse(
  readFileSync('charts/tenantry/files/alerts.yaml', 'utf8'),
)
const runbook = readFileSync('docs/operations/alerts.md', 'utf8')
const headings = [...runbook.matchAll(/^## (\S+)$/gm)].map(([, name]) => name)

let world: World
let scrape: Scrape
beforeAll(async () => {
  world = await startWorld({ config: { leaseSeconds: 3, databases: { checkSeconds: 1 } } })
  await work(world)
  scrape = parseScrape(await metrics())
})
afterAll(() => world?.[Symbol.asyncDispose]())

describe.each(queries)('$board, "$title"', ({ expr }) => {
  test(`${expr} finds data`, () => {
    const selectors = selectorsOf(expr)
    expect(selectors).not.toEqual([])
    for (const selector of selectors) {
      const found = find(scrape, selector)
      expect(found, selector.name).not.toEqual([])
      for (const label of groupingsOf(expr)) {
        expect(
          found.every(({ labels }) => label in labels),
          label,
        ).toBe(true)
      }
    }
  })
})

describe.each(alerts)('the alert $alert', ({ alert, expr }) => {
  test('asks for metrics that the operator has, and has its heading in the runbook', () => {
    for (const { name } of selectorsOf(expr)) expect(scrape.names, name).toContain(name)
    expect(headings).toContain(alert)
  })
})

test('the runbook has no heading of an alert that is gone', () => {
  expect(headings).toEqual(alerts.map(({ alert }) => alert))
})

test('no metric has a label with the name of a customer', () => {
  const values = scrape.series.flatMap(({ labels }) => Object.values(labels))
  expect(values.filter((value) => /northwind|fabrikam/.test(value))).toEqual([])
})

async function work({ apply, until, kubectl, can, condition, platform }: World): Promise<void> {
  const namespace = 'customer-northwind'
  await apply(
    partner('fabrikam', { usernames: { prefix: 'fabrikam:' } }),
    partner('lumen', { usernames: { prefix: 'lumen:' } }),
    customer('northwind'),
  )
  await until('the namespaces are there', async () => {
    const { stdout } = await kubectl('get', 'ns', '-o', 'name')
    return ['partner-fabrikam', 'partner-lumen', namespace].every((name) =>
      stdout.includes(`/${name}\n`),
    )
  })
  await apply(
    member('partner-fabrikam', 'fabrikam:tina', 'User'),
    member('partner-fabrikam', 'fabrikam:gus', 'User'),
    member('partner-lumen', 'lumen:lars', 'User'),
    grant('northwind', 'fabrikam', { technicians: [{ name: 'fabrikam:tina' }] }),
  )
  await until('tina is in', () => can('fabrikam:tina', 'get', 'pods', namespace), 30_000)
  await until(
    'the database stands',
    async () => {
      return (
        (await condition({ kind: 'corg', name: 'northwind' }, 'DatabaseReady')) === 'True/Ready'
      )
    },
    30_000,
  )
  await apply(
    grant('northwind', 'fabrikam', {
      technicians: [{ name: 'fabrikam:tina' }, { name: 'fabrikam:gus', notAfter: inMs(8_000) }],
    }),
  )
  await until('gus is in', () => can('fabrikam:gus', 'get', 'pods', namespace))
  await breakDatabase(platform.postgres)
  await until('a window has ended', shows(/^tenantry_revocation_lag_seconds_count [1-9]/m), 30_000)
  await apply(grant('northwind', 'lumen', { technicians: [{ name: 'lumen:lars' }] }))
  await until('lumen is in', () => can('lumen:lars', 'get', 'pods', namespace), 30_000)
  await until('the hand-over is counted', shows(/^tenantry_hand_overs_total [1-9]/m), 30_000)
  await until('the repair is counted', shows(/^tenantry_database_drift_total [1-9]/m), 30_000)
}

/** As somebody with a superuser's login might. */
async function breakDatabase(postgres: World['platform']['postgres']): Promise<void> {
  const client = new Client({ connectionString: postgres?.url, ssl: { ca: postgres?.ca } })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE datname ~ '^t_'",
  )
  await client.query(`GRANT CONNECT ON DATABASE ${rows[0]?.name ?? ''} TO PUBLIC`)
  await client.end()
}

function shows(line: RegExp): () => Promise<boolean> {
  return async () => line.test(await metrics())
}

async function metrics(): Promise<string> {
  return (await world.operators[0]?.metrics(AbortSignal.timeout(5_000))) ?? ''
}

// Each alert of the chart that no outage causes, on what operators really serve: it fires while its cause lasts, and clears.
// Not caused here: TenantryTwoLeaders, TenantryRunHangs and TenantryMissedEvents, which would be faults of Tenantry itself.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGuardian } from '../../tools/control-plane/servers.ts'
import { argumentsFromSource, startOperator } from '../../tools/local/operator.ts'
import { record, type Recording } from '../support/alerts.ts'
import { startMailServer, type MailServer } from '../support/mail-server.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { startWorld, type World } from '../support/world.ts'

const { signal } = new AbortController()
/** Of a minute as the alerts count it. */
const minuteMs = 250

let world: World
let mail: MailServer
let recording: Recording
const causes: { alert: string; from: number; to: number }[] = []

beforeAll(async () => {
  mail = await startMailServer()
  mail.refused.add('nobody@north.example')
  world = await startWorld({
    notesRights: false,
    config: {
      leaseSeconds: 3,
      databases: { checkSeconds: 1 },
      notifications: {
        portalURL: 'https://portal.platform.example/{customer}',
        smtp: { host: '127.0.0.1', port: mail.port, from: 'tenantry@platform.example' },
      },
    },
  })
  await world.apply(partner('fabrikam'), customer('north'))
  await untilReady('porg', 'fabrikam')
  await untilReady('corg', 'north')
  await world.apply(
    member('partner-fabrikam', 'tina'),
    grant('north', 'fabrikam', { technicians: [{ name: 'tina' }] }),
  )
  await world.until('tina is in', () => world.can('tina', 'get', 'pods', 'customer-north'))
  recording = record(world.operators, minuteMs)
  await minutes(3)
})
afterAll(async () => {
  await recording?.stop()
  await world?.[Symbol.asyncDispose]()
  await mail?.[Symbol.asyncDispose]()
})

test('an admission policy that somebody deletes', async () => {
  const { stdout } = await world.kubectl(
    'get',
    'validatingadmissionpolicy',
    'tenantry-devices',
    '-o',
    'json',
  )
  await lasting('TenantryPolicyMissing', 3, async () => {
    await world.kubectl('delete', 'validatingadmissionpolicy', 'tenantry-devices')
  })
  const policy: { metadata: object } & object = JSON.parse(stdout)
  await world.apply({
    ...policy,
    metadata: { ...policy.metadata, uid: undefined, resourceVersion: undefined },
  })
  await world.until(
    'it is in force again',
    shows(/^tenantry_policy_missing\{policy="tenantry-devices"\} 0/m),
  )
})

test('a controller-manager that stands still', async () => {
  const { manager } = world.platform.plane.pids
  process.kill(manager, 'SIGSTOP')
  try {
    await lasting('TenantryWindowsNotArmed', 8, async () => {
      const technicians = [{ name: 'tina', notAfter: inMs(3_600_000) }]
      await world.apply(grant('north', 'fabrikam', { technicians }))
      await world.until('it is not armed', shows(/^tenantry_windows_not_armed 1/m))
    })
  } finally {
    process.kill(manager, 'SIGCONT')
  }
  await world.until('it is armed', shows(/^tenantry_windows_not_armed 0/m), 30_000)
})

test('a clock that is wrong', async () => {
  const guardian = startGuardian()
  const { configFile, operatorKubeconfig, plane } = world.platform
  // As on a machine whose clock is a minute ahead.
  const ahead = 'const { now } = Date; Date.now = () => now() + 60_000'
  const replica = await startOperator(signal, {
    guardian,
    args: [
      '--import',
      `data:text/javascript,${encodeURIComponent(ahead)}`,
      ...argumentsFromSource(configFile, operatorKubeconfig),
    ],
    logFile: `${plane.directory}/ahead.log`,
  })
  recording.add(replica)
  try {
    await lasting('TenantryClockSkew', 8, async () => {
      await world.until(
        'the skew is known',
        async () =>
          /^tenantry_clock_skew_seconds\{clock="kubernetes"\} -[1-9]/m.test(
            await replica.metrics(signal),
          ),
        30_000,
      )
    })
  } finally {
    await replica.kill()
    await guardian.stop()
  }
})

test('a right that somebody takes from the operator, and runs that fail for want of it', async () => {
  const role = ['clusterrole', 'tenantry:operator', '-o', 'json'] as const
  const { stdout } = await world.kubectl('get', ...role)
  const whole: { rules: { resources?: string[] }[]; metadata: object } = JSON.parse(stdout)
  const rules = whole.rules.filter(({ resources }) => !resources?.includes('networkpolicies'))
  const write = (of: object) =>
    world.kubectl(
      'patch',
      'clusterrole',
      'tenantry:operator',
      '--type=merge',
      '-p',
      JSON.stringify(of),
    )
  await write({ rules })
  const from = recording.length
  await lasting('TenantryApiServerRefuses', 28, async () => {
    await world.apply(customer('refused', { database: { enabled: false } }))
  })
  causes.push({ alert: 'TenantryRunsFail', from, to: recording.length })
  await write({ rules: whole.rules })
  await untilReady('corg', 'refused')
})

test('a database that somebody changes', async () => {
  const { url, ca } = world.platform.postgres ?? {}
  const client = new Client({ connectionString: url, ssl: { ca } })
  await client.connect()
  const { rows } = await client.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE datname ~ '^t_'",
  )
  await lasting('TenantryDatabaseDrift', 2, async () => {
    await client.query(`GRANT CONNECT ON DATABASE ${rows[0]?.name ?? ''} TO PUBLIC`)
    await world.until('it was repaired', shows(/^tenantry_database_drift_total [1-9]/m), 30_000)
  })
  await client.end()
})

test('an address that the mail server refuses', async () => {
  await lasting('TenantryNotificationsFail', 2, async () => {
    await world.apply(
      customer('silent', {
        origin: 'CRM',
        contact: { email: 'nobody@north.example' },
        portal: { active: true },
        database: { enabled: false },
      }),
    )
    await world.until(
      'it is given up',
      shows(/^tenantry_notifications_total\{result="failed"\} [1-9]/m),
      30_000,
    )
  })
})

test("a partner's access that ends tomorrow", async () => {
  const access = { mode: 'Period', notBefore: inMs(-60_000), notAfter: inMs(12 * 3_600_000) }
  await lasting('TenantryAccessEndsTomorrow', 2, async () => {
    await world.apply(grant('north', 'fabrikam', { access, technicians: [{ name: 'tina' }] }))
    await world.until('it is seen', shows(/^tenantry_partner_access_ending\{days="1"\} 1/m))
  })
  await world.apply(
    grant('north', 'fabrikam', { access: { mode: 'Continuous' }, technicians: [{ name: 'tina' }] }),
  )
  await world.until('it is open again', shows(/^tenantry_partner_access_ending\{days="1"\} 0/m))
})

test('an API server that stands still under 260 customers that are new', async () => {
  const { apiserver } = world.platform.plane.pids
  const operator = world.operators[0]?.pid ?? 0
  process.kill(operator, 'SIGSTOP')
  const crowd = Array.from({ length: 260 }, (_, at) =>
    customer(`crowd-${at}`, { database: { enabled: false } }),
  )
  await world.apply(...crowd).finally(() => process.kill(operator, 'SIGCONT'))
  await world.until(
    'they wait',
    shows(/^workqueue_depth\{name="customers",controller="customers"\} 2[2-9]\d/m),
    20_000,
  )
  process.kill(apiserver, 'SIGSTOP')
  try {
    await lasting('TenantryQueueGrows', 18, async () => {})
  } finally {
    process.kill(apiserver, 'SIGCONT')
  }
  await world.until(
    'none of them waits',
    shows(/^workqueue_depth\{name="customers",controller="customers"\} \d$/m),
    60_000,
  )
  await world.until(
    'they stand',
    shows(/^tenantry_customers\{ready="True",reason="Ready"\} 26\d/m),
    120_000,
  )
  await world.until(
    'somebody leads again',
    shows(/^leader_election_master_status\{name="tenantry"\} 1/m),
    30_000,
  )
})

test('each of them fires while its cause lasts, and clears', async () => {
  await minutes(2)
  await recording.stop()
  const firing = await recording.judge(signal, 90)
  const [first] = causes
  expect([...new Set(firing.slice(0, first?.from).flatMap((each) => [...each]))]).toEqual([])
  for (const { alert, from, to } of causes) {
    const fires = firing.map((each, at) => (each.has(alert) ? at : -1)).filter((at) => at >= 0)
    console.log(
      `${alert}: cause in minutes ${from} to ${to}, fires in ${fires.at(0)} to ${fires.at(-1)}`,
    )
    expect(fires.at(0), alert).toBeGreaterThanOrEqual(from)
    expect(fires.at(0), alert).toBeLessThanOrEqual(to)
    expect(firing.at(-1)?.has(alert), alert).toBe(false)
  }
  expect([...(firing.at(-1) ?? [])]).toEqual([])
})

async function lasting(alert: string, long: number, cause: () => Promise<void>): Promise<void> {
  const from = recording.length
  await cause()
  await minutes(long)
  causes.push({ alert, from, to: recording.length })
}

async function minutes(count: number): Promise<void> {
  const until = recording.length + count
  while (recording.length < until) await sleep(minuteMs / 5)
}

function shows(line: RegExp): () => Promise<boolean> {
  return async () =>
    line.test((await world.operators[0]?.metrics(AbortSignal.timeout(5_000))) ?? '')
}

async function untilReady(kind: string, name: string): Promise<void> {
  await world.until(
    `${name} stands`,
    async () => (await world.condition({ kind, name }, 'Ready')) === 'True/Ready',
    30_000,
  )
}

// What hostile people of a customer and of its partner try, each attempt a request of that person to a real API server: refused, or
// without effect. Nothing is rehearsed: the attempts are carried out one after the other in one platform, and at the end nobody may do
// more than at the beginning. Then the same with the chart's policies deleted, where the operator's own check is all that is left.
// Holds TH-03, TH-05, TH-06, TH-12 to TH-14, TH-19 to TH-21, TH-24, TH-26, TH-27.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemNamespace } from '../../tools/helm/render.ts'
import { connect, type ApiServer } from '../support/api-server.ts'
import { customer, grant, inMs, member, partner } from '../support/manifests.ts'
import { field, startWorld, text, type World } from '../support/world.ts'
import {
  acme,
  beta,
  nordic,
  people,
  type Attempt,
  type Request,
  type Who,
} from './hostile/attempt.ts'
import { ofTheCluster } from './hostile/cluster.ts'
import { ofTheGrantByTheCustomer, ofTheGrantByThePartner } from './hostile/grants.ts'
import { ofLinks } from './hostile/links.ts'
import { ofMembers } from './hostile/members.ts'
import { ofSwitches, ofTheNamespace } from './hostile/namespace.ts'
import { ofOthers, ofTheOperator } from './hostile/others.ts'
import { ofTechnicians } from './hostile/technicians.ts'

const subjects: Readonly<Record<string, readonly Attempt[]>> = {
  members: ofMembers,
  'the namespace of a customer': ofTheNamespace,
  'the Jobs that end windows': ofSwitches,
  links: ofLinks,
  'the grant, as the customer': ofTheGrantByTheCustomer,
  'the grant, as the partner': ofTheGrantByThePartner,
  'technicians in a customer': ofTechnicians,
  'the cluster': ofTheCluster,
  'other organizations': ofOthers,
  'the operator': ofTheOperator,
}
const all = Object.values(subjects).flat()

let world: World
const sessions = new Map<string, ApiServer>()
let before: Rights

beforeAll(async () => {
  world = await startWorld({ postgres: false })
  const spec = { database: { enabled: false } }
  await world.apply(
    partner('nordic', { usernames: { prefix: 'nordic:' }, owners: [people.paul] }),
    partner('iberia', { usernames: { prefix: 'iberia:' } }),
    customer('acme', { ...spec, owners: [people.sara] }),
    customer('beta', { ...spec, owners: [people.bea] }),
  )
  await world.until('the namespaces are there', async () => {
    const { stdout } = await world.kubectl('get', 'ns', '-o', 'name')
    return [nordic, acme, beta].every((name) => stdout.includes(`/${name}\n`))
  })
  await world.apply(
    member(nordic, people.anna, 'Admin'),
    member(nordic, people.tina, 'User'),
    member(nordic, people.rolf, 'User'),
    member(acme, people.adam, 'Admin'),
    member(acme, people.edda, 'Editor'),
    member(acme, people.vera, 'Viewer'),
    grant('acme', 'nordic', {
      access: { mode: 'Period', notBefore: inMs(-60_000), notAfter: inMs(3_600_000) },
      technicians: [
        { name: people.tina, scope: 'Full' },
        { name: people.rolf, scope: 'ReadOnly' },
      ],
    }),
  )
  await world.until('all are in', async () => {
    const { sara, adam, edda, vera, tina, rolf } = people
    const inside = [sara, adam, edda, vera, tina, rolf].map((person) =>
      world.can(person, 'get', 'pods', acme),
    )
    const named = world.can(
      people.anna,
      'authorize-users',
      'partneraccessgrants.tenantry.dev',
      acme,
    )
    const home = world.can(people.anna, 'appoint-user', 'organizationmembers.tenantry.dev', nordic)
    return (await Promise.all([...inside, named, home])).every(Boolean)
  })
  for (const person of Object.values(people))
    sessions.set(person, connect(await world.platform.plane.kubeconfigFor(person)))
  before = await rights()
})
afterAll(async () => {
  for (const session of sessions.values()) session[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

function sessionOf(who: Who): ApiServer {
  const session = sessions.get(people[who])
  if (!session) throw new Error(`${who} has not signed in.`)
  return session
}

async function answer(who: Who, request: Request): Promise<string> {
  const { status, body } = await sessionOf(who).ask(...request)
  return `${status} ${typeof body === 'string' ? body : text(field(body, 'message'))}`
}

const whos = Object.keys(people).filter((name): name is Who => name in people)

/** By person and namespace: each rule that the API server names to the person. */
type Rights = ReadonlyMap<string, ReadonlySet<string>>

async function rights(): Promise<Rights> {
  const found = new Map<string, ReadonlySet<string>>()
  for (const who of whos) {
    for (const namespace of [acme, beta, nordic, systemNamespace, 'kube-system', 'default']) {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectRulesReview',
        spec: { namespace },
      }
      const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews'
      const { body } = await sessionOf(who).ask('POST', path, review)
      const rules = field(body, 'status', 'resourceRules')
      found.set(
        `${who} in ${namespace}`,
        new Set(Array.isArray(rules) ? rules.map((rule) => JSON.stringify(rule)) : []),
      )
    }
  }
  return found
}

/** What somebody may now that the person might not before. */
function gained(now: Rights): readonly string[] {
  return [...now].flatMap(([where, rules]) =>
    [...rules].filter((rule) => !before.get(where)?.has(rule)).map((rule) => `${where}: ${rule}`),
  )
}

describe.each(Object.entries(subjects))('of %s:', (_subject, attempts) => {
  test.each(attempts)('%s tries to %s', async (who, _tries, request, outcome) => {
    const answered = await answer(who, request)
    if (outcome instanceof RegExp) {
      expect(answered).toMatch(outcome)
      return
    }
    expect(answered).toMatch(/^20[01] /)
    await outcome(world)
  })
})

describe('all of it together', () => {
  test('is at least sixty attempts, each by its own name', () => {
    expect(new Set(all.map(([who, tries]) => `${who} ${tries}`)).size).toBe(all.length)
    expect(all.length).toBeGreaterThanOrEqual(60)
  })

  test('leaves nobody with more than before (TH-03, TH-05, TH-06, TH-12, TH-13, TH-14, TH-19, TH-24, TH-26)', async () => {
    await settled()
    expect(gained(await rights())).toEqual([])
  })
})

/** The operator has looked at everything that was written. */
async function settled(): Promise<void> {
  await world.until('all has been looked at', async () => {
    const { stdout } = await world.kubectl('get', 'member,pag,clink', '-A', '-o', 'json')
    const items = field(JSON.parse(stdout), 'items')
    return (Array.isArray(items) ? items : []).every(
      (item) =>
        field(item, 'kind') === 'CustomerLink' ||
        field(item, 'status', 'observedGeneration') === field(item, 'metadata', 'generation'),
    )
  })
}

describe('with the policies deleted', () => {
  const guarded = all.filter(
    ([, , , outcome]) => outcome instanceof RegExp && outcome.source.includes('denied request'),
  )

  test('whatever only they refused is written, and gives nobody anything (TH-27)', async () => {
    const { stderr } = await world.kubectl('delete', 'validatingadmissionpolicies', '--all')
    expect(stderr).toBe('')
    // Every one is rehearsed: the API server lets go of the policies a few at a time.
    await world.until('the API server enforces them no more', async () => {
      const rehearsals = guarded.map(([who, , [method, path, body]]) =>
        answer(who, [method, `${path}${path.includes('?') ? '&' : '?'}dryRun=All`, body]),
      )
      const denied = (await Promise.all(rehearsals)).filter((each) =>
        each.includes('denied request'),
      )
      return denied.length === 0 || denied
    })
    const [operator] = world.operators
    if (!operator) throw new Error('No operator runs.')
    // It would take what they have away as soon as it sees the first, and the API server would refuse the rest for that.
    process.kill(operator.pid, 'SIGSTOP')
    const answers = await Promise.all(
      guarded.map(([who, , request]) => answer(who, request)),
    ).finally(() => process.kill(operator.pid, 'SIGCONT'))
    // The others are refused for what they are: no name, a second of the same name, half a period.
    expect(answers.filter((each) => each.startsWith('403'))).toEqual([])
    expect(answers.filter((each) => each.startsWith('20')).length).toBeGreaterThan(30)
    await settled()
    await world.until('nobody may do more than before', async () => {
      const more = gained(await rights())
      return more.length === 0 || more
    })
  })
})

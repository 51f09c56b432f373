// The operator is killed while it tells people something: nobody is left out, and whoever is told
// twice gets the very same message. Promise: exactly one message per activation of a portal.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant } from '../support/manifests.ts'
import { fromCRM, startNotifyWorld, type NotifyWorld } from '../support/notify-world.ts'

let told: NotifyWorld
beforeAll(async () => {
  told = await startNotifyWorld({ postgres: true })
})
afterAll(() => told[Symbol.asyncDispose]())

describe('turning the portal on', () => {
  test('reaches the contact when the operator was killed before the mail server took it', async () => {
    told.mail.down = true
    await told.world.apply(fromCRM('early', true))
    await told.world.until('the intent is recorded', async () =>
      Array.isArray(await told.pendingOf('early')),
    )
    await told.world.operators.at(-1)?.kill()
    told.mail.down = false
    await told.world.startOperator()
    await told.world.until(
      'it has arrived',
      async () => told.mailsTo('boss@early.example').length > 0,
    )
    await told.untilToldAll('early')
    expect(told.mailsTo('boss@early.example')).toHaveLength(1)
  })

  test('repeats the very same message when the answer of the mail server was lost with the operator', async () => {
    told.mail.silent = true
    await told.world.apply(fromCRM('late', true))
    await told.world.until(
      'it is taken',
      async () => told.mailsTo('boss@late.example').length === 1,
    )
    await told.world.operators.at(-1)?.kill()
    told.mail.silent = false
    await told.world.startOperator()
    await told.untilToldAll('late')
    const ids = told.mailsTo('boss@late.example').map(({ id }) => id)
    expect(ids).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })

  test('has, whenever the operator is killed, one message per activation', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `crowd-${at}`)
    await told.world.apply(...names.map((name) => fromCRM(name, true)))
    for (const seen of [1, 5, 9]) {
      const boss = (name: string) => told.mailsTo(`boss@${name}.example`)
      await told.world.until('some are told', async () => {
        return names.filter((name) => boss(name).length > 0).length >= seen
      })
      await told.killAndRestart()
    }
    for (const name of names) await told.untilToldAll(name)
    for (const name of names) {
      const ids = told.mailsTo(`boss@${name}.example`).map(({ id }) => id)
      expect(new Set(ids).size, name).toBe(1)
    }
  })
})

describe('a server that goes away while somebody is taken out', () => {
  test('is told of after half a minute: out of Kubernetes, and half proven', async () => {
    const { world } = told
    await world.apply(customer('delta'))
    await told.untilReady('delta')
    const access = (mode: string) =>
      grant('delta', 'fabrikam', { access: { mode }, technicians: [{ name: 'tina' }] })
    await world.apply(access('Continuous'))
    const isIn = () => world.can('tina', 'get', 'pods', 'customer-delta')
    await world.until('tina is in, and has a login in the database', async () => {
      const { stdout } = await world.kubectl(
        'get',
        'secrets',
        '-n',
        'partner-fabrikam',
        '-o',
        'name',
      )
      return (await isIn()) && stdout.includes('secret/login-delta-')
    })
    await told.untilReady('delta')
    await world.platform.postgres?.stop()
    await world.apply(access('Disabled'))
    await world.until('tina is out of Kubernetes', async () => !(await isIn()))
    const isTold = () => told.kindsAbout('delta').includes('RevocationHalfProven')
    await world.until('it is recorded', async () => {
      return JSON.stringify(await told.pendingOf('delta')).includes('RevocationHalfProven')
    })
    expect(isTold()).toBe(false)
    await world.until('it is told', async () => isTold(), 45_000)
  })
})

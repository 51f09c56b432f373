// Who is told what, through a real SMTP server and a real receiver of webhooks: once per occasion.
// Promises: PROVEN, QUIET, ISOLATED. What a killed operator tells is in test/chaos/notify.test.ts.
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { customer, grant, inMs } from '../support/manifests.ts'
import { fromCRM, startNotifyWorld, type NotifyWorld } from '../support/notify-world.ts'
import { field, text } from '../support/world.ts'

const day = 86_400_000
let told: NotifyWorld
beforeAll(async () => {
  told = await startNotifyWorld()
})
afterAll(() => told[Symbol.asyncDispose]())

describe('turning the portal on', () => {
  test('sends the contact one mail with the URL, also over a restart, and one more for the next time', async () => {
    const boss = 'boss@acme.example'
    await told.world.apply(fromCRM('acme', false))
    await told.untilReady('acme')
    await told.untilToldAll('acme')
    expect(told.mailsTo(boss)).toEqual([])

    await told.world.apply(fromCRM('acme', true))
    await told.world.until('the mail has arrived', async () => told.mailsTo(boss).length > 0)
    await told.untilToldAll('acme')
    const [first] = told.mailsTo(boss)
    expect(first).toMatchObject({ subject: 'ACME: Your portal is open' })
    expect(first?.text).toContain('https://portal.platform.example/acme')

    await told.restart()
    await told.world.apply(fromCRM('acme', false))
    await told.world.until('the portal is off', async () => {
      return (
        await told.world.condition({ kind: 'corg', name: 'acme' }, 'PortalActive')
      ).startsWith('F')
    })
    expect(told.mailsTo(boss)).toHaveLength(1)

    await told.world.apply(fromCRM('acme', true))
    await told.world.until('the second mail has arrived', async () => told.mailsTo(boss).length > 1)
    await told.untilToldAll('acme')
    expect(new Set(told.mailsTo(boss).map(({ id }) => id)).size).toBe(2)
    expect(told.mailsTo(boss)).toHaveLength(2)
  })
})

describe('a message that cannot be delivered', () => {
  test('stands in status with the reason, and goes out when the address is corrected', async () => {
    told.mail.refused.add('boss@typo.example')
    await told.world.apply(fromCRM('typo', true))
    const notified = () => told.world.condition({ kind: 'corg', name: 'typo' }, 'Notified')
    await told.world.until('it is given up', async () => {
      return (await notified()) === 'False/NotificationFailed'
    })
    const failed = field(
      await told.world.get('corg', 'typo'),
      'status',
      'notifications',
      'failed',
      '0',
    )
    expect(failed).toMatchObject({
      kind: 'PortalActivated',
      to: 'Contact',
      address: 'boss@typo.example',
      reason: expect.stringContaining('550 No such mailbox'),
    })
    expect(await told.world.condition({ kind: 'corg', name: 'typo' }, 'Ready')).toBe('True/Ready')

    await told.world.apply(fromCRM('typo', true, 'chef@typo.example'))
    await told.world.until(
      'it has arrived',
      async () => told.mailsTo('chef@typo.example').length === 1,
    )
    await told.world.until('the condition is gone', async () => (await notified()) === 'none')
  })

  test('waits for an address that is missing, and says so', async () => {
    const without = (active: boolean, contact?: object) =>
      customer('nobody', {
        origin: 'CRM',
        portal: { active },
        database: { enabled: false },
        contact,
      })
    await told.world.apply(without(false))
    await told.untilReady('nobody')
    await told.world.apply(without(true))
    await told.world.until('it says so', async () => {
      return (
        (await told.world.condition({ kind: 'corg', name: 'nobody' }, 'Notified')) ===
        'False/NoContact'
      )
    })
    await told.world.apply(without(true, { email: 'new@nobody.example' }))
    await told.world.until(
      'it has arrived',
      async () => told.mailsTo('new@nobody.example').length === 1,
    )
  })
})

describe('a partner and its customer', () => {
  test('are told of invitation, link, change, nearing end and hand-over, neither of any other partner', async () => {
    await told.world.apply(
      customer('gamma', { contact: { email: 'gina@gamma.example' }, database: { enabled: false } }),
    )
    await told.untilReady('gamma')
    const invite = (days: number) =>
      grant('gamma', 'fabrikam', {
        access: { mode: 'Period', notBefore: inMs(-90 * day), notAfter: inMs(days * day) },
        technicians: [{ name: 'tina' }],
      })
    const kinds = () => told.kindsAbout('gamma')
    await told.world.apply(invite(60))
    await told.world.until('the invitation is told', async () => kinds().includes('PartnerLinked'))
    await told.untilToldAll('gamma')
    await told.world.apply(invite(6))
    await told.world.until('the end is told', async () => kinds().includes('AccessEnds'))
    await told.untilToldAll('gamma')
    await told.world.apply(grant('gamma', 'lumen', { technicians: [{ name: 'luis' }] }))
    await told.world.until('the hand-over is told', async () => {
      return kinds().filter((kind) => kind === 'PartnerLinked').length === 2
    })
    await told.untilToldAll('gamma')
    // Those of one moment are sent side by side, and arrive in any order.
    const expected = [
      'PortalActivated',
      'PartnerInvited',
      'PartnerLinked',
      'AccessChanged',
      'AccessEnds',
      'PartnerInvited',
      'PartnerReleased',
      'PartnerLinked',
    ]
    expect([...kinds()].sort()).toEqual(expected.sort())
    const textTo = (address: string) =>
      told
        .mailsTo(address)
        .map(({ text: body }) => body)
        .join('\n')
    expect(textTo('ada@fabrikam.example')).toContain('ends at')
    expect(textTo('ada@fabrikam.example')).not.toContain('lumen')
    expect(textTo('lea@lumen.example')).not.toContain('fabrikam')
    expect(textTo('gina@gamma.example')).toMatch(/fabrikam[^]*lumen/)
  })
})

describe('a webhook', () => {
  test('is signed, tried again with the same id, and told nothing twice', async () => {
    told.hook.status = 503
    const before = told.hook.calls.length
    await told.world.apply(fromCRM('signed', true))
    await told.world.until('it is tried twice', async () => told.hook.calls.length >= before + 2)
    told.hook.status = 204
    await told.untilToldAll('signed')
    const calls = told.hook.calls.filter(({ body }) => body.includes('"signed"'))
    expect(new Set(calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    for (const { headers, body } of calls) {
      const signed = `${text(headers['webhook-id'])}.${text(headers['webhook-timestamp'])}.${body}`
      const expected = createHmac('sha256', told.key).update(signed).digest('base64')
      expect(headers['webhook-signature']).toBe(`v1,${expected}`)
    }
    expect(JSON.parse(calls[0]?.body ?? '')).toMatchObject({
      type: 'tenantry.PortalActivated',
      data: { customer: 'signed', portalURL: 'https://portal.platform.example/signed' },
    })
  })
})

describe('notifications', () => {
  test('cause no write after a restart (QUIET), and leave no secret in the log', async () => {
    const before = (await told.world.writes()).length
    await told.restart()
    await told.world.until('the replica leads and has looked at everything', async () => {
      const metrics = await told.world.operators.at(-1)?.metrics(AbortSignal.timeout(2_000))
      return /leader_election_master_status\{name="tenantry"\} 1/.test(metrics ?? '')
    })
    await told.world.apply(fromCRM('acme', true))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect((await told.world.writes()).slice(before)).toEqual([])
    const logs = (await Promise.all(told.world.operators.map((each) => each.log()))).join('\n')
    expect(logs).toContain('a notice has arrived')
    expect(logs).not.toContain(told.key.toString('base64'))
    expect(logs).not.toContain('not-for-logs')
  })
})

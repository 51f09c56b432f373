// What a notice says, and that it says the same each time.
import { describe, expect, test } from 'vitest'
import { mailOf, webhookBody } from './message.ts'

const about = {
  customer: 'acme',
  customerID: '0d0c7c0e-0000-4000-8000-000000000001',
  displayName: 'Acme Cold Chain',
  portalURL: 'https://portal.example/acme',
}
const notice = {
  id: 'PortalActivated-3',
  kind: 'PortalActivated',
  since: '2026-12-01T12:00:00Z',
  message: 'The portal of acme is open: its people can sign in.',
  to: ['Contact'],
}

describe('a message', () => {
  test('has one identifier over every repetition, and another for each notice and customer', () => {
    const id = (change: object, other: object = {}) =>
      mailOf({ ...notice, ...change }, { ...about, ...other }, 'platform.example').messageID
    expect(id({})).toBe(
      '<portalactivated-3.1796126400000.0d0c7c0e-0000-4000-8000-000000000001@platform.example>',
    )
    expect(id({ to: ['Webhook/crm'] })).toBe(id({}))
    const others = [
      id({ id: 'PortalActivated-4' }),
      id({ since: '2026-12-01T12:00:01Z' }),
      id({}, { customerID: 'another' }),
    ]
    expect(new Set([id({}), ...others]).size).toBe(4)
  })

  test('about the portal has the URL, and another has none', () => {
    expect(mailOf(notice, about, 'x').text).toContain('https://portal.example/acme')
    const changed = { ...notice, kind: 'AccessChanged' }
    expect(mailOf(changed, about, 'x').text).not.toContain('https://')
    expect(webhookBody(changed, about).body).not.toContain('https://')
  })

  test('keeps a display name with line breaks on its line: no header can be added by one', () => {
    const displayName = 'Acme\r\nBcc: all@evil.example\r\n\r\nHello'
    const { subject } = mailOf(notice, { ...about, displayName }, 'x')
    expect(subject).toBe('Acme Bcc: all@evil.example Hello: Your portal is open')
  })
})

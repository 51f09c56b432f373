// What people of a customer try by links: a customer in the name of somebody else, of a name that is taken, and what a link says.
import { expect } from 'vitest'
import { field, text } from '../../support/world.ts'
import {
  people,
  forbidden,
  denied,
  invalid,
  acme,
  nordic,
  ours,
  patches,
  metadata,
  type Attempt,
} from './attempt.ts'

export const ofLinks: readonly Attempt[] = [
  [
    'adam',
    'create a customer in the name of somebody else',
    [
      'POST',
      ours(acme, 'customerlinks'),
      link('forged', { annotations: { 'tenantry.dev/created-by': people.paul } }),
    ],
    denied('may only be adam@acme.example'),
  ],
  [
    'adam',
    'create a customer whose name is taken',
    ['POST', ours(acme, 'customerlinks'), link('beta')],
    async (world) => {
      await world.until('he is told so', async () => {
        const where = { kind: 'clink', name: 'beta', namespace: acme }
        return (await world.condition(where, 'Ready')) === 'False/NameTaken'
      })
      expect(await world.can(people.adam, 'get', 'pods', 'customer-beta')).toBe(false)
    },
  ],
  [
    'adam',
    'pass a link off as one that Tenantry has made of another customer',
    [
      'POST',
      ours(acme, 'customerlinks'),
      link('looks-made', {
        labels: { 'app.kubernetes.io/managed-by': 'tenantry', 'tenantry.dev/customer': 'beta' },
      }),
    ],
    async (world) => {
      await world.until('it is gone', async () => {
        return (await world.get('clink', 'looks-made', acme)) === undefined
      })
      expect(await world.can(people.adam, 'get', 'pods', 'customer-beta')).toBe(false)
    },
  ],
  [
    'adam',
    'make the link of his own customer another’s',
    patches(
      ours(acme, 'customerlinks', 'self'),
      metadata({ labels: { 'tenantry.dev/customer': 'beta' } }),
    ),
    async (world) => {
      await world.until('it is acme’s again', async () => {
        const found = await world.get('clink', 'self', acme)
        return (
          text(field(found, 'metadata', 'labels', 'tenantry.dev/customer')) === 'acme' &&
          text(field(found, 'status', 'relation')) === 'Self'
        )
      })
    },
  ],
  [
    'adam',
    'write what a link says',
    patches(`${ours(acme, 'customerlinks', 'self')}/status`, { status: { portal: 'Off' } }),
    forbidden,
  ],
  [
    'adam',
    'create a customer of the partner',
    ['POST', ours(nordic, 'customerlinks'), link('mine')],
    forbidden,
  ],
  [
    'adam',
    'create a customer with a name that climbs',
    ['POST', ours(acme, 'customerlinks'), link('..')],
    invalid(''),
  ],
  [
    'adam',
    'create a customer with a name in capitals',
    ['POST', ours(acme, 'customerlinks'), link('Beta')],
    invalid('lowercase|lower case|DNS label'),
  ],
  [
    'adam',
    'create a customer with a trailing dot',
    ['POST', ours(acme, 'customerlinks'), link('beta.')],
    invalid('lowercase|lower case|DNS label'),
  ],
]

function link(name: string, more: object = {}) {
  return {
    apiVersion: 'tenantry.dev/v1alpha1',
    kind: 'CustomerLink',
    metadata: { name, ...more },
    spec: { displayName: 'Mine' },
  }
}

// Who appoints, lowers and removes whom, in a customer and in a partner.
import { describe } from 'vitest'
import {
  sara,
  adam,
  vera,
  pat,
  ada,
  paul,
  anna,
  tina,
  memberOf,
  adds,
  changes,
  removes,
  accepted,
  forbidden,
  denied,
  needs,
  rows,
} from './world.ts'

describe('of members:', () => {
  const acme = 'customer-acme'
  const nordic = 'partner-nordic'
  rows([
    [sara, 'adds a SuperAdmin', adds(acme, 'x@acme.example', 'SuperAdmin'), accepted],
    [sara, 'adds an Admin (S1-22)', adds(acme, 'x@acme.example', 'Admin'), accepted],
    [sara, 'removes an Admin', removes(acme, adam), accepted],
    [sara, 'lowers an Admin', changes(acme, adam, { role: 'Viewer' }), accepted],
    [sara, 'gives permissions', changes(acme, vera, { permissions: ['reports'] }), accepted],
    [adam, 'adds a Viewer (S1-21)', adds(acme, 'x@acme.example', 'Viewer'), accepted],
    [adam, 'adds an Editor', adds(acme, 'x@acme.example', 'Editor'), accepted],
    [adam, 'adds somebody without role', adds(acme, 'x@acme.example'), accepted],
    [adam, 'makes a Viewer an Editor', changes(acme, vera, { role: 'Editor' }), accepted],
    [adam, 'removes a Viewer', removes(acme, vera), accepted],
    [
      adam,
      'adds an Admin (S1-22)',
      adds(acme, 'x@acme.example', 'Admin'),
      denied('needs appoint-admin in customer-acme .* Its SuperAdmins have it'),
    ],
    [adam, 'adds a SuperAdmin', adds(acme, 'x@acme.example', 'SuperAdmin'), needs('appoint-admin')],
    [
      adam,
      'raises a Viewer (S1-23)',
      changes(acme, vera, { role: 'Admin' }),
      needs('appoint-admin'),
    ],
    [
      adam,
      'raises himself (S1-23)',
      changes(acme, adam, { role: 'SuperAdmin' }),
      needs('appoint-admin'),
    ],
    [adam, 'lowers himself', changes(acme, adam, { role: 'Viewer' }), needs('appoint-admin')],
    [
      adam,
      'takes the role off himself',
      changes(acme, adam, { role: null }),
      needs('appoint-admin'),
    ],
    [
      adam,
      'gives permissions',
      changes(acme, vera, { permissions: ['x'] }),
      needs('appoint-admin'),
    ],
    [
      adam,
      'ties an Admin to an owner that he deletes next',
      [
        'PATCH',
        memberOf(acme, adam),
        {
          metadata: {
            ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }],
          },
        },
      ],
      needs('appoint-admin'),
    ],
    [
      ada,
      'removes the SuperAdmin whose role only status keeps',
      removes('customer-plain', pat),
      needs('appoint-admin'),
    ],
    [
      ada,
      'makes that SuperAdmin a Viewer',
      changes('customer-plain', pat, { role: 'Viewer' }),
      needs('appoint-admin'),
    ],
    [pat, 'removes the Admin', removes('customer-plain', ada), accepted],
    [vera, 'adds a Viewer (S1-24)', adds(acme, 'x@acme.example', 'Viewer'), forbidden],
    [tina, 'adds the first user (S1-28)', adds(acme, 'x@acme.example'), accepted],
    [tina, 'adds a Viewer (S1-04)', adds(acme, 'x@acme.example', 'Viewer'), accepted],
    [tina, 'removes a Viewer', removes(acme, vera), accepted],
    [tina, 'adds an Admin (S1-12)', adds(acme, 'x@acme.example', 'Admin'), needs('appoint-admin')],
    [tina, 'removes an Admin', removes(acme, adam), needs('appoint-admin')],
    [tina, 'writes herself down', adds(acme, tina), denied('Nobody raises himself: nordic:tina')],
    [paul, 'adds a Viewer to a customer', adds(acme, 'x@acme.example', 'Viewer'), forbidden],
    [paul, 'adds an Admin to the partner (S1-07)', adds(nordic, 'nordic:x', 'Admin'), accepted],
    [anna, 'adds a User to the partner (S3-28)', adds(nordic, 'nordic:x', 'User'), accepted],
    [
      anna,
      'adds an Admin to the partner (S1-08)',
      adds(nordic, 'nordic:x', 'Admin'),
      denied('needs appoint-admin in partner-nordic'),
    ],
    [
      anna,
      'gives permissions to a User',
      changes(nordic, tina, { permissions: ['x'] }),
      needs('appoint-admin'),
    ],
    [anna, 'adds a User to another partner', adds('partner-iberia', 'x', 'User'), forbidden],
    [tina, 'adds a User to the partner', adds(nordic, 'nordic:x', 'User'), forbidden],
    [
      'the platform',
      'adds an Editor to a partner (S1-06)',
      adds(nordic, 'nordic:x', 'Editor'),
      denied('no role Editor. Write SuperAdmin, Admin or User'),
    ],
    [
      'the platform',
      'adds a User to a customer (S1-20)',
      adds(acme, 'x@acme.example', 'User'),
      denied('no role User. Write SuperAdmin, Admin, Editor or Viewer'),
    ],
  ])
})

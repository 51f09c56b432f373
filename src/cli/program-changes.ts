// The commands that change something, as they are typed: each asks, writes once, and waits for the proof.

import { InvalidArgumentError, Option, type Command } from 'commander'
import type { ChangeOptions } from './change.ts'
import { collect, type Building, type Options } from './program-parts.ts'
import { customerIn } from './scope.ts'
import type { Session } from './session.ts'

export function addChanges(program: Command, { add, online }: Building): void {
  const changing = (command: Command) =>
    command
      .option('--yes', 'do not ask')
      .option('--wait <yes>', 'come back with the proof', parseBoolean, true)
      .option('--timeout <duration>', 'how long to wait for the proof', '60s')
  const ofCustomer = (command: Command) =>
    command.option('--customer <name>', 'default: the one that is in use')

  ofCustomer(
    changing(
      add(program, {
        name: 'grant <people...>',
        says: 'name technicians of the partner, and wait until they may enter',
        scope: 'one customer.',
      }),
    ),
  )
    .addOption(scopeOption('--scope <scope>', 'what they may do'))
    .option('--from <time>', 'start, in RFC 3339; default now')
    .option('--until <time>', 'end, in RFC 3339; default none')
    .option('--for <duration>', 'end, as 8h or 14d after the start')
    .option('--reason <text>', 'why')
    .action(
      online(async (session, options, people) => {
        const { grantTechnicians } = await import('./technicians.ts')
        const { scope = 'Full' } = options
        const rest = { ...options, ...(await changeOptions(options)), scope }
        await grantTechnicians(session, rest, customerTo(session, options), people)
      }),
    )

  changing(
    add(program, {
      name: 'end [customer]',
      says: 'end the relationship with the partner, or take technicians out, and wait for the proof',
      scope: 'one customer.',
    }),
  )
    .option('--technician <person>', 'only this person; may be repeated', collect, [])
    .action(
      online(async (session, options, [customer]) => {
        const { technician = [] } = options
        const rest = { ...(await changeOptions(options)), technician }
        const one = customerTo(session, { customer })
        if (technician.length > 0) {
          const { endTechnicians } = await import('./technicians.ts')
          await endTechnicians(session, rest, one)
        } else {
          const { endRelationship } = await import('./relationship.ts')
          await endRelationship(session, rest, one)
        }
      }),
    )

  changing(
    add(program, {
      name: 'hand-over [customer]',
      says: 'take one partner out, then link another',
      scope: 'one customer.',
    }),
  )
    .requiredOption('--to <partner>', 'the next partner')
    .action(
      online(async (session, options, [customer]) => {
        const { handOver } = await import('./relationship.ts')
        const rest = { ...(await changeOptions(options)), to: options.to ?? '' }
        await handOver(session, rest, customerTo(session, { customer }))
      }),
    )

  const invite = program
    .command('invite')
    .description('invite a partner to a customer, or a person to an organization')
  ofCustomer(
    changing(
      add(invite, {
        name: 'partner <name>',
        says: 'make an organization the one partner of a customer',
        scope: 'one customer.',
      }),
    ),
  )
    .addOption(scopeOption('--max-scope <scope>', 'the most that a technician may get'))
    .option('--from <time>', 'start, in RFC 3339; default now')
    .option('--until <time>', 'end, in RFC 3339; default none')
    .action(
      online(async (session, options, [partner = '']) => {
        const { invitePartner } = await import('./relationship.ts')
        const { maxScope = 'Full' } = options
        const rest = { ...options, ...(await changeOptions(options)), maxScope }
        await invitePartner(session, rest, customerTo(session, options), partner)
      }),
    )
  ofCustomer(
    changing(
      add(invite, {
        name: 'person <user>',
        says: 'make somebody a member of your organization, or of a customer',
        scope: 'your organization, or one customer with --customer.',
      }),
    ),
  )
    .option(
      '--role <role>',
      'SuperAdmin, Admin, User; in customers SuperAdmin, Admin, Editor, Viewer',
    )
    .option('--database-login', 'with an own login in the database')
    .action(
      online(async (session, options, [user = '']) => {
        const { invitePerson } = await import('./invite-person.ts')
        await invitePerson(session, { ...options, ...(await changeOptions(options)) }, user)
      }),
    )

  changing(
    add(program, {
      name: 'confirm-delete <customer>',
      says: 'let the deletion of a customer go on that devices or nested customers hold',
      scope: "one customer; the platform's.",
    }),
  ).action(
    online(async (session, options, [customer]) => {
      const { confirmDelete } = await import('./platform-changes.ts')
      await confirmDelete(session, await changeOptions(options), customerTo(session, { customer }))
    }),
  )

  changing(
    add(program, {
      name: 'restore-database <customer>',
      says: 'say which kept database a customer gets back, or that it gets a new one',
      scope: "one customer; the platform's.",
    }),
  )
    .option('--from <id>', 'the database that was kept')
    .option('--none', 'a new one')
    .action(
      online(async (session, options, [customer]) => {
        const { restoreDatabase } = await import('./platform-changes.ts')
        const rest = { ...options, ...(await changeOptions(options)) }
        await restoreDatabase(session, rest, customerTo(session, { customer }))
      }),
    )
}

function scopeOption(flags: string, says: string): Option {
  return new Option(flags, says).choices(['Full', 'ReadOnly']).default('Full')
}

/** In scope `all` nothing is changed by accident: the customer must be named. */
function customerTo(session: Session, { customer }: { readonly customer?: string | undefined }) {
  return customerIn(session.scope, customer)
}

async function changeOptions({
  yes = false,
  wait = true,
  timeout = '60s',
}: Options): Promise<ChangeOptions> {
  const { parseDuration } = await import('./change.ts')
  return { yes, wait, timeoutMs: parseDuration(timeout) }
}

/** Commander gives the arguments, the options of this command, and the command. */
function parseBoolean(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new InvalidArgumentError('Write true or false.')
}

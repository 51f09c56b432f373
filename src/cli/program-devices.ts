// The commands about devices, as they are typed.

import { Option, type Command } from 'commander'
import type { Building } from './program-parts.ts'

export function addDevices(program: Command, { add, online }: Building): void {
  const command = add(program, {
    name: 'devices [text]',
    says: 'the devices of a customer, or of all that you may enter',
    scope: 'one customer, or all with --all.',
  })
    .option('--all', 'of all customers that you may enter')
    .option('--customer <name>', 'default: the one that is in use')
    .option('-l, --selector <labels>', 'only devices with these labels, such as site=hamburg')
    .option('-w, --watch', 'show it again whenever it changes, until Ctrl-C')
    .action(
      online(async (session, options, [text]) => {
        const { devices } = await import('./devices.ts')
        await devices(session, options, text)
      }),
    )
  for (const verb of ['assign', 'move', 'release'] as const) {
    const scope = 'the customers that the file or --customer names.'
    const importing = add(command, { name: verb, says: importSays[verb], scope })
      .requiredOption(
        '-f, --file <csv>',
        'columns customer, id or unitId, name, model, labels, from',
      )
      .option('--customer <name>', 'for rows without a customer; default the one that is in use')
      .option('--encoding <name>', 'of the file; default UTF-8, or what its first bytes say')
      .option('--skip-broken', 'leave out lines that cannot be used; the result file names them')
      .option('--yes', 'do not ask')
      .option('--timeout <duration>', 'how long to wait for the operator, per batch', '30s')
    if (verb !== 'release') importing.option('--sku <sku>', 'the license that these devices use')
    if (verb === 'move') {
      importing
        .option('--from <name>', 'the customer that has them now, for rows without from')
        .addOption(
          new Option('--data-policy <policy>', 'what becomes of their data').choices([
            'Retain',
            'Migrate',
            'Purge',
          ]),
        )
    }
    importing.action(
      online(async (session, options) => {
        const { importDevices } = await import('./devices-import.ts')
        const { file = '', timeout = '30s', sku, dataPolicy } = options
        await importDevices(session, { ...options, file, timeout, verb, sku, dataPolicy })
      }),
    )
  }
}

const importSays = {
  assign: 'give the devices of a file to their customers',
  move: 'move the devices of a file from one customer to another',
  release: 'take the devices of a file from their customers',
} as const

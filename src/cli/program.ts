// The commands as they are typed. Each loads its code when it is called, and each says in its help in
// which scope it works; docs/cli has a page line for each, and a test compares.

import { Command, Option } from 'commander'
import { formats } from './output.ts'
import { addChanges } from './program-changes.ts'
import { addDevices } from './program-devices.ts'
import { collect, type Described, type Options, type Work } from './program-parts.ts'
import { customerIn } from './scope.ts'
import { withSession, type Outside } from './session.ts'
import { version } from './version.ts'

export type Run = {
  /** Made once the options are known: format and colours follow from them. */
  readonly outside: (options: object) => Outside
  readonly exitWith: (code: number) => void
}

export function makeProgram(run: Run): Command {
  const program = new Command('kubectl-tenantry')
    .usage('[command]')
    .description('Who may enter which customer, until when and why; and to change it with proof.')
    .version(version)
    .option('--kubeconfig <file>', 'the kubeconfig; default as kubectl finds it')
    .option('--context <name>', 'a context of it; default the current one')
    .option('--as <person>', 'act as somebody else, if the server lets you')
    .option('--organization <ref>', 'whose person you are: partner/<name> or customer/<name>')
    .addOption(
      new Option('-o, --output <format>', 'how to answer').choices([...formats]).default('table'),
    )
    .addHelpText('after', '\nExit codes and one page per command: docs/cli.')
  program.configureHelp({ showGlobalOptions: true })

  const add = (parent: Command, { name, says, scope }: Described): Command =>
    parent.command(name).description(says).addHelpText('after', `\nScope: ${scope}`)
  /** Runs with a connection. */
  const online =
    (work: Work) =>
    async (...given: readonly unknown[]) => {
      const { command, args } = splitGiven(given)
      const options = command.optsWithGlobals<Options>()
      await withSession(run.outside(options), options, (session) => work(session, options, args))
    }
  const watched = (command: Command) =>
    command.option('-w, --watch', 'show it again whenever it changes, until Ctrl-C')

  watched(
    add(program, {
      name: 'who [customer]',
      says: 'who may enter a customer now, until when, and who may not and why',
      scope: 'one customer.',
    }),
  ).action(
    online(async (session, options, [customer]) => {
      const { who } = await import('./who.ts')
      await who(session, options, customerIn(session.scope, customer))
    }),
  )

  watched(
    add(program, {
      name: 'where [person]',
      says: 'which customers you may enter; of somebody else only the platform may ask',
      scope: 'all customers that you see.',
    }),
  )
    .option('--as-me', 'yourself, which is the default')
    .action(
      online(async (session, options, [person]) => {
        if (options.asMe && person !== undefined) await wrongUse('Name a person, or give --as-me.')
        const { where } = await import('./where.ts')
        await where(session, options, person)
      }),
    )

  watched(
    add(program, {
      name: 'customers',
      says: 'the customers that are linked to your organization, or nested in it',
      scope: 'all customers that you see.',
    }),
  ).action(
    online(async (session, options) => {
      const { customers } = await import('./customers.ts')
      await customers(session, options)
    }),
  )

  watched(
    add(program, {
      name: 'tree [customer]',
      says: 'which customer is nested in which',
      scope: 'all customers that you see, or one with those above and below it.',
    }),
  ).action(
    online(async (session, options, [customer]) => {
      const { tree } = await import('./customers.ts')
      await tree(session, options, customer)
    }),
  )

  add(program, {
    name: 'explain [customer] [person]',
    says: 'the decision, made anew by the code of the operator; with -f from files, without a cluster',
    scope:
      'one customer. In a cluster it needs the whole platform; else it shows what status says.',
  })
    .option('-f, --file <path>', 'a file or folder of manifests; may be repeated', collect, [])
    .option('--at <time>', 'at another moment, in RFC 3339')
    .action(async (...given: readonly unknown[]) => {
      const { command, args } = splitGiven(given)
      const { explainCommand } = await import('./explain-command.ts')
      const options = command.optsWithGlobals<Parameters<typeof explainCommand>[1]>()
      await explainCommand(run.outside(options), options, args[0], args[1])
    })

  watched(
    add(program, {
      name: 'status [customer]',
      says: 'how a customer stands, or which customers do not',
      scope: 'one customer, or all that you see.',
    }),
  ).action(
    online(async (session, options, [customer]) => {
      const { status } = await import('./status.ts')
      await status(session, options, customer)
    }),
  )

  watched(
    add(program, {
      name: 'events [customer]',
      says: 'what has changed lately',
      scope: 'one customer.',
    }),
  ).action(
    online(async (session, options, [customer]) => {
      const { events } = await import('./status.ts')
      await events(session, options, customerIn(session.scope, customer))
    }),
  )

  add(program, {
    name: 'audit [customer]',
    says: 'what is on record about who changed what, and when',
    scope: 'one customer.',
  }).action(
    online(async (session, options, [customer]) => {
      const { audit } = await import('./audit.ts')
      await audit(session, options, customerIn(session.scope, customer))
    }),
  )

  add(program, {
    name: 'use [customer]',
    says: 'work in one customer, or with --all see all of them, for kubectl too',
    scope: 'your kubeconfig: it adds a context and makes it the current one.',
  })
    .option('--all', 'all customers of your organization, read-only')
    .action(
      online(async (session, options, [customer]) => {
        const { use } = await import('./use.ts')
        await use(session, options, customer)
      }),
    )

  add(program, {
    name: 'contexts',
    says: 'what there is to use',
    scope: 'all customers that you see.',
  }).action(
    online(async (session, options) => {
      const { contexts } = await import('./use.ts')
      await contexts(session, options)
    }),
  )

  add(program, {
    name: 'connect [customer]',
    says: 'psql with your own login; what follows -- goes to psql',
    scope: 'the database of one customer.',
  })
    .option('--print-env', 'print the environment for another program, and start none')
    .allowExcessArguments()
    .action(
      online(async (session, options, given) => {
        const { connect } = await import('./connect.ts')
        // `connect -- -c …` in a chosen customer: what begins with a dash is psql's.
        const named = given[0]?.startsWith('-') === false ? given[0] : undefined
        const args = named === undefined ? given : given.slice(1)
        const customer = customerIn(session.scope, named)
        run.exitWith(await connect(session, options, { customer, args }))
      }),
    )

  addChanges(program, { add, online })
  addDevices(program, { add, online })

  add(program, {
    name: 'doctor',
    says: 'is everything in place that the promises rest on',
    scope: 'the whole platform, as far as you may read it.',
  })
    .option('--system-namespace <name>', 'where the operator runs', 'tenantry-system')
    .action(
      online(async (session, options) => {
        const { doctor } = await import('./doctor.ts')
        const { systemNamespace = '' } = options
        await doctor(session, { ...options, systemNamespace })
      }),
    )

  add(program, {
    name: 'completion <shell>',
    says: 'a script that completes this command: bash, zsh or fish',
    scope: 'none; it prints text.',
  }).action(async (shell: string, _options: object, command: Command) => {
    const { completionScript } = await import('./completion.ts')
    const { screen } = run.outside(command.optsWithGlobals())
    screen.out.write(completionScript(shell))
  })

  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[], _options: object, command: Command) => {
      const { complete } = await import('./completion.ts')
      const outside = run.outside({ ...command.optsWithGlobals(), output: 'name' })
      outside.screen.out.write(await complete(program, outside, words))
    })
  return program
}

function splitGiven(given: readonly unknown[]): {
  readonly command: Command
  readonly args: readonly string[]
} {
  const command = given.at(-1)
  if (!(command instanceof Command)) throw new RangeError('an action is called by commander alone')
  const args = given
    .slice(0, -2)
    .flat()
    .concat(command.args.slice(command.registeredArguments.length))
  return { command, args: args.filter((each): each is string => typeof each === 'string') }
}

async function wrongUse(says: string): Promise<never> {
  const { Failure } = await import('./failures.ts')
  throw new Failure('WRONG_USE', says)
}

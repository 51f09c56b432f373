// `npm run demo`: a whole platform on this machine, with examples/ applied by the operator; stays
// until Ctrl-C. `-- --once` ends with 0 when everything is what it should be, and leaves nothing.
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  clear,
  holder,
  keeperFile,
  kubeconfigFile,
  localDirectory,
  postgresUrlFile,
  publish,
} from './local/directory.ts'
import { applyExamples, untilExamplesStand } from './local/examples.ts'
import { startPlatform, type Platform } from './local/platform.ts'
import { aborted, untilAsked } from './local/signals.ts'

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } })
const begun = performance.now()
const signal = untilAsked()

const other = holder()
if (other === undefined) await runDemo()
else {
  console.error(
    `Process ${other} holds .local/ already. Run \`npm run down\`, or end the other demo.`,
  )
  process.exitCode = 1
}

async function runDemo(): Promise<void> {
  try {
    await clear()
    await mkdir(localDirectory, { recursive: true, mode: 0o700 })
    await writeFile(keeperFile, String(process.pid))
    await demo()
  } catch (error) {
    if (!signal.aborted) await tell(error)
    else if (values.once) process.exitCode = 130
  } finally {
    await clear()
  }
}

/** What went wrong, with the last words of the operator: the log goes with .local/. */
async function tell(cause: unknown): Promise<void> {
  const log = await readFile(join(localDirectory, 'operator-1.log'), 'utf8').catch(() => '')
  const last = log.trimEnd().split('\n').slice(-8).join('\n')
  console.error(`\nThe demo did not come up. ${cause instanceof Error ? cause.message : ''}`)
  if (last !== '') console.error(`The operator's last words:\n${last}`)
  process.exitCode = 1
}

async function demo(): Promise<void> {
  say('Starting the control plane and PostgreSQL ...')
  await using platform = await startPlatform(signal, { directory: localDirectory, say })
  await publish(platform)
  const operator = await platform.operator(signal)
  say('The operator runs. Applying examples/ ...')
  await applyExamples(signal, platform.plane)
  say('Waiting until every customer is what it should be ...')
  await untilExamplesStand(signal, platform.plane)
  say('Everything stands.\n')
  for (const what of ['porg', 'corg', 'pag -A', 'clink -A', 'member -A', 'devas -A']) {
    await show(platform, `get ${what}`)
  }
  if (values.once) {
    const code = await operator.stop()
    if (code !== 0) throw new Error(`The operator ended with ${code} instead of 0.`)
    say('Done.')
    return
  }
  console.log(await suggestions(platform))
  await aborted(signal)
  say('Stopping ...')
  await operator.stop()
}

async function show({ plane }: Platform, command: string): Promise<void> {
  const { stdout } = await plane.run(signal, command.split(' '))
  console.log(`$ kubectl ${command}\n${stdout}`)
}

/** Five things to try, as different people. */
async function suggestions({ plane, postgres }: Platform): Promise<string> {
  const kubectl = `KUBECONFIG=.local/kubeconfig ${plane.kubectl}`
  const secret = `${kubectl} get secret database-rw -n customer-northwind -o jsonpath={.data.uri}`
  const question = 'select current_user, current_database()'
  const psql = existsSync('/usr/bin/psql')
    ? `bash -c 'psql "$PSQL_URL" -c "${question}"'`
    : `node tools/local/ask.ts '${question}'`
  return [
    `Kubeconfig: ${kubeconfigFile}`,
    postgres ? `PostgreSQL: ${postgresUrlFile}` : 'PostgreSQL: none',
    '',
    'Try, in another terminal:',
    '',
    '  # as a technician of fabrikam: in at northwind, out at contoso',
    `  ${kubectl} get pods -n customer-northwind --as fabrikam:tina`,
    `  ${kubectl} get pods -n customer-contoso --as fabrikam:tina`,
    '',
    "  # as northwind's Viewer",
    `  ${kubectl} auth can-i --list -n customer-northwind --as victor@northwind.example`,
    '',
    "  # northwind's database, with its own login",
    `  PSQL_URL="$(${secret} | base64 -d)" PGSSLROOTCERT=.local/postgres-ca.crt ${psql}`,
    '',
    '  # hand contoso over to fabrikam, and watch it',
    `  ${kubectl} patch pag partner -n customer-contoso --type merge -p '{"spec":{"partnerRef":{"name":"fabrikam"},"technicians":[{"name":"fabrikam:tom","scope":"ReadOnly"}]}}' && ${kubectl} get corg contoso -w`,
    '',
    'Ctrl-C ends all of it and leaves nothing behind.',
  ].join('\n')
}

function say(line: string): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1).padStart(5)
  console.log(`${seconds} s  ${line}`)
}

// `connect <customer>`: psql with one's own login. The password goes through the environment alone: never
// an argument, which every process on the machine can read, and never onto a screen.

import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { customerOfSecret } from '../api/names.ts'
import { Failure } from './failures.ts'
import { ownLogin, type Login } from './logins.ts'
import { sayScope } from './scope.ts'
import { note, say, type CommonOptions, type Session } from './session.ts'

export type ConnectOptions = CommonOptions & { readonly printEnv?: boolean }

/** @returns the exit code of psql */
export async function connect(
  session: Session,
  { printEnv = false }: ConnectOptions,
  { customer, args }: { readonly customer: string; readonly args: readonly string[] },
): Promise<number> {
  const login = await loginOf(session, customer)
  say(session, `the database of ${sayScope(session.scope, customer)}, as ${login['username']}`)
  if (printEnv) return print(session, login)
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-connect-'))
  try {
    const file = await writeAuthority(directory, login)
    return await runPsql(session, environmentOf(login, file), args)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function loginOf(session: Session, customer: string): Promise<Login> {
  if (!session.scope.home) {
    throw new Failure(
      'NO_ORGANIZATION',
      'Logins lie in the organization of the person, and the context names none.',
    )
  }
  const found = await ownLogin(session, (secret) => customerOfSecret(secret) === customer)
  if (found) return found
  throw new Failure(
    'NO_LOGIN',
    `${await session.person()} has no login in the database of ${customer}.`,
  )
}

function environmentOf(
  login: Login,
  authority: string | undefined,
): Readonly<Record<string, string>> {
  return {
    PGHOST: login['host'] ?? '',
    PGPORT: login['port'] ?? '',
    PGUSER: login['username'] ?? '',
    PGDATABASE: login['dbname'] ?? '',
    PGPASSWORD: login['password'] ?? '',
    ...(authority === undefined ? {} : { PGSSLMODE: 'verify-full', PGSSLROOTCERT: authority }),
  }
}

async function writeAuthority(directory: string, login: Login): Promise<string | undefined> {
  const authority = login['ca.crt']
  if (authority === undefined || authority === '') return undefined
  const file = join(directory, 'ca.crt')
  await writeFile(file, authority, { mode: 0o600 })
  return file
}

async function print(session: Session, login: Login): Promise<number> {
  const { screen } = session
  if (Reflect.get(screen.out, 'isTTY') === true) {
    throw new Failure(
      'WRONG_USE',
      'This would show the password on the screen. Write: eval "$(kubectl tenantry connect <customer> --print-env)"',
    )
  }
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-connect-'))
  const file = await writeAuthority(directory, login)
  for (const [name, value] of Object.entries(environmentOf(login, file))) {
    screen.out.write(`export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
  }
  if (file === undefined) await rm(directory, { recursive: true })
  else note(session, `The server's CA is in ${directory}; remove it when you are done.`)
  return 0
}

function runPsql(
  { env }: Session,
  login: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<number> {
  const child = spawn('psql', [...args], { env: { ...env, ...login }, stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new Failure('PSQL_MISSING', 'psql is not in PATH.', { cause }))
    })
    child.once('close', (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

// A whole platform on this machine: control plane, PostgreSQL, everything that the Helm chart brings,
// and the operator's own kubeconfig and configuration. The demo, the development commands and the
// tests start the same one. Nothing of it outlives this process.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse, stringify } from 'yaml'
import { startGuardian } from '../control-plane/servers.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/start.ts'
import { documentOf, localRendering, systemNamespace } from '../helm/render.ts'
import { startPostgres, type LocalPostgres } from '../postgres/start.ts'
import { argumentsFromSource, startOperator, type RunningOperator } from './operator.ts'

export const operatorUser = `system:serviceaccount:${systemNamespace}:tenantry`

export type PlatformOptions = {
  /** Where configuration, credentials and logs go; the caller removes it. */
  readonly directory: string
  readonly auditLog?: boolean
  /** Default true; tests, whose data need not survive a power cut, pass false. */
  readonly fsync?: boolean
  /** Default true. */
  readonly postgres?: boolean
  /** Overrides of the operator's configuration; of `databases`, key by key. */
  readonly config?: Readonly<Record<string, unknown>> & { readonly databases?: object }
  /** What starts the operator, where that is not this Node itself. */
  readonly operatorCommand?: readonly [string, ...string[]]
  readonly say?: (line: string) => void
}

export type Platform = AsyncDisposable & {
  readonly plane: ControlPlane
  readonly postgres: LocalPostgres | undefined
  readonly configFile: string
  readonly operatorKubeconfig: string
  operator(signal: AbortSignal): Promise<RunningOperator>
  stop(): Promise<void>
}

export async function startPlatform(
  signal: AbortSignal,
  options: PlatformOptions,
): Promise<Platform> {
  const { directory, auditLog = false, fsync = true, say = () => {} } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const [planeStart, postgresStart, chartStart] = await Promise.allSettled([
    startControlPlane(signal, { auditLog, fsync, log: say }),
    options.postgres === false ? undefined : startPostgres(signal, { fsync }),
    localRendering(signal, say),
  ])
  const plane = planeStart.status === 'fulfilled' ? planeStart.value : undefined
  const postgres = postgresStart.status === 'fulfilled' ? postgresStart.value : undefined
  const guardian = startGuardian()
  const running: RunningOperator[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((operator) => operator.kill()))
    await Promise.all([plane?.stop(), postgres?.stop(), guardian.stop()])
  }
  try {
    if (planeStart.status === 'rejected') throw planeStart.reason
    if (postgresStart.status === 'rejected') throw postgresStart.reason
    if (chartStart.status === 'rejected') throw chartStart.reason
    if (!plane) throw new Error('The control plane did not start.')
    say('Control plane and PostgreSQL answer.')
    await install(signal, plane, chartStart.value)
    const operatorKubeconfig = await signInOperator(signal, plane)
    const configFile = await configure(options, postgres, chartStart.value)
    say('The chart is installed.')
    let replicas = 0
    return {
      plane,
      postgres,
      configFile,
      operatorKubeconfig,
      async operator(starting) {
        replicas += 1
        const operator = await startOperator(starting, {
          guardian,
          args: argumentsFromSource(configFile, operatorKubeconfig),
          logFile: join(directory, `operator-${replicas}.log`),
          ...(options.operatorCommand && { command: options.operatorCommand }),
        })
        running.push(operator)
        return operator
      },
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function install(signal: AbortSignal, plane: ControlPlane, rendering: string): Promise<void> {
  await plane.run(signal, ['create', 'namespace', systemNamespace])
  await plane.run(signal, ['apply', '--server-side', '-f', '-'], { input: rendering })
  await plane.run(signal, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
  await untilAggregated(signal, plane)
}

/** The role that holds what technicians get is filled by the controller-manager, a second later. */
export async function untilAggregated(signal: AbortSignal, plane: ControlPlane): Promise<void> {
  const question = ['auth', 'can-i', 'release-devices', 'deviceassignments.tenantry.dev']
  for (let tries = 0; tries < 100; tries += 1) {
    const { code } = await plane.run(signal, [...question, '-n', 'default'], {
      as: operatorUser,
      allowFailure: true,
    })
    if (code === 0) return
    await sleep(100, undefined, { signal })
  }
  throw new Error(
    'The controller-manager has not aggregated the ClusterRoles within 10 s. Look at its log.',
  )
}

export async function signInOperator(signal: AbortSignal, plane: ControlPlane): Promise<string> {
  const arguments_ = ['create', 'token', 'tenantry', '-n', systemNamespace, '--duration=24h']
  const { stdout } = await plane.run(signal, arguments_)
  return plane.kubeconfigForToken('operator', stdout.trim())
}

async function configure(
  { directory, config = {} }: PlatformOptions,
  postgres: LocalPostgres | undefined,
  rendering: string,
): Promise<string> {
  const passwordFile = join(directory, 'postgres.password')
  const caFile = join(directory, 'postgres-ca.crt')
  if (postgres) {
    await writeFile(passwordFile, postgres.password, { mode: 0o600 })
    if (postgres.ca !== undefined) await writeFile(caFile, postgres.ca)
  }
  const server = postgres && {
    name: 'local',
    host: postgres.host,
    port: postgres.port,
    user: postgres.user,
    passwordFile,
    ...(postgres.ca !== undefined && { caFile }),
  }
  const file = join(directory, 'operator.yaml')
  const whole = {
    ...chartConfig(rendering),
    health: { host: '127.0.0.1', port: 0 },
    signInURL: 'https://signin.platform.example/{customer}',
    ...config,
    databases: {
      allowedExtensions: ['pgcrypto', 'citext'],
      servers: server ? [server] : [],
      ...(server && { control: { server: server.name } }),
      ...config.databases,
    },
  }
  await writeFile(file, stringify(whole))
  return file
}

/** The configuration file that a pod of the chart would read. */
export function chartConfig(rendering: string): Readonly<Record<string, unknown>> {
  const map: { readonly data: { readonly 'config.yaml': string } } = parse(
    documentOf(rendering, 'operator-config.yaml'),
  )
  return parse(map.data['config.yaml'])
}

// Starts the real control plane: etcd, kube-apiserver and kube-controller-manager on free loopback ports, with an authority of
// their own. Every client verifies it. Nothing outlives the process that started it (guardian.mjs), kill -9 included.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cutTornLine } from './audit-log.ts'
import { runCommand, type CommandResult } from './command.ts'
import { createAuthority, createTokenKeys, type Authority, type Subject } from './certificates.ts'
import { findControlPlane } from './find.ts'
import { writeKubeconfig, type Credentials } from './kubeconfig.ts'
import { freePorts, untilReady } from './network.ts'
import {
  apiserverArguments,
  auditPolicy,
  controllerManagerArguments,
  etcdArguments,
} from './arguments.ts'
import type { Log, Programs } from './programs.ts'
import { startGuardian, startServer, type Guardian, type Server } from './servers.ts'

export type ControlPlaneOptions = {
  /** Kept after `stop`. Default: a new temporary directory, removed by `stop`. */
  readonly directory?: string
  /** Who did what, one JSON event per line. Default false. */
  readonly auditLog?: boolean
  /** Default false: what a test writes need not survive a power cut. */
  readonly fsync?: boolean
  readonly log?: Log
}

export type KubectlOptions = {
  readonly as?: string
  readonly input?: string
  /** Default: the cluster administrator's. */
  readonly kubeconfig?: string
  /** A failure is returned and not thrown. */
  readonly allowFailure?: boolean
}

export type ControlPlane = AsyncDisposable & {
  readonly server: string
  readonly directory: string
  /** Path of the cluster administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly caFile: string
  readonly ca: string
  readonly kubectl: string
  readonly auditLog: string | undefined
  readonly pids: { readonly etcd: number; readonly apiserver: number; readonly manager: number }
  /** A kubeconfig by which this person signs in with a client certificate. */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>
  kubeconfigForToken(name: string, token: string): Promise<string>
  /** Runs kubectl. */
  run(
    signal: AbortSignal,
    args: readonly string[],
    options?: KubectlOptions,
  ): Promise<CommandResult>
  /** Kills the API server and starts it again on the same port. */
  restartApiserver(signal: AbortSignal): Promise<void>
  /** Kills the API server, and starts it again when `work` is done. */
  withoutApiserver(signal: AbortSignal, work: () => Promise<void>): Promise<void>
  /** Ends all three, and starts them again when `work` is done with the data of etcd. */
  withoutServers(signal: AbortSignal, work: (etcdData: string) => Promise<void>): Promise<void>
  stop(): Promise<void>
}

export async function startControlPlane(
  signal: AbortSignal,
  options: ControlPlaneOptions = {},
): Promise<ControlPlane> {
  const found = await findControlPlane(signal, options.log ?? (() => {}))
  const guardian = startGuardian()
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'tenantry-k8s-')))
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if (options.directory === undefined) guardian.remove(directory)
  const started: Server[] = []
  const stop = async (): Promise<void> => {
    for (const server of started.toReversed()) await server.kill('SIGKILL')
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    await guardian.stop()
  }
  try {
    return await launch(signal, { options, programs: found, guardian, directory, started, stop })
  } catch (error) {
    await stop()
    throw error
  }
}

type Launch = {
  readonly options: ControlPlaneOptions
  readonly programs: Programs
  readonly guardian: Guardian
  readonly directory: string
  /** In the order of starting; `stop` ends them the other way round. */
  readonly started: Server[]
  readonly stop: () => Promise<void>
}

async function launch(signal: AbortSignal, launch: Launch): Promise<ControlPlane> {
  const { options, programs, guardian, directory, started, stop } = launch
  const [etcdPort, etcdPeerPort, port, managerPort] = await freePorts(4)
  const authority = createAuthority('tenantry-local', new Date())
  await writeSecrets(directory, authority)
  const server = `https://127.0.0.1:${port}`
  const signIn = (name: string, credentials: Credentials): Promise<string> =>
    writeKubeconfig(
      join(directory, `${name}.kubeconfig`),
      server,
      authority.certificate,
      credentials,
    )
  const person = (name: string, subject: Subject): Promise<string> =>
    signIn(name, authority.issueClient(subject))
  const kubeconfig = await person('admin', { user: 'admin', groups: ['system:masters'] })
  const manager = await person('manager', { user: 'system:kube-controller-manager' })

  const spawn = (name: string, program: string, args: readonly string[]): Server => {
    const logFile = join(directory, `${name}.log`)
    const child = startServer(guardian, { name, program, args, logFile, cwd: directory })
    started.push(child)
    return child
  }
  const audit = options.auditLog ? join(directory, 'audit.log') : undefined
  const apiserverArgs = apiserverArguments({ directory, port, etcdPort, audit })
  const spawnEtcd = () =>
    spawn(
      'etcd',
      programs.etcd,
      etcdArguments({
        directory,
        port: etcdPort,
        peerPort: etcdPeerPort,
        fsync: options.fsync ?? false,
      }),
    )
  const spawnApiserver = () => spawn('kube-apiserver', programs['kube-apiserver'], apiserverArgs)
  const spawnManager = () =>
    spawn(
      'kube-controller-manager',
      programs['kube-controller-manager'],
      controllerManagerArguments({ directory, port: managerPort, kubeconfig: manager }),
    )
  const end = async (child: Server, how: NodeJS.Signals): Promise<void> => {
    await child.kill(how)
    started.splice(started.indexOf(child), 1)
  }
  const endApiserver = async (): Promise<void> => {
    await end(apiserver, 'SIGKILL')
    if (audit !== undefined) await cutTornLine(audit)
  }
  const ready = { url: `${server}/readyz`, ca: authority.certificate, servers: started }
  let etcd = spawnEtcd()
  let apiserver = spawnApiserver()
  await untilReady(signal, ready)
  let controllerManager = spawnManager()
  const withoutApiserver: ControlPlane['withoutApiserver'] = async (restartSignal, work) => {
    await endApiserver()
    try {
      await work()
    } finally {
      apiserver = spawnApiserver()
    }
    await untilReady(restartSignal, ready)
  }

  let people = 0
  const run: ControlPlane['run'] = async (runSignal, args, how = {}) => {
    // kubectl keeps what it discovers per server; ours comes and goes, and so shall its cache.
    const env = {
      KUBECONFIG: how.kubeconfig ?? kubeconfig,
      KUBECACHEDIR: join(directory, 'kubectl-cache'),
    }
    const all = how.as === undefined ? args : [...args, '--as', how.as]
    const input = how.input === undefined ? {} : { input: how.input }
    const result = await runCommand(runSignal, programs.kubectl, all, { env, ...input })
    if (result.code !== 0 && !how.allowFailure) {
      throw new Error(`kubectl ${args.join(' ')} failed: ${result.stderr.trim()}`)
    }
    return result
  }
  return {
    server,
    directory,
    kubeconfig,
    caFile: join(directory, 'ca.crt'),
    ca: authority.certificate,
    kubectl: programs.kubectl,
    auditLog: audit,
    get pids() {
      return { etcd: etcd.pid, apiserver: apiserver.pid, manager: controllerManager.pid }
    },
    kubeconfigFor: (user, groups = []) => person(`person-${(people += 1)}`, { user, groups }),
    kubeconfigForToken: (name, token) => signIn(name, { token }),
    run,
    restartApiserver: (restartSignal) => withoutApiserver(restartSignal, async () => {}),
    withoutApiserver,
    withoutServers: async (restartSignal, work) => {
      await end(controllerManager, 'SIGKILL')
      await endApiserver()
      await end(etcd, 'SIGTERM') // its data is whole, also without fsync
      await work(join(directory, 'etcd'))
      etcd = spawnEtcd()
      apiserver = spawnApiserver()
      await untilReady(restartSignal, ready)
      controllerManager = spawnManager()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function writeSecrets(directory: string, authority: Authority): Promise<void> {
  const server = authority.issueServer('kube-apiserver', [
    '127.0.0.1',
    '10.0.0.1',
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
  ])
  const etcd = authority.issueServer('etcd', ['127.0.0.1', 'localhost'])
  const client = authority.issueClient({ user: 'kube-apiserver-etcd-client' })
  const tokens = createTokenKeys()
  const files = {
    'ca.crt': authority.certificate,
    'ca.key': authority.key,
    'apiserver.crt': server.certificate,
    'apiserver.key': server.key,
    'etcd.crt': etcd.certificate,
    'etcd.key': etcd.key,
    'etcd-client.crt': client.certificate,
    'etcd-client.key': client.key,
    'sa.key': tokens.privateKey,
    'sa.pub': tokens.publicKey,
    'audit-policy.yaml': auditPolicy,
  }
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(directory, name), content, { mode: 0o600 })
  }
}

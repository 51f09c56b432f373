// The platform as `helm install` brings it. Pods do not run there: an operator is started beside the API server with the
// arguments, files and service account that its pod would get, read from the Deployment as it stands in the cluster: from
// source, or in the file system of the image, where every path is that of the pod.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { CommandResult } from '../../tools/control-plane/command.ts'
import { startGuardian } from '../../tools/control-plane/servers.ts'
import { startControlPlane, type ControlPlane } from '../../tools/control-plane/start.ts'
import { findHelm } from '../../tools/helm/find.ts'
import { runHelm } from '../../tools/helm/helm.ts'
import { chart, systemNamespace } from '../../tools/helm/render.ts'
import { startOperator, type RunningOperator } from '../../tools/local/operator.ts'
import {
  signInOperator,
  untilAggregated,
  type Platform,
  type PlatformOptions,
} from '../../tools/local/platform.ts'
import { startPostgres, type LocalPostgres } from '../../tools/postgres/start.ts'

export type ChartPlatform = Platform & {
  /** Installs or upgrades the release `tenantry`; resolves once the operator's roles are whole. */
  install(change?: object): Promise<void>
  uninstall(): Promise<CommandResult>
}

const configInPod = '/etc/tenantry/config.yaml'
const filesInPod = '/etc/tenantry/files'
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

export async function startChartPlatform(
  signal: AbortSignal,
  { directory, auditLog = false }: PlatformOptions,
  image?: string,
): Promise<ChartPlatform> {
  const [helm, plane, postgres] = await Promise.all([
    findHelm(signal, console.log),
    startControlPlane(signal, { auditLog }),
    startPostgres(signal, { fsync: false }),
  ])
  const guardian = startGuardian()
  const running: RunningOperator[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((operator) => operator.kill()))
    await Promise.all([plane.stop(), postgres.stop(), guardian.stop()])
  }
  const configFile = join(directory, 'etc/tenantry/config.yaml')
  const values = join(directory, 'values.yaml')
  const run = (...args: readonly string[]) =>
    runHelm(signal, helm, [...args, '--namespace', systemNamespace], {
      kubeconfig: plane.kubeconfig,
    })
  let operatorKubeconfig = ''
  const install: ChartPlatform['install'] = async (change = {}) => {
    await writeFile(values, stringify({ ...valuesFor(postgres), ...change }))
    await run('upgrade', '--install', 'tenantry', chart, '--values', values)
    await untilAggregated(signal, plane)
    operatorKubeconfig = await signInOperator(signal, plane)
  }
  try {
    await prepare(signal, plane, postgres)
    await install()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    plane,
    postgres,
    configFile,
    get operatorKubeconfig() {
      return operatorKubeconfig
    },
    async operator(starting) {
      const pod = await podOf(starting, plane)
      const how =
        image === undefined
          ? await fromSource(pod, { directory, configFile, kubeconfig: operatorKubeconfig })
          : await fromImage(pod, { image, plane, token: await tokenOf(starting, plane) })
      const logFile = join(directory, `operator-${running.length + 1}.log`)
      const operator = await startOperator(starting, { guardian, logFile, ...how })
      running.push(operator)
      return operator
    },
    install,
    uninstall: () => run('uninstall', 'tenantry'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** What a platform team brings itself: the namespace, and the way to the server. */
async function prepare(
  signal: AbortSignal,
  plane: ControlPlane,
  { password, ca = '' }: LocalPostgres,
): Promise<void> {
  const metadata = (name: string) => ({ name, namespace: systemNamespace })
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata('postgres'), stringData: { password } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('postgres-ca'), data: { ca } },
  ]
  const input = objects.map((object) => stringify(object)).join('---\n')
  await plane.run(signal, ['apply', '-f', '-'], { input })
}

function valuesFor({ host, port, user, ca }: LocalPostgres) {
  const server = {
    name: 'main',
    host,
    port,
    user,
    passwordSecret: { namespace: systemNamespace, name: 'postgres', key: 'password' },
    ...(ca !== undefined && { caFile: `${filesInPod}/main.crt` }),
  }
  return {
    config: { leaseSeconds: 3, databases: { servers: [server] } },
    files: [{ file: 'main.crt', configMap: 'postgres-ca', key: 'ca' }],
  }
}

type Pod = {
  readonly args: readonly string[]
  /** By the path in the pod. */
  readonly files: ReadonlyMap<string, string>
}

type Item = { readonly key: string; readonly path: string }
type Source = {
  readonly configMap?: { readonly name: string; readonly items?: readonly Item[] }
}
type PodSpec = {
  readonly containers: readonly {
    readonly args: readonly string[]
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  }[]
  readonly volumes: readonly ({
    readonly name: string
    readonly projected?: { readonly sources: readonly Source[] }
  } & Source)[]
}

/** What the kubelet would make of the Deployment. */
export async function podOf(signal: AbortSignal, plane: ControlPlane): Promise<Pod> {
  const get = async <T>(kind: string, name: string): Promise<T> => {
    const args = ['get', kind, name, '-n', systemNamespace, '-o', 'json']
    return JSON.parse((await plane.run(signal, args)).stdout)
  }
  type Deployment = { readonly spec: { readonly template: { readonly spec: PodSpec } } }
  const { spec } = (await get<Deployment>('deployment', 'tenantry')).spec.template
  const [container] = spec.containers
  if (!container) throw new Error('The Deployment has no container.')
  const files = new Map<string, string>()
  for (const { name, mountPath } of container.volumeMounts) {
    const volume = spec.volumes.find((each) => each.name === name)
    for (const { configMap } of volume?.projected?.sources ?? []) {
      if (!configMap) continue
      const { data } = await get<{ data: Record<string, string> }>('configmap', configMap.name)
      for (const { key, path } of configMap.items ?? [])
        files.set(join(mountPath, path), data[key] ?? '')
    }
    if (volume?.configMap) {
      const { data } = await get<{ data: Record<string, string> }>(
        'configmap',
        volume.configMap.name,
      )
      files.set(mountPath, data[mountPath.split('/').at(-1) ?? ''] ?? '')
    }
  }
  return { args: container.args, files }
}

/** The same files at places of this machine; the rest is as the chart says it. */
async function fromSource(
  { args, files }: Pod,
  at: { readonly directory: string; readonly configFile: string; readonly kubeconfig: string },
) {
  const { directory, configFile, kubeconfig } = at
  for (const [path, content] of files) await write(join(directory, path), content)
  const moved = (files.get(configInPod) ?? '').replaceAll(filesInPod, join(directory, filesInPod))
  await write(configFile, onAnyPort(moved))
  const places = [
    ['/app/dist/main.js', 'src/main.ts'],
    ['/app', process.cwd()],
    ['/etc/tenantry', join(directory, 'etc/tenantry')],
    [serviceAccount, dirname(kubeconfig)],
  ] as const
  const here = args.map((arg) => {
    const [from, to] = places.find(([path]) => arg.includes(path)) ?? ['', '']
    return arg.replace(from, to)
  })
  return { args: [...here, '--kubeconfig', kubeconfig] }
}

/** As the runtime would: that file system and no other, an account without rights, and the kubelet's files. */
async function fromImage(
  { args, files }: Pod,
  {
    image,
    plane,
    token,
  }: { readonly image: string; readonly plane: ControlPlane; readonly token: string },
) {
  for (const [path, content] of files) await write(join(image, path), content)
  await write(join(image, configInPod), onAnyPort(files.get(configInPod) ?? ''))
  await write(join(image, serviceAccount, 'token'), token)
  await write(join(image, serviceAccount, 'ca.crt'), plane.ca)
  const { hostname, port } = new URL(plane.server)
  const enter: readonly [string, ...string[]] =
    process.getuid?.() === 0
      ? ['chroot', '--userspec=65532:65532', image]
      : ['unshare', '--map-root-user', `--root=${image}`]
  return {
    command: [...enter, '/usr/local/bin/node'] as const,
    args,
    env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
  }
}

async function tokenOf(signal: AbortSignal, plane: ControlPlane): Promise<string> {
  const args = ['create', 'token', 'tenantry', '-n', systemNamespace]
  return (await plane.run(signal, args)).stdout.trim()
}

/** Two replicas on one machine cannot have the same port. */
function onAnyPort(config: string): string {
  return stringify({ ...parse(config), health: { host: '127.0.0.1', port: 0 } })
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}

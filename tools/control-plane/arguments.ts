// The command lines of the three servers. Admission plugins are those of a default cluster: none is switched off.
// Paths are files of the control plane's directory, written by start.ts.
import { join } from 'node:path'

/** Metadata only: an audit log must not hold what Secrets hold. */
export const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
`

export function etcdArguments(at: {
  readonly directory: string
  readonly port: number
  readonly peerPort: number
  readonly fsync: boolean
}): readonly string[] {
  const file = (name: string): string => join(at.directory, name)
  const url = `https://127.0.0.1:${at.port}`
  const peerUrl = `https://127.0.0.1:${at.peerPort}`
  return [
    `--data-dir=${file('etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    `--cert-file=${file('etcd.crt')}`,
    `--key-file=${file('etcd.key')}`,
    `--trusted-ca-file=${file('ca.crt')}`,
    '--client-cert-auth=true',
    `--peer-cert-file=${file('etcd.crt')}`,
    `--peer-key-file=${file('etcd.key')}`,
    `--peer-trusted-ca-file=${file('ca.crt')}`,
    '--peer-client-cert-auth=true',
    '--log-level=warn',
    ...(at.fsync ? [] : ['--unsafe-no-fsync']),
  ]
}

export function apiserverArguments(at: {
  readonly directory: string
  readonly port: number
  readonly etcdPort: number
  readonly audit: string | undefined
}): readonly string[] {
  const file = (name: string): string => join(at.directory, name)
  return [
    '--bind-address=127.0.0.1',
    `--secure-port=${at.port}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--etcd-servers=https://127.0.0.1:${at.etcdPort}`,
    `--etcd-cafile=${file('ca.crt')}`,
    `--etcd-certfile=${file('etcd-client.crt')}`,
    `--etcd-keyfile=${file('etcd-client.key')}`,
    '--authorization-mode=Node,RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    ...(at.audit === undefined
      ? []
      : [
          `--audit-log-path=${at.audit}`,
          `--audit-policy-file=${file('audit-policy.yaml')}`,
          // In MiB; whoever reads on from where the last look ended must not find another file there.
          '--audit-log-maxsize=1000000',
        ]),
  ]
}

export function controllerManagerArguments(at: {
  readonly directory: string
  readonly port: number
  readonly kubeconfig: string
}): readonly string[] {
  const file = (name: string): string => join(at.directory, name)
  return [
    '--bind-address=127.0.0.1',
    `--secure-port=${at.port}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--kubeconfig=${at.kubeconfig}`,
    `--authentication-kubeconfig=${at.kubeconfig}`,
    `--authorization-kubeconfig=${at.kubeconfig}`,
    `--root-ca-file=${file('ca.crt')}`,
    `--service-account-private-key-file=${file('sa.key')}`,
    '--use-service-account-credentials=true',
    // One replica on one machine: an election would cost two seconds of every start.
    '--leader-elect=false',
  ]
}

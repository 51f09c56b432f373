// Whether a Docker engine answers. Asked before anything else is tried with it, because its clients wait long for one that is not there.
import { runCommand } from './command.ts'

export type Docker =
  { readonly state: 'answers' } | { readonly state: 'silent'; readonly why: string }

const patienceMs = 3_000

export async function findDocker(signal: AbortSignal): Promise<Docker> {
  const args = ['version', '--format', '{{.Server.Version}}']
  const { code } = await runCommand(signal, 'docker', args, { timeoutMs: patienceMs })
  if (code === 0) return { state: 'answers' }
  return { state: 'silent', why: code === 127 ? 'no docker in PATH' : 'no Docker engine answers' }
}

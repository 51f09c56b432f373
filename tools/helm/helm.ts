// Runs Helm with directories of its own, so that plugins and repositories of somebody's shell change nothing.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand, type CommandResult } from '../control-plane/command.ts'

export type HelmOptions = {
  readonly kubeconfig?: string
  /** A failure is returned and not thrown. */
  readonly allowFailure?: boolean
}

export async function runHelm(
  signal: AbortSignal,
  helm: string,
  args: readonly string[],
  { kubeconfig = '/dev/null', allowFailure = false }: HelmOptions = {},
): Promise<CommandResult> {
  const home = await mkdtemp(join(tmpdir(), 'tenantry-helm-'))
  try {
    const result = await runCommand(signal, helm, args, {
      env: {
        KUBECONFIG: kubeconfig,
        HELM_CACHE_HOME: home,
        HELM_CONFIG_HOME: home,
        HELM_DATA_HOME: home,
        HELM_PLUGINS: home,
      },
    })
    if (result.code !== 0 && !allowFailure) {
      throw new Error(`helm ${args.join(' ')} failed: ${result.stderr.trim()}`)
    }
    return result
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

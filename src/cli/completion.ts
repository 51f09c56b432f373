// Completion in shells: each script asks this command itself, so it never knows other commands than there
// are. Customers are completed by asking the cluster, and not at all when that takes longer than a person
// waits. kubectl finds the same behind a file named kubectl_complete-tenantry.

import type { Command } from 'commander'
import { Failure } from './failures.ts'
import { withSession, type Outside } from './session.ts'

const patienceMs = 1_500
/** What kubectl's own completion reads after the words: no file names. */
const noFiles = ':4'

export async function complete(
  program: Command,
  outside: Outside,
  words: readonly string[],
): Promise<string> {
  const begun = words.at(-1) ?? ''
  const { command, taken } = commandAt(program, words.slice(0, -1))
  const found = begun.startsWith('-')
    ? [...command.options, ...program.options].map(({ long }) => long ?? '')
    : command.commands.length > 0
      ? visible(command).map((each) => each.name())
      : await argumentsOf(command, taken, outside)
  const fitting = found.filter((word) => word.startsWith(begun))
  return `${[...new Set(fitting)].join('\n')}\n${noFiles}\n`
}

function commandAt(program: Command, words: readonly string[]) {
  let command = program
  let taken = 0
  for (const word of words) {
    if (word.startsWith('-')) continue
    const next = command.commands.find((each) => each.name() === word)
    if (next) command = next
    else taken += 1
  }
  return { command, taken }
}

function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command)
}

async function argumentsOf(
  command: Command,
  taken: number,
  outside: Outside,
): Promise<readonly string[]> {
  const argument = command.registeredArguments[taken]?.name()
  if (argument === 'shell') return Object.keys(scripts)
  if (argument !== 'customer') return []
  try {
    const signal = AbortSignal.any([outside.signal, AbortSignal.timeout(patienceMs)])
    const options = command.optsWithGlobals()
    return await withSession({ ...outside, signal }, options, async (session) => {
      const { listedCustomers } = await import('./customers.ts')
      return (await listedCustomers(session)).map(({ name }) => name)
    })
  } catch {
    return [] // whoever presses Tab wants no error text in the line
  }
}

const scripts: Readonly<Record<string, string>> = {
  bash: `# Load it with: source <(kubectl-tenantry completion bash)
_kubectl_tenantry() {
  local words
  words=$(kubectl-tenantry __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
  mapfile -t COMPREPLY < <(grep -v '^:4$' <<< "$words")
}
complete -o default -F _kubectl_tenantry kubectl-tenantry
`,
  zsh: `#compdef kubectl-tenantry
# Load it with: source <(kubectl-tenantry completion zsh)
_kubectl_tenantry() {
  local -a found
  found=(\${(f)"$(kubectl-tenantry __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -- \${found:#:4}
}
compdef _kubectl_tenantry kubectl-tenantry
`,
  fish: `# Load it with: kubectl-tenantry completion fish | source
function __kubectl_tenantry
  set -l words (commandline -opc) (commandline -ct)
  kubectl-tenantry __complete -- $words[2..-1] 2>/dev/null | string match -v ':4'
end
complete -c kubectl-tenantry -f -a '(__kubectl_tenantry)'
`,
}

export function completionScript(shell: string): string {
  const script = scripts[shell]
  if (script !== undefined) return script
  throw new Failure('WRONG_USE', `There is no completion for ${shell}: bash, zsh or fish.`)
}

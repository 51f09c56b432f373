// docs/cli, the krew manifest and what the chart ships, against the code: neither says more or less.
import { readdirSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { policyNames } from '../access/policies.ts'
import { exitCodes, failureCatalogue } from './failures.ts'
import { makeProgram } from './program.ts'
import { version } from './version.ts'

const outside = () => {
  throw new Error('nothing is run here')
}
const program = makeProgram({ outside, exitWith: () => {} })
const pages = readdirSync('docs/cli')
  .map((name) => readFileSync(`docs/cli/${name}`, 'utf8'))
  .join('\n')

function commandsUnder(command: Command, path = ''): readonly (readonly [string, string])[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help')
    .flatMap((each): readonly (readonly [string, string])[] => {
      const name = `${path}${each.name()}`
      const inner = commandsUnder(each, `${name} `)
      const ownScope = scopeIn(each)
      return [...(ownScope === undefined ? [] : [[name, ownScope] as const]), ...inner]
    })
}

function scopeIn(command: Command): string | undefined {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return /^Scope: (.*)$/m.exec(text)?.[1]
}

describe('the documentation of the command', () => {
  test.each(commandsUnder(program))(
    'has a section for %s, with its scope (S0-19)',
    (name, scope) => {
      const section = pages.split(/^## /m).find((part) => part.startsWith(`\`${name}\`\n`))
      expect(section?.replaceAll(/\s+/g, ' ')).toContain(`Scope: ${scope}`)
    },
  )

  test('lists the exit codes, and failures have no other', () => {
    for (const [code, means] of Object.entries(exitCodes)) {
      expect(pages).toMatch(
        new RegExp(`^\\| ${code} +\\| ${means.replaceAll(/[()[\].`]/g, '\\$&')} *\\|$`, 'm'),
      )
    }
    const used = new Set(Object.values(failureCatalogue).map(({ exit }) => String(exit)))
    expect([...used].filter((code) => !(code in exitCodes))).toEqual([])
  })
})

test('the version is the one of the package and of the krew manifest', () => {
  const parsed: unknown = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(parsed).toMatchObject({ version, bin: { 'kubectl-tenantry': 'dist/cli/main.js' } })
  expect(readFileSync('krew/tenantry.yaml', 'utf8')).toContain(`version: v${version}`)
})

test('doctor looks for the policies that the chart ships', () => {
  const rendered = readFileSync('charts/rendered/local.yaml', 'utf8')
  const shipped = rendered
    .split(/^---$/m)
    .filter((document) => /^kind: ValidatingAdmissionPolicy$/m.test(document))
    .map((document) => /^ {2}name: (.*)$/m.exec(document)?.[1])
  expect(new Set(shipped)).toEqual(new Set(policyNames))
})

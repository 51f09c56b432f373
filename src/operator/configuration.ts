// Reads the operator's configuration file. Whatever is wrong is told at once and whole: the path of
// each fault, what is wrong with it, and what to write. Nothing starts on half a configuration.

import { readFile } from 'node:fs/promises'
import { Ajv, type ErrorObject } from 'ajv'
import { parse } from 'yaml'
import { configSchema, type OperatorConfig } from '../api/config.ts'

export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

export async function readConfiguration(
  signal: AbortSignal,
  file: string,
): Promise<OperatorConfig> {
  let text: string
  try {
    text = await readFile(file, { encoding: 'utf8', signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw new ConfigurationError(
      `The configuration file ${file} cannot be read. Write it, or name another with --config.`,
      { cause },
    )
  }
  return parseConfiguration(text, file)
}

/** @throws ConfigurationError that lists every fault, one a line */
export function parseConfiguration(text: string, file: string): OperatorConfig {
  const value = parsed(text, file)
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: true, strictRequired: false })
  const validate = ajv.compile<OperatorConfig>(configSchema)
  if (!validate(value)) {
    // What the branches of a oneOf miss is told once, by the oneOf itself.
    const faults = (validate.errors ?? []).filter(({ schemaPath }) => !/oneOf\//.test(schemaPath))
    const lines = [...new Set(faults.map(tell))]
    throw new ConfigurationError(`${file} is not a configuration:\n  ${lines.join('\n  ')}`)
  }
  const twice = repeated(value.databases.servers.map(({ name }) => name))
  if (twice !== undefined) {
    throw new ConfigurationError(
      `${file} is not a configuration:\n  databases.servers: two servers are named ${twice}. Give each a name of its own.`,
    )
  }
  const hook = repeated(value.notifications?.webhooks.map(({ name }) => name) ?? [])
  if (hook !== undefined) {
    throw new ConfigurationError(
      `${file} is not a configuration:\n  notifications.webhooks: two webhooks are named ${hook}. Give each a name of its own.`,
    )
  }
  const { control, servers } = value.databases
  if (control && !servers.some(({ name }) => name === control.server)) {
    throw new ConfigurationError(
      `${file} is not a configuration:\n  databases.control.server: no server is named ${control.server}. Name one of databases.servers.`,
    )
  }
  return value
}

function parsed(text: string, file: string): unknown {
  try {
    return parse(text) ?? {}
  } catch (cause) {
    const where = cause instanceof Error ? cause.message.split('\n')[0] : ''
    throw new ConfigurationError(`${file} is not YAML: ${where}`, { cause })
  }
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, at) => names.indexOf(name) !== at)
}

function tell({ instancePath, keyword, message, params }: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll('/', '.') || 'the file'
  switch (keyword) {
    case 'additionalProperties':
      return `${path}: unknown key ${params['additionalProperty']}. Remove it, or correct its spelling.`
    case 'type':
      return `${path}: must be of type ${params['type']}. Write one.`
    case 'required':
      return `${path}: ${params['missingProperty']} is missing. Add it.`
    case 'enum':
      return `${path}: must be one of ${params['allowedValues']?.join(', ')}.`
    case 'oneOf':
      return `${path}: needs host and user with exactly one of passwordFile and passwordSecret, or a connectionSecret.`
    default:
      return `${path}: ${message ?? 'is wrong'}.`
  }
}

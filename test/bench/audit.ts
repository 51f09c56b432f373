// What the operator asked the API server, from the audit log: read on from where the last look ended, since
// the log of ten thousand customers is too long to read twice. Who asked is told by the user agent.
import { open } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'
import { field, text } from '../support/world.ts'

/** How the others sign their requests; the operator has a name and a version of its own. */
export const agents = {
  driver: 'bench-driver',
  bare: 'bench-bare',
  prober: 'bench-prober',
} as const

const operatorsMark = '"userAgent":"tenantry/'

export type Request = {
  readonly verb: string
  readonly resource: string
  readonly subresource: string
  readonly uri: string
  readonly name: string
  readonly namespace: string
  readonly code: number
  /** When the API server had it, and when it was answered; epoch ms. */
  readonly received: number
  readonly answered: number
}

export type AuditTail = {
  /** What was asked since the last look, in the order of the answers; watches are left out. */
  next(): Promise<readonly Request[]>
}

const settleMs = 300
const chunkBytes = 4 * 2 ** 20

export function tailAudit(file: string): AuditTail {
  let offset = 0
  return {
    async next() {
      await sleep(settleMs) // the log is written after the answer has left
      const found: Request[] = []
      const handle = await open(file)
      const decoder = new StringDecoder('utf8')
      let rest = ''
      try {
        const { size } = await handle.stat()
        if (size < offset)
          throw new Error(`${file} is not the file any more that was read until now.`)
        for (;;) {
          const buffer = Buffer.alloc(chunkBytes)
          const { bytesRead } = await handle.read(buffer, 0, chunkBytes, offset)
          if (bytesRead === 0) break
          offset += bytesRead
          const lines = (rest + decoder.write(buffer.subarray(0, bytesRead))).split('\n')
          rest = lines.pop() ?? ''
          for (const line of lines) if (counts(line)) found.push(requestOf(JSON.parse(line)))
        }
        offset -= Buffer.byteLength(rest) // half a line: the next look reads it whole
      } finally {
        await handle.close()
      }
      return found
    },
  }
}

function counts(line: string): boolean {
  return line.includes(operatorsMark) && !line.includes('"verb":"watch"')
}

function requestOf(line: unknown): Request {
  return {
    verb: text(field(line, 'verb')),
    resource: text(field(line, 'objectRef', 'resource')),
    subresource: text(field(line, 'objectRef', 'subresource')),
    uri: text(field(line, 'requestURI')),
    name: text(field(line, 'objectRef', 'name')),
    namespace: text(field(line, 'objectRef', 'namespace')),
    code: Number(field(line, 'responseStatus', 'code')),
    received: Date.parse(text(field(line, 'requestReceivedTimestamp'))),
    answered: Date.parse(text(field(line, 'stageTimestamp'))),
  }
}

const readVerbs = new Set(['get', 'list'])

export type RequestGroup = 'write' | 'read' | 'conflict' | 'throttled' | 'proof' | 'lease' | 'event'

/** Each request counts once: what it was refused for goes before what it was. */
export function groupOf({ verb, resource, code }: Request): RequestGroup {
  if (resource === 'leases') return 'lease'
  if (code === 409) return 'conflict'
  if (code === 429) return 'throttled'
  if (/^(self)?subject/.test(resource)) return 'proof'
  if (readVerbs.has(verb)) return 'read'
  return resource === 'events' ? 'event' : 'write'
}

/** How often each group came, and each write by verb and resource. */
export function countRequests(requests: readonly Request[]) {
  const groups = new Map<RequestGroup, number>()
  const writes = new Map<string, number>()
  for (const request of requests) {
    const group = groupOf(request)
    groups.set(group, (groups.get(group) ?? 0) + 1)
    if (group !== 'write') continue
    const what = nameOf(request)
    writes.set(what, (writes.get(what) ?? 0) + 1)
  }
  return { groups, writes }
}

export function nameOf({ verb, resource, subresource }: Request): string {
  return `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`
}

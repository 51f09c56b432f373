// A proxy in front of PostgreSQL that counts statements and can end its client at any of them, as kill -9 of the client would:
// while it runs, or after it was carried out and before the answer arrives.
// It reads the wire protocol, so it works without TLS. A dead client's further connections are refused until `revive`.
import { createServer, connect, type Socket } from 'node:net'

export type Moment = 'during' | 'after'

export type StatementProxy = AsyncDisposable & {
  readonly port: number
  /** Statements since `revive`. */
  readonly count: () => number
  /** Text of the statement at which it was cut, or the last one. */
  readonly last: () => string
  readonly isDead: () => boolean
  /** Starts to count anew; with a number the client dies at that statement. */
  revive(cutAt?: number, moment?: Moment): void
}

export async function startStatementProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<StatementProxy> {
  const sockets = new Set<Socket>()
  let statements = 0
  let lastText = ''
  let cutAt = Infinity
  let moment: Moment = 'after'
  let dead = false

  const die = (): void => {
    dead = true
    for (const socket of sockets) socket.destroy()
  }

  const server = createServer((client) => {
    if (dead) {
      client.destroy()
      return
    }
    const upstream = connect(target)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true) // else each statement waits 40 ms for an acknowledgement
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    let dies = false // at the next answer
    let pending: Buffer[] = []
    const fromClient = messages(false, ({ type, bytes }) => {
      pending.push(bytes)
      if (!['Q', 'S', 'p', 'X', ''].includes(type)) return // one statement goes as a whole
      const whole = Buffer.concat(pending)
      pending = []
      if (type === 'Q' || type === 'S') {
        if (dead) return
        statements += 1
        lastText = textOf(whole)
        if (statements === cutAt) {
          if (moment === 'during') {
            upstream.write(whole, die)
            return
          }
          dies = true
        }
      }
      upstream.write(whole)
    })
    const fromServer = messages(true, ({ type, bytes }) => {
      if (!dies) client.write(bytes)
      else if (type === 'Z') die()
    })
    client.on('data', fromClient)
    upstream.on('data', fromServer)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
  return {
    port: address.port,
    count: () => statements,
    last: () => lastText,
    isDead: () => dead,
    revive: (at = Infinity, when = 'after') => {
      die()
      ;[statements, lastText, cutAt, moment, dead] = [0, '', at, when, false]
    },
    [Symbol.asyncDispose]: async () => {
      die()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

type Message = { readonly type: string; readonly bytes: Buffer }

/** Cuts a stream into messages. The client's first one has no type. */
function messages(typed: boolean, emit: (message: Message) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let hasType = typed
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const head = hasType ? 1 : 0
      if (rest.length < head + 4) return
      const length = head + rest.readInt32BE(head)
      if (rest.length < length) return
      const type = hasType ? String.fromCharCode(rest.readUInt8(0)) : ''
      const bytes = rest.subarray(0, length)
      rest = rest.subarray(length)
      hasType = true
      emit({ type, bytes })
    }
  }
}

function textOf(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 120)
}

// A wire between a client and a server that can be cut: what goes over it stays encrypted, so it is the
// network that fails and nothing else.
import { connect, createServer, type Socket } from 'node:net'

export type SeveredWire = AsyncDisposable & {
  readonly port: number
  /** Every connection breaks now, and no other comes about until `mend`. */
  cut(): void
  mend(): void
}

export async function startWire(port: number): Promise<SeveredWire> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {}) // its end is told by `close`
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cut,
    mend() {
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

// A connection as somebody else, like kubectl's --as: the server decides whether the one may act as the other.
import type { Connection } from './connection.ts'

export function actingAs(connection: Connection, user: string): Connection {
  return {
    server: connection.server,
    get agent() {
      return connection.agent
    },
    headers: async (signal) => ({
      ...(await connection.headers(signal)),
      'impersonate-user': user,
    }),
    renew: (signal) => connection.renew(signal),
    distrust: () => connection.distrust(),
    stop: () => connection.stop(),
  }
}

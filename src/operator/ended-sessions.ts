// At the end of a window every replica asks each PostgreSQL server once to end whoever is in a database past the time of the
// login, so that many ends at one moment are one statement and do not wait for each customer's run. Holds NO-LATE.
// The runs prove it, and catch whoever came in just then.

export type EndedSessionsOptions = {
  readonly servers: readonly string[]
  /** @returns how many sessions there were */
  readonly endExpired: (signal: AbortSignal, server: string) => Promise<number>
  readonly onEnded: (server: string, sessions: number) => void
  /** The customers' runs try again, and their status says so. */
  readonly onFailure: (server: string, error: unknown) => void
}

/** @returns what is called at each end; any number of calls while a server is asked are one more question */
export function endedSessions(signal: AbortSignal, options: EndedSessionsOptions): () => void {
  const ends = options.servers.map((server) => {
    let state: 'idle' | 'asks' | 'asksAgain' = 'idle'
    return async (): Promise<void> => {
      if (state !== 'idle') {
        state = 'asksAgain'
        return
      }
      do {
        state = 'asks'
        await endOn(signal, server, options)
      } while (wasAskedAgain())
      state = 'idle'
    }
    function wasAskedAgain(): boolean {
      return state === 'asksAgain' && !signal.aborted
    }
  })
  return () => {
    for (const end of ends) void end()
  }
}

async function endOn(
  signal: AbortSignal,
  server: string,
  { endExpired, onEnded, onFailure }: EndedSessionsOptions,
): Promise<void> {
  try {
    const sessions = await endExpired(signal, server)
    if (sessions > 0) onEnded(server, sessions)
  } catch (error) {
    if (!signal.aborted) onFailure(server, error)
  }
}

// Ctrl-C and its like as one AbortSignal, so that everything that was started is stopped in order.

export function untilAsked(): AbortSignal {
  const asked = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // `on`, not `once`: the terminal and npm may both deliver it, and the second must not kill us.
    process.on(name, () => asked.abort(new Error(`Stopped by ${name}.`)))
  }
  return asked.signal
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
    // Waiting for a signal alone does not keep Node running.
    const alive = setInterval(() => {}, 60_000)
    signal.addEventListener('abort', () => clearInterval(alive), { once: true })
  })
}

// The one timer that queues and deadlines sleep on, as something that a test can bring itself.

export type Timer = { readonly clear: () => void }
export type SetTimer = (run: () => void, ms: number) => Timer

export const setTimer: SetTimer = (run, ms) => {
  const timer = setTimeout(run, ms)
  return { clear: () => clearTimeout(timer) }
}

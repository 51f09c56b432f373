// Order of resourceVersions. Kubernetes promises since 1.35 (KEP-5504) what has always held on
// etcd: within one kind they are decimal numbers that grow. They may exceed 2^53, so they are
// compared as text: by length, then digit by digit.

const decimal = /^(0|[1-9]\d*)$/

/** Below 0: `a` is older. `undefined`: no order is known, and the server's latest word counts. */
export function compareVersions(a: string | undefined, b: string | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined
  if (a === b) return 0
  if (!decimal.test(a) || !decimal.test(b)) return undefined
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : 1
}

export function isOlder(a: string | undefined, b: string | undefined): boolean {
  const order = compareVersions(a, b)
  return order !== undefined && order < 0
}

/** What was told up to `version` includes it. */
export function isWithin(a: string | undefined, version: string | undefined): boolean {
  const order = compareVersions(a, version)
  return order !== undefined && order <= 0
}

export function isNewer(a: string | undefined, b: string | undefined): boolean {
  return isOlder(b, a)
}

// All errors of the domain. docs/reference/errors.md comes from here; a test fails both ways.
// A text says what happened and ends with the next step; `options.cause` stays a cause.

type CatalogueEntry = {
  readonly says: (what: string) => string
  readonly next: string
  readonly retry: 'backoff' | 'never'
  readonly reason: string
}

export const errorCatalogue = {
  SERVER_UNREACHABLE: {
    says: (server) => `PostgreSQL server ${server} does not answer`,
    next: 'Check the server, then the network policy.',
    retry: 'backoff',
    reason: 'DatabaseServerUnreachable',
  },
  SERVER_REFUSES_LOGIN: {
    says: (server) => `PostgreSQL server ${server} refuses the operator's login`,
    next: 'Check user and password in the Secret or file that the configuration names for this server.',
    retry: 'backoff',
    reason: 'DatabaseServerRefusesLogin',
  },
  SERVER_UNSUITABLE: {
    says: (what) => `PostgreSQL server ${what} cannot hold customers`,
    next: 'Use PostgreSQL 16 or newer and an administrator with CREATEDB and CREATEROLE.',
    retry: 'backoff',
    reason: 'DatabaseServerUnsuitable',
  },
  DATABASE_FOREIGN: {
    says: (name) => `Database ${name} exists and does not carry the mark of this customer`,
    next: "Nothing was touched. Rename or remove it, if it is nobody's; then this goes on by itself.",
    retry: 'backoff',
    reason: 'DatabaseNotOurs',
  },
  ROLE_FOREIGN: {
    says: (name) => `Role ${name} exists and does not carry the mark of this customer`,
    next: "Nothing was touched. Rename or remove it, if it is nobody's; then this goes on by itself.",
    retry: 'backoff',
    reason: 'RoleNotOurs',
  },
  EXTENSION_NOT_ALLOWED: {
    says: (name) => `Extension ${name} is not on the operator's list of allowed extensions`,
    next: 'Ask the platform to add it to databases.allowedExtensions, or leave it out.',
    retry: 'backoff',
    reason: 'ExtensionNotAllowed',
  },
  DATABASE_FAILED: {
    says: (what) => `PostgreSQL refused a step: ${what}`,
    next: 'The operator tries again; if it stays, look at the log of the PostgreSQL server.',
    retry: 'backoff',
    reason: 'DatabaseFailed',
  },
  IMPOSSIBLE_VALUE: {
    says: (value) => `The types rule this value out: ${value}`,
    next: 'CRDs and operator differ: upgrade the chart as a whole.',
    retry: 'never',
    reason: 'InternalError',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof errorCatalogue

export class TenantryError extends Error {
  override readonly name = 'TenantryError'
  readonly code: ErrorCode
  constructor(code: ErrorCode, what: string, options?: ErrorOptions) {
    super(`${errorCatalogue[code].says(what)}. ${errorCatalogue[code].next}`, options)
    this.code = code
  }

  get reason(): string {
    return errorCatalogue[this.code].reason
  }
}

/** Ends a switch over a union: fails the build when a case is missing; at run time it throws. */
export function unreachable(value: never): never {
  throw new TenantryError('IMPOSSIBLE_VALUE', JSON.stringify(value))
}

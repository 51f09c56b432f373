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
  SERVER_PASSWORD_UNREADABLE: {
    says: (server) => `The operator cannot read its password for PostgreSQL server ${server}`,
    next: 'Check the Secret or file that the configuration names for this server.',
    retry: 'backoff',
    reason: 'DatabaseServerRefusesLogin',
  },
  SERVER_UNTRUSTED: {
    says: (server) => `PostgreSQL server ${server} does not prove that it is the one configured`,
    next: 'Check its certificate, its host name, and the CA that the configuration names for it.',
    retry: 'backoff',
    reason: 'DatabaseServerUntrusted',
  },
  SERVER_CROWDED: {
    says: (server) => `PostgreSQL server ${server} has no free connection`,
    next: 'Raise max_connections, or lower the connection limits of the customers on it.',
    retry: 'backoff',
    reason: 'DatabaseServerCrowded',
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
    retry: 'never',
    reason: 'ExtensionNotAllowed',
  },
  EXTENSION_UNAVAILABLE: {
    says: (name) => `Extension ${name} is not installed on the PostgreSQL server`,
    next: 'Ask the platform to install its files on the server, or leave it out.',
    retry: 'backoff',
    reason: 'ExtensionUnavailable',
  },
  SCHEMA_FOREIGN: {
    says: (name) => `Schema ${name}, into which extensions go, belongs to the customer`,
    next: "Nothing was touched. The customer's administrators rename it; then this goes on by itself.",
    retry: 'backoff',
    reason: 'SchemaNotOurs',
  },
  DEVICE_SCHEMA_FOREIGN: {
    says: (name) => `Schema ${name}, in which devices are shown, belongs to the customer`,
    next: "Nothing was touched. The customer's administrators rename it; then this goes on by itself.",
    retry: 'backoff',
    reason: 'SchemaNotOurs',
  },
  OPERATOR_LACKS_RIGHTS: {
    says: (what) => `The operator's role may not do this: ${what}`,
    next: 'Give it CREATEDB, CREATEROLE and ADMIN OPTION on the roles that begin with t_ and tenantry_; an extension may need a superuser.',
    retry: 'backoff',
    reason: 'DatabaseRightsMissing',
  },
  DATABASE_CROWDED: {
    says: (what) =>
      `The customer uses all connections of its database, and the operator needs one: ${what}`,
    next: 'Raise spec.database.connectionLimit, or end sessions; then this goes on by itself.',
    retry: 'backoff',
    reason: 'DatabaseCrowded',
  },
  DATABASE_LOCKED: {
    says: (what) => `Somebody's transaction holds a lock that the operator waits for: ${what}`,
    next: 'End the long transaction in the database; the operator tries again.',
    retry: 'backoff',
    reason: 'DatabaseLocked',
  },
  DATABASE_BROKEN: {
    says: (name) => `Database ${name} is invalid: somebody began to drop it and was interrupted`,
    next: 'Nothing was touched. Restore it from a backup, or finish the DROP DATABASE; then the operator makes a new one.',
    retry: 'backoff',
    reason: 'DatabaseNotOurs',
  },
  DATABASE_FAILED: {
    says: (what) => `PostgreSQL refused a step: ${what}`,
    next: 'The operator tries again; if it stays, look at the log of the PostgreSQL server.',
    retry: 'backoff',
    reason: 'DatabaseFailed',
  },
  SERVER_UNKNOWN: {
    says: (server) => `PostgreSQL server ${server} is not in the operator's configuration`,
    next: 'Put it back under databases.servers: customers whose databases it holds are recorded with it.',
    retry: 'never',
    reason: 'DatabaseServerUnreachable',
  },
  NO_SERVER: {
    says: (customer) => `No PostgreSQL server is configured for ${customer}`,
    next: "Add one to the operator's configuration, or set spec.database.enabled to false.",
    retry: 'never',
    reason: 'NoDatabaseServer',
  },
  SERVER_FULL: {
    says: (pool) => `No PostgreSQL server of pool ${pool} has room for another database`,
    next: 'Add a server to the pool, or raise maxDatabases of one.',
    retry: 'backoff',
    reason: 'DatabaseServerFull',
  },
  POOL_UNKNOWN: {
    says: (pool) => `No PostgreSQL server belongs to pool ${pool}`,
    next: 'Correct spec.database.pool, or add the pool to a server in the configuration.',
    retry: 'never',
    reason: 'DatabasePoolUnknown',
  },
  CONTROL_SILENT: {
    says: (what) => `The control database did not answer in time about ${what}`,
    next: 'Check the server that databases.control names, then the network policy.',
    retry: 'backoff',
    reason: 'DatabaseServerUnreachable',
  },
  CONTROL_SCHEMA_NEWER: {
    says: (version) =>
      `The control database has schema version ${version}, which this operator does not know`,
    next: 'A newer operator made it. Run that version, or restore the control database from before its upgrade.',
    retry: 'backoff',
    reason: 'ControlDatabaseNewer',
  },
  DATABASE_REOPENED: {
    says: (name) => `Database ${name} is to be dropped, and somebody has opened it again`,
    next: 'Nothing was dropped. Close it by ALLOW_CONNECTIONS false, or set drop_after to NULL in tenantry.retained of the control database.',
    retry: 'backoff',
    reason: 'DatabaseNotOurs',
  },
  RETAINED_EXISTS: {
    says: (what) => `The database of an earlier customer of this name was retained: ${what}`,
    next: 'Set spec.database.restoreFrom to that id to have it back, or to none for a new one.',
    retry: 'never',
    reason: 'RetainedDatabaseExists',
  },
  RETAINED_UNKNOWN: {
    says: (what) => `There is no retained database ${what}`,
    next: 'Correct spec.database.restoreFrom, or set it to none for a new database.',
    retry: 'never',
    reason: 'RetainedDatabaseUnknown',
  },
  RETAINED_IN_USE: {
    says: (id) => `Database ${id} is due to be dropped, and its customer exists`,
    next: 'Nothing was dropped. Set state to Restored in tenantry.retained of the control database.',
    retry: 'backoff',
    reason: 'DatabaseNotOurs',
  },
  SECRET_FOREIGN: {
    says: (name) => `Secret ${name} exists and was not made by the operator`,
    next: 'Nothing was touched. Rename or remove it; then this goes on by itself.',
    retry: 'backoff',
    reason: 'SecretNotOurs',
  },
  ROLE_NOT_OURS: {
    says: (name) => `Role ${name} exists and was not made by the operator`,
    next: 'Nothing was touched. Rename or remove it; then this goes on by itself.',
    retry: 'backoff',
    reason: 'SecretNotOurs',
  },
  SECRET_EDITED: {
    says: (name) => `Secret ${name} was changed and has no usable username and password`,
    next: 'Delete it: the operator writes a new one with a new password.',
    retry: 'backoff',
    reason: 'SecretNotOurs',
  },
  MAIL_SERVER_UNREACHABLE: {
    says: (what) => `The mail server does not take a message: ${what}`,
    next: 'Check notifications.smtp of the configuration, the network policy, then the mail server.',
    retry: 'backoff',
    reason: 'NotificationFailed',
  },
  MAIL_REFUSED: {
    says: (answer) => `The mail server refuses the address or the message: ${answer}`,
    next: 'Correct spec.contact.email, or ask who runs the mail server.',
    retry: 'never',
    reason: 'NotificationFailed',
  },
  WEBHOOK_FAILED: {
    says: (what) => `Webhook ${what}`,
    next: 'Check its receiver, then notifications.webhooks of the configuration.',
    retry: 'backoff',
    reason: 'NotificationFailed',
  },
  NOTIFICATION_SECRET_UNREADABLE: {
    says: (what) => `The operator cannot use the secret file of ${what}`,
    next: 'Mount the file that the configuration names. For a webhook it holds the output of: openssl rand -base64 32.',
    retry: 'backoff',
    reason: 'NotificationFailed',
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

  /** False: trying again cannot help, only a change can. */
  get retries(): boolean {
    return errorCatalogue[this.code].retry === 'backoff'
  }
}

/** Ends a switch over a union: fails the build when a case is missing; at run time it throws. */
export function unreachable(value: never): never {
  throw new TenantryError('IMPOSSIBLE_VALUE', JSON.stringify(value))
}

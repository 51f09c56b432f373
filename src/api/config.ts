// The operator's configuration file: its type and the schema that ajv checks it with.
// Reading it is src/configuration.ts; here nothing happens.

export type ServerConfig = {
  readonly name: string
  /** Address and user, unless `connectionSecret` says them. */
  readonly host?: string
  readonly port: number
  readonly user?: string
  /** A Secret with the keys host, port, username and password, as CloudNativePG makes it; read anew when a login fails. */
  readonly connectionSecret?: { readonly namespace: string; readonly name: string }
  /** A file with the password and nothing else, or a Secret. */
  readonly passwordFile?: string
  readonly passwordSecret?: {
    readonly namespace: string
    readonly name: string
    readonly key: string
  }
  /** PEM file of the CA that signed the server's certificate. Left out: no TLS. */
  readonly caFile?: string
  readonly pools: readonly string[]
  readonly maxDatabases: number
  /** What customers' Secrets say instead of host and port. */
  readonly advertise?: { readonly host: string; readonly port: number }
}

export type SmtpConfig = {
  readonly host: string
  readonly port: number
  /** With a user the connection is always encrypted. */
  readonly user?: string
  /** A file with the password and nothing else. */
  readonly passwordFile?: string
  /** The sender's address. */
  readonly from: string
  /** PEM file of the CA that signed the server's certificate. Default: those that Node knows. */
  readonly caFile?: string
}

export type WebhookConfig = {
  /** How conditions, log and metrics speak of it: they never say the URL. */
  readonly name: string
  readonly url: string
  /** A file with the key of the signature in base64, at least 24 bytes. */
  readonly secretFile: string
  readonly caFile?: string
}

export type NotificationsConfig = {
  /** Where a customer's people begin; `{customer}` is filled in. */
  readonly portalURL: string
  readonly smtp?: SmtpConfig
  /** Address of the platform team: it gets what only it can mend. */
  readonly platformEmail?: string
  readonly webhooks: readonly WebhookConfig[]
  /** How long a message is tried again, in seconds. */
  readonly giveUpSeconds: number
}

export type OperatorConfig = {
  readonly namespace: string
  /** Lease name; replicas with the same one elect one leader. Further shards have -1, -2 … behind it. */
  readonly lease: string
  /** How long others wait for a leader that is silent, in seconds. */
  readonly leaseSeconds: number
  /** Into how many parts the organizations are cut: as many replicas work at once. With 1 a single one leads. */
  readonly sharding: { readonly shards: number }
  readonly health: { readonly host: string; readonly port: number }
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' }
  readonly workers: number
  /** Where people sign in, `{customer}` and `{partner}` are filled in. Left out: no sign-in URL. */
  readonly signInURL?: string
  /** Who is told what, and how. Left out: nobody is told anything. */
  readonly notifications?: NotificationsConfig
  /** How many customers one organization may create by CustomerLinks. */
  readonly links: { readonly maxCustomers: number }
  readonly databases: {
    readonly servers: readonly ServerConfig[]
    readonly allowedExtensions: readonly string[]
    /** The server with the control database: audit, ledger, retained databases, devices. Left out: none. */
    readonly control?: { readonly server: string }
    /** How many databases stand ready on each server before a customer comes. */
    readonly warmPool: number
    /** How long an application's old password goes on working after a rotation, in seconds. */
    readonly rotationGraceSeconds: number
    /** How often each server is looked at for what was changed by hand, in seconds. */
    readonly checkSeconds: number
  }
}

const dnsLabel = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' }
const port = { type: 'integer', minimum: 0, maximum: 65_535 }
/** One address and nothing else, as it may stand in a header. */
const email = { type: 'string', maxLength: 254, pattern: '^[^@\\s,;<>"]+@[^@\\s,;<>"]+$' }
const host = { type: 'string', minLength: 1, maxLength: 253 }

/** JSON Schema (draft 7); defaults are filled in while validating. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    namespace: { ...dnsLabel, default: 'tenantry-system' },
    lease: { ...dnsLabel, default: 'tenantry' },
    leaseSeconds: { type: 'integer', minimum: 3, maximum: 120, default: 15 },
    sharding: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: { shards: { type: 'integer', minimum: 1, maximum: 16, default: 1 } },
    },
    health: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        host: { ...host, default: '0.0.0.0' },
        port: { ...port, default: 8080 },
      },
    },
    log: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        level: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
      },
    },
    workers: { type: 'integer', minimum: 1, maximum: 64, default: 8 },
    signInURL: { type: 'string', pattern: '^https://', maxLength: 2048 },
    notifications: {
      type: 'object',
      additionalProperties: false,
      required: ['portalURL'],
      properties: {
        portalURL: { type: 'string', pattern: '^https://', maxLength: 2048 },
        platformEmail: email,
        giveUpSeconds: { type: 'integer', minimum: 1, maximum: 604_800, default: 86_400 },
        smtp: {
          type: 'object',
          additionalProperties: false,
          required: ['host', 'from'],
          dependencies: { user: ['passwordFile'], passwordFile: ['user'] },
          properties: {
            host,
            port: { ...port, minimum: 1, default: 587 },
            user: { type: 'string', minLength: 1, maxLength: 254 },
            passwordFile: { type: 'string', minLength: 1 },
            from: email,
            caFile: { type: 'string', minLength: 1 },
          },
        },
        webhooks: {
          type: 'array',
          maxItems: 5,
          default: [],
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'url', 'secretFile'],
            properties: {
              name: dnsLabel,
              url: { type: 'string', pattern: '^https?://', maxLength: 2048 },
              secretFile: { type: 'string', minLength: 1 },
              caFile: { type: 'string', minLength: 1 },
            },
          },
        },
      },
    },
    links: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        maxCustomers: { type: 'integer', minimum: 0, maximum: 100_000, default: 1000 },
      },
    },
    databases: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        allowedExtensions: {
          type: 'array',
          maxItems: 100,
          items: { type: 'string', pattern: '^[a-z][a-z0-9_-]{0,62}$' },
          default: [],
        },
        control: {
          type: 'object',
          additionalProperties: false,
          required: ['server'],
          properties: { server: dnsLabel },
        },
        warmPool: { type: 'integer', minimum: 0, maximum: 1000, default: 0 },
        rotationGraceSeconds: { type: 'integer', minimum: 0, maximum: 604_800, default: 300 },
        checkSeconds: { type: 'integer', minimum: 1, maximum: 86_400, default: 60 },
        servers: {
          type: 'array',
          maxItems: 100,
          default: [],
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name'],
            oneOf: [
              { required: ['host', 'user', 'passwordFile'] },
              { required: ['host', 'user', 'passwordSecret'] },
              { required: ['connectionSecret'] },
            ],
            properties: {
              name: dnsLabel,
              host,
              port: { ...port, minimum: 1, default: 5432 },
              user: { type: 'string', minLength: 1, maxLength: 63 },
              connectionSecret: {
                type: 'object',
                additionalProperties: false,
                required: ['namespace', 'name'],
                properties: {
                  namespace: dnsLabel,
                  name: { type: 'string', minLength: 1, maxLength: 253 },
                },
              },
              passwordFile: { type: 'string', minLength: 1 },
              passwordSecret: {
                type: 'object',
                additionalProperties: false,
                required: ['namespace', 'name', 'key'],
                properties: {
                  namespace: dnsLabel,
                  name: { type: 'string', minLength: 1, maxLength: 253 },
                  key: { type: 'string', minLength: 1, maxLength: 253 },
                },
              },
              caFile: { type: 'string', minLength: 1 },
              pools: {
                type: 'array',
                minItems: 1,
                maxItems: 20,
                items: dnsLabel,
                default: ['default'],
              },
              maxDatabases: { type: 'integer', minimum: 1, maximum: 100_000, default: 1000 },
              advertise: {
                type: 'object',
                additionalProperties: false,
                required: ['host', 'port'],
                properties: { host, port },
              },
            },
          },
        },
      },
    },
  },
} as const

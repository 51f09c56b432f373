// The operator's configuration file: its type and the schema that ajv checks it with.
// Reading it is src/configuration.ts; here nothing happens.

export type ServerConfig = {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly user: string
  /** A file with the password and nothing else, or a Secret; one of the two. */
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

export type OperatorConfig = {
  readonly namespace: string
  /** Lease name; replicas with the same one elect one leader. */
  readonly lease: string
  /** How long others wait for a leader that is silent, in seconds. */
  readonly leaseSeconds: number
  readonly health: { readonly host: string; readonly port: number }
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' }
  readonly workers: number
  /** Where people sign in, `{customer}` and `{partner}` are filled in. Left out: no sign-in URL. */
  readonly signInURL?: string
  readonly databases: {
    readonly servers: readonly ServerConfig[]
    readonly allowedExtensions: readonly string[]
    /** How often each server is looked at for what was changed by hand, in seconds. */
    readonly checkSeconds: number
  }
}

const dnsLabel = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' }
const port = { type: 'integer', minimum: 0, maximum: 65_535 }
const host = { type: 'string', minLength: 1, maxLength: 253 }

/** JSON Schema (draft 7); defaults are filled in while validating. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    namespace: { ...dnsLabel, default: 'tenantry-system' },
    lease: { ...dnsLabel, default: 'tenantry' },
    leaseSeconds: { type: 'integer', minimum: 3, maximum: 120, default: 15 },
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
        checkSeconds: { type: 'integer', minimum: 1, maximum: 86_400, default: 60 },
        servers: {
          type: 'array',
          maxItems: 100,
          default: [],
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'host', 'user'],
            oneOf: [{ required: ['passwordFile'] }, { required: ['passwordSecret'] }],
            properties: {
              name: dnsLabel,
              host,
              port: { ...port, minimum: 1, default: 5432 },
              user: { type: 'string', minLength: 1, maxLength: 63 },
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

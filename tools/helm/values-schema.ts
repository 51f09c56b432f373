// What values the chart takes. The part `config` is the operator's own schema, so that a wrong configuration is refused by
// `helm install` and not by a pod that does not start.
import { configSchema } from '../../src/api/config.ts'

const { namespace: _namespace, lease: _lease, health: _health, ...config } = configSchema.properties

const text = { type: 'string' }
const flag = { type: 'boolean' }
const texts = { type: 'object', additionalProperties: text }
const objects = { type: 'array', items: { type: 'object' } }
const port = { type: 'integer', minimum: 1, maximum: 65_535 }
const file = { type: 'string', pattern: '^[A-Za-z0-9._-]+$' }

/** Only these keys; whatever else is a spelling mistake. */
function only(properties: Readonly<Record<string, object>>, required?: readonly string[]): object {
  return {
    type: 'object',
    additionalProperties: false,
    properties,
    ...(required !== undefined && { required }),
  }
}

const mounted = {
  ...only({ file, secret: text, configMap: text, key: file }, ['file', 'key']),
  oneOf: [{ required: ['secret'] }, { required: ['configMap'] }],
}

export const valuesSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Values of the chart tenantry',
  $comment: 'Written by `npm run generate` from tools/helm/values-schema.ts and src/api/config.ts.',
  ...only({
    // Helm passes it to every chart that is a part of another one.
    global: { type: 'object' },
    crds: only({ enabled: flag, keep: flag }),
    access: only({ keep: flag }),
    replicas: { type: 'integer', minimum: 0, maximum: 10 },
    image: only({
      repository: { type: 'string', minLength: 1 },
      tag: text,
      digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
      pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
      pullSecrets: { type: 'array', items: text },
    }),
    config: { type: 'object', additionalProperties: false, properties: config },
    files: { type: 'array', maxItems: 100, items: mounted },
    serviceAccount: only({ annotations: texts }),
    resources: { type: 'object' },
    nodePermissions: flag,
    terminationGracePeriodSeconds: { type: 'integer', minimum: 30 },
    priorityClassName: text,
    podAnnotations: texts,
    podLabels: texts,
    nodeSelector: texts,
    tolerations: objects,
    affinity: { type: 'object' },
    topologySpreadConstraints: objects,
    podDisruptionBudget: only({ enabled: flag }),
    networkPolicy: only({
      enabled: flag,
      apiServer: only({
        ports: { type: 'array', minItems: 1, items: port },
        cidrs: { type: 'array', items: text },
      }),
      metricsFrom: objects,
      extraEgress: objects,
    }),
    priority: only({ enabled: flag }),
    metrics: only({
      serviceMonitor: only({
        enabled: flag,
        interval: { type: 'string', pattern: '^[0-9]+(s|m)$' },
        labels: texts,
      }),
      rules: only({ enabled: flag, labels: texts, runbookURL: text }),
      dashboards: only({ enabled: flag, labels: texts }),
    }),
  }),
}

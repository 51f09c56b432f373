// Asks again and again, as fast as answers come, whether a person may enter; keeps every answer with
// its time. What counts is what the API server says, and when.
import { connect } from './api-server.ts'
import { field } from './world.ts'

export type Sample = { readonly at: number; readonly allowed: boolean }

export type Prober = {
  readonly samples: readonly Sample[]
  /** When the API server last said yes, epoch ms; `undefined`: never. */
  lastYes(): number | undefined
  firstYes(): number | undefined
  stop(): Promise<void>
}

/** Real requests as that person, by impersonation: authentication, authorization and all. */
export function startProber(
  kubeconfig: string,
  person: string,
  namespace: string,
  everyMs = 2,
): Prober {
  const server = connect(kubeconfig)
  const samples: Sample[] = []
  const stopping = new AbortController()
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const asked = Date.now()
      const { body } = await server.ask(
        'POST',
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: person,
            groups: ['system:authenticated'],
            resourceAttributes: { namespace, verb: 'get', resource: 'pods' },
          },
        },
      )
      // A yes is dated when it was asked, so that one on its way is not taken for one given too late; a no when it was answered.
      const allowed = field(body, 'status', 'allowed') === true
      samples.push({ at: allowed ? asked : Date.now(), allowed })
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  })()
  work.catch(() => {}) // told by stop; a test that failed before it must not end the run
  return {
    samples,
    lastYes: () => samples.findLast(({ allowed }) => allowed)?.at,
    firstYes: () => samples.find(({ allowed }) => allowed)?.at,
    async stop() {
      stopping.abort()
      await work
      server[Symbol.dispose]()
    },
  }
}

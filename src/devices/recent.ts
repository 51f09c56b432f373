// The last few assignments as the API server told them, with their lists: a run that begins at once need not ask for its own again.
// A thousand devices are some 150 kB, so it is only a few.

import type { DeviceAssignment } from '../api/kinds.generated.ts'
import { keyOf, type ObjectRef } from '../runtime/index.ts'

type Version = { readonly metadata: ObjectRef & { readonly resourceVersion?: string } }

export class RecentAssignments {
  readonly #most: number
  /** By key, the oldest first. */
  readonly #objects = new Map<string, DeviceAssignment>()

  constructor(most = 8) {
    this.#most = most
  }

  keep(object: DeviceAssignment): void {
    const key = keyOf(object.metadata)
    this.#objects.delete(key)
    this.#objects.set(key, object)
    const [oldest] = this.#objects.keys()
    if (this.#objects.size > this.#most && oldest !== undefined) this.#objects.delete(oldest)
  }

  /** Once, and only of the very version that the caller knows of. */
  take({ metadata }: Version): DeviceAssignment | undefined {
    const key = keyOf(metadata)
    const found = this.#objects.get(key)
    this.#objects.delete(key)
    const { resourceVersion } = metadata
    const isThis =
      resourceVersion !== undefined && found?.metadata.resourceVersion === resourceVersion
    return isThis ? found : undefined
  }
}

// Brings crds/ into a control plane and waits until every kind is served.
import type { ControlPlane } from '../../tools/control-plane/start.ts'

export async function applyCrds(signal: AbortSignal, plane: ControlPlane): Promise<void> {
  await plane.run(signal, ['apply', '--server-side', '-f', 'crds'])
  await plane.run(signal, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'])
}

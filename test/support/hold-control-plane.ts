// A process of its own that starts a control plane, says what it holds, and waits to be killed.
import { startControlPlane } from '../../tools/control-plane/start.ts'

const plane = await startControlPlane(new AbortController().signal)
console.log(JSON.stringify({ pids: Object.values(plane.pids), directory: plane.directory }))
setInterval(() => {}, 60_000)

// A process of its own that takes part in an election: run-elector.ts KUBECONFIG LEASE IDENTITY. Every
// 10 ms it looks whether it leads and, as long as it does, says since when and until when, one line
// of JSON per look; SIGTERM ends it in good order.
import { writeSync } from 'node:fs'
import { Client, Elector, connectKubeconfig } from '../../src/runtime/index.ts'

const [kubeconfig = '', name = '', identity = ''] = process.argv.slice(2)
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())

const connection = await connectKubeconfig(stopping.signal, kubeconfig)
const elector = new Elector({
  client: new Client(connection, { userAgent: identity }),
  namespace: 'default',
  name,
  identity,
})
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`)
const look = setInterval(() => {
  const at = Date.now() // before the question: a pause between both must not count as leading
  if (elector.leads()) say({ at })
}, 10)
say({ started: identity })
await elector.run(stopping.signal)
clearInterval(look)
await connection.stop()

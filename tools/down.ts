// `npm run down`: ends what `npm run up` has started.
import { setTimeout as sleep } from 'node:timers/promises'
import { clear, holder } from './local/directory.ts'

const pid = holder()
if (pid === undefined) console.log('Nothing is up.')
else {
  process.kill(pid, 'SIGTERM')
  for (let tries = 0; holder() !== undefined && tries < 400; tries += 1) await sleep(50)
  console.log(holder() === undefined ? 'Down.' : `Process ${pid} does not end. Look at .local/.`)
}
if (holder() === undefined) await clear()

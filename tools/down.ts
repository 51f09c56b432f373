// `npm run down`: ends what `npm run up` has started.
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { clear, keeperFile } from './local/directory.ts'

if (!existsSync(keeperFile)) console.log('Nothing is up.')
else {
  const pid = Number(readFileSync(keeperFile, 'utf8'))
  if (isAlive(pid)) process.kill(pid, 'SIGTERM')
  for (let tries = 0; isAlive(pid) && tries < 200; tries += 1) await sleep(50)
  await clear()
  console.log('Down.')
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

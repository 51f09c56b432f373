// SCRAM-SHA-256 verifiers, computed here so that no password is in the text of a statement (RFC 5802, RFC 7677).
// Only ASCII passwords: SASLprep leaves them as they are.
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)
const iterations = 4096 // PostgreSQL's scram_iterations
// A login may store a verifier of its own making; one with two thousand million iterations would occupy the operator for an hour.
const mostIterations = 100_000

/** What PostgreSQL stores: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. */
export async function scramVerifier(password: string, salt = randomBytes(16)): Promise<string> {
  const keys = await keysOf(password, salt, iterations)
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${keys.stored}:${keys.server}`
}

/** Whether the stored verifier is of this password. */
export async function verifierFits(verifier: string, password: string): Promise<boolean> {
  const found = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier)
  const [, count, salt, stored] = found ?? []
  if (count === undefined || salt === undefined || stored === undefined) return false
  if (Number(count) < 1 || Number(count) > mostIterations) return false
  const keys = await keysOf(password, Buffer.from(salt, 'base64'), Number(count))
  const [mine, theirs] = [Buffer.from(keys.stored), Buffer.from(stored)]
  return mine.length === theirs.length && timingSafeEqual(mine, theirs)
}

async function keysOf(password: string, salt: Buffer, count: number) {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new RangeError('A password must be printable ASCII.')
  const salted = await derive(password, salt, count, 32, 'sha256')
  const client = createHmac('sha256', salted).update('Client Key').digest()
  return {
    stored: createHash('sha256').update(client).digest('base64'),
    server: createHmac('sha256', salted).update('Server Key').digest('base64'),
  }
}

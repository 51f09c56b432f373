// Passwords of application logins.
import { randomBytes } from 'node:crypto'

/** 32 characters, 192 random bits, safe in a URI without escaping. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

// What a failed step in PostgreSQL is called in a condition, whatever kind it was for.

import { TenantryError } from './errors.ts'
import { reasonCatalogue, type Reason, type Verdict } from './reasons.ts'

/** The text of an unexpected error stays in the log: it may quote what nobody should read here. */
export function verdictOf(cause: unknown): Verdict {
  if (cause instanceof TenantryError) {
    return {
      reason: isReason(cause.reason) ? cause.reason : 'InternalError',
      message: cause.message,
    }
  }
  return {
    reason: 'InternalError',
    message:
      'A step of the database failed unexpectedly. The operator tries again; its log has the details.',
  }
}

function isReason(reason: string): reason is Reason {
  return Object.hasOwn(reasonCatalogue, reason)
}

import { reasonCatalogue, type Reason } from '../../src/api/reasons.ts'

export function isReason(text: string): text is Reason {
  return text in reasonCatalogue
}

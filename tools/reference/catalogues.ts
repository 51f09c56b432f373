// The pages of reasons and errors, from their catalogues.
import { errorCatalogue } from '../../src/api/errors.ts'
import { reasonCatalogue } from '../../src/api/reasons.ts'
import { page, table } from './page.ts'

export async function reasonsPage(): Promise<string> {
  const rows = Object.entries(reasonCatalogue).map(([reason, { means, remedy }]) => [
    `\`${reason}\``,
    means,
    remedy,
  ])
  return page('docs/reference/reasons.md', [
    '<!-- Written by `npm run generate` from src/api/reasons.ts. -->',
    '',
    '# Reasons',
    '',
    'The `reason` of conditions and Events. They are an API: scripts may rely on them. The `message` beside a reason names',
    'the object and the next step in that very case.',
    '',
    ...table(['Reason', 'Means', 'What to do'], rows),
  ])
}

export async function errorsPage(): Promise<string> {
  const rows = Object.entries(errorCatalogue).map(([code, { says, next, retry, reason }]) => [
    `\`${code}\``,
    `${says('…')}.`,
    next,
    retry === 'never' ? 'after a change' : 'by itself',
    `\`${reason}\``,
  ])
  return page('docs/reference/errors.md', [
    '<!-- Written by `npm run generate` from src/api/errors.ts. -->',
    '',
    '# Errors',
    '',
    'The `code` of errors in the log of the operator, and the reason under which each shows in a condition.',
    '',
    ...table(['Code', 'Says', 'How to solve', 'Tried again', 'Reason'], rows),
  ])
}

// How an import that has begun says that it has stopped: what is done, and that the same command goes on.

import { Failure, failureOf } from './failures.ts'
import { plural } from './progress.ts'

export function stoppedImport(
  error: unknown,
  signal: AbortSignal,
  {
    doneRows,
    total,
    resultFile,
  }: { readonly doneRows: number; readonly total: number; readonly resultFile: string },
): unknown {
  const failure = failureOf(error, signal)
  if (!(failure instanceof Failure)) return failure
  const said = `${plural(doneRows, 'row')} of ${total.toLocaleString('en-US')} are done and stand in ${resultFile}; a few more may be written. Run the same command again to go on.`
  return new Failure(failure.code, `${failure.says} ${said}`, { cause: error })
}

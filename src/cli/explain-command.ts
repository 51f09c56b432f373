// `explain <customer> [person]`: the decision anew, by the operator's own code. From files it works
// without a cluster; in a cluster it needs the whole platform, and without that right it shows what
// status says, and says so.

import type { Directory } from '../access/facts.ts'
import type { CustomerOrganization } from '../api/kinds.generated.ts'
import { parseTime, type EpochMs } from '../api/time.ts'
import { explain, type Explained } from './explain.ts'
import { explainPerson } from './explain-steps.ts'
import { Failure } from './failures.ts'
import { directoryFrom, ManifestError, readManifests } from './manifests.ts'
import { render, type Answer } from './output.ts'
import { readPlatform } from './platform.ts'
import { customerIn } from './scope.ts'
import {
  note,
  say,
  show,
  withSession,
  type CommonOptions,
  type Outside,
  type Session,
} from './session.ts'
import { answerOf as answerOfPeople, peopleOf } from './who.ts'

export type ExplainOptions = CommonOptions & {
  readonly file: readonly string[]
  readonly at?: string
}

export async function explainCommand(
  outside: Outside,
  options: ExplainOptions,
  customer: string | undefined,
  person: string | undefined,
): Promise<void> {
  const now = timeIn(options) ?? outside.now()
  if (options.file.length > 0) return fromFiles(outside, options, { customer, person, now })
  await withSession(outside, options, async (session) => {
    const name = customerIn(session.scope, customer)
    await show(session, options, () => fromCluster(session, { customer: name, person, now }), name)
  })
}

function timeIn({ at }: ExplainOptions): EpochMs | undefined {
  if (at === undefined) return undefined
  const time = parseTime(at)
  if (time !== undefined) return time
  throw new Failure(
    'WRONG_USE',
    '--at needs an RFC 3339 time with an offset, such as 2026-12-01T08:00:00Z.',
  )
}

type Question = {
  readonly customer: string | undefined
  readonly person: string | undefined
  readonly now: EpochMs
}

async function fromFiles(
  outside: Outside,
  { file }: ExplainOptions,
  { customer, person, now }: Question,
): Promise<void> {
  if (customer === undefined)
    throw new Failure('WRONG_USE', 'Name the customer: explain <customer> -f <file>.')
  const scope = `customer ${customer}, from files alone`
  say(outside, scope)
  try {
    const directory = directoryFrom(await readManifests(outside.signal, file))
    const object = directory.customer(customer)
    const answer =
      person === undefined || !object
        ? answerOf(explain(directory, customer, now))
        : answerOfSteps(directory, object, { person, now })
    outside.screen.out.write(await render(answer, scope, outside.screen))
    if (answer.rows.length === 0) note(outside, answer.none)
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof ManifestError)) throw error
    throw new Failure('WRONG_USE', error.message, { cause: error })
  }
}

async function fromCluster(
  session: Session,
  { customer, person, now }: Question & { readonly customer: string },
): Promise<Answer> {
  let platform
  try {
    platform = await readPlatform(session)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return fromStatus(session, customer, person)
  }
  const object = platform.directory.customer(customer)
  if (!object) throw new Failure('NOT_FOUND', `There is no customer ${customer}.`)
  if (person !== undefined) return answerOfSteps(platform.directory, object, { person, now })
  return answerOf(explain(platform.directory, customer, now))
}

async function fromStatus(
  session: Session,
  customer: string,
  person: string | undefined,
): Promise<Answer> {
  const { people, notes } = await peopleOf(session, customer)
  const about = people.filter((each) => person === undefined || each.person === person)
  return answerOfPeople({
    people: about,
    notes: [
      'The decision needs more than you may read. This is what status says, as the operator has decided it.',
      ...notes,
    ],
  })
}

function answerOf(lines: readonly Explained[]): Answer {
  return {
    columns: ['PERSON', 'AS', 'MAY', 'WHEN', 'WHY'],
    rows: lines.map((line) => ({
      name: line.person,
      cells: [line.person, line.as, line.may, line.when, line.why],
      value: line,
    })),
    none: 'Nobody is named.',
  }
}

function answerOfSteps(
  directory: Directory,
  object: CustomerOrganization,
  about: { readonly person: string; readonly now: EpochMs },
): Answer {
  return {
    columns: ['STEP', 'ANSWER'],
    rows: explainPerson(directory, object, about).map((step) => ({
      name: step.asked,
      cells: [step.asked, step.answer],
      value: step,
    })),
    none: '',
  }
}

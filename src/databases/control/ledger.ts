// Who may enter which customer, written down where it outlives every process. What was last written is read once and kept, so
// that a run without a change asks nothing (QUIET); after a failure the customer that it was about is read again.
import type { Lane } from '../server.ts'
import { Turns } from '../turns.ts'
import type { Control } from './control.ts'
import { isEmpty, ledgerChanges, linkChanges, markChanges, type Basis } from './ledger-changes.ts'
import {
  readLedger,
  readLinks,
  readMarks,
  write,
  type LedgerRow,
  type LinkRow,
  type Mark,
  type Writing,
} from './ledger.sql.ts'

type Customer = {
  readonly rows: Map<string, LedgerRow>
  /** By object, the generation in which it was last seen. */
  readonly marks: Map<string, number>
  link: LinkRow | undefined
}

const nothing = (): Customer => ({ rows: new Map(), marks: new Map(), link: undefined })

/** Of what is to be changed, and by which lane. */
type Half = {
  readonly half: 'leaving' | 'entering'
  readonly lane: Lane
  readonly wanted: readonly LedgerRow[]
  readonly basis: Basis | undefined
}

export class Ledger {
  readonly #control: Control
  readonly #actor: string
  readonly #concerns: (customerName: string) => boolean
  readonly #reading = new Turns(1)
  #known: Map<string, Customer> | undefined
  /** Of these the last writing was not answered: a connection that was cut may have carried it out all the same. */
  readonly #unsure = new Set<string>()

  /**
   * @param actor names this replica in the audit
   * @param concerns which customers' entries it reads and keeps. Default: all
   */
  constructor(
    control: Control,
    actor: string,
    concerns: (customerName: string) => boolean = () => true,
  ) {
    this.#control = control
    this.#actor = actor
    this.#concerns = concerns
  }

  /** Ends, narrows and refuses: before or with the proof that they are out. @throws TenantryError */
  async leave(
    signal: AbortSignal,
    customer: string,
    wanted: readonly LedgerRow[],
    basis?: Basis,
  ): Promise<void> {
    await this.#bring(signal, customer, { half: 'leaving', lane: 'urgent', wanted, basis })
  }

  /** Whether somebody is written down who would not be any more; not known: undefined. */
  leaves(customer: string, wanted: readonly LedgerRow[]): boolean | undefined {
    if (!this.#known) return undefined
    const rows = this.#known.get(customer)?.rows ?? new Map<string, LedgerRow>()
    return !isEmpty(ledgerChanges(rows, wanted).leaving)
  }

  /** Lets in: after the proof. @throws TenantryError */
  async enter(
    signal: AbortSignal,
    customer: string,
    wanted: readonly LedgerRow[],
    basis?: Basis,
  ): Promise<void> {
    await this.#bring(signal, customer, { half: 'entering', lane: 'usual', wanted, basis })
  }

  /** Tells a new state of the link, once status has it. @throws TenantryError */
  async tellLink(signal: AbortSignal, link: Omit<LinkRow, 'lastPartner'>): Promise<void> {
    const { link: before } = await this.#of(signal, link.customer)
    const writing = linkChanges(before, link)
    if (writing) await this.#write(signal, 'usual', writing)
  }

  /** Nobody may enter for a customer that is gone, finalizer and all. */
  async endAll(signal: AbortSignal, isGone: (customer: string) => boolean): Promise<void> {
    const known = await this.#read(signal)
    const all = [...known]
      .filter(([uid, { rows }]) => rows.size > 0 && isGone(uid))
      .map(([, { rows }]) => ledgerChanges(rows, []).leaving)
    const ended = all.flatMap((each) => each.ended)
    const audit = all.flatMap((each) => each.audit)
    await this.#write(signal, 'urgent', { rows: [], links: [], ended, audit })
  }

  /** What is known of a customer without asking; undefined: nothing was read yet. */
  view(customer: string) {
    const known = this.#known?.get(customer)
    if (!known) return undefined
    const people = () => [...known.rows.values()]
    return {
      newest: (uid: string) => known.marks.get(uid),
      lets: (organization: string, person: string) => {
        const row = people().find(
          (each) =>
            each.organization === organization && each.person === person && each.refusal === null,
        )
        const until = row?.until === 'infinity' ? ('open' as const) : Date.parse(row?.until ?? '')
        return row && { scope: row.scope, until }
      },
    }
  }

  /** Another replica may have written meanwhile. */
  forget(): void {
    this.#known = undefined
  }

  async #of(signal: AbortSignal, uid: string): Promise<Customer> {
    const known = await this.#read(signal)
    if (this.#unsure.has(uid)) {
      const anew = (await this.#load(signal, uid)).get(uid)
      this.#unsure.delete(uid)
      if (anew) known.set(uid, anew)
      else known.delete(uid)
    }
    return known.get(uid) ?? nothing()
  }

  async #read(signal: AbortSignal): Promise<Map<string, Customer>> {
    if (this.#known) return this.#known
    return this.#reading.run(signal, async () => {
      if (this.#known) return this.#known
      const known = await this.#load(signal, null)
      this.#known = known
      return known
    })
  }

  async #load(signal: AbortSignal, customer: string | null): Promise<Map<string, Customer>> {
    const known = new Map<string, Customer>()
    await this.#control.work(signal, 'reading the ledger', async (sql) => {
      const isOurs = ({ customerName }: LedgerRow | LinkRow | Mark) => this.#concerns(customerName)
      for (const row of await readLedger(signal, sql, customer))
        if (isOurs(row)) keep(known, { row })
      for (const link of await readLinks(signal, sql, customer))
        if (isOurs(link)) keep(known, { link })
      for (const mark of await readMarks(signal, sql, customer))
        if (isOurs(mark)) keep(known, { mark })
    })
    return known
  }

  async #bring(
    signal: AbortSignal,
    customer: string,
    { half, lane, wanted, basis }: Half,
  ): Promise<void> {
    const { rows, marks } = await this.#of(signal, customer)
    const changes = ledgerChanges(rows, wanted)[half]
    await this.#write(signal, lane, { ...changes, marks: basis ? markChanges(marks, basis) : [] })
  }

  async #write(signal: AbortSignal, lane: Lane, writing: Writing): Promise<void> {
    if (isEmpty(writing)) return
    const { rows, ended, links, marks = [] } = writing
    try {
      await this.#control.work(
        signal,
        'writing the ledger',
        (sql) => write(signal, sql, this.#actor, writing),
        lane,
      )
    } catch (error) {
      for (const { customer } of [...rows, ...ended, ...links]) this.#unsure.add(customer)
      throw error
    }
    const known = this.#known
    if (!known) return
    for (const row of rows) keep(known, { row })
    for (const link of links) keep(known, { link })
    for (const mark of marks) keep(known, { mark })
    for (const { customer, personKey } of ended) known.get(customer)?.rows.delete(personKey)
  }
}

function keep(
  known: Map<string, Customer>,
  { row, link, mark }: { readonly row?: LedgerRow; readonly link?: LinkRow; readonly mark?: Mark },
): void {
  const uid = row?.customer ?? link?.customer ?? mark?.customer ?? ''
  const customer = known.get(uid) ?? nothing()
  if (row) customer.rows.set(row.personKey, row)
  if (link) customer.link = link
  if (mark) customer.marks.set(mark.object, mark.generation)
  known.set(uid, customer)
}

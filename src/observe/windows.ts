// How many windows of access are open, and how many of them only the operator would end. Kept per
// customer, exported as sums: a label per customer would cost more than it tells.

export type Windows = { readonly open: number; readonly notArmed: number }

export class WindowTotals {
  readonly #byCustomer = new Map<string, Windows>()

  set(customer: string, windows: Windows): void {
    if (windows.open === 0) this.#byCustomer.delete(customer)
    else this.#byCustomer.set(customer, windows)
  }

  /** Of these customers another replica knows from now on. */
  clear(isTheirs: (customer: string) => boolean): void {
    for (const customer of this.#byCustomer.keys()) {
      if (isTheirs(customer)) this.#byCustomer.delete(customer)
    }
  }

  sum(of: keyof Windows): number {
    let total = 0
    for (const windows of this.#byCustomer.values()) total += windows[of]
    return total
  }
}

// How what promtool says is read.
import { expect, test } from 'vitest'
import { firingIn } from './firing.ts'

const output = `
  FAILED:
    expr: "ALERTS{alertstate=\\"firing\\"}", time: 1h2m,
        exp: nil
        got: {__name__="ALERTS", alertname="TenantryNoLeader", alertstate="firing"} 1E+00, {__name__="ALERTS", alertname="TenantryRunsFail", alertstate="firing", controller="customers"} 1E+00
    expr: "ALERTS{alertstate=\\"firing\\"}", time: 63m,
        exp: nil
        got: {__name__="ALERTS", alertname="TenantryRunsFail", alertstate="firing"} 1E+00
`

test('of each minute it is known what fires', () => {
  const firing = firingIn(output, 65)
  expect([...(firing[62] ?? [])]).toEqual(['TenantryNoLeader', 'TenantryRunsFail'])
  expect([...(firing[63] ?? [])]).toEqual(['TenantryRunsFail'])
  expect(firing.filter(({ size }) => size > 0)).toHaveLength(2)
})

test('silence is nothing that fires, and what promtool cannot read is no silence', () => {
  expect(firingIn('Unit Testing:  tests.yaml\n  SUCCESS\n', 2).map(({ size }) => size)).toEqual([
    0, 0,
  ])
  expect(() => firingIn('  FAILED:\nrules.yaml: could not parse expression', 2)).toThrow('parse')
  expect(() => firingIn('no such file', 2)).toThrow('no such file')
})

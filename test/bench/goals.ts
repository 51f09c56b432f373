// What Tenantry promises of its speed, by name. A figure names the goal that it is held to; the result
// says which are missed. Goals on times are for two cores with nothing else to do.

export type Goal = {
  readonly says: string
  readonly atMost?: number
  readonly atLeast?: number
}

export const goals = {
  onboarding: { says: '≥ 0.9 × bare', atLeast: 0.9 },
  onboardingWithDatabase: { says: '≥ 0.8 × bare', atLeast: 0.8 },
  readyMedian: { says: '≤ 35 ms more than bare', atMost: 35 },
  readyP99: { says: '≤ 100 ms', atMost: 100 },
  writesBesidePlan: { says: 'the plan’s writes and no others', atMost: 0 },
  reads: { says: 'none', atMost: 0 },
  conflicts: { says: 'none', atMost: 0 },
  operatorCpu: { says: '≤ 3 ms', atMost: 3 },
  idleRequests: { says: 'the lease alone', atMost: 0 },
  idleCpu: { says: '≤ 0.3 % of a core', atMost: 0.3 },
  residentMemory: { says: '≤ 128 MiB', atMost: 128 },
  highestMemory: { says: '≤ 192 MiB', atMost: 192 },
  restart: { says: '≤ 6 s', atMost: 6 },
  restartWrites: { says: 'none', atMost: 0 },
  driftP99: { says: '≤ 50 ms', atMost: 50 },
  revocationIdle: { says: '≤ 25 ms', atMost: 25 },
  revocationLoaded: { says: '≤ 150 ms', atMost: 150 },
  endsAtOnce: { says: '≤ 100 ms', atMost: 100 },
  sessionCut: { says: '≤ 100 ms', atMost: 100 },
  overlaps: { says: 'none', atMost: 0 },
  duplicates: { says: 'none', atMost: 0 },
  deviceLoad: { says: '≥ 0.5', atLeast: 0.5 },
  deviceMove: { says: '≤ 50 ms', atMost: 50 },
  devicePage: { says: '≤ 50 ms', atMost: 50 },
  whose: { says: '≤ 1 ms', atMost: 1 },
} as const satisfies Record<string, Goal>

export type GoalName = keyof typeof goals

export function isMissed(name: GoalName, value: number): boolean {
  const { atMost = Infinity, atLeast = -Infinity }: Goal = goals[name]
  return !(value <= atMost && value >= atLeast) // NaN is missed: nothing was measured
}

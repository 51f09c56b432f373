// `metav1.MicroTime`, the form of time in leases and events.

/** RFC 3339 in UTC with six digits after the second. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z')
}

/** What was stored, or came from outside as JSON: anything at all, until it has been looked at. */

/** Whether a stored value has fields at all. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The first `most` items of a stored list; none of what is no list. */
export function someOf(value: unknown, most: number): unknown[] {
  return Array.isArray(value) ? value.slice(0, most) : []
}

/** The number if it is one from 0 on, at most `most`; else `otherwise`. */
export function within(value: unknown, most: number, otherwise: number): number {
  return typeof value === 'number' && value >= 0 ? Math.min(value, most) : otherwise
}

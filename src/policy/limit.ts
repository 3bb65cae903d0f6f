/** Numbers in options. */
import { invalidOption } from '../errors.js'

/** A whole number within bounds. @throws HoldfastError `invalid-option` for anything else */
export function checkLimit(field: string, given: number, least: number, most: number): number {
  if (Number.isSafeInteger(given) && given >= least && given <= most) return given
  throw invalidOption(field, given, `a whole number from ${String(least)} to ${String(most)}`)
}

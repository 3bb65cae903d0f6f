/** Whom the model of a blacklist strikes and bans, and with which options. */
import type { PeerId } from '../../ports/types.js'
import { clockSteps, writtenIps } from '../arbitraries.js'
import type { BlacklistModelOptions, Suspect } from './naive-blacklist.js'
import type { Any, FastCheck } from './sequence.js'

export const IDS: readonly PeerId[] = ['a', 'b', 'c'].map((letter) => letter.repeat(55) as PeerId)
/** More than there are keys here: with so much room nothing is ever forgotten, and every answer can be foretold. */
export const ROOMY: number = 64
export const MINUTE_MS: number = 60_000
const HALF_DAY_MS = 43_200_000

export function shortOptions(check: FastCheck): Any<BlacklistModelOptions> {
  const ms = check.integer({ min: 1, max: 10 * MINUTE_MS })
  return check.record({
    strikePoints: check.integer({ min: 1, max: 60 }),
    banAt: check.integer({ min: 1, max: 120 }),
    halfLifeMs: ms,
    banMs: ms,
    longBanMs: ms,
    ipBanMaxMs: ms,
    subnetsMax: check.integer({ min: 2, max: 4 }),
    keysMax: check.oneof(check.integer({ min: 1, max: 3 }), check.constant(ROOMY)),
  })
}

export function suspects(check: FastCheck): Any<Suspect> {
  const ids = check.constantFrom<(PeerId | null)[]>(...IDS, null)
  return check.record({ peerId: ids, ip: check.option(writtenIps(check)) })
}

export function steps(check: FastCheck): Any<number> {
  return check.oneof(
    { arbitrary: clockSteps(check, 10 * MINUTE_MS, false), weight: 30 },
    { arbitrary: check.constantFrom(HALF_DAY_MS, 2 * HALF_DAY_MS), weight: 1 },
  )
}

/** What a host may ban, as it writes it, what it is known by, and whom it concerns. */
export interface Orderable {
  readonly text: string
  readonly key: string
  readonly suspect: Suspect
}

export function orderables(check: FastCheck): Any<Orderable> {
  const ids = check.constantFrom(...IDS)
  return check.oneof(
    ids.map((id) => ({ text: id, key: id, suspect: { peerId: id, ip: null } })),
    writtenIps(check).map((ip) => ({ text: ip.text, key: ip.bucket, suspect: { peerId: null, ip } })),
    writtenIps(check).map((ip) => ({
      text: (ip.subnet ?? ip.bucket).toUpperCase(),
      key: ip.subnet ?? ip.bucket,
      suspect: { peerId: null, ip },
    })),
  )
}

export function told({ peerId, ip }: Suspect): string {
  return [peerId?.slice(0, 1), ip?.text].filter((name) => name !== undefined).join(' from ') || 'nobody'
}

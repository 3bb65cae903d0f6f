/** Why a peer is not connected, in values that a program can read and words that a person can. */
import { addressKey } from '../policy/address.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import type { SwarmContext } from './context.js'
import type { Target } from './dial-target.js'
import { isStable, nextDialAt } from './dial-target.js'
import type { Decision } from './journal.js'
import type { Membership } from './membership.js'

/**
 * How a peer stands: as the dialer sees it, `banned`, or `unknown` to it altogether. `open` and `half-open` are the circuit
 * breaker's words for a peer that has failed five times and more: it waits, or is on its one trial.
 */
export type PeerState =
  | 'unknown'
  | 'banned'
  | 'idle'
  | 'dialing'
  | 'handshaking'
  | 'connected'
  | 'suspect'
  | 'backing-off'
  | 'cold'
  | 'given-up'

/** How one peer stands, and why. */
export interface Explanation {
  readonly peerId: PeerId
  readonly state: PeerState
  readonly class: PeerClass
  /** Failed attempts in a row. */
  readonly failures: number
  /** Derived: `open` while it waits after five failures, `half-open` on the trial that follows. */
  readonly circuit: 'closed' | 'open' | 'half-open'
  /** Until the next attempt of ours; null where none is due. */
  readonly nextAttemptInMs: number | null
  /** What it is banned for; null where it is not. */
  readonly ban: { readonly cause: string; readonly forMs: number | null } | null
  /** What its messages are dropped for, and for how long from now; null where they are not. */
  readonly quarantine: { readonly cause: string; readonly forMs: number } | null
  /** Where it could be reached. */
  readonly addresses: readonly string[]
  /** The last ten, the latest last. */
  readonly decisions: readonly Decision[]
}

const CIRCUIT_FAILURES = 5

export function explanationOf(
  { settings, agenda, roster, journal }: SwarmContext,
  membership: Membership,
  peerId: PeerId,
): Explanation {
  const now = agenda.now()
  const target = membership.dialer.targets.find(peerId)
  const ban = settings.blacklist.check({ peerId }, now)
  const quarantine = membership.traffic.discipline.quarantineOf(peerId)
  const connection = membership.connections.current(peerId)
  const state =
    ban !== null
      ? 'banned'
      : connection !== null
        ? connection.vitals?.suspect === true
          ? 'suspect'
          : 'connected'
        : stateOf(target)
  const failures =
    target === null || (target.standing.kind === 'connected' && isStable(target, now)) ? 0 : target.inVain
  const dueAt = target === null ? null : nextDialAt(target)
  const addresses = target?.addresses ?? settings.peerStore.get(peerId)?.addresses ?? []
  return {
    peerId,
    state,
    class: connection?.identity?.peerClass ?? roster.classOf(peerId) ?? settings.peerStore.classOf(peerId, now),
    failures,
    circuit:
      failures < CIRCUIT_FAILURES || connection !== null ? 'closed' : target?.attempt === null ? 'open' : 'half-open',
    nextAttemptInMs:
      dueAt === null || ban !== null || addresses.length === 0 ? null : Math.max(0, Math.floor(dueAt - now)),
    ban:
      ban === null
        ? null
        : { cause: ban.cause, forMs: ban.untilAt === 'permanent' ? null : Math.ceil(ban.untilAt - now) },
    quarantine: quarantine === null ? null : { cause: quarantine.cause, forMs: Math.ceil(quarantine.untilAt - now) },
    addresses: addresses.map(addressKey),
    decisions: journal.of(peerId, now),
  }
}

function stateOf(target: Target | null): PeerState {
  if (target === null) return 'unknown'
  if (target.attempt?.kind === 'dialing' || target.attempt?.kind === 'queued') return 'dialing'
  return target.attempt?.kind === 'handshaking' ? 'handshaking' : target.standing.kind
}

/** What the dialer knows of the rest of the swarm, and whom it tells. */
import type { ReasonCode } from '../errors.js'
import { parseAddress } from '../policy/address.js'
import { BoundedMap } from '../policy/bounded-map.js'
import { isPreferredDialer } from '../policy/tie-break.js'
import type { Link } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import { peerIdKey } from '../protocol/peer-id.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import { Dialer } from './dialer.js'
import type { Maintenance } from './dialer-setup.js'
import type { DialFailure } from './events.js'
import type { Peer } from './peer.js'
import type { Upkeep } from './upkeep.js'
import type { Whitelist } from './whitelist.js'

export interface DialerWiring {
  readonly connections: Connections<Peer>
  readonly maintenance: () => Maintenance
  readonly adopt: (link: Link, address: Address) => Connection
  readonly upkeep: () => Upkeep
  readonly whitelist: () => Whitelist
}

export function createDialer(context: SwarmContext, wiring: DialerWiring): Dialer {
  const { settings, agenda, counters, emitter, log, roster } = context
  const { crypto, publicKey, blacklist, limits } = settings
  const { connections, maintenance, adopt, upkeep, whitelist } = wiring
  const warned = new BoundedMap<ReadonlySet<ReasonCode>>(WARNED_MAX)
  return new Dialer({
    ...settings,
    agenda,
    maintenance,
    adopt,
    connectMs: (peerClass) => limits[peerClass].connectMs,
    trustedCount: () => roster.count('masternode') + roster.count('persistent'),
    linkCount: () => connections.size,
    suspectCount: () => countSuspects(connections),
    isSuspect: (peerId) => peerId !== null && connections.current(peerId)?.vitals?.suspect === true,
    isConnected: (peerId) => connections.current(peerId) !== null,
    isBanned: (peerId) => blacklist.check({ peerId }, agenda.now()) !== null,
    isPreferred: (peerId) => isPreferredDialer(publicKey, peerIdKey(peerId), crypto),
    failed: (failure) => {
      counters.count(`dial-${failure.reason.code}`)
      const isWarning = isWrongAnew(failure, warned) && isListed(context, failure)
      const { code, cause } = failure.reason
      const who = code === 'wrong-identity' && typeof cause === 'string' ? `, ${cause}` : ''
      log(isWarning ? 'warn' : 'debug', `dial ${failure.address} failed: ${code}${who}`)
      upkeep().dialFailed(failure)
      const { peerId, address, reason } = failure
      if (peerId !== null && reason.code === 'wrong-identity') whitelist().notAt(parseAddress(address), peerId)
      emitter.emit('dial:failed', failure)
    },
    alarmed: (failure) => {
      log(
        'warn',
        `${failure.address} has failed ${String(failure.attempt)} times in a row, now as ${failure.reason.code}`,
      )
    },
  })
}

/** Of so many it is known what has been said of them. */
const WARNED_MAX = 8_192
/** What no waiting mends, and the operator has to look into. */
const LISTED_WRONG: ReadonlySet<string> = new Set<ReasonCode>([
  'wrong-identity',
  'wrong-network',
  'wrong-chain',
  'wrong-version',
  'self',
  'no-transport',
])

/** Whether it is said for the first time of failures in a row: what comes between, and comes again, is no news. */
function isWrongAnew(
  { peerId, address, attempt, reason: { code } }: DialFailure,
  warned: BoundedMap<ReadonlySet<ReasonCode>>,
): boolean {
  const key = peerId ?? address
  if (attempt === 1) warned.delete(key)
  const said = warned.get(key) ?? new Set()
  if (!LISTED_WRONG.has(code) || said.has(code)) return false
  // Bound: LISTED_WRONG.
  warned.set(key, new Set([...said, code]))
  return true
}

function isListed({ roster }: SwarmContext, { peerId, address }: DialFailure): boolean {
  // Without an id the text is the address's key.
  return peerId === null ? roster.isAlone(address) : roster.classOf(peerId) !== null
}

function countSuspects(connections: Connections<Peer>): number {
  let count = 0
  for (const { vitals } of connections.currents()) if (vitals?.suspect === true) count++
  return count
}

/** A picture of a swarm at one instant: plain values, safe to print, to send and to keep. */
import type { MemoryStatus } from '../policy/memory.js'
import type { Direction, PeerClass, PeerId } from '../ports/types.js'
import type { SwarmContext } from './context.js'
import type { Membership } from './membership.js'

/** One connected peer. */
export interface PeerStatus {
  readonly id: PeerId
  readonly class: PeerClass
  readonly direction: Direction
  readonly address: string | null
  readonly state: 'connected' | 'suspect'
  /** Smoothed round trip, null before it was measured. */
  readonly rttMs: number | null
  readonly connectedMs: number
  /** Since anything was heard of it. */
  readonly silentMs: number
  /** Bytes waiting to be sent to it, and of its unfinished messages. */
  readonly bufferedBytes: number
}

/** A swarm at one instant. Counts are since it was made. */
export interface SwarmStatus {
  readonly id: PeerId
  readonly state: 'new' | 'starting' | 'running' | 'stopping' | 'stopped'
  readonly uptimeMs: number
  /** Nothing answers, and nothing has been heard since: failures count for nobody, and it is tried again every 30 s at least. */
  readonly offline: boolean
  readonly addresses: readonly string[]
  readonly peers: readonly PeerStatus[]
  /** Trusted peers of the whitelist, and how many of them are connected. */
  readonly masternodes: { readonly listed: number; readonly connected: number }
  /** Inbound handshakes under way. */
  readonly pending: number
  /** Links that were told to go, at the door or later, and are not closed: for two seconds each at most, but for two of a trusted peer that are read out for thirty. */
  readonly lingering: number
  /** Broadcasts being judged. */
  readonly inFlight: number
  /** How late this process has run lately, in ms: its timers, the latest lateness or what is left of an earlier one. Whatever keeps it busy. */
  readonly lagMs: number
  /** Handshakes that succeeded, by direction. */
  readonly handshakes: Readonly<Record<string, number>>
  /** Dials of ours that failed, by reason. */
  readonly dialsFailed: Readonly<Record<string, number>>
  /** Inbound links that were not taken, by reason. */
  readonly inboundRefused: Readonly<Record<string, number>>
  /** Links ended, by reason: by us, by the network, or by the peer's own word. */
  readonly closed: Readonly<Record<string, number>>
  readonly told: Readonly<Record<string, number>>
  readonly strikes: Readonly<Record<string, number>>
  readonly verdicts: Readonly<Record<string, number>>
  readonly duplicatesDropped: number
  readonly broadcastsQueued: number
  readonly broadcastsShed: number
  /** What is held on behalf of peers. */
  readonly memory: MemoryStatus
  /** Messages dropped as they came, for want of memory or because too many of that peer's waited: told as `recovered`, too. */
  readonly arrivalsShed: number
}

export function statusOf(
  context: SwarmContext,
  membership: Membership,
  run: Pick<SwarmStatus, 'state' | 'uptimeMs' | 'addresses'>,
): SwarmStatus {
  const { settings, counters, roster, agenda } = context
  const now = agenda.now()
  const peers = Array.from(membership.connections.handles(), ([id, peer]): PeerStatus => {
    const connection = membership.connections.current(id)
    return {
      id,
      class: peer.class,
      direction: peer.direction,
      address: peer.address,
      state: peer.suspect ? 'suspect' : 'connected',
      rttMs: peer.rttMs,
      connectedMs: connection === null ? 0 : now - connection.openedAt,
      silentMs: connection === null ? 0 : now - (connection.vitals?.heardAt ?? connection.openedAt),
      bufferedBytes: (connection?.sender?.outbox.bytes ?? 0) + (connection?.intake?.unfinished.ofPeer ?? 0),
    }
  })
  return {
    id: settings.identity.id,
    ...run,
    offline: membership.dialer.isOffline,
    peers,
    masternodes: {
      listed: roster.count('masternode'),
      connected: peers.filter((peer) => peer.class === 'masternode').length,
    },
    pending: membership.gate.pending,
    lingering: context.lingering.size + membership.gate.leaving,
    inFlight: membership.traffic.gossip.inFlight,
    lagMs: agenda.lagMs,
    handshakes: counters.under('handshake-'),
    dialsFailed: counters.under('dial-'),
    inboundRefused: counters.under('inbound-'),
    closed: counters.under('closed-'),
    told: counters.under('told-'),
    strikes: counters.under('strike-'),
    verdicts: counters.under('verdict-'),
    duplicatesDropped: counters.get('duplicate-dropped'),
    broadcastsQueued: counters.get('broadcast-queued'),
    broadcastsShed: counters.get('broadcast-shed'),
    memory: context.memory.status(),
    arrivalsShed: counters.get('arrival-shed'),
  }
}

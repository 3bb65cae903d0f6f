/** What the rest of the swarm does, and what the host hears, when a peer comes, goes, or goes on by another link. */
import type { Address } from '../ports/types.js'
import type { Connection } from './connection.js'
import type { Connections, ConnectionsOwner } from './connections.js'
import type { SwarmContext } from './context.js'
import type { Dialer } from './dialer.js'
import { Peer } from './peer.js'
import type { Traffic } from './traffic.js'
import type { Upkeep } from './upkeep.js'

export interface PresenceOwner {
  readonly connections: Connections<Peer>
  readonly traffic: Traffic
  readonly dialer: Dialer
  readonly upkeep: Upkeep
  /** Where we dialled it; null where it came to us. */
  dialledTo(connection: Connection): Address | null
}

export function createPresence(
  { agenda, emitter, journal, log, roster }: SwarmContext,
  owner: PresenceOwner,
): ConnectionsOwner<Peer> {
  const joined = (connection: Connection): void => {
    owner.traffic.gossip.propagation.joined(connection)
  }
  return {
    makeHandle: (seat) => new Peer(seat, owner.traffic.requests, (rttMs) => owner.upkeep.score(seat.peerId, rttMs)),
    connected: (peer, connection) => {
      // First: the host may broadcast in what it hears now.
      joined(connection)
      // Its last link may have been silent, and another be dialled beside it.
      owner.dialer.cleared(peer.id)
      log('info', `connected to ${peer.id} (${peer.class}, ${peer.direction}) at ${peer.address ?? 'no address'}`)
      emitter.emit('peer:connect', peer)
      // The host may have ended it at once.
      if (connection.isEnding) return
      owner.upkeep.connected(peer, connection, owner.dialledTo(connection))
      if (hasEnded(connection)) return
      owner.traffic.seated(connection)
      owner.traffic.arrivals.seated(connection)
      // Last, since it may let the link go at once: nobody may hear of the end before the beginning.
      if (!hasEnded(connection)) owner.upkeep.maintainer.linked(connection)
    },
    disconnected: (peer, connection, reason, wasTold) => {
      const newcomer = owner.connections.current(peer.id)
      const gone = newcomer === null
      // First: whoever is there instead, another process of it, has nothing of what it had.
      owner.traffic.gossip.forgot(peer.id)
      if (newcomer !== null) joined(newcomer)
      log('info', `disconnected from ${peer.id}: ${reason.code} (${reason.fault})`)
      // Who is listed is dialled as that, whatever the host says of it at the moment.
      if (gone) owner.dialer.lost(peer.id, roster.classOf(peer.id) ?? peer.class, reason)
      if (!wasTold) return
      owner.upkeep.disconnected(peer, connection, reason, gone)
      emitter.emit('peer:disconnect', peer, reason)
    },
    swapped: (from, to, clean) => {
      // First: whoever asked on the one that goes hears of it, and may broadcast.
      joined(to)
      owner.traffic.lost(from, 'link-replaced')
      // What it took over may have been too much for it.
      if (hasEnded(to)) return
      owner.traffic.seated(to)
      owner.traffic.arrivals.seated(to)
      // The host may have ended it.
      if (hasEnded(to)) return
      owner.dialer.cleared(to.peerId)
      owner.upkeep.swapped(from, clean ? null : (from.vitals?.heardAt ?? from.openedAt))
    },
    conflict: (peerId) => {
      log('warn', `${peerId} runs in two processes: whichever came last was refused, and may be the true one`)
      journal.note(peerId, 'conflict: of two processes of it the one that came last was refused', agenda.now())
      emitter.emit('peer:conflict', peerId)
    },
  }
}

function hasEnded({ isOpen }: Connection): boolean {
  return !isOpen
}

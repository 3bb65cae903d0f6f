/** Gives discipline what it needs of the swarm, and its word to the log, to the host and to the links of whoever is banned. */
import { isPeerIdText } from '../policy/address.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import { Discipline, FOREVER_MS } from './discipline.js'
import type { Peer } from './peer.js'

export function createDiscipline(context: SwarmContext, connections: Connections<Peer>): Discipline {
  const { agenda, counters, emitter, journal, log, roster, settings } = context
  const { blacklist, peerStore, perIpLimits } = settings
  const seconds = (ms: number): string => (ms === FOREVER_MS ? 'ever' : `${String(Math.round(ms / 1000))} s`)
  return new Discipline({
    agenda,
    blacklist,
    peerStore,
    counters,
    perIpLimits,
    isTrusted: (peerId) => {
      const peerClass = connections.current(peerId)?.identity?.peerClass ?? null
      // Who is listed is banned by nobody's strikes, whatever the host says of its class.
      return roster.classOf(peerId) !== null || (peerClass !== null && isTrustedClass(peerClass))
    },
    isLinked: (peerId) => connections.current(peerId)?.isOpen === true,
    linkCount: () => connections.size,
    isListed: (ip) => roster.listedAt(ip) > 0,
    banned: (notice, key) => {
      log('info', `banned ${notice.key} for ${seconds(notice.forMs)}: ${notice.cause}`)
      emitter.emit('ban', notice)
      if (isPeerIdText(key)) journal.note(key, `banned for ${seconds(notice.forMs)}: ${notice.cause}`, agenda.now())
      // Whoever heard of it may have lifted it.
      if (!isPeerIdText(key) || blacklist.check({ peerId: key }, agenda.now()) === null) return
      for (const connection of connections.linksTo(key))
        connection.close('banned', { retryAfterMs: notice.forMs, text: notice.cause })
    },
    quarantined: (notice) => {
      log('warn', `quarantined ${notice.peerId} for ${seconds(notice.forMs)}: ${notice.cause}`)
      journal.note(notice.peerId, `quarantined for ${seconds(notice.forMs)}: ${notice.cause}`, agenda.now())
      emitter.emit('peer:quarantine', notice)
    },
  })
}

/** What every part of one swarm shares. Made once; nothing in it is global. */
import type { Log } from '../observe/log.js'
import { createLog } from '../observe/log.js'
import { Memory } from '../policy/memory.js'
import { ScoreBook } from '../policy/score.js'
import type { PeerId } from '../ports/types.js'
import { Agenda } from './agenda.js'
import { Counters } from './counters.js'
import { SwarmEmitter } from './events.js'
import { Journal } from './journal.js'
import { Lingering } from './lingering.js'
import type { Settings } from './options.js'
import { Roster } from './roster.js'

export interface SwarmContext {
  readonly settings: Settings
  readonly agenda: Agenda
  readonly emitter: SwarmEmitter
  readonly counters: Counters
  readonly log: Log
  readonly roster: Roster
  readonly scores: ScoreBook
  readonly journal: Journal
  readonly lingering: Lingering
  readonly memory: Memory
}

export function createContext(settings: Settings): SwarmContext {
  const log = createLog('swarm', settings.identity.id.slice(0, 8), settings.logger)
  const agenda = new Agenda(settings.clock)
  const { identity, peerStore, blacklist } = settings
  const isBanned = (peerId: PeerId): boolean => blacklist.check({ peerId }, agenda.now()) !== null
  const roster = new Roster({ ...settings, ownId: identity.id, pins: peerStore.pins, isBanned })
  return {
    settings,
    log,
    agenda,
    roster,
    counters: new Counters(),
    scores: new ScoreBook(),
    journal: new Journal((peerId) => roster.classOf(peerId) !== null),
    memory: new Memory(settings.memoryMaxBytes, settings.peerStore),
    lingering: new Lingering(agenda, roster),
    emitter: new SwarmEmitter((error) => {
      const { cause } = error
      log('warn', `${error.code}: ${error.message}${cause instanceof Error ? ` (${cause.message})` : ''}`)
    }),
  }
}

/** Makes what all connections of one swarm share. */
import type { ConnectionWorld } from './connection-owner.js'
import type { SwarmContext } from './context.js'
import { Flusher } from './flusher.js'
import { Ledger } from './ledger.js'
import { RecordSlab } from './record-parts.js'
import { Pulse } from './pulse.js'

export function createConnectionWorld({ agenda, settings, lingering, memory }: SwarmContext): ConnectionWorld {
  return {
    agenda,
    lingering,
    memory,
    pulse: new Pulse(agenda),
    random: settings.random,
    flusher: new Flusher(settings.clock),
    slab: new RecordSlab(),
    ledger: new Ledger(settings.perIpLimits),
  }
}

/** A door that is shut while somebody is turned away at it. */
import { expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import type { Link, LinkEvents } from '../../src/ports/transport.js'
import type { PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Gate } from '../../src/swarm/gate.js'
import { rosterOf } from './roster-of.js'
import { ManualClock } from './manual-clock.js'

it('leaves no socket of whoever was being told why, where the host shuts it as it hears of that', () => {
  const clock = new ManualClock()
  const blacklist = new Blacklist()
  blacklist.ban('192.0.2.1', 'permanent', 'test', 0)
  const gate = new Gate({
    agenda: new Agenda(clock),
    blacklist,
    roster: rosterOf('own' as PeerId, [], []),
    perIpLimits: true,
    networkId: new Uint8Array(8),
    adopt: () => {
      throw new Error('nobody is let in')
    },
    refused: () => {
      gate.stop()
    },
  })
  const calls: string[] = []
  const link: Link = {
    remote: { host: '192.0.2.1', port: 1 },
    open: (events: LinkEvents) => {
      calls.push(`open, told of ${Object.keys(events).sort().join(' ')}`)
    },
    write: () => calls.push('write') > 0,
    end: () => {
      calls.push('end')
    },
    destroy: () => {
      calls.push('destroy')
    },
  }
  gate.accept(link)
  expect(calls).toEqual(['open, told of closed data drained ended', 'write', 'end', 'destroy'])
  expect(gate.leaving).toBe(0)
})

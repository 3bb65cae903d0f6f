/** A roster for tests: nobody is banned, and nobody known anywhere but by these pins. */
import { AddressPins } from '../../src/policy/address-pins.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { Roster } from '../../src/swarm/roster.js'

export function rosterOf(
  ownId: PeerId,
  masternodes: readonly Address[],
  persistent: readonly Address[],
  pins: AddressPins = new AddressPins(),
): Roster {
  return new Roster({ ownId, masternodes, persistent, pins, isBanned: () => false })
}

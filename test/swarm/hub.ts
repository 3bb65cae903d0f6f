/** A network of strangers around node 0, whom nobody can dial, and who begins with so many others. */
import { PeerStore } from '../../src/policy/peer-store.js'
import { message } from '../../src/protocol/message.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { swarmLab } from '../../src/testing/index.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

/** What node 0 rejects, whoever says it. */
export const Tx: ReturnType<typeof message<number>> = message<number>('tx')

/** The rest of the nodes run, and know nobody. @param own more options of node 0 */
export function hub(
  seed: number,
  nodes: number,
  begins: number,
  own: Partial<SwarmOptions> = {},
): Ear & { readonly peerStore: PeerStore } {
  const places = swarmLab({ seed, masternodes: 0, nodes })
  const peerStore = new PeerStore()
  const ear = listen({
    seed,
    masternodes: 0,
    nodes,
    seeds: [],
    net: { undialable: [0] },
    swarm: (index) =>
      index === 0 ? { peerStore, seeds: Array.from({ length: begins }, (_, i) => places.address(i + 1)), ...own } : {},
    prepare: (swarm, index) => {
      swarm.handle(Tx, () => (index === 0 ? 'reject' : 'accept'))
    },
  })
  return { ...ear, peerStore }
}

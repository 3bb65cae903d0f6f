/**
 * Ten masternodes in virtual time, split in half for ten minutes: what the host is told, what passes it by, and how it gets it
 * back. The same seed is the same run, event for event; a failure that a test finds is a number to send to a colleague.
 *
 *   node split-network.mjs           the run of seed 1
 *   node split-network.mjs <seed>    another one
 */
import { direct, message } from 'holdfast'
import { swarmLab } from 'holdfast/testing'

const NODES = 10
const ALL_LINKS = (NODES * (NODES - 1)) / 2
const Block = message('block')
const Have = direct('have')
const Again = direct('again')

/** The host's own part: it keeps blocks, and tells whoever is back which ones it has, to be sent the others. */
function host(swarm, index) {
  const blocks = new Set()
  kept[index] = blocks
  swarm.handle(Block, (height) => {
    blocks.add(height)
    return 'accept'
  })
  swarm.on('recovered', ({ peerId }) => swarm.peer(peerId)?.send(Have, [...blocks]))
  swarm.handle(Have, (theirs, { peer }) => {
    for (const height of blocks) if (!theirs.includes(height)) peer.send(Again, height)
  })
  swarm.handle(Again, (height) => blocks.add(height))
  swarm.on('partition:suspected', ({ missing, listed }) => {
    if (index === 0) console.log(`${at()} node 0 suspects a partition: ${missing.length} of ${listed} are missing`)
  })
  swarm.on('partition:healed', ({ forMs }) => {
    if (index === 0) console.log(`${at()} node 0 says it is over, after ${Math.round(forMs / 1000)} s`)
  })
}

const seed = Number(process.argv[2] ?? 1)
const kept = []
const lab = swarmLab({ seed, masternodes: NODES, prepare: host })
const at = () => `${(lab.now / 1000).toFixed(1)} s:`

lab.run(30_000)
console.log(`${at()} ${lab.links().length} of ${ALL_LINKS} pairs are linked`)
lab.split([0, 1, 2, 3, 4], [5, 6, 7, 8, 9])
lab.run(300_000)
kept[0].add(1)
lab.swarm(0).broadcast(Block, 1)
lab.run(300_000)
console.log(`${at()} block 1 is known to ${kept.filter((blocks) => blocks.has(1)).length} of ${NODES}`)
lab.heal()
const healedAt = lab.now
while (lab.links().length < ALL_LINKS) lab.run(100)
console.log(`${at()} all pairs are linked again, ${((lab.now - healedAt) / 1000).toFixed(1)} s after the split`)
lab.run(1_000)
console.log(`${at()} block 1 is known to ${kept.filter((blocks) => blocks.has(1)).length} of ${NODES}`)
console.log(`seed ${seed}: ${lab.events} events, trace ${lab.trace}`)

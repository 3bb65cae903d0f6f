/** What must hold of a network of swarms once the faults are over: S1, S3, S9 and S12 of the model. */
import { must } from '../invariants.js'
import type { SwarmWorld } from './swarm-world.js'

/** Promised for masternodes once everything passes again: the backoff's cap, a dial, a tick, and a second. */
const REUNITED_MS = 76_000
/** A round trip, and a probe for who is judged. */
const ON_ITS_WAY_MS = 12_000
/** Seeds are asked every 30 s at least; who was refused for want of a slot comes back after a minute. */
const SETTLED_MS = 60_000

/** Nothing is in anybody's way any more. */
export async function settle(world: SwarmWorld): Promise<void> {
  world.disperse()
  world.heal()
  for (let i = 0; i < world.size; i++) world.start(i)
  await world.run(REUNITED_MS)
}

/** Masternodes are linked, and whoever is linked is so at both ends. */
export async function reunited(world: SwarmWorld, masternodes: number): Promise<void> {
  const disputed: { readonly i: number; readonly j: number; readonly seen: string }[] = []
  for (let i = 0; i < world.size; i++)
    for (let j = i + 1; j < world.size; j++) {
      must(j >= masternodes || world.linkOf(i, j) !== null, 'S3', () => `${String(i)} and ${String(j)} are not linked`)
      const seen = dispute(world, i, j)
      if (seen !== null) disputed.push({ i, j, seen })
    }
  // Strangers' links come and go at any moment, at one end a little before the other.
  if (disputed.length > 0) await world.run(ON_ITS_WAY_MS)
  for (const { i, j, seen } of disputed)
    must(dispute(world, i, j) !== seen, 'S1', () => `${String(i)} and ${String(j)} see different links`)
}

/** A message reaches every node, and nothing is left of what was. */
export async function everybodyHears(world: SwarmWorld): Promise<void> {
  await world.run(SETTLED_MS)
  const [note = ''] = world.broadcast(0, 1, 100)
  await world.run(5_000)
  for (let i = 0; i < world.size; i++) {
    const process = world.process(i)
    must(i === 0 || process?.hasHeard(note) === true, 'S12', () => `node ${String(i)} has missed a message`)
    const status = process?.swarm.status()
    const left = [status?.pending, status?.lingering, status?.inFlight, process?.watch.spareLinks]
    must(
      left.every((count) => count === 0),
      'S9',
      () => `node ${String(i)} has ${String(left)} left`,
    )
  }
}

/** What two nodes see of each other where it is not the same link; null where it is, or neither sees one. */
function dispute(world: SwarmWorld, i: number, j: number): string | null {
  if (world.linkOf(i, j) !== null || (!world.sees(i, j) && !world.sees(j, i))) return null
  return `${String(world.linkSeen(i, j))} ${String(world.linkSeen(j, i))}`
}

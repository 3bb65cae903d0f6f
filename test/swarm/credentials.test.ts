/** How long what a node shows of itself holds: a day by the wall clock, which may jump. */
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { World } from './world.js'

const DAY_MS = 86_400_000

/** A node, and how often its identity has signed. */
async function signing() {
  const world = new World()
  const identity = world.identity()
  let signed = 0
  const node = await world.started('node', {
    identity: {
      ...identity,
      sign: (message) => {
        signed++
        return identity.sign(message)
      },
    },
  })
  return { world, node, signed: () => signed }
}

describe('a start that waits for its signer', () => {
  it('ends with stop(), and says nothing of the signer', async () => {
    const world = new World()
    const identity = world.identity()
    const node = world.node('node', {
      identity: { ...identity, sign: async () => new Promise<never>(() => undefined) },
    })
    const started = node.swarm.start().then(
      () => 'started',
      (error: unknown) => (error as HoldfastError).code,
    )
    await world.settle()
    const stopped = node.swarm.stop()
    await world.run(1_000)
    await stopped
    await started
    expect([node.swarm.status().state, node.heard('error')]).toEqual(['stopped', []])
  })
})

describe('a delegation', () => {
  it('is renewed once a day', async () => {
    const { world, signed } = await signing()
    expect(signed()).toBe(1)
    for (let hour = 0; hour < 23; hour++) world.clock.advance(3_600_000)
    expect(signed()).toBe(1)
    for (let hour = 0; hour < 2; hour++) world.clock.advance(3_600_000)
    expect(signed()).toBe(2)
  })

  it.each([
    ['ahead', 3 * DAY_MS],
    ['back', -3 * DAY_MS],
  ])('is renewed within a minute of the clock being set %s', async (_, jumpMs) => {
    const { world, signed } = await signing()
    world.clock.wallOffsetMs += jumpMs
    await world.run(60_000)
    expect(signed()).toBe(2)
    await world.run(180_000)
    expect(signed()).toBe(2)
  })
})

/** What an operator finds in the log without having asked for anything. */
import { describe, expect, it } from 'vitest'
import { message } from '../../src/protocol/message.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'
import { World } from './world.js'

const Tx = message<number>('tx')

function logger() {
  const warnings: string[] = []
  return { warnings, debug: () => undefined, info: () => undefined, warn: (line: string) => warnings.push(line) }
}

describe('the log', () => {
  it('has an error that nobody listens to, and its cause', async () => {
    const log = logger()
    const lab = swarmLab({
      seed: 1,
      masternodes: 2,
      swarm: (index) => (index === 0 ? { logger: log } : {}),
      prepare: (swarm) => {
        swarm.handle(Tx, () => {
          throw new Error('no such table')
        })
      },
    })
    await lab.runAsync(10_000)
    lab.swarm(1).broadcast(Tx, 1)
    await lab.runAsync(1_000)
    const told = log.warnings.filter((line) => line.includes('handler-failed'))
    expect(told.at(0)).toContain('handler-failed: the handler of tx failed (no such table)')
  })

  it('warns once where another answers at the address of a listed peer', async () => {
    const world = new World()
    const log = logger()
    const other = await world.started('other')
    const address = `memory://${world.identity().id}@other:1`
    const node = await world.started('node', { logger: log, masternodes: [address] })
    await world.run(600_000)
    const warnings = log.warnings.filter((line) => line.includes('wrong-identity'))
    expect(warnings.length).toBe(1)
    expect(node.swarm.peers.size + other.swarm.peers.size).toBe(0)
    await world.stop()
  })
})

import { describe, expect, it } from 'vitest'
import { message, request } from '../../src/protocol/message.js'
import { SwarmLab, swarmLab } from '../../src/testing/index.js'

const Tx = message<number>('tx')
const pairsOf = (count: number): number => (count * (count - 1)) / 2

describe('a swarm lab', () => {
  it('is a scenario in ten lines: a mesh, a split, and the mesh again', () => {
    const lab = swarmLab({ seed: 1, masternodes: 6 })
    lab.run(5_000)
    expect(lab.links().length).toBe(pairsOf(6))
    lab.split([0, 1, 2], [3, 4, 5])
    lab.run(30_000)
    expect(lab.linked(0, 3)).toBe(false)
    expect(lab.linked(0, 1)).toBe(true)
    lab.heal()
    lab.run(15_000)
    expect(lab.links().length).toBe(pairsOf(6))
  })

  it('leaves the same trace for the same seed, event for event, and another for another', () => {
    const run = (seed: number): string => {
      const lab = new SwarmLab({ seed, masternodes: 4, nodes: 6, startWithinMs: 2_000 })
      lab.run(5_000)
      lab.kill(1)
      lab.split([0], [2, 3])
      lab.run(20_000)
      lab.start(1)
      lab.heal()
      lab.run(10_000)
      return `${lab.trace} ${String(lab.events)}`
    }
    expect(run(7)).toBe(run(7))
    expect(new Set([1, 2, 3, 4].map(run)).size).toBe(4)
  })

  it('does not depend on how its time is cut up', () => {
    const whole = swarmLab({ seed: 3, masternodes: 4 })
    whole.run(10_000)
    const pieces = swarmLab({ seed: 3, masternodes: 4 })
    for (let i = 0; i < 100; i++) pieces.run(100)
    expect(pieces.trace).toBe(whole.trace)
  })

  it('has the same nodes for the same seed, and others for another', () => {
    const ids = (seed: number): string[] => {
      const lab = swarmLab({ seed, masternodes: 3 })
      return [0, 1, 2].map((index) => lab.id(index))
    }
    expect(ids(1)).toEqual(ids(1))
    expect(new Set([...ids(1), ...ids(2)]).size).toBe(6)
    const lab = swarmLab({ seed: 1, masternodes: 3 })
    expect([0, 1, 2].map((index) => lab.index(lab.id(index)))).toEqual([0, 1, 2])
  })

  it('tells of a killed process at once, and of a silent machine only by suspicion', () => {
    const lab = swarmLab({ seed: 1, masternodes: 3 })
    lab.run(5_000)
    lab.kill(1)
    lab.kill(2, { silent: true })
    expect([lab.isRunning(0), lab.isRunning(1), lab.isRunning(2)]).toEqual([true, false, false])
    lab.run(500)
    expect(lab.swarm(0).peer(lab.id(1))).toBe(null)
    expect(lab.swarm(0).peer(lab.id(2))?.suspect).toBe(false)
    lab.run(25_000)
    expect(lab.swarm(0).peer(lab.id(2))?.suspect).toBe(true)
    expect(() => lab.swarm(1)).toThrow('node 1 is not running')
  })

  it('starts a new process with the old name and nothing else remembered', () => {
    const boots: string[] = []
    const lab = swarmLab({
      seed: 1,
      masternodes: 2,
      prepare: (_, index, boot) => boots.push(`${String(index)}.${String(boot)}`),
    })
    lab.run(5_000)
    const before = [lab.id(1), lab.address(1)]
    lab.kill(1)
    lab.run(1_000)
    lab.start(1)
    lab.start(1)
    lab.run(10_000)
    expect(boots).toEqual(['0.1', '1.1', '1.2'])
    expect([lab.id(1), lab.address(1)]).toEqual(before)
    expect(lab.linked(0, 1)).toBe(true)
  })

  it('lets a frozen process thaw with its links', () => {
    const lab = swarmLab({ seed: 1, masternodes: 2 })
    lab.run(5_000)
    const peer = lab.swarm(0).peer(lab.id(1))
    const linkId = peer?.linkId
    lab.freeze(1, 8_000)
    lab.run(20_000)
    expect(lab.linked(0, 1)).toBe(true)
    expect(lab.swarm(0).peer(lab.id(1))?.linkId).toEqual(linkId)
  })

  it('links nodes that nobody can dial to those that can be dialled, and never to each other', () => {
    const lab = swarmLab({ seed: 1, masternodes: 4, net: { undialable: [2, 3] } })
    lab.run(60_000)
    expect(lab.links().length).toBe(pairsOf(4) - 1)
    expect(lab.linked(2, 3)).toBe(false)
  })

  it('carries what swarms say to each other', () => {
    const heard = new Set<number>()
    const lab = swarmLab({
      seed: 1,
      masternodes: 2,
      nodes: 12,
      prepare: (swarm, index) => {
        swarm.handle(Tx, () => {
          heard.add(index)
          return 'accept'
        })
      },
    })
    lab.run(20_000)
    lab.swarm(11).broadcast(Tx, 1)
    lab.run(2_000)
    expect(heard.size).toBe(11)
  })

  it('silences and resets the present link of a pair, and a new one takes its place', () => {
    for (const harm of ['silence', 'reset'] as const) {
      const lab = swarmLab({ seed: 1, masternodes: 2 })
      lab.run(20_000)
      const before = lab.swarm(0).peer(lab.id(1))?.linkId
      lab[harm](0, 1)
      lab.run(30_000)
      expect(lab.linked(0, 1)).toBe(true)
      expect(lab.swarm(0).peer(lab.id(1))?.linkId).not.toEqual(before)
    }
  })

  it('knows no node beyond those it has', () => {
    const lab = swarmLab({ seed: 1, masternodes: 2 })
    expect(() => lab.id(2)).toThrow(RangeError)
    expect(lab.size).toBe(2)
  })
})

describe('a lab whose hosts use promises', () => {
  const Ask = request<number, number>('ask')
  const run = async (seed: number): Promise<{ readonly answers: readonly number[]; readonly trace: string }> => {
    const answers: number[] = []
    const lab = swarmLab({
      seed,
      masternodes: 3,
      prepare: (swarm, index) => {
        swarm.respond(Ask, async (n) => {
          await Promise.resolve()
          return n * 10
        })
        if (index === 0)
          swarm.on('peer:connect', async (peer) => {
            answers.push(await peer.request(Ask, await peer.request(Ask, 1)))
          })
      },
    })
    await lab.runAsync(20_000)
    expect(lab.now).toBe(21_000)
    return { answers, trace: lab.trace }
  }

  it('settles them between its instants, and is the same each time', async () => {
    const [first, again, other] = [await run(1), await run(1), await run(2)]
    expect(first.answers).toEqual([100, 100])
    expect(again).toEqual(first)
    expect(other.trace).not.toBe(first.trace)
  })
})

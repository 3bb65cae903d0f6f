/** A directory that the operator trusts to name the masternodes. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { PeerId } from '../../src/ports/types.js'
import type { Link } from '../../src/ports/transport.js'
import type { DirectoryAnswer, TrustedDirectory } from '../../src/ports/discovery.js'
import { memoryStorage } from '../../src/storage/memory.js'
import type { HoldfastError } from '../../src/errors.js'
import { swarmLab } from '../../src/testing/index.js'
import { World } from './world.js'

const ignore = (): void => undefined
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

type Answer = readonly string[] | Error | 'silence' | 'nonsense'

/** A directory whose answer the test decides. */
class Page implements TrustedDirectory {
  readonly refreshMs = 60_000
  answer: Answer
  asked = 0
  cancelled = 0

  constructor(answer: Answer) {
    this.answer = answer
  }

  list({ listed, failed }: DirectoryAnswer): () => void {
    this.asked++
    if (this.answer instanceof Error) failed(this.answer)
    else if (this.answer === 'nonsense') listed(7 as never)
    else if (this.answer !== 'silence') listed(this.answer)
    return () => {
      this.cancelled++
    }
  }
}

function network(page: Page, seed = 1): { lab: ReturnType<typeof swarmLab>; errors: HoldfastError[] } {
  const errors: HoldfastError[] = []
  const lab = swarmLab({
    seed,
    masternodes: 0,
    nodes: 4,
    seeds: [],
    swarm: (index) => (index === 0 ? { directory: page } : {}),
    prepare: (swarm, index) => {
      if (index === 0) swarm.on('error', (error) => errors.push(error))
    },
  })
  return { lab, errors }
}

describe('a trusted directory', () => {
  it('lists masternodes, who are dialled, and takes them off again', () => {
    const page = new Page('silence')
    const { lab } = network(page)
    page.answer = [lab.address(0), lab.address(1), lab.address(2)]
    lab.run(40_000)
    expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('masternode')
    expect(lab.swarm(0).peer(lab.id(2))?.class).toBe('masternode')
    page.answer = [lab.address(2), lab.address(3)]
    lab.run(65_000)
    expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('regular')
    expect(lab.swarm(0).peer(lab.id(3))?.class).toBe('masternode')
    expect(page.asked).toBeGreaterThan(1)
  })

  it('changes nothing while it fails, is silent, is empty or talks nonsense; and says so once, not each time', () => {
    const page = new Page('silence')
    const { lab, errors } = network(page, 2)
    page.answer = [lab.address(1)]
    lab.run(40_000)
    expect(lab.swarm(0).masternodes.size).toBe(1)
    const bad: Answer[] = [
      new Error('404'),
      'silence',
      'nonsense',
      [],
      [lab.address(2), 'tcp://nobody'],
      many(4_097),
      [lab.address(2), 'tcp://0.0.0.0:7'],
      [lab.address(2), `tcp://${lab.id(3)}@10.0.0.1:0`],
    ]
    for (const answer of bad) {
      page.answer = answer
      const before = page.asked
      lab.run(200_000)
      expect(page.asked).toBeGreaterThan(before + 1)
      expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(1)])
      page.answer = [lab.address(1)]
      lab.run(100_000)
    }
    expect(errors.map(({ code, fault }) => `${code} ${fault}`)).toEqual([
      'directory-failed network',
      'directory-failed network',
      ...bad.slice(2).map(() => 'directory-failed remote'),
    ])
  })

  it('that fails in another way than before is told of again', () => {
    const page = new Page('silence')
    const { lab, errors } = network(page, 2)
    for (const answer of [new Error('404'), [], [], new Error('404')]) {
      page.answer = answer
      lab.run(200_000)
    }
    expect(errors.map(({ message }) => message)).toEqual([
      'the directory cannot be read',
      'the directory lists 0 masternodes, and not 1 to 4096',
      'the directory cannot be read',
    ])
  })

  it('does not bring back whom the operator took off', () => {
    const page = new Page('silence')
    const { lab } = network(page, 3)
    page.answer = [lab.address(1), lab.address(2)]
    lab.run(40_000)
    lab.swarm(0).masternodes.remove(lab.id(1))
    lab.run(200_000)
    expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(2)])
    lab.swarm(0).masternodes.add(lab.address(1))
    expect(lab.swarm(0).masternodes.size).toBe(2)
  })

  it('is remembered over a restart at which it does not answer', () => {
    const storage = memoryStorage()
    const page = new Page('silence')
    const lab = swarmLab({
      seed: 4,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (index) => (index === 0 ? { directory: page, storage } : {}),
    })
    page.answer = [lab.address(1)]
    lab.run(160_000)
    lab.kill(0)
    page.answer = 'silence'
    lab.start(0)
    lab.run(5_000)
    expect(lab.linked(0, 1)).toBe(true)
    expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('masternode')
  })

  it('makes room at the door for as many as it named before a restart, also before it answers', async () => {
    const world = new World()
    const storage = memoryStorage()
    const page = new Page(range(400).map((i) => `memory://${world.identity().id}@m${String(i)}:1`))
    const options = { directory: page, storage, perIpLimits: false, identity: world.identity() }
    const before = await world.started('before', options)
    await world.run(1_000)
    const stopped = before.swarm.stop()
    await world.run(2_000)
    await stopped
    page.answer = 'silence'
    const { swarm } = await world.started('after', options)
    for (const i of range(80)) {
      const opened = (link: Link): void => {
        link.open({ data: ignore, drained: ignore, ended: ignore, closed: ignore })
      }
      world.network
        .transport(`half-open ${String(i)}`)
        .dial(parseAddress('memory://after:1'), { opened, failed: ignore })
    }
    await world.settle()
    expect([swarm.masternodes.size, swarm.status().pending]).toEqual([400, 80])
    await world.stop()
  })

  it('is asked no more once the node stops, and what it says then is nobody’s', async () => {
    const world = new World()
    const answers: DirectoryAnswer[] = []
    let cancelled = 0
    const directory: TrustedDirectory = {
      list: (answer) => {
        answers.push(answer)
        return () => {
          cancelled++
        }
      },
    }
    const { swarm } = await world.started('a', { directory })
    const other = world.node('b')
    await world.run(1_000)
    const stopping = swarm.stop()
    answers[0]?.listed([other.address])
    await world.run(400_000)
    await stopping
    expect([answers.length, cancelled, swarm.masternodes.size]).toEqual([1, 1, 0])
    expect(world.clock.armed).toBe(0)
  })

  it('is called off where it stops the node as it is asked', async () => {
    const world = new World()
    let cancelled = 0
    const directory: TrustedDirectory = {
      list: () => {
        void node.swarm.stop()
        return () => {
          cancelled++
        }
      },
    }
    const node = world.node('a', { directory })
    await node.swarm.start()
    await world.run(1_000)
    expect(cancelled).toBe(1)
    expect(world.clock.armed).toBe(0)
  })

  it('that throws is a failure like any other', async () => {
    const world = new World()
    const directory: TrustedDirectory = {
      list: () => {
        throw new Error('broken')
      },
    }
    const node = await world.started('a', { directory })
    await world.run(100)
    expect(node.heard('error').map(([{ code }]) => code)).toEqual(['directory-failed'])
    await world.stop()
  })

  it('is checked like every option', () => {
    const world = new World()
    expect(() => world.node('a', { directory: {} as never })).toThrow('directory must be')
    const refreshed = { refreshMs: 10, list: () => () => undefined }
    expect(() => world.node('b', { directory: refreshed })).toThrow('directory.refreshMs')
  })
})

function many(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `tcp://10.0.0.1:${String(i + 1)}`)
}

describe('a host that strikes somebody off as it hears what follows from an answer', () => {
  it('has the last word', () => {
    const page = new Page('silence')
    const denied = new Set<PeerId>()
    const lab = swarmLab({
      seed: 7,
      masternodes: 0,
      nodes: 4,
      seeds: [],
      swarm: (index) => ({
        authorize: ({ peerId }) => (denied.has(peerId) ? false : 'regular'),
        ...(index === 0 ? { directory: page } : {}),
      }),
    })
    const { masternodes } = lab.swarm(0)
    page.answer = [lab.address(1), lab.address(2)]
    lab.run(120_000)
    expect(lab.swarm(0).peers.size).toBe(2)
    lab.swarm(0).on('peer:disconnect', () => {
      masternodes.remove(lab.id(3))
    })
    for (const i of [1, 2]) denied.add(lab.id(i))
    page.answer = [lab.address(3)]
    lab.run(120_000)
    expect([masternodes.list(), lab.linked(0, 3)]).toEqual([[], false])
  })
})

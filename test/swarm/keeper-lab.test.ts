/** What outlives a process, and what happens when it cannot be kept. */
import { describe, expect, it } from 'vitest'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { Storage } from '../../src/ports/storage.js'
import type { PeerId } from '../../src/ports/types.js'
import { memoryStorage } from '../../src/storage/memory.js'
import type { HoldfastError } from '../../src/errors.js'
import { Tx } from './hub.js'
import { listen } from './lab-ear.js'
import type { Node } from './world.js'
import { World } from './world.js'

const STORED = { source: 'hello', addresses: ['memory://b:1'], configured: [], linkedMs: 9, lastSeenAt: 9 }

function withTypo(id: string): string {
  return `${id.slice(0, 20)}${id[20] === 'a' ? 'b' : 'a'}${id.slice(21)}`
}

async function stopped({ swarm }: Node, world: World): Promise<void> {
  const over = swarm.stop()
  await world.run(2_000)
  await over
}

/** A storage that cannot be read until it is mended. */
function breakable(storage: Storage): { readonly broken: Storage; readonly mend: () => void } {
  let isBroken = true
  const broken: Storage = {
    save: storage.save.bind(storage),
    load: (name, answer) => {
      if (isBroken) answer.failed(new Error('bad disk'))
      else storage.load(name, answer)
    },
  }
  return { broken, mend: () => (isBroken = false) }
}

/** A storage that answers when it is told to, and a node that began without it; somebody had been banned before. */
async function begunSlowly(bindSave: (storage: Storage) => Storage['save']) {
  const world = new World()
  const storage = memoryStorage()
  const identity = world.identity()
  const before = await world.started('before', { storage, identity })
  const { id } = world.identity()
  before.swarm.ban(id)
  await stopped(before, world)
  const loads: (() => void)[] = []
  const load: Storage['load'] = (name, answer) => {
    loads.push(() => {
      storage.load(name, answer)
    })
  }
  const { swarm } = world.node('slow', { storage: { load, save: bindSave(storage) }, identity })
  const starting = swarm.start()
  await world.run(5_001)
  await starting
  return { world, swarm, loads, stateOf: () => swarm.explain(id).state, unban: () => swarm.unban(id) }
}

describe('a node with a storage', () => {
  it('knows after a restart whom it knew, whom it had banned and how good they were', () => {
    const storage = memoryStorage()
    const books: PeerStore[] = []
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 4,
      swarm: (index) => {
        if (index !== 0) return {}
        const peerStore = new PeerStore()
        books.push(peerStore)
        return { storage, peerStore }
      },
      prepare: (swarm, index) => {
        swarm.handle(Tx, () => (index === 0 ? 'reject' : 'accept'))
      },
    })
    lab.run(700_000)
    for (let i = 0; i < 3; i++) lab.swarm(1).broadcast(Tx, i, { to: [lab.id(0)] })
    lab.run(121_000)
    expect(lab.swarm(0).explain(lab.id(1)).state).toBe('banned')
    const before = lab.swarm(0).peer(lab.id(2))?.score
    lab.kill(0)
    lab.start(0)
    expect(lab.swarm(0).explain(lab.id(1)).state).toBe('banned')
    expect(lab.swarm(0).explain(lab.id(1)).ban?.forMs).toBeLessThan(300_000 - 119_000)
    expect(books.at(-1)?.get(lab.id(2))?.addresses.length).toBeGreaterThan(0)
    lab.run(60_000)
    expect(lab.swarm(0).peer(lab.id(2))?.class).toBe('regular')
    expect(lab.swarm(0).peer(lab.id(2))?.score.success).toBeGreaterThan((before?.success ?? 1) / 2)
    lab.run(300_000)
    expect(lab.swarm(0).explain(lab.id(1)).state).not.toBe('banned')
  })

  it('pins an address over a restart to the peer that was found there first', () => {
    const storage = memoryStorage()
    const places: string[] = []
    const { lab } = listen({
      seed: 2,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (index) => (index === 0 ? { storage, masternodes: places } : {}),
    })
    places.push(`tcp://${lab.address(1).split('@')[1] ?? ''}`)
    lab.kill(0)
    lab.start(0)
    lab.run(125_000)
    expect(lab.swarm(0).masternodes.has(lab.id(1))).toBe(true)
    lab.kill(1)
    lab.kill(0)
    lab.start(0)
    lab.run(100)
    expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(1)])
  })

  it('leaves out ids with a changed character, and dials nobody for them', async () => {
    const world = new World()
    const b = await world.started('b')
    const { id } = b.swarm
    const mistyped = withTypo(id)
    const entry = { ...STORED, id: mistyped }
    const saved = {
      version: 1,
      peers: [entry, { ...entry, id, addresses: [`memory://${mistyped}@b:1`, 'memory://b:1'] }],
      pinnedAddresses: [['memory://b:1', mistyped]],
    }
    const storage = memoryStorage()
    storage.save('peers', saved, { saved: () => undefined, failed: () => undefined })
    const peerStore = new PeerStore()
    const a = await world.started('a', { storage, peerStore, masternodes: ['memory://b:1'] })
    expect(peerStore.get(mistyped as PeerId)).toBeNull()
    expect(peerStore.get(id)?.addresses.length).toBe(1)
    await world.run(10_000)
    expect(a.swarm.masternodes.has(id)).toBe(true)
    expect(a.swarm.peers.has(id)).toBe(true)
  })

  it('outlives a book of the host that holds such ids', async () => {
    const world = new World()
    const b = await world.started('b')
    const peerStore = new PeerStore()
    const entry = { ...STORED, id: withTypo(b.swarm.id) }
    peerStore.restore({ version: 1, peers: [entry], pinnedAddresses: [] }, 10)
    const a = await world.started('a', { peerStore })
    await world.run(120_000)
    expect(a.swarm.status().dialsFailed['wrong-identity']).toBeGreaterThan(0)
  })

  it('keeps a pin for who is listed by that address while the node runs: whoever else answers there is a stranger', () => {
    const storage = memoryStorage()
    const places: string[] = []
    const options = { seed: 2, masternodes: 0, nodes: 3, seeds: [] }
    const { lab } = listen({ ...options, swarm: (index) => (index === 0 ? { storage, masternodes: places } : {}) })
    const place = `tcp://${lab.address(1).split('@')[1] ?? ''}`
    places.push(place)
    lab.kill(0)
    lab.start(0)
    lab.run(125_000)
    expect(lab.swarm(0).masternodes.has(lab.id(1))).toBe(true)
    places.pop()
    lab.kill(0)
    lab.start(0)
    lab.run(100)
    expect(lab.swarm(0).masternodes.size).toBe(0)
    lab.swarm(0).masternodes.add(place)
    lab.run(100)
    expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(1)])
  })

  it('does not take whom the host has banned for the masternode of an address', () => {
    const { lab } = listen({ seed: 2, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(100)
    lab.swarm(0).ban(lab.id(1), { cause: 'bad' })
    lab.swarm(0).masternodes.add(`tcp://${lab.address(1).split('@')[1] ?? ''}`)
    lab.run(30_000)
    expect([lab.swarm(0).masternodes.has(lab.id(1)), lab.swarm(0).explain(lab.id(1)).ban?.cause]).toEqual([
      false,
      'bad',
    ])
    lab.swarm(0).unban(lab.id(1))
    lab.run(120_000)
    expect(lab.swarm(0).masternodes.has(lab.id(1))).toBe(true)
  })

  it('saves when it stops, and stops all the same where that takes for ever', async () => {
    const saved: string[] = []
    const slow: Storage = {
      load: (_, { loaded }) => {
        loaded(null)
      },
      save: (name, _, answer) => {
        saved.push(name)
        if (name !== 'bans') answer.saved()
      },
    }
    const world = new World()
    const node = await world.started('a', { storage: slow })
    const { swarm } = node
    const stopping = swarm.stop()
    await world.run(499)
    expect(swarm.status().state).toBe('stopping')
    await world.run(2)
    await stopping
    expect(saved).toEqual(['peers', 'bans', 'scores'])
    expect(node.heard('error').map(([{ message }]) => message)).toEqual(['bans was not saved before the swarm stopped'])
  })

  it('says so once of what has not been saved for a minute, and saves the rest', async () => {
    const storage = memoryStorage()
    const saved: string[] = []
    const world = new World()
    const node = await world.started('node', {
      storage: {
        ...storage,
        save: (name, _, { saved: done }) => {
          saved.push(name)
          if (name !== 'peers') done()
        },
      },
    })
    await world.run(400_000)
    expect(node.heard('error').map(([{ code, message }]) => [code, message])).toEqual([
      ['storage-failed', 'peers is not saved yet'],
    ])
    expect(saved.filter((name) => name === 'peers')).toHaveLength(1)
    expect(saved.filter((name) => name === 'bans').length).toBeGreaterThan(2)
  })

  it('begins without what cannot be read, or is not read in time, says so, and never writes over it', async () => {
    const errors: HoldfastError[] = []
    const tried: string[] = []
    const broken: Storage = {
      load: (name, { loaded, failed }) => {
        if (name === 'peers') failed(new Error('bad disk'))
        if (name === 'bans') loaded({ version: 1, savedAt: 'x', bans: [null, 7, {}] })
      },
      save: (name) => {
        tried.push(name)
        throw new Error('no room')
      },
    }
    const world = new World()
    const node = world.node('a', { storage: broken })
    node.swarm.on('error', (error) => errors.push(error))
    const starting = node.swarm.start()
    await world.run(4_999)
    expect(node.swarm.status().state).toBe('starting')
    await world.run(2)
    await starting
    expect(errors.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'storage-failed: peers cannot be read, and is not written over',
      'storage-failed: scores was not read in time, and is not written over',
    ])
    await world.run(121_000)
    expect(errors.slice(2).map(({ message }) => message)).toEqual(['bans cannot be saved'])
    await world.stop()
    expect(new Set(tried)).toEqual(new Set(['bans']))
  })

  it('has what could be read only later, and saves it from then on, with what is new', async () => {
    const world = new World()
    const identity = world.identity()
    const [old, fresh] = [world.identity().id, world.identity().id]
    const storage = memoryStorage()
    const before = await world.started('before', { storage, identity })
    before.swarm.ban(old)
    await stopped(before, world)
    const { broken, mend } = breakable(storage)
    const after = await world.started('after', { storage: broken, identity })
    mend()
    after.swarm.ban(fresh)
    await world.run(5_001)
    expect([old, fresh].map((id) => after.swarm.explain(id).state)).toEqual(['banned', 'banned'])
    await stopped(after, world)
    const last = await world.started('last', { storage, identity })
    expect([old, fresh].map((id) => last.swarm.explain(id).state)).toEqual(['banned', 'banned'])
    await world.stop()
  })

  it('bans nobody for what it reads only after the host has pardoned him', async () => {
    const world = new World()
    const identity = world.identity()
    const [pardoned, banned] = [world.identity().id, world.identity().id]
    const storage = memoryStorage()
    const before = await world.started('before', { storage, identity })
    for (const id of [pardoned, banned]) before.swarm.ban(id)
    await stopped(before, world)
    const { broken, mend } = breakable(storage)
    const after = await world.started('after', { storage: broken, identity })
    after.swarm.unban(pardoned)
    mend()
    await world.run(121_000)
    expect([pardoned, banned].map((id) => after.swarm.explain(id).state)).toEqual(['unknown', 'banned'])
    await world.stop()
  })

  it('ends the link of whom it reads only later to have been banned for good, and goes on asking a storage that is silent', async () => {
    const world = new World()
    const [identity, thief] = [world.identity(), world.identity()]
    const storage = memoryStorage()
    const before = await world.started('before', { storage, identity })
    before.swarm.ban(thief.id)
    await stopped(before, world)
    const asked: string[] = []
    let answers: 'never' | 'fails' | 'loads' = 'fails'
    const after = await world.started('after', {
      identity,
      storage: {
        save: storage.save.bind(storage),
        load: (name, answer) => {
          asked.push(name)
          if (answers === 'fails' || name === 'scores') {
            if (answers === 'fails') answer.failed(new Error('bad disk'))
          } else if (answers === 'loads') storage.load(name, answer)
        },
      },
    })
    const guest = await world.started('thief', { identity: thief })
    await world.connect(guest, after)
    expect(after.swarm.peers.size).toBe(1)
    answers = 'loads'
    await world.run(121_000)
    expect(after.swarm.peers.size).toBe(0)
    expect(guest.heard('peer:disconnect').map(([, { code }]) => code)).toEqual(['banned'])
    await world.run(600_000)
    expect(asked.filter((name) => name === 'scores').length).toBe(8)
    await world.stop()
  })

  it('takes the answer to its first question though it comes late, and no second one', async () => {
    const { world, loads, stateOf, unban } = await begunSlowly((storage) => storage.save.bind(storage))
    const late = loads.splice(0)
    await world.run(2_000)
    expect(stateOf()).toBe('unknown')
    for (const answer of late) answer()
    expect(stateOf()).toBe('banned')
    unban()
    for (const answer of late) answer()
    await world.run(200_000)
    expect(stateOf()).toBe('unknown')
    expect(loads).toEqual([])
    await world.stop()
  })

  it('takes what a slow storage answers, however late, and begins no save once it has stopped', async () => {
    const saves: (() => void)[] = []
    const { world, swarm, loads, stateOf } = await begunSlowly(() => (_, __, { saved }) => {
      saves.push(saved)
    })
    loads.length = 0
    await world.run(120_000)
    const late = loads.splice(0)
    await world.run(70_000)
    for (const answer of late) answer()
    expect(stateOf()).toBe('banned')
    await world.run(120_000)
    expect(saves.length).toBe(3)
    const stopping = swarm.stop()
    await world.run(1_000)
    await stopping
    for (const saved of saves.splice(0)) saved()
    expect(saves).toEqual([])
  })

  it('saves at the end what has changed since a save began that is still under way', async () => {
    const world = new World()
    const storage = memoryStorage()
    const begun: (() => void)[] = []
    let isSlow = false
    const node = await world.started('node', {
      storage: {
        load: storage.load.bind(storage),
        save: (name, value, answer) => {
          if (!isSlow || name !== 'bans') storage.save(name, value, answer)
          else
            begun.push(() => {
              storage.save(name, value, answer)
            })
        },
      },
    })
    isSlow = true
    await world.run(121_000)
    expect(begun.length).toBe(1)
    const { id } = world.identity()
    node.swarm.ban(id)
    const stopping = node.swarm.stop()
    isSlow = false
    begun.shift()?.()
    await world.run(1_000)
    await stopping
    const again = await world.started('again', { storage })
    expect(again.swarm.explain(id).state).toBe('banned')
    await world.stop()
  })

  it('pins what it reads only later, and lets nobody else in at that address', () => {
    const storage = memoryStorage()
    const places: string[] = []
    let isBroken = false
    const { lab } = listen({
      seed: 2,
      masternodes: 0,
      nodes: 3,
      seeds: [],
      swarm: (index) =>
        index === 0
          ? {
              masternodes: places,
              storage: {
                save: storage.save.bind(storage),
                load: (name, answer) => {
                  if (isBroken) answer.failed(new Error('bad disk'))
                  else storage.load(name, answer)
                },
              },
            }
          : {},
    })
    places.push(`tcp://${lab.address(1).split('@')[1] ?? ''}`)
    lab.kill(0)
    lab.start(0)
    lab.run(125_000)
    expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(1)])
    lab.kill(1)
    lab.kill(0)
    isBroken = true
    lab.start(0)
    lab.run(1_000)
    expect(lab.swarm(0).masternodes.list()).toEqual(places)
    isBroken = false
    lab.run(125_000)
    expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(1)])
  })

  it('stops at once when it is stopped while the storage is silent, and never begins', async () => {
    const world = new World()
    const silent: Storage = { load: () => undefined, save: () => undefined }
    const { swarm } = world.node('a', { storage: silent })
    const starting = swarm.start()
    const stopping = swarm.stop()
    await world.run(10_000)
    await Promise.all([starting, stopping])
    expect(swarm.status().state).toBe('stopped')
    expect(world.clock.armed).toBe(0)
  })

  it('takes only a storage that can load and save', () => {
    const world = new World()
    expect(() => world.node('a', { storage: { load: () => undefined } as never })).toThrow('storage must be')
  })
})

/** Who is listed is treated as that, whatever the host says of its class, whatever a storage says late, and whoever dials whom. */
import { describe, expect, it } from 'vitest'
import type { Storage } from '../../src/ports/storage.js'
import { message } from '../../src/protocol/message.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'

const Tx = message<number>('tx')
const HOUR_MS = 3_600_000

/** What the log says, from this level on. */
function logger(level: 'info' | 'warn', said: string[]) {
  const say = (text: string): void => {
    said.push(text)
  }
  return { debug: () => undefined, info: level === 'info' ? say : () => undefined, warn: say }
}

/** Cannot be read until `open` is called; then it holds what it was given. */
function late(stored: Readonly<Record<string, unknown>>): {
  readonly storage: Storage
  readonly saved: Map<string, unknown>
  readonly open: () => void
} {
  const saved = new Map<string, unknown>()
  let isOpen = false
  const storage: Storage = {
    load: (name, { loaded, failed }) => {
      if (isOpen) loaded(stored[name] ?? null)
      else failed(new Error('busy'))
    },
    save: (name, value, answer) => {
      saved.set(name, value)
      answer.saved()
    },
  }
  return { storage, saved, open: () => (isOpen = true) }
}

describe('what is read late', () => {
  it.each(['nothing', 'lists that one elsewhere, too', 'removes it', 'removes it and lists it anew'])(
    'says whose an address is, whoever was found there since; the host meanwhile does: %s',
    async (deed) => {
      const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 3 })
      const place = probe.address(2).replace(/\/\/.*@/, '//')
      const [owner, thief] = [probe.id(1), probe.id(2)]
      const { storage, saved, open } = late({ peers: { version: 1, peers: [], pinnedAddresses: [[place, owner]] } })
      const said: string[] = []
      const lab = swarmLab({
        seed: 5,
        masternodes: 0,
        nodes: 3,
        seeds: [],
        swarm: (i) => (i === 0 ? { masternodes: [place], storage, logger: logger('warn', said) } : {}),
      })
      await lab.runAsync(30_000)
      const { masternodes } = lab.swarm(0)
      expect(lab.swarm(0).peer(thief)?.class).toBe('masternode')
      if (deed.startsWith('removes')) masternodes.remove(place)
      if (deed === 'removes it and lists it anew') masternodes.add(place)
      if (deed === 'lists that one elsewhere, too') masternodes.add(`tcp://${thief}@10.99.0.1:1`)
      await lab.runAsync(10_000)
      open()
      await lab.runAsync(241_000)
      const isOwners = !deed.startsWith('removes')
      const isThiefs = deed === 'removes it and lists it anew' || deed === 'lists that one elsewhere, too'
      expect([masternodes.has(owner), masternodes.has(thief)]).toEqual([isOwners, isThiefs])
      expect(lab.swarm(0).peer(thief)?.class === 'masternode').toBe(isThiefs)
      const pins = isOwners ? [[place, owner]] : isThiefs ? [[place, thief]] : []
      expect(saved.get('peers')).toMatchObject({ pinnedAddresses: pins })
      expect(said.filter((text) => text.includes(`is ${owner}'s, as was saved`)).length).toBe(isOwners ? 1 : 0)
    },
  )

  it('says nothing of an address that the host has taken off meanwhile, where nobody had been found', async () => {
    const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 3 })
    const place = probe.address(2).replace(/\/\/.*@/, '//')
    const { storage, open } = late({ peers: { version: 1, peers: [], pinnedAddresses: [[place, probe.id(1)]] } })
    const lab = swarmLab({
      seed: 5,
      masternodes: 0,
      nodes: 3,
      seeds: [],
      swarm: (i) => (i === 0 ? { masternodes: [place], storage } : {}),
    })
    lab.kill(2)
    await lab.runAsync(30_000)
    lab.swarm(0).masternodes.remove(place)
    open()
    await lab.runAsync(120_000)
    lab.start(2)
    lab.swarm(0).masternodes.add(place)
    await lab.runAsync(30_000)
    expect(lab.swarm(0).peer(lab.id(2))?.class).toBe('masternode')
  })

  it('of bans by the host holds, also beside a longer one by strikes', async () => {
    const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 2 })
    const ban = (by: string, hours: number): object => ({
      key: probe.id(1),
      cause: by,
      by,
      remainingMs: hours * HOUR_MS,
    })
    const bans = {
      version: 1,
      savedAt: Number.MAX_SAFE_INTEGER,
      bans: [ban('host', 12), ban('strikes', 20)],
      scores: [],
    }
    const { storage, open } = late({ bans })
    const lab = swarmLab({ seed: 5, masternodes: 0, nodes: 2, seeds: [], swarm: (i) => (i === 0 ? { storage } : {}) })
    await lab.runAsync(1_000)
    lab
      .swarm(1)
      .dial(lab.address(0))
      .catch(() => undefined)
    await lab.runAsync(30_000)
    expect(lab.linked(0, 1)).toBe(true)
    open()
    await lab.runAsync(120_000)
    expect(lab.linked(0, 1)).toBe(false)
  })
})

describe('a listed peer', () => {
  it('that can only come to us is not dialled on once it is back, at whatever moment that was', () => {
    for (let restartMs = 11_000; restartMs < 12_000; restartMs += 100) {
      let dials = 0
      const lab = swarmLab({
        seed: 5,
        masternodes: 2,
        nodes: 2,
        seeds: [],
        net: { undialable: [1], latencyMs: [200, 201], jitterMs: 0 },
        prepare: (swarm, i) => {
          if (i === 0) swarm.on('dial:failed', () => dials++)
        },
      })
      lab.run(60_000)
      lab.silence(0, 1)
      lab.run(50)
      lab.kill(1, { silent: true })
      lab.run(restartMs)
      lab.start(1)
      lab.run(60_000)
      dials = 0
      lab.run(600_000)
      expect([lab.linked(0, 1), dials]).toEqual([true, 0])
    }
  })

  it('that the host calls regular is put in quarantine for what others are banned for', () => {
    const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 2 })
    const told: string[] = []
    let judged = 0
    const lab = swarmLab({
      seed: 5,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (i) => (i === 0 ? { masternodes: [probe.address(1)], authorize: () => 'regular' } : {}),
      prepare: (swarm, i) => {
        swarm.handle(Tx, () => {
          if (i === 0) judged++
          return 'reject'
        })
        for (const event of ['ban', 'peer:quarantine', 'peer:disconnect'] as const)
          if (i === 0) swarm.on(event, () => told.push(event))
      },
    })
    lab.run(10_000)
    expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('regular')
    for (let n = 0; n < 60; n++) {
      lab.swarm(1).broadcast(Tx, n)
      lab.run(500)
    }
    expect([told, judged]).toEqual([['peer:quarantine'], 3])
  })

  it('that the host calls regular is never let go as one too many', () => {
    const told: string[] = []
    const lab = swarmLab({
      seed: 5,
      masternodes: 30,
      nodes: 30,
      swarm: () => ({ authorize: () => 'regular' }),
      prepare: (swarm) => {
        swarm.on('peer:disconnect', (_, { code }) => told.push(code))
      },
    })
    lab.run(300_000)
    expect(told.filter((code) => code === 'useless')).toEqual([])
    expect(lab.links().length).toBe((30 * 29) / 2)
  })

  it('that the host had dialled before waits no longer behind what it dials by hand', () => {
    const lab = swarmLab({ seed: 5, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(1_000)
    const dial = (address: string): void => {
      lab
        .swarm(0)
        .dial(address)
        .catch(() => undefined)
    }
    for (let n = 0; n < 320; n++) dial(`tcp://10.99.${String(n >> 8)}.${String(n & 255)}:24100`)
    dial(lab.address(1))
    lab.run(1_000)
    lab.swarm(0).masternodes.add(lab.address(1))
    lab.run(10_000)
    expect(lab.linked(0, 1)).toBe(true)
  })

  it('that is not what is listed is a warning, also where it was only away at first, and once', () => {
    const said: string[] = []
    let boots = 0
    const lab = swarmLab({
      seed: 7,
      masternodes: 2,
      nodes: 2,
      swarm: (i) => (i === 0 ? { logger: logger('warn', said) } : boots++ === 0 ? {} : { network: 'OTHR' }),
    })
    lab.run(60_000)
    lab.kill(1)
    lab.run(4_000)
    lab.start(1)
    lab.run(2 * HOUR_MS)
    const what = said.map((text) => text.replace(/^.*(failed: |has failed )/, '$1'))
    expect(what).toEqual(['failed: wrong-network', 'has failed 50 times in a row, now as wrong-network'])
  })

  it('that is a seed, too, is told of when it has failed for long', () => {
    const said: string[] = []
    const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 3 })
    const lab = swarmLab({
      seed: 5,
      masternodes: 3,
      nodes: 3,
      swarm: (i) => (i === 0 ? { seeds: [probe.address(2)], logger: logger('warn', said) } : {}),
    })
    lab.run(30_000)
    lab.kill(2)
    lab.run(2 * HOUR_MS)
    expect(said.map((text) => /has failed (\d+) times/.exec(text)?.[1])).toEqual(['50'])
  })

  it('by address alone as a persistent peer is looked for as a masternode once it is listed as that', () => {
    const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 1 })
    const place = 'tcp://10.99.0.1:24100'
    const said: string[] = []
    const lab = swarmLab({
      seed: 5,
      masternodes: 0,
      nodes: 1,
      seeds: [],
      swarm: () => ({ persistent: [place], logger: logger('warn', said) }),
    })
    lab.run(1_000)
    lab.swarm(0).masternodes.add(place)
    lab.run(2 * HOUR_MS)
    expect(probe.id(0)).toBe(lab.id(0))
    expect(said.map((text) => /has failed (\d+) times/.exec(text)?.[1])).toEqual(['50'])
  })
})

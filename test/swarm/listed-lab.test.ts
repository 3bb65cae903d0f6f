/** Who is listed is treated as that, whatever the host says of its class, whatever a storage says late, and whoever dials whom. */
import { describe, expect, it } from 'vitest'
import type { TrustedDirectory } from '../../src/ports/discovery.js'
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
  it.each([
    'nothing',
    'lists that one elsewhere, too',
    'removes it',
    'removes it and lists it anew',
    'revokes the other',
    'bans the other',
    'names that one there',
  ])('says whose an address is, whoever was found there since; the host meanwhile does: %s', async (deed) => {
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
    if (deed === 'revokes the other') masternodes.remove(owner, { revoked: true })
    if (deed === 'bans the other') lab.swarm(0).ban(owner)
    if (deed === 'names that one there') masternodes.add(place.replace('//', `//${thief}@`))
    if (deed === 'removes it and lists it anew') masternodes.add(place)
    if (deed === 'lists that one elsewhere, too') masternodes.add(`tcp://${thief}@10.99.0.1:1`)
    await lab.runAsync(10_000)
    open()
    await lab.runAsync(241_000)
    const isOwners = deed === 'nothing' || deed === 'lists that one elsewhere, too'
    const isThiefs = deed !== 'nothing' && deed !== 'removes it'
    expect([masternodes.has(owner), masternodes.has(thief)]).toEqual([isOwners, isThiefs])
    expect(lab.swarm(0).peer(thief)?.class === 'masternode').toBe(isThiefs)
    const named = deed.startsWith('lists') ? [['tcp://10.99.0.1:1', thief, 'met']] : []
    const pins = deed === 'removes it' ? [] : [...named, [place, isOwners ? owner : thief]]
    const { pinnedAddresses } = saved.get('peers') as { readonly pinnedAddresses: readonly string[][] }
    expect(pinnedAddresses.toSorted()).toEqual(pins)
    expect(said.filter((text) => text.includes(`is ${owner}'s, as was saved`)).length).toBe(isOwners ? 1 : 0)
  })

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

  it.each([true, false])(
    'or in time makes nobody a masternode who is banned, whoever had lived there: %s',
    async (isLate) => {
      const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 3 })
      const [place, other] = [1, 2].map((i) => probe.address(i).replace(/\/\/.*@/, '//')) as [string, string]
      const [banned, owner] = [probe.id(1), probe.id(2)]
      const stored = [
        [place, banned],
        [other, banned],
      ]
      const { storage, saved, open } = late({ peers: { version: 1, peers: [], pinnedAddresses: stored } })
      if (!isLate) open()
      const lab = swarmLab({ seed: 5, masternodes: 0, nodes: 3, seeds: [], swarm: (i) => (i === 0 ? { storage } : {}) })
      await lab.runAsync(1_000)
      lab.swarm(0).ban(banned)
      open()
      await lab.runAsync(130_000)
      for (const address of [place, other]) lab.swarm(0).masternodes.add(address)
      await lab.runAsync(130_000)
      expect([lab.swarm(0).masternodes.has(banned), lab.swarm(0).explain(banned).state]).toEqual([false, 'banned'])
      expect(lab.swarm(0).peer(owner)?.class).toBe('masternode')
      const pins = [
        [place, banned],
        [other, owner],
      ]
      const { pinnedAddresses } = saved.get('peers') as { readonly pinnedAddresses: readonly string[][] }
      expect(pinnedAddresses.toSorted()).toEqual(pins)
    },
  )

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

describe('a directory that names nobody any more where it had named somebody', () => {
  /** A node whose directory names all the others, who list it. */
  function star(wrong: number | null) {
    const nodes = 10
    const probe = swarmLab({ seed: 7, masternodes: 0, nodes: nodes + 1 })
    const page = Array.from({ length: nodes - 1 }, (_, n) => probe.address(n + 1))
    // One that never was there: whoever lives there is another.
    if (wrong !== null) page[wrong - 1] = page[wrong - 1]?.replace(/\/\/.*@/, `//${probe.id(nodes)}@`) ?? ''
    let answer: readonly string[] = page
    const directory: TrustedDirectory = {
      refreshMs: 60_000,
      list: ({ listed }) => {
        listed(answer)
        return () => undefined
      },
    }
    const told: string[] = []
    const lab = swarmLab({
      seed: 7,
      masternodes: 0,
      nodes,
      seeds: [],
      net: { undialable: [1, 2] },
      swarm: (i) => (i === 0 ? { directory } : { masternodes: [probe.address(0)] }),
      prepare: (swarm, i) => {
        for (const event of ['peer:disconnect', 'partition:suspected', 'partition:healed'] as const)
          if (i === 0) swarm.on(event, () => told.push(event))
      },
    })
    const classes = (): (string | undefined)[] => page.map((_, n) => lab.swarm(0).peer(lab.id(n + 1))?.class)
    const strip = (): void => {
      answer = page.map((address) => address.replace(/\/\/.*@/, '//'))
    }
    return { lab, told, classes, strip }
  }

  it('takes nobody off the list that is there, or only comes to us', () => {
    const { lab, told, classes, strip } = star(null)
    lab.run(150_000)
    strip()
    for (let n = 0; n < 60; n++) {
      lab.run(10_000)
      expect(new Set(classes())).toEqual(new Set(['masternode']))
    }
    expect([told, lab.swarm(0).status().masternodes]).toEqual([[], { listed: 9, connected: 9 }])
  })

  it('ends no partition that it is said to end by having fewer names', () => {
    const { lab, told, strip } = star(null)
    lab.run(150_000)
    lab.split([0, 1, 3, 4], [2, 5, 6, 7, 8, 9])
    lab.run(60_000)
    strip()
    told.length = 0
    lab.run(600_000)
    expect(told.filter((event) => event.startsWith('partition'))).toEqual([])
    expect(lab.swarm(0).status().masternodes).toEqual({ listed: 9, connected: 3 })
  })

  it('is believed of one who was never there: whoever is, is the one', () => {
    const { lab, classes, strip } = star(5)
    lab.run(150_000)
    expect(classes()[4]).not.toBe('masternode')
    strip()
    lab.run(180_000)
    expect(new Set(classes())).toEqual(new Set(['masternode']))
    expect(lab.swarm(0).status().masternodes).toEqual({ listed: 9, connected: 9 })
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
    const { quarantine, ban } = lab.swarm(0).explain(lab.id(1))
    expect([quarantine?.cause, ban]).toEqual(['rejected', null])
    expect(quarantine?.forMs).toBeGreaterThan(20_000)
    lab.run(60_000)
    expect(lab.swarm(0).explain(lab.id(1)).quarantine).toBe(null)
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

  it('that the host calls unknown keeps its place when strangers come', () => {
    const nodes = 40
    const probe = swarmLab({ seed: 5, masternodes: 0, nodes })
    const lab = swarmLab({
      seed: 5,
      masternodes: 0,
      nodes,
      seeds: [],
      net: { undialable: [1] },
      swarm: (i) =>
        i === 0
          ? {
              masternodes: [probe.address(1)],
              authorize: ({ peerId }) => (peerId === probe.id(1) ? 'unknown' : 'regular'),
              slots: { regularMax: 20, unknownInboundMax: 19, outboundTarget: 12 },
            }
          : {},
    })
    lab.run(1_000)
    for (let i = 1; i < nodes; i++) {
      lab
        .swarm(i)
        .dial(lab.address(0))
        .catch(() => undefined)
      if (i === 1) lab.run(5_000)
    }
    lab.run(30_000)
    expect([lab.linked(0, 1), lab.swarm(0).peer(lab.id(1))?.class]).toEqual([true, 'unknown'])
  })

  it('is dialled by hand where the host says, also where it is listed elsewhere meanwhile', async () => {
    const lab = swarmLab({ seed: 5, masternodes: 0, nodes: 2, seeds: [] })
    await lab.runAsync(1_000)
    const { masternodes } = lab.swarm(0)
    for (let n = 0; n < 40; n++)
      lab
        .swarm(0)
        .dial(`tcp://10.99.0.${String(n)}:24100`)
        .catch(() => undefined)
    let isDone = false
    lab
      .swarm(0)
      .dial(lab.address(1))
      .then(
        () => (isDone = true),
        () => undefined,
      )
    await lab.runAsync(1_000)
    masternodes.add(`tcp://${lab.id(1)}@10.98.0.1:24100`)
    await lab.runAsync(60_000)
    expect([isDone, lab.linked(0, 1)]).toEqual([true, true])
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

  it('that is another thing at each of its addresses is a warning for each, and once', () => {
    const said: string[] = []
    const probe = swarmLab({ seed: 7, masternodes: 0, nodes: 3 })
    const there = (i: number): string => probe.address(i).replace(/\/\/.*@/, `//${probe.id(1)}@`)
    const lab = swarmLab({
      seed: 7,
      masternodes: 0,
      nodes: 3,
      seeds: [],
      swarm: (i) =>
        i === 0
          ? { masternodes: [there(1), there(2)], logger: logger('warn', said) }
          : i === 1
            ? { network: 'OTHR' }
            : {},
    })
    lab.run(2 * HOUR_MS)
    const what = said.map((text) => text.replace(/^.*(failed: |has failed )/, '$1'))
    expect(what.filter((text) => text.startsWith('failed')).toSorted()).toEqual([
      `failed: wrong-identity, answered by ${probe.id(2)}`,
      'failed: wrong-network',
    ])
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

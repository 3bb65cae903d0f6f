/** One success after failures wakes whoever waits; failures while everything fails are our own; and what each habit is worth. */
import { describe, expect, it } from 'vitest'
import type { Healing } from '../../src/swarm/healing.js'
import { Recovery } from '../../src/swarm/recovery.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

const MINUTE_MS = 60_000

/** Eight masternodes of which four were cut off from the others for so long. */
function cutOff(seed: number, ms: number, healing: Partial<Healing> = {}): Ear {
  const ear = listen({ seed, masternodes: 8, swarm: { healing } })
  ear.lab.run(20_000)
  ear.lab.split([0, 1, 2, 3], [4, 5, 6, 7])
  ear.lab.run(ms)
  ear.lab.heal()
  return ear
}

/** How long until everybody is linked with everybody. */
function timeToMesh({ lab }: Ear, withinMs: number): number {
  const healedAt = lab.now
  const pairs = (lab.size * (lab.size - 1)) / 2
  while (lab.links().length < pairs && lab.now < healedAt + withinMs) lab.run(100)
  return lab.now - healedAt
}

describe('a network that was split', () => {
  it('is whole again within ten seconds, however long it had been apart', () => {
    for (const ms of [MINUTE_MS, 10 * MINUTE_MS, 60 * MINUTE_MS])
      for (const seed of [1, 2, 3]) {
        const timeMs = timeToMesh(cutOff(seed, ms), 300_000)
        expect(timeMs, `${String(ms)} ms, seed ${String(seed)}`).toBeLessThanOrEqual(10_000)
      }
  })

  it('needs most of a minute where no success wakes the others', () => {
    const times = [1, 2, 3].map((seed) => timeToMesh(cutOff(seed, 60 * MINUTE_MS, { recoveryReset: false }), 300_000))
    expect(Math.max(...times)).toBeGreaterThan(20_000)
  })

  it('stays apart for ever where attempts end', () => {
    const ear = cutOff(1, 90 * MINUTE_MS, { giveUp: true })
    ear.lab.run(60 * MINUTE_MS)
    for (const i of [0, 1, 2, 3])
      for (const j of [4, 5, 6, 7]) expect(ear.lab.linked(i, j), `${String(i)} and ${String(j)}`).toBe(false)
  })
})

describe('a success after failures', () => {
  it('has whoever waits tried within five seconds, and nobody later than it was due', () => {
    const agenda = { now: () => 100_000, at: () => ({ cancel: () => undefined }) }
    const random = { float: () => 0.5, bytes: (length: number) => new Uint8Array(length) }
    const dueAt = (at: number): object => ({
      peerClass: 'masternode',
      kept: true,
      attempt: null,
      standing: { kind: 'backing-off', deadline: { at } },
    })
    const targets = [101_000, 102_500, 102_501, 900_000].map(dueAt)
    const resets = new Recovery(agenda as never, random, true).reset(targets as never, () => undefined)
    expect(resets).toEqual(targets.slice(2).map((target) => ({ target, delayMs: 2_500 })))
  })
})

describe('peers of whom one cannot be dialled', () => {
  const links = (healing: Partial<Healing>): number => {
    const { lab } = listen({ seed: 1, masternodes: 8, net: { undialable: [0, 1] }, swarm: { healing } })
    lab.run(5 * MINUTE_MS)
    return lab.links().length
  }

  it('are linked all the same, since both sides dial', () => {
    expect(links({})).toBe(28 - 1)
  })

  it('are lost to each other where only one side dials', () => {
    expect(links({ bothSidesDial: false })).toBeLessThan(28 - 1)
  })
})

describe('a node whose links died unnoticed, and that is back as a new process', () => {
  const timeToReturn = (healing: Partial<Healing>): number => {
    const ear = listen({ seed: 1, masternodes: 5, swarm: { healing } })
    ear.lab.run(20_000)
    for (const i of [1, 2, 3, 4]) ear.lab.silence(0, i)
    ear.lab.kill(0)
    ear.lab.run(2_000)
    ear.lab.start(0)
    const startedAt = ear.lab.now
    const back = (): boolean => [1, 2, 3, 4].every((i) => ear.lab.linked(0, i))
    while (!back() && ear.lab.now < startedAt + 300_000) ear.lab.run(100)
    return ear.lab.now - startedAt
  }

  it('takes the places of its own dead links within seconds', () => {
    expect(timeToReturn({})).toBeLessThanOrEqual(5_000)
  })

  it('is kept out by its own dead links where these are not superseded', () => {
    expect(timeToReturn({ supersede: false })).toBeGreaterThan(60_000)
  })
})

describe('a node whose own network is gone', () => {
  it('holds nothing against anybody, and keeps trying at least twice a minute', () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 6 })
    lab.run(20_000)
    lab.split([0], [1, 2, 3, 4, 5])
    lab.run(10 * MINUTE_MS)
    const before = [1, 2, 3, 4, 5].map((i) => lab.swarm(0).explain(lab.id(i)).failures)
    forget()
    lab.run(30 * MINUTE_MS)
    for (const [i, failures] of before.entries()) {
      const explained = lab.swarm(0).explain(lab.id(i + 1))
      expect(explained.failures).toBe(failures)
      if (explained.nextAttemptInMs !== null) expect(explained.nextAttemptInMs).toBeLessThanOrEqual(30_000)
      const tries = heard(0, 'dial:failed').filter(({ args: [{ peerId }] }) => peerId === lab.id(i + 1))
      // Ten seconds until a dial times out, and thirty at most until the next.
      expect(tries.length).toBeGreaterThanOrEqual(44)
    }
    lab.heal()
    lab.run(40_000)
    expect(lab.swarm(0).peers.size).toBe(5)
  })

  it('is not what a node is that still has a link: there, failures count', () => {
    const { lab } = listen({ seed: 1, masternodes: 6 })
    lab.run(20_000)
    lab.split([0, 1], [2, 3, 4, 5])
    lab.run(10 * MINUTE_MS)
    const before = lab.swarm(0).explain(lab.id(3)).failures
    lab.run(30 * MINUTE_MS)
    expect(lab.swarm(0).explain(lab.id(3)).failures).toBeGreaterThan(before + 15)
  })
})

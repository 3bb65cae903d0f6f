/** Links that were told to go: how many there may be, for how long, and whom a crowd of them cuts short. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { ReasonCode } from '../../src/errors.js'
import type { Link } from '../../src/ports/transport.js'
import type { PeerId } from '../../src/ports/types.js'
import { createIdentity } from '../../src/index.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Lingering } from '../../src/swarm/lingering.js'
import { rosterOf } from './roster-of.js'
import { swarmLab } from '../../src/testing/index.js'
import { ManualClock } from './manual-clock.js'
import { besiege } from './siege.js'

const LINGER_MS = 2_000
const STRANGERS_MAX = 64
const OPENED_MAX = 1_024
const me = createIdentity(new Uint8Array(32).fill(1)).id

function room(trusted = 0) {
  const clock = new ManualClock()
  const agenda = new Agenda(clock)
  const masternodes = Array.from({ length: trusted }, (_, i) => parseAddress(`tcp://10.0.0.1:${String(i + 1)}`))
  const lingering = new Lingering(agenda, rosterOf(me, masternodes, []))
  const cut: number[] = []
  const begin = (n: number, wasOpen: boolean, peerId: string = 'one', code: ReasonCode = 'shutdown') => {
    const link = {
      destroy: () => {
        cut.push(n)
      },
    }
    return lingering.begin(
      link as unknown as Link,
      wasOpen ? { peerId: peerId as PeerId, peerClass: 'masternode' } : null,
      code,
    )
  }
  const wait = (ms: number): void => {
    clock.advanceTo(clock.monotonic() + ms)
  }
  return { agenda, lingering, cut, begin, wait, now: () => clock.monotonic() }
}

describe('links that were told to go', () => {
  it('are cut after two seconds, or when there are too many, those first that have had the longest; of either kind', () => {
    const step = fc.record({
      act: fc.constantFrom('come', 'crowd', 'close', 'wait'),
      wasOpen: fc.boolean(),
      pick: fc.nat({ max: 1_000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const { agenda, lingering, cut, begin, wait, now } = room()
        let model: { n: number; wasOpen: boolean; dueAt: number; deadline: { cancel: () => void } }[] = []
        const expected: number[] = []
        const leave = (gone: (one: (typeof model)[number]) => boolean): void => {
          expected.push(...model.filter(gone).map(({ n }) => n))
          model = model.filter((one) => !gone(one))
        }
        let count = 0
        for (const { act, wasOpen, pick } of steps) {
          if (act === 'wait') {
            wait(pick)
            leave(({ dueAt }) => dueAt <= now())
          } else if (act === 'close') {
            const closed = model[pick % Math.max(1, model.length)]
            closed?.deadline.cancel()
            model = model.filter((one) => one !== closed)
          } else
            for (let i = 0; i < (act === 'crowd' ? 40 : 1); i++) {
              const alike = model.filter((one) => one.wasOpen === wasOpen)
              if (alike.length >= (wasOpen ? OPENED_MAX : STRANGERS_MAX)) leave((one) => one === alike[0])
              model.push({ n: ++count, wasOpen, dueAt: now() + LINGER_MS, deadline: begin(count, wasOpen) })
            }
          expect(lingering.size).toBe(model.length)
          expect(agenda.size).toBe(model.length)
        }
        expect(cut).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  it('are 64 where they never said hello, and 1,024 where they did: a crowd of the first cuts none of the second short', () => {
    const { lingering, cut, begin } = room()
    for (let n = 0; n < 2_000; n++) begin(n, true)
    expect([lingering.size, cut.length, cut[0]]).toEqual([OPENED_MAX, 2_000 - OPENED_MAX, 0])
    cut.length = 0
    for (let n = 2_000; n < 4_000; n++) begin(n, false)
    expect(lingering.size).toBe(OPENED_MAX + STRANGERS_MAX)
    expect(Math.min(...cut)).toBe(2_000)
  })

  it('are two for each trusted peer at least: a node that stops says goodbye to all of them', () => {
    const { lingering, cut, begin } = room(600)
    for (let n = 0; n < 1_200; n++) begin(n, true)
    expect([lingering.size, cut]).toEqual([1_200, []])
    begin(1_200, true)
    expect([lingering.size, cut]).toEqual([1_200, [0]])
  })

  it('and are read out are two of each trusted peer, the latest; others have their place all the same', () => {
    const { lingering, cut, begin, wait } = room(2)
    begin(0, true, 'one', 'duplicate')
    begin(1, true, 'two', 'duplicate')
    begin(2, true, 'one')
    begin(3, true, 'one', 'duplicate')
    expect(cut).toEqual([])
    for (const n of [4, 5]) begin(n, true, 'one', 'duplicate')
    expect([cut, lingering.size]).toEqual([[0, 3], 4])
    wait(2_000)
    expect([cut, lingering.size]).toEqual([[0, 3, 2], 3])
    wait(28_000)
    expect([cut.toSorted(), lingering.size]).toEqual([[0, 1, 2, 3, 4, 5], 0])
  })

  it('stay few in a swarm under siege, are counted in its status, and are gone two seconds after', () => {
    const lab = swarmLab({ seed: 1, masternodes: 1, net: { latencyMs: [50, 50] } })
    const ips = Array.from({ length: 250 }, (_, i) => `100.${String(i)}.1.1`)
    // Nobody closes before it is cut: the evicted and those turned away at the door stay as long as they may.
    const clinging = { speaks: false, redials: false, clings: true, dialsPerSec: 5_000 }
    const siege = besiege(lab, { ...clinging, ips, links: 2_500 })
    besiege(lab, { ...clinging, ips: ['101.1.1.1'], links: 200 })
    let most = 0
    for (let t = 0; t < 600; t += 5) {
      lab.run(5)
      most = Math.max(most, lab.swarm(0).status().lingering)
    }
    expect(most).toBe(2 * STRANGERS_MAX)
    lab.run(20_000)
    expect(lab.swarm(0).status()).toMatchObject({ lingering: 0, pending: 0 })
    expect([siege.opened, siege.cut]).toEqual([2_500, 2_500])
  })
})

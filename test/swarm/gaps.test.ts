/** What the host hears of messages that are missing: at once, and once more for whatever was missed within the second after. */
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import type { Connection } from '../../src/swarm/connection.js'
import { SwarmEmitter } from '../../src/swarm/events.js'
import { Gaps } from '../../src/swarm/gaps.js'
import { ManualClock } from './manual-clock.js'

function scene() {
  const clock = new ManualClock()
  const emitter = new SwarmEmitter(() => undefined)
  const current = new Map<string, Connection>()
  const gaps = new Gaps(new Agenda(clock), emitter, (peerId) => current.get(peerId) ?? null)
  const since = clock.monotonic()
  const told: (readonly [PeerId, number])[] = []
  emitter.on('recovered', ({ peerId }) => told.push([peerId, clock.monotonic() - since]))
  const link = (peerId: string | null, epoch = 'first'): Connection & { isOpen: boolean } => {
    const made = { peerId, isOpen: true, epoch } as never
    if (peerId !== null) current.set(peerId, made)
    return made
  }
  return { clock, gaps, told, link }
}

describe('a gap', () => {
  it('is told at once, and what follows it within a second once more when that is over', () => {
    const { clock, gaps, told, link } = scene()
    const a = link('a')
    for (let i = 0; i < 5; i++) {
      gaps.tell(a)
      clock.advance(150)
    }
    clock.advance(10_000)
    expect(told).toEqual([
      ['a', 0],
      ['a', 1_000],
    ])
    gaps.tell(a)
    clock.advance(10_000)
    expect(told.length).toBe(3)
  })

  it('that goes on and on is told once a second', () => {
    const { clock, gaps, told, link } = scene()
    const a = link('a')
    for (let i = 0; i < 50; i++) {
      gaps.tell(a)
      clock.advance(100)
    }
    expect(told.map(([, at]) => at)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000])
  })

  it.each([
    ['first', 2],
    ['second', 1],
  ])(
    'is told where another link of its process has taken its place meanwhile, and of no other: the %s',
    (epoch, times) => {
      const { clock, gaps, told, link } = scene()
      const a = link('a')
      gaps.tell(a)
      gaps.tell(a)
      a.isOpen = false
      link('a', epoch)
      clock.advance(5_000)
      expect(told).toHaveLength(times)
    },
  )

  it('of each link is its own; of one that has ended, or has no peer yet, nothing is told', () => {
    const { clock, gaps, told, link } = scene()
    const [a, b, nobody] = [link('a'), link('b'), link(null)]
    for (const one of [a, b, nobody, a, b]) gaps.tell(one)
    a.isOpen = false
    clock.advance(5_000)
    expect(told).toEqual([
      ['a', 0],
      ['b', 0],
      ['b', 1_000],
    ])
  })
})

/** Large bodies that many ask for: one after the other, the trusted first, and time between for whatever else there is. */
import { describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import type { PeerIdentity } from '../../src/swarm/connection-owner.js'
import { Servings } from '../../src/swarm/servings.js'
import { ManualClock } from './manual-clock.js'

interface Link {
  readonly name: string
  readonly identity: PeerIdentity | null
}

const link = (name: string, peerClass: PeerClass = 'masternode'): Link => ({
  name,
  identity: { peerClass, peerId: name } as PeerIdentity,
})

/** Each body takes so long to write. */
function scene(costMs: number) {
  const clock = new ManualClock()
  const agenda = new Agenda(clock)
  const since = clock.monotonic()
  const sent: { readonly name: string; readonly at: number }[] = []
  const failed: string[] = []
  const broken = new Set<string>()
  const servings = new Servings<Link>({
    agenda,
    send: ({ name }) => {
      sent.push({ name, at: clock.monotonic() - since })
      clock.spend(costMs)
      return !broken.has(name)
    },
    failed: ({ name }) => failed.push(name),
  })
  const ask = (to: Link): void => {
    servings.add(to, 'a')
  }
  return { clock, servings, sent, failed, broken, ask }
}

describe('what is large and was asked for', () => {
  it('goes out at once where nobody else asks', () => {
    const { ask, sent } = scene(5)
    ask(link('a'))
    expect(sent).toEqual([{ name: 'a', at: 0 }])
  })

  it('goes out one at a time, with a rest after each, three times as long as it took', () => {
    const { ask, sent, clock } = scene(5)
    for (const name of ['a', 'b', 'c']) ask(link(name))
    clock.advance(100)
    expect(sent).toEqual([
      { name: 'a', at: 0 },
      { name: 'b', at: 20 },
      { name: 'c', at: 40 },
    ])
  })

  it('shares a rest where each takes next to no time', () => {
    const { ask, sent, clock } = scene(0.25)
    for (let i = 0; i < 9; i++) ask(link(String(i)))
    clock.advance(100)
    expect(sent.map(({ at }) => at)).toEqual([0, 0.25, 0.5, 0.75, 4, 4.25, 4.5, 4.75, 8])
  })

  it('waits for a rest that began before it was asked for', () => {
    const { ask, sent, clock } = scene(5)
    ask(link('a'))
    clock.advance(2)
    ask(link('b'))
    clock.advance(100)
    expect(sent.map(({ at }) => at)).toEqual([0, 20])
  })

  it('goes to trusted peers first, and among those in the order they asked', () => {
    const { ask, sent, clock } = scene(5)
    for (const [name, peerClass] of [
      ['stranger', 'unknown'],
      ['other', 'regular'],
      ['one', 'masternode'],
      ['two', 'persistent'],
    ] as const)
      ask(link(name, peerClass))
    clock.advance(100)
    expect(sent.map(({ name }) => name)).toEqual(['stranger', 'one', 'two', 'other'])
  })

  it('goes to regular peers before strangers, and to each in turn, however much one asks for', () => {
    const { ask, sent, clock } = scene(5)
    const [first, greedy, other, regular] = [
      link('first', 'unknown'),
      link('greedy', 'unknown'),
      link('other', 'unknown'),
      link('regular', 'regular'),
    ]
    ask(first)
    for (let i = 0; i < 5; i++) ask(greedy)
    ask(other)
    ask(regular)
    clock.advance(60)
    expect(sent.map(({ name }) => name)).toEqual(['first', 'regular', 'greedy', 'other'])
  })

  it('goes to nobody who has left, nor once the node stops', () => {
    const { ask, sent, clock, servings } = scene(5)
    const [a, b, c, d] = [link('a'), link('b', 'unknown'), link('c'), link('d')]
    for (const one of [a, b, c, b, d]) ask(one)
    expect(servings.lost(b, null)).toEqual([])
    clock.advance(22)
    servings.stop()
    clock.advance(100)
    expect(sent.map(({ name }) => name)).toEqual(['a', 'c'])
  })

  it('goes to the link that has taken the place of the one that asked, in its turn', () => {
    const { ask, sent, clock, servings } = scene(5)
    const [a, b, c, heir] = [link('a'), link('b'), link('c'), link('heir')]
    for (const one of [a, b, c, b]) ask(one)
    expect(servings.lost(b, heir)).toEqual(['a', 'a'])
    clock.advance(100)
    expect(sent.map(({ name }) => name)).toEqual(['a', 'heir', 'c', 'heir'])
  })

  it('that cannot be sent is said not to be there, and keeps nobody waiting', () => {
    const { ask, sent, failed, broken, clock } = scene(0)
    broken.add('b')
    for (const name of ['a', 'b', 'c']) ask(link(name))
    clock.advance(0)
    expect(sent.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(failed).toEqual(['b'])
  })
})

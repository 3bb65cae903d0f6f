import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { Journal } from '../../src/swarm/journal.js'

const id = (n: number): PeerId => `id-${String(n)}` as PeerId

describe('a journal', () => {
  it('keeps the last ten decisions about each, the latest last', () => {
    const journal = new Journal(() => false)
    for (let n = 0; n < 25; n++) journal.note(id(1), String(n), n)
    expect(journal.of(id(1), 30).map(({ what }) => Number(what))).toEqual(Array.from({ length: 10 }, (_, i) => 15 + i))
    expect(journal.of(id(1), 30).at(-1)).toEqual({ agoMs: 6, what: '24' })
  })

  it('forgets strangers for strangers, and nobody who is listed for them', () => {
    const listed = new Set([id(0)])
    const journal = new Journal((peerId) => listed.has(peerId))
    journal.note(id(0), 'listed', 0)
    for (let n = 1; n <= 2_000; n++) journal.note(id(n), 'came', n)
    expect([0, 1, 2_000].map((n) => journal.of(id(n), 2_000).length)).toEqual([1, 0, 1])
  })

  it('keeps what it noted of who is listed from now on, or no longer', () => {
    const listed = new Set<PeerId>()
    const journal = new Journal((peerId) => listed.has(peerId))
    journal.note(id(1), 'came', 0)
    listed.add(id(1))
    journal.note(id(1), 'listed', 1)
    listed.clear()
    journal.note(id(1), 'went', 2)
    expect(journal.of(id(1), 2).map(({ what }) => what)).toEqual(['came', 'listed', 'went'])
  })
})

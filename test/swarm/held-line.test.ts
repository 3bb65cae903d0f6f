/** Whose turn it is of those who are here, and of those who have left. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { HeldLine } from '../../src/swarm/held-line.js'

interface Item {
  readonly name: string
  readonly senders: readonly PeerId[]
}

const item = (name: string, ...senders: readonly string[]): Item => ({
  name,
  senders: senders.length === 0 ? [name.slice(0, 1) as PeerId] : (senders as PeerId[]),
})

const draw = (line: HeldLine<Item>, count: number): string =>
  Array.from({ length: count }, () => {
    const next = line.next()
    return next === null ? 'none' : `${next.item.name}${next.isGone ? ' gone' : ''}`
  }).join(', ')

describe('the line of those who wait for the end of a break', () => {
  it('has one turn for all who have left, in which they take turns', () => {
    const line = new HeldLine<Item>()
    for (const name of ['a1', 'a2', 'b1', 'b2', 'd1', 'd2', 'd3', 'd4', 'd5']) line.join(item(name))
    for (const gone of ['a', 'b']) line.leaves(gone as PeerId)
    expect(draw(line, 10)).toBe('d1, a1 gone, d2, b1 gone, d3, a2 gone, d4, b2 gone, d5, none')
  })

  it('has turns of its own for who is back, first for what it had left', () => {
    const line = new HeldLine<Item>()
    for (const name of ['a1', 'a2', 'b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'd1']) line.join(item(name))
    for (const gone of ['a', 'b']) line.leaves(gone as PeerId)
    line.join(item('a3'))
    expect(line.of('a' as PeerId).map(({ name }) => name)).toEqual(['a1', 'a2', 'a3'])
    expect(draw(line, 7)).toBe('d1, b1 gone, a1, b2 gone, a2, b3 gone, a3')
  })

  it('keeps what others have brought, whoever of them is sent away, and drops what nobody else has', () => {
    const line = new HeldLine<Item>()
    const shared = item('shared', 'a')
    line.join(shared)
    line.leaves('a' as PeerId)
    line.joinToo(shared, 'b' as PeerId)
    line.join(item('b1'))
    expect(line.withdraw('b' as PeerId).map(({ name }) => name)).toEqual(['b1'])
    expect(draw(line, 2)).toBe('shared gone, none')
  })

  it('keeps what another had brought as well who has left, whoever was noted first', () => {
    for (const first of ['a', 'b']) {
      const line = new HeldLine<Item>()
      const shared = item('shared', 'a', 'b')
      line.join(shared)
      line.leaves(first as PeerId)
      line.leaves((first === 'a' ? 'b' : 'a') as PeerId)
      line.returns('b' as PeerId)
      expect(line.withdraw('b' as PeerId)).toEqual([])
      expect(draw(line, 2)).toBe('shared gone, none')
    }
  })

  it('holds no more than once what many bring who leave', () => {
    const line = new HeldLine<Item>()
    const shared = item('shared', 'a')
    line.join(shared)
    for (let i = 0; i < 100; i++) {
      line.joinToo(shared, `b${String(i)}` as PeerId)
      line.leaves(`b${String(i)}` as PeerId)
    }
    expect(line.of('b0' as PeerId)).toEqual([shared])
    expect(line.of('b1' as PeerId)).toEqual([])
    expect(draw(line, 2)).toBe('shared, none')
  })

  it('gives everything once, each sender’s in its order, and to who is here its turn, whoever comes and goes', () => {
    const senders = ['a', 'b', 'c', 'd', 'e'] as PeerId[]
    const step = fc.record({
      call: fc.constantFrom('join', 'join', 'join', 'next', 'leaves', 'withdraw'),
      by: fc.constantFrom(...senders),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const line = new HeldLine<Item>()
        const model = new Map<PeerId, Item[]>(senders.map((sender) => [sender, []]))
        const here = new Set<PeerId>()
        const take = (): void => {
          const next = line.next()
          const [sender] = next?.item.senders ?? []
          if (next === null || sender === undefined) {
            expect([...model.values()].flat()).toEqual([])
            return
          }
          expect(next.isGone).toBe(!here.has(sender))
          expect(model.get(sender)?.shift()).toBe(next.item)
        }
        for (const [i, { call, by }] of steps.entries()) {
          if (call === 'next') take()
          else if (call === 'leaves') {
            line.leaves(by)
            here.delete(by)
          } else if (call === 'withdraw') expect(line.withdraw(by)).toEqual(model.get(by)?.splice(0))
          else {
            const joined = { name: String(i), senders: [by] }
            line.join(joined)
            model.get(by)?.push(joined)
            here.add(by)
          }
        }
        const waits = new Map([...here].map((sender) => [sender, model.get(sender)?.length ?? 0]))
        // Of all who wait, and those who have left as one, each has a turn in every round.
        for (let turn = 0; turn < 2 * senders.length; turn++) take()
        for (const sender of here)
          expect(model.get(sender)?.length).toBeLessThanOrEqual(Math.max(0, (waits.get(sender) ?? 0) - 1))
        while ([...model.values()].flat().length > 0) take()
        take()
      }),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Marked } from '../../src/swarm/marks.js'
import { LinkMarks, LinkSlots } from '../../src/swarm/marks.js'

describe('marks', () => {
  it('are those of one link and one message, whoever had the slot before', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'keep' as const }),
      fc.constant({ kind: 'open' as const }),
      fc.nat().map((pick) => ({ kind: 'close' as const, pick })),
      fc
        .tuple(fc.nat(), fc.nat(), fc.constantFrom('told' as const, 'sent' as const))
        .map(([link, message, mark]) => ({ kind: 'mark' as const, link, message, mark })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const slots = new LinkSlots()
        const messages: Marked[] = []
        const links: LinkMarks[] = []
        const marked = new Map<LinkMarks, Set<string>>()
        for (const one of steps) {
          if (one.kind === 'keep') messages.push({ number: messages.length, told: null, sent: null })
          else if (one.kind === 'open') links.push(new LinkMarks(slots.take(), messages.length))
          else if (one.kind === 'close') {
            const [gone] = links.splice(one.pick % Math.max(1, links.length), 1)
            if (gone !== undefined) slots.giveBack(gone.slot)
          } else {
            const link = links[one.link % Math.max(1, links.length)]
            const message = messages[one.message % Math.max(1, messages.length)]
            if (link === undefined || message === undefined) continue
            link.add(one.mark, message)
            marked.set(link, (marked.get(link) ?? new Set()).add(`${one.mark} ${String(message.number)}`))
          }
          for (const link of links)
            for (const message of messages)
              for (const mark of ['told', 'sent'] as const)
                expect(link.has(mark, message)).toBe(
                  marked.get(link)?.has(`${mark} ${String(message.number)}`) === true,
                )
        }
      }),
      { numRuns: 50 },
    )
  })

  it('take no more slots than there are links', () => {
    const slots = new LinkSlots()
    expect([slots.take(), slots.take(), slots.take()]).toEqual([0, 1, 2])
    slots.giveBack(1)
    slots.giveBack(0)
    expect([slots.take(), slots.take(), slots.take()]).toEqual([0, 1, 3])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SharedBody } from '../../src/policy/memory.js'
import { Memory } from '../../src/policy/memory.js'
import type { PeerClass } from '../../src/ports/types.js'

const MIB = 1024 * 1024
const CLASSES: readonly PeerClass[] = ['unknown', 'regular', 'persistent', 'masternode']
const SHARE = { unknown: 0.5, regular: 0.75, persistent: 0.875, masternode: 1 }
const anyClass = fc.constantFrom(...CLASSES)
const anyPriority = fc.constantFrom('urgent' as const, 'normal' as const, 'bulk' as const)

/** What of a budget is in use once this class can add no more. */
function filled(memory: Memory, add: (peerClass: PeerClass) => boolean, peerClass: PeerClass): number {
  for (let i = 0; i < 10_000 && add(peerClass); i++);
  return memory.status().usedBytes
}

describe('the memory of a node', () => {
  const steps = fc.array(
    fc.record({ what: fc.nat(5), peerClass: anyClass, priority: anyPriority, bytes: fc.nat(3 * MIB), pick: fc.nat() }),
    { maxLength: 120 },
  )

  it('never grows past the share of whoever adds to it, and is empty once everything is done with', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const memory = new Memory(64 * MIB, { size: 0 })
        const undo: (() => void)[] = []
        const bodies: { readonly bodyBytes: number; readonly shared: SharedBody }[] = []
        for (const { what, peerClass, priority, bytes, pick } of all) {
          const before = memory.status().usedBytes
          let grew = false
          if (what === 0)
            undo.splice(pick % (undo.length + 1), 1).forEach((run) => {
              run()
            })
          else if (what === 1) {
            grew = memory.arrived(peerClass, bytes)
            if (grew)
              undo.push(() => {
                memory.done(bytes)
              })
          } else {
            if (what === 2) bodies.push({ bodyBytes: bytes, shared: { holders: 0 } })
            const queued = (what === 3 ? undefined : bodies[pick % Math.max(1, bodies.length)]) ?? { bodyBytes: bytes }
            grew = memory.queue(peerClass, priority, queued)
            if (grew)
              undo.push(() => {
                memory.unqueue(queued)
              })
          }
          const { usedBytes } = memory.status()
          if (grew) expect(usedBytes).toBeLessThanOrEqual(64 * MIB * SHARE[peerClass])
          else expect(usedBytes).toBeLessThanOrEqual(before)
        }
        for (const run of undo) run()
        expect(memory.status()).toMatchObject({ usedBytes: 0, outboxBytes: 0, inFlightBytes: 0 })
      }),
    )
  })

  it('sheds strangers first, then regulars, persistent peers, and masternodes last', () => {
    for (const add of ['arrived', 'queue'] as const) {
      const memory = new Memory(64 * MIB, { size: 0 })
      const used = CLASSES.map((peerClass) =>
        filled(
          memory,
          () =>
            add === 'arrived'
              ? memory.arrived(peerClass, 60_000)
              : memory.queue(peerClass, 'urgent', { bodyBytes: 60_000 }),
          peerClass,
        ),
      )
      for (const [i, peerClass] of CLASSES.entries()) {
        expect(used[i]).toBeLessThanOrEqual(SHARE[peerClass] * 64 * MIB)
        expect(used[i]).toBeGreaterThan(SHARE[peerClass] * 64 * MIB - 70_000)
        expect(memory.fits(peerClass, 70_000)).toBe(false)
      }
    }
  })

  it('sheds bulk before normal, and urgent last', () => {
    const memory = new Memory(64 * MIB, { size: 0 })
    const used = (['bulk', 'normal', 'urgent'] as const).map((priority) =>
      filled(memory, (peerClass) => memory.queue(peerClass, priority, { bodyBytes: 60_000 }), 'regular'),
    )
    const [bulk = 0, normal = 0, urgent = 0] = used.map((bytes) => bytes / (48 * MIB))
    expect([bulk > 0.87 && bulk <= 0.875, normal > 0.93 && normal <= 0.9375, urgent > 0.99]).toEqual([true, true, true])
  })

  it('counts a small message as more than its bytes', () => {
    const memory = new Memory(64 * MIB, { size: 0 })
    memory.arrived('masternode', 1)
    expect(memory.status().inFlightBytes).toBe(513)
    memory.queue('masternode', 'normal', { bodyBytes: 1 })
    expect(memory.status().outboxBytes).toBe(161)
  })

  it('stops credit at 32 MiB in flight, or a quarter of a small budget; strangers wait at half of that', () => {
    for (const [budget, most] of [
      [512, 32],
      [64, 16],
    ] as const) {
      const memory = new Memory(budget * MIB, { size: 0 })
      for (const peerClass of CLASSES) {
        while (!memory.isBusy(peerClass)) expect(memory.arrived('masternode', 100_000)).toBe(true)
        const { inFlightBytes } = memory.status()
        expect(inFlightBytes).toBeGreaterThan(most * MIB * SHARE[peerClass])
        expect(inFlightBytes).toBeLessThan(most * MIB * SHARE[peerClass] + 110_000)
      }
    }
  })

  it('has the book and unfinished messages draw on it', () => {
    const book = { size: 0 }
    const memory = new Memory(64 * MIB, book)
    expect(memory.fits('unknown', 32 * MIB)).toBe(true)
    book.size = 1_024
    expect([memory.fits('unknown', 31 * MIB), memory.fits('unknown', 31 * MIB + 1)]).toEqual([true, false])
    memory.partialBytes += MIB
    expect([memory.fits('unknown', 30 * MIB), memory.fits('unknown', 30 * MIB + 1)]).toEqual([true, false])
    expect(memory.status()).toEqual({
      maxBytes: 64 * MIB,
      usedBytes: 2 * MIB,
      outboxBytes: 0,
      inFlightBytes: 0,
      partialBytes: MIB,
      keptBytes: 0,
      bookBytes: MIB,
    })
  })
})

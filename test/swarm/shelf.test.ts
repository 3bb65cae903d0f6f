/** Broadcasts kept for who asks: by age, by number and by bytes, and counted against the memory of the node. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import type { Audience, Kept } from '../../src/swarm/shelf.js'
import { Shelf } from '../../src/swarm/shelf.js'

const MIB = 1_024 * 1_024
const MINUTE = 60_000
const ENTRY_BYTES = 512
const definition = { name: 'tx', nameKind: 'message', priority: 'normal' } as const

interface Scene {
  readonly memory: Memory
  readonly shelf: Shelf
  readonly keep: (key: string, bytes: number, now?: number) => Kept
}

function scene(maxBytes = 512 * MIB): Scene {
  const memory = new Memory(maxBytes, { size: 0 })
  const shelf = new Shelf(memory)
  const keep = (key: string, bytes: number, now = 0): Kept =>
    shelf.keep({ definition, key, bytes: new Uint8Array(bytes) }, 'all', now)
  return { memory, shelf, keep }
}

const keysOf = (shelf: Shelf, from = 0): string[] => Array.from(shelf.since(from), ({ key }) => key)

describe('the shelf', () => {
  it('gives what it keeps by its key, and numbers it as it came', () => {
    const { shelf, keep } = scene()
    const kept = ['a', 'b', 'c'].map((key) => keep(key, 100))
    expect(kept.map(({ number }) => number)).toEqual([0, 1, 2])
    expect([shelf.get('b'), shelf.get('d'), shelf.next]).toEqual([kept[1], null, 3])
    expect([keysOf(shelf), keysOf(shelf, 2), keysOf(shelf, 3)]).toEqual([['a', 'b', 'c'], ['c'], []])
  })

  it('has memory of its own for what is small, hardly more of it than that', () => {
    const { shelf } = scene()
    const record = new Uint8Array(65_536).fill(7)
    const kept = Array.from({ length: 200 }, (_, i) => {
      return shelf.keep({ definition, key: String(i), bytes: record.subarray(i, i + 250) }, 'all', 0)
    })
    record.fill(0)
    expect(kept.every(({ bytes }) => bytes.length === 250 && bytes.every((byte) => byte === 7))).toBe(true)
    const memories = new Set(kept.map(({ bytes }) => bytes.buffer))
    expect([...memories].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(200 * 250 * 1.2)
  })

  it('lets go what is older than a minute as the next one comes', () => {
    const { memory, shelf, keep } = scene()
    keep('old', 1_000, 0)
    keep('young', 100, 1)
    keep('now', 100, MINUTE + 1)
    expect([keysOf(shelf), shelf.get('old')]).toEqual([['young', 'now'], null])
    expect(memory.keptBytes).toBe(2 * (100 + ENTRY_BYTES))
  })

  it('keeps what is a minute old', () => {
    const { shelf, keep } = scene()
    keep('old', 100, 0)
    keep('now', 100, MINUTE)
    expect(keysOf(shelf)).toEqual(['old', 'now'])
  })

  it('keeps 16,384 and no more, and lets the oldest go', () => {
    const { shelf, keep } = scene()
    for (let i = 0; i < 16_385; i++) keep(String(i), 16)
    expect([keysOf(shelf).length, shelf.get('0'), shelf.get('1')?.number]).toEqual([16_384, null, 1])
  })

  it('lets go what every link was sent once a new link would not be told of it', () => {
    const { shelf } = scene()
    const keep = (key: string, audience: Audience): Kept =>
      shelf.keep({ definition, key, bytes: new Uint8Array(16) }, audience, 0)
    for (let i = 0; i < 1_001; i++) keep(String(i), 'newer')
    expect([keysOf(shelf).length, shelf.get('0'), shelf.get('1')?.number]).toEqual([1_000, null, 1])
    keep('owed', 'all')
    for (let i = 0; i < 3_000; i++) keep(`later ${String(i)}`, 'newer')
    // What is asked for may be older than that; what came after it waits behind it.
    expect([keysOf(shelf).length, keysOf(shelf)[0]]).toEqual([3_001, 'owed'])
  })

  it('keeps 32 MiB of a large memory and a sixteenth of a small one', () => {
    for (const [memoryMib, keptMib] of [
      [64, 4],
      [256, 16],
      [512, 32],
      [4_096, 32],
    ] as const) {
      const { memory, shelf, keep } = scene(memoryMib * MIB)
      for (let i = 0; i < 40; i++) keep(String(i), MIB)
      expect(keysOf(shelf).length, String(memoryMib)).toBe(keptMib - 1)
      expect(memory.keptBytes).toBe((keptMib - 1) * (MIB + ENTRY_BYTES))
    }
  })

  it('counts exactly what it keeps, whatever comes and goes, and keeps the newest of it', () => {
    const steps = fc.array(fc.record({ bytes: fc.nat(700_000), waitMs: fc.nat(9_000) }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (all) => {
        const { memory, shelf, keep } = scene(64 * MIB)
        let now = 0
        for (const [i, { bytes, waitMs }] of all.entries()) {
          keep(String(i), bytes, (now += waitMs))
          const kept = Array.from(shelf.since(0))
          expect(memory.keptBytes).toBe(kept.reduce((sum, one) => sum + one.bytes.length + ENTRY_BYTES, 0))
          expect(memory.keptBytes).toBeLessThanOrEqual(4 * MIB)
          expect(kept.map(({ number }) => number)).toEqual(kept.map((_, at) => i + 1 - kept.length + at))
          for (const one of kept) {
            expect(now - one.keptAt).toBeLessThanOrEqual(MINUTE)
            expect(shelf.get(one.key)).toBe(one)
          }
          expect(shelf.get(String(i - kept.length))).toBe(null)
        }
      }),
    )
  })

  it('shows what it keeps among what the node holds', () => {
    const { memory, keep } = scene()
    keep('a', 10_000)
    expect(memory.status()).toMatchObject({ keptBytes: 10_000 + ENTRY_BYTES, usedBytes: 10_000 + ENTRY_BYTES })
  })

  it('refuses nobody memory: what is kept goes before anything else is refused', () => {
    const { memory, keep } = scene(64 * MIB)
    for (let i = 0; i < 40; i++) keep(String(i), MIB)
    expect(memory.fits('unknown', 27 * MIB)).toBe(true)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, EMPTY, hex, joinBytes } from '../../src/protocol/bytes.js'
import { Fragmenter, Reassembly } from '../../src/protocol/fragment.js'
import { FRAME, FRAME_BYTES_MAX, FrameReader } from '../../src/protocol/frame.js'
import { varintBytes, varintLength } from '../../src/protocol/varint.js'
import { readAll, run, show } from './frames.js'

interface Sent {
  readonly type: number
  readonly body: Uint8Array
}

function fragmentsOf(lane: number, { type, body }: Sent): readonly Uint8Array[] {
  const fragmenter = new Fragmenter(lane, type, [copyBytes(body, 0, 3), copyBytes(body, 3)])
  const frames: Uint8Array[] = []
  while (!fragmenter.done) frames.push(joinBytes(fragmenter.next()))
  return frames
}

/** The bodies of fragment frames. */
function bodiesOf(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  const reader = new FrameReader()
  return frames.flatMap((frame) =>
    readAll(reader, frame).map((read) => {
      if (typeof read === 'string' || read.type !== FRAME.fragment) throw new Error(`not a fragment: ${show(read)}`)
      return read.body
    }),
  )
}

function fault(reassembly: Reassembly, ...bytes: readonly number[]): string {
  const read = reassembly.add(Uint8Array.from(bytes))
  return read.kind === 'fault' ? read.fault : read.kind
}

describe('fragments', () => {
  it('give the same messages however the lanes interleave', () => {
    const sent = fc.record({ type: fc.integer({ min: 64, max: 319 }), size: fc.integer({ min: 1, max: 100_000 }) })
    const lanes = fc.tuple(...[0, 1, 2].map(() => fc.array(sent, { maxLength: 2 })))
    fc.assert(
      fc.property(lanes, fc.array(fc.nat(2), { maxLength: 30 }), (messages, turns) => {
        const queues = messages.map((list, lane) =>
          list.flatMap(({ type, size }) => [...bodiesOf(fragmentsOf(lane, { type, body: run(size, lane) }))]),
        )
        const reassembly = new Reassembly(100_000)
        const heard: string[][] = [[], [], []]
        for (let i = 0; ; i++) {
          const left = [0, 1, 2].filter((lane) => (queues[lane]?.length ?? 0) > 0)
          const lane = left[(turns[i % Math.max(1, turns.length)] ?? i) % left.length]
          const body = lane === undefined ? undefined : queues[lane]?.shift()
          if (lane === undefined || body === undefined) break
          const read = reassembly.add(body)
          expect(read.kind).not.toBe('fault')
          if (read.kind === 'whole') heard[lane]?.push(show(read.frame))
        }
        expect(heard).toEqual(
          messages.map((list, lane) => list.map(({ type, size }) => show({ type, body: run(size, lane) }))),
        )
        expect(reassembly.waiting).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  it('each fit into a frame, and only the first tells the total', () => {
    const frames = fragmentsOf(2, { type: 300, body: run(70_000) })
    const bodies = bodiesOf(frames)
    expect(bodies).toHaveLength(3)
    for (const body of bodies) expect(body.length + varintLength(FRAME.fragment)).toBeLessThanOrEqual(FRAME_BYTES_MAX)
    const head = joinBytes([Uint8Array.of(2), varintBytes(70_002), varintBytes(300)])
    expect(hex(bodies[0] ?? new Uint8Array(0)).startsWith(hex(head))).toBe(true)
    expect(bodies[1]?.[0]).toBe(2)
  })

  it('carry at least a kilobyte each, apart from the last', () => {
    expect(fault(new Reassembly(9_000), 0, ...varintBytes(2_000), 64, ...run(1_023))).toBe('partial')
    expect(fault(new Reassembly(9_000), 0, ...varintBytes(2_000), 64, ...run(1_022))).toBe('fragment-broken')
    const reassembly = new Reassembly(9_000)
    expect(fault(reassembly, 1, ...varintBytes(2_050), 64, ...run(1_024))).toBe('partial')
    expect(fault(reassembly, 1, ...run(1_024))).toBe('partial')
    expect(fault(reassembly, 1, 5)).toBe('whole')
    expect(fault(new Reassembly(9_000), 0, 3, 64, 1, 2)).toBe('whole')
  })

  it('are refused in a lane that does not exist', () => {
    expect(fault(new Reassembly(100), 2, 2, 64, 1)).toBe('whole')
    expect(fault(new Reassembly(100), 3, 2, 64, 1)).toBe('fragment-broken')
    expect(fault(new Reassembly(100), 0x80, 1, 2, 64, 1)).toBe('fragment-broken')
  })

  it('are refused where they hold nothing, or more than was announced', () => {
    const started = (): Reassembly => {
      const reassembly = new Reassembly(9_000)
      expect(fault(reassembly, 0, ...varintBytes(1_030), 64, ...run(1_026))).toBe('partial')
      return reassembly
    }
    expect(fault(started(), 0, 1, 2, 3)).toBe('whole')
    expect(fault(started(), 0)).toBe('fragment-broken')
    expect(fault(started(), 0, 1, 2, 3, 4)).toBe('fragment-broken')
    expect(fault(new Reassembly(100), 0, 0, 64)).toBe('fragment-broken')
    expect(fault(new Reassembly(100), 0, 1, 64, 5)).toBe('fragment-broken')
    expect(fault(new Reassembly(100), 0, 4)).toBe('fragment-broken')
    expect(fault(new Reassembly(100))).toBe('fragment-broken')
  })

  it('are refused at the first one where the message is over its bound, headers apart', () => {
    const first = (total: number): readonly number[] => [0, ...varintBytes(total), 64, ...run(1_024)]
    expect(fault(new Reassembly(2_000), ...first(2_064))).toBe('partial')
    expect(fault(new Reassembly(2_000), ...first(2_065))).toBe('message-too-big')
  })

  it('of what is larger than the peer has been told since are not kept, and no offence', () => {
    const reassembly = new Reassembly(100_000)
    reassembly.keptMax = 1_000
    expect(fault(reassembly, 0, ...varintBytes(3_000), 64, ...run(1_999))).toBe('partial')
    expect(reassembly.waiting).toBe(0)
    expect(fault(reassembly, 0, ...run(1_000))).toBe('shed')
    expect(fault(reassembly, 0, ...varintBytes(200_000), 64, ...run(1_999))).toBe('message-too-big')
  })

  it('of an answer are bound by what was asked for, and of nothing else', () => {
    const first = (type: number): readonly number[] => [0, ...varintBytes(5_000), type, ...run(1_024)]
    const asked = new Reassembly(1_000)
    asked.awaitAnswer(0, 5_000)
    expect(fault(asked, ...first(FRAME.response))).toBe('partial')
    expect(fault(new Reassembly(100_000), ...first(FRAME.response))).toBe('message-too-big')
    const again = new Reassembly(1_000)
    again.awaitAnswer(0, 5_000)
    expect(fault(again, ...first(64))).toBe('message-too-big')
  })

  it('of an answer that nobody waits for are not held, nor any longer once nobody does', () => {
    const reassembly = new Reassembly(1_000)
    const first = (id: number): readonly number[] => [id % 3, ...varintBytes(4_000), FRAME.response, id, ...run(1_500)]
    const more = (id: number, length: number): readonly number[] => [id % 3, ...run(length)]
    reassembly.awaitAnswer(1, 5_000)
    reassembly.awaitAnswer(2, 5_000)
    expect([fault(reassembly, ...first(1)), fault(reassembly, ...first(2)), fault(reassembly, ...first(3))]).toEqual([
      'partial',
      'partial',
      'stray',
    ])
    expect(reassembly.waiting).toBe(2 * 1_502)
    reassembly.forgetAnswer(1)
    expect(reassembly.waiting).toBe(1_502)
    expect(fault(reassembly, ...more(1, 1_500))).toBe('stray')
    expect(reassembly.add(Uint8Array.from(more(1, 998)))).toEqual({ kind: 'stray', isWhole: true })
    expect(fault(reassembly, ...more(2, 2_498))).toBe('whole')
    expect(reassembly.add(Uint8Array.from(more(3, 2_498)))).toEqual({ kind: 'stray', isWhole: true })
    expect(reassembly.waiting).toBe(0)
  })

  it('of an answer that there is no memory for tell which answer that was', () => {
    const reassembly = new Reassembly(1_000)
    reassembly.awaitAnswer(7, 5_000)
    reassembly.short = true
    expect(fault(reassembly, 0, ...varintBytes(2_000), FRAME.response, 7, ...run(1_500))).toBe('partial')
    expect(reassembly.add(Uint8Array.of(0, ...run(498)))).toMatchObject({ kind: 'shed', answerId: 7 })
  })

  it('of an answer are broken where they do not say which question it is for', () => {
    expect(fault(new Reassembly(1_000), 0, 1, FRAME.response)).toBe('fragment-broken')
  })

  it('are cut from the message as it lies, with no copy of it', () => {
    const body = run(70_000)
    const fragmenter = new Fragmenter(0, 64, [body.subarray(0, 10), new Uint8Array(0), body.subarray(10)])
    const data: Uint8Array[] = []
    while (!fragmenter.done) data.push(...fragmenter.next().slice(2))
    expect(data.filter(({ buffer }) => buffer !== body.buffer).map(({ length }) => length)).toEqual([1])
    expect(hex(joinBytes(data))).toBe(`40${hex(body)}`)
  })

  it('are counted and not kept where there is no room for them, and the message is shed when it is whole', () => {
    const [first, second, third] = bodiesOf(fragmentsOf(1, { type: 64, body: run(70_000) }))
    const reassembly = new Reassembly(100_000)
    const add = (body: Uint8Array | undefined, short: boolean): string => {
      reassembly.short = short
      return `${reassembly.add(body ?? new Uint8Array(0)).kind} ${String(reassembly.waiting)}`
    }
    expect([add(first, false), add(second, true), add(third, false)]).toEqual(['partial 70001', 'partial 0', 'shed 0'])
    expect([add(first, false), add(second, false), add(third, true)]).toEqual([
      'partial 70001',
      'partial 70001',
      'shed 0',
    ])
    expect([add(first, true), add(second, false), add(third, false)]).toEqual(['partial 0', 'partial 0', 'shed 0'])
    for (const body of [first, second]) add(body, false)
    expect(reassembly.add(third ?? new Uint8Array(0))).toMatchObject({ kind: 'whole', frame: { body: run(70_000) } })
  })

  it('tell what the message begins with while it is kept, and once it is shed', () => {
    const body = run(70_000)
    const [head, none] = [body.subarray(0, 16), EMPTY]
    const told = [0, 1, 2, 3].map((shortAt) => {
      const reassembly = new Reassembly(100_000)
      return bodiesOf(fragmentsOf(1, { type: 64, body })).map((fragment, at) => {
        reassembly.short = at === shortAt
        const read = reassembly.add(fragment)
        return 'head' in read ? read.head : null
      })
    })
    expect(told).toEqual([
      [none, none, head],
      [head, none, head],
      [head, head, head],
      [head, head, null],
    ])
  })

  it('tell what they hold of unfinished messages', () => {
    const reassembly = new Reassembly(9_000)
    fault(reassembly, 0, ...varintBytes(3_000), 64, ...run(1_100))
    fault(reassembly, 2, ...varintBytes(3_000), 64, ...run(1_023))
    expect(reassembly.waiting).toBe(1_101 + 1_024)
  })

  it('hold room for three times a beginning that is large, and twice that as more comes', () => {
    const reassembly = new Reassembly(400_000)
    const add = (bytes: number, ...head: readonly number[]): number => {
      fault(reassembly, 1, ...head, ...run(bytes))
      return reassembly.waiting
    }
    expect(add(16_382, ...varintBytes(300_000), 64)).toBe(16_383)
    reassembly.clear()
    expect(add(16_383, ...varintBytes(300_000), 64)).toBe(3 * 16_384)
    expect([32_000, 32_000].map((bytes) => add(bytes))).toEqual([3 * 16_384, 6 * 16_384])
    reassembly.clear()
    expect(add(31_999, ...varintBytes(70_001), 64)).toBe(70_001)
  })
})

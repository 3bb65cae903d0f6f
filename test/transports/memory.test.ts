import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reason } from '../../src/errors.js'
import type { Link, LinkEvents } from '../../src/ports/transport.js'
import type { Address } from '../../src/ports/types.js'
import { memory, MemoryNetwork } from '../../src/transports/memory.js'
import type { MemoryNetworkOptions } from '../../src/transports/memory.js'

const at = (host: string, port: number): Address => ({ scheme: 'memory', peerId: null, host, port, path: '/' })

describe('memory', () => {
  it('does nothing until the deferred steps run', () => {
    const world = stepped()
    let listening = false
    memory(world.network).listen?.(at('a', 7), { ...quiet, listening: () => (listening = true) })
    expect(listening).toBe(false)
    world.run()
    expect(listening).toBe(true)
  })

  it('gives the lowest free port where any was asked for', () => {
    const world = stepped()
    const ports: number[] = []
    const transport = memory(world.network)
    const first = transport.listen?.(at('a', 0), { ...quiet, listening: ({ port }) => ports.push(port) })
    transport.listen?.(at('a', 0), { ...quiet, listening: ({ port }) => ports.push(port) })
    transport.listen?.(at('b', 0), { ...quiet, listening: ({ port }) => ports.push(port) })
    world.run()
    first?.close(() => undefined)
    transport.listen?.(at('a', 0), { ...quiet, listening: ({ port }) => ports.push(port) })
    world.run()
    expect(ports).toEqual([49_152, 49_153, 49_152, 49_152])
  })

  it('keeps two networks apart', () => {
    const here = stepped()
    const there = stepped()
    const failures: Reason[] = []
    memory(here.network).listen?.(at('a', 7), quiet)
    here.run()
    memory(there.network).dial(at('a', 7), { opened: unexpected, failed: (reason) => failures.push(reason) })
    there.run()
    expect(failures).toEqual([{ code: 'connection-refused', fault: 'network' }])
  })

  it('says that a destroyed peer is lost, and drops what was not read', () => {
    const { near, far, run } = pair()
    near.write([new Uint8Array(10)])
    near.destroy()
    const events = recorded(far)
    run()
    expect(events.log).toEqual(['connection-lost network'])
  })

  it('says whose doing an orderly close was', () => {
    const { near, far, run } = pair()
    const events = [recorded(near), recorded(far)]
    near.end()
    run()
    far.end()
    run()
    expect(events.map(({ log }) => log)).toEqual([
      ['ended', 'closed local'],
      ['ended', 'closed remote'],
    ])
  })

  it('lets the other side read on when one destroys its link after both have ended', () => {
    const { near, far, run } = pair()
    near.write([Uint8Array.of(1)])
    near.end()
    far.end()
    const log: string[] = []
    near.open({
      ...recorder(log),
      ended: () => {
        near.destroy()
      },
    })
    run()
    const events = recorded(far)
    run()
    expect(log).toEqual(['aborted local'])
    expect(events).toEqual({ bytes: [1], log: ['ended', 'closed remote'] })
  })

  it('is not closed before what it wrote was read, where a write had returned false', () => {
    const { near, far, run } = pair({ unreadBytesMax: 1 })
    const events = recorded(near)
    near.write([Uint8Array.of(1)])
    near.end()
    far.end()
    run()
    expect(events.log).toEqual(['ended'])
    recorded(far)
    run()
    expect(events.log).toEqual(['ended', 'drained', 'closed local'])
  })

  it('loses the links that were on their way to a listener when it closes', () => {
    const { network, run, step } = stepped()
    const transport = memory(network)
    const accepted: Link[] = []
    const listener = transport.listen?.(at('a', 7), { ...quiet, accepted: (link) => accepted.push(link) })
    run()
    const links: Link[] = []
    transport.dial(at('a', 7), { opened: (link) => links.push(link), failed: unexpected })
    while (links.length === 0) step()
    listener?.close(() => undefined)
    const [near] = links
    if (near === undefined) throw new Error('no link')
    const events = recorded(near)
    run()
    expect(accepted).toEqual([])
    expect(events.log).toEqual(['connection-lost network'])
  })

  it('leaves a listener alone when its predecessor is closed once more', () => {
    const { network, run } = stepped()
    const transport = memory(network)
    const first = transport.listen?.(at('a', 7), quiet)
    run()
    first?.close(() => undefined)
    const accepted: Link[] = []
    transport.listen?.(at('a', 7), { ...quiet, accepted: (link) => accepted.push(link) })
    first?.close(() => undefined)
    transport.dial(at('a', 7), { opened: () => undefined, failed: unexpected })
    run()
    expect(accepted).toHaveLength(1)
  })

  it('is saturated at exactly unreadBytesMax', () => {
    const { near } = pair({ unreadBytesMax: 10 })
    expect(near.write([new Uint8Array(9)])).toBe(true)
    expect(near.write([new Uint8Array(1)])).toBe(false)
  })

  it('copies what is written', () => {
    const { near, far, run } = pair()
    const events = recorded(far)
    const bytes = Uint8Array.of(1, 2)
    near.write([bytes])
    bytes.fill(9)
    run()
    expect(events.bytes).toEqual([1, 2])
  })

  it('goes on after an owner that throws', () => {
    const { near, far, run } = pair()
    const log: string[] = []
    far.open({
      ...recorder(log),
      data: () => {
        throw new Error('owner')
      },
    })
    near.write([Uint8Array.of(1)])
    near.end()
    expect(run).toThrow('owner')
    run()
    expect(log).toEqual(['ended'])
  })

  it('delivers exactly what was written, in order, however writes, ends and steps fall', () => {
    const action = fc.oneof(
      fc.record({ side: fc.nat(1), write: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 }) }),
      fc.record({ side: fc.nat(1), end: fc.constant(true) }),
      fc.record({ steps: fc.nat(5) }),
    )
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const { near, far, run, step } = pair({ unreadBytesMax: 30 })
        const links = [near, far]
        const events = links.map(recorded)
        const written: number[][] = [[], []]
        const over = [false, false]
        const owed = [0, 0]
        for (const act of actions) {
          if ('steps' in act) for (let i = 0; i < act.steps; i++) step()
          else if ('end' in act) {
            links[act.side]?.end()
            over[act.side] = true
          } else {
            const free = links[act.side]?.write(act.write)
            if (free === false) owed[act.side] = 1
            if (over[act.side] === false) for (const chunk of act.write) written[act.side]?.push(...chunk)
          }
        }
        near.end()
        far.end()
        run()
        expect(events.map(({ bytes }) => bytes)).toEqual([written[1], written[0]])
        for (const [side, { log }] of events.entries()) {
          expect(log.filter((event) => event.startsWith('closed'))).toHaveLength(1)
          expect(log.at(-1)).toMatch(/^closed/)
          expect(log.includes('drained')).toBe(owed[side] === 1)
        }
      }),
    )
  })

  it.each([0, 1.5, Number.NaN, 2 ** 31])('refuses unreadBytesMax of %d', (unreadBytesMax) => {
    expect(() => new MemoryNetwork({ unreadBytesMax })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

const quiet = { listening: (): void => undefined, accepted: (): void => undefined, failed: unexpected }

function stepped(options: MemoryNetworkOptions = {}): { network: MemoryNetwork; step: () => boolean; run: () => void } {
  const steps: (() => void)[] = []
  const step = (): boolean => {
    const next = steps.shift()
    next?.()
    return next !== undefined
  }
  const run = (): void => {
    while (step());
  }
  return { network: new MemoryNetwork({ ...options, defer: (next) => steps.push(next) }), step, run }
}

function pair(options?: MemoryNetworkOptions): { near: Link; far: Link; step: () => boolean; run: () => void } {
  const { network, step, run } = stepped(options)
  const links: Link[] = []
  const transport = memory(network)
  transport.listen?.(at('a', 7), { ...quiet, accepted: (link) => links.push(link) })
  transport.dial(at('a', 7), { opened: (link) => links.unshift(link), failed: unexpected })
  run()
  const [near, far] = links
  if (near === undefined || far === undefined) throw new Error('no link')
  return { near, far, step, run }
}

function recorded(link: Link): { readonly log: string[]; readonly bytes: number[] } {
  const log: string[] = []
  const bytes: number[] = []
  link.open({ ...recorder(log), data: (chunk) => bytes.push(...chunk) })
  return { log, bytes }
}

function recorder(log: string[]): LinkEvents {
  return {
    data: () => undefined,
    drained: () => log.push('drained'),
    ended: () => log.push('ended'),
    closed: ({ code, fault }) => log.push(`${code} ${fault}`),
  }
}

function unexpected(): never {
  throw new Error('this event must not come')
}

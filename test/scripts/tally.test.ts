import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Beat, Boot, Outage, Picture, Record } from '../../scripts/start/tally.mjs'
import { countDeliveries, countLinks, reconnections, summarize } from '../../scripts/start/tally.mjs'

function boot(
  name: string,
  { sent = {}, done = [], ...rest }: Partial<Omit<Boot, 'sent'>> & { sent?: object } = {},
): Boot {
  const times = new Map(Object.entries(sent) as [string, number][])
  return { name, boot: 1, fullAt: 0, killed: false, ...rest, sent: times, done }
}

function picture(name: string, peers: Picture['peers']): Picture {
  return { name, id: `id-${name}`, peers }
}

function linked(to: string, direction: 'inbound' | 'outbound', scheme: string): Picture['peers'][number] {
  const address = direction === 'outbound' ? `${scheme}://id-${to}@127.0.0.1:1` : '127.0.0.1:40000'
  return { id: `id-${to}`, direction, address }
}

function beat(from: string, to: string, sentAt: number, gotAt = sentAt, ofBoot = 1): Beat {
  return { from, to, boot: ofBoot, sentAt, gotAt }
}

function outage(node: string, beganAt: number, backAt: number | null, ofBoot = 1): Outage {
  return { node, kind: ofBoot === 1 ? 'freeze' : 'kill', beganAt, backAt, boot: ofBoot }
}

describe('deliveries', () => {
  it('owe every witness what any witness sent or processed', () => {
    const boots = [boot('a', { sent: { x: 1 } }), boot('b', { done: ['x', 'y'] }), boot('c')]
    expect(countDeliveries(boots)).toEqual({ transactions: 1, expected: 6, delivered: 3, lost: 3, processedTwice: 0 })
  })

  it('owe nothing to a process that was killed, and nothing that it alone had', () => {
    const boots = [
      boot('a', { sent: { x: 1 } }),
      boot('b', { done: ['x'] }),
      boot('c', { sent: { z: 1 }, killed: true }),
    ]
    expect(countDeliveries(boots)).toMatchObject({ transactions: 2, expected: 2, delivered: 2, lost: 0 })
  })

  it('owe a killed node what a witness had of it', () => {
    const boots = [boot('a', { done: ['z'] }), boot('b'), boot('c', { sent: { z: 1 }, killed: true })]
    expect(countDeliveries(boots)).toMatchObject({ expected: 2, lost: 1 })
  })

  it('owe a restarted process what was sent since its full mesh, its own included', () => {
    const boots = [
      boot('a', { sent: { before: 9, since: 10, missed: 11 } }),
      boot('c', { killed: true }),
      boot('c', { boot: 2, fullAt: 10, sent: { own: 12 }, done: ['since'] }),
    ]
    // Three to the restarted process; the witness has its own three.
    expect(countDeliveries(boots)).toMatchObject({ expected: 6, delivered: 5, lost: 1 })
  })

  it('owe nothing to a restarted process that never had its full mesh', () => {
    const boots = [boot('a', { sent: { x: 1 } }), boot('c', { killed: true }), boot('c', { boot: 2, fullAt: null })]
    expect(countDeliveries(boots)).toMatchObject({ expected: 1, lost: 0 })
  })

  it('count what one process did more than once, and not what two processes did', () => {
    const boots = [
      boot('a', { done: ['x', 'x', 'x'] }),
      boot('b', { done: ['x'] }),
      boot('c', { done: ['y'], killed: true }),
    ]
    expect(countDeliveries([...boots, boot('c', { boot: 2, done: ['y'] })]).processedTwice).toBe(2)
  })

  it('lose exactly what is taken from a complete record', () => {
    const record = fc
      .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 20 }))
      .chain(([nodes, ids]) =>
        fc.record({ nodes: fc.constant(nodes), ids: fc.constant(ids), gaps: fc.array(fc.nat(nodes * ids - 1)) }),
      )
    fc.assert(
      fc.property(record, ({ nodes, ids, gaps }) => {
        const missing = new Set(gaps.filter((gap) => Math.floor(gap / ids) !== (gap % ids) % nodes))
        const boots = Array.from({ length: nodes }, (_, n) => {
          const all = Array.from({ length: ids }, (__, i) => i)
          const own = all.filter((i) => i % nodes === n)
          const others = all.filter((i) => i % nodes !== n && !missing.has(n * ids + i))
          return boot(`n${String(n)}`, {
            sent: Object.fromEntries(own.map((i) => [`t${String(i)}`, 1])),
            done: others.map((i) => `t${String(i)}`),
          })
        })
        expect(countDeliveries(boots)).toEqual({
          transactions: ids,
          expected: nodes * ids,
          delivered: nodes * ids - missing.size,
          lost: missing.size,
          processedTwice: 0,
        })
      }),
    )
  })
})

describe('links', () => {
  it('are pairs that both ends agree on, by what their opener dialled', () => {
    const pictures = [
      picture('a', [linked('b', 'outbound', 'tcp'), linked('c', 'inbound', 'ws')]),
      picture('b', [linked('a', 'inbound', 'tcp'), linked('c', 'outbound', 'ws')]),
      picture('c', [linked('a', 'outbound', 'ws')]),
    ]
    expect(countLinks(pictures)).toEqual({ links: 2, byTransport: { tcp: 1, ws: 1 } })
  })
})

describe('reconnections', () => {
  it('last until a heartbeat of each end has reached the other', () => {
    const beats = [beat('a', 'b', 101, 105), beat('b', 'a', 110, 130), beat('b', 'a', 140, 141)]
    expect(reconnections(outage('a', 50, 100), [], ['a', 'b'], beats)).toEqual(new Map([['b', 30]]))
  })

  it('are not proven by what was sent before the return', () => {
    const beats = [beat('a', 'b', 101), beat('b', 'a', 99, 102)]
    expect(reconnections(outage('a', 50, 100), [], ['a', 'b'], beats).size).toBe(0)
  })

  it('are not proven by another boot, by one end alone, or by another link', () => {
    const old = [beat('a', 'b', 101, 101, 1), beat('b', 'a', 101)]
    expect(reconnections(outage('a', 50, 100, 2), [], ['a', 'b'], old).size).toBe(0)
    expect(reconnections(outage('a', 50, 100), [], ['a', 'b'], [beat('a', 'b', 101)]).size).toBe(0)
    expect(reconnections(outage('a', 50, 100), [], ['a', 'b'], [beat('b', 'a', 101)]).size).toBe(0)
    const elsewhere = [beat('a', 'c', 101), beat('c', 'a', 101)]
    expect([...reconnections(outage('a', 50, 100), [], ['a', 'b', 'c'], elsewhere).keys()]).toEqual(['c'])
    const crossed = [beat('a', 'b', 101), beat('b', 'c', 101), beat('c', 'a', 101)]
    expect(reconnections(outage('a', 50, 100), [], ['a', 'b', 'c'], crossed).size).toBe(0)
  })

  it('have no sample before the return', () => {
    expect(reconnections(outage('a', 50, null), [], ['a', 'b'], [beat('a', 'b', 60), beat('b', 'a', 60)]).size).toBe(0)
  })

  it('run from the return of the other end where that was away meanwhile', () => {
    const own = outage('a', 50, 100)
    const other = outage('b', 90, 300)
    const beats = [beat('a', 'b', 120, 302), beat('a', 'b', 310), beat('b', 'a', 301, 320)]
    expect(reconnections(own, [own, other], ['a', 'b'], beats)).toEqual(new Map([['b', 20]]))
  })

  it('run from their own return where the other end went away only after they had met', () => {
    const own = outage('a', 50, 100)
    const beats = [beat('a', 'b', 110), beat('b', 'a', 115), beat('a', 'b', 310), beat('b', 'a', 311)]
    expect(reconnections(own, [own, outage('b', 200, 300)], ['a', 'b'], beats)).toEqual(new Map([['b', 15]]))
  })

  it('have no sample where the other end never came back', () => {
    const own = outage('a', 50, 100)
    expect(
      reconnections(own, [own, outage('b', 90, null)], ['a', 'b'], [beat('a', 'b', 110), beat('b', 'a', 110)]).size,
    ).toBe(0)
  })
})

const GOOD: Record = {
  names: ['a', 'b'],
  boots: [boot('a', { sent: { x: 1 } }), boot('b', { done: ['x'] })],
  forged: Array.from({ length: 20 }, (_, i) => `forged${String(i)}`),
  linksAtStart: { links: 1, byTransport: { tcp: 0, ws: 1 } },
  linksAtEnd: { links: 1, byTransport: { tcp: 0, ws: 1 } },
  plannedFaults: 2,
  outages: [outage('a', 50, 100), outage('b', 200, 300)],
  beats: [beat('a', 'b', 110), beat('b', 'a', 145), beat('a', 'b', 315), beat('b', 'a', 320)],
  bannedBy: ['a', 'b'],
  durationMs: 1234.5,
  troubles: [],
}

describe('the summary', () => {
  it('is ok for a run in which everything held', () => {
    expect(summarize(GOOD)).toEqual({
      nodes: 2,
      links: 1,
      expectedLinks: 1,
      byTransport: { tcp: 0, ws: 1 },
      transactions: 1,
      delivered: 2,
      expected: 2,
      lost: 0,
      processedTwice: 0,
      invalidSent: 20,
      invalidAccepted: 0,
      strangerBannedBy: 2,
      kills: 0,
      freezes: 2,
      reconnectMsP50: 20,
      reconnectMsMax: 45,
      durationMs: 1235,
      ok: true,
    })
  })

  const none = { links: 0, byTransport: { tcp: 0, ws: 0 } }
  const bad: readonly [string, Partial<Record>][] = [
    ['links missed at the start', { linksAtStart: none }],
    ['links missed at the end', { linksAtEnd: none }],
    ['the two counts of links differ', { linksAtEnd: { links: 0, byTransport: { tcp: 0, ws: 1 } } }],
    ['a link has no known transport', { linksAtEnd: { links: 1, byTransport: { tcp: 0, ws: 0 } } }],
    ['nothing was sent', { boots: [boot('a'), boot('b')] }],
    ['a transfer was lost', { boots: [boot('a', { sent: { x: 1 } }), boot('b')] }],
    ['a transfer was processed twice', { boots: [boot('a', { sent: { x: 1 } }), boot('b', { done: ['x', 'x'] })] }],
    [
      'a forgery was accepted by all',
      { boots: [boot('a', { sent: { x: 1 }, done: ['forged1'] }), boot('b', { done: ['x', 'forged1'] })] },
    ],
    ['a fault did not happen', { plannedFaults: 3 }],
    ['a fault did not heal', { beats: GOOD.beats.filter(({ sentAt }) => sentAt < 315) }],
    ['too few forgeries were sent', { forged: GOOD.forged.slice(1) }],
    ['one node did not ban the stranger', { bannedBy: ['a', 'a'] }],
    ['something else was wrong', { troubles: ['a: handler-failed'] }],
  ]
  it.each(bad)('is not ok where %s', (_, change) => {
    expect(summarize({ ...GOOD, ...change }).ok).toBe(false)
  })

  it('counts accepted forgeries at every process', () => {
    const boots = [boot('a', { sent: { x: 1 }, done: ['forged1'] }), boot('b', { done: ['x', 'forged1', 'forged2'] })]
    expect(summarize({ ...GOOD, boots }).invalidAccepted).toBe(3)
  })
})

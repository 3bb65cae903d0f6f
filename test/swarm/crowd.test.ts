/**
 * A crowd does anything in any order: afterwards nothing of it is left behind, and who was honest all along has been heard, without
 * waiting for all that the crowd has sent.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Verdict } from '../../src/swarm/registry.js'
import { Crowd } from './crowd.js'
import { settlePromises } from './world.js'

const link = fc.nat(7)
const made = fc.record({
  name: fc.constantFrom('keyed', 'keyed', 'big', 'loose', 'quick'),
  hash: fc.nat(2),
  what: fc.nat(11),
})
const small = fc.constantFrom('keyed', 'loose')
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      who: fc.nat(4),
      epoch: fc.integer({ min: 1, max: 2 }),
      answers: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave' as const), link }) },
  fc.record({ kind: fc.constant('stall' as const), link }),
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      link,
      made,
      how: fc.constantFrom('whole', 'whole', 'part'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('tell', 'get', 'notFound'), link, made }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('note', 'asks', 'cancel'), link, id: fc.integer({ min: 1, max: 4 }) }),
  },
  fc.record({ kind: fc.constant('asked' as const), who: fc.nat(4) }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flood' as const), link, name: small }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('honest' as const), name: fc.oneof(small, fc.constant('quick')) }),
  },
  fc.record({ kind: fc.constant('publish' as const), size: fc.constantFrom(10, 10, 40_000) }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('judge' as const),
      verdict: fc.constantFrom<Verdict>('accept', 'ignore', 'reject'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(0, 50, 300, 2_500, 11_000) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('trust' as const), who: fc.nat(4), isListed: fc.boolean() }) },
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

async function perform(crowd: Crowd, one: Act): Promise<void> {
  const whole = 'made' in one ? crowd.make(one.made.name, String(one.made.hash), String(one.made.what)) : null
  switch (one.kind) {
    case 'join':
      await crowd.join(one.who, one.epoch, one.answers)
      break
    case 'leave':
      crowd.leave(one.link)
      break
    case 'stall':
      crowd.stall(one.link)
      break
    case 'say':
      if (whole !== null) crowd.say(one.link, whole, one.how)
      break
    case 'tell':
      if (whole !== null) crowd.tell(one.link, whole)
      break
    case 'get':
    case 'notFound':
      if (whole !== null) crowd.list(one.link, one.kind, whole)
      break
    case 'note':
      crowd.note(one.link)
      break
    case 'asks':
      crowd.asks(one.link, one.id)
      break
    case 'cancel':
      crowd.cancel(one.link, one.id)
      break
    case 'asked':
      crowd.asked(one.who)
      break
    case 'flood':
      crowd.flood(one.link, one.name)
      break
    case 'honest':
      crowd.honest(one.name)
      break
    case 'publish':
      crowd.publish(one.size)
      break
    case 'judge':
      crowd.judge(one.verdict)
      break
    case 'trust':
      crowd.trust(one.who, one.isListed)
      break
    case 'pass':
      await crowd.world.run(one.ms)
  }
  await crowd.world.settle()
}

/** Of each sender one message, in turn: as many as there are, and the node's own two. */
const TURNS = 8

it('leaves nothing behind, and keeps nobody who is honest from being heard in turn', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.boolean(),
      fc.array(act, { minLength: 40, maxLength: 160, size: 'max' }),
      fc.constantFrom(6, 4_096),
      async (seed, ofStrangers, acts, inFlightMax) => {
        const crowd = new Crowd(seed, ofStrangers, inFlightMax)
        await crowd.begin()
        for (const one of acts) if (!ofStrangers || one.kind !== 'trust') await perform(crowd, one)
        crowd.honest('keyed')
        await crowd.world.settle()
        const roundsMax = crowd.unheard.length * TURNS
        for (let rounds = 0; rounds < roundsMax && crowd.unheard.length > 0; rounds++) await crowd.round()
        const isInTurn = ofStrangers && inFlightMax > 6
        if (isInTurn) expect(crowd.unheard).toEqual([])
        await crowd.end()
        expect(crowd.unheard).toEqual([])
        const { inFlight, memory, peers } = crowd.swarm.status()
        const { inFlightBytes, outboxBytes, partialBytes } = memory
        const left = { inFlight, inFlightBytes, outboxBytes, partialBytes, open: crowd.open }
        expect(left).toEqual({ inFlight: 0, inFlightBytes: 0, outboxBytes: 0, partialBytes: 0, open: 0 })
        expect(peers).toHaveLength(1)
        crowd.honest('keyed')
        await crowd.world.settle()
        expect(crowd.unheard).toEqual([])
        await crowd.round()
        expect(crowd.wrongs).toEqual([])
        expect(crowd.untold).toEqual([])
        expect(await crowd.owedBytes()).toBe(0)
        await settlePromises()
        await crowd.world.stop()
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 100) },
  )
})

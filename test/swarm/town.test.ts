/**
 * Neighbours and the host do anything in any order: what the host was told stays true, and once everybody is well again whoever is
 * wanted is linked, and after the end nothing is left.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Deed } from './town.js'
import { EVENTS, HOUSES, Town } from './town.js'
import { settlePromises } from './world.js'

const who = fc.nat(4)
const house = fc.nat(HOUSES - 1)
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      who,
      house,
      how: fc.constantFrom('both', 'both', 'address'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unlist' as const), who, revoked: fc.boolean() }) },
  fc.record({ kind: fc.constant('strike' as const), house, who: fc.option(who) }),
  fc.record({ kind: fc.constant('rotate' as const), who, to: who, house }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ban' as const),
      who,
      forMs: fc.constantFrom<number | 'permanent'>(3_000, 60_000, 'permanent'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unban' as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('dial' as const), who: fc.option(who), house, isCalledOff: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), who }) },
  fc.record({ kind: fc.constantFrom('deny' as const, 'allow' as const), who }),
  fc.record({ kind: fc.constantFrom('banHouse' as const, 'unbanHouse' as const), house }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      entries: fc.array(fc.record({ house, who: fc.option(who) }), { maxLength: 3 }),
    }),
  },
)
const fate = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      house,
      who,
      knows: fc.constantFrom('lists', 'lists', 'seed', 'nobody'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), house, silent: fc.boolean() }) },
  fc.record({ kind: fc.constant('freeze' as const), house, ms: fc.constantFrom(500, 8_000, 60_000) }),
  fc.record({ kind: fc.constantFrom('silence' as const, 'reset' as const), house }),
  fc.record({ kind: fc.constant('split' as const), houses: fc.array(house, { minLength: 1, maxLength: 3 }) }),
  fc.record({ kind: fc.constantFrom('heal' as const, 'restart' as const) }),
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(0, 30, 200, 1_000, 5_000, 20_000, 90_000),
    }),
  },
)
type Fate = typeof fate extends fc.Arbitrary<infer T> ? T : never
const act = fc.oneof(
  { weight: 2, arbitrary: fate },
  { weight: 1, arbitrary: deed.map((done) => ({ kind: 'host' as const, done })) },
)
const reaction = fc.record({
  on: fc.constantFrom(...EVENTS),
  deed: fc.oneof({ weight: 40, arbitrary: deed }, { weight: 1, arbitrary: fc.constant<Deed>({ kind: 'stop' }) }),
})

async function perform(town: Town, one: Fate | { readonly kind: 'host'; readonly done: Deed }): Promise<void> {
  switch (one.kind) {
    case 'host':
      town.do(one.done)
      break
    case 'move':
      town.move(one.house, one.who, one.knows)
      break
    case 'kill':
      town.kill(one.house, one.silent)
      break
    case 'freeze':
      town.freeze(one.house, one.ms)
      break
    case 'silence':
    case 'reset':
      town[one.kind](one.house)
      break
    case 'split':
      town.split(one.houses)
      break
    case 'heal':
      town.network.heal()
      break
    case 'restart':
      await town.restart()
      break
    case 'pass':
      town.time.run(one.ms)
  }
}

const HOUR_MS = 3_600_000

/** Everybody at a house of their own, and allowed: who is wanted is linked. Then nobody is there, nor listed: who was is hardly looked for. */
async function getWell(town: Town): Promise<void> {
  town.kill(5, false)
  for (let n = 0; n < 5; n++) {
    town.move(n, n, n < 3 ? 'nobody' : 'lists')
    for (const kind of ['unban', 'allow'] as const) town.do({ kind, who: n })
  }
  for (let n = 0; n < HOUSES; n++) town.do({ kind: 'unbanHouse', house: n })
  town.do({ kind: 'publish', entries: [] })
  town.time.run(30_000)
  for (const n of [0, 1, 2]) town.do({ kind: 'list', who: n, how: 'both', house: n })
  // One by its address alone, and not struck off; whoever had been found there is there no more.
  town.do({ kind: 'strike', house: 2, who: null })
  town.do({ kind: 'list', who: 2, how: 'address', house: 2 })
  town.time.run(HOUR_MS)
  await settlePromises()
  expect(town.check()).toEqual([])
  const missing = [0, 1, 2, 3, 4].filter((n) => {
    const here = town.home.peer(town.id(n))?.linkId ?? null
    return here === null || here !== town.neighbour(n)?.peer(town.home.id)?.linkId
  })
  expect(missing.map((n) => town.home.explain(town.id(n)))).toEqual([])
  expect(town.home.peer(town.id(2))?.class).toBe('masternode')
  expect(town.open).toBe(0)
  for (let n = 0; n < HOUSES; n++) {
    town.kill(n, false)
    town.do({ kind: 'unlist', who: n, revoked: false })
    town.do({ kind: 'strike', house: n, who: null })
  }
  const { dials } = town
  town.time.run(HOUR_MS)
  await settlePromises()
  expect(town.dials - dials).toBeLessThan(400)
  expect(town.check()).toEqual([])
}

it('keeps what the host was told true, links who is wanted, and leaves nothing behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.record({
        hasSay: fc.boolean(),
        isSmall: fc.boolean(),
        begins: fc.constantFrom('alone', 'seed', 'persistent'),
      }),
      fc.array(reaction, { maxLength: 24, size: 'max' }),
      fc.array(act, { minLength: 20, maxLength: 100, size: 'max' }),
      async (seed, kind, reactions, acts) => {
        const town = new Town(seed, kind, reactions)
        await town.begin()
        for (const one of acts) {
          await perform(town, one)
          await settlePromises()
          expect(town.check()).toEqual([])
        }
        town.network.heal()
        town.calm()
        if (!town.isStopped) await getWell(town)
        void town.home.stop()
        town.time.run(2_000)
        await settlePromises()
        town.time.run(2_000)
        await settlePromises()
        expect({ told: town.told.size, due: town.due, links: town.linksLeft }).toEqual({
          told: 0,
          due: 0,
          links: 0,
        })
      },
    ),
    { numRuns: Number(process.env.RUNS ?? 60) },
  )
})

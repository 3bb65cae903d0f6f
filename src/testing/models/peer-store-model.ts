/**
 * An address book against plain facts. P1 what was saved comes back; P2 bounded, and pinned and linked peers never make way; P3
 * one teller fills its share at most; P4 no place twice; P6 everybody can be drawn; P8 no instant is in the future. Whom to dial
 * (P5) is the swarm's choice, and checked there as S6.
 */
import { addressKey, networkGroup } from '../../policy/address.js'
import type { PeerSource } from '../../policy/peer-record.js'
import type { Address, PeerId } from '../../ports/types.js'
import { clockSteps } from '../arbitraries.js'
import { must, mustEqual, shown } from '../invariants.js'
import { SeededRandom } from '../seeded-random.js'
import type { Fact, PeerStoreModelOptions } from './naive-book.js'
import { NaiveBook } from './naive-book.js'
import type { PeerStoreUnderTest } from './peer-store-learning.js'
import { keysOf, learn, makeWay } from './peer-store-learning.js'
import type { Any, FastCheck, ModelProperty, Step } from './sequence.js'
import { sequences, step } from './sequence.js'

interface Held {
  book: PeerStoreUnderTest
  readonly create: () => PeerStoreUnderTest
}

type BookStep = Step<NaiveBook, Held>

const IDS = Array.from('abcdefghijklmnopqrst', (letter) => letter.repeat(55) as PeerId)
const PLACES: readonly Address[] = Array.from({ length: 6 }, (_, i) => ({
  scheme: 'tcp',
  peerId: null,
  host: `203.0.${String(i)}.1`,
  port: 24_100,
  path: '/',
}))
const TELLERS = ['198.51.0.0/16', '203.0.0.0/16']
const REGULAR_MAX_MS = 1_000
const JUNK: readonly unknown[] = [null, 7, 'book', [], {}, { version: 1, peers: [null, 3, {}, { id: 'x' }] }]

/**
 * The property that an address book keeps its promises, whoever comes, goes and tells.
 * @param create makes an empty book with these options
 * @param options which options to try; default: small ones, so that every bound is met
 */
export function peerStoreModel(
  check: FastCheck,
  create: (options: PeerStoreModelOptions) => PeerStoreUnderTest,
  options: Any<PeerStoreModelOptions> = smallOptions(check),
): ModelProperty {
  return sequences<PeerStoreModelOptions, NaiveBook, Held>(check, {
    options,
    commands: [...comings(check), ...doings(check), ...wholes(check)],
    begin: (given) => {
      const make = (): PeerStoreUnderTest => create(given)
      return { model: new NaiveBook(given), real: { book: make(), create: make } }
    },
  })
}

function smallOptions(check: FastCheck): Any<PeerStoreModelOptions> {
  return check.record({
    peersMax: check.oneof(check.integer({ min: 1, max: 4 }), check.integer({ min: 8, max: 18 })),
    addressesMax: check.integer({ min: 1, max: 4 }),
    regularAfterMs: check.integer({ min: 1, max: REGULAR_MAX_MS }),
  })
}

/** A command about one peer, after some time. */
function about(
  check: FastCheck,
  name: string,
  run: (model: NaiveBook, book: PeerStoreUnderTest, id: PeerId, fact: Fact | null, place: Address) => void,
): Any<BookStep> {
  const times = check.tuple(clockSteps(check, REGULAR_MAX_MS, false), jumps(check))
  return check
    .tuple(check.constantFrom(...IDS), check.constantFrom(...PLACES), times)
    .map(([id, place, [stepMs, jumpMs]]) =>
      step(
        () => `${name} ${id.slice(0, 1)} (${place.host}) after ${String(stepMs)} ms, wall clock ${String(jumpMs)}`,
        (model, { book }) => {
          model.pass(stepMs, jumpMs)
          run(model, book, id, model.facts.get(id) ?? null, place)
          hold(model, book, id)
        },
      ),
    )
}

function jumps(check: FastCheck): Any<number> {
  return check.oneof(
    { arbitrary: check.constant(0), weight: 9 },
    { arbitrary: check.integer({ min: -9_999, max: 9_999 }), weight: 1 },
  )
}

function comings(check: FastCheck): Any<BookStep>[] {
  const hear = (source: PeerSource, teller?: string): Any<BookStep> =>
    about(check, `learn by ${source} of`, (model, book, id, _fact, place) => {
      learn(model, book, id, place, source, teller)
    })
  return [
    hear('exchange', TELLERS[0]),
    hear('exchange', TELLERS[1]),
    hear('exchange'),
    hear('hello'),
    hear('configured'),
    about(check, 'pin', (model, book, id, fact) => {
      const hadRoom = fact !== null || model.hasRoom(false)
      mustEqual(book.pin(id), hadRoom, 'P2', () => 'whether a peer could be pinned')
      if (!hadRoom) return
      makeWay(model, book, id, false)
      ;(fact ?? model.add(id, 'configured', null)).pinned = true
    }),
    about(check, 'linked, dialled,', (model, book, id, _fact, place) => {
      linked(model, book, id, place)
    }),
    about(check, 'linked, dialled by', (model, book, id) => {
      linked(model, book, id, null)
    }),
  ]
}

function linked(model: NaiveBook, book: PeerStoreUnderTest, id: PeerId, place: Address | null): void {
  const before = book.get(id)
  const known = model.facts.get(id)
  const hadRoom = known !== undefined || model.hasRoom(false)
  const answer = book.linked(id, place, model.now, model.wall)
  mustEqual(answer, hadRoom, 'P2', () => 'whether a linked peer was noted')
  if (!hadRoom) return
  makeWay(model, book, id, false)
  const fact = known ?? model.add(id, place === null ? 'inbound' : 'hello', null)
  model.link(fact, place === null)
  const first = book.get(id)?.addresses[0]
  if (place === null || first === undefined) return
  const isFull = (before?.addresses.length ?? 0) >= model.options.addressesMax
  const barred = isFull && keysOf(before).every((key) => fact.configured.has(key))
  must(barred || addressKey(first) === addressKey(place), 'P4', () => 'the address that worked is not preferred')
}

function doings(check: FastCheck): Any<BookStep>[] {
  const end = (penalty: boolean): Any<BookStep> =>
    about(check, penalty ? 'unlinked with a penalty' : 'unlinked', (model, book, id, fact) => {
      book.unlinked(id, model.now, model.wall, { penalty })
      if (fact !== null) model.unlink(fact, penalty)
    })
  return [
    end(false),
    end(true),
    about(check, 'unpin', (_model, book, id, fact) => {
      book.unpin(id)
      if (fact !== null) fact.pinned = false
    }),
    about(check, 'penalized', (model, book, id, fact) => {
      book.penalized(id, model.now)
      if (fact !== null) model.penalize(fact)
    }),
    about(check, 'failed', (_model, book, id, fact, place) => {
      moved(book, id, addressKey(place), 'failed')
      if (fact !== null) fact.failures++
    }),
    about(check, 'succeeded', (_model, book, id, fact, place) => {
      moved(book, id, addressKey(place), 'succeeded')
      if (fact !== null) fact.failures = 0
    }),
    about(check, 'forget', (model, book, id) => {
      book.forget(id)
      model.facts.delete(id)
    }),
  ]
}

/** A dial of one address came to something, or to nothing: no address comes or goes, and that one is first or last. */
function moved(book: PeerStoreUnderTest, id: PeerId, key: string, what: 'failed' | 'succeeded'): void {
  const before = keysOf(book.get(id))
  book[what](id, key)
  const after = keysOf(book.get(id))
  must(shown(before.toSorted()) === shown(after.toSorted()), 'P4', () => `${shown(before)} became ${shown(after)}`)
  if (!before.includes(key)) return
  mustEqual(
    after.at(what === 'failed' ? -1 : 0),
    key,
    'P4',
    () => `the ${what === 'failed' ? 'last' : 'first'} address`,
  )
}

function wholes(check: FastCheck): Any<BookStep>[] {
  return [
    check.nat().map((seed) =>
      step(
        () => `draw all, seed ${String(seed)}`,
        (model, { book }) => {
          const drawn = [...book.drawn(new SeededRandom(seed))]
          must(drawn.length === model.facts.size && new Set(drawn).size === drawn.length, 'P6', () => shown(drawn))
          must(
            drawn.every((id) => model.facts.has(id)),
            'P6',
            () => shown(drawn),
          )
          mustEqual(shown(book.ids().toSorted()), shown(drawn.toSorted()), 'P6', () => 'the list of ids')
        },
      ),
    ),
    check.constantFrom(...JUNK).map((junk) =>
      step(
        () => `restore ${shown(junk)}`,
        (model, { book }) => {
          book.restore(junk, model.wall)
          for (const id of IDS) hold(model, book, id)
        },
      ),
    ),
    check.tuple(check.nat(1_000_000), jumps(check)).map(([now, jumpMs]) =>
      step(
        () => `restart, wall clock ${String(jumpMs)}`,
        (model, held) => {
          restart(model, held, now, jumpMs)
        },
      ),
    ),
  ]
}

function restart(model: NaiveBook, held: Held, now: number, jumpMs: number): void {
  const before = new Map(IDS.map((id) => [id, keysOf(held.book.get(id))]))
  const stored: unknown = JSON.parse(JSON.stringify(held.book.snapshot(model.now)))
  const book = held.create()
  model.restart(now, jumpMs)
  // The second time everybody is known already, and stays as he is.
  for (let times = 0; times < 2; times++) book.restore(stored, model.wall)
  held.book = book
  const groups: string[] = []
  for (const id of IDS) {
    hold(model, book, id, 'P1')
    mustEqual(shown(keysOf(book.get(id))), shown(before.get(id)), 'P1', () => 'the addresses of a peer')
    const record = book.get(id)
    if (record?.anchor === true) groups.push(networkGroup(record.addresses[0]?.host ?? ''))
    must(record?.anchor !== true || model.classOf(id) === 'regular', 'P1', () => 'an anchor is no regular')
  }
  must(groups.length <= 4 && new Set(groups).size === groups.length, 'P1', () => `anchors in ${shown(groups)}`)
}

/** What holds after every command. */
function hold(model: NaiveBook, book: PeerStoreUnderTest, id: PeerId, name: string = 'P2'): void {
  const fact = model.facts.get(id)
  const record = book.get(id)
  mustEqual(book.size, model.facts.size, 'P2', () => 'the size of the book')
  must(book.size <= model.options.peersMax, 'P2', () => `${String(book.size)} peers`)
  mustEqual(record === null, fact === undefined, name, () => 'whether a peer is unknown')
  mustEqual(book.classOf(id, model.now), model.classOf(id), name, () => 'the class of a peer')
  if (fact === undefined || record === null) return
  const expected = [
    fact.pinned,
    fact.connectedAt,
    fact.lastSeenAt,
    fact.dialedUs,
    fact.failures,
    fact.source,
    fact.linkedMs,
  ]
  const { pinned, connectedAt, lastSeenAt, dialedUs, failures, source, linkedMs } = record
  const actual = [pinned, connectedAt, lastSeenAt, dialedUs, failures, source, linkedMs]
  must(
    actual.every((value, i) => value === expected[i]),
    name === 'P1' && lastSeenAt !== fact.lastSeenAt ? 'P8' : name,
    () => `${shown(actual)} should be ${shown(expected)}`,
  )
  const keys = keysOf(record)
  must(new Set(keys).size === keys.length && keys.length <= model.options.addressesMax, 'P4', () => shown(keys))
  must(
    record.addresses.every(({ peerId }) => peerId === id),
    'P4',
    () => 'an address that names another peer',
  )
  must(
    keys.every((key) => book.reaches(id, key)),
    'P4',
    () => 'an address that does not reach its peer',
  )
}

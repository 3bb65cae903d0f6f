/**
 * A dedup cache, modelled as a list of what is seen, oldest first, and a set of what is in flight. D1 within its bound; D2 `add`
 * says new exactly where the id is not live; D3 an id lives its time unless newer ones need its place, the oldest going first;
 * D4 a duplicate refreshes nothing; D5 a clock that goes back changes nothing; D6 no id is special, and long ones are refused.
 */
import type { DedupBegin, DedupCache, DedupOptions, DedupState } from '../../policy/dedup.js'
import { HOSTILE_IDS, clockSteps } from '../arbitraries.js'
import { must, mustEqual, shown } from '../invariants.js'
import type { Any, FastCheck, ModelProperty, Step } from './sequence.js'
import { sequences, step } from './sequence.js'

/** What the model asks of a dedup cache. */
export type DedupUnderTest = Pick<DedupCache, 'size' | 'inFlight' | 'check' | 'begin' | 'settle' | 'forget' | 'add'>

/** Options as the model draws them: all of them, and small. */
export type DedupModelOptions = Required<DedupOptions>

const IDS: readonly string[] = [...HOSTILE_IDS, 'a', 'b', 'c']
const TOO_LONG: readonly string[] = ['y'.repeat(65), 'z'.repeat(1_000_000)]
const TTL_MAX_MS = 40

class Naive {
  /** Id to the instant at which it is new again, oldest first. */
  readonly seen = new Map<string, number>()
  readonly inFlight = new Set<string>()
  readonly options: DedupModelOptions
  now = 0
  latest = -Infinity
  fresh = 0

  constructor(options: DedupModelOptions) {
    this.options = options
  }

  pass(stepMs: number): number {
    this.now += stepMs
    return this.now
  }

  /** Time moves where the cache is told of it. */
  told(): void {
    this.latest = Math.max(this.latest, this.now)
    for (const [id, expiresAt] of this.seen) {
      if (expiresAt > this.latest) return
      this.seen.delete(id)
    }
  }

  check(id: string): DedupState {
    this.told()
    if (id.length > 64) return 'too-long'
    return this.inFlight.has(id) ? 'in-flight' : this.seen.has(id) ? 'seen' : 'new'
  }

  add(id: string): boolean {
    if (this.check(id) !== 'new') return false
    this.seen.set(id, this.latest + this.options.ttlMs)
    const [oldest] = this.seen.keys()
    if (this.seen.size > this.options.idsMax && oldest !== undefined) this.seen.delete(oldest)
    return true
  }

  begin(id: string): DedupBegin {
    const state = this.check(id)
    if (state !== 'new') return state
    if (this.inFlight.size >= this.options.inFlightMax) return 'full'
    this.inFlight.add(id)
    return 'begun'
  }

  settle(id: string): void {
    this.inFlight.delete(id)
    this.add(id)
  }
}

type DedupStep = Step<Naive, DedupUnderTest>

/**
 * The property that a dedup cache does what a naive list does, whatever is asked of it and whatever its clock does.
 * @param create makes a cache with these options
 * @param options which options to try; default: small ones, so that every bound is met
 */
export function dedupModel(
  check: FastCheck,
  create: (options: DedupModelOptions) => DedupUnderTest,
  options: Any<DedupModelOptions> = smallOptions(check),
): ModelProperty {
  return sequences<DedupModelOptions, Naive, DedupUnderTest>(check, {
    options,
    commands: commandsOf(check),
    begin: (given) => ({ model: new Naive(given), real: create(given) }),
    end: ({ model, real }) => {
      for (const id of model.seen.keys()) agree(model, real, id)
    },
  })
}

function smallOptions(check: FastCheck): Any<DedupModelOptions> {
  return check.record({
    idsMax: check.oneof(check.integer({ min: 1, max: 5 }), check.integer({ min: 60, max: 140 })),
    ttlMs: check.integer({ min: 1, max: TTL_MAX_MS }),
    inFlightMax: check.integer({ min: 1, max: 3 }),
    seed: check.integer({ min: 0, max: 2 ** 32 - 1 }),
  })
}

function commandsOf(check: FastCheck): Any<DedupStep>[] {
  const args = check.tuple(check.constantFrom(...IDS), clockSteps(check, TTL_MAX_MS + 5))
  const call = (name: 'add' | 'begin' | 'check' | 'settle'): Any<DedupStep> =>
    args.map(([id, stepMs]) =>
      step(
        () => `${name}(${shown(id)}, ${signed(stepMs)} ms)`,
        (model, real) => {
          const now = model.pass(stepMs)
          const answer = real[name](id, now)
          mustEqual(answer, model[name](id), NAMES[name], () => `${name} of ${shown(id)}`)
          hold(model, real, id)
        },
      ),
    )
  return [
    call('add'),
    call('begin'),
    call('check'),
    call('settle'),
    args.map(([id]) =>
      step(
        () => `forget(${shown(id)})`,
        (model, real) => {
          real.forget(id)
          model.inFlight.delete(id)
          hold(model, real, id)
        },
      ),
    ),
    check.tuple(check.integer({ min: 1, max: 60 }), clockSteps(check, 5)).map(([count, stepMs]) =>
      step(
        () => `add ${String(count)} new ids, ${signed(stepMs)} ms`,
        (model, real) => {
          model.pass(stepMs)
          addFresh(model, real, count)
        },
      ),
    ),
    check.constantFrom(...TOO_LONG).map((id) =>
      step(
        () => `ids of ${String(id.length)} characters`,
        (model, real) => {
          refuse(model, real, id)
        },
      ),
    ),
  ]
}

const NAMES = { add: 'D2', begin: 'D2', check: 'D3', settle: 'D2' } as const

function addFresh(model: Naive, real: DedupUnderTest, count: number): void {
  for (let i = 0; i < count; i++) {
    const id = `fresh ${String(model.fresh++)}`
    mustEqual(real.add(id, model.now), model.add(id), 'D2', () => `add of ${id}`)
    must(real.size <= model.options.idsMax, 'D1', () => `${String(real.size)} ids are held`)
  }
  const [oldest = IDS[0]] = model.seen.keys()
  hold(model, real, oldest ?? '')
}

function refuse(model: Naive, real: DedupUnderTest, id: string): void {
  const { size } = real
  mustEqual(real.check(id, model.now), 'too-long', 'D6', () => 'check of a long id')
  mustEqual(real.begin(id, model.now), 'too-long', 'D6', () => 'begin of a long id')
  mustEqual(real.add(id, model.now), false, 'D6', () => 'add of a long id')
  real.settle(id, model.now)
  model.told()
  must(real.size <= size, 'D6', () => 'a long id was stored')
}

function hold(model: Naive, real: DedupUnderTest, id: string): void {
  must(real.size <= model.options.idsMax, 'D1', () => `${String(real.size)} ids are held`)
  mustEqual(real.inFlight, model.inFlight.size, 'D1', () => 'the number in flight')
  agree(model, real, id)
  for (const other of IDS) agree(model, real, other)
  must(real.size >= model.seen.size, 'D3', () => `${String(real.size)} of ${String(model.seen.size)} are held`)
}

function agree(model: Naive, real: DedupUnderTest, id: string): void {
  mustEqual(real.check(id, model.now), model.check(id), 'D3', () => `the state of ${shown(id)}`)
}

function signed(ms: number): string {
  return ms < 0 ? String(ms) : `+${String(ms)}`
}

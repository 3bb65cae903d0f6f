/**
 * A backoff, modelled as a delay that is multiplied one failure at a time. B1 a delay lies between raw · (1 − jitter) and raw;
 * B2 raw never falls, and is finite and above 0 after a million failures; B3 a success begins anew; B4 hot dialing ends exactly
 * at its limit, and never where there is none; B5 peers do not disturb each other; B6 equal chance, equal answers.
 */
import type { Backoff, BackoffDecision, BackoffOptions, BackoffRule } from '../../policy/backoff.js'
import type { Random } from '../../ports/clock.js'
import type { PeerClass } from '../../ports/types.js'
import { backoffOptions, peerClasses } from '../arbitraries.js'
import { isClose, must, mustEqual, shown } from '../invariants.js'
import { SeededRandom } from '../seeded-random.js'
import type { Any, FastCheck, ModelProperty, Step } from './sequence.js'
import { sequences, step } from './sequence.js'

/** The default profile, as the design states it. */
const PROFILE: Readonly<Record<PeerClass, BackoffRule>> = {
  masternode: rule(2_000, 60_000, 'unlimited', 50, 'cold'),
  persistent: rule(2_000, 60_000, 'unlimited', 20, 'cold'),
  regular: rule(5_000, 300_000, 10, 'never', 'cold'),
  unknown: rule(5_000, 300_000, 3, 'never', 'forget'),
}

/** Peers of one sequence. */
const KEYS = 4
const MANY_FAILURES = 1_000_000

/** How one peer stands. */
interface Standing {
  peerClass: PeerClass
  failures: number
  /** What a delay would be without chance, after those failures. */
  rawMs: number
  /** Its attempts and answers since it was last reached. Bound: the commands of a sequence. */
  history: { readonly attempt: number; readonly float: number; readonly answer: BackoffDecision }[]
}

interface Model {
  readonly rules: Readonly<Record<PeerClass, BackoffRule>>
  readonly peers: readonly Standing[]
  readonly random: SeededRandom
  /** A second backoff of the same options: it is asked the same, by one peer after the other. */
  readonly twin: Backoff
}

type BackoffStep = Step<Model, Backoff>

/**
 * The property that a backoff keeps to its rules for every history of failures and successes.
 * @param create makes a backoff with these rules
 * @param options which rules to try; default: any. `fc.constant({})` where the rules are the default ones and cannot be changed
 */
export function backoffModel(
  check: FastCheck,
  create: (options: BackoffOptions) => Backoff,
  options: Any<BackoffOptions> = backoffOptions(check),
): ModelProperty {
  const world = check.record({
    given: options,
    seed: check.nat(),
    classes: check.array(peerClasses(check), some(KEYS)),
  })
  return sequences<{ given: BackoffOptions; seed: number; classes: PeerClass[] }, Model, Backoff>(check, {
    options: world,
    commands: commandsOf(check),
    begin: ({ given, seed, classes }) => {
      const rules = completed(given)
      const peers = classes.map((peerClass) => began(peerClass, rules))
      return { model: { rules, peers, random: new SeededRandom(seed), twin: create(given) }, real: create(given) }
    },
    end: ({ model }) => {
      for (const peer of model.peers) replay(model, peer)
    },
  })
}

function commandsOf(check: FastCheck): Any<BackoffStep>[] {
  const key = check.nat(KEYS - 1)
  const fail = key.map((at) =>
    step<Model, Backoff>(
      () => `peer ${String(at)} fails`,
      (model, real) => {
        failed(model, real, at)
      },
    ),
  )
  const succeed = key.map((at) =>
    step<Model, Backoff>(
      () => `peer ${String(at)} is reached`,
      (model, real) => {
        const peer = peerAt(model, at)
        replay(model, peer)
        Object.assign(peer, began(peer.peerClass, model.rules))
        const draw = model.random.float()
        const first = real.next(peer.peerClass, 1, fixed(draw))
        const lost = real.next(peer.peerClass, 0, fixed(draw))
        const bothRetry = first.kind === 'retry' && lost.kind === 'retry'
        // A lost link that waited is no failed dial: it may not yet be one failure too many, nor one to raise the alarm for.
        must(!bothRetry || first.delayMs === lost.delayMs, 'B3', () => `${shown(lost)} is not ${shown(first)}`)
        mustEqual(lost.kind, 'retry', 'B3', () => 'a loss without a failed dial')
      },
    ),
  )
  const many = check.tuple(key, check.oneof(check.nat(100), check.nat(MANY_FAILURES))).map(([at, failures]) =>
    step<Model, Backoff>(
      () => `peer ${String(at)} would fail ${String(failures)} times more`,
      (model, real) => {
        const { peerClass, rawMs, failures: before } = peerAt(model, at)
        const attempt = before + 1 + failures
        const later = real.next(peerClass, attempt, fixed(0))
        ends(model, peerClass, attempt, later)
        const delayMs = later.kind === 'retry' ? later.delayMs : rawMs
        must(Number.isFinite(delayMs) && delayMs > 0, 'B2', () => `${String(delayMs)} ms`)
        must(delayMs >= rawMs || isClose(delayMs, rawMs), 'B2', () => `${String(delayMs)} after ${String(rawMs)} ms`)
      },
    ),
  )
  return [fail, fail, fail, succeed, many]
}

function failed(model: Model, real: Backoff, at: number): void {
  const peer = peerAt(model, at)
  const { capMs, factor, jitter } = model.rules[peer.peerClass]
  if (peer.failures > 0) peer.rawMs = Math.min(capMs, peer.rawMs * factor)
  peer.failures++
  const float = model.random.float()
  const answer = real.next(peer.peerClass, peer.failures, fixed(float))
  peer.history.push({ attempt: peer.failures, float, answer })
  ends(model, peer.peerClass, peer.failures, answer)
  if (answer.kind !== 'retry') return
  const { delayMs } = answer
  const { rawMs } = peer
  must(Number.isFinite(delayMs) && delayMs >= 0, 'B2', () => `${String(delayMs)} ms`)
  must(delayMs <= rawMs || isClose(delayMs, rawMs), 'B1', () => `${String(delayMs)} of ${String(rawMs)} ms`)
  const leastMs = rawMs * (1 - jitter)
  must(delayMs >= leastMs || isClose(delayMs, leastMs), 'B1', () => `${String(delayMs)} under ${String(leastMs)} ms`)
  const still = real.next(peer.peerClass, peer.failures, fixed(0))
  const longest = still.kind === 'retry' ? still.delayMs : NaN
  must(isClose(longest, rawMs), 'B1', () => `without chance ${String(longest)} ms, not ${String(rawMs)}`)
}

function ends(model: Model, peerClass: PeerClass, attempt: number, answer: BackoffDecision): void {
  const { hotAttemptsMax, afterHot, alarmAt } = model.rules[peerClass]
  const isOver = hotAttemptsMax !== 'unlimited' && attempt >= hotAttemptsMax
  const expected = isOver ? afterHot : 'retry'
  mustEqual(answer.kind, expected, 'B4', () => `failure ${String(attempt)} of a ${peerClass}`)
  if (answer.kind !== 'retry') return
  mustEqual(answer.alarm, alarmAt !== 'never' && attempt >= alarmAt, 'B4', () => `the alarm at ${String(attempt)}`)
}

/** The twin is asked by this peer alone: what others did in between must have changed nothing. */
function replay(model: Model, { peerClass, history }: Standing): void {
  for (const { attempt, float, answer } of history) {
    const again = model.twin.next(peerClass, attempt, fixed(float))
    must(shown(again) === shown(answer), 'B5, B6', () => `${shown(again)} is not ${shown(answer)}`)
  }
}

function completed(options: BackoffOptions): Readonly<Record<PeerClass, BackoffRule>> {
  const complete = (peerClass: PeerClass): BackoffRule => ({ ...PROFILE[peerClass], ...options[peerClass] })
  return {
    masternode: complete('masternode'),
    persistent: complete('persistent'),
    regular: complete('regular'),
    unknown: complete('unknown'),
  }
}

function began(peerClass: PeerClass, rules: Readonly<Record<PeerClass, BackoffRule>>): Standing {
  return { peerClass, failures: 0, rawMs: rules[peerClass].firstMs, history: [] }
}

function peerAt({ peers }: Model, at: number): Standing {
  return peers[at] ?? began('regular', PROFILE)
}

function rule(
  firstMs: number,
  capMs: number,
  hotAttemptsMax: BackoffRule['hotAttemptsMax'],
  alarmAt: BackoffRule['alarmAt'],
  afterHot: BackoffRule['afterHot'],
): BackoffRule {
  return { firstMs, capMs, factor: 2, jitter: 0.5, hotAttemptsMax, alarmAt, afterHot }
}

/** Chance that always draws the same. */
function fixed(float: number): Random {
  return { float: () => float, bytes: (length) => new Uint8Array(length) }
}

function some(count: number): { readonly minLength: number; readonly maxLength: number } {
  return { minLength: count, maxLength: count }
}

/**
 * How long to wait before the next dial, and when to stop dialing hotly. Doubling with equal jitter: half of the delay
 * is certain, so that a rate stays bounded, half is random, so that a crowd spreads out. Trusted peers are never given up.
 */
import { checkNames, invalidOption } from '../errors.js'
import type { Random } from '../ports/clock.js'
import type { PeerClass } from '../ports/types.js'

const DELAY_MAX_MS = 24 * 3_600_000
const FALLBACK_DELAY_MS = 60_000

/** How peers of one class are redialled. */
export interface BackoffRule {
  /** The delay after the first failure, 1 ms to 24 h. */
  readonly firstMs: number
  /** The longest delay, `firstMs` to 24 h. */
  readonly capMs: number
  /** What each failure multiplies the delay by, 1 to 100. */
  readonly factor: number
  /** The share of a delay that is random, 0 to 1: a delay lies between `raw · (1 − jitter)` and `raw`. */
  readonly jitter: number
  /** The failure in a row that ends hot dialing, 1 or more. */
  readonly hotAttemptsMax: number | 'unlimited'
  /** The failure in a row from which the operator should know, 1 or more. */
  readonly alarmAt: number | 'never'
  /** What becomes of the peer when hot dialing ends. */
  readonly afterHot: 'cold' | 'forget' | 'give-up'
}

/** What to do after a failure. `alarm` holds from the rule's `alarmAt` on: raise it when it changes. */
export type BackoffDecision =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly alarm: boolean }
  | { readonly kind: 'cold' }
  | { readonly kind: 'forget' }
  | { readonly kind: 'give-up' }

/** Rules by class; what is left out has its default. */
export type BackoffOptions = Partial<Record<PeerClass, Partial<BackoffRule>>>

/** A host's own backoff: the delay in milliseconds, or null to give up. `attempt` counts failures in a row, from 1. */
export type BackoffFunction = (peerClass: PeerClass, attempt: number, random: Random) => number | null

/** All that a dialer asks of a backoff. */
export interface Backoff {
  next(peerClass: PeerClass, attempt: number, random: Random): BackoffDecision
}

const TRUSTED: BackoffRule = {
  firstMs: 2_000,
  capMs: 60_000,
  factor: 2,
  jitter: 0.5,
  hotAttemptsMax: 'unlimited',
  alarmAt: 50,
  afterHot: 'cold',
}
const RULE = ['firstMs', 'capMs', 'factor', 'jitter', 'hotAttemptsMax', 'alarmAt', 'afterHot'] as const
const STRANGER: BackoffRule = { ...TRUSTED, firstMs: 5_000, capMs: 300_000, hotAttemptsMax: 10, alarmAt: 'never' }

const DEFAULT_RULES: Readonly<Record<PeerClass, BackoffRule>> = {
  masternode: TRUSTED,
  persistent: { ...TRUSTED, alarmAt: 20 },
  regular: STRANGER,
  unknown: { ...STRANGER, hotAttemptsMax: 3, afterHot: 'forget' },
}

const LITERAL_TRUSTED = { jitter: 0, hotAttemptsMax: 50, alarmAt: 'never', afterHot: 'give-up' } as const
const LITERAL_STRANGER = { ...LITERAL_TRUSTED, hotAttemptsMax: 10 } as const
const LITERAL_RULES: BackoffOptions = {
  masternode: LITERAL_TRUSTED,
  persistent: LITERAL_TRUSTED,
  regular: LITERAL_STRANGER,
  unknown: LITERAL_STRANGER,
}

/**
 * The default backoff, an immutable value.
 *
 * | | first / cap | hot failures | then | alarm |
 * |---|---|---|---|---|
 * | masternode | 2 / 60 s | unlimited | – | 50 |
 * | persistent | 2 / 60 s | unlimited | – | 20 |
 * | regular | 5 / 300 s | 10 | cold | never |
 * | unknown | 5 / 300 s | 3 | forgotten | never |
 */
export class BackoffPolicy implements Backoff {
  /**
   * The project's newest source document to the letter: no jitter, and everybody is given up, a masternode at the 50th
   * failure, others at the 10th. It keeps a partition of an hour open for ever, and exists for comparison.
   */
  static readonly literal: BackoffPolicy = new BackoffPolicy(LITERAL_RULES)

  readonly #rules: Readonly<Record<PeerClass, BackoffRule>>

  /** @throws HoldfastError `invalid-option` for a number outside the bounds that {@link BackoffRule} states */
  constructor(options: BackoffOptions = {}) {
    checkNames('backoff', options, ['masternode', 'persistent', 'regular', 'unknown'])
    this.#rules = {
      masternode: completeRule('masternode', options),
      persistent: completeRule('persistent', options),
      regular: completeRule('regular', options),
      unknown: completeRule('unknown', options),
    }
  }

  /** The decision after `attempt` failures in a row; 0, a link lost without a failed dial, waits like the first. */
  next(peerClass: PeerClass, attempt: number, random: Random): BackoffDecision {
    const { firstMs, capMs, factor, jitter, hotAttemptsMax, alarmAt, afterHot } = this.#rules[peerClass]
    if (hotAttemptsMax !== 'unlimited' && attempt >= hotAttemptsMax) return { kind: afterHot }
    const rawMs = Math.min(capMs, firstMs * factor ** Math.max(0, attempt - 1))
    const delayMs = rawMs * (1 - jitter * random.float())
    return { kind: 'retry', delayMs, alarm: alarmAt !== 'never' && attempt >= alarmAt }
  }
}

/**
 * Makes a host's function a backoff. Its delays are brought into 0..24 h, an answer that is no number waits one minute,
 * and there is no alarm.
 */
export function toBackoffPolicy(value: BackoffPolicy | BackoffFunction): Backoff {
  if (typeof value !== 'function') {
    if (typeof (value as Partial<Backoff> | null)?.next === 'function') return value
    throw invalidOption('backoff', value, 'a BackoffPolicy or a function')
  }
  return {
    next(peerClass: PeerClass, attempt: number, random: Random): BackoffDecision {
      const answer: unknown = value(peerClass, attempt, random)
      if (answer === null) return { kind: 'give-up' }
      const givenMs = typeof answer !== 'number' || Number.isNaN(answer) ? FALLBACK_DELAY_MS : answer
      return { kind: 'retry', delayMs: Math.min(DELAY_MAX_MS, Math.max(0, givenMs)), alarm: false }
    },
  }
}

function completeRule(peerClass: PeerClass, options: BackoffOptions): BackoffRule {
  const field = `backoff.${peerClass}`
  checkNames(field, options[peerClass] ?? {}, RULE)
  const rule: BackoffRule = { ...DEFAULT_RULES[peerClass], ...options[peerClass] }
  checkNumber(`${field}.firstMs`, rule.firstMs, 1, DELAY_MAX_MS)
  checkNumber(`${field}.capMs`, rule.capMs, rule.firstMs, DELAY_MAX_MS)
  checkNumber(`${field}.factor`, rule.factor, 1, 100)
  checkNumber(`${field}.jitter`, rule.jitter, 0, 1)
  checkCount(`${field}.hotAttemptsMax`, rule.hotAttemptsMax, 'unlimited')
  checkCount(`${field}.alarmAt`, rule.alarmAt, 'never')
  if (!['cold', 'forget', 'give-up'].includes(rule.afterHot)) {
    throw invalidOption(`${field}.afterHot`, rule.afterHot, "'cold', 'forget' or 'give-up'")
  }
  return rule
}

function checkNumber(field: string, given: number, least: number, most: number): void {
  if (typeof given === 'number' && given >= least && given <= most) return
  throw invalidOption(field, given, `a number from ${String(least)} to ${String(most)}`)
}

function checkCount(field: string, given: number | string, word: string): void {
  if (given === word || (Number.isSafeInteger(given) && Number(given) >= 1)) return
  throw invalidOption(field, given, `a whole number from 1 on, or '${word}'`)
}

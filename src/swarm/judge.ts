/**
 * From bytes to a verdict: decodes a broadcast, lets the bodies of one application id compete, and asks the host. What it comes
 * to goes back to gossip, once for each delivery.
 */
import type { HoldfastError, LocalCode } from '../errors.js'
import type { Agenda } from './agenda.js'
import type { AppIds } from './app-ids.js'
import type { Connection } from './connection.js'
import type { Delivery } from './delivery.js'
import type { HandlerOutcome } from './handler-call.js'
import { HandlerCall } from './handler-call.js'
import type { Decoded } from './payload.js'
import { appIdOf, decodeArrived, whenDecoded } from './payload.js'
import type { Verdict } from './registry.js'
import { toVerdict } from './registry.js'

export interface JudgeSetup {
  readonly running: Set<HandlerCall>
  readonly agenda: Agenda
  readonly appIds: AppIds<Delivery>
  readonly strike: (connection: Connection, violation: LocalCode, cause?: unknown) => void
  readonly failed: (error: HoldfastError) => void
  /** It waits for another of its application id. */
  readonly waits: (delivery: Delivery) => void
  /** Nobody judges it, though it may be the true one of its application id, or wanted by more than who brought it. */
  readonly unheard: (delivery: Delivery) => void
  /** Somebody else who has it answers for it from now on, where the one who does is no trusted peer. */
  readonly passOn: (delivery: Delivery) => void
  /** `verdict` null: none was to be had, and the message is as if it had never come. */
  readonly settled: (delivery: Delivery, verdict: Verdict | null, done: () => void) => void
}

const TRIES_MAX = 2

export class Judge {
  readonly #setup: JudgeSetup

  constructor(setup: JudgeSetup) {
    this.#setup = setup
  }

  /** Its turn has come, for the first time or again: its handler has failed, or it had to wait for another of its application id. */
  judge(delivery: Delivery, done: () => void): void {
    const { appIds, agenda } = this.#setup
    if (delivery.received.queue.isStopped) {
      this.#setup.settled(delivery, null, done)
      return
    }
    if (delivery.payload !== null) {
      if (delivery.appKey !== null && appIds.isAccepted(delivery.appKey, agenda.now()))
        this.#setup.settled(delivery, 'ignore', done)
      else this.#call(delivery, delivery.payload.value, done)
      return
    }
    const { definition } = delivery.received
    const decoded = decodeArrived(definition, delivery.written, { agenda, intake: delivery.connection.intake })
    if (decoded instanceof Promise)
      whenDecoded(definition.name, decoded, agenda, (later) => {
        delivery.received.queue.goOn(delivery, () => {
          this.#decoded(delivery, later, done)
        })
      })
    else this.#decoded(delivery, decoded, done)
  }

  #decoded(delivery: Delivery, decoded: Decoded, done: () => void): void {
    const { failed, settled, unheard } = this.#setup
    if (delivery.received.queue.isStopped) settled(delivery, null, done)
    else if (decoded.kind === 'value') {
      delivery.payload = decoded
      this.#identify(delivery, decoded.value, done)
    } else if (decoded.kind === 'unjudged') {
      failed(decoded.error)
      if (delivery.isBacked) unheard(delivery)
      settled(delivery, null, done)
    } else this.#blame(delivery, decoded.kind, decoded.cause, done)
  }

  #identify(delivery: Delivery, value: unknown, done: () => void): void {
    const { definition } = delivery.received
    if (definition.id === null) {
      this.#call(delivery, value, done)
      return
    }
    try {
      delivery.appKey = this.#setup.appIds.keyOf(definition.name, appIdOf(definition.name, definition.id, value))
    } catch (cause) {
      this.#blame(delivery, 'undecodable', cause, done)
      return
    }
    this.#compete(delivery, delivery.appKey, value, done)
  }

  /** Of several bodies with one application id, one is judged at a time, and none after one was accepted. */
  #compete(delivery: Delivery, appKey: string, value: unknown, done: () => void): void {
    const { appIds, agenda, unheard, settled, waits } = this.#setup
    const from = { sources: delivery.senders, isTrusted: delivery.isTrusted }
    switch (appIds.compete(appKey, delivery, from, agenda.now())) {
      case 'accepted':
        delivery.appKey = null
        settled(delivery, 'ignore', done)
        break
      case 'first':
        this.#call(delivery, value, done)
        break
      case 'crowded':
        delivery.appKey = null
        unheard(delivery)
        settled(delivery, null, done)
        break
      case 'waits':
        // The place in the handlers' queue is given up meanwhile, or rivals could fill it and wait for each other.
        done()
        waits(delivery)
    }
  }

  #call(delivery: Delivery, value: unknown, done: () => void): void {
    const { agenda, failed, passOn, running, settled, strike, unheard } = this.#setup
    const { handler, definition, queue } = delivery.received
    // A handler may ask the peer for more: a stranger who brings first what others have must not be the only one who is asked.
    if (delivery.isBacked || delivery.tries > 0) passOn(delivery)
    delivery.tries++
    const call = new HandlerCall(delivery.peer, running, delivery.leftMs)
    const told = (outcome: HandlerOutcome): void => {
      const verdict = toVerdict(definition.name, outcome)
      if (typeof verdict === 'string') {
        if (verdict === 'reject') strike(delivery.connection, 'rejected')
        settled(delivery, verdict, done)
        return
      }
      failed(verdict)
      // A stranger that can make a handler wait must not have it wait for longer by making it fail: others wait for that.
      if (outcome.kind === 'failed' && !delivery.isBacked) delivery.leftMs = outcome.leftMs
      const mayTry = delivery.tries < TRIES_MAX && delivery.leftMs > 0
      if (mayTry && !queue.isStopped)
        queue.goOn(delivery, () => {
          this.judge(delivery, done)
        })
      else {
        if (delivery.isBacked && !queue.isStopped) unheard(delivery)
        settled(delivery, null, done)
      }
    }
    call.run(definition.name, handler, value, agenda, { settled: told })
  }

  #blame(delivery: Delivery, violation: LocalCode, cause: unknown, done: () => void): void {
    this.#setup.strike(delivery.connection, violation, cause)
    this.#setup.settled(delivery, 'reject', done)
  }
}

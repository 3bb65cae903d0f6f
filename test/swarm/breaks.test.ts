/** Strangers' messages take half of the time at most, all of them together, and trusted peers' wait for no break. */
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Breaks } from '../../src/swarm/breaks.js'
import { HandlerQueue } from '../../src/swarm/handler-queue.js'
import { ManualClock } from './manual-clock.js'

/** Queues in which each message takes its time, and when each began. */
function scene(queueCount = 1) {
  const clock = new ManualClock()
  const queues: HandlerQueue[] = []
  const breaks = new Breaks(new Agenda(clock), () => queues)
  for (let i = 0; i < queueCount; i++) queues.push(new HandlerQueue(64, breaks))
  const beganAt = clock.monotonic()
  const began: string[] = []
  const submit = (name: string, takesMs: number, { queue = 0, isTrusted = false } = {}): void => {
    queues[queue]?.submit({
      source: { peerId: name as PeerId },
      senders: [name as PeerId],
      isTrusted,
      run: (done) => {
        began.push(`${name} ${String(clock.monotonic() - beganAt)}`)
        clock.spend(takesMs)
        done()
      },
      drop: () => undefined,
    })
  }
  return { clock, began, submit, breaks }
}

describe('strangers’ messages', () => {
  it('have a break as long as they took, once they took ten milliseconds', () => {
    const { clock, began, submit } = scene()
    for (let i = 0; i < 5; i++) submit(`of ${String(i)}`, 4)
    expect(began).toEqual(['of 0 0', 'of 1 4', 'of 2 8'])
    clock.advance(11)
    expect(began.length).toBe(3)
    clock.advance(1)
    expect(began.slice(3)).toEqual(['of 3 24', 'of 4 28'])
  })

  it('that take long are one between two breaks, and all are heard', () => {
    const { clock, began, submit } = scene()
    for (let i = 0; i < 60; i++) submit(`of ${String(i)}`, 250)
    clock.advance(60 * 500)
    expect(began).toEqual(Array.from({ length: 60 }, (_, i) => `of ${String(i)} ${String(500 * i)}`))
  })

  it('that took a minute, since the process stood still, have a break of a second', () => {
    const { clock, began, submit } = scene()
    submit('of one', 60_000)
    submit('of two', 1)
    clock.advance(1_000)
    expect(began).toEqual(['of one 0', 'of two 61000'])
  })

  it('that come now and then have none', () => {
    const { clock, submit, breaks } = scene()
    for (let i = 0; i < 100; i++) {
      submit(`of ${String(i)}`, 4)
      expect(breaks.isOn).toBe(false)
      clock.advance(4)
    }
    submit('of one', 9)
    submit('of two', 1)
    expect(breaks.isOn).toBe(true)
  })

  it('keep no trusted peer’s waiting, in whichever queue', () => {
    const { began, submit } = scene(2)
    submit('of a stranger', 300)
    submit('of another', 300)
    submit('of a masternode', 300, { isTrusted: true })
    submit('of a masternode', 1, { isTrusted: true, queue: 1 })
    submit('of a third', 1, { queue: 1 })
    expect(began).toEqual(['of a stranger 0', 'of a masternode 300', 'of a masternode 600'])
  })

  it('of one kind do not keep those of another waiting for ever', () => {
    const { clock, began, submit } = scene(3)
    for (let i = 0; i < 20; i++) for (const queue of [0, 1, 2]) submit(`kind ${String(queue)}`, 50, { queue })
    clock.advance(12 * 100)
    for (const queue of [0, 1, 2]) {
      const turns = began.filter((one) => one.startsWith(`kind ${String(queue)}`))
      expect(turns.length).toBeGreaterThanOrEqual(4)
    }
  })
})

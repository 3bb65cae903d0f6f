/** Strangers' messages take half of the time at most, all of them together, and trusted peers' wait for no break. */
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Breaks } from '../../src/swarm/breaks.js'
import type { HandlerJob } from '../../src/swarm/handler-queue.js'
import { HandlerQueue } from '../../src/swarm/handler-queue.js'
import { ManualClock } from './manual-clock.js'

/** Queues in which each message takes its time, and when each began. */
function scene(queueCount = 1, lastMax = 64) {
  const clock = new ManualClock()
  const queues: HandlerQueue[] = []
  const breaks = new Breaks<HandlerJob>(new Agenda(clock), () => queues)
  for (let i = 1; i <= queueCount; i++) queues.push(new HandlerQueue(i === queueCount ? lastMax : 64, breaks))
  const beganAt = clock.monotonic()
  const began: string[] = []
  const dropped: string[] = []
  const trusted = new Set<string>()
  /** @param message its sender first */
  const submit = (message: string, takesMs: number, { queue = 0, waitsMs = 0, lastsMs = 0 } = {}): HandlerJob => {
    const [sender = ''] = message.split(' ')
    const on = queues[queue]
    const job: HandlerJob = {
      source: { peerId: sender as PeerId },
      senders: [sender as PeerId],
      get isTrusted() {
        return trusted.has(sender)
      },
      run: (done) => {
        const handle = (): void => {
          began.push(`${message} ${String(clock.monotonic() - beganAt)}`)
          clock.spend(takesMs)
          if (lastsMs > 0) clock.wakeAt(clock.monotonic() + lastsMs, done)
          else done()
        }
        if (waitsMs > 0) clock.wakeAt(clock.monotonic() + waitsMs, () => on?.goOn(job, handle))
        else handle()
      },
      outlives: () => false,
      drop: () => dropped.push(message),
    }
    on?.submit(job)
    return job
  }
  return { clock, began, dropped, trusted, queues, submit, breaks }
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

  it('that call for others’ have a break for both', () => {
    const { clock, breaks } = scene()
    breaks.spend(() => {
      breaks.spend(() => {
        clock.spend(20)
      })
      clock.spend(100)
    })
    clock.advance(119)
    expect(breaks.isOn).toBe(true)
    clock.advance(1)
    expect(breaks.isOn).toBe(false)
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

  it('keep no trusted peer’s waiting, in whichever queue, and rise with their sender', () => {
    const { began, submit, trusted, breaks } = scene(2)
    trusted.add('masternode')
    submit('a 1', 300)
    submit('b 1', 300)
    submit('masternode 1', 300)
    submit('masternode 2', 1, { queue: 1 })
    submit('b 2', 1, { queue: 1 })
    submit('b 3', 1)
    expect(began).toEqual(['a 1 0', 'masternode 1 300', 'masternode 2 600'])
    trusted.add('b')
    breaks.risen('b' as PeerId)
    expect(began.slice(3)).toEqual(['b 1 601', 'b 2 901', 'b 3 902'])
  })

  it('of one sender stay in their order, whatever kind each is of, and each sender has its turn', () => {
    const { clock, began, submit } = scene(3)
    submit('flood 0', 50)
    for (let i = 1; i < 20; i++) submit(`flood ${String(i)}`, 50)
    for (const [i, queue] of [2, 0, 1].entries()) submit(`one ${String(i)}`, 1, { queue })
    clock.advance(1_000)
    expect(began.filter((line) => line.startsWith('one')).map((line) => line.slice(0, 5))).toEqual([
      'one 0',
      'one 1',
      'one 2',
    ])
    expect(began.findIndex((line) => line.startsWith('one 2'))).toBeLessThan(8)
  })

  it('are heard though their senders have left, and no more once all is over', () => {
    const { clock, began, dropped, queues, submit, breaks } = scene()
    submit('flood 1', 100)
    const gone = submit('wallet 1', 1)
    for (const queue of queues) queue.lost(gone.source, 'wallet' as PeerId)
    clock.advance(100)
    expect(began.at(-1)).toMatch(/^wallet 1/)
    submit('flood 2', 100)
    submit('flood 3', 1)
    for (const queue of queues) queue.stop()
    breaks.stop()
    expect([dropped, breaks.isToWait]).toEqual([['flood 3'], true])
    clock.advance(10_000)
    expect([began.length, breaks.isToWait]).toEqual([3, false])
  })

  it('that wait for something else themselves go on in no break, either', () => {
    const { clock, began, submit } = scene()
    for (let i = 0; i < 40; i++) submit(`peer${String(i)} 1`, 50, { waitsMs: 5 })
    clock.advance(60)
    expect(began.length).toBe(1)
    clock.advance(39 * 100 + 50)
    expect(began.length).toBe(40)
    const at = began.map((line) => Number(line.split(' ')[2]))
    expect(at.every((ms, i) => i === 0 || ms - (at[i - 1] ?? 0) >= 100)).toBe(true)
  })

  it('that had begun go on at once where a trusted peer brings one, or their sender is trusted, in its order', () => {
    const { clock, began, submit, queues, trusted, breaks } = scene()
    const jobs = Array.from({ length: 20 }, (_, i) => submit(`a ${String(i)}`, 50, { waitsMs: 5 }))
    clock.advance(6)
    expect(began).toEqual(['a 0 5'])
    const last = jobs.at(-1)
    if (last !== undefined) queues[0]?.broughtBy(last, 'masternode' as PeerId, true)
    trusted.add('a')
    queues[0]?.risen('a' as PeerId)
    breaks.risen('a' as PeerId)
    expect(began.slice(1).map((line) => line.split(' ')[1])).toEqual([
      '19',
      ...Array.from({ length: 18 }, (_, i) => String(i + 1)),
    ])
    clock.advance(10_000)
    expect(began.length).toBe(20)
  })

  it('are not heard where their sender was sent away, but for what others have brought as well', () => {
    const { clock, began, dropped, queues, submit, breaks } = scene()
    submit('flood 1', 100)
    submit('bad 1', 1)
    const shared = submit('bad 2', 1)
    Object.assign(shared, { senders: ['bad', 'good'] })
    queues[0]?.broughtBy(shared, 'good' as PeerId, false)
    breaks.banish('bad' as PeerId)
    expect(dropped).toEqual(['bad 1'])
    clock.advance(200)
    expect(began.map((line) => line.slice(0, 5))).toEqual(['flood', 'bad 2'])
  })

  it('of those who have left have one turn together, and are heard no more of one who is sent away', () => {
    const { clock, began, dropped, submit, breaks } = scene()
    submit('flood 1', 100)
    for (let i = 0; i < 50; i++) submit(`gone${String(i)} 1`, 100)
    for (let i = 0; i < 50; i++) breaks.left(`gone${String(i)}` as PeerId)
    for (let i = 0; i < 3; i++) submit(`one ${String(i)}`, 100)
    breaks.banish('gone49' as PeerId)
    expect(dropped).toEqual(['gone49 1'])
    clock.advance(60 * 200)
    expect(began.findIndex((line) => line.startsWith('one 2'))).toBeLessThan(8)
    expect(began.length).toBe(53)
  })

  it('in the line have their turn where a crowded kind has left many', () => {
    const { clock, began, submit } = scene(2)
    for (let i = 0; i < 48; i++) submit(`busy${String(i)} 1`, 20, { waitsMs: 1_000 })
    for (let i = 0; i < 100; i++) submit(`more${String(i)} 1`, 20)
    clock.advance(1_001)
    submit('one 1', 1, { queue: 1 })
    clock.advance(48 * 80 + 200)
    const place = began.findIndex((line) => line.startsWith('one'))
    expect(began.slice(0, place).filter((line) => line.startsWith('busy')).length).toBeLessThan(5)
  })

  for (const queueCount of [2, 3, 4])
    it(`have a place where their kind was crowded, of ${String(queueCount)} kinds, though another’s never ends`, () => {
      const { clock, began, submit } = scene(queueCount)
      for (let i = 0; i < 48; i++) for (const queue of [0, 1]) submit(`busy${String(i)} 1`, 0, { queue, lastsMs: 50 })
      for (let i = 0; i < 500; i++) submit(`flood${String(i % 10)} 1`, 12)
      submit('one 1', 1, { queue: 1 })
      for (let at = 0; at < 1_000; at++) {
        if (at % 12 === 0) submit(`flood${String(at % 10)} 2`, 12)
        clock.advance(1)
      }
      expect(began.some((line) => line.startsWith('one'))).toBe(true)
    })

  it('have their turn though what another has begun never ends, of its kind and of any', () => {
    const { clock, began, submit } = scene(2)
    for (let i = 0; i < 500; i++) submit(`flood ${String(i)}`, 5, { waitsMs: 1 })
    submit('one 1', 1)
    submit('one 2', 1, { queue: 1 })
    clock.advance(200)
    expect(began.filter((line) => line.startsWith('one')).length).toBe(2)
  })

  it('that wait for a place wait for little of what another has begun', () => {
    const { clock, began, submit } = scene()
    for (let i = 0; i < 60; i++) submit(`flood ${String(i)}`, 50, { waitsMs: 1 })
    clock.advance(2)
    for (let i = 0; i < 3; i++) submit(`one ${String(i)}`, 50, { waitsMs: 1 })
    clock.advance(63 * 100 + 100)
    expect(began.length).toBe(63)
    expect(began.findIndex((line) => line.startsWith('one 2'))).toBeLessThan(10)
  })

  it('that had begun wait for little of what waits for a place', () => {
    const { clock, began, submit } = scene(2)
    submit('one 1', 1, { waitsMs: 25 })
    for (let i = 0; i < 47; i++) submit(`busy${String(i)} 1`, 0, { lastsMs: 40 })
    for (let i = 0; i < 100; i++) submit(`flood${String(i)} 1`, 12)
    submit('other 1', 20, { queue: 1 })
    clock.advance(200)
    const place = began.findIndex((line) => line.startsWith('one'))
    expect(place).toBeGreaterThan(0)
    expect(began.slice(0, place).filter((line) => line.startsWith('flood')).length).toBeLessThan(3)
  })

  it('that had begun keep no place from a trusted peer’s, whichever of the two comes first', () => {
    for (const isFirst of [true, false]) {
      const { clock, began, submit, trusted, breaks } = scene(2, 1)
      trusted.add('masternode')
      for (let i = 0; i < 40; i++) submit(`flood${String(i)} 1`, 50, { waitsMs: 5 })
      submit('stranger 1', 20, { queue: 1, waitsMs: isFirst ? 5 : 7 })
      clock.advance(6)
      expect([began.length, breaks.isOn]).toEqual([1, true])
      submit('masternode 1', 1, { queue: 1 })
      clock.advance(1)
      expect(began.slice(1).map((line) => line.slice(0, 10))).toEqual(['masternode'])
      clock.advance(40 * 100)
      expect(began.some((line) => line.startsWith('stranger'))).toBe(true)
    }
  })

  it('that had begun run in no break, however many a trusted peer sends meanwhile, and take their place again', () => {
    const { clock, began, submit, trusted, queues } = scene(1, 64)
    trusted.add('masternode')
    for (let i = 0; i < 48; i++) submit(`flood${String(i)} 1`, 100, { waitsMs: 5 })
    clock.advance(6)
    for (let i = 0; i < 80; i++) submit(`masternode ${String(i)}`, 0, { lastsMs: 200 })
    expect(began.filter((line) => line.startsWith('flood')).length).toBe(1)
    expect(began.length).toBe(65)
    clock.advance(48 * 200 + 1_000)
    expect(began.length).toBe(48 + 80)
    expect(queues[0]?.isFull(true)).toBe(false)
  })

  it('of a serial kind wait for the trusted peer’s that has their place, and keep theirs from other strangers’', () => {
    const { clock, began, submit, trusted } = scene(2, 1)
    trusted.add('masternode')
    submit('a 1', 1, { queue: 1, waitsMs: 5 })
    submit('b 1', 1, { queue: 1 })
    submit('flood 1', 50)
    clock.advance(5)
    submit('masternode 1', 1, { queue: 1, lastsMs: 500 })
    clock.advance(400)
    expect(began.map((line) => line.slice(0, -3).trim()).filter((line) => !line.startsWith('flood')).length).toBe(1)
    clock.advance(1_000)
    expect(began.map((line) => line.slice(0, 3))).toEqual(['flo', 'mas', 'a 1', 'b 1'])
  })

  it('that had begun as a trusted peer’s keep their place from what it had sent since', () => {
    const { clock, began, submit, trusted, queues, breaks } = scene(2, 1)
    submit('a 1', 20, { queue: 1, waitsMs: 5 })
    submit('flood 1', 50)
    clock.advance(50)
    expect([began.length, breaks.isOn]).toEqual([2, true])
    trusted.add('b')
    for (const message of ['b 1', 'b 2']) submit(message, 1, { queue: 1, waitsMs: 5 })
    trusted.delete('b')
    queues[1]?.fallen('b' as PeerId)
    clock.advance(1_000)
    expect(began.map((line) => line.slice(0, 3))).toEqual(['flo', 'a 1', 'b 1', 'b 2'])
  })

  it('that had begun go on at the end of all, in a break or not', () => {
    const { clock, began, submit, queues, breaks } = scene(2, 1)
    submit('a 1', 1, { queue: 1, waitsMs: 5 })
    submit('flood 1', 50)
    clock.advance(5)
    for (const queue of queues) queue.stop()
    breaks.stop()
    expect(began.map((line) => line.slice(0, 3))).toEqual(['flo', 'a 1'])
  })

  it('that wait for their place again go on at the end of all', () => {
    const { clock, began, submit, trusted, queues, breaks } = scene(2, 1)
    trusted.add('masternode')
    submit('a 1', 1, { queue: 1, waitsMs: 5 })
    submit('flood 1', 50)
    clock.advance(5)
    submit('masternode 1', 1, { queue: 1, lastsMs: 5_000 })
    clock.advance(1_000)
    for (const queue of queues) queue.stop()
    breaks.stop()
    expect(began.map((line) => line.slice(0, 3))).toEqual(['flo', 'mas', 'a 1'])
  })

  it('wait for a handler as any where who had left is back', () => {
    const { clock, began, dropped, submit, breaks } = scene()
    for (let i = 0; i < 48; i++) submit(`busy${String(i)} 1`, 0, { lastsMs: 500 })
    submit('late 1', 1)
    expect(breaks.isOn).toBe(false)
    const other = scene(2)
    other.submit('flood 1', 50, { queue: 1 })
    for (let i = 0; i < 48; i++) other.submit(`busy${String(i)} 1`, 0, { lastsMs: 500 })
    other.submit('one 1', 1)
    other.breaks.left('one' as PeerId)
    other.breaks.here('one' as PeerId)
    for (const { clock: time } of [{ clock }, other]) time.advance(2_000)
    expect([other.dropped, other.began.at(-1)?.slice(0, 3)]).toEqual([[], 'one'])
    expect([dropped, began.at(-1)?.slice(0, 4)]).toEqual([[], 'late'])
  })

  it('of who has left wait for no handler once the break is over', () => {
    const { clock, began, dropped, submit, breaks } = scene()
    for (let i = 0; i < 47; i++) submit(`busy${String(i)} 1`, 0, { waitsMs: 500 })
    submit('flood 1', 20)
    submit('busy 1', 0, { waitsMs: 500 })
    for (const sender of ['gone', 'here']) submit(`${sender} 1`, 1)
    breaks.left('gone' as PeerId)
    clock.advance(1_000)
    expect(dropped).toEqual(['gone 1'])
    expect(began.some((line) => line.startsWith('here'))).toBe(true)
  })

  it('are taken back, or brought by others, as those that wait for a handler', () => {
    const { clock, began, submit, queues, trusted } = scene()
    submit('flood 1', 100)
    const [back, twice, too] = [submit('a 1', 1), submit('b 1', 1), submit('c 1', 1)]
    expect([queues[0]?.withdraw(back), queues[0]?.withdraw(back)]).toEqual([true, false])
    queues[0]?.broughtBy(twice, 'd' as PeerId, false)
    trusted.add('c')
    queues[0]?.broughtBy(too, 'masternode' as PeerId, true)
    expect(began.slice(1)).toEqual(['c 1 100'])
    clock.advance(200)
    expect(began.slice(2)).toEqual(['b 1 200'])
  })
})

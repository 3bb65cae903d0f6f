/** Who is next where handlers are fewer than messages: the trusted first, then everybody in turn, and nobody out of order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Breaks } from '../../src/swarm/breaks.js'
import type { HandlerJob } from '../../src/swarm/handler-queue.js'
import { HandlerQueue } from '../../src/swarm/handler-queue.js'
import { ManualClock } from './manual-clock.js'

/** A queue for one at a time, and what became of each job. */
function scene(max = 1) {
  // A clock that stands still: there is never a break.
  const queue = new HandlerQueue(max, new Breaks(new Agenda(new ManualClock()), () => []))
  const began: string[] = []
  const dropped: string[] = []
  const lasting = new Set<string>()
  const running: (() => void)[] = []
  const jobs = new Map<string, { -readonly [Key in keyof HandlerJob]: HandlerJob[Key] }>()
  const sources = new Map<string, HandlerJob['source']>()
  const sourceOf = (name: string): HandlerJob['source'] => {
    const source = sources.get(name) ?? { peerId: (name.split(' ')[0] ?? '') as PeerId }
    sources.set(name, source)
    return source
  }
  const submit = (name: string, sender: string, isTrusted = false, link = sender): void => {
    const job = {
      source: sourceOf(link),
      senders: [sender as PeerId],
      isTrusted,
      run: (done: () => void) => {
        began.push(name)
        running.push(done)
      },
      outlives: () => lasting.has(name),
      drop: () => dropped.push(name),
    }
    jobs.set(name, job)
    queue.submit(job)
  }
  const bring = (name: string, sender: string): void => {
    const job = jobs.get(name)
    if (job === undefined) throw new Error(`no job ${name}`)
    job.senders = [...job.senders, sender as PeerId]
    queue.broughtBy(job, sender as PeerId, false)
  }
  const vouch = (name: string, sender: string): void => {
    const job = jobs.get(name)
    if (job === undefined) throw new Error(`no job ${name}`)
    job.senders = [...(job.isTrusted ? job.senders : []), sender as PeerId]
    job.isTrusted = true
    queue.broughtBy(job, sender as PeerId, true)
  }
  const finish = (): void => running.shift()?.()
  const finishAll = (): void => {
    while (running.length > 0) finish()
  }
  return { queue, jobs, began, dropped, submit, bring, vouch, finish, finishAll, sourceOf, lasting }
}

describe('Messages that wait for a handler', () => {
  it('of one who sent a thousand do not come before the one of another', () => {
    const { began, submit, finishAll } = scene()
    for (let i = 0; i < 1_000; i++) submit(`a${String(i)}`, 'a')
    submit('b0', 'b')
    finishAll()
    expect(began.indexOf('b0')).toBeLessThanOrEqual(2)
    expect(began).toHaveLength(1_001)
  })

  it('of trusted peers come before those of all others', () => {
    const { began, submit, finishAll } = scene()
    submit('first', 'a')
    submit('a', 'a')
    submit('b', 'b')
    submit('trusted', 't', true)
    finishAll()
    expect(began).toEqual(['first', 'trusted', 'a', 'b'])
  })

  it('of strangers leave a quarter of the places to trusted peers, where there are four', () => {
    const { began, submit, finish } = scene(8)
    for (let i = 0; i < 20; i++) submit(`a${String(i)}`, 'a')
    expect(began).toHaveLength(6)
    for (const name of ['t0', 't1', 't2']) submit(name, 't', true)
    expect(began.slice(6)).toEqual(['t0', 't1'])
    finish()
    expect(began.at(-1)).toBe('t2')
    finish()
    // Two strangers are done by now, and their places are the trusted one's and a stranger's.
    expect(began.slice(9)).toEqual(['a6'])
  })

  it('of strangers come with those of the trusted peer that has brought them, too', () => {
    const { began, submit, vouch, finishAll } = scene()
    submit('running', 'a')
    for (const name of ['a0', 'a1', 'a2']) submit(name, 'a')
    submit('t0', 't', true)
    vouch('a1', 't')
    vouch('running', 't')
    finishAll()
    expect(began).toEqual(['running', 't0', 'a1', 'a0', 'a2'])
  })

  it('of one who sent a thousand have the turn of another who brings them, too', () => {
    const { began, submit, bring, finishAll } = scene()
    for (let i = 0; i < 1_000; i++) submit(`a${String(i)}`, 'a')
    for (const name of ['b0', 'b1']) submit(name, 'b')
    for (const name of ['a900', 'a0', 'b1']) bring(name, 'b')
    bring('b1', 'c')
    finishAll()
    expect(began.slice(0, 6)).toEqual(['a0', 'a1', 'b0', 'b1', 'a2', 'a900'])
    expect(began).toHaveLength(1_002)
  })

  it('have the turn of each trusted peer that brings them, and of no stranger', () => {
    const { began, submit, bring, vouch, finishAll } = scene()
    submit('running', 'a')
    for (const name of ['t0', 't1', 't2']) submit(name, 't', true)
    submit('a0', 'a')
    bring('t2', 'a')
    for (const name of ['u0', 'u1']) submit(name, 'u', true)
    vouch('t2', 'u')
    vouch('a0', 'u')
    finishAll()
    expect(began).toEqual(['running', 't0', 'u0', 't1', 'u1', 't2', 'a0'])
  })

  it('come in the order of their sender, also over two of its links', () => {
    const { began, submit, finishAll } = scene()
    submit('a0', 'a')
    submit('a1', 'a', false, 'old link')
    submit('b0', 'b')
    submit('a2', 'a', false, 'new link')
    finishAll()
    expect(began).toEqual(['a0', 'a1', 'b0', 'a2'])
  })

  it('are dropped with the link that brought them, and those of other links stay', () => {
    const { queue, began, dropped, submit, finishAll, sourceOf } = scene()
    submit('a0', 'a')
    submit('a1', 'a', false, 'old link')
    submit('a2', 'a', false, 'new link')
    submit('b0', 'b')
    queue.lost(sourceOf('old link'), null)
    finishAll()
    expect(dropped).toEqual(['a1'])
    expect(began).toEqual(['a0', 'a2', 'b0'])
  })

  it('keep their place where whoever brought them leaves, and others wait for them', () => {
    const { queue, began, dropped, submit, vouch, finishAll, sourceOf, lasting } = scene()
    submit('running', 'a')
    for (const name of ['b0', 'b1']) submit(name, 'b')
    vouch('b0', 't')
    for (const name of ['t0', 't1']) submit(name, 't', true)
    lasting.add('b0')
    queue.lost(sourceOf('b'), 'b' as PeerId)
    finishAll()
    expect([began, dropped]).toEqual([['running', 'b0', 't0', 't1'], ['b1']])
  })

  it('fall behind with who is trusted no more, in their order, but for what others vouch for', () => {
    const { queue, jobs, began, submit, vouch, finishAll } = scene()
    submit('running', 'a')
    for (const name of ['t0', 't1', 't2']) submit(name, 't', true)
    submit('u0', 'u', true)
    vouch('t1', 'u')
    for (const name of ['t0', 't2']) Object.assign(jobs.get(name) ?? {}, { isTrusted: false })
    queue.fallen('t' as PeerId)
    finishAll()
    expect(began).toEqual(['running', 't1', 'u0', 't0', 't2'])
  })

  it('are dropped with the last link of who brought them, also those of its links before', () => {
    const { queue, began, dropped, submit, finishAll, sourceOf } = scene()
    submit('b0', 'b')
    submit('a1', 'a', false, 'a old')
    submit('a2', 'a', false, 'a new')
    submit('b1', 'b')
    queue.lost(sourceOf('a new'), 'a' as PeerId)
    finishAll()
    expect([began, dropped]).toEqual([
      ['b0', 'b1'],
      ['a1', 'a2'],
    ])
  })

  it('are each begun or dropped, once, and those of one sender in its order', () => {
    const step = fc.record({
      sender: fc.constantFrom('a', 'b', 'c', 't'),
      then: fc.constantFrom('nothing', 'finish', 'drop'),
      /** Who has brought it before, and how many were sent since. */
      too: fc.option(fc.record({ by: fc.constantFrom('a', 'b', 'c', 't'), back: fc.nat(20) })),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (steps, max) => {
        const { queue, began, dropped, submit, bring, vouch, finish, finishAll, sourceOf } = scene(max)
        const shared = new Set<string>()
        const names: string[] = []
        const sent = steps.map(({ sender, then, too }, at) => {
          const name = `${sender}${String(at)}`
          names.push(name)
          submit(name, sender, sender === 't')
          const other = too === null ? undefined : names[at - too.back]
          if (too !== null && other !== undefined) {
            shared.add(other)
            if (too.by === 't') vouch(other, 't')
            else bring(other, too.by)
          }
          if (then === 'finish') finish()
          if (then === 'drop') queue.lost(sourceOf(sender), null)
          return name
        })
        finishAll()
        expect([...began, ...dropped].toSorted()).toEqual(sent.toSorted())
        for (const sender of ['a', 'b', 'c', 't']) {
          const of = (all: readonly string[]): readonly string[] => all.filter((name) => name.startsWith(sender))
          const own = (all: readonly string[]): readonly string[] => of(all).filter((name) => !shared.has(name))
          expect(own(began)).toEqual(own(sent).filter((name) => began.includes(name)))
        }
      }),
    )
  })

  it('are dropped, all of them, once nothing is begun any more', () => {
    const { queue, began, dropped, submit, finishAll } = scene()
    for (const name of ['a', 'b', 'c']) submit(name, name)
    queue.stop()
    submit('d', 'd')
    finishAll()
    expect(began).toEqual(['a'])
    expect(dropped).toEqual(['b', 'c', 'd'])
  })
})

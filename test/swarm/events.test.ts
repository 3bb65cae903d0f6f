import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../../src/errors.js'
import { SwarmEmitter } from '../../src/swarm/events.js'
import { eventStream, onceEvent } from '../../src/swarm/waiting.js'

const EVENTS_MAX = 1_024

const settled = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

function emitter() {
  const unheard: HoldfastError[] = []
  return {
    unheard,
    events: new SwarmEmitter((error) => {
      unheard.push(error)
    }),
  }
}

describe('an emitter', () => {
  it('gives an error that nobody listens to to whoever it was told to, and never throws', () => {
    const { unheard, events } = emitter()
    const error = new HoldfastError('handler-failed', 'x')
    events.emit('error', error)
    expect(unheard).toEqual([error])
    events.on('error', () => undefined)
    events.emit('error', error)
    expect(unheard.length).toBe(1)
  })

  it('never tells a failing error listener of itself', async () => {
    const { unheard, events } = emitter()
    events.on('error', () => {
      throw new Error('again')
    })
    events.on('error', async () => Promise.reject(new Error('and again')))
    events.emit('error', new HoldfastError('handler-failed', 'x'))
    await settled()
    expect(unheard.map(({ code }) => code)).toEqual(['listener-failed', 'listener-failed'])
  })

  it('calls a listener that was taken off no more', () => {
    const { events } = emitter()
    const heard: string[] = []
    const listener = (address: string): void => {
      heard.push(address)
      events.off('listening', listener)
    }
    events.on('listening', listener)
    events.emit('listening', 'one')
    events.emit('listening', 'two')
    expect(heard).toEqual(['one'])
  })
})

describe('onceEvent', () => {
  it('hears one event and no more', async () => {
    const { events } = emitter()
    const waiting = onceEvent(events, 'listening', undefined)
    events.emit('listening', 'one')
    events.emit('listening', 'two')
    expect(await waiting).toEqual(['one'])
  })

  it('does not wait for a signal that had aborted, and lets go of one that aborts', async () => {
    const { events } = emitter()
    const reason = new Error('enough')
    await expect(onceEvent(events, 'listening', AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const waiting = onceEvent(events, 'listening', controller.signal)
    controller.abort(reason)
    events.emit('listening', 'late')
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('the end of a swarm', () => {
  it('ends what waits for an event, and what begins to wait after it', async () => {
    const { events } = emitter()
    const stream = eventStream(events, 'listening', undefined)
    const [first, second] = [stream.next(), stream.next()]
    await settled()
    events.emit('listening', 'one')
    expect((await first).value).toEqual(['one'])
    const once = onceEvent(events, 'listening', undefined)
    const rejected = expect(once).rejects.toMatchObject({ code: 'not-running' })
    events.end()
    await rejected
    expect((await second).done).toBe(true)
    await expect(onceEvent(events, 'listening', undefined)).rejects.toMatchObject({ code: 'not-running' })
    expect((await eventStream(events, 'listening', undefined).next()).done).toBe(true)
  })
})

describe('eventStream', () => {
  it('holds 1,024 for a slow reader, and drops the oldest beyond', async () => {
    const { events } = emitter()
    const stream = eventStream(events, 'listening', undefined)
    const first = stream.next()
    await settled()
    for (let i = 0; i <= EVENTS_MAX + 10; i++) events.emit('listening', String(i))
    const seen: string[] = []
    const { value } = await first
    seen.push((value as [string])[0])
    for (let i = 1; i < EVENTS_MAX; i++) seen.push(((await stream.next()).value as [string])[0])
    expect(seen[0]).toBe('11')
    expect(seen.at(-1)).toBe(String(EVENTS_MAX + 10))
    await stream.return()
  })

  it('ends at its signal, and listens no more once it is left', async () => {
    const { events } = emitter()
    const controller = new AbortController()
    const stream = eventStream(events, 'listening', controller.signal)
    const next = stream.next()
    await settled()
    controller.abort()
    expect((await next).done).toBe(true)
    events.emit('listening', 'late')
    expect((await stream.next()).done).toBe(true)
    expect((await eventStream(events, 'listening', AbortSignal.abort()).next()).done).toBe(true)
  })
})

import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock, systemRandom } from '../../src/runtime/system.js'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('systemClock', () => {
  it('never goes back', () => {
    let before = systemClock.monotonic()
    for (let count = 0; count < 10_000; count++) {
      const now = systemClock.monotonic()
      expect(now).toBeGreaterThanOrEqual(before)
      before = now
    }
  })

  it('tells the wall time of the host', () => {
    vi.useFakeTimers({ now: 1_700_000_000_000 })
    expect(systemClock.wall()).toBe(1_700_000_000_000)
  })

  it('wakes at the instant or later, and never within the call', async () => {
    for (const waitMs of [-5, 0, 0.3, 1.9, 3]) {
      const atMs = systemClock.monotonic() + waitMs
      let returned = false
      await new Promise<void>((resolve) => {
        systemClock.wakeAt(atMs, () => {
          expect(returned).toBe(true)
          expect(systemClock.monotonic()).toBeGreaterThanOrEqual(atMs)
          resolve()
        })
        returned = true
      })
    }
  })

  it('goes back to sleep when the timer was early', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    const run = vi.fn()
    systemClock.wakeAt(10, run)
    now.mockReturnValue(9.2)
    vi.advanceTimersByTime(10)
    expect(run).not.toHaveBeenCalled()
    now.mockReturnValue(10)
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledOnce()
  })

  it('waits longer than one setTimeout can', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    systemClock.wakeAt(systemClock.monotonic() + 2 ** 31 + 5, run)
    vi.advanceTimersByTime(2 ** 31 + 4)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledOnce()
  })

  it.each([
    [-5, 0],
    [0.2, 1],
    [1.9, 2],
    [2 ** 31 + 5, 2 ** 31 - 1],
    [Infinity, 2 ** 31 - 1],
  ])('to wake in %d ms it sets a timer of %d', (waitMs, delay) => {
    vi.useFakeTimers()
    const set = vi.spyOn(globalThis, 'setTimeout')
    systemClock.wakeAt(systemClock.monotonic() + waitMs, () => undefined)
    expect(set).toHaveBeenCalledExactlyOnceWith(expect.any(Function), delay)
  })

  it('does not wake once cancelled, not even after it was armed again', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    systemClock.wakeAt(systemClock.monotonic() + 5, run)()
    const cancel = systemClock.wakeAt(systemClock.monotonic() + 2 ** 31 + 5, run)
    vi.advanceTimersByTime(2 ** 31)
    cancel()
    cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(10)
    expect(run).not.toHaveBeenCalled()
  })

  it('keeps the process alive until what was asked for has happened or is called off', () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const cancel = systemClock.wakeAt(systemClock.monotonic() + 60_000, () => undefined)
    expect(timers()).toBe(before + 1)
    cancel()
    expect(timers()).toBe(before)
  })

  it('ends the turn before any timer, and after the code that asked', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      systemClock.wakeAt(0, () => {
        order.push('timer')
        resolve()
      })
      systemClock.atTurnEnd(() => order.push('turn end'))
      order.push('turn')
    })
    expect(order).toEqual(['turn', 'turn end', 'timer'])
  })
})

describe('systemRandom', () => {
  it('gives bytes of any length, each time others', () => {
    for (const length of [0, 1, 32, 65_535, 65_536, 65_537, 200_000]) {
      expect(systemRandom.bytes(length)).toHaveLength(length)
    }
    expect(systemRandom.bytes(32)).not.toEqual(systemRandom.bytes(32))
  })

  it('fills them to the end', () => {
    const bytes = systemRandom.bytes(3 * 65_536 + 32)
    for (let at = 0; at < bytes.length; at += 32)
      expect(bytes.subarray(at, at + 32).some((byte) => byte !== 0)).toBe(true)
  })

  it('gives floats in [0, 1), no two alike, across refills', () => {
    const floats = Array.from({ length: 2_000 }, () => systemRandom.float())
    expect(floats.every((float) => float >= 0 && float < 1)).toBe(true)
    expect(new Set(floats).size).toBe(floats.length)
  })

  it.each([
    [0, 0],
    [0xffff_ffff, 1 - 2 ** -53],
  ])('makes of words of %d the float %d', (word, float) => {
    vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => {
      ;(array as unknown as Uint32Array).fill(word)
      return array
    })
    for (let count = 0; count < 1_000; count++) systemRandom.float()
    expect(systemRandom.float()).toBe(float)
  })
})

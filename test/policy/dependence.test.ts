import { describe, expect, it } from 'vitest'
import { Dependence } from '../../src/policy/dependence.js'

describe('a peer', () => {
  it('is not pushed to before it has asked', () => {
    const dependence = new Dependence()
    expect(dependence.takePush()).toBe(false)
    dependence.told(100)
    expect(dependence.takePush()).toBe(false)
  })

  it('that asks for most of what it is told is pushed to, but for one message in sixteen', () => {
    const dependence = new Dependence()
    dependence.told(4)
    dependence.asked(3)
    expect(Array.from({ length: 48 }, () => dependence.takePush()).filter((isPush) => !isPush).length).toBe(3)
  })

  it('that asks for half of it is told, as before', () => {
    const dependence = new Dependence()
    dependence.told(16)
    dependence.asked(8)
    expect(dependence.takePush()).toBe(false)
    dependence.asked(1)
    expect(dependence.takePush()).toBe(true)
  })

  it('that was told a thousand at once and asks for all of them depends on us', () => {
    const dependence = new Dependence()
    dependence.told(1_000)
    dependence.asked(1_000)
    expect(dependence.takePush()).toBe(true)
  })

  it('that no longer asks is pushed to no more', () => {
    const dependence = new Dependence()
    dependence.told(16)
    dependence.asked(16)
    let pushed = 0
    for (let i = 0; i < 1_000; i++)
      if (dependence.takePush()) pushed++
      else dependence.told(1)
    expect(pushed).toBeGreaterThan(0)
    expect(pushed).toBeLessThan(400)
    expect(dependence.takePush()).toBe(false)
  })
})

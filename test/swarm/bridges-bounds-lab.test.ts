/** Bridges have bounds: how many, for how long, and that they are gone when they go. */
import { describe, expect, it } from 'vitest'
import { COLD_EVERY_MS, hub, loseAll, untilLinked } from './bridge-hub.js'

const TARGET = 12

describe('a bridge', () => {
  it('is asked at once for peers, although no more are wanted', () => {
    const bridge = TARGET + 1
    const ear = hub(4, bridge, 1)
    const { lab } = ear
    const stranger = bridge + 1
    const knows = (): boolean => lab.swarm(0).explain(lab.id(stranger)).addresses.length > 0
    loseAll(ear, bridge, bridge)
    lab.start(bridge)
    lab.start(stranger)
    untilLinked(ear, bridge, COLD_EVERY_MS + 1_000)
    expect(lab.linked(bridge, stranger)).toBe(true)
    expect(knows()).toBe(false)
    lab.run(500)
    expect(knows()).toBe(true)
  })

  it('is gone for good when its time is up, and not dialled again a second later', () => {
    const { lab, heard } = hub(2, TARGET + 1, 1)
    const bridge = TARGET + 1
    lab.kill(bridge)
    lab.run(5_000)
    lab.start(bridge)
    lab.run(31_000 + 600_000 + 6_000)
    expect(heard(0, 'peer:disconnect').at(-1)?.args[1].code).toBe('useless')
    lab.run(60_000)
    expect(lab.swarm(0).explain(lab.id(bridge)).state).not.toBe('connected')
    expect(lab.swarm(0).peers.size).toBe(TARGET)
  })

  it('is one of four beyond the target at most', () => {
    const { lab } = hub(3, TARGET + 6, 1)
    for (let i = TARGET + 1; i <= TARGET + 6; i++) lab.kill(i)
    lab.run(5_000)
    for (let i = TARGET + 1; i <= TARGET + 6; i++) lab.start(i)
    let most = 0
    for (let i = 0; i < 1_800; i++) {
      lab.run(1_000)
      most = Math.max(most, lab.swarm(0).peers.size)
    }
    expect(most).toBeLessThanOrEqual(TARGET + 4)
  })
})

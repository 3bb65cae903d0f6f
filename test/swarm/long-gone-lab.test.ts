/** What an operator reads of a masternode that nobody reaches: why, and once that it has been so for long. */
import { describe, expect, it } from 'vitest'
import { swarmLab } from '../../src/testing/index.js'

describe('a masternode that is not reached', () => {
  it('is one warning after fifty failures, however long it goes on, and another the next time', () => {
    const warnings: string[] = []
    const log = (): void => undefined
    const lab = swarmLab({
      seed: 1,
      masternodes: 2,
      swarm: (index) =>
        index === 0 ? { logger: { debug: log, info: log, warn: (line: string) => warnings.push(line) } } : {},
    })
    lab.run(60_000)
    lab.kill(1)
    lab.run(3 * 3_600_000)
    expect(lab.swarm(0).explain(lab.id(1)).failures).toBeGreaterThan(100)
    expect(warnings.filter((line) => line.includes('has failed 50 times in a row')).length).toBe(1)
    lab.start(1)
    lab.run(180_000)
    lab.kill(1)
    lab.run(3 * 3_600_000)
    expect(warnings.filter((line) => line.includes('has failed')).length).toBe(2)
  })

  it('is that warning also where another comes and goes, and each time calls for all of them', () => {
    const warnings: string[] = []
    const log = (): void => undefined
    const lab = swarmLab({
      seed: 5,
      masternodes: 6,
      swarm: (index) =>
        index === 0 ? { logger: { debug: log, info: log, warn: (line: string) => warnings.push(line) } } : {},
    })
    lab.run(60_000)
    lab.kill(5, { silent: true })
    for (let round = 0; round < 12; round++) {
      lab.kill(4)
      lab.run(10_000)
      lab.start(4)
      lab.run(590_000)
    }
    expect(lab.swarm(0).explain(lab.id(5)).failures).toBeGreaterThan(60)
    expect(warnings.filter((line) => line.includes('has failed 50 times in a row')).length).toBe(1)
  })

  it('for want of a transport says so, to listeners and to who asks', () => {
    const failed: string[] = []
    const gone = `ws://${swarmLab({ seed: 9, masternodes: 1 }).id(0)}@10.0.0.9:1`
    const lab = swarmLab({
      seed: 1,
      masternodes: 1,
      swarm: { masternodes: [gone] },
      prepare: (swarm) =>
        swarm.on('dial:failed', ({ address, reason }) => {
          failed.push(`${reason.code} ${String(reason.cause)} ${reason.fault} ${address}`)
        }),
    })
    lab.run(1_800_000)
    expect(failed[0]).toBe(`no-transport ws local ${gone}`)
    expect(failed.length).toBeLessThan(100)
    const [id = ''] = gone.slice('ws://'.length).split('@')
    const { state, decisions } = lab.swarm(0).explain(id as never)
    expect([state, decisions.at(-1)?.what]).toEqual(['backing-off', expect.stringContaining('no-transport')])
    // It is no evidence that the network is gone.
    expect(lab.swarm(0).status().offline).toBe(false)
  })
})

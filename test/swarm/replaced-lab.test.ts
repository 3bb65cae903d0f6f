/** A poor link that made way stays away while its place is taken. */
import { describe, expect, it } from 'vitest'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { SCORE_AVOIDED } from '../../src/policy/score.js'
import { parseAddress } from '../../src/policy/address.js'
import { hub, Tx } from './hub.js'

const TARGET = 12
const rule = { firstMs: 2_000, capMs: 2_000, hotAttemptsMax: 100 } as const

describe('a poor link that made way for a better one', () => {
  it('is not dialled again while all places are taken', () => {
    const poor = TARGET
    const better = poor + 1
    const backoff = new BackoffPolicy({ regular: rule, unknown: rule })
    const { lab, heard, peerStore } = hub(1, TARGET + 2, TARGET - 1, { backoff })
    lab.kill(poor)
    lab.run(60_000)
    // The twelfth, which maintenance itself has chosen, is away at first.
    peerStore.learn(lab.id(poor), parseAddress(lab.address(poor)), 'exchange')
    lab.run(30_000)
    lab.start(poor)
    lab.run(5_000)
    expect(lab.linked(0, poor)).toBe(true)
    lab.swarm(poor).broadcast(Tx, 1)
    lab.swarm(poor).broadcast(Tx, 2)
    lab.run(500)
    expect(lab.swarm(0).peer(lab.id(poor))?.score.total).toBeLessThan(SCORE_AVOIDED)
    peerStore.learn(lab.id(better), parseAddress(lab.address(better)), 'exchange')
    lab.run(6_000)
    expect(heard(0, 'peer:disconnect').at(-1)?.args[1].code).toBe('useless')
    lab.run(30_000)
    expect(lab.linked(0, better)).toBe(true)
    expect(lab.swarm(0).peers.size).toBe(TARGET)
    expect(lab.swarm(0).peers.has(lab.id(poor))).toBe(false)
  })
})

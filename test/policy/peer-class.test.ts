import { describe, expect, it } from 'vitest'
import { isTrusted, isTrustedClass } from '../../src/policy/peer-class.js'

describe('trust', () => {
  it('is for masternodes and persistent peers, once they have shown who they are', () => {
    for (const [peerClass, isIt] of [
      ['masternode', true],
      ['persistent', true],
      ['regular', false],
      ['unknown', false],
    ] as const) {
      expect(isTrustedClass(peerClass)).toBe(isIt)
      expect(isTrusted({ identity: { peerClass } })).toBe(isIt)
    }
    expect(isTrusted({ identity: null })).toBe(false)
  })
})

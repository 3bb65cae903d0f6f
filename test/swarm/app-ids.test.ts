/** Of several bodies with one application id of one definition one counts. */
import { expect, it } from 'vitest'
import { crypto } from '../../src/runtime/crypto-node.js'
import { AppIds } from '../../src/swarm/app-ids.js'

it('of one definition is never that of another, whatever their names and ids hold', () => {
  const ids = new AppIds(crypto, 1)
  expect(ids.keyOf('vote', 'final 5')).not.toBe(ids.keyOf('vote final', '5'))
  expect(ids.keyOf('1 vote', '5')).not.toBe(ids.keyOf('1', 'vote 5'))
  expect(ids.keyOf('vote', '5')).toBe(ids.keyOf('vote', '5'))
})

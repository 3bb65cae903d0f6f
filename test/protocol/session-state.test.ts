import { describe, expect, it } from 'vitest'
import type { SessionState, SessionStep } from '../../src/protocol/session-state.js'
import { step } from '../../src/protocol/session-state.js'

const STATES: readonly SessionState[] = ['preamble', 'keys', 'deciding', 'hello', 'established', 'leaving', 'over']
const STEPS: readonly SessionStep[] = ['introduced', 'proven', 'admitted', 'greeted', 'left', 'ended']
const LISTED: ReadonlyMap<string, SessionState> = new Map([
  ['preamble introduced', 'keys'],
  ['keys proven', 'deciding'],
  ['deciding admitted', 'hello'],
  ['hello greeted', 'established'],
  ['established left', 'leaving'],
  ['leaving ended', 'over'],
  ['preamble ended', 'over'],
  ['keys ended', 'over'],
  ['deciding ended', 'over'],
  ['hello ended', 'over'],
  ['established ended', 'over'],
  ['over ended', 'over'],
])

describe('the states of a session', () => {
  it('lead where the table says, and nowhere else', () => {
    for (const state of STATES)
      for (const taken of STEPS) {
        const next = LISTED.get(`${state} ${taken}`)
        if (next === undefined)
          expect(() => step(state, taken)).toThrow(`a session that is ${state} cannot be ${taken}`)
        else expect(step(state, taken)).toBe(next)
      }
  })

  it('go from the first preamble to established in four steps', () => {
    const way: readonly SessionStep[] = ['introduced', 'proven', 'admitted', 'greeted']
    expect(way.reduce(step, 'preamble')).toBe('established')
  })

  it('have no way back from over', () => {
    for (const taken of STEPS.filter((one) => one !== 'ended')) expect(() => step('over', taken)).toThrow('over')
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Call } from '../../src/kit/call.js'

const ends = ['answer', 'fail', 'abort'] as const

describe('Call', () => {
  it('settles once, by what comes first', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ends), { minLength: 1, maxLength: 6 }), (order) => {
        const { call, controller, told } = make()
        for (const end of order) {
          if (end === 'answer') call.answer('answer')
          else if (end === 'fail') call.fail('worker-lost', 'fail')
          else controller.abort('abort')
          expect(call.isSettled).toBe(true)
        }
        const expected = { answer: ['answer'], fail: ['worker-lost'], abort: ['abort', 'withdrawn'] }
        expect(told).toEqual(expected[order[0] ?? 'answer'])
      }),
    )
  })

  it('leaves nothing at a signal that outlives it', () => {
    const { call, controller } = make()
    let listeners = 0
    controller.signal.removeEventListener = () => {
      listeners++
    }
    call.answer(1)
    expect(listeners).toBe(1)
  })
})

function make(): { call: Call; controller: AbortController; told: unknown[] } {
  const told: unknown[] = []
  const controller = new AbortController()
  const promise = {
    resolve: (answer: unknown) => {
      told.push(answer)
    },
    reject: (cause: unknown) => {
      told.push(cause instanceof Error && 'code' in cause ? cause.code : cause)
    },
  }
  const call = new Call('item', promise, controller.signal, () => {
    told.push('withdrawn')
  })
  return { call, controller, told }
}

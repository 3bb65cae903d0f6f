/** What waits on a link: in order, whatever is done in between, and held no longer than it waits. */
import { setImmediate } from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Queue } from '../../src/swarm/queue.js'

v8.setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

describe('a queue', () => {
  it('gives what was put in, in that order, however it is taken', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('push', 'push', 'push', 'shift', 'remove', 'takeAll'), { maxLength: 300 }),
        (calls) => {
          const queue = new Queue<number>()
          let model: number[] = []
          calls.forEach((call, i) => {
            if (call === 'push') {
              queue.push(i)
              model.push(i)
            } else if (call === 'takeAll') {
              expect(queue.takeAll()).toEqual(model)
              model = []
            } else if (call === 'remove') {
              const item = model.find((one) => one % 3 === 0) ?? null
              expect(queue.remove((one) => one % 3 === 0)).toBe(item)
              model = model.filter((one) => one !== item)
            } else if (model.length > 0) {
              queue.shift()
              model.shift()
            }
            expect([queue.length, queue.first]).toEqual([model.length, model[0]])
          })
        },
      ),
    )
  })

  it('holds nothing that was taken, while others wait and when none do', async () => {
    for (const waiting of [0, 1, 40]) {
      const queue = new Queue<object>()
      const taken = Array.from({ length: 20 }, () => {
        const item = {}
        queue.push(item)
        return new WeakRef(item)
      })
      for (let i = 0; i < waiting; i++) queue.push({})
      for (let i = 0; i < taken.length; i++) queue.shift()
      // What a WeakRef was made for lives to the end of the turn.
      await setImmediate()
      gc()
      expect(queue.length).toBe(waiting)
      expect(taken.filter((ref) => ref.deref() !== undefined)).toEqual([])
    }
  })
})

import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../../src/storage/memory.js'

describe('a storage in memory', () => {
  it('gives back what JSON keeps of the value last saved, and null for a name that has none', () => {
    const storage = memoryStorage()
    const read: unknown[] = []
    const load = (name: string): void => {
      storage.load(name, {
        loaded: (value) => read.push(value),
        failed: () => read.push('failed'),
      })
    }
    let saved = 0
    const value = { a: [1, undefined] }
    storage.save('x', value, { saved: () => saved++, failed: () => saved-- })
    value.a.push(2)
    load('x')
    load('y')
    expect(read).toEqual([{ a: [1, null] }, null])
    expect(saved).toBe(1)
  })
})

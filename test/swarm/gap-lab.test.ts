/** What a host is told of a masternode that died without a word and came back while its dead links were still held. */
import { describe, expect, it } from 'vitest'
import { listen } from './lab-ear.js'

describe('a masternode that dies without a word and is back three seconds later', () => {
  it('is told as returned with the whole time in which nothing was heard of it', () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 5 })
    lab.run(30_000)
    forget()
    lab.kill(0, { silent: true })
    lab.run(3_000)
    lab.start(0)
    lab.run(5_000)
    for (const i of [1, 2, 3, 4])
      for (const { args } of heard(i, 'recovered')) {
        expect(args[0]).toMatchObject({ peerId: lab.id(0), cause: 'returned' })
        expect(args[0].gapMs).toBeGreaterThanOrEqual(3_000)
      }
  })
})

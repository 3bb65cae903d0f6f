/** A link is replaced while questions and answers wait to be sent: none of them is taken for another. */
import { describe, expect, it } from 'vitest'
import { direct, request } from '../../src/protocol/message.js'
import { swarmLab } from '../../src/testing/index.js'

const Echo = request<string, string>('echo')
const Filler = direct('filler')

describe('an answer after a link was replaced', () => {
  for (const full of ['asker', 'answerer'] as const)
    it(`is that of its own question, though the outbox of the ${full} was full`, async () => {
      for (let seed = 1; seed <= 3; seed++) {
        const asked: string[] = []
        const lab = swarmLab({
          seed,
          masternodes: 2,
          prepare: (swarm) => {
            swarm.respond(Echo, (text) => {
              asked.push(text)
              return text
            })
            swarm.handle(Filler, () => undefined)
          },
        })
        await lab.runAsync(30_000)
        const got: string[] = []
        const ask = (text: string): void => {
          const answer = lab.swarm(0).peer(lab.id(1))?.request(Echo, text)
          answer?.then(
            (echoed) => got.push(`${text} ${echoed}`),
            () => got.push(`${text} failed`),
          )
        }
        const first = lab.swarm(0).peer(lab.id(1))?.linkId
        if (full === 'answerer') for (let i = 0; i < 3; i++) ask(`early${String(i)}`)
        lab.silence(0, 1)
        const [from, to] = full === 'asker' ? [0, 1] : [1, 0]
        for (let i = 0; i < 30; i++) lab.swarm(from).peer(lab.id(to))?.send(Filler, new Uint8Array(100_000))
        if (full === 'asker') for (let i = 0; i < 3; i++) ask(`early${String(i)}`)
        for (let i = 0; i < 400 && (lab.swarm(0).peer(lab.id(1))?.linkId ?? first) === first; i++)
          await lab.runAsync(100)
        expect(lab.swarm(0).peer(lab.id(1))?.linkId, `seed ${String(seed)}`).not.toBe(first)
        for (let i = 0; i < 3; i++) ask(`late${String(i)}`)
        await lab.runAsync(20_000)
        expect(got.length, `seed ${String(seed)}`).toBe(6)
        // Who gave up on the old link is not asked for on the new one.
        if (full === 'asker') expect(asked.filter((text) => text.startsWith('early'))).toEqual([])
        for (const line of got) expect(line).toMatch(/^(\w+) (\1|failed)$/)
        expect(got.filter((line) => /^late.* late/.test(line)).length, `seed ${String(seed)}`).toBe(3)
      }
    })
})

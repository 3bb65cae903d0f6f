import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import { lookupOnce as forTcp } from '../../src/transports/tcp-names.js'
import { lookupOnce as forWebSocket } from '../../src/transports/websocket-names.js'

type Done = Parameters<LookupFunction>[2]

/** A resolver that answers when it is told to. */
function scene(lookupOnce: (lookup: LookupFunction) => LookupFunction) {
  const asked: { readonly hostname: string; readonly done: Done }[] = []
  const heard: string[] = []
  const lookup = lookupOnce((hostname, _options, done) => {
    asked.push({ hostname, done })
  })
  const ask = (who: string, hostname: string, family: 4 | 6 | 0 = 0): void => {
    lookup(hostname, { all: true, family }, (error, found) => {
      const hosts = Array.isArray(found) ? found.map(({ address }) => address).join(' ') : found
      heard.push(`${who}: ${error?.code ?? hosts}`)
    })
  }
  const answer = (...hosts: readonly string[]): void => {
    const done = asked.shift()?.done
    if (hosts.length === 0) done?.(Object.assign(new Error('none'), { code: 'EAI_AGAIN' }), [])
    else
      done?.(
        null,
        hosts.map((address): LookupAddress => ({ address, family: 4 })),
      )
  }
  return { asked, heard, ask, answer }
}

describe.each([
  ['tcp', forTcp],
  ['websocket', forWebSocket],
])('a name of the operator’s, by %s', (_name, lookupOnce) => {
  it('is looked up once at a time, however often it is dialled, and everybody hears of it', () => {
    const { asked, heard, ask, answer } = scene(lookupOnce)
    for (const who of ['a', 'b', 'c']) ask(who, 'one.example')
    ask('d', 'two.example')
    expect(asked.map(({ hostname }) => hostname)).toEqual(['one.example', 'two.example'])
    answer()
    expect(heard).toEqual(['a: EAI_AGAIN', 'b: EAI_AGAIN', 'c: EAI_AGAIN'])
    ask('e', 'one.example')
    expect(asked.map(({ hostname }) => hostname)).toEqual(['two.example', 'one.example'])
    answer('10.0.0.2')
    answer('10.0.0.1')
    expect(heard.slice(3)).toEqual(['d: 10.0.0.2', 'e: 10.0.0.1'])
  })

  it('is another question where another kind of address is asked for', () => {
    const { asked, ask } = scene(lookupOnce)
    for (const family of [4, 6, 4] as const) ask('a', 'one.example', family)
    expect(asked).toHaveLength(2)
  })

  it('is looked up anew by who hears of it', () => {
    const asked: Done[] = []
    const lookup = lookupOnce((_hostname, _options, done) => {
      asked.push(done)
    })
    lookup('one.example', {}, () => {
      lookup('one.example', {}, () => undefined)
    })
    asked[0]?.(null, '10.0.0.1', 4)
    expect(asked).toHaveLength(2)
  })
})

describe('a name of many addresses', () => {
  it('is begun behind those that one dial has time for, each time, and all are tried', () => {
    const { heard, ask, answer } = scene(forTcp)
    const hosts = Array.from({ length: 6 }, (_, i) => `10.0.0.${String(i)}`)
    for (let i = 0; i < 4; i++) {
      ask('a', 'many.example')
      answer(...hosts)
    }
    const firsts = heard.map((text) => text.split(' ')[1])
    expect(firsts).toEqual(['10.0.0.0', '10.0.0.4', '10.0.0.2', '10.0.0.0'])
    for (const text of heard) expect(text.slice(3).split(' ').toSorted()).toEqual(hosts)
    ask('b', 'few.example')
    answer(...hosts.slice(0, 4))
    ask('c', 'few.example')
    answer(...hosts.slice(0, 4))
    expect(heard.slice(4).map((text) => text.split(' ')[1])).toEqual(['10.0.0.0', '10.0.0.0'])
  })

  it('is begun anew where a thousand others were looked up since', () => {
    const { heard, ask, answer } = scene(forTcp)
    const hosts = Array.from({ length: 6 }, (_, i) => `10.0.0.${String(i)}`)
    const look = (name: string): string => {
      ask('a', name)
      answer(...hosts)
      return heard.pop()?.split(' ')[1] ?? ''
    }
    expect([look('first'), look('first')]).toEqual(['10.0.0.0', '10.0.0.4'])
    for (let i = 0; i < 1_024; i++) look(String(i))
    expect([look('first'), look('1023')]).toEqual(['10.0.0.0', '10.0.0.4'])
  })
})

/** Official test vectors, kept beside the checkout and never in it. Where they are absent, the tests say so and pass. */
import { existsSync, readFileSync } from 'node:fs'

const folder = process.env['HOLDFAST_VECTORS'] ?? new URL('../../../shared/vectors', import.meta.url).pathname

/** One Wycheproof case; `Fields` are its hex strings. */
export type Case<Fields extends string> = { readonly [name in Fields]: string } & {
  readonly tcId: number
  /** Of the output in bytes; HKDF only. */
  readonly size: number
  readonly result: 'valid' | 'acceptable' | 'invalid'
}

export interface Group<Fields extends string> {
  readonly publicKey?: { readonly pk: string }
  readonly tests: readonly Case<Fields>[]
}

/** The groups of `wycheproof-<name>.json`, or none, which it logs. */
export function readWycheproof<Fields extends string>(name: string): readonly Group<Fields>[] {
  const path = `${folder}/wycheproof-${name}.json`
  if (!existsSync(path)) {
    console.log(`wycheproof ${name}: absent, not tested`)
    return []
  }
  const file = JSON.parse(readFileSync(path, 'utf8')) as { readonly testGroups: readonly Group<Fields>[] }
  return file.testGroups
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

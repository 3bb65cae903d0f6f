/**
 * A storage that lasts as long as the process: for tests, for swarms that are stopped and made anew, and to see what a storage
 * must do. What it gives back has gone through JSON, as with any other.
 *
 * @module
 */
import type { Storage } from '../ports/storage.js'

export type { Storage } from '../ports/storage.js'

/** A storage in memory. Give the same one to the next swarm of the same node. Bound: one value for each name, a handful. */
export function memoryStorage(): Storage {
  const values = new Map<string, string>()
  return {
    load: (name, { loaded }) => {
      const text = values.get(name)
      loaded(text === undefined ? null : JSON.parse(text))
    },
    save: (name, value, { saved }) => {
      values.set(name, JSON.stringify(value))
      saved()
    },
  }
}

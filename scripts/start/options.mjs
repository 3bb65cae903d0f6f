/** What `npm start` may be asked for. Whatever it cannot be is refused by the option's name. */
import { mkdirSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export const USAGE = `npm start -- [option…]: a live network of masternode processes on this machine

  --nodes N        processes, 4 to 50; two of them have WebSocket alone (7)
  --seconds S      length of the load, 10 to 3600; from 60 on one more node freezes, for 20 s (30)
  --rate R         transfers a second from each node, 1 to 1000 (50)
  --evidence DIR   keep each process's log there; no logs may be in it yet
  --json           one JSON object on standard output, progress on standard error
  --help
`

/** A mistake of the caller's: told by its message alone. */
export class UsageError extends Error {}

/**
 * @typedef {object} Options
 * @property {number} nodes
 * @property {number} seconds
 * @property {number} rate
 * @property {string | null} evidence
 * @property {boolean} json
 * @property {boolean} help
 */

/**
 * @param {readonly string[]} words
 * @returns {Options}
 * @throws UsageError
 */
export function readOptions(words) {
  const { nodes, seconds, rate, evidence, json, help } = parse(words)
  return {
    nodes: wholeNumber('--nodes', nodes, 4, 50),
    seconds: wholeNumber('--seconds', seconds, 10, 3600),
    rate: wholeNumber('--rate', rate, 1, 1000),
    evidence: evidence === undefined ? null : openDirectory(evidence),
    json,
    help,
  }
}

/** @param {readonly string[]} words */
function parse(words) {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        nodes: { type: 'string', default: '7' },
        seconds: { type: 'string', default: '30' },
        rate: { type: 'string', default: '50' },
        evidence: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function wholeNumber(name, text, min, max) {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= min && number <= max) return number
  throw new UsageError(`${name} must be a whole number from ${min} to ${max}, but was ${JSON.stringify(text)}`)
}

/** @param {string} path */
function openDirectory(path) {
  const directory = resolve(path)
  let names
  try {
    mkdirSync(directory, { recursive: true })
    names = readdirSync(directory)
  } catch (error) {
    throw new UsageError(`--evidence must be a directory: ${error instanceof Error ? error.message : String(error)}`)
  }
  // A run's logs are counted together: those of another run would be taken for its own.
  if (names.some((name) => name.endsWith('.log')))
    throw new UsageError(`--evidence must be a directory without logs, but ${directory} has some`)
  return directory
}

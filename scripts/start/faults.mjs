/** What goes wrong, to whom and when. Each node is hit once at most. */
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from './transfer.mjs'

const DOWN_MS = 2_000
const LONG_FREEZE_MS = 20_000
const LONG_FREEZE_FROM_S = 60

/**
 * @typedef {object} Fault
 * @property {'kill' | 'freeze'} kind
 * @property {number} victim which node
 * @property {number} atMs after the load began
 * @property {number} forMs
 */

/** @typedef {{ node: string, kind: 'kill' | 'freeze', beganAt: number, backAt: number | null, boot: number }} Outage */

/**
 * @param {number} nodes the last two have WebSocket alone
 * @param {number} seconds
 * @returns {Fault[]}
 */
export function planFaults(nodes, seconds) {
  const loadMs = seconds * 1000
  const faults = /** @type {Fault[]} */ ([
    { kind: 'kill', victim: 1, atMs: 0.15 * loadMs, forMs: DOWN_MS },
    { kind: 'freeze', victim: nodes - 1, atMs: 0.75 * loadMs, forMs: Math.min(5_000, 0.2 * loadMs) },
  ])
  if (seconds >= LONG_FREEZE_FROM_S)
    faults.push({ kind: 'freeze', victim: 0, atMs: 0.45 * loadMs, forMs: LONG_FREEZE_MS })
  return faults
}

/**
 * Kills the process, and starts another with the same identity and ports.
 * @param {import('./node-process.mjs').NodeProcess} node
 * @param {{ forMs: number, place: object, began: (outage: Outage) => void, signal: AbortSignal }} how
 */
export async function killAndRestart(node, { forMs, place, began, signal }) {
  const gone = new Promise((resolve) => node.once('exit', resolve))
  const outage = /** @type {Outage} */ ({
    node: node.name,
    kind: 'kill',
    beganAt: now(),
    backAt: null,
    boot: node.boots.length + 1,
  })
  node.signal('SIGKILL')
  await gone
  began(outage)
  await sleep(forMs, undefined, { signal })
  node.once('ready', () => node.go(place))
  node.once('listening', (at) => {
    outage.backAt = at
  })
  node.launch()
}

/**
 * Stops the process where it stands, and wakes it later. The others know its pid meanwhile: should the supervisor die, they
 * wake it.
 * @param {import('./node-process.mjs').NodeProcess} node
 * @param {{ forMs: number, others: readonly import('./node-process.mjs').NodeProcess[], began: (outage: Outage) => void, signal: AbortSignal }} how
 */
export async function freeze(node, { forMs, others, began, signal }) {
  const guard = (/** @type {number | null} */ pid) => {
    for (const other of others) other.order('guard', { pid })
  }
  guard(node.pid)
  const outage = /** @type {Outage} */ ({
    node: node.name,
    kind: 'freeze',
    beganAt: now(),
    backAt: null,
    boot: node.boots.length,
  })
  if (!node.signal('SIGSTOP')) return
  began(outage)
  await sleep(forMs, undefined, { signal })
  const backAt = now()
  if (node.signal('SIGCONT')) outage.backAt = backAt
  guard(null)
}

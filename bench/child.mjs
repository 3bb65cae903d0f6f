/**
 * A process of the benchmark: holds nodes of one system, plays one part of one work, and obeys.
 *
 *   begin ({ system, count, listens, keepAliveMs }) → the nodes' addresses · connect ({ addresses }) every node, to each of them
 *   links → of each node · play ({ part, … }) · start · stop · tell → the part's own · mark → at, cpuMs, did
 *   memory → rss, after a collection · guard ({ pid }) a process that could not end by itself, or nobody
 */
import { loadParts } from './load-parts.mjs'
import { parts } from './parts.mjs'

const AT_ONCE = 16

process.on('disconnect', () => {
  try {
    if (guarded !== null) process.kill(guarded, 'SIGKILL')
  } finally {
    process.exit(0)
  }
})
process.on('SIGINT', () => {})

/** Bound: what the parent asks for, a few hundred. @type {any[]} */
let nodes = []
let part = /** @type {any} */ (null)
let guarded = /** @type {number | null} */ (null)

const orders = {
  begin: async (/** @type {any} */ { system, count = 1, ...options }) => {
    const { createNode } = await import(new URL(`${system.module}.mjs`, import.meta.url).href)
    nodes = Array.from({ length: count }, () => createNode({ ...options, ...system.options, json: system.json }))
    return Promise.all(nodes.map((node) => node.listen()))
  },
  connect: async (/** @type {any} */ { addresses }) => {
    // A few at a time: a node answers that it is busy where too many strike up at once.
    for (let i = 0; i < nodes.length; i += AT_ONCE)
      await Promise.all(nodes.slice(i, i + AT_ONCE).map((node) => node.connect(addresses)))
  },
  connectOne: async (/** @type {any} */ { index, addresses }) => nodes[index].connect(addresses),
  links: () => nodes.map((node) => node.links),
  play: (/** @type {any} */ { part: name, ...details }) => {
    part = { ...parts, ...loadParts }[name](nodes, details)
  },
  start: () => part.start?.(),
  stop: () => part.stop?.(),
  reset: (/** @type {any} */ details) => part.reset?.(details),
  tell: () => part.tell(),
  mark: () => {
    const { user, system } = process.cpuUsage()
    return { at: performance.now(), cpuMs: (user + system) / 1000, did: part?.did() ?? 0 }
  },
  memory: async () => {
    for (let i = 0; i < 4; i++) {
      globalThis.gc?.()
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    return process.memoryUsage()
  },
  guard: (/** @type {any} */ { pid }) => {
    guarded = pid
  },
}

process.on('message', async (/** @type {any} */ { call, order, details }) => {
  try {
    tell({ call, value: await orders[order](details) })
  } catch (error) {
    tell({ call, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})

/** @param {object} answer */
function tell(answer) {
  if (process.connected) process.send?.(answer, () => {})
}

/** The run as people see it: a table that repaints itself, and a few plain lines at the end. */

const CLEAR = '\u001b[H\u001b[J'
const COLUMNS = ['node', 'state', 'class', 'peers', 'RTT ms', 'sent', 'delivered', 'duplicates', 'reconnects']

/**
 * @param {import('./run.mjs').Run} run
 * @param {readonly string[]} lines the latest news
 */
export function paint(run, lines) {
  const rows = [...run.nodes.map((node) => rowOf(node, run.nodes.length)), strangerRow(run)]
  const widths = COLUMNS.map((column, i) => Math.max(column.length, ...rows.map((row) => (row[i] ?? '').length)))
  const text = (/** @type {readonly string[]} */ row) =>
    row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  const seconds = (run.elapsedMs / 1000).toFixed(0)
  return `${CLEAR}holdfast: a live network on this machine, ${seconds} s\n\n${[COLUMNS, ...rows].map(text).join('\n')}\n\n${lines.join('\n')}\n`
}

/**
 * @param {import('./node-process.mjs').NodeProcess} node
 * @param {number} nodes
 */
function rowOf({ name, state, latest, boots }, nodes) {
  const peers = latest?.peers ?? []
  const suspects = peers.filter((/** @type {any} */ peer) => peer.state === 'suspect').length
  const rtts = peers.map((/** @type {any} */ { rttMs }) => rttMs).filter((/** @type {any} */ rtt) => rtt !== null)
  rtts.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b)
  const boot = boots.at(-1)
  return [
    boots.length > 1 ? `${name} (boot ${boots.length})` : name,
    suspects > 0 ? `${state}, suspects ${suspects}` : state,
    [...new Set(peers.map((/** @type {any} */ peer) => peer.class))].join(' ') || '-',
    `${state === 'away' ? 0 : peers.length}/${nodes - 1}`,
    rtts[Math.floor(rtts.length / 2)]?.toFixed(1) ?? '-',
    String(boot?.sent.size ?? 0),
    String(boot?.done.length ?? 0),
    String(latest?.duplicatesDropped ?? 0),
    String(Math.max(0, (latest?.connects ?? 0) - (nodes - 1))),
  ]
}

/** @param {import('./run.mjs').Run} run */
function strangerRow({ stranger, refusedBy }) {
  return [
    'stranger',
    refusedBy.size > 0 ? `banned by ${refusedBy.size}` : stranger.state,
    'unknown',
    '',
    '',
    '',
    '',
    '',
    '',
  ]
}

/** @param {import('./tally.d.mts').Summary} summary */
export function describe(summary) {
  const { tcp, ws } = summary.byTransport
  return [
    `${summary.links} of ${summary.expectedLinks} links: ${tcp} over TCP, ${ws} over WebSocket`,
    `${summary.transactions} transfers; ${summary.delivered} of ${summary.expected} owed were delivered, ${summary.lost} lost, ${summary.processedTwice} processed twice`,
    `${summary.invalidSent} forgeries, ${summary.invalidAccepted} accepted; the stranger was banned by ${summary.strangerBannedBy} of ${summary.nodes}`,
    `${summary.kills} killed, ${summary.freezes} frozen; links were back after ${summary.reconnectMsP50 ?? '-'} ms (median), ${summary.reconnectMsMax ?? '-'} ms (longest)`,
    `${(summary.durationMs / 1000).toFixed(1)} s: ${summary.ok ? 'all is well' : 'NOT as it should be'}`,
    '',
  ].join('\n')
}

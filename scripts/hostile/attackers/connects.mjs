/**
 * Opens connections to one place at a pace, from the addresses it is given by turns, reads what comes, and lets go of each at once
 * when it has been answered. Half-open ones it lets go after a second.
 *
 * `begin` ({ host, port, hosts, ratePerSec, opener?: hex, atOnceMax? }) · `report` → opened, answered (first bytes, by status), refused, late,
 * rate: opened a second since begin · `stop`
 */
import net from 'node:net'
import { obey } from '../child.mjs'

const TICK_MS = 5
const PATIENCE_MS = 1_000
const BURST_S = 0.05

const counts = { opened: 0, answered: /** @type {Record<string, number>} */ ({}), refused: 0, late: 0 }
let beganAt = 0
let running = false
let atOnce = 0

/** @param {{ host: string, port: number, hosts: string[], ratePerSec: number, opener?: string, atOnceMax?: number }} order */
function begin({ host, port, hosts, ratePerSec, opener = '', atOnceMax = 1_000 }) {
  const bytes = Buffer.from(opener, 'hex')
  running = true
  beganAt = performance.now()
  let due = 0
  let turn = 0
  let before = beganAt
  const timer = setInterval(() => {
    if (!running) clearInterval(timer)
    const at = performance.now()
    due = Math.min(due + (ratePerSec * (at - before)) / 1000, ratePerSec * BURST_S)
    before = at
    for (; running && due >= 1 && atOnce < atOnceMax; due--)
      open({ host, port, localAddress: hosts[turn++ % hosts.length] ?? '' }, bytes)
  }, TICK_MS)
}

/** @param {{ host: string, port: number, localAddress: string }} where @param {Buffer} opener */
function open(where, opener) {
  atOnce++
  const socket = net.connect(where)
  const late = setTimeout(() => {
    counts.late++
    socket.resetAndDestroy()
  }, PATIENCE_MS)
  socket.on('connect', () => {
    counts.opened++
    if (opener.length > 0) socket.write(opener)
  })
  socket.on('data', (bytes) => {
    count(bytes.length >= 14 ? `status-${bytes[13]}` : 'short')
    // Without a TIME_WAIT, or the ports of one address would be used up in seconds.
    socket.resetAndDestroy()
  })
  socket.on('end', () => {
    count('end')
    socket.resetAndDestroy()
  })
  socket.on('error', () => counts.refused++)
  socket.on('close', () => {
    clearTimeout(late)
    atOnce--
  })
}

/** @param {string} name */
function count(name) {
  counts.answered[name] = (counts.answered[name] ?? 0) + 1
}

obey({
  begin,
  report: () => ({ ...counts, atOnce, rate: counts.opened / ((performance.now() - beganAt) / 1000) }),
  stop: () => {
    running = false
  },
})

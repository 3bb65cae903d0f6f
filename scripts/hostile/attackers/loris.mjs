/**
 * Half-open connections that are kept in number: each says nothing, or too little, and comes back when it is cut off. The network is
 * as long for it as for everybody: what it hears it hears half a round trip late, and its own bytes need one more.
 *
 * `begin` ({ host, port, hosts, sockets, rttMs, reconnectsPerSec: at most }) · `report` → opened, cut, refused (by status), halfOpen
 * now and at most, rate: opened a second · `stop`
 */
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { obey } from '../child.mjs'
import { networkIdOf, preamble } from '../raw-peer-wire.mjs'

const TICK_MS = 5
const DRIP_MS = 400
const BURST_S = 0.1
const NOTHING = Buffer.alloc(0)
const FIRST = Buffer.concat([preamble(networkIdOf('TIME')), Buffer.of(0, 32), randomBytes(32)])
/** How far each gets, by turns: silence, part of a preamble, a preamble, half a message, a whole first message, a byte at a time. */
const HABITS = [
  { says: NOTHING, drips: false },
  { says: FIRST.subarray(0, 3), drips: false },
  { says: FIRST.subarray(0, 16), drips: false },
  { says: FIRST.subarray(0, 30), drips: false },
  { says: FIRST, drips: false },
  { says: FIRST, drips: true },
]

const counts = {
  opened: 0,
  cut: 0,
  refused: /** @type {Record<string, number>} */ ({}),
  failed: 0,
  halfOpen: 0,
  halfOpenMax: 0,
}
let running = false
let beganAt = 0
let reopenDue = 0
/** Bound: `sockets`. @type {(() => void)[]} */
let waiting = []

/** @param {any} order */
function begin({ host, port, hosts, sockets, rttMs, reconnectsPerSec }) {
  running = true
  beganAt = performance.now()
  waiting = Array.from({ length: sockets }, (_, i) => {
    const habit = HABITS[i % HABITS.length] ?? HABITS[0]
    const reopen = () =>
      open({ host, port, localAddress: hosts[i % hosts.length] }, habit, rttMs, () => waiting.push(reopen))
    return reopen
  })
  let before = beganAt
  const timer = setInterval(() => {
    const at = performance.now()
    reopenDue = Math.min(reopenDue + (reconnectsPerSec * (at - before)) / 1000, reconnectsPerSec * BURST_S)
    before = at
    if (!running) clearInterval(timer)
    for (; running && reopenDue >= 1 && waiting.length > 0; reopenDue--) waiting.shift()?.()
  }, TICK_MS)
}

/**
 * @param {net.NetConnectOpts} where
 * @param {{ says: Buffer, drips: boolean }} habit
 * @param {number} rttMs
 * @param {() => void} over
 */
function open(where, habit, rttMs, over) {
  const socket = net.connect(where)
  let dripping = /** @type {NodeJS.Timeout | undefined} */ (undefined)
  let connected = false
  socket.on('connect', () => {
    connected = true
    counts.opened++
    counts.halfOpen++
    counts.halfOpenMax = Math.max(counts.halfOpenMax, counts.halfOpen)
    // The server has it half a round trip before the client knows: what the client says then comes a whole one later.
    setTimeout(() => speak(), rttMs)
  })
  const speak = () => {
    if (!socket.writable) return
    if (!habit.drips) socket.write(habit.says)
    let at = 0
    if (habit.drips)
      dripping = setInterval(() => {
        if (socket.writable && at < habit.says.length) socket.write(habit.says.subarray(at, ++at))
      }, DRIP_MS)
  }
  socket.on('data', (bytes) => {
    const status = bytes[13] ?? 0
    if (bytes.length === 16 && status !== 0) counts.refused[status] = (counts.refused[status] ?? 0) + 1
  })
  socket.on('end', () => socket.resetAndDestroy())
  socket.on('error', () => {
    if (!connected) counts.failed++
  })
  socket.on('close', () => {
    clearInterval(dripping)
    if (connected) counts.halfOpen--
    if (connected) counts.cut++
    setTimeout(over, rttMs)
  })
}

obey({
  begin,
  report: () => ({ ...counts, rate: counts.opened / ((performance.now() - beganAt) / 1000) }),
  stop: () => {
    running = false
  },
})

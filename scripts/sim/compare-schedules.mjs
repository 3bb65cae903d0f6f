/**
 * How others redial a peer they must not lose, said in the swarm's own options: a `backoff` that gives the milliseconds until
 * the next attempt after so many failures in a row (or null to give up), how long an attempt may take, and which habits of
 * healing they have. Where it cannot be said exactly, the schedule gets the better of it, and its note says so.
 */

/** Nobody else starts anew when the network is back; the rest differs. */
const WITHOUT_RESET = { recoveryReset: false, bothSidesDial: true, giveUp: false, supersede: true }
const dialWithin = (connectMs) => ({ masternode: { connectMs } })

/**
 * Bitcoin Core `src/net.cpp`, ThreadOpenAddedConnections: one pass over all added nodes, then 60 s of sleep, for ever.
 * `src/netbase.h`: a socket may take 5 s to open.
 */
const BITCOIN_SLEEP_MS = 60_000
const BITCOIN_DIAL_MS = 5_000
export function bitcoinAddnode() {
  return BITCOIN_SLEEP_MS
}

/**
 * geth `p2p/dial.go`: 35 s (inboundThrottleTime + 5 s) from the start of one dial of a static node to the start of the next,
 * for ever. `p2p/server.go`: a dial may take 15 s, and one into a split takes all of them.
 */
const GETH_PERIOD_MS = 35_000
const GETH_DIAL_MS = 15_000
export function gethStatic() {
  return GETH_PERIOD_MS - GETH_DIAL_MS
}

/**
 * CometBFT `p2p/switch.go`, reconnectToPeer: 20 attempts with 5 s after each, then ten with 3, 9, 27 … 59,049 s before each, all
 * with up to 3 s more by lot; then never again. `config/config.go`: a dial may take 3 s.
 */
const COMETBFT_ATTEMPTS = 20
const COMETBFT_LATE_ATTEMPTS = 10
const COMETBFT_SLEEP_MS = 5_000
const COMETBFT_LOT_MS = 3_000
const COMETBFT_DIAL_MS = 3_000
export function cometbftPersistent(_peerClass, attempt, random) {
  const lot = () => COMETBFT_LOT_MS * random.float()
  const late = Math.max(0, attempt - COMETBFT_ATTEMPTS + 1)
  if (late > COMETBFT_LATE_ATTEMPTS) return null
  const early = attempt <= COMETBFT_ATTEMPTS ? COMETBFT_SLEEP_MS + lot() : 0
  return early + (late > 0 ? 1_000 * 3 ** late + lot() : 0)
}

/**
 * js-libp2p `connection-manager/reconnect-queue.ts`: five retries after 1, 2, 4, 8 and 16 s (p-retry's defaults); then the tag
 * that says the peer is to be kept is removed. A dial may take 10 s.
 */
const LIBP2P_RETRIES = 5
const LIBP2P_DIAL_MS = 10_000
export function libp2pKeepAlive(_peerClass, attempt) {
  return attempt > LIBP2P_RETRIES ? null : 1_000 * 2 ** (Math.max(1, attempt) - 1)
}

/**
 * The newest of this project's source documents, TIME Coin's "Phase 2" (2026-01-03): 2 s, doubled up to 60 s, and the end at the
 * 50th failure. `BackoffPolicy.literal` is the same. It says nothing of how long a dial may take: holdfast's 10 s stand.
 */
const TIME_COIN_FIRST_MS = 2_000
const TIME_COIN_CAP_MS = 60_000
const TIME_COIN_FAILURES = 50
export function timeCoinMasternode(_peerClass, attempt) {
  if (attempt >= TIME_COIN_FAILURES) return null
  return Math.min(TIME_COIN_CAP_MS, TIME_COIN_FIRST_MS * 2 ** (Math.max(1, attempt) - 1))
}

export const OURS = 'holdfast'

/** In the order in which they are shown. `options` are a swarm's. */
export const SCHEDULES = [
  {
    name: OURS,
    brief: '2 s doubling to 60 s, reset by the first success',
    options: {},
    note: 'the defaults',
  },
  {
    name: 'geth static',
    brief: 'every 35 s, for ever',
    options: { backoff: gethStatic, limits: dialWithin(GETH_DIAL_MS), healing: WITHOUT_RESET },
    note: 'the 35 s run from dial to dial: said as 20 s after one that took its whole 15 s',
  },
  {
    name: 'Bitcoin addnode',
    brief: '60 s after each failure, for ever',
    options: { backoff: bitcoinAddnode, limits: dialWithin(BITCOIN_DIAL_MS), healing: WITHOUT_RESET },
    note: 'each peer on its own and all at once; in truth one after the other, 5.5 s for each dead one, and at most eight',
  },
  {
    name: 'CometBFT persistent',
    brief: '20 × 5–8 s, then 3, 9, 27 s … 16.4 h, then never',
    options: {
      backoff: cometbftPersistent,
      limits: dialWithin(COMETBFT_DIAL_MS),
      healing: { ...WITHOUT_RESET, giveUp: true },
    },
    note: 'without peer exchange, which may find a peer by another way',
  },
  {
    name: 'js-libp2p keep-alive',
    brief: '1, 2, 4, 8, 16 s, then never',
    options: {
      backoff: libp2pKeepAlive,
      limits: dialWithin(LIBP2P_DIAL_MS),
      healing: { ...WITHOUT_RESET, giveUp: true },
    },
    note: 'not held to five peers at once, as its queue is; begins anew when a silent link is closed after 180 s',
  },
  {
    name: 'TIME Coin Phase 2',
    brief: '2 s doubling to 60 s, at the 50th failure never',
    options: {
      backoff: timeCoinMasternode,
      healing: { recoveryReset: false, bothSidesDial: false, giveUp: true, supersede: false },
    },
    note: 'one side dials, as the document before it has it; a second link is refused while the first is not closed',
  },
]

export function scheduleOf(name) {
  const found = SCHEDULES.find((schedule) => schedule.name === name)
  if (found === undefined) throw new Error(`there is no schedule ${name}`)
  return found
}

/**
 * From what was reported to what it comes to. Pure: the same record, the same summary.
 *
 * A *witness* is a node that was never killed. It is owed whatever any witness sent or processed; a restarted process is
 * owed whatever was sent after it had its full mesh; a process that was killed is owed nothing.
 *
 * @import { Beat, Boot, Deliveries, Links, Outage, Picture, Record, Summary } from './tally.d.mts'
 */

/**
 * @param {readonly Boot[]} boots
 * @returns {Deliveries}
 */
export function countDeliveries(boots) {
  const mortal = new Set(boots.filter(({ killed }) => killed).map(({ name }) => name))
  const witnesses = boots.filter(({ name }) => !mortal.has(name))
  const owed = new Set(witnesses.flatMap(({ sent, done }) => [...sent.keys(), ...done]))
  let expected = 0
  let delivered = 0
  let processedTwice = 0
  for (const boot of boots) {
    const has = new Set([...boot.sent.keys(), ...boot.done])
    processedTwice += boot.done.length - new Set(boot.done).size
    for (const id of mortal.has(boot.name) ? owedToRestarted(boot, boots) : owed) {
      expected++
      if (has.has(id)) delivered++
    }
  }
  const transactions = new Set(boots.flatMap(({ sent }) => [...sent.keys()])).size
  return { transactions, expected, delivered, lost: expected - delivered, processedTwice }
}

/**
 * @param {Boot} restarted
 * @param {readonly Boot[]} boots
 * @returns {Iterable<string>}
 */
function owedToRestarted({ killed, fullAt }, boots) {
  if (killed || fullAt === null) return []
  return boots.flatMap(({ sent }) => Array.from(sent).flatMap(([id, at]) => (at >= fullAt ? [id] : [])))
}

/**
 * @param {readonly Picture[]} pictures
 * @returns {Links}
 */
export function countLinks(pictures) {
  const byTransport = { tcp: 0, ws: 0 }
  let links = 0
  for (const [i, a] of pictures.entries())
    for (const b of pictures.slice(i + 1)) {
      const ends = [a.peers.find(({ id }) => id === b.id), b.peers.find(({ id }) => id === a.id)]
      if (ends.includes(undefined)) continue
      links++
      // Who opened the link knows over what.
      const scheme = ends.find((end) => end?.direction === 'outbound')?.address?.split(':')[0]
      if (scheme === 'tcp' || scheme === 'ws') byTransport[scheme]++
    }
  return { links, byTransport }
}

/**
 * The time runs from the return until a heartbeat from each end, sent since, has reached the other. Where the other end was
 * away itself before that, it runs from its return.
 *
 * @param {Outage} outage
 * @param {readonly Outage[]} outages
 * @param {readonly string[]} names
 * @param {readonly Beat[]} beats
 * @returns {Map<string, number>}
 */
export function reconnections(outage, outages, names, beats) {
  const samples = new Map()
  if (outage.backAt === null) return samples
  for (const other of names.filter((name) => name !== outage.node)) {
    const sample = sampleOf(outage, outage.backAt, other, outages, beats)
    if (sample !== null) samples.set(other, sample)
  }
  return samples
}

/**
 * @param {Outage} outage
 * @param {number} backAt
 * @param {string} other
 * @param {readonly Outage[]} outages
 * @param {readonly Beat[]} beats
 */
function sampleOf({ node, boot }, backAt, other, outages, beats) {
  let since = backAt
  const absences = outages.filter((each) => each.node === other).sort((a, b) => a.beganAt - b.beganAt)
  for (const { beganAt, backAt: otherBackAt } of absences) {
    if (metAt(since) <= beganAt || (otherBackAt ?? Infinity) <= since) continue
    if (otherBackAt === null) return null
    since = otherBackAt
  }
  const met = metAt(since)
  return met === Infinity ? null : met - since

  /** @param {number} from */
  function metAt(from) {
    const theirs = beats.filter((beat) => beat.from === other && beat.to === node && beat.sentAt >= from)
    const ours = beats.filter(
      (beat) => beat.from === node && beat.boot === boot && beat.to === other && beat.sentAt >= from,
    )
    return Math.max(earliest(theirs), earliest(ours))
  }
}

/** @param {readonly Beat[]} beats */
function earliest(beats) {
  return beats.reduce((first, { gotAt }) => Math.min(first, gotAt), Infinity)
}

/**
 * @param {Record} record
 * @returns {Summary}
 */
export function summarize(record) {
  const { names, boots, outages, linksAtStart, linksAtEnd } = record
  const expectedLinks = (names.length * (names.length - 1)) / 2
  const deliveries = countDeliveries(boots)
  const { byTransport } = linksAtEnd
  const forged = new Set(record.forged)
  const invalidAccepted = boots.reduce((sum, { done }) => sum + done.filter((id) => forged.has(id)).length, 0)
  const strangerBannedBy = new Set(record.bannedBy).size
  const samples = outages.flatMap((each) => [...reconnections(each, outages, names, record.beats).values()])
  samples.sort((a, b) => a - b)
  const healed = outages.length === record.plannedFaults && samples.length === outages.length * (names.length - 1)
  return {
    nodes: names.length,
    links: linksAtEnd.links,
    expectedLinks,
    byTransport,
    ...deliveries,
    invalidSent: forged.size,
    invalidAccepted,
    strangerBannedBy,
    kills: outages.filter(({ kind }) => kind === 'kill').length,
    freezes: outages.filter(({ kind }) => kind === 'freeze').length,
    reconnectMsP50: rounded(samples[Math.ceil(samples.length / 2) - 1]),
    reconnectMsMax: rounded(samples.at(-1)),
    durationMs: Math.round(record.durationMs),
    ok:
      linksAtStart.links === expectedLinks &&
      linksAtEnd.links === expectedLinks &&
      byTransport.tcp + byTransport.ws === expectedLinks &&
      deliveries.transactions > 0 &&
      deliveries.lost + deliveries.processedTwice + invalidAccepted === 0 &&
      healed &&
      forged.size >= 20 &&
      strangerBannedBy === names.length &&
      record.troubles.length === 0,
  }
}

/** @param {number | undefined} sample */
function rounded(sample) {
  return sample === undefined ? null : Math.round(sample)
}

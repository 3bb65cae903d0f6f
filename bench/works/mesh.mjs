/** Eight nodes in four processes, all linked with all: each publishes 250 bytes, and each gets everything exactly once. */
import { LONGER, until, untilLinked } from '../lab.mjs'

const NODES = 8
const PROCESSES = 4
const SIZE = 250
const WINDOW = 256

export async function mesh(/** @type {import('../lab.mjs').Lab} */ lab) {
  const { json, lists } = lab.system
  const each = NODES / PROCESSES
  const members = []
  for (let i = 0; i < PROCESSES; i++) members.push(await lab.begin(`member ${i}`, { count: each }))
  const ends = members.map(({ end }) => end)
  await Promise.all(ends.map((end) => end.ask('play', { part: 'mesh', json, size: SIZE, window: WINDOW })))
  const addresses = members.flatMap((member) => member.addresses)
  for (let node = 0; node < NODES; node++)
    await members[Math.floor(node / each)].end.ask('connectOne', {
      index: node % each,
      addresses: addresses.filter((_, other) => (lists ? other !== node : other < node)),
    })
  await untilLinked(ends, NODES - 1)
  await Promise.all(ends.map((end) => end.ask('start')))
  await lab.warm(ends, LONGER)
  const watched = await lab.watch(ends)
  await Promise.all(ends.map((end) => end.ask('stop')))
  const asked = async () => (await Promise.all(ends.map((end) => end.ask('tell')))).flat()
  const isWhole = (/** @type {readonly any[]} */ told) => {
    const published = told.reduce((sum, one) => sum + one.published, 0)
    return told.every((one) => one.received === published - one.published && one.wrong === 0)
  }
  const complete = await until(async () => isWhole(await asked()))
  const unique = watched.reduce((sum, { did }) => sum + did, 0)
  return {
    uniquePerSec: watched.reduce((sum, { did, seconds }) => sum + did / seconds, 0),
    cpuUs: (watched.reduce((sum, { cpuMs }) => sum + cpuMs, 0) * 1_000) / unique,
    complete,
  }
}

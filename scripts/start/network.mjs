/** The plan of a network: who is in it, which transports each has, where each listens, and how each reaches the others. */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { createIdentity } from 'holdfast'

const HOST = '127.0.0.1'
const FIRST_PORT = 24100
/** How many nodes have WebSocket alone. */
const WEB_ONLY = 2

/**
 * @typedef {object} Member
 * @property {string} name
 * @property {string} seed hex
 * @property {string} id
 * @property {boolean} hasTcp
 * @property {Record<string, number>} ports by scheme
 */

/**
 * @param {number} count
 * @returns {Member[]}
 */
export function planMembers(count) {
  return Array.from({ length: count }, (_, i) => {
    const seed = randomBytes(32)
    const hasTcp = i < count - WEB_ONLY
    return { name: `n${i + 1}`, seed: seed.toString('hex'), id: createIdentity(seed).id, hasTcp, ports: {} }
  })
}

/**
 * Gives every member the next free ports, which stay ours until this process ends: also while a killed node does not listen.
 * @param {readonly Member[]} members
 */
export async function assignPorts(members) {
  let port = FIRST_PORT
  for (const member of members)
    for (const scheme of member.hasTcp ? ['tcp', 'ws'] : ['ws']) {
      while (!((await isFree(port)) && (await claim(port)))) port++
      member.ports[scheme] = port++
    }
}

/**
 * What a member needs to know to take part.
 * @param {Member} member
 * @param {readonly Member[]} members
 */
export function placeOf(member, members) {
  return {
    seed: member.seed,
    hasTcp: member.hasTcp,
    listen: Object.entries(member.ports).map(([scheme, port]) => `${scheme}://${HOST}:${port}`),
    others: members
      .filter((other) => other !== member)
      .map((other) => ({ name: other.name, id: other.id, address: addressOf(other, member.hasTcp && other.hasTcp) })),
  }
}

/**
 * @param {Member} member
 * @param {boolean} overTcp
 */
export function addressOf({ id, ports }, overTcp) {
  const scheme = overTcp ? 'tcp' : 'ws'
  return `${scheme}://${id}@${HOST}:${ports[scheme]}`
}

/**
 * Nobody answers there. Asked by dialling: a listener of ours, however short, would look like a node to whoever watches.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function isFree(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', () => resolve(true))
  })
}

/**
 * Another run of this program leaves a port alone whose UDP namesake is taken; the kernel gives it back whatever ends us.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function claim(port) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind({ address: HOST, port, exclusive: true }, () => {
      socket.unref()
      resolve(true)
    })
  })
}

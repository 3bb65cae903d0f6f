/**
 * A network of its own: loopback is exempt from every rule that counts by IP, so attackers need other addresses. Inside a network
 * namespace all of 10.0.0.0/8 (and fd00::/8) is local: any process may be any of those hosts, and nothing leaves the machine.
 */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'

const INSIDE = 'HOLDFAST_HOSTILE_INSIDE'
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

export const isInside = () => process.env[INSIDE] === '1'

/** How this machine makes a namespace. @returns {{ words: string[] } | { why: string }} */
export function findWay() {
  const ways = process.getuid?.() === 0 ? [['unshare', '-n']] : [['unshare', '-rn']]
  let why = ''
  for (const words of ways) {
    const trial = 'ip link set lo up && ip route add local 10.0.0.0/8 dev lo'
    const { status, error, stderr } = spawnSync(words[0], [...words.slice(1), 'sh', '-c', trial], { encoding: 'utf8' })
    if (status === 0) return { words }
    why = error === undefined ? stderr.trim() : error.message
  }
  return {
    why: `no network namespace can be made here (it needs util-linux, iproute2, and root or user namespaces): ${why}`,
  }
}

/**
 * Runs a program again, inside; it dies with this process, and this process ends as it ended.
 * @param {readonly string[]} words how a namespace is made
 * @param {string} program
 * @param {readonly string[]} rest its arguments
 */
export function reenter(words, program, rest) {
  const child = spawn(words[0] ?? '', [...words.slice(1), process.execPath, program, ...rest], {
    env: { ...process.env, [INSIDE]: '1' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  for (const name of SIGNALS) process.on(name, () => child.kill(name))
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  })
  child.on('close', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal ?? 'SIGKILL'] ?? 0)))
}

/** Once inside: makes the hosts. @returns whether there are IPv6 hosts, too */
export function settle() {
  process.on('disconnect', () => process.exit(1))
  run('ip link set lo up')
  run('ip route add local 10.0.0.0/8 dev lo')
  tune('ipv4/ip_local_port_range', '10000 65000')
  return tune('ipv6/ip_nonlocal_bind', '1') && run('ip -6 route add local fd00::/8 dev lo', false)
}

/** @param {string} line @param {boolean} [must] */
function run(line, must = true) {
  const [word = '', ...rest] = line.split(' ')
  const { status, stderr } = spawnSync(word, rest, { encoding: 'utf8' })
  if (status !== 0 && must) throw new Error(`${line}: ${stderr.trim()}`)
  return status === 0
}

/** @param {string} name @param {string} value */
function tune(name, value) {
  try {
    writeFileSync(`/proc/sys/net/${name}`, value)
    return true
  } catch {
    return false
  }
}

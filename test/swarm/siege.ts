/** Half-open links that somebody keeps at a node of a lab: opened, held without another word, and dialled again when cut. */
import type { Address } from '../../src/ports/types.js'
import type { DialEvents } from '../../src/ports/transport.js'
import { Handshake } from '../../src/protocol/handshake.js'
import type { SwarmLab } from '../../src/testing/index.js'
import { nullCrypto, SimClock } from '../../src/testing/index.js'
import { parseAddress } from '../../src/policy/address.js'

export interface SiegeOptions {
  /** Where the links come from, in turn. */
  readonly ips: readonly string[]
  /** Links held at once. */
  readonly links: number
  /** How often a link is dialled anew, all of them together. */
  readonly dialsPerSec: number
  /** Whether each sends its first handshake message, and only then falls silent. */
  readonly speaks: boolean
  /** Whether a link that is cut is dialled again; default true. */
  readonly redials?: boolean
  /** Whether it stays half-closed when it is told to go; default false. */
  readonly clings?: boolean
}

export interface Siege {
  /** Links that were opened so far, and how many of them have been cut. */
  readonly opened: number
  readonly cut: number
}

/** Besieges node 0 from now on. */
export function besiege(
  lab: SwarmLab,
  { ips, links, dialsPerSec, speaks, redials = true, clings = false }: SiegeOptions,
): Siege {
  const target: Address = { ...parseAddress(lab.address(0)), peerId: null }
  const clock = new SimClock(lab.time)
  const transports = ips.map((ip) => lab.network.transport({ ...lab.network.addHost(), ip }, clock))
  const siege = { opened: 0, cut: 0 }
  let freeAt = lab.now
  const dial = (i: number): void => {
    freeAt = Math.max(freeAt, lab.now) + 1_000 / dialsPerSec
    const again = (): void => {
      if (redials) dial(i)
    }
    lab.time.at(freeAt, () => {
      transports[i % ips.length]?.dial(target, {
        opened: (link) => {
          siege.opened++
          hold(link, speaks, clings, () => {
            siege.cut++
            again()
          })
        },
        failed: again,
      })
    })
  }
  for (let i = 0; i < links; i++) dial(i)
  return siege
}

function hold(link: Parameters<DialEvents['opened']>[0], speaks: boolean, clings: boolean, closed: () => void): void {
  link.open({
    data: () => undefined,
    drained: () => undefined,
    ended: () => {
      if (!clings) link.destroy()
    },
    closed,
  })
  if (speaks) link.write(firstMessage())
}

function firstMessage(): Uint8Array[] {
  const networkId = new Uint8Array(8)
  networkId.set(new TextEncoder().encode('SIMU'))
  const keys = nullCrypto.dhKeyPair(new Uint8Array(32).fill(7))
  const initiator = new Handshake({
    direction: 'outbound',
    networkId,
    crypto: nullCrypto,
    staticKeys: keys,
    delegation: new Uint8Array(0),
    ownPublicKey: keys.publicKey,
    ephemeralKeys: () => keys,
    expectedPublicKey: null,
    wallMs: 0,
  })
  return initiator.output
}

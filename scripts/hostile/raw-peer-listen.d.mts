/** What tests ask of the answering side. */
import type { ListenOptions } from 'node:net'
import type { RawOptions, RawPeer } from './raw-peer.mjs'

export function listenRaw(
  where: ListenOptions,
  options: RawOptions,
  told: (peer: RawPeer) => void,
): Promise<{ readonly port: number; readonly close: () => void }>

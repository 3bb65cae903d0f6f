/** Frames as a test reads and shows them. */
import { hex } from '../../src/protocol/bytes.js'
import type { Frame, FrameFault, FrameReader } from '../../src/protocol/frame.js'

export const run = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 13 + salt) & 0xff)

export function readAll(reader: FrameReader, chunk: Uint8Array): readonly (Frame | FrameFault)[] {
  const read: (Frame | FrameFault)[] = []
  reader.push(chunk)
  for (let next = reader.next(); next !== null; next = reader.next()) {
    read.push(next)
    if (typeof next === 'string') break
  }
  return read
}

export const show = (frame: Frame | FrameFault): string =>
  typeof frame === 'string' ? frame : `${String(frame.type)} ${hex(frame.body)}`

/**
 * Bytes on their way to another thread. A message carries the whole buffer behind a view, so a small view of a large buffer is
 * copied first; everything else is left as it is. Nothing is transferred: the bytes stay the caller's, who may yet relay them.
 */

/** So deep in objects and lists views are looked for. */
const DEPTH_MAX = 4
/** A view that is less than this share of its buffer is copied. */
const SHARE_MIN = 0.5

/** The same value, with small views of large buffers replaced. What is not a plain object, a list or bytes is not looked into. */
export function compact(value: unknown, depth: number = DEPTH_MAX): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return isSmallPart(value) ? new Uint8Array(value) : value
  if (depth === 0) return value
  if (Array.isArray(value)) return compactList(value, depth - 1)
  return isPlain(value) ? compactFields(value as Readonly<Record<string, unknown>>, depth - 1) : value
}

function isSmallPart({ byteLength, buffer }: Uint8Array): boolean {
  // Shared memory is meant to be shared.
  return buffer instanceof ArrayBuffer && byteLength < buffer.byteLength * SHARE_MIN
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function compactList(list: readonly unknown[], depth: number): readonly unknown[] {
  let copy: unknown[] | null = null
  for (let i = 0; i < list.length; i++) {
    const compacted = compact(list[i], depth)
    if (compacted === list[i]) continue
    copy ??= [...list]
    copy[i] = compacted
  }
  return copy ?? list
}

function compactFields(fields: Readonly<Record<string, unknown>>, depth: number): Readonly<Record<string, unknown>> {
  let copy: Record<string, unknown> | null = null
  for (const name of Object.keys(fields)) {
    const compacted = compact(fields[name], depth)
    if (compacted === fields[name]) continue
    copy ??= { ...fields }
    copy[name] = compacted
  }
  return copy ?? fields
}

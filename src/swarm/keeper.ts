/**
 * What outlives the process: the book, the bans, the scores and the directory's last list, read before anything else begins
 * and saved from time to time and at the end. A storage that fails or does not answer costs the memory, never the node.
 */
import { HoldfastError } from '../errors.js'
import type { Storage } from '../ports/storage.js'
import type { Agenda, Deadline } from './agenda.js'
import { callHost } from './host-call.js'

/** One thing that is kept. */
export interface Kept {
  readonly name: string
  readonly snapshot: () => unknown
  /** Never throws, whatever it is given. */
  readonly restore: (value: unknown) => void
}

export interface KeeperSetup {
  readonly storage: Storage | null
  readonly agenda: Agenda
  readonly kept: readonly Kept[]
  readonly failed: (error: HoldfastError) => void
  /** Something has been read that could not be at the start: whatever goes on already is to follow it. */
  readonly restored: () => void
}

const SAVE_EVERY_MS = 120_000
const LOAD_MS = 5_000
/** What could not be read is read again so soon, then after twice as long, up to as often as is saved. */
const READ_AGAIN_MS = 5_000
/** A save may take longer, and nothing of that name is saved meanwhile; but the host is told. */
const SAVE_MS = 60_000

export class Keeper {
  readonly #storage: Storage | null
  readonly #agenda: Agenda
  readonly #kept: readonly Kept[]
  readonly #failed: (error: HoldfastError) => void
  readonly #restored: () => void
  /** Saves under way. Bound: what is kept. */
  readonly #saving = new Set<string>()
  /** Of those, what is to be saved once more at the end. Bound: the same. */
  readonly #again = new Set<string>()
  /** What could not be read yet: it is not written over, or a moment's failure would end every ban. Bound: what is kept. */
  readonly #unread = new Set<string>()
  /** Read again just now: a storage that never answers is asked once. Bound: what is kept. */
  readonly #reading = new Set<string>()
  #isOver = false
  #deadline: Deadline | null = null
  #rereading: Deadline | null = null
  #whenSaved: (() => void) | null = null
  /** Ends a load that is under way. */
  #endLoad: (() => void) | null = null

  constructor({ storage, agenda, kept, failed, restored }: KeeperSetup) {
    this.#storage = storage
    this.#agenda = agenda
    this.#kept = kept
    this.#failed = failed
    this.#restored = restored
  }

  /** Calls back when everything was read, or cannot be: at once where there is no storage. */
  load(done: () => void): void {
    const storage = this.#storage
    if (storage === null) {
      done()
      return
    }
    const open = new Set(this.#kept.map(({ name }) => name))
    const answered = (name: string, act: () => void): void => {
      if (!open.delete(name)) return
      act()
      if (open.size > 0) return
      this.#endLoad = null
      deadline.cancel()
      done()
    }
    this.#endLoad = () => {
      open.clear()
      deadline.cancel()
      done()
    }
    // What has not answered in time may still answer.
    const late = new Set<string>()
    const deadline = this.#agenda.in(LOAD_MS, () => {
      for (const name of [...open])
        answered(name, () => {
          late.add(name)
          this.#unread.add(name)
          this.#fail(name, 'was not read in time, and is not written over', undefined)
        })
    })
    for (const kept of this.#kept) {
      const { name, restore } = kept
      const failed = (cause: unknown): void => {
        late.delete(name)
        answered(name, () => {
          this.#unread.add(name)
          this.#fail(name, 'cannot be read, and is not written over', cause)
        })
      }
      const loaded = (value: unknown): void => {
        if (late.has(name)) this.#readLate(kept, value)
        answered(name, () => {
          if (value !== null) restore(value)
        })
      }
      callHost(() => storage.load(name, { loaded, failed }), failed)
    }
  }

  /** From now on it is saved from time to time. */
  start(): void {
    if (this.#storage === null) return
    this.#saveLater()
    this.#readLater(READ_AGAIN_MS)
  }

  #saveLater(): void {
    this.#deadline = this.#agenda.in(SAVE_EVERY_MS, () => {
      this.#saveLater()
      this.save()
    })
  }

  #readLater(delayMs: number): void {
    if (this.#unread.size === 0) return
    this.#rereading = this.#agenda.in(delayMs, () => {
      this.#readLater(Math.min(2 * delayMs, SAVE_EVERY_MS))
      this.#readAgain()
    })
  }

  #readLate({ name, restore }: Kept, value: unknown): void {
    if (this.#isOver || !this.#unread.delete(name) || value === null) return
    restore(value)
    this.#restored()
  }

  /** What could not be read may be readable by now. Whoever is known meanwhile stays as he is. */
  #readAgain(): void {
    for (const kept of this.#kept) {
      const { name } = kept
      if (!this.#unread.has(name) || this.#reading.has(name)) continue
      this.#reading.add(name)
      let isOver = false
      const over = (): void => {
        if (!isOver) this.#reading.delete(name)
        isOver = true
        deadline.cancel()
      }
      // It may be asked again by then, and still answer.
      const deadline = this.#agenda.in(SAVE_MS, over)
      const loaded = (value: unknown): void => {
        over()
        this.#readLate(kept, value)
      }
      callHost(() => this.#storage?.load(name, { loaded, failed: over }), over)
    }
  }

  /** The last save has had its time. */
  leave(): void {
    this.#isOver = true
    for (const name of this.#saving) this.#fail(name, 'was not saved before the swarm stopped', undefined)
  }

  stop(): void {
    this.#deadline?.cancel()
    this.#rereading?.cancel()
    this.#endLoad?.()
    this.#endLoad = null
  }

  /** @param done called once nothing is being saved any more, and all that there is has been: it is the last time */
  save(done?: () => void): void {
    this.#whenSaved = done ?? this.#whenSaved
    const readable = this.#storage === null ? [] : this.#kept.filter(({ name }) => !this.#unread.has(name))
    const busy = readable.filter(({ name }) => this.#saving.has(name))
    const idle = readable.filter(({ name }) => !this.#saving.has(name))
    // What has changed since their save began would be lost.
    if (done !== undefined) for (const { name } of busy) this.#again.add(name)
    for (const { name } of idle) this.#saving.add(name)
    for (const kept of idle) this.#write(kept)
    this.#tell()
  }

  #write(kept: Kept): void {
    const { name, snapshot } = kept
    let isOpen = true
    const deadline = this.#agenda.in(SAVE_MS, () => {
      this.#fail(name, 'is not saved yet', undefined)
    })
    const settled = (): void => {
      if (!isOpen) return
      isOpen = false
      deadline.cancel()
      if (this.#again.delete(name) && !this.#isOver) {
        this.#write(kept)
        return
      }
      this.#saving.delete(name)
      this.#tell()
    }
    const failed = (cause: unknown): void => {
      if (!isOpen) return
      this.#fail(name, 'cannot be saved', cause)
      settled()
    }
    callHost(() => this.#storage?.save(name, snapshot(), { saved: settled, failed }), failed)
  }

  #tell(): void {
    if (this.#saving.size > 0 || this.#whenSaved === null) return
    const done = this.#whenSaved
    this.#whenSaved = null
    done()
  }

  #fail(name: string, what: string, cause: unknown): void {
    this.#failed(new HoldfastError('storage-failed', `${name} ${what}`, { cause }))
  }
}

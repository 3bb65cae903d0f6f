/** One link takes another's place, to the same process: what that one has not sent is sent here, in its order. */
import type { Connection } from './connection.js'
import type { Unsent } from './outgoing.js'

export function takeOver(newcomer: Connection, old: Connection): void {
  const bytesMax = newcomer.hello?.limits.messageBytesMax ?? 0
  const takes = ({ priority, outgoing }: Unsent): boolean =>
    outgoing.bodyBytes <= bytesMax && newcomer.sender?.enqueue(priority, outgoing) === true
  const { unsent, owesGap } = old.takeUnsent() ?? { unsent: [], owesGap: false }
  const missed = unsent.filter((one) => !takes(one))
  // Only now: whoever hears of it may send something, and that comes after all of this.
  if (missed.length > 0) newcomer.overflowed()
  else if (owesGap) newcomer.sender?.noteGap()
}

/** A call of an object that the host brought: whatever it does wrong, at once or later, comes back as a failure and nowhere else. */

/** @param failed may be called although the host has answered: late failures are the caller's to tell apart */
export function callHost<T>(run: () => T, failed: (cause: unknown) => void): T | null {
  try {
    const answer: unknown = run()
    // JavaScript lets a method that should answer by its callbacks be asynchronous, too.
    if (isThenable(answer)) answer.then(undefined, failed)
    return answer as T
  } catch (cause) {
    failed(cause)
    return null
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

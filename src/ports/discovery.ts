/** What holdfast asks of whoever names peers. Types only. */

/** How a directory answers: by one of the two, once. */
export interface DirectoryAnswer {
  readonly listed: (addresses: readonly string[]) => void
  readonly failed: (cause: unknown) => void
}

/**
 * A list of masternodes kept by somebody whom the operator trusts to name them: a file, a page, a contract. Only what it says
 * ever whitelists a peer by itself; what peers say never does.
 */
export interface TrustedDirectory {
  /** How often it is asked, in milliseconds, 1,000 to 86,400,000; default 300,000. */
  readonly refreshMs?: number
  /**
   * Asks for the whole list, as addresses such as `tcp://<peer id>@host:port`; by address alone, the first id that our own
   * dial proves there is the one; whom it named there before is
   * taken to be there still, over restarts, too, if that one was ever met, unless an answer names it elsewhere. Answers once; may answer
   * within the call.
   * @returns cancel: no answer is wanted any more
   */
  list(answer: DirectoryAnswer): () => void
}

/** Ends without serving anybody. */

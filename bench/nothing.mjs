/** A deferred function that does nothing. */
export function nothing() {}

/** A status without the counts that are zero: Kubernetes does not write these, and what the API keeps is compared with what is planned. */
export function withoutZeros<T extends object>(counts: T): T {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) as T;
}
